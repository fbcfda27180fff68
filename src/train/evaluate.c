/* evaluate.c - runs a model over a labelled dataset: loss, accuracy, confusion and what follows from
 * it for each class.
 *
 * The loss of every row is kept and summed at the end by rule 2, so that the mean is the same number
 * whatever the batch size. */
#include <math.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/fpenv.h"
#include "base/memory.h"
#include "data/feed.h"
#include "plan/plan.h"
#include "train/classes.h"

#define DEFAULT_BATCH 256

typedef struct evaluation_run {
    linnet_plan *plan;
    ln_feed *feed;
    const linnet_dataset *dataset;
    size_t rows, features, outputs;
    float *logits;      /* a batch's */
    float *losses;      /* all rows' */
    int64_t *predicted; /* all rows' */
} evaluation_run;

static void free_run(evaluation_run *run)
{
    linnet_plan_free(run->plan);
    ln_feed_free(run->feed);
    ln_free(run->logits);
    ln_free(run->losses);
    ln_free(run->predicted);
}

static linnet_status check_plan(const evaluation_run *run, linnet_error *error)
{
    size_t expected = linnet_plan_input_features(run->plan);
    if (expected != run->features) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "the model takes rows of %zu features; the dataset's have %zu", expected,
                       run->features);
    }
    return LINNET_OK;
}

static linnet_status take_memory(evaluation_run *run, size_t batch, linnet_error *error)
{
    linnet_status status = ln_alloc_into(&run->logits, ln_saturated_mul(batch, run->outputs),
                                         sizeof *run->logits, "a batch's logits", error);
    if (status == LINNET_OK) {
        status = ln_feed_create(run->dataset, batch, &run->feed, error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&run->losses, run->rows, sizeof *run->losses, "the losses", error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&run->predicted, run->rows, sizeof *run->predicted,
                               "the predictions", error);
    }
    return status;
}

/* ---- running ---- */

typedef struct batch_slice {
    evaluation_run *run;
    size_t first;
} batch_slice;

static void judge_row(void *context, size_t i)
{
    const batch_slice *slice = context;
    evaluation_run *run = slice->run;
    size_t row = slice->first + i;
    const float *logits = run->logits + i * run->outputs;
    size_t target = (size_t)linnet_dataset_labels(run->dataset)[row];
    run->losses[row] = run->plan->kernels->cross_entropy(run->outputs, logits, target, 1.0f, NULL);
    run->predicted[row] = (int64_t)ln_predicted_class(run->outputs, logits);
}

static void read_row(void *context, size_t i, float *out)
{
    const batch_slice *slice = context;
    ln_feed_row(slice->run->feed, i, out);
}

static linnet_status run_batches(evaluation_run *run, linnet_error *error)
{
    size_t count = 0;
    ln_feed_begin(run->feed, NULL, run->rows);
    for (size_t first = 0; first < run->rows; first += count) {
        linnet_status status = ln_feed_next(run->feed, &count, error);
        if (status != LINNET_OK) {
            return status;
        }
        size_t ld;
        batch_slice slice = {run, first};
        ln_rows rows = {.read = read_row, .context = &slice};
        ln_plan_forward(run->plan, &rows, count, run->logits, &ld);
        ln_plan_rows(run->plan, count, 16 * run->outputs, judge_row, &slice);
    }
    return LINNET_OK;
}

/* ---- what follows from it ---- */

static double ratio(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : (double)NAN;
}

static void measure_classes(linnet_evaluation *evaluation)
{
    int64_t count = evaluation->class_count;
    for (int64_t i = 0; i < count; i++) {
        linnet_class_metrics *metrics = &evaluation->classes[i];
        int64_t correct = evaluation->confusion[i * count + i];
        for (int64_t j = 0; j < count; j++) {
            metrics->support += evaluation->confusion[i * count + j];
            metrics->predicted += evaluation->confusion[j * count + i];
        }
        metrics->precision = ratio(correct, metrics->predicted);
        metrics->recall = ratio(correct, metrics->support);
        metrics->f1 = ratio(2 * correct, metrics->predicted + metrics->support);
        evaluation->correct += correct;
    }
    evaluation->accuracy = ratio(evaluation->correct, evaluation->rows);
}

