/* test_dataset.c - datasets over memory and from files, their splits, and every refusal.
 *
 * The formats have suites of their own; here it is which array is taken for what, and what features
 * and labels may be. Files are written to a directory of the suite's own. */
#include "support/check.h"

#include <math.h>
#include <unistd.h>

#include "data/data.h"
#include "numeric/half.h"
#include "numeric/random.h"
#include "tensor/tensor.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/linnet-dataset-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

/* folder/name; good for the next fifteen calls. */
static const char *path_of(const char *name)
{
    static char paths[16][128];
    static int next;
    next = (next + 1) % 16;
    snprintf(paths[next], sizeof paths[next], "%s/%s", folder, name);
    return paths[next];
}

static const char *write_text(const char *name, const char *text)
{
    const char *path = path_of(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

static linnet_tensor view_of(void *data, linnet_dtype dtype, int rank, const int64_t *shape)
{
    linnet_error error;
    linnet_tensor tensor;
    check_ok(linnet_tensor_from(data, dtype, rank, shape, &tensor, &error), &error);
    return tensor;
}

#define VIEW(data, dtype, ...)                                                                     \
    view_of(data, dtype, (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),          \
            (const int64_t[]){__VA_ARGS__})

/* Writes tensors under their names; the ending of `name` is the format. */
static const char *write_tensors(const char *name, size_t count, const char *const *names,
                                 const linnet_tensor *tensors)
{
    linnet_error error;
    linnet_state_dict *file;
    const char *path = path_of(name);
    check_ok(linnet_state_dict_create(&file, &error), &error);
    for (size_t i = 0; i < count; i++) {
        check_ok(linnet_state_dict_set(file, names[i], &tensors[i], &error), &error);
    }
    check_ok(linnet_state_dict_save(file, path, &error), &error);
    linnet_state_dict_free(file);
    return path;
}

static const char *write_npy(const char *name, linnet_tensor tensor)
{
    return write_tensors(name, 1, (const char *const[]){""}, &tensor);
}

static linnet_dataset *open_ok(const char *path, const linnet_dataset_options *options)
{
    linnet_error error;
    linnet_dataset *dataset;
    check_ok(linnet_dataset_open(path, options, &dataset, &error), &error);
    return dataset;
}

static void open_fails(const char *path, const linnet_dataset_options *options,
                       linnet_status expected, const char *place, const char *message)
{
    linnet_error error;
    linnet_dataset *dataset = (linnet_dataset *)(uintptr_t)1;
    linnet_status status = linnet_dataset_open(path, options, &dataset, &error);
    assert_string_equal(error.message, message);
    assert_string_equal(error.place, place);
    assert_int_equal(status, expected);
    assert_int_equal(error.status, expected);
    assert_null(dataset);
    assert_int_equal(linnet_dataset_open(path, options, &dataset, NULL), expected);
}

static void create_fails(linnet_tensor features, const linnet_tensor *labels,
                         linnet_status expected, const char *message)
{
    linnet_error error;
    linnet_dataset *dataset = (linnet_dataset *)(uintptr_t)1;
    linnet_status status = linnet_dataset_create(&features, labels, false, &dataset, &error);
    assert_string_equal(error.message, message);
    assert_string_equal(error.place, "");
    assert_int_equal(status, expected);
    assert_null(dataset);
}

static linnet_dataset *create_ok(linnet_tensor features, const linnet_tensor *labels)
{
    linnet_error error;
    linnet_dataset *dataset;
    check_ok(linnet_dataset_create(&features, labels, false, &dataset, &error), &error);
    return dataset;
}

static void expect_rows(const linnet_dataset *dataset, int64_t first, int64_t count,
                        const float *expected)
{
    size_t n = (size_t)(count * linnet_dataset_features(dataset));
    float *out = malloc(n * sizeof *out); /* exactly as long as it has to be */
    linnet_dataset_read(dataset, first, count, out);
    check_same(expected, out, n, "rows %lld", (long long)first);
    free(out);
}

/* ---- over memory ---- */

static void test_create(void **state)
{
    (void)state;
    float data[12];
    for (int i = 0; i < 12; i++) {
        data[i] = (float)i;
    }
    int64_t labels[3] = {4, 0, 4};
    linnet_tensor y = VIEW(labels, LINNET_INT64, 3);
    linnet_dataset *dataset = create_ok(VIEW(data, LINNET_FLOAT32, 3, 2, 2), &y);
    assert_int_equal(linnet_dataset_rows(dataset), 3);
    assert_int_equal(linnet_dataset_features(dataset), 4);
    int64_t shape[LINNET_MAX_RANK];
    assert_int_equal(linnet_dataset_row_shape(dataset, shape), 2);
    assert_int_equal(shape[0], 2);
    assert_int_equal(shape[1], 2);
    assert_int_equal(linnet_dataset_dtype(dataset), LINNET_FLOAT32);
    assert_ptr_equal(linnet_dataset_labels(dataset), labels); /* borrowed */
    assert_int_equal(linnet_dataset_class_count(dataset), 5);
    assert_null(linnet_dataset_classes(dataset));
    expect_rows(dataset, 0, 3, data);
    expect_rows(dataset, 1, 2, data + 4);
    expect_rows(dataset, 3, 0, data);
    linnet_dataset_free(dataset);

    dataset = create_ok(VIEW(data, LINNET_FLOAT32, 6, 2), NULL);
    assert_null(linnet_dataset_labels(dataset));
    assert_int_equal(linnet_dataset_class_count(dataset), 0);
    linnet_dataset_free(dataset);
    linnet_dataset_free(NULL);
}

static void test_dtypes(void **state)
{
    (void)state;
    static const uint8_t u8[] = {0, 127, 255, 1};
    static const int32_t i32[] = {-1, 16777217, INT32_MIN, 7};
    static const int64_t i64[] = {-1, 16777219, INT64_MIN, 7};
    static const uint16_t f16[] = {0x3c00, 0x0001, 0xc000, 0x7bff};
    static const uint16_t bf16[] = {0x3f80, 0x0001, 0xc000, 0x7f7f};
    static const double f64[] = {0.1, -1e-300, 16777217, 3e38};
    const struct {
        linnet_dtype dtype;
        const void *data;
        float expected[4];
    } cases[] = {
        {LINNET_UINT8, u8, {0, 127, 255, 1}},
        {LINNET_INT32, i32, {-1, 16777216, -0x1p31f, 7}},
        {LINNET_INT64, i64, {-1, 16777220, -0x1p63f, 7}},
        {LINNET_FLOAT16, f16, {1, 0x1p-24f, -2, 65504}},
        {LINNET_BFLOAT16, bf16, {1, 0x1p-133f, -2, 0x1.fep127f}},
        {LINNET_FLOAT64, f64, {0.1f, -0.0f, 16777216, 3e38f}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        linnet_tensor x = VIEW((void *)(uintptr_t)cases[i].data, cases[i].dtype, 2, 2);
        linnet_dataset *dataset = create_ok(x, NULL);
        assert_int_equal(linnet_dataset_dtype(dataset), cases[i].dtype);
        expect_rows(dataset, 0, 2, cases[i].expected);
        linnet_dataset_free(dataset);
    }
    int16_t i16[4] = {0};
    create_fails(VIEW(i16, LINNET_INT16, 2, 2), NULL, LINNET_ERROR_UNSUPPORTED,
                 "expected features of dtype float32, float64, float16, bfloat16, uint8, int32 or "
                 "int64, found int16");
}

/* Rows that lie apart, or backwards, are read in place; rows that are not contiguous are copied. */
static void test_strides(void **state)
{
    (void)state;
    float data[12];
    for (int i = 0; i < 12; i++) {
        data[i] = (float)i;
    }
    linnet_tensor x = VIEW(data, LINNET_FLOAT32, 3, 2);
    x.strides[0] = 4;
    linnet_dataset *dataset = create_ok(x, NULL);
    expect_rows(dataset, 0, 3, (const float[]){0, 1, 4, 5, 8, 9});
    data[4] = 40; /* a view, not a copy */
    expect_rows(dataset, 1, 1, (const float[]){40, 5});
    linnet_dataset_free(dataset);
    data[4] = 4;

    x.data = data + 8;
    x.strides[0] = -4;
    dataset = create_ok(x, NULL);
    expect_rows(dataset, 0, 3, (const float[]){8, 9, 4, 5, 0, 1});
    linnet_dataset_free(dataset);

    x = VIEW(data, LINNET_FLOAT32, 4, 3);
    x.strides[0] = 1;
    x.strides[1] = 4;
    dataset = create_ok(x, NULL);
    expect_rows(dataset, 1, 2, (const float[]){1, 5, 9, 2, 6, 10});
    linnet_dataset_free(dataset);
}

static void test_shapes_refused(void **state)
{
    (void)state;
    float data[4] = {0};
    create_fails(VIEW(data, LINNET_FLOAT32, 4), NULL, LINNET_ERROR_SHAPE,
                 "expected features of shape (rows, *), found [4]");
    create_fails(view_of(data, LINNET_FLOAT32, 0, NULL), NULL, LINNET_ERROR_SHAPE,
                 "expected features of shape (rows, *), found []");
    create_fails(VIEW(data, LINNET_FLOAT32, 0, 4), NULL, LINNET_ERROR_DATA,
                 "expected at least one row of features, found [0, 4]");
    linnet_dataset *dataset = create_ok(VIEW(data, LINNET_FLOAT32, 4, 0), NULL);
    assert_int_equal(linnet_dataset_features(dataset), 0);
    float none = 5;
    linnet_dataset_read(dataset, 0, 4, &none);
    assert_true(none == 5);
    linnet_dataset_free(dataset);
}

/* ---- NaN and infinity ---- */

static void test_not_finite(void **state)
{
    (void)state;
    enum { ROWS = 700, COLUMNS = 3 };
    static float data[ROWS * COLUMNS];
    linnet_error error;
    linnet_tensor x = VIEW(data, LINNET_FLOAT32, ROWS, COLUMNS);
    const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
    const char *const names[] = {"nan", "nan", "inf", "-inf"};
    /* Every place: the first, the last, and both sides of each block that is scanned at a time. */
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        char message[128];
        snprintf(message, sizeof message,
                 "features, row %d, column %d: expected a finite number, found %s", i / COLUMNS,
                 i % COLUMNS, names[i % 4]);
        data[i] = bad[i % 4];
        data[ROWS * COLUMNS - 1] = i % 2 == 0 ? NAN : data[ROWS * COLUMNS - 1]; /* not the first */
        if (i == ROWS * COLUMNS - 1) {
            data[i] = bad[i % 4];
        }
        create_fails(x, NULL, LINNET_ERROR_DATA, message);
        data[i] = 3e38f;
        data[ROWS * COLUMNS - 1] = 0;
    }
    data[5] = NAN;
    linnet_dataset *dataset;
    check_ok(linnet_dataset_create(&x, NULL, true, &dataset, &error), &error);
    expect_rows(dataset, 0, 3, data);
    linnet_dataset_free(dataset);

    x = VIEW(data, LINNET_FLOAT32, ROWS / 2, COLUMNS); /* rows with gaps, and NaN in a gap */
    x.strides[0] = 2 * COLUMNS;
    data[5] = NAN;
    linnet_dataset_free(create_ok(x, NULL));
    data[7] = NAN;
    create_fails(x, NULL, LINNET_ERROR_DATA,
                 "features, row 1, column 1: expected a finite number, found nan");
}

static void test_not_finite_dtypes(void **state)
{
    (void)state;
    double f64[4] = {1, 2, 1e300, 4};
    create_fails(VIEW(f64, LINNET_FLOAT64, 2, 2), NULL, LINNET_ERROR_DATA,
                 "features, row 1, column 0: expected a finite number, found 1e+300, which float32 "
                 "cannot hold");
    f64[2] = -INFINITY;
    create_fails(VIEW(f64, LINNET_FLOAT64, 2, 2), NULL, LINNET_ERROR_DATA,
                 "features, row 1, column 0: expected a finite number, found -inf");
    uint16_t half[4] = {0x3c00, 0x7e00, 0, 0};
    create_fails(VIEW(half, LINNET_FLOAT16, 2, 2), NULL, LINNET_ERROR_DATA,
                 "features, row 0, column 1: expected a finite number, found nan");
    half[1] = 0xff80;
    create_fails(VIEW(half, LINNET_BFLOAT16, 1, 2, 2), NULL, LINNET_ERROR_DATA,
                 "features, row 0, column 1: expected a finite number, found -inf");
}

/* ---- labels ---- */

static void test_label_dtypes(void **state)
{
    (void)state;
    static float x[6];
    linnet_tensor features = VIEW(x, LINNET_FLOAT32, 3, 2);
    int64_t i64[] = {2, 0, 1};
    int32_t i32[] = {2, 0, 1};
    int16_t i16[] = {2, 0, 1};
    int8_t i8[] = {2, 0, 1};
    uint8_t u8[] = {2, 0, 1};
    uint16_t u16[] = {2, 0, 1};
    uint32_t u32[] = {2, 0, 1};
    uint64_t u64[] = {2, 0, 1};
    double f64[] = {2, -0.0, 1};
    float f32[] = {2, 0, 1};
    uint16_t f16[] = {0x4000, 0, 0x3c00};
    uint16_t bf16[] = {0x4000, 0, 0x3f80};
    const struct {
        linnet_dtype dtype;
        void *data;
    } cases[] = {
        {LINNET_INT64, i64},   {LINNET_INT32, i32},   {LINNET_INT16, i16},
        {LINNET_INT8, i8},     {LINNET_UINT8, u8},    {LINNET_UINT16, u16},
        {LINNET_UINT32, u32},  {LINNET_UINT64, u64},  {LINNET_FLOAT64, f64},
        {LINNET_FLOAT32, f32}, {LINNET_FLOAT16, f16}, {LINNET_BFLOAT16, bf16},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int column = 0; column < 2; column++) {
            linnet_tensor y = column ? VIEW(cases[i].data, cases[i].dtype, 3, 1)
                                     : VIEW(cases[i].data, cases[i].dtype, 3);
            linnet_dataset *dataset = create_ok(features, &y);
            assert_memory_equal(linnet_dataset_labels(dataset), i64, sizeof i64);
            assert_int_equal(linnet_dataset_class_count(dataset), 3);
            linnet_dataset_free(dataset);
        }
    }
    uint8_t flags[] = {1, 0, 1};
    linnet_tensor y = VIEW(flags, LINNET_BOOL, 3);
    linnet_dataset *dataset = create_ok(features, &y);
    assert_int_equal(linnet_dataset_class_count(dataset), 2);
    linnet_dataset_free(dataset);
    int64_t apart[] = {2, 9, 0, 9, 1, 9};
    y = VIEW(apart, LINNET_INT64, 3);
    y.strides[0] = 2;
    dataset = create_ok(features, &y);
    assert_memory_equal(linnet_dataset_labels(dataset), i64, sizeof i64);
    linnet_dataset_free(dataset);
}

static void test_labels_refused(void **state)
{
    (void)state;
    static float x[6];
    linnet_tensor features = VIEW(x, LINNET_FLOAT32, 3, 2);
    int64_t i64[] = {0, 1, -3, 0};
    linnet_tensor y = VIEW(i64, LINNET_INT64, 3);
    create_fails(features, &y, LINNET_ERROR_DATA,
                 "label of row 2: expected a number from 0 to 2147483646, found -3");
    i64[2] = 2147483647;
    create_fails(features, &y, LINNET_ERROR_DATA,
                 "label of row 2: expected a number from 0 to 2147483646, found 2147483647");
    i64[2] = 2147483646;
    linnet_dataset *dataset = create_ok(features, &y);
    assert_int_equal(linnet_dataset_class_count(dataset), 2147483647);
    linnet_dataset_free(dataset);
    uint64_t u64[] = {UINT64_MAX, 0, 0};
    y = VIEW(u64, LINNET_UINT64, 3);
    create_fails(features, &y, LINNET_ERROR_DATA,
                 "label of row 0: expected a number from 0 to 2147483646, found "
                 "9223372036854775807 or more");
    float f32[] = {0, 2.5f, 0};
    y = VIEW(f32, LINNET_FLOAT32, 3);
    create_fails(features, &y, LINNET_ERROR_DATA,
                 "label of row 1: expected a whole number, found 2.5");
    f32[1] = NAN;
    create_fails(features, &y, LINNET_ERROR_DATA,
                 "label of row 1: expected a whole number, found nan");
    f32[1] = 1e30f;
    assert_int_equal(linnet_dataset_create(&features, &y, false, &dataset, NULL),
                     LINNET_ERROR_DATA);
    f32[1] = -1;
    create_fails(features, &y, LINNET_ERROR_DATA,
                 "label of row 1: expected a number from 0 to 2147483646, found -1");
    y = VIEW(i64, LINNET_INT64, 4);
    create_fails(features, &y, LINNET_ERROR_DATA,
                 "expected as many labels as rows, found 4 labels and 3 rows");
    y = VIEW(i64, LINNET_INT64, 2, 2);
    create_fails(features, &y, LINNET_ERROR_SHAPE,
                 "expected labels of shape (rows) or (rows, 1), found [2, 2]");
    y = view_of(i64, LINNET_INT64, 0, NULL);
    create_fails(features, &y, LINNET_ERROR_SHAPE,
                 "expected labels of shape (rows) or (rows, 1), found []");
    y = VIEW(i64, LINNET_FLOAT8_E5M2, 3);
    create_fails(features, &y, LINNET_ERROR_UNSUPPORTED,
                 "expected labels of an integer dtype, found float8_e5m2");
}

/* ---- gathering ---- */

static void test_gather(void **state)
{
    (void)state;
    enum { ROWS = 500, COLUMNS = 77, COUNT = 1203 };
    static uint8_t data[ROWS * COLUMNS];
    static int64_t index[COUNT];
    static float expected[COUNT * COLUMNS];
    static float out[COUNT * COLUMNS];
    check_random random = {4};
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        data[i] = (uint8_t)check_next(&random);
    }
    for (int i = 0; i < COUNT; i++) {
        index[i] = (int64_t)(check_next(&random) % ROWS);
        for (int j = 0; j < COLUMNS; j++) {
            expected[i * COLUMNS + j] = (float)data[index[i] * COLUMNS + j];
        }
    }
    linnet_dataset *dataset = create_ok(VIEW(data, LINNET_UINT8, ROWS, COLUMNS), NULL);
    for (int threads = 0; threads <= 3; threads++) {
        linnet_error error;
        ln_pool *pool = NULL;
        if (threads > 0) {
            check_ok(ln_pool_create(threads, &pool, &error), &error);
        }
        for (size_t count = 0; count <= COUNT; count = count * 3 + 1) {
            memset(out, 0xff, sizeof out);
            ln_dataset_gather(dataset, pool, index, count, out);
            check_same(expected, out, count * COLUMNS, "%d threads", threads);
        }
        ln_dataset_gather(dataset, pool, index, COUNT, out);
        check_same(expected, out, COUNT * COLUMNS, "%d threads", threads);
        ln_pool_free(pool);
    }
    linnet_dataset_free(dataset);
}

