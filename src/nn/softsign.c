/* softsign.c - torch.nn.Softsign: x / (1 + |x|). */
#include "nn/nn.h"

static ln_activation activation(const ln_value *values)
{
    (void)values;
    return (ln_activation){.index = LN_ACTIVATION_softsign};
}

const ln_module_type ln_softsign_type = {
    .signature = {"Softsign", 0, NULL},
    LN_NN_ACTIVATION(activation),
};
