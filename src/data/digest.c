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

typedef struct digest {
    uint64_t hash;
    size_t row_bytes;
} digest;

static linnet_status see_digest(void *context, int64_t first, size_t count,
                                const unsigned char *rows, linnet_error *error)
{
    (void)first, (void)error;
    digest *d = context;
    for (size_t i = 0; i < count; i++) {
        d->hash = mix_bytes(d->hash, rows + i * d->row_bytes, d->row_bytes);
    }
    return LINNET_OK;
}

/* Of dtype and rows; remembered where they are not in memory. */
static linnet_status digest_rows(const linnet_dataset *dataset, uint64_t *hash, linnet_error *error)
{
    linnet_dtype dtype = dataset->features.dtype;
    digest d = {.hash = mix((uint64_t)dtype, (uint64_t)dataset->rows),
                .row_bytes = (size_t)dataset->row_features * linnet_dtype_size(dtype)};
    *hash = dataset->digest != NULL ? atomic_load(dataset->digest) : 0;
    if (*hash != 0) {
        return LINNET_OK;
    }
    linnet_status status = ln_dataset_scan(dataset, see_digest, &d, error);
    if (status == LINNET_OK && dataset->digest != NULL) {
        atomic_store(dataset->digest, d.hash);
    }
    *hash = d.hash;
    return status;
}

linnet_status linnet_dataset_digest(const linnet_dataset *dataset, uint64_t *number,
                                    linnet_error *error)
{
    uint64_t hash;
    linnet_status status = digest_rows(dataset, &hash, error);
    if (dataset->labels != NULL) {
        hash = mix_bytes(hash, (const unsigned char *)dataset->labels,
                         (size_t)dataset->rows * sizeof *dataset->labels);
    }
    if (dataset->targets.rank > 0) {
        hash = mix_values(hash, &dataset->targets);
    }
    if (dataset->weights.rank > 0) {
        hash = mix_values(~hash, &dataset->weights);
    }
    *number = status == LINNET_OK ? hash : 0;
    return status;
}
