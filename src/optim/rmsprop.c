/* rmsprop.c - torch.optim.RMSprop.
 *
 *     g = g + weight_decay * w                        (-g where it maximizes)
 *     v = alpha * v + (1 - alpha) * g^2
 *     a = a + (1 - alpha) * (g - a)                   centered: v - a^2 in place of v below
 *     b = momentum * b + g / (sqrt(v) + eps)          without momentum b is the last term alone
 *     w = w - lr * b
 *
 * v - a^2 is 0 where rounding makes it negative; PyTorch's weights become NaN there. */
#include "optim/optim.h"

enum { PARAMS, LR, ALPHA, EPS, WEIGHT_DECAY, MOMENTUM, CENTERED, CAPTURABLE, FOREACH, MAXIMIZE };
enum { SQUARE_AVG, MOMENTUM_BUFFER, GRAD_AVG };

#ifdef LN_RECORDS
static linnet_status check(const ln_value *values, linnet_error *error)
{
    static const ln_floor floors[] = {
        {LR, "learning rate"},        {EPS, "epsilon value"},
        {MOMENTUM, "momentum value"}, {WEIGHT_DECAY, "weight_decay value"},
        {ALPHA, "alpha value"},       {0, NULL}};
    return ln_check_floors(values, floors, error);
}

static bool keeps(const ln_value *values, int state)
{
    return state == SQUARE_AVG || (state == MOMENTUM_BUFFER && values[MOMENTUM].number[0] > 0) ||
           (state == GRAD_AVG && values[CENTERED].integer != 0);
}
#endif

static void prepare(const ln_value *values, uint64_t step, float *product, ln_step_scalars *scalars)
{
    (void)step, (void)product;
    double alpha = values[ALPHA].number[0];
    scalars->rmsprop = (ln_rmsprop_step){.lr = (ln_real)values[LR].number[0],
                                         .alpha = (ln_real)alpha,
                                         .one_minus_alpha = (ln_real)(1 - alpha),
                                         .eps = (ln_real)values[EPS].number[0],
                                         .momentum = (ln_real)values[MOMENTUM].number[0],
                                         .weight_decay = (ln_real)values[WEIGHT_DECAY].number[0],
                                         .sign = values[MAXIMIZE].integer != 0 ? -1.0f : 1.0f};
}

static void update(const ln_update *u)
{
    u->kernels->rmsprop(u->count, &u->scalars->rmsprop, u->gradient, u->state[SQUARE_AVG],
                        u->state[MOMENTUM_BUFFER], u->state[GRAD_AVG], u->weight);
}

LN_MATH(ln_optimizer_math, ln_rmsprop_math) = {.prepare = prepare, .update = update};

#ifdef LN_RECORDS
const ln_optimizer_type ln_rmsprop_type = {
    .signature = {"RMSprop",
                  LN_PARAMETERS({"params", LN_KIND_GIVEN, "None", LN_REPR_NEVER},
                                {"lr", LN_KIND_FLOAT, "0.01", LN_REPR_ALWAYS},
                                {"alpha", LN_KIND_FLOAT, "0.99", LN_REPR_ALWAYS},
                                {"eps", LN_KIND_FLOAT, "1e-08", LN_REPR_ALWAYS},
                                {"weight_decay", LN_KIND_FLOAT, "0", LN_REPR_ALWAYS},
                                {"momentum", LN_KIND_FLOAT, "0", LN_REPR_ALWAYS},
                                {"centered", LN_KIND_BOOL, "False", LN_REPR_ALWAYS},
                                {"capturable", LN_KIND_FLAG, "False", LN_REPR_NEVER},
                                {"foreach", LN_KIND_FLAG, "None", LN_REPR_NEVER},
                                {"maximize", LN_KIND_BOOL, "False", LN_REPR_IF_SET},
                                {"differentiable", LN_KIND_FLAG, "False", LN_REPR_NEVER})},
    .check = check,
    .states = {"square_avg", "momentum_buffer", "grad_avg"},
    .keeps = keeps,
    .counts_steps = true,
    .math = LN_MATHS(ln_rmsprop_math),
};
#endif
