/* relu.c - torch.nn.ReLU: max(x, 0). NaN passes on; the gradient at 0 is 0. */
#include "nn/nn.h"

static void forward(const ln_stretch *stretch, const float *x, float *y)
{
    stretch->kernels->relu(stretch->count, x, y);
}

static void backward(const ln_stretch *stretch, const float *y, const float *dy, float *dx)
{
    stretch->kernels->relu_backward(stretch->count, y, dy, dx);
}

const ln_module_type ln_relu_type = {
    .signature = {"ReLU", 1, {{"inplace", LN_KIND_BOOL, "False", LN_REPR_IF_SET}}},
    .role = LN_ROLE_ELEMENTWISE,
    .forward = forward,
    .backward = backward,
};
