/* eval.c - `linnet eval`: how good a model is on labelled rows.
 *
 * The library measures; here it is asked to, and what comes of it is shown. */
#include "command.h"
#include "measures.h"
#include "output.h"
#include "source.h"

#include <stdlib.h>
#include <string.h>

typedef struct eval_values {
    const char *model, *data;
    const char *labels, *precision;
    cli_data_options input;
    cli_model_options source;
    int64_t batch_size, threads;
    bool confusion, json;
} eval_values;

/* ---- the command ---- */

static int show(const eval_values *values, const cli_measures *measures)
{
    cli_text text = {0};
    if (values->json) {
        cli_json json = {.text = &text};
        cli_json_open(&json, NULL, '{');
        cli_json_string(&json, "model", values->model);
        cli_json_string(&json, "data", values->data);
        cli_json_string(&json, "precision", values->precision);
        cli_measures_json(measures, &json);
        cli_json_close(&json, '}');
        cli_text_add(&text, "\n");
    } else {
        cli_measures_text(measures, values->confusion, &text);
    }
    return cli_print(&text);
}

static int measure(const eval_values *values, linnet_model *model, const linnet_dataset *dataset)
{
    linnet_plan_options options = {.max_batch = (size_t)values->batch_size,
                                   .threads = (int)values->threads,
                                   .precision = cli_precision(values->precision)};
    linnet_scores *scores = NULL;
    linnet_evaluation evaluation = {0};
    linnet_error error;
    linnet_status status = linnet_scores_create(model, dataset, &options, &scores, &error);
    if (status == LINNET_OK) {
        status = linnet_scores_evaluate(scores, &evaluation, &error);
    }
    int code = status == LINNET_OK ? show(values, &(cli_measures){model, scores, &evaluation})
                                   : cli_fail_with(values->data, &error);
    linnet_evaluation_free(&evaluation);
    linnet_scores_free(scores);
    return code;
}

static int run(const void *opaque)
{
    const eval_values *values = opaque;
    linnet_model *model;
    linnet_dataset *dataset;
    int code = cli_open_to_measure(values->model, &values->source, values->data, values->labels,
                                   &values->input, &model, &dataset);
    if (code == CLI_OK) {
        code = measure(values, model, dataset);
    }
    linnet_dataset_free(dataset);
    linnet_model_free(model);
    return code;
}

static const char *const description[] = {
    "Measure a model on labelled rows: accuracy, loss, balanced accuracy, Matthews correlation, "
    "ROC "
    "AUC, average precision, Brier score and expected calibration error, as scikit-learn defines "
    "them; "
    "precision, recall, F1, area under the ROC curve (AUC), average precision (AP) and support of "
    "each "
    "class, and their means over the classes, all alike (macro) or by support (weighted); and the "
    "confusion matrix.",
    "A figure that does not exist, such as the precision of a class that was never predicted, is - "
    "in "
    "a table and null in JSON; above the tables, and in JSON under undefined, stands why.",
    "Every row counts as one row: --sample-weight weighs the loss, and no other figure.",
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
    CLI_HEADING_ROW("What the model's file does not say"),
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
