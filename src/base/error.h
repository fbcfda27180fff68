/* error.h - filling a linnet_error.
 *
 * Every failure in the library goes through one of these, so that a message is always complete and
 * never longer than its buffer. They return the status, to be written as `return ln_fail(...)`. */
#ifndef LN_BASE_ERROR_H
#define LN_BASE_ERROR_H

#include "linnet.h"

#if defined(__GNUC__)
#define LN_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define LN_PRINTF(text, first)
#endif

/* Sets status and message, and an empty place. `error` may be NULL. */
LINNET_NODISCARD linnet_status ln_fail(linnet_error *error, linnet_status status,
                                       const char *format, ...) LN_PRINTF(3, 4);

/* As ln_fail, with a place: a file, "file:line:column", "line 1, column 12". */
LINNET_NODISCARD linnet_status ln_fail_at(linnet_error *error, linnet_status status,
                                          const char *place, const char *format, ...)
    LN_PRINTF(4, 5);

/* Out of memory while asking for `size` bytes for `what`; SIZE_MAX where the size overflows. */
LINNET_NODISCARD linnet_status ln_fail_memory(linnet_error *error, size_t size, const char *what);

/* Gives a place to an error that has none yet; status and message stay. */
void ln_error_set_place(linnet_error *error, const char *place);

/* Puts `place` before the place that the error has: "line 1, column 5" -> "optim: line 1, column
 * 5". */
void ln_error_put_before(linnet_error *error, const char *place);

#endif