/* ---- split ---- */

static linnet_dataset *numbered_rows(float *data, int64_t *labels, int64_t rows)
{
    for (int64_t i = 0; i < rows; i++) {
        data[i] = (float)i;
        labels[i] = i % 7;
    }
    linnet_tensor y = VIEW(labels, LINNET_INT64, rows);
    return create_ok(VIEW(data, LINNET_FLOAT32, rows, 1), &y);
}

static void test_split(void **state)
{
    (void)state;
    enum { ROWS = 103 };
    float data[ROWS];
    int64_t labels[ROWS];
    int64_t order[ROWS];
    linnet_error error;
    linnet_dataset *dataset = numbered_rows(data, labels, ROWS);
    linnet_dataset *rest, *held;
    check_ok(linnet_dataset_split(dataset, 0.25, 9, &rest, &held, &error), &error);
    assert_int_equal(linnet_dataset_rows(held), 26); /* floor(25.75 + 0.5) */
    assert_int_equal(linnet_dataset_rows(rest), 77);
    ln_philox_permutation(ln_philox_stream(9, 0, 0, LN_STREAM_SPLIT), ROWS, order);
    bool expected[ROWS] = {false};
    for (int i = 0; i < 26; i++) {
        expected[order[i]] = true;
    }
    int64_t next[2] = {0, 0};
    for (int64_t i = 0; i < ROWS; i++) {
        linnet_dataset *part = expected[i] ? held : rest;
        int64_t *row = &next[expected[i]];
        expect_rows(part, *row, 1, &data[i]);
        assert_int_equal(linnet_dataset_labels(part)[*row], i % 7);
        ++*row;
    }
    assert_int_equal(linnet_dataset_class_count(rest), 7);
    assert_int_equal(linnet_dataset_class_count(held), 7);

    /* A part is split like a dataset. */
    linnet_dataset *outer, *inner;
    check_ok(linnet_dataset_split(held, 0.5, 1, &outer, &inner, &error), &error);
    assert_int_equal(linnet_dataset_rows(outer), 13);
    float both[26], all[26];
    linnet_dataset_read(outer, 0, 13, both);
    linnet_dataset_read(inner, 0, 13, both + 13);
    linnet_dataset_read(held, 0, 26, all);
    for (int i = 0; i < 13; i++) {
        assert_int_equal(linnet_dataset_labels(inner)[i], (int)both[13 + i] % 7);
        assert_true(i == 0 || (both[i] > both[i - 1] && both[13 + i] > both[12 + i]));
    }
    for (int i = 0; i < 26; i++) {
        int found = 0;
        for (int k = 0; k < 26; k++) {
            found += both[k] == all[i];
        }
        assert_int_equal(found, 1);
    }
    linnet_dataset_free(outer);
    linnet_dataset_free(inner);
    linnet_dataset_free(rest);
    linnet_dataset_free(held);
    linnet_dataset_free(dataset);
}

