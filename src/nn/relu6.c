/* relu6.c - torch.nn.ReLU6: x within 0 and 6, else the nearer of them. */
#include "nn/nn.h"

static ln_activation activation(const ln_value *values)
{
    (void)values;
    return (ln_activation){.index = LN_ACTIVATION_hardtanh, .parameters = {0.0f, 6.0f}};
}

const ln_module_type ln_relu6_type = {
    .signature = {"ReLU6", LN_PARAMETERS({"inplace", LN_KIND_BOOL, "False", LN_REPR_IF_SET})},
    LN_NN_ACTIVATION(activation),
};
