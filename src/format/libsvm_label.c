/* libsvm_label.c - decides what the labels of a libsvm file are, once all of them are known. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"
#include "format/libsvm.h"

/* Columns that several labels a row may have. */
#define MOST_LABELS (1 << 20)

/* ---- a row's ---- */

/* The first of "1,3": steps over it and its comma; false where it is no number. */
static bool next_label(const char **text, size_t *length, double *value)
{
    const char *comma = memchr(*text, ',', *length);
    size_t taken = comma != NULL ? (size_t)(comma - *text) : *length;
    bool good = ln_parse_double(*text, taken, value) && !isnan(*value);
    taken += comma != NULL && taken + 1 < *length; /* one at the end stands before nothing */
    *text += taken;
    *length -= taken;
    return good;
}

size_t ln_libsvm_count_labels(const char *text, size_t length)
{
    size_t count = 0;
    for (double value; length > 0; count++) {
        if (!next_label(&text, &length, &value)) {
            return 0;
        }
    }
    return count;
}

linnet_status ln_libsvm_take_labels(ln_libsvm_labels *labels, const ln_records *records,
                                    const char *text, size_t length, linnet_error *error)
{
    char quoted[LN_QUOTED];
    size_t count = ln_libsvm_count_labels(text, length);
    if (length > 0 && (count == 0 || count > MOST_LABELS)) {
        return ln_fail(error, LINNET_ERROR_FORMAT,
                       "expected a label, or several with commas between them, found %s",
                       ln_quote(text, length, quoted));
    }
    linnet_status status =
        ln_column_grow(&labels->numbers, labels->total + count, sizeof(double), error);
    if (status == LINNET_OK) {
        status = ln_column_grow(&labels->counts, records->rows + 1, sizeof(uint32_t), error);
    }
    if (status == LINNET_OK) {
        ((uint32_t *)labels->counts.data)[records->rows] = (uint32_t)count;
    }
    for (size_t i = 0; status == LINNET_OK && i < count; i++) {
        next_label(&text, &length, (double *)labels->numbers.data + labels->total++);
    }
    return status;
}

/* ---- all of them ---- */

/* The numbers that the given classes are; *numbers is NULL where they are none, or names. */
static linnet_status parse_classes(const ln_read_options *options, double **numbers,
                                   linnet_error *error)
{
    size_t count = options->classes != NULL ? options->class_count : 0;
    *numbers = NULL;
    if (count == 0) {
        return LINNET_OK;
    }
    linnet_status status = ln_alloc_into(numbers, count, sizeof **numbers, "the classes", error);
    for (size_t i = 0; status == LINNET_OK && i < count; i++) {
        const char *name = options->classes[i];
        if (!ln_parse_double(name, strlen(name), &(*numbers)[i])) {
            ln_free(*numbers);
            *numbers = NULL;
            return LINNET_OK;
        }
    }
    return status;
}

/* Replaces each label by the place of its class. */
static linnet_status look_up(ln_libsvm_labels *labels, const ln_records *records,
                             const double *classes, linnet_error *error)
{
    double *label = labels->numbers.data;
    const uint32_t *counts = labels->counts.data;
    size_t count = records->options->class_count;
    for (size_t row = 0, n = 0; row < records->rows; row++) {
        for (uint32_t i = 0; i < counts[row]; i++, n++) {
            /* Most often they are numbers that follow each other. */
            double guess = label[n] - classes[0];
            size_t place = guess >= 0 && guess < (double)count ? (size_t)guess : 0;
            for (size_t tried = 0; classes[place] != label[n]; tried++) {
                if (tried == count) {
                    char text[LN_NUMBER_TEXT];
                    return ln_fail(error, LINNET_ERROR_DATA,
                                   "row %zu: expected one of %zu classes as label, found %s", row,
                                   count, ln_print_double(label[n], text));
                }
                place = place + 1 < count ? place + 1 : 0;
            }
            label[n] = (double)place;
        }
    }
    return LINNET_OK;
}

/* (rows, width) of 0 and 1 in place of the numbers of columns. */
static linnet_status spread(ln_libsvm_labels *labels, const ln_records *records,
                            linnet_error *error)
{
    const double *label = labels->numbers.data;
    const uint32_t *counts = labels->counts.data;
    double *table;
    linnet_status status = ln_alloc_into(&table, ln_saturated_mul(records->rows, labels->width),
                                         sizeof *table, "the labels", error);
    for (size_t row = 0, n = 0; status == LINNET_OK && row < records->rows; row++) {
        for (uint32_t i = 0; i < counts[row]; i++, n++) {
            table[row * labels->width + (size_t)label[n]] = 1;
        }
    }
    if (status == LINNET_OK) {
        ln_free(labels->numbers.data);
        labels->numbers = (ln_column){.data = table};
    }
    return status;
}

