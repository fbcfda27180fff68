/* trainer.c - the training loop: order, batches, forward, loss, backward, optimizer.
 *
 * Works on a training plan, which holds the weights while an epoch runs; the model has them after
 * it. Nothing is allocated
 * after linnet_trainer_create. Validation, keeping the best and stopping are the caller's. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/fpenv.h"
#include "data/data.h"
#include "train/classes.h"
#include "train/targets.h"
#include "train/trainer.h"

int64_t ln_trainer_epoch_batches(const linnet_trainer *trainer)
{
    int64_t rows = linnet_dataset_rows(trainer->dataset);
    int64_t size = (int64_t)trainer->step_rows;
    return rows / size + (rows % size != 0);
}

/* ---- making one ---- */

/* The model takes these rows and has an output for each label, and the loss a weight for each. */
static linnet_status check_data(linnet_trainer *trainer, linnet_error *error)
{
    const linnet_dataset *dataset = trainer->dataset;
    int64_t outputs = 0, row[LINNET_MAX_RANK];
    int rank = linnet_dataset_row_shape(dataset, row);
    linnet_status status =
        ln_check_logits(trainer->model, dataset, trainer->options.batch_size, &outputs, error);
    if (status == LINNET_OK) {
        status = ln_check_targets(trainer->loss, dataset, outputs, trainer->options.batch_size,
                                  "training", error);
    }
    if (status == LINNET_OK) {
        status = ln_loss_fit(trainer->loss, (size_t)outputs, error);
        if (status != LINNET_OK) {
            ln_error_put_before(error, "loss");
        }
    }
    return status == LINNET_OK ? linnet_model_set_input_shape(trainer->model, rank, row, error)
                               : status;
}

static linnet_status create_optimizer(linnet_trainer *trainer, const char *text,
                                      linnet_error *error)
{
    size_t count = trainer->model->parameter_count;
    size_t *sizes = ln_alloc(count, sizeof *sizes);
    trainer->parameters = ln_alloc(count, sizeof *trainer->parameters);
    if (sizes == NULL || trainer->parameters == NULL) {
        ln_free(sizes);
        return ln_fail_memory(error, count * sizeof *sizes, "the optimizer");
    }
    for (size_t i = 0; i < count; i++) {
        trainer->parameters[i] = ln_plan_parameter(trainer->plan, i, &sizes[i]);
    }
    linnet_status status = ln_optimizer_create(text, sizes, count, &trainer->optimizer, error);
    ln_free(sizes);
    if (status != LINNET_OK) {
        ln_error_put_before(error, "optim");
    }
    return status;
}

/* steps_per_epoch joins the caller's names, unless it is among them. */
static linnet_status create_schedule(linnet_trainer *trainer, linnet_error *error)
{
    const linnet_trainer_options *options = &trainer->options;
    size_t count = options->name_count;
    linnet_name *names = ln_alloc(count + 1, sizeof *names);
    if (names == NULL) {
        return ln_fail_memory(error, (count + 1) * sizeof *names, "the names");
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = options->names[i];
    }
    names[count] = (linnet_name){"steps_per_epoch", ln_trainer_epoch_batches(trainer)};
    linnet_status status = ln_schedule_create(options->schedule, names, count + 1,
                                              trainer->optimizer, &trainer->schedule, error);
    ln_free(names);
    if (status == LINNET_OK) {
        trainer->step_batches =
            options->schedule_step == LINNET_STEP_BATCH ||
            (options->schedule_step == LINNET_STEP_DEFAULT && trainer->schedule->type->each_batch);
        int64_t steps = trainer->step_batches ? ln_trainer_epoch_batches(trainer) : 1;
        status = ln_schedule_check_steps(
            trainer->schedule,
            options->epochs < INT64_MAX / steps ? options->epochs * steps : INT64_MAX, error);
    }
    if (status != LINNET_OK) {
        ln_error_put_before(error, "schedule");
    }
    return status;
}

static linnet_status take_memory(linnet_trainer *trainer, linnet_error *error)
{
    size_t batch = trainer->step_rows;
    size_t rows = (size_t)linnet_dataset_rows(trainer->dataset);
    linnet_status status =
        ln_alloc_into(&trainer->order, rows, sizeof *trainer->order, "the order", error);
    if (status == LINNET_OK) {
        status =
            ln_feed_create(trainer->dataset, trainer->options.batch_size, &trainer->feed, error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&trainer->losses, batch, sizeof *trainer->losses, "a batch", error);
    }
    if (status == LINNET_OK) {
        status =
            ln_alloc_into(&trainer->weights, batch, sizeof *trainer->weights, "a batch", error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&trainer->correct, batch, 1, "a batch", error);
    }
    return status;
}

