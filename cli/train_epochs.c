/* train_epochs.c - the epochs of `linnet train`: train, measure, keep the best, tell.
 *
 * On a terminal one line is drawn again and again while an epoch runs; a line an epoch stays, there
 * and in logs. */
#include "train.h"

#include "interrupt.h"
#include "output.h"
#include "progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct epochs_run {
    cli_training *training;
    linnet_trainer *trainer;
    cli_record *record;
    int64_t epoch;                  /* in hand, from 1 */
    int64_t rows_before;            /* of this epoch, done before it was resumed */
    double resumed;                 /* epochs that were done before, whole and in part */
    double started, begun, drawn;   /* training, epoch, last drawing: cli_seconds() */
    int64_t stopped_batch, batches; /* where an interrupt ended an epoch; 0: between epochs */
    bool failed;                    /* a checkpoint within the epoch could not be written */
} epochs_run;

/* ---- progress ---- */

static void draw(const epochs_run *course, const linnet_progress *progress)
{
    double now = cli_seconds(), part = (double)progress->batch / (double)progress->batches;
    int64_t epochs = course->training->values->epochs;
    double left = (double)epochs - course->resumed, passed = now - course->started;
    double done = ((double)(course->epoch - 1) + part - course->resumed) / left;
    cli_progress line = {
        .epoch = course->epoch,
        .epochs = epochs,
        .part = part,
        .figures = true,
        .loss = progress->loss,
        .accuracy = progress->accuracy,
        .left = passed / done - passed,
        .speed = (double)(progress->rows - course->rows_before) / (now - course->begun),
    };
    cli_draw_progress(&line);
}

static bool on_batch(void *context, const linnet_progress *progress)
{
    epochs_run *course = context;
    double now = cli_seconds();
    if (now - course->drawn > 0.1 && cli_redraws()) {
        course->drawn = now;
        draw(course, progress);
    }
    int64_t every = course->training->values->checkpoint_every;
    if (every > 0 && progress->batch % every == 0 && progress->batch < progress->batches) {
        course->failed = cli_save_checkpoint(course->training, course->trainer) != CLI_OK;
    }
    return !course->failed && !cli_interrupted();
}

/* ---- one epoch ---- */

static int measure(const epochs_run *course, linnet_evaluation *evaluation)
{
    const cli_training *training = course->training;
    linnet_plan_options options = {.threads = (int)training->values->threads};
    linnet_error error;
    if (training->val != NULL && linnet_evaluate(training->model, training->val, &options,
                                                 evaluation, &error) != LINNET_OK) {
        return cli_fail_with(cli_val_path(training), &error);
    }
    return CLI_OK;
}

static cli_epoch figures(const epochs_run *course, const linnet_epoch *epoch, double trained,
                         const linnet_evaluation *evaluation)
{
    bool validated = course->training->val != NULL;
    double rows = (double)(epoch->rows - course->rows_before);
    return (cli_epoch){
        .epoch = epoch->epoch,
        .loss = epoch->loss,
        .accuracy = epoch->accuracy,
        .val_loss = validated ? evaluation->loss : NAN,
        .val_accuracy = validated ? evaluation->accuracy : NAN,
        .lr = epoch->lr,
        .seconds = round(1e6 * (cli_seconds() - course->begun)) / 1e6,
        .samples_per_second = trained > 0 ? round(rows / trained) : 0.0,
    };
}

/* Decides whether this model is the best so far, and saves it then. */
static int keep(epochs_run *course, bool stopped, cli_epoch *epoch)
{
    cli_training *training = course->training;
    /* A part of an epoch that is to be resumed is none that the whole run would choose from. */
    bool candidate = !stopped || training->values->checkpoint == NULL || training->best.epoch == 0;
    epoch->best = candidate && cli_is_better(training, epoch);
    if (!epoch->best) {
        return CLI_OK;
    }
    if (cli_save_model(training) != CLI_OK) {
        return CLI_FAILURE;
    }
    cli_take_best(training, epoch);
    return cli_keep_weights(training);
}

/* Adds what a terminal has room for, before `behind` columns more; a log has room for all. */
static void add_fitting(cli_text *line, const char *piece, size_t behind)
{
    if (!cli_redraws() || line->length + strlen(piece) + behind <= cli_width()) {
        cli_text_add(line, "%s", piece);
    }
}

