/* sets.c - arithmetic over sets of parameters. */
#include "train/sets.h"

#include <math.h>

#include "numeric/real.h"
#include "plan/plan.h"

static double round_number(double a)
{
    return (double)(ln_real)a;
}

static void add_scaled(size_t count, double a, const void *x, void *y)
{
    const ln_real factor = (ln_real)a, *from = x;
    ln_real *to = y;
    for (size_t i = 0; i < count; i++) {
        to[i] += factor * from[i];
    }
}

static void scale(size_t count, double a, const void *x, void *z)
{
    const ln_real factor = (ln_real)a, *from = x;
    ln_real *to = z;
    for (size_t i = 0; i < count; i++) {
        to[i] = factor * from[i];
    }
}

static void blend(size_t count, double part, const void *x, void *y)
{
    const ln_real factor = (ln_real)part, *from = x;
    ln_real *to = y;
    for (size_t i = 0; i < count; i++) {
        to[i] = to[i] + factor * (from[i] - to[i]);
    }
}

static void signs(size_t count, const void *x, void *z)
{
    const ln_real *from = x;
    ln_real *to = z;
    for (size_t i = 0; i < count; i++) {
        to[i] = signbit(from[i]) ? -1 : 1;
    }
}

static double largest(size_t count, const void *x)
{
    const ln_real *from = x;
    ln_real most = 0;
    for (size_t i = 0; i < count; i++) {
        most = ln_fabs(from[i]) > most ? ln_fabs(from[i]) : most;
    }
    return (double)most;
}

static double dot(const linnet_plan *plan, size_t parameter, const void *a, const void *b,
                  double *sums)
{
    return ln_plan_dot(plan, parameter, a, b, sums);
}

const ln_set_math LN_REAL_NAME(ln_set_math) = {
    .round = round_number,
    .add_scaled = add_scaled,
    .scale = scale,
    .blend = blend,
    .signs = signs,
    .largest = largest,
    .dot = dot,
};
