/* smooth_l1_loss.c - torch.nn.SmoothL1Loss: with d = |x_j - t_j|, d^2 / (2 beta) below beta, and
 * d - beta / 2 from there on. */
#include <math.h>

#include "base/error.h"
#include "train/loss.h"

enum { SIZE_AVERAGE, REDUCE, REDUCTION, BETA };

#ifdef LN_RECORDS
static linnet_status create(ln_loss *loss, const ln_value *values, linnet_error *error)
{
    loss->bound = values[BETA].number[0];
    return loss->bound >= 0 ? LINNET_OK
                            : ln_fail(error, LINNET_ERROR_ARGUMENT,
                                      "smooth_l1_loss does not support negative values for beta.");
}
#endif

static ln_loss_element part(const ln_loss *loss, ln_real x, ln_real t)
{
    ln_real d = x - t, away = ln_fabs(d), beta = (ln_real)loss->bound;
    if (away < beta) {
        return (ln_loss_element){0.5f * away * away / beta, d / beta};
    }
    return (ln_loss_element){away - 0.5f * beta, d > 0 ? 1.0f : d < 0 ? -1.0f : 0.0f};
}

static ln_real row(const ln_loss *loss, const ln_kernels *kernels, size_t features,
                   const ln_real *outputs, const ln_target *target, ln_real scale,
                   ln_real *gradient)
{
    (void)kernels;
    return ln_loss_sum_parts(loss, part, features, outputs, target, scale, gradient);
}

LN_MATH(ln_loss_math, ln_smooth_l1_loss_math) = {.row = row};

#ifdef LN_RECORDS
const ln_loss_type ln_smooth_l1_loss_type = {
    .signature = {"SmoothL1Loss",
                  LN_PARAMETERS(LN_LOSS_OLD("size_average"), LN_LOSS_OLD("reduce"),
                                LN_LOSS_REDUCTION, {"beta", LN_KIND_FLOAT, "1.0", LN_REPR_NEVER})},
    .task = LINNET_TASK_REGRESSION,
    .values = true,
    .elementwise = true,
    .sizes = LN_LOSS_BROADCAST,
    .create = create,
    .math = LN_MATHS(ln_smooth_l1_loss_math),
};
#endif