static void tell_epoch(const epochs_run *course, const cli_epoch *epoch)
{
    int64_t epochs = course->training->values->epochs;
    cli_text line = {0};
    cli_add_epoch(&line, epoch->epoch, epochs);
    cli_add_figures(&line, "", epoch->loss, epoch->accuracy);
    if (course->training->val != NULL) {
        cli_add_figures(&line, "val ", epoch->val_loss, epoch->val_accuracy);
    }
    if (course->training->values->schedule != NULL) {
        cli_text_add(&line, "  lr %.4g", epoch->lr);
    }
    const char *star = course->training->figure != NULL && epoch->best ? " *" : "";
    char time[32], speed[48];
    snprintf(time, sizeof time, "  %.*f s", epoch->seconds < 0.1 ? 4 : 1, epoch->seconds);
    snprintf(speed, sizeof speed, "  %.0f samples/s", epoch->samples_per_second);
    add_fitting(&line, time, strlen(star));
    add_fitting(&line, speed, strlen(star));
    cli_text_add(&line, "%s", star);
    cli_say("%s", line.failed ? "" : line.data);
    cli_text_free(&line);
}

/* A schedule that judges by a metric gets the loss of the validation rows, or of those trained on;
 * or the accuracy, where the larger is the better. */
static int step_schedule(epochs_run *course, const linnet_epoch *epoch,
                         const linnet_evaluation *evaluation)
{
    bool largest, validated = course->training->val != NULL;
    if (epoch->stopped || !linnet_trainer_wants_metric(course->trainer, &largest)) {
        return CLI_OK;
    }
    double loss = validated ? evaluation->loss : epoch->loss;
    double accuracy = validated ? evaluation->accuracy : epoch->accuracy;
    linnet_error error;
    return linnet_trainer_step_schedule(course->trainer, largest ? accuracy : loss, &error) ==
                   LINNET_OK
               ? CLI_OK
               : cli_fail_with("--schedule", &error);
}

static int one_epoch(epochs_run *course)
{
    cli_training *training = course->training;
    linnet_epoch epoch;
    linnet_error error;
    course->begun = cli_seconds();
    int64_t rows = linnet_dataset_rows(training->train);
    int64_t before = linnet_trainer_batches(course->trainer) * training->values->batch_size *
                     training->values->accumulate;
    course->rows_before = before < rows ? before : rows;
    if (linnet_trainer_epoch(course->trainer, &epoch, &error) != LINNET_OK) {
        bool schedule = strcmp(error.place, "schedule") == 0;
        error.place[0] = '\0';
        return cli_fail_with(schedule ? "--schedule" : training->values->data, &error);
    }
    double trained = cli_seconds() - course->begun;
    int code = course->failed ? CLI_FAILURE : CLI_OK;
    if (epoch.stopped) {
        course->stopped_batch = epoch.batches;
    }
    /* Before the model is judged: the resumed run is to know only what whole epochs have shown. */
    if (code == CLI_OK && epoch.stopped && training->values->checkpoint != NULL) {
        code = cli_save_checkpoint(training, course->trainer);
    }
    linnet_evaluation evaluation = {0};
    if (code == CLI_OK) {
        code = measure(course, &evaluation);
    }
    cli_epoch told = figures(course, &epoch, trained, &evaluation);
    if (code == CLI_OK) {
        code = keep(course, epoch.stopped, &told);
    }
    if (code == CLI_OK) {
        code = step_schedule(course, &epoch, &evaluation);
    }
    if (code == CLI_OK) {
        tell_epoch(course, &told);
        code = cli_record_epoch(course->record, &told);
    }
    if (code == CLI_OK && !epoch.stopped && training->values->checkpoint != NULL) {
        code = cli_save_checkpoint(training, course->trainer);
    }
    linnet_evaluation_free(&evaluation);
    return code;
}

/* ---- the whole ---- */

