/* optimizer.h - an optimizer's record, as optim.c makes it and step.c steps it. */
#ifndef LN_OPTIM_OPTIMIZER_H
#define LN_OPTIM_OPTIMIZER_H

#include "optim/optim.h"

/* Laid out alike in both compilations of the engine, up to the scalars, which either has for
 * itself: the memory has room for those in double. */
struct ln_optimizer {
    const ln_optimizer_type *type;
    linnet_dtype dtype; /* of weights and states */
    ln_value values[LN_MAX_PARAMETERS];
    uint64_t step;
    float product;
    bool *exempt;            /* the second group's parameters; NULL: there is one group */
    int states;              /* kept */
    int kept[LN_MAX_STATES]; /* which of the type's each of them is */
    size_t count;
    size_t *sizes;
    void **state; /* states for each parameter, in memory */
    void *memory;
    size_t bytes;
    _Alignas(double) ln_step_scalars scalars[2]; /* of this step, in each group */
};

#define LN_OPTIMIZER_SIZE (sizeof(ln_optimizer) + 2 * sizeof(ln_step_scalars))

#endif
