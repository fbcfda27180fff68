/* sweep_epochs.c - the epochs of `linnet sweep`: all heads on all folds, side by side.
 *
 * A row is read once an epoch for all heads that train on it, and once for all that are measured on
 * it. A head is judged by means over its folds, and is out where one of them fails. */
#include "sweep.h"

#include "interrupt.h"
#include "progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The runs of the heads that are still trained, as the library takes them: those of a head are
 * neighbours. */
typedef struct field {
    size_t heads, count; /* heads and runs that are in */
    size_t *numbers;     /* of the heads, among all */
    linnet_trainer **trainers;
    linnet_epoch *epochs;
    linnet_error *errors;
    const linnet_model **models;
    const linnet_dataset **datasets; /* to validate on */
    linnet_evaluation *evaluations;
} field;

static bool take_field(size_t heads, size_t runs, field *in)
{
    *in = (field){.numbers = calloc(heads, sizeof *in->numbers),
                  .trainers = calloc(runs, sizeof *in->trainers),
                  .epochs = calloc(runs, sizeof *in->epochs),
                  .errors = calloc(runs, sizeof *in->errors),
                  .models = calloc(runs, sizeof *in->models),
                  .datasets = calloc(runs, sizeof *in->datasets),
                  .evaluations = calloc(runs, sizeof *in->evaluations)};
    return in->numbers != NULL && in->trainers != NULL && in->epochs != NULL &&
           in->errors != NULL && in->models != NULL && in->datasets != NULL &&
           in->evaluations != NULL;
}

static void free_field(field *in)
{
    free(in->numbers);
    free(in->trainers);
    free(in->epochs);
    free(in->errors);
    free(in->models);
    free(in->datasets);
    free(in->evaluations);
}

static void gather(const cli_sweep *s, field *in)
{
    in->heads = in->count = 0;
    for (size_t h = 0; h < s->grid.heads; h++) {
        const cli_head *of = &s->heads[h];
        if (of->error.status == LINNET_OK) {
            in->numbers[in->heads++] = h;
            for (size_t f = 0; f < s->fold_count; f++) {
                in->trainers[in->count] = of->runs[f].trainer;
                in->models[in->count] = of->runs[f].training.model;
                in->datasets[in->count++] = s->folds[f].val;
            }
        }
    }
}

/* ---- runs ---- */

static void begin(cli_sweep *s, int64_t epochs)
{
    s->epochs = epochs;
    s->started = cli_seconds();
}

/* On a terminal; the batches of the first trainer that has come to one tell how far all are. */
static bool on_batch(void *context, const linnet_progress *progress)
{
    cli_sweep *s = context;
    double now = cli_seconds();
    if (now - s->drawn > 0.1 && cli_redraws()) {
        double part = (double)progress->batch / (double)progress->batches;
        double done = ((double)(s->epoch - 1) + part) / (double)s->epochs;
        double passed = now - s->started;
        s->drawn = now;
        cli_draw_progress(&(cli_progress){.epoch = s->epoch,
                                          .epochs = s->epochs,
                                          .part = part,
                                          .left = passed / done - passed,
                                          .speed = NAN});
    }
    return !cli_interrupted();
}

/* Its batches are those of the first head on this fold, its threads those of the very first run. */
static int make_run(cli_sweep *s, size_t h, size_t f)
{
    cli_run *run = &s->heads[h].runs[f];
    const cli_run *first = &s->heads[0].runs[f];
    run->training = s->base;
    run->training.values = &s->heads[h].values;
    run->training.rest = s->folds[f].rest;
    run->training.val = s->folds[f].val;
    run->training.scaled = h > 0 ? first->training.model : NULL;
    run->training.leader = h > 0 ? first->trainer : s->heads[0].runs[0].trainer;
    int code = cli_training_model(&run->training);
    if (code == CLI_OK) {
        code = cli_create_trainer(&run->training, on_batch, s, &run->trainer);
    }
    if (code == CLI_OK && h == 0) {
        code = cli_warn_missing(&run->training, s->values->folds > 0 ? (int64_t)f + 1 : 0);
    }
    return code;
}

