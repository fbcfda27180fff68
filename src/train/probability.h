/* probability.h - from logits to probabilities in double, for metrics.
 *
 * exp and log are our own, with plain additions and products in a stated order, so that every
 * machine gives the same bits; both are within 2 ulp. Training computes elsewhere, in its own type.
 * */
#ifndef LN_TRAIN_PROBABILITY_H
#define LN_TRAIN_PROBABILITY_H

#include <math.h>
#include <stddef.h>

/* ln 2 in two parts; the first has 32 bits, so that a whole number of up to 11 bits times it is
 * exact. */
#define LN_LN2_HIGH 0x1.62e42fee00000p-1
#define LN_LN2_LOW 0x1.a39ef35793c76p-33

/* e^x: Taylor's series on |r| <= ln 2 / 2, times a power of 2. */
static inline double ln_exp_double(double x)
{
    static const double inverse_factorials[] = {1.0 / 6227020800.0,
                                                1.0 / 479001600.0,
                                                1.0 / 39916800.0,
                                                1.0 / 3628800.0,
                                                1.0 / 362880.0,
                                                1.0 / 40320.0,
                                                1.0 / 5040.0,
                                                1.0 / 720.0,
                                                1.0 / 120.0,
                                                1.0 / 24.0,
                                                1.0 / 6.0,
                                                1.0 / 2.0,
                                                1.0,
                                                1.0};
    if (isnan(x) || x > 709.79) {
        return isnan(x) ? x : (double)INFINITY;
    }
    if (x < -745.2) {
        return 0;
    }
    double power = rint(x * 0x1.71547652b82fep+0);
    double r = (x - power * LN_LN2_HIGH) - power * LN_LN2_LOW;
    double sum = 0;
    for (size_t i = 0; i < sizeof inverse_factorials / sizeof *inverse_factorials; i++) {
        sum = sum * r + inverse_factorials[i];
    }
    return ldexp(sum, (int)power);
}

/* log x for x >= 0: log(m 2^e) = e ln 2 + 2 atanh((m - 1) / (m + 1)), m within sqrt(1/2) ..
 * sqrt(2). */
static inline double ln_log_double(double x)
{
    if (!(x > 0) || isinf(x)) {
        return x == 0 ? (double)-INFINITY : x < 0 ? (double)NAN : x;
    }
    int power;
    double m = frexp(x, &power);
    if (m < 0x1.6a09e667f3bcdp-1) {
        m *= 2;
        power--;
    }
    double s = (m - 1) / (m + 1), square = s * s, sum = 0;
    for (int k = 23; k >= 3; k -= 2) {
        sum = (sum + 1.0 / k) * square;
    }
    double tail = 2 * s * sum + power * LN_LN2_LOW;
    return power * LN_LN2_HIGH + (2 * s + tail);
}

/* log(1 + x) for x >= 0: what 1 + x rounds off is put back. */
static inline double ln_log1p_double(double x)
{
    double sum = 1 + x;
    return ln_log_double(sum) - ((sum - 1) - x) / sum;
}

/* Where a row's probabilities come from: p_i = exp(logits_i - largest) / sum. */
typedef struct ln_softmax_row {
    double largest, sum;
} ln_softmax_row;

static inline ln_softmax_row ln_softmax_of(size_t n, const double *logits)
{
    ln_softmax_row row = {.largest = logits[0]};
    for (size_t i = 1; i < n; i++) {
        row.largest = logits[i] > row.largest ? logits[i] : row.largest;
    }
    for (size_t i = 0; i < n; i++) {
        row.sum += ln_exp_double(logits[i] - row.largest);
    }
    return row;
}

static inline double ln_softmax_at(const ln_softmax_row *row, double logit)
{
    return ln_exp_double(logit - row->largest) / row->sum;
}

/* -log p. */
static inline double ln_softmax_loss(const ln_softmax_row *row, double logit)
{
    return ln_log_double(row->sum) - (logit - row->largest);
}

/* A sum in a fixed order that keeps what additions round off (Neumaier, 1974). */
typedef struct ln_exact_sum {
    double high, low;
} ln_exact_sum;

static inline void ln_exact_add(ln_exact_sum *sum, double x)
{
    double total = sum->high + x;
    if (isfinite(total)) {
        sum->low += fabs(sum->high) >= fabs(x) ? (sum->high - total) + x : (x - total) + sum->high;
    }
    sum->high = total;
}

static inline double ln_exact_value(const ln_exact_sum *sum)
{
    return sum->high + sum->low;
}

#endif
