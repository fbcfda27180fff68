/* vectors.h - AVX-512's vectors and tile: 14 x 32, 28 accumulators of 32 registers (tile.c.inc). */
#ifndef LN_KERNEL_AVX512_VECTORS_H
#define LN_KERNEL_AVX512_VECTORS_H

#include <immintrin.h>

#define VECTOR __m512
#define LANES 16
#define V_ZERO() _mm512_setzero_ps()
#define V_LOAD(p) _mm512_loadu_ps(p)
#define V_STORE(p, v) _mm512_storeu_ps(p, v)
#define V_BROADCAST(x) _mm512_set1_ps(x)
#define V_ADD(a, b) _mm512_add_ps(a, b)
#define V_FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define TILE_ROWS 14
#define TILE_VECTORS 2
#define TILE_PREFETCH 1

#endif
