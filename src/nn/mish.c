/* mish.c - torch.nn.Mish: x tanh(softplus(x)). */
#include "nn/nn.h"

static ln_activation activation(const ln_value *values)
{
    (void)values;
    return (ln_activation){.index = LN_ACTIVATION_mish};
}

const ln_module_type ln_mish_type = {
    .signature = {"Mish", LN_PARAMETERS({"inplace", LN_KIND_BOOL, "False", LN_REPR_IF_SET})},
    LN_NN_ACTIVATION(activation),
};
