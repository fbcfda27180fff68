/* eval.c - `linnet eval`: how good a model is on labelled rows.
 *
 * The library measures; here the figures become tables or JSON. */
#include "command.h"
#include "json.h"
#include "output.h"
#include "source.h"
#include "table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MATRIX_CLASSES                                                                             \
    20 /* with more, the text leaves the confusion matrix out unless it is wanted */

typedef struct eval_values {
    const char *model, *data;
    const char *labels, *precision;
    cli_data_options input;
    cli_model_options source;
    int64_t batch_size, threads;
    bool confusion, json;
} eval_values;

/* ---- text ---- */

static void add_ratio(cli_table *table, double ratio)
{
    if (isnan(ratio)) {
        cli_table_add(table, "-");
    } else {
        cli_table_add(table, "%.4f", ratio);
    }
}

/* The mean over the classes for which the figure exists; weighted by support where `weighted`. */
static double mean_of(const linnet_evaluation *evaluation, size_t offset, bool weighted)
{
    double sum = 0, weights = 0;
    for (int64_t c = 0; c < evaluation->class_count; c++) {
        const linnet_class_metrics *metrics = &evaluation->classes[c];
        double figure = *(const double *)((const char *)metrics + offset);
        double weight = weighted ? (double)metrics->support : 1;
        if (!isnan(figure)) {
            sum += weight * figure;
            weights += weight;
        }
    }
    return weights > 0 ? sum / weights : NAN;
}

static void add_mean(cli_table *table, const linnet_evaluation *evaluation, bool weighted)
{
    cli_table_add(table, weighted ? "weighted mean" : "mean");
    add_ratio(table, mean_of(evaluation, offsetof(linnet_class_metrics, precision), weighted));
    add_ratio(table, mean_of(evaluation, offsetof(linnet_class_metrics, recall), weighted));
    add_ratio(table, mean_of(evaluation, offsetof(linnet_class_metrics, f1), weighted));
    cli_table_add(table, "%lld", (long long)evaluation->rows);
}

static void classes_text(const linnet_model *model, const linnet_evaluation *evaluation,
                         cli_text *text)
{
    static const char *const heads[] = {"class", "precision", "recall", "F1", "support"};
    cli_table table = {.alignment = "lrrrr"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        cli_table_add(&table, "%s", heads[i]);
    }
    for (int64_t c = 0; c < evaluation->class_count; c++) {
        const linnet_class_metrics *metrics = &evaluation->classes[c];
        char number[24];
        cli_table_cut(&table, cli_class_name(model, (size_t)c, number), CLI_NAME_COLUMNS);
        add_ratio(&table, metrics->precision);
        add_ratio(&table, metrics->recall);
        add_ratio(&table, metrics->f1);
        cli_table_add(&table, "%lld", (long long)metrics->support);
    }
    add_mean(&table, evaluation, false);
    add_mean(&table, evaluation, true);
    cli_table_print(&table, text);
}

/* Rows are headed by the class's name and number, columns by the number alone, so that the table
 * stays as narrow as its figures. */
static void confusion_text(const linnet_model *model, const linnet_evaluation *evaluation,
                           cli_text *text)
{
    size_t count = (size_t)evaluation->class_count;
    char *alignment = malloc(count + 3);
    if (alignment == NULL) {
        text->failed = true;
        return;
    }
    memset(alignment, 'r', count + 2);
    alignment[0] = 'l';
    alignment[count + 2] = '\0';
    cli_table table = {.alignment = alignment};
    cli_table_add(&table, "true");
    cli_table_add(&table, "%s", "");
    for (size_t c = 0; c < count; c++) {
        cli_table_add(&table, "%zu", c);
    }
    for (size_t row = 0; row < count; row++) {
        const char *name = linnet_model_class(model, row);
        cli_table_cut(&table, name != NULL ? name : "", CLI_NAME_COLUMNS);
        cli_table_add(&table, "%zu", row);
        for (size_t c = 0; c < count; c++) {
            cli_table_add(&table, "%lld", (long long)evaluation->confusion[row * count + c]);
        }
    }
    cli_text_add(text, "\nconfusion matrix: a row a true class, a column a predicted one\n");
    cli_table_print(&table, text);
    free(alignment);
}

static void show_text(const eval_values *values, const linnet_model *model,
                      const linnet_evaluation *evaluation, cli_text *text)
{
    cli_text_add(text, "rows      %lld\naccuracy  %.4f (%lld right)\nloss      %.4f\n\n",
                 (long long)evaluation->rows, evaluation->accuracy, (long long)evaluation->correct,
                 evaluation->loss);
    classes_text(model, evaluation, text);
    if (evaluation->class_count <= MATRIX_CLASSES || values->confusion) {
        confusion_text(model, evaluation, text);
    }
}

/* ---- JSON ---- */

