/* safetensors.c - reads and writes safetensors: a JSON header, then the tensors' bytes.
 *
 * A file is validated wholly before anything of it is used: the tensors' ranges tile the data
 * without a gap or an overlap, and each fits its shape and dtype. Tensors are views of the file.
 * Written files equal, byte for byte, those of the reference writer. */
#include "format/format.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "format/swap.h"
#include "format/text.h"
#include "tensor/state_dict.h"
#include "tensor/tensor.h"

#define PREFIX 8 /* the header's length, little-endian */
#define MAX_HEADER 100000000
#define METADATA "__metadata__"

/* ---- reading ---- */

/* One tensor as the header describes it. */
typedef struct entry {
    const char *name; /* borrowed from the JSON */
    size_t position;  /* in the header */
    size_t begin, end;
    linnet_dtype dtype;
    int rank;
    int64_t shape[LINNET_MAX_RANK];
} entry;

/* A file being read. */
typedef struct reading {
    const uint8_t *data; /* the tensors' bytes */
    size_t size;
    json_t *header;
    entry *entries;
    size_t count;
    linnet_error *error;
} reading;

static uint64_t header_length(const uint8_t *data)
{
    uint64_t length = 0;
    for (int i = PREFIX - 1; i >= 0; i--) {
        length = length << 8 | data[i];
    }
    return length;
}

/* A length of less than 4 GiB before a '{': enough to tell other formats apart, and little enough
 * for damaged files to be told what is wrong with them. */
static bool probe(const ln_file *file)
{
    return file->size > PREFIX && header_length(file->data) <= UINT32_MAX &&
           file->data[PREFIX] == '{';
}

static linnet_status fail_tensor(const reading *r, linnet_status status, const char *name,
                                 const char *expected, const char *found)
{
    char quoted[LN_QUOTED];
    return ln_fail(r->error, status, "tensor %s: expected %s, found %s",
                   ln_quote(name, strlen(name), quoted), expected, found);
}

static const char *json_kind(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return json_integer_value(value) < 0 ? "a negative number" : "a number";
    case JSON_REAL: return "a fraction";
    case JSON_TRUE: return "true";
    case JSON_FALSE: return "false";
    case JSON_NULL: return "null";
    }
    return "something else";
}

static linnet_status read_dtype(const reading *r, const json_t *value, entry *e)
{
    if (!json_is_string(value)) {
        return fail_tensor(r, LINNET_ERROR_FORMAT, e->name, "a string as dtype", json_kind(value));
    }
    const char *name = json_string_value(value);
    size_t count;
    const ln_dtype *rows = ln_dtype_rows(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].safetensors, name) == 0) {
            e->dtype = rows[i].dtype;
            return LINNET_OK;
        }
    }
    char quoted[LN_QUOTED];
    return fail_tensor(r, LINNET_ERROR_UNSUPPORTED, e->name, "a dtype that Linnet knows",
                       ln_quote(name, strlen(name), quoted));
}

static linnet_status read_shape(const reading *r, const json_t *value, entry *e)
{
    if (!json_is_array(value)) {
        return fail_tensor(r, LINNET_ERROR_FORMAT, e->name, "an array as shape", json_kind(value));
    }
    size_t rank = json_array_size(value);
    if (rank > LINNET_MAX_RANK) {
        return fail_tensor(r, LINNET_ERROR_UNSUPPORTED, e->name, "at most 16 dimensions", "more");
    }
    e->rank = (int)rank;
    for (size_t i = 0; i < rank; i++) {
        const json_t *size = json_array_get(value, i);
        if (!json_is_integer(size) || json_integer_value(size) < 0) {
            return fail_tensor(r, LINNET_ERROR_FORMAT, e->name,
                               "whole numbers from 0 on in its shape", json_kind(size));
        }
        e->shape[i] = json_integer_value(size);
    }
    return LINNET_OK;
}

