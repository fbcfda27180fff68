/* nadam.c - torch.optim.NAdam: Adam with Nesterov's momentum, whose factor grows from beta1 / 2 to
 * beta1.
 *
 *     mu_t = beta1 * (1 - 0.96^(t * momentum_decay) / 2)        P_t = mu_1 * ... * mu_t
 *     w = w - lr * (1 - mu_t) / (1 - P_t) * g / d - lr * mu_{t+1} / (1 - P_{t+1}) * m / d
 *
 * with g, m, v and d = sqrt(v) / sqrt(1 - beta2^t) + eps of Adam (adam.c). decoupled_weight_decay
 * is AdamW's, and as maximize one of PyTorch 2. The product P is float32 as PyTorch keeps it;
 * P_{t+1} is PyTorch 2's, and that of PyTorch 1 with foreach=True: its other path took P_t * mu_t *
 * mu_{t+1} for it. */
#include "numeric/precise.h"
#include "optim/optim.h"

enum { PARAMS, LR, BETAS, EPS, WEIGHT_DECAY, MOMENTUM_DECAY, DECOUPLED, FOREACH, MAXIMIZE };

#ifdef LN_RECORDS
static linnet_status check(const ln_value *values, linnet_error *error)
{
    static const ln_floor floors[] = {{MOMENTUM_DECAY, "momentum_decay value"}, {0, NULL}};
    linnet_status status = ln_adam_check(values, error);
    return status == LINNET_OK ? ln_check_floors(values, floors, error) : status;
}

static bool keeps(const ln_value *values, int state)
{
    (void)values, (void)state;
    return true;
}
#endif

static double momentum_at(const ln_value *values, uint64_t step)
{
    double decay = values[MOMENTUM_DECAY].number[0];
    return values[BETAS].number[0] * (1.0 - 0.5 * ln_pow(0.96, (double)step * decay));
}

static void prepare(const ln_value *values, uint64_t step, float *product, ln_step_scalars *scalars)
{
    double lr = values[LR].number[0];
    double mu = momentum_at(values, step), next = momentum_at(values, step + 1);
    *product *= (float)mu;
    scalars->adam = ln_adam_prepare(values, step, values[DECOUPLED].integer != 0,
                                    values[MAXIMIZE].integer != 0);
    scalars->adam.gradient_size = (ln_real)(lr * (1.0 - mu) / (1.0 - (double)*product));
    scalars->adam.step_size = (ln_real)(lr * next / (1.0 - (double)*product * next));
}

static void update(const ln_update *u)
{
    u->kernels->nadam(u->count, &u->scalars->adam, u->gradient, u->state[0], u->state[1],
                      u->weight);
}

LN_MATH(ln_optimizer_math, ln_nadam_math) = {.prepare = prepare, .update = update};

#ifdef LN_RECORDS
const ln_optimizer_type ln_nadam_type = {
    .signature = {"NAdam",
                  LN_PARAMETERS({"params", LN_KIND_GIVEN, "None", LN_REPR_NEVER},
                                {"lr", LN_KIND_FLOAT, "0.002", LN_REPR_ALWAYS},
                                {"betas", LN_KIND_PAIR, "(0.9, 0.999)", LN_REPR_ALWAYS},
                                {"eps", LN_KIND_FLOAT, "1e-08", LN_REPR_ALWAYS},
                                {"weight_decay", LN_KIND_FLOAT, "0", LN_REPR_ALWAYS},
                                {"momentum_decay", LN_KIND_FLOAT, "0.004", LN_REPR_ALWAYS},
                                {"decoupled_weight_decay", LN_KIND_BOOL, "False", LN_REPR_IF_SET},
                                {"foreach", LN_KIND_FLAG, "None", LN_REPR_NEVER},
                                {"maximize", LN_KIND_BOOL, "False", LN_REPR_IF_SET},
                                {"capturable", LN_KIND_FLAG, "False", LN_REPR_NEVER},
                                {"differentiable", LN_KIND_FLAG, "False", LN_REPR_NEVER})},
    .check = check,
    .states = {"exp_avg", "exp_avg_sq"},
    .keeps = keeps,
    .counts_steps = true,
    .product = "mu_product",
    .math = LN_MATHS(ln_nadam_math),
};
#endif