/* Several labels a row: numbers of columns, as many as there are classes or else as they need. */
static linnet_status settle_several(ln_libsvm_labels *labels, const ln_records *records,
                                    linnet_error *error)
{
    const ln_read_options *options = records->options;
    const double *label = labels->numbers.data;
    const uint32_t *counts = labels->counts.data;
    bool given = options->classes != NULL;
    double most = given ? (double)options->class_count : MOST_LABELS, width = given ? most : 0;
    for (size_t row = 0, n = 0; row < records->rows; row++) {
        for (uint32_t i = 0; i < counts[row]; i++, n++) {
            if (!(label[n] >= 0 && label[n] < most && label[n] == floor(label[n]))) {
                char text[LN_NUMBER_TEXT];
                return ln_fail(error, LINNET_ERROR_DATA,
                               "row %zu: expected the number of a label below %zu, found %s", row,
                               (size_t)most, ln_print_double(label[n], text));
            }
            width = label[n] >= width ? label[n] + 1 : width;
        }
    }
    labels->width = (size_t)width;
    labels->dtype = LINNET_FLOAT64;
    labels->names = given ? LN_NAMED_AS_GIVEN : LN_NAMED_NUMBERS;
    return spread(labels, records, error);
}

/* One label a row. */
static void settle_one(ln_libsvm_labels *labels, const ln_records *records, bool found)
{
    double *label = labels->numbers.data;
    bool whole = true, signs = true, minus = false;
    for (size_t i = 0; i < labels->total; i++) {
        whole = whole && fabs(label[i]) <= 0x1p53 && label[i] == floor(label[i]);
        signs = signs && fabs(label[i]) == 1;
        minus = minus || label[i] == -1;
    }
    labels->dtype = LINNET_FLOAT64;
    if (!whole || records->options->values) {
        return;
    }
    signs = signs && minus && !found;
    for (size_t i = 0; i < labels->total; i++) {
        int64_t number = signs ? label[i] > 0 : (int64_t)label[i];
        memcpy(&label[i], &number, sizeof number);
    }
    labels->dtype = LINNET_INT64;
    bool given = records->options->classes != NULL;
    labels->names = given ? LN_NAMED_AS_GIVEN : signs ? LN_NAMED_SIGNS : LN_NAMED_NOT;
}

linnet_status ln_libsvm_settle_labels(ln_libsvm_labels *labels, const ln_records *records,
                                      linnet_error *error)
{
    const ln_read_options *options = records->options;
    const uint32_t *counts = labels->counts.data;
    bool several = options->values && options->classes != NULL && options->class_count > 1;
    size_t without = records->rows; /* the first row without a label */
    for (size_t row = records->rows; row-- > 0;) {
        several = several || counts[row] > 1;
        without = counts[row] == 0 ? row : without;
    }
    if (labels->total == 0) {
        return LINNET_OK;
    }
    if (!several && without < records->rows) {
        return ln_fail(error, LINNET_ERROR_DATA,
                       "row %zu: expected a label, as other rows have one, found none", without);
    }
    double *classes = NULL;
    bool sought = several || !options->values;
    linnet_status status = sought ? parse_classes(options, &classes, error) : LINNET_OK;
    if (status == LINNET_OK && classes != NULL) {
        status = look_up(labels, records, classes, error);
    }
    if (status == LINNET_OK && several) {
        status = settle_several(labels, records, error);
    } else if (status == LINNET_OK) {
        settle_one(labels, records, classes != NULL);
    }
    ln_free(classes);
    return status;
}

/* ---- giving ---- */

static linnet_status name_classes(const ln_libsvm_labels *labels, const ln_read_options *options,
                                  linnet_state_dict *state_dict, linnet_error *error)
{
    static const char *const signs[] = {"-1", "+1"};
    size_t count = labels->names == LN_NAMED_AS_GIVEN ? options->class_count
                   : labels->names == LN_NAMED_SIGNS  ? 2
                                                      : labels->width;
    ln_text json = {0};
    ln_text_append(&json, "[", 1);
    for (size_t i = 0; i < count; i++) {
        ln_text_append_string(&json, i == 0 ? "" : ",");
        if (labels->names == LN_NAMED_NUMBERS) {
            ln_text_append(&json, "\"", 1);
            ln_text_append_int64(&json, (int64_t)i);
            ln_text_append(&json, "\"", 1);
        } else {
            const char *const *names = labels->names == LN_NAMED_SIGNS ? signs : options->classes;
            ln_text_append_json(&json, names[i]);
        }
    }
    return ln_records_give_classes(&json, state_dict, error);
}

linnet_status ln_libsvm_give_labels(ln_libsvm_labels *labels, const ln_records *records,
                                    linnet_state_dict *state_dict, linnet_error *error)
{
    if (labels->total == 0) {
        return LINNET_OK;
    }
    linnet_status status = labels->names != LN_NAMED_NOT
                               ? name_classes(labels, records->options, state_dict, error)
                               : LINNET_OK;
    return status == LINNET_OK ? ln_column_give(&labels->numbers, records, "y", labels->dtype,
                                                labels->width, state_dict, error)
                               : status;
}

void ln_libsvm_free_labels(ln_libsvm_labels *labels)
{
    ln_free(labels->numbers.data);
    ln_free(labels->counts.data);
}
