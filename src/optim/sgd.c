/* sgd.c - torch.optim.SGD.
 *
 *     d = g + weight_decay * w                      (-g where it maximizes)
 *     b = d in the first step, else momentum * b + (1 - dampening) * d
 *     w = w - lr * (nesterov ? d + momentum * b : b)
 *
 * Without momentum b is d. The defaults are those of PyTorch 2. */
#include "base/error.h"
#include "optim/optim.h"

enum { PARAMS, LR, MOMENTUM, DAMPENING, WEIGHT_DECAY, NESTEROV, MAXIMIZE };

#ifdef LN_RECORDS
static linnet_status check(const ln_value *values, linnet_error *error)
{
    static const ln_floor floors[] = {{LR, "learning rate"},
                                      {MOMENTUM, "momentum value"},
                                      {WEIGHT_DECAY, "weight_decay value"},
                                      {0, NULL}};
    linnet_status status = ln_check_floors(values, floors, error);
    bool usable = values[MOMENTUM].number[0] > 0 && values[DAMPENING].number[0] == 0;
    if (status == LINNET_OK && values[NESTEROV].integer != 0 && !usable) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "Nesterov momentum requires a momentum and zero dampening");
    }
    return status;
}

static bool keeps(const ln_value *values, int state)
{
    (void)state;
    return values[MOMENTUM].number[0] != 0;
}
#endif

static void prepare(const ln_value *values, uint64_t step, float *product, ln_step_scalars *scalars)
{
    (void)product;
    scalars->sgd = (ln_sgd_step){.lr = (ln_real)values[LR].number[0],
                                 .momentum = (ln_real)values[MOMENTUM].number[0],
                                 .one_minus_dampening = (ln_real)(1 - values[DAMPENING].number[0]),
                                 .weight_decay = (ln_real)values[WEIGHT_DECAY].number[0],
                                 .nesterov = values[NESTEROV].integer != 0,
                                 .first = step == 1,
                                 .sign = values[MAXIMIZE].integer != 0 ? -1.0f : 1.0f};
}

static void update(const ln_update *u)
{
    u->kernels->sgd(u->count, &u->scalars->sgd, u->gradient, u->state[0], u->weight);
}

LN_MATH(ln_optimizer_math, ln_sgd_math) = {.prepare = prepare, .update = update};

#ifdef LN_RECORDS
const ln_optimizer_type ln_sgd_type = {
    .signature = {"SGD", LN_PARAMETERS({"params", LN_KIND_GIVEN, "None", LN_REPR_NEVER},
                                       {"lr", LN_KIND_FLOAT, "0.001", LN_REPR_ALWAYS},
                                       {"momentum", LN_KIND_FLOAT, "0", LN_REPR_ALWAYS},
                                       {"dampening", LN_KIND_FLOAT, "0", LN_REPR_ALWAYS},
                                       {"weight_decay", LN_KIND_FLOAT, "0", LN_REPR_ALWAYS},
                                       {"nesterov", LN_KIND_BOOL, "False", LN_REPR_ALWAYS},
                                       {"maximize", LN_KIND_BOOL, "False", LN_REPR_IF_SET},
                                       {"foreach", LN_KIND_FLAG, "None", LN_REPR_NEVER},
                                       {"differentiable", LN_KIND_FLAG, "False", LN_REPR_NEVER},
                                       {"fused", LN_KIND_FLAG, "None", LN_REPR_NEVER})},
    .check = check,
    .states = {"momentum_buffer"},
    .keeps = keeps,
    .math = LN_MATHS(ln_sgd_math),
};
#endif