static linnet_status prepare(linnet_trainer *trainer, linnet_error *error)
{
    linnet_trainer_options *options = &trainer->options;
    if (options->shuffle_block > 0 && options->rng != LINNET_RNG_PHILOX) {
        return ln_fail_at(error, LINNET_ERROR_ARGUMENT, "shuffle_block",
                          "expected Philox's generator: torch's shuffles all rows");
    }
    size_t rows = (size_t)linnet_dataset_rows(trainer->dataset);
    size_t batch = options->batch_size > 0 ? options->batch_size : 64;
    options->batch_size = ln_min_size(batch, rows);
    options->accumulate = options->accumulate > 0 ? options->accumulate : 1;
    trainer->step_rows =
        ln_min_size(ln_saturated_mul(options->batch_size, options->accumulate), rows);
    const char *loss = options->loss != NULL ? options->loss : linnet_model_loss(trainer->model);
    linnet_status status = ln_loss_create(loss, &trainer->loss, error);
    if (status != LINNET_OK) {
        ln_error_put_before(error, "loss");
    }
    if (status == LINNET_OK) {
        status = check_data(trainer, error);
    }
    if (status == LINNET_OK) {
        ln_plan_request request = {.training = true,
                                   .torch_masks = options->rng != LINNET_RNG_PHILOX,
                                   .max_batch = options->batch_size,
                                   .threads = options->threads};
        status = ln_plan_precision(options->precision, true, &request.precision, error);
        if (status == LINNET_OK) {
            status = ln_plan_lower(trainer->model, &request, &trainer->plan, error);
        }
    }
    if (status == LINNET_OK) {
        status = ln_plan_check_batches(trainer->plan, rows, options->batch_size, error);
        if (status != LINNET_OK) {
            ln_error_set_place(error, "batch_size");
        }
    }
    if (status == LINNET_OK) {
        status = create_optimizer(
            trainer, options->optim != NULL ? options->optim : "Adam(lr=0.001)", error);
    }
    if (status == LINNET_OK) {
        status = ln_trainer_exempt(trainer, error);
    }
    if (status == LINNET_OK) {
        status = ln_gradients_create(trainer, &trainer->gradients, error);
    }
    if (status == LINNET_OK && options->schedule != NULL) {
        status = create_schedule(trainer, error);
    }
    if (status == LINNET_OK) {
        status = take_memory(trainer, error);
    }
    if (status == LINNET_OK && options->loss != NULL) {
        status = linnet_model_set_loss(trainer->model, loss, error);
    }
    /* The texts were the caller's for this call only. */
    options->optim = options->loss = options->schedule = NULL;
    options->names = NULL;
    return status;
}

linnet_status linnet_trainer_create(linnet_model *model, const linnet_dataset *dataset,
                                    const linnet_trainer_options *options, linnet_trainer **trainer,
                                    linnet_error *error)
{
    *trainer = NULL;
    linnet_trainer *made;
    linnet_status status = ln_alloc_into(&made, 1, sizeof *made, "a trainer", error);
    if (status != LINNET_OK) {
        return status;
    }
    made->model = model;
    made->dataset = dataset;
    made->options = options != NULL ? *options : (linnet_trainer_options){0};
    ln_fpenv saved = ln_fpenv_enter();
    status = prepare(made, error);
    if (status == LINNET_OK) {
        /* As the script that built the model left it. */
        ln_torch_seed(&made->generator, made->options.seed);
        ln_torch_choose(&made->generator, made->options.rng);
        for (uint64_t words = ln_model_words_of_reset(model); words > 0; words--) {
            ln_torch_random(&made->generator);
        }
    }
    ln_fpenv_leave(saved);
    if (status != LINNET_OK) {
        linnet_trainer_free(made);
        return status;
    }
    *trainer = made;
    return LINNET_OK;
}

void linnet_trainer_free(linnet_trainer *trainer)
{
    if (trainer != NULL) {
        linnet_plan_free(trainer->plan);
        ln_schedule_free(trainer->schedule);
        ln_gradients_free(trainer->gradients);
        ln_optimizer_free(trainer->optimizer);
        ln_free(trainer->parameters);
        ln_loss_free(trainer->loss);
        ln_feed_free(trainer->feed);
        ln_free(trainer->order);
        ln_free(trainer->losses);
        ln_free(trainer->weights);
        ln_free(trainer->correct);
        ln_free(trainer);
    }
}

/* ---- one batch ---- */

