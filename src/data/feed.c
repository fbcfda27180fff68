/* feed.c - hands out the rows of a dataset in batches, and has those of a source read ahead. */
#include "data/feed.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "data/data.h"
#include "data/dataset.h"
#include "os/ahead.h"

/* Loads that are held: one is in use, the others are ready or being read. */
#define SLOTS 4

/* A load is as many batches as make up so many bytes, at least one: for less the thread is not
 * woken. */
#define LOAD_BYTES ((size_t)256 << 10)

struct ln_feed {
    const linnet_dataset *dataset;
    size_t batch;
    const int64_t *order; /* NULL: as they lie */
    size_t count;         /* rows in all */
    size_t first, rows;   /* the current batch, within the order */
    /* Rows of a source: */
    ln_ahead *ahead;
    size_t load;        /* rows of a load */
    size_t slot;        /* of the current one */
    unsigned char *raw; /* (SLOTS, load) rows as they are stored */
    int64_t *places;    /* of a load's rows, for the thread */
    bool offered;       /* somebody else reads the rows */
    size_t taken;       /* of these, behind the current batch */
};

/* A row's place among those of the whole file. */
static int64_t place_of(const ln_feed *feed, size_t i)
{
    int64_t row = feed->order != NULL ? feed->order[i] : (int64_t)i;
    return feed->dataset->index != NULL ? feed->dataset->index[row] : row;
}

static unsigned char *slot_at(const ln_feed *feed, size_t slot)
{
    return feed->raw + slot * feed->load * feed->dataset->source->row_bytes;
}

/* The current batch, as it is stored. */
static const unsigned char *batch_at(const ln_feed *feed)
{
    return slot_at(feed, feed->slot) + feed->first % feed->load * feed->dataset->source->row_bytes;
}

static linnet_status read_load(void *context, uint64_t number, size_t slot, linnet_error *error)
{
    const ln_feed *feed = context;
    const ln_source *source = feed->dataset->source;
    size_t first = (size_t)number * feed->load;
    size_t rows = ln_min_size(feed->load, feed->count - first);
    for (size_t i = 0; i < rows; i++) {
        feed->places[i] = place_of(feed, first + i);
    }
    return source->read(source, feed->places, rows, slot_at(feed, slot), error);
}

static linnet_status prepare_reading(ln_feed *feed, linnet_error *error)
{
    size_t row_bytes = feed->dataset->source->row_bytes;
    size_t batch_bytes = ln_saturated_mul(feed->batch, row_bytes);
    size_t batches = batch_bytes == 0 ? 1 : ln_ceil_div(LOAD_BYTES, batch_bytes);
    feed->load = feed->batch * batches;
    linnet_status status =
        ln_alloc_into(&feed->raw, ln_saturated_mul(SLOTS, feed->load), row_bytes, "batches", error);
    if (status == LINNET_OK) {
        status =
            ln_alloc_into(&feed->places, feed->load, sizeof *feed->places, "a list of rows", error);
    }
    return status == LINNET_OK ? ln_ahead_create(SLOTS, read_load, feed, &feed->ahead, error)
                               : status;
}

linnet_status ln_feed_create(const linnet_dataset *dataset, size_t batch, ln_feed **feed,
                             linnet_error *error)
{
    linnet_status status = ln_alloc_into(feed, 1, sizeof **feed, "a feed", error);
    if (status != LINNET_OK) {
        return status;
    }
    **feed = (ln_feed){.dataset = dataset, .batch = batch};
    status = dataset->source != NULL ? prepare_reading(*feed, error) : LINNET_OK;
    if (status != LINNET_OK) {
        ln_feed_free(*feed);
        *feed = NULL;
    }
    return status;
}

void ln_feed_free(ln_feed *feed)
{
    if (feed != NULL) {
        ln_ahead_free(feed->ahead);
        ln_free(feed->raw);
        ln_free(feed->places);
        ln_free(feed);
    }
}

size_t ln_feed_size(const ln_feed *feed)
{
    size_t row = feed->raw == NULL ? 0 : SLOTS * feed->dataset->source->row_bytes + sizeof(int64_t);
    return sizeof *feed + feed->load * row;
}

/* The thread reads nothing of this from here on. */
static void start(ln_feed *feed, const int64_t *order, size_t count, bool offered)
{
    if (feed->ahead != NULL) {
        ln_ahead_start(feed->ahead, 0);
    }
    feed->order = order;
    feed->count = count;
    feed->first = feed->rows = feed->taken = feed->slot = 0;
    feed->offered = offered;
}

void ln_feed_begin(ln_feed *feed, const int64_t *order, size_t count)
{
    start(feed, order, count, false);
    if (feed->ahead != NULL) {
        ln_ahead_start(feed->ahead, ln_ceil_div(count, feed->load));
    }
}

void ln_feed_end(ln_feed *feed)
{
    ln_feed_begin(feed, NULL, 0);
}

linnet_status ln_feed_next(ln_feed *feed, size_t *rows, linnet_error *error)
{
    feed->first += feed->rows;
    if (feed->offered) {
        feed->rows = *rows = feed->taken;
        feed->taken = 0;
        return LINNET_OK;
    }
    feed->rows = *rows = ln_min_size(feed->batch, feed->count - feed->first);
    bool wanted = feed->ahead != NULL && *rows > 0 && feed->first % feed->load == 0;
    return wanted ? ln_ahead_take(feed->ahead, &feed->slot, error) : LINNET_OK;
}

/* ---- rows that somebody else reads ---- */

void ln_feed_begin_offered(ln_feed *feed, const int64_t *order, size_t count)
{
    start(feed, order, count, true);
}

bool ln_feed_wants(const ln_feed *feed, int64_t place)
{
    size_t next = feed->first + feed->rows + feed->taken;
    return next < feed->count && place_of(feed, next) == place;
}

void ln_feed_offer(ln_feed *feed, int64_t place, const unsigned char *row)
{
    size_t row_bytes = feed->dataset->source->row_bytes;
    if (ln_feed_wants(feed, place)) {
        size_t at = (feed->first + feed->rows) % feed->load + feed->taken++;
        memcpy(slot_at(feed, 0) + at * row_bytes, row, row_bytes);
    }
}

bool ln_feed_is_ready(const ln_feed *feed)
{
    return feed->taken == feed->batch ||
           (feed->taken > 0 && feed->first + feed->rows + feed->taken == feed->count);
}

/* ---- the current batch ---- */

const unsigned char *ln_feed_stored(const ln_feed *feed)
{
    return batch_at(feed);
}

void ln_feed_row(const ln_feed *feed, size_t i, linnet_dtype dtype, void *out)
{
    const linnet_dataset *dataset = feed->dataset;
    if (feed->ahead == NULL) {
        size_t place = feed->first + i;
        ln_dataset_row(dataset, feed->order != NULL ? feed->order[place] : (int64_t)place, dtype,
                       out);
    } else if (dataset->row_features > 0) {
        ln_convert(dataset->features.dtype, batch_at(feed) + i * dataset->source->row_bytes,
                   (size_t)dataset->row_features, dtype, out);
    }
}
