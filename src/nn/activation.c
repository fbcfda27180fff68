/* activation.c - forward and backward of every module that is an activation of
 * numeric/activations.def.
 *
 * Both run the row kernel that the module's type names, with the parameters of its values. */
#include "nn/nn.h"

/* The kernels, and their parameters as they take them. */
static const ln_activation_kernels *kernels_of(const ln_stretch *stretch, ln_real parameters[2])
{
    ln_activation a = stretch->module->type->activation(stretch->module->values);
    for (int i = 0; i < 2; i++) {
        parameters[i] = (ln_real)a.parameters[i];
    }
    return &stretch->kernels->activation[a.index];
}

static void forward(const ln_stretch *stretch, const ln_real *x, ln_real *y)
{
    ln_real parameters[2];
    kernels_of(stretch, parameters)->forward(stretch->count, parameters, x, y);
}

static void backward(const ln_stretch *stretch, const ln_real *x, const ln_real *dy, ln_real *dx)
{
    ln_real parameters[2];
    kernels_of(stretch, parameters)->backward(stretch->count, parameters, x, dy, dx);
}

LN_MATH(ln_module_math, ln_activation_math) = {.forward = forward, .backward = backward};
