/* test_formats_idx.c - IDX, plain and packed with gzip, and one hostile file for each check. */
#include "support/check.h"

#include <unistd.h>

#include "support/formats.h"
#include "support/scratch.h"
#include "tensor/state_dict.h"

static linnet_state_dict *read_bytes_as(void **state, const char *name, const void *bytes,
                                        size_t size)
{
    const char *path = scratch_file(state, name, bytes, size);
    linnet_state_dict *dict = read_good(path, NULL);
    assert_string_equal(linnet_state_dict_format(dict), "idx");
    assert_int_equal(linnet_state_dict_count(dict), 1);
    assert_string_equal(linnet_state_dict_name(dict, 0), "");
    unlink(path);
    return dict;
}

/* The same two numbers, 1 and -2, or 1 and 2 for bytes, in each type. */
static void test_every_type(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        linnet_dtype dtype;
    } cases[] = {
        {"\0\0\x08\1\0\0\0\2\1\2", 10, LINNET_UINT8},
        {"\0\0\x09\1\0\0\0\2\1\xfe", 10, LINNET_INT8},
        {"\0\0\x0b\1\0\0\0\2\0\1\xff\xfe", 12, LINNET_INT16},
        {"\0\0\x0c\1\0\0\0\2\0\0\0\1\xff\xff\xff\xfe", 16, LINNET_INT32},
        {"\0\0\x0d\1\0\0\0\2\x3f\x80\0\0\xc0\0\0\0", 16, LINNET_FLOAT32},
        {"\0\0\x0e\1\0\0\0\2\x3f\xf0\0\0\0\0\0\0\xc0\0\0\0\0\0\0\0", 24, LINNET_FLOAT64},
    };
    const uint8_t u8[] = {1, 2};
    const int8_t i8[] = {1, -2};
    const int16_t i16[] = {1, -2};
    const int32_t i32[] = {1, -2};
    const float f32[] = {1, -2};
    const double f64[] = {1, -2};
    const void *expected[] = {u8, i8, i16, i32, f32, f64};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        linnet_state_dict *dict = read_bytes_as(state, "any", cases[i].bytes, cases[i].size);
        const linnet_tensor *tensor = linnet_state_dict_tensor(dict, 0);
        check_tensor(tensor, cases[i].dtype, 1, (int64_t[]){2});
        assert_memory_equal(tensor->data, expected[i], 2 * linnet_dtype_size(cases[i].dtype));
        linnet_state_dict_free(dict);
    }
}

static void test_shapes(void **state)
{
    linnet_state_dict *dict =
        read_bytes_as(state, "images-idx3-ubyte", "\0\0\x08\3\0\0\0\1\0\0\0\2\0\0\0\3abcdef", 22);
    const linnet_tensor *tensor = linnet_state_dict_tensor(dict, 0);
    check_tensor(tensor, LINNET_UINT8, 3, (int64_t[]){1, 2, 3});
    assert_null(tensor->storage); /* bytes are a view */
    assert_memory_equal(tensor->data, "abcdef", 6);
    linnet_state_dict_free(dict);
    dict = read_bytes_as(state, "none", "\0\0\x0d\2\0\0\0\0\0\0\0\5", 12);
    check_tensor(linnet_state_dict_tensor(dict, 0), LINNET_FLOAT32, 2, (int64_t[]){0, 5});
    linnet_state_dict_free(dict);
}

/* ---- gzip ---- */

static bool gzip_is_built_in(void)
{
    linnet_state_dict *dict;
    linnet_error error = {0};
    linnet_status status = ln_format_read(data_path("idx.gz"), NULL, &dict, &error);
    if (status == LINNET_OK) {
        linnet_state_dict_free(dict);
        return true;
    }
    assert_int_equal(status, LINNET_ERROR_UNSUPPORTED);
    assert_string_equal(error.message, "the file is packed with gzip, and this Linnet is built "
                                       "without gzip; unpack it first");
    return false;
}

