/* test_formats_npz.c - npz against archives that numpy wrote, and one hostile archive for each
 * check.
 *
 * Hostile archives are good ones of which some bytes are changed. In a build without npz one test
 * checks the refusal, and the others have nothing to read. */
#include "support/check.h"

#include <unistd.h>

#include "support/formats.h"
#include "support/scratch.h"
#include "tensor/state_dict.h"

/* Whether this library reads npz; if not, it has to say so. */
static bool npz_is_built_in(void)
{
    linnet_state_dict *dict;
    linnet_error error = {0};
    linnet_status status = ln_format_read(data_path("stored.npz"), NULL, &dict, &error);
    if (status == LINNET_OK) {
        linnet_state_dict_free(dict);
        return true;
    }
    assert_int_equal(status, LINNET_ERROR_UNSUPPORTED);
    assert_string_equal(error.message,
                        "the file is an npz archive, and this Linnet is built without npz");
    assert_string_equal(error.place, data_path("stored.npz"));
    return false;
}

/* Skips the test in a build without npz. */
static void need_npz(void)
{
    if (!npz_is_built_in()) {
        skip();
    }
}

static void test_present_or_refused(void **state)
{
    (void)state;
    npz_is_built_in();
}

static void test_stored_and_deflated(void **state)
{
    (void)state;
    need_npz();
    const char *names[] = {"stored.npz", "deflated.npz"};
    for (size_t i = 0; i < 2; i++) {
        linnet_state_dict *dict = read_good(data_path(names[i]), NULL);
        assert_string_equal(linnet_state_dict_format(dict), "npz");
        assert_int_equal(linnet_state_dict_count(dict), 4);
        const linnet_tensor *x = linnet_state_dict_get(dict, "x");
        check_tensor(x, LINNET_FLOAT32, 2, (int64_t[]){4, 3});
        for (int j = 0; j < 12; j++) {
            assert_true(((float *)x->data)[j] == (float)j);
        }
        const linnet_tensor *y = linnet_state_dict_get(dict, "y");
        const int64_t labels[] = {0, 1, 2, 1};
        check_tensor(y, LINNET_INT64, 1, (int64_t[]){4});
        assert_memory_equal(y->data, labels, sizeof labels);
        /* Big-endian and Fortran order at once. */
        const linnet_tensor *nested = linnet_state_dict_get(dict, "nested/name");
        const int16_t columns[] = {0, 3, 1, 4, 2, 5};
        check_tensor(nested, LINNET_INT16, 2, (int64_t[]){2, 3});
        assert_memory_equal(nested->data, columns, sizeof columns);
        assert_int_equal(nested->strides[0], 1);
        assert_int_equal(nested->strides[1], 2);
        check_tensor(linnet_state_dict_get(dict, "none"), LINNET_UINT8, 1, (int64_t[]){0});
        linnet_state_dict_free(dict);
    }
}

/* Zeros deflate as far as deflate can go. */
static void test_strongly_deflated(void **state)
{
    (void)state;
    need_npz();
    linnet_state_dict *dict = read_good(data_path("zeros.npz"), NULL);
    const linnet_tensor *x = linnet_state_dict_get(dict, "x");
    check_tensor(x, LINNET_FLOAT32, 2, (int64_t[]){100, 1000});
    for (size_t i = 0; i < 100000; i++) {
        assert_true(((float *)x->data)[i] == 0.0f);
    }
    linnet_state_dict_free(dict);
}

static void test_empty_archive(void **state)
{
    (void)state;
    need_npz();
    linnet_state_dict *dict = read_good(data_path("empty.npz"), NULL);
    assert_int_equal(linnet_state_dict_count(dict), 0);
    linnet_state_dict_free(dict);
}

/* ---- names of classes ---- */

