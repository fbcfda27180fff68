/* test_tensor.c - dtypes, tensors and their views.
 *
 * Views are held against what they mean: the offset of each element. Error texts are PyTorch's. */
#include "support/check.h"
#include "support/tensors.h"

#include "tensor/tensor.h"

static void expect_dims(const int64_t *found, int rank, const int64_t *expected)
{
    for (int d = 0; d < rank; d++) {
        assert_int_equal(found[d], expected[d]);
    }
}

#define EXPECT_SHAPE(tensor, ...)                                                                  \
    do {                                                                                           \
        const int64_t expected_[] = {__VA_ARGS__};                                                 \
        assert_int_equal((tensor).rank, sizeof expected_ / sizeof expected_[0]);                   \
        expect_dims((tensor).shape, (tensor).rank, expected_);                                     \
    } while (0)
#define EXPECT_STRIDES(tensor, ...)                                                                \
    expect_dims((tensor).strides, (tensor).rank, (const int64_t[]){__VA_ARGS__})
/* ---- dtypes and shapes ---- */

static void test_dtypes(void **state)
{
    (void)state;
    size_t count = 0;
    const ln_dtype *rows = ln_dtype_rows(&count);
    assert_int_equal(count, LINNET_FLOAT8_E5M2 + 1);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(rows[i].dtype, i);
        assert_ptr_equal(ln_dtype_row((linnet_dtype)i), &rows[i]);
        assert_string_equal(linnet_dtype_name((linnet_dtype)i), rows[i].name);
        assert_int_equal(linnet_dtype_size((linnet_dtype)i), rows[i].size);
        if (rows[i].numpy != NULL) {
            assert_int_equal(rows[i].numpy[1] - '0', rows[i].size);
        }
    }
    assert_string_equal(linnet_dtype_name(LINNET_BFLOAT16), "bfloat16");
    assert_string_equal(ln_dtype_row(LINNET_INT64)->type_name, "Long");
    assert_string_equal(ln_dtype_row(LINNET_FLOAT8_E4M3)->safetensors, "F8_E4M3");
    assert_null(linnet_dtype_name((linnet_dtype)15));
    assert_null(linnet_dtype_name((linnet_dtype)-1));
    assert_int_equal(linnet_dtype_size((linnet_dtype)15), 0);
}

static void test_shape_text(void **state)
{
    (void)state;
    char text[16];
    assert_string_equal(ln_shape_text(&(ln_shape){.rank = 0}, text, sizeof text), "[]");
    assert_string_equal(ln_shape_text(&(ln_shape){1, {7}}, text, sizeof text), "[7]");
    assert_string_equal(ln_shape_text(&(ln_shape){2, {2, -1}}, text, sizeof text), "[2, -1]");
    ln_shape longer = {4, {1000, 2000, 3000, 4000}};
    assert_string_equal(ln_shape_text(&longer, text, sizeof text), "[1000, 2000, 30");
}

static void test_shape_numel(void **state)
{
    (void)state;
    ln_shape shape = {3, {2, 3, 4}};
    assert_int_equal(ln_shape_numel(&shape, 0), 24);
    assert_int_equal(ln_shape_numel(&shape, 1), 12);
    assert_int_equal(ln_shape_numel(&shape, 3), 1);
    ln_shape huge = {3, {INT64_MAX, 2, 4}};
    assert_int_equal(ln_shape_numel(&huge, 0), INT64_MAX);
    huge.size[2] = 0;
    assert_int_equal(ln_shape_numel(&huge, 0), 0);
}

/* ---- making ---- */

static void test_create(void **state)
{
    (void)state;
    linnet_error error;
    linnet_tensor x;
    check_ok(linnet_tensor_create(LINNET_INT32, SHAPE(2, 3), &x, &error), &error);
    EXPECT_SHAPE(x, 2, 3);
    EXPECT_STRIDES(x, 3, 1);
    assert_int_equal(linnet_tensor_numel(&x), 6);
    assert_true(linnet_tensor_is_contiguous(&x));
    assert_int_equal((uintptr_t)x.data % 64, 0);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(((int32_t *)x.data)[i], 0);
    }
    linnet_tensor_free(&x);
    assert_null(x.storage);
    linnet_tensor_free(&x);
    linnet_tensor_free(NULL);

    check_ok(linnet_tensor_create(LINNET_FLOAT32, 0, NULL, &x, &error), &error);
    assert_int_equal(linnet_tensor_numel(&x), 1);
    linnet_tensor_free(&x);
    check_ok(linnet_tensor_create(LINNET_FLOAT32, SHAPE(4, 0, 3), &x, &error), &error);
    assert_int_equal(linnet_tensor_numel(&x), 0);
    EXPECT_STRIDES(x, 3, 3, 1);
    linnet_tensor_free(&x);
}

