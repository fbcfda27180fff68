/* tiles.h - the tiles in bfloat16 that use VDPBF16PS. */
#ifndef LN_KERNEL_AVX512_BF16_TILES_H
#define LN_KERNEL_AVX512_BF16_TILES_H

#include "kernel/kernel.h"

extern const ln_tiles ln_tiles_avx512_bf16;

#endif
