/* sets.h - arithmetic over sets of a trainer's parameters: what LBFGS and averages of the weights
 * compute, without knowing what in.
 *
 * A set holds one array for each parameter, as the plan lays it out (ln_parameter_set). Numbers that
 * go in are rounded to the model's dtype first, and each operation is rounded. */
#ifndef LN_TRAIN_SETS_H
#define LN_TRAIN_SETS_H

#include "linnet.h"

typedef struct ln_set_math {
    double (*round)(double a); /* to the model's dtype */
    /* y = y + a x */
    void (*add_scaled)(size_t count, double a, const void *x, void *y);
    /* z = a x */
    void (*scale)(size_t count, double a, const void *x, void *z);
    /* y = y + part (x - y) */
    void (*blend)(size_t count, double part, const void *x, void *y);
    /* z = x < 0 ? -1 : 1, by the sign bit */
    void (*signs)(size_t count, const void *x, void *z);
    /* The largest absolute value; 0 of none. */
    double (*largest)(size_t count, const void *x);
    /* ln_plan_dot */
    double (*dot)(const linnet_plan *plan, size_t parameter, const void *a, const void *b,
                  double *sums);
} ln_set_math;

/* The compilation for a dtype. */
extern const ln_set_math ln_set_math_f32, ln_set_math_f64;

static inline const ln_set_math *ln_set_math_of(linnet_dtype dtype)
{
    return dtype == LINNET_FLOAT64 ? &ln_set_math_f64 : &ln_set_math_f32;
}

#endif
