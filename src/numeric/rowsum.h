/* rowsum.h - the fixed tree of rule 3: 16 partial sums become one. */
#ifndef LN_NUMERIC_ROWSUM_H
#define LN_NUMERIC_ROWSUM_H

#include "numeric/real.h"

/* Halves fold onto each other: distance 8, 4, 2, 1. */
static inline ln_real ln_tree16(const ln_real part[16])
{
    ln_real eight[8], four[4];
    for (int l = 0; l < 8; l++) {
        eight[l] = part[l] + part[l + 8];
    }
    for (int l = 0; l < 4; l++) {
        four[l] = eight[l] + eight[l + 4];
    }
    return (four[0] + four[2]) + (four[1] + four[3]);
}

#endif
