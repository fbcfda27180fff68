/* npy.c - reads npy, the format of numpy.save, versions 1 to 3, and writes version 1 as numpy does.
 *
 * One tensor, named "": a view of the file where byte order and alignment allow it. Knows no
 * objects and no records; nothing in a file is ever executed. */
#include "format/npy.h"

#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"
#include "format/format.h"
#include "format/swap.h"
#include "format/text.h"
#include "tensor/state_dict.h"
#include "tensor/tensor.h"

static const uint8_t magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

bool ln_npy_probe(const uint8_t *data, size_t size)
{
    return size >= sizeof magic && memcmp(data, magic, sizeof magic) == 0;
}

linnet_status ln_npy_header_size(const uint8_t *data, size_t size, size_t *header_size,
                                 linnet_error *error)
{
    if (!ln_npy_probe(data, size)) {
        return ln_fail(error, LINNET_ERROR_FORMAT,
                       "expected \\x93NUMPY, which begins an npy file, found something else");
    }
    if (size < 10 || (data[6] > 1 && size < 12)) {
        return ln_fail(error, LINNET_ERROR_FORMAT,
                       "the file ends within its npy header, after %zu bytes", size);
    }
    if (data[6] < 1 || data[6] > 3 || data[7] != 0) {
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                       "expected npy version 1.0, 2.0 or 3.0, found %d.%d", data[6], data[7]);
    }
    size_t length = (size_t)data[8] | (size_t)data[9] << 8;
    if (data[6] > 1) {
        length |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
    }
    if (length > LN_NPY_MAX_HEADER) {
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                       "expected an npy header of at most %d bytes, found %zu", LN_NPY_MAX_HEADER,
                       length);
    }
    *header_size = length + (data[6] > 1 ? 12 : 10);
    return LINNET_OK;
}

/* ---- the header: a Python dict of three entries ---- */

typedef struct cursor {
    const char *at;
    const char *end;
    const char *begin;
    linnet_error *error;
    bool texts;     /* are taken */
    int64_t length; /* of a text, where the array is one of texts */
} cursor;

static linnet_status fail_expected(const cursor *c, const char *expected)
{
    char found[LN_QUOTED];
    size_t left = (size_t)(c->end - c->at);
    return ln_fail(c->error, LINNET_ERROR_FORMAT,
                   "npy header, character %zu: expected %s, found %s",
                   (size_t)(c->at - c->begin) + 1, expected,
                   left == 0 ? "its end" : ln_quote(c->at, left, found));
}

static void skip_space(cursor *c)
{
    while (c->at < c->end &&
           (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r')) {
        c->at++;
    }
}

/* Steps over one character, and the space around it; false where another one stands there. */
static bool take(cursor *c, char wanted)
{
    skip_space(c);
    if (c->at == c->end || *c->at != wanted) {
        return false;
    }
    c->at++;
    skip_space(c);
    return true;
}

static bool take_word(cursor *c, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0) {
        return false;
    }
    c->at += length;
    return true;
}

static linnet_status read_string(cursor *c, const char **text, size_t *length, const char *what)
{
    skip_space(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"')) {
        return fail_expected(c, what);
    }
    const char *close = memchr(c->at + 1, *c->at, (size_t)(c->end - c->at) - 1);
    if (close == NULL) {
        return fail_expected(c, "a string that is closed");
    }
    *text = c->at + 1;
    *length = (size_t)(close - *text);
    c->at = close + 1;
    return LINNET_OK;
}

/* The type of a text without its byte order: "U5", "S12". */
static bool read_text_type(cursor *c, const char *type, size_t length, ln_npy *npy)
{
    npy->texts = c->texts && length > 1 && (type[0] == 'U' || type[0] == 'S') &&
                 ln_parse_int64(type + 1, length - 1, &c->length) && c->length >= 0;
    npy->dtype = type[0] == 'U' ? LINNET_INT32 : LINNET_UINT8;
    return npy->texts;
}

