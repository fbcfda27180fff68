/* cross_entropy_loss.c - torch.nn.CrossEntropyLoss() over class indices, mean over the batch. */
#include "train/loss.h"

static float row(const ln_kernels *kernels, size_t features, const float *logits, size_t target,
                 float scale, float *gradient)
{
    return kernels->cross_entropy(features, logits, target, scale, gradient);
}

const ln_loss_type ln_cross_entropy_loss_type = {
    .signature = {"CrossEntropyLoss", 0, {{0}}},
    .row = row,
};
