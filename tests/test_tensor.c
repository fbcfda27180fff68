/* test_tensor.c - dtypes, tensors and their views, and every conversion between dtypes.
 *
 * Views are held against what they mean (the offset of each element), conversions against a
 * definition of the 16-bit floats that is independent of the library: the value of a pattern by
 * ldexp, and the nearest pattern by search. Error texts are PyTorch's. */
#include "support/check.h"

#include <math.h>

#include "numeric/half.h"
#include "tensor/tensor.h"

static void expect_error(linnet_status found, linnet_status expected, const linnet_error *error,
                         const char *message)
{
    assert_string_equal(error->message, message);
    assert_int_equal(found, expected);
    assert_int_equal(error->status, expected);
}

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
#define SHAPE(...)                                                                                 \
    (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[])             \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

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

static linnet_tensor strided(void *data, int rank, const int64_t *shape, const int64_t *strides)
{
    linnet_tensor x = {.data = data, .dtype = LINNET_FLOAT32, .rank = rank};
    for (int d = 0; d < rank; d++) {
        x.shape[d] = shape[d];
        x.strides[d] = strides[d];
    }
    return x;
}

/* Offset of element i in row-major order. */
static int64_t offset_of(const linnet_tensor *x, int64_t i)
{
    int64_t offset = 0;
    for (int d = x->rank - 1; d >= 0; d--) {
        offset += i % x->shape[d] * x->strides[d];
        i /= x->shape[d];
    }
    return offset;
}

