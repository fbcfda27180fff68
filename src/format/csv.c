/* csv.c - reads CSV: features as float32, and labels where there is a label column.
 *
 * One kind of records.h. Numbers are read as float64 and rounded to float32. Which record is a
 * header and which column holds the labels is decided in csv_header.c from the first two records.
 * Writes nothing. */
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/grow.h"
#include "base/memory.h"
#include "base/number.h"
#include "format/csv_header.h"
#include "format/csv_label.h"
#include "format/csv_scan.h"
#include "format/records.h"
#include "format/text.h"

typedef struct csv {
    ln_records records;
    char *head; /* the first two records */
    size_t head_length;
    size_t columns;
    ln_csv_header header;
    ln_csv_labels labels;
    size_t others;        /* columns that are no features */
    ln_csv_field *beside; /* a record's fields in them */
    ln_column y, w;
    char *scratch; /* for a label with doubled quotes */
    size_t scratch_size;
} csv;

/* Text that is neither JSON nor XML: its first bytes hold no control characters. */
static bool probe(const ln_file *file)
{
    size_t length = ln_min_size(file->size, LN_FORMAT_HEAD);
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = file->data[i];
        if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f) {
            return false;
        }
    }
    return length > 0 && strchr("{[<", file->data[0]) == NULL;
}

static bool is_feature(const csv *c, size_t column)
{
    const size_t *roles = c->header.roles;
    return column != c->header.label && (roles == NULL || roles[column - 1] == LN_CSV_FEATURE);
}

/* ---- errors ---- */

static linnet_status at_field(ln_seen *seen, linnet_status status, const ln_csv_field *field)
{
    seen->lines = field->line;
    seen->field = field->number;
    return status;
}

/* A record with another number of fields than the first: the place is its first field too many, or
 * the one after its last. */
static linnet_status fail_ragged(const csv *c, ln_seen *seen, const ln_csv_field *last,
                                 linnet_error *error)
{
    ln_csv_field place = *last;
    place.number = ln_min_size(c->columns, last->number) + 1;
    return at_field(seen,
                    ln_fail(error, LINNET_ERROR_FORMAT,
                            "expected %zu fields, as in the first record, found %zu", c->columns,
                            last->number),
                    &place);
}

static linnet_status fail_number(const csv *c, const ln_csv_field *field, linnet_error *error)
{
    char column[LN_QUOTED] = "";
    if (c->header.present) {
        ln_csv_column_name(c->head, c->head_length, field->number, column);
    }
    return ln_records_fail_number(field->text, field->length, column, error);
}

/* ---- fields ---- */

static linnet_status read_number(const csv *c, const ln_csv_field *field, float *out,
                                 linnet_error *error)
{
    double number;
    return ln_parse_double(field->text, field->length, &number)
               ? ln_records_narrow(number, field->text, field->length, out, error)
               : fail_number(c, field, error);
}

static linnet_status read_label(csv *c, const ln_csv_field *field, linnet_error *error)
{
    size_t row = c->records.rows;
    const char *text = field->text;
    size_t length = field->length;
    linnet_status status = ln_column_grow(&c->y, row + 1, sizeof(int64_t), error);
    if (status == LINNET_OK && field->doubled) {
        char *room = ln_grow(c->scratch, &c->scratch_size, length, 1);
        if (room == NULL) {
            return ln_fail_memory(error, length, "a label");
        }
        c->scratch = room;
        length = ln_csv_copy(field, room);
        text = room;
    }
    if (status == LINNET_OK) {
        status = ln_csv_labels_read(&c->labels, text, length, (int64_t *)c->y.data + row, error);
    }
    return status;
}

