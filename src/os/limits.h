/* limits.h - what memory there is to be had. */
#ifndef LN_OS_LIMITS_H
#define LN_OS_LIMITS_H

#include <stddef.h>

/* The bytes that this process may come to use: the machine's memory, or less where limits (ulimit
 * -v, ulimit -d, a control group's) say so. */
size_t ln_memory_limit(void);

#endif
