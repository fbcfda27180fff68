/* avx512_bf16.c - the tiles in bfloat16 for AVX-512 with BF16: VDPBF16PS, which is rule 5's step as
 * it stands. The rest of the set is avx512's. */
#include "kernel/avx512/vectors.h"
#include "kernel/avx512_bf16/tiles.h"

#define WORDS __m512i
#define W_LOAD(p) _mm512_loadu_si512(p)
#define W_BROADCAST(x) _mm512_set1_epi32((int32_t)(x))
#define V_DOT(a, b, c) _mm512_dpbf16_ps(c, (__m512bh)(a), (__m512bh)(b))

#include "kernel/tile.c.inc"
#include "kernel/tile_bf16.c.inc"

const ln_tiles ln_tiles_avx512_bf16 = {bf16_forward, bf16_input_gradient, bf16_weight_gradient,
                                       NULL};
