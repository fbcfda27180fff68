/* selu.c - torch.nn.SELU: ELU times a scale, with the two constants that keep mean and
 * variance from layer to layer (Klambauer et al., 2017). */
#include "nn/nn.h"

#define SCALE 1.0507009873554804934193349852946
#define ALPHA 1.6732632423543772848170429916717

static ln_activation activation(const ln_value *values)
{
    (void)values;
    return (ln_activation){.index = LN_ACTIVATION_elu, .parameters = {SCALE, SCALE * ALPHA}};
}

const ln_module_type ln_selu_type = {
    .signature = {"SELU", LN_PARAMETERS({"inplace", LN_KIND_BOOL, "False", LN_REPR_IF_SET})},
    LN_NN_ACTIVATION(activation),
};