/* A batch is run in parts of batch_size rows: one part, unless gradients accumulate. */
typedef struct batch_run {
    linnet_trainer *trainer;
    const int64_t *index; /* rows of the dataset */
    size_t rows;          /* of the batch */
    size_t first;         /* of the part in hand */
    const float *logits;
    float *gradient;
    size_t logits_ld, gradient_ld;
    float scale;      /* of the rows' gradients */
    float mean, item; /* of the losses; as the loss's reduction tells it */
} batch_run;

static void weigh_row(void *context, size_t row)
{
    const batch_run *run = context;
    const linnet_trainer *trainer = run->trainer;
    ln_target target = ln_target_of(trainer->dataset, run->index[row]);
    trainer->weights[row] = ln_loss_row_weight(trainer->loss, &target);
}

static void loss_row(void *context, size_t row_of_part)
{
    const batch_run *run = context;
    linnet_trainer *trainer = run->trainer;
    size_t features = trainer->plan->out_features, row = run->first + row_of_part;
    const float *logits = run->logits + row_of_part * run->logits_ld;
    float *gradient = run->gradient + row_of_part * run->gradient_ld;
    ln_target target = ln_target_of(trainer->dataset, run->index[row]);
    if (!ln_loss_counts(trainer->loss, &target)) {
        trainer->correct[row] = false;
        trainer->losses[row] = 0;
        memset(gradient, 0, features * sizeof *gradient);
        return;
    }
    trainer->correct[row] = ln_target_met(trainer->loss, features, logits, &target);
    trainer->losses[row] = trainer->loss->type->row(trainer->loss, trainer->plan->kernels, features,
                                                    logits, &target, run->scale, gradient);
}

static void read_row(void *context, size_t row, float *out)
{
    const batch_run *run = context;
    ln_feed_row(run->trainer->feed, row, out);
}

static void draw_masks(linnet_trainer *trainer, size_t first_row)
{
    if (trainer->options.rng == LINNET_RNG_PHILOX) {
        ln_plan_draw_philox(trainer->plan, trainer->options.seed, (uint32_t)trainer->epoch,
                            (uint32_t)trainer->position.batch, first_row);
    } else {
        ln_plan_draw_torch(trainer->plan, &trainer->generator);
    }
}

/* "rows 3, 17 and 2 others": those of the batch whose loss is no number, or all of it where each one
 * is and only their sum is none. */
static void list_rows(const batch_run *run, char *text, size_t size)
{
    enum { LISTED = 8 };
    const linnet_trainer *trainer = run->trainer;
    size_t bad = 0, told = 0, used = 0;
    for (size_t r = 0; r < run->rows; r++) {
        bad += isfinite(trainer->losses[r]) ? 0 : 1;
    }
    size_t count = bad > 0 ? bad : run->rows;
    used = (size_t)snprintf(text, size, "row%s", count > 1 ? "s" : "");
    for (size_t r = 0; r < run->rows && told < LISTED; r++) {
        if (bad == 0 || !isfinite(trainer->losses[r])) {
            used += (size_t)snprintf(text + used, size - used, "%s %lld", told > 0 ? "," : "",
                                     (long long)ln_dataset_place(trainer->dataset, run->index[r]));
            told++;
        }
    }
    if (count > told) {
        snprintf(text + used, size - used, " and %zu more", count - told);
    }
}

static linnet_status fail_loss(const batch_run *run, linnet_error *error)
{
    const linnet_trainer *trainer = run->trainer;
    bool unit = trainer->loss->type->unit_output;
    char rows[256];
    list_rows(run, rows, sizeof rows);
    return ln_fail(
        error, LINNET_ERROR_DATA,
        "the loss is %s at epoch %lld, step %lld, of %s; the parameters are those of the "
        "step before (%s)",
        isnan(run->mean) ? "NaN" : "infinite", (long long)trainer->epoch + 1,
        (long long)trainer->position.batch + 1, rows,
        unit ? "all elements of input should be between 0 and 1, as a Sigmoid() gives them"
             : "a smaller learning rate or scaled features may help");
}

static linnet_status fail_norm(const batch_run *run, linnet_error *error)
{
    const linnet_trainer *trainer = run->trainer;
    return ln_fail(
        error, LINNET_ERROR_DATA,
        "the norm of the gradient is not finite at epoch %lld, step %lld; the parameters "
        "are those of the step before (a smaller learning rate or scaled features may "
        "help)",
        (long long)trainer->epoch + 1, (long long)trainer->position.batch + 1);
}

