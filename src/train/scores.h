/* scores.h - what a model gave for the rows of a dataset, as evaluation and metrics share it. */
#ifndef LN_TRAIN_SCORES_H
#define LN_TRAIN_SCORES_H

#include "train/probability.h"
#include "train/ranking.h"

/* One row. */
typedef struct ln_judged {
    int64_t predicted;
    int64_t rank; /* classes that are likelier than the row's */
    bool met;     /* the outputs predict what the row's labels say, all of them */
} ln_judged;

struct linnet_scores {
    linnet_task task;
    size_t rows, outputs;
    int64_t *numbers;      /* in the dataset, of the rows that count; NULL: all of them do */
    const int64_t *labels; /* of CLASSIFICATION; borrowed, or owned_labels */
    int64_t *owned_labels;
    const double *targets; /* (rows, outputs), where labels are values; borrowed */
    bool are_logits;       /* the outputs become probabilities by softmax or sigmoid */
    double temperature;    /* by which `logits` are divided already */
    bool unit_outputs;     /* MULTILABEL: the outputs are probabilities, no logits */
    double loss;           /* the mean, as the engine has it */
    ln_judged *judged;
    double *cuts;   /* MULTILABEL: a label is predicted where its logit is above */
    bool whole;     /* every metric is wanted; of CLASSIFICATION, else, what follows is NULL */
    double *logits; /* (rows, outputs) */
    ln_softmax_row *softmax; /* of CLASSIFICATION: what makes probabilities of them */
};

/* Which row of the dataset it is. */
static inline int64_t ln_scores_number(const linnet_scores *scores, size_t row)
{
    return scores->numbers != NULL ? scores->numbers[row] : (int64_t)row;
}

static inline const double *ln_scores_logits(const linnet_scores *scores, size_t row)
{
    return scores->logits + row * scores->outputs;
}

static inline double ln_scores_probability(const linnet_scores *scores, size_t row, size_t which)
{
    double output = ln_scores_logits(scores, row)[which];
    switch (scores->task) {
    case LINNET_TASK_CLASSIFICATION: return ln_softmax_at(&scores->softmax[row], output);
    case LINNET_TASK_MULTILABEL:
        return scores->unit_outputs ? output : 1 / (1 + ln_exp_double(-output));
    case LINNET_TASK_REGRESSION: break;
    }
    return output;
}

/* Whether the row is of this class, or has this label. */
static inline bool ln_scores_is(const linnet_scores *scores, size_t row, size_t which)
{
    return scores->labels != NULL ? scores->labels[row] == (int64_t)which
                                  : scores->targets[row * scores->outputs + which] >= 0.5;
}

/* Whether the label is predicted. */
static inline bool ln_scores_predicts(const linnet_scores *scores, size_t row, size_t which)
{
    return ln_scores_logits(scores, row)[which] > scores->cuts[which];
}

/* The loss of one row in double: cross entropy, over labels the mean of theirs, or of squared
 * errors. */
double ln_scores_loss(const linnet_scores *scores, size_t row);

/* Puts the rows into the order of one class's probability. */
void ln_scores_rank(const linnet_scores *scores, size_t which, ln_ranking *ranking);

/* Measures what there is; without logits only what follows from the predicted classes (metrics.c).
 * The evaluation is to be freed even after a failure. */
LINNET_NODISCARD linnet_status ln_scores_measure(const linnet_scores *scores,
                                                 linnet_evaluation *evaluation,
                                                 linnet_error *error);

#endif