static linnet_status measure(const evaluation_run *run, linnet_evaluation *evaluation,
                             linnet_error *error)
{
    size_t count = run->outputs;
    linnet_status status = ln_alloc_into(&evaluation->confusion, ln_saturated_mul(count, count),
                                         sizeof *evaluation->confusion, "the confusion", error);
    if (status == LINNET_OK) {
        status = ln_alloc_into(&evaluation->classes, count, sizeof *evaluation->classes,
                               "the classes' metrics", error);
    }
    if (status != LINNET_OK) {
        return status;
    }
    evaluation->rows = (int64_t)run->rows;
    evaluation->class_count = (int64_t)count;
    const int64_t *labels = linnet_dataset_labels(run->dataset);
    for (size_t row = 0; row < run->rows; row++) {
        evaluation->confusion[labels[row] * (int64_t)count + run->predicted[row]]++;
    }
    measure_classes(evaluation);
    float sum;
    ln_sum_columns(run->plan->kernels, NULL, run->rows, 1, run->losses, 1, &sum);
    evaluation->loss = (double)(sum / (float)run->rows);
    return LINNET_OK;
}

/* Checks the smaller things first: the plan packs all weights. */
static linnet_status evaluate(evaluation_run *run, const linnet_model *model,
                              linnet_plan_options options, linnet_evaluation *evaluation,
                              linnet_error *error)
{
    int64_t outputs = 0;
    linnet_status status = ln_check_logits(model, run->dataset, options.max_batch, &outputs, error);
    if (status == LINNET_OK) {
        status = ln_check_labels(run->dataset, outputs, -1, "evaluation", error);
    }
    if (status == LINNET_OK) {
        status = linnet_plan_create(model, &options, &run->plan, error);
    }
    if (status == LINNET_OK) {
        status = check_plan(run, error);
    }
    if (status == LINNET_OK) {
        status = ln_plan_check_batches(run->plan, run->rows, options.max_batch, error);
    }
    if (status != LINNET_OK) {
        return status;
    }
    run->outputs = (size_t)outputs;
    status = take_memory(run, options.max_batch, error);
    if (status == LINNET_OK) {
        status = run_batches(run, error);
    }
    if (status == LINNET_OK) {
        status = measure(run, evaluation, error);
    }
    return status;
}

linnet_status linnet_evaluate(const linnet_model *model, const linnet_dataset *dataset,
                              const linnet_plan_options *options, linnet_evaluation *evaluation,
                              linnet_error *error)
{
    *evaluation = (linnet_evaluation){0};
    evaluation_run run = {.dataset = dataset,
                          .rows = (size_t)linnet_dataset_rows(dataset),
                          .features = (size_t)linnet_dataset_features(dataset)};
    linnet_plan_options chosen = options != NULL ? *options : (linnet_plan_options){0};
    chosen.max_batch = chosen.max_batch > 0 ? chosen.max_batch : DEFAULT_BATCH;
    chosen.max_batch = ln_min_size(chosen.max_batch, run.rows);
    chosen.probabilities = false; /* the loss is that of logits */
    ln_fpenv saved = ln_fpenv_enter();
    linnet_status status = evaluate(&run, model, chosen, evaluation, error);
    ln_fpenv_leave(saved);
    if (status != LINNET_OK) {
        linnet_evaluation_free(evaluation);
    }
    free_run(&run);
    return status;
}

void linnet_evaluation_free(linnet_evaluation *evaluation)
{
    if (evaluation != NULL) {
        ln_free(evaluation->classes);
        ln_free(evaluation->confusion);
        *evaluation = (linnet_evaluation){0};
    }
}
