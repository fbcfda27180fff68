/* cpu.c - CPUID and XCR0. A set is used only where the processor has its instructions *and* the
 * operating system has said that it saves their registers. */
#include "kernel/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdint.h>

/* CPUID leaf 1 ECX, leaf 7 EBX, and the state components in XCR0. */
#define LEAF1_FMA (1u << 12)
#define LEAF1_OSXSAVE (1u << 27)
#define LEAF1_AVX (1u << 28)
#define LEAF7_AVX2 (1u << 5)
#define LEAF7_AVX512 (1u << 16 | 1u << 17 | 1u << 30 | 1u << 31) /* F, DQ, BW, VL */
#define LEAF7_1_BF16 (1u << 5)                                   /* EAX of subleaf 1 */
#define XCR0_AVX 0x6u
#define XCR0_AVX512 0xe6u

static bool has(uint32_t leaf7, uint32_t state)
{
    uint32_t a, b, c, d;
    const uint32_t leaf1 = LEAF1_FMA | LEAF1_OSXSAVE | LEAF1_AVX;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & leaf1) != leaf1) {
        return false;
    }
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low & state) != state) {
        return false;
    }
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & leaf7) == leaf7;
}

bool ln_cpu_has_avx2(void)
{
    return has(LEAF7_AVX2, XCR0_AVX);
}

bool ln_cpu_has_avx512(void)
{
    return has(LEAF7_AVX2 | LEAF7_AVX512, XCR0_AVX512);
}

bool ln_cpu_has_avx512_bf16(void)
{
    uint32_t a, b, c, d;
    return ln_cpu_has_avx512() && __get_cpuid_count(7, 1, &a, &b, &c, &d) &&
           (a & LEAF7_1_BF16) != 0;
}
#endif
