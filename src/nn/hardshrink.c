/* hardshrink.c - torch.nn.Hardshrink: 0 within -lambd and lambd, else x. */
#include "nn/nn.h"

enum { LAMBD };

static ln_activation activation(const ln_value *values)
{
    return (ln_activation){.index = LN_ACTIVATION_hardshrink,
                           .parameters = {values[LAMBD].number[0]}};
}

const ln_module_type ln_hardshrink_type = {
    .signature = {"Hardshrink", LN_PARAMETERS({"lambd", LN_KIND_FLOAT, "0.5", LN_REPR_VALUE})},
    LN_NN_ACTIVATION(activation),
};