static void test_contiguous(void **state)
{
    (void)state;
    linnet_tensor x = strided(NULL, SHAPE(2, 3), (const int64_t[]){1, 2});
    assert_false(linnet_tensor_is_contiguous(&x));
    x = strided(NULL, SHAPE(1, 3), (const int64_t[]){77, 1});
    assert_true(linnet_tensor_is_contiguous(&x));
    x = strided(NULL, SHAPE(0, 3), (const int64_t[]){9, 9});
    assert_true(linnet_tensor_is_contiguous(&x));
    x = strided(NULL, SHAPE(3), (const int64_t[]){2});
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
    x = strided(data, SHAPE(3, 2), (const int64_t[]){1, 3});
    check_ok(linnet_tensor_view(&x, SHAPE(3, 1, 2), &y, &error), &error);
    EXPECT_STRIDES(y, 1, 6, 3);
    check_ok(linnet_tensor_view(&x, SHAPE(1, 3, 2), &y, &error), &error);
    EXPECT_STRIDES(y, 3, 1, 3);
    check_ok(linnet_tensor_view(&x, SHAPE(-1, 2, 1), &y, &error), &error);
    EXPECT_STRIDES(y, 1, 3, 3);
    x = strided(data, SHAPE(2, 3, 2), (const int64_t[]){12, 4, 2}); /* x[:, :, ::2] */
    check_ok(linnet_tensor_view(&x, SHAPE(2, 3, 2, 1), &y, &error), &error);
    EXPECT_STRIDES(y, 12, 4, 2, 2);
    check_ok(linnet_tensor_view(&x, SHAPE(-1), &y, &error), &error);
    EXPECT_STRIDES(y, 2);
    x = strided(data, SHAPE(3, 4), (const int64_t[]){0, 0}); /* one element, expanded */
    check_ok(linnet_tensor_view(&x, SHAPE(2, 6), &y, &error), &error);
    EXPECT_STRIDES(y, 0, 0);
    x = strided(data, SHAPE(4, 3), (const int64_t[]){0, 1});
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
    x = strided(data, SHAPE(0, 3), (const int64_t[]){3, 1});
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

static linnet_tensor random_strided(check_random *random, int64_t n)
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
        linnet_tensor x = random_strided(&random, numel);
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

    x = strided(data, SHAPE(3, 2), (const int64_t[]){1, 3}); /* copies */
    check_ok(linnet_tensor_flatten(&x, 0, -1, &y, &error), &error);
    EXPECT_SHAPE(y, 6);
    EXPECT_STRIDES(y, 1);
    assert_non_null(y.storage);
    assert_memory_equal(y.data, ((const float[]){0, 3, 1, 4, 2, 5}), 6 * sizeof(float));
    linnet_tensor_free(&y);
    x = strided(data, SHAPE(5, 6, 4), (const int64_t[]){1, 0, 2}); /* one copy of many dimensions */
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

/* ---- the 16-bit floats against an independent definition ---- */

typedef struct half_format {
    int exponent_bits, fraction_bits;
    linnet_dtype dtype;
} half_format;

static const half_format f16 = {5, 10, LINNET_FLOAT16};
static const half_format bf16 = {8, 7, LINNET_BFLOAT16};

/* The value of a pattern without sign; that of infinity is where the next number would be. */
static double half_value(half_format format, uint32_t magnitude)
{
    int fraction = (int)(magnitude & ((1u << format.fraction_bits) - 1));
    int exponent = (int)(magnitude >> format.fraction_bits);
    int bias = (1 << (format.exponent_bits - 1)) - 1;
    return exponent == 0 ? ldexp(fraction, 1 - bias - format.fraction_bits)
                         : ldexp(fraction + (1 << format.fraction_bits),
                                 exponent - bias - format.fraction_bits);
}

static uint32_t half_infinity(half_format format)
{
    return ((1u << format.exponent_bits) - 1) << format.fraction_bits;
}

/* The largest pattern whose value is at most `magnitude`. */
static uint32_t half_below(half_format format, double magnitude)
{
    uint32_t low = 0;
    uint32_t high = half_infinity(format);
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (half_value(format, middle) <= magnitude) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The pattern nearest to a double, ties to the even one. The differences are exact where the choice
 * is close: both numbers are then within a factor of two. */
static uint16_t nearest_half(half_format format, double value)
{
    double magnitude = fabs(value);
    uint32_t sign = signbit(value) ? 0x8000 : 0;
    if (magnitude >= half_value(format, half_infinity(format))) {
        return (uint16_t)(sign | half_infinity(format));
    }
    uint32_t low = half_below(format, magnitude);
    double below = magnitude - half_value(format, low);
    double above = half_value(format, low + 1) - magnitude;
    bool up = above < below || (above == below && low % 2 != 0);
    return (uint16_t)(sign | (low + up));
}

/* The same of a whole number, which a double may not hold. */
static uint16_t nearest_half_whole(half_format format, int64_t value)
{
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (magnitude < UINT64_C(1) << 53 || format.dtype == LINNET_FLOAT16) {
        return nearest_half(format, (double)value);
    }
    uint32_t low = half_below(format, (double)magnitude);
    low -= (uint64_t)half_value(format, low) > magnitude; /* the double was rounded up */
    uint64_t below = magnitude - (uint64_t)half_value(format, low);
    uint64_t above = (uint64_t)half_value(format, low + 1) - magnitude;
    bool up = above < below || (above == below && low % 2 != 0);
    return (uint16_t)((value < 0 ? 0x8000u : 0u) | (low + up));
}

static uint16_t half_of_f32(half_format format, float value)
{
    return format.dtype == LINNET_FLOAT16 ? ln_f16_of_f32(value) : ln_bf16_of_f32(value);
}

static float f32_of_half(half_format format, uint16_t half)
{
    return format.dtype == LINNET_FLOAT16 ? ln_f32_of_f16(half) : ln_f32_of_bf16(half);
}

static void test_half_patterns(void **state)
{
    half_format format = *(const half_format *)*state;
    for (uint32_t pattern = 0; pattern <= 0xffff; pattern++) {
        uint16_t half = (uint16_t)pattern;
        uint32_t magnitude = pattern & 0x7fff;
        float value = f32_of_half(format, half);
        assert_int_equal(signbit(value) != 0, pattern >> 15);
        if (magnitude > half_infinity(format)) {
            assert_true(isnan(value));
            uint16_t back = half_of_f32(format, value);
            assert_int_equal(back | 1u << (format.fraction_bits - 1),
                             half | 1u << (format.fraction_bits - 1));
            assert_true((back & 0x7fffu) > half_infinity(format));
            continue;
        }
        double expected =
            magnitude == half_infinity(format) ? INFINITY : half_value(format, magnitude);
        assert_true((double)fabsf(value) == expected);
        assert_int_equal(half_of_f32(format, value), half);
    }
}

/* Every NaN of float32 stays one. */
static void test_half_nan(void **state)
{
    half_format format = *(const half_format *)*state;
    for (uint32_t payload = 1; payload < 0x800000; payload += payload < 0x4000 ? 1 : 97) {
        for (uint32_t sign = 0; sign <= 0x8000; sign += 0x8000) {
            uint16_t half = half_of_f32(format, ln_f32_of_bits(sign << 16 | 0x7f800000 | payload));
            assert_true((half & 0x7fffu) > half_infinity(format));
            assert_int_equal(half & 0x8000u, sign);
        }
    }
}

/* Narrowing is monotone, so it is right everywhere if it is right at each pattern's value, half-way
 * to the next, and at their neighbours. Returns how many values there are. */
static size_t boundary_values(half_format format, uint32_t pattern, bool single, double out[16])
{
    double low = half_value(format, pattern);
    double middle = (low + half_value(format, pattern + 1)) / 2;
    size_t count = 0;
    const double centre[2] = {low, middle};
    for (int i = 0; i < 2; i++) {
        double below = single ? (double)nextafterf((float)centre[i], -INFINITY)
                              : nextafter(centre[i], -INFINITY);
        double above = single ? (double)nextafterf((float)centre[i], INFINITY)
                              : nextafter(centre[i], INFINITY);
        const double values[3] = {centre[i], below, above};
        for (int k = 0; k < 3; k++) {
            if (!single || (double)(float)values[k] == values[k]) {
                out[count++] = values[k];
                out[count++] = -values[k];
            }
        }
    }
    return count;
}

static void test_half_of_f32(void **state)
{
    half_format format = *(const half_format *)*state;
    for (uint32_t pattern = 0; pattern < half_infinity(format); pattern++) {
        double values[16];
        size_t count = boundary_values(format, pattern, true, values);
        assert_true(count >= 8);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(half_of_f32(format, (float)values[i]),
                             nearest_half(format, (double)values[i]));
        }
    }
    check_random random = {2};
    for (int i = 0; i < 200000; i++) {
        float value = ln_f32_of_bits((uint32_t)check_next(&random));
        if (!isnan(value)) {
            assert_int_equal(half_of_f32(format, value), nearest_half(format, (double)value));
        }
    }
    assert_int_equal(half_of_f32(format, INFINITY), half_infinity(format));
    assert_int_equal(half_of_f32(format, -INFINITY), 0x8000 | half_infinity(format));
}

/* float64 is rounded once: neighbours of a half-way point that float32 cannot tell from it. */
static void test_half_of_f64(void **state)
{
    half_format format = *(const half_format *)*state;
    for (uint32_t pattern = 0; pattern < half_infinity(format); pattern++) {
        double values[16];
        size_t count = boundary_values(format, pattern, false, values);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(half_of_f32(format, ln_f32_to_odd(values[i])),
                             nearest_half(format, (double)values[i]));
        }
    }
    static const double extreme[] = {0x1p-1074,  0x1p-149,         0x1.8p-150, 0x1p-133,
                                     0x1.8p-134, 0x1.000001p-134,  0x1p-25,    1e300,
                                     0x1p128,    0x1.fep127,       0x1.ffp127, 0x1.fefffffffp127,
                                     65520,      65519.9999999999, 0.0};
    for (size_t i = 0; i < sizeof extreme / sizeof extreme[0]; i++) {
        for (int sign = -1; sign <= 1; sign += 2) {
            double value = sign * extreme[i];
            assert_int_equal(half_of_f32(format, ln_f32_to_odd(value)),
                             nearest_half(format, (double)value));
        }
    }
    assert_int_equal(half_of_f32(format, ln_f32_to_odd(INFINITY)), half_infinity(format));
    uint64_t faint = UINT64_C(0x7ff0000000000001); /* a NaN whose payload float32 would lose */
    double nan;
    memcpy(&nan, &faint, sizeof nan);
    assert_true((half_of_f32(format, ln_f32_to_odd(nan)) & 0x7fffu) > half_infinity(format));
}

