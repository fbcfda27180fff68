/* csv_label.c - labels of a CSV: numbers as they are, names through a table.
 *
 * Classes are sorted by their bytes, which for UTF-8 is the order of code points. */
#include "format/csv_label.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"
#include "format/records.h"

linnet_status ln_csv_labels_create(const ln_read_options *options, ln_csv_labels *labels,
                                   linnet_error *error)
{
    *labels = (ln_csv_labels){.given = options->classes != NULL};
    for (size_t i = 0; labels->given && i < options->class_count; i++) {
        const char *name = options->classes[i];
        size_t index;
        linnet_status status = ln_names_add(&labels->names, name, strlen(name), &index, error);
        if (status == LINNET_OK && index != i) {
            char quoted[LN_QUOTED];
            status = ln_fail(error, LINNET_ERROR_ARGUMENT, "the class %s is given twice",
                             ln_quote(name, strlen(name), quoted));
        }
        if (status != LINNET_OK) {
            ln_csv_labels_free(labels);
            return status;
        }
    }
    return LINNET_OK;
}

void ln_csv_labels_free(ln_csv_labels *labels)
{
    ln_names_free(&labels->names);
}

/* "3", and "3.0" as programs write it that keep a column with gaps as floats. */
static bool parse_whole(const char *text, size_t length, int64_t *value)
{
    const double limit = 9007199254740992.0; /* 2^53: up to here a double is exact */
    double number;
    if (ln_parse_int64(text, length, value)) {
        return true;
    }
    if (!ln_parse_double(text, length, &number) || !(fabs(number) <= limit) ||
        floor(number) != number) {
        return false;
    }
    *value = (int64_t)number;
    return true;
}

static linnet_status read_name(ln_csv_labels *labels, const char *text, size_t length,
                               int64_t *value, linnet_error *error)
{
    char quoted[LN_QUOTED];
    if (labels->given) {
        size_t index = ln_names_find(&labels->names, text, length);
        if (index == LN_NO_NAME) {
            return ln_fail(error, LINNET_ERROR_DATA,
                           "expected one of %zu classes as label, found %s", labels->names.count,
                           ln_quote(text, length, quoted));
        }
        *value = (int64_t)index;
        return LINNET_OK;
    }
    if (!ln_utf8_valid(text, length)) {
        return ln_fail(error, LINNET_ERROR_FORMAT, "expected a label in UTF-8, found %s",
                       ln_quote(text, length, quoted));
    }
    size_t index;
    linnet_status status = ln_names_add(&labels->names, text, length, &index, error);
    if (status == LINNET_OK) {
        *value = (int64_t)index;
    }
    return status;
}

linnet_status ln_csv_labels_read(ln_csv_labels *labels, const char *text, size_t length,
                                 int64_t *value, linnet_error *error)
{
    char quoted[LN_QUOTED];
    if (length == 0) {
        return ln_fail(error, LINNET_ERROR_FORMAT, "expected a label, found nothing");
    }
    if (!labels->decided) {
        double number;
        labels->decided = true;
        labels->named =
            !ln_parse_double(text, length, &number) ||
            (labels->given && ln_names_find(&labels->names, text, length) != LN_NO_NAME);
    }
    if (labels->named) {
        return read_name(labels, text, length, value, error);
    }
    if (!parse_whole(text, length, value)) {
        return ln_fail(error, LINNET_ERROR_FORMAT,
                       "expected a whole number as label, found %s (other numbers are for "
                       "MSELoss and its like)",
                       ln_quote(text, length, quoted));
    }
    return LINNET_OK;
}

/* ---- sorting ---- */

typedef struct ranked {
    const char *name;
    size_t index; /* in order of appearance */
} ranked;

static int compare_names(const void *left, const void *right)
{
    return strcmp(((const ranked *)left)->name, ((const ranked *)right)->name);
}

/* Renumbers values from order of appearance to the order of `sorted`. */
static linnet_status renumber(const ranked *sorted, size_t classes, int64_t *values, size_t count,
                              linnet_error *error)
{
    int64_t *rank = ln_alloc(classes, sizeof *rank);
    if (rank == NULL) {
        return ln_fail_memory(error, ln_saturated_mul(classes, sizeof *rank), "the classes");
    }
    for (size_t i = 0; i < classes; i++) {
        rank[sorted[i].index] = (int64_t)i;
    }
    for (size_t i = 0; i < count; i++) {
        values[i] = rank[values[i]];
    }
    ln_free(rank);
    return LINNET_OK;
}

static linnet_status set_classes(const ranked *sorted, size_t count, linnet_state_dict *state_dict,
                                 linnet_error *error)
{
    ln_text json = {0};
    ln_text_append_string(&json, "[");
    for (size_t i = 0; i < count; i++) {
        ln_text_append_string(&json, i == 0 ? "" : ",");
        ln_text_append_json(&json, sorted[i].name);
    }
    return ln_records_give_classes(&json, state_dict, error);
}

linnet_status ln_csv_labels_finish(const ln_csv_labels *labels, int64_t *values, size_t count,
                                   linnet_state_dict *state_dict, linnet_error *error)
{
    if (!labels->named) {
        return LINNET_OK;
    }
    size_t classes = labels->names.count;
    ranked *sorted = ln_alloc(classes, sizeof *sorted);
    if (sorted == NULL) {
        return ln_fail_memory(error, ln_saturated_mul(classes, sizeof *sorted), "the classes");
    }
    for (size_t i = 0; i < classes; i++) {
        sorted[i] = (ranked){labels->names.items[i].text, i};
    }
    linnet_status status = LINNET_OK;
    if (!labels->given) {
        qsort(sorted, classes, sizeof *sorted, compare_names);
        status = renumber(sorted, classes, values, count, error);
    }
    if (status == LINNET_OK) {
        status = set_classes(sorted, classes, state_dict, error);
    }
    ln_free(sorted);
    return status;
}