static void announce(const epochs_run *course)
{
    const cli_training *training = course->training;
    int64_t shape[LINNET_MAX_RANK], parameters = 0;
    int rank = linnet_dataset_row_shape(training->train, shape);
    cli_text line = {0};
    cli_text_add(&line, "%lld rows", (long long)linnet_dataset_rows(training->train));
    if (training->val != NULL) {
        cli_text_add(&line, " (and %lld to validate)",
                     (long long)linnet_dataset_rows(training->val));
    }
    cli_text_add(&line, " of ");
    for (int i = 0; i < rank; i++) {
        cli_text_add(&line, "%s%lld", i > 0 ? "x" : "", (long long)shape[i]);
    }
    static const char *const nouns[][2] = {
        [LINNET_TASK_CLASSIFICATION] = {"class", "classes"},
        [LINNET_TASK_MULTILABEL] = {"label", "labels"},
        [LINNET_TASK_REGRESSION] = {"number", "numbers"},
    };
    bool one = training->classes == 1;
    cli_text_add(&line, " %s features, %lld %s",
                 linnet_dtype_name(linnet_dataset_dtype(training->train)),
                 (long long)training->classes, nouns[training->task][!one]);
    for (size_t i = 0; i < linnet_model_parameter_count(training->model); i++) {
        parameters += linnet_tensor_numel(linnet_model_parameter(training->model, i));
    }
    cli_say("%s", line.failed ? "" : line.data);
    cli_text_free(&line);
    int threads = linnet_trainer_threads(course->trainer);
    cli_say("%lld parameters, %s, %d thread%s", (long long)parameters,
            linnet_trainer_isa(course->trainer), threads, threads == 1 ? "" : "s");
    if (training->figure != NULL && training->values->epochs > 0) {
        cli_say("* the best on the %s so far, written to %s",
                cli_judges_validation(training) ? "validation rows" : "rows trained on",
                training->values->output);
    }
}

int cli_warn_missing(const cli_training *training, int64_t fold)
{
    int64_t count = training->classes;
    if (linnet_dataset_labels(training->train) == NULL) {
        return CLI_OK;
    }
    bool *seen = calloc((size_t)count + 1, sizeof *seen);
    if (seen == NULL) {
        return cli_fail_memory();
    }
    const int64_t *labels = linnet_dataset_labels(training->train);
    for (int64_t row = 0; labels != NULL && row < linnet_dataset_rows(training->train); row++) {
        if (labels[row] >= 0 && labels[row] < count) {
            seen[labels[row]] = true;
        }
    }
    int64_t missing = 0, first = -1;
    for (int64_t c = 0; c < count; c++) {
        first = !seen[c] && first < 0 ? c : first;
        missing += !seen[c];
    }
    if (missing > 0) {
        char number[24], others[64] = "", where[40] = "";
        const char *name = cli_class_name(training->model, (size_t)first, number);
        if (missing > 1) {
            snprintf(others, sizeof others, ", nor ha%s %lld other%s", missing > 2 ? "ve" : "s",
                     (long long)(missing - 1), missing > 2 ? "s" : "");
        }
        if (fold > 0) {
            snprintf(where, sizeof where, " in fold %lld", (long long)fold);
        }
        cli_warn(training->values->data, "class %s has no row to train on%s%s", name, where,
                 others);
    } else if (count == 1) {
        cli_warn(training->values->data,
                 "all rows to train on are of one class; there is nothing to learn");
    }
    free(seen);
    return CLI_OK;
}

/* Says so, and in the model, which the command alone would not make again. */
static int tell_stop(const epochs_run *course)
{
    char where[96];
    if (course->stopped_batch > 0) {
        snprintf(where, sizeof where, "after batch %lld of %lld in epoch %lld",
                 (long long)course->stopped_batch, (long long)course->batches,
                 (long long)course->epoch);
    } else {
        snprintf(where, sizeof where, "after epoch %lld", (long long)course->epoch);
    }
    cli_say("interrupted: stopped %s", where);
    if (course->training->values->checkpoint != NULL) {
        cli_text line = {0};
        cli_text_add(&line, "to go on, run the same command with --resume ");
        cli_text_shell(&line, course->training->values->checkpoint);
        cli_say("%s", line.failed ? "" : line.data);
        cli_text_free(&line);
    }
    return cli_mark_interrupted(course->training, where);
}

void cli_add_next(cli_text *text, const cli_training *training)
{
    const cli_train_values *values = training->values;
    bool measure = values->val != NULL && strcmp(values->val, "-") != 0;
    const char *data = measure ? values->val : values->data;
    bool gone = strcmp(data, "-") == 0;
    cli_text_add(text, "next: linnet %s ", gone ? "inspect" : measure ? "eval" : "predict");
    cli_text_shell(text, values->output);
    if (gone) {
        cli_text_add(text, "\n");
        return;
    }
    cli_text_add(text, " ");
    cli_text_shell(text, data);
    const char *const named[][2] = {{"--labels", measure ? values->val_labels : NULL},
                                    {"--x", values->input.x},
                                    {"--y", values->input.y},
                                    {"--sample-weight", values->input.sample_weight}};
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        if (named[i][1] != NULL) {
            cli_text_add(text, " %s ", named[i][0]);
            cli_text_shell(text, named[i][1]);
        }
    }
    cli_text_add(text, "%s%s\n", values->input.allow_nan ? " --allow-nan" : "",
                 measure || training->task != LINNET_TASK_CLASSIFICATION ? "" : " --top-k 1");
}

