/* evaluate.c - runs a model over a labelled dataset, and keeps what it gives for each row; what is
 * measured from it is metrics.c's.
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
#include "train/scores.h"
#include "train/targets.h"

#define DEFAULT_BATCH 256

extern const ln_module_type ln_softmax_type;

typedef struct evaluation_run {
    linnet_plan *plan;
    ln_feed *feed;
    const linnet_dataset *dataset;
    size_t rows, features, outputs;
    ln_loss *loss;
    float *logits;           /* a batch's */
    float *losses, *weights; /* all rows' */
    bool softmax;            /* the outputs are probabilities already */
    linnet_scores *scores;
} evaluation_run;

static void free_run(evaluation_run *run)
{
    linnet_plan_free(run->plan);
    ln_feed_free(run->feed);
    ln_free(run->logits);
    ln_free(run->losses);
    ln_free(run->weights);
    ln_loss_free(run->loss);
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
    linnet_scores *scores = run->scores;
    bool classes = scores->task == LINNET_TASK_CLASSIFICATION, keep = scores->whole || !classes;
    linnet_status status = ln_alloc_into(&run->logits, ln_saturated_mul(batch, run->outputs),
                                         sizeof *run->logits, "a batch's logits", error);
    if (status == LINNET_OK) {
        status = ln_feed_create(run->dataset, batch, &run->feed, error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&run->losses, run->rows, sizeof *run->losses, "the losses", error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&run->weights, run->rows, sizeof *run->weights, "the losses", error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&scores->judged, run->rows, sizeof *scores->judged,
                               "the predictions", error);
    }
    if (status == LINNET_OK && keep && classes) {
        status = ln_alloc_into(&scores->softmax, run->rows, sizeof *scores->softmax,
                               "the probabilities", error);
    }
    if (status == LINNET_OK && keep) {
        status = ln_alloc_into(&scores->logits, ln_saturated_mul(run->rows, run->outputs),
                               sizeof *scores->logits, "the outputs of all rows", error);
    }
    return status;
}

/* ---- running ---- */

typedef struct batch_slice {
    evaluation_run *run;
    size_t first;
} batch_slice;

/* Whether class i is likelier than class j: by its logit, of which NaN is the largest, and else by its
 * number. ln_predicted_class gives the class before which there is none. */
static bool is_ahead(const float *logits, size_t i, size_t j)
{
    if (isnan(logits[i]) || isnan(logits[j])) {
        return isnan(logits[i]) && (!isnan(logits[j]) || i < j);
    }
    return logits[i] > logits[j] || (logits[i] == logits[j] && i < j);
}

static void keep_row(evaluation_run *run, size_t row, const float *logits)
{
    double *kept = run->scores->logits + row * run->outputs;
    for (size_t i = 0; i < run->outputs; i++) {
        kept[i] = run->softmax ? ln_log_double((double)logits[i])
                               : (double)logits[i] / run->scores->temperature;
    }
    if (run->scores->task == LINNET_TASK_CLASSIFICATION) {
        run->scores->softmax[row] = ln_softmax_of(run->outputs, kept);
    }
}

static void judge_row(void *context, size_t i)
{
    const batch_slice *slice = context;
    evaluation_run *run = slice->run;
    size_t row = slice->first + i;
    const float *logits = run->logits + i * run->outputs;
    ln_target target = ln_target_of(run->dataset, ln_scores_number(run->scores, row));
    ln_judged *judged = &run->scores->judged[row];
    run->weights[row] = ln_loss_row_weight(run->loss, &target);
    run->losses[row] =
        run->loss->type->row(run->loss, run->plan->kernels, run->outputs, logits, &target, 1, NULL);
    judged->met = ln_target_met(run->loss, run->outputs, logits, &target);
    if (run->scores->labels != NULL) {
        judged->predicted = (int64_t)ln_predicted_class(run->outputs, logits);
        for (size_t other = 0; other < run->outputs; other++) {
            judged->rank += is_ahead(logits, other, (size_t)run->scores->labels[row]);
        }
    }
    if (run->scores->logits != NULL) {
        keep_row(run, row, logits);
    }
}

