/* step.c - the steps of an optimizer: the scalars of each, and the update of a stretch of weights.
 * */
#include "optim/optimizer.h"

void ln_optimizer_step(ln_optimizer *optimizer)
{
    const ln_optimizer_math *math = LN_MATH_OF(optimizer->type);
    optimizer->step++;
    if (optimizer->exempt != NULL) {
        ln_value *decay = ln_optimizer_value(optimizer, "weight_decay"), kept = *decay;
        float product = optimizer->product;
        decay->number[0] = 0;
        math->prepare(optimizer->values, optimizer->step, &product, &optimizer->scalars[1]);
        *decay = kept;
    }
    math->prepare(optimizer->values, optimizer->step, &optimizer->product, &optimizer->scalars[0]);
}

void ln_optimizer_update(const ln_optimizer *optimizer, const ln_kernels *kernels, size_t parameter,
                         size_t first, size_t count, const ln_real *gradient, ln_real *weight)
{
    ln_update update = {.kernels = kernels,
                        .scalars = &optimizer->scalars[ln_optimizer_group_of(optimizer, parameter)],
                        .count = count,
                        .gradient = gradient,
                        .weight = weight};
    for (int i = 0; i < optimizer->states; i++) {
        update.state[optimizer->kept[i]] =
            (ln_real *)ln_optimizer_state(optimizer, parameter, i) + first;
    }
    LN_MATH_OF(optimizer->type)->update(&update);
}