/* ---- conversion of tensors ---- */

static linnet_tensor convert(linnet_dtype from, const void *data, int64_t n, linnet_dtype to)
{
    linnet_error error;
    linnet_tensor x, y;
    check_ok(linnet_tensor_from((void *)(uintptr_t)data, from, 1, &n, &x, &error), &error);
    check_ok(linnet_tensor_to(&x, to, &y, &error), &error);
    assert_int_equal(y.dtype, to);
    assert_true(linnet_tensor_is_contiguous(&y));
    return y;
}

#define EXPECT_CONVERTED(from_dtype, from_type, to_dtype, to_type, values, expected)               \
    do {                                                                                           \
        int64_t count_ = (int64_t)(sizeof(values) / sizeof(from_type));                            \
        assert_int_equal(sizeof(expected), (size_t)count_ * sizeof(to_type));                      \
        linnet_tensor y_ = convert(from_dtype, values, count_, to_dtype);                          \
        assert_memory_equal(y_.data, expected, sizeof(expected));                                  \
        linnet_tensor_free(&y_);                                                                   \
    } while (0)

/* The values of torch.tensor(...).to(...). */
static void test_float_to_whole(void **state)
{
    (void)state;
    static const float f32[] = {3e9f,         NAN,           -1,    300.7f, 1e20f,    -1e20f,
                                -2.5f,        2.5f,          -0.9f, 255.9f, INFINITY, -INFINITY,
                                2147483648.f, -2147483648.f, -129,  1e10f};
    static const int64_t i64[] = {3000000000, INT64_MIN,   -1,   300,        INT64_MIN, INT64_MIN,
                                  -2,         2,           0,    255,        INT64_MIN, INT64_MIN,
                                  2147483648, -2147483648, -129, 10000000000};
    static const int32_t i32[] = {INT32_MIN, INT32_MIN, -1,   300,      INT32_MIN, INT32_MIN,
                                  -2,        2,         0,    255,      INT32_MIN, INT32_MIN,
                                  INT32_MIN, INT32_MIN, -129, INT32_MIN};
    static const uint8_t u8[] = {0, 0, 255, 44, 0, 0, 254, 2, 0, 255, 0, 0, 0, 0, 127, 0};
    EXPECT_CONVERTED(LINNET_FLOAT32, float, LINNET_INT64, int64_t, f32, i64);
    EXPECT_CONVERTED(LINNET_FLOAT32, float, LINNET_INT32, int32_t, f32, i32);
    EXPECT_CONVERTED(LINNET_FLOAT32, float, LINNET_UINT8, uint8_t, f32, u8);

    static const double f64[] = {
        0x1p63,       0x1.fffffffffffffp62, -0x1p63,       -0x1.0000000000001p63,
        2147483647.9, 2147483648,           -2147483648.9, -2147483649};
    static const int64_t wide[] = {INT64_MIN,  INT64_MAX - 1023, INT64_MIN,   INT64_MIN,
                                   2147483647, 2147483648,       -2147483648, -2147483649};
    static const int32_t narrow[] = {INT32_MIN,  INT32_MIN, INT32_MIN, INT32_MIN,
                                     2147483647, INT32_MIN, INT32_MIN, INT32_MIN};
    EXPECT_CONVERTED(LINNET_FLOAT64, double, LINNET_INT64, int64_t, f64, wide);
    EXPECT_CONVERTED(LINNET_FLOAT64, double, LINNET_INT32, int32_t, f64, narrow);
    static const uint16_t f16_bits[] = {0x3e00, 0xc100, 0x7bff, 0x7c00}; /* 1.5 -2.5 65504 inf */
    static const int32_t of_f16[] = {1, -2, 65504, INT32_MIN};
    EXPECT_CONVERTED(LINNET_FLOAT16, uint16_t, LINNET_INT32, int32_t, f16_bits, of_f16);
}

