/* predict.c - `linnet predict`: probabilities of the classes for every row.
 *
 * Rows are read and run a batch at a time; what a batch gives is written before the next one is
 * run. */
#include "predict.h"

#include "command.h"
#include "interrupt.h"
#include "output.h"
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct predict_values {
    const char *model, *data;
    const char *output, *format, *precision;
    int64_t top, batch_size, threads;
    cli_data_options input;
    cli_model_options source;
} predict_values;

/* All that a run holds. */
typedef struct run_state {
    const predict_values *values;
    const cli_form *form;
    linnet_model *model;
    linnet_dataset *dataset;
    linnet_plan *plan;
    void *x, *y;           /* of the model's dtype */
    double *probabilities; /* y */
    cli_batch batch;
} run_state;

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), tail = strlen(ending);
    return length >= tail && strcmp(text + length - tail, ending) == 0;
}

/* --format, else what the output's ending says, else the first. */
static const cli_form *choose_form(const predict_values *values)
{
    for (size_t i = 0; cli_form_at(i) != NULL; i++) {
        const cli_form *form = cli_form_at(i);
        if (values->format != NULL ? strcmp(values->format, form->name) == 0
                                   : ends_with(values->output, form->ending)) {
            return form;
        }
    }
    return cli_form_at(0);
}

static bool writes_stdout(const predict_values *values)
{
    return strcmp(values->output, "-") == 0;
}

static int check_usage(const predict_values *values, const cli_form *form)
{
    if (strcmp(values->model, "-") == 0 && strcmp(values->data, "-") == 0) {
        return cli_misuse("-", "only one of MODEL and DATA can be standard input");
    }
    if (form->binary && values->top > 0) {
        return cli_misuse("--top-k", "%s holds all probabilities; --format csv or jsonl has a top",
                          form->name);
    }
    if (form->binary && writes_stdout(values) && isatty(STDOUT_FILENO)) {
        return cli_misuse("--format", "%s is not for a terminal; name a file with -o", form->name);
    }
    return CLI_OK;
}

static int prepare(run_state *state)
{
    const predict_values *values = state->values;
    int64_t rows = linnet_dataset_rows(state->dataset);
    size_t batch = (size_t)(rows < values->batch_size ? rows : values->batch_size);
    linnet_plan_options options = {.max_batch = batch,
                                   .threads = (int)values->threads,
                                   .probabilities = true,
                                   .precision = cli_precision(values->precision)};
    linnet_error error;
    if (linnet_plan_create(state->model, &options, &state->plan, &error) != LINNET_OK) {
        return cli_fail_with(values->model, &error);
    }
    size_t classes = linnet_plan_output_features(state->plan);
    if (values->top > 0 && linnet_model_task(state->model) == LINNET_TASK_REGRESSION) {
        return cli_fail("--top-k", "the model gives numbers, of which none is the likeliest");
    }
    if ((uint64_t)values->top > classes) {
        return cli_fail("--top-k", "expected at most the model's %zu classes, found %lld", classes,
                        (long long)values->top);
    }
    state->x = calloc(batch * linnet_plan_input_features(state->plan) + 1, sizeof(double));
    state->y = calloc(batch * classes + 1, sizeof(double));
    state->probabilities = calloc(batch * classes + 1, sizeof(double));
    state->batch = (cli_batch){.model = state->model,
                               .probabilities = state->probabilities,
                               .wide = linnet_plan_dtype(state->plan) == LINNET_FLOAT64,
                               .classes = classes,
                               .total = rows,
                               .top = (size_t)values->top,
                               .order = calloc(classes + 1, sizeof(size_t))};
    bool taken = state->x != NULL && state->y != NULL && state->probabilities != NULL &&
                 state->batch.order != NULL;
    return taken ? CLI_OK : cli_fail_memory();
}

/* Whether -o makes a file, whose unfinished beginning an interrupt has to remove. */
static bool makes_file(const predict_values *values)
{
    struct stat info;
    return !writes_stdout(values) && (stat(values->output, &info) != 0 || S_ISREG(info.st_mode));
}

static linnet_status run_batch(run_state *state, linnet_error *error)
{
    const cli_batch *batch = &state->batch;
    int64_t rows = (int64_t)batch->rows;
    linnet_status status =
        batch->wide ? linnet_dataset_read_f64(state->dataset, batch->first, rows, state->x, error)
                    : linnet_dataset_read(state->dataset, batch->first, rows, state->x, error);
    if (status == LINNET_OK) {
        status = batch->wide
                     ? linnet_plan_run_f64(state->plan, state->x, batch->rows, state->y, error)
                     : linnet_plan_run(state->plan, state->x, batch->rows, state->y, error);
    }
    for (size_t i = 0; status == LINNET_OK && i < batch->rows * batch->classes; i++) {
        state->probabilities[i] =
            batch->wide ? ((const double *)state->y)[i] : (double)((const float *)state->y)[i];
    }
    return status;
}

