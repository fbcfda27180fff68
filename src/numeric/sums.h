/* sums.h - the definition of every product sum: rules 1 and 2 of docs/numerics.md, as short as they
 * can be said.
 *
 * Slow, and never deleted: every kernel set must return exactly these bits. Strides count floats.
 */
#ifndef LN_NUMERIC_SUMS_H
#define LN_NUMERIC_SUMS_H

#include <stddef.h>

#include "numeric/real.h"

/* Rule 1: y = bias; block by block of 256, y = y + (s = fma(a, b, s) from s = 0, in order). */
static inline ln_real ln_sum_features(size_t n, const ln_real *a, size_t a_stride, const ln_real *b,
                                      size_t b_stride, ln_real bias)
{
    ln_real y = bias;
    for (size_t block = 0; block < n; block += 256) {
        ln_real s = 0;
        for (size_t i = block; i < n && i < block + 256; i++) {
            s = ln_fma(a[i * a_stride], b[i * b_stride], s);
        }
        y = y + s;
    }
    return y;
}

/* Rule 2: leaves of 64 rows, each an fma chain from 0; then neighbours are added, and the results'
 * neighbours, until one is left; a last one without a neighbour moves up as it is. That is: split
 * at the largest power of two below the number of leaves. 0 for no rows. */
static inline ln_real ln_sum_batch(size_t n, const ln_real *a, size_t a_stride, const ln_real *b,
                                   size_t b_stride)
{
    if (n <= 64) {
        ln_real s = 0;
        for (size_t i = 0; i < n; i++) {
            s = ln_fma(a[i * a_stride], b[i * b_stride], s);
        }
        return s;
    }
    size_t left = 64;
    while (left * 2 < n) {
        left *= 2;
    }
    return ln_sum_batch(left, a, a_stride, b, b_stride) +
           ln_sum_batch(n - left, a + left * a_stride, a_stride, b + left * b_stride, b_stride);
}

#endif
