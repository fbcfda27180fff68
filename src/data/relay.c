/* relay.c - lets feeds take turns, and hands them the rows that are read once for all. */
#include "data/relay.h"

#include "data/data.h"
#include "data/dataset.h"

/* Rows of the whole that are looked at together; more than these are read ahead. */
#define PIECE 64

/* Where the row that is read after `next` others stands in its file. */
static int64_t place_of(const ln_relay *relay, size_t next)
{
    return linnet_dataset_place(relay->dataset,
                                relay->order != NULL ? relay->order[next] : (int64_t)next);
}

static bool is_wanted(const ln_relay *relay, int64_t place)
{
    bool wanted = false;
    for (size_t i = 0; i < relay->count && !wanted; i++) {
        wanted = ln_feed_wants(relay->shares[i].feed, place);
    }
    return wanted;
}

/* Begins behind what all feeds have had, in an epoch that goes on. */
static void begin_whole(ln_relay *relay)
{
    size_t rows = (size_t)relay->dataset->rows, first = 0;
    while (relay->order != NULL && first < rows && !is_wanted(relay, place_of(relay, first))) {
        first++;
    }
    relay->order = relay->order != NULL ? relay->order + first : NULL;
    ln_feed_begin(relay->whole, relay->order, rows - first);
}

linnet_status ln_relay_begin(ln_relay *relay, const linnet_dataset *whole, const int64_t *order,
                             const ln_share *shares, size_t count, linnet_error *error)
{
    *relay = (ln_relay){.dataset = whole, .order = order, .shares = shares, .count = count};
    bool together = whole != NULL && whole->source != NULL && count > 1;
    linnet_status status =
        together ? ln_feed_create(whole, PIECE, &relay->whole, error) : LINNET_OK;
    for (size_t i = 0; i < count && status == LINNET_OK; i++) {
        (together ? ln_feed_begin_offered : ln_feed_begin)(shares[i].feed, shares[i].order,
                                                           shares[i].count);
    }
    if (relay->whole != NULL) {
        begin_whole(relay);
    }
    return status;
}

void ln_relay_end(ln_relay *relay)
{
    for (size_t i = 0; i < relay->count; i++) {
        ln_feed_end(relay->shares[i].feed);
    }
    ln_feed_free(relay->whole);
    relay->whole = NULL;
}

/* Each feed a batch, one after the other. */
static linnet_status next_in_turn(ln_relay *relay, size_t *share, size_t *rows, linnet_error *error)
{
    linnet_status status = LINNET_OK;
    *rows = 0;
    for (size_t i = 0; i < relay->count && *rows == 0 && status == LINNET_OK; i++) {
        *share = relay->turn;
        status = ln_feed_next(relay->shares[*share].feed, rows, error);
        relay->turn = (relay->turn + 1) % relay->count;
    }
    return status;
}

/* Makes the next row of the whole the one at relay->at; false: there is none. */
static linnet_status advance(ln_relay *relay, bool *more, linnet_error *error)
{
    linnet_status status = LINNET_OK;
    if (relay->at == relay->rows) {
        relay->at = 0;
        status = ln_feed_next(relay->whole, &relay->rows, error);
    }
    *more = status == LINNET_OK && relay->rows > 0;
    return status;
}

/* Offers row after row until a feed has a batch together. */
static linnet_status next_of_whole(ln_relay *relay, size_t *share, size_t *rows,
                                   linnet_error *error)
{
    const size_t row_bytes = relay->dataset->source->row_bytes;
    bool more = true;
    while (more) {
        for (size_t i = 0; i < relay->count; i++) {
            if (ln_feed_is_ready(relay->shares[i].feed)) {
                *share = i;
                return ln_feed_next(relay->shares[i].feed, rows, error);
            }
        }
        linnet_status status = advance(relay, &more, error);
        if (status != LINNET_OK) {
            return status;
        }
        if (more) {
            const unsigned char *row = ln_feed_stored(relay->whole) + relay->at * row_bytes;
            int64_t place = place_of(relay, relay->next++);
            for (size_t i = 0; i < relay->count; i++) {
                ln_feed_offer(relay->shares[i].feed, place, row);
            }
            relay->at++;
        }
    }
    *rows = 0;
    return LINNET_OK;
}

linnet_status ln_relay_next(ln_relay *relay, size_t *share, size_t *rows, linnet_error *error)
{
    return (relay->whole != NULL ? next_of_whole : next_in_turn)(relay, share, rows, error);
}
