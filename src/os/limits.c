/* limits.c - asks the system for the limits of memory. */
#include "os/limits.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/checked.h"

static size_t resource_limit(int resource)
{
    struct rlimit limit;
    bool limited = getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return limited ? (size_t)limit.rlim_cur : SIZE_MAX;
}

/* The root of the control groups is that of the container, where there is one. */
static size_t group_limit(void)
{
    unsigned long long bytes = 0;
    FILE *file = fopen("/sys/fs/cgroup/memory.max", "re");
    if (file == NULL) {
        return SIZE_MAX;
    }
    bool limited = fscanf(file, "%llu", &bytes) == 1; /* "max" is none */
    fclose(file);
    return limited ? (size_t)bytes : SIZE_MAX;
}

size_t ln_memory_limit(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    size_t limit = pages > 0 && page > 0 ? ln_saturated_mul((size_t)pages, (size_t)page) : SIZE_MAX;
    limit = ln_min_size(limit, resource_limit(RLIMIT_AS));
    limit = ln_min_size(limit, resource_limit(RLIMIT_DATA));
    return ln_min_size(limit, group_limit());
}