static linnet_status read_offsets(const reading *r, const json_t *value, entry *e)
{
    size_t offsets[2] = {0, 0};
    if (!json_is_array(value) || json_array_size(value) != 2) {
        return fail_tensor(r, LINNET_ERROR_FORMAT, e->name,
                           "an array of two numbers as data_offsets",
                           json_is_array(value) ? "another count" : json_kind(value));
    }
    for (size_t i = 0; i < 2; i++) {
        const json_t *offset = json_array_get(value, i);
        if (!json_is_integer(offset) || json_integer_value(offset) < 0) {
            return fail_tensor(r, LINNET_ERROR_FORMAT, e->name,
                               "whole numbers from 0 on as data_offsets", json_kind(offset));
        }
        offsets[i] = (size_t)json_integer_value(offset);
    }
    e->begin = offsets[0];
    e->end = offsets[1];
    return LINNET_OK;
}

/* The range has to lie in the data and to be as long as shape and dtype ask for. */
static linnet_status check_range(const reading *r, const entry *e)
{
    char quoted[LN_QUOTED];
    const char *name = ln_quote(e->name, strlen(e->name), quoted);
    size_t bytes;
    if (!ln_format_bytes(e->dtype, e->rank, e->shape, &bytes)) {
        return ln_fail(r->error, LINNET_ERROR_FORMAT,
                       "tensor %s: the product of the sizes in its shape overflows", name);
    }
    if (e->begin > e->end || e->end > r->size) {
        return ln_fail(
            r->error, LINNET_ERROR_FORMAT,
            "tensor %s: expected data_offsets within the %zu bytes of data, found [%zu, %zu]", name,
            r->size, e->begin, e->end);
    }
    if (e->end - e->begin != bytes) {
        return ln_fail(r->error, LINNET_ERROR_FORMAT,
                       "tensor %s: shape and dtype ask for %zu bytes, data_offsets give %zu", name,
                       bytes, e->end - e->begin);
    }
    return LINNET_OK;
}

static linnet_status read_entry(const reading *r, json_t *value, entry *e)
{
    static const struct {
        const char *key;
        linnet_status (*read)(const reading *, const json_t *, entry *);
    } fields[] = {{"dtype", read_dtype}, {"shape", read_shape}, {"data_offsets", read_offsets}};
    const size_t field_count = sizeof fields / sizeof fields[0];

    if (!json_is_object(value)) {
        return fail_tensor(r, LINNET_ERROR_FORMAT, e->name, "an object", json_kind(value));
    }
    for (size_t i = 0; i < field_count; i++) {
        const json_t *field = json_object_get(value, fields[i].key);
        if (field == NULL) {
            return fail_tensor(r, LINNET_ERROR_FORMAT, e->name, "dtype, shape and data_offsets",
                               "one of them missing");
        }
        linnet_status status = fields[i].read(r, field, e);
        if (status != LINNET_OK) {
            return status;
        }
    }
    if (json_object_size(value) != field_count) {
        return fail_tensor(r, LINNET_ERROR_FORMAT, e->name, "dtype, shape and data_offsets alone",
                           "another key as well");
    }
    return check_range(r, e);
}

static linnet_status read_metadata(const reading *r, json_t *value, linnet_state_dict *state_dict)
{
    if (!json_is_object(value)) {
        return ln_fail(r->error, LINNET_ERROR_FORMAT, METADATA ": expected an object, found %s",
                       json_kind(value));
    }
    const char *key;
    json_t *text;
    json_object_foreach(value, key, text)
    {
        if (!json_is_string(text)) {
            char quoted[LN_QUOTED];
            return ln_fail(r->error, LINNET_ERROR_FORMAT,
                           METADATA ": expected a string for %s, found %s",
                           ln_quote(key, strlen(key), quoted), json_kind(text));
        }
        linnet_status status =
            linnet_state_dict_metadata_set(state_dict, key, json_string_value(text), r->error);
        if (status != LINNET_OK) {
            return status;
        }
    }
    return LINNET_OK;
}

static linnet_status read_entries(reading *r, linnet_state_dict *state_dict)
{
    linnet_status status = ln_alloc_into(&r->entries, json_object_size(r->header),
                                         sizeof *r->entries, "the header's tensors", r->error);
    if (status != LINNET_OK) {
        return status;
    }
    const char *name;
    json_t *value;
    json_object_foreach(r->header, name, value)
    {
        if (strcmp(name, METADATA) == 0) {
            status = read_metadata(r, value, state_dict);
        } else {
            entry *e = &r->entries[r->count];
            *e = (entry){.name = name, .position = r->count++};
            status = read_entry(r, value, e);
        }
        if (status != LINNET_OK) {
            return status;
        }
    }
    return LINNET_OK;
}

