/* dataset.h - the dataset's record, shared by the files of this folder.
 *
 * Features stay in the dtype and the memory that they came in (a mapped file, the caller's array),
 * or in their files, and become float32 when rows are read. A part of a split holds row numbers and
 * no features. */
#ifndef LN_DATA_DATASET_H
#define LN_DATA_DATASET_H

#include <stdatomic.h>

#include "data/source.h"
#include "tensor/tensor.h"

/* Labels are at most this, so that class numbers fit in an int32 everywhere; those below 0 are no
 * classes, and at least its negative. */
#define LN_MAX_LABEL INT64_C(2147483646)

typedef struct ln_members ln_members;

struct linnet_dataset {
    linnet_tensor features; /* (rows in memory, *), each row contiguous; owned where storage is */
    /* NULL: features.data holds the rows; else that is NULL, and this reads them. */
    const ln_source *source;
    ln_source *owned_source; /* what `source` points to, unless that is the parent's */
    int64_t row_features;
    int64_t rows;
    int64_t *index; /* row i is features[index[i]]; owned. NULL: features[i] */

    const int64_t *labels; /* `rows` long, or NULL */
    int64_t *owned_labels; /* what `labels` points to, unless that is the caller's */
    linnet_tensor targets; /* float64 (rows, k), owned; rank 0: the labels are no values */
    linnet_tensor weights; /* float64 (rows), owned; rank 0: none */
    int64_t class_count;
    const char *const *classes; /* class_count names, or NULL */
    char **owned_classes;       /* what `classes` points to, unless that is the parent's */

    /* What to say where the rows are to become float32: of the first value that float64 alone holds.
     * NULL: there is none, or values need not be finite. */
    const linnet_error *too_large;
    linnet_error *owned_too_large; /* what `too_large` points to, unless that is the parent's */

    /* The digest of rows that are a source's, which takes a pass over the files: 0 until it is
     * known. Owned. */
    atomic_ullong *digest;

    /* Of a part of a fold: what it was cut out of, which outlives it, and which rows of that it has
     * (order.c); owned. */
    const linnet_dataset *whole;
    ln_members *members;

    linnet_state_dict *file; /* what features are a view of; owned; NULL for the caller's memory */
};

/* Checks the features and keeps them: a view, or a copy where their rows are not contiguous.
 * Errors: SHAPE, UNSUPPORTED, DATA (no rows), MEMORY. */
LINNET_NODISCARD linnet_status ln_dataset_set_features(linnet_dataset *dataset,
                                                       const linnet_tensor *features,
                                                       linnet_error *error);

/* Takes the rows from a source, which is borrowed. Errors: MEMORY. */
LINNET_NODISCARD linnet_status ln_dataset_set_source(linnet_dataset *dataset,
                                                     const ln_source *source, linnet_error *error);

/* Calls see(context, first, count, rows, error) with all rows in order, some at a time: `count` of
 * them from row `first` on, as they are stored, one behind the other. Ends with the first failure.
 * Errors: see's, those of reading, MEMORY. */
typedef linnet_status (*ln_see_rows)(void *context, int64_t first, size_t count,
                                     const unsigned char *rows, linnet_error *error);
LINNET_NODISCARD linnet_status ln_dataset_scan(const linnet_dataset *dataset, ln_see_rows see,
                                               void *context, linnet_error *error);

/* Refuses NaN and infinity, and keeps what ln_dataset_check_dtype has to say. Errors: DATA with row
 * and column, MEMORY. */
LINNET_NODISCARD linnet_status ln_dataset_check_finite(linnet_dataset *dataset,
                                                       linnet_error *error);

/* Checks the labels, (rows) or (rows, 1) of any integer dtype or whole numbers in a float one, and
 * keeps them: int64 as they are where they are contiguous and `borrow` says so, else a copy. With
 * several columns they are values (linnet_dataset_set_targets). Errors: SHAPE, UNSUPPORTED, DATA
 * (number of labels, a value with its row), MEMORY. */
LINNET_NODISCARD linnet_status ln_dataset_set_labels(linnet_dataset *dataset,
                                                     const linnet_tensor *labels, bool borrow,
                                                     linnet_error *error);

/* Frees labels, values and class names: there are none then. */
void ln_dataset_drop_labels(linnet_dataset *dataset);

/* Room in `part` for the values and weights of `rows` rows, where `parent` has some; and those of
 * one row, from `parent` to `part` (targets.c). Errors: MEMORY. */
LINNET_NODISCARD linnet_status ln_dataset_create_values(const linnet_dataset *parent, int64_t rows,
                                                        linnet_dataset *part, linnet_error *error);
void ln_dataset_copy_values(const linnet_dataset *parent, int64_t from, linnet_dataset *part,
                            int64_t to);

/* Makes `part` a part of a fold: of the whole's rows it has those where held[row] is `value`. Errors:
 * MEMORY. */
LINNET_NODISCARD linnet_status ln_dataset_set_whole(linnet_dataset *part,
                                                    const linnet_dataset *whole,
                                                    const uint8_t *held, bool value,
                                                    linnet_error *error);

/* Takes the class names from a JSON array of texts. Errors: FORMAT, DATA (a label without a name),
 * MEMORY. */
LINNET_NODISCARD linnet_status ln_dataset_set_classes(linnet_dataset *dataset, const char *json,
                                                      linnet_error *error);

#endif
