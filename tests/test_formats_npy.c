/* test_formats_npy.c - npy against files that numpy wrote, written files against the same bytes,
 * and one hostile file for each check of the reader. */
#include "support/check.h"

#include <unistd.h>

#include "support/formats.h"
#include "support/scratch.h"
#include "tensor/state_dict.h"
#include "tensor/tensor.h"

/* Element i of a tensor of any dtype that numpy has and double holds, in row-major order of its
 * shape. */
static double element(const linnet_tensor *tensor, int64_t i)
{
    int64_t offset = 0;
    for (int d = tensor->rank - 1; d >= 0; d--) {
        offset += i % tensor->shape[d] * tensor->strides[d];
        i /= tensor->shape[d];
    }
    const char *at =
        (const char *)tensor->data + offset * (int64_t)linnet_dtype_size(tensor->dtype);
    switch (tensor->dtype) {
    case LINNET_FLOAT32: return *(const float *)at;
    case LINNET_FLOAT64: return *(const double *)at;
    case LINNET_FLOAT16: {
        float value;
        ln_to_float32(LINNET_FLOAT16, at, 1, &value);
        return value;
    }
    case LINNET_INT64: return (double)*(const int64_t *)at;
    case LINNET_INT32: return *(const int32_t *)at;
    case LINNET_INT16: return *(const int16_t *)at;
    case LINNET_INT8: return *(const int8_t *)at;
    case LINNET_UINT64: return (double)*(const uint64_t *)at;
    case LINNET_UINT32: return *(const uint32_t *)at;
    case LINNET_UINT16: return *(const uint16_t *)at;
    case LINNET_UINT8: return *(const uint8_t *)at;
    case LINNET_BOOL: return *(const uint8_t *)at;
    default: fail_msg("%s is no dtype of numpy's", linnet_dtype_name(tensor->dtype)); return 0;
    }
}

/* Reads a file of 0, 1, 2, ... in this shape. */
static linnet_state_dict *read_counting(const char *name, linnet_dtype dtype, int rank,
                                        const int64_t *shape)
{
    linnet_state_dict *dict = read_good(data_path(name), NULL);
    assert_string_equal(linnet_state_dict_format(dict), "npy");
    assert_int_equal(linnet_state_dict_count(dict), 1);
    assert_string_equal(linnet_state_dict_name(dict, 0), "");
    const linnet_tensor *tensor = linnet_state_dict_get(dict, "");
    check_tensor(tensor, dtype, rank, shape);
    for (int64_t i = 0; i < linnet_tensor_numel(tensor); i++) {
        double expected = dtype == LINNET_BOOL ? i != 0 : (double)i;
        assert_true(element(tensor, i) == expected);
    }
    return dict;
}

static void test_every_dtype(void **state)
{
    (void)state;
    size_t count;
    const ln_dtype *rows = ln_dtype_rows(&count);
    int read = 0;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].numpy != NULL) {
            char name[16];
            snprintf(name, sizeof name, "%s.npy", rows[i].numpy);
            linnet_state_dict *dict = read_counting(name, rows[i].dtype, 2, (int64_t[]){2, 3});
            assert_null(linnet_state_dict_tensor(dict, 0)->storage); /* a view of the mapping */
            linnet_state_dict_free(dict);
            read++;
        }
    }
    assert_int_equal(read, 12);
}

static void test_orders_versions_and_shapes(void **state)
{
    (void)state;
    linnet_state_dict_free(read_counting("big_f4.npy", LINNET_FLOAT32, 2, (int64_t[]){2, 3}));
    linnet_state_dict_free(read_counting("big_i8.npy", LINNET_INT64, 2, (int64_t[]){2, 3}));
    linnet_state_dict_free(read_counting("version2_f4.npy", LINNET_FLOAT32, 1, (int64_t[]){6}));
    linnet_state_dict_free(read_counting("version3_f4.npy", LINNET_FLOAT32, 1, (int64_t[]){6}));
    linnet_state_dict_free(read_counting("vector_i4.npy", LINNET_INT32, 1, (int64_t[]){5}));
    linnet_state_dict_free(read_counting("empty_f4.npy", LINNET_FLOAT32, 2, (int64_t[]){0, 3}));
    linnet_state_dict *dict = read_good(data_path("scalar_f8.npy"), NULL);
    check_tensor(linnet_state_dict_tensor(dict, 0), LINNET_FLOAT64, 0, NULL);
    assert_true(element(linnet_state_dict_tensor(dict, 0), 0) == 2.5);
    linnet_state_dict_free(dict);
}

