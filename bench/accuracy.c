/* accuracy.c - the error of ln_exp and ln_log over all 2^32 floats, in units in the last place.
 *
 * The reference is the C library's double function, whose own error (below 1e-16) is far under a
 * float's unit. Prints the largest error and where, the share of correctly rounded results, and
 * exits 1 where the largest error is above the bound that docs/numerics.md states. */
#include <stdbool.h>
#include <stdio.h>

#include "numeric/functions.h"

typedef struct tally {
    double worst;
    float worst_at;
    uint64_t tested, rounded, wrong_special;
} tally;

/* The distance of `got` from `exact` in units of the last place of a float of that size. */
static double error_in_ulp(float got, double exact)
{
    int exponent;
    frexp(exact, &exponent);
    double unit = ldexp(1.0, (exponent < -125 ? -125 : exponent) - 24);
    return fabs((double)got - exact) / unit;
}

static void compare(tally *t, float x, float got, double exact)
{
    float nearest = (float)exact;
    t->tested++;
    if (isnan(exact) || isinf(nearest) || isinf(got) || isnan(got)) {
        /* At the edge of overflow both infinity and the largest float are within half a unit. */
        bool same = (isnan(exact) && isnan(got)) || got == nearest;
        t->wrong_special += !same;
        t->rounded += same;
        return;
    }
    t->rounded += got == nearest;
    double error = error_in_ulp(got, exact);
    if (error > t->worst) {
        t->worst = error;
        t->worst_at = x;
    }
}

static int report(const char *name, const tally *t, double bound)
{
    printf(
        "%-4s largest error %.4f ulp at %.9g, correctly rounded %.3f %%, wrong at the edges %llu\n",
        name, t->worst, (double)t->worst_at, 100.0 * (double)t->rounded / (double)t->tested,
        (unsigned long long)t->wrong_special);
    return t->worst > bound || t->wrong_special != 0;
}

int main(void)
{
    tally exp_tally = {0}, log_tally = {0};
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits++) {
        float x = ln_from_bits((uint32_t)bits);
        compare(&exp_tally, x, ln_exp(x), exp((double)x));
        compare(&log_tally, x, ln_log(x), log((double)x));
    }
    int failed = report("exp", &exp_tally, 1.0);
    failed |= report("log", &log_tally, 1.0);
    return failed;
}
