/* system.c - failures of the system as errors that name a file. */
#include "os/system.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

linnet_status ln_fail_system(linnet_error *error, const char *path, const char *what, int number)
{
    char reason[256];
    if (strerror_r(number, reason, sizeof reason) != 0) {
        snprintf(reason, sizeof reason, "error %d", number);
    }
    return ln_fail_at(error, LINNET_ERROR_IO, path, "%s: %s", what, reason);
}

linnet_status ln_fail_memory_at(linnet_error *error, const char *path, size_t size,
                                const char *what)
{
    linnet_status status = ln_fail_memory(error, size, what);
    ln_error_set_place(error, path);
    return status;
}