/* Fortran order is a view with strides, not a copy. */
static void test_fortran_order(void **state)
{
    (void)state;
    linnet_state_dict *dict =
        read_counting("fortran_f4.npy", LINNET_FLOAT32, 3, (int64_t[]){2, 3, 4});
    const linnet_tensor *tensor = linnet_state_dict_tensor(dict, 0);
    const int64_t strides[] = {1, 2, 6};
    assert_memory_equal(tensor->strides, strides, sizeof strides);
    assert_null(tensor->storage);
    linnet_state_dict_free(dict);
}

static void test_packed_with_gzip(void **state)
{
    (void)state;
    linnet_state_dict *dict;
    linnet_error error = {0};
    linnet_status status = ln_format_read(data_path("npy.gz"), NULL, &dict, &error);
    if (status == LINNET_ERROR_UNSUPPORTED) {
        assert_non_null(strstr(error.message, "built without gzip"));
        return;
    }
    check_ok(status, &error);
    linnet_state_dict_free(dict);
    linnet_state_dict_free(read_counting("npy.gz", LINNET_FLOAT32, 1, (int64_t[]){6}));
}

/* ---- writing ---- */

static void test_written_as_numpy_does(void **state)
{
    const char *names[] = {"f2.npy", "f4.npy", "f8.npy",       "i1.npy",        "i2.npy",
                           "i4.npy", "i8.npy", "u1.npy",       "u2.npy",        "u4.npy",
                           "u8.npy", "b1.npy", "empty_f4.npy", "vector_i4.npy", "scalar_f8.npy"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        linnet_error error = {0};
        linnet_state_dict *dict = read_good(data_path(names[i]), NULL);
        const char *path = scratch_path(state, "out.npy");
        check_ok(linnet_state_dict_save(dict, path, &error), &error);
        linnet_state_dict_free(dict);
        size_t expected_size, size;
        uint8_t *expected = read_bytes(data_path(names[i]), &expected_size);
        uint8_t *found = read_bytes(path, &size);
        assert_int_equal(size, expected_size);
        assert_memory_equal(found, expected, size);
        free(expected);
        free(found);
        unlink(path);
    }
}

static void test_strided_tensor_is_written_row_major(void **state)
{
    linnet_error error = {0};
    linnet_state_dict *dict = read_good(data_path("fortran_f4.npy"), NULL);
    const char *path = scratch_path(state, "row_major.npy");
    check_ok(linnet_state_dict_save(dict, path, &error), &error);
    linnet_state_dict_free(dict);
    dict = read_good(path, NULL);
    const linnet_tensor *tensor = linnet_state_dict_tensor(dict, 0);
    check_tensor(tensor, LINNET_FLOAT32, 3, (int64_t[]){2, 3, 4});
    assert_true(linnet_tensor_is_contiguous(tensor));
    for (int i = 0; i < 24; i++) {
        assert_true(((float *)tensor->data)[i] == (float)i);
    }
    linnet_state_dict_free(dict);
    unlink(path);
}

static void test_saving_fails(void **state)
{
    linnet_state_dict *dict;
    linnet_error error = {0};
    const char *path = scratch_path(state, "x.npy");
    uint16_t value = 0;
    linnet_tensor tensor;
    check_ok(linnet_state_dict_create(&dict, &error), &error);
    assert_int_equal(linnet_state_dict_save(dict, path, &error), LINNET_ERROR_UNSUPPORTED);
    assert_string_equal(error.message, "an npy file holds one tensor, and there are 0");
    assert_string_equal(error.place, path);
    check_ok(linnet_tensor_from(&value, LINNET_BFLOAT16, 0, NULL, &tensor, NULL), NULL);
    check_ok(linnet_state_dict_set(dict, "a", &tensor, NULL), NULL);
    assert_int_equal(linnet_state_dict_save(dict, path, &error), LINNET_ERROR_UNSUPPORTED);
    assert_string_equal(error.message, "an npy file cannot hold bfloat16");
    check_ok(linnet_state_dict_set(dict, "b", &tensor, NULL), NULL);
    assert_int_equal(linnet_state_dict_save(dict, path, &error), LINNET_ERROR_UNSUPPORTED);
    assert_string_equal(error.message, "an npy file holds one tensor, and there are 2");
    linnet_state_dict_free(dict);
    assert_int_equal(scratch_count(state), 0);
}

