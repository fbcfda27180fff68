/* l1_loss.c - torch.nn.L1Loss: l_j = |x_j - t_j|; where that is 0, so is the gradient. */
#include <math.h>

#include "train/loss.h"

static ln_loss_element part(const ln_loss *loss, ln_real x, ln_real t)
{
    (void)loss;
    ln_real d = x - t;
    return (ln_loss_element){ln_fabs(d), d > 0 ? 1.0f : d < 0 ? -1.0f : 0.0f};
}

static ln_real row(const ln_loss *loss, const ln_kernels *kernels, size_t features,
                   const ln_real *outputs, const ln_target *target, ln_real scale,
                   ln_real *gradient)
{
    (void)kernels;
    return ln_loss_sum_parts(loss, part, features, outputs, target, scale, gradient);
}

LN_MATH(ln_loss_math, ln_l1_loss_math) = {.row = row};

#ifdef LN_RECORDS
const ln_loss_type ln_l1_loss_type = {
    .signature = {"L1Loss", LN_PARAMETERS(LN_LOSS_OLD("size_average"), LN_LOSS_OLD("reduce"),
                                          LN_LOSS_REDUCTION)},
    .task = LINNET_TASK_REGRESSION,
    .values = true,
    .elementwise = true,
    .sizes = LN_LOSS_BROADCAST,
    .math = LN_MATHS(ln_l1_loss_math),
};
#endif
