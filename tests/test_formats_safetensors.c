/* test_formats_safetensors.c - safetensors against files of the reference writer, and one hostile
 * file for each check of the reader. */
#include "support/check.h"

#include <sys/stat.h>
#include <unistd.h>

#include "support/formats.h"
#include "support/scratch.h"
#include "tensor/state_dict.h"
#include "tensor/tensor.h"

/* ---- good files ---- */

static void test_torch_state_dict(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int rank;
        int64_t shape[2];
    } expected[] = {
        {"1.bias", 1, {5}},      {"1.weight", 2, {5, 6}}, {"4.bias", 1, {4}},
        {"4.weight", 2, {4, 5}}, {"6.bias", 1, {3}},      {"6.weight", 2, {3, 4}},
    };
    linnet_state_dict *dict = read_good(data_path("sd.safetensors"), NULL);
    assert_string_equal(linnet_state_dict_format(dict), "safetensors");
    assert_int_equal(linnet_state_dict_count(dict), 6);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(linnet_state_dict_name(dict, i), expected[i].name);
        check_tensor(linnet_state_dict_tensor(dict, i), LINNET_FLOAT32, expected[i].rank,
                     expected[i].shape);
        assert_ptr_equal(linnet_state_dict_get(dict, expected[i].name),
                         linnet_state_dict_tensor(dict, i));
        assert_null(linnet_state_dict_tensor(dict, i)->storage); /* a view of the mapping */
    }
    assert_null(linnet_state_dict_name(dict, 6));
    assert_null(linnet_state_dict_get(dict, "2.bias"));
    assert_int_equal(linnet_state_dict_metadata_count(dict), 1);
    assert_string_equal(linnet_state_dict_metadata_key(dict, 0), "format");
    assert_string_equal(linnet_state_dict_metadata_get(dict, "format"), "pt");
    const uint8_t first[] = {0x54, 0xf4, 0x22, 0xbe};
    assert_memory_equal(linnet_state_dict_get(dict, "1.bias")->data, first, sizeof first);
    linnet_state_dict_free(dict);
}

static void check_same_file(const char *left, const char *right)
{
    size_t left_size, right_size;
    uint8_t *a = read_bytes(left, &left_size);
    uint8_t *b = read_bytes(right, &right_size);
    assert_int_equal(left_size, right_size);
    assert_memory_equal(a, b, left_size);
    free(a);
    free(b);
}

/* Fills a new state_dict from another in the opposite order, so that the writer has to sort. */
static linnet_state_dict *reversed_copy(const linnet_state_dict *dict)
{
    linnet_state_dict *copy;
    linnet_error error = {0};
    check_ok(linnet_state_dict_create(&copy, &error), &error);
    for (size_t i = linnet_state_dict_count(dict); i-- > 0;) {
        check_ok(linnet_state_dict_set(copy, linnet_state_dict_name(dict, i),
                                       linnet_state_dict_tensor(dict, i), &error),
                 &error);
    }
    for (size_t i = linnet_state_dict_metadata_count(dict); i-- > 0;) {
        const char *key = linnet_state_dict_metadata_key(dict, i);
        check_ok(linnet_state_dict_metadata_set(copy, key,
                                                linnet_state_dict_metadata_get(dict, key), &error),
                 &error);
    }
    return copy;
}

/* sd.safetensors is PyTorch's; reference.safetensors holds every dtype and names that need escapes.
 */
static void test_written_as_the_reference_does(void **state)
{
    const char *names[] = {"sd.safetensors", "reference.safetensors"};
    for (size_t i = 0; i < 2; i++) {
        linnet_state_dict *dict = read_good(data_path(names[i]), NULL);
        linnet_state_dict *copy = reversed_copy(dict);
        const char *path = scratch_path(state, names[i]);
        linnet_error error = {0};
        check_ok(linnet_state_dict_save(copy, path, &error), &error);
        check_same_file(data_path(names[i]), path);
        /* And over itself, while its tensors are views of the old file. */
        linnet_state_dict *again = read_good(path, NULL);
        check_ok(linnet_state_dict_save(again, path, &error), &error);
        check_same_file(data_path(names[i]), path);
        linnet_state_dict_free(again);
        linnet_state_dict_free(copy);
        linnet_state_dict_free(dict);
        unlink(path);
    }
}

