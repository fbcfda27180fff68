/* zip.h - ZIP archives: telling one by its first bytes, and reading entries that are not to be
 * trusted.
 *
 * Archives go through libzip. Sizes are those of the central directory, and are believed only as
 * far as the bytes that are there allow it. Written ones are zip_write.h's. */
#ifndef LN_FORMAT_ZIP_H
#define LN_FORMAT_ZIP_H

#include <string.h>

#include "os/file.h"

/* A first entry, or the end of an archive without entries. */
static inline bool ln_zip_probe(const ln_file *file)
{
    return file->size >= 4 &&
           (memcmp(file->data, "PK\x03\x04", 4) == 0 || memcmp(file->data, "PK\x05\x06", 4) == 0);
}

#ifdef LN_WITH_NPZ

#include <zip.h>

/* An archive being read. */
typedef struct ln_zip {
    zip_t *archive;
    const char *noun; /* what messages call an entry: "array" */
    size_t left;      /* packed bytes that the entries still to be checked can have */
    linnet_error *error;
} ln_zip;

/* Opens the archive in a file, which is borrowed; close with ln_zip_close. `expected` says in the
 * error what was: "a ZIP archive of npy files". Errors: FORMAT, MEMORY. */
LINNET_NODISCARD linnet_status ln_zip_open(const ln_file *file, const char *noun,
                                           const char *expected, ln_zip *zip, linnet_error *error);
void ln_zip_close(ln_zip *zip);

/* What the central directory says of entry `index`; name, method and sizes are there. */
LINNET_NODISCARD linnet_status ln_zip_stat(const ln_zip *zip, zip_uint64_t index,
                                           zip_stat_t *entry);
/* Method and sizes have to be those that an entry in a file of this size can have. To be called
 * once for each entry: together they may not have more packed bytes than the file. Errors: FORMAT,
 * UNSUPPORTED (encrypted, a method other than stored and deflated). */
LINNET_NODISCARD linnet_status ln_zip_check(ln_zip *zip, const zip_stat_t *entry);

LINNET_NODISCARD linnet_status ln_zip_open_entry(const ln_zip *zip, const zip_stat_t *entry,
                                                 zip_file_t **file);
/* Reads `size` bytes, and not one less. */
LINNET_NODISCARD linnet_status ln_zip_read(const ln_zip *zip, const char *name, zip_file_t *file,
                                           void *out, size_t size);
/* Reads past the last byte: there may be no more, and there the CRC is compared. Whether it fits is
 * told in *fits; where that is NULL, it has to. */
LINNET_NODISCARD linnet_status ln_zip_read_end(const ln_zip *zip, const char *name,
                                               zip_file_t *file, bool *fits);

/* "array 'x.npy': PROBLEM". */
LINNET_NODISCARD linnet_status ln_zip_fail(const ln_zip *zip, linnet_status status,
                                           const char *name, const char *problem);

#endif
#endif
