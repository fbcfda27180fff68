/* bf16.h - the definition of products in bfloat16: rule 5 of docs/numerics.md.
 *
 * Operands are rounded to bfloat16, sums are float32, and subnormals count as zero: what the
 * instruction VDPBF16PS computes, said with fmaf. Slow, and never deleted: every kernel set must
 * return exactly these bits. */
#ifndef LN_NUMERIC_BF16_H
#define LN_NUMERIC_BF16_H

#include <math.h>
#include <stddef.h>

#include "numeric/half.h"

/* 2^-126, the smallest normal number. */
#define LN_SMALLEST_NORMAL 0x1p-126f

/* x as an operand: a subnormal becomes zero, all else is rounded to nearest, ties to even. Both
 * keep their sign. */
static inline uint16_t ln_bf16_operand(float x)
{
    uint32_t bits = ln_bits(x);
    return (bits & 0x7f800000u) == 0 ? (uint16_t)(bits >> 16 & 0x8000u) : ln_bf16_of_f32(x);
}

/* a * b + s, rounded once as if the exponent had no end; below 2^-126 it is zero then. a and b are
 * operands, s is a result of this or +0. */
static inline float ln_bf16_fma(float a, float b, float s)
{
    float sum = fmaf(a, b, s);
    float size = fabsf(sum);
    if (!(size > 0 && size <= LN_SMALLEST_NORMAL)) {
        return sum;
    }
    /* 2^64 times as large, nothing is subnormal, and nothing overflows: what is left of numbers so
     * large that it could has no bits down here. */
    float smaller = fabsf(a) < fabsf(b) ? a : b, larger = fabsf(a) < fabsf(b) ? b : a;
    float scaled = fmaf(smaller * 0x1p64f, larger, s * 0x1p64f);
    return fabsf(scaled) < LN_SMALLEST_NORMAL * 0x1p64f ? copysignf(0.0f, sum) : scaled * 0x1p-64f;
}

/* One block of a sum: pairs of neighbours, the second first; a missing one is 0 * 0. */
static inline float ln_bf16_chain(size_t n, const float *a, size_t a_stride, const float *b,
                                  size_t b_stride)
{
    float s = 0;
    for (size_t i = 0; i < n; i += 2) {
        for (size_t j = i + 2; j-- > i;) {
            float x = j < n ? ln_f32_of_bf16(ln_bf16_operand(a[j * a_stride])) : 0;
            float y = j < n ? ln_f32_of_bf16(ln_bf16_operand(b[j * b_stride])) : 0;
            s = ln_bf16_fma(x, y, s);
        }
    }
    return s;
}

/* Rule 1 with such chains. */
static inline float ln_bf16_sum_features(size_t n, const float *a, size_t a_stride, const float *b,
                                         size_t b_stride, float bias)
{
    float y = bias;
    for (size_t block = 0; block < n; block += 256) {
        size_t count = n - block < 256 ? n - block : 256;
        y = y +
            ln_bf16_chain(count, a + block * a_stride, a_stride, b + block * b_stride, b_stride);
    }
    return y;
}

/* Rule 2 with such chains. */
static inline float ln_bf16_sum_batch(size_t n, const float *a, size_t a_stride, const float *b,
                                      size_t b_stride)
{
    if (n <= 64) {
        return ln_bf16_chain(n, a, a_stride, b, b_stride);
    }
    size_t left = 64;
    while (left * 2 < n) {
        left *= 2;
    }
    return ln_bf16_sum_batch(left, a, a_stride, b, b_stride) +
           ln_bf16_sum_batch(n - left, a + left * a_stride, a_stride, b + left * b_stride,
                             b_stride);
}

#endif
