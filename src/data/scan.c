/* scan.c - all rows of a dataset in order, as they are stored: from memory where they lie, from
 * files some at a time. */
#include "base/checked.h"
#include "data/dataset.h"
#include "data/feed.h"

/* Bytes that are read from files at a time; at least one row. */
#define CHUNK ((size_t)1 << 20)

static linnet_status scan_memory(const linnet_dataset *dataset, ln_see_rows see, void *context,
                                 linnet_error *error)
{
    const linnet_tensor *features = &dataset->features;
    int64_t stride = features->strides[0] * (int64_t)linnet_dtype_size(features->dtype);
    bool together = dataset->index == NULL && features->strides[0] == dataset->row_features;
    size_t rows = (size_t)dataset->rows;
    linnet_status status = LINNET_OK;
    for (size_t row = 0, count; row < rows && status == LINNET_OK; row += count) {
        int64_t place = dataset->index != NULL ? dataset->index[row] : (int64_t)row;
        count = together ? rows : 1;
        status = see(context, (int64_t)row, count,
                     (const unsigned char *)features->data + place * stride, error);
    }
    return status;
}

static linnet_status scan_source(const linnet_dataset *dataset, ln_feed *feed, ln_see_rows see,
                                 void *context, linnet_error *error)
{
    linnet_status status = LINNET_OK;
    ln_feed_begin(feed, NULL, (size_t)dataset->rows);
    for (int64_t row = 0; row < dataset->rows && status == LINNET_OK;) {
        size_t count = 0;
        status = ln_feed_next(feed, &count, error);
        if (status == LINNET_OK) {
            status = see(context, row, count, ln_feed_stored(feed), error);
        }
        row += (int64_t)count;
    }
    return status;
}

linnet_status ln_dataset_scan(const linnet_dataset *dataset, ln_see_rows see, void *context,
                              linnet_error *error)
{
    if (dataset->source == NULL) {
        return scan_memory(dataset, see, context, error);
    }
    size_t row_bytes = dataset->source->row_bytes;
    size_t rows = row_bytes == 0 || row_bytes > CHUNK ? 1 : CHUNK / row_bytes;
    ln_feed *feed;
    linnet_status status =
        ln_feed_create(dataset, ln_min_size(rows, (size_t)dataset->rows), &feed, error);
    if (status == LINNET_OK) {
        status = scan_source(dataset, feed, see, context, error);
        ln_feed_free(feed);
    }
    return status;
}