static void test_every_dtype(void **state)
{
    (void)state;
    linnet_state_dict *dict = read_good(data_path("reference.safetensors"), NULL);
    size_t count;
    const ln_dtype *rows = ln_dtype_rows(&count);
    assert_int_equal(linnet_state_dict_count(dict), count + 2);
    for (size_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "all.%s", rows[i].name);
        const linnet_tensor *tensor = linnet_state_dict_get(dict, name);
        check_tensor(tensor, rows[i].dtype, 1, (int64_t[]){3});
        for (size_t j = 0; j < 3 * rows[i].size; j++) {
            assert_int_equal(((uint8_t *)tensor->data)[j], j);
        }
    }
    check_tensor(linnet_state_dict_get(dict, "none"), LINNET_FLOAT32, 2, (int64_t[]){0, 2});
    const linnet_tensor *odd =
        linnet_state_dict_get(dict, "a\"\\/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9\xf0\x9f\x98\x80");
    check_tensor(odd, LINNET_FLOAT32, 0, NULL);
    assert_true(*(float *)odd->data == 1.0f);
    assert_string_equal(linnet_state_dict_metadata_get(dict, "note"),
                        "two\nlines, \"quoted\", \xc3\xa9");
    linnet_state_dict_free(dict);
}

/* Puts length and header before `data` bytes 0, 1, 2, ...; free the result. */
static uint8_t *build(const char *header, size_t data, size_t *size)
{
    size_t length = strlen(header);
    *size = 8 + length + data;
    uint8_t *bytes = malloc(*size);
    assert_non_null(bytes);
    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)((uint64_t)length >> (8 * i));
    }
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < data; i++) {
        bytes[8 + length + i] = (uint8_t)i;
    }
    return bytes;
}

static linnet_state_dict *read_header(void **state, const char *header, size_t data)
{
    size_t size;
    uint8_t *bytes = build(header, data, &size);
    const char *path = scratch_file(state, "good", bytes, size);
    free(bytes);
    linnet_state_dict *dict = read_good(path, NULL);
    unlink(path);
    return dict;
}

static void test_no_tensors(void **state)
{
    linnet_state_dict *dict = read_header(state, "{}      ", 0);
    assert_int_equal(linnet_state_dict_count(dict), 0);
    linnet_state_dict_free(dict);
    dict = read_header(state, "{\"__metadata__\":{}}", 0);
    assert_int_equal(linnet_state_dict_metadata_count(dict), 0);
    linnet_state_dict_free(dict);
}

/* A header that is not padded leaves the data anywhere. */
static void test_unaligned_data_is_copied(void **state)
{
    linnet_state_dict *dict =
        read_header(state,
                    "{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
                    "\"b\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[3,19]},"
                    "\"c\":{\"dtype\":\"I64\",\"shape\":[0],\"data_offsets\":[19,19]}}",
                    19);
    const linnet_tensor *b = linnet_state_dict_get(dict, "b");
    assert_int_equal((uintptr_t)b->data % 8, 0);
    assert_ptr_equal(b->storage, b->data);
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(((uint8_t *)b->data)[i], i + 3);
    }
    assert_null(linnet_state_dict_get(dict, "a")->storage);
    linnet_state_dict_free(dict);
}

/* Headers may list tensors in any order; the state_dict has them in the order of their bytes. */
static void test_order_of_bytes(void **state)
{
    linnet_state_dict *dict =
        read_header(state,
                    "{\"z\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[4,6]},"
                    "\"empty2\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[4,4]},"
                    "\"m\":{\"data_offsets\":[0,4],\"shape\":[4],\"dtype\":\"U8\"},"
                    "\"empty1\":{\"dtype\":\"U8\",\"shape\":[0,7],\"data_offsets\":[4,4]}}",
                    6);
    const char *order[] = {"m", "empty2", "empty1", "z"};
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(linnet_state_dict_name(dict, i), order[i]);
    }
    assert_int_equal(*(uint8_t *)linnet_state_dict_get(dict, "z")->data, 4);
    linnet_state_dict_free(dict);
}

/* ---- hostile files ---- */

#define A(fields) "{\"a\":{" fields "}}"
#define F32_2 "\"dtype\":\"F32\",\"shape\":[2],"

