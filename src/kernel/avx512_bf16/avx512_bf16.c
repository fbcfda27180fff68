/* avx512_bf16.c - the kernel set for AVX-512 with BF16: as avx512, and VDPBF16PS for products in
 * bfloat16. */
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
#define WORDS __m512i
#define W_LOAD(p) _mm512_loadu_si512(p)
#define W_BROADCAST(x) _mm512_set1_epi32((int32_t)(x))
#define V_DOT(a, b, c) _mm512_dpbf16_ps(c, (__m512bh)(a), (__m512bh)(b))
#define W_MULTIPLY(a, b) _mm512_mul_epu32((__m512i)(a), (__m512i)(b))
#define TILE_ROWS 14
#define TILE_VECTORS 2
#define TILE_PREFETCH 1

#define SET_RECORD ln_kernels_avx512_bf16
#define SET_NAME "avx512_bf16"

static bool supported(void)
{
    return ln_cpu_has_avx512_bf16();
}

#include "kernel/set.c.inc"