static void test_create_refuses(void **state)
{
    (void)state;
    linnet_error error;
    linnet_tensor x;
    expect_error(linnet_tensor_create(LINNET_FLOAT32, SHAPE(2, -3), &x, &error),
                 LINNET_ERROR_ARGUMENT, &error,
                 "expected sizes of 0 or more, got -3 in dimension 1");
    assert_null(x.data);
    expect_error(linnet_tensor_create(LINNET_FLOAT32, 17, (int64_t[17]){0}, &x, &error),
                 LINNET_ERROR_ARGUMENT, &error, "expected a tensor of 0 to 16 dimensions, got 17");
    expect_error(linnet_tensor_create(LINNET_FLOAT32, -1, NULL, &x, &error), LINNET_ERROR_ARGUMENT,
                 &error, "expected a tensor of 0 to 16 dimensions, got -1");
    expect_error(linnet_tensor_create((linnet_dtype)99, SHAPE(2), &x, &error),
                 LINNET_ERROR_ARGUMENT, &error, "unknown dtype 99");
    const char *overflow = "the size of a tensor overflows";
    expect_error(linnet_tensor_create(LINNET_FLOAT32, SHAPE(INT64_MAX, 2), &x, &error),
                 LINNET_ERROR_MEMORY, &error, overflow);
    expect_error(linnet_tensor_create(LINNET_FLOAT32, SHAPE(INT64_MAX), &x, &error),
                 LINNET_ERROR_MEMORY, &error, overflow);
    expect_error(linnet_tensor_from(NULL, LINNET_FLOAT32, SHAPE(INT64_MAX, 0, 2), &x, &error),
                 LINNET_ERROR_MEMORY, &error, overflow);
    assert_int_equal(linnet_tensor_create(LINNET_UINT8, SHAPE(INT64_MAX - 8), &x, &error),
                     LINNET_ERROR_MEMORY);
    assert_int_equal(linnet_tensor_create(LINNET_FLOAT32, SHAPE(-1), &x, NULL),
                     LINNET_ERROR_ARGUMENT);
}

/* ---- views ---- */

static void test_contiguous(void **state)
{
    (void)state;
    linnet_tensor x = strided_view(NULL, SHAPE(2, 3), (const int64_t[]){1, 2});
    assert_false(linnet_tensor_is_contiguous(&x));
    x = strided_view(NULL, SHAPE(1, 3), (const int64_t[]){77, 1});
    assert_true(linnet_tensor_is_contiguous(&x));
    x = strided_view(NULL, SHAPE(0, 3), (const int64_t[]){9, 9});
    assert_true(linnet_tensor_is_contiguous(&x));
    x = strided_view(NULL, SHAPE(3), (const int64_t[]){2});
    assert_false(linnet_tensor_is_contiguous(&x));
}

static void test_t(void **state)
{
    (void)state;
    linnet_error error;
    float data[6] = {0};
    linnet_tensor x, y;
    check_ok(linnet_tensor_from(data, LINNET_FLOAT32, SHAPE(2, 3), &x, &error), &error);
    check_ok(linnet_tensor_t(&x, &y, &error), &error);
    EXPECT_SHAPE(y, 3, 2);
    EXPECT_STRIDES(y, 1, 3);
    assert_ptr_equal(y.data, data);
    assert_null(y.storage);
    check_ok(linnet_tensor_t(&y, &y, &error), &error); /* in place */
    EXPECT_SHAPE(y, 2, 3);
    EXPECT_STRIDES(y, 3, 1);
    check_ok(linnet_tensor_from(data, LINNET_FLOAT32, SHAPE(6), &x, &error), &error);
    check_ok(linnet_tensor_t(&x, &y, &error), &error);
    EXPECT_SHAPE(y, 6);
    check_ok(linnet_tensor_from(data, LINNET_FLOAT32, SHAPE(1, 2, 3), &x, &error), &error);
    expect_error(linnet_tensor_t(&x, &y, &error), LINNET_ERROR_SHAPE, &error,
                 "t() expects a tensor with <= 2 dimensions, but self is 3D");
}

