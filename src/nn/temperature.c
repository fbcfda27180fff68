/* temperature.c - what a model's outputs are divided by before they become probabilities.
 *
 * No module of PyTorch's, and none that a model's text can name: plans put it before their softmax
 * or sigmoid (linnet_model_set_temperature). */
#include "nn/nn.h"

static void forward(const ln_stretch *stretch, const ln_real *x, ln_real *y)
{
    ln_real temperature = (ln_real)stretch->module->values[0].number[0];
    for (size_t i = 0; i < stretch->count; i++) {
        y[i] = x[i] / temperature;
    }
}

LN_MATH(ln_module_math, ln_temperature_math) = {.forward = forward};

#ifdef LN_RECORDS
const ln_module_type ln_temperature_type = {
    .signature = {"temperature", 0, NULL},
    .role = LN_ROLE_ELEMENTWISE,
    .math = LN_MATHS(ln_temperature_math),
};
#endif