static void test_split_seeds(void **state)
{
    (void)state;
    enum { ROWS = 60 };
    float data[ROWS], first[30], again[30], other[30];
    int64_t labels[ROWS];
    linnet_error error;
    linnet_dataset *dataset = numbered_rows(data, labels, ROWS);
    float *out[] = {first, again, other};
    const uint64_t seeds[] = {5, 5, 6};
    for (int i = 0; i < 3; i++) {
        linnet_dataset *rest, *held;
        check_ok(linnet_dataset_split(dataset, 0.5, seeds[i], &rest, &held, &error), &error);
        linnet_dataset_read(held, 0, 30, out[i]);
        linnet_dataset_free(rest);
        linnet_dataset_free(held);
    }
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
    linnet_dataset_free(dataset);
}

static void test_split_refused(void **state)
{
    (void)state;
    float data[4];
    int64_t labels[4];
    linnet_error error;
    linnet_dataset *dataset = numbered_rows(data, labels, 4);
    linnet_dataset *rest, *held;
    const double outside[] = {0, 1, -0.5, 1.5, NAN, INFINITY};
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        assert_int_equal(linnet_dataset_split(dataset, outside[i], 0, &rest, &held, &error),
                         LINNET_ERROR_ARGUMENT);
        assert_null(rest);
        assert_null(held);
    }
    linnet_dataset_split(dataset, 1.5, 0, &rest, &held, &error) == LINNET_OK ? fail() : (void)0;
    assert_string_equal(error.message,
                        "expected a fraction between 0 and 1 to hold out, found 1.5");
    assert_int_equal(linnet_dataset_split(dataset, 0.1, 0, &rest, &held, &error),
                     LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.message, "holding out 0.1 of 4 rows would hold out 0 and leave 4; "
                                       "expected rows in both parts");
    assert_int_equal(linnet_dataset_split(dataset, 0.9, 0, &rest, &held, &error),
                     LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.message, "holding out 0.9 of 4 rows would hold out 4 and leave 0; "
                                       "expected rows in both parts");
    linnet_dataset_free(dataset);
}

