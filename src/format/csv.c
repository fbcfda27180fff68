/* csv.c - reads CSV: features as float32, and labels where there is a label column.
 *
 * Two passes: the first checks the shape of the text (quotes, fields in each record) and counts, so
 * that memory is taken once; the second converts. Numbers are read as float64 and rounded to
 * float32. Which record is a header and which column holds the labels is decided in csv_header.c.
 * Writes nothing. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/fpenv.h"
#include "base/memory.h"
#include "base/number.h"
#include "format/csv_header.h"
#include "format/csv_label.h"
#include "format/csv_scan.h"
#include "format/format.h"
#include "format/text.h"
#include "tensor/state_dict.h"

#define PROBED 4096

/* A file being read. */
typedef struct reading {
    const char *path;
    const char *text; /* without byte order mark and trailing line ends */
    size_t length;
    size_t columns, records;
    ln_csv_header header;
    ln_csv_labels labels;
    linnet_tensor x, y, w;
    char *scratch; /* for a label with doubled quotes: as long as the longest field */
    size_t longest;
    linnet_error *error;
} reading;

/* Text that is neither JSON nor XML: its first bytes hold no control characters. */
static bool probe(const ln_file *file)
{
    size_t length = ln_min_size(file->size, PROBED);
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = file->data[i];
        if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f) {
            return false;
        }
    }
    return length > 0 && strchr("{[<", file->data[0]) == NULL;
}

/* path:LINE:FIELD for an error that has no place yet. */
static linnet_status at_field(const reading *r, linnet_status status, const ln_csv_field *field)
{
    char place[sizeof r->error->place];
    const int path_room = (int)sizeof place - 48;
    snprintf(place, sizeof place, "%.*s:%lld:%zu", path_room, r->path, (long long)field->line,
             field->number);
    ln_error_set_place(r->error, place);
    return status;
}

/* ---- the first pass ---- */

/* A record with another number of fields than the first: the place is its first field too many, or
 * the one after its last. */
static linnet_status fail_ragged(const reading *r, const ln_csv_field *last)
{
    ln_csv_field place = *last;
    place.number = ln_min_size(r->columns, last->number) + 1;
    return at_field(r,
                    ln_fail(r->error, LINNET_ERROR_FORMAT,
                            "expected %zu fields, as in the first record, found %zu", r->columns,
                            last->number),
                    &place);
}

static linnet_status survey(reading *r)
{
    ln_csv_scan scan = ln_csv_begin(r->text, r->length);
    while (ln_csv_more(&scan)) {
        ln_csv_field field;
        do {
            const char *problem;
            if (!ln_csv_next(&scan, &field, &problem)) {
                return at_field(r, ln_fail(r->error, LINNET_ERROR_FORMAT, "%s", problem), &field);
            }
            r->longest = field.length > r->longest ? field.length : r->longest;
        } while (!field.last);
        r->columns = r->records == 0 ? field.number : r->columns;
        if (field.number != r->columns) {
            return fail_ragged(r, &field);
        }
        r->records++;
    }
    return LINNET_OK;
}

/* ---- the second pass ---- */

static linnet_status fail_number(const reading *r, const ln_csv_field *field)
{
    char column[LN_QUOTED] = "";
    char quoted[LN_QUOTED];
    bool named = r->header.present && ln_csv_column_name(r->text, r->length, field->number, column);
    return ln_fail(r->error, LINNET_ERROR_FORMAT, "expected a number%s%s, found %s",
                   named ? " in column " : "", column,
                   field->length == 0 ? "nothing" : ln_quote(field->text, field->length, quoted));
}

static linnet_status read_number(const reading *r, const ln_csv_field *field, float *out)
{
    double number;
    if (!ln_parse_double(field->text, field->length, &number)) {
        return fail_number(r, field);
    }
    *out = (float)number;
    if (isinf(*out) && !isinf(number)) {
        char quoted[LN_QUOTED];
        return ln_fail(r->error, LINNET_ERROR_FORMAT, "expected a number within float32, found %s",
                       ln_quote(field->text, field->length, quoted));
    }
    return LINNET_OK;
}

static linnet_status read_value(const reading *r, const ln_csv_field *field, double *out)
{
    return ln_parse_double(field->text, field->length, out) ? LINNET_OK : fail_number(r, field);
}

static linnet_status read_label(reading *r, const ln_csv_field *field, int64_t *out)
{
    const char *text = field->text;
    size_t length = field->length;
    if (field->doubled) {
        length = ln_csv_copy(field, r->scratch);
        text = r->scratch;
    }
    return ln_csv_labels_read(&r->labels, text, length, out, r->error);
}

/* Steps over the header, which the first pass has read already. */
static void skip_record(ln_csv_scan *scan)
{
    ln_csv_field field;
    const char *problem;
    while (ln_csv_next(scan, &field, &problem) && !field.last) {
    }
}

/* Where the next row's numbers go. */
typedef struct destination {
    float *x;
    int64_t *label;
    double *values, *weight;
} destination;

static linnet_status read_field(reading *r, const ln_csv_field *field, destination *to)
{
    if (field->number == r->header.label) {
        return read_label(r, field, to->label++);
    }
    size_t role = r->header.roles != NULL ? r->header.roles[field->number - 1] : LN_CSV_FEATURE;
    switch (role) {
    case LN_CSV_FEATURE: return read_number(r, field, to->x++);
    case LN_CSV_WEIGHT: return read_value(r, field, to->weight++);
    default: return read_value(r, field, to->values + (role - LN_CSV_VALUE));
    }
}

