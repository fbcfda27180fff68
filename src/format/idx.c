/* idx.c - reads IDX, the format of MNIST and its kin: a type, sizes, and big-endian elements.
 *
 * One tensor, named "". Bytes are a view of the file; wider elements are turned to this machine's
 * order in a copy. Writes nothing. */
#include "format/idx.h"

#include "base/checked.h"
#include "base/error.h"
#include "format/format.h"
#include "format/swap.h"
#include "tensor/state_dict.h"

/* The third byte of the file. */
static const struct {
    uint8_t code;
    linnet_dtype dtype;
} types[] = {
    {0x08, LINNET_UINT8}, {0x09, LINNET_INT8},    {0x0b, LINNET_INT16},
    {0x0c, LINNET_INT32}, {0x0d, LINNET_FLOAT32}, {0x0e, LINNET_FLOAT64},
};

static bool find_type(uint8_t code, linnet_dtype *dtype)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i].code == code) {
            *dtype = types[i].dtype;
            return true;
        }
    }
    return false;
}

static int64_t size_at(const uint8_t *data, int dimension)
{
    const uint8_t *at = data + 4 + 4 * dimension;
    return (int64_t)((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]);
}

static bool looks_like_idx(const uint8_t *data, size_t size)
{
    linnet_dtype dtype;
    return size >= 4 && data[0] == 0 && data[1] == 0 && find_type(data[2], &dtype);
}

bool ln_idx_file_size(const uint8_t *data, size_t size, size_t *file_size)
{
    linnet_dtype dtype;
    if (!looks_like_idx(data, size) || !find_type(data[2], &dtype) || data[3] > LINNET_MAX_RANK ||
        size < 4 + 4 * (size_t)data[3]) {
        return false;
    }
    int64_t shape[LINNET_MAX_RANK];
    for (int i = 0; i < data[3]; i++) {
        shape[i] = size_at(data, i);
    }
    size_t bytes;
    if (!ln_format_bytes(dtype, data[3], shape, &bytes)) {
        return false;
    }
    return ln_add_size(bytes, 4 + 4 * (size_t)data[3], file_size);
}

static bool probe(const ln_file *file)
{
    return looks_like_idx(file->data, file->size);
}

/* Checks the header and that the elements fill the file exactly. */
static linnet_status check(const ln_file *file, linnet_dtype *dtype, linnet_error *error)
{
    const uint8_t *data = file->data;
    if (file->size < 4) {
        return ln_fail(error, LINNET_ERROR_FORMAT,
                       "expected the 4 bytes that begin an idx file, found %zu", file->size);
    }
    if (data[0] != 0 || data[1] != 0 || !find_type(data[2], dtype)) {
        return ln_fail(
            error, LINNET_ERROR_FORMAT,
            "expected an idx file's 00 00 and a type from 08 to 0e, found %02x %02x %02x", data[0],
            data[1], data[2]);
    }
    if (data[3] == 0 || data[3] > LINNET_MAX_RANK) {
        return ln_fail(error, LINNET_ERROR_FORMAT, "expected from 1 to %d dimensions, found %d",
                       LINNET_MAX_RANK, data[3]);
    }
    if (file->size < 4 + 4 * (size_t)data[3]) {
        return ln_fail(error, LINNET_ERROR_FORMAT,
                       "expected a header of %zu bytes for %d dimensions, found %zu",
                       4 + 4 * (size_t)data[3], data[3], file->size);
    }
    size_t expected;
    if (!ln_idx_file_size(data, file->size, &expected)) {
        return ln_fail(error, LINNET_ERROR_FORMAT,
                       "the product of the sizes in the header overflows");
    }
    if (file->size != expected) {
        return ln_fail(error, LINNET_ERROR_FORMAT,
                       "the header asks for a file of %zu bytes, found %zu", expected, file->size);
    }
    return LINNET_OK;
}

static linnet_status read(const ln_file *file, const ln_read_options *options,
                          linnet_state_dict *state_dict, bool *keeps_file, linnet_error *error)
{
    (void)options;
    linnet_dtype dtype = LINNET_UINT8;
    linnet_status status = check(file, &dtype, error);
    if (status != LINNET_OK) {
        return status;
    }
    int rank = file->data[3];
    int64_t shape[LINNET_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        shape[i] = size_at(file->data, i);
    }
    const uint8_t *elements = file->data + 4 + 4 * rank;
    linnet_tensor tensor;
    if (linnet_dtype_size(dtype) == 1) {
        /* Views are never written to. */
        status =
            linnet_tensor_from((void *)(uintptr_t)elements, dtype, rank, shape, &tensor, error);
        *keeps_file = true;
    } else {
        status = linnet_tensor_create(dtype, rank, shape, &tensor, error);
        if (status == LINNET_OK) {
            ln_copy_swapped(tensor.data, elements, (size_t)linnet_tensor_numel(&tensor),
                            linnet_dtype_size(dtype));
        }
    }
    if (status != LINNET_OK) {
        return status;
    }
    status = ln_state_dict_take(state_dict, "", &tensor, error);
    linnet_tensor_free(&tensor);
    return status;
}

const ln_format ln_format_idx = {
    .name = "idx",
    .extension = ".idx",
    .probe = probe,
    .read = read,
};
