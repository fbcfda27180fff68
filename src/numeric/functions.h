/* functions.h - exp, log and their kin in float32: the definition (docs/numerics.md, rule 4).
 *
 * Written once, branch-free, with fma where an fma is meant, so that the scalar code and every
 * vector set compile this same text and return the same bits. Coefficients:
 * scripts/coefficients.py. Accuracy over all 2^32 floats: bench/accuracy.c. */
#ifndef LN_NUMERIC_FUNCTIONS_H
#define LN_NUMERIC_FUNCTIONS_H

#include <math.h>
#include <stdint.h>

#include "numeric/bits.h"

/* Beyond these, the normal distribution function, and e^x (e^x + 2) against 2, are 0 or 1. */
#define LN_NORMAL_BOUND 16.0f
#define LN_MISH_BOUND 20.0f

/* x = n ln 2 + r with |r| <= ln 2 / 2, for |x| below about 2^20; returns r. */
static inline float ln_exp_reduce(float x, int32_t *n)
{
    const float shift = 0x1.8p23f; /* adding it rounds to an integer in the low bits */
    float shifted = fmaf(x, 0x1.715476p+0f, shift);
    *n = (int32_t)(ln_bits(shifted) - ln_bits(shift));
    float whole = shifted - shift;
    float r = fmaf(-whole, 0x1.62e4p-1f, x);
    return fmaf(-whole, 0x1.7f7d1cp-20f, r);
}

/* P of e^r = 1 + r + r^2 P(r). */
static inline float ln_exp_polynomial(float r)
{
    float p = 0x1.a124e4p-13f;
    p = fmaf(p, r, 0x1.6d4316p-10f);
    p = fmaf(p, r, 0x1.1110ep-7f);
    p = fmaf(p, r, 0x1.5554eap-5f);
    p = fmaf(p, r, 0x1.555556p-3f);
    return fmaf(p, r, 0x1p-1f);
}

/* 2^n, for n in [-126, 127]. */
static inline float ln_power_of_two(int32_t n)
{
    return ln_from_bits((uint32_t)(n + 127) << 23);
}

/* e^x = 2^n e^r, times 2^n in two steps so that overflow gives infinity and a subnormal result is
 * rounded once. exp(NaN) is NaN. */
static inline float ln_exp(float x)
{
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    int32_t n;
    float r = ln_exp_reduce(x, &n);
    float p = fmaf(r * r, ln_exp_polynomial(r), r) + 1.0f;
    int32_t half = n >> 1;
    return p * ln_power_of_two(half) * ln_power_of_two(n - half);
}

/* e^x - 1 = 2^n (e^r - 1) + (2^n - 1), computed as its half so that n = 128 has a 2^(n-1). For
 * n = 1 the half is r + 1/2 + r^2 P(r), which cancels nothing; for n = 0 it is e^r - 1 itself. */
static inline float ln_expm1(float x)
{
    float bounded = x > 89.0f ? 89.0f : x;
    bounded = bounded < -18.0f ? -18.0f : bounded;
    int32_t n;
    float r = ln_exp_reduce(bounded, &n);
    float p = fmaf(r * r, ln_exp_polynomial(r), n == 1 ? r + 0.5f : r);
    float scale = ln_power_of_two(n - 1);
    float less = scale - 0.5f;
    float lost = (scale - less) - 0.5f; /* what the rounding of `less` left out, from n = 25 on */
    float half = fmaf(p, scale, lost) + less;
    float result = half + half;
    result = n == 1 ? p + p : result;
    result = n == 0 ? p : result;
    return fabsf(x) < 0x1p-25f ? x : result; /* -0 stays -0 */
}

/* e ln 2 + log(1 + f) for 1 + f in [sqrt(1/2), sqrt(2)), log(1 + f) = f - f^2/2 + f^3 Q(f). */
static inline float ln_log_sum(float e, float f)
{
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
    return fmaf(e, 0x1.62e4p-1f, f + tail);
}

#define LN_SQRT_HALF_BITS 0x3f3504f3u

/* log(x): x = 2^e (1 + f). log(0) is -infinity, of a negative number NaN. */
static inline float ln_log(float x)
{
    float normal = x < 0x1p-126f ? x * 0x1p23f : x;
    float bias = x < 0x1p-126f ? -23.0f : 0.0f;
    uint32_t offset = ln_bits(normal) - LN_SQRT_HALF_BITS;
    float e = (float)((int32_t)offset >> 23) + bias;
    float f = ln_from_bits((offset & 0x7fffffu) + LN_SQRT_HALF_BITS) - 1.0f;
    float result = ln_log_sum(e, f);
    result = x == INFINITY ? x : result;
    result = x == 0.0f ? -INFINITY : result;
    result = x >= 0.0f ? result : NAN;
    return result;
}

