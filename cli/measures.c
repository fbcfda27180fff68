/* measures.c - what was measured of a model, as tables for a terminal and as JSON.
 *
 * Which figures there are is the library's to say: both forms walk through its tables. */
#include "measures.h"

#include "source.h"
#include "table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With more, the text leaves the confusion matrix out unless it is wanted. */
#define MATRIX_CLASSES 20
#define NAME_COLUMNS 26 /* with the figures beside it, no wider than 80 */
#define TOPS 10         /* of the top-k accuracies in JSON */

/* ---- text ---- */

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), end = strlen(ending);
    return length > end && strcmp(text + length - end, ending) == 0;
}

/* The means that stand below the classes, and in float32 the loss stands beside it already. */
static bool is_below_the_classes(const linnet_metric *metric)
{
    return ends_with(metric->name, "_macro") || ends_with(metric->name, "_weighted") ||
           ends_with(metric->name, "_micro") || ends_with(metric->name, "_samples") ||
           strcmp(metric->name, "log_loss") == 0;
}

double cli_top_accuracy(const linnet_evaluation *evaluation, int64_t k)
{
    int64_t rows = 0;
    for (int64_t rank = 0; rank < k; rank++) {
        rows += evaluation->ranks[rank];
    }
    return evaluation->rows > 0 ? (double)rows / (double)evaluation->rows : (double)NAN;
}

bool cli_shows_top(const linnet_evaluation *evaluation)
{
    return evaluation->ranks != NULL && evaluation->class_count > CLI_TOP;
}

/* Of any magnitude. */
static void add_size(cli_table *table, double value)
{
    cli_table_add(table, value >= 0.1 && value < 1e6 ? "%.4f" : "%.4g", value);
}

static void add_figure(cli_table *table, const linnet_evaluation *evaluation,
                       const linnet_figure *figure)
{
    cli_table_add(table, "%s", figure->metric->title);
    if (isnan(figure->value)) {
        cli_table_add(table, "undefined: %s", figure->undefined);
    } else if (strcmp(figure->metric->name, "accuracy") == 0) {
        cli_table_add(table, "%.4f (%lld right)", figure->value, (long long)evaluation->correct);
    } else if (figure->metric->largest || evaluation->task != LINNET_TASK_REGRESSION) {
        cli_table_add(table, "%.4f", figure->value);
    } else {
        add_size(table, figure->value);
    }
}

static void figures_text(const cli_measures *measures, cli_text *text)
{
    const linnet_evaluation *evaluation = measures->evaluation;
    cli_table table = {.alignment = "ll"};
    cli_table_add(&table, "rows");
    cli_table_add(&table, "%lld", (long long)evaluation->rows);
    if (linnet_model_temperature(measures->model) != 1) {
        cli_table_add(&table, "temperature");
        cli_table_add(&table, "%.4f", linnet_model_temperature(measures->model));
    }
    for (size_t i = 0; i < evaluation->figure_count; i++) {
        const linnet_figure *figure = &evaluation->figures[i];
        if (!is_below_the_classes(figure->metric)) {
            add_figure(&table, evaluation, figure);
        }
        if (i == 0 && cli_shows_top(evaluation)) {
            cli_table_add(&table, "top-%d accuracy", CLI_TOP);
            cli_table_add(&table, "%.4f", cli_top_accuracy(evaluation, CLI_TOP));
        }
    }
    cli_table_print(&table, text);
}

static void add_ratio(cli_table *table, double ratio)
{
    if (isnan(ratio)) {
        cli_table_add(table, "-");
    } else {
        cli_table_add(table, "%.4f", ratio);
    }
}

/* The figure of a name that ends so; an empty cell where there is none. */
static void add_mean(cli_table *table, const linnet_evaluation *evaluation, const char *name,
                     const char *ending)
{
    char full[64];
    snprintf(full, sizeof full, "%s%s", name, ending);
    const linnet_figure *figure = linnet_evaluation_figure(evaluation, full);
    if (figure == NULL) {
        cli_table_add(table, "%s", "");
    } else {
        add_ratio(table, figure->value);
    }
}