/* "<f4": byte order, then kind and size. */
static linnet_status read_descr(cursor *c, ln_npy *npy)
{
    const char *text;
    size_t length;
    char quoted[LN_QUOTED];
    skip_space(c);
    if (c->at < c->end && *c->at == '[') {
        return ln_fail(c->error, LINNET_ERROR_UNSUPPORTED,
                       "expected an array of numbers, found an array of records");
    }
    linnet_status status = read_string(c, &text, &length, "a type such as '<f4'");
    if (status != LINNET_OK) {
        return status;
    }
    size_t count;
    const ln_dtype *rows = ln_dtype_rows(&count);
    bool ordered = length > 0 && strchr("<>|=", text[0]) != NULL && text[0] != '\0';
    for (size_t i = 0; ordered && i < count; i++) {
        if (rows[i].numpy != NULL && strlen(rows[i].numpy) == length - 1 &&
            memcmp(rows[i].numpy, text + 1, length - 1) == 0) {
            npy->dtype = rows[i].dtype;
            npy->swapped = text[0] == '>' && rows[i].size > 1;
            return LINNET_OK;
        }
    }
    if (ordered && read_text_type(c, text + 1, length - 1, npy)) {
        npy->swapped = text[0] == '>';
        return LINNET_OK;
    }
    bool is_text = length > 1 && (text[1] == 'U' || text[1] == 'S');
    return ln_fail(c->error, LINNET_ERROR_UNSUPPORTED,
                   "Linnet has no counterpart of the numpy dtype %s%s",
                   ln_quote(text, length, quoted),
                   is_text ? ", text; numpy.unique(y, return_inverse=True) numbers it" : "");
}

static linnet_status read_order(cursor *c, ln_npy *npy)
{
    skip_space(c);
    npy->fortran = take_word(c, "True");
    if (!npy->fortran && !take_word(c, "False")) {
        return fail_expected(c, "True or False");
    }
    return LINNET_OK;
}

/* One size of a shape. Python 2 wrote an L behind long ones. */
static linnet_status read_size(cursor *c, int64_t *size)
{
    const char *begin = c->at;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
        c->at++;
    }
    if (!ln_parse_int64(begin, (size_t)(c->at - begin), size)) {
        c->at = begin;
        return fail_expected(c, "a size");
    }
    if (c->at < c->end && *c->at == 'L') {
        c->at++;
    }
    return LINNET_OK;
}

static linnet_status read_shape(cursor *c, ln_npy *npy)
{
    if (!take(c, '(')) {
        return fail_expected(c, "a shape such as (3, 4)");
    }
    npy->rank = 0;
    bool comma = true;
    while (!take(c, ')')) {
        if (!comma) {
            return fail_expected(c, "',' or ')'");
        }
        if (npy->rank == LINNET_MAX_RANK) {
            return ln_fail(c->error, LINNET_ERROR_UNSUPPORTED,
                           "expected at most %d dimensions, found more", LINNET_MAX_RANK);
        }
        linnet_status status = read_size(c, &npy->shape[npy->rank]);
        if (status != LINNET_OK) {
            return status;
        }
        npy->rank++;
        comma = take(c, ',');
    }
    if (npy->rank == 1 && !comma) {
        return ln_fail(c->error, LINNET_ERROR_FORMAT,
                       "npy header: expected a tuple as shape, found a number in parentheses");
    }
    return LINNET_OK;
}

static linnet_status read_entry(cursor *c, ln_npy *npy, bool seen[3])
{
    static const char *const keys[3] = {"descr", "fortran_order", "shape"};
    static linnet_status (*const readers[3])(cursor *, ln_npy *) = {read_descr, read_order,
                                                                    read_shape};
    const char *text;
    size_t length;
    const char *begin = c->at;
    linnet_status status = read_string(c, &text, &length, "a key");
    if (status != LINNET_OK) {
        return status;
    }
    for (int i = 0; i < 3; i++) {
        if (!seen[i] && strlen(keys[i]) == length && memcmp(keys[i], text, length) == 0) {
            seen[i] = true;
            return take(c, ':') ? readers[i](c, npy) : fail_expected(c, "':'");
        }
    }
    c->at = begin;
    return fail_expected(c, "'descr', 'fortran_order' and 'shape', once each");
}

