/* leaky_relu.c - torch.nn.LeakyReLU: x, or negative_slope * x where x is not above 0. */
#include "nn/nn.h"

enum { NEGATIVE_SLOPE, INPLACE };

static ln_activation activation(const ln_value *values)
{
    return (ln_activation){.index = LN_ACTIVATION_leaky_relu,
                           .parameters = {values[NEGATIVE_SLOPE].number[0]}};
}

const ln_module_type ln_leaky_relu_type = {
    .signature = {"LeakyReLU",
                  LN_PARAMETERS({"negative_slope", LN_KIND_FLOAT, "0.01", LN_REPR_ALWAYS},
                                {"inplace", LN_KIND_BOOL, "False", LN_REPR_IF_SET})},
    LN_NN_ACTIVATION(activation),
};
