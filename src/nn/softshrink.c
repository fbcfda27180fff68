/* softshrink.c - torch.nn.Softshrink: 0 within -lambd and lambd, else x that much nearer 0. */
#include "base/error.h"
#include "base/number.h"
#include "nn/nn.h"

enum { LAMBD };

static linnet_status check(const ln_value *values, linnet_error *error)
{
    char text[LN_NUMBER_TEXT];
    return values[LAMBD].number[0] >= 0
               ? LINNET_OK
               : ln_fail(error, LINNET_ERROR_ARGUMENT,
                         "lambda must be greater or equal to 0, but found to be %s.",
                         ln_value_text(&values[LAMBD], text));
}

static ln_activation activation(const ln_value *values)
{
    return (ln_activation){.index = LN_ACTIVATION_softshrink,
                           .parameters = {values[LAMBD].number[0]}};
}

const ln_module_type ln_softshrink_type = {
    .signature = {"Softshrink", LN_PARAMETERS({"lambd", LN_KIND_FLOAT, "0.5", LN_REPR_VALUE})},
    .check = check,
    LN_NN_ACTIVATION(activation),
};
