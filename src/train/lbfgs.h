/* lbfgs.h - L-BFGS over a trainer's parameters, with or without a line search. */
#ifndef LN_TRAIN_LBFGS_H
#define LN_TRAIN_LBFGS_H

#include "linnet.h"

/* Evaluates loss and gradient of the batch in hand where the parameters are: the gradient is then
 * the whole one of the trainer's gradients. A loss that is NaN, without an error: nothing counts in
 * this batch. */
typedef linnet_status (*ln_lbfgs_evaluate)(void *context, double *loss, linnet_error *error);

/* Its state, as state_dict() has it. Arrays are sets of the trainer's parameters. */
typedef struct ln_lbfgs {
    linnet_trainer *trainer;
    size_t history;      /* pairs that are kept at most */
    size_t count;        /* pairs that there are, the oldest first */
    void **y, **s;       /* old_dirs and old_stps: history + 1, the last one spare */
    double *ro, *al;     /* of each pair, of the model's dtype; al is scratch */
    void *d, *previous;  /* direction, prev_flat_grad */
    void *begin, *start; /* scratch: parameters before the step, and before an iteration */
    void *slots[4];      /* scratch: gradients; the first is that of where the parameters are */
    int64_t n_iter, func_evals;
    double t, prev_loss;
    double h_diag; /* of the model's dtype */
    unsigned char *memory;
    double *dots;
    size_t bytes;
} ln_lbfgs;

/* The trainer is borrowed, its optimizer is LBFGS. The caller owns the result. Errors: MEMORY. */
LINNET_NODISCARD linnet_status ln_lbfgs_create(linnet_trainer *trainer, ln_lbfgs **lbfgs,
                                               linnet_error *error);
void ln_lbfgs_free(ln_lbfgs *lbfgs);

/* optimizer.step(closure). Errors: those of `evaluate`; the parameters are those before the step
 * then. */
LINNET_NODISCARD linnet_status ln_lbfgs_step(ln_lbfgs *lbfgs, ln_lbfgs_evaluate evaluate,
                                             void *context, linnet_error *error);

#endif
