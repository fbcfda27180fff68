/* libsvm.c - reads the text of libsvm and SVMlight: a line `label index:value ...` a row, in which
 * what is not there is 0.
 *
 * One kind of records.h. What its labels become is libsvm_label.c's. Ranks no rows, so that qid:
 * is left aside. Writes nothing. */
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"
#include "format/libsvm.h"
#include "format/text.h"

/* A row is read with its zeros, so that an index costs memory that the file does not have. */
#define LAST_INDEX ((1 << 24) - 1)

typedef struct libsvm {
    ln_records records;
    ln_libsvm_labels labels;
    int64_t end;    /* one above the largest index */
    bool from_zero; /* there is an index 0 */
} libsvm;

/* ---- lines ---- */

/* A line, of which tokens are taken. */
typedef struct line {
    const char *at, *end; /* what is left of it, without a comment */
    size_t length;        /* bytes to the next line */
    bool ends;            /* it has a line feed */
} line;

typedef struct token {
    const char *text;
    size_t length;
    size_t number; /* in its line, from 1 */
} token;

static line begin_line(const char *text, const char *end)
{
    const char *feed = memchr(text, '\n', (size_t)(end - text));
    const char *behind = feed != NULL ? feed : end;
    const char *comment = memchr(text, '#', (size_t)(behind - text));
    return (line){.at = text,
                  .end = comment != NULL ? comment : behind,
                  .length = (size_t)(behind - text) + (feed != NULL),
                  .ends = feed != NULL};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static bool next_token(line *l, token *t)
{
    while (l->at < l->end && is_blank(*l->at)) {
        l->at++;
    }
    t->text = l->at;
    while (l->at < l->end && !is_blank(*l->at)) {
        l->at++;
    }
    t->length = (size_t)(l->at - t->text);
    t->number++;
    return t->length > 0;
}

/* Bytes up to the colon of index:value; the whole length where there is none. */
static size_t colon_of(const token *t)
{
    const char *colon = memchr(t->text, ':', t->length);
    return colon != NULL ? (size_t)(colon - t->text) : t->length;
}

static bool is_query(const token *t)
{
    return colon_of(t) == 3 && memcmp(t->text, "qid", 3) == 0;
}

static linnet_status read_index(const token *t, int64_t above, int64_t *index, linnet_error *error)
{
    char quoted[LN_QUOTED];
    size_t length = colon_of(t);
    if (length == t->length || !ln_parse_int64(t->text, length, index)) {
        return ln_fail(error, LINNET_ERROR_FORMAT, "expected index:value, found %s",
                       ln_quote(t->text, t->length, quoted));
    }
    if (*index <= above || *index > LAST_INDEX) {
        return ln_fail(error, LINNET_ERROR_FORMAT,
                       "expected an index from %lld to %d, for they ascend, found %s",
                       (long long)above + 1, LAST_INDEX, ln_quote(t->text, length, quoted));
    }
    return LINNET_OK;
}

static linnet_status read_value(const token *t, float *value, linnet_error *error)
{
    size_t begin = colon_of(t) + 1;
    const char *text = t->text + begin;
    double number;
    return ln_parse_double(text, t->length - begin, &number)
               ? ln_records_narrow(number, text, t->length - begin, value, error)
               : ln_records_fail_number(text, t->length - begin, "", error);
}

/* Steps to a row's first index:value, if it has one, and *labels to its labels, if it has any. */
static bool begin_row(line *l, token *t, token *labels)
{
    *t = (token){0};
    *labels = (token){0};
    bool more = next_token(l, t);
    if (more && colon_of(t) == t->length) {
        *labels = *t;
        more = next_token(l, t);
    }
    return more && is_query(t) ? next_token(l, t) : more;
}

/* ---- which files ---- */

/* Whether each token of a line is what it should be; *pairs: how many index:value there are. */
static bool is_row(line *l, size_t *pairs)
{
    token t, labels;
    bool more = begin_row(l, &t, &labels);
    bool good = labels.length == 0 || ln_libsvm_count_labels(labels.text, labels.length) > 0;
    for (; good && more; more = next_token(l, &t)) {
        int64_t index;
        float value;
        good = read_index(&t, -1, &index, NULL) == LINNET_OK &&
               read_value(&t, &value, NULL) == LINNET_OK;
        *pairs += good;
    }
    return good;
}

/* Lines of labels and pairs, at least one of those. */
static bool probe(const ln_file *file)
{
    const char *at = (const char *)file->data;
    const char *end = at + ln_min_size(file->size, LN_FORMAT_HEAD);
    bool whole = file->size <= LN_FORMAT_HEAD;
    size_t pairs = 0;
    while (at < end) {
        line l = begin_line(at, end);
        at += l.length;
        if (!l.ends && !whole) { /* its last token may be cut */
            while (l.end > l.at && !is_blank(l.end[-1])) {
                l.end--;
            }
        }
        if (!is_row(&l, &pairs)) {
            return false;
        }
    }
    return pairs > 0;
}

/* ---- records ---- */

static linnet_status take_row(libsvm *s, line *l, ln_seen *seen, linnet_error *error)
{
    token t, labels;
    int64_t index = -1;
    bool more = begin_row(l, &t, &labels);
    linnet_status status =
        ln_libsvm_take_labels(&s->labels, &s->records, labels.text, labels.length, error);
    seen->field = 1;
    while (status == LINNET_OK && more) {
        seen->field = t.number;
        status = read_index(&t, index, &index, error);
        if (status == LINNET_OK) {
            s->from_zero = s->from_zero || index == 0;
            s->end = index >= s->end ? index + 1 : s->end;
            more = next_token(l, &t);
        }
    }
    return status;
}

static linnet_status see(ln_records *records, const ln_record *record, ln_seen *seen,
                         linnet_error *error)
{
    line l = begin_line(record->text, record->end), rest = l;
    if (!l.ends && !record->last) {
        return LINNET_OK;
    }
    token t = {0};
    seen->row = next_token(&rest, &t);
    linnet_status status =
        seen->row ? take_row((libsvm *)(void *)records, &l, seen, error) : LINNET_OK;
    seen->length = l.length;
    seen->lines = status == LINNET_OK;
    return status;
}

/* What scikit-learn's load_svmlight_file(zero_based="auto") decides. */
static int64_t first_index(const libsvm *s)
{
    return s->from_zero ? 0 : 1;
}

static linnet_status finish(ln_records *records, linnet_error *error)
{
    libsvm *s = (libsvm *)(void *)records;
    size_t found = s->end > 0 ? (size_t)(s->end - first_index(s)) : 0;
    size_t wanted = records->options->features;
    if (records->rows == 0) {
        return ln_fail(error, LINNET_ERROR_DATA, "expected rows, found nothing but comments");
    }
    if (wanted > 0 && found > wanted) {
        return ln_fail(error, LINNET_ERROR_DATA,
                       "expected at most %zu features, found index %lld, counted from %lld", wanted,
                       (long long)s->end - 1, (long long)first_index(s));
    }
    records->features = wanted > 0 ? wanted : found;
    return ln_libsvm_settle_labels(&s->labels, records, error);
}

static linnet_status read_row(const ln_records *records, const ln_record *record, float *out,
                              ln_seen *seen, linnet_error *error)
{
    const libsvm *s = (const libsvm *)(const void *)records;
    line l = begin_line(record->text, record->end);
    token t, labels;
    int64_t base = first_index(s), index = base - 1;
    linnet_status status = LINNET_OK;
    memset(out, 0, records->features * sizeof *out);
    for (bool more = begin_row(&l, &t, &labels); status == LINNET_OK && more;) {
        float value;
        seen->field = t.number;
        status = read_index(&t, index, &index, error);
        if (status == LINNET_OK) {
            status = read_value(&t, &value, error);
        }
        if (status == LINNET_OK && (size_t)(index - base) >= records->features) {
            status = ln_fail(error, LINNET_ERROR_IO, "the file has changed since it was opened");
        }
        if (status == LINNET_OK) {
            out[index - base] = value;
            more = next_token(&l, &t);
        }
    }
    return status;
}

/* ---- the whole ---- */

static linnet_status give(ln_records *records, linnet_state_dict *state_dict, linnet_error *error)
{
    return ln_libsvm_give_labels(&((libsvm *)(void *)records)->labels, records, state_dict, error);
}

static void free_libsvm(ln_records *records)
{
    ln_libsvm_free_labels(&((libsvm *)(void *)records)->labels);
}

static const ln_record_type libsvm_records = {
    .name = "rows of libsvm",
    .size = sizeof(libsvm),
    .see = see,
    .finish = finish,
    .read = read_row,
    .give = give,
    .free = free_libsvm,
};

static linnet_status read(const ln_file *file, const ln_read_options *options,
                          linnet_state_dict *state_dict, bool *keeps_file, linnet_error *error)
{
    (void)keeps_file;
    return ln_records_load(&libsvm_records, file, options, state_dict, error);
}

const ln_format ln_format_libsvm = {
    .name = "libsvm",
    .extension = ".svm .libsvm",
    .probe = probe,
    .read = read,
    .records = &libsvm_records,
};
