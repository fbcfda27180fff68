/* naive.h - whole models by the definition: module after module, element after element, nothing
 * fused.
 *
 * The oracle for plans: sums from numeric/sums.h, functions from numeric/functions.h, masks from
 * numeric/random.h, each module's forward and backward said as plainly as PyTorch's documentation
 * says it. Running statistics are read, and not updated. */
#ifndef LN_TESTS_NAIVE_H
#define LN_TESTS_NAIVE_H

#include "nn/nn.h"

typedef struct naive_net naive_net;

/* For up to max_batch rows. The model is borrowed; training = false leaves Dropout out. */
naive_net *naive_create(const linnet_model *model, size_t max_batch, bool training);
void naive_free(naive_net *net);
/* What products are computed in; float32 unless it is said. */
void naive_set_precision(naive_net *net, ln_precision precision);

/* Forward. Dropout's masks are those of (seed, epoch, step). Returns the output, (batch, outputs),
 * owned by the net. */
const float *naive_forward(naive_net *net, const float *x, size_t batch, uint64_t seed,
                           uint32_t epoch, uint32_t step);
/* Mean cross entropy of the last forward over `labels`, and all gradients. */
float naive_backward(naive_net *net, const int64_t *labels);
/* Gradient of parameter i, owned by the net. */
const float *naive_gradient(const naive_net *net, size_t i);

#endif
