/* trainer.c - the training loop: order, batches, schedule; a step is batch.c's.
 *
 * Works on a training plan, which holds the weights while an epoch runs; the model has them after
 * it. Nothing is allocated after linnet_trainer_create, but for trainers side by side what lists
 * them and reads for all. Validation, keeping the best and stopping are the caller's. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/fpenv.h"
#include "data/data.h"
#include "data/relay.h"
#include "train/classes.h"
#include "train/targets.h"
#include "train/trainer.h"

extern const ln_train_engine ln_train_engine_f32, ln_train_engine_f64;

const ln_train_engine *ln_train_engine_of(linnet_dtype dtype)
{
    return dtype == LINNET_FLOAT64 ? &ln_train_engine_f64 : &ln_train_engine_f32;
}

int64_t ln_trainer_epoch_batches(const linnet_trainer *trainer)
{
    int64_t rows = linnet_dataset_rows(trainer->dataset);
    int64_t size = (int64_t)trainer->step_rows;
    return rows / size + (rows % size != 0);
}

/* ---- one epoch ---- */

/* Of an epoch that begins or goes on. */
static void draw_order(linnet_trainer *trainer)
{
    size_t rows = (size_t)linnet_dataset_rows(trainer->dataset);
    if (trainer->options.rng == LINNET_RNG_PHILOX) {
        ln_dataset_order(trainer->dataset, trainer->shuffle_seed, (uint32_t)trainer->epoch,
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

static void add_batch(linnet_trainer *trainer, const int64_t *index, size_t rows,
                      const ln_batch_loss *loss)
{
    ln_epoch_position *position = &trainer->position;
    for (size_t r = 0; r < rows; r++) {
        ln_target target = ln_target_of(trainer->dataset, index[r]);
        position->counted += ln_loss_counts(trainer->loss, &target);
    }
    position->correct += loss->correct;
    if (loss->weight > 0) {
        position->loss += loss->mean * loss->weight;
        position->loss_weight += loss->weight;
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
        done.loss = position->loss / position->loss_weight;
        done.accuracy = trainer->loss->type->task == LINNET_TASK_REGRESSION
                            ? (double)NAN
                            : (double)position->correct / (double)position->counted;
        done.lr = position->lr;
    }
    return done;
}

static bool report(const linnet_trainer *trainer, const ln_batch_loss *loss)
{
    linnet_epoch done = sum_up(trainer);
    linnet_progress progress = {.epoch = done.epoch,
                                .batch = done.batches,
                                .batches = ln_trainer_epoch_batches(trainer),
                                .rows = done.rows,
                                .loss = done.loss,
                                .accuracy = done.accuracy,
                                .batch_loss = loss->item,
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
    const int64_t *index = trainer->order + first;
    ln_batch_loss loss;
    trainer->position.lr = linnet_trainer_lr(trainer);
    linnet_status status =
        ln_train_engine_of(trainer->model->dtype)->step(trainer, index, rows, &loss, error);
    if (status != LINNET_OK) {
        return status;
    }
    ln_average_step(trainer->average);
    add_batch(trainer, index, rows, &loss);
    status = step_schedule(trainer, true, error);
    *stopped = (status == LINNET_OK && !report(trainer, &loss)) || *stopped;
    return status;
}

/* ---- trainers side by side ---- */

/* A feed, as the first of its trainers has it: the others are trained on the same batches. Those that
 * are fed alike read what that one has made of the rows. */
typedef struct group {
    linnet_trainer *first;
    void *fed; /* NULL: each reads for itself */
} group;

/* All take rows of one dataset in one order. */
typedef struct epoch_run {
    linnet_trainer *const *trainers;
    size_t count;
    linnet_error *errors; /* of each; who has one drops out */
    ln_share *shares;     /* what is left of the epoch in hand, for each group */
    group *groups;
    size_t group_count;
    ln_share share; /* the only one's */
    group group;
    int64_t *order; /* of all rows; NULL: there is one feed */
    bool stopped;
} epoch_run;

/* What is left of the epoch in hand. */
static ln_share share_of(const linnet_trainer *trainer)
{
    size_t rows = (size_t)linnet_dataset_rows(trainer->dataset);
    size_t done = (size_t)sum_up(trainer).rows;
    return (ln_share){trainer->feed, trainer->order + done, rows - done};
}

static size_t find_group(const epoch_run *run, const ln_feed *feed)
{
    size_t i = 0;
    while (i < run->group_count && run->groups[i].first->feed != feed) {
        i++;
    }
    return i;
}

/* Rows of several parts would take memory that accumulation is there to spare. */
static bool is_fed_alike(const linnet_trainer *first, const linnet_trainer *trainer)
{
    return first->step_rows == first->options.batch_size &&
           trainer->step_rows == trainer->options.batch_size &&
           ln_plan_is_fed_alike(first->plan, trainer->plan);
}

/* The trainer joins its group, or is the first of a new one. */
static linnet_status join_group(epoch_run *run, linnet_trainer *trainer, linnet_error *error)
{
    size_t i = find_group(run, trainer->feed);
    group *joined = &run->groups[i];
    if (i == run->group_count) {
        draw_order(trainer);
        *joined = (group){.first = trainer};
        run->shares[run->group_count++] = share_of(trainer);
    } else if (is_fed_alike(joined->first, trainer)) {
        linnet_trainer *first = joined->first;
        size_t ld = first->plan->steps[0].ld;
        linnet_status status = LINNET_OK;
        if (joined->fed == NULL) {
            status = ln_alloc_into(&joined->fed, ln_saturated_mul(first->step_rows, ld),
                                   linnet_dtype_size(first->model->dtype), "a batch", error);
        }
        first->fed = trainer->fed = joined->fed;
        return status;
    }
    return LINNET_OK;
}

static linnet_status list_groups(epoch_run *run, linnet_error *error)
{
    linnet_status status = LINNET_OK;
    run->shares = &run->share;
    run->groups = &run->group;
    if (run->count > 1) {
        status = ln_alloc_into(&run->shares, run->count, sizeof *run->shares, "the feeds", error);
        if (status == LINNET_OK) {
            status =
                ln_alloc_into(&run->groups, run->count, sizeof *run->groups, "the feeds", error);
        }
    }
    for (size_t i = 0; i < run->count && status == LINNET_OK; i++) {
        ln_average_hide(run->trainers[i]->average);
        status = join_group(run, run->trainers[i], error);
    }
    if (status == LINNET_OK && run->group_count > 1) {
        const linnet_trainer *leader = run->trainers[0];
        const linnet_dataset *whole = ln_dataset_whole(leader->dataset);
        size_t rows = (size_t)linnet_dataset_rows(whole);
        status = ln_alloc_into(&run->order, rows, sizeof *run->order, "the order", error);
        if (status == LINNET_OK) {
            ln_dataset_order(whole, leader->shuffle_seed, (uint32_t)leader->epoch,
                             leader->options.shuffle_block, run->order);
        }
    }
    return status;
}

static void free_groups(epoch_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        run->trainers[i]->fed = NULL;
    }
    for (size_t i = 0; i < run->group_count; i++) {
        ln_free(run->groups[i].fed);
    }
    if (run->count > 1) {
        ln_free(run->shares);
        ln_free(run->groups);
    }
    ln_free(run->order);
}

/* A batch, for the trainers of a group; *well: how many have no error yet. */
static void train_batch(epoch_run *run, const group *of, size_t rows, size_t *well)
{
    if (of->fed != NULL) {
        ln_train_engine_of(of->first->model->dtype)->feed(of->first, rows, of->fed);
    }
    for (size_t i = 0; i < run->count; i++) {
        linnet_trainer *trainer = run->trainers[i];
        if (trainer->feed == of->first->feed && run->errors[i].status == LINNET_OK) {
            *well -= run_step(trainer, rows, &run->stopped, &run->errors[i]) != LINNET_OK;
        }
    }
}

/* What fails is the reading. */
static linnet_status train_batches(epoch_run *run, linnet_error *error)
{
    ln_relay relay;
    const linnet_dataset *whole = ln_dataset_whole(run->trainers[0]->dataset);
    size_t share = 0, rows = 1, well = run->count;
    linnet_status status =
        ln_relay_begin(&relay, whole, run->order, run->shares, run->group_count, error);
    while (status == LINNET_OK && rows > 0 && well > 0 && !run->stopped) {
        status = ln_relay_next(&relay, &share, &rows, error);
        if (status == LINNET_OK && rows > 0) {
            train_batch(run, &run->groups[share], rows, &well);
        }
    }
    ln_relay_end(&relay);
    return status;
}

static linnet_status run_epoch(epoch_run *run, linnet_error *error)
{
    linnet_status status = list_groups(run, error);
    if (status == LINNET_OK) {
        status = train_batches(run, error);
    }
    for (size_t i = 0; i < run->count && status == LINNET_OK && !run->stopped; i++) {
        if (run->errors[i].status == LINNET_OK) {
            run->errors[i].status = step_schedule(run->trainers[i], false, &run->errors[i]);
        }
    }
    free_groups(run);
    return status;
}

/* Makes BatchNorm's running statistics anew, as torch.optim.swa_utils.update_bn: cumulative, by one
 * pass over the rows in training mode, in an order and with masks that leave the generator as it
 * was. */
static linnet_status make_statistics(linnet_trainer *trainer, linnet_error *error)
{
    size_t rows = (size_t)linnet_dataset_rows(trainer->dataset), in_hand = 0;
    ln_torch_generator generator = trainer->generator;
    ln_epoch_position position = trainer->position;
    linnet_status status = LINNET_OK;
    ln_plan_engine_of(trainer->model->dtype)->forget_statistics(trainer->plan);
    trainer->position = (ln_epoch_position){0};
    trainer->plan->cumulative = true;
    draw_order(trainer);
    ln_feed_begin(trainer->feed, trainer->order, rows);
    for (size_t left = rows; status == LINNET_OK && left > 0; left -= in_hand) {
        status = ln_feed_next(trainer->feed, &in_hand, error);
        for (size_t first = 0, part; status == LINNET_OK && first < in_hand; first += part) {
            part = ln_min_size(in_hand - first, trainer->options.batch_size);
            ln_train_engine_of(trainer->model->dtype)->forward(trainer, first, part);
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
               ? make_statistics(trainer, error)
               : LINNET_OK;
}

/* Ends an epoch that was read to its end, or was stopped. *error: of the trainer. */
static linnet_epoch end_epoch(linnet_trainer *trainer, bool stopped, linnet_error *error)
{
    ln_plan_engine_of(trainer->model->dtype)->store(trainer->plan);
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

/* In what trainer i differs from those before it, so that they cannot be trained side by side; NULL:
 * in nothing. */
static const char *find_apart(linnet_trainer *const *trainers, size_t i)
{
    const linnet_trainer *leader = trainers[0], *trainer = trainers[i];
    size_t fellow = 0;
    while (trainers[fellow]->feed != trainer->feed) {
        fellow++;
    }
    return trainer->epoch != leader->epoch                                           ? "epoch"
           : trainer->position.batch != trainers[fellow]->position.batch             ? "batch"
           : ln_dataset_whole(trainer->dataset) != ln_dataset_whole(leader->dataset) ? "dataset"
           : i > 0 ? ln_trainer_other_order(trainer, leader)
                   : NULL;
}

linnet_status linnet_trainers_epoch(linnet_trainer *const *trainers, size_t count,
                                    linnet_epoch *epochs, linnet_error *errors, linnet_error *error)
{
    epoch_run run = {.trainers = trainers, .count = count, .errors = errors};
    for (size_t i = 0; i < count; i++) {
        const char *apart = find_apart(trainers, i);
        errors[i] = (linnet_error){.status = LINNET_OK};
        if (apart != NULL) {
            return ln_fail(error, LINNET_ERROR_ARGUMENT,
                           "expected trainers that take the rows of one dataset in one order, and "
                           "are as far; trainer %zu has another %s",
                           i, apart);
        }
    }
    if (count == 0) {
        return LINNET_OK;
    }
    ln_fpenv saved = ln_fpenv_enter();
    linnet_status status = run_epoch(&run, error);
    for (size_t i = 0; i < count; i++) {
        if (status != LINNET_OK) {
            errors[i].status = status; /* nobody has come to the end */
        }
        epochs[i] = end_epoch(trainers[i], run.stopped, &errors[i]);
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
    return trainer->plan->isa;
}

int linnet_trainer_threads(const linnet_trainer *trainer)
{
    return ln_pool_threads(trainer->plan->pool);
}

size_t linnet_trainer_size(const linnet_trainer *trainer)
{
    size_t batch = trainer->step_rows;
    size_t rows = (size_t)linnet_dataset_rows(ln_dataset_whole(trainer->dataset));
    return sizeof *trainer + linnet_plan_size(trainer->plan) +
           ln_optimizer_size(trainer->optimizer) + ln_gradients_size(trainer->gradients) +
           ln_average_size(trainer->average) +
           (trainer->lbfgs != NULL ? trainer->lbfgs->bytes : 0) + rows * sizeof *trainer->order +
           ln_feed_size(trainer->feed) + batch * (2 * linnet_dtype_size(trainer->model->dtype) + 1);
}
