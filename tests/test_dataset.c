/* test_dataset.c - datasets over memory: what features and labels may be, reading rows, splits. */
#include "support/check.h"
#include "support/tensors.h"

#include <math.h>

#include "data/data.h"
#include "numeric/random.h"

#define VIEW(data, dtype, ...) view_of(data, dtype, SHAPE(__VA_ARGS__))

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
    check_rows(dataset, 0, 3, data);
    check_rows(dataset, 1, 2, data + 4);
    check_rows(dataset, 3, 0, data);
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
        check_rows(dataset, 0, 2, cases[i].expected);
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
    check_rows(dataset, 0, 3, (const float[]){0, 1, 4, 5, 8, 9});
    data[4] = 40; /* a view, not a copy */
    check_rows(dataset, 1, 1, (const float[]){40, 5});
    linnet_dataset_free(dataset);
    data[4] = 4;

    x.data = data + 8;
    x.strides[0] = -4;
    dataset = create_ok(x, NULL);
    check_rows(dataset, 0, 3, (const float[]){8, 9, 4, 5, 0, 1});
    linnet_dataset_free(dataset);

    x = VIEW(data, LINNET_FLOAT32, 4, 3);
    x.strides[0] = 1;
    x.strides[1] = 4;
    dataset = create_ok(x, NULL);
    check_rows(dataset, 1, 2, (const float[]){1, 5, 9, 2, 6, 10});
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
    check_read(dataset, 0, 4, &none);
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
    check_rows(dataset, 0, 3, data);
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