static void test_names_of_classes(void **state)
{
    (void)state;
    need_npz();
    static const struct {
        const char *file, *classes;
    } cases[] = {
        {"classes_u.npz", "[\"tulpe\",\"g\xc3\xa4nsebl\xc3\xbcmchen\",\"\xe8\x8f\x8a\","
                          "\"\xf0\x9f\x8c\xbb\",\"\"]"},
        {"classes_big.npz", "[\"a\\\"b\",\"c\"]"},
        {"classes_s.npz", "[\"rot\",\"gr\xc3\xbcn\"]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        linnet_state_dict *dict = read_good(data_path(cases[i].file), NULL);
        assert_int_equal(linnet_state_dict_count(dict), 2);
        assert_string_equal(linnet_state_dict_metadata_get(dict, "classes"), cases[i].classes);
        linnet_state_dict_free(dict);
    }
}

static void check_bad(const char *name, linnet_status status, const char *message);

static void test_no_names_of_classes(void **state)
{
    (void)state;
    need_npz();
    static const char no_unicode[] =
        "array 'classes.npy': expected the names of classes in Unicode, found something else";
    check_bad("classes_2d.npz", LINNET_ERROR_UNSUPPORTED,
              "array 'classes.npy': expected texts in one dimension, found 2");
    check_bad("classes_surrogate.npz", LINNET_ERROR_FORMAT, no_unicode);
    check_bad("classes_latin1.npz", LINNET_ERROR_FORMAT, no_unicode);
    check_bad("classes_beyond.npz", LINNET_ERROR_FORMAT, no_unicode);
}

/* What is no array of numbers is left aside, where there is one beside it. */
static void test_texts_beside(void **state)
{
    (void)state;
    need_npz();
    linnet_state_dict *dict = read_good(data_path("texts.npz"), NULL);
    assert_int_equal(linnet_state_dict_count(dict), 1);
    assert_non_null(linnet_state_dict_get(dict, "x"));
    assert_string_equal(linnet_state_dict_metadata_get(dict, "linnet.warning"),
                        "left aside: array 'y.npy': Linnet has no counterpart of the numpy dtype "
                        "'<U1', text; numpy.unique(y, return_inverse=True) numbers it");
    linnet_state_dict_free(dict);
    dict = read_good(data_path("beside.npz"), NULL);
    assert_int_equal(linnet_state_dict_count(dict), 2);
    assert_non_null(linnet_state_dict_get(dict, "x"));
    assert_non_null(linnet_state_dict_get(dict, "y"));
    assert_string_equal(
        linnet_state_dict_metadata_get(dict, "linnet.warning"),
        "left aside: array 'meta.npy': Linnet has no counterpart of the numpy dtype "
        "'|O'; array 'point.npy': expected an array of numbers, found an array of "
        "records");
    linnet_state_dict_free(dict);
    check_bad("texts_alone.npz", LINNET_ERROR_UNSUPPORTED,
              "array 'paths.npy': Linnet has no counterpart of the numpy dtype '<U3', text; "
              "numpy.unique(y, return_inverse=True) numbers it");
}

/* ---- hostile archives ---- */

static void check_bad(const char *name, linnet_status status, const char *message)
{
    linnet_state_dict *dict;
    linnet_error error = {0};
    linnet_status found = ln_format_read(data_path(name), NULL, &dict, &error);
    assert_string_equal(error.message, message);
    assert_string_equal(error.place, data_path(name));
    assert_int_equal(found, status);
    assert_null(dict);
}

static void test_archives_of_something_else(void **state)
{
    (void)state;
    need_npz();
    check_bad("foreign.npz", LINNET_ERROR_FORMAT,
              "array 'readme.txt': expected a name that ends in .npy");
    /* Told by its content, not by its name. */
    check_bad("torch.npz", LINNET_ERROR_FORMAT,
              "expected an entry version in the archive, found none");
    check_bad("bzip2.npz", LINNET_ERROR_UNSUPPORTED,
              "array 'x.npy': expected it stored or deflated, found another method");
    check_bad("twice.npz", LINNET_ERROR_FORMAT, "two tensors are named 'x'");
    check_bad("damaged_npy.npz", LINNET_ERROR_FORMAT,
              "array 'x.npy': the npy header asks for 8 bytes of elements, found 7");
    check_bad("small_npy.npz", LINNET_ERROR_FORMAT,
              "array 'x.npy': the file ends within its npy header, after 6 bytes");
}

/* Where the central directory's entry of stored.npz's or deflated.npz's first array begins. */
static size_t find_central(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 4 <= size; i++) {
        if (memcmp(data + i, "PK\1\2", 4) == 0) {
            return i;
        }
    }
    fail_msg("no central directory");
    return 0;
}

