/* accuracy.c - the error of the functions of numeric/functions.h over all 2^32 floats, in units in
 * the last place.
 *
 * The reference is made of the C library's double functions, whose own error (below 1e-15) is far
 * under a float's unit. Prints the largest error and where, the share of correctly rounded results,
 * and exits 1 where the largest error is above the bound that docs/numerics.md states. An argument
 * N takes every N-th float only. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

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

static double exact_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double exact_normal(double x)
{
    return 0.5 * erfc(-x * 0.70710678118654752440);
}

static const struct {
    const char *name;
    float (*function)(float);
    double (*exact)(double);
    double bound;
} functions[] = {
    {"exp", ln_exp, exp, 1.0},
    {"expm1", ln_expm1, expm1, 1.5},
    {"log", ln_log, log, 1.0},
    {"log1p", ln_log1p, log1p, 1.5},
    {"sigmoid", ln_sigmoid, exact_sigmoid, 1.5},
    {"tanh", ln_tanh, tanh, 1.5},
    {"erf", ln_erf, erf, 1.5},
    {"normal", ln_normal, exact_normal, 4.5},
};
#define FUNCTION_COUNT (sizeof functions / sizeof *functions)

static bool report(const char *name, const tally *t, double bound)
{
    printf("%-7s largest error %.4f ulp at %.9g, correctly rounded %.3f %%, wrong at the edges "
           "%llu\n",
           name, t->worst, (double)t->worst_at, 100.0 * (double)t->rounded / (double)t->tested,
           (unsigned long long)t->wrong_special);
    return t->worst <= bound && t->wrong_special == 0;
}

int main(int argc, char **argv)
{
    uint64_t stride = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    if (stride == 0) {
        fprintf(stderr, "accuracy: expected a stride of 1 or more\n");
        return 2;
    }
    bool good = true;
    for (size_t i = 0; i < FUNCTION_COUNT; i++) {
        tally t = {0};
        for (uint64_t bits = 0; bits <= UINT32_MAX; bits += stride) {
            float x = ln_from_bits((uint32_t)bits);
            compare(&t, x, functions[i].function(x), functions[i].exact((double)x));
        }
        good = report(functions[i].name, &t, functions[i].bound) && good;
        fflush(stdout);
    }
    return good ? 0 : 1;
}
