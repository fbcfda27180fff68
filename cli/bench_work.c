/* bench_work.c - one piece of work for `linnet bench`: a plan that runs, or a trainer that makes
 * steps.
 *
 * What is computed does not matter, only its size: weights are initial ones (a model file's own),
 * features and labels are made up. */
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Batches of an epoch of the made-up data. */
#define BATCHES 4

struct cli_bench_work {
    cli_bench_lap lap;
    void *context;
    size_t batch;
    linnet_model *model;
    linnet_plan *plan; /* forward */
    float *x, *y;
    linnet_trainer *trainer; /* a training step */
    linnet_dataset *dataset; /* over x and labels */
    int64_t *labels;
};

/* ---- how much there is to compute ---- */

/* Whether `name` is the layer's name and ".weight". */
static bool is_weight_of(const char *name, const char *layer)
{
    size_t length = strlen(layer);
    const char *rest = strncmp(name, layer, length) == 0 ? name + length : "";
    return strcmp(rest, length > 0 ? ".weight" : "weight") == 0;
}

/* Multiply-adds of one layer on one row: those of its matrix on each vector of the row. */
static double layer_products(const linnet_model *model, const linnet_layer *layer)
{
    double products = 0;
    for (size_t i = 0; i < linnet_model_parameter_count(model); i++) {
        const linnet_tensor *tensor = linnet_model_parameter(model, i);
        if (tensor->rank == 2 && is_weight_of(linnet_model_parameter_name(model, i), layer->name)) {
            double outputs = 1;
            for (int d = 0; d < layer->rank; d++) {
                outputs *= (double)layer->shape[d];
            }
            products += outputs * (double)tensor->shape[1];
        }
    }
    return products;
}

/* A training step multiplies three times: forward, the weight's gradient, and the input's, which
 * the first layer leaves out. */
static linnet_status count_operations(const linnet_model *model, cli_bench_line *line,
                                      linnet_error *error)
{
    double products = 0, first = 0;
    for (size_t i = 0; i < linnet_model_layer_count(model); i++) {
        linnet_layer layer;
        linnet_status status = linnet_model_layer(model, i, &layer, error);
        if (status != LINNET_OK) {
            return status;
        }
        double own = layer_products(model, &layer);
        first = products > 0 ? first : own;
        products += own;
    }
    double all = line->optim == NULL ? products : 3 * products - first;
    line->operations = 2 * (double)line->batch * all;
    return LINNET_OK;
}

static int64_t count_parameters(const linnet_model *model)
{
    int64_t count = 0;
    for (size_t i = 0; i < linnet_model_parameter_count(model); i++) {
        count += linnet_tensor_numel(linnet_model_parameter(model, i));
    }
    return count;
}

/* In bfloat16 are the matrices alone. */
static size_t count_bytes(const linnet_model *model, linnet_precision precision)
{
    size_t bytes = 0;
    for (size_t i = 0; i < linnet_model_parameter_count(model); i++) {
        const linnet_tensor *tensor = linnet_model_parameter(model, i);
        bool narrow = precision != LINNET_PRECISION_FLOAT32 && tensor->rank == 2;
        bytes += (size_t)linnet_tensor_numel(tensor) *
                 linnet_dtype_size(narrow ? LINNET_BFLOAT16 : LINNET_FLOAT32);
    }
    return bytes;
}

/* ---- making it ready ---- */

static linnet_status fail(linnet_error *error, linnet_status status, const char *message)
{
    *error = (linnet_error){.status = status};
    strncpy(error->message, message, sizeof error->message - 1);
    return status;
}

static linnet_status open_model(const cli_bench_model *from, linnet_model **model,
                                linnet_error *error)
{
    if (from->file != NULL) {
        linnet_status status = linnet_model_load(from->file, model, error);
        if (status == LINNET_OK && linnet_model_dtype(*model) != LINNET_FLOAT32) {
            status =
                fail(error, LINNET_ERROR_UNSUPPORTED,
                     "expected a float32 model, which the FMA peak of float32 is held against, "
                     "found float64");
        }
        return status;
    }
    linnet_status status =
        linnet_model_parse(from->text, from->set->names, from->set->count, model, error);
    if (status == LINNET_OK) {
        linnet_model_reset_parameters(*model, 1, LINNET_RNG_TORCH);
    }
    return status;
}

/* Numbers within +-0.1, so that usual learning rates do not make the loss infinite on rows of
 * thousands. */
static void fill(float *x, size_t n)
{
    uint32_t state = 1;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = ((float)(state >> 8) / 16777216.0f - 0.5f) * 0.2f;
    }
}

/* `rows` rows of features. */
static linnet_status make_features(cli_bench_work *work, size_t rows, size_t features,
                                   linnet_error *error)
{
    bool fits = features == 0 || rows <= PTRDIFF_MAX / sizeof(float) / features;
    work->x = fits ? calloc(rows * features + 1, sizeof(float)) : NULL;
    if (work->x == NULL) {
        return fail(error, LINNET_ERROR_MEMORY, "out of memory");
    }
    fill(work->x, rows * features);
    return LINNET_OK;
}

