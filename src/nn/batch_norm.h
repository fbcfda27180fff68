/* batch_norm.h - what a plan asks of a BatchNorm1d. */
#ifndef LN_NN_BATCH_NORM_H
#define LN_NN_BATCH_NORM_H

#include "nn/nn.h"

/* Names of the second compilation (numeric/real.h). */
#ifdef LN_FLOAT64
#define ln_batch_norm_of ln_batch_norm_of_f64
#endif

typedef struct ln_batch_norm {
    ln_real eps;
    bool cumulative; /* momentum=None: running statistics are the means over all batches */
    double momentum;
    const ln_real *weight, *bias;        /* NULL without affine */
    ln_real *running_mean, *running_var; /* NULL without track_running_stats */
    int64_t *num_batches_tracked;
} ln_batch_norm;

/* Pointers are those of the module's weights. */
ln_batch_norm ln_batch_norm_of(const ln_module *module);

#endif