static void test_hostile_headers(void **state)
{
    static const struct {
        const char *header;
        size_t data;
        linnet_status status;
        const char *message;
    } cases[] = {
        {"[]", 0, LINNET_ERROR_FORMAT, "expected a header that begins with '{'"},
        {" {}", 0, LINNET_ERROR_FORMAT, "expected a header that begins with '{'"},
        {"", 0, LINNET_ERROR_FORMAT, "expected a header that begins with '{'"},
        {"{\"a\":1", 0, LINNET_ERROR_FORMAT,
         "the header is not valid JSON at byte 6: '\'}\' expected near end of file'"},
        {"{} {}", 0, LINNET_ERROR_FORMAT,
         "the header is not valid JSON at byte 4: 'end of file expected near '{''"},
        {"{\"a\":{},\"a\":{}}", 0, LINNET_ERROR_FORMAT,
         "the header is not valid JSON at byte 11: 'duplicate object key near '\"a\"''"},
        {"{\"\\u0000\":{}}", 0, LINNET_ERROR_FORMAT,
         "the header is not valid JSON at byte 9: 'NUL byte in object key not supported near "
         "'\"\\u0000\"''"},
        {"{\"__metadata__\":{\"k\":\"\\u0000\"}}", 0, LINNET_ERROR_FORMAT,
         "the header is not valid JSON at byte 29: '\\u0000 is not allowed without JSON_ALLOW_NUL "
         "near '\"\\u0000\"''"},
        {"{\"\xff\":{}}", 0, LINNET_ERROR_FORMAT,
         "the header is not valid JSON at byte 2: 'unable to decode byte 0xff near '\"''"},
        {"{\"__metadata__\":[]}", 0, LINNET_ERROR_FORMAT,
         "__metadata__: expected an object, found an array"},
        {"{\"__metadata__\":{\"k\":1}}", 0, LINNET_ERROR_FORMAT,
         "__metadata__: expected a string for 'k', found a number"},
        {"{\"a\":1}", 0, LINNET_ERROR_FORMAT, "tensor 'a': expected an object, found a number"},
        {"{\"a\\n\\u001b[2J\":1}", 0, LINNET_ERROR_FORMAT,
         "tensor 'a??[2J': expected an object, found a number"},
        {"{\"a\xc2\x85\":false}", 0, LINNET_ERROR_FORMAT,
         "tensor 'a?': expected an object, found false"},
        {A("\"shape\":[2],\"data_offsets\":[0,8]"), 8, LINNET_ERROR_FORMAT,
         "tensor 'a': expected dtype, shape and data_offsets, found one of them missing"},
        {A("\"dtype\":\"F32\",\"data_offsets\":[0,8]"), 8, LINNET_ERROR_FORMAT,
         "tensor 'a': expected dtype, shape and data_offsets, found one of them missing"},
        {A("\"dtype\":\"F32\",\"shape\":[2]"), 8, LINNET_ERROR_FORMAT,
         "tensor 'a': expected dtype, shape and data_offsets, found one of them missing"},
        {A(F32_2 "\"data_offsets\":[0,8],\"more\":1"), 8, LINNET_ERROR_FORMAT,
         "tensor 'a': expected dtype, shape and data_offsets alone, found another key as well"},
        {A("\"dtype\":7,\"shape\":[2],\"data_offsets\":[0,8]"), 8, LINNET_ERROR_FORMAT,
         "tensor 'a': expected a string as dtype, found a number"},
        {A("\"dtype\":\"C64\",\"shape\":[1],\"data_offsets\":[0,8]"), 8, LINNET_ERROR_UNSUPPORTED,
         "tensor 'a': expected a dtype that Linnet knows, found 'C64'"},
        {A("\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]"), 8, LINNET_ERROR_FORMAT,
         "tensor 'a': expected an array as shape, found a number"},
        {A("\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]"), 8, LINNET_ERROR_FORMAT,
         "tensor 'a': expected whole numbers from 0 on in its shape, found a negative number"},
        {A("\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]"), 8, LINNET_ERROR_FORMAT,
         "tensor 'a': expected whole numbers from 0 on in its shape, found a fraction"},
        {A("\"dtype\":\"F32\",\"shape\":[\"2\"],\"data_offsets\":[0,8]"), 8, LINNET_ERROR_FORMAT,
         "tensor 'a': expected whole numbers from 0 on in its shape, found a string"},
        {A("\"dtype\":\"F32\",\"shape\":[true],\"data_offsets\":[0,8]"), 8, LINNET_ERROR_FORMAT,
         "tensor 'a': expected whole numbers from 0 on in its shape, found true"},
        {A("\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"
           "\"data_offsets\":[0,1]"),
         1, LINNET_ERROR_UNSUPPORTED, "tensor 'a': expected at most 16 dimensions, found more"},
        {A("\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]"), 8,
         LINNET_ERROR_FORMAT, "tensor 'a': the product of the sizes in its shape overflows"},
        {A("\"dtype\":\"F32\",\"shape\":[0,4611686018427387904],\"data_offsets\":[0,0]"), 0,
         LINNET_ERROR_FORMAT, "tensor 'a': the product of the sizes in its shape overflows"},
        {A("\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,8]"), 8,
         LINNET_ERROR_FORMAT,
         "the header is not valid JSON at byte 49: 'too big integer near '99999999999999999999''"},
        {A(F32_2 "\"data_offsets\":8"), 8, LINNET_ERROR_FORMAT,
         "tensor 'a': expected an array of two numbers as data_offsets, found a number"},
        {A(F32_2 "\"data_offsets\":[0]"), 8, LINNET_ERROR_FORMAT,
         "tensor 'a': expected an array of two numbers as data_offsets, found another count"},
        {A(F32_2 "\"data_offsets\":[0,8,8]"), 8, LINNET_ERROR_FORMAT,
         "tensor 'a': expected an array of two numbers as data_offsets, found another count"},
        {A(F32_2 "\"data_offsets\":[0,null]"), 8, LINNET_ERROR_FORMAT,
         "tensor 'a': expected whole numbers from 0 on as data_offsets, found null"},
        {A(F32_2 "\"data_offsets\":[-8,0]"), 8, LINNET_ERROR_FORMAT,
         "tensor 'a': expected whole numbers from 0 on as data_offsets, found a negative number"},
        {A(F32_2 "\"data_offsets\":[8,0]"), 8, LINNET_ERROR_FORMAT,
         "tensor 'a': expected data_offsets within the 8 bytes of data, found [8, 0]"},
        {A(F32_2 "\"data_offsets\":[0,8]"), 7, LINNET_ERROR_FORMAT,
         "tensor 'a': expected data_offsets within the 7 bytes of data, found [0, 8]"},
        {A(F32_2 "\"data_offsets\":[0,4]"), 8, LINNET_ERROR_FORMAT,
         "tensor 'a': shape and dtype ask for 8 bytes, data_offsets give 4"},
        {A(F32_2 "\"data_offsets\":[0,8]"), 9, LINNET_ERROR_FORMAT,
         "the header describes 8 bytes of data, the file holds 9"},
        {A(F32_2 "\"data_offsets\":[1,9]"), 9, LINNET_ERROR_FORMAT,
         "tensor 'a': expected data_offsets from 0 on, found 1: a gap"},
        {"{\"a\":{" F32_2 "\"data_offsets\":[0,8]},\"b\":{" F32_2 "\"data_offsets\":[4,12]}}", 12,
         LINNET_ERROR_FORMAT, "tensor 'b': expected data_offsets from 8 on, found 4: an overlap"},
        {"{\"a\":{" F32_2 "\"data_offsets\":[0,8]},\"b\":{" F32_2 "\"data_offsets\":[0,8]}}", 8,
         LINNET_ERROR_FORMAT, "tensor 'b': expected data_offsets from 8 on, found 0: an overlap"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size;
        uint8_t *bytes = build(cases[i].header, cases[i].data, &size);
        check_refused(state, "hostile.safetensors", bytes, size, NULL, cases[i].status, "",
                      cases[i].message);
        free(bytes);
    }
}

static void test_hostile_lengths(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *message;
    } cases[] = {
        {"\x02\0\0\0\0\0\0", 7, "expected the 8 bytes of a safetensors header's length, found 7"},
        {"\x03\0\0\0\0\0\0\0{}", 10,
         "expected a header of 3 bytes, found 2: the file is cut short"},
        {"\x01\xe1\xf5\x05\0\0\0\0{}", 10,
         "expected a header of at most 100000000 bytes, found 100000001"},
        {"\xff\xff\xff\xff\xff\xff\xff\xff{}", 10,
         "expected a header of at most 100000000 bytes, found 18446744073709551615"},
        {"\0\xe1\xf5\x05\0\0\0\0{}", 10,
         "expected a header of 100000000 bytes, found 2: the file is cut short"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_refused(state, "hostile.safetensors", cases[i].bytes, cases[i].size, NULL,
                      LINNET_ERROR_FORMAT, "", cases[i].message);
    }
}

static void test_truncations(void **state)
{
    check_truncations(state, "sd.safetensors");
}

/* A header of ten thousand arrays within each other must not exhaust the stack. */
static void test_deep_header(void **state)
{
    static char header[20011];
    memcpy(header, "{\"a\":", 5);
    memset(header + 5, '[', 10000);
    memset(header + 10005, ']', 10000);
    header[20005] = '}';
    size_t size;
    uint8_t *bytes = build(header, 0, &size);
    check_refused(
        state, "deep.safetensors", bytes, size, NULL, LINNET_ERROR_FORMAT, "",
        "the header is not valid JSON at byte 2053: 'maximum parsing depth reached near '[''");
    free(bytes);
}

/* ---- writing ---- */

static void check_save_fails(const linnet_state_dict *dict, const char *path, linnet_status status,
                             const char *message)
{
    linnet_error error = {0};
    assert_int_equal(linnet_state_dict_save(dict, path, &error), status);
    assert_string_equal(error.message, message);
    assert_string_equal(error.place, path);
    assert_int_equal(error.status, status);
}

static void test_saving_fails(void **state)
{
    linnet_state_dict *dict;
    assert_int_equal(linnet_state_dict_create(&dict, NULL), LINNET_OK);
    check_save_fails(dict, "model.h5", LINNET_ERROR_UNSUPPORTED,
                     "the ending names no format that tensors can be written in; expected one of: "
                     ".safetensors, .npy, .pt, .pth, .npz, .onnx");
    check_save_fails(dict, "model.csv", LINNET_ERROR_UNSUPPORTED,
                     "the ending names no format that tensors can be written in; expected one of: "
                     ".safetensors, .npy, .pt, .pth, .npz, .onnx");
    check_save_fails(dict, "model.safetensors.gz", LINNET_ERROR_UNSUPPORTED,
                     "the ending names no format that tensors can be written in; expected one of: "
                     ".safetensors, .npy, .pt, .pth, .npz, .onnx");
    check_save_fails(dict, ".safetensors", LINNET_ERROR_UNSUPPORTED,
                     "the ending names no format that tensors can be written in; expected one of: "
                     ".safetensors, .npy, .pt, .pth, .npz, .onnx");
    check_save_fails(dict, "/nonexistent/model.safetensors", LINNET_ERROR_IO,
                     "cannot write: No such file or directory");
    const char *path = scratch_path(state, "x.safetensors");
    float value = 1;
    linnet_tensor tensor;
    assert_int_equal(linnet_tensor_from(&value, LINNET_FLOAT32, 0, NULL, &tensor, NULL), LINNET_OK);
    assert_int_equal(linnet_state_dict_set(dict, "__metadata__", &tensor, NULL), LINNET_OK);
    check_save_fails(dict, path, LINNET_ERROR_ARGUMENT,
                     "a safetensors file cannot hold a tensor named '__metadata__'");
    linnet_state_dict_free(dict);
    const char *bad[] = {"\xff",     "\xc0\x80",     "\xed\xa0\x80",     "\xf4\x90\x80\x80",
                         "\xe2\x82", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        linnet_error error = {0};
        assert_int_equal(linnet_state_dict_create(&dict, NULL), LINNET_OK);
        assert_int_equal(linnet_state_dict_set(dict, bad[i], &tensor, NULL), LINNET_OK);
        assert_int_equal(linnet_state_dict_save(dict, path, &error), LINNET_ERROR_ARGUMENT);
        assert_non_null(strstr(error.message, "is not valid UTF-8"));
        linnet_state_dict_free(dict);
    }
    assert_int_equal(linnet_state_dict_create(&dict, NULL), LINNET_OK);
    assert_int_equal(linnet_state_dict_metadata_set(dict, "key", "\xfe", NULL), LINNET_OK);
    check_save_fails(dict, path, LINNET_ERROR_ARGUMENT,
                     "the metadata value '?' is not valid UTF-8");
    linnet_state_dict_free(dict);
    assert_int_equal(linnet_state_dict_create(&dict, NULL), LINNET_OK);
    assert_int_equal(linnet_state_dict_metadata_set(dict, "\xfe", "", NULL), LINNET_OK);
    check_save_fails(dict, path, LINNET_ERROR_ARGUMENT, "the metadata key '?' is not valid UTF-8");
    linnet_state_dict_free(dict);
    assert_int_equal(scratch_count(state), 0);
}

/* What the reader would refuse is not written: each of these characters takes six in the header. */
static void test_no_header_beyond_the_limit(void **state)
{
    enum { COUNT = 16666667 };
    linnet_state_dict *dict;
    linnet_error error = {0};
    char *value = malloc(COUNT + 1);
    assert_non_null(value);
    memset(value, 1, COUNT);
    value[COUNT] = '\0';
    check_ok(linnet_state_dict_create(&dict, &error), &error);
    check_ok(linnet_state_dict_metadata_set(dict, "k", value, &error), &error);
    free(value);
    check_save_fails(dict, scratch_path(state, "large.safetensors"), LINNET_ERROR_UNSUPPORTED,
                     "names and metadata make a header of 100000032 bytes, and at most 100000000 "
                     "are allowed");
    assert_int_equal(scratch_count(state), 0);
    linnet_state_dict_free(dict);
}

/* Metadata is written sorted, and a strided tensor as its elements in row-major order. */
static void test_sorted_metadata_and_strided_tensors(void **state)
{
    linnet_state_dict *dict;
    linnet_error error = {0};
    check_ok(linnet_state_dict_create(&dict, &error), &error);
    check_ok(linnet_state_dict_metadata_set(dict, "b", "2", &error), &error);
    check_ok(linnet_state_dict_metadata_set(dict, "a", "1", &error), &error);
    uint8_t bytes[6] = {0, 1, 2, 3, 4, 5};
    linnet_tensor tensor, transposed;
    check_ok(linnet_tensor_from(bytes, LINNET_UINT8, 2, (int64_t[]){2, 3}, &tensor, &error),
             &error);
    check_ok(linnet_tensor_t(&tensor, &transposed, &error), &error);
    check_ok(ln_state_dict_take(dict, "t", &transposed, &error), &error);
    const char *path = scratch_path(state, "sorted.safetensors");
    check_ok(linnet_state_dict_save(dict, path, &error), &error);
    linnet_state_dict_free(dict);
    const char expected[] = "\x68\0\0\0\0\0\0\0{\"__metadata__\":{\"a\":\"1\",\"b\":\"2\"},"
                            "\"t\":{\"dtype\":\"U8\",\"shape\":[3,2],\"data_offsets\":[0,6]}}"
                            "         \x00\x03\x01\x04\x02\x05";
    size_t size;
    uint8_t *found = read_bytes(path, &size);
    assert_int_equal(found[0] % 8, 0);
    size_t spaces = size - 6;
    while (found[spaces - 1] == ' ') {
        spaces--;
    }
    assert_memory_equal(found + 1, expected + 1, spaces - 1);
    assert_memory_equal(found + size - 6, expected + sizeof expected - 7, 6);
    free(found);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_torch_state_dict),
        cmocka_unit_test(test_written_as_the_reference_does),
        cmocka_unit_test(test_every_dtype),
        cmocka_unit_test(test_no_tensors),
        cmocka_unit_test(test_unaligned_data_is_copied),
        cmocka_unit_test(test_order_of_bytes),
        cmocka_unit_test(test_hostile_headers),
        cmocka_unit_test(test_hostile_lengths),
        cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_deep_header),
        cmocka_unit_test(test_saving_fails),
        cmocka_unit_test(test_no_header_beyond_the_limit),
        cmocka_unit_test(test_sorted_metadata_and_strided_tensors),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
