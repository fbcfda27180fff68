/* activations.h - the elementwise activations of torch.nn: the definition (docs/numerics.md,
 * rule 6).
 *
 * One pair of functions for each row of activations.def: the value at x, and dy times the
 * derivative at x. p and q are the activation's parameters, as each pair says; without a word they
 * are not looked at. Branch-free, as functions.h is. What is not here: which module uses which
 * (nn/). */
#ifndef LN_NUMERIC_ACTIVATIONS_H
#define LN_NUMERIC_ACTIVATIONS_H

#include "numeric/functions.h"
#include "numeric/real.h"

/* The functions of a row take all parameters, so that all have one type. */
#define LN_ACTIVATE(name) static inline ln_real ln_activate_##name(ln_real x, ln_real p, ln_real q)
#define LN_ACTIVATE_BACKWARD(name)                                                                 \
    static inline ln_real ln_activate_##name##_backward(ln_real x, ln_real dy, ln_real p, ln_real q)

static inline ln_real ln_clamp(ln_real x, ln_real low, ln_real high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

/* ELU, SELU: p x above 0, q (e^x - 1) below. */
LN_ACTIVATE(elu)
{
    ln_real low = q * ln_expm1(x);
    return x > 0.0f ? p * x : low;
}

LN_ACTIVATE_BACKWARD(elu)
{
    ln_real slope = q * ln_exp(x);
    return dy * (x > 0.0f ? p : slope);
}

/* CELU: x above 0, p (e^(q x) - 1) below; q = 1 / p. */
LN_ACTIVATE(celu)
{
    ln_real low = p * ln_expm1(x * q);
    return x > 0.0f ? x : low;
}

LN_ACTIVATE_BACKWARD(celu)
{
    (void)p;
    ln_real slope = ln_exp(x * q);
    return dy * (x > 0.0f ? 1.0f : slope);
}

/* LeakyReLU: x above 0, p x below. */
LN_ACTIVATE(leaky_relu)
{
    (void)q;
    ln_real low = p * x;
    return x > 0.0f ? x : low;
}

LN_ACTIVATE_BACKWARD(leaky_relu)
{
    (void)q;
    return dy * (x > 0.0f ? 1.0f : p);
}

/* GELU: x times the normal distribution function. Beyond the bound its slope is 0 or 1; the bound
 * keeps infinity times 0 out of it. */
LN_ACTIVATE(gelu)
{
    (void)p, (void)q;
    return x * ln_normal(x);
}

LN_ACTIVATE_BACKWARD(gelu)
{
    (void)p, (void)q;
    ln_real bounded = ln_clamp(x, -LN_NORMAL_BOUND, LN_NORMAL_BOUND);
    ln_real density =
        LN_REAL(0x1.9884533d43651p-2) * ln_bell(ln_fabs(bounded)); /* 1 / sqrt(2 pi) */
    return dy * ln_fma(bounded, density, ln_normal(bounded));
}

/* GELU(approximate='tanh'): x (1 + tanh(u)) / 2 with u = sqrt(2 / pi) (x + 0.044715 x^3), and
 * (1 + tanh(u)) / 2 = sigmoid(2 u). */
LN_ACTIVATE(gelu_tanh)
{
    (void)p, (void)q;
    ln_real twice = LN_REAL(0x1.9884533d43651p0) * x * ln_fma(LN_REAL(0.044715) * x, x, 1.0f);
    return x * ln_sigmoid(twice);
}

LN_ACTIVATE_BACKWARD(gelu_tanh)
{
    (void)p, (void)q;
    ln_real bounded = ln_clamp(x, -LN_NORMAL_BOUND, LN_NORMAL_BOUND);
    ln_real square = bounded * bounded;
    ln_real twice =
        LN_REAL(0x1.9884533d43651p0) * bounded * ln_fma(LN_REAL(0.044715), square, 1.0f);
    ln_real slope = LN_REAL(0x1.9884533d43651p0) * ln_fma(LN_REAL(0.134145), square, 1.0f);
    ln_real s = ln_sigmoid(twice);
    return dy * ln_fma(bounded * s * (1.0f - s), slope, s);
}

/* SiLU: x sigmoid(x). */
LN_ACTIVATE(silu)
{
    (void)p, (void)q;
    return x * ln_sigmoid(x);
}

LN_ACTIVATE_BACKWARD(silu)
{
    (void)p, (void)q;
    ln_real s = ln_sigmoid(x);
    return dy * (s * ln_fma(x, 1.0f - s, 1.0f));
}

/* Mish: x tanh(log(1 + e)) with e = e^x, and tanh(log(1 + e)) = n / (n + 2), n = e (e + 2), which
 * is 1 from the bound on. */
LN_ACTIVATE(mish)
{
    (void)p, (void)q;
    ln_real e = ln_exp(x > LN_MISH_BOUND ? LN_MISH_BOUND : x);
    ln_real n = e * (e + 2.0f);
    return x * (n / (n + 2.0f));
}

LN_ACTIVATE_BACKWARD(mish)
{
    (void)p, (void)q;
    ln_real bounded = x > LN_MISH_BOUND ? LN_MISH_BOUND : x;
    ln_real e = ln_exp(bounded);
    ln_real n = e * (e + 2.0f);
    ln_real d = n + 2.0f;
    ln_real slope = 4.0f * e * (e + 1.0f) / (d * d);
    return dy * ln_fma(bounded, slope, n / d);
}

/* Softplus: log(1 + e^(p x)) / p, and x where p x is above q. */
LN_ACTIVATE(softplus)
{
    ln_real z = x * p;
    ln_real soft = ((z > 0.0f ? z : 0.0f) + ln_log1p(ln_exp(-ln_fabs(z)))) / p;
    return z > q ? x : soft;
}

LN_ACTIVATE_BACKWARD(softplus)
{
    ln_real z = x * p;
    ln_real slope = ln_sigmoid(z);
    return dy * (z > q ? 1.0f : slope);
}

/* Softsign: x / (1 + |x|). */
LN_ACTIVATE(softsign)
{
    (void)p, (void)q;
    return x / (1.0f + ln_fabs(x));
}

LN_ACTIVATE_BACKWARD(softsign)
{
    (void)p, (void)q;
    ln_real d = 1.0f + ln_fabs(x);
    return dy / d / d;
}

/* Tanh. Its slope is 4 e / (1 + e)^2 with e = e^(-2 |x|), where 1 - tanh^2 would cancel. */
LN_ACTIVATE(tanh)
{
    (void)p, (void)q;
    return ln_tanh(x);
}

LN_ACTIVATE_BACKWARD(tanh)
{
    (void)p, (void)q;
    ln_real e = ln_exp(-2.0f * ln_fabs(x));
    ln_real d = 1.0f + e;
    return dy * (4.0f * e / (d * d));
}

/* Sigmoid. Its slope is e / (1 + e)^2 with e = e^-|x|. */
LN_ACTIVATE(sigmoid)
{
    (void)p, (void)q;
    return ln_sigmoid(x);
}

LN_ACTIVATE_BACKWARD(sigmoid)
{
    (void)p, (void)q;
    ln_real e = ln_exp(-ln_fabs(x));
    ln_real d = 1.0f + e;
    return dy * (e / (d * d));
}

/* LogSigmoid: log(sigmoid(x)) = min(x, 0) - log(1 + e^-|x|). */
LN_ACTIVATE(log_sigmoid)
{
    (void)p, (void)q;
    return (x < 0.0f ? x : 0.0f) - ln_log1p(ln_exp(-ln_fabs(x)));
}

LN_ACTIVATE_BACKWARD(log_sigmoid)
{
    (void)p, (void)q;
    return dy * ln_sigmoid(-x);
}

/* Hardtanh, ReLU6: x within [p, q], else the nearer end; no slope at the ends. */
LN_ACTIVATE(hardtanh)
{
    return ln_clamp(x, p, q);
}

LN_ACTIVATE_BACKWARD(hardtanh)
{
    ln_real inside = x < q ? dy : 0.0f;
    return x > p ? inside : 0.0f;
}

/* Hardswish: x (min(max(x + 3, 0), 6) / 6). */
LN_ACTIVATE(hardswish)
{
    (void)p, (void)q;
    return x * (ln_clamp(x + 3.0f, 0.0f, 6.0f) / 6.0f);
}

LN_ACTIVATE_BACKWARD(hardswish)
{
    (void)p, (void)q;
    ln_real inside = dy * (x / 3.0f + 0.5f);
    ln_real low = x < -3.0f ? 0.0f : inside;
    return x >= 3.0f ? dy : low;
}

/* Hardsigmoid: min(max(x + 3, 0), 6) / 6. */
LN_ACTIVATE(hardsigmoid)
{
    (void)p, (void)q;
    return ln_clamp(x + 3.0f, 0.0f, 6.0f) / 6.0f;
}

LN_ACTIVATE_BACKWARD(hardsigmoid)
{
    (void)p, (void)q;
    ln_real inside = x < 3.0f ? dy / 6.0f : 0.0f;
    return x > -3.0f ? inside : 0.0f;
}

/* Hardshrink: 0 within [-p, p], else x. */
LN_ACTIVATE(hardshrink)
{
    (void)q;
    ln_real low = x >= -p ? 0.0f : x;
    return x <= p ? low : x;
}

LN_ACTIVATE_BACKWARD(hardshrink)
{
    (void)q;
    ln_real low = x >= -p ? 0.0f : dy;
    return x <= p ? low : dy;
}

/* Softshrink: 0 within [-p, p], else x moved towards 0 by p. */
LN_ACTIVATE(softshrink)
{
    (void)q;
    ln_real low = x < -p ? x + p : 0.0f;
    ln_real moved = x > p ? x - p : low;
    return isnan(x) ? x : moved;
}

LN_ACTIVATE_BACKWARD(softshrink)
{
    (void)q;
    ln_real low = x >= -p ? 0.0f : dy;
    return x <= p ? low : dy;
}

/* Tanhshrink: x - tanh(x). */
LN_ACTIVATE(tanhshrink)
{
    (void)p, (void)q;
    return x - ln_tanh(x);
}

LN_ACTIVATE_BACKWARD(tanhshrink)
{
    (void)p, (void)q;
    ln_real t = ln_tanh(x);
    return dy * (t * t);
}

/* Threshold: x above p, else q. */
LN_ACTIVATE(threshold)
{
    return x <= p ? q : x;
}

LN_ACTIVATE_BACKWARD(threshold)
{
    (void)q;
    return x <= p ? 0.0f : dy;
}

#undef LN_ACTIVATE
#undef LN_ACTIVATE_BACKWARD

#endif
