/* zip_write.h - writing ZIP archives of stored entries.
 *
 * Every entry's bytes begin at a multiple of 64, so that a mapped archive gives aligned data;
 * padding is an extra field. No times are kept: the same entries give the same bytes. Archives and
 * entries past 4 GiB are written as ZIP64. libzip reads archives here, but cannot write these: it
 * neither aligns entries nor leaves out the time of day, and would hold a whole archive in memory.
 */
#ifndef LN_FORMAT_ZIP_WRITE_H
#define LN_FORMAT_ZIP_WRITE_H

#include "linnet.h"

typedef struct ln_zip_writer ln_zip_writer;

/* Begins an archive that replaces `path` when it is complete (os/file.h). */
LINNET_NODISCARD linnet_status ln_zip_writer_open(const char *path, ln_zip_writer **writer,
                                                  linnet_error *error);
/* Adds an entry: a name in UTF-8 of less than 64 KiB that is new, and its bytes. */
LINNET_NODISCARD linnet_status ln_zip_writer_add(ln_zip_writer *writer, const char *name,
                                                 const void *data, size_t size,
                                                 linnet_error *error);
/* Writes the directory, puts the file in place and frees the writer, whatever comes of it. */
LINNET_NODISCARD linnet_status ln_zip_writer_commit(ln_zip_writer *writer, linnet_error *error);
/* Gives up. NULL is fine. */
void ln_zip_writer_abort(ln_zip_writer *writer);

#endif