static void read_row(void *context, size_t i, float *out)
{
    const batch_slice *slice = context;
    ln_feed_row(slice->run->feed, i, LINNET_FLOAT32, out);
}

static linnet_status run_batches(evaluation_run *run, linnet_error *error)
{
    size_t count = 0;
    ln_feed_begin(run->feed, run->scores->numbers, run->rows);
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

static void mean_loss(evaluation_run *run)
{
    float sum, weight;
    ln_sum_columns(run->plan->kernels, NULL, run->rows, 1, run->losses, 1, &sum);
    ln_sum_columns(run->plan->kernels, NULL, run->rows, 1, run->weights, 1, &weight);
    run->scores->loss = (double)ln_loss_mean(run->loss, sum, weight);
}

/* Model, rows, labels and loss fit one another. */
static linnet_status check_fit(ln_loss *loss, const linnet_model *model,
                               const linnet_dataset *dataset, size_t batch, int64_t *outputs,
                               linnet_error *error)
{
    linnet_status status = ln_check_logits(model, dataset, batch, outputs, error);
    if (status == LINNET_OK) {
        status = ln_check_targets(loss, dataset, *outputs, batch, "evaluation", error);
    }
    return status == LINNET_OK ? ln_loss_fit(loss, (size_t)*outputs, error) : status;
}

/* Checks the smaller things first: the plan packs all weights. */
static linnet_status prepare(evaluation_run *run, const linnet_model *model,
                             const linnet_plan_options *options, linnet_error *error)
{
    int64_t outputs = 0;
    if (model->dtype != LINNET_FLOAT32) {
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED, "evaluation of float64 models");
    }
    linnet_status status =
        check_fit(run->loss, model, run->dataset, options->max_batch, &outputs, error);
    if (status == LINNET_OK) {
        status = linnet_plan_create(model, options, &run->plan, error);
    }
    if (status == LINNET_OK) {
        status = check_plan(run, error);
    }
    if (status == LINNET_OK) {
        status = ln_plan_check_batches(run->plan, run->rows, options->max_batch, error);
    }
    run->outputs = (size_t)outputs;
    return status;
}

/* How many rows the loss does not ignore; only labels that are classes can be such. */
static size_t count_rows(const ln_loss *loss, const linnet_dataset *dataset)
{
    const int64_t *labels = linnet_dataset_labels(dataset);
    size_t rows = (size_t)linnet_dataset_rows(dataset), counted = 0;
    for (size_t row = 0; row < rows && labels != NULL; row++) {
        counted += labels[row] != loss->ignore_index;
    }
    return labels != NULL ? counted : rows;
}

/* The rows that count, where some do not. */
static void take_counted(const evaluation_run *run)
{
    const int64_t *labels = linnet_dataset_labels(run->dataset);
    linnet_scores *scores = run->scores;
    size_t taken = 0;
    for (int64_t row = 0; row < linnet_dataset_rows(run->dataset); row++) {
        if (labels[row] != run->loss->ignore_index) {
            scores->owned_labels[taken] = labels[row];
            scores->numbers[taken++] = row;
        }
    }
}

/* One label a row that counts: the dataset's, or the likeliest of its class probabilities. */
static linnet_status take_labels(const evaluation_run *run, linnet_error *error)
{
    linnet_scores *scores = run->scores;
    bool whole = scores->rows == (size_t)linnet_dataset_rows(run->dataset);
    scores->labels = linnet_dataset_labels(run->dataset);
    if (scores->task != LINNET_TASK_CLASSIFICATION || (scores->labels != NULL && whole)) {
        return LINNET_OK;
    }
    linnet_status status = ln_alloc_into(&scores->owned_labels, scores->rows,
                                         sizeof *scores->owned_labels, "the labels", error);
    if (status == LINNET_OK && !whole) {
        status = ln_alloc_into(&scores->numbers, scores->rows, sizeof *scores->numbers,
                               "the rows' numbers", error);
    }
    if (status != LINNET_OK) {
        return status;
    }
    if (!whole) {
        take_counted(run);
    }
    for (size_t row = 0; row < scores->rows && whole; row++) {
        scores->owned_labels[row] =
            (int64_t)ln_likeliest(scores->outputs, scores->targets + row * scores->outputs);
    }
    scores->labels = scores->owned_labels;
    return LINNET_OK;
}

