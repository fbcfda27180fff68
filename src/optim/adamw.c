/* adamw.c - torch.optim.AdamW: Adam with the weight decay apart from the gradient (adam.c). */
#include "optim/optim.h"

enum { MAXIMIZE = 6 };

static void prepare(const ln_value *values, uint64_t step, float *product, ln_step_scalars *scalars)
{
    (void)product;
    scalars->adam = ln_adam_prepare(values, step, true, values[MAXIMIZE].integer != 0);
}

LN_MATH(ln_optimizer_math, ln_adamw_math) = {.prepare = prepare, .update = ln_adam_update};

#ifdef LN_RECORDS
const ln_optimizer_type ln_adamw_type = {
    .signature = {"AdamW", LN_PARAMETERS({"params", LN_KIND_GIVEN, "None", LN_REPR_NEVER},
                                         {"lr", LN_KIND_FLOAT, "0.001", LN_REPR_ALWAYS},
                                         {"betas", LN_KIND_PAIR, "(0.9, 0.999)", LN_REPR_ALWAYS},
                                         {"eps", LN_KIND_FLOAT, "1e-08", LN_REPR_ALWAYS},
                                         {"weight_decay", LN_KIND_FLOAT, "0.01", LN_REPR_ALWAYS},
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
    .math = LN_MATHS(ln_adamw_math),
};
#endif
