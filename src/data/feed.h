/* feed.h - the rows of a dataset, a batch after the other, in an order that is given.
 *
 * Rows in memory are read where they are, rows of a source ahead of their use, by a thread. Whoever
 * trains or measures takes its rows from here and does not ask where they come from. */
#ifndef LN_DATA_FEED_H
#define LN_DATA_FEED_H

#include "linnet.h"

typedef struct ln_feed ln_feed;

/* For batches of `batch` rows; borrows the dataset. The caller owns the feed, which belongs to one
 * thread at a time. Errors: MEMORY. */
LINNET_NODISCARD linnet_status ln_feed_create(const linnet_dataset *dataset, size_t batch,
                                              ln_feed **feed, linnet_error *error);
void ln_feed_free(ln_feed *feed);
/* Bytes that it holds. */
size_t ln_feed_size(const ln_feed *feed);

/* Begins anew with the rows order[0 .. count - 1], which the caller leaves as they are until the
 * last batch has been taken, or ln_feed_end; NULL: 0, 1, 2, ... */
void ln_feed_begin(ln_feed *feed, const int64_t *order, size_t count);
void ln_feed_end(ln_feed *feed);
/* Begins anew as ln_feed_begin, of rows of a source; but they are read by somebody else, who offers
 * them (relay.h). */
void ln_feed_begin_offered(ln_feed *feed, const int64_t *order, size_t count);
/* Whether the row at a place (linnet_dataset_place) is the next one; takes it then, as it is stored. */
bool ln_feed_wants(const ln_feed *feed, int64_t place);
void ln_feed_offer(ln_feed *feed, int64_t place, const unsigned char *row);
/* Whether what has been taken is a batch, or all that is left: ln_feed_next has to follow. */
bool ln_feed_is_ready(const ln_feed *feed);
/* Makes the next batch the current one; *rows: how many rows it has, 0 behind the last one. Errors:
 * those of reading. */
LINNET_NODISCARD linnet_status ln_feed_next(ln_feed *feed, size_t *rows, linnet_error *error);
/* The current batch's row i in a dtype: as many numbers as a row has features. Any thread may. */
void ln_feed_row(const ln_feed *feed, size_t i, linnet_dtype dtype, void *out);
/* The current batch as it is stored, where the dataset's rows are a source's: row behind row. */
const unsigned char *ln_feed_stored(const ln_feed *feed);

#endif
