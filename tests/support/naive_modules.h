/* naive_modules.h - forward and backward of modules by the definition, for naive.c. */
#ifndef LN_TESTS_NAIVE_MODULES_H
#define LN_TESTS_NAIVE_MODULES_H

#include "nn/nn.h"

/* One module in a run of a whole batch. */
typedef struct naive_module {
    const ln_module *module;
    ln_shape shape; /* of the input, batch dimension first */
    bool training;
    ln_philox_key key;
    const float *x;
    float *y;
    const float *dy;
    float *dx;
    float *gradients[LN_MAX_WEIGHTS]; /* of its weights */
} naive_module;

/* Fills y; false where the module is none of those here. */
bool naive_module_forward(const naive_module *m);
/* Fills dx and the gradients, with y as forward left it; false likewise. */
bool naive_module_backward(const naive_module *m);

#endif