/* A row of means, which a macro mean of ranks stands among without saying so. */
static void add_means(cli_table *table, const linnet_evaluation *evaluation, const char *kind)
{
    char ending[16];
    bool macro = strcmp(kind, "macro") == 0;
    /* Of two classes the average precision is the second's, and no mean. */
    bool two = evaluation->class_count == 2 && evaluation->task == LINNET_TASK_CLASSIFICATION;
    int64_t support = 0;
    for (int64_t c = 0; c < evaluation->class_count; c++) {
        support += evaluation->classes[c].support;
    }
    snprintf(ending, sizeof ending, "_%s", kind);
    cli_table_add(table, "%s", kind);
    add_mean(table, evaluation, "precision", ending);
    add_mean(table, evaluation, "recall", ending);
    add_mean(table, evaluation, "f1", ending);
    add_mean(table, evaluation, "roc_auc", macro ? "" : ending);
    add_mean(table, evaluation, "average_precision", macro && !two ? "" : ending);
    cli_table_add(table, "%lld", (long long)support);
}

static void classes_text(const cli_measures *measures, cli_text *text)
{
    static const char *const heads[] = {"precision", "recall", "F1", "AUC", "AP", "support"};
    static const char *const kinds[] = {"macro", "micro", "weighted", "samples"};
    const linnet_evaluation *evaluation = measures->evaluation;
    bool labels = evaluation->task == LINNET_TASK_MULTILABEL;
    cli_table table = {.alignment = "lrrrrrr"};
    cli_table_add(&table, labels ? "label" : "class");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        cli_table_add(&table, "%s", heads[i]);
    }
    for (int64_t c = 0; c < evaluation->class_count; c++) {
        const linnet_class_metrics *metrics = &evaluation->classes[c];
        char number[24];
        cli_table_cut(&table, cli_class_name(measures->model, (size_t)c, number), NAME_COLUMNS);
        add_ratio(&table, metrics->precision);
        add_ratio(&table, metrics->recall);
        add_ratio(&table, metrics->f1);
        add_ratio(&table, metrics->roc_auc);
        add_ratio(&table, metrics->average_precision);
        cli_table_add(&table, "%lld", (long long)metrics->support);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        /* Over classes, those two are the accuracy and what is not defined. */
        if (labels || i % 2 == 0) {
            add_means(&table, evaluation, kinds[i]);
        }
    }
    cli_table_print(&table, text);
}

/* The outputs of a regression. */
static void values_text(const cli_measures *measures, cli_text *text)
{
    static const char *const heads[] = {"output", "R2", "RMSE", "MAE"};
    cli_table table = {.alignment = "lrrr"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        cli_table_add(&table, "%s", heads[i]);
    }
    for (int64_t i = 0; i < measures->evaluation->value_count; i++) {
        const linnet_value_metrics *metrics = &measures->evaluation->values[i];
        char number[24];
        cli_table_cut(&table, cli_class_name(measures->model, (size_t)i, number), NAME_COLUMNS);
        add_ratio(&table, metrics->r2);
        add_size(&table, metrics->rmse);
        add_size(&table, metrics->mae);
    }
    cli_table_print(&table, text);
}

/* Rows are headed by the class's name and number, columns by the number alone, so that the table
 * stays as narrow as its figures. */
static void confusion_text(const cli_measures *measures, cli_text *text)
{
    size_t count = (size_t)measures->evaluation->class_count;
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
        const char *name = linnet_model_class(measures->model, row);
        cli_table_cut(&table, name != NULL ? name : "", CLI_NAME_COLUMNS);
        cli_table_add(&table, "%zu", row);
        for (size_t c = 0; c < count; c++) {
            cli_table_add(&table, "%lld",
                          (long long)measures->evaluation->confusion[row * count + c]);
        }
    }
    cli_text_add(text, "\nconfusion matrix: a row a true class, a column a predicted one\n");
    cli_table_print(&table, text);
    free(alignment);
}

void cli_measures_text(const cli_measures *measures, bool confusion, cli_text *text)
{
    const linnet_evaluation *evaluation = measures->evaluation;
    figures_text(measures, text);
    if (evaluation->class_count > 0) {
        cli_text_add(text, "\n");
        classes_text(measures, text);
    }
    if (evaluation->value_count > 1) {
        cli_text_add(text, "\n");
        values_text(measures, text);
    }
    if (evaluation->confusion != NULL && (evaluation->class_count <= MATRIX_CLASSES || confusion)) {
        confusion_text(measures, text);
    }
}

/* ---- JSON ---- */

