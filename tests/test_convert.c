/* test_convert.c - every conversion between dtypes.
 *
 * Held against a definition of the 16-bit floats that is independent of the library: the value of a
 * pattern by ldexp, and the nearest pattern by search; for whole numbers, against PyTorch's
 * results. */
#include "support/check.h"
#include "support/tensors.h"

#include <math.h>

#include "numeric/float8.h"
#include "numeric/half.h"
#include "tensor/tensor.h"

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
            uint16_t half = half_of_f32(format, ln_from_bits(sign << 16 | 0x7f800000 | payload));
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
        float value = ln_from_bits((uint32_t)check_next(&random));
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

/* E4M3 by ldexp: all ones are NaN, and there is no infinity. */
static void test_e4m3(void **state)
{
    (void)state;
    for (uint32_t pattern = 0; pattern <= 0xff; pattern++) {
        int fraction = (int)(pattern & 7), exponent = (int)(pattern >> 3 & 15);
        double magnitude =
            exponent == 0 ? ldexp(fraction, -9) : ldexp(8 + fraction, exponent - 7 - 3);
        float value = ln_f32_of_e4m3((uint8_t)pattern);
        assert_int_equal(signbit(value) != 0, pattern >> 7);
        assert_true((pattern & 0x7f) == 0x7f ? isnan(value) : (double)fabsf(value) == magnitude);
    }
}

static void test_e5m2(void **state)
{
    (void)state;
    for (uint32_t pattern = 0; pattern <= 0xff; pattern++) {
        int fraction = (int)(pattern & 3), exponent = (int)(pattern >> 2 & 31);
        double magnitude = exponent == 0    ? ldexp(fraction, -16)
                           : exponent == 31 ? INFINITY
                                            : ldexp(4 + fraction, exponent - 15 - 2);
        float value = ln_f32_of_e5m2((uint8_t)pattern);
        assert_int_equal(signbit(value) != 0, pattern >> 7);
        assert_true(exponent == 31 && fraction != 0 ? isnan(value)
                                                    : (double)fabsf(value) == magnitude);
    }
}

/* The dtypes that files hold besides, to every dtype that others convert to: what int64, or
 * float64, gives there. Two of each: the smallest and the largest. */
static void test_from_every_dtype(void **state)
{
    (void)state;
    static const int16_t i16[] = {INT16_MIN, INT16_MAX};
    static const int8_t i8[] = {INT8_MIN, INT8_MAX};
    static const uint16_t u16[] = {1, UINT16_MAX};
    static const uint32_t u32[] = {1, UINT32_MAX};
    static const uint64_t u64[] = {1, INT64_MAX};
    static const uint8_t truth[] = {0, 2}, e4m3[] = {0xfe, 0x7e}, e5m2[] = {0xfb, 0x7b};
    static const struct {
        linnet_dtype dtype;
        const void *data;
        int64_t whole[2]; /* what they are */
    } cases[] = {
        {LINNET_INT16, i16, {INT16_MIN, INT16_MAX}}, {LINNET_INT8, i8, {INT8_MIN, INT8_MAX}},
        {LINNET_UINT16, u16, {1, UINT16_MAX}},       {LINNET_UINT32, u32, {1, UINT32_MAX}},
        {LINNET_UINT64, u64, {1, INT64_MAX}},        {LINNET_BOOL, truth, {0, 1}},
        {LINNET_FLOAT8_E4M3, e4m3, {-448, 448}},     {LINNET_FLOAT8_E5M2, e5m2, {-57344, 57344}},
    };
    size_t count = 0;
    const ln_dtype *rows = ln_dtype_rows(&count);
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        double real[2] = {(double)cases[c].whole[0], (double)cases[c].whole[1]};
        bool floating = ln_dtype_row(cases[c].dtype)->floating;
        for (size_t b = 0; b < count; b++) {
            if (!rows[b].target) {
                continue;
            }
            linnet_tensor expected = floating
                                         ? convert(LINNET_FLOAT64, real, 2, rows[b].dtype)
                                         : convert(LINNET_INT64, cases[c].whole, 2, rows[b].dtype);
            linnet_tensor found = convert(cases[c].dtype, cases[c].data, 2, rows[b].dtype);
            assert_memory_equal(found.data, expected.data, 2 * rows[b].size);
            linnet_tensor_free(&expected);
            linnet_tensor_free(&found);
        }
    }
}

