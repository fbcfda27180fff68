/* formats.c - reading good and hostile files in the tests of formats. */
#include "support/formats.h"

#include "support/check.h"
#include "support/scratch.h"

#include <unistd.h>

const char *data_path(const char *name)
{
    static char paths[4][1024];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/formats/%s", LN_TEST_DATA, name);
    return path;
}

linnet_state_dict *read_good(const char *path, const ln_read_options *options)
{
    linnet_state_dict *state_dict;
    linnet_error error = {0};
    check_ok(ln_format_read(path, options, &state_dict, &error), &error);
    assert_non_null(state_dict);
    return state_dict;
}

void check_refused(void *const *state, const char *name, const void *data, size_t size,
                   const ln_read_options *options, linnet_status status, const char *place,
                   const char *message)
{
    char expected_place[600];
    const char *path = scratch_file(state, name, data, size);
    snprintf(expected_place, sizeof expected_place, "%s%s", path, place);
    /* Something else than NULL, to see that it is reset. */
    linnet_state_dict *state_dict = (linnet_state_dict *)&expected_place;
    linnet_error error = {0};
    linnet_status found = ln_format_read(path, options, &state_dict, &error);
    assert_string_equal(error.message, message);
    assert_string_equal(error.place, expected_place);
    assert_int_equal(error.status, status);
    assert_int_equal(found, status);
    assert_null(state_dict);
    assert_int_equal(ln_format_read(path, options, &state_dict, NULL), status);
    unlink(path);
}

void check_truncations(void *const *state, const char *name)
{
    size_t size;
    uint8_t *data = read_bytes(data_path(name), &size);
    linnet_state_dict_free(read_good(data_path(name), NULL));
    for (size_t length = 0; length < size; length++) {
        const char *path = scratch_file(state, name, data, length);
        linnet_state_dict *state_dict;
        linnet_error error = {0};
        if (ln_format_read(path, NULL, &state_dict, &error) == LINNET_OK) {
            fail_msg("%s was read when cut to %zu of %zu bytes", name, length, size);
        }
        assert_null(state_dict);
        assert_string_equal(error.place, path);
        assert_true(error.message[0] != '\0');
        unlink(path);
    }
    free(data);
}

void check_tensor(const linnet_tensor *tensor, linnet_dtype dtype, int rank, const int64_t *shape)
{
    assert_non_null(tensor);
    assert_string_equal(linnet_dtype_name(tensor->dtype), linnet_dtype_name(dtype));
    assert_int_equal(tensor->rank, rank);
    for (int i = 0; i < rank; i++) {
        assert_int_equal(tensor->shape[i], shape[i]);
    }
}
