/* silu.c - torch.nn.SiLU: x sigmoid(x). */
#include "nn/nn.h"

static ln_activation activation(const ln_value *values)
{
    (void)values;
    return (ln_activation){.index = LN_ACTIVATION_silu};
}

const ln_module_type ln_silu_type = {
    .signature = {"SiLU", LN_PARAMETERS({"inplace", LN_KIND_BOOL, "False", LN_REPR_IF_SET})},
    LN_NN_ACTIVATION(activation),
};
