/* functions.h - exp, log and their kin: the definition (docs/numerics.md, rule 4).
 *
 * Written once, in ln_real, branch-free, with fma where an fma is meant, so that the scalar code
 * and every vector set compile this same text and return the same bits. What float and double have
 * each of their own stands in coefficients.h. Accuracy: bench/accuracy.c. */
#ifndef LN_NUMERIC_FUNCTIONS_H
#define LN_NUMERIC_FUNCTIONS_H

#include <math.h>
#include <stdint.h>

#include "numeric/coefficients.h"

/* Below this, e^x - 1 and log(1 + x) are x; -0 stays -0. */
#define LN_TINY (LN_REAL_EPSILON / 4)

/* x = n ln 2 + r with |r| <= ln 2 / 2, for |x| below about 2^20 (in double 2^30); returns r. */
static inline ln_real ln_exp_reduce(ln_real x, int32_t *n)
{
    const ln_real shift =
        1.5f / LN_REAL_EPSILON; /* adding it rounds to an integer in the low bits */
    ln_real shifted = ln_fma(x, LN_REAL(0x1.71547652b82fep+0), shift); /* 1 / ln 2 */
    *n = (int32_t)(ln_word_of(shifted) - ln_word_of(shift));
    ln_real whole = shifted - shift;
    ln_real r = ln_fma(-whole, LN_LN2_HIGH, x);
    return ln_fma(-whole, LN_LN2_LOW, r);
}

/* 2^n, for n whose power is a normal number. */
static inline ln_real ln_power_of_two(int32_t n)
{
    return ln_from_word((ln_word)(n + LN_EXPONENT_BIAS) << LN_FRACTION_BITS);
}

/* e^x = 2^n e^r, e^r = 1 + r + r^2 P(r), times 2^n in two steps so that overflow gives infinity and
 * a subnormal result is rounded once. exp(NaN) is NaN. */
static inline ln_real ln_exp(ln_real x)
{
    x = x > LN_EXP_BOUND ? LN_EXP_BOUND : x;
    x = x < LN_EXP_LOW_BOUND ? LN_EXP_LOW_BOUND : x;
    int32_t n;
    ln_real r = ln_exp_reduce(x, &n);
    ln_real p = ln_fma(r * r, ln_exp_polynomial(r), r) + 1.0f;
    int32_t half = n >> 1;
    return p * ln_power_of_two(half) * ln_power_of_two(n - half);
}

/* e^x - 1 = 2^n (e^r - 1) + (2^n - 1), computed as its half so that the largest n has a 2^(n-1).
 * For n = 1 the half is r + 1/2 + r^2 P(r), which cancels nothing; for n = 0 it is e^r - 1 itself.
 */
static inline ln_real ln_expm1(ln_real x)
{
    ln_real bounded = x > LN_EXP_BOUND ? LN_EXP_BOUND : x;
    bounded = bounded < LN_EXPM1_LOW_BOUND ? LN_EXPM1_LOW_BOUND : bounded;
    int32_t n;
    ln_real r = ln_exp_reduce(bounded, &n);
    ln_real p = ln_fma(r * r, ln_exp_polynomial(r), n == 1 ? r + 0.5f : r);
    ln_real scale = ln_power_of_two(n - 1);
    ln_real less = scale - 0.5f;
    /* What the rounding of `less` left out, from n = 25 (54) on. */
    ln_real lost = (scale - less) - 0.5f;
    ln_real half = ln_fma(p, scale, lost) + less;
    ln_real result = half + half;
    result = n == 1 ? p + p : result;
    result = n == 0 ? p : result;
    return ln_fabs(x) < LN_TINY ? x : result;
}

/* x = 2^e (1 + f), 1 + f in [sqrt(1/2), sqrt(2)), for positive normal x; returns f. */
static inline ln_real ln_log_reduce(ln_real x, int32_t *e)
{
    const ln_word fraction = ((ln_word)1 << LN_FRACTION_BITS) - 1;
    ln_word offset = ln_word_of(x) - LN_SQRT_HALF_WORD;
    *e = (int32_t)((ln_signed_word)offset >> LN_FRACTION_BITS);
    return ln_from_word((offset & fraction) + LN_SQRT_HALF_WORD) - 1.0f;
}

/* e ln 2 + log(1 + f), log(1 + f) = f - f^2/2 + f^3 Q(f). */
static inline ln_real ln_log_sum(ln_real e, ln_real f)
{
    ln_real square = f * f;
    ln_real tail = ln_fma(f * square, ln_log_polynomial(f), e * LN_LN2_LOW);
    tail = ln_fma(-0.5f, square, tail);
    return ln_fma(e, LN_LN2_HIGH, f + tail);
}