/* ---- hostile files ---- */

/* A file of version 1 with this header and `data` bytes of zero. */
static size_t build(const char *header, size_t data, uint8_t *out)
{
    size_t length = strlen(header);
    memcpy(out, "\x93NUMPY\1\0", 8);
    out[8] = (uint8_t)(length & 0xff);
    out[9] = (uint8_t)(length >> 8);
    memcpy(out + 10, header, length);
    memset(out + 10 + length, 0, data);
    return 10 + length + data;
}

#define ORDER "'fortran_order': False, "
#define F4 "'descr': '<f4', "

static void test_headers_that_are_fine(void **state)
{
    static const struct {
        const char *header;
        size_t data;
        int rank;
        int64_t shape[2];
    } cases[] = {
        {"{" F4 ORDER "'shape': (2,)}", 8, 1, {2}},
        {"{" F4 ORDER "'shape':(2 , 1 ,) , } \n", 8, 2, {2, 1}},
        {"{'shape':(1,2),\"fortran_order\":False,\"descr\":\"=f4\"}\n", 8, 2, {1, 2}},
        {"{" F4 ORDER "'shape': (2L, 3L), }", 24, 2, {2, 3}},
        {"{" F4 ORDER "'shape': (0, 9000000000), }", 0, 2, {0, 9000000000}},
        {"{" F4 ORDER "'shape': (), }", 4, 0, {0}},
    };
    uint8_t bytes[512];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = build(cases[i].header, cases[i].data, bytes);
        const char *path = scratch_file(state, "fine.npy", bytes, size);
        linnet_state_dict *dict = read_good(path, NULL);
        check_tensor(linnet_state_dict_tensor(dict, 0), LINNET_FLOAT32, cases[i].rank,
                     cases[i].shape);
        linnet_state_dict_free(dict);
        unlink(path);
    }
}

/* A header whose length is no multiple of the dtype's size: the elements are copied. */
static void test_unaligned_elements(void **state)
{
    uint8_t bytes[512];
    const char *header = "{'descr':'<i8','fortran_order':False,'shape':(2,)}";
    size_t size = build(header, 16, bytes);
    assert_true((size - 16) % 8 != 0);
    for (size_t i = 0; i < 16; i++) {
        bytes[size - 16 + i] = (uint8_t)i;
    }
    const char *path = scratch_file(state, "unaligned.npy", bytes, size);
    linnet_state_dict *dict = read_good(path, NULL);
    const linnet_tensor *tensor = linnet_state_dict_tensor(dict, 0);
    assert_int_equal((uintptr_t)tensor->data % 8, 0);
    assert_memory_equal(tensor->data, bytes + size - 16, 16);
    linnet_state_dict_free(dict);
    unlink(path);
}

