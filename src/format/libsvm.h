/* libsvm.h - the labels of a libsvm file, which may be classes, signs, numbers, or several a row.
 */
#ifndef LN_FORMAT_LIBSVM_H
#define LN_FORMAT_LIBSVM_H

#include "format/records.h"

typedef struct ln_libsvm_labels {
    ln_column numbers; /* double: the labels, row behind row */
    ln_column counts;  /* uint32_t: how many each row has */
    size_t total;
    /* Once settled: */
    linnet_dtype dtype; /* of numbers, which are y then */
    size_t width;       /* columns of y, 0: (rows) */
    enum { LN_NAMED_NOT, LN_NAMED_AS_GIVEN, LN_NAMED_SIGNS, LN_NAMED_NUMBERS } names;
} ln_libsvm_labels;

/* How many labels stand in "1,3,-4.5"; 0 where that is something else. */
size_t ln_libsvm_count_labels(const char *text, size_t length);

/* Takes the labels of the next row; none where length is 0. Errors: FORMAT, MEMORY. */
LINNET_NODISCARD linnet_status ln_libsvm_take_labels(ln_libsvm_labels *labels,
                                                     const ln_records *records, const char *text,
                                                     size_t length, linnet_error *error);

/* Behind the last row, decides what they are:
 *   - nothing, where no row has any
 *   - several a row, where some row has not one: (rows, k) of 0 and 1. Also where they are to be
 *     numbers and several classes are given
 *   - numbers, where they are to be numbers, or not all are whole: float64 (rows)
 *   - else classes: int64 (rows). -1 and 1, where there is nothing else and a -1, are classes 0 and 1
 * A label is the class of its own number, or where the given classes are all numbers the one that is
 * equal to it. Errors: DATA (a row without labels among rows with one; a label that is no class),
 * MEMORY. */
LINNET_NODISCARD linnet_status ln_libsvm_settle_labels(ln_libsvm_labels *labels,
                                                       const ln_records *records,
                                                       linnet_error *error);

/* Puts y into the state_dict, and the names of classes. Errors: MEMORY. */
LINNET_NODISCARD linnet_status ln_libsvm_give_labels(ln_libsvm_labels *labels,
                                                     const ln_records *records,
                                                     linnet_state_dict *state_dict,
                                                     linnet_error *error);
void ln_libsvm_free_labels(ln_libsvm_labels *labels);

#endif
