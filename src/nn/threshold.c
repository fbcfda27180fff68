/* threshold.c - torch.nn.Threshold: x where it is above threshold, else value. */
#include "nn/nn.h"

enum { THRESHOLD, VALUE, INPLACE };

static ln_activation activation(const ln_value *values)
{
    return (ln_activation){.index = LN_ACTIVATION_threshold,
                           .parameters = {values[THRESHOLD].number[0], values[VALUE].number[0]}};
}

const ln_module_type ln_threshold_type = {
    .signature = {"Threshold", LN_PARAMETERS({"threshold", LN_KIND_FLOAT, NULL, LN_REPR_ALWAYS},
                                             {"value", LN_KIND_FLOAT, NULL, LN_REPR_ALWAYS},
                                             {"inplace", LN_KIND_BOOL, "False", LN_REPR_IF_SET})},
    LN_NN_ACTIVATION(activation),
};