static void test_whole_to_whole(void **state)
{
    (void)state;
    static const int64_t i64[] = {-1, 256, (INT64_C(1) << 40) + 5, INT64_C(1) << 31};
    static const uint8_t u8[] = {255, 0, 5, 0};
    static const int32_t i32[] = {-1, 256, 5, INT32_MIN};
    static const int64_t back[] = {-1, 256, 5, INT32_MIN};
    static const int64_t bytes[] = {255, 0, 5, 0};
    EXPECT_CONVERTED(LINNET_INT64, int64_t, LINNET_UINT8, uint8_t, i64, u8);
    EXPECT_CONVERTED(LINNET_INT64, int64_t, LINNET_INT32, int32_t, i64, i32);
    EXPECT_CONVERTED(LINNET_INT32, int32_t, LINNET_INT64, int64_t, i32, back);
    EXPECT_CONVERTED(LINNET_UINT8, uint8_t, LINNET_INT64, int64_t, u8, bytes);
}

static void test_to_float32(void **state)
{
    (void)state;
    static const double f64[] = {0.1, 0x1.000001p0, 0x1.0000010000001p0, 1e300, 0x1p-149, 0x1p-150};
    static const float of_f64[] = {0.1f, 1, 0x1.000002p0f, INFINITY, 0x1p-149f, 0};
    EXPECT_CONVERTED(LINNET_FLOAT64, double, LINNET_FLOAT32, float, f64, of_f64);
    static const int64_t i64[] = {16777217, 16777219, -16777217, INT64_MAX, INT64_MIN};
    static const float of_i64[] = {16777216, 16777220, -16777216, 0x1p63f, -0x1p63f};
    EXPECT_CONVERTED(LINNET_INT64, int64_t, LINNET_FLOAT32, float, i64, of_i64);
    static const int32_t i32[] = {16777217, INT32_MAX, INT32_MIN};
    static const float of_i32[] = {16777216, 0x1p31f, -0x1p31f};
    EXPECT_CONVERTED(LINNET_INT32, int32_t, LINNET_FLOAT32, float, i32, of_i32);
    uint8_t u8[256];
    float of_u8[256];
    for (int i = 0; i < 256; i++) {
        u8[i] = (uint8_t)i;
        of_u8[i] = (float)i;
    }
    EXPECT_CONVERTED(LINNET_UINT8, uint8_t, LINNET_FLOAT32, float, u8, of_u8);
    /* From any address. */
    unsigned char bytes[1 + sizeof f64];
    memcpy(bytes + 1, f64, sizeof f64);
    float out[6];
    ln_to_float32(LINNET_FLOAT64, bytes + 1, 6, out);
    assert_memory_equal(out, of_f64, sizeof of_f64);
    ln_to_float32(LINNET_FLOAT32, NULL, 0, out);
}

