/* report.c - `linnet report`: one page that says whether a model is good, and where it is wrong.
 *
 * page.h has the page; `linnet train --report` writes the same at its end. */
#include "command.h"
#include "page.h"
#include "source.h"

#include <string.h>

typedef struct report_values {
    const char *model, *data, *output;
    const char *labels, *history, *precision;
    cli_data_options input;
    cli_model_options source;
    int64_t batch_size, threads;
} report_values;

static int write_page(const report_values *values, const linnet_model *model,
                      const linnet_dataset *dataset, const cli_history *history)
{
    linnet_plan_options options = {.max_batch = (size_t)values->batch_size,
                                   .threads = (int)values->threads,
                                   .precision = cli_precision(values->precision)};
    cli_page page = {
        .model_path = values->model,
        .data_path = values->data,
        .labels_path = values->labels,
        .rows = "rows",
        .precision = values->precision,
        .model = model,
        .data = dataset,
        .history = history,
    };
    return cli_page_save(&page, &options, values->output);
}

static int run(const void *opaque)
{
    const report_values *values = opaque;
    if (values->output == NULL) {
        return cli_misuse("--output", "missing; name the page to write with -o FILE.html");
    }
    linnet_error error;
    if (strcmp(values->output, "-") != 0 &&
        linnet_path_writable(values->output, &error) != LINNET_OK) {
        return cli_fail_with(NULL, &error);
    }
    cli_history history = {0};
    linnet_model *model = NULL;
    linnet_dataset *dataset = NULL;
    int code = values->history != NULL ? cli_history_read(values->history, &history) : CLI_OK;
    if (code == CLI_OK) {
        code = cli_open_to_measure(values->model, &values->source, values->data, values->labels,
                                   &values->input, &model, &dataset);
    }
    if (code == CLI_OK) {
        code = write_page(values, model, dataset, &history);
    }
    linnet_dataset_free(dataset);
    linnet_model_free(model);
    cli_history_free(&history);
    return code;
}

static const char *const description[] = {
    "Write one HTML page about a model on labelled rows: every metric, the confusion matrix as a "
    "heat "
    "map, the rows that it was most wrong about (as pictures where the features are one), the "
    "calibration diagram, ROC and precision-recall curves, a table of the classes, the model, and "
    "the SHA-256 of the files. With --history also how the training went. The page needs nothing "
    "beside it and asks no network; the same input gives the same bytes.",
    cli_about_data,
    NULL,
};

static const cli_operand operands[] = {
    {"MODEL", offsetof(report_values, model),
     "the model: a file that linnet wrote, a pickled torch.nn module, or a hub's folder with its "
     "config.json, of which the head is taken; with --model any file of weights"},
    {"DATA", offsetof(report_values, data), "the rows"},
    {NULL, 0, NULL},
};

#define FIELD(name) offsetof(report_values, name)

static const cli_option options[] = {
    {"output", 'o', "FILE", CLI_TEXT, FIELD(output), 0, 0, NULL,
     "the page to write, such as report.html; - is standard output; needed"},
    {"labels", 0, "FILE", CLI_TEXT, FIELD(labels), 0, 0, NULL,
     "the labels, where they lie in a file of their own"},
    {"history", 0, "FILE", CLI_TEXT, FIELD(history), 0, 0, NULL,
     "draw the epochs that linnet train --history wrote"},
    CLI_DATA_ROWS(report_values, input),
    {"batch-size", 0, "N", CLI_INT, FIELD(batch_size), 1, 1 << 20, "256",
     "rows that are run at a time; the results are the same bits for any number"},
    CLI_RUN_PRECISION_ROW(report_values, precision),
    CLI_THREADS_ROW(report_values, threads),
    CLI_HEADING_ROW("What the model's file does not say"),
    CLI_MODEL_ROWS(report_values, source),
    {0},
};

static const cli_example examples[] = {
    {"A page about a model and the test rows",
     "linnet report fashion.safetensors t10k-images-idx3-ubyte.gz \\\n"
     "      --labels t10k-labels-idx1-ubyte.gz -o fashion.html"},
    {"With the curves of its training",
     "linnet train train.npz -o head.safetensors --history run.jsonl \\\n"
     "      --val-fraction 0.1 --model 'Linear(1536, classes)'\n"
     "linnet report head.safetensors test.npz --history run.jsonl -o head.html"},
    {NULL, NULL},
};

const cli_command cli_command_report = {
    .name = "report",
    .summary = "write a page of pictures and figures about a model",
    .synopsis = "MODEL DATA -o FILE.html [--labels FILE] [--history FILE] [OPTION]...",
    .description = description,
    .operands = operands,
    .options = options,
    .examples = examples,
    .values_size = sizeof(report_values),
    .run = run,
};
