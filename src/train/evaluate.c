/* evaluate.c - evaluates a model over a labelled dataset: checks, memory. Rows are judge.c's; what
 * is measured from them is metrics.c's. */
#include "base/checked.h"
#include "base/error.h"
#include "base/fpenv.h"
#include "base/memory.h"
#include "train/classes.h"
#include "train/judge.h"
#include "train/targets.h"

#define DEFAULT_BATCH 256

extern const ln_module_type ln_softmax_type;

static void free_run(ln_evaluation_run *run)
{
    linnet_plan_free(run->plan);
    ln_feed_free(run->feed);
    ln_free(run->logits);
    ln_free(run->losses);
    ln_free(run->weights);
    ln_loss_free(run->loss);
}

static linnet_status check_plan(const ln_evaluation_run *run, linnet_error *error)
{
    size_t expected = linnet_plan_input_features(run->plan);
    if (expected != run->features) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "the model takes rows of %zu features; the dataset's have %zu", expected,
                       run->features);
    }
    return LINNET_OK;
}

static linnet_status take_memory(ln_evaluation_run *run, size_t batch, linnet_error *error)
{
    linnet_scores *scores = run->scores;
    bool classes = scores->task == LINNET_TASK_CLASSIFICATION, keep = scores->whole || !classes;
    linnet_status status =
        ln_alloc_into(&run->logits, ln_saturated_mul(batch, run->outputs),
                      linnet_dtype_size(run->plan->dtype), "a batch's logits", error);
    if (status == LINNET_OK) {
        status = ln_feed_create(run->dataset, batch, &run->feed, error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&run->losses, run->rows, linnet_dtype_size(run->plan->dtype),
                               "the losses", error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&run->weights, run->rows, linnet_dtype_size(run->plan->dtype),
                               "the losses", error);
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

/* Model, rows, labels and loss fit one another. */
static linnet_status check_fit(ln_loss *loss, const linnet_model *model,
                               const linnet_dataset *dataset, size_t batch, int64_t *outputs,
                               linnet_error *error)
{
    linnet_status status = ln_check_logits(model, dataset, batch, outputs, error);
    if (status == LINNET_OK) {
        status = ln_check_targets(loss, dataset, *outputs, batch, "evaluation", error);
    }
    return status == LINNET_OK ? ln_loss_fit(loss, (size_t)*outputs, model->dtype, error) : status;
}

/* Checks the smaller things first: the plan packs all weights. */
static linnet_status prepare(ln_evaluation_run *run, const linnet_model *model,
                             const linnet_plan_options *options, linnet_error *error)
{
    int64_t outputs = 0;
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
static void take_counted(const ln_evaluation_run *run)
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
static linnet_status take_labels(const ln_evaluation_run *run, linnet_error *error)
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

/* The model's thresholds, where outputs are compared with them. */
static linnet_status take_cuts(linnet_scores *scores, const linnet_model *model,
                               linnet_error *error)
{
    if (scores->task != LINNET_TASK_MULTILABEL) {
        return LINNET_OK;
    }
    linnet_status status = ln_alloc_into(&scores->cuts, scores->outputs, sizeof *scores->cuts,
                                         "the thresholds", error);
    for (size_t i = 0; status == LINNET_OK && i < scores->outputs; i++) {
        double p = linnet_model_threshold(model, i);
        scores->cuts[i] = scores->unit_outputs ? p : ln_log_double(p) - ln_log_double(1 - p);
    }
    return status;
}

/* Runs the model. `whole`: for every metric. */
static linnet_status score(const linnet_model *model, const linnet_dataset *dataset,
                           const linnet_plan_options *options, bool whole, linnet_scores **scores,
                           linnet_error *error)
{
    ln_evaluation_run run = {.dataset = dataset,
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
        status = take_cuts(run.scores, model, error);
    }
    if (status == LINNET_OK) {
        status = take_memory(&run, chosen.max_batch, error);
    }
    if (status == LINNET_OK) {
        status = (model->dtype == LINNET_FLOAT64 ? ln_judge_f64 : ln_judge_f32)(&run, error);
    }
    if (status == LINNET_OK) {
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
