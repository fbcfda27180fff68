/* source.c - what sources of all kinds have in common. */
#include "data/source.h"

#include "base/checked.h"

/* Rows that are asked for at a time. */
#define PIECE 1024

void ln_source_free(ln_source *source)
{
    if (source != NULL) {
        source->free(source);
    }
}

linnet_status ln_source_load(const ln_source *source, linnet_tensor *tensor, linnet_error *error)
{
    linnet_status status =
        linnet_tensor_create(source->dtype, source->rank, source->shape, tensor, error);
    size_t rows = (size_t)source->shape[0];
    int64_t places[PIECE];
    for (size_t first = 0, count; status == LINNET_OK && first < rows; first += count) {
        count = ln_min_size(PIECE, rows - first);
        for (size_t i = 0; i < count; i++) {
            places[i] = (int64_t)(first + i);
        }
        status = source->read(source, places, count,
                              (unsigned char *)tensor->data + first * source->row_bytes, error);
    }
    if (status != LINNET_OK) {
        linnet_tensor_free(tensor);
    }
    return status;
}
