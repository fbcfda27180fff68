/* bits.h - a float32 as its 32 bits, a float64 as its 64, and back. */
#ifndef LN_NUMERIC_BITS_H
#define LN_NUMERIC_BITS_H

#include <stdint.h>
#include <string.h>

static inline uint32_t ln_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float ln_from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint64_t ln_bits64(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double ln_from_bits64(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

#endif
