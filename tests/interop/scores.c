/* scores.c - the probabilities that metrics are taken from, as raw doubles, row after row.
 *
 *     scores MODEL DATA OUT
 *
 * DATA is labelled as the model's task asks. Used by scripts/interop_metrics.py. */
#include <linnet.h>
#include <stdio.h>
#include <stdlib.h>

static int write_rows(const linnet_scores *scores, int64_t rows, size_t outputs, const char *path)
{
    double *probabilities = malloc(outputs * sizeof *probabilities);
    FILE *file = fopen(path, "wb");
    int good = probabilities != NULL && file != NULL;
    for (int64_t row = 0; good && row < rows; row++) {
        linnet_scores_row(scores, row, probabilities);
        good = fwrite(probabilities, sizeof *probabilities, outputs, file) == outputs;
    }
    good = file != NULL && fclose(file) == 0 && good;
    free(probabilities);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    linnet_error error = {.message = "usage: scores MODEL DATA OUT"};
    linnet_model *model = NULL;
    linnet_dataset *data = NULL;
    linnet_scores *scores = NULL;
    linnet_dataset_options options = {.labels = LINNET_LABELS_REQUIRED};
    int code = 1;
    if (argc == 4 && linnet_model_load(argv[1], &model, &error) == LINNET_OK) {
        options.targets = linnet_model_task(model) == LINNET_TASK_CLASSIFICATION
                              ? LINNET_TARGETS_CLASSES
                              : LINNET_TARGETS_VALUES;
        if (linnet_dataset_open(argv[2], &options, &data, &error) == LINNET_OK &&
            linnet_scores_create(model, data, NULL, &scores, &error) == LINNET_OK) {
            code = write_rows(scores, linnet_dataset_rows(data),
                              (size_t)linnet_model_output_features(model), argv[3]);
        }
    }
    if (code != 0) {
        fprintf(stderr, "%s: %s\n", error.place, error.message);
    }
    linnet_scores_free(scores);
    linnet_dataset_free(data);
    linnet_model_free(model);
    return code;
}
