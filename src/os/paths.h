/* paths.h - the files that a pattern names. */
#ifndef LN_OS_PATHS_H
#define LN_OS_PATHS_H

#include "linnet.h"

typedef struct ln_paths {
    char **items;
    size_t count;
} ln_paths;

/* Whether a path leads to a regular file, links followed. */
bool ln_path_is_regular(const char *path);

/* Whether a path has one of the shell's *, ? and [ in it and is not itself the name of a file. */
bool ln_path_is_pattern(const char *path);

/* The files that a pattern of the shell's names, in their natural order: digits count as numbers,
 * so that x-2 stands before x-10, and bytes as they are. The caller owns them (ln_paths_free).
 * Errors: IO (none, with the pattern as place), MEMORY. */
LINNET_NODISCARD linnet_status ln_paths_match(const char *pattern, ln_paths *paths,
                                              linnet_error *error);
void ln_paths_free(ln_paths *paths);

#endif
