/* tanhshrink.c - torch.nn.Tanhshrink: x - tanh(x). */
#include "nn/nn.h"

static ln_activation activation(const ln_value *values)
{
    (void)values;
    return (ln_activation){.index = LN_ACTIVATION_tanhshrink};
}

const ln_module_type ln_tanhshrink_type = {
    .signature = {"Tanhshrink", 0, NULL},
    LN_NN_ACTIVATION(activation),
};
