/* neon.c - the kernel set for aarch64: 6 x 16 tiles, in double 6 x 8, 24 accumulators of 32
 * registers. */
#include <arm_neon.h>
#include <stdbool.h>

#include "numeric/bf16.h"

#define TILE_ROWS 6
#define TILE_VECTORS 4
#define TILE_PREFETCH 1

#ifdef LN_FLOAT64
#define VECTOR float64x2_t
#define LANES 2
#define V_ZERO() vdupq_n_f64(0.0)
#define V_LOAD(p) vld1q_f64(p)
#define V_STORE(p, v) vst1q_f64(p, v)
#define V_BROADCAST(x) vdupq_n_f64(x)
#define V_ADD(a, b) vaddq_f64(a, b)
#define V_FMA(a, b, c) vfmaq_f64(c, a, b)
#else
#define VECTOR float32x4_t
#define LANES 4
#define V_ZERO() vdupq_n_f32(0.0f)
#define V_LOAD(p) vld1q_f32(p)
#define V_STORE(p, v) vst1q_f32(p, v)
#define V_BROADCAST(x) vdupq_n_f32(x)
#define V_ADD(a, b) vaddq_f32(a, b)
#define V_FMA(a, b, c) vfmaq_f32(c, a, b)
#define V_FMA_FLUSH(a, b, c) fma_flush(a, b, c)

/* Flush-to-zero would do, but it decides before rounding. Results so small are rare: one by one. */
static inline float32x4_t fma_flush(float32x4_t a, float32x4_t b, float32x4_t c)
{
    float32x4_t sum = vfmaq_f32(c, a, b);
    uint32x4_t small =
        vandq_u32(vcaleq_f32(sum, vdupq_n_f32(LN_SMALLEST_NORMAL)), vmvnq_u32(vceqzq_f32(sum)));
    if (vmaxvq_u32(small) != 0) {
        float x[4], y[4], s[4];
        vst1q_f32(x, a);
        vst1q_f32(y, b);
        vst1q_f32(s, c);
        for (int l = 0; l < 4; l++) {
            s[l] = ln_bf16_fma(x[l], y[l], s[l]);
        }
        sum = vld1q_f32(s);
    }
    return sum;
}
#endif

#define SET_RECORD ln_kernels_neon
#define SET_NAME "neon"
#define SET_SUPPORTED supported

/* Every aarch64 processor has it. */
static bool supported(void)
{
    return true;
}

#include "kernel/set.c.inc"
