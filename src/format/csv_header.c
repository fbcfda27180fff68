/* csv_header.c - finds the header and the label column of a CSV.
 *
 * Works on text whose first records have been read once without an error, so scanning cannot fail
 * here. */
#include "format/csv_header.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"
#include "format/csv_scan.h"
#include "format/records.h"

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

/* A column that is asked for as `what`, by its number from 0 or its name. */
static linnet_status find_asked(const char *text, size_t length, size_t columns, const char *what,
                                const char *label, size_t *column, bool *header,
                                linnet_error *error)
{
    char quoted[LN_QUOTED];
    int64_t index;
    if (ln_parse_int64(label, strlen(label), &index)) {
        if (index < 0 || (uint64_t)index >= columns) {
            return ln_fail(error, LINNET_ERROR_ARGUMENT,
                           "expected a %s column from 0 to %zu, got %s", what, columns - 1,
                           ln_quote(label, strlen(label), quoted));
        }
        *column = (size_t)index + 1;
        return LINNET_OK;
    }
    *column = find_name(text, length, label);
    *header = true;
    if (*column == 0) {
        char found[LN_QUOTED];
        size_t end = 0;
        while (end < length && text[end] != '\n' && text[end] != '\r') {
            end++;
        }
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected a column %s in the first record, found %s",
                       ln_quote(label, strlen(label), quoted), ln_quote(text, end, found));
    }
    return LINNET_OK;
}

/* ---- labels that are numbers, and weights ---- */

static linnet_status take_role(ln_csv_header *header, size_t column, size_t role, const char *name,
                               linnet_error *error)
{
    char quoted[LN_QUOTED];
    if (header->roles[column - 1] != LN_CSV_FEATURE) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT, "the column %s is asked for twice",
                       ln_quote(name, strlen(name), quoted));
    }
    header->roles[column - 1] = role;
    return LINNET_OK;
}

/* The columns of "height,width", the first of them as header->label. */
static linnet_status find_list(const char *text, size_t length, size_t columns, const char *list,
                               ln_csv_header *header, linnet_error *error)
{
    char *copy = ln_copy_text(list, strlen(list)), *name = copy;
    linnet_status status =
        copy != NULL ? LINNET_OK : ln_fail_memory(error, strlen(list) + 1, "column names");
    while (status == LINNET_OK && name != NULL) {
        char *comma = strchr(name, ',');
        size_t column = 0;
        if (comma != NULL) {
            *comma = '\0';
        }
        status = find_asked(text, length, columns, "label", name, &column, &header->present, error);
        if (status == LINNET_OK) {
            header->label = header->values == 0 ? column : header->label;
            status = take_role(header, column, LN_CSV_VALUE + header->values++, name, error);
        }
        name = comma != NULL ? comma + 1 : NULL;
    }
    ln_free(copy);
    return status;
}

/* The columns that the classes name, where all of them are there. */
static linnet_status find_classes(const char *text, size_t length, const ln_read_options *options,
                                  ln_csv_header *header, linnet_error *error)
{
    for (size_t i = 0; i < options->class_count; i++) {
        if (find_name(text, length, options->classes[i]) == 0) {
            return LINNET_OK;
        }
    }
    linnet_status status = LINNET_OK;
    for (size_t i = 0; status == LINNET_OK && i < options->class_count; i++) {
        size_t column = find_name(text, length, options->classes[i]);
        header->label = i == 0 ? column : header->label;
        header->present = true;
        status =
            take_role(header, column, LN_CSV_VALUE + header->values++, options->classes[i], error);
    }
    return status;
}

static linnet_status find_roles(const char *text, size_t length, size_t columns,
                                const ln_read_options *options, ln_csv_header *header,
                                linnet_error *error)
{
    linnet_status status =
        ln_alloc_into(&header->roles, columns, sizeof *header->roles, "the columns", error);
    bool list = options->label != NULL && strchr(options->label, ',') != NULL &&
                find_name(text, length, options->label) == 0;
    if (status == LINNET_OK && list) {
        status = find_list(text, length, columns, options->label, header, error);
    } else if (status == LINNET_OK && options->values && options->label == NULL &&
               options->classes != NULL) {
        status = find_classes(text, length, options, header, error);
    }
    if (status == LINNET_OK && options->weight != NULL) {
        size_t column = 0;
        status = find_asked(text, length, columns, "weight", options->weight, &column,
                            &header->present, error);
        if (status == LINNET_OK) {
            status = take_role(header, column, LN_CSV_WEIGHT, options->weight, error);
        }
        header->weighted = true;
    }
    return status;
}