static int make_runs(cli_sweep *s)
{
    int code = CLI_OK;
    for (size_t h = 0; h < s->grid.heads && code == CLI_OK; h++) {
        for (size_t f = 0; f < s->fold_count && code == CLI_OK; f++) {
            code = make_run(s, h, f);
        }
        if (code != CLI_OK && s->grid.count > 0) {
            cli_text text = {0};
            cli_sweep_add_values(&text, s, h);
            cli_say("that was with %s", text.failed ? "" : text.data);
            cli_text_free(&text);
        }
    }
    return code;
}

static void drop_run(cli_run *run)
{
    linnet_trainer_free(run->trainer);
    linnet_model_free(run->training.model);
    cli_text_free(&run->training.weighted_loss);
    *run = (cli_run){0};
}

/* Those first that need others. */
static void drop_runs(cli_sweep *s)
{
    for (size_t h = s->grid.heads; h-- > 0;) {
        for (size_t f = s->fold_count; f-- > 0;) {
            drop_run(&s->heads[h].runs[f]);
        }
    }
}

/* ---- an epoch ---- */

/* A figure over the folds: its mean, and the sum of squares around it. */
typedef struct result {
    int64_t count;
    double mean, squares;
} result;

/* Welford's update. */
static void add(result *r, double value)
{
    double apart = value - r->mean;
    r->count++;
    r->mean += apart / (double)r->count;
    r->squares += apart * (value - r->mean);
}

/* The standard deviation of a sample. */
static double deviation(const result *r)
{
    return r->count > 1 ? sqrt(r->squares / (double)(r->count - 1)) : NAN;
}

/* A schedule that judges by a metric gets its own fold's. */
static int step_schedules(const cli_sweep *s, const cli_head *of, const linnet_epoch *epochs,
                          const linnet_evaluation *evaluations)
{
    for (size_t f = 0; f < s->fold_count; f++) {
        bool largest, validated = s->folds[f].val != NULL;
        linnet_error error;
        if (epochs[f].stopped || !linnet_trainer_wants_metric(of->runs[f].trainer, &largest)) {
            continue;
        }
        double value = validated ? (largest ? evaluations[f].accuracy : evaluations[f].loss)
                                 : (largest ? epochs[f].accuracy : epochs[f].loss);
        if (linnet_trainer_step_schedule(of->runs[f].trainer, value, &error) != LINNET_OK) {
            return cli_fail_with("--schedule", &error);
        }
    }
    return CLI_OK;
}

/* Whether the epoch is the best of those that `best` tells of; takes it then. */
static bool improves(const cli_sweep *s, const cli_epoch *figures, cli_best *best)
{
    cli_training judged = s->base;
    judged.best = *best;
    bool better = !isnan(cli_figure_of(s->base.figure, figures)) && cli_is_better(&judged, figures);
    if (better) {
        cli_take_best(&judged, figures);
        *best = judged.best;
    }
    return better;
}

/* By the means over its folds; writes the model where there are no folds, and no head has been
 * better. */
static int judge(cli_sweep *s, size_t h, const linnet_epoch *epochs,
                 const linnet_evaluation *evaluations)
{
    cli_head *of = &s->heads[h];
    result loss = {0}, accuracy = {0}, val_loss = {0}, val_accuracy = {0};
    for (size_t f = 0; f < s->fold_count; f++) {
        bool validated = s->folds[f].val != NULL;
        add(&loss, epochs[f].loss);
        add(&accuracy, epochs[f].accuracy);
        add(&val_loss, validated ? evaluations[f].loss : NAN);
        add(&val_accuracy, validated ? evaluations[f].accuracy : NAN);
    }
    cli_epoch figures = {.epoch = epochs[0].epoch,
                         .loss = loss.mean,
                         .accuracy = accuracy.mean,
                         .val_loss = val_loss.mean,
                         .val_accuracy = val_accuracy.mean,
                         .lr = epochs[0].lr};
    if (improves(s, &figures, &of->best)) {
        bool validated = cli_judges_validation(&s->base);
        of->accuracy_deviation = deviation(validated ? &val_accuracy : &accuracy);
        of->loss_deviation = deviation(validated ? &val_loss : &loss);
    }
    if (improves(s, &figures, &s->base.best)) {
        s->kept = h;
        if (s->values->folds == 0 && cli_save_model(&of->runs[0].training) != CLI_OK) {
            return CLI_FAILURE;
        }
    }
    return step_schedules(s, of, epochs, evaluations);
}

