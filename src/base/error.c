/* error.c - filling a linnet_error; the names of the status codes. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static linnet_status fill(linnet_error *error, linnet_status status, const char *place,
                          const char *format, va_list arguments) LN_PRINTF(4, 0);

static linnet_status fill(linnet_error *error, linnet_status status, const char *place,
                          const char *format, va_list arguments)
{
    if (error != NULL) {
        /* Through a buffer, because an argument may point into the error itself. */
        char message[sizeof error->message];
        char where[sizeof error->place];
        vsnprintf(message, sizeof message, format, arguments);
        snprintf(where, sizeof where, "%s", place);
        error->status = status;
        memcpy(error->message, message, sizeof message);
        memcpy(error->place, where, sizeof where);
    }
    return status;
}

linnet_status ln_fail(linnet_error *error, linnet_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fill(error, status, "", format, arguments);
    va_end(arguments);
    return status;
}

linnet_status ln_fail_at(linnet_error *error, linnet_status status, const char *place,
                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fill(error, status, place, format, arguments);
    va_end(arguments);
    return status;
}

linnet_status ln_fail_memory(linnet_error *error, size_t size, const char *what)
{
    if (size == SIZE_MAX) {
        return ln_fail(error, LINNET_ERROR_MEMORY, "the size of %s overflows", what);
    }
    return ln_fail(error, LINNET_ERROR_MEMORY, "out of memory: cannot allocate %zu bytes for %s",
                   size, what);
}

void ln_error_set_place(linnet_error *error, const char *place)
{
    if (error != NULL && error->place[0] == '\0') {
        snprintf(error->place, sizeof error->place, "%s", place);
    }
}

void ln_error_put_before(linnet_error *error, const char *place)
{
    if (error != NULL) {
        char inner[sizeof error->place];
        memcpy(inner, error->place, sizeof inner);
        snprintf(error->place, sizeof error->place, "%.64s%s%.440s", place,
                 inner[0] != '\0' ? ": " : "", inner);
    }
}

const char *linnet_status_name(linnet_status status)
{
    switch (status) {
    case LINNET_OK: return "OK";
    case LINNET_ERROR_ARGUMENT: return "ARGUMENT";
    case LINNET_ERROR_SHAPE: return "SHAPE";
    case LINNET_ERROR_SYNTAX: return "SYNTAX";
    case LINNET_ERROR_IO: return "IO";
    case LINNET_ERROR_FORMAT: return "FORMAT";
    case LINNET_ERROR_UNSUPPORTED: return "UNSUPPORTED";
    case LINNET_ERROR_MEMORY: return "MEMORY";
    case LINNET_ERROR_DATA: return "DATA";
    }
    return "UNKNOWN";
}

#define LN_TEXT_OF(value) #value
#define LN_TEXT(value) LN_TEXT_OF(value)

const char *linnet_version(void)
{
    return LN_TEXT(LINNET_VERSION_MAJOR) "." LN_TEXT(LINNET_VERSION_MINOR) "." LN_TEXT(
        LINNET_VERSION_PATCH);
}