/* log(x). log(0) is -infinity, of a negative number NaN. */
static inline ln_real ln_log(ln_real x)
{
    bool subnormal = x < LN_REAL_SMALLEST;
    int32_t e;
    ln_real f = ln_log_reduce(subnormal ? x / LN_REAL_EPSILON : x, &e);
    ln_real result = ln_log_sum((ln_real)(subnormal ? e - LN_FRACTION_BITS : e), f);
    result = x == INFINITY ? x : result;
    result = x == 0.0f ? -INFINITY : result;
    result = x >= 0.0f ? result : NAN;
    return result;
}

/* log(1 + x): as ln_log of 1 + x, with what that sum lost put back into f. */
static inline ln_real ln_log1p(ln_real x)
{
    /* The last power whose inverse is normal; long before it nothing of `lost` counts. */
    enum { LAST = LN_EXPONENT_BIAS - 1 };
    ln_real sum = 1.0f + x;
    ln_real lost = x - (sum - 1.0f);
    int32_t e;
    ln_real f = ln_log_reduce(sum, &e);
    f = e < LAST ? ln_fma(lost, ln_power_of_two(e < LAST ? -e : 0), f) : f;
    ln_real result = ln_log_sum((ln_real)e, f);
    result = ln_fabs(x) < LN_TINY ? x : result;
    result = x == INFINITY ? x : result;
    result = x == -1.0f ? -INFINITY : result;
    result = x >= -1.0f ? result : NAN;
    return result;
}

/* 1 / (1 + e^-x), from e = e^-|x| as 1 / (1 + e) or e / (1 + e), so that nothing overflows and
 * small results keep their digits; then one step of Newton's for the quotient, with what 1 + e
 * lost. */
static inline ln_real ln_sigmoid(ln_real x)
{
    ln_real e = ln_exp(-ln_fabs(x));
    ln_real sum = 1.0f + e;
    ln_real lost = (1.0f - sum) + e;
    ln_real inverse = 1.0f / sum;
    ln_real part = x < 0.0f ? e : 1.0f;
    ln_real quotient = part * inverse;
    ln_real rest = ln_fma(-quotient, lost, ln_fma(-quotient, sum, part));
    return ln_fma(rest, inverse, quotient);
}

/* tanh(x): x + x^3 T(x^2) below 0.65, else 1 - 2 / (e^2|x| + 1), with the sign of x. */
static inline ln_real ln_tanh(ln_real x)
{
    ln_real size = ln_fabs(x);
    ln_real bounded = size > LN_TANH_BOUND ? LN_TANH_BOUND : size;
    ln_real large = 1.0f - 2.0f / (ln_exp(bounded + bounded) + 1.0f);
    ln_real square = x * x;
    ln_real small = ln_fma(x * square, ln_tanh_polynomial(square), x);
    return ln_copysign(size < LN_REAL(0.65) ? small : large, x); /* -0 stays -0 */
}

/* e^(-a^2 / 2): a^2 is taken exactly, as a rounded square and what the rounding left out. For
 * 0 <= a <= LN_NORMAL_BOUND. */
static inline ln_real ln_bell(ln_real a)
{
    ln_real square = a * a;
    ln_real lost = ln_fma(a, a, -square);
    ln_real e = ln_exp(-0.5f * square);
    return ln_fma(e, -0.5f * lost, e);
}

/* The tail of the normal distribution beyond a >= 0: bell(a) t N(t - 1/2), t = 1 / (1 + 0.3 a). */
static inline ln_real ln_normal_tail(ln_real a)
{
    a = a > LN_TAIL_BOUND ? LN_TAIL_BOUND : a;
    ln_real divisor = ln_fma(LN_REAL(0.3), a, 1.0f);
    ln_real lost = ln_fma(LN_REAL(0.3), a, 1.0f - divisor);
    ln_real t = 1.0f / divisor;
    /* What t is short of, by one step of Newton's: the result is three times as sensitive to it. */
    ln_real short_of = ln_fma(-t, lost, ln_fma(-t, divisor, 1.0f)) * t;
    ln_real p = ln_tail_polynomial((t - 0.5f) + short_of);
    return ln_bell(a) * ln_fma(t, p, short_of * p);
}

/* The normal distribution function, (1 + erf(x / sqrt(2))) / 2: to the last digits in its left tail
 * too, where 1 + erf would cancel. */
static inline ln_real ln_normal(ln_real x)
{
    ln_real tail = ln_normal_tail(ln_fabs(x));
    return x < 0.0f ? tail : 1.0f - tail;
}

/* erf(x): x + x G(x^2) below 1, else 1 - 2 tail(sqrt(2) |x|) with the sign of x. */
static inline ln_real ln_erf(ln_real x)
{
    ln_real size = ln_fabs(x);
    ln_real large = ln_fma(-2.0f, ln_normal_tail(LN_REAL(0x1.6a09e667f3bcdp0) * size), 1.0f);
    ln_real small = ln_fma(x, ln_erf_polynomial(x * x), x);
    return size < 1.0f ? small : ln_copysign(large, x);
}

#endif
