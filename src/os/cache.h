/* cache.h - what the processor's caches hold. */
#ifndef LN_OS_CACHE_H
#define LN_OS_CACHE_H

#include <stddef.h>

/* Bytes of a core's second-level cache; 1 MiB where the system does not say. */
size_t ln_second_cache(void);

#endif
