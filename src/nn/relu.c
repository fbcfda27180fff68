/* relu.c - torch.nn.ReLU: max(x, 0). NaN passes on; the gradient at 0 is 0. */
#include "nn/nn.h"

static void forward(const ln_stretch *stretch, const ln_real *x, ln_real *y)
{
    stretch->kernels->relu(stretch->count, x, y);
}

static void backward(const ln_stretch *stretch, const ln_real *y, const ln_real *dy, ln_real *dx)
{
    stretch->kernels->relu_backward(stretch->count, y, dy, dx);
}

LN_MATH(ln_module_math, ln_relu_math) = {.forward = forward, .backward = backward};

#ifdef LN_RECORDS
const ln_module_type ln_relu_type = {
    .signature = {"ReLU", LN_PARAMETERS({"inplace", LN_KIND_BOOL, "False", LN_REPR_IF_SET})},
    .role = LN_ROLE_ELEMENTWISE,
    .math = LN_MATHS(ln_relu_math),
};
#endif