/* A number that float64 alone holds is one to whoever reads float64, of a part of the rows too. */
static void test_too_large_for_float32(void **state)
{
    (void)state;
    enum { ROWS = 600, COLUMNS = 5 };
    linnet_error error;
    linnet_dataset *rest, *held_out;
    float narrow[ROWS * COLUMNS];
    double f64[ROWS * COLUMNS] = {0}, wide[ROWS * COLUMNS];
    linnet_tensor features = VIEW(f64, LINNET_FLOAT64, ROWS, COLUMNS);
    f64[COLUMNS] = 0x1.fffffefffffffp127; /* what still rounds to the largest float */
    linnet_dataset *dataset = create_ok(features, NULL);
    check_read(dataset, 0, ROWS, narrow);
    assert_true(narrow[COLUMNS] == 0x1.fffffep127f);
    linnet_dataset_free(dataset);

    f64[COLUMNS + 1] = 0x1.ffffffp127;
    f64[2 * COLUMNS] = -1e300;
    dataset = create_ok(features, NULL);
    check_ok(linnet_dataset_read_f64(dataset, 0, ROWS, wide, &error), &error);
    assert_memory_equal(wide, f64, sizeof f64);
    assert_int_equal(linnet_dataset_read(dataset, 0, 1, narrow, NULL), LINNET_ERROR_DATA);
    assert_int_equal(linnet_dataset_read(dataset, 0, 1, narrow, &error), LINNET_ERROR_DATA);
    assert_string_equal(error.message, "features, row 1, column 1: expected a finite number, found "
                                       "3.4028235677973366e+38, which float32 cannot hold");
    check_ok(linnet_dataset_split(dataset, 0.5, 1, &rest, &held_out, &error), &error);
    assert_int_equal(linnet_dataset_read(rest, 0, 1, narrow, &error), LINNET_ERROR_DATA);
    check_ok(linnet_dataset_read_f64(held_out, 0, 1, wide, &error), &error);
    linnet_dataset_free(rest);
    linnet_dataset_free(held_out);
    linnet_dataset_free(dataset);

    f64[ROWS * COLUMNS - 1] = NAN; /* still seen behind them */
    char expected[128];
    snprintf(expected, sizeof expected,
             "features, row %d, column %d: expected a finite number, found nan", ROWS - 1,
             COLUMNS - 1);
    create_fails(features, NULL, LINNET_ERROR_DATA, expected);
    check_ok(linnet_dataset_create(&features, NULL, true, &dataset, &error), &error);
    check_read(dataset, 0, ROWS, narrow); /* who allows NaN has infinity, too */
    assert_true(isinf(narrow[COLUMNS + 1]));
    linnet_dataset_free(dataset);
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
    int64_t i64[] = {0, 1, -2147483647, 0};
    linnet_tensor y = VIEW(i64, LINNET_INT64, 3);
    create_fails(features, &y, LINNET_ERROR_DATA,
                 "label of row 2: expected a number from -2147483646 to 2147483646, found "
                 "-2147483647");
    i64[2] = 2147483647;
    create_fails(features, &y, LINNET_ERROR_DATA,
                 "label of row 2: expected a number from -2147483646 to 2147483646, found "
                 "2147483647");
    i64[2] = 2147483646;
    linnet_dataset *dataset = create_ok(features, &y);
    assert_int_equal(linnet_dataset_class_count(dataset), 2147483647);
    linnet_dataset_free(dataset);
    /* Those that a loss is to ignore are no classes. */
    i64[2] = -100;
    dataset = create_ok(features, &y);
    assert_int_equal(linnet_dataset_class_count(dataset), 2);
    assert_int_equal(linnet_dataset_labels(dataset)[2], -100);
    linnet_dataset_free(dataset);
    i64[0] = i64[1] = -1;
    dataset = create_ok(features, &y);
    assert_int_equal(linnet_dataset_class_count(dataset), 0);
    linnet_dataset_free(dataset);
    uint64_t u64[] = {UINT64_MAX, 0, 0};
    y = VIEW(u64, LINNET_UINT64, 3);
    create_fails(features, &y, LINNET_ERROR_DATA,
                 "label of row 0: expected a number from -2147483646 to 2147483646, found "
                 "9223372036854775807 or more");
    float f32[] = {0, 2.5f, 0};
    y = VIEW(f32, LINNET_FLOAT32, 3);
    create_fails(features, &y, LINNET_ERROR_DATA,
                 "label of row 1: expected a whole number, found 2.5 (other numbers are for "
                 "MSELoss and its like)");
    f32[1] = NAN;
    create_fails(features, &y, LINNET_ERROR_DATA,
                 "label of row 1: expected a whole number, found nan (other numbers are for "
                 "MSELoss and its like)");
    f32[1] = 1e30f;
    assert_int_equal(linnet_dataset_create(&features, &y, false, &dataset, NULL),
                     LINNET_ERROR_DATA);
    f32[1] = -3e9f;
    create_fails(features, &y, LINNET_ERROR_DATA,
                 "label of row 1: expected a number from -2147483646 to 2147483646, found "
                 "-3000000000");
    y = VIEW(i64, LINNET_INT64, 4);
    create_fails(features, &y, LINNET_ERROR_DATA,
                 "expected as many labels as rows, found 4 labels and 3 rows");
    y = VIEW(i64, LINNET_INT64, 2, 2);
    create_fails(features, &y, LINNET_ERROR_DATA,
                 "expected as many labels as rows, found 2 labels and 3 rows");
    y = view_of(i64, LINNET_INT64, 0, NULL);
    create_fails(features, &y, LINNET_ERROR_SHAPE,
                 "expected labels of shape (rows) or (rows, k), found []");
    y = VIEW(i64, LINNET_FLOAT8_E5M2, 3);
    create_fails(features, &y, LINNET_ERROR_UNSUPPORTED,
                 "expected labels of an integer dtype, found float8_e5m2");
}

/* ---- labels that are values, and weights ---- */

static void expect_doubles(const double *found, const double *expected, size_t n)
{
    assert_non_null(found);
    assert_memory_equal(found, expected, n * sizeof *expected);
}