/* A number beside the features: what a row weighs, or one of its labels. */
static linnet_status read_value(csv *c, const ln_csv_field *field, size_t role, linnet_error *error)
{
    size_t row = c->records.rows;
    bool weight = role == LN_CSV_WEIGHT;
    ln_column *column = weight ? &c->w : &c->y;
    size_t width = weight ? 1 : c->header.values, place = weight ? 0 : role - LN_CSV_VALUE;
    linnet_status status =
        ln_column_grow(column, ln_saturated_mul(row + 1, width), sizeof(double), error);
    if (status == LINNET_OK && !ln_parse_double(field->text, field->length,
                                                (double *)column->data + row * width + place)) {
        status = fail_number(c, field, error);
    }
    return status;
}

static linnet_status take_beside(csv *c, ln_seen *seen, linnet_error *error)
{
    for (size_t i = 0; i < c->others; i++) {
        const ln_csv_field *field = &c->beside[i];
        linnet_status status =
            field->number == c->header.label
                ? read_label(c, field, error)
                : read_value(c, field, c->header.roles[field->number - 1], error);
        if (status != LINNET_OK) {
            return at_field(seen, status, field);
        }
    }
    return LINNET_OK;
}

/* ---- records ---- */

/* Lines are counted from 0, the record's. */
static ln_csv_scan scan_of(const ln_record *record)
{
    ln_csv_scan scan = ln_csv_begin(record->text, (size_t)(record->end - record->text));
    scan.line = 0;
    return scan;
}

/* Steps over one record of those at hand to its last field, and keeps what is beside the features.
 * *whole is false where the record, or what looks wrong with it, may go on behind them. */
static linnet_status cut(csv *c, const ln_record *at_hand, ln_csv_scan *scan, ln_csv_field *field,
                         bool *whole, ln_seen *seen, linnet_error *error)
{
    const char *problem = NULL;
    size_t found = 0;
    bool good;
    do {
        good = ln_csv_next(scan, field, &problem);
        if (found < c->others && field->number <= c->columns && !is_feature(c, field->number)) {
            c->beside[found++] = *field;
        }
    } while (good && !field->last);
    /* A carriage return at the end may have its line feed yet to come. */
    *whole = at_hand->last || scan->end - scan->at > 1;
    return good || !*whole
               ? LINNET_OK
               : at_field(seen, ln_fail(error, LINNET_ERROR_FORMAT, "%s", problem), field);
}

/* Decides what the columns are. */
static linnet_status read_head(csv *c, const char *text, size_t length, linnet_error *error)
{
    const ln_read_options *options = c->records.options;
    c->head = ln_copy_text(text, length);
    c->head_length = length;
    if (c->head == NULL) {
        return ln_fail_memory(error, length, "a header");
    }
    linnet_status status =
        ln_csv_find_header(c->head, length, c->columns, options, &c->header, error);
    if (status == LINNET_OK) {
        status = ln_csv_labels_create(options, &c->labels, error);
    }
    if (status == LINNET_OK) {
        c->others = c->header.values + (c->header.label != 0) + c->header.weighted;
        status = ln_alloc_into(&c->beside, c->others, sizeof *c->beside, "the columns", error);
    }
    return status;
}

/* Looks at the first two records. What is wrong with the second is told when it is its turn. */
static linnet_status begin(csv *c, const ln_record *record, bool *whole, ln_seen *seen,
                           linnet_error *error)
{
    ln_csv_scan scan = scan_of(record);
    ln_csv_field field;
    linnet_status status = cut(c, record, &scan, &field, whole, seen, error);
    if (status != LINNET_OK || !*whole) {
        return status;
    }
    size_t columns = field.number;
    size_t length = (size_t)(scan.at - record->text);
    if (ln_csv_more(&scan)) {
        ln_seen later;
        if (cut(c, record, &scan, &field, whole, &later, NULL) == LINNET_OK) {
            length = (size_t)(scan.at - record->text);
        }
    }
    if (*whole) {
        c->columns = columns;
        status = read_head(c, record->text, length, error);
    }
    return status;
}

