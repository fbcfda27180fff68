/* hardtanh.c - torch.nn.Hardtanh: x within min_val and max_val, else the nearer of them.
 *
 * min_value and max_value are PyTorch's old names of the two; here they have to be None. */
#include "base/error.h"
#include "base/number.h"
#include "nn/nn.h"

enum { MIN_VAL, MAX_VAL };

/* PyTorch's assertion, which says nothing there. */
static linnet_status check(const ln_value *values, linnet_error *error)
{
    char min_val[LN_NUMBER_TEXT], max_val[LN_NUMBER_TEXT];
    return values[MAX_VAL].number[0] > values[MIN_VAL].number[0]
               ? LINNET_OK
               : ln_fail(error, LINNET_ERROR_ARGUMENT,
                         "expected max_val above min_val, found min_val=%s, max_val=%s",
                         ln_value_text(&values[MIN_VAL], min_val),
                         ln_value_text(&values[MAX_VAL], max_val));
}

static ln_activation activation(const ln_value *values)
{
    return (ln_activation){.index = LN_ACTIVATION_hardtanh,
                           .parameters = {values[MIN_VAL].number[0], values[MAX_VAL].number[0]}};
}

const ln_module_type ln_hardtanh_type = {
    .signature = {"Hardtanh", LN_PARAMETERS({"min_val", LN_KIND_FLOAT, "-1.0", LN_REPR_ALWAYS},
                                            {"max_val", LN_KIND_FLOAT, "1.0", LN_REPR_ALWAYS},
                                            {"inplace", LN_KIND_BOOL, "False", LN_REPR_IF_SET},
                                            {"min_value", LN_KIND_NONE, "None", LN_REPR_NEVER},
                                            {"max_value", LN_KIND_NONE, "None", LN_REPR_NEVER})},
    .check = check,
    LN_NN_ACTIVATION(activation),
};
