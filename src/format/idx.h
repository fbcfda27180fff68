/* idx.h - the header of an IDX file, which says how large the file has to be. */
#ifndef LN_FORMAT_IDX_H
#define LN_FORMAT_IDX_H

#include "linnet.h"

#define LN_IDX_MAX_HEADER (4 + 4 * LINNET_MAX_RANK)

/* Size of a whole IDX file, header included, by its first `size` bytes. False where these are no
 * complete header of IDX, or the size overflows. */
bool ln_idx_file_size(const uint8_t *data, size_t size, size_t *file_size);

#endif
