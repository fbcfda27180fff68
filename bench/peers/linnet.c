/* linnet.c - the contender Linnet, through its public API; and the machine's limits that it
 * measures. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linnet.h"
#include "peer.h"

/* Batches of a training epoch, and how large its features are: not so large that the loss becomes
 * infinite. */
#define BATCHES 8
#define FEATURES 0.1f

static struct {
    peer_job job;
    linnet_plan *plan;
    float *x, *y;
    linnet_trainer *trainer;
    peer_laps *laps;
} state;

static linnet_error error;

static const char *version(void)
{
    return linnet_version();
}

/* A limit is one number a turn: nanoseconds of a billion operations, or of a billion bytes. */
static void limit_turn(peer_laps *laps)
{
    double rate;
    const double seconds = 0.02;
    bool peak = strcmp(state.job.work, "peak") == 0;
    linnet_status status = peak
                               ? linnet_machine_peak((int)state.job.threads, seconds, &rate, &error)
                               : linnet_machine_bandwidth((int)state.job.threads, state.job.bytes,
                                                          seconds, &rate, &error);
    if (status != LINNET_OK) {
        fprintf(stderr, "linnet: %s\n", error.message);
        exit(1);
    }
    peer_lap_seconds(laps, 1e9 / rate);
}

static void forward(void)
{
    if (linnet_plan_run(state.plan, state.x, state.job.batch, state.y, &error) != LINNET_OK) {
        fprintf(stderr, "linnet: %s\n", error.message);
        exit(1);
    }
}

static void forward_turn(peer_laps *laps)
{
    peer_repeat(laps, forward);
}

static bool progress(void *context, const linnet_progress *done)
{
    (void)context, (void)done;
    return peer_lap(state.laps, 1);
}

static void training_turn(peer_laps *laps)
{
    state.laps = laps;
    if (linnet_trainer_epoch(state.trainer, NULL, &error) != LINNET_OK) {
        fprintf(stderr, "linnet: %s\n", error.message);
        exit(1);
    }
}

static void (*turn_of_work)(peer_laps *laps);

static void turn(peer_laps *laps)
{
    turn_of_work(laps);
}

static linnet_status open_model(const peer_job *job, linnet_model **model)
{
    linnet_status status = linnet_model_parse(job->model, NULL, 0, model, &error);
    if (status == LINNET_OK) {
        for (size_t i = 0; i < linnet_model_parameter_count(*model); i++) {
            float *values = linnet_model_parameter(*model, i)->data;
            (i % 2 == 0 ? peer_fill_weight : peer_fill_bias)(values, job, i / 2);
        }
    }
    return status;
}

static linnet_precision precision_of(const peer_job *job)
{
    return strcmp(job->precision, "bf16") == 0           ? LINNET_PRECISION_BF16
           : strcmp(job->precision, "bf16-weights") == 0 ? LINNET_PRECISION_BF16_WEIGHTS
                                                         : LINNET_PRECISION_FLOAT32;
}

static linnet_status open_forward(const peer_job *job, double *check)
{
    linnet_model *model;
    linnet_status status = open_model(job, &model);
    linnet_plan_options options = {
        .max_batch = job->batch, .threads = (int)job->threads, .precision = precision_of(job)};
    if (status == LINNET_OK) {
        status = linnet_plan_create(model, &options, &state.plan, &error);
    }
    linnet_model_free(model);
    size_t outputs = job->batch * job->sizes[job->layers];
    state.x = peer_alloc(job->batch * job->sizes[0], sizeof(float));
    state.y = peer_alloc(outputs, sizeof(float));
    peer_fill_input(state.x, job);
    if (status == LINNET_OK) {
        status = linnet_plan_run(state.plan, state.x, job->batch, state.y, &error);
        *check = peer_mean_magnitude(state.y, outputs);
    }
    turn_of_work = forward_turn;
    return status;
}

/* Rows of made-up features and labels in memory, which stay for as long as the process does. */
static linnet_status open_dataset(const peer_job *job, linnet_dataset **dataset)
{
    size_t rows = BATCHES * job->batch, classes = job->sizes[job->layers];
    float *x = peer_alloc(rows * job->sizes[0], sizeof(float));
    int64_t *labels = peer_alloc(rows, sizeof *labels);
    peer_fill(x, rows * job->sizes[0], 0, FEATURES);
    for (size_t i = 0; i < rows; i++) {
        labels[i] = (int64_t)(i * 7 % classes);
    }
    linnet_tensor features, targets;
    const int64_t shape[] = {(int64_t)rows, (int64_t)job->sizes[0]};
    linnet_status status = linnet_tensor_from(x, LINNET_FLOAT32, 2, shape, &features, &error);
    if (status == LINNET_OK) {
        status = linnet_tensor_from(labels, LINNET_INT64, 1, shape, &targets, &error);
    }
    if (status == LINNET_OK) {
        status = linnet_dataset_create(&features, &targets, false, dataset, &error);
    }
    return status;
}

static linnet_status open_training(const peer_job *job)
{
    linnet_model *model;
    linnet_dataset *dataset;
    linnet_status status = open_model(job, &model);
    if (status == LINNET_OK) {
        status = open_dataset(job, &dataset);
    }
    linnet_trainer_options options = {.optim = job->optim,
                                      .batch_size = job->batch,
                                      .precision = precision_of(job),
                                      .threads = (int)job->threads,
                                      .progress = progress};
    if (status == LINNET_OK) {
        status = linnet_trainer_create(model, dataset, &options, &state.trainer, &error);
    }
    turn_of_work = training_turn;
    return status;
}

static const char *open(const peer_job *job, double *check)
{
    state.job = *job;
    linnet_status status = LINNET_OK;
    if (strcmp(job->work, "peak") == 0 || strcmp(job->work, "bandwidth") == 0) {
        turn_of_work = limit_turn;
        return NULL;
    }
    status = strcmp(job->work, "forward") == 0 ? open_forward(job, check) : open_training(job);
    return status == LINNET_OK ? NULL : error.message;
}

int main(int argc, char **argv)
{
    static const peer linnet = {"Linnet", version, open, turn};
    return peer_main(argc, argv, &linnet);
}
