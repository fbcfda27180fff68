/* csv_header.c - finds the header and the label column of a CSV.
 *
 * Works on text whose first records have been read once without an error, so scanning cannot fail
 * here. */
#include "format/csv_header.h"

#include <string.h>

#include "base/error.h"
#include "base/number.h"
#include "format/csv_scan.h"

/* The usual names of a label column, likeliest first. Of these only "y" could well be a label
 * itself (yes and no). */
static const char *const usual_names[] = {"label", "class", "target", "y"};
#define USUAL_COUNT (sizeof usual_names / sizeof usual_names[0])
#define CERTAIN_COUNT (USUAL_COUNT - 1)

static bool is_number(const ln_csv_field *field)
{
    double number;
    return ln_parse_double(field->text, field->length, &number);
}

/* Field `number` of record 0 or 1; false where there is none. */
static bool field_at(const char *text, size_t length, int record, size_t number,
                     ln_csv_field *field)
{
    ln_csv_scan scan = ln_csv_begin(text, length);
    const char *problem;
    for (int i = 0; i <= record && ln_csv_more(&scan); i++) {
        do {
            if (!ln_csv_next(&scan, field, &problem)) {
                return false;
            }
            if (i == record && field->number == number) {
                return true;
            }
        } while (!field->last);
    }
    return false;
}

/* Number of the first record's field with this name; 0 where there is none. */
static size_t find_name(const char *text, size_t length, const char *name)
{
    ln_csv_scan scan = ln_csv_begin(text, length);
    ln_csv_field field;
    const char *problem;
    while (ln_csv_next(&scan, &field, &problem)) {
        if (ln_csv_equals(&field, name)) {
            return field.number;
        }
        if (field.last) {
            break;
        }
    }
    return 0;
}

/* Whether some field of the first record, the label's aside, says that this is no row of numbers.
 * An empty one does not: it is more likely a number that is missing. */
static bool has_names(const char *text, size_t length, size_t label)
{
    ln_csv_scan scan = ln_csv_begin(text, length);
    ln_csv_field field;
    const char *problem;
    while (ln_csv_next(&scan, &field, &problem)) {
        if (field.number != label && field.length > 0 && !is_number(&field)) {
            return true;
        }
        if (field.last) {
            break;
        }
    }
    return false;
}

/* Whether the label's field in the first record is a name of the column, all others being numbers.
 */
static bool is_label_name(const char *text, size_t length, size_t label,
                          const ln_read_options *options)
{
    ln_csv_field field;
    if (!field_at(text, length, 0, label, &field) || field.length == 0 || is_number(&field)) {
        return false;
    }
    for (size_t i = 0; options->classes != NULL && i < options->class_count; i++) {
        if (ln_csv_equals(&field, options->classes[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < CERTAIN_COUNT; i++) {
        if (ln_csv_equals(&field, usual_names[i])) {
            return true;
        }
    }
    return field_at(text, length, 1, label, &field) && is_number(&field);
}

/* options->label: a number from 0, or a name. */
static linnet_status find_asked(const char *text, size_t length, size_t columns, const char *label,
                                ln_csv_header *header, linnet_error *error)
{
    char quoted[LN_QUOTED];
    int64_t index;
    if (ln_parse_int64(label, strlen(label), &index)) {
        if (index < 0 || (uint64_t)index >= columns) {
            return ln_fail(error, LINNET_ERROR_ARGUMENT,
                           "expected a label column from 0 to %zu, got %s", columns - 1,
                           ln_quote(label, strlen(label), quoted));
        }
        header->label = (size_t)index + 1;
        return LINNET_OK;
    }
    header->label = find_name(text, length, label);
    header->present = true;
    if (header->label == 0) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT, "the first record names no column %s",
                       ln_quote(label, strlen(label), quoted));
    }
    return LINNET_OK;
}

linnet_status ln_csv_find_header(const char *text, size_t length, size_t columns,
                                 const ln_read_options *options, ln_csv_header *header,
                                 linnet_error *error)
{
    *header = (ln_csv_header){0};
    if (options->label != NULL) {
        linnet_status status = find_asked(text, length, columns, options->label, header, error);
        if (status != LINNET_OK) {
            return status;
        }
    }
    for (size_t i = 0; header->label == 0 && i < USUAL_COUNT; i++) {
        header->label = find_name(text, length, usual_names[i]);
    }
    bool by_name = header->label != 0;
    if (header->label == 0 && options->label_required) {
        header->label = columns;
    }
    header->present = header->present || has_names(text, length, header->label) ||
                      (header->label != 0 && is_label_name(text, length, header->label, options));
    /* A usual name in a row of numbers is a label, not the label column's name. */
    if (!header->present && by_name && options->label == NULL) {
        header->label = options->label_required ? columns : 0;
    }
    return LINNET_OK;
}

bool ln_csv_column_name(const char *text, size_t length, size_t number, char out[LN_QUOTED])
{
    ln_csv_field field;
    if (!field_at(text, length, 0, number, &field) || field.length == 0) {
        return false;
    }
    ln_quote(field.text, field.length, out);
    return true;
}
