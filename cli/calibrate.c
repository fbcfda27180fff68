/* calibrate.c - `linnet calibrate`: the temperature that makes a model's probabilities true.
 *
 * The library finds it; here the model gets it, is measured before and after, and is written. */
#include "command.h"
#include "output.h"
#include "source.h"
#include "table.h"
#include "train.h"

#include <stdlib.h>
#include <string.h>

typedef struct calibrate_values {
    const char *model, *data;
    const char *output, *labels;
    cli_data_options input;
    cli_model_options source;
    int64_t batch_size, threads;
    bool thresholds;
} calibrate_values;

/* Runs the model and measures it. The caller frees both, whatever comes of it. */
static int measure(const calibrate_values *values, const linnet_model *model,
                   const linnet_dataset *dataset, linnet_scores **scores,
                   linnet_evaluation *evaluation)
{
    linnet_plan_options options = {.max_batch = (size_t)values->batch_size,
                                   .threads = (int)values->threads};
    linnet_error error;
    linnet_status status = linnet_scores_create(model, dataset, &options, scores, &error);
    if (status == LINNET_OK) {
        status = linnet_scores_evaluate(*scores, evaluation, &error);
    }
    return status == LINNET_OK ? CLI_OK : cli_fail_with(values->data, &error);
}

/* Under the temperature that the model has by now. */
static int choose_thresholds(const calibrate_values *values, linnet_model *model,
                             const linnet_dataset *dataset)
{
    linnet_scores *scores = NULL;
    linnet_evaluation evaluation = {0};
    linnet_error error;
    size_t count = (size_t)linnet_model_output_features(model);
    double *thresholds = calloc(count + 1, sizeof *thresholds);
    int code = thresholds == NULL ? cli_fail_memory()
                                  : measure(values, model, dataset, &scores, &evaluation);
    if (code == CLI_OK &&
        (linnet_scores_thresholds(scores, thresholds, &error) != LINNET_OK ||
         linnet_model_set_thresholds(model, thresholds, count, &error) != LINNET_OK)) {
        code = cli_fail_with("--thresholds", &error);
    }
    linnet_evaluation_free(&evaluation);
    linnet_scores_free(scores);
    free(thresholds);
    return code;
}

static void show(const calibrate_values *values, double was, double is,
                 const linnet_evaluation *before, const linnet_evaluation *after)
{
    static const char *const names[] = {"log_loss", "brier_score", "calibration_error", "f1_macro",
                                        "f1_micro"};
    cli_text text = {0};
    cli_table table = {.alignment = "lrr"};
    cli_table_add(&table, "%s", "");
    cli_table_add(&table, "before");
    cli_table_add(&table, "after");
    cli_table_add(&table, "temperature");
    cli_table_add(&table, "%.4f", was);
    cli_table_add(&table, "%.4f", is);
    for (size_t i = 0; i < (values->thresholds ? 5 : 3); i++) {
        const linnet_figure *figure = linnet_evaluation_figure(before, names[i]);
        cli_table_add(&table, "%s", figure->metric->title);
        cli_table_add(&table, "%.4f", figure->value);
        cli_table_add(&table, "%.4f", linnet_evaluation_figure(after, names[i])->value);
    }
    cli_table_print(&table, &text);
    cli_text_add(&text, "wrote ");
    cli_text_name(&text, values->output != NULL ? values->output : values->model);
    cli_text_add(&text, "\n");
    cli_print(&text);
}

static int calibrate(const calibrate_values *values, linnet_model *model,
                     const linnet_dataset *dataset, linnet_scores *scores[2],
                     linnet_evaluation evaluations[2])
{
    linnet_error error;
    double was = linnet_model_temperature(model), temperature;
    int code = measure(values, model, dataset, &scores[0], &evaluations[0]);
    if (code != CLI_OK) {
        return code;
    }
    if (linnet_scores_temperature(scores[0], &temperature, &error) != LINNET_OK) {
        return cli_fail_with(error.status == LINNET_ERROR_DATA ? values->data : values->model,
                             &error);
    }
    if (linnet_model_set_temperature(model, temperature, &error) != LINNET_OK) {
        return cli_fail_with(values->model, &error);
    }
    if (values->thresholds) {
        code = choose_thresholds(values, model, dataset);
    }
    if (code == CLI_OK) {
        code = measure(values, model, dataset, &scores[1], &evaluations[1]);
    }
    if (code == CLI_OK) {
        code = cli_remember_calibration(model, values);
    }
    if (code != CLI_OK) {
        return code;
    }
    const char *output = values->output != NULL ? values->output : values->model;
    if (linnet_model_save(model, output, &error) != LINNET_OK) {
        return cli_fail_with(NULL, &error);
    }
    show(values, was, temperature, &evaluations[0], &evaluations[1]);
    return CLI_OK;
}

