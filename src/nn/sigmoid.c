/* sigmoid.c - torch.nn.Sigmoid: 1 / (1 + e^-x). */
#include "nn/nn.h"

static ln_activation activation(const ln_value *values)
{
    (void)values;
    return (ln_activation){.index = LN_ACTIVATION_sigmoid};
}

const ln_module_type ln_sigmoid_type = {
    .signature = {"Sigmoid", 0, NULL},
    LN_NN_ACTIVATION(activation),
};
