/* source.h - rows that stay in their files and are read when they are needed.
 *
 * What is held in memory does not grow with the rows' features. Files are read by place and not
 * mapped, so that they take no address space and may change without harm: that is an error. */
#ifndef LN_DATA_SOURCE_H
#define LN_DATA_SOURCE_H

#include "format/format.h"

typedef struct ln_source ln_source;

/* The head of each kind's record. */
struct ln_source {
    linnet_dtype dtype; /* that rows are read as */
    int rank;
    int64_t shape[LINNET_MAX_RANK]; /* (rows, *) */
    size_t row_bytes;
    const char *name; /* of the rows among the tensors that the file is read as */
    /* Reads rows[0 .. count - 1] into out, one behind the other. Any number of threads may. Errors:
     * IO, with the file as place; where rows are read from text FORMAT, with a place in it, and
     * MEMORY. */
    linnet_status (*read)(const ln_source *source, const int64_t *rows, size_t count,
                          unsigned char *out, linnet_error *error);
    /* Puts the tensors beside the rows into the state_dict; once. NULL: there are none. Errors:
     * MEMORY. */
    linnet_status (*give)(ln_source *source, linnet_state_dict *state_dict, linnet_error *error);
    void (*free)(ln_source *source);
    const char *format; /* the name of the file's */
    bool unread;        /* that rows can be read without an error is not known yet */
};

void ln_source_free(ln_source *source);

/* An .npy file, or all those that a pattern such as "train-*.npy" names, one behind the other in
 * their natural order. *source is NULL where `path` is neither, or an array whose rows do not lie
 * together. The caller owns the source. Errors: IO, FORMAT, UNSUPPORTED, SHAPE (shards that
 * differ), MEMORY; the place is the file. */
LINNET_NODISCARD linnet_status ln_npy_source_open(const char *path, ln_source **source,
                                                  linnet_error *error);

/* A text file of records (format/records.h) that can be read in pieces. *source is NULL where
 * `path` is none. The options are borrowed until `give`. The caller owns the source. Errors: those of the
 * format, with the path or a place in it. */
LINNET_NODISCARD linnet_status ln_text_source_open(const char *path, const ln_read_options *options,
                                                   ln_source **source, linnet_error *error);

/* All rows as a tensor, which the caller owns. Errors: those of reading, MEMORY. */
LINNET_NODISCARD linnet_status ln_source_load(const ln_source *source, linnet_tensor *tensor,
                                              linnet_error *error);

#endif
