/* functions.h - exp and log in float32: the definition (docs/numerics.md, rule 4).
 *
 * Written once, branch-free, with fma where an fma is meant, so that the scalar code and every
 * vector set compile this same text and return the same bits. Coefficients:
 * scripts/coefficients.py. Accuracy over all 2^32 floats: bench/accuracy.c. */
#ifndef LN_NUMERIC_FUNCTIONS_H
#define LN_NUMERIC_FUNCTIONS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t ln_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float ln_from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* e^x: x = n ln 2 + r with |r| <= ln 2 / 2, e^r = 1 + r + r^2 P(r), times 2^n in two steps so that
 * overflow gives infinity and a subnormal result is rounded once. exp(NaN) is NaN. */
static inline float ln_exp(float x)
{
    const float shift = 0x1.8p23f; /* adding it rounds to an integer in the low bits */
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    float shifted = fmaf(x, 0x1.715476p+0f, shift);
    int32_t n = (int32_t)(ln_bits(shifted) - ln_bits(shift));
    float whole = shifted - shift;
    float r = fmaf(-whole, 0x1.62e4p-1f, x);
    r = fmaf(-whole, 0x1.7f7d1cp-20f, r);
    float p = 0x1.a124e4p-13f;
    p = fmaf(p, r, 0x1.6d4316p-10f);
    p = fmaf(p, r, 0x1.1110ep-7f);
    p = fmaf(p, r, 0x1.5554eap-5f);
    p = fmaf(p, r, 0x1.555556p-3f);
    p = fmaf(p, r, 0x1p-1f);
    p = fmaf(r * r, p, r) + 1.0f;
    int32_t half = n >> 1;
    float scale1 = ln_from_bits((uint32_t)(half + 127) << 23);
    float scale2 = ln_from_bits((uint32_t)(n - half + 127) << 23);
    return p * scale1 * scale2;
}

/* log(x): x = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), log(1 + f) = f - f^2/2 + f^3 Q(f).
 * log(0) is -infinity, of a negative number NaN. */
static inline float ln_log(float x)
{
    const uint32_t sqrt_half = 0x3f3504f3u;
    float normal = x < 0x1p-126f ? x * 0x1p23f : x;
    float bias = x < 0x1p-126f ? -23.0f : 0.0f;
    uint32_t offset = ln_bits(normal) - sqrt_half;
    float e = (float)((int32_t)offset >> 23) + bias;
    float f = ln_from_bits((offset & 0x7fffffu) + sqrt_half) - 1.0f;
    float q = 0x1.1d8ea6p-4f;
    q = fmaf(q, f, -0x1.d635bcp-4f);
    q = fmaf(q, f, 0x1.dea282p-4f);
    q = fmaf(q, f, -0x1.fcf4c6p-4f);
    q = fmaf(q, f, 0x1.23d21ap-3f);
    q = fmaf(q, f, -0x1.555b4ap-3f);
    q = fmaf(q, f, 0x1.999d5ap-3f);
    q = fmaf(q, f, -0x1.fffffcp-3f);
    q = fmaf(q, f, 0x1.555554p-2f);
    float square = f * f;
    float tail = fmaf(f * square, q, e * 0x1.7f7d1cp-20f);
    tail = fmaf(-0.5f, square, tail);
    float result = fmaf(e, 0x1.62e4p-1f, f + tail);
    result = x == INFINITY ? x : result;
    result = x == 0.0f ? -INFINITY : result;
    result = x >= 0.0f ? result : NAN;
    return result;
}

#endif
