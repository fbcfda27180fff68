/* half.h - the scalar definition of the 16-bit floats: float16 (IEEE binary16) and bfloat16.
 *
 * Widening is exact. Narrowing rounds to nearest, ties to even, keeps subnormals, overflows to
 * infinity and keeps a NaN a NaN (a quiet one, sign and leading payload bits kept). Everything is
 * done on integers, so neither the rounding mode nor flush-to-zero of the caller matters. float64
 * goes to 16 bits by way of ln_f32_to_odd, so that it is rounded once, not twice. The arithmetic of
 * bfloat16 products is not here. */
#ifndef LN_NUMERIC_HALF_H
#define LN_NUMERIC_HALF_H

#include <stdint.h>
#include <string.h>

#include "numeric/bits.h"

static inline float ln_f32_of_bf16(uint16_t half)
{
    return ln_from_bits((uint32_t)half << 16);
}

static inline uint16_t ln_bf16_of_f32(float value)
{
    uint32_t bits = ln_bits(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return (uint16_t)(bits >> 16 | 0x40u);
    }
    /* A carry out of the significand goes into the exponent, which is right up to infinity. */
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static inline float ln_f32_of_f16(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t magnitude = half & 0x7fffu;
    /* A subnormal is a whole number of 2^-24, and float32 holds it as a normal number. */
    uint32_t subnormal = ln_bits((float)(int32_t)magnitude * 0x1p-24f);
    uint32_t normal = (magnitude << 13) + (112u << 23);
    uint32_t special = magnitude << 13 | 0x7f800000u;
    uint32_t bits = magnitude < 0x0400u ? subnormal : magnitude < 0x7c00u ? normal : special;
    return ln_from_bits(sign | bits);
}

static inline uint16_t ln_f16_of_f32(float value)
{
    uint32_t bits = ln_bits(value);
    uint32_t sign = bits >> 16 & 0x8000u;
    uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) {
        return (uint16_t)(sign | 0x7e00u | (magnitude >> 13 & 0x3ffu));
    }
    if (magnitude >= 0x477ff000u) { /* 65520, half-way between the largest and what would follow */
        return (uint16_t)(sign | 0x7c00u);
    }
    if (magnitude >= 0x38800000u) { /* 2^-14, the smallest normal number */
        uint32_t rebiased = magnitude - (112u << 23);
        return (uint16_t)(sign | (rebiased + 0xfffu + (rebiased >> 13 & 1u)) >> 13);
    }
    if (magnitude < 0x33000000u) { /* below 2^-25, half of the smallest subnormal */
        return (uint16_t)sign;
    }
    /* A whole number of 2^-24: shift the significand there and round what falls off. */
    uint32_t shift = 126u - (magnitude >> 23);
    uint32_t significand = (magnitude & 0x7fffffu) | 0x800000u;
    uint32_t half = 1u << (shift - 1);
    uint32_t odd = significand >> shift & 1u;
    return (uint16_t)(sign | (significand + half - 1u + odd) >> shift);
}

/* float64 -> float32, rounded to odd: cut off, and the last bit set where anything was cut.
 * Rounding the result to nearest in a format at least two bits shorter is then the same as rounding
 * `value` itself. Subnormal results follow the same rule; infinity comes only from infinity. */
static inline float ln_f32_to_odd(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = (uint32_t)(bits >> 32) & 0x80000000u;
    uint64_t magnitude = bits & 0x7fffffffffffffffu;
    if (magnitude >= 0x7ff0000000000000u) { /* infinity, or a NaN, of which one bit has to stay */
        uint32_t payload = (uint32_t)(magnitude >> 29 & 0x7fffffu);
        payload |= magnitude > 0x7ff0000000000000u ? 0x400000u : 0u;
        return ln_from_bits(sign | 0x7f800000u | payload);
    }
    if (magnitude >= 0x47f0000000000000u) { /* 2^128 and more */
        return ln_from_bits(sign | 0x7f7fffffu);
    }
    uint32_t sticky = (magnitude & 0x1fffffffu) != 0;
    if (magnitude >= 0x3810000000000000u) { /* 2^-126 and more */
        uint32_t rebiased = (uint32_t)((magnitude - (UINT64_C(896) << 52)) >> 29);
        return ln_from_bits(sign | rebiased | sticky);
    }
    /* Subnormal in float32: a whole number of 2^-149. */
    uint32_t exponent = (uint32_t)(magnitude >> 52);
    uint64_t significand = (magnitude & 0xfffffffffffffu) | (exponent != 0) * 0x10000000000000u;
    uint32_t shift = 926u - (exponent != 0 ? exponent : 1u);
    uint64_t kept = shift < 64 ? significand >> shift : 0;
    uint64_t lost = shift < 64 ? significand & ((UINT64_C(1) << shift) - 1) : significand;
    return ln_from_bits(sign | (uint32_t)kept | (lost != 0));
}

#endif