static linnet_status see(ln_records *records, const ln_record *record, ln_seen *seen,
                         linnet_error *error)
{
    csv *c = (csv *)(void *)records;
    bool first = c->columns == 0, whole = true;
    linnet_status status = first ? begin(c, record, &whole, seen, error) : LINNET_OK;
    if (status != LINNET_OK || !whole) {
        return status;
    }
    ln_csv_scan scan = scan_of(record);
    ln_csv_field field;
    status = cut(c, record, &scan, &field, &whole, seen, error);
    if (status != LINNET_OK || !whole) {
        return status;
    }
    if (field.number != c->columns) {
        return fail_ragged(c, seen, &field, error);
    }
    seen->length = (size_t)(scan.at - record->text);
    seen->lines = scan.line;
    seen->row = !first || !c->header.present;
    return seen->row ? take_beside(c, seen, error) : LINNET_OK;
}

static linnet_status finish(ln_records *records, linnet_error *error)
{
    const csv *c = (const csv *)(const void *)records;
    if (records->rows == 0) {
        return ln_fail(error, LINNET_ERROR_DATA, "expected rows after the header, found none");
    }
    records->features = c->columns - c->others;
    return LINNET_OK;
}

static linnet_status read_row(const ln_records *records, const ln_record *record, float *out,
                              ln_seen *seen, linnet_error *error)
{
    const csv *c = (const csv *)(const void *)records;
    ln_csv_scan scan = scan_of(record);
    ln_csv_field field;
    linnet_status status = LINNET_OK;
    do {
        const char *problem;
        if (!ln_csv_next(&scan, &field, &problem)) {
            status = ln_fail(error, LINNET_ERROR_FORMAT, "%s", problem);
        } else if (field.number > c->columns || (field.last && field.number < c->columns)) {
            return fail_ragged(c, seen, &field, error);
        } else if (is_feature(c, field.number)) {
            status = read_number(c, &field, out++, error);
        }
        if (status != LINNET_OK) {
            return at_field(seen, status, &field);
        }
    } while (!field.last);
    return LINNET_OK;
}

/* ---- the whole ---- */

static linnet_status give(ln_records *records, linnet_state_dict *state_dict, linnet_error *error)
{
    csv *c = (csv *)(void *)records;
    linnet_status status = LINNET_OK;
    if (c->header.weighted) {
        status = ln_column_give(&c->w, records, "w", LINNET_FLOAT64, 0, state_dict, error);
    }
    if (status == LINNET_OK && c->header.values > 0) {
        status = ln_csv_name_values(c->head, c->head_length, &c->header, state_dict, error);
        if (status == LINNET_OK) {
            status = ln_column_give(&c->y, records, "y", LINNET_FLOAT64, c->header.values,
                                    state_dict, error);
        }
    }
    if (status == LINNET_OK && c->header.label != 0) {
        status = ln_csv_labels_finish(&c->labels, c->y.data, records->rows, state_dict, error);
        if (status == LINNET_OK) {
            status = ln_column_give(&c->y, records, "y", LINNET_INT64, 0, state_dict, error);
        }
    }
    return status;
}

static void free_csv(ln_records *records)
{
    csv *c = (csv *)(void *)records;
    ln_csv_header_free(&c->header);
    ln_csv_labels_free(&c->labels);
    ln_free(c->head);
    ln_free(c->beside);
    ln_free(c->y.data);
    ln_free(c->w.data);
    ln_free(c->scratch);
}

static const ln_record_type csv_records = {
    .name = "CSV",
    .size = sizeof(csv),
    .see = see,
    .finish = finish,
    .read = read_row,
    .give = give,
    .free = free_csv,
};

static linnet_status read(const ln_file *file, const ln_read_options *options,
                          linnet_state_dict *state_dict, bool *keeps_file, linnet_error *error)
{
    (void)keeps_file;
    return ln_records_load(&csv_records, file, options, state_dict, error);
}

const ln_format ln_format_csv = {
    .name = "csv",
    .extension = ".csv",
    .probe = probe,
    .read = read,
    .records = &csv_records,
};
