/* optim.h - the table of optimizers, and an optimizer with its state.
 *
 * An optimizer is one file that exports one const record and stands as one row in optimizers.def.
 * Formulas and defaults are torch.optim's. Scalars are computed in double as PyTorch does, then
 * used in float32; powers of beta are products, because pow differs between C libraries. */
#ifndef LN_OPTIM_OPTIM_H
#define LN_OPTIM_OPTIM_H

#include "base/signature.h"
#include "kernel/kernel.h"

#define LN_MAX_STATES 3

/* What a step takes from the values and the number of the step: computed once in it. */
typedef union ln_step_scalars {
    ln_sgd_step sgd;
    ln_adam_step adam;
} ln_step_scalars;

/* One step on a stretch of a parameter's weights. */
typedef struct ln_update {
    const ln_kernels *kernels;
    const ln_step_scalars *scalars;
    size_t count;
    const float *gradient;
    float *state[LN_MAX_STATES]; /* as many as state_count says */
    float *weight;
} ln_update;

typedef struct ln_optimizer_type {
    ln_signature signature;
    /* Errors: ARGUMENT in PyTorch's words. */
    linnet_status (*check)(const ln_value *values, linnet_error *error);
    /* How many arrays of a parameter's size it keeps. */
    int (*state_count)(const ln_value *values);
    const char *states[LN_MAX_STATES]; /* what state_dict() calls them */
    bool counts_steps;                 /* state_dict() has each parameter's step among them */
    /* step: from 1 */
    void (*prepare)(const ln_value *values, uint64_t step, ln_step_scalars *scalars);
    void (*update)(const ln_update *update);
} ln_optimizer_type;

const ln_optimizer_type *ln_optimizer_type_at(size_t i);

/* An optimizer over parameters of given sizes. */
typedef struct ln_optimizer ln_optimizer;

/* Reads torch.optim's constructor text. sizes: elements of each parameter. Errors: SYNTAX,
 * ARGUMENT, MEMORY. The caller owns the optimizer. */
LINNET_NODISCARD linnet_status ln_optimizer_create(const char *text, const size_t *sizes,
                                                   size_t count, ln_optimizer **optimizer,
                                                   linnet_error *error);
void ln_optimizer_free(ln_optimizer *optimizer);

/* The value of a parameter of its constructor, which schedules change; NULL where it has none of that
 * name. */
ln_value *ln_optimizer_value(ln_optimizer *optimizer, const char *name);

/* Begins the next step: every weight is updated once in it. */
void ln_optimizer_step(ln_optimizer *optimizer);
/* Updates `count` of a parameter's weights by their gradient; `first` says where their state lies.
 * Threads may update different stretches at once. */
void ln_optimizer_update(const ln_optimizer *optimizer, const ln_kernels *kernels, size_t parameter,
                         size_t first, size_t count, const float *gradient, float *weight);
/* State i of a parameter, as many floats as its size; NULL where there is no such state. */
float *ln_optimizer_state(const ln_optimizer *optimizer, size_t parameter, int i);
/* What state_dict() calls state i; NULL past the last that is kept. */
const char *ln_optimizer_state_name(const ln_optimizer *optimizer, int i);
const ln_optimizer_type *ln_optimizer_type_of(const ln_optimizer *optimizer);
/* Steps begun so far; 0: there is no state yet. */
uint64_t ln_optimizer_steps(const ln_optimizer *optimizer);
void ln_optimizer_set_steps(ln_optimizer *optimizer, uint64_t steps);
/* Bytes that it holds. */
size_t ln_optimizer_size(const ln_optimizer *optimizer);

/* ---- for the optimizers ---- */

/* base^exponent by squaring: the same bits everywhere. */
double ln_power(double base, uint64_t exponent);

/* PyTorch's checks: "Invalid learning rate: -1.0" where value is negative or NaN. */
LINNET_NODISCARD linnet_status ln_check_not_negative(double value, const char *what,
                                                     linnet_error *error);

/* Adam's and AdamW's common part. */
linnet_status ln_adam_check(const ln_value *values, linnet_error *error);
int ln_adam_state_count(const ln_value *values);
void ln_adam_prepare(const ln_value *values, uint64_t step, bool decoupled,
                     ln_step_scalars *scalars);
void ln_adam_update(const ln_update *update);

#endif