/* By place in the data; where tensors without elements share one, by place in the header. */
static int compare_entries(const void *left, const void *right)
{
    const entry *a = left;
    const entry *b = right;
    if (a->begin != b->begin) {
        return a->begin < b->begin ? -1 : 1;
    }
    if (a->end != b->end) {
        return a->end < b->end ? -1 : 1;
    }
    return a->position < b->position ? -1 : a->position > b->position;
}

/* The ranges have to follow each other without a gap, from the first byte of the data to the last.
 */
static linnet_status check_tiling(reading *r)
{
    qsort(r->entries, r->count, sizeof *r->entries, compare_entries);
    size_t at = 0;
    for (size_t i = 0; i < r->count; i++) {
        const entry *e = &r->entries[i];
        if (e->begin != at) {
            char quoted[LN_QUOTED];
            return ln_fail(r->error, LINNET_ERROR_FORMAT,
                           "tensor %s: expected data_offsets from %zu on, found %zu: %s",
                           ln_quote(e->name, strlen(e->name), quoted), at, e->begin,
                           e->begin > at ? "a gap" : "an overlap");
        }
        at = e->end;
    }
    if (at != r->size) {
        return ln_fail(r->error, LINNET_ERROR_FORMAT,
                       "the header describes %zu bytes of data, the file holds %zu", at, r->size);
    }
    return LINNET_OK;
}

/* Views of the file; what is not aligned to its dtype is copied. */
static linnet_status take_tensors(const reading *r, linnet_state_dict *state_dict)
{
    linnet_status status = LINNET_OK;
    for (size_t i = 0; status == LINNET_OK && i < r->count; i++) {
        const entry *e = &r->entries[i];
        const uint8_t *bytes = r->data + e->begin;
        linnet_tensor tensor;
        if ((uintptr_t)bytes % linnet_dtype_size(e->dtype) == 0) {
            /* Views are never written to. */
            status = linnet_tensor_from((void *)(uintptr_t)bytes, e->dtype, e->rank, e->shape,
                                        &tensor, r->error);
        } else {
            status = linnet_tensor_create(e->dtype, e->rank, e->shape, &tensor, r->error);
            if (status == LINNET_OK) {
                memcpy(tensor.data, bytes, e->end - e->begin);
            }
        }
        if (status == LINNET_OK) {
            status = ln_state_dict_take(state_dict, e->name, &tensor, r->error);
            linnet_tensor_free(&tensor);
        }
    }
    return status;
}

/* Finds the header and parses its JSON. */
static linnet_status open_header(const ln_file *file, reading *r)
{
    if (file->size < PREFIX) {
        return ln_fail(r->error, LINNET_ERROR_FORMAT,
                       "expected the 8 bytes of a safetensors header's length, found %zu",
                       file->size);
    }
    uint64_t length = header_length(file->data);
    if (length > MAX_HEADER) {
        return ln_fail(r->error, LINNET_ERROR_FORMAT,
                       "expected a header of at most %d bytes, found %llu", MAX_HEADER,
                       (unsigned long long)length);
    }
    if (length > file->size - PREFIX) {
        return ln_fail(r->error, LINNET_ERROR_FORMAT,
                       "expected a header of %llu bytes, found %zu: the file is cut short",
                       (unsigned long long)length, file->size - PREFIX);
    }
    const char *text = (const char *)file->data + PREFIX;
    if (length == 0 || text[0] != '{') {
        return ln_fail(r->error, LINNET_ERROR_FORMAT, "expected a header that begins with '{'");
    }
    json_error_t problem;
    r->header = json_loadb(text, (size_t)length, JSON_REJECT_DUPLICATES, &problem);
    if (r->header == NULL && json_error_code(&problem) == json_error_out_of_memory) {
        return ln_fail_memory(r->error, (size_t)length, "the header");
    }
    if (r->header == NULL) {
        char quoted[LN_QUOTED];
        return ln_fail(r->error, LINNET_ERROR_FORMAT, "the header is not valid JSON at byte %d: %s",
                       problem.position, ln_quote(problem.text, strlen(problem.text), quoted));
    }
    r->data = file->data + PREFIX + length;
    r->size = file->size - PREFIX - (size_t)length;
    return LINNET_OK;
}