static void need_gzip(void)
{
    if (!gzip_is_built_in()) {
        skip();
    }
}

static void test_gzip_present_or_refused(void **state)
{
    (void)state;
    gzip_is_built_in();
}

static void test_packed(void **state)
{
    (void)state;
    need_gzip();
    const char *names[] = {"idx", "idx.gz", "idx_two_members.gz"};
    for (size_t i = 0; i < 3; i++) {
        linnet_state_dict *dict = read_good(data_path(names[i]), NULL);
        const linnet_tensor *tensor = linnet_state_dict_tensor(dict, 0);
        assert_string_equal(linnet_state_dict_format(dict), "idx");
        check_tensor(tensor, LINNET_UINT8, 2, (int64_t[]){40, 3});
        for (int j = 0; j < 120; j++) {
            assert_int_equal(((uint8_t *)tensor->data)[j], j);
        }
        linnet_state_dict_free(dict);
    }
}

static void check_bad(const char *name, const char *message)
{
    linnet_state_dict *dict;
    linnet_error error = {0};
    linnet_status status = ln_format_read(data_path(name), NULL, &dict, &error);
    assert_string_equal(error.message, message);
    assert_string_equal(error.place, data_path(name));
    assert_int_equal(status, LINNET_ERROR_FORMAT);
    assert_null(dict);
}

static void test_hostile_gzip(void **state)
{
    need_gzip();
    /* More than the header promises: refused after one byte too many, not after the whole. */
    check_bad("idx_long.gz", "the gzip data unpacks to more than the 132 bytes that it may hold");
    check_bad("idx_bomb.gz", "the gzip data unpacks to more than the 132 bytes that it may hold");
    check_bad("idx_liar.gz",
              "the idx header promises 4294967303 bytes, which 29 packed bytes cannot hold");
    check_bad("empty.gz", "the file is empty; expected one of: safetensors, npy, torch, npz, idx, "
                          "onnx, hub, libsvm, csv");
    size_t size;
    uint8_t *data = read_bytes(data_path("idx.gz"), &size);
    data[size - 8] ^= 1; /* the CRC */
    check_refused(state, "x.gz", data, size, NULL, LINNET_ERROR_FORMAT, "",
                  "the gzip data is damaged after 132 unpacked bytes: incorrect data check");
    data[size - 8] ^= 1;
    data[size - 1] ^= 1; /* the length */
    check_refused(state, "x.gz", data, size, NULL, LINNET_ERROR_FORMAT, "",
                  "the gzip data is damaged after 132 unpacked bytes: incorrect length check");
    data[size - 1] ^= 1;
    data[10] = 0xff; /* the first block's type */
    check_refused(state, "x.gz", data, size, NULL, LINNET_ERROR_FORMAT, "",
                  "the gzip data is damaged after 0 unpacked bytes: invalid block type");
    free(data);
    data = read_bytes(data_path("idx.gz"), &size);
    data = realloc(data, size + 7);
    assert_non_null(data);
    memcpy(data + size, "garbage", 7);
    check_refused(state, "x.gz", data, size + 7, NULL, LINNET_ERROR_FORMAT, "",
                  "the gzip data is damaged after 132 unpacked bytes: incorrect header check");
    check_refused(state, "x.gz", data, size - 1, NULL, LINNET_ERROR_FORMAT, "",
                  "the gzip data is cut short: it ends after 132 unpacked bytes");
    free(data);
}

static void test_truncations(void **state)
{
    check_truncations(state, "idx");
    need_gzip();
    check_truncations(state, "idx.gz");
    check_truncations(state, "npy.gz");
}

/* A second member cut short leaves the first one whole. */
static void test_truncated_second_member(void **state)
{
    need_gzip();
    size_t size;
    uint8_t *data = read_bytes(data_path("idx_two_members.gz"), &size);
    for (size_t length = 0; length < size; length++) {
        const char *path = scratch_file(state, "cut.gz", data, length);
        linnet_state_dict *dict;
        linnet_error error = {0};
        assert_true(ln_format_read(path, NULL, &dict, &error) != LINNET_OK);
        assert_string_equal(error.place, path);
        unlink(path);
    }
    free(data);
}