static void test_hostile_headers(void **state)
{
    static const struct {
        const char *header;
        size_t data;
        linnet_status status;
        const char *message;
    } cases[] = {
        {"", 0, LINNET_ERROR_FORMAT, "npy header, character 1: expected '{', found its end"},
        {"[" F4 ORDER "'shape': ()}", 4, LINNET_ERROR_FORMAT,
         "npy header, character 1: expected '{', found '['descr': '<f4', "
         "'fortran_order': False, 'shape': ()}'"},
        {"{" F4 ORDER "'shape': ()", 4, LINNET_ERROR_FORMAT,
         "npy header, character 53: expected ',' or '}', found its end"},
        {"{" F4 ORDER "'shape': ()} x", 4, LINNET_ERROR_FORMAT,
         "npy header, character 55: expected nothing after the '}', found 'x'"},
        {"{" F4 ORDER "}", 0, LINNET_ERROR_FORMAT,
         "npy header: expected 'descr', 'fortran_order' and 'shape', found no 'shape'"},
        {"{" F4 "'shape': ()}", 4, LINNET_ERROR_FORMAT,
         "npy header: expected 'descr', 'fortran_order' and 'shape', found no 'fortran_order'"},
        {"{" ORDER "'shape': ()}", 4, LINNET_ERROR_FORMAT,
         "npy header: expected 'descr', 'fortran_order' and 'shape', found no 'descr'"},
        {"{" F4 F4 ORDER "'shape': ()}", 4, LINNET_ERROR_FORMAT,
         "npy header, character 18: expected 'descr', 'fortran_order' and 'shape', once each, "
         "found ''descr': '<f4', 'fortran_order': False, 'shape': ()}'"},
        {"{" F4 ORDER "'shape': (), 'more': 1}", 4, LINNET_ERROR_FORMAT,
         "npy header, character 55: expected 'descr', 'fortran_order' and 'shape', once each, "
         "found ''more': 1}'"},
        {"{descr: '<f4'}", 4, LINNET_ERROR_FORMAT,
         "npy header, character 2: expected a key, found 'descr: '<f4'}'"},
        {"{'descr", 4, LINNET_ERROR_FORMAT,
         "npy header, character 2: expected a string that is closed, found ''descr'"},
        {"{'descr' '<f4'}", 4, LINNET_ERROR_FORMAT,
         "npy header, character 10: expected ':', found ''<f4'}'"},
        {"{'descr': 4}", 4, LINNET_ERROR_FORMAT,
         "npy header, character 11: expected a type such as '<f4', found '4}'"},
        {"{'descr': 'f4', " ORDER "'shape': ()}", 4, LINNET_ERROR_UNSUPPORTED,
         "Linnet has no counterpart of the numpy dtype 'f4'"},
        {"{'descr': '', " ORDER "'shape': ()}", 4, LINNET_ERROR_UNSUPPORTED,
         "Linnet has no counterpart of the numpy dtype ''"},
        {"{'descr': '<U5', " ORDER "'shape': ()}", 20, LINNET_ERROR_UNSUPPORTED,
         "Linnet has no counterpart of the numpy dtype '<U5', text; numpy.unique(y, "
         "return_inverse=True) numbers it"},
        {"{" F4 "'fortran_order': 0, 'shape': ()}", 4, LINNET_ERROR_FORMAT,
         "npy header, character 35: expected True or False, found '0, 'shape': ()}'"},
        {"{" F4 ORDER "'shape': [2]}", 8, LINNET_ERROR_FORMAT,
         "npy header, character 51: expected a shape such as (3, 4), found '[2]}'"},
        {"{" F4 ORDER "'shape': (2)}", 8, LINNET_ERROR_FORMAT,
         "npy header: expected a tuple as shape, found a number in parentheses"},
        {"{" F4 ORDER "'shape': (2 3)}", 8, LINNET_ERROR_FORMAT,
         "npy header, character 54: expected ',' or ')', found '3)}'"},
        {"{" F4 ORDER "'shape': (-2,)}", 8, LINNET_ERROR_FORMAT,
         "npy header, character 52: expected a size, found '-2,)}'"},
        {"{" F4 ORDER "'shape': (2.0,)}", 8, LINNET_ERROR_FORMAT,
         "npy header, character 53: expected ',' or ')', found '.0,)}'"},
        {"{" F4 ORDER "'shape': (,)}", 8, LINNET_ERROR_FORMAT,
         "npy header, character 52: expected a size, found ',)}'"},
        {"{" F4 ORDER "'shape': (2,", 8, LINNET_ERROR_FORMAT,
         "npy header, character 54: expected a size, found its end"},
        {"{" F4 ORDER "'shape': (99999999999999999999,)}", 8, LINNET_ERROR_FORMAT,
         "npy header, character 52: expected a size, found '99999999999999999999,)}'"},
        {"{" F4 ORDER "'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)}", 4, LINNET_ERROR_UNSUPPORTED,
         "expected at most 16 dimensions, found more"},
        {"{" F4 ORDER "'shape': (4294967296, 4294967296)}", 4, LINNET_ERROR_FORMAT,
         "npy header: the product of the shape's sizes overflows"},
        {"{" F4 ORDER "'shape': (2,)}", 7, LINNET_ERROR_FORMAT,
         "the npy header asks for 8 bytes of elements, found 7"},
        {"{" F4 ORDER "'shape': (2,)}", 9, LINNET_ERROR_FORMAT,
         "the npy header asks for 8 bytes of elements, found 9"},
        {"{" F4 ORDER "'shape': (2305843009213693951,)}", 8, LINNET_ERROR_FORMAT,
         "the npy header asks for 9223372036854775804 bytes of elements, found 8"},
    };
    uint8_t bytes[512];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = build(cases[i].header, cases[i].data, bytes);
        check_refused(state, "hostile.npy", bytes, size, NULL, cases[i].status, "",
                      cases[i].message);
    }
}