/* Forward and loss of `rows` rows from run->first on. */
static void run_part(batch_run *run, size_t rows)
{
    linnet_plan *plan = run->trainer->plan;
    ln_rows feed = {.read = read_row, .context = run};
    draw_masks(run->trainer, run->first);
    run->logits = ln_plan_forward(plan, &feed, rows, NULL, &run->logits_ld);
    run->gradient = ln_plan_output_gradient(plan, &run->gradient_ld);
    ln_plan_rows(plan, rows, 16 * plan->out_features, loss_row, run);
}

/* One step. Fails where the loss is no number; the parameters do not change then. */
static linnet_status train_batch(batch_run *run, linnet_error *error)
{
    linnet_trainer *trainer = run->trainer;
    linnet_plan *plan = trainer->plan;
    size_t parts = ln_ceil_div(run->rows, trainer->options.batch_size);
    float sum, weight;
    ln_plan_rows(plan, run->rows, 1, weigh_row, run);
    ln_sum_columns(plan->kernels, NULL, run->rows, 1, trainer->weights, 1, &weight);
    run->scale = ln_loss_scale(trainer->loss, weight);
    for (size_t part = 0, rows; part < parts; part++, run->first += rows) {
        linnet_status status = ln_feed_next(trainer->feed, &rows, error);
        if (status != LINNET_OK) {
            return status;
        }
        run_part(run, rows);
        if (part + 1 == parts) {
            ln_sum_columns(plan->kernels, NULL, run->rows, 1, trainer->losses, 1, &sum);
            run->mean = ln_loss_mean(trainer->loss, sum, weight);
            run->item = ln_loss_reduce(trainer->loss, sum, weight);
            if (!(weight > 0 ? isfinite(run->mean) : sum == 0)) {
                return fail_loss(run, error);
            }
        }
        if (!ln_gradients_backward(trainer->gradients, rows, part, parts)) {
            return fail_norm(run, error);
        }
    }
    return LINNET_OK;
}

/* ---- one epoch ---- */

/* Of an epoch that begins or goes on. */
static void draw_order(linnet_trainer *trainer)
{
    size_t rows = (size_t)linnet_dataset_rows(trainer->dataset);
    if (trainer->options.rng == LINNET_RNG_PHILOX) {
        ln_philox_order(trainer->options.seed, (uint32_t)trainer->epoch, rows,
                        trainer->options.shuffle_block, trainer->order);
        return;
    }
    /* DataLoader draws a base seed for its workers, then RandomSampler the seed of its own
     * generator. */
    ln_torch_generator sampler;
    if (trainer->position.batch == 0) {
        ln_torch_random64(&trainer->generator);
        trainer->position.sampler = ln_torch_random64(&trainer->generator) & INT64_MAX;
    }
    ln_torch_seed(&sampler, trainer->position.sampler);
    ln_torch_randperm(&sampler, rows, trainer->order);
}

static void add_batch(const batch_run *run)
{
    linnet_trainer *trainer = run->trainer;
    ln_epoch_position *position = &trainer->position;
    for (size_t r = 0; r < run->rows; r++) {
        ln_target target = ln_target_of(trainer->dataset, run->index[r]);
        position->correct += trainer->correct[r];
        position->counted += ln_loss_counts(trainer->loss, &target);
    }
    if (!isnan(run->mean)) {
        position->loss += (double)run->mean * (double)run->rows;
        position->loss_rows += (int64_t)run->rows;
    }
    position->batch++;
}

static linnet_epoch sum_up(const linnet_trainer *trainer)
{
    const ln_epoch_position *position = &trainer->position;
    int64_t rows = linnet_dataset_rows(trainer->dataset);
    linnet_epoch done = {.epoch = trainer->epoch + 1, .batches = position->batch};
    if (position->batch > 0) {
        done.rows = position->batch < ln_trainer_epoch_batches(trainer)
                        ? position->batch * (int64_t)trainer->step_rows
                        : rows;
        done.loss = position->loss / (double)position->loss_rows;
        done.accuracy = trainer->loss->type->task == LINNET_TASK_REGRESSION
                            ? (double)NAN
                            : (double)position->correct / (double)position->counted;
        done.lr = position->lr;
    }
    return done;
}

static bool report(const batch_run *run)
{
    const linnet_trainer *trainer = run->trainer;
    linnet_epoch done = sum_up(trainer);
    linnet_progress progress = {.epoch = done.epoch,
                                .batch = done.batches,
                                .batches = ln_trainer_epoch_batches(trainer),
                                .rows = done.rows,
                                .loss = done.loss,
                                .accuracy = done.accuracy,
                                .batch_loss = (double)run->item,
                                .lr = done.lr};
    return trainer->options.progress == NULL ||
           trainer->options.progress(trainer->options.context, &progress);
}