/* log(1 + x): as ln_log of 1 + x, with what that sum lost put back into f. */
static inline float ln_log1p(float x)
{
    float sum = 1.0f + x;
    float lost = x - (sum - 1.0f);
    uint32_t offset = ln_bits(sum) - LN_SQRT_HALF_BITS;
    int32_t e = (int32_t)offset >> 23;
    float f = ln_from_bits((offset & 0x7fffffu) + LN_SQRT_HALF_BITS) - 1.0f;
    /* 2^-e as a float ends at e = 126; from e = 25 on nothing of `lost` counts. */
    f = e < 126 ? fmaf(lost, ln_power_of_two(e < 126 ? -e : 0), f) : f;
    float result = ln_log_sum((float)e, f);
    result = fabsf(x) < 0x1p-25f ? x : result; /* -0 stays -0 */
    result = x == INFINITY ? x : result;
    result = x == -1.0f ? -INFINITY : result;
    result = x >= -1.0f ? result : NAN;
    return result;
}

/* 1 / (1 + e^-x), from e = e^-|x| as 1 / (1 + e) or e / (1 + e), so that nothing overflows and
 * small results keep their digits; then one step of Newton's for the quotient, with what 1 + e
 * lost. */
static inline float ln_sigmoid(float x)
{
    float e = ln_exp(-fabsf(x));
    float sum = 1.0f + e;
    float lost = (1.0f - sum) + e;
    float inverse = 1.0f / sum;
    float part = x < 0.0f ? e : 1.0f;
    float quotient = part * inverse;
    float rest = fmaf(-quotient, lost, fmaf(-quotient, sum, part));
    return fmaf(rest, inverse, quotient);
}

/* tanh(x): x + x^3 T(x^2) below 0.65, else 1 - 2 / (e^2|x| + 1), with the sign of x. */
static inline float ln_tanh(float x)
{
    float size = fabsf(x);
    float bounded = size > 10.0f ? 10.0f : size;
    float large = 1.0f - 2.0f / (ln_exp(bounded + bounded) + 1.0f);
    float square = x * x;
    float t = 0x1.224fcep-9f;
    t = fmaf(t, square, -0x1.0f1266p-7f);
    t = fmaf(t, square, 0x1.644a1ep-6f);
    t = fmaf(t, square, -0x1.ba02aap-5f);
    t = fmaf(t, square, 0x1.1110d8p-3f);
    t = fmaf(t, square, -0x1.555556p-2f);
    float small = fmaf(x * square, t, x);
    return copysignf(size < 0.65f ? small : large, x); /* -0 stays -0 */
}

/* e^(-a^2 / 2): a^2 is taken exactly, as a rounded square and what the rounding left out. For
 * 0 <= a <= 15. */
static inline float ln_bell(float a)
{
    float square = a * a;
    float lost = fmaf(a, a, -square);
    float e = ln_exp(-0.5f * square);
    return fmaf(e, -0.5f * lost, e);
}

/* The tail of the normal distribution beyond a >= 0: bell(a) t N(t - 1/2), t = 1 / (1 + 0.3 a). */
static inline float ln_normal_tail(float a)
{
    a = a > 15.0f ? 15.0f : a; /* where the tail is 0 */
    float divisor = fmaf(0.3f, a, 1.0f);
    float lost = fmaf(0.3f, a, 1.0f - divisor);
    float t = 1.0f / divisor;
    /* What t is short of, by one step of Newton's: the result is three times as sensitive to it. */
    float short_of = fmaf(-t, lost, fmaf(-t, divisor, 1.0f)) * t;
    float u = (t - 0.5f) + short_of;
    float p = 0x1.d8fda4p-9f;
    p = fmaf(p, u, -0x1.855c3p-6f);
    p = fmaf(p, u, 0x1.3d8af6p-6f);
    p = fmaf(p, u, 0x1.2c428p-5f);
    p = fmaf(p, u, -0x1.2b1e2ep-5f);
    p = fmaf(p, u, -0x1.3de55cp-4f);
    p = fmaf(p, u, 0x1.dc2646p-6f);
    p = fmaf(p, u, 0x1.c6d446p-3f);
    p = fmaf(p, u, 0x1.6281eap-2f);
    p = fmaf(p, u, 0x1.510f0cp-2f);
    p = fmaf(p, u, 0x1.c69888p-3f);
    return ln_bell(a) * fmaf(t, p, short_of * p);
}

/* The normal distribution function, (1 + erf(x / sqrt(2))) / 2: to the last digits in its left tail
 * too, where 1 + erf would cancel. */
static inline float ln_normal(float x)
{
    float tail = ln_normal_tail(fabsf(x));
    return x < 0.0f ? tail : 1.0f - tail;
}

/* erf(x): x + x G(x^2) below 1, else 1 - 2 tail(sqrt(2) |x|) with the sign of x. */
static inline float ln_erf(float x)
{
    float size = fabsf(x);
    float large = fmaf(-2.0f, ln_normal_tail(0x1.6a09e6p0f * size), 1.0f);
    float square = x * x;
    float g = 0x1.4a569p-14f;
    g = fmaf(g, square, -0x1.a45088p-11f);
    g = fmaf(g, square, 0x1.54127p-8f);
    g = fmaf(g, square, -0x1.b7fabap-6f);
    g = fmaf(g, square, 0x1.ce2d1p-4f);
    g = fmaf(g, square, -0x1.81273ep-2f);
    g = fmaf(g, square, 0x1.06eba8p-3f);
    float small = fmaf(x, g, x);
    return size < 1.0f ? small : copysignf(large, x);
}

#endif