static void test_hostile_preambles(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        linnet_status status;
        const char *message;
    } cases[] = {
        {"\x93NUMPX\1\0\0\0", 10, LINNET_ERROR_FORMAT,
         "expected \\x93NUMPY, which begins an npy file, found something else"},
        {"\x93NUMPY\1\0\0", 9, LINNET_ERROR_FORMAT,
         "the file ends within its npy header, after 9 bytes"},
        {"\x93NUMPY\2\0\0\0\0", 11, LINNET_ERROR_FORMAT,
         "the file ends within its npy header, after 11 bytes"},
        {"\x93NUMPY\0\0\0\0\0\0", 12, LINNET_ERROR_UNSUPPORTED,
         "expected npy version 1.0, 2.0 or 3.0, found 0.0"},
        {"\x93NUMPY\4\0\0\0\0\0", 12, LINNET_ERROR_UNSUPPORTED,
         "expected npy version 1.0, 2.0 or 3.0, found 4.0"},
        {"\x93NUMPY\1\1\0\0\0\0", 12, LINNET_ERROR_UNSUPPORTED,
         "expected npy version 1.0, 2.0 or 3.0, found 1.1"},
        {"\x93NUMPY\2\0\1\0\1\0", 12, LINNET_ERROR_UNSUPPORTED,
         "expected an npy header of at most 65536 bytes, found 65537"},
        {"\x93NUMPY\1\0\x05\0{", 11, LINNET_ERROR_FORMAT,
         "expected 15 bytes of npy header, found 11"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_refused(state, "hostile.npy", cases[i].bytes, cases[i].size, NULL, cases[i].status,
                      "", cases[i].message);
    }
}

static void check_unsupported(const char *name, const char *message)
{
    linnet_state_dict *dict;
    linnet_error error = {0};
    assert_int_equal(ln_format_read(data_path(name), NULL, &dict, &error),
                     LINNET_ERROR_UNSUPPORTED);
    assert_string_equal(error.message, message);
    assert_string_equal(error.place, data_path(name));
}

static void test_what_numpy_has_and_linnet_has_not(void **state)
{
    (void)state;
    check_unsupported("complex.npy", "Linnet has no counterpart of the numpy dtype '<c8'");
    check_unsupported("object.npy", "Linnet has no counterpart of the numpy dtype '|O'");
    check_unsupported("record.npy", "expected an array of numbers, found an array of records");
}

static void test_truncations(void **state)
{
    check_truncations(state, "f4.npy");
    check_truncations(state, "fortran_f4.npy");
    check_truncations(state, "version2_f4.npy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_dtype),
        cmocka_unit_test(test_orders_versions_and_shapes),
        cmocka_unit_test(test_fortran_order),
        cmocka_unit_test(test_packed_with_gzip),
        cmocka_unit_test(test_written_as_numpy_does),
        cmocka_unit_test(test_strided_tensor_is_written_row_major),
        cmocka_unit_test(test_saving_fails),
        cmocka_unit_test(test_headers_that_are_fine),
        cmocka_unit_test(test_unaligned_elements),
        cmocka_unit_test(test_hostile_headers),
        cmocka_unit_test(test_hostile_preambles),
        cmocka_unit_test(test_what_numpy_has_and_linnet_has_not),
        cmocka_unit_test(test_truncations),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
