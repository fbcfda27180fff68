/* gelu.c - torch.nn.GELU: x times the normal distribution function at x, or the approximation of
 * it by a tanh. */
#include "nn/nn.h"

enum { APPROXIMATE };

static ln_activation activation(const ln_value *values)
{
    bool approximated = values[APPROXIMATE].integer != 0;
    return (ln_activation){.index = approximated ? LN_ACTIVATION_gelu_tanh : LN_ACTIVATION_gelu};
}

const ln_module_type ln_gelu_type = {
    .signature = {"GELU",
                  LN_PARAMETERS({"approximate", LN_KIND_CHOICE, "none|tanh", LN_REPR_ALWAYS})},
    LN_NN_ACTIVATION(activation),
};
