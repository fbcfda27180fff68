/* train_loss.c - the loss of `linnet train`: what labels it needs, and --class-weight. */
#include "train.h"

#include <stdlib.h>
#include <string.h>

int cli_train_task(cli_training *training)
{
    const cli_train_values *values = training->values;
    linnet_error error;
    if (linnet_loss_task(values->loss, &training->task, &error) != LINNET_OK) {
        return cli_fail_with("--loss", &error);
    }
    if (values->class_weight != NULL && training->task != LINNET_TASK_CLASSIFICATION) {
        return cli_misuse("--class-weight", "needs a loss over classes, found %s", values->loss);
    }
    return CLI_OK;
}

/* Rows of each class; NULL without memory. */
static int64_t *count_rows(const cli_training *training)
{
    const int64_t *labels = linnet_dataset_labels(training->train);
    int64_t *rows = calloc((size_t)training->classes + 1, sizeof *rows);
    for (int64_t row = 0; rows != NULL && row < linnet_dataset_rows(training->train); row++) {
        if (labels[row] >= 0 && labels[row] < training->classes) {
            rows[labels[row]]++;
        }
    }
    return rows;
}

/* scikit-learn's formula: all rows / (classes that have rows * rows of this class). A class without
 * rows weighs 1, and none of its rows is there to notice. */
static void append_weights(const cli_training *training, const int64_t *rows, cli_text *text)
{
    int64_t all = 0, present = 0;
    for (int64_t c = 0; c < training->classes; c++) {
        all += rows[c];
        present += rows[c] > 0;
    }
    cli_text_add(text, "weight=[");
    for (int64_t c = 0; c < training->classes; c++) {
        double weight = rows[c] > 0 ? (double)all / ((double)present * (double)rows[c]) : 1;
        cli_text_bytes(text, ", ", c > 0 ? 2 : 0);
        cli_text_float(text, (float)weight);
    }
    cli_text_add(text, "]");
}

/* The loss with one argument more: "CrossEntropyLoss(label_smoothing=0.1, weight=[1, 2])". */
static void add_weights(const cli_training *training, const int64_t *rows, cli_text *text)
{
    const char *loss = training->values->loss;
    size_t length = strlen(loss);
    const char blanks[] = " \t\r\n,";
    while (length > 0 && strchr(blanks, loss[length - 1]) != NULL) {
        length--;
    }
    bool call = length > 0 && loss[length - 1] == ')';
    length -= call;
    while (length > 0 && strchr(blanks, loss[length - 1]) != NULL) {
        length--;
    }
    cli_text_bytes(text, loss, length);
    if (!call) {
        cli_text_add(text, "(");
    } else if (loss[length - 1] != '(') {
        cli_text_add(text, ", ");
    }
    append_weights(training, rows, text);
    cli_text_add(text, ")");
}

int cli_weigh_classes(cli_training *training)
{
    training->loss = training->values->loss;
    if (training->values->class_weight == NULL) {
        return CLI_OK;
    }
    if (linnet_dataset_labels(training->train) == NULL) {
        return cli_misuse("--class-weight", "needs one class a row; the labels are probabilities");
    }
    int64_t *rows = count_rows(training);
    if (rows == NULL) {
        return cli_fail_memory();
    }
    cli_text text = {0};
    add_weights(training, rows, &text);
    free(rows);
    training->weighted_loss = text;
    training->loss = text.data;
    return text.failed ? cli_fail_memory() : CLI_OK;
}
