/* log_sigmoid.c - torch.nn.LogSigmoid: log(sigmoid(x)). */
#include "nn/nn.h"

static ln_activation activation(const ln_value *values)
{
    (void)values;
    return (ln_activation){.index = LN_ACTIVATION_log_sigmoid};
}

const ln_module_type ln_log_sigmoid_type = {
    .signature = {"LogSigmoid", 0, NULL},
    LN_NN_ACTIVATION(activation),
};
