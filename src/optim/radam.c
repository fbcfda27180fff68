/* radam.c - torch.optim.RAdam: Adam whose adaptive rate is rectified, and left out in the first
 * steps.
 *
 *     rho = rho_inf - 2 t beta2^t / (1 - beta2^t)               rho_inf = 2 / (1 - beta2) - 1
 *     w = w - lr / (1 - beta1^t) * m                            where rho <= 5
 *     w = w - lr / (1 - beta1^t) * r * m / ((sqrt(v) + eps) / sqrt(1 - beta2^t))
 *     r = sqrt((rho - 4) (rho - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho))
 *
 * with m and v of Adam (adam.c). Both are Adam's step under other constants. decoupled_weight_decay
 * is AdamW's, and as maximize one of PyTorch 2. */
#include <math.h>

#include "optim/optim.h"

enum { PARAMS, LR, BETAS, EPS, WEIGHT_DECAY, DECOUPLED, FOREACH, MAXIMIZE };

#ifdef LN_RECORDS
static bool keeps(const ln_value *values, int state)
{
    (void)values, (void)state;
    return true;
}
#endif

static void prepare(const ln_value *values, uint64_t step, float *product, ln_step_scalars *scalars)
{
    (void)product;
    double beta1 = values[BETAS].number[0], beta2 = values[BETAS].number[1];
    double power = ln_power(beta2, step), correction = sqrt(1 - power);
    double most = 2 / (1 - beta2) - 1;
    double rho = most - 2 * (double)step * power / (1 - power);
    double size = values[LR].number[0] / (1 - ln_power(beta1, step));
    scalars->adam = ln_adam_prepare(values, step, values[DECOUPLED].integer != 0,
                                    values[MAXIMIZE].integer != 0);
    if (rho > 5) {
        double rectified = sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho));
        scalars->adam.step_size = (ln_real)(size * rectified);
        scalars->adam.eps = (ln_real)(values[EPS].number[0] / correction);
    } else {
        /* The denominator is 1. */
        scalars->adam.root_scale = 0;
        scalars->adam.eps = 1;
    }
}

LN_MATH(ln_optimizer_math, ln_radam_math) = {.prepare = prepare, .update = ln_adam_update};

#ifdef LN_RECORDS
const ln_optimizer_type ln_radam_type = {
    .signature = {"RAdam",
                  LN_PARAMETERS({"params", LN_KIND_GIVEN, "None", LN_REPR_NEVER},
                                {"lr", LN_KIND_FLOAT, "0.001", LN_REPR_ALWAYS},
                                {"betas", LN_KIND_PAIR, "(0.9, 0.999)", LN_REPR_ALWAYS},
                                {"eps", LN_KIND_FLOAT, "1e-08", LN_REPR_ALWAYS},
                                {"weight_decay", LN_KIND_FLOAT, "0", LN_REPR_ALWAYS},
                                {"decoupled_weight_decay", LN_KIND_BOOL, "False", LN_REPR_IF_SET},
                                {"foreach", LN_KIND_FLAG, "None", LN_REPR_NEVER},
                                {"maximize", LN_KIND_BOOL, "False", LN_REPR_IF_SET},
                                {"capturable", LN_KIND_FLAG, "False", LN_REPR_NEVER},
                                {"differentiable", LN_KIND_FLAG, "False", LN_REPR_NEVER})},
    .check = ln_adam_check,
    .states = {"exp_avg", "exp_avg_sq"},
    .keeps = keeps,
    .counts_steps = true,
    .math = LN_MATHS(ln_radam_math),
};
#endif
