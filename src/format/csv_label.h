/* csv_label.h - the label column of a CSV: whole numbers, or names that become classes.
 *
 * The first label decides: a number, and all have to be whole numbers; anything else, or one of the
 * given classes, and all are names. */
#ifndef LN_FORMAT_CSV_LABEL_H
#define LN_FORMAT_CSV_LABEL_H

#include "base/names.h"
#include "format/format.h"

typedef struct ln_csv_labels {
    ln_names names;      /* in order of appearance, or as given */
    bool given;          /* the classes were given: no others are accepted */
    bool decided, named; /* decided by the first label: names or numbers */
} ln_csv_labels;

/* Looks up given classes. Errors: ARGUMENT (a class that is given twice), MEMORY. */
LINNET_NODISCARD linnet_status ln_csv_labels_create(const ln_read_options *options,
                                                    ln_csv_labels *labels, linnet_error *error);
void ln_csv_labels_free(ln_csv_labels *labels);

/* The value of one label. Errors, without a place: FORMAT, DATA (a name that is no class), MEMORY.
 */
LINNET_NODISCARD linnet_status ln_csv_labels_read(ln_csv_labels *labels, const char *text,
                                                  size_t length, int64_t *value,
                                                  linnet_error *error);

/* After the last label: sorts classes that were not given and renumbers the labels to match, and
 * sets "classes" in the metadata. Does nothing for numbers. Errors: MEMORY. */
LINNET_NODISCARD linnet_status ln_csv_labels_finish(const ln_csv_labels *labels, int64_t *values,
                                                    size_t count, linnet_state_dict *state_dict,
                                                    linnet_error *error);

#endif