static void show_json(const eval_values *values, const linnet_model *model,
                      const linnet_evaluation *evaluation, cli_text *text)
{
    cli_json json = {.text = text};
    cli_json_open(&json, NULL, '{');
    cli_json_string(&json, "model", values->model);
    cli_json_string(&json, "data", values->data);
    cli_json_string(&json, "precision", values->precision);
    cli_json_int(&json, "rows", evaluation->rows);
    cli_json_int(&json, "correct", evaluation->correct);
    cli_json_double(&json, "accuracy", evaluation->accuracy);
    cli_json_double(&json, "loss", evaluation->loss);
    cli_json_open(&json, "classes", '[');
    for (int64_t c = 0; c < evaluation->class_count; c++) {
        const linnet_class_metrics *metrics = &evaluation->classes[c];
        char number[24];
        cli_json_open(&json, NULL, '{');
        cli_json_string(&json, "class", cli_class_name(model, (size_t)c, number));
        cli_json_double(&json, "precision", metrics->precision);
        cli_json_double(&json, "recall", metrics->recall);
        cli_json_double(&json, "f1", metrics->f1);
        cli_json_int(&json, "support", metrics->support);
        cli_json_int(&json, "predicted", metrics->predicted);
        cli_json_close(&json, '}');
    }
    cli_json_close(&json, ']');
    cli_json_open(&json, "confusion", '[');
    for (int64_t row = 0; row < evaluation->class_count; row++) {
        cli_json_open(&json, NULL, '[');
        for (int64_t c = 0; c < evaluation->class_count; c++) {
            cli_json_int(&json, NULL, evaluation->confusion[row * evaluation->class_count + c]);
        }
        cli_json_close(&json, ']');
    }
    cli_json_close(&json, ']');
    cli_json_close(&json, '}');
    cli_text_add(text, "\n");
}

/* ---- the command ---- */

static int measure(const eval_values *values, linnet_model *model, const linnet_dataset *dataset)
{
    linnet_plan_options options = {.max_batch = (size_t)values->batch_size,
                                   .threads = (int)values->threads,
                                   .precision = cli_precision(values->precision)};
    linnet_evaluation evaluation;
    linnet_error error;
    if (linnet_evaluate(model, dataset, &options, &evaluation, &error) != LINNET_OK) {
        return cli_fail_with(values->data, &error);
    }
    cli_text text = {0};
    if (values->json) {
        show_json(values, model, &evaluation, &text);
    } else {
        show_text(values, model, &evaluation, &text);
    }
    linnet_evaluation_free(&evaluation);
    return cli_print(&text);
}

static int open_labelled(const eval_values *values, const linnet_model *model,
                         linnet_dataset **dataset)
{
    size_t count = linnet_model_class_count(model);
    const char **classes = count == 0 ? NULL : malloc(count * sizeof *classes);
    if (count > 0 && classes == NULL) {
        return cli_fail_memory();
    }
    for (size_t i = 0; i < count; i++) {
        classes[i] = linnet_model_class(model, i);
    }
    int code = cli_open_data(values->data, values->labels, LINNET_LABELS_REQUIRED, &values->input,
                             classes, count, dataset);
    free((void *)classes);
    return code;
}

static int run(const void *opaque)
{
    const eval_values *values = opaque;
    linnet_model *model = NULL;
    linnet_dataset *dataset = NULL;
    if (strcmp(values->model, "-") == 0 && strcmp(values->data, "-") == 0) {
        return cli_misuse("-", "only one of MODEL and DATA can be standard input");
    }
    int code = cli_open_model(values->model, &values->source, &model);
    if (code == CLI_OK) {
        code = open_labelled(values, model, &dataset);
    }
    if (code == CLI_OK) {
        code = cli_check_shape(values->data, dataset, model);
    }
    if (code == CLI_OK) {
        code = cli_check_labels(values->data, dataset, model);
    }
    if (code == CLI_OK) {
        code = measure(values, model, dataset);
    }
    linnet_dataset_free(dataset);
    linnet_model_free(model);
    return code;
}

static const char *const description[] = {
    "Measure a model on labelled rows: accuracy, mean cross entropy, precision, recall, F1 and "
    "support of each class, and the confusion matrix. A figure that does not exist, such as the "
    "precision of a class that was never predicted, is - in the text and null in JSON; mean takes "
    "the classes alike, weighted mean by their support.",
    cli_about_data,
    NULL,
};

static const cli_operand operands[] = {
    {"MODEL", offsetof(eval_values, model),
     "the model: a file that linnet wrote, a pickled torch.nn module, or a hub's folder with its "
     "config.json, of which the head is taken; with --model any file of weights"},
    {"DATA", offsetof(eval_values, data), "the rows"},
    {NULL, 0, NULL},
};

static const cli_option options[] = {
    {"labels", 0, "FILE", CLI_TEXT, offsetof(eval_values, labels), 0, 0, NULL,
     "the labels, where they lie in a file of their own"},
    {"json", 0, NULL, CLI_FLAG, offsetof(eval_values, json), 0, 0, NULL,
     "print one JSON object with all figures"},
    {"confusion", 0, NULL, CLI_FLAG, offsetof(eval_values, confusion), 0, 0, NULL,
     "show the confusion matrix even for more than 20 classes"},
    CLI_DATA_ROWS(eval_values, input),
    {"batch-size", 0, "N", CLI_INT, offsetof(eval_values, batch_size), 1, 1 << 20, "256",
     "rows that are run at a time; the results are the same bits for any number"},
    CLI_RUN_PRECISION_ROW(eval_values, precision),
    CLI_THREADS_ROW(eval_values, threads),
    CLI_MODEL_ROWS(eval_values, source),
    {0},
};

static const cli_example examples[] = {
    {"Images and labels in two files",
     "linnet eval fashion.safetensors t10k-images-idx3-ubyte.gz \\\n"
     "      --labels t10k-labels-idx1-ubyte.gz"},
    {"The accuracy alone", "linnet eval head.safetensors test.npz --json | jq .accuracy"},
    {"Weights that PyTorch saved",
     "linnet eval weights.safetensors test.csv \\\n"
     "      --model 'Sequential(Linear(4, 16), ReLU(), Linear(16, 3))'"},
    {NULL, NULL},
};

const cli_command cli_command_eval = {
    .name = "eval",
    .summary = "measure a model on labelled rows",
    .synopsis = "MODEL DATA [--labels FILE] [--json] [OPTION]...",
    .description = description,
    .operands = operands,
    .options = options,
    .examples = examples,
    .values_size = sizeof(eval_values),
    .run = run,
};