static void test_values(void **state)
{
    (void)state;
    linnet_error error;
    float x[8] = {0};
    int64_t classes[] = {1, 0, 2, 1};
    linnet_tensor features = VIEW(x, LINNET_FLOAT32, 4, 2);
    linnet_tensor labels = VIEW(classes, LINNET_INT64, 4);
    linnet_dataset *dataset = create_ok(features, &labels);
    assert_null(linnet_dataset_targets(dataset));
    assert_int_equal(linnet_dataset_target_count(dataset), 0);
    uint8_t several[] = {1, 0, 1, 0, 0, 0, 1, 1, 1, 0, 1, 0};
    linnet_tensor y = VIEW(several, LINNET_UINT8, 4, 3);
    check_ok(linnet_dataset_set_targets(dataset, &y, &error), &error);
    assert_null(linnet_dataset_labels(dataset));
    assert_int_equal(linnet_dataset_target_count(dataset), 3);
    assert_int_equal(linnet_dataset_class_count(dataset), 3);
    static const double expected[] = {1, 0, 1, 0, 0, 0, 1, 1, 1, 0, 1, 0};
    expect_doubles(linnet_dataset_targets(dataset), expected, 12);
    /* A turned view, and one number a row. */
    linnet_tensor turned = {
        .data = several, .dtype = LINNET_UINT8, .rank = 2, .shape = {4, 2}, .strides = {1, 4}};
    check_ok(linnet_dataset_set_targets(dataset, &turned, &error), &error);
    expect_doubles(linnet_dataset_targets(dataset), (double[]){1, 0, 0, 0, 1, 1, 0, 1}, 8);
    float numbers[] = {0.5f, -2, 1e30f, 3};
    y = VIEW(numbers, LINNET_FLOAT32, 4);
    check_ok(linnet_dataset_set_targets(dataset, &y, &error), &error);
    assert_int_equal(linnet_dataset_target_count(dataset), 1);
    expect_doubles(linnet_dataset_targets(dataset), (double[]){0.5, -2, (double)1e30f, 3}, 4);
    double heavy[] = {1, 0, 2.5, 3};
    linnet_tensor w = VIEW(heavy, LINNET_FLOAT64, 4, 1);
    assert_null(linnet_dataset_weights(dataset));
    check_ok(linnet_dataset_set_weights(dataset, &w, &error), &error);
    expect_doubles(linnet_dataset_weights(dataset), heavy, 4);
    /* Parts take them along. */
    linnet_dataset *rest, *held;
    check_ok(linnet_dataset_split(dataset, 0.5, 3, &rest, &held, &error), &error);
    double sum = 0, weight = 0;
    const linnet_dataset *parts[] = {rest, held};
    for (int i = 0; i < 4; i++) {
        double value = linnet_dataset_targets(parts[i / 2])[i % 2];
        size_t row = value == 0.5 ? 0 : value == -2 ? 1 : value == 3 ? 3 : 2;
        assert_true(linnet_dataset_weights(parts[i / 2])[i % 2] == heavy[row]);
        sum += value;
        weight += linnet_dataset_weights(parts[i / 2])[i % 2];
    }
    assert_true(sum == (double)1e30f + 1.5 && weight == 6.5);
    linnet_dataset_free(rest);
    linnet_dataset_free(held);
    linnet_dataset_free(dataset);
}

static void test_values_refused(void **state)
{
    (void)state;
    linnet_error error;
    float x[6] = {0}, bad[] = {0, 1, 2, NAN, 4, 5};
    double negative[] = {1, 0, -0.5};
    linnet_tensor features = VIEW(x, LINNET_FLOAT32, 3, 2);
    linnet_dataset *dataset = create_ok(features, NULL);
    linnet_tensor y = VIEW(bad, LINNET_FLOAT32, 3, 2);
    linnet_status status = linnet_dataset_set_targets(dataset, &y, &error);
    assert_int_equal(status, LINNET_ERROR_DATA);
    assert_string_equal(error.message,
                        "labels, row 1, column 1: expected a finite number, found nan");
    y = VIEW(bad, LINNET_FLOAT32, 2);
    assert_int_equal(linnet_dataset_set_weights(dataset, &y, &error), LINNET_ERROR_DATA);
    assert_string_equal(error.message,
                        "expected as many weights as rows, found 2 weights and 3 rows");
    y = VIEW(bad, LINNET_FLOAT32, 3, 2);
    assert_int_equal(linnet_dataset_set_weights(dataset, &y, &error), LINNET_ERROR_SHAPE);
    assert_string_equal(error.message,
                        "expected weights of shape (rows) or (rows, 1), found [3, 2]");
    y = VIEW(negative, LINNET_FLOAT64, 3);
    assert_int_equal(linnet_dataset_set_weights(dataset, &y, &error), LINNET_ERROR_DATA);
    assert_string_equal(error.message, "weights, row 2: expected a number from 0 on, found -0.5");
    memset(negative, 0, sizeof negative);
    assert_int_equal(linnet_dataset_set_weights(dataset, &y, &error), LINNET_ERROR_DATA);
    assert_string_equal(error.message, "expected a weight above 0 in at least one row, found none");
    assert_null(linnet_dataset_targets(dataset));
    assert_null(linnet_dataset_weights(dataset));
    linnet_dataset_free(dataset);
}

/* ---- single rows ---- */

