/* cache.c - asks the C library, which asks the processor or the system.
 *
 * Slow on virtual machines, where the question traps: ask once, when a plan is made. */
#include "os/cache.h"

#include <unistd.h>

#define USUAL ((size_t)1 << 20)

size_t ln_second_cache(void)
{
#ifdef _SC_LEVEL2_CACHE_SIZE
    long size = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return size > 0 ? (size_t)size : USUAL;
#else
    return USUAL;
#endif
}
