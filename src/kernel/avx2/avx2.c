/* avx2.c - the kernel set for AVX2 and FMA: 6 x 16 tiles, in double 6 x 8, 12 accumulators of 16
 * registers. */
#include <immintrin.h>

#include "kernel/cpu.h"

#ifdef LN_FLOAT64
#define VECTOR __m256d
#define LANES 4
#define V_ZERO() _mm256_setzero_pd()
#define V_LOAD(p) _mm256_loadu_pd(p)
#define V_STORE(p, v) _mm256_storeu_pd(p, v)
#define V_BROADCAST(x) _mm256_set1_pd(x)
#define V_ADD(a, b) _mm256_add_pd(a, b)
#define V_FMA(a, b, c) _mm256_fmadd_pd(a, b, c)
#else
#define VECTOR __m256
#define LANES 8
#define V_ZERO() _mm256_setzero_ps()
#define V_LOAD(p) _mm256_loadu_ps(p)
#define V_STORE(p, v) _mm256_storeu_ps(p, v)
#define V_BROADCAST(x) _mm256_set1_ps(x)
#define V_ADD(a, b) _mm256_add_ps(a, b)
#define V_FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#endif
#define W_MULTIPLY(a, b) _mm256_mul_epu32((__m256i)(a), (__m256i)(b))
#define TILE_ROWS 6
#define TILE_VECTORS 2
#define TILE_PREFETCH 1

#define SET_RECORD ln_kernels_avx2
#define SET_NAME "avx2"
#define SET_SUPPORTED ln_cpu_has_avx2

#ifndef LN_FLOAT64
#include "kernel/flush.h"
#endif
#include "kernel/set.c.inc"