/* ---- files ---- */

static void test_open_npy(void **state)
{
    (void)state;
    float x[6] = {1, 2, 3, 4, 5, 6};
    int32_t y[3] = {0, 2, 1};
    const char *features = write_npy("features.npy", VIEW(x, LINNET_FLOAT32, 3, 2));
    const char *labels = write_npy("labels.npy", VIEW(y, LINNET_INT32, 3, 1));
    linnet_dataset *dataset = open_ok(features, NULL);
    expect_rows(dataset, 0, 3, x);
    assert_null(linnet_dataset_labels(dataset));
    linnet_dataset_free(dataset);

    linnet_dataset_options options = {.labels = LINNET_LABELS_REQUIRED, .labels_path = labels};
    dataset = open_ok(features, &options);
    assert_int_equal(linnet_dataset_labels(dataset)[1], 2);
    assert_int_equal(linnet_dataset_class_count(dataset), 3);
    linnet_dataset_free(dataset);

    options.labels_path = NULL;
    open_fails(features, &options, LINNET_ERROR_DATA, features,
               "expected an array 'y' for the labels; the file holds: float32 [3, 2]");
    options.x = "images";
    open_fails(features, &options, LINNET_ERROR_DATA, features,
               "expected an array 'images' for the features; the file holds: float32 [3, 2]");
    open_fails(labels, &(linnet_dataset_options){.labels_path = path_of("none.npy")},
               LINNET_ERROR_IO, path_of("none.npy"), "cannot open: No such file or directory");
}

