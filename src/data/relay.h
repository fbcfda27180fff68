/* relay.h - several feeds that take turns.
 *
 * Where they are of parts of one dataset whose rows are a source's, each row is read once for all
 * feeds that take it. */
#ifndef LN_DATA_RELAY_H
#define LN_DATA_RELAY_H

#include "data/feed.h"

/* The rows order[0 .. count - 1] of a feed's dataset, NULL: 0, 1, 2, ..., as ln_feed_begin has
 * them. */
typedef struct ln_share {
    ln_feed *feed;
    const int64_t *order;
    size_t count;
} ln_share;

/* Its members are relay.c's. */
typedef struct ln_relay {
    const linnet_dataset *dataset; /* the whole */
    const int64_t *order;          /* of its rows, from the first that is read on */
    const ln_share *shares;
    size_t count;
    size_t turn;     /* the feed whose batch comes next, where each reads for itself */
    ln_feed *whole;  /* reads for all; NULL: each for itself */
    size_t next;     /* rows that it has handed out, */
    size_t at, rows; /* and those of its batch in hand */
} ln_relay;

/* Begins all feeds anew. `whole`: what their datasets are parts of, and `order` that in which its
 * rows are read (NULL: as they lie), of which each feed's is a part; the caller leaves both and
 * `shares` as they are. whole NULL: each feed reads for itself. Errors: MEMORY. */
LINNET_NODISCARD linnet_status ln_relay_begin(ln_relay *relay, const linnet_dataset *whole,
                                              const int64_t *order, const ln_share *shares,
                                              size_t count, linnet_error *error);
/* Gives up what has not been taken, and frees what it holds. */
void ln_relay_end(ln_relay *relay);
/* Makes the next batch of one of the feeds its current one; *share: which; *rows: how many rows it
 * has, 0 where all have come to their end. The batches of a feed come in its order. Errors: those
 * of reading. */
LINNET_NODISCARD linnet_status ln_relay_next(ln_relay *relay, size_t *share, size_t *rows,
                                             linnet_error *error);

#endif
