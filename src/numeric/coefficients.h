/* coefficients.h - what float and double have each of their own in functions.h: the format's
 * numbers, the bounds, and the polynomials.
 *
 * Both halves define the same names. Coefficients: scripts/coefficients.py, with the argument 64
 * for double. What is not here: the methods, and why each step is there, which functions.h says. */
#ifndef LN_NUMERIC_COEFFICIENTS_H
#define LN_NUMERIC_COEFFICIENTS_H

#include "numeric/bits.h"
#include "numeric/real.h"

#ifndef LN_FLOAT64

typedef uint32_t ln_word;
typedef int32_t ln_signed_word;
#define ln_word_of ln_bits
#define ln_from_word ln_from_bits

#define LN_FRACTION_BITS 23
#define LN_EXPONENT_BIAS 127
#define LN_SQRT_HALF_WORD 0x3f3504f3u

/* ln 2: high has zeros enough behind its digits that n of it are exact. */
#define LN_LN2_HIGH 0x1.62e4p-1f
#define LN_LN2_LOW 0x1.7f7d1cp-20f

/* Beyond these e^x is infinity and 0, e^x - 1 is -1, tanh is 1, and the normal distribution's tail
 * is 0. */
#define LN_EXP_BOUND 89.0f
#define LN_EXP_LOW_BOUND -104.0f
#define LN_EXPM1_LOW_BOUND -18.0f
#define LN_TANH_BOUND 10.0f
#define LN_TAIL_BOUND 15.0f
/* Beyond these the normal distribution function, and e^x (e^x + 2) against 2, are 0 or 1. */
#define LN_NORMAL_BOUND 16.0f
#define LN_MISH_BOUND 20.0f

/* P of e^r = 1 + r + r^2 P(r). */
static inline ln_real ln_exp_polynomial(ln_real r)
{
    ln_real p = 0x1.a124e4p-13f;
    p = ln_fma(p, r, 0x1.6d4316p-10f);
    p = ln_fma(p, r, 0x1.1110ep-7f);
    p = ln_fma(p, r, 0x1.5554eap-5f);
    p = ln_fma(p, r, 0x1.555556p-3f);
    return ln_fma(p, r, 0x1p-1f);
}

/* Q of log(1 + f) = f - f^2/2 + f^3 Q(f). */
static inline ln_real ln_log_polynomial(ln_real f)
{
    ln_real p = 0x1.1d8ea6p-4f;
    p = ln_fma(p, f, -0x1.d635bcp-4f);
    p = ln_fma(p, f, 0x1.dea282p-4f);
    p = ln_fma(p, f, -0x1.fcf4c6p-4f);
    p = ln_fma(p, f, 0x1.23d21ap-3f);
    p = ln_fma(p, f, -0x1.555b4ap-3f);
    p = ln_fma(p, f, 0x1.999d5ap-3f);
    p = ln_fma(p, f, -0x1.fffffcp-3f);
    return ln_fma(p, f, 0x1.555554p-2f);
}

/* T of tanh(x) = x + x^3 T(x^2). */
static inline ln_real ln_tanh_polynomial(ln_real z)
{
    ln_real p = 0x1.224fcep-9f;
    p = ln_fma(p, z, -0x1.0f1266p-7f);
    p = ln_fma(p, z, 0x1.644a1ep-6f);
    p = ln_fma(p, z, -0x1.ba02aap-5f);
    p = ln_fma(p, z, 0x1.1110d8p-3f);
    return ln_fma(p, z, -0x1.555556p-2f);
}

/* N of the normal tail, bell(a) t N(t - 1/2). */
static inline ln_real ln_tail_polynomial(ln_real u)
{
    ln_real p = 0x1.d8fda4p-9f;
    p = ln_fma(p, u, -0x1.855c3p-6f);
    p = ln_fma(p, u, 0x1.3d8af6p-6f);
    p = ln_fma(p, u, 0x1.2c428p-5f);
    p = ln_fma(p, u, -0x1.2b1e2ep-5f);
    p = ln_fma(p, u, -0x1.3de55cp-4f);
    p = ln_fma(p, u, 0x1.dc2646p-6f);
    p = ln_fma(p, u, 0x1.c6d446p-3f);
    p = ln_fma(p, u, 0x1.6281eap-2f);
    p = ln_fma(p, u, 0x1.510f0cp-2f);
    return ln_fma(p, u, 0x1.c69888p-3f);
}

