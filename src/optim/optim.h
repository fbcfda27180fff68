/* optim.h - the table of optimizers, and an optimizer with its state.
 *
 * An optimizer is one file that exports one const record and stands as one row in optimizers.def.
 * Formulas and defaults are torch.optim's. Scalars are computed in double as PyTorch does, then
 * rounded to what the weights are; powers of beta are products, because pow differs between C
 * libraries. */
#ifndef LN_OPTIM_OPTIM_H
#define LN_OPTIM_OPTIM_H

#include "base/signature.h"
#include "kernel/kernel.h"

/* Names of the second compilation (numeric/real.h). */
#ifdef LN_FLOAT64
#define ln_optimizer_step ln_optimizer_step_f64
#define ln_optimizer_update ln_optimizer_update_f64
#define ln_adam_prepare ln_adam_prepare_f64
#define ln_adam_update ln_adam_update_f64
#endif

#define LN_MAX_STATES 3

/* What a step takes from the values and the number of the step: computed once in it. */
typedef union ln_step_scalars {
    ln_sgd_step sgd;
    ln_adam_step adam;
    ln_rmsprop_step rmsprop;
    ln_adagrad_step adagrad;
} ln_step_scalars;

/* One step on a stretch of a parameter's weights. */
typedef struct ln_update {
    const ln_kernels *kernels;
    const ln_step_scalars *scalars;
    size_t count;
    const ln_real *gradient;
    ln_real *state[LN_MAX_STATES]; /* NULL where it is not kept */
    ln_real *weight;
} ln_update;

/* What an optimizer computes: in each compilation of the engine. */
typedef struct LN_REAL_NAME(ln_optimizer_math) {
    /* step: from 1; *product: 1 before the first. */
    void (*prepare)(const ln_value *values, uint64_t step, float *product,
                    ln_step_scalars *scalars);
    void (*update)(const ln_update *update);
} ln_optimizer_math;

typedef struct ln_optimizer_type {
    ln_signature signature;
    LN_MATH_FIELD(ln_optimizer_math);
    /* Errors: ARGUMENT in PyTorch's words. */
    linnet_status (*check)(const ln_value *values, linnet_error *error);
    /* What it may keep of a parameter's size, as state_dict() calls it, and whether it does. */
    const char *states[LN_MAX_STATES];
    bool (*keeps)(const ln_value *values, int state);
    /* What a state is before the first step, which is then in state_dict() already; NULL: 0. */
    double (*initial)(const ln_value *values);
    bool counts_steps; /* state_dict() has each parameter's step among them */
    /* What state_dict() calls the product that `prepare` carries from step to step; NULL: none. */
    const char *product;
} ln_optimizer_type;

const ln_optimizer_type *ln_optimizer_type_at(size_t i);

/* An optimizer over parameters of given sizes. */
typedef struct ln_optimizer ln_optimizer;

/* Reads torch.optim's constructor text. sizes: elements of each parameter, which are of
 * that dtype. Errors: SYNTAX,
 * ARGUMENT, MEMORY. The caller owns the optimizer. */
LINNET_NODISCARD linnet_status ln_optimizer_create(const char *text, const size_t *sizes,
                                                   size_t count, linnet_dtype dtype,
                                                   ln_optimizer **optimizer, linnet_error *error);
void ln_optimizer_free(ln_optimizer *optimizer);

/* The value of a parameter of its constructor, which schedules change; NULL where it has none of
 * that name. */
ln_value *ln_optimizer_value(ln_optimizer *optimizer, const char *name);

/* A second group of parameters, without weight decay: as {'params': ..., 'weight_decay': 0} behind
 * the group of all others. exempt moves a parameter into it. Errors: ARGUMENT (the optimizer knows
 * no weight_decay), MEMORY. */
LINNET_NODISCARD linnet_status ln_optimizer_group(ln_optimizer *optimizer, linnet_error *error);
void ln_optimizer_exempt(ln_optimizer *optimizer, size_t parameter);
/* How many groups there are; how many parameters are in one; the one that a parameter is in; and
 * the place of a parameter among all in the order of the groups, by which state_dict() calls it. */
size_t ln_optimizer_groups(const ln_optimizer *optimizer);
size_t ln_optimizer_group_size(const ln_optimizer *optimizer, size_t group);
size_t ln_optimizer_group_of(const ln_optimizer *optimizer, size_t parameter);
size_t ln_optimizer_place(const ln_optimizer *optimizer, size_t parameter);
/* A value as a group has it. */
ln_value ln_optimizer_group_value(const ln_optimizer *optimizer, size_t group, const char *name);

/* Begins the next step: every weight is updated once in it. */
void ln_optimizer_step(ln_optimizer *optimizer);
/* Updates `count` of a parameter's weights by their gradient; `first` says where their state lies.
 * Threads may update different stretches at once. */
void ln_optimizer_update(const ln_optimizer *optimizer, const ln_kernels *kernels, size_t parameter,
                         size_t first, size_t count, const ln_real *gradient, ln_real *weight);
/* State i of those that are kept of a parameter, as many numbers as its size; NULL past the last.
 * */
void *ln_optimizer_state(const ln_optimizer *optimizer, size_t parameter, int i);
/* What state_dict() calls state i; NULL past the last that is kept. */
const char *ln_optimizer_state_name(const ln_optimizer *optimizer, int i);
/* As before the first step. */
void ln_optimizer_reset(ln_optimizer *optimizer);
const ln_optimizer_type *ln_optimizer_type_of(const ln_optimizer *optimizer);
/* Steps begun so far; 0: there is no state yet. */
uint64_t ln_optimizer_steps(const ln_optimizer *optimizer);
void ln_optimizer_set_steps(ln_optimizer *optimizer, uint64_t steps);
/* The product that the steps carry, for optimizers that have one. */
float *ln_optimizer_product(ln_optimizer *optimizer);
/* Bytes that it holds. */
size_t ln_optimizer_size(const ln_optimizer *optimizer);

/* ---- for the optimizers ---- */

/* base^exponent by squaring: the same bits everywhere. */
double ln_power(double base, uint64_t exponent);

/* PyTorch's check of values that may not be negative, or NaN: "Invalid learning rate: -1.0". The
 * last has no `what`. */
typedef struct ln_floor {
    int value;
    const char *what;
} ln_floor;

LINNET_NODISCARD linnet_status ln_check_floors(const ln_value *values, const ln_floor *floors,
                                               linnet_error *error);

/* What the relatives of Adam share: lr, betas, eps and weight_decay are values 1 to 4 of each. */
linnet_status ln_adam_check(const ln_value *values, linnet_error *error);
bool ln_adam_keeps(const ln_value *values, int state);
/* Adam's step; decoupled: with AdamW's weight decay. */
ln_adam_step ln_adam_prepare(const ln_value *values, uint64_t step, bool decoupled, bool maximize);
void ln_adam_update(const ln_update *update);

#endif
