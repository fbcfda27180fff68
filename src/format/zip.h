/* zip.h - telling a ZIP archive by its first bytes. */
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

#endif
