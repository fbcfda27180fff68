/* train_report.c - `linnet train --report`: the page about the model that was kept, which need not
 * be the one that training ended with, and so is read back from its file. */
#include "train.h"

#include "page.h"

static int write_page(const cli_training *training, const cli_history *history, linnet_model *model)
{
    const cli_train_values *values = training->values;
    bool held_out = training->val != NULL;
    const linnet_dataset *data = held_out ? training->val : training->train;
    const char *path = values->val != NULL ? values->val : values->data;
    linnet_plan_options options = {.threads = (int)values->threads};
    cli_page page = {
        .model_path = values->output,
        .data_path = path,
        .labels_path = values->val != NULL ? values->val_labels : values->labels,
        .rows = held_out ? "validation rows" : "rows that it was trained on",
        .precision = "float32",
        .model = model,
        .data = data,
        .history = history,
    };
    int code = cli_check_shape(path, data, model);
    return code == CLI_OK ? cli_page_save(&page, &options, values->report) : code;
}

int cli_train_report(const cli_training *training, const cli_history *history)
{
    const cli_train_values *values = training->values;
    linnet_model *model;
    int code = cli_open_model(values->output, &(cli_model_options){0}, &model);
    if (code == CLI_OK) {
        code = write_page(training, history, model);
    }
    linnet_model_free(model);
    return code;
}
