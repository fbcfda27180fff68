/* gzip.h - unpacking a gzip file in memory.
 *
 * Built with LN_WITH_GZIP (zlib); otherwise ln_gunzip refuses. */
#ifndef LN_FORMAT_GZIP_H
#define LN_FORMAT_GZIP_H

#include "os/file.h"

bool ln_gzip_probe(const ln_file *file);

/* Replaces the file's packed bytes by what they unpack to, all members of them. Memory is bounded:
 * IDX content by what its own header promises, any other by 64 MiB + 200 times the packed size.
 * Errors: FORMAT (damaged, cut short, something after the end, beyond the bound), UNSUPPORTED,
 * MEMORY; `file` is then as before. */
LINNET_NODISCARD linnet_status ln_gunzip(ln_file *file, linnet_error *error);

#endif
