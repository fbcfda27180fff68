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

static void read_row(void *context, size_t row_of_part, float *out)
{
    const batch_run *run = context;
    ln_feed_row(run->trainer->feed, run->first + row_of_part, LINNET_FLOAT32, out);
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

/* Forward of `rows` rows from run->first on. */
static void run_forward(batch_run *run, size_t rows)
{
    ln_rows feed = {.read = read_row, .context = run};
    draw_masks(run->trainer, run->first);
    run->logits = ln_plan_forward(run->trainer->plan, &feed, rows, NULL, &run->logits_ld);
}

static void run_part(batch_run *run, size_t rows)
{
    linnet_plan *plan = run->trainer->plan;
    run_forward(run, rows);
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
        rows = ln_min_size(trainer->options.batch_size, run->rows - run->first);
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
        ln_philox_order(trainer->shuffle_seed, (uint32_t)trainer->epoch, rows,
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

/* One step of the `rows` rows that the feed has come to. */
static linnet_status run_step(linnet_trainer *trainer, size_t rows, bool *stopped,
                              linnet_error *error)
{
    size_t first = (size_t)trainer->position.batch * trainer->step_rows;
    batch_run run = {.trainer = trainer, .index = trainer->order + first, .rows = rows};
    trainer->position.lr = linnet_trainer_lr(trainer);
    linnet_status status = train_batch(&run, error);
    if (status != LINNET_OK) {
        return status;
    }
    ln_average_step(trainer->average);
    add_batch(&run);
    status = step_schedule(trainer, true, error);
    *stopped = (status == LINNET_OK && !report(&run)) || *stopped;
    return status;
}

/* What there is to do of the epoch in hand, of trainers that share one feed. One that fails drops out, with its
 * error among `errors`; what fails is the reading. */
static linnet_status run_epoch(linnet_trainer *const *trainers, size_t count, bool *stopped,
                               linnet_error *errors, linnet_error *error)
{
    linnet_trainer *leader = trainers[0];
    size_t rows = (size_t)linnet_dataset_rows(leader->dataset);
    size_t left = rows - (size_t)sum_up(leader).rows, in_hand = 0, well = count;
    for (size_t i = 0; i < count; i++) {
        ln_average_hide(trainers[i]->average);
    }
    draw_order(leader);
    ln_feed_begin(leader->feed, leader->order + (rows - left), left);
    for (; left > 0 && well > 0 && !*stopped; left -= in_hand) {
        linnet_status status = ln_feed_next(leader->feed, &in_hand, error);
        if (status != LINNET_OK) {
            return status;
        }
        for (size_t i = 0; i < count; i++) {
            if (errors[i].status == LINNET_OK) {
                well -= run_step(trainers[i], in_hand, stopped, &errors[i]) != LINNET_OK;
            }
        }
    }
    for (size_t i = 0; i < count && !*stopped; i++) {
        if (errors[i].status == LINNET_OK) {
            errors[i].status = step_schedule(trainers[i], false, &errors[i]);
        }
    }
    return LINNET_OK;
}

linnet_status ln_trainer_make_statistics(linnet_trainer *trainer, linnet_error *error)
{
    size_t rows = (size_t)linnet_dataset_rows(trainer->dataset), in_hand = 0;
    ln_torch_generator generator = trainer->generator;
    ln_epoch_position position = trainer->position;
    linnet_status status = LINNET_OK;
    ln_plan_forget_statistics(trainer->plan);
    trainer->position = (ln_epoch_position){0};
    trainer->plan->cumulative = true;
    draw_order(trainer);
    ln_feed_begin(trainer->feed, trainer->order, rows);
    for (size_t left = rows; status == LINNET_OK && left > 0; left -= in_hand) {
        status = ln_feed_next(trainer->feed, &in_hand, error);
        batch_run run = {.trainer = trainer, .rows = in_hand};
        while (status == LINNET_OK && run.first < in_hand) {
            size_t part = ln_min_size(in_hand - run.first, trainer->options.batch_size);
            run_forward(&run, part);
            run.first += part;
        }
        trainer->position.batch++;
    }
    ln_feed_end(trainer->feed);
    trainer->plan->cumulative = false;
    trainer->generator = generator;
    trainer->position = position;
    return status;
}

/* Averages, where there are any, take the place of the weights until the next epoch. */
static linnet_status show_average(linnet_trainer *trainer, bool stopped, linnet_error *error)
{
    if (!stopped) {
        ln_average_epoch(trainer->average, trainer->epoch + 1);
    }
    ln_average_show(trainer->average);
    return !stopped && ln_average_wants_statistics(trainer->average)
               ? ln_trainer_make_statistics(trainer, error)
               : LINNET_OK;
}

/* Ends an epoch that was read to its end, or was stopped. *error: of the trainer. */
static linnet_epoch end_epoch(linnet_trainer *trainer, bool stopped, linnet_error *error)
{
    ln_plan_store(trainer->plan);
    if (error->status == LINNET_OK) {
        error->status = ln_trainer_check_weights(trainer, error);
    }
    linnet_epoch done = sum_up(trainer);
    done.stopped = stopped;
    if (error->status == LINNET_OK) {
        error->status = show_average(trainer, stopped, error);
    }
    if (error->status == LINNET_OK && !stopped) {
        trainer->epoch++;
        trainer->position = (ln_epoch_position){0};
    }
    return done;
}

linnet_status linnet_trainers_epoch(linnet_trainer *const *trainers, size_t count,
                                    linnet_epoch *epochs, linnet_error *errors, linnet_error *error)
{
    bool stopped = false;
    for (size_t i = 0; i < count; i++) {
        errors[i] = (linnet_error){.status = LINNET_OK};
        if (trainers[i]->feed != trainers[0]->feed || trainers[i]->epoch != trainers[0]->epoch ||
            trainers[i]->position.batch != trainers[0]->position.batch) {
            return ln_fail(error, LINNET_ERROR_ARGUMENT,
                           "trainer %zu does not read the batches of trainer 0, or is not as far",
                           i);
        }
    }
    if (count == 0) {
        return LINNET_OK;
    }
    ln_fpenv saved = ln_fpenv_enter();
    linnet_status status = run_epoch(trainers, count, &stopped, errors, error);
    ln_feed_end(trainers[0]->feed);
    for (size_t i = 0; i < count; i++) {
        if (status != LINNET_OK) {
            errors[i].status = status; /* nobody has come to the end */
        }
        epochs[i] = end_epoch(trainers[i], stopped, &errors[i]);
    }
    ln_fpenv_leave(saved);
    return status;
}

linnet_status linnet_trainer_epoch(linnet_trainer *trainer, linnet_epoch *epoch,
                                   linnet_error *error)
{
    linnet_epoch done;
    linnet_error own;
    linnet_status status = linnet_trainers_epoch(&trainer, 1, &done, &own, error);
    if (status == LINNET_OK && own.status != LINNET_OK) {
        status = own.status;
        if (error != NULL) {
            *error = own;
        }
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
           ln_average_size(trainer->average) + rows * sizeof *trainer->order +
           ln_feed_size(trainer->feed) + batch * (2 * sizeof(float) + 1);
}
