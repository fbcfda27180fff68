/* real.h - the type that the engine computes in: float, and double in its second compilation.
 *
 * Kernel sets, products, plans, and what modules, losses and optimizers compute are written once,
 * in ln_real, and compiled twice, the second time under LN_FLOAT64. In that compilation what is
 * visible to other files has a name of its own: the header that declares it says so under
 * LN_FLOAT64, and the linker finds what was forgotten. */
#ifndef LN_NUMERIC_REAL_H
#define LN_NUMERIC_REAL_H

#include <math.h>

#include "linnet.h"

#ifdef LN_FLOAT64
typedef double ln_real;
#define LN_REAL_DTYPE LINNET_FLOAT64
#define LN_REAL_EPSILON 0x1p-52    /* from 1 to the next larger number */
#define LN_REAL_SMALLEST 0x1p-1022 /* the smallest normal number */
#define LN_REAL_KIND f64
#define ln_fma fma
#define ln_sqrt sqrt
#define ln_fabs fabs
#define ln_copysign copysign
#else
typedef float ln_real;
#define LN_REAL_DTYPE LINNET_FLOAT32
#define LN_REAL_EPSILON 0x1p-23f
#define LN_REAL_SMALLEST 0x1p-126f
#define LN_REAL_KIND f32
#define ln_fma fmaf
#define ln_sqrt sqrtf
#define ln_fabs fabsf
#define ln_copysign copysignf
/* Of a file that is compiled twice: what stands there once. */
#define LN_RECORDS 1
#endif

/* A constant that float does not hold exactly: rounded once. */
#define LN_REAL(constant) ((ln_real)(constant))

/* NAME_f32 or NAME_f64. */
#define LN_REAL_NAME(name) LN_REAL_JOIN(name, LN_REAL_KIND)
#define LN_REAL_JOIN(name, kind) LN_REAL_PASTE(name, kind)
#define LN_REAL_PASTE(name, kind) name##_##kind

/* A record of functions in ln_real, of which each compilation has its own:
 *
 *     LN_MATH(ln_module_math, ln_relu_math) = {.forward = forward, .backward = backward};
 *
 * LN_MATHS(ln_relu_math) in another record, under LN_RECORDS, points to both; LN_MATH_OF(record) is
 * this compilation's. */
#define LN_MATH_DECLARE(type, name)                                                                \
    extern const struct type##_f32 name##_f32;                                                     \
    extern const struct type##_f64 name##_f64
#define LN_MATH(type, name)                                                                        \
    LN_MATH_DECLARE(type, name);                                                                   \
    const struct LN_REAL_NAME(type) LN_REAL_NAME(name)
#define LN_MATHS(name)                                                                             \
    {                                                                                              \
        &name##_f32, &name##_f64                                                                   \
    }
#define LN_MATH_FIELD(type)                                                                        \
    struct {                                                                                       \
        const struct type##_f32 *f32;                                                              \
        const struct type##_f64 *f64;                                                              \
    } math
#define LN_MATH_OF(record) ((record)->math.LN_REAL_KIND)

#endif
