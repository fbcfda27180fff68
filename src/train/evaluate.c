/* evaluate.c - evaluates models over labelled datasets: checks, memory, the batches, which are read
 * once for all models that they are for. Rows are judge.c's; what is measured from them is
 * metrics.c's. */
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/fpenv.h"
#include "base/memory.h"
#include "data/data.h"
#include "data/relay.h"
#include "train/classes.h"
#include "train/judge.h"
#include "train/targets.h"

/* Rows of a batch, unless the caller says so: fewer where several models' plans are in memory. */
#define DEFAULT_BATCH 256
#define DEFAULT_SHARED_BATCH 32

extern const ln_module_type ln_softmax_type;
extern const ln_judge_engine ln_judge_engine_f32, ln_judge_engine_f64;

static const ln_judge_engine *engine_of(const ln_evaluation_run *run)
{
    return run->plan->dtype == LINNET_FLOAT64 ? &ln_judge_engine_f64 : &ln_judge_engine_f32;
}

static void free_run(ln_evaluation_run *run)
{
    linnet_plan_free(run->plan);
    if (!run->follows) {
        ln_feed_free(run->feed);
        ln_free(run->fed);
    }
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

static linnet_status take_memory(ln_evaluation_run *run, linnet_error *error)
{
    linnet_scores *scores = run->scores;
    bool classes = scores->task == LINNET_TASK_CLASSIFICATION, keep = scores->whole || !classes;
    linnet_status status =
        ln_alloc_into(&run->logits, ln_saturated_mul(run->batch, run->outputs),
                      linnet_dtype_size(run->plan->dtype), "a batch's logits", error);
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
                             const linnet_plan_options *options, ln_pool *pool, linnet_error *error)
{
    int64_t outputs = 0;
    linnet_status status =
        check_fit(run->loss, model, run->dataset, options->max_batch, &outputs, error);
    if (status == LINNET_OK) {
        status = ln_plan_create(model, options, pool, &run->plan, error);
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

/* All but the rows. `whole`: for every metric. pool: borrowed; NULL: one of its own. */
static linnet_status begin(ln_evaluation_run *run, const linnet_model *model,
                           const linnet_plan_options *options, ln_pool *pool, bool whole,
                           linnet_error *error)
{
    linnet_plan_options chosen = *options;
    chosen.probabilities = false; /* the loss is that of logits */
    run->features = (size_t)linnet_dataset_features(run->dataset);
    linnet_status status = ln_loss_create(linnet_model_loss(model), &run->loss, error);
    if (status == LINNET_OK) {
        run->rows = count_rows(run->loss, run->dataset);
        run->batch = chosen.max_batch = ln_min_size(chosen.max_batch, run->rows);
        status = prepare(run, model, &chosen, pool, error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&run->scores, 1, sizeof *run->scores, "scores", error);
    }
    if (status == LINNET_OK) {
        run->softmax = run->loss->type->task == LINNET_TASK_CLASSIFICATION &&
                       ln_model_last(model) == &ln_softmax_type;
        *run->scores = (linnet_scores){.task = run->loss->type->task,
                                       .whole = whole,
                                       .rows = run->rows,
                                       .outputs = run->outputs,
                                       .unit_outputs = run->loss->type->unit_output,
                                       .are_logits = !run->softmax && !run->loss->type->unit_output,
                                       .temperature = model->temperature,
                                       .targets = linnet_dataset_targets(run->dataset)};
        status = take_labels(run, error);
    }
    if (status == LINNET_OK) {
        status = take_cuts(run->scores, model, error);
    }
    return status == LINNET_OK ? take_memory(run, error) : status;
}

/* Whether two runs take the same rows in the same batches. */
static bool are_alike(const ln_evaluation_run *a, const ln_evaluation_run *b)
{
    const int64_t *rows = a->scores->numbers, *others = b->scores->numbers;
    return a->dataset == b->dataset && a->batch == b->batch && a->rows == b->rows &&
           (rows == others ||
            (rows != NULL && others != NULL && memcmp(rows, others, a->rows * sizeof *rows) == 0));
}

/* Reads with an earlier run, and what that is fed with where it is fed alike. */
static linnet_status follow(ln_evaluation_run *run, ln_evaluation_run *leader, linnet_error *error)
{
    linnet_status status = LINNET_OK;
    run->feed = leader->feed;
    run->follows = true;
    if (!ln_plan_is_fed_alike(leader->plan, run->plan)) {
        return LINNET_OK;
    }
    if (leader->fed == NULL) {
        status =
            ln_alloc_into(&leader->fed, ln_saturated_mul(leader->batch, leader->plan->steps[0].ld),
                          linnet_dtype_size(leader->plan->dtype), "a batch", error);
    }
    run->fed = leader->fed;
    return status;
}

/* The feed of an earlier run that takes the same rows, or else a new one. */
static linnet_status take_feed(ln_evaluation_run *runs, size_t i, linnet_error *error)
{
    for (size_t k = 0; k < i; k++) {
        if (!runs[k].follows && are_alike(&runs[k], &runs[i])) {
            return follow(&runs[i], &runs[k], error);
        }
    }
    return ln_feed_create(runs[i].dataset, runs[i].batch, &runs[i].feed, error);
}

/* What several datasets are parts of, or NULL. */
static const linnet_dataset *common_whole(const ln_evaluation_run *runs, size_t count)
{
    const linnet_dataset *whole = ln_dataset_whole(runs[0].dataset);
    size_t i = 0;
    while (i < count && ln_dataset_whole(runs[i].dataset) == whole) {
        i++;
    }
    return i == count ? whole : NULL;
}

/* All batches of all feeds, each for the runs that it is of. */
static linnet_status run_feeds(ln_evaluation_run *runs, size_t count, ln_share *shares,
                               linnet_error *error)
{
    ln_relay relay;
    size_t feeds = 0, share = 0, rows = 1;
    for (size_t i = 0; i < count; i++) {
        if (!runs[i].follows) {
            shares[feeds++] = (ln_share){runs[i].feed, runs[i].scores->numbers, runs[i].rows};
        }
    }
    linnet_status status =
        ln_relay_begin(&relay, common_whole(runs, count), NULL, shares, feeds, error);
    while (status == LINNET_OK && rows > 0) {
        status = ln_relay_next(&relay, &share, &rows, error);
        for (size_t i = 0; i < count && status == LINNET_OK; i++) {
            if (runs[i].feed == shares[share].feed && rows > 0) {
                if (!runs[i].follows && runs[i].fed != NULL) {
                    engine_of(&runs[i])->feed(&runs[i], rows);
                }
                engine_of(&runs[i])->batch(&runs[i], rows);
            }
        }
    }
    ln_relay_end(&relay);
    return status;
}

/* Runs models[i] over runs[i].dataset; on success runs[i].scores are the caller's. */
static linnet_status score(const linnet_model *const *models, ln_evaluation_run *runs, size_t count,
                           const linnet_plan_options *options, bool whole, linnet_error *error)
{
    ln_share *shares;
    linnet_plan_options chosen = options != NULL ? *options : (linnet_plan_options){0};
    if (chosen.max_batch == 0) {
        chosen.max_batch = count > 1 ? DEFAULT_SHARED_BATCH : DEFAULT_BATCH;
    }
    linnet_status status = ln_alloc_into(&shares, count, sizeof *shares, "the feeds", error);
    ln_fpenv saved = ln_fpenv_enter();
    for (size_t i = 0; i < count && status == LINNET_OK; i++) {
        ln_pool *pool = i > 0 ? runs[0].plan->pool : NULL;
        status = begin(&runs[i], models[i], &chosen, pool, whole, error);
    }
    for (size_t i = 0; i < count && status == LINNET_OK; i++) {
        status = take_feed(runs, i, error);
    }
    if (status == LINNET_OK && count > 0) {
        status = run_feeds(runs, count, shares, error);
    }
    for (size_t i = count; i-- > 0;) { /* the first one's threads are those of all */
        if (status == LINNET_OK) {
            engine_of(&runs[i])->mean(&runs[i]);
        } else {
            linnet_scores_free(runs[i].scores);
        }
        free_run(&runs[i]);
    }
    ln_free(shares);
    ln_fpenv_leave(saved);
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
    ln_evaluation_run run = {.dataset = dataset};
    linnet_status status = score(&model, &run, 1, options, true, error);
    *scores = status == LINNET_OK ? run.scores : NULL;
    return status;
}

linnet_status linnet_models_evaluate(const linnet_model *const *models,
                                     const linnet_dataset *const *datasets, size_t count,
                                     const linnet_plan_options *options,
                                     linnet_evaluation *evaluations, linnet_error *error)
{
    ln_evaluation_run *runs;
    linnet_status status = ln_alloc_into(&runs, count, sizeof *runs, "the evaluations", error);
    for (size_t i = 0; i < count; i++) {
        evaluations[i] = (linnet_evaluation){0};
        if (status == LINNET_OK) {
            runs[i].dataset = datasets[i];
        }
    }
    if (status != LINNET_OK) {
        return status;
    }
    status = score(models, runs, count, options, false, error);
    bool scored = status == LINNET_OK;
    for (size_t i = 0; i < count && scored; i++) {
        if (status == LINNET_OK) {
            status = linnet_scores_evaluate(runs[i].scores, &evaluations[i], error);
        }
        linnet_scores_free(runs[i].scores);
    }
    for (size_t i = 0; i < count && status != LINNET_OK; i++) {
        linnet_evaluation_free(&evaluations[i]);
    }
    ln_free(runs);
    return status;
}

linnet_status linnet_evaluate(const linnet_model *model, const linnet_dataset *dataset,
                              const linnet_plan_options *options, linnet_evaluation *evaluation,
                              linnet_error *error)
{
    return linnet_models_evaluate(&model, &dataset, 1, options, evaluation, error);
}
