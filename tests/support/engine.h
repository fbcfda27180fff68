/* engine.h - what suites of the engine's own parts need, in ln_real: the kernel sets, the scalar
 * definitions of numeric/activations.h as a table, and sums by rule 3. */
#ifndef LN_TESTS_ENGINE_H
#define LN_TESTS_ENGINE_H

#include "kernel/kernel.h"

/* Names of the second compilation (numeric/real.h). */
#ifdef LN_FLOAT64
#define activation_definitions activation_definitions_f64
#define check_each_set check_each_set_f64
#define check_name_missing_sets check_name_missing_sets_f64
#define define_row_sum define_row_sum_f64
#define define_row_dot define_row_dot_f64
#endif

typedef struct activation_definition {
    const char *name;
    ln_real (*forward)(ln_real x, ln_real p, ln_real q);
    ln_real (*backward)(ln_real x, ln_real dy, ln_real p, ln_real q);
} activation_definition;

extern const activation_definition activation_definitions[LN_ACTIVATION_COUNT];

/* For each set that this machine supports. */
void check_each_set(void (*body)(const ln_kernels *set, void *context), void *context);
/* Says which it does not. */
void check_name_missing_sets(void);

/* Rule 3 over n elements that lie `stride` apart: of x, and of x y. */
ln_real define_row_sum(size_t n, const ln_real *x, size_t stride);
ln_real define_row_dot(size_t n, const ln_real *x, const ln_real *y, size_t stride);

#endif