/* Steps a schedule that is stepped `each_batch`, or each epoch. */
static linnet_status step_schedule(linnet_trainer *trainer, bool each_batch, linnet_error *error)
{
    if (trainer->schedule == NULL || trainer->step_batches != each_batch ||
        trainer->schedule->type->wants_metric) {
        return LINNET_OK;
    }
    linnet_status status = ln_schedule_step(trainer->schedule, 0, error);
    if (status != LINNET_OK) {
        ln_error_put_before(error, "schedule");
    }
    return status;
}

/* What there is to do of the epoch in hand. */
static linnet_status run_epoch(linnet_trainer *trainer, bool *stopped, linnet_error *error)
{
    int64_t rows = linnet_dataset_rows(trainer->dataset);
    int64_t size = (int64_t)trainer->step_rows;
    int64_t batches = ln_trainer_epoch_batches(trainer);
    linnet_status status = LINNET_OK;
    draw_order(trainer);
    int64_t from = sum_up(trainer).rows; /* 0 where the epoch begins */
    ln_feed_begin(trainer->feed, trainer->order + from, (size_t)(rows - from));
    for (int64_t i = trainer->position.batch; i < batches && status == LINNET_OK && !*stopped;
         i++) {
        batch_run run = {.trainer = trainer, .index = trainer->order + i * size};
        run.rows = (size_t)(rows - i * size < size ? rows - i * size : size);
        trainer->position.lr = linnet_trainer_lr(trainer);
        status = train_batch(&run, error);
        if (status != LINNET_OK) {
            return status;
        }
        add_batch(&run);
        status = step_schedule(trainer, true, error);
        *stopped = status == LINNET_OK && !report(&run);
    }
    return status == LINNET_OK && !*stopped ? step_schedule(trainer, false, error) : status;
}

linnet_status linnet_trainer_epoch(linnet_trainer *trainer, linnet_epoch *epoch,
                                   linnet_error *error)
{
    bool stopped = false;
    ln_fpenv saved = ln_fpenv_enter();
    linnet_status status = run_epoch(trainer, &stopped, error);
    ln_feed_end(trainer->feed);
    ln_plan_store(trainer->plan);
    ln_fpenv_leave(saved);
    if (status == LINNET_OK) {
        status = ln_trainer_check_weights(trainer, error);
    }
    linnet_epoch done = sum_up(trainer);
    done.stopped = stopped;
    if (status == LINNET_OK && !stopped) {
        trainer->epoch++;
        trainer->position = (ln_epoch_position){0};
    }
    if (epoch != NULL) {
        *epoch = done;
    }
    return status;
}

/* ---- the learning rate ---- */

double linnet_trainer_lr(const linnet_trainer *trainer)
{
    return ln_optimizer_value(trainer->optimizer, "lr")->number[0];
}

bool linnet_trainer_wants_metric(const linnet_trainer *trainer, bool *largest)
{
    bool wants = trainer->schedule != NULL && trainer->schedule->type->wants_metric;
    if (largest != NULL) {
        *largest = wants && ln_schedule_wants_largest(trainer->schedule);
    }
    return wants;
}

linnet_status linnet_trainer_step_schedule(linnet_trainer *trainer, double metric,
                                           linnet_error *error)
{
    if (!linnet_trainer_wants_metric(trainer, NULL)) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected a schedule that judges by a metric, such as ReduceLROnPlateau; "
                       "found %s",
                       trainer->schedule != NULL ? trainer->schedule->type->signature.name
                                                 : "no schedule");
    }
    ln_fpenv saved = ln_fpenv_enter();
    linnet_status status = ln_schedule_step(trainer->schedule, metric, error);
    ln_fpenv_leave(saved);
    return status;
}

/* ---- what it is ---- */

int64_t linnet_trainer_epochs(const linnet_trainer *trainer)
{
    return trainer->epoch;
}

int64_t linnet_trainer_batches(const linnet_trainer *trainer)
{
    return trainer->position.batch;
}

const char *linnet_trainer_isa(const linnet_trainer *trainer)
{
    return trainer->plan->kernels->name;
}

int linnet_trainer_threads(const linnet_trainer *trainer)
{
    return ln_pool_threads(trainer->plan->pool);
}

size_t linnet_trainer_size(const linnet_trainer *trainer)
{
    size_t batch = trainer->step_rows;
    size_t rows = (size_t)linnet_dataset_rows(trainer->dataset);
    return sizeof *trainer + linnet_plan_size(trainer->plan) +
           ln_optimizer_size(trainer->optimizer) + ln_gradients_size(trainer->gradients) +
           rows * sizeof *trainer->order + ln_feed_size(trainer->feed) +
           batch * (2 * sizeof(float) + 1);
}
