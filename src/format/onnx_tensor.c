/* onnx_tensor.c - an ONNX tensor as a view: of the message, or of a file beside the model.
 *
 * Sizes are held against the bytes that are there before anything is taken. Typed data of 16 and 8
 * bits stands in 32-bit numbers in the message and is narrowed; all else is used where it is. */
#include "format/onnx.h"

#ifdef LN_WITH_ONNX

#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/grow.h"
#include "base/number.h"

/* A tensor being decoded. */
typedef struct decoding {
    ln_onnx *onnx;
    const LnOnnx__Tensor *message;
    const char *name;
    int64_t shape[LINNET_MAX_RANK];
    linnet_dtype dtype;
    size_t bytes;
} decoding;

static linnet_status fail_tensor(const decoding *d, linnet_status status, const char *text)
{
    char quoted[LN_QUOTED];
    return ln_fail(d->onnx->error, status, "tensor %s: %s",
                   ln_quote(d->name, strlen(d->name), quoted), text);
}

/* ---- what the message says ---- */

static const struct {
    int number;
    linnet_dtype dtype;
} types[] = {
    {1, LINNET_FLOAT32},   {2, LINNET_UINT8},        {3, LINNET_INT8},         {4, LINNET_UINT16},
    {5, LINNET_INT16},     {6, LINNET_INT32},        {7, LINNET_INT64},        {9, LINNET_BOOL},
    {10, LINNET_FLOAT16},  {11, LINNET_FLOAT64},     {12, LINNET_UINT32},      {13, LINNET_UINT64},
    {16, LINNET_BFLOAT16}, {17, LINNET_FLOAT8_E4M3}, {19, LINNET_FLOAT8_E5M2},
};

static linnet_status read_type(decoding *d)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i].number == d->message->data_type) {
            d->dtype = types[i].dtype;
            return LINNET_OK;
        }
    }
    char text[64];
    snprintf(text, sizeof text, "expected a data_type that Linnet knows, found %d",
             d->message->data_type);
    return fail_tensor(d, LINNET_ERROR_UNSUPPORTED, text);
}

static linnet_status read_shape(decoding *d)
{
    if (d->message->n_dims > LINNET_MAX_RANK) {
        return fail_tensor(d, LINNET_ERROR_UNSUPPORTED, "expected at most 16 dimensions");
    }
    for (size_t i = 0; i < d->message->n_dims; i++) {
        d->shape[i] = d->message->dims[i];
        if (d->shape[i] < 0) {
            return fail_tensor(d, LINNET_ERROR_FORMAT, "expected sizes from 0 on in dims");
        }
    }
    if (!ln_format_bytes(d->dtype, (int)d->message->n_dims, d->shape, &d->bytes)) {
        return fail_tensor(d, LINNET_ERROR_FORMAT, "the product of the sizes in dims overflows");
    }
    return LINNET_OK;
}

static linnet_status check_size(const decoding *d, const char *where, size_t found)
{
    char text[128];
    if (found == d->bytes) {
        return LINNET_OK;
    }
    snprintf(text, sizeof text, "dims and data_type ask for %zu bytes, %s holds %zu", d->bytes,
             where, found);
    return fail_tensor(d, LINNET_ERROR_FORMAT, text);
}

/* ---- in a file beside the model ---- */

/* A whole number of an entry; `standard` where there is none. */
static linnet_status read_entry(const decoding *d, const char *key, size_t standard, size_t *value)
{
    *value = standard;
    for (size_t i = 0; i < d->message->n_external_data; i++) {
        const LnOnnx__Entry *entry = d->message->external_data[i];
        const char *text = ln_onnx_text(entry->value);
        int64_t number;
        if (strcmp(ln_onnx_text(entry->key), key) != 0) {
            continue;
        }
        if (!ln_parse_int64(text, strlen(text), &number) || number < 0) {
            char message[160], quoted[LN_QUOTED];
            snprintf(message, sizeof message,
                     "expected a whole number from 0 on as %s of external_data, found %s", key,
                     ln_quote(text, strlen(text), quoted));
            return fail_tensor(d, LINNET_ERROR_FORMAT, message);
        }
        *value = (size_t)number;
    }
    return LINNET_OK;
}

static const char *location(const decoding *d)
{
    const char *found = "";
    for (size_t i = 0; i < d->message->n_external_data; i++) {
        const LnOnnx__Entry *entry = d->message->external_data[i];
        if (strcmp(ln_onnx_text(entry->key), "location") == 0) {
            found = ln_onnx_text(entry->value);
        }
    }
    return found;
}

/* The file, which is opened once and kept. */
static linnet_status open_external(const decoding *d, const ln_file **file)
{
    ln_onnx_external *external = &d->onnx->keeper->external;
    const char *path = location(d);
    size_t index = ln_names_find(&external->names, path, strlen(path));
    if (index != LN_NO_NAME) {
        *file = &external->files[index];
        return LINNET_OK;
    }
    linnet_error why = {.status = LINNET_OK};
    ln_file opened;
    linnet_status status = ln_file_open_beside(d->onnx->file->path, path, &opened, &why);
    if (status != LINNET_OK) {
        char text[900], quoted[LN_QUOTED];
        snprintf(text, sizeof text, "external data %s: %.700s",
                 ln_quote(path, strlen(path), quoted), why.message);
        return fail_tensor(d, status, text);
    }
    ln_file *grown = ln_grow(external->files, &external->capacity, external->names.count + 1,
                             sizeof *external->files);
    if (grown == NULL) {
        ln_file_close(&opened);
        return ln_fail_memory(d->onnx->error, sizeof opened, "a list of files");
    }
    external->files = grown;
    status = ln_names_add(&external->names, path, strlen(path), &index, d->onnx->error);
    if (status != LINNET_OK) {
        ln_file_close(&opened);
        return status;
    }
    grown[index] = opened;
    *file = &grown[index];
    return LINNET_OK;
}