static void tell_epoch(const cli_sweep *s, size_t count, double seconds)
{
    cli_text line = {0};
    cli_add_epoch(&line, s->epoch, s->epochs);
    cli_text_add(&line, "  %zu head%s", count, count == 1 ? "" : "s");
    if (s->base.best.epoch > 0) {
        cli_text_add(&line, "  best ");
        cli_add_best(&s->base, "  ", &line);
        cli_text_add(&line, "%s", s->grid.count > 0 ? "  " : "");
        cli_sweep_add_values(&line, s, s->kept);
    }
    cli_text_add(&line, "  %.1f s", seconds);
    cli_say("%s", line.failed ? "" : line.data);
    cli_text_free(&line);
}

static void tell_out(const cli_sweep *s, size_t h, size_t f)
{
    cli_text line = {0}, where = {0};
    cli_sweep_add_values(&line, s, h);
    if (s->values->folds > 0) {
        cli_text_add(&where, " in fold %zu", f + 1);
    }
    cli_warn(line.failed || line.length == 0 ? NULL : line.data, "out%s: %s",
             where.length > 0 ? where.data : "", s->heads[h].error.message);
    cli_text_free(&line);
    cli_text_free(&where);
}

/* Takes those out of which one run has failed; the epochs of the others move up. */
static void take_out(cli_sweep *s, field *in)
{
    size_t kept = 0;
    for (size_t i = 0; i < in->heads; i++) {
        cli_head *of = &s->heads[in->numbers[i]];
        for (size_t f = 0; f < s->fold_count && of->error.status == LINNET_OK; f++) {
            of->error = in->errors[i * s->fold_count + f];
            if (of->error.status != LINNET_OK) {
                tell_out(s, in->numbers[i], f);
            }
            in->epochs[kept * s->fold_count + f] = in->epochs[i * s->fold_count + f];
        }
        kept += of->error.status == LINNET_OK;
    }
    gather(s, in);
}

static int measure(const cli_sweep *s, const field *in)
{
    linnet_plan_options options = {.threads = (int)s->values->train.threads};
    linnet_error error;
    return s->folds[0].val == NULL ||
                   linnet_models_evaluate(in->models, in->datasets, in->count, &options,
                                          in->evaluations, &error) == LINNET_OK
               ? CLI_OK
               : cli_fail_with(cli_val_path(&s->base), &error);
}

static int one_epoch(cli_sweep *s, field *in)
{
    double begun = cli_seconds();
    linnet_error error;
    if (linnet_trainers_epoch(in->trainers, in->count, in->epochs, in->errors, &error) !=
        LINNET_OK) {
        return cli_fail_with(error.place[0] == '\0' ? s->values->train.data : NULL, &error);
    }
    take_out(s, in);
    if (s->values->folds > 0 && cli_interrupted()) {
        return CLI_OK; /* not all folds are as far */
    }
    int code = measure(s, in);
    for (size_t i = 0; i < in->heads && code == CLI_OK; i++) {
        size_t first = i * s->fold_count;
        code = judge(s, in->numbers[i], &in->epochs[first], &in->evaluations[first]);
    }
    for (size_t i = 0; i < in->count; i++) {
        linnet_evaluation_free(&in->evaluations[i]);
    }
    if (code == CLI_OK) {
        tell_epoch(s, in->heads, cli_seconds() - begun);
    }
    return code;
}

