/* hardsigmoid.c - torch.nn.Hardsigmoid: min(max(x + 3, 0), 6) / 6.
 *
 * Its text never shows inplace, as in PyTorch. */
#include "nn/nn.h"

static ln_activation activation(const ln_value *values)
{
    (void)values;
    return (ln_activation){.index = LN_ACTIVATION_hardsigmoid};
}

const ln_module_type ln_hardsigmoid_type = {
    .signature = {"Hardsigmoid", LN_PARAMETERS({"inplace", LN_KIND_BOOL, "False", LN_REPR_NEVER})},
    LN_NN_ACTIVATION(activation),
};