/* Changes bytes of a good archive, of its first entry's record in the central directory or, with
 * `at_local`, from the file's beginning on. */
static void check_changed(void **state, const char *name, bool at_local, size_t offset,
                          const void *bytes, size_t count, linnet_status status,
                          const char *message)
{
    size_t size;
    uint8_t *data = read_bytes(data_path(name), &size);
    memcpy(data + (at_local ? 0 : find_central(data, size)) + offset, bytes, count);
    check_refused(state, "hostile.npz", data, size, NULL, status, "", message);
    free(data);
}

/* Offsets in a record of the central directory. */
enum { FLAGS = 8, METHOD = 10, CRC = 16, PACKED = 20, SIZE = 24, LOCAL = 42, NAME = 46 };

static void test_changed_records(void **state)
{
    need_npz();
    check_changed(state, "stored.npz", false, NAME, "x.txt", 5, LINNET_ERROR_FORMAT,
                  "array 'x.txt': expected a name that ends in .npy");
    check_changed(state, "stored.npz", false, SIZE, "\xff\xff\xff\x7f", 4, LINNET_ERROR_FORMAT,
                  "array 'x.npy': its size is more than its packed bytes can hold");
    check_changed(state, "deflated.npz", false, SIZE, "\xff\xff\xff\x7f", 4, LINNET_ERROR_FORMAT,
                  "array 'x.npy': its size is more than its packed bytes can hold");
    check_changed(state, "stored.npz", false, PACKED, "\xff\xff\xff\x7f", 4, LINNET_ERROR_FORMAT,
                  "array 'x.npy': the archive asks for more packed bytes than the file holds");
    check_changed(state, "deflated.npz", false, SIZE, "\xb1\0\0\0", 4, LINNET_ERROR_FORMAT,
                  "array 'x.npy': the npy header asks for 48 bytes of elements, found 49");
    check_changed(state, "deflated.npz", false, SIZE, "\x50\0\0\0", 4, LINNET_ERROR_FORMAT,
                  "array 'x.npy': its npy header does not fit into its size");
    check_changed(state, "stored.npz", false, CRC, "\0\0\0\0", 4, LINNET_ERROR_FORMAT,
                  "array 'x.npy': the archive is damaged: CRC error");
    check_changed(state, "stored.npz", false, LOCAL, "\x07\0\0\0", 4, LINNET_ERROR_FORMAT,
                  "array 'x.npy': the archive is damaged: Invalid argument");
    check_changed(state, "stored.npz", false, METHOD, "\x0e\0", 2, LINNET_ERROR_UNSUPPORTED,
                  "array 'x.npy': expected it stored or deflated, found another method");
    check_changed(state, "stored.npz", false, FLAGS, "\1\0", 2, LINNET_ERROR_UNSUPPORTED,
                  "array 'x.npy': is encrypted");
}

/* The elements of the first array: the CRC tells. The deflated ones no longer unpack. */
static void test_changed_elements(void **state)
{
    need_npz();
    check_changed(state, "stored.npz", true, 200, "\x55", 1, LINNET_ERROR_FORMAT,
                  "array 'x.npy': the archive is damaged: CRC error");
    check_changed(state, "deflated.npz", true, 80, "\xff\xff\xff\xff", 4, LINNET_ERROR_FORMAT,
                  "array 'x.npy': the archive is damaged: Zlib error: data error");
}

