/* scores.h - what a model gave for the rows of a dataset, as evaluation and metrics share it. */
#ifndef LN_TRAIN_SCORES_H
#define LN_TRAIN_SCORES_H

#include "train/probability.h"
#include "train/ranking.h"

/* One row. */
typedef struct ln_judged {
    int64_t predicted;
    int64_t rank; /* classes that are likelier than the row's */
} ln_judged;

struct linnet_scores {
    linnet_task task;
    size_t rows, outputs;
    const int64_t *labels; /* borrowed */
    double loss;           /* the mean, as the engine has it */
    ln_judged *judged;
    /* Kept only where ranks are wanted: (rows, outputs), and what makes probabilities of a row. */
    double *logits;
    ln_softmax_row *softmax;
};

static inline const double *ln_scores_logits(const linnet_scores *scores, size_t row)
{
    return scores->logits + row * scores->outputs;
}

static inline double ln_scores_probability(const linnet_scores *scores, size_t row, size_t which)
{
    return ln_softmax_at(&scores->softmax[row], ln_scores_logits(scores, row)[which]);
}

/* Puts the rows into the order of one class's probability. */
void ln_scores_rank(const linnet_scores *scores, size_t which, ln_ranking *ranking);

/* Measures what there is; without logits only what follows from the predicted classes (metrics.c). The
 * evaluation is to be freed even after a failure. */
LINNET_NODISCARD linnet_status ln_scores_measure(const linnet_scores *scores,
                                                 linnet_evaluation *evaluation,
                                                 linnet_error *error);

#endif
