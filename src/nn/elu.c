/* elu.c - torch.nn.ELU: x, or alpha (e^x - 1) where x is not above 0. */
#include "nn/nn.h"

enum { ALPHA, INPLACE };

static ln_activation activation(const ln_value *values)
{
    return (ln_activation){.index = LN_ACTIVATION_elu, .parameters = {1, values[ALPHA].number[0]}};
}

const ln_module_type ln_elu_type = {
    .signature = {"ELU", LN_PARAMETERS({"alpha", LN_KIND_FLOAT, "1.0", LN_REPR_ALWAYS},
                                       {"inplace", LN_KIND_BOOL, "False", LN_REPR_IF_SET})},
    LN_NN_ACTIVATION(activation),
};
