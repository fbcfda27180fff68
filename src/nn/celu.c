/* celu.c - torch.nn.CELU: x, or alpha (e^(x / alpha) - 1) where x is not above 0. */
#include "base/error.h"
#include "nn/nn.h"

enum { ALPHA, INPLACE };

static linnet_status check(const ln_value *values, linnet_error *error)
{
    return values[ALPHA].number[0] != 0 ? LINNET_OK
                                        : ln_fail(error, LINNET_ERROR_ARGUMENT,
                                                  "ZeroDivisionError: alpha cannot be 0 for CELU");
}

static ln_activation activation(const ln_value *values)
{
    return (ln_activation){.index = LN_ACTIVATION_celu,
                           .parameters = {values[ALPHA].number[0], 1 / values[ALPHA].number[0]}};
}

const ln_module_type ln_celu_type = {
    .signature = {"CELU", LN_PARAMETERS({"alpha", LN_KIND_FLOAT, "1.0", LN_REPR_ALWAYS},
                                        {"inplace", LN_KIND_BOOL, "False", LN_REPR_IF_SET})},
    .check = check,
    LN_NN_ACTIVATION(activation),
};
