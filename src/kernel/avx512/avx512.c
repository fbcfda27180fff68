/* avx512.c - the kernel set for AVX-512 (F, BW, DQ, VL): 14 x 32 tiles, 28 accumulators of 32
 * registers. */
#include <immintrin.h>

#include "kernel/cpu.h"

#define VECTOR __m512
#define LANES 16
#define V_ZERO() _mm512_setzero_ps()
#define V_LOAD(p) _mm512_loadu_ps(p)
#define V_STORE(p, v) _mm512_storeu_ps(p, v)
#define V_BROADCAST(x) _mm512_set1_ps(x)
#define V_ADD(a, b) _mm512_add_ps(a, b)
#define V_FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define W_MULTIPLY(a, b) _mm512_mul_epu32((__m512i)(a), (__m512i)(b))
#define TILE_ROWS 14
#define TILE_VECTORS 2
#define TILE_PREFETCH 1

#define SET_RECORD ln_kernels_avx512
#define SET_NAME "avx512"

static bool supported(void)
{
    return ln_cpu_has_avx512();
}

#include "kernel/flush.h"
#include "kernel/set.c.inc"
