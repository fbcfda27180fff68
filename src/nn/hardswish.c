/* hardswish.c - torch.nn.Hardswish: x min(max(x + 3, 0), 6) / 6.
 *
 * Its text never shows inplace, as in PyTorch. */
#include "nn/nn.h"

static ln_activation activation(const ln_value *values)
{
    (void)values;
    return (ln_activation){.index = LN_ACTIVATION_hardswish};
}

const ln_module_type ln_hardswish_type = {
    .signature = {"Hardswish", LN_PARAMETERS({"inplace", LN_KIND_BOOL, "False", LN_REPR_NEVER})},
    LN_NN_ACTIVATION(activation),
};
