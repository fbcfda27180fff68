/* ranking.h - rows ordered by the probability of one class: curves, and the areas under them.
 *
 * Plain arrays; what the probabilities are of is the caller's. */
#ifndef LN_TRAIN_RANKING_H
#define LN_TRAIN_RANKING_H

#include "linnet.h"

/* Two arrays of a key each row, between which rows are sorted. The caller owns it. */
typedef struct ln_ranking {
    size_t rows;
    bool undefined; /* a probability is NaN */
    uint64_t *keys, *spare;
} ln_ranking;

LINNET_NODISCARD linnet_status ln_ranking_create(size_t rows, ln_ranking *ranking,
                                                 linnet_error *error);
void ln_ranking_free(ln_ranking *ranking);

/* Row by row, before ln_ranking_sort: its probability (from 0 on) and whether it is of the class.
 * */
void ln_ranking_set(ln_ranking *ranking, size_t row, double probability, bool positive);
void ln_ranking_sort(ln_ranking *ranking);

/* The next point of the sorted rows' curve, from a point of zeros, or after the last false. */
typedef struct ln_ranking_walk {
    const ln_ranking *ranking;
    size_t left;
    linnet_curve_point point;
} ln_ranking_walk;

ln_ranking_walk ln_ranking_begin(const ln_ranking *ranking);
bool ln_ranking_next(ln_ranking_walk *walk);

/* The area under the ROC curve by trapezoids; NaN where all rows or none are of the class. */
double ln_ranking_auc(const ln_ranking *ranking);
/* The sum of precision times the step in recall; NaN where no row is of the class. */
double ln_ranking_average_precision(const ln_ranking *ranking);

#endif
