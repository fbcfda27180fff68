/* batch.c - one step of training: forward, loss and backward of a batch. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "data/data.h"
#include "train/classes.h"
#include "train/targets.h"
#include "train/trainer.h"

/* A batch is run in parts of batch_size rows: one part, unless gradients accumulate. */
typedef struct batch_run {
    linnet_trainer *trainer;
    const int64_t *index; /* rows of the dataset */
    size_t rows;          /* of the batch */
    size_t first;         /* of the part in hand */
    const ln_real *logits;
    ln_real *gradient;
    size_t logits_ld, gradient_ld;
    ln_real scale;      /* of the rows' gradients */
    ln_real weight;     /* the sum of what the rows count for */
    ln_real mean, item; /* of the losses; as the loss's reduction tells it */
    ln_batch_loss told; /* LBFGS: of its first evaluation */
    bool evaluated;
} batch_run;

static void weigh_row(void *context, size_t row)
{
    const batch_run *run = context;
    const linnet_trainer *trainer = run->trainer;
    ln_target target = ln_target_of(trainer->dataset, run->index[row]);
    ((ln_real *)trainer->weights)[row] = ln_loss_row_weight(trainer->loss, &target);
}

static void loss_row(void *context, size_t row_of_part)
{
    const batch_run *run = context;
    linnet_trainer *trainer = run->trainer;
    size_t features = trainer->plan->out_features, row = run->first + row_of_part;
    const ln_real *logits = run->logits + row_of_part * run->logits_ld;
    ln_real *gradient = run->gradient + row_of_part * run->gradient_ld;
    ln_target target = ln_target_of(trainer->dataset, run->index[row]);
    if (!ln_loss_counts(trainer->loss, &target)) {
        trainer->correct[row] = false;
        ((ln_real *)trainer->losses)[row] = 0;
        memset(gradient, 0, features * sizeof *gradient);
        return;
    }
    trainer->correct[row] = ln_target_met(trainer->loss, features, logits, &target);
    ((ln_real *)trainer->losses)[row] = LN_MATH_OF(trainer->loss->type)
                                            ->row(trainer->loss, trainer->plan->kernels, features,
                                                  logits, &target, run->scale, gradient);
}

static void read_row(void *context, size_t row_of_part, ln_real *out)
{
    const batch_run *run = context;
    ln_feed_row(run->trainer->feed, run->first + row_of_part, LN_REAL_DTYPE, out);
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

/* "rows 3, 17 and 2 others": those of the batch whose loss is no number, or all of it where each
 * one is and only their sum is none. */
static void list_rows(const batch_run *run, char *text, size_t size)
{
    enum { LISTED = 8 };
    const linnet_trainer *trainer = run->trainer;
    const ln_real *losses = trainer->losses;
    size_t bad = 0, told = 0, used = 0;
    for (size_t r = 0; r < run->rows; r++) {
        bad += isfinite(losses[r]) ? 0 : 1;
    }
    size_t count = bad > 0 ? bad : run->rows;
    used = (size_t)snprintf(text, size, "row%s", count > 1 ? "s" : "");
    for (size_t r = 0; r < run->rows && told < LISTED; r++) {
        if (bad == 0 || !isfinite(losses[r])) {
            used +=
                (size_t)snprintf(text + used, size - used, "%s %lld", told > 0 ? "," : "",
                                 (long long)linnet_dataset_place(trainer->dataset, run->index[r]));
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
    const linnet_trainer *trainer = run->trainer;
    ln_rows feed = {.x = trainer->fed,
                    .ld = trainer->plan->steps[0].ld,
                    .read = read_row,
                    .context = run,
                    .fed = trainer->fed != NULL};
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

/* Loss and gradient of all parts; the optimizer's step with the last one, but LBFGS's. Fails where
 * one is no number; the parameters do not change then. */
static linnet_status run_parts(batch_run *run, linnet_error *error)
{
    linnet_trainer *trainer = run->trainer;
    const ln_kernels *kernels = trainer->plan->kernels;
    size_t parts = ln_ceil_div(run->rows, trainer->options.batch_size);
    ln_real sum;
    run->first = 0;
    for (size_t part = 0, rows; part < parts; part++, run->first += rows) {
        rows = ln_min_size(trainer->options.batch_size, run->rows - run->first);
        run_part(run, rows);
        if (part + 1 == parts) {
            ln_sum_columns(kernels, NULL, run->rows, 1, trainer->losses, 1, &sum);
            run->mean = ln_loss_mean(trainer->loss, sum, run->weight);
            run->item = ln_loss_reduce(trainer->loss, sum, run->weight);
            if (!(run->weight > 0 ? isfinite(run->mean) : sum == 0)) {
                return fail_loss(run, error);
            }
        }
        if (!ln_gradients_backward(trainer->gradients, rows, part, parts)) {
            return fail_norm(run, error);
        }
    }
    return LINNET_OK;
}

static linnet_status evaluate(void *context, double *loss, linnet_error *error)
{
    batch_run *run = context;
    linnet_status status = run_parts(run, error);
    *loss = run->weight > 0 ? (double)run->item : (double)NAN;
    if (!run->evaluated) {
        run->told = (ln_batch_loss){
            .mean = (double)run->mean, .item = (double)run->item, .weight = (double)run->weight};
        for (size_t r = 0; r < run->rows; r++) {
            run->told.correct += run->trainer->correct[r];
        }
    }
    run->evaluated = true;
    return status;
}

static linnet_status step(linnet_trainer *trainer, const int64_t *index, size_t rows,
                          ln_batch_loss *loss, linnet_error *error)
{
    batch_run run = {.trainer = trainer, .index = index, .rows = rows};
    double first;
    ln_plan_rows(trainer->plan, rows, 1, weigh_row, &run);
    ln_sum_columns(trainer->plan->kernels, NULL, rows, 1, trainer->weights, 1, &run.weight);
    run.scale = ln_loss_scale(trainer->loss, run.weight);
    linnet_status status = trainer->lbfgs != NULL
                               ? ln_lbfgs_step(trainer->lbfgs, evaluate, &run, error)
                               : evaluate(&run, &first, error);
    *loss = run.told;
    return status;
}

static void forward(linnet_trainer *trainer, size_t first, size_t rows)
{
    batch_run run = {.trainer = trainer, .first = first};
    run_forward(&run, rows);
}

static void feed(linnet_trainer *trainer, size_t rows, void *fed)
{
    batch_run run = {.trainer = trainer};
    ln_rows read = {.read = read_row, .context = &run};
    ln_plan_feed(trainer->plan, &read, rows, fed);
}

extern const ln_train_engine LN_REAL_NAME(ln_train_engine);
const ln_train_engine LN_REAL_NAME(ln_train_engine) = {
    .gradients = ln_gradients_create, .step = step, .forward = forward, .feed = feed};