/* One label column is the one of the numbers, where they are to be numbers. */
static linnet_status settle_label(const ln_read_options *options, ln_csv_header *header,
                                  linnet_error *error)
{
    linnet_status status = LINNET_OK;
    if (header->values == 0 && header->label != 0 &&
        (options->values || header->roles[header->label - 1] != LN_CSV_FEATURE)) {
        const char *name = options->label != NULL ? options->label : "label";
        status = take_role(header, header->label, LN_CSV_VALUE + header->values++, name, error);
    }
    if (header->values > 0) {
        header->label = 0;
    }
    return status;
}

void ln_csv_header_free(ln_csv_header *header)
{
    ln_free(header->roles);
    header->roles = NULL;
}

/* The fields of the first record that hold values, in their order. */
static void list_values(const char *text, size_t length, const ln_csv_header *header,
                        ln_csv_field *values)
{
    ln_csv_scan scan = ln_csv_begin(text, length);
    ln_csv_field field;
    const char *problem;
    while (ln_csv_next(&scan, &field, &problem)) {
        size_t role = header->roles[field.number - 1];
        if (role >= LN_CSV_VALUE) {
            values[role - LN_CSV_VALUE] = field;
        }
        if (field.last) {
            break;
        }
    }
}

static linnet_status append_name(ln_text *json, const ln_csv_field *field, linnet_error *error)
{
    char quoted[LN_QUOTED];
    if (!ln_utf8_valid(field->text, field->length)) {
        return ln_fail(error, LINNET_ERROR_FORMAT,
                       "expected the name of a column in UTF-8, found %s",
                       ln_quote(field->text, field->length, quoted));
    }
    char *name = ln_copy_text(field->text, field->length);
    if (name == NULL) {
        return ln_fail_memory(error, field->length + 1, "a column's name");
    }
    name[ln_csv_copy(field, name)] = '\0';
    ln_text_append_json(json, name);
    ln_free(name);
    return LINNET_OK;
}

linnet_status ln_csv_name_values(const char *text, size_t length, const ln_csv_header *header,
                                 linnet_state_dict *state_dict, linnet_error *error)
{
    ln_csv_field *values;
    ln_text json = {0};
    if (!header->present || header->values == 0) {
        return LINNET_OK;
    }
    linnet_status status =
        ln_alloc_into(&values, header->values, sizeof *values, "the columns' names", error);
    if (status != LINNET_OK) {
        return status;
    }
    list_values(text, length, header, values);
    for (size_t i = 0; status == LINNET_OK && i < header->values; i++) {
        ln_text_append_string(&json, i == 0 ? "[" : ",");
        status = append_name(&json, &values[i], error);
    }
    ln_free(values);
    if (status != LINNET_OK) {
        ln_free(json.data);
        return status;
    }
    return ln_records_give_classes(&json, state_dict, error);
}

/* ---- the header ---- */

linnet_status ln_csv_find_header(const char *text, size_t length, size_t columns,
                                 const ln_read_options *options, ln_csv_header *header,
                                 linnet_error *error)
{
    *header = (ln_csv_header){0};
    linnet_status status = LINNET_OK;
    bool list = options->label != NULL && strchr(options->label, ',') != NULL;
    if (options->values || options->weight != NULL || list) {
        status = find_roles(text, length, columns, options, header, error);
    }
    if (status == LINNET_OK && options->label != NULL && header->values == 0) {
        status = find_asked(text, length, columns, "label", options->label, &header->label,
                            &header->present, error);
    }
    if (status != LINNET_OK) {
        return status;
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
    return header->roles != NULL ? settle_label(options, header, error) : LINNET_OK;
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