static int all_epochs(cli_sweep *s)
{
    field in;
    int code =
        take_field(s->grid.heads, s->grid.heads * s->fold_count, &in) ? CLI_OK : cli_fail_memory();
    if (code == CLI_OK) {
        gather(s, &in);
    }
    begin(s, s->values->train.epochs);
    for (s->epoch = 1; code == CLI_OK && in.heads > 0 && s->epoch <= s->epochs; s->epoch++) {
        code = one_epoch(s, &in);
        if (code == CLI_OK && cli_interrupted()) {
            cli_say("interrupted: stopped in epoch %lld", (long long)s->epoch);
            break;
        }
    }
    free_field(&in);
    return code;
}

int cli_sweep_train(cli_sweep *s)
{
    size_t heads = s->grid.heads;
    int code = make_runs(s);
    if (code == CLI_OK && s->values->folds > 0) {
        cli_say("%zu head%s on %zu folds of %lld rows", heads, heads == 1 ? "" : "s", s->fold_count,
                (long long)linnet_dataset_rows(s->base.data));
    } else if (code == CLI_OK) {
        cli_say("%zu head%s on the same batches of %lld rows", heads, heads == 1 ? "" : "s",
                (long long)linnet_dataset_rows(s->heads[0].runs[0].training.train));
    }
    if (code == CLI_OK) {
        cli_watch_interrupts(true);
        code = all_epochs(s);
    }
    drop_runs(s);
    return code == CLI_OK && s->values->folds > 0 && cli_interrupted()
               ? cli_fail(NULL, "interrupted: the folds are not done, and nothing is written")
               : code;
}

/* ---- the head that the folds have chosen ---- */

/* What `linnet train` would be told: so many epochs, of which the last one is kept. `epochs` in the
 * schedule is what it was in the folds. */
static int settle(cli_head *best)
{
    cli_train_values *values = &best->values;
    cli_set *set = &values->set;
    bool given = best->best.epoch == values->epochs || values->schedule == NULL ||
                 !cli_text_names(values->schedule, "epochs");
    for (size_t i = 0; i < set->count; i++) {
        given = given || strcmp(set->names[i].name, "epochs") == 0;
    }
    if (!given) {
        best->names = calloc(set->count + 1, sizeof *best->names);
        if (best->names == NULL) {
            return cli_fail_memory();
        }
        for (size_t i = 0; i < set->count; i++) {
            best->names[i] = set->names[i];
        }
        best->names[set->count] = (linnet_name){"epochs", values->epochs};
        *set = (cli_set){best->names, set->count + 1};
    }
    values->epochs = best->best.epoch;
    values->swa = values->swa > values->epochs ? 0 : values->swa; /* not begun by then */
    values->keep = strcmp(values->keep, "auto") == 0 ? values->keep : "last";
    return CLI_OK;
}

int cli_sweep_train_on_all(cli_sweep *s)
{
    cli_head *best = &s->heads[s->kept];
    cli_run run = {.training = s->base};
    int code = settle(best);
    run.training.values = &best->values;
    run.training.figure = NULL;
    if (code == CLI_OK) {
        code = cli_training_model(&run.training);
    }
    if (code == CLI_OK) {
        code = cli_create_trainer(&run.training, on_batch, s, &run.trainer);
    }
    linnet_error error;
    begin(s, best->values.epochs);
    for (s->epoch = 1; code == CLI_OK && s->epoch <= s->epochs; s->epoch++) {
        linnet_epoch epoch;
        if (linnet_trainer_epoch(run.trainer, &epoch, &error) != LINNET_OK) {
            code = cli_fail_with(s->values->train.data, &error);
        } else if (epoch.stopped) {
            code = cli_fail(NULL, "interrupted: nothing is written");
        }
    }
    if (code == CLI_OK) {
        code = cli_save_model(&run.training);
    }
    drop_run(&run);
    return code;
}