#define NO_VIEW                                                                                    \
    "view size is not compatible with input tensor's size and stride (at least one dimension "     \
    "spans across two contiguous subspaces). Use .reshape(...) instead."

static void test_view_texts(void **state)
{
    (void)state;
    static const struct {
        int rank;
        int64_t shape[3];
        const char *message;
    } cases[] = {
        {1, {5}, "shape '[5]' is invalid for input of size 6"},
        {2, {-1, -1}, "only one dimension can be inferred"},
        {2, {-2, 3}, "invalid shape dimension -2"},
        {2, {-1, 4}, "shape '[-1, 4]' is invalid for input of size 6"},
        {2, {-1, 0}, "shape '[-1, 0]' is invalid for input of size 6"},
        {2, {0, 2}, "shape '[0, 2]' is invalid for input of size 6"},
        {0, {0}, "shape '[]' is invalid for input of size 6"},
        {2,
         {INT64_C(1) << 62, 4},
         "shape '[4611686018427387904, 4]' is invalid for input of size 6"},
        {3,
         {INT64_C(1) << 62, 4, -1},
         "shape '[4611686018427387904, 4, -1]' is invalid for input of size 6"},
    };
    float data[6] = {0};
    linnet_error error;
    linnet_tensor x, y;
    check_ok(linnet_tensor_from(data, LINNET_FLOAT32, SHAPE(2, 3), &x, &error), &error);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_error(linnet_tensor_view(&x, cases[i].rank, cases[i].shape, &y, &error),
                     LINNET_ERROR_SHAPE, &error, cases[i].message);
        assert_null(y.data);
    }
    check_ok(linnet_tensor_t(&x, &x, &error), &error);
    expect_error(linnet_tensor_view(&x, SHAPE(6), &y, &error), LINNET_ERROR_SHAPE, &error, NO_VIEW);
    expect_error(linnet_tensor_view(&x, SHAPE(-1), &y, &error), LINNET_ERROR_SHAPE, &error,
                 NO_VIEW);
    check_ok(linnet_tensor_from(data, LINNET_FLOAT32, SHAPE(0, 3), &x, &error), &error);
    expect_error(linnet_tensor_view(&x, SHAPE(2), &y, &error), LINNET_ERROR_SHAPE, &error,
                 "shape '[2]' is invalid for input of size 0");
    expect_error(linnet_tensor_view(&x, SHAPE(-1, 0), &y, &error), LINNET_ERROR_SHAPE, &error,
                 "cannot reshape tensor of 0 elements into shape [-1, 0] because the unspecified "
                 "dimension size -1 can be any value and is ambiguous");
    assert_int_equal(linnet_tensor_view(&x, 17, (int64_t[17]){0}, &y, &error),
                     LINNET_ERROR_ARGUMENT);
}