static linnet_status read(const ln_file *file, const ln_read_options *options,
                          linnet_state_dict *state_dict, bool *keeps_file, linnet_error *error)
{
    (void)options;
    reading r = {.error = error};
    linnet_status status = open_header(file, &r);
    if (status == LINNET_OK) {
        status = read_entries(&r, state_dict);
    }
    if (status == LINNET_OK) {
        status = check_tiling(&r);
    }
    if (status == LINNET_OK) {
        status = take_tensors(&r, state_dict);
    }
    ln_free(r.entries);
    json_decref(r.header);
    *keeps_file = true;
    return status;
}

/* ---- writing ---- */

/* The order of the reference writer: falling alignment, and within it as its type list has them. */
static const linnet_dtype written_first[] = {
    LINNET_UINT64,      LINNET_INT64,       LINNET_FLOAT64, LINNET_FLOAT32, LINNET_UINT32,
    LINNET_INT32,       LINNET_BFLOAT16,    LINNET_FLOAT16, LINNET_UINT16,  LINNET_INT16,
    LINNET_FLOAT8_E4M3, LINNET_FLOAT8_E5M2, LINNET_INT8,    LINNET_UINT8,   LINNET_BOOL,
};

static size_t dtype_order(linnet_dtype dtype)
{
    size_t order = 0;
    while (order < sizeof written_first / sizeof written_first[0] &&
           written_first[order] != dtype) {
        order++;
    }
    return order;
}

/* A tensor or a line of metadata to write. */
typedef struct item {
    const char *name;
    const char *value;           /* of metadata */
    const linnet_tensor *tensor; /* NULL for metadata */
} item;

