/* select.c - which kernel set runs: the best that processor and system support, or LINNET_ISA's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "kernel/kernel.h"

#define LN_SET(name) extern const ln_kernels ln_kernels_##name;
#include "kernel/sets.def"
#undef LN_SET

static const ln_kernels *const sets[] = {
#define LN_SET(name) &ln_kernels_##name,
#include "kernel/sets.def"
#undef LN_SET
};

#define SET_COUNT (sizeof sets / sizeof *sets)

const ln_kernels *ln_kernels_at(size_t i)
{
    return i < SET_COUNT ? sets[i] : NULL;
}

/* "scalar, avx2" */
static void list_supported(char *text, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < SET_COUNT && used < size; i++) {
        if (sets[i]->supported()) {
            int added =
                snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", sets[i]->name);
            used += added > 0 ? (size_t)added : 0;
        }
    }
}

linnet_status ln_kernels_select(const ln_kernels **kernels, linnet_error *error)
{
    const char *wanted = getenv("LINNET_ISA");
    *kernels = NULL;
    for (size_t i = 0; i < SET_COUNT; i++) {
        bool named = wanted == NULL || *wanted == '\0' || strcmp(wanted, sets[i]->name) == 0;
        if (named && sets[i]->supported()) {
            *kernels = sets[i];
        }
    }
    if (*kernels == NULL) {
        char supported[128];
        list_supported(supported, sizeof supported);
        return ln_fail_at(error, LINNET_ERROR_ARGUMENT, "LINNET_ISA",
                          "expected a kernel set that this machine runs (%s), found '%s'",
                          supported, wanted);
    }
    return LINNET_OK;
}
