/* cpu.h - what this x86-64 processor can do and the operating system saves on a switch (XCR0). */
#ifndef LN_KERNEL_CPU_H
#define LN_KERNEL_CPU_H

#include <stdbool.h>

bool ln_cpu_has_avx2(void); /* AVX2 and FMA */
bool ln_cpu_has_avx512(void);
bool ln_cpu_has_avx512_bf16(void); /* F, BW, DQ, VL, and all of AVX2's */

#endif
