/* digest.c - a number that tells datasets apart: of the rows as they are stored, and their labels.
 *
 * Not against malice: against resuming a run on other data. */
#include <string.h>

#include "data/data.h"
#include "data/dataset.h"

#define MIX UINT64_C(0x9e3779b97f4a7c15)

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * MIX;
    return hash ^ (hash >> 29);
}

/* Four streams side by side, so that no multiplication waits for the one before. */
static uint64_t mix_bytes(uint64_t hash, const unsigned char *bytes, size_t size)
{
    uint64_t streams[4] = {hash, hash + 1, hash + 2, hash + 3}, words[4];
    size_t at = 0;
    for (; at + sizeof words <= size; at += sizeof words) {
        memcpy(words, bytes + at, sizeof words);
        for (int i = 0; i < 4; i++) {
            streams[i] = mix(streams[i], words[i]);
        }
    }
    memset(words, 0, sizeof words);
    if (at < size) {
        memcpy(words, bytes + at, size - at);
    }
    for (int i = 0; i < 4; i++) {
        hash = mix(hash, mix(streams[i], words[i]));
    }
    return mix(hash, size);
}

static uint64_t mix_values(uint64_t hash, const linnet_tensor *values)
{
    return mix_bytes(hash, values->data,
                     (size_t)linnet_tensor_numel(values) * linnet_dtype_size(values->dtype));
}

uint64_t linnet_dataset_digest(const linnet_dataset *dataset)
{
    const linnet_tensor *features = &dataset->features;
    size_t size = (size_t)dataset->row_features * linnet_dtype_size(features->dtype);
    size_t stride = (size_t)features->strides[0] * linnet_dtype_size(features->dtype);
    uint64_t hash = mix((uint64_t)features->dtype, (uint64_t)dataset->rows);
    for (int64_t row = 0; row < dataset->rows; row++) {
        size_t at = (size_t)(dataset->index != NULL ? dataset->index[row] : row);
        hash = mix_bytes(hash, (const unsigned char *)features->data + at * stride, size);
    }
    if (dataset->labels != NULL) {
        hash = mix_bytes(hash, (const unsigned char *)dataset->labels,
                         (size_t)dataset->rows * sizeof *dataset->labels);
    }
    if (dataset->targets.rank > 0) {
        hash = mix_values(hash, &dataset->targets);
    }
    return dataset->weights.rank > 0 ? mix_values(~hash, &dataset->weights) : hash;
}