static int tell_result(const epochs_run *course)
{
    const cli_training *training = course->training;
    const cli_best *best = &training->best;
    cli_text text = {0};
    cli_text_add(&text, "wrote ");
    cli_text_name(&text, training->values->output);
    if (best->epoch == 0) {
        cli_text_add(&text, training->values->resume != NULL ? ": the model of the checkpoint\n"
                                                             : ": the initial model\n");
    } else {
        cli_text_add(&text, ": epoch %lld of %lld, ", (long long)best->epoch,
                     (long long)training->values->epochs);
        cli_add_best(training, ", ", &text);
        cli_text_add(&text, "\n");
    }
    cli_add_next(&text, training);
    return cli_print(&text);
}

static void tell_resumed(const epochs_run *course, int64_t done, int64_t batches)
{
    const cli_train_values *values = course->training->values;
    if (batches > 0) {
        cli_say("%s: %lld of %lld epochs and %lld of %lld batches are done", values->resume,
                (long long)done, (long long)values->epochs, (long long)batches,
                (long long)course->batches);
    } else {
        cli_say("%s: %lld of %lld epochs are done", values->resume, (long long)done,
                (long long)values->epochs);
    }
}

/* What a run that broke off has left. */
static void tell_kept(const cli_training *training)
{
    if (training->best.epoch > 0) {
        cli_say("%s holds the model of epoch %lld", training->values->output,
                (long long)training->best.epoch);
    }
}

static int all_epochs(epochs_run *course)
{
    const cli_training *training = course->training;
    int64_t epochs = training->values->epochs, done = linnet_trainer_epochs(course->trainer);
    int64_t batches = linnet_trainer_batches(course->trainer);
    course->resumed = (double)done + (double)batches / (double)course->batches;
    if (training->values->resume != NULL) {
        tell_resumed(course, done, batches);
    }
    /* Nothing to train: what there is is the result, unless a better one was written before. */
    if (done >= epochs && (training->figure == NULL || training->best.epoch == 0) &&
        cli_save_model(training) != CLI_OK) {
        return CLI_FAILURE;
    }
    for (; done < epochs && !cli_out_of_patience(training, done); done++) {
        course->epoch = done + 1;
        int code = one_epoch(course);
        if (code != CLI_OK) {
            tell_kept(training);
            return code;
        }
        if (cli_interrupted()) {
            code = done + 1 < epochs || course->stopped_batch > 0 ? tell_stop(course) : CLI_OK;
            return code == CLI_OK ? tell_result(course) : code;
        }
    }
    if (done < epochs) {
        cli_say("stopped: no better %s than that of epoch %lld for %lld epoch%s",
                training->figure->key, (long long)training->best.epoch,
                (long long)training->values->patience, training->values->patience > 1 ? "s" : "");
    }
    return tell_result(course);
}

int cli_train_epochs(cli_training *training)
{
    const cli_train_values *values = training->values;
    epochs_run course = {.training = training, .started = cli_seconds()};
    int code = cli_create_trainer(training, on_batch, &course, &course.trainer);
    if (code != CLI_OK) {
        return code;
    }
    int64_t rows = linnet_dataset_rows(training->train);
    int64_t batch = values->batch_size * values->accumulate;
    course.batches = (rows + batch - 1) / batch;
    code = cli_warn_missing(training, 0);
    if (code == CLI_OK && values->resume != NULL) {
        code = cli_resume(training, course.trainer);
    }
    if (code == CLI_OK) {
        code = cli_record_open(values, linnet_trainer_epochs(course.trainer), &course.record);
    }
    if (code == CLI_OK) {
        announce(&course);
        cli_watch_interrupts(true);
        code = all_epochs(&course);
    }
    if (code == CLI_OK && values->report != NULL) {
        code = cli_train_report(training, cli_record_history(course.record));
    }
    code = cli_record_close(course.record, code);
    linnet_trainer_free(course.trainer);
    return code;
}
