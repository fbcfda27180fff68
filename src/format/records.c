/* records.c - passes over a text of records, in memory or a piece at a time, and reads rows of it.
 *
 * What a record looks like is its kind's to know: csv.c, libsvm.c. */
#include "format/records.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/fpenv.h"
#include "base/grow.h"
#include "base/memory.h"
#include "os/limits.h"
#include "tensor/state_dict.h"
#include "tensor/tensor.h"

/* Bytes of a file that are looked at together, unless a record is longer: when it is passed over,
 * and when neighbouring rows are read. */
#define PIECE ((size_t)1 << 20)
#define RUN ((size_t)64 << 10)
/* The same where there is little to be had: at a file's ends, and for counting lines. */
#define BIT ((size_t)4096)

/* ---- numbers ---- */

linnet_status ln_records_fail_number(const char *text, size_t length, const char *column,
                                     linnet_error *error)
{
    char quoted[LN_QUOTED];
    return ln_fail(error, LINNET_ERROR_FORMAT, "expected a number%s%s, found %s",
                   column[0] != '\0' ? " in column " : "", column,
                   length == 0 ? "nothing" : ln_quote(text, length, quoted));
}

linnet_status ln_records_narrow(double number, const char *text, size_t length, float *value,
                                linnet_error *error)
{
    char quoted[LN_QUOTED];
    *value = (float)number;
    return isinf(*value) && !isinf(number)
               ? ln_fail(error, LINNET_ERROR_FORMAT, "expected a number within float32, found %s",
                         ln_quote(text, length, quoted))
               : LINNET_OK;
}

/* ---- columns ---- */

linnet_status ln_column_grow(ln_column *column, size_t need, size_t size, linnet_error *error)
{
    void *grown = ln_grow(column->data, &column->capacity, need, size);
    if (grown == NULL) {
        return ln_fail_memory(error, ln_saturated_mul(need, size), "the labels");
    }
    column->data = grown;
    return LINNET_OK;
}

linnet_status ln_column_give(ln_column *column, const ln_records *records, const char *name,
                             linnet_dtype dtype, size_t width, linnet_state_dict *state_dict,
                             linnet_error *error)
{
    int64_t shape[2] = {(int64_t)records->rows, (int64_t)width};
    linnet_tensor tensor;
    linnet_status status = ln_tensor_describe(dtype, width > 0 ? 2 : 1, shape, &tensor, error);
    if (status == LINNET_OK) {
        tensor.data = tensor.storage = column->data;
        status = ln_state_dict_take(state_dict, name, &tensor, error);
    }
    if (status == LINNET_OK) {
        *column = (ln_column){0};
    }
    return status;
}

linnet_status ln_records_give_classes(ln_text *json, linnet_state_dict *state_dict,
                                      linnet_error *error)
{
    ln_text_append(json, "]", sizeof "]");
    linnet_status status =
        json->failed ? ln_fail_memory(error, json->size, "the classes")
                     : linnet_state_dict_metadata_set(state_dict, "classes", json->data, error);
    ln_free(json->data);
    return status;
}

/* ---- text ---- */

static linnet_status copy_text(const ln_content *content, uint64_t from, size_t size, char *to,
                               linnet_error *error)
{
    if (content->data != NULL) {
        memcpy(to, content->data + from, size);
        return LINNET_OK;
    }
    return ln_reader_read(content->reader, from, to, size, error);
}

/* Leaves out a byte order mark, and line ends behind the last record. */
static linnet_status trim(ln_content *content, linnet_error *error)
{
    char bytes[BIT];
    linnet_status status = LINNET_OK;
    if (content->end - content->begin >= 3) {
        status = copy_text(content, content->begin, 3, bytes, error);
        content->begin += status == LINNET_OK && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    }
    size_t left = 0;
    while (status == LINNET_OK && left == 0 && content->end > content->begin) {
        left = ln_min_size(BIT, (size_t)(content->end - content->begin));
        status = copy_text(content, content->end - left, left, bytes, error);
        while (status == LINNET_OK && left > 0 &&
               (bytes[left - 1] == '\n' || bytes[left - 1] == '\r')) {
            left--;
            content->end--;
        }
    }
    return status;
}

/* The line that a place is in; 0 where the text cannot be read any more. */
static int64_t line_of(const ln_content *content, uint64_t place)
{
    char bytes[BIT];
    int64_t line = 1;
    for (uint64_t at = content->begin; at < place;) {
        size_t size = ln_min_size(BIT, (size_t)(place - at));
        if (copy_text(content, at, size, bytes, NULL) != LINNET_OK) {
            return 0;
        }
        for (size_t i = 0; i < size; i++) {
            line += bytes[i] == '\n';
        }
        at += size;
    }
    return line;
}

