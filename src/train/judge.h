/* judge.h - a run of a model over labelled rows, whose outputs are judged row by row. */
#ifndef LN_TRAIN_JUDGE_H
#define LN_TRAIN_JUDGE_H

#include "data/feed.h"
#include "plan/plan.h"
#include "train/loss.h"
#include "train/scores.h"

/* Laid out alike in both compilations of the engine. */
typedef struct ln_evaluation_run {
    linnet_plan *plan;
    ln_feed *feed;
    const linnet_dataset *dataset;
    size_t rows, features, outputs;
    ln_loss *loss;
    ln_real *logits;           /* a batch's */
    ln_real *losses, *weights; /* all rows' */
    bool softmax;              /* the outputs are probabilities already */
    linnet_scores *scores;
} ln_evaluation_run;

/* Runs all batches, in each compilation of the engine: the scores, and their mean loss. Errors:
 * those of reading. */
LINNET_NODISCARD linnet_status ln_judge_f32(ln_evaluation_run *run, linnet_error *error);
LINNET_NODISCARD linnet_status ln_judge_f64(ln_evaluation_run *run, linnet_error *error);

#endif
