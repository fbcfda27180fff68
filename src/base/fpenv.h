/* fpenv.h - the floating-point environment that the numeric contract needs.
 *
 * Round to nearest even, no flush-to-zero, no denormals-are-zero, exceptions masked: set on entry
 * to every public function that computes and on every worker, restored on the way out. A host that
 * was built with -ffast-math sets FTZ and DAZ in its start-up code; it must not change results. */
#ifndef LN_BASE_FPENV_H
#define LN_BASE_FPENV_H

#include <stdint.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
typedef unsigned int ln_fpenv;
static inline ln_fpenv ln_fpenv_enter(void)
{
    ln_fpenv saved = _mm_getcsr();
    if ((saved & ~0x3fu) != 0x1f80u) {
        _mm_setcsr(0x1f80u);
    }
    return saved;
}
static inline void ln_fpenv_leave(ln_fpenv saved)
{
    if ((saved & ~0x3fu) != 0x1f80u) {
        _mm_setcsr(saved);
    }
}
#elif defined(__aarch64__)
typedef uint64_t ln_fpenv;
static inline ln_fpenv ln_fpenv_enter(void)
{
    ln_fpenv saved;
    __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
    if (saved != 0) {
        __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)0));
    }
    return saved;
}
static inline void ln_fpenv_leave(ln_fpenv saved)
{
    if (saved != 0) {
        __asm__ volatile("msr fpcr, %0" : : "r"(saved));
    }
}
#else
#error "fpenv.h: no floating-point environment for this architecture yet"
#endif

#endif