/* path:LINE:FIELD for an error that has no place yet. */
static void set_place(const ln_content *content, int64_t line, const ln_seen *seen,
                      linnet_error *error)
{
    char place[sizeof error->place];
    const int path_room = (int)sizeof place - 48;
    if (seen->field > 0 && line > 0) {
        snprintf(place, sizeof place, "%.*s:%lld:%zu", path_room, content->path,
                 (long long)(line + seen->lines), seen->field);
        ln_error_set_place(error, place);
    }
}

/* What came of reading, unless the file is no longer the one that was opened. */
static linnet_status settle(const ln_content *content, linnet_status status, linnet_error *error)
{
    linnet_error changed;
    if (content->reader != NULL && ln_reader_check(content->reader, &changed) != LINNET_OK) {
        status = changed.status;
        if (error != NULL) {
            *error = changed;
        }
    }
    return status;
}

/* ---- passing over all of it ---- */

/* The part of the text that is at hand. */
typedef struct piece {
    const char *text;
    uint64_t begin, end; /* its place in the content */
    char *buffer;        /* what text points to, where that is read; owned */
    size_t capacity;
} piece;

/* Brings more of the text, from `at` on, which is within what is at hand or behind it. */
static linnet_status bring(const ln_content *content, uint64_t at, piece *p, linnet_error *error)
{
    if (content->data != NULL) {
        p->text = content->data + at;
        p->begin = at;
        p->end = content->end;
        return LINNET_OK;
    }
    size_t kept = (size_t)(p->end - at);
    uint64_t behind = content->end - p->end;
    if (kept == p->capacity) { /* of one record, unless it is the first time */
        size_t more = kept > PIECE ? kept : PIECE;
        size_t need = kept + (behind < more ? (size_t)behind : more);
        char *grown = ln_grow(p->buffer, &p->capacity, need, 1);
        if (grown == NULL) {
            return ln_fail_memory(error, need, "a record");
        }
        p->buffer = grown;
    } else {
        memmove(p->buffer, p->buffer + (at - p->begin), kept);
    }
    size_t size = p->capacity - kept;
    size = behind < size ? (size_t)behind : size;
    p->text = p->buffer;
    p->begin = at;
    linnet_status status = ln_reader_read(content->reader, p->end, p->buffer + kept, size, error);
    p->end += size;
    return status;
}

static linnet_status keep_place(ln_records *records, uint64_t at, linnet_error *error)
{
    size_t need = records->rows + 1;
    uint64_t *grown = ln_grow(records->places, &records->capacity, need, sizeof *grown);
    if (grown == NULL) {
        return ln_fail_memory(error, ln_saturated_mul(need, sizeof *grown), "the places of rows");
    }
    records->places = grown;
    grown[records->rows++] = at;
    return LINNET_OK;
}

static linnet_status see_all(ln_records *records, piece *p, linnet_error *error)
{
    const ln_content *content = &records->content;
    linnet_status status = LINNET_OK;
    int64_t line = 1;
    uint64_t at = content->begin;
    while (status == LINNET_OK && at < content->end) {
        ln_seen seen = {0};
        if (at < p->end) {
            ln_record record = {p->text + (at - p->begin), p->text + (p->end - p->begin),
                                p->end == content->end};
            status = records->type->see(records, &record, &seen, error);
            assert(status != LINNET_OK || seen.length > 0 || !record.last);
        }
        if (status != LINNET_OK) {
            set_place(content, line, &seen, error);
        } else if (seen.length == 0) {
            status = bring(content, at, p, error);
        } else {
            status = seen.row ? keep_place(records, at, error) : LINNET_OK;
            at += seen.length;
            line += seen.lines;
        }
    }
    return status;
}

/* Where a row begins, or the text behind the last one ends. */
static uint64_t place_of(const ln_records *records, size_t row)
{
    return row < records->rows ? records->places[row] : records->content.end;
}

static linnet_status survey(ln_records *records, linnet_error *error)
{
    piece p = {.begin = records->content.begin, .end = records->content.begin};
    ln_fpenv saved = ln_fpenv_enter();
    linnet_status status = see_all(records, &p, error);
    if (status == LINNET_OK) {
        status = records->type->finish(records, error);
    }
    ln_fpenv_leave(saved);
    ln_free(p.buffer);
    for (size_t i = 0; i < records->rows; i++) {
        size_t length = (size_t)(place_of(records, i + 1) - place_of(records, i));
        records->longest = length > records->longest ? length : records->longest;
    }
    return status;
}

void ln_records_free(ln_records *records)
{
    if (records != NULL) {
        records->type->free(records);
        ln_free(records->places);
        ln_free(records);
    }
}

linnet_status ln_records_create(const ln_record_type *type, const ln_content *content,
                                const ln_read_options *options, ln_records **records,
                                linnet_error *error)
{
    void *block;
    *records = NULL;
    linnet_status status = ln_alloc_into(&block, 1, type->size, "a table of rows", error);
    if (status != LINNET_OK) {
        return status;
    }
    ln_records *made = block;
    *made = (ln_records){.type = type, .options = options, .content = *content};
    status = trim(&made->content, error);
    if (status == LINNET_OK && made->content.begin == made->content.end) {
        status = ln_fail(error, LINNET_ERROR_FORMAT, "expected %s, found no record", type->name);
    }
    if (status == LINNET_OK) {
        status = survey(made, error);
    }
    status = settle(content, status, error);
    if (status != LINNET_OK) {
        ln_records_free(made);
        return status;
    }
    *records = made;
    return LINNET_OK;
}

