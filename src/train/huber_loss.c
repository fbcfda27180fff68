/* huber_loss.c - torch.nn.HuberLoss: with d = |x_j - t_j|, d^2 / 2 below delta, and
 * delta (d - delta / 2) from there on. */
#include <math.h>

#include "base/error.h"
#include "train/loss.h"

enum { REDUCTION, DELTA };

#ifdef LN_RECORDS
static linnet_status create(ln_loss *loss, const ln_value *values, linnet_error *error)
{
    loss->bound = values[DELTA].number[0];
    return loss->bound > 0 ? LINNET_OK
                           : ln_fail(error, LINNET_ERROR_ARGUMENT,
                                     "huber_loss does not support non-positive values for delta.");
}
#endif

static ln_loss_element part(const ln_loss *loss, ln_real x, ln_real t)
{
    ln_real d = x - t, away = ln_fabs(d), delta = (ln_real)loss->bound;
    if (away < delta) {
        return (ln_loss_element){0.5f * away * away, d};
    }
    return (ln_loss_element){delta * (away - 0.5f * delta), d > 0 ? delta : -delta};
}

static ln_real row(const ln_loss *loss, const ln_kernels *kernels, size_t features,
                   const ln_real *outputs, const ln_target *target, ln_real scale,
                   ln_real *gradient)
{
    (void)kernels;
    return ln_loss_sum_parts(loss, part, features, outputs, target, scale, gradient);
}

LN_MATH(ln_loss_math, ln_huber_loss_math) = {.row = row};

#ifdef LN_RECORDS
const ln_loss_type ln_huber_loss_type = {
    .signature = {"HuberLoss",
                  LN_PARAMETERS(LN_LOSS_REDUCTION, {"delta", LN_KIND_FLOAT, "1.0", LN_REPR_NEVER})},
    .task = LINNET_TASK_REGRESSION,
    .values = true,
    .elementwise = true,
    .sizes = LN_LOSS_BROADCAST,
    .create = create,
    .math = LN_MATHS(ln_huber_loss_math),
};
#endif
