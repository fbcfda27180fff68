/* tensor.c - dtypes, shapes, and tensors as typed windows on memory.
 *
 * Making and freeing tensors, counting elements, telling contiguity. Views are in view.c,
 * conversion between dtypes and copies in convert.c. */
#include "tensor/tensor.h"

#include <stdio.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/number.h"
#include "base/memory.h"

/* ---- dtypes ---- */

static const ln_dtype dtypes[] = {
#define LN_DTYPE(dtype, name, type_name, safetensors, numpy, size, floating, target)               \
    [dtype] = {dtype, name, type_name, safetensors, numpy, size, floating, target},
#include "tensor/dtypes.def"
#undef LN_DTYPE
};

const ln_dtype *ln_dtype_row(linnet_dtype dtype)
{
    size_t i = (size_t)dtype;
    return i < sizeof dtypes / sizeof dtypes[0] ? &dtypes[i] : NULL;
}

const ln_dtype *ln_dtype_rows(size_t *count)
{
    *count = sizeof dtypes / sizeof dtypes[0];
    return dtypes;
}

const char *linnet_dtype_name(linnet_dtype dtype)
{
    const ln_dtype *row = ln_dtype_row(dtype);
    return row != NULL ? row->name : NULL;
}

size_t linnet_dtype_size(linnet_dtype dtype)
{
    const ln_dtype *row = ln_dtype_row(dtype);
    return row != NULL ? row->size : 0;
}

/* ---- shapes ---- */

int64_t ln_shape_numel(const ln_shape *shape, int first)
{
    int64_t numel = 1;
    bool overflow = false;
    for (int d = first; d < shape->rank; d++) {
        if (shape->size[d] == 0) {
            return 0; /* however large the others are */
        }
        overflow = overflow || !ln_mul_i64(numel, shape->size[d], &numel);
    }
    return overflow ? INT64_MAX : numel;
}

char *ln_shape_text(const ln_shape *shape, char *text, size_t size)
{
    size_t used = 0;
    for (int d = 0; d < shape->rank && used < size; d++) {
        int length = snprintf(text + used, size - used, "%s%lld", d == 0 ? "[" : ", ",
                              (long long)shape->size[d]);
        used += length > 0 ? (size_t)length : 0;
    }
    if (used < size) {
        snprintf(text + used, size - used, shape->rank == 0 ? "[]" : "]");
    }
    return text;
}

ln_shape ln_tensor_shape(const linnet_tensor *tensor)
{
    ln_shape shape = {.rank = tensor->rank};
    for (int d = 0; d < tensor->rank; d++) {
        shape.size[d] = tensor->shape[d];
    }
    return shape;
}

/* ---- tensors ---- */

/* Strides count a size of 0 as 1, as PyTorch's do, so that the product is checked even there. */
linnet_status ln_tensor_describe(linnet_dtype dtype, int rank, const int64_t *shape,
                                 linnet_tensor *tensor, linnet_error *error)
{
    *tensor = (linnet_tensor){.dtype = dtype, .rank = rank};
    const ln_dtype *row = ln_dtype_row(dtype);
    linnet_status status = LINNET_OK;
    if (row == NULL) {
        status = ln_fail(error, LINNET_ERROR_ARGUMENT, "unknown dtype %d", (int)dtype);
    } else if (rank < 0 || rank > LINNET_MAX_RANK) {
        status = ln_fail(error, LINNET_ERROR_ARGUMENT,
                         "expected a tensor of 0 to %d dimensions, got %d", LINNET_MAX_RANK, rank);
    }
    int64_t stride = 1;
    for (int d = rank - 1; status == LINNET_OK && d >= 0; d--) {
        tensor->shape[d] = shape[d];
        tensor->strides[d] = stride;
        if (shape[d] < 0) {
            status = ln_fail(error, LINNET_ERROR_ARGUMENT,
                             "expected sizes of 0 or more, got %lld in dimension %d",
                             (long long)shape[d], d);
        } else if (!ln_mul_i64(stride, shape[d] > 0 ? shape[d] : 1, &stride)) {
            status = ln_fail_memory(error, SIZE_MAX, "a tensor");
        }
    }
    int64_t bytes = 0;
    if (status == LINNET_OK && !ln_mul_i64(stride, (int64_t)row->size, &bytes)) {
        status = ln_fail_memory(error, SIZE_MAX, "a tensor");
    }
    if (status != LINNET_OK) {
        *tensor = (linnet_tensor){0};
    }
    return status;
}

linnet_status linnet_tensor_from(void *data, linnet_dtype dtype, int rank, const int64_t *shape,
                                 linnet_tensor *tensor, linnet_error *error)
{
    linnet_status status = ln_tensor_describe(dtype, rank, shape, tensor, error);
    if (status == LINNET_OK) {
        tensor->data = data;
    }
    return status;
}

linnet_status linnet_tensor_create(linnet_dtype dtype, int rank, const int64_t *shape,
                                   linnet_tensor *tensor, linnet_error *error)
{
    linnet_tensor made;
    linnet_status status = ln_tensor_describe(dtype, rank, shape, &made, error);
    if (status == LINNET_OK) {
        status = ln_alloc_into(&made.storage, (size_t)linnet_tensor_numel(&made),
                               linnet_dtype_size(dtype), "a tensor", error);
        made.data = made.storage;
    }
    *tensor = status == LINNET_OK ? made : (linnet_tensor){0};
    return status;
}

void linnet_tensor_free(linnet_tensor *tensor)
{
    if (tensor != NULL) {
        ln_free(tensor->storage);
        *tensor = (linnet_tensor){0};
    }
}

int64_t linnet_tensor_numel(const linnet_tensor *tensor)
{
    int64_t numel = 1;
    for (int d = 0; d < tensor->rank; d++) {
        numel *= tensor->shape[d];
    }
    return numel;
}

bool linnet_tensor_is_contiguous(const linnet_tensor *tensor)
{
    if (linnet_tensor_numel(tensor) == 0) {
        return true;
    }
    int64_t stride = 1;
    for (int d = tensor->rank - 1; d >= 0; d--) {
        if (tensor->shape[d] != 1 && tensor->strides[d] != stride) {
            return false;
        }
        stride *= tensor->shape[d];
    }
    return true;
}

void ln_tensor_fill(linnet_tensor *tensor, double value)
{
    int64_t numel = linnet_tensor_numel(tensor);
    float *floats = tensor->data;
    double *doubles = tensor->data;
    for (int64_t i = 0; i < numel; i++) {
        if (tensor->dtype == LINNET_FLOAT64) {
            doubles[i] = value;
        } else {
            floats[i] = (float)value;
        }
    }
}

double ln_rounded(linnet_dtype dtype, double value)
{
    return dtype == LINNET_FLOAT64 ? value : (double)(float)value;
}

const char *ln_print_rounded(linnet_dtype dtype, double value, char *text)
{
    return dtype == LINNET_FLOAT64 ? ln_print_double(value, text)
                                   : ln_print_float((float)value, text);
}