static void figures_json(const linnet_evaluation *evaluation, cli_json *json)
{
    cli_json_open(json, "figures", '{');
    for (size_t i = 0; i < evaluation->figure_count; i++) {
        cli_json_double(json, evaluation->figures[i].metric->name, evaluation->figures[i].value);
    }
    cli_json_close(json, '}');
    cli_json_open(json, "undefined", '{');
    for (size_t i = 0; i < evaluation->figure_count; i++) {
        if (evaluation->figures[i].undefined != NULL) {
            cli_json_string(json, evaluation->figures[i].metric->name,
                            evaluation->figures[i].undefined);
        }
    }
    cli_json_close(json, '}');
}

static void tops_json(const linnet_evaluation *evaluation, cli_json *json)
{
    cli_json_open(json, "top_k_accuracy", '[');
    for (int64_t k = 1; k <= evaluation->class_count && k <= TOPS; k++) {
        cli_json_double(json, NULL, cli_top_accuracy(evaluation, k));
    }
    cli_json_close(json, ']');
}

static void classes_json(const cli_measures *measures, cli_json *json)
{
    cli_json_open(json, "classes", '[');
    for (int64_t c = 0; c < measures->evaluation->class_count; c++) {
        const linnet_class_metrics *metrics = &measures->evaluation->classes[c];
        char number[24];
        cli_json_open(json, NULL, '{');
        cli_json_string(json, "class", cli_class_name(measures->model, (size_t)c, number));
        cli_json_double(json, "precision", metrics->precision);
        cli_json_double(json, "recall", metrics->recall);
        cli_json_double(json, "f1", metrics->f1);
        cli_json_double(json, "roc_auc", metrics->roc_auc);
        cli_json_double(json, "average_precision", metrics->average_precision);
        cli_json_int(json, "support", metrics->support);
        cli_json_int(json, "predicted", metrics->predicted);
        cli_json_int(json, "correct", metrics->correct);
        cli_json_close(json, '}');
    }
    cli_json_close(json, ']');
}

static void values_json(const cli_measures *measures, cli_json *json)
{
    cli_json_open(json, "outputs", '[');
    for (int64_t i = 0; i < measures->evaluation->value_count; i++) {
        const linnet_value_metrics *metrics = &measures->evaluation->values[i];
        char number[24];
        cli_json_open(json, NULL, '{');
        cli_json_string(json, "output", cli_class_name(measures->model, (size_t)i, number));
        cli_json_double(json, "r2", metrics->r2);
        cli_json_double(json, "rmse", metrics->rmse);
        cli_json_double(json, "mae", metrics->mae);
        cli_json_close(json, '}');
    }
    cli_json_close(json, ']');
}

static void confusion_json(const linnet_evaluation *evaluation, cli_json *json)
{
    cli_json_open(json, "confusion", '[');
    for (int64_t row = 0; row < evaluation->class_count; row++) {
        cli_json_open(json, NULL, '[');
        for (int64_t c = 0; c < evaluation->class_count; c++) {
            cli_json_int(json, NULL, evaluation->confusion[row * evaluation->class_count + c]);
        }
        cli_json_close(json, ']');
    }
    cli_json_close(json, ']');
}

static void reliability_json(const linnet_scores *scores, cli_json *json)
{
    linnet_bin bins[CLI_BINS];
    linnet_scores_reliability(scores, CLI_BINS, bins);
    cli_json_open(json, "reliability", '[');
    for (size_t i = 0; i < CLI_BINS; i++) {
        cli_json_open(json, NULL, '{');
        cli_json_int(json, "rows", bins[i].rows);
        cli_json_double(json, "confidence", bins[i].confidence);
        cli_json_double(json, "accuracy", bins[i].accuracy);
        cli_json_close(json, '}');
    }
    cli_json_close(json, ']');
}

void cli_measures_json(const cli_measures *measures, cli_json *json)
{
    const linnet_evaluation *evaluation = measures->evaluation;
    cli_json_string(json, "task", linnet_task_name(evaluation->task));
    cli_json_int(json, "rows", evaluation->rows);
    cli_json_int(json, "correct", evaluation->correct);
    cli_json_double(json, "accuracy", evaluation->accuracy);
    cli_json_double(json, "loss", evaluation->loss);
    cli_json_double(json, "temperature", linnet_model_temperature(measures->model));
    figures_json(evaluation, json);
    if (evaluation->ranks != NULL) {
        tops_json(evaluation, json);
    }
    if (evaluation->class_count > 0) {
        reliability_json(measures->scores, json);
        classes_json(measures, json);
    }
    if (evaluation->confusion != NULL) {
        confusion_json(evaluation, json);
    }
    if (evaluation->value_count > 0) {
        values_json(measures, json);
    }
}