/* Ends early where it is interrupted; the caller looks. */
static int predict_rows(run_state *state, linnet_writer *writer, cli_text *text)
{
    const predict_values *values = state->values;
    cli_batch *batch = &state->batch;
    bool draws = !(writes_stdout(values) && isatty(STDOUT_FILENO));
    if (state->form->head != NULL) {
        state->form->head(batch, text);
    }
    double drawn = cli_seconds();
    while (batch->first < batch->total && !cli_interrupted()) {
        int64_t left = batch->total - batch->first;
        batch->rows = (size_t)(left < values->batch_size ? left : values->batch_size);
        linnet_error error;
        if (run_batch(state, &error) != LINNET_OK) {
            return cli_fail_with(values->data, &error);
        }
        state->form->rows(batch, text);
        int code = cli_output_write(writer, text);
        if (code != CLI_OK) {
            return code;
        }
        batch->first += (int64_t)batch->rows;
        if (draws && cli_seconds() - drawn > 0.2) {
            drawn = cli_seconds();
            char line[64];
            snprintf(line, sizeof line, "row %lld of %lld", (long long)batch->first,
                     (long long)batch->total);
            cli_draw(line);
        }
    }
    if (draws) {
        cli_draw("");
    }
    return CLI_OK;
}

static int run_state_run(run_state *state)
{
    const predict_values *values = state->values;
    int code = cli_open_model(values->model, &values->source, &state->model);
    if (code == CLI_OK) {
        code = cli_open_to_run(values->data, &values->input, state->model, &state->dataset);
    }
    if (code == CLI_OK) {
        code = cli_check_shape(values->data, state->dataset, state->model);
    }
    if (code == CLI_OK) {
        code = prepare(state);
    }
    if (code != CLI_OK) {
        return code;
    }
    if (makes_file(values)) {
        /* A pipe has nothing to remove, and a wait for its reader is what an interrupt should end.
         * */
        cli_watch_interrupts(false);
    }
    linnet_writer *writer;
    code = cli_output_open(values->output, &writer);
    if (code == CLI_OK) {
        cli_text text = {0};
        code = predict_rows(state, writer, &text);
        cli_text_free(&text);
        code = cli_output_close(writer, cli_interrupted() ? CLI_FAILURE : code);
    }
    return code;
}

static int run(const void *opaque)
{
    run_state state = {.values = opaque};
    state.form = choose_form(state.values);
    int code = check_usage(state.values, state.form);
    if (code == CLI_OK) {
        code = run_state_run(&state);
    }
    free(state.x);
    free(state.y);
    free(state.probabilities);
    free(state.batch.order);
    linnet_plan_free(state.plan);
    linnet_dataset_free(state.dataset);
    linnet_model_free(state.model);
    cli_end_if_interrupted();
    return code;
}

static const char *const description[] = {
    "Run a model over rows and write the probability of every class, or of every label, or with "
    "--top-k the likeliest of them; of a regression the numbers. A row gives the same bits alone "
    "and in any batch, on any number of "
    "threads.",
    "csv: a header with the classes and a line a row; with --top-k the row's number, then pairs "
    "of class and probability. jsonl: an object a row, of several labels with those that are "
    "predicted. npy: float32 (of a float64 model float64) of shape (rows, classes). "
    "Rows are counted from 0. Labels that the data hold are left aside.",
    cli_about_data,
    NULL,
};

static const cli_operand operands[] = {
    {"MODEL", offsetof(predict_values, model),
     "the model: a file that linnet wrote, a pickled torch.nn module, or a hub's folder with its "
     "config.json, of which the head is taken; with --model any file of weights"},
    {"DATA", offsetof(predict_values, data), "the rows; - is standard input"},
    {NULL, 0, NULL},
};

static const cli_option options[] = {
    {"output", 'o', "FILE", CLI_TEXT, offsetof(predict_values, output), 0, 0, "-",
     "where to write; - is standard output. A file appears when it is complete"},
    {"format", 0, "csv|jsonl|npy", CLI_CHOICE, offsetof(predict_values, format), 0, 0, NULL,
     "what to write; otherwise what FILE ends in, or else csv"},
    {"top-k", 0, "K", CLI_INT, offsetof(predict_values, top), 1, INT64_MAX, NULL,
     "write the K likeliest classes of each row, likeliest first"},
    {"batch-size", 0, "N", CLI_INT, offsetof(predict_values, batch_size), 1, 1 << 20, "256",
     "rows that are run at a time; the results are the same bits for any number"},
    CLI_RUN_PRECISION_ROW(predict_values, precision),
    CLI_THREADS_ROW(predict_values, threads),
    CLI_DATA_ROWS(predict_values, input),
    CLI_HEADING_ROW("What the model's file does not say"),
    CLI_MODEL_ROWS(predict_values, source),
    {0},
};

static const cli_example examples[] = {
    {"The likeliest class of each image",
     "linnet predict fashion.safetensors t10k-images-idx3-ubyte.gz --top-k 1"},
    {"Probabilities for NumPy",
     "linnet predict head.safetensors features.npy -o probabilities.npy"},
    {"From a pipe to a pipe",
     "head -1 flowers.csv | linnet predict flowers.safetensors - --format jsonl"},
    {NULL, NULL},
};

const cli_command cli_command_predict = {
    .name = "predict",
    .summary = "run a model over rows",
    .synopsis = "MODEL DATA|- [-o FILE] [--format csv|jsonl|npy] [--top-k K] [OPTION]...",
    .description = description,
    .operands = operands,
    .options = options,
    .examples = examples,
    .values_size = sizeof(predict_values),
    .run = run,
};
