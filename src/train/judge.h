/* judge.h - runs of models over labelled rows, whose outputs are judged row by row. */
#ifndef LN_TRAIN_JUDGE_H
#define LN_TRAIN_JUDGE_H

#include "data/feed.h"
#include "plan/plan.h"
#include "train/loss.h"
#include "train/scores.h"

/* Laid out alike in both compilations of the engine. */
typedef struct ln_evaluation_run {
    linnet_plan *plan;
    ln_feed *feed; /* of batches of `batch` rows */
    bool follows;  /* the feed is that of a run before this one */
    const linnet_dataset *dataset;
    size_t batch, rows, features, outputs;
    size_t done; /* rows that have been judged */
    ln_loss *loss;
    ln_real *fed; /* the batch as plans that are fed alike take it; NULL: each reads for itself */
    ln_real *logits;           /* a batch's */
    ln_real *losses, *weights; /* all rows' */
    bool softmax;              /* the outputs are probabilities already */
    linnet_scores *scores;
} ln_evaluation_run;

/* What is done in the dtype of the run's model. */
typedef struct ln_judge_engine {
    /* The feed's current batch into run->fed. */
    void (*feed)(ln_evaluation_run *run, size_t rows);
    /* The feed's current batch: the next `rows` rows. */
    void (*batch)(ln_evaluation_run *run, size_t rows);
    /* Behind the last batch: the mean of the losses. */
    void (*mean)(ln_evaluation_run *run);
} ln_judge_engine;

#endif
