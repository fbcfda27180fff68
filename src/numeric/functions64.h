/* functions64.h - the functions of functions.h in double: the same methods, under the same names,
 * with longer polynomials.
 *
 * An engine's second compilation (numeric/real.h) includes this in place of functions.h.
 * Coefficients: scripts/coefficients.py 64. What is not here: why each step is there, which
 * functions.h says. */
#ifndef LN_NUMERIC_FUNCTIONS_H
#define LN_NUMERIC_FUNCTIONS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define LN_NORMAL_BOUND 39.0
#define LN_MISH_BOUND 40.0

static inline uint64_t ln_bits64(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double ln_from_bits64(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* x = n ln 2 + r with |r| <= ln 2 / 2, for |x| below about 2^30; returns r. */
static inline double ln_exp_reduce(double x, int32_t *n)
{
    const double shift = 0x1.8p52;
    double shifted = fma(x, 0x1.71547652b82fep+0, shift);
    *n = (int32_t)(ln_bits64(shifted) - ln_bits64(shift));
    double whole = shifted - shift;
    double r = fma(-whole, 0x1.62e42fefa2p-1, x);
    return fma(-whole, 0x1.9ef35793c7673p-41, r);
}

/* P of e^r = 1 + r + r^2 P(r). */
static inline double ln_exp_polynomial(double r)
{
    double p = 0x1.1f72fc730b4ffp-29;
    p = fma(p, r, 0x1.af4ddd84882fep-26);
    p = fma(p, r, 0x1.27e4db67b4303p-22);
    p = fma(p, r, 0x1.71de02375656cp-19);
    p = fma(p, r, 0x1.a01a01a6d7808p-16);
    p = fma(p, r, 0x1.a01a01abe62ddp-13);
    p = fma(p, r, 0x1.6c16c16c162d6p-10);
    p = fma(p, r, 0x1.11111111100dfp-7);
    p = fma(p, r, 0x1.5555555555556p-5);
    p = fma(p, r, 0x1.5555555555557p-3);
    return fma(p, r, 0x1p-1);
}

/* 2^n, for n in [-1022, 1023]. */
static inline double ln_power_of_two(int32_t n)
{
    return ln_from_bits64((uint64_t)(n + 1023) << 52);
}

static inline double ln_exp(double x)
{
    x = x > 710.0 ? 710.0 : x;
    x = x < -746.0 ? -746.0 : x;
    int32_t n;
    double r = ln_exp_reduce(x, &n);
    double p = fma(r * r, ln_exp_polynomial(r), r) + 1.0;
    int32_t half = n >> 1;
    return p * ln_power_of_two(half) * ln_power_of_two(n - half);
}

static inline double ln_expm1(double x)
{
    double bounded = x > 710.0 ? 710.0 : x;
    bounded = bounded < -40.0 ? -40.0 : bounded;
    int32_t n;
    double r = ln_exp_reduce(bounded, &n);
    double p = fma(r * r, ln_exp_polynomial(r), n == 1 ? r + 0.5 : r);
    double scale = ln_power_of_two(n - 1);
    double less = scale - 0.5;
    double lost = (scale - less) - 0.5; /* what the rounding of `less` left out, from n = 54 on */
    double half = fma(p, scale, lost) + less;
    double result = half + half;
    result = n == 1 ? p + p : result;
    result = n == 0 ? p : result;
    return fabs(x) < 0x1p-54 ? x : result;
}

/* e ln 2 + log(1 + f) for 1 + f in [sqrt(1/2), sqrt(2)), log(1 + f) = f - f^2/2 + f^3 Q(f). */
static inline double ln_log_sum(double e, double f)
{
    double q = -0x1.628073ce6d92ep-6;
    q = fma(q, f, 0x1.a588dbc4c361ep-5);
    q = fma(q, f, -0x1.d51c5dd230be2p-5);
    q = fma(q, f, 0x1.93fba08a3bffbp-5);
    q = fma(q, f, -0x1.88a331e017f06p-5);
    q = fma(q, f, 0x1.a9d18c073f66fp-5);
    q = fma(q, f, -0x1.c8821a47f3818p-5);
    q = fma(q, f, 0x1.e293415c318ffp-5);
    q = fma(q, f, -0x1.fff2c0c38f6fcp-5);
    q = fma(q, f, 0x1.110ada2372a45p-4);
    q = fma(q, f, -0x1.24924826e9e2ap-4);
    q = fma(q, f, 0x1.3b13f377d6cdcp-4);
    q = fma(q, f, -0x1.555557b67e5e7p-4);
    q = fma(q, f, 0x1.745d159e2d2f4p-4);
    q = fma(q, f, -0x1.9999998448c9cp-4);
    q = fma(q, f, 0x1.c71c71cd2ff6ep-4);
    q = fma(q, f, -0x1.00000000278c3p-3);
    q = fma(q, f, 0x1.249249248c922p-3);
    q = fma(q, f, -0x1.5555555555198p-3);
    q = fma(q, f, 0x1.99999999999ddp-3);
    q = fma(q, f, -0x1.0000000000001p-2);
    q = fma(q, f, 0x1.5555555555555p-2);
    double square = f * f;
    double tail = fma(f * square, q, e * 0x1.9ef35793c7673p-41);
    tail = fma(-0.5, square, tail);
    return fma(e, 0x1.62e42fefa2p-1, f + tail);
}

#define LN_SQRT_HALF_BITS 0x3fe6a09e667f3bcdu
#define LN_FRACTION_BITS 0xfffffffffffffu

/* x = 2^e (1 + f): returns f, for positive normal x. */
static inline double ln_log_reduce(double x, int32_t *e)
{
    uint64_t offset = ln_bits64(x) - LN_SQRT_HALF_BITS;
    *e = (int32_t)((int64_t)offset >> 52);
    return ln_from_bits64((offset & LN_FRACTION_BITS) + LN_SQRT_HALF_BITS) - 1.0;
}

static inline double ln_log(double x)
{
    double scaled = x < 0x1p-1022 ? x * 0x1p54 : x;
    int32_t e;
    double f = ln_log_reduce(scaled, &e);
    double result = ln_log_sum((double)(x < 0x1p-1022 ? e - 54 : e), f);
    result = x == INFINITY ? x : result;
    result = x == 0.0 ? -INFINITY : result;
    result = x >= 0.0 ? result : NAN;
    return result;
}

static inline double ln_log1p(double x)
{
    double sum = 1.0 + x;
    double lost = x - (sum - 1.0);
    int32_t e;
    double f = ln_log_reduce(sum, &e);
    /* 2^-e ends at e = 1022; from e = 54 on nothing of `lost` counts. */
    f = e < 1022 ? fma(lost, ln_power_of_two(e < 1022 ? -e : 0), f) : f;
    double result = ln_log_sum((double)e, f);
    result = fabs(x) < 0x1p-54 ? x : result;
    result = x == INFINITY ? x : result;
    result = x == -1.0 ? -INFINITY : result;
    result = x >= -1.0 ? result : NAN;
    return result;
}

static inline double ln_sigmoid(double x)
{
    double e = ln_exp(-fabs(x));
    double sum = 1.0 + e;
    double lost = (1.0 - sum) + e;
    double inverse = 1.0 / sum;
    double part = x < 0.0 ? e : 1.0;
    double quotient = part * inverse;
    double rest = fma(-quotient, lost, fma(-quotient, sum, part));
    return fma(rest, inverse, quotient);
}

static inline double ln_tanh(double x)
{
    double size = fabs(x);
    double bounded = size > 22.0 ? 22.0 : size;
    double large = 1.0 - 2.0 / (ln_exp(bounded + bounded) + 1.0);
    double square = x * x;
    double t = 0x1.c6440fa5f78a5p-21;
    t = fma(t, square, -0x1.340b1dc57b078p-18);
    t = fma(t, square, 0x1.eae5c9e85c102p-17);
    t = fma(t, square, -0x1.445b572187224p-15);
    t = fma(t, square, 0x1.95a2aa8df48f7p-14);
    t = fma(t, square, -0x1.f56367abccad1p-13);
    t = fma(t, square, 0x1.35570b0ed2947p-11);
    t = fma(t, square, -0x1.7da353aeb78e4p-10);
    t = fma(t, square, 0x1.d6d3d035b3ffp-9);
    t = fma(t, square, -0x1.226e355c2cfa9p-7);
    t = fma(t, square, 0x1.664f4882b8053p-6);
    t = fma(t, square, -0x1.ba1ba1ba1b8ebp-5);
    t = fma(t, square, 0x1.1111111111111p-3);
    t = fma(t, square, -0x1.5555555555555p-2);
    double small = fma(x * square, t, x);
    return copysign(size < 0.65 ? small : large, x);
}

/* For 0 <= a <= 39. */
static inline double ln_bell(double a)
{
    double square = a * a;
    double lost = fma(a, a, -square);
    double e = ln_exp(-0.5 * square);
    return fma(e, -0.5 * lost, e);
}

static inline double ln_normal_tail(double a)
{
    a = a > LN_NORMAL_BOUND ? LN_NORMAL_BOUND : a;
    double divisor = fma(0.3, a, 1.0);
    double lost = fma(0.3, a, 1.0 - divisor);
    double t = 1.0 / divisor;
    double short_of = fma(-t, lost, fma(-t, divisor, 1.0)) * t;
    double u = (t - 0.5) + short_of;
    double p = -0x1.3a49f465a72e4p-8;
    p = fma(p, u, 0x1.115e482c37f36p-8);
    p = fma(p, u, 0x1.4cd6afb702279p-7);
    p = fma(p, u, -0x1.bf6db6fc5f0ddp-7);
    p = fma(p, u, -0x1.43ddb70176c5p-8);
    p = fma(p, u, 0x1.24e84ca327b81p-6);
    p = fma(p, u, -0x1.d244b55fa6a5ap-8);
    p = fma(p, u, -0x1.7b109d059f9f5p-7);
    p = fma(p, u, 0x1.f581eabd182e9p-7);
    p = fma(p, u, -0x1.d1f7806048192p-12);
    p = fma(p, u, -0x1.ef25a7d203e0ep-7);
    p = fma(p, u, 0x1.77dc867fcea2cp-7);
    p = fma(p, u, 0x1.16308e610e04dp-7);
    p = fma(p, u, -0x1.2dbddd54a74bfp-6);
    p = fma(p, u, 0x1.06afbc85f7abep-10);
    p = fma(p, u, 0x1.68110cd263d7ep-6);
    p = fma(p, u, -0x1.75501b181b6a2p-7);
    p = fma(p, u, -0x1.a14d4a1688bep-6);
    p = fma(p, u, 0x1.7a13014761617p-6);
    p = fma(p, u, 0x1.296a33ccf0b12p-5);
    p = fma(p, u, -0x1.2dcd6e4253913p-5);
    p = fma(p, u, -0x1.3db478ccba8d7p-4);
    p = fma(p, u, 0x1.dc59eb41a42d5p-6);
    p = fma(p, u, 0x1.c6d3697569732p-3);
    p = fma(p, u, 0x1.6281df6316533p-2);
    p = fma(p, u, 0x1.510f0c6df0e4p-2);
    p = fma(p, u, 0x1.c6988778bc47ep-3);
    return ln_bell(a) * fma(t, p, short_of * p);
}

static inline double ln_normal(double x)
{
    double tail = ln_normal_tail(fabs(x));
    return x < 0.0 ? tail : 1.0 - tail;
}

static inline double ln_erf(double x)
{
    double size = fabs(x);
    double large = fma(-2.0, ln_normal_tail(0x1.6a09e667f3bcdp0 * size), 1.0);
    double square = x * x;
    double g = -0x1.3aa422cc5d833p-46;
    g = fma(g, square, 0x1.cf915d8f3c685p-42);
    g = fma(g, square, -0x1.d332e777f7344p-38);
    g = fma(g, square, 0x1.9df7fd0b39a12p-34);
    g = fma(g, square, -0x1.51cfe00be885fp-30);
    g = fma(g, square, 0x1.fcc4c8ec29638p-27);
    g = fma(g, square, -0x1.5f74291398641p-23);
    g = fma(g, square, 0x1.b9e6c9944bd7ep-20);
    g = fma(g, square, -0x1.f4d25c3b729a6p-17);
    g = fma(g, square, 0x1.f9a326f9a7769p-14);
    g = fma(g, square, -0x1.c02db400406a3p-11);
    g = fma(g, square, 0x1.565bcd0e6a53p-8);
    g = fma(g, square, -0x1.b82ce31288b51p-6);
    g = fma(g, square, 0x1.ce2f21a042be2p-4);
    g = fma(g, square, -0x1.812746b0379e7p-2);
    g = fma(g, square, 0x1.06eba8214db69p-3);
    double small = fma(x, g, x);
    return size < 1.0 ? small : copysign(large, x);
}

#endif