/* Strides that PyTorch gives. */
static void test_view_strides(void **state)
{
    (void)state;
    linnet_error error;
    float data[24] = {0};
    linnet_tensor x, y;
    x = strided_view(data, SHAPE(3, 2), (const int64_t[]){1, 3});
    check_ok(linnet_tensor_view(&x, SHAPE(3, 1, 2), &y, &error), &error);
    EXPECT_STRIDES(y, 1, 6, 3);
    check_ok(linnet_tensor_view(&x, SHAPE(1, 3, 2), &y, &error), &error);
    EXPECT_STRIDES(y, 3, 1, 3);
    check_ok(linnet_tensor_view(&x, SHAPE(-1, 2, 1), &y, &error), &error);
    EXPECT_STRIDES(y, 1, 3, 3);
    x = strided_view(data, SHAPE(2, 3, 2), (const int64_t[]){12, 4, 2}); /* x[:, :, ::2] */
    check_ok(linnet_tensor_view(&x, SHAPE(2, 3, 2, 1), &y, &error), &error);
    EXPECT_STRIDES(y, 12, 4, 2, 2);
    check_ok(linnet_tensor_view(&x, SHAPE(-1), &y, &error), &error);
    EXPECT_STRIDES(y, 2);
    x = strided_view(data, SHAPE(3, 4), (const int64_t[]){0, 0}); /* one element, expanded */
    check_ok(linnet_tensor_view(&x, SHAPE(2, 6), &y, &error), &error);
    EXPECT_STRIDES(y, 0, 0);
    x = strided_view(data, SHAPE(4, 3), (const int64_t[]){0, 1});
    expect_error(linnet_tensor_view(&x, SHAPE(12), &y, &error), LINNET_ERROR_SHAPE, &error,
                 NO_VIEW);
    check_ok(linnet_tensor_view(&x, SHAPE(4, 3, 1), &y, &error), &error);
    EXPECT_STRIDES(y, 0, 1, 1);

    check_ok(linnet_tensor_from(data, LINNET_FLOAT32, 0, NULL, &x, &error), &error);
    check_ok(linnet_tensor_view(&x, SHAPE(1, -1), &y, &error), &error);
    EXPECT_SHAPE(y, 1, 1);
    check_ok(linnet_tensor_view(&y, 0, NULL, &y, &error), &error);
    assert_int_equal(y.rank, 0);
    assert_ptr_equal(y.data, data);
    x = strided_view(data, SHAPE(0, 3), (const int64_t[]){3, 1});
    check_ok(linnet_tensor_view(&x, SHAPE(5, 0), &y, &error), &error);
    EXPECT_STRIDES(y, 1, 1);
    check_ok(linnet_tensor_view(&x, SHAPE(-1, 3), &y, &error), &error);
    EXPECT_SHAPE(y, 0, 3);
}

/* A view exists exactly where some strides show the elements in the same order: held against that
 * definition for random tensors and shapes. */
static bool view_exists(const linnet_tensor *x, const ln_shape *shape, int64_t numel)
{
    linnet_tensor view = {.rank = shape->rank};
    int64_t inner = 1;
    for (int d = shape->rank - 1; d >= 0; d--) {
        view.shape[d] = shape->size[d];
        view.strides[d] = shape->size[d] > 1 ? offset_of(x, inner) : 0;
        inner *= shape->size[d];
    }
    for (int64_t i = 0; i < numel; i++) {
        if (offset_of(x, i) != offset_of(&view, i)) {
            return false;
        }
    }
    return true;
}

/* Cuts n at random into at most `most` factors, ones among them. */
static ln_shape random_factors(check_random *random, int64_t n, int most)
{
    ln_shape shape = {.rank = 0};
    while (shape.rank < most - 1 && check_next(random) % 5 != 0) {
        int64_t factor = 1 + (int64_t)(check_next(random) % 6);
        factor = n % factor == 0 ? factor : 1;
        shape.size[shape.rank++] = factor;
        n /= factor;
    }
    shape.size[shape.rank++] = n;
    return shape;
}

static linnet_tensor random_strided_view(check_random *random, int64_t n)
{
    static const int64_t odd[] = {0, 1, 2, 3, 4, 6, 12, 24, 100};
    ln_shape shape = random_factors(random, n, 5);
    linnet_tensor x = {.dtype = LINNET_FLOAT32, .rank = shape.rank};
    int64_t stride = 1;
    for (int d = shape.rank - 1; d >= 0; d--) {
        uint64_t drawn = check_next(random);
        stride = drawn % 4 == 0 ? odd[drawn / 4 % 9] : stride;
        x.shape[d] = shape.size[d];
        x.strides[d] = stride;
        stride *= shape.size[d];
    }
    return x;
}

static void test_view_rule(void **state)
{
    (void)state;
    check_random random = {1};
    int views = 0;
    int refused = 0;
    for (int i = 0; i < 20000; i++) {
        int64_t numel = (const int64_t[]){1, 2, 6, 12, 24, 36}[check_next(&random) % 6];
        linnet_tensor x = random_strided_view(&random, numel);
        ln_shape shape = random_factors(&random, numel, 5);
        linnet_tensor view;
        linnet_error error;
        linnet_status status = linnet_tensor_view(&x, shape.rank, shape.size, &view, &error);
        assert_int_equal(status == LINNET_OK, view_exists(&x, &shape, numel));
        if (status != LINNET_OK) {
            assert_string_equal(error.message, NO_VIEW);
            refused++;
            continue;
        }
        views++;
        for (int64_t k = 0; k < numel; k++) {
            assert_int_equal(offset_of(&view, k), offset_of(&x, k));
        }
    }
    assert_true(views > 1000 && refused > 1000); /* both sides of the rule were met */
}

