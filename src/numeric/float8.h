/* float8.h - the values of the 8-bit floats of the OCP specification: E4M3 (without infinities, its
 * largest exponent holds numbers too; PyTorch's float8_e4m3fn) and E5M2.
 *
 * Widening alone, which is exact; nothing here rounds to 8 bits. */
#ifndef LN_NUMERIC_FLOAT8_H
#define LN_NUMERIC_FLOAT8_H

#include "numeric/half.h"

/* 1 sign, 4 exponent bits of bias 7, 3 bits of fraction; all ones are NaN. */
static inline float ln_f32_of_e4m3(uint8_t value)
{
    uint32_t sign = (uint32_t)(value & 0x80u) << 24;
    uint32_t magnitude = value & 0x7fu;
    /* A subnormal is a whole number of 2^-9, and float32 holds it as a normal number. */
    uint32_t subnormal = ln_bits((float)(int32_t)magnitude * 0x1p-9f);
    uint32_t normal = (magnitude << 20) + (120u << 23);
    uint32_t bits = magnitude < 0x08u ? subnormal : magnitude < 0x7fu ? normal : 0x7fc00000u;
    return ln_from_bits(sign | bits);
}

/* The upper half of a float16. */
static inline float ln_f32_of_e5m2(uint8_t value)
{
    return ln_f32_of_f16((uint16_t)(value << 8));
}

#endif
