/* precise.c - cos and pow as sums of two doubles each, high and low, 106 bits together.
 *
 * The algorithms for pairs are those of Dekker (1971) and Knuth; functions are Taylor series on a
 * small interval. */
#include "numeric/precise.h"

#include <math.h>
#include <stdbool.h>

#include "numeric/functions.h"

/* high + low, |low| at most half an ulp of high. */
typedef struct pair {
    double high, low;
} pair;

static pair sum_of(double a, double b)
{
    double sum = a + b;
    double part = sum - a;
    return (pair){sum, (a - (sum - part)) + (b - part)};
}

static pair add(pair a, pair b)
{
    pair high = sum_of(a.high, b.high), low = sum_of(a.low, b.low);
    high = sum_of(high.high, high.low + low.high);
    return sum_of(high.high, high.low + low.low);
}

static pair product_of(double a, double b)
{
    double product = a * b;
    return (pair){product, fma(a, b, -product)};
}

static pair multiply(pair a, pair b)
{
    pair product = product_of(a.high, b.high);
    double low = fma(a.high, b.low, fma(a.low, b.high, product.low));
    return sum_of(product.high, low);
}

static pair divide(pair a, double b)
{
    double quotient = a.high / b;
    pair back = product_of(quotient, b);
    return sum_of(quotient, ((a.high - back.high) - back.low + a.low) / b);
}

static pair negate(pair a)
{
    return (pair){-a.high, -a.low};
}

/* ---- cos ---- */

/* 1 - r2 / (first (first + 1)) (1 - r2 / ((first + 2) (first + 3)) (1 - ...)): cos from 1, sin / r
 * from 2. 15 factors reach 2^-110 for |r| < 0.8. */
static pair alternating(pair r2, int first)
{
    pair series = {1, 0};
    for (int i = first + 2 * 14; i >= first; i -= 2) {
        pair term = divide(multiply(r2, series), (double)i * (i + 1));
        series = add((pair){1, 0}, negate(term));
    }
    return series;
}

double ln_cos(double x)
{
    /* pi / 2 in three parts */
    static const double parts[] = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54,
                                   -0x1.f1976b7ed8fbcp-110};
    if (!(fabs(x) < 0x1p40)) {
        return (double)NAN;
    }
    double turns = rint(x / parts[0]);
    pair r = {x, 0};
    for (int i = 0; i < 3; i++) {
        r = add(r, product_of(-turns, parts[i]));
    }
    pair r2 = multiply(r, r);
    int quarter = (int)(turns - 4 * floor(turns / 4));
    pair result = quarter % 2 == 0 ? alternating(r2, 1) : multiply(r, alternating(r2, 2));
    return quarter == 1 || quarter == 2 ? -result.high : result.high;
}

/* ---- pow ---- */

static const pair ln2 = {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};

static pair exponential(pair x)
{
    double doublings = rint(x.high / ln2.high);
    pair r = add(x, negate(multiply((pair){doublings, 0}, ln2)));
    pair series = {1, 0};
    for (int i = 26; i >= 1; i--) {
        series = add((pair){1, 0}, divide(multiply(r, series), i));
    }
    int power = doublings > 2000 ? 2000 : doublings < -2000 ? -2000 : (int)doublings;
    return (pair){ldexp(series.high, power), ldexp(series.low, power)};
}

/* Newton's method on exp, from the float32 logarithm: each turn doubles the digits. */
static pair logarithm(double x)
{
    int power;
    double fraction = frexp(x, &power);
    pair y = {(double)ln_log((float)fraction), 0};
    for (int i = 0; i < 3; i++) {
        pair ratio = multiply((pair){fraction, 0}, exponential(negate(y)));
        y = add(y, add(ratio, (pair){-1, 0}));
    }
    return add(y, multiply((pair){power, 0}, ln2));
}

static pair whole_power(double base, double exponent)
{
    pair result = {1, 0}, square = {base, 0};
    for (double left = fabs(exponent); left >= 1; left = floor(left / 2)) {
        if (fmod(left, 2) == 1) {
            result = multiply(result, square);
        }
        square = multiply(square, square);
    }
    return result;
}

double ln_pow(double base, double exponent)
{
    bool whole = floor(exponent) == exponent;
    if (base == 1 || exponent == 0) {
        return 1;
    }
    if (isnan(base) || isnan(exponent) || (base < 0 && !whole)) {
        return (double)NAN;
    }
    if (base == 0 || isinf(base) || isinf(exponent)) {
        /* Nothing is rounded here: every C library agrees. */
        return pow(base, exponent);
    }
    if (whole && fabs(exponent) <= 4096) {
        pair power = whole_power(base, exponent);
        if (!isfinite(power.high)) {
            return pow(base, exponent);
        }
        if (exponent > 0) {
            return power.high;
        }
        double inverse = 1 / power.high;
        return inverse + inverse * (fma(-inverse, power.high, 1) - inverse * power.low);
    }
    pair result = exponential(multiply((pair){exponent, 0}, logarithm(fabs(base))));
    result.high = isnan(result.high) ? (double)INFINITY : result.high;
    return base < 0 && fmod(exponent, 2) != 0 ? -result.high : result.high;
}
