/* feed.c - hands out the rows of a dataset in batches. */
#include "data/feed.h"

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "data/data.h"

struct ln_feed {
    const linnet_dataset *dataset;
    size_t batch;
    const int64_t *order; /* NULL: as they lie */
    size_t count;         /* rows in all */
    size_t first, rows;   /* the current batch, within the order */
};

linnet_status ln_feed_create(const linnet_dataset *dataset, size_t batch, ln_feed **feed,
                             linnet_error *error)
{
    linnet_status status = ln_alloc_into(feed, 1, sizeof **feed, "a feed", error);
    if (status == LINNET_OK) {
        **feed = (ln_feed){.dataset = dataset, .batch = batch};
    }
    return status;
}

void ln_feed_free(ln_feed *feed)
{
    ln_free(feed);
}

size_t ln_feed_size(const ln_feed *feed)
{
    return sizeof *feed;
}

void ln_feed_begin(ln_feed *feed, const int64_t *order, size_t count)
{
    feed->order = order;
    feed->count = count;
    feed->first = feed->rows = 0;
}

linnet_status ln_feed_next(ln_feed *feed, size_t *rows, linnet_error *error)
{
    (void)error;
    feed->first += feed->rows;
    feed->rows = ln_min_size(feed->batch, feed->count - feed->first);
    *rows = feed->rows;
    return LINNET_OK;
}

void ln_feed_row(const ln_feed *feed, size_t i, float *out)
{
    size_t place = feed->first + i;
    ln_dataset_row(feed->dataset, feed->order != NULL ? feed->order[place] : (int64_t)place, out);
}
