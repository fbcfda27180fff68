/* loss.h - the table of losses.
 *
 * A loss is one file that exports one const record and stands as one row in losses.def. */
#ifndef LN_TRAIN_LOSS_H
#define LN_TRAIN_LOSS_H

#include "base/signature.h"
#include "kernel/kernel.h"

typedef struct ln_loss_type {
    ln_signature signature;
    /* The loss of one row of `features` logits with class `target`. gradient (features): that of
     * the mean over the batch, scale = 1 / batch. */
    float (*row)(const ln_kernels *kernels, size_t features, const float *logits, size_t target,
                 float scale, float *gradient);
} ln_loss_type;

/* The type whose constructor text this is. Errors: SYNTAX. */
LINNET_NODISCARD linnet_status ln_loss_parse(const char *text, const ln_loss_type **type,
                                             linnet_error *error);

#endif