static linnet_status find_external(const decoding *d, const void **data)
{
    size_t offset, length;
    linnet_status status = read_entry(d, "offset", 0, &offset);
    if (status == LINNET_OK) {
        status = read_entry(d, "length", d->bytes, &length);
    }
    if (status == LINNET_OK) {
        status = check_size(d, "length of external_data", length);
    }
    const ln_file *file;
    if (status == LINNET_OK) {
        status = open_external(d, &file);
    }
    if (status != LINNET_OK) {
        return status;
    }
    if (offset > file->size || length > file->size - offset) {
        char text[192];
        snprintf(text, sizeof text,
                 "expected bytes within the %zu of its external data, found offset %zu and length "
                 "%zu",
                 file->size, offset, length);
        return fail_tensor(d, LINNET_ERROR_FORMAT, text);
    }
    *data = file->data + offset;
    return LINNET_OK;
}

/* ---- in the message ---- */

/* 32-bit numbers that hold elements of 1 or 2 bytes in their low bits. */
static linnet_status narrow(const decoding *d, const void **data)
{
    size_t size = linnet_dtype_size(d->dtype);
    linnet_status status = check_size(d, "int32_data", d->message->n_int32_data * size);
    if (status != LINNET_OK) {
        return status;
    }
    uint8_t *bytes = ln_onnx_take(&d->onnx->keeper->arena, d->bytes);
    if (bytes == NULL) {
        return ln_fail_memory(d->onnx->error, d->bytes, "a tensor");
    }
    for (size_t i = 0; i < d->message->n_int32_data; i++) {
        uint32_t number = (uint32_t)d->message->int32_data[i];
        for (size_t b = 0; b < size; b++) {
            bytes[i * size + b] = (uint8_t)(number >> 8 * b);
        }
    }
    *data = bytes;
    return LINNET_OK;
}

static linnet_status find_typed(const decoding *d, const void **data)
{
    const LnOnnx__Tensor *m = d->message;
    switch (d->dtype) {
    case LINNET_FLOAT32:
        *data = m->float_data;
        return check_size(d, "float_data", m->n_float_data * sizeof *m->float_data);
    case LINNET_FLOAT64:
        *data = m->double_data;
        return check_size(d, "double_data", m->n_double_data * sizeof *m->double_data);
    case LINNET_INT64:
        *data = m->int64_data;
        return check_size(d, "int64_data", m->n_int64_data * sizeof *m->int64_data);
    case LINNET_UINT64:
        *data = m->uint64_data;
        return check_size(d, "uint64_data", m->n_uint64_data * sizeof *m->uint64_data);
    case LINNET_INT32:
        *data = m->int32_data;
        return check_size(d, "int32_data", m->n_int32_data * sizeof *m->int32_data);
    case LINNET_UINT32:
        return fail_tensor(d, LINNET_ERROR_UNSUPPORTED, "expected raw_data for data_type 12");
    default: return narrow(d, data);
    }
}

static linnet_status find_data(const decoding *d, const void **data)
{
    enum { EXTERNAL = 1 };
    if (d->message->segment != NULL) {
        return fail_tensor(d, LINNET_ERROR_UNSUPPORTED, "expected a whole tensor, found a segment");
    }
    if (d->message->data_location == EXTERNAL) {
        return find_external(d, data);
    }
    if (d->message->has_raw_data) {
        *data = d->message->raw_data.data;
        return check_size(d, "raw_data", d->message->raw_data.len);
    }
    return find_typed(d, data);
}

linnet_status ln_onnx_decode(ln_onnx *onnx, const LnOnnx__Tensor *message, const char *name,
                             linnet_tensor *tensor)
{
    decoding d = {.onnx = onnx, .message = message, .name = name};
    const void *data = NULL;
    linnet_status status = read_type(&d);
    if (status == LINNET_OK) {
        status = read_shape(&d);
    }
    if (status == LINNET_OK) {
        status = find_data(&d, &data);
    }
    if (status != LINNET_OK) {
        return status;
    }
    /* A view of const bytes; nobody writes to what a reader gives. */
    return linnet_tensor_from((void *)(uintptr_t)data, d.dtype, (int)message->n_dims, d.shape,
                              tensor, onnx->error);
}

/* ---- whole numbers ---- */

bool ln_onnx_integer(const linnet_tensor *tensor, int64_t i, int64_t *value)
{
    if (tensor->rank > 1 || i >= linnet_tensor_numel(tensor)) {
        return false;
    }
    const uint8_t *data = tensor->data;
    int64_t stride = tensor->rank == 0 ? 1 : tensor->strides[0];
    if (tensor->dtype == LINNET_INT64) {
        memcpy(value, data + i * stride * 8, 8);
        return true;
    }
    int32_t narrow_value;
    if (tensor->dtype == LINNET_INT32) {
        memcpy(&narrow_value, data + i * stride * 4, 4);
        *value = narrow_value;
        return true;
    }
    return false;
}

#endif