/* ---- reading rows ---- */

/* Reads n neighbouring rows, whose text has room in the buffer. */
static linnet_status read_run(const ln_records *records, size_t first, size_t n, char *buffer,
                              float *out, linnet_error *error)
{
    const ln_content *content = &records->content;
    uint64_t begin = place_of(records, first);
    const char *text = buffer;
    linnet_status status = LINNET_OK;
    if (content->data != NULL) {
        text = content->data + begin;
    } else {
        size_t size = (size_t)(place_of(records, first + n) - begin);
        status = ln_reader_read(content->reader, begin, buffer, size, error);
    }
    for (size_t i = 0; status == LINNET_OK && i < n; i++) {
        uint64_t place = place_of(records, first + i);
        ln_record record = {text + (place - begin),
                            text + (place_of(records, first + i + 1) - begin), true};
        ln_seen seen = {0};
        status = records->type->read(records, &record, out + i * records->features, &seen, error);
        if (status != LINNET_OK) {
            set_place(content, line_of(content, place), &seen, error);
        }
    }
    return status;
}

/* How many of the rows from rows[0] on are neighbours and have room together; 1 at least. */
static size_t count_neighbours(const ln_records *records, const int64_t *rows, size_t count,
                               size_t room)
{
    size_t first = (size_t)rows[0], n = 1;
    while (n < count && rows[n] == rows[0] + (int64_t)n &&
           place_of(records, first + n + 1) - place_of(records, first) <= room) {
        n++;
    }
    return n;
}

/* Bytes for the text of some of the rows at least, of all of them where they are few. */
static size_t find_room(const ln_records *records, const int64_t *rows, size_t count)
{
    size_t room = 0, most = records->longest > RUN ? records->longest : RUN;
    for (size_t i = 0; i < count && room < most; i++) {
        size_t row = (size_t)rows[i];
        room =
            ln_saturated_add(room, (size_t)(place_of(records, row + 1) - place_of(records, row)));
    }
    return ln_min_size(room, most);
}

linnet_status ln_records_read(const ln_records *records, const int64_t *rows, size_t count,
                              float *out, linnet_error *error)
{
    char *buffer = NULL;
    linnet_status status = LINNET_OK;
    size_t room = SIZE_MAX;
    if (records->content.data == NULL) {
        room = find_room(records, rows, count);
        status = ln_alloc_into(&buffer, room, 1, "the text of rows", error);
    }
    ln_fpenv saved = ln_fpenv_enter();
    for (size_t i = 0, n; status == LINNET_OK && i < count; i += n) {
        n = count_neighbours(records, rows + i, count - i, room);
        status = read_run(records, (size_t)rows[i], n, buffer, out + i * records->features, error);
    }
    ln_fpenv_leave(saved);
    ln_free(buffer);
    return settle(&records->content, status, error);
}

/* ---- all of it ---- */

/* Rows of libsvm may ask for far more memory than they have text. */
static linnet_status create_rows(const ln_records *records, linnet_tensor *x, linnet_error *error)
{
    int64_t shape[2] = {(int64_t)records->rows, (int64_t)records->features};
    size_t bytes =
        ln_saturated_mul(ln_saturated_mul(records->rows, records->features), sizeof(float));
    *x = (linnet_tensor){0};
    return bytes > ln_memory_limit() ? ln_fail_memory(error, bytes, "the rows")
                                     : linnet_tensor_create(LINNET_FLOAT32, 2, shape, x, error);
}

static linnet_status load_rows(ln_records *records, linnet_state_dict *state_dict,
                               linnet_error *error)
{
    linnet_tensor x;
    linnet_status status = create_rows(records, &x, error);
    for (int64_t row = 0; status == LINNET_OK && row < x.shape[0]; row++) {
        status = ln_records_read(records, &row, 1,
                                 (float *)x.data + (size_t)row * records->features, error);
    }
    if (status == LINNET_OK) {
        status = ln_state_dict_take(state_dict, "x", &x, error);
    }
    linnet_tensor_free(&x);
    return status == LINNET_OK ? records->type->give(records, state_dict, error) : status;
}

linnet_status ln_records_load(const ln_record_type *type, const ln_file *file,
                              const ln_read_options *options, linnet_state_dict *state_dict,
                              linnet_error *error)
{
    ln_content content = {.path = file->path, .data = (const char *)file->data, .end = file->size};
    ln_records *records;
    linnet_status status = ln_records_create(type, &content, options, &records, error);
    if (status == LINNET_OK) {
        status = load_rows(records, state_dict, error);
        ln_records_free(records);
    }
    return status;
}