/* G of erf(x) = x + x G(x^2). */
static inline ln_real ln_erf_polynomial(ln_real z)
{
    ln_real p = 0x1.4a569p-14f;
    p = ln_fma(p, z, -0x1.a45088p-11f);
    p = ln_fma(p, z, 0x1.54127p-8f);
    p = ln_fma(p, z, -0x1.b7fabap-6f);
    p = ln_fma(p, z, 0x1.ce2d1p-4f);
    p = ln_fma(p, z, -0x1.81273ep-2f);
    return ln_fma(p, z, 0x1.06eba8p-3f);
}

#else /* in double */

typedef uint64_t ln_word;
typedef int64_t ln_signed_word;
#define ln_word_of ln_bits64
#define ln_from_word ln_from_bits64

#define LN_FRACTION_BITS 52
#define LN_EXPONENT_BIAS 1023
#define LN_SQRT_HALF_WORD 0x3fe6a09e667f3bcdu

#define LN_LN2_HIGH 0x1.62e42fefa2p-1
#define LN_LN2_LOW 0x1.9ef35793c7673p-41

#define LN_EXP_BOUND 710.0
#define LN_EXP_LOW_BOUND -746.0
#define LN_EXPM1_LOW_BOUND -40.0
#define LN_TANH_BOUND 22.0
#define LN_TAIL_BOUND 39.0
#define LN_NORMAL_BOUND 39.0
#define LN_MISH_BOUND 40.0

static inline ln_real ln_exp_polynomial(ln_real r)
{
    ln_real p = 0x1.1f72fc730b4ffp-29;
    p = ln_fma(p, r, 0x1.af4ddd84882fep-26);
    p = ln_fma(p, r, 0x1.27e4db67b4303p-22);
    p = ln_fma(p, r, 0x1.71de02375656cp-19);
    p = ln_fma(p, r, 0x1.a01a01a6d7808p-16);
    p = ln_fma(p, r, 0x1.a01a01abe62ddp-13);
    p = ln_fma(p, r, 0x1.6c16c16c162d6p-10);
    p = ln_fma(p, r, 0x1.11111111100dfp-7);
    p = ln_fma(p, r, 0x1.5555555555556p-5);
    p = ln_fma(p, r, 0x1.5555555555557p-3);
    return ln_fma(p, r, 0x1p-1);
}

static inline ln_real ln_log_polynomial(ln_real f)
{
    ln_real p = -0x1.628073ce6d92ep-6;
    p = ln_fma(p, f, 0x1.a588dbc4c361ep-5);
    p = ln_fma(p, f, -0x1.d51c5dd230be2p-5);
    p = ln_fma(p, f, 0x1.93fba08a3bffbp-5);
    p = ln_fma(p, f, -0x1.88a331e017f06p-5);
    p = ln_fma(p, f, 0x1.a9d18c073f66fp-5);
    p = ln_fma(p, f, -0x1.c8821a47f3818p-5);
    p = ln_fma(p, f, 0x1.e293415c318ffp-5);
    p = ln_fma(p, f, -0x1.fff2c0c38f6fcp-5);
    p = ln_fma(p, f, 0x1.110ada2372a45p-4);
    p = ln_fma(p, f, -0x1.24924826e9e2ap-4);
    p = ln_fma(p, f, 0x1.3b13f377d6cdcp-4);
    p = ln_fma(p, f, -0x1.555557b67e5e7p-4);
    p = ln_fma(p, f, 0x1.745d159e2d2f4p-4);
    p = ln_fma(p, f, -0x1.9999998448c9cp-4);
    p = ln_fma(p, f, 0x1.c71c71cd2ff6ep-4);
    p = ln_fma(p, f, -0x1.00000000278c3p-3);
    p = ln_fma(p, f, 0x1.249249248c922p-3);
    p = ln_fma(p, f, -0x1.5555555555198p-3);
    p = ln_fma(p, f, 0x1.99999999999ddp-3);
    p = ln_fma(p, f, -0x1.0000000000001p-2);
    return ln_fma(p, f, 0x1.5555555555555p-2);
}

