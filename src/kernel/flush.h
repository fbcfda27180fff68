/* flush.h - products in bfloat16 on x86 without the instruction for them: rule 5's fma is the
 * ordinary one in the mode in which the processor takes subnormals for zero, which it decides after
 * rounding as the rule does. */
#ifndef LN_KERNEL_FLUSH_H
#define LN_KERNEL_FLUSH_H

#include <immintrin.h>

#define FLUSH_BY_MODE
#define V_FMA_FLUSH(a, b, c) V_FMA(a, b, c)

/* MXCSR: flush to zero, and denormals are zero. */
#define FLUSH_BITS 0x8040u

static inline unsigned flush_begin(void)
{
    unsigned saved = _mm_getcsr();
    _mm_setcsr(saved | FLUSH_BITS);
    return saved;
}

static inline void flush_end(unsigned saved)
{
    _mm_setcsr(saved);
}

#endif
