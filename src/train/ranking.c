/* ranking.c - rows ordered by the probability of one class: curves, and the areas under them.
 *
 * A key is the probability's bits with one below them that tells whether the row is of the class:
 * as doubles from 0 on are ordered as their bits are, whole numbers are sorted, by their bytes. */
#include "train/ranking.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "train/probability.h"

linnet_status ln_ranking_create(size_t rows, ln_ranking *ranking, linnet_error *error)
{
    *ranking = (ln_ranking){.rows = rows};
    linnet_status status = ln_alloc_into(&ranking->keys, rows, 2 * sizeof *ranking->keys,
                                         "an order of the rows", error);
    if (status == LINNET_OK) {
        ranking->spare = ranking->keys + rows;
    }
    return status;
}

void ln_ranking_free(ln_ranking *ranking)
{
    /* One block, whose halves change places as they are sorted. */
    ln_free(ranking->keys < ranking->spare ? ranking->keys : ranking->spare);
    *ranking = (ln_ranking){0};
}

void ln_ranking_set(ln_ranking *ranking, size_t row, double probability, bool positive)
{
    uint64_t bits;
    probability = fabs(probability); /* no -0, whose bits stand above all others */
    memcpy(&bits, &probability, sizeof bits);
    ranking->undefined = row == 0 ? isnan(probability) : ranking->undefined || isnan(probability);
    ranking->keys[row] = bits << 1 | positive;
}

/* Sorts by the byte at `shift`; rows of one byte stay in their order. */
static void sort_byte(ln_ranking *ranking, int shift)
{
    size_t start[256] = {0}, total = 0;
    for (size_t i = 0; i < ranking->rows; i++) {
        start[ranking->keys[i] >> shift & 0xff]++;
    }
    for (size_t byte = 0; byte < 256; byte++) {
        size_t count = start[byte];
        if (count == ranking->rows) {
            return;
        }
        start[byte] = total;
        total += count;
    }
    for (size_t i = 0; i < ranking->rows; i++) {
        uint64_t key = ranking->keys[i];
        ranking->spare[start[key >> shift & 0xff]++] = key;
    }
    uint64_t *sorted = ranking->spare;
    ranking->spare = ranking->keys;
    ranking->keys = sorted;
}

void ln_ranking_sort(ln_ranking *ranking)
{
    for (int shift = 0; shift < 64; shift += 8) {
        sort_byte(ranking, shift);
    }
}

ln_ranking_walk ln_ranking_begin(const ln_ranking *ranking)
{
    return (ln_ranking_walk){.ranking = ranking, .left = ranking->undefined ? 0 : ranking->rows};
}

bool ln_ranking_next(ln_ranking_walk *walk)
{
    const uint64_t *keys = walk->ranking->keys;
    if (walk->left == 0) {
        return false;
    }
    uint64_t bits = keys[walk->left - 1] >> 1;
    memcpy(&walk->point.threshold, &bits, sizeof bits);
    for (; walk->left > 0 && keys[walk->left - 1] >> 1 == bits; walk->left--) {
        bool positive = (keys[walk->left - 1] & 1) != 0;
        walk->point.true_positives += positive;
        walk->point.false_positives += !positive;
    }
    return true;
}

/* The curve's last point: all rows. */
static linnet_curve_point whole(const ln_ranking *ranking)
{
    ln_ranking_walk walk = ln_ranking_begin(ranking);
    while (ln_ranking_next(&walk)) {
    }
    return walk.point;
}

double ln_ranking_auc(const ln_ranking *ranking)
{
    linnet_curve_point all = whole(ranking), last = {0};
    ln_ranking_walk walk = ln_ranking_begin(ranking);
    double area = 0; /* twice the area, in rows times rows: whole numbers */
    while (ln_ranking_next(&walk)) {
        area += (double)(walk.point.false_positives - last.false_positives) *
                (double)(walk.point.true_positives + last.true_positives);
        last = walk.point;
    }
    return area / (2.0 * (double)all.true_positives * (double)all.false_positives);
}

double ln_ranking_average_precision(const ln_ranking *ranking)
{
    linnet_curve_point all = whole(ranking), last = {0};
    ln_ranking_walk walk = ln_ranking_begin(ranking);
    ln_exact_sum sum = {0};
    while (ln_ranking_next(&walk)) {
        double hits = (double)walk.point.true_positives;
        double gained = (double)(walk.point.true_positives - last.true_positives);
        ln_exact_add(&sum, gained * (hits / (hits + (double)walk.point.false_positives)));
        last = walk.point;
    }
    return ln_exact_value(&sum) / (double)all.true_positives;
}