/* int64 around the half-way points of a 16-bit float: rounded once. */
static void test_int64_to_half(void **state)
{
    half_format format = *(const half_format *)*state;
    for (uint32_t pattern = 0; pattern < half_infinity(format); pattern++) {
        double middle = (half_value(format, pattern) + half_value(format, pattern + 1)) / 2;
        if (middle < 256 || middle >= 0x1p63) {
            continue;
        }
        int64_t centre = (int64_t)middle;
        const int64_t steps[] = {0, 1, -1, 1024, -1024};
        int64_t values[10];
        for (int i = 0; i < 5; i++) {
            values[i] = centre + steps[i];
            values[5 + i] = -values[i];
        }
        linnet_tensor y = convert(LINNET_INT64, values, 10, format.dtype);
        for (int i = 0; i < 10; i++) {
            assert_int_equal(((uint16_t *)y.data)[i], nearest_half_whole(format, values[i]));
        }
        linnet_tensor_free(&y);
    }
    const int64_t extreme[] = {0, 1, -1, INT64_MAX, INT64_MIN};
    linnet_tensor y = convert(LINNET_INT64, extreme, 5, format.dtype);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(((uint16_t *)y.data)[i], nearest_half_whole(format, extreme[i]));
    }
    linnet_tensor_free(&y);
}