/* Numbers that int64 does not have: rounded once to each float, the low bits elsewhere. */
static void test_large_uint64(void **state)
{
    (void)state;
    static const uint64_t data[] = {UINT64_MAX, UINT64_C(1) << 63, (UINT64_C(1) << 63) + 1};
    static const float singles[] = {0x1p64f, 0x1p63f, 0x1p63f};
    static const double doubles[] = {0x1p64, 0x1p63, 0x1p63};
    static const uint16_t brains[] = {0x5f80, 0x5f00, 0x5f00};
    static const int64_t wholes[] = {-1, INT64_MIN, INT64_MIN + 1};
    const struct {
        linnet_dtype dtype;
        const void *expected;
    } cases[] = {{LINNET_FLOAT32, singles},
                 {LINNET_FLOAT64, doubles},
                 {LINNET_BFLOAT16, brains},
                 {LINNET_INT64, wholes}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        linnet_tensor y = convert(LINNET_UINT64, data, 3, cases[c].dtype);
        assert_memory_equal(y.data, cases[c].expected, 3 * linnet_dtype_size(cases[c].dtype));
        linnet_tensor_free(&y);
    }
}

/* Each pair of dtypes that others convert to, on values that all of them hold exactly, there and
 * back. */
static void test_every_pair(void **state)
{
    (void)state;
    static const uint8_t values[] = {0, 1, 2, 3, 100, 127, 128, 129, 200, 255};
    size_t count = 0;
    const ln_dtype *rows = ln_dtype_rows(&count);
    for (size_t a = 0; a < count; a++) {
        for (size_t b = 0; b < count; b++) {
            if (!rows[a].target || !rows[b].target) {
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
    linnet_tensor x = strided_view(data, SHAPE(3, 600), (const int64_t[]){1, 3});
    x.dtype = LINNET_INT32;
    check_ok(linnet_tensor_to(&x, LINNET_FLOAT64, &y, &error), &error);
    assert_int_equal(y.strides[0], 600);
    assert_int_equal(y.strides[1], 1);
    for (int64_t i = 0; i < 1800; i++) {
        assert_true(((double *)y.data)[i] == (double)data[offset_of(&x, i)]);
    }
    linnet_tensor_free(&y);
    x = strided_view(data + 1999, SHAPE(2, 5, 3), (const int64_t[]){-100, 0, -7}); /* backwards */
    x.dtype = LINNET_INT32;
    check_ok(linnet_tensor_to(&x, LINNET_INT32, &y, &error), &error);
    for (int64_t i = 0; i < 30; i++) {
        assert_int_equal(((int32_t *)y.data)[i], data[1999 + offset_of(&x, i)]);
    }
    linnet_tensor_free(&y);
    x = strided_view(NULL, SHAPE(2, 0, 3), (const int64_t[]){1, 1, 1});
    check_ok(linnet_tensor_to(&x, LINNET_INT64, &y, &error), &error);
    assert_int_equal(y.rank, 3);
    assert_int_equal(linnet_tensor_numel(&y), 0);
    linnet_tensor_free(&y);
}

static void test_to_refuses(void **state)
{
    (void)state;
    linnet_error error;
    int16_t data[2] = {1, 2};
    linnet_tensor x, y;
    float number = 1;
    check_ok(linnet_tensor_from(&number, LINNET_FLOAT32, SHAPE(1), &x, &error), &error);
    expect_error(linnet_tensor_to(&x, LINNET_INT16, &y, &error), LINNET_ERROR_UNSUPPORTED, &error,
                 "conversion from float32 to int16 is not supported");
    check_ok(linnet_tensor_from(data, LINNET_INT16, SHAPE(2), &x, &error), &error);
    check_ok(linnet_tensor_to(&x, LINNET_INT16, &y, &error), &error); /* a copy is */
    assert_memory_equal(y.data, data, sizeof data);
    linnet_tensor_free(&y);
    expect_error(linnet_tensor_to(&x, (linnet_dtype)77, &y, &error), LINNET_ERROR_ARGUMENT, &error,
                 "unknown dtype 77");
}

/* A test once for each 16-bit format. */
#define HALF_TEST(test, format)                                                                    \
    {                                                                                              \
        .name = #test " (" #format ")", .test_func = test,                                         \
        .initial_state = (void *)(uintptr_t)&format                                                \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
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
        cmocka_unit_test(test_e4m3),
        cmocka_unit_test(test_e5m2),
        cmocka_unit_test(test_from_every_dtype),
        cmocka_unit_test(test_large_uint64),
        cmocka_unit_test(test_to_strided),
        cmocka_unit_test(test_to_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
