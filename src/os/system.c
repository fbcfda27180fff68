/* system.c - an errno as an error. */
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