static void test_open_errors_have_places(void **state)
{
    (void)state;
    float x[6] = {1, 2, 3, 4, 5, NAN};
    int64_t y[3] = {0, -1, 1};
    const char *features = write_npy("nan.npy", VIEW(x, LINNET_FLOAT32, 3, 2));
    const char *labels = write_npy("negative.npy", VIEW(y, LINNET_INT64, 3));
    linnet_dataset_options options = {.allow_nan = false};
    open_fails(features, &options, LINNET_ERROR_DATA, features,
               "features, row 2, column 1: expected a finite number, found nan");
    options.allow_nan = true;
    linnet_dataset_free(open_ok(features, &options));
    options.labels_path = labels;
    open_fails(features, &options, LINNET_ERROR_DATA, labels,
               "label of row 1: expected a number from 0 to 2147483646, found -1");
    labels = write_npy("short.npy", VIEW(y, LINNET_INT64, 2));
    options.labels_path = labels;
    open_fails(features, &options, LINNET_ERROR_DATA, labels,
               "expected as many labels as rows, found 2 labels and 3 rows");
    const char *flat = write_npy("flat.npy", VIEW(x, LINNET_FLOAT32, 6));
    open_fails(flat, NULL, LINNET_ERROR_SHAPE, flat,
               "expected features of shape (rows, *), found [6]");
    const char *empty = write_npy("empty.npy", VIEW(x, LINNET_FLOAT32, 0, 6));
    open_fails(empty, NULL, LINNET_ERROR_DATA, empty,
               "expected at least one row of features, found [0, 6]");
}