/* Two records for the same packed bytes: together they ask for more than the file has. */
static void test_entries_that_share_their_bytes(void **state)
{
    need_npz();
    size_t size;
    uint8_t *data = read_bytes(data_path("stored.npz"), &size);
    size_t first = find_central(data, size);
    /* Every record says 1000 of the file's 1076 bytes, packed and unpacked. */
    for (size_t at = first; memcmp(data + at, "PK\1\2", 4) == 0;) {
        size_t next = at + NAME + data[at + 28] + data[at + 30] + data[at + 32];
        if (at != first) {
            memcpy(data + at + PACKED, "\xe8\3\0\0\xe8\3\0\0", 8);
        }
        at = next;
    }
    check_refused(state, "hostile.npz", data, size, NULL, LINNET_ERROR_FORMAT, "",
                  "array 'y.npy': the archive asks for more packed bytes than the file holds");
    free(data);
}

static void test_no_archive(void **state)
{
    need_npz();
    check_refused(state, "hostile.npz", "PK\3\4 and no more", 16, NULL, LINNET_ERROR_FORMAT, "",
                  "expected a ZIP archive of npy files: Not a zip archive");
    check_refused(state, "hostile.npz", "something else", 14, NULL, LINNET_ERROR_FORMAT, "",
                  "expected a ZIP archive of npy files: Not a zip archive");
}

static void test_truncations(void **state)
{
    need_npz();
    check_truncations(state, "stored.npz");
    check_truncations(state, "deflated.npz");
}

/* Every byte of an archive in turn is changed: it may stay readable (a date), and must not crash.
 */
static void test_every_byte_changed(void **state)
{
    need_npz();
    size_t size;
    uint8_t *data = read_bytes(data_path("deflated.npz"), &size);
    int refused = 0;
    for (size_t i = 0; i < size; i++) {
        data[i] ^= 0xff;
        const char *path = scratch_file(state, "changed.npz", data, size);
        linnet_state_dict *dict;
        linnet_error error = {0};
        if (ln_format_read(path, NULL, &dict, &error) != LINNET_OK) {
            assert_string_equal(error.place, path);
            refused++;
        }
        linnet_state_dict_free(dict);
        data[i] ^= 0xff;
        unlink(path);
    }
    assert_true(refused > (int)size / 2);
    free(data);
}

/* ---- writing ---- */

static linnet_state_dict *make_weights(void)
{
    linnet_state_dict *dict;
    linnet_error error = {0};
    check_ok(linnet_state_dict_create(&dict, &error), &error);
    float weight[6] = {0, 1, 2, 3, 4, 5};
    int64_t count = 7;
    linnet_tensor tensor, view;
    check_ok(linnet_tensor_from(weight, LINNET_FLOAT32, 2, (int64_t[]){2, 3}, &tensor, &error),
             &error);
    check_ok(linnet_tensor_t(&tensor, &view, &error), &error);
    check_ok(linnet_state_dict_set(dict, "0.weight", &view, &error), &error);
    check_ok(linnet_tensor_from(&count, LINNET_INT64, 0, NULL, &tensor, &error), &error);
    check_ok(linnet_state_dict_set(dict, "1.num_batches_tracked", &tensor, &error), &error);
    check_ok(linnet_tensor_from(NULL, LINNET_BOOL, 1, (int64_t[]){0}, &tensor, &error), &error);
    check_ok(linnet_state_dict_set(dict, "nothing", &tensor, &error), &error);
    return dict;
}

