/* nll_loss.c - torch.nn.NLLLoss over class indices: l = -w_t x_t, of log-probabilities x such as
 * LogSoftmax gives. 'mean' divides the sum of a batch by the sum of the w_t. */
#include <string.h>

#include "train/loss.h"

enum { WEIGHT, SIZE_AVERAGE, IGNORE_INDEX, REDUCE, REDUCTION };

#ifdef LN_RECORDS
static linnet_status create(ln_loss *loss, const ln_value *values, linnet_error *error)
{
    loss->ignore_index = values[IGNORE_INDEX].integer;
    return ln_loss_take_list(&loss->weights, &values[WEIGHT], "weight", "class", error);
}
#endif

static ln_real row(const ln_loss *loss, const ln_kernels *kernels, size_t features,
                   const ln_real *outputs, const ln_target *target, ln_real scale,
                   ln_real *gradient)
{
    (void)kernels;
    const ln_real *weights = loss->weights.values;
    ln_real weight = weights != NULL ? weights[target->label] : 1;
    if (gradient != NULL) {
        memset(gradient, 0, features * sizeof *gradient);
        gradient[target->label] = -(weight * ((ln_real)target->weight * scale));
    }
    return (ln_real)target->weight * -(weight * outputs[target->label]);
}

LN_MATH(ln_loss_math, ln_nll_loss_math) = {.row = row};

#ifdef LN_RECORDS
const ln_loss_type ln_nll_loss_type = {
    .signature = {"NLLLoss", LN_PARAMETERS({"weight", LN_KIND_LIST, "None", LN_REPR_NEVER},
                                           LN_LOSS_OLD("size_average"),
                                           {"ignore_index", LN_KIND_INT, "-100", LN_REPR_NEVER},
                                           LN_LOSS_OLD("reduce"), LN_LOSS_REDUCTION)},
    .task = LINNET_TASK_CLASSIFICATION,
    .classes = true,
    .create = create,
    .math = LN_MATHS(ln_nll_loss_math),
};
#endif
