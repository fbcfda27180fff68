/* csv_header.h - whether a CSV begins with a header, and which column holds the labels. */
#ifndef LN_FORMAT_CSV_HEADER_H
#define LN_FORMAT_CSV_HEADER_H

#include "format/format.h"
#include "format/text.h"

/* What a column holds, unless it is the label: a feature, what rows weigh, or value i of the labels
 * as LN_CSV_VALUE + i. */
enum { LN_CSV_FEATURE, LN_CSV_WEIGHT, LN_CSV_VALUE };

typedef struct ln_csv_header {
    bool present;
    size_t label;  /* number of the label column's field, from 1; 0: none, or labels are numbers */
    size_t *roles; /* of each column; owned; NULL: all that are no label are features */
    size_t values; /* columns of labels that are numbers */
    bool weighted;
} ln_csv_header;

/* Decides from the first two records of a text that has been checked. The label column is the one
 * of options->label; or the first of "label", "class", "target", "y" that the first record holds;
 * or the last one, where a label is required. The first record is a header where
 *   - options->label is a name; or
 *   - some field beside the label's is neither empty nor a number; or
 *   - the label's field is no number and no given class, but is one of the names above (for "y",
 * and for any other text: if the second record has a number there). Errors: ARGUMENT (no such
 * column, or one that is asked for twice), MEMORY. The header is to be freed, also after a failure.
 * */
LINNET_NODISCARD linnet_status ln_csv_find_header(const char *text, size_t length, size_t columns,
                                                  const ln_read_options *options,
                                                  ln_csv_header *header, linnet_error *error);

void ln_csv_header_free(ln_csv_header *header);

/* Sets the metadata "classes" to the names of the columns of numbers, where they have any. Errors:
 * FORMAT (no UTF-8), MEMORY. */
LINNET_NODISCARD linnet_status ln_csv_name_values(const char *text, size_t length,
                                                  const ln_csv_header *header,
                                                  linnet_state_dict *state_dict,
                                                  linnet_error *error);

/* Quotes the name of column `number` (from 1) in the first record; false where it has none. */
bool ln_csv_column_name(const char *text, size_t length, size_t number, char out[LN_QUOTED]);

#endif
