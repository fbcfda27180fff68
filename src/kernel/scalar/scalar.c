/* scalar.c - the kernel set that runs anywhere: one element at a time, fma of the C library.
 *
 * It is the same text as every other set with vectors of one lane, and the slowest; tests hold all
 * sets against the plain definition in src/numeric/sums.h. */
#include <math.h>
#include <stdbool.h>

#define VECTOR ln_real
#define LANES 1
#define V_ZERO() 0
#define V_LOAD(p) (*(p))
#define V_STORE(p, v) (*(p) = (v))
#define V_BROADCAST(x) (x)
#define V_ADD(a, b) ((a) + (b))
#define V_FMA(a, b, c) ln_fma(a, b, c)
#define V_FMA_FLUSH(a, b, c) ln_bf16_fma(a, b, c)
/* Where fma is a call, all time goes into it: two rows are as fast as four, and a third of the code. */
#ifdef FP_FAST_FMAF
#define TILE_ROWS 4
#else
#define TILE_ROWS 2
#endif
#define TILE_VECTORS 4
#define TILE_PREFETCH 0

#define SET_RECORD ln_kernels_scalar
#define SET_NAME "scalar"
#define SET_SUPPORTED supported

static bool supported(void)
{
    return true;
}

#include "kernel/set.c.inc"