/* The same bytes each time; what is read back is what was written, in its order. */
static void test_round_trip(void **state)
{
    linnet_state_dict *dict = make_weights();
    linnet_error error = {0};
    const char *path = scratch_path(state, "weights.npz"), *twice = scratch_path(state, "two.npz");
    check_ok(linnet_state_dict_save(dict, path, &error), &error);
    check_ok(linnet_state_dict_save(dict, twice, &error), &error);
    linnet_state_dict_free(dict);
    size_t size, other;
    uint8_t *first = read_bytes(path, &size), *second = read_bytes(twice, &other);
    assert_int_equal(size, other);
    assert_memory_equal(first, second, size);
    assert_memory_equal(first + 64, "\x93NUMPY", 6); /* aligned */
    free(first);
    free(second);
    need_npz();
    dict = read_good(path, NULL);
    assert_int_equal(linnet_state_dict_count(dict), 3);
    assert_string_equal(linnet_state_dict_name(dict, 0), "0.weight");
    assert_string_equal(linnet_state_dict_name(dict, 1), "1.num_batches_tracked");
    const linnet_tensor *weight = linnet_state_dict_tensor(dict, 0);
    const float transposed[6] = {0, 3, 1, 4, 2, 5};
    check_tensor(weight, LINNET_FLOAT32, 2, (int64_t[]){3, 2});
    assert_memory_equal(weight->data, transposed, sizeof transposed);
    const linnet_tensor *count = linnet_state_dict_tensor(dict, 1);
    check_tensor(count, LINNET_INT64, 0, NULL);
    assert_int_equal(*(int64_t *)count->data, 7);
    check_tensor(linnet_state_dict_tensor(dict, 2), LINNET_BOOL, 1, (int64_t[]){0});
    linnet_state_dict_free(dict);
}

/* A file that is there stays as it was. */
static void test_writing_fails(void **state)
{
    linnet_state_dict *dict = make_weights();
    linnet_error error = {0};
    const char *path = scratch_file(state, "kept.npz", "before", 6);
    uint16_t half = 0x3f80;
    linnet_tensor tensor;
    check_ok(linnet_tensor_from(&half, LINNET_BFLOAT16, 0, NULL, &tensor, &error), &error);
    check_ok(linnet_state_dict_set(dict, "brain", &tensor, &error), &error);
    assert_int_equal(linnet_state_dict_save(dict, path, &error), LINNET_ERROR_UNSUPPORTED);
    assert_string_equal(error.message, "tensor 'brain': an npy file cannot hold bfloat16");
    assert_string_equal(error.place, path);
    linnet_state_dict_free(dict);

    dict = make_weights();
    check_ok(linnet_state_dict_set(dict, "a\xff", linnet_state_dict_tensor(dict, 0), &error),
             &error);
    assert_int_equal(linnet_state_dict_save(dict, path, &error), LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.message,
                        "the tensor name 'a?' is not valid UTF-8 of at most 65531 bytes");
    linnet_state_dict_free(dict);

    dict = make_weights();
    char *name = malloc(65533);
    assert_non_null(name);
    memset(name, 'n', 65532);
    name[65532] = '\0';
    check_ok(linnet_state_dict_set(dict, name, linnet_state_dict_tensor(dict, 0), &error), &error);
    assert_int_equal(linnet_state_dict_save(dict, path, &error), LINNET_ERROR_ARGUMENT);
    free(name);
    linnet_state_dict_free(dict);

    size_t size;
    uint8_t *kept = read_bytes(path, &size);
    assert_int_equal(size, 6);
    assert_memory_equal(kept, "before", 6);
    free(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_present_or_refused),
        cmocka_unit_test(test_stored_and_deflated),
        cmocka_unit_test(test_strongly_deflated),
        cmocka_unit_test(test_empty_archive),
        cmocka_unit_test(test_names_of_classes),
        cmocka_unit_test(test_no_names_of_classes),
        cmocka_unit_test(test_texts_beside),
        cmocka_unit_test(test_archives_of_something_else),
        cmocka_unit_test(test_changed_records),
        cmocka_unit_test(test_changed_elements),
        cmocka_unit_test(test_entries_that_share_their_bytes),
        cmocka_unit_test(test_no_archive),
        cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_every_byte_changed),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_writing_fails),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