static linnet_status read_header(cursor *c, ln_npy *npy)
{
    bool seen[3] = {false, false, false};
    if (!take(c, '{')) {
        return fail_expected(c, "'{'");
    }
    bool comma = true;
    while (!take(c, '}')) {
        linnet_status status = comma ? read_entry(c, npy, seen) : fail_expected(c, "',' or '}'");
        if (status != LINNET_OK) {
            return status;
        }
        comma = take(c, ',');
    }
    if (c->at != c->end) {
        return fail_expected(c, "nothing after the '}'");
    }
    if (!seen[0] || !seen[1] || !seen[2]) {
        return ln_fail(c->error, LINNET_ERROR_FORMAT,
                       "npy header: expected 'descr', 'fortran_order' and 'shape', found no '%s'",
                       !seen[0]   ? "descr"
                       : !seen[1] ? "fortran_order"
                                  : "shape");
    }
    return LINNET_OK;
}

linnet_status ln_npy_parse(const uint8_t *data, size_t header_size, size_t file_size, bool texts,
                           ln_npy *npy, linnet_error *error)
{
    size_t preamble = data[6] > 1 ? 12 : 10;
    const char *text = (const char *)data;
    cursor c = {text + preamble, text + header_size, text + preamble, error, texts, 0};
    *npy = (ln_npy){.data_offset = header_size};
    linnet_status status = read_header(&c, npy);
    if (status != LINNET_OK) {
        return status;
    }
    if (npy->texts) {
        if (npy->rank != 1 || npy->fortran) {
            return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                           "expected texts in one dimension, found %d", npy->rank);
        }
        npy->shape[npy->rank++] = c.length;
    }
    if (!ln_format_bytes(npy->dtype, npy->rank, npy->shape, &npy->data_size)) {
        return ln_fail(error, LINNET_ERROR_FORMAT,
                       "npy header: the product of the shape's sizes overflows");
    }
    if (file_size - header_size != npy->data_size) {
        return ln_fail(error, LINNET_ERROR_FORMAT,
                       "the npy header asks for %zu bytes of elements, found %zu", npy->data_size,
                       file_size - header_size);
    }
    return LINNET_OK;
}

/* ---- reading ---- */

void ln_npy_finish(const ln_npy *npy, linnet_tensor *tensor)
{
    if (npy->swapped) {
        ln_copy_swapped(tensor->data, tensor->data, (size_t)linnet_tensor_numel(tensor),
                        linnet_dtype_size(npy->dtype));
    }
    if (npy->fortran) {
        int64_t stride = 1;
        for (int i = 0; i < npy->rank; i++) {
            tensor->strides[i] = stride;
            stride *= npy->shape[i] > 1 ? npy->shape[i] : 1;
        }
    }
}

static bool probe(const ln_file *file)
{
    return ln_npy_probe(file->data, file->size);
}

static linnet_status read(const ln_file *file, const ln_read_options *options,
                          linnet_state_dict *state_dict, bool *keeps_file, linnet_error *error)
{
    (void)options;
    size_t header_size;
    linnet_status status = ln_npy_header_size(file->data, file->size, &header_size, error);
    if (status != LINNET_OK) {
        return status;
    }
    if (header_size > file->size) {
        return ln_fail(error, LINNET_ERROR_FORMAT, "expected %zu bytes of npy header, found %zu",
                       header_size, file->size);
    }
    ln_npy npy;
    status = ln_npy_parse(file->data, header_size, file->size, false, &npy, error);
    if (status != LINNET_OK) {
        return status;
    }
    const uint8_t *elements = file->data + npy.data_offset;
    linnet_tensor tensor;
    if (!npy.swapped && (uintptr_t)elements % linnet_dtype_size(npy.dtype) == 0) {
        /* Views are never written to. */
        status = linnet_tensor_from((void *)(uintptr_t)elements, npy.dtype, npy.rank, npy.shape,
                                    &tensor, error);
        *keeps_file = true;
    } else {
        status = linnet_tensor_create(npy.dtype, npy.rank, npy.shape, &tensor, error);
        if (status == LINNET_OK && npy.data_size > 0) {
            memcpy(tensor.data, elements, npy.data_size);
        }
    }
    if (status != LINNET_OK) {
        return status;
    }
    ln_npy_finish(&npy, &tensor);
    status = ln_state_dict_take(state_dict, "", &tensor, error);
    linnet_tensor_free(&tensor);
    return status;
}

