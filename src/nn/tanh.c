/* tanh.c - torch.nn.Tanh. */
#include "nn/nn.h"

static ln_activation activation(const ln_value *values)
{
    (void)values;
    return (ln_activation){.index = LN_ACTIVATION_tanh};
}

const ln_module_type ln_tanh_type = {
    .signature = {"Tanh", 0, NULL},
    LN_NN_ACTIVATION(activation),
};
