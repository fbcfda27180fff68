/* dropout.h - the two numbers that a probability turns into, shared by modules and functions. */
#ifndef LN_NN_DROPOUT_H
#define LN_NN_DROPOUT_H

#include <math.h>
#include <stdint.h>

#include "numeric/real.h"

/* An element is kept where the upper 24 bits of its word are at least this: p = 0 keeps all, p = 1
 * none. */
static inline uint32_t ln_dropout_threshold(double p)
{
    return (uint32_t)llrint(p * 0x1p24);
}

/* What kept elements are multiplied by; 0 for p = 1, where there are none. */
static inline ln_real ln_dropout_scale(double p)
{
    return p < 1 ? (ln_real)(1 / (1 - p)) : 0;
}

#endif