/* Each pair of computable dtypes, on values that all of them hold exactly, there and back. */
static void test_every_pair(void **state)
{
    (void)state;
    static const uint8_t values[] = {0, 1, 2, 3, 100, 127, 128, 129, 200, 255};
    size_t count = 0;
    const ln_dtype *rows = ln_dtype_rows(&count);
    for (size_t a = 0; a < count; a++) {
        for (size_t b = 0; b < count; b++) {
            if (!rows[a].computable || !rows[b].computable) {
                continue;
            }
            linnet_error error;
            linnet_tensor first = convert(LINNET_UINT8, values, 10, rows[a].dtype);
            linnet_tensor second, third;
            check_ok(linnet_tensor_to(&first, rows[b].dtype, &second, &error), &error);
            check_ok(linnet_tensor_to(&second, LINNET_UINT8, &third, &error), &error);
            assert_memory_equal(third.data, values, sizeof values);
            linnet_tensor_free(&first);
            linnet_tensor_free(&second);
            linnet_tensor_free(&third);
        }
    }
}

static void test_to_strided(void **state)
{
    (void)state;
    static int32_t data[2000];
    for (int i = 0; i < 2000; i++) {
        data[i] = i - 1000;
    }
    linnet_error error;
    linnet_tensor y;
    linnet_tensor x = strided(data, SHAPE(3, 600), (const int64_t[]){1, 3});
    x.dtype = LINNET_INT32;
    check_ok(linnet_tensor_to(&x, LINNET_FLOAT64, &y, &error), &error);
    EXPECT_STRIDES(y, 600, 1);
    for (int64_t i = 0; i < 1800; i++) {
        assert_true(((double *)y.data)[i] == (double)data[offset_of(&x, i)]);
    }
    linnet_tensor_free(&y);
    x = strided(data + 1999, SHAPE(2, 5, 3), (const int64_t[]){-100, 0, -7}); /* backwards */
    x.dtype = LINNET_INT32;
    check_ok(linnet_tensor_to(&x, LINNET_INT32, &y, &error), &error);
    for (int64_t i = 0; i < 30; i++) {
        assert_int_equal(((int32_t *)y.data)[i], data[1999 + offset_of(&x, i)]);
    }
    linnet_tensor_free(&y);
    x = strided(NULL, SHAPE(2, 0, 3), (const int64_t[]){1, 1, 1});
    check_ok(linnet_tensor_to(&x, LINNET_INT64, &y, &error), &error);
    EXPECT_SHAPE(y, 2, 0, 3);
    linnet_tensor_free(&y);
}

static void test_to_refuses(void **state)
{
    (void)state;
    linnet_error error;
    int16_t data[2] = {1, 2};
    linnet_tensor x, y;
    check_ok(linnet_tensor_from(data, LINNET_INT16, SHAPE(2), &x, &error), &error);
    expect_error(linnet_tensor_to(&x, LINNET_FLOAT32, &y, &error), LINNET_ERROR_UNSUPPORTED, &error,
                 "conversion from int16 to float32 is not supported");
    check_ok(linnet_tensor_to(&x, LINNET_INT16, &y, &error), &error); /* a copy is */
    assert_memory_equal(y.data, data, sizeof data);
    linnet_tensor_free(&y);
    expect_error(linnet_tensor_to(&x, (linnet_dtype)77, &y, &error), LINNET_ERROR_ARGUMENT, &error,
                 "unknown dtype 77");
}

#define HALF_TEST(function, format)                                                                \
    {                                                                                              \
#function " (" #format ")", function, NULL, NULL, (void *)(uintptr_t)&format               \
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
        HALF_TEST(test_half_patterns, f16),
        HALF_TEST(test_half_patterns, bf16),
        HALF_TEST(test_half_nan, f16),
        HALF_TEST(test_half_nan, bf16),
        HALF_TEST(test_half_of_f32, f16),
        HALF_TEST(test_half_of_f32, bf16),
        HALF_TEST(test_half_of_f64, f16),
        HALF_TEST(test_half_of_f64, bf16),
        HALF_TEST(test_int64_to_half, f16),
        HALF_TEST(test_int64_to_half, bf16),
        cmocka_unit_test(test_float_to_whole),
        cmocka_unit_test(test_whole_to_whole),
        cmocka_unit_test(test_to_float32),
        cmocka_unit_test(test_every_pair),
        cmocka_unit_test(test_to_strided),
        cmocka_unit_test(test_to_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
