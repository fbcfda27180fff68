/* loss.h - the table of losses, and a loss as a trainer uses it.
 *
 * A loss is one file that exports one const record and stands as one row in losses.def. Words,
 * defaults and error texts are those of torch.nn. */
#ifndef LN_TRAIN_LOSS_H
#define LN_TRAIN_LOSS_H

#include "base/signature.h"
#include "kernel/kernel.h"

typedef struct ln_loss ln_loss;

typedef struct ln_loss_type {
    ln_signature signature;
    linnet_task task;
    /* Takes over what the values say. Errors: ARGUMENT in PyTorch's words. */
    linnet_status (*create)(ln_loss *loss, const ln_value *values, linnet_error *error);
    /* The loss of one row of `features` logits with class `target`, which counts; gradient
     * (features): the row's own, times scale. */
    float (*row)(const ln_loss *loss, const ln_kernels *kernels, size_t features,
                 const float *logits, size_t target, float scale, float *gradient);
} ln_loss_type;

struct ln_loss {
    const ln_loss_type *type;
    bool sum;             /* reduction='sum'; else 'mean' */
    int64_t ignore_index; /* rows of this class do not count */
    size_t weight_count;  /* the given weights of the classes; 0: none are */
    float *weights;       /* as many as there are classes, where the loss wants them; owned */
    float total;          /* their sum */
    double smoothing;
};

/* Reads torch.nn's constructor text. The caller owns the loss. Errors: SYNTAX, ARGUMENT, MEMORY. */
LINNET_NODISCARD linnet_status ln_loss_create(const char *text, ln_loss **loss,
                                              linnet_error *error);
void ln_loss_free(ln_loss *loss);

/* Makes it ready for rows of `features` logits. Errors: SHAPE in PyTorch's words, MEMORY. */
LINNET_NODISCARD linnet_status ln_loss_fit(ln_loss *loss, size_t features, linnet_error *error);

/* What a row counts for in the mean: its class's weight, 0 where it is ignored. */
float ln_loss_row_weight(const ln_loss *loss, int64_t target);

/* The constant that multiplies a row's gradient, and the loss of a batch as item() tells it, from
 * the sums over its rows. Rows that count for nothing have no gradient, and NaN as their mean. */
float ln_loss_scale(const ln_loss *loss, float weight_sum);
float ln_loss_reduce(const ln_loss *loss, float loss_sum, float weight_sum);

#endif