/* ---- writing ---- */

/* numpy leaves room for the first size (the last one in Fortran order) to grow to 21 digits in
 * place, and ends the header with spaces and a line end on a multiple of 64 bytes. */
#define GROWING_DIGITS 21
#define HEADER_UNIT 64

static void append_spaces(ln_text *text, size_t count)
{
    while (count-- > 0) {
        ln_text_append(text, " ", 1);
    }
}

linnet_status ln_npy_append_header(ln_text *text, const linnet_tensor *tensor, linnet_error *error)
{
    static const char version_and_length[4] = {1, 0, 0, 0};
    const ln_dtype *row = ln_dtype_row(tensor->dtype);
    if (row->numpy == NULL) {
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED, "an npy file cannot hold %s", row->name);
    }
    size_t begin = text->size;
    ln_text_append(text, (const char *)magic, sizeof magic);
    ln_text_append(text, version_and_length, sizeof version_and_length);
    ln_text_append_string(text, "{'descr': '");
    ln_text_append_string(text, row->size == 1 ? "|" : "<");
    ln_text_append_string(text, row->numpy);
    ln_text_append_string(text, "', 'fortran_order': False, 'shape': (");
    size_t digits = GROWING_DIGITS;
    for (int i = 0; i < tensor->rank; i++) {
        size_t before = text->size;
        ln_text_append_int64(text, tensor->shape[i]);
        if (i == 0) {
            digits = text->size - before;
        }
        ln_text_append_string(text, tensor->rank == 1 ? "," : i + 1 < tensor->rank ? ", " : "");
    }
    ln_text_append_string(text, "), }");
    append_spaces(text, GROWING_DIGITS - digits);
    append_spaces(text, HEADER_UNIT - 1 - (text->size - begin) % HEADER_UNIT);
    ln_text_append(text, "\n", 1);
    if (text->failed) {
        return ln_fail_memory(error, text->size, "an npy header");
    }
    size_t length = text->size - begin - sizeof magic - sizeof version_and_length;
    text->data[begin + 8] = (char)(length & 0xff);
    text->data[begin + 9] = (char)(length >> 8);
    return LINNET_OK;
}

static linnet_status write(const linnet_state_dict *state_dict, const char *path,
                           linnet_error *error)
{
    size_t count = linnet_state_dict_count(state_dict);
    if (count != 1) {
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                       "an npy file holds one tensor, and there are %zu", count);
    }
    const linnet_tensor *tensor = linnet_state_dict_tensor(state_dict, 0);
    ln_text header = {0};
    linnet_writer *writer = NULL;
    linnet_status status = ln_npy_append_header(&header, tensor, error);
    if (status == LINNET_OK) {
        status = linnet_writer_open(path, &writer, error);
    }
    if (status == LINNET_OK) {
        status = linnet_writer_write(writer, header.data, header.size, error);
    }
    if (status == LINNET_OK) {
        status = ln_format_write_tensor(writer, tensor, error);
    }
    ln_free(header.data);
    if (status != LINNET_OK) {
        linnet_writer_abort(writer);
        return status;
    }
    return linnet_writer_commit(writer, error);
}

const ln_format ln_format_npy = {
    .name = "npy",
    .extension = ".npy",
    .probe = probe,
    .read = read,
    .write = write,
};