static void test_flatten(void **state)
{
    (void)state;
    linnet_error error;
    float data[24];
    for (int i = 0; i < 24; i++) {
        data[i] = (float)i;
    }
    linnet_tensor x, y;
    check_ok(linnet_tensor_from(data, LINNET_FLOAT32, SHAPE(2, 3, 4), &x, &error), &error);
    check_ok(linnet_tensor_flatten(&x, 1, -1, &y, &error), &error);
    EXPECT_SHAPE(y, 2, 12);
    assert_ptr_equal(y.data, data);
    assert_null(y.storage);
    check_ok(linnet_tensor_flatten(&x, 0, 1, &y, &error), &error);
    EXPECT_SHAPE(y, 6, 4);
    check_ok(linnet_tensor_flatten(&x, -2, -2, &y, &error), &error);
    EXPECT_SHAPE(y, 2, 3, 4);

    x = strided_view(data, SHAPE(3, 2), (const int64_t[]){1, 3}); /* copies */
    check_ok(linnet_tensor_flatten(&x, 0, -1, &y, &error), &error);
    EXPECT_SHAPE(y, 6);
    EXPECT_STRIDES(y, 1);
    assert_non_null(y.storage);
    assert_memory_equal(y.data, ((const float[]){0, 3, 1, 4, 2, 5}), 6 * sizeof(float));
    linnet_tensor_free(&y);
    x = strided_view(data, SHAPE(5, 6, 4),
                     (const int64_t[]){1, 0, 2}); /* one copy of many dimensions */
    check_ok(linnet_tensor_flatten(&x, 0, 1, &y, &error), &error);
    for (int i = 0; i < 120; i++) {
        assert_memory_equal((float *)y.data + i, &data[offset_of(&x, i)], sizeof(float));
    }
    linnet_tensor_free(&y);

    check_ok(linnet_tensor_from(data, LINNET_FLOAT32, 0, NULL, &x, &error), &error);
    check_ok(linnet_tensor_flatten(&x, 0, -1, &y, &error), &error);
    EXPECT_SHAPE(y, 1);
    check_ok(linnet_tensor_from(data, LINNET_FLOAT32, SHAPE(2, 3, 0), &x, &error), &error);
    check_ok(linnet_tensor_flatten(&x, 0, -1, &y, &error), &error);
    EXPECT_SHAPE(y, 0);
}

static void test_flatten_texts(void **state)
{
    (void)state;
    static const struct {
        int rank, start, end;
        const char *message;
    } cases[] = {
        {2, 1, 0, "flatten() has invalid args: start_dim cannot come after end_dim"},
        {2, -1, 0, "flatten() has invalid args: start_dim cannot come after end_dim"},
        {2, 2, 2, "Dimension out of range (expected to be in range of [-2, 1], but got 2)"},
        {2, 0, 2, "Dimension out of range (expected to be in range of [-2, 1], but got 2)"},
        {2, -3, 1, "Dimension out of range (expected to be in range of [-2, 1], but got -3)"},
        {1, 1, -1, "Dimension out of range (expected to be in range of [-1, 0], but got 1)"},
        {0, 1, -1, "Dimension out of range (expected to be in range of [-1, 0], but got 1)"},
        {0, -2, -1, "Dimension out of range (expected to be in range of [-1, 0], but got -2)"},
    };
    float data[6] = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        linnet_error error;
        linnet_tensor x, y;
        check_ok(linnet_tensor_from(data, LINNET_FLOAT32, cases[i].rank, (const int64_t[]){2, 3},
                                    &x, &error),
                 &error);
        expect_error(linnet_tensor_flatten(&x, cases[i].start, cases[i].end, &y, &error),
                     LINNET_ERROR_SHAPE, &error, cases[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dtypes),
        cmocka_unit_test(test_shape_text),
        cmocka_unit_test(test_shape_numel),
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_create_refuses),
        cmocka_unit_test(test_contiguous),
        cmocka_unit_test(test_t),
        cmocka_unit_test(test_view_texts),
        cmocka_unit_test(test_view_strides),
        cmocka_unit_test(test_view_rule),
        cmocka_unit_test(test_flatten),
        cmocka_unit_test(test_flatten_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