static inline ln_real ln_tanh_polynomial(ln_real z)
{
    ln_real p = 0x1.c6440fa5f78a5p-21;
    p = ln_fma(p, z, -0x1.340b1dc57b078p-18);
    p = ln_fma(p, z, 0x1.eae5c9e85c102p-17);
    p = ln_fma(p, z, -0x1.445b572187224p-15);
    p = ln_fma(p, z, 0x1.95a2aa8df48f7p-14);
    p = ln_fma(p, z, -0x1.f56367abccad1p-13);
    p = ln_fma(p, z, 0x1.35570b0ed2947p-11);
    p = ln_fma(p, z, -0x1.7da353aeb78e4p-10);
    p = ln_fma(p, z, 0x1.d6d3d035b3ffp-9);
    p = ln_fma(p, z, -0x1.226e355c2cfa9p-7);
    p = ln_fma(p, z, 0x1.664f4882b8053p-6);
    p = ln_fma(p, z, -0x1.ba1ba1ba1b8ebp-5);
    p = ln_fma(p, z, 0x1.1111111111111p-3);
    return ln_fma(p, z, -0x1.5555555555555p-2);
}

static inline ln_real ln_tail_polynomial(ln_real u)
{
    ln_real p = -0x1.3a49f465a72e4p-8;
    p = ln_fma(p, u, 0x1.115e482c37f36p-8);
    p = ln_fma(p, u, 0x1.4cd6afb702279p-7);
    p = ln_fma(p, u, -0x1.bf6db6fc5f0ddp-7);
    p = ln_fma(p, u, -0x1.43ddb70176c5p-8);
    p = ln_fma(p, u, 0x1.24e84ca327b81p-6);
    p = ln_fma(p, u, -0x1.d244b55fa6a5ap-8);
    p = ln_fma(p, u, -0x1.7b109d059f9f5p-7);
    p = ln_fma(p, u, 0x1.f581eabd182e9p-7);
    p = ln_fma(p, u, -0x1.d1f7806048192p-12);
    p = ln_fma(p, u, -0x1.ef25a7d203e0ep-7);
    p = ln_fma(p, u, 0x1.77dc867fcea2cp-7);
    p = ln_fma(p, u, 0x1.16308e610e04dp-7);
    p = ln_fma(p, u, -0x1.2dbddd54a74bfp-6);
    p = ln_fma(p, u, 0x1.06afbc85f7abep-10);
    p = ln_fma(p, u, 0x1.68110cd263d7ep-6);
    p = ln_fma(p, u, -0x1.75501b181b6a2p-7);
    p = ln_fma(p, u, -0x1.a14d4a1688bep-6);
    p = ln_fma(p, u, 0x1.7a13014761617p-6);
    p = ln_fma(p, u, 0x1.296a33ccf0b12p-5);
    p = ln_fma(p, u, -0x1.2dcd6e4253913p-5);
    p = ln_fma(p, u, -0x1.3db478ccba8d7p-4);
    p = ln_fma(p, u, 0x1.dc59eb41a42d5p-6);
    p = ln_fma(p, u, 0x1.c6d3697569732p-3);
    p = ln_fma(p, u, 0x1.6281df6316533p-2);
    p = ln_fma(p, u, 0x1.510f0c6df0e4p-2);
    return ln_fma(p, u, 0x1.c6988778bc47ep-3);
}

static inline ln_real ln_erf_polynomial(ln_real z)
{
    ln_real p = -0x1.3aa422cc5d833p-46;
    p = ln_fma(p, z, 0x1.cf915d8f3c685p-42);
    p = ln_fma(p, z, -0x1.d332e777f7344p-38);
    p = ln_fma(p, z, 0x1.9df7fd0b39a12p-34);
    p = ln_fma(p, z, -0x1.51cfe00be885fp-30);
    p = ln_fma(p, z, 0x1.fcc4c8ec29638p-27);
    p = ln_fma(p, z, -0x1.5f74291398641p-23);
    p = ln_fma(p, z, 0x1.b9e6c9944bd7ep-20);
    p = ln_fma(p, z, -0x1.f4d25c3b729a6p-17);
    p = ln_fma(p, z, 0x1.f9a326f9a7769p-14);
    p = ln_fma(p, z, -0x1.c02db400406a3p-11);
    p = ln_fma(p, z, 0x1.565bcd0e6a53p-8);
    p = ln_fma(p, z, -0x1.b82ce31288b51p-6);
    p = ln_fma(p, z, 0x1.ce2f21a042be2p-4);
    p = ln_fma(p, z, -0x1.812746b0379e7p-2);
    return ln_fma(p, z, 0x1.06eba8214db69p-3);
}

#endif

#endif