static int compare_items(const void *left, const void *right)
{
    const item *a = left;
    const item *b = right;
    size_t first = a->tensor == NULL ? 0 : dtype_order(a->tensor->dtype);
    size_t second = b->tensor == NULL ? 0 : dtype_order(b->tensor->dtype);
    if (first != second) {
        return first < second ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}

static linnet_status check_text(const char *what, const char *text, linnet_error *error)
{
    if (!ln_utf8_valid(text, strlen(text))) {
        char quoted[LN_QUOTED];
        return ln_fail(error, LINNET_ERROR_ARGUMENT, "%s %s is not valid UTF-8", what,
                       ln_quote(text, strlen(text), quoted));
    }
    return LINNET_OK;
}

/* Metadata and tensors, each sorted: `*items` holds the *line_count lines of metadata first. */
static linnet_status sort_items(const linnet_state_dict *state_dict, item **items,
                                size_t *line_count, linnet_error *error)
{
    size_t tensors = linnet_state_dict_count(state_dict);
    size_t keys = linnet_state_dict_metadata_count(state_dict), lines = 0;
    item *list;
    linnet_status status =
        ln_alloc_into(&list, tensors + keys, sizeof *list, "a list of tensors", error);
    if (status != LINNET_OK) {
        return status;
    }
    for (size_t i = 0; status == LINNET_OK && i < keys; i++) {
        const char *key = linnet_state_dict_metadata_key(state_dict, i);
        const char *value = linnet_state_dict_metadata_get(state_dict, key);
        if (strcmp(key, LN_FORMAT_WARNING) == 0) {
            continue;
        }
        list[lines++] = (item){key, value, NULL};
        status = check_text("the metadata key", key, error);
        if (status == LINNET_OK) {
            status = check_text("the metadata value", value, error);
        }
    }
    for (size_t i = 0; status == LINNET_OK && i < tensors; i++) {
        const char *name = linnet_state_dict_name(state_dict, i);
        list[lines + i] = (item){name, NULL, linnet_state_dict_tensor(state_dict, i)};
        status = strcmp(name, METADATA) == 0
                     ? ln_fail(error, LINNET_ERROR_ARGUMENT,
                               "a safetensors file cannot hold a tensor named '" METADATA "'")
                     : check_text("the tensor name", name, error);
    }
    if (status != LINNET_OK) {
        ln_free(list);
        return status;
    }
    qsort(list, lines, sizeof *list, compare_items);
    qsort(list + lines, tensors, sizeof *list, compare_items);
    *items = list;
    *line_count = lines;
    return LINNET_OK;
}

static void append_tensor(ln_text *text, const item *it, int64_t *offset)
{
    const linnet_tensor *tensor = it->tensor;
    const ln_dtype *row = ln_dtype_row(tensor->dtype);
    ln_text_append_json(text, it->name);
    ln_text_append_string(text, ":{\"dtype\":\"");
    ln_text_append_string(text, row->safetensors);
    ln_text_append_string(text, "\",\"shape\":[");
    for (int i = 0; i < tensor->rank; i++) {
        ln_text_append_string(text, i == 0 ? "" : ",");
        ln_text_append_int64(text, tensor->shape[i]);
    }
    ln_text_append_string(text, "],\"data_offsets\":[");
    ln_text_append_int64(text, *offset);
    *offset += linnet_tensor_numel(tensor) * (int64_t)row->size;
    ln_text_append_string(text, ",");
    ln_text_append_int64(text, *offset);
    ln_text_append_string(text, "]}");
}

/* Length and header, as they stand in the file. */
static linnet_status build_header(const item *items, size_t lines, size_t tensors, ln_text *text,
                                  linnet_error *error)
{
    static const char length_to_come[PREFIX];
    ln_text_append(text, length_to_come, PREFIX);
    ln_text_append_string(text, "{");
    for (size_t i = 0; i < lines; i++) {
        ln_text_append_string(text, i == 0 ? "\"" METADATA "\":{" : ",");
        ln_text_append_json(text, items[i].name);
        ln_text_append_string(text, ":");
        ln_text_append_json(text, items[i].value);
    }
    ln_text_append_string(text, lines == 0 ? "" : "}");
    int64_t offset = 0;
    for (size_t i = 0; i < tensors; i++) {
        ln_text_append_string(text, i + lines == 0 ? "" : ",");
        append_tensor(text, &items[lines + i], &offset);
    }
    ln_text_append_string(text, "}");
    while (!text->failed && text->size % PREFIX != 0) {
        ln_text_append_string(text, " ");
    }
    if (text->failed) {
        return ln_fail_memory(error, text->size, "the header");
    }
    size_t length = text->size - PREFIX;
    if (length > MAX_HEADER) {
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                       "names and metadata make a header of %zu bytes, and at most %d are allowed",
                       length, MAX_HEADER);
    }
    for (int i = 0; i < PREFIX; i++) {
        text->data[i] = (char)(length >> (8 * i) & 0xff);
    }
    return LINNET_OK;
}

static linnet_status write_file(const char *path, const ln_text *header, const item *tensors,
                                size_t count, linnet_error *error)
{
    linnet_writer *writer;
    linnet_status status = linnet_writer_open(path, &writer, error);
    if (status != LINNET_OK) {
        return status;
    }
    status = linnet_writer_write(writer, header->data, header->size, error);
    for (size_t i = 0; status == LINNET_OK && i < count; i++) {
        status = ln_format_write_tensor(writer, tensors[i].tensor, error);
    }
    if (status != LINNET_OK) {
        linnet_writer_abort(writer);
        return status;
    }
    return linnet_writer_commit(writer, error);
}

static linnet_status write(const linnet_state_dict *state_dict, const char *path,
                           linnet_error *error)
{
    item *items;
    size_t lines;
    linnet_status status = sort_items(state_dict, &items, &lines, error);
    if (status != LINNET_OK) {
        return status;
    }
    size_t tensors = linnet_state_dict_count(state_dict);
    ln_text header = {0};
    status = build_header(items, lines, tensors, &header, error);
    if (status == LINNET_OK) {
        status = write_file(path, &header, items + lines, tensors, error);
    }
    ln_free(header.data);
    ln_free(items);
    return status;
}

const ln_format ln_format_safetensors = {
    .name = "safetensors",
    .extension = ".safetensors",
    .probe = probe,
    .read = read,
    .write = write,
    .keeps_metadata = true,
};
