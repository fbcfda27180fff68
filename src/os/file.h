/* file.h - files: read whole (mapped where possible), replace atomically.
 *
 * The only place that opens files. Every error names the file and says what the system said. */
#ifndef LN_OS_FILE_H
#define LN_OS_FILE_H

#include "linnet.h"

/* A file's bytes, read-only. Mapped, or read into memory where mapping is impossible ("-": standard
 * input, pipes). Gzip content is not unpacked here. */
typedef struct ln_file {
    char *path; /* as given; "<stdin>" for "-" */
    const uint8_t *data;
    size_t size;
    bool mapped; /* data is a mapping, else an allocation */
} ln_file;

/* The caller owns `file` (ln_file_close). Errors: IO ("cannot open: No such file or directory", "is a
 * directory", ...) with the path as place, MEMORY. An empty file is legal: size 0. */
LINNET_NODISCARD linnet_status ln_file_open(const char *path, ln_file *file, linnet_error *error);
void ln_file_close(ln_file *file);

/* A file that replaces `path` only when it is complete: written to a temporary file in the same
 * directory, then flushed to disk and renamed. An existing file's permissions are kept, a symbolic link
 * stays and the file behind it is replaced; what is not a regular file (a device, a pipe) is written in
 * place. "-" writes to standard output. */
typedef struct ln_writer ln_writer;

LINNET_NODISCARD linnet_status ln_writer_open(const char *path, ln_writer **writer,
                                              linnet_error *error);
LINNET_NODISCARD linnet_status ln_writer_write(ln_writer *writer, const void *data, size_t size,
                                               linnet_error *error);
/* Flushes, renames and frees the writer, whatever comes of it; on failure the old file stays (save where
 * only the flush of the directory after the rename failed: the message then begins with "written"). */
LINNET_NODISCARD linnet_status ln_writer_commit(ln_writer *writer, linnet_error *error);
/* Gives up: removes the temporary file and frees the writer. NULL is fine. */
void ln_writer_abort(ln_writer *writer);

#endif