static linnet_status open_forward(cli_bench *bench, cli_bench_work *work, linnet_error *error)
{
    linnet_plan_options options = {
        .max_batch = work->batch, .threads = bench->threads, .precision = bench->precision};
    linnet_status status = linnet_plan_create(work->model, &options, &work->plan, error);
    if (status != LINNET_OK) {
        return status;
    }
    bench->threads = linnet_plan_threads(work->plan);
    bench->isa = linnet_plan_isa(work->plan);
    size_t outputs = linnet_plan_output_features(work->plan);
    work->y = calloc(work->batch * outputs + 1, sizeof(float));
    status = make_features(work, work->batch, linnet_plan_input_features(work->plan), error);
    return work->y != NULL ? status : fail(error, LINNET_ERROR_MEMORY, "out of memory");
}

static linnet_status make_dataset(cli_bench_work *work, linnet_error *error)
{
    int64_t shape[LINNET_MAX_RANK] = {(int64_t)(BATCHES * work->batch)}, outputs;
    int rank = linnet_model_input_shape(work->model, shape + 1);
    outputs = linnet_model_output_features(work->model);
    if (rank < 0 || rank >= LINNET_MAX_RANK || outputs < 1) {
        return fail(error, LINNET_ERROR_SHAPE, "the shape of the model's input is not known");
    }
    size_t rows = (size_t)shape[0], features = 1;
    for (int d = 1; d <= rank; d++) {
        features *= (size_t)shape[d];
    }
    work->labels = calloc(rows, sizeof *work->labels);
    linnet_status status = make_features(work, rows, features, error);
    if (status != LINNET_OK || work->labels == NULL) {
        return fail(error, LINNET_ERROR_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < rows; i++) {
        work->labels[i] = (int64_t)i % outputs;
    }
    linnet_tensor x, labels;
    status = linnet_tensor_from(work->x, LINNET_FLOAT32, rank + 1, shape, &x, error);
    if (status == LINNET_OK) {
        status = linnet_tensor_from(work->labels, LINNET_INT64, 1, shape, &labels, error);
    }
    if (status == LINNET_OK) {
        status = linnet_dataset_create(&x, &labels, false, &work->dataset, error);
    }
    return status;
}

static bool step_done(void *context, const linnet_progress *progress)
{
    (void)progress;
    cli_bench_work *work = context;
    return work->lap(work->context);
}

static linnet_status open_training(const cli_bench *bench, cli_bench_work *work, const char *optim,
                                   linnet_error *error)
{
    linnet_status status = make_dataset(work, error);
    if (status == LINNET_OK) {
        linnet_trainer_options options = {.optim = optim,
                                          .batch_size = work->batch,
                                          .precision = bench->precision,
                                          .threads = bench->threads,
                                          .progress = step_done,
                                          .context = work};
        status = linnet_trainer_create(work->model, work->dataset, &options, &work->trainer, error);
    }
    return status;
}

linnet_status cli_bench_open(cli_bench *bench, cli_bench_line *line, cli_bench_lap lap,
                             void *context, cli_bench_work **work, linnet_error *error)
{
    cli_bench_work *made = calloc(1, sizeof *made);
    *work = NULL;
    if (made == NULL) {
        return fail(error, LINNET_ERROR_MEMORY, "out of memory");
    }
    *made = (cli_bench_work){.lap = lap, .context = context, .batch = line->batch};
    linnet_status status = open_model(&bench->model, &made->model, error);
    if (status == LINNET_OK) {
        status = line->optim == NULL ? open_forward(bench, made, error)
                                     : open_training(bench, made, line->optim, error);
    }
    if (status == LINNET_OK) {
        status = count_operations(made->model, line, error);
        bench->parameters = count_parameters(made->model);
        bench->weight_bytes = count_bytes(made->model, bench->precision);
        line->bytes = (double)bench->weight_bytes;
    }
    if (status != LINNET_OK) {
        cli_bench_close(made);
        return status;
    }
    *work = made;
    return LINNET_OK;
}

void cli_bench_close(cli_bench_work *work)
{
    if (work != NULL) {
        linnet_trainer_free(work->trainer);
        linnet_dataset_free(work->dataset);
        linnet_plan_free(work->plan);
        linnet_model_free(work->model);
        free(work->labels);
        free(work->x);
        free(work->y);
        free(work);
    }
}

/* ---- doing it ---- */

linnet_status cli_bench_run(cli_bench_work *work, linnet_error *error)
{
    linnet_epoch epoch = {0};
    linnet_status status = LINNET_OK;
    if (work->trainer != NULL) {
        while (status == LINNET_OK && !epoch.stopped) {
            status = linnet_trainer_epoch(work->trainer, &epoch, error);
        }
        return status;
    }
    do {
        status = linnet_plan_run(work->plan, work->x, work->batch, work->y, error);
    } while (status == LINNET_OK && work->lap(work->context));
    return status;
}