/* Runs the model. `whole`: for every metric. */
static linnet_status score(const linnet_model *model, const linnet_dataset *dataset,
                           const linnet_plan_options *options, bool whole, linnet_scores **scores,
                           linnet_error *error)
{
    evaluation_run run = {.dataset = dataset,
                          .features = (size_t)linnet_dataset_features(dataset),
                          .softmax = ln_model_last(model) == &ln_softmax_type};
    linnet_plan_options chosen = options != NULL ? *options : (linnet_plan_options){0};
    chosen.max_batch = chosen.max_batch > 0 ? chosen.max_batch : DEFAULT_BATCH;
    chosen.probabilities = false; /* the loss is that of logits */
    linnet_status status = ln_loss_create(linnet_model_loss(model), &run.loss, error);
    if (status == LINNET_OK) {
        run.rows = count_rows(run.loss, dataset);
        chosen.max_batch = ln_min_size(chosen.max_batch, run.rows);
        status = prepare(&run, model, &chosen, error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&run.scores, 1, sizeof *run.scores, "scores", error);
    }
    if (status == LINNET_OK) {
        run.softmax = run.loss->type->task == LINNET_TASK_CLASSIFICATION && run.softmax;
        *run.scores = (linnet_scores){.task = run.loss->type->task,
                                      .whole = whole,
                                      .rows = run.rows,
                                      .outputs = run.outputs,
                                      .unit_outputs = run.loss->type->unit_output,
                                      .are_logits = !run.softmax && !run.loss->type->unit_output,
                                      .temperature = model->temperature,
                                      .targets = linnet_dataset_targets(dataset)};
        status = take_labels(&run, error);
    }
    if (status == LINNET_OK) {
        status = take_memory(&run, chosen.max_batch, error);
    }
    if (status == LINNET_OK) {
        status = run_batches(&run, error);
    }
    if (status == LINNET_OK) {
        mean_loss(&run);
        *scores = run.scores;
    } else {
        linnet_scores_free(run.scores);
    }
    free_run(&run);
    return status;
}

linnet_status linnet_evaluable(const linnet_model *model, const linnet_dataset *dataset,
                               linnet_error *error)
{
    ln_loss *loss;
    int64_t outputs;
    ln_fpenv saved = ln_fpenv_enter();
    linnet_status status = ln_loss_create(linnet_model_loss(model), &loss, error);
    if (status == LINNET_OK) {
        size_t batch = ln_min_size(DEFAULT_BATCH, (size_t)linnet_dataset_rows(dataset));
        status = check_fit(loss, model, dataset, batch, &outputs, error);
    }
    ln_loss_free(loss);
    ln_fpenv_leave(saved);
    return status;
}

linnet_status linnet_scores_create(const linnet_model *model, const linnet_dataset *dataset,
                                   const linnet_plan_options *options, linnet_scores **scores,
                                   linnet_error *error)
{
    *scores = NULL;
    ln_fpenv saved = ln_fpenv_enter();
    linnet_status status = score(model, dataset, options, true, scores, error);
    ln_fpenv_leave(saved);
    return status;
}

linnet_status linnet_evaluate(const linnet_model *model, const linnet_dataset *dataset,
                              const linnet_plan_options *options, linnet_evaluation *evaluation,
                              linnet_error *error)
{
    linnet_scores *scores = NULL;
    *evaluation = (linnet_evaluation){0};
    ln_fpenv saved = ln_fpenv_enter();
    linnet_status status = score(model, dataset, options, false, &scores, error);
    ln_fpenv_leave(saved);
    if (status == LINNET_OK) {
        status = linnet_scores_evaluate(scores, evaluation, error);
    }
    linnet_scores_free(scores);
    return status;
}
