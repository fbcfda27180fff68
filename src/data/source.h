/* source.h - rows that stay in their files and are read when they are needed.
 *
 * What is held in memory does not grow with the rows' features. Files are read by place and not
 * mapped, so that they take no address space and may change without harm: that is an error. */
#ifndef LN_DATA_SOURCE_H
#define LN_DATA_SOURCE_H

#include "linnet.h"

typedef struct ln_source ln_source;

/* The head of each kind's record. */
struct ln_source {
    linnet_dtype dtype; /* that rows are read as */
    int rank;
    int64_t shape[LINNET_MAX_RANK]; /* (rows, *) */
    size_t row_bytes;
    /* Reads rows[0 .. count - 1] into out, one behind the other. Any number of threads may.
     * Allocates nothing. Errors: IO, with the file as place. */
    linnet_status (*read)(const ln_source *source, const int64_t *rows, size_t count,
                          unsigned char *out, linnet_error *error);
    void (*free)(ln_source *source);
};

void ln_source_free(ln_source *source);

/* An .npy file, or all those that a pattern such as "train-*.npy" names, one behind the other in
 * their natural order. *source is NULL where `path` is neither, or an array whose rows do not lie
 * together. The caller owns the source. Errors: IO, FORMAT, UNSUPPORTED, SHAPE (shards that
 * differ), MEMORY; the place is the file. */
LINNET_NODISCARD linnet_status ln_npy_source_open(const char *path, ln_source **source,
                                                  linnet_error *error);

/* All rows as a tensor, which the caller owns. Errors: those of reading, MEMORY. */
LINNET_NODISCARD linnet_status ln_source_load(const ln_source *source, linnet_tensor *tensor,
                                              linnet_error *error);

#endif