static linnet_status convert(reading *r)
{
    ln_csv_scan scan = ln_csv_begin(r->text, r->length);
    if (r->header.present) {
        skip_record(&scan);
    }
    destination to = {.x = r->x.data, .label = r->y.data, .values = r->y.data, .weight = r->w.data};
    while (ln_csv_more(&scan)) {
        ln_csv_field field;
        do {
            const char *problem;
            bool whole = ln_csv_next(&scan, &field, &problem);
            assert(whole); /* the first pass has been here */
            (void)whole;
            linnet_status status = read_field(r, &field, &to);
            if (status != LINNET_OK) {
                return at_field(r, status, &field);
            }
        } while (!field.last);
        to.values += r->header.values;
    }
    return LINNET_OK;
}

/* ---- the whole ---- */

/* Leaves out the byte order mark and the line ends behind the last record. */
static linnet_status trim(reading *r, const ln_file *file)
{
    r->text = (const char *)file->data;
    r->length = file->size;
    if (r->length >= 3 && memcmp(r->text, "\xef\xbb\xbf", 3) == 0) {
        r->text += 3;
        r->length -= 3;
    }
    while (r->length > 0 && (r->text[r->length - 1] == '\n' || r->text[r->length - 1] == '\r')) {
        r->length--;
    }
    return r->length > 0 ? LINNET_OK
                         : ln_fail(r->error, LINNET_ERROR_FORMAT, "expected CSV, found no record");
}

/* Makes x and y; what they can need at most is bounded by the fields that were counted. */
static linnet_status make_tensors(reading *r)
{
    bool labelled = r->header.label != 0;
    int64_t rows = (int64_t)(r->records - (r->header.present ? 1 : 0));
    if (rows == 0) {
        return ln_fail(r->error, LINNET_ERROR_DATA, "expected rows after the header, found none");
    }
    size_t others = r->header.values + (labelled ? 1 : 0) + (r->header.weighted ? 1 : 0);
    int64_t shape[2] = {rows, (int64_t)(r->columns - others)};
    int64_t values[2] = {rows, (int64_t)r->header.values};
    linnet_status status = linnet_tensor_create(LINNET_FLOAT32, 2, shape, &r->x, r->error);
    if (status == LINNET_OK && r->header.values > 0) {
        status = linnet_tensor_create(LINNET_FLOAT64, 2, values, &r->y, r->error);
    }
    if (status == LINNET_OK && r->header.weighted) {
        status = linnet_tensor_create(LINNET_FLOAT64, 1, shape, &r->w, r->error);
    }
    if (status == LINNET_OK && labelled) {
        status = linnet_tensor_create(LINNET_INT64, 1, shape, &r->y, r->error);
    }
    if (status == LINNET_OK && labelled) {
        void *scratch;
        status = ln_alloc_into(&scratch, r->longest, 1, "a label", r->error);
        r->scratch = scratch;
    }
    return status;
}

static linnet_status read_rows(reading *r, linnet_state_dict *state_dict)
{
    linnet_status status = make_tensors(r);
    if (status == LINNET_OK) {
        ln_fpenv saved = ln_fpenv_enter();
        status = convert(r);
        ln_fpenv_leave(saved);
    }
    if (status == LINNET_OK) {
        status = ln_state_dict_take(state_dict, "x", &r->x, r->error);
    }
    if (status == LINNET_OK && r->header.weighted) {
        status = ln_state_dict_take(state_dict, "w", &r->w, r->error);
    }
    if (status == LINNET_OK && r->header.values > 0) {
        status = ln_csv_name_values(r->text, r->length, &r->header, state_dict, r->error);
        if (status == LINNET_OK) {
            status = ln_state_dict_take(state_dict, "y", &r->y, r->error);
        }
    }
    if (status == LINNET_OK && r->header.label != 0) {
        status = ln_csv_labels_finish(&r->labels, r->y.data, (size_t)r->y.shape[0], state_dict,
                                      r->error);
        if (status == LINNET_OK) {
            status = ln_state_dict_take(state_dict, "y", &r->y, r->error);
        }
    }
    return status;
}

static linnet_status read(const ln_file *file, const ln_read_options *options,
                          linnet_state_dict *state_dict, bool *keeps_file, linnet_error *error)
{
    (void)keeps_file;
    reading r = {.path = file->path, .error = error};
    linnet_status status = trim(&r, file);
    if (status == LINNET_OK) {
        status = survey(&r);
    }
    if (status == LINNET_OK) {
        status = ln_csv_find_header(r.text, r.length, r.columns, options, &r.header, error);
    }
    if (status == LINNET_OK) {
        status = ln_csv_labels_create(options, &r.labels, error);
    }
    if (status == LINNET_OK) {
        status = read_rows(&r, state_dict);
    }
    ln_csv_header_free(&r.header);
    ln_csv_labels_free(&r.labels);
    linnet_tensor_free(&r.x);
    linnet_tensor_free(&r.y);
    linnet_tensor_free(&r.w);
    ln_free(r.scratch);
    return status;
}

const ln_format ln_format_csv = {
    .name = "csv",
    .extension = ".csv",
    .probe = probe,
    .read = read,
};
