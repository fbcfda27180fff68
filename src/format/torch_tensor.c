/* torch_tensor.c - a tensor of a PyTorch pickle: its shape and strides held against its storage,
 * and its bytes.
 *
 * Tensors are views of their storage: those that share one in PyTorch share it here. */
#include "format/torch.h"

#include <inttypes.h>

#include "base/checked.h"
#include "format/swap.h"

/* ---- shape and strides ---- */

static const ln_torch_storage *storage_of(const ln_torch *torch, const ln_pickle_value *storage)
{
    return &torch->store->items[storage->as.made.integer];
}

/* Elements of `size` bytes that a STORAGE, or the piece of one, holds; *first: where they begin. */
static int64_t elements_of(const ln_torch *torch, const ln_pickle_value *storage, size_t size,
                           int64_t *first)
{
    const ln_pickle_value *offset = storage->as.made.parts[1];
    if (offset != NULL) {
        *first = offset->as.integer;
        return storage->as.made.parts[2]->as.integer;
    }
    *first = 0;
    return (int64_t)(storage_of(torch, storage)->bytes / size);
}

static linnet_status read_dimensions(ln_pickle *pickle, const char *what,
                                     const ln_pickle_value *value, int *rank, int64_t *numbers)
{
    if (!ln_pickle_is_sequence(value)) {
        return ln_pickle_expected(pickle, what, value);
    }
    if (value->as.items.count > LINNET_MAX_RANK) {
        return ln_pickle_fail(pickle, LINNET_ERROR_UNSUPPORTED, pickle->op,
                              "expected at most %d dimensions, found %zu", LINNET_MAX_RANK,
                              value->as.items.count);
    }
    *rank = 0;
    for (ln_pickle_item *item = value->as.items.first; item != NULL; item = item->next) {
        if (item->value->kind != LN_PICKLE_INT || item->value->as.integer < 0) {
            return ln_pickle_expected(pickle, "a whole number from 0 on", item->value);
        }
        numbers[(*rank)++] = item->value->as.integer;
    }
    return LINNET_OK;
}

/* Index of the last element that shape and strides reach, from `offset` on; false where it
 * overflows. */
static bool last_element(const linnet_tensor *tensor, int64_t offset, int64_t *last)
{
    *last = offset;
    for (int i = 0; i < tensor->rank; i++) {
        int64_t step;
        if (!ln_mul_i64(tensor->shape[i] - 1, tensor->strides[i], &step) ||
            __builtin_add_overflow(*last, step, last)) {
            return false;
        }
    }
    return true;
}

/* Strides that no element needs (sizes of 1, or no elements at all) may be anything in a file; here
 * they become those of a contiguous tensor. */
static void settle_strides(linnet_tensor *tensor, bool empty)
{
    int64_t stride = 1;
    for (int i = tensor->rank - 1; i >= 0; i--) {
        if (empty || tensor->shape[i] == 1) {
            tensor->strides[i] = stride;
        }
        stride *= tensor->shape[i] == 0 ? 1 : tensor->shape[i];
    }
}

linnet_status ln_torch_describe(ln_pickle *pickle, const ln_pickle_value *value,
                                linnet_tensor *tensor, int64_t *first)
{
    const ln_torch *torch = pickle->context;
    const ln_pickle_value *storage = value->as.made.parts[0];
    int rank = 0;
    *tensor = (linnet_tensor){.dtype = (linnet_dtype)value->number};
    linnet_status status = read_dimensions(pickle, "a tensor's size as a tuple",
                                           value->as.made.parts[1], &tensor->rank, tensor->shape);
    if (status == LINNET_OK) {
        status = read_dimensions(pickle, "a tensor's stride as a tuple", value->as.made.parts[2],
                                 &rank, tensor->strides);
    }
    if (status != LINNET_OK) {
        return status;
    }
    if (rank != tensor->rank) {
        return ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, value->offset,
                              "expected a stride for each of %d sizes, found %d strides",
                              tensor->rank, rank);
    }
    size_t bytes, size = linnet_dtype_size(tensor->dtype);
    if (!ln_format_bytes(tensor->dtype, rank, tensor->shape, &bytes)) {
        return ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, value->offset,
                              "the product of the sizes of a tensor overflows");
    }
    int64_t last, elements = elements_of(torch, storage, size, first);
    if (bytes > 0 && (!last_element(tensor, value->as.made.integer, &last) || last >= elements)) {
        return ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, value->offset,
                              "expected a tensor within the %" PRId64
                              " elements of its storage, found one that ends past them",
                              elements);
    }
    settle_strides(tensor, bytes == 0);
    *first += bytes == 0 ? 0 : value->as.made.integer;
    return LINNET_OK;
}

/* ---- the tensor's bytes ---- */

/* The bytes of a storage in this machine's order. */
static linnet_status load(ln_torch *torch, const ln_pickle_value *value, ln_torch_storage *storage,
                          size_t element)
{
    if (torch->swapped && storage->element != 0 && storage->element != element) {
        return ln_pickle_fail(&torch->pickle, LINNET_ERROR_UNSUPPORTED, value->offset,
                              "expected one size of element in a big-endian storage, found %zu and "
                              "%zu bytes",
                              storage->element, element);
    }
    if (storage->data != NULL) {
        return LINNET_OK;
    }
    linnet_status status = torch->read(torch, storage);
    if (status == LINNET_OK && torch->swapped) {
        storage->element = element;
        ln_copy_swapped(storage->data, storage->data, storage->bytes / element, element);
    }
    return status;
}

linnet_status ln_torch_tensor(ln_torch *torch, const ln_pickle_value *value, linnet_tensor *tensor)
{
    int64_t first;
    linnet_status status = ln_torch_describe(&torch->pickle, value, tensor, &first);
    if (status != LINNET_OK) {
        return status;
    }
    size_t size = linnet_dtype_size(tensor->dtype);
    int64_t bytes = linnet_tensor_numel(tensor) * (int64_t)size;
    if (__builtin_add_overflow(torch->all_bytes, bytes, &torch->all_bytes)) {
        return ln_pickle_fail(&torch->pickle, LINNET_ERROR_FORMAT, value->offset,
                              "the tensors together have more bytes than can be counted");
    }
    ln_torch_storage *storage = &torch->store->items[value->as.made.parts[0]->as.made.integer];
    status = load(torch, value, storage, size);
    if (status == LINNET_OK) {
        tensor->data = storage->data + (size_t)first * size;
    }
    return status;
}
