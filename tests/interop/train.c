/* train.c - trains as a script would, and tells each step; for scripts/interop_replay.py.
 *
 *     train DATA MODEL KEY=VALUE...
 *
 * Keys: labels, scale, dtype (float32, float64), optim, loss, schedule, batch, accumulate, no_decay
 * (a number), seed, rng (torch, torch-mkl, torch-default, philox), epochs, metrics (a file with a line an epoch: what a schedule that
 * wants a metric is told), resume and checkpoint (files), output. Prints a line a step: loss,
 * learning rate. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linnet.h"

static void must(linnet_status status, const linnet_error *error)
{
    if (status != LINNET_OK) {
        fprintf(stderr, "%s: %s\n", error->place, error->message);
        exit(1);
    }
}

static const char *option(char **argv, const char *key)
{
    size_t length = strlen(key);
    for (; *argv != NULL; argv++) {
        if (strncmp(*argv, key, length) == 0 && (*argv)[length] == '=') {
            return *argv + length + 1;
        }
    }
    return NULL;
}

static long number(char **argv, const char *key, long otherwise)
{
    const char *text = option(argv, key);
    return text != NULL ? strtol(text, NULL, 10) : otherwise;
}

static linnet_rng rng_of(const char *name)
{
    return name == NULL || strcmp(name, "torch") == 0 ? LINNET_RNG_TORCH
           : strcmp(name, "torch-mkl") == 0           ? LINNET_RNG_TORCH_MKL
           : strcmp(name, "torch-default") == 0       ? LINNET_RNG_TORCH_DEFAULT
                                                      : LINNET_RNG_PHILOX;
}

static bool tell(void *context, const linnet_progress *progress)
{
    (void)context;
    printf("%.17g %.17g\n", progress->batch_loss, progress->lr);
    return true;
}

static void tell_schedule(linnet_trainer *trainer, FILE *metrics)
{
    linnet_error error;
    double metric;
    if (linnet_trainer_wants_metric(trainer, NULL)) {
        if (metrics == NULL || fscanf(metrics, "%lf", &metric) != 1) {
            fprintf(stderr, "metrics: expected another line\n");
            exit(1);
        }
        must(linnet_trainer_step_schedule(trainer, metric, &error), &error);
    }
}

static void train(linnet_model *model, const linnet_dataset *dataset, char **argv)
{
    linnet_error error;
    linnet_trainer *trainer;
    const char *resume = option(argv, "resume"), *checkpoint = option(argv, "checkpoint");
    linnet_trainer_options options = {.optim = option(argv, "optim"),
                                      .loss = option(argv, "loss"),
                                      .schedule = option(argv, "schedule"),
                                      .batch_size = (size_t)number(argv, "batch", 0),
                                      .accumulate = (size_t)number(argv, "accumulate", 1),
                                      .no_decay = (unsigned)number(argv, "no_decay", 0),
                                      .seed = (uint64_t)number(argv, "seed", 0),
                                      .rng = rng_of(option(argv, "rng")),
                                      .progress = tell};
    must(linnet_trainer_create(model, dataset, &options, &trainer, &error), &error);
    if (resume != NULL) {
        must(linnet_trainer_load_checkpoint(trainer, resume, false, NULL, &error), &error);
    }
    FILE *metrics = option(argv, "metrics") != NULL ? fopen(option(argv, "metrics"), "r") : NULL;
    for (long i = number(argv, "epochs", 1); i > 0; i--) {
        must(linnet_trainer_epoch(trainer, NULL, &error), &error);
        tell_schedule(trainer, metrics);
    }
    if (metrics != NULL) {
        fclose(metrics);
    }
    if (checkpoint != NULL) {
        must(linnet_trainer_save_checkpoint(trainer, checkpoint, NULL, &error), &error);
    }
    linnet_trainer_free(trainer);
}

int main(int argc, char **argv)
{
    linnet_error error;
    linnet_dataset *dataset;
    linnet_model *model;
    if (argc < 3) {
        fprintf(stderr, "usage: train DATA MODEL KEY=VALUE...\n");
        return 2;
    }
    linnet_dataset_options data = {.labels = LINNET_LABELS_REQUIRED,
                                   .labels_path = option(argv, "labels")};
    must(linnet_dataset_open(argv[1], &data, &dataset, &error), &error);
    must(linnet_model_parse(argv[2], NULL, 0, &model, &error), &error);
    if (option(argv, "dtype") != NULL && strcmp(option(argv, "dtype"), "float64") == 0) {
        must(linnet_model_to(model, LINNET_FLOAT64, &error), &error);
    }
    if (option(argv, "scale") != NULL) {
        must(linnet_model_set_scale(model, 1 / strtod(option(argv, "scale"), NULL), &error),
             &error);
    }
    linnet_model_reset_parameters(model, (uint64_t)number(argv, "seed", 0),
                                  rng_of(option(argv, "rng")));
    train(model, dataset, argv);
    if (option(argv, "output") != NULL) {
        must(linnet_model_save(model, option(argv, "output"), &error), &error);
    }
    linnet_model_free(model);
    linnet_dataset_free(dataset);
    return 0;
}
