/* checked.h - arithmetic on sizes that cannot wrap.
 *
 * Every product of sizes that come from a file, a user or a shape goes through here. */
#ifndef LN_BASE_CHECKED_H
#define LN_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* a * b and a + b; false, and *result untouched, where they do not fit. */
static inline bool ln_mul_size(size_t a, size_t b, size_t *result)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product)) {
        return false;
    }
    *result = product;
    return true;
}

static inline bool ln_add_size(size_t a, size_t b, size_t *result)
{
    size_t sum;
    if (__builtin_add_overflow(a, b, &sum)) {
        return false;
    }
    *result = sum;
    return true;
}

/* a * b for signed, non-negative dimensions. */
static inline bool ln_mul_i64(int64_t a, int64_t b, int64_t *result)
{
    int64_t product;
    if (__builtin_mul_overflow(a, b, &product)) {
        return false;
    }
    *result = product;
    return true;
}

/* a * b, or SIZE_MAX where it does not fit: no allocation of SIZE_MAX succeeds, so the failure
 * shows where the memory is asked for. */
static inline size_t ln_saturated_mul(size_t a, size_t b)
{
    size_t product;
    return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}

static inline size_t ln_saturated_add(size_t a, size_t b)
{
    size_t sum;
    return __builtin_add_overflow(a, b, &sum) ? SIZE_MAX : sum;
}

static inline size_t ln_min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t ln_ceil_div(size_t a, size_t b)
{
    return a / b + (a % b != 0);
}

#endif
