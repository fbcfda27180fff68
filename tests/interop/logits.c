/* logits.c - runs a model over a dataset and writes what its last module gives, without the softmax
 * that `linnet predict` puts behind it, as raw float32 (rows, outputs).
 *
 * A helper of scripts/check-interop, which compares the values with PyTorch's. Uses the public
 * header only. */
#include "linnet.h"

#include <stdio.h>
#include <stdlib.h>

static int run(linnet_plan *plan, const linnet_dataset *dataset, int64_t batch, FILE *out,
               linnet_error *error)
{
    size_t outputs = linnet_plan_output_features(plan);
    float *x = malloc((size_t)batch * linnet_plan_input_features(plan) * sizeof *x);
    float *y = malloc((size_t)batch * outputs * sizeof *y);
    int failed = x == NULL || y == NULL;
    int64_t rows = linnet_dataset_rows(dataset);

    for (int64_t first = 0; first < rows && !failed; first += batch) {
        int64_t count = rows - first < batch ? rows - first : batch;
        failed = linnet_dataset_read(dataset, first, count, x, error) != LINNET_OK ||
                 linnet_plan_run(plan, x, (size_t)count, y, error) != LINNET_OK ||
                 fwrite(y, sizeof *y * outputs, (size_t)count, out) != (size_t)count;
    }
    free(x);
    free(y);
    return failed;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: logits MODEL DATA BATCH OUT\n");
        return 2;
    }
    linnet_error error = {0};
    linnet_model *model = NULL;
    linnet_dataset *dataset = NULL;
    linnet_plan *plan = NULL;
    long batch = strtol(argv[3], NULL, 10);
    linnet_plan_options options = {.max_batch = (size_t)batch};
    FILE *out = fopen(argv[4], "wb");
    int failed = batch < 1 || out == NULL ||
                 linnet_model_load(argv[1], &model, &error) != LINNET_OK ||
                 linnet_dataset_open(argv[2], NULL, &dataset, &error) != LINNET_OK ||
                 linnet_plan_create(model, &options, &plan, &error) != LINNET_OK ||
                 run(plan, dataset, batch, out, &error);

    if (out != NULL && fclose(out) != 0)
        failed = 1;
    if (failed)
        fprintf(stderr, "logits: %s: %s\n", error.place, error.message);
    linnet_plan_free(plan);
    linnet_dataset_free(dataset);
    linnet_model_free(model);
    return failed;
}
