/* lbfgs.h - where the options of LBFGS stand among its values. */
#ifndef LN_OPTIM_LBFGS_H
#define LN_OPTIM_LBFGS_H

#include "optim/optim.h"

enum {
    LN_LBFGS_PARAMS,
    LN_LBFGS_LR,
    LN_LBFGS_MAX_ITER,
    LN_LBFGS_MAX_EVAL, /* None: max_iter * 5 / 4 */
    LN_LBFGS_TOLERANCE_GRAD,
    LN_LBFGS_TOLERANCE_CHANGE,
    LN_LBFGS_HISTORY_SIZE,
    LN_LBFGS_LINE_SEARCH /* 1: strong_wolfe */
};

extern const ln_optimizer_type ln_lbfgs_type;

/* Its steps are the trainer's: it has no function that updates a stretch of weights. */
static inline bool ln_is_lbfgs(const ln_optimizer *optimizer)
{
    return ln_optimizer_type_of(optimizer) == &ln_lbfgs_type;
}

#endif
