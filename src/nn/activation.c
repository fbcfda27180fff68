/* activation.c - forward and backward of every module that is an activation of
 * numeric/activations.def.
 *
 * Both run the row kernel that the module's type names, with the parameters of its values. */
#include "nn/nn.h"

void ln_activation_forward(const ln_stretch *stretch, const float *x, float *y)
{
    const ln_module *module = stretch->module;
    ln_activation a = module->type->activation(module->values);
    stretch->kernels->activation[a.index].forward(stretch->count, a.parameters, x, y);
}

void ln_activation_backward(const ln_stretch *stretch, const float *x, const float *dy, float *dx)
{
    const ln_module *module = stretch->module;
    ln_activation a = module->type->activation(module->values);
    stretch->kernels->activation[a.index].backward(stretch->count, a.parameters, x, dy, dx);
}