/* Which of several arrays: the same for every format that holds several. */
static void test_open_arrays(void **state)
{
    (void)state;
    float a[6] = {1, 2, 3, 4, 5, 6};
    int64_t b[3] = {2, 0, 1};
    const linnet_tensor tensors[] = {VIEW(a, LINNET_FLOAT32, 3, 2), VIEW(b, LINNET_INT64, 3),
                                     VIEW(b, LINNET_INT64, 1, 3)};
    const char *path = write_tensors("xy.safetensors", 2, (const char *const[]){"x", "y"}, tensors);
    linnet_dataset *dataset = open_ok(path, NULL);
    expect_rows(dataset, 0, 3, a);
    assert_memory_equal(linnet_dataset_labels(dataset), b, sizeof b);
    linnet_dataset_free(dataset);
    open_fails(path, &(linnet_dataset_options){.y = "z"}, LINNET_ERROR_DATA, path,
               "expected an array 'z' for the labels; the file holds: y int64 [3], x float32 "
               "[3, 2]");

    path = write_tensors("named.safetensors", 3, (const char *const[]){"data", "target", "other"},
                         tensors);
    const char *list =
        "expected an array 'x' or 'X' for the features; the file holds: data float32 "
        "[3, 2], other int64 [1, 3], target int64 [3]";
    linnet_error error;
    assert_int_equal(linnet_dataset_open(path, NULL, &dataset, &error), LINNET_ERROR_DATA);
    assert_int_equal(strlen(error.message), strlen(list)); /* in the file's order, whatever it is */
    assert_non_null(strstr(error.message, "data float32 [3, 2]"));
    assert_non_null(strstr(error.message, "target int64 [3]"));
    dataset = open_ok(path, &(linnet_dataset_options){.x = "data", .y = "target"});
    assert_int_equal(linnet_dataset_class_count(dataset), 3);
    linnet_dataset_free(dataset);
    dataset = open_ok(path, &(linnet_dataset_options){.x = "data"}); /* labels if any: none */
    assert_null(linnet_dataset_labels(dataset));
    linnet_dataset_free(dataset);
    assert_int_equal(linnet_dataset_open(
                         path,
                         &(linnet_dataset_options){.x = "data", .labels = LINNET_LABELS_REQUIRED},
                         &dataset, &error),
                     LINNET_ERROR_DATA);
    assert_non_null(strstr(error.message, "expected an array 'y' for the labels"));

    const char *labels =
        write_tensors("only.safetensors", 1, (const char *const[]){"target"}, tensors + 1);
    dataset = open_ok(path, &(linnet_dataset_options){.x = "data", .labels_path = labels});
    assert_memory_equal(linnet_dataset_labels(dataset), b, sizeof b);
    linnet_dataset_free(dataset);
    open_fails(path, &(linnet_dataset_options){.x = "data", .y = "t", .labels_path = labels},
               LINNET_ERROR_DATA, labels,
               "expected an array 't' for the labels; the file holds: target int64 [3]");
}

