/* reader.h - a regular file that is read in pieces, by their places.
 *
 * It is not mapped: it takes no address space, and a file that another process cuts short is an
 * error and not a signal. A file that has changed since it was opened is refused. */
#ifndef LN_OS_READER_H
#define LN_OS_READER_H

#include "linnet.h"

typedef struct ln_reader {
    char *path;
    int fd;
    uint64_t size;
    int64_t seconds, nanoseconds; /* when it was last written to, as of opening */
} ln_reader;

/* The caller owns `reader` (ln_reader_close). Errors: IO (also what is no regular file), MEMORY;
 * the place is the path. */
LINNET_NODISCARD linnet_status ln_reader_open(const char *path, ln_reader *reader,
                                              linnet_error *error);
void ln_reader_close(ln_reader *reader);

/* Reads bytes offset .. offset + size - 1. Any number of threads may. Errors: IO, also where the
 * file has become shorter. */
LINNET_NODISCARD linnet_status ln_reader_read(const ln_reader *reader, uint64_t offset, void *out,
                                              size_t size, linnet_error *error);
/* Whether the file is still the one that was opened, by its size and the time of its last change.
 * Errors: IO. */
LINNET_NODISCARD linnet_status ln_reader_check(const ln_reader *reader, linnet_error *error);

#endif
