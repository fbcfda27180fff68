/* file.h - files read whole, mapped where possible.
 *
 * linnet_writer, which replaces files, stands in linnet.h and is defined beside this (writer.c).
 * Every error names the file and says what the system said. */
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

/* The caller owns `file` (ln_file_close). Errors: IO ("cannot open: No such file or directory", "is
 * a directory", ...) with the path as place, MEMORY. An empty file is legal: size 0. */
LINNET_NODISCARD linnet_status ln_file_open(const char *path, ln_file *file, linnet_error *error);
/* Opens `name`, a relative path within the folder that the file `path` lies in, for a file that
 * says it has parts beside it: no "..", and no symbolic link on the way or at the end of it. What
 * is no regular file is refused. Errors: FORMAT (a name that leaves the folder, or that is empty),
 * IO, MEMORY; the place is `name`. */
LINNET_NODISCARD linnet_status ln_file_open_beside(const char *path, const char *name,
                                                   ln_file *file, linnet_error *error);
void ln_file_close(ln_file *file);

/* What a path leads to, links followed. */
typedef enum ln_path { LN_PATH_NONE, LN_PATH_FILE, LN_PATH_DIRECTORY } ln_path;
ln_path ln_path_kind(const char *path);

#endif