/* Without -o the file that is read is written. */
static int check_output(const calibrate_values *values)
{
    linnet_error error;
    if (values->output == NULL && values->source.model != NULL) {
        return cli_misuse("--model", "needs -o: the file of the weights is not written over");
    }
    const char *output = values->output != NULL ? values->output : values->model;
    if (strcmp(output, "-") == 0) {
        return cli_misuse("-o", "needs a file, whose ending says the format");
    }
    return linnet_model_writable(NULL, output, &error) == LINNET_OK ? CLI_OK
                                                                    : cli_fail_with(NULL, &error);
}

static int run(const void *opaque)
{
    const calibrate_values *values = opaque;
    linnet_model *model = NULL;
    linnet_dataset *dataset = NULL;
    linnet_scores *scores[2] = {NULL, NULL};
    linnet_evaluation evaluations[2] = {{0}, {0}};
    int code = check_output(values);
    if (code == CLI_OK) {
        code = cli_open_to_measure(values->model, &values->source, values->data, values->labels,
                                   &values->input, &model, &dataset);
    }
    if (code == CLI_OK) {
        code = calibrate(values, model, dataset, scores, evaluations);
    }
    for (int i = 0; i < 2; i++) {
        linnet_evaluation_free(&evaluations[i]);
        linnet_scores_free(scores[i]);
    }
    linnet_dataset_free(dataset);
    linnet_model_free(model);
    return code;
}

static const char *const description[] = {
    "Find the temperature of a model (Guo et al. 2017): the number that its outputs are divided by "
    "before "
    "they become probabilities, so that a class of which it is 80 % sure is right in 80 % of rows. "
    "It is "
    "the one under which the rows' own classes or labels are the likeliest. DATA are labelled rows "
    "that "
    "the model was not trained on, such as those it was validated with.",
    "The temperature is stored in the model; predict, eval and report use it. It changes no "
    "prediction, "
    "only how sure it is. The weights stay as they are, and so do the logits that PyTorch or ONNX "
    "Runtime "
    "get out of them: divide those by the temperature (linnet.temperature in the metadata) before "
    "softmax "
    "or sigmoid.",
    cli_about_data,
    NULL,
};

static const cli_operand operands[] = {
    {"MODEL", offsetof(calibrate_values, model), "the model, a file that linnet wrote"},
    {"DATA", offsetof(calibrate_values, data), "the rows"},
    {NULL, 0, NULL},
};

static const cli_option options[] = {
    {"output", 'o', "FILE", CLI_TEXT, offsetof(calibrate_values, output), 0, 0, NULL,
     "where to write the model; otherwise MODEL itself is replaced"},
    {"labels", 0, "FILE", CLI_TEXT, offsetof(calibrate_values, labels), 0, 0, NULL,
     "the labels, where they lie in a file of their own"},
    {"thresholds", 0, NULL, CLI_FLAG, offsetof(calibrate_values, thresholds), 0, 0, NULL,
     "of several labels, choose as well above which probability each is predicted, so that its F1 "
     "on "
     "DATA is the largest; otherwise above one half, or the model's"},
    CLI_DATA_ROWS(calibrate_values, input),
    {"batch-size", 0, "N", CLI_INT, offsetof(calibrate_values, batch_size), 1, 1 << 20, "256",
     "rows that are run at a time; the results are the same bits for any number"},
    CLI_THREADS_ROW(calibrate_values, threads),
    CLI_HEADING_ROW("What the model's file does not say"),
    CLI_MODEL_ROWS(calibrate_values, source),
    {0},
};

static const cli_example examples[] = {
    {"The model itself", "linnet calibrate head.safetensors validation.npz"},
    {"Several labels, each with a threshold of its own",
     "linnet calibrate tags.safetensors validation.npz --thresholds"},
    {"Another file", "linnet calibrate head.safetensors validation.npz -o calibrated.safetensors"},
    {NULL, NULL},
};

const cli_command cli_command_calibrate = {
    .name = "calibrate",
    .summary = "make a model's probabilities true",
    .synopsis = "MODEL DATA [-o FILE] [--labels FILE] [OPTION]...",
    .description = description,
    .operands = operands,
    .options = options,
    .examples = examples,
    .values_size = sizeof(calibrate_values),
    .run = run,
};
