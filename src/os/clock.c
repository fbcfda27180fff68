/* clock.c - time that passes, from the system's monotonic clock. */
#include "os/clock.h"

#include <time.h>

double ln_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
