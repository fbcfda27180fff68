/* adam.c - torch.optim.Adam, and what its relatives share with it.
 *
 *     g = g + weight_decay * w           (Adam)       w = w * (1 - lr * weight_decay)   (AdamW)
 *     m = m + (1 - beta1) * (g - m)
 *     v = beta2 * v + (1 - beta2) * g^2
 *     w = w - lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
 *
 * amsgrad takes the largest v so far in place of v. The state is m, v and that largest v. */
#include <math.h>

#include "base/error.h"
#include "base/number.h"
#include "optim/optim.h"

enum { PARAMS, LR, BETAS, EPS, WEIGHT_DECAY, AMSGRAD, MAXIMIZE };

#ifdef LN_RECORDS
linnet_status ln_adam_check(const ln_value *values, linnet_error *error)
{
    static const ln_floor before[] = {{LR, "learning rate"}, {EPS, "epsilon value"}, {0, NULL}};
    static const ln_floor behind[] = {{WEIGHT_DECAY, "weight_decay value"}, {0, NULL}};
    linnet_status status = ln_check_floors(values, before, error);
    for (int i = 0; i < 2 && status == LINNET_OK; i++) {
        double beta = values[BETAS].number[i];
        if (!(beta >= 0 && beta < 1)) {
            char text[LN_NUMBER_TEXT];
            return ln_fail(error, LINNET_ERROR_ARGUMENT, "Invalid beta parameter at index %d: %s",
                           i, ln_print_double(beta, text));
        }
    }
    return status == LINNET_OK ? ln_check_floors(values, behind, error) : status;
}

bool ln_adam_keeps(const ln_value *values, int state)
{
    return state < 2 || values[AMSGRAD].integer != 0;
}
#endif

ln_adam_step ln_adam_prepare(const ln_value *values, uint64_t step, bool decoupled, bool maximize)
{
    double lr = values[LR].number[0];
    double beta1 = values[BETAS].number[0], beta2 = values[BETAS].number[1];
    double decay = values[WEIGHT_DECAY].number[0];
    return (ln_adam_step){.one_minus_beta1 = (ln_real)(1 - beta1),
                          .beta2 = (ln_real)beta2,
                          .one_minus_beta2 = (ln_real)(1 - beta2),
                          .eps = (ln_real)values[EPS].number[0],
                          .step_size = (ln_real)(lr / (1 - ln_power(beta1, step))),
                          .root_scale = (ln_real)(1 / sqrt(1 - ln_power(beta2, step))),
                          .weight_decay = decoupled ? 0 : (ln_real)decay,
                          .decay = decoupled ? (ln_real)(1 - lr * decay) : 1,
                          .sign = maximize ? -1.0f : 1.0f};
}

void ln_adam_update(const ln_update *u)
{
    u->kernels->adam(u->count, &u->scalars->adam, u->gradient, u->state[0], u->state[1],
                     u->state[2], u->weight);
}

static void prepare(const ln_value *values, uint64_t step, float *product, ln_step_scalars *scalars)
{
    (void)product;
    scalars->adam = ln_adam_prepare(values, step, false, values[MAXIMIZE].integer != 0);
}

LN_MATH(ln_optimizer_math, ln_adam_math) = {.prepare = prepare, .update = ln_adam_update};

#ifdef LN_RECORDS
const ln_optimizer_type ln_adam_type = {
    .signature = {"Adam", LN_PARAMETERS({"params", LN_KIND_GIVEN, "None", LN_REPR_NEVER},
                                        {"lr", LN_KIND_FLOAT, "0.001", LN_REPR_ALWAYS},
                                        {"betas", LN_KIND_PAIR, "(0.9, 0.999)", LN_REPR_ALWAYS},
                                        {"eps", LN_KIND_FLOAT, "1e-08", LN_REPR_ALWAYS},
                                        {"weight_decay", LN_KIND_FLOAT, "0", LN_REPR_ALWAYS},
                                        {"amsgrad", LN_KIND_BOOL, "False", LN_REPR_ALWAYS},
                                        {"maximize", LN_KIND_BOOL, "False", LN_REPR_IF_SET},
                                        {"foreach", LN_KIND_FLAG, "None", LN_REPR_NEVER},
                                        {"capturable", LN_KIND_FLAG, "False", LN_REPR_NEVER},
                                        {"differentiable", LN_KIND_FLAG, "False", LN_REPR_NEVER},
                                        {"fused", LN_KIND_FLAG, "None", LN_REPR_NEVER})},
    .check = ln_adam_check,
    .states = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"},
    .keeps = ln_adam_keeps,
    .counts_steps = true,
    .math = LN_MATHS(ln_adam_math),
};
#endif
