/* softplus.c - torch.nn.Softplus: log(1 + e^(beta x)) / beta; x where beta x is above threshold. */
#include "nn/nn.h"

enum { BETA, THRESHOLD };

static ln_activation activation(const ln_value *values)
{
    return (ln_activation){.index = LN_ACTIVATION_softplus,
                           .parameters = {values[BETA].number[0], values[THRESHOLD].number[0]}};
}

const ln_module_type ln_softplus_type = {
    .signature = {"Softplus", LN_PARAMETERS({"beta", LN_KIND_FLOAT, "1", LN_REPR_ALWAYS},
                                            {"threshold", LN_KIND_FLOAT, "20", LN_REPR_ALWAYS})},
    LN_NN_ACTIVATION(activation),
};
