/* select.c - which kernel set runs: the best that processor and system support, or LINNET_ISA's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "kernel/kernel.h"

/* "scalar, avx2" */
static void list_supported(char *text, size_t size)
{
    const ln_kernels *set;
    size_t used = 0;
    for (size_t i = 0; (set = ln_kernels_at(i)) != NULL && used < size; i++) {
        if (set->supported()) {
            int added = snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", set->name);
            used += added > 0 ? (size_t)added : 0;
        }
    }
}

linnet_status ln_kernels_choose(size_t *index, linnet_error *error)
{
    const char *wanted = getenv("LINNET_ISA");
    const ln_kernels *set;
    bool found = false;
    *index = 0;
    for (size_t i = 0; (set = ln_kernels_at(i)) != NULL; i++) {
        bool named = wanted == NULL || *wanted == '\0' || strcmp(wanted, set->name) == 0;
        if (named && set->supported()) {
            *index = i;
            found = true;
        }
    }
    if (!found) {
        char supported[128];
        list_supported(supported, sizeof supported);
        return ln_fail_at(error, LINNET_ERROR_ARGUMENT, "LINNET_ISA",
                          "expected a kernel set that this machine runs (%s), found '%s'",
                          supported, wanted);
    }
    return LINNET_OK;
}
