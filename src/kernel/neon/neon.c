/* neon.c - the kernel set for aarch64: 6 x 16 tiles, 24 accumulators of 32 registers. */
#include <arm_neon.h>
#include <stdbool.h>

#define VECTOR float32x4_t
#define LANES 4
#define V_ZERO() vdupq_n_f32(0.0f)
#define V_LOAD(p) vld1q_f32(p)
#define V_STORE(p, v) vst1q_f32(p, v)
#define V_BROADCAST(x) vdupq_n_f32(x)
#define V_ADD(a, b) vaddq_f32(a, b)
#define V_FMA(a, b, c) vfmaq_f32(c, a, b)
#define TILE_ROWS 6
#define TILE_VECTORS 4
#define TILE_PREFETCH 1

#define SET_RECORD ln_kernels_neon
#define SET_NAME "neon"

/* Every aarch64 processor has it. */
static bool supported(void)
{
    return true;
}

#include "kernel/set.c.inc"
