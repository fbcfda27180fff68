/* adagrad.c - torch.optim.Adagrad.
 *
 *     g = g + weight_decay * w                        (-g where it maximizes)
 *     s = s + g^2                                     initial_accumulator_value at first
 *     w = w - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)
 */
#include "optim/optim.h"

enum { PARAMS, LR, LR_DECAY, WEIGHT_DECAY, INITIAL, EPS, FOREACH, MAXIMIZE };

#ifdef LN_RECORDS
static linnet_status check(const ln_value *values, linnet_error *error)
{
    static const ln_floor floors[] = {{LR, "learning rate"},
                                      {LR_DECAY, "lr_decay value"},
                                      {WEIGHT_DECAY, "weight_decay value"},
                                      {INITIAL, "initial_accumulator_value value"},
                                      {EPS, "epsilon value"},
                                      {0, NULL}};
    return ln_check_floors(values, floors, error);
}

static bool keeps(const ln_value *values, int state)
{
    (void)values, (void)state;
    return true;
}

static double initial(const ln_value *values)
{
    return values[INITIAL].number[0];
}
#endif

static void prepare(const ln_value *values, uint64_t step, float *product, ln_step_scalars *scalars)
{
    (void)product;
    double slower = 1 + (double)(step - 1) * values[LR_DECAY].number[0];
    scalars->adagrad = (ln_adagrad_step){.lr = (ln_real)(values[LR].number[0] / slower),
                                         .eps = (ln_real)values[EPS].number[0],
                                         .weight_decay = (ln_real)values[WEIGHT_DECAY].number[0],
                                         .sign = values[MAXIMIZE].integer != 0 ? -1.0f : 1.0f};
}

static void update(const ln_update *u)
{
    u->kernels->adagrad(u->count, &u->scalars->adagrad, u->gradient, u->state[0], u->weight);
}

LN_MATH(ln_optimizer_math, ln_adagrad_math) = {.prepare = prepare, .update = update};

#ifdef LN_RECORDS
const ln_optimizer_type ln_adagrad_type = {
    .signature = {"Adagrad",
                  LN_PARAMETERS({"params", LN_KIND_GIVEN, "None", LN_REPR_NEVER},
                                {"lr", LN_KIND_FLOAT, "0.01", LN_REPR_ALWAYS},
                                {"lr_decay", LN_KIND_FLOAT, "0", LN_REPR_ALWAYS},
                                {"weight_decay", LN_KIND_FLOAT, "0", LN_REPR_ALWAYS},
                                {"initial_accumulator_value", LN_KIND_FLOAT, "0", LN_REPR_ALWAYS},
                                {"eps", LN_KIND_FLOAT, "1e-10", LN_REPR_ALWAYS},
                                {"foreach", LN_KIND_FLAG, "None", LN_REPR_NEVER},
                                {"maximize", LN_KIND_BOOL, "False", LN_REPR_IF_SET},
                                {"differentiable", LN_KIND_FLAG, "False", LN_REPR_NEVER},
                                {"fused", LN_KIND_FLAG, "None", LN_REPR_NEVER})},
    .check = check,
    .states = {"sum"},
    .keeps = keeps,
    .initial = initial,
    .counts_steps = true,
    .math = LN_MATHS(ln_adagrad_math),
};
#endif