static void test_rows(void **state)
{
    (void)state;
    enum { ROWS = 500, COLUMNS = 77 };
    static uint8_t data[ROWS * COLUMNS];
    float expected[COLUMNS];
    size_t size = COLUMNS * sizeof(float);
    float *out = check_guarded(size);
    check_random random = {4};
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        data[i] = (uint8_t)check_next(&random);
    }
    linnet_dataset *dataset = create_ok(VIEW(data, LINNET_UINT8, ROWS, COLUMNS), NULL);
    for (int i = 0; i < 1203; i++) {
        int64_t row = (int64_t)(check_next(&random) % ROWS);
        for (int j = 0; j < COLUMNS; j++) {
            expected[j] = (float)data[row * COLUMNS + j];
        }
        memset(out, 0xff, size);
        ln_dataset_row(dataset, row, LINNET_FLOAT32, out);
        check_same(expected, out, COLUMNS, "row %d", (int)row);
    }
    check_guarded_free(out, size);
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
        check_rows(part, *row, 1, &data[i]);
        assert_int_equal(linnet_dataset_labels(part)[*row], i % 7);
        assert_int_equal(linnet_dataset_place(part, *row), i);
        ++*row;
    }
    assert_int_equal(linnet_dataset_class_count(rest), 7);
    assert_int_equal(linnet_dataset_class_count(held), 7);

    /* A part is split like a dataset. */
    linnet_dataset *outer, *inner;
    check_ok(linnet_dataset_split(held, 0.5, 1, &outer, &inner, &error), &error);
    assert_int_equal(linnet_dataset_rows(outer), 13);
    float both[26], all[26];
    check_read(outer, 0, 13, both);
    check_read(inner, 0, 13, both + 13);
    check_read(held, 0, 26, all);
    for (int i = 0; i < 13; i++) {
        assert_int_equal(linnet_dataset_labels(inner)[i], (int)both[13 + i] % 7);
        assert_int_equal(linnet_dataset_place(inner, i), (int)both[13 + i]);
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

/* Each row is held out once, and is among the rest otherwise. */
static void test_folds(void **state)
{
    (void)state;
    enum { ROWS = 23, FOLDS = 5 };
    float data[ROWS];
    int64_t labels[ROWS];
    int held_out[ROWS] = {0};
    linnet_error error;
    linnet_dataset *dataset = numbered_rows(data, labels, ROWS), *rest, *held;
    for (int64_t fold = 0; fold < FOLDS; fold++) {
        float part[ROWS];
        check_ok(linnet_dataset_fold(dataset, FOLDS, fold, 3, &rest, &held, &error), &error);
        int64_t count = linnet_dataset_rows(held);
        assert_int_equal(count, fold < 3 ? 5 : 4);
        assert_int_equal(linnet_dataset_rows(rest), ROWS - count);
        check_read(held, 0, count, part);
        check_read(rest, 0, ROWS - count, part + count);
        for (int row = 0; row < ROWS; row++) {
            int found = 0;
            for (int64_t i = 0; i < ROWS; i++) {
                found += part[i] == data[row];
                held_out[row] += i < count && part[i] == data[row];
            }
            assert_int_equal(found, 1);
        }
        linnet_dataset_free(rest);
        linnet_dataset_free(held);
    }
    for (int row = 0; row < ROWS; row++) {
        assert_int_equal(held_out[row], 1);
    }
    static const int64_t refused[][2] = {{1, 0}, {ROWS + 1, 0}, {5, -1}, {5, 5}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(
            linnet_dataset_fold(dataset, refused[i][0], refused[i][1], 3, &rest, &held, &error),
            LINNET_ERROR_ARGUMENT);
        assert_null(rest);
        assert_null(held);
    }
    assert_string_equal(error.message, "expected a fold from 0 of 2 to 23 folds, one row each at "
                                       "least; found fold 5 of 5");
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
        check_read(held, 0, 30, out[i]);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),        cmocka_unit_test(test_dtypes),
        cmocka_unit_test(test_strides),       cmocka_unit_test(test_shapes_refused),
        cmocka_unit_test(test_not_finite),    cmocka_unit_test(test_not_finite_dtypes),
        cmocka_unit_test(test_label_dtypes),  cmocka_unit_test(test_labels_refused),
        cmocka_unit_test(test_values),        cmocka_unit_test(test_values_refused),
        cmocka_unit_test(test_rows),          cmocka_unit_test(test_split),
        cmocka_unit_test(test_folds),         cmocka_unit_test(test_split_seeds),
        cmocka_unit_test(test_split_refused), cmocka_unit_test(test_too_large_for_float32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