/* A long list of arrays is cut, not overrun. */
static void test_open_many_arrays(void **state)
{
    (void)state;
    enum { COUNT = 60 };
    static char text[COUNT][40];
    const char *names[COUNT];
    linnet_tensor tensors[COUNT];
    float value = 0;
    for (int i = 0; i < COUNT; i++) {
        snprintf(text[i], sizeof text[i], "some.quite.long.name.number.%d", i);
        names[i] = text[i];
        tensors[i] = VIEW(&value, LINNET_FLOAT32, 1, 1);
    }
    const char *path = write_tensors("many.safetensors", COUNT, names, tensors);
    linnet_error error;
    linnet_dataset *dataset;
    assert_int_equal(linnet_dataset_open(path, NULL, &dataset, &error), LINNET_ERROR_DATA);
    size_t length = strlen(error.message);
    assert_true(length < sizeof error.message - 1);
    assert_string_equal(error.message + length - 3, "...");
}

static void test_open_npz(void **state)
{
    (void)state;
    const char *path = LN_TEST_DATA "/dataset/arrays.npz";
    linnet_error error;
    linnet_dataset *dataset;
    linnet_status status = linnet_dataset_open(path, NULL, &dataset, &error);
    if (status == LINNET_ERROR_UNSUPPORTED && strstr(error.message, "built without npz") != NULL) {
        skip();
    }
    check_ok(status, &error);
    int64_t shape[LINNET_MAX_RANK];
    assert_int_equal(linnet_dataset_row_shape(dataset, shape), 2);
    expect_rows(dataset, 1, 2, (const float[]){4, 5, 6, 7, 8, 9, 10, 11});
    assert_memory_equal(linnet_dataset_labels(dataset), ((const int64_t[]){2, 0, 1}),
                        3 * sizeof(int64_t));
    linnet_dataset_free(dataset);
    dataset = open_ok(path, &(linnet_dataset_options){.x = "fortran", .y = "other"});
    expect_rows(dataset, 0, 3, (const float[]){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
    assert_int_equal(linnet_dataset_class_count(dataset), 8);
    linnet_dataset_free(dataset);
    open_fails(
        path, &(linnet_dataset_options){.x = "pixels"}, LINNET_ERROR_DATA, path,
        "expected an array 'pixels' for the features; the file holds: X float16 [3, 2, 2], y "
        "int16 [3], other float64 [3, 1], fortran float64 [3, 4]");
}

static void test_open_csv(void **state)
{
    (void)state;
    const char *path = write_text("named.csv", "a,label,b\n1,dog,2\n3,cat,4\n5,dog,6\n");
    const float x[] = {1, 2, 3, 4, 5, 6};
    linnet_dataset *dataset = open_ok(path, NULL);
    expect_rows(dataset, 0, 3, x);
    assert_memory_equal(linnet_dataset_labels(dataset), ((const int64_t[]){1, 0, 1}),
                        3 * sizeof(int64_t));
    assert_int_equal(linnet_dataset_class_count(dataset), 2);
    assert_string_equal(linnet_dataset_classes(dataset)[0], "cat");
    assert_string_equal(linnet_dataset_classes(dataset)[1], "dog");
    linnet_error error;
    linnet_dataset *rest, *held;
    check_ok(linnet_dataset_split(dataset, 0.3, 0, &rest, &held, &error), &error);
    assert_int_equal(linnet_dataset_class_count(held), 2);
    assert_ptr_equal(linnet_dataset_classes(held), linnet_dataset_classes(dataset));
    linnet_dataset_free(rest);
    linnet_dataset_free(held);
    linnet_dataset_free(dataset);

    const char *const classes[] = {"dog", "bird", "cat"};
    dataset = open_ok(path, &(linnet_dataset_options){.classes = classes, .class_count = 3});
    assert_memory_equal(linnet_dataset_labels(dataset), ((const int64_t[]){0, 2, 0}),
                        3 * sizeof(int64_t));
    assert_int_equal(linnet_dataset_class_count(dataset), 3);
    assert_string_equal(linnet_dataset_classes(dataset)[1], "bird");
    linnet_dataset_free(dataset);
    linnet_dataset_options unknown = {.classes = classes, .class_count = 2};
    assert_int_equal(linnet_dataset_open(path, &unknown, &dataset, &error), LINNET_ERROR_DATA);

    /* y names the column, and a column that is the label is no feature. */
    path = write_text("numbers.csv", "a,b,kind\n1,0,2\n3,1,4\n");
    dataset = open_ok(path, &(linnet_dataset_options){.y = "b"});
    expect_rows(dataset, 0, 2, (const float[]){1, 2, 3, 4});
    linnet_dataset_free(dataset);
    dataset = open_ok(path, NULL); /* no usual name: no labels */
    assert_int_equal(linnet_dataset_features(dataset), 3);
    assert_null(linnet_dataset_labels(dataset));
    linnet_dataset_free(dataset);
    dataset = open_ok(path, &(linnet_dataset_options){.labels = LINNET_LABELS_REQUIRED});
    assert_int_equal(linnet_dataset_features(dataset), 2); /* the last column */
    assert_int_equal(linnet_dataset_class_count(dataset), 5);
    linnet_dataset_free(dataset);
}

static void test_open_csv_labels(void **state)
{
    (void)state;
    float x[6] = {1, 2, 3, 4, 5, 6};
    const char *features = write_npy("beside.npy", VIEW(x, LINNET_FLOAT32, 3, 2));
    linnet_dataset_options options = {.labels_path = write_text("words.csv", "b\na\nb\n")};
    linnet_dataset *dataset = open_ok(features, &options);
    assert_memory_equal(linnet_dataset_labels(dataset), ((const int64_t[]){1, 0, 1}),
                        3 * sizeof(int64_t));
    assert_string_equal(linnet_dataset_classes(dataset)[0], "a");
    linnet_dataset_free(dataset);
    options.labels_path = write_text("digits.csv", "2\n0\n1\n");
    dataset = open_ok(features, &options);
    assert_memory_equal(linnet_dataset_labels(dataset), ((const int64_t[]){2, 0, 1}),
                        3 * sizeof(int64_t));
    assert_null(linnet_dataset_classes(dataset));
    linnet_dataset_free(dataset);
    options.labels_path = write_text("two.csv", "id,kind\n7,2\n8,0\n9,1\n");
    options.y = "kind";
    dataset = open_ok(features, &options);
    assert_int_equal(linnet_dataset_labels(dataset)[0], 2);
    linnet_dataset_free(dataset);
    /* y is the labels file's; a column of a usual name is no feature all the same. */
    dataset = open_ok(write_text("beside.csv", "a,y,b\n1,9,2\n3,9,4\n5,9,6\n"), &options);
    assert_int_equal(linnet_dataset_labels(dataset)[0], 2);
    expect_rows(dataset, 0, 3, x);
    linnet_dataset_free(dataset);
    options.y = NULL;
    options.labels_path = write_text("long.csv", "2\n0\n1\n1\n");
    open_fails(features, &options, LINNET_ERROR_DATA, options.labels_path,
               "expected as many labels as rows, found 4 labels and 3 rows");
}

/* Class names come from a file and are not trusted. */
static void test_open_classes_checked(void **state)
{
    (void)state;
    float x[2] = {1, 2};
    int64_t y[2] = {0, 2};
    static const struct {
        const char *classes;
        linnet_status status;
        const char *message;
    } cases[] = {
        {"[\"a\"", LINNET_ERROR_FORMAT, "metadata \"classes\": expected a JSON array of texts"},
        {"[]", LINNET_ERROR_FORMAT, "metadata \"classes\": expected a JSON array of texts"},
        {"{\"a\": 1}", LINNET_ERROR_FORMAT, "metadata \"classes\": expected a JSON array of texts"},
        {"[\"a\", 1, \"c\"]", LINNET_ERROR_FORMAT,
         "metadata \"classes\": expected an array of texts; item 1 is none"},
        {"[\"a\", \"b\"]", LINNET_ERROR_DATA,
         "expected a class name for every label, found 2 names and label 2"},
        {"[\"a\", \"b\", \"c\", \"d\"]", LINNET_OK, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        linnet_error error;
        linnet_state_dict *file;
        const linnet_tensor features = VIEW(x, LINNET_FLOAT32, 2, 1);
        const linnet_tensor labels = VIEW(y, LINNET_INT64, 2);
        const char *path = path_of("classes.safetensors");
        check_ok(linnet_state_dict_create(&file, &error), &error);
        check_ok(linnet_state_dict_set(file, "x", &features, &error), &error);
        check_ok(linnet_state_dict_set(file, "y", &labels, &error), &error);
        check_ok(linnet_state_dict_metadata_set(file, "classes", cases[i].classes, &error), &error);
        check_ok(linnet_state_dict_save(file, path, &error), &error);
        linnet_state_dict_free(file);
        if (cases[i].status != LINNET_OK) {
            open_fails(path, NULL, cases[i].status, path, cases[i].message);
            continue;
        }
        linnet_dataset *dataset = open_ok(path, NULL);
        assert_int_equal(linnet_dataset_class_count(dataset), 4);
        assert_string_equal(linnet_dataset_classes(dataset)[3], "d");
        linnet_dataset_free(dataset);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),          cmocka_unit_test(test_dtypes),
        cmocka_unit_test(test_strides),         cmocka_unit_test(test_shapes_refused),
        cmocka_unit_test(test_not_finite),      cmocka_unit_test(test_not_finite_dtypes),
        cmocka_unit_test(test_label_dtypes),    cmocka_unit_test(test_labels_refused),
        cmocka_unit_test(test_gather),          cmocka_unit_test(test_split),
        cmocka_unit_test(test_split_seeds),     cmocka_unit_test(test_split_refused),
        cmocka_unit_test(test_open_npy),        cmocka_unit_test(test_open_errors_have_places),
        cmocka_unit_test(test_open_arrays),     cmocka_unit_test(test_open_many_arrays),
        cmocka_unit_test(test_open_npz),        cmocka_unit_test(test_open_csv),
        cmocka_unit_test(test_open_csv_labels), cmocka_unit_test(test_open_classes_checked),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
