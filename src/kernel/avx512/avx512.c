/* avx512.c - the kernel sets for AVX-512 (F, BW, DQ, VL): avx512, and avx512_bf16, which is the
 * same but for the tiles in bfloat16 (avx512_bf16/). */
#include "kernel/avx512/vectors.h"
#include "kernel/avx512_bf16/tiles.h"
#include "kernel/cpu.h"
#include "kernel/flush.h"

#define W_MULTIPLY(a, b) _mm512_mul_epu32((__m512i)(a), (__m512i)(b))

#define SET_RECORD ln_kernels_avx512
#define SET_NAME "avx512"
#define SET_SUPPORTED ln_cpu_has_avx512
#include "kernel/set.c.inc"

#define SET_RECORD ln_kernels_avx512_bf16
#define SET_NAME "avx512_bf16"
#define SET_SUPPORTED ln_cpu_has_avx512_bf16
#define SET_BF16 ln_tiles_avx512_bf16
#include "kernel/record.c.inc"