/* ---- hostile IDX ---- */

static void test_hostile_files(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *message;
    } cases[] = {
        {"\0\0\x08", 3, "expected the 4 bytes that begin an idx file, found 3"},
        {"\0\1\x08\1\0\0\0\0", 8,
         "expected an idx file's 00 00 and a type from 08 to 0e, found 00 01 08"},
        {"\0\0\x0a\1\0\0\0\0", 8,
         "expected an idx file's 00 00 and a type from 08 to 0e, found 00 00 0a"},
        {"\0\0\x08\0\1", 5, "expected from 1 to 16 dimensions, found 0"},
        {"\0\0\x08\x11\0\0\0\1", 8, "expected from 1 to 16 dimensions, found 17"},
        {"\0\0\x08\2\0\0\0\1", 8, "expected a header of 12 bytes for 2 dimensions, found 8"},
        {"\0\0\x08\1\0\0\0\5abcd", 12, "the header asks for a file of 13 bytes, found 12"},
        {"\0\0\x08\1\0\0\0\5abcdef", 14, "the header asks for a file of 13 bytes, found 14"},
        {"\0\0\x0e\1\xff\xff\xff\xff", 8,
         "the header asks for a file of 34359738368 bytes, found 8"},
        {"\0\0\x08\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16,
         "the product of the sizes in the header overflows"},
        {"\0\0\x08\3\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 16,
         "the product of the sizes in the header overflows"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_refused(state, "hostile.idx", cases[i].bytes, cases[i].size, NULL,
                      LINNET_ERROR_FORMAT, "", cases[i].message);
    }
}

/* Without a telling name nothing is guessed. */
static void test_unknown_content(void **state)
{
    const char *message = "the content is of no known format; expected one of: safetensors, npy, "
                          "torch, npz, idx, onnx, hub, libsvm, csv";
    check_refused(state, "unknown", "\0\0\x0a\1\0\0\0\0", 8, NULL, LINNET_ERROR_FORMAT, "",
                  message);
    check_refused(state, "unknown", "\x89PNG\r\n\x1a\n", 8, NULL, LINNET_ERROR_FORMAT, "", message);
    check_refused(state, "unknown", "{\"a\": 1}", 8, NULL, LINNET_ERROR_FORMAT, "", message);
    check_refused(state, "unknown", "[1, 2]", 6, NULL, LINNET_ERROR_FORMAT, "", message);
    check_refused(state, "unknown", "<html>", 6, NULL, LINNET_ERROR_FORMAT, "", message);
    check_refused(state, "unknown",
                  "\xff\xfe"
                  "1\0,\0",
                  6, NULL, LINNET_ERROR_FORMAT, "", message);
    check_refused(state, "empty", "", 0, NULL, LINNET_ERROR_FORMAT, "",
                  "the file is empty; expected one of: safetensors, npy, torch, npz, idx, onnx, "
                  "hub, libsvm, csv");
    linnet_state_dict *dict;
    linnet_error error = {0};
    assert_int_equal(linnet_state_dict_load("/nonexistent", &dict, &error), LINNET_ERROR_IO);
    assert_string_equal(error.message, "cannot open: No such file or directory");
    assert_string_equal(error.place, "/nonexistent");
    assert_null(dict);
    assert_int_equal(linnet_state_dict_load(*state, &dict, &error), LINNET_ERROR_IO);
    assert_string_equal(error.message, "is a directory, and there is no config.json in it");
    assert_string_equal(error.place, *state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_gzip_present_or_refused),
        cmocka_unit_test(test_packed),
        cmocka_unit_test(test_hostile_gzip),
        cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_truncated_second_member),
        cmocka_unit_test(test_hostile_files),
        cmocka_unit_test(test_unknown_content),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
