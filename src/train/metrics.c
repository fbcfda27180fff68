/* metrics.c - the table of metrics, and the figures of an evaluation.
 *
 * A metric is a function and a row of the table; docs/metrics.md says by which definition. What is
 * undefined is NaN and says why. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "train/scores.h"

#define BINS 15 /* of the expected calibration error */

/* What the metrics are taken from. */
typedef struct measured {
    const linnet_scores *scores;
    const linnet_evaluation *evaluation;
    /* Means over the rows, with probabilities only. */
    double log_loss, brier, calibration;
} measured;

/* A figure that is undefined gives NaN and fills *why. */
typedef double (*measure_function)(const measured *m, const char **why);

static double undefined(const char **why, const char *reason)
{
    *why = reason;
    return (double)NAN;
}

static double ratio(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : (double)NAN;
}

/* ---- from the predicted classes ---- */

#define NO_ROWS "there are no rows"
#define ONE_CLASS "all rows are of one class"

static double accuracy(const measured *m, const char **why)
{
    return m->evaluation->rows > 0 ? m->evaluation->accuracy : undefined(why, NO_ROWS);
}

static double balanced_accuracy(const measured *m, const char **why)
{
    ln_exact_sum sum = {0};
    int64_t present = 0;
    for (int64_t c = 0; c < m->evaluation->class_count; c++) {
        if (m->evaluation->classes[c].support > 0) {
            ln_exact_add(&sum, m->evaluation->classes[c].recall);
            present++;
        }
    }
    return present > 0 ? ln_exact_value(&sum) / (double)present : undefined(why, NO_ROWS);
}

/* The mean of a class's figure over the classes that have rows or were predicted, one by one or
 * weighted by their rows; what a class lacks counts as 0, as scikit-learn has it. */
static double mean_of(const measured *m, size_t offset, bool weighted, const char **why)
{
    ln_exact_sum sum = {0};
    double weights = 0;
    for (int64_t c = 0; c < m->evaluation->class_count; c++) {
        const linnet_class_metrics *metrics = &m->evaluation->classes[c];
        double figure = *(const double *)((const char *)metrics + offset);
        bool occurs = metrics->support > 0 || metrics->predicted > 0;
        double weight = weighted ? (double)metrics->support : occurs ? 1 : 0;
        weights += weight;
        if (!isnan(figure)) {
            ln_exact_add(&sum, weight * figure);
        }
    }
    return weights > 0 ? ln_exact_value(&sum) / weights : undefined(why, NO_ROWS);
}

#define MEANS(field)                                                                               \
    static double field##_macro(const measured *m, const char **why)                               \
    {                                                                                              \
        return mean_of(m, offsetof(linnet_class_metrics, field), false, why);                      \
    }                                                                                              \
    static double field##_weighted(const measured *m, const char **why)                            \
    {                                                                                              \
        return mean_of(m, offsetof(linnet_class_metrics, field), true, why);                       \
    }
MEANS(precision)
MEANS(recall)
MEANS(f1)

/* Gorodkin (2004): the correlation of true and predicted classes. */
static double matthews(const measured *m, const char **why)
{
    double rows = (double)m->evaluation->rows, correct = (double)m->evaluation->correct;
    double both = correct * rows, of_true = rows * rows, of_predicted = rows * rows;
    for (int64_t c = 0; c < m->evaluation->class_count; c++) {
        double support = (double)m->evaluation->classes[c].support;
        double predicted = (double)m->evaluation->classes[c].predicted;
        both -= support * predicted;
        of_true -= support * support;
        of_predicted -= predicted * predicted;
    }
    if (of_true == 0) {
        return undefined(why, rows > 0 ? ONE_CLASS : NO_ROWS);
    }
    return of_predicted > 0 ? both / sqrt(of_true * of_predicted)
                            : undefined(why, "only one class was predicted");
}

/* ---- from the outputs ---- */

#define NOT_FINITE "an output is not finite"

static double of_probabilities(const measured *m, double figure, const char **why)
{
    if (m->evaluation->rows == 0) {
        return undefined(why, NO_ROWS);
    }
    return isnan(figure) ? undefined(why, NOT_FINITE) : figure;
}

static double loss(const measured *m, const char **why)
{
    return of_probabilities(m, m->evaluation->loss, why);
}

static double log_loss(const measured *m, const char **why)
{
    return of_probabilities(m, m->log_loss, why);
}

static double brier_score(const measured *m, const char **why)
{
    return of_probabilities(m, m->brier, why);
}

static double calibration_error(const measured *m, const char **why)
{
    return of_probabilities(m, m->calibration, why);
}

/* The second class's figure where there are two; otherwise the mean over all classes, which all have to
 * have one. */
static double ranked(const measured *m, size_t offset, bool weighted, const char **why)
{
    const linnet_evaluation *evaluation = m->evaluation;
    bool two = evaluation->class_count == 2;
    ln_exact_sum sum = {0};
    double weights = 0;
    for (int64_t c = two ? 1 : 0; c < evaluation->class_count; c++) {
        const linnet_class_metrics *metrics = &evaluation->classes[c];
        double figure = *(const double *)((const char *)metrics + offset);
        if (isnan(figure)) {
            return undefined(why, evaluation->rows == 0                  ? NO_ROWS
                                  : isnan(m->log_loss)                   ? NOT_FINITE
                                  : metrics->support == evaluation->rows ? ONE_CLASS
                                  : two || evaluation->class_count == 1  ? ONE_CLASS
                                                                         : "a class has no rows");
        }
        double weight = weighted ? (double)metrics->support : 1;
        ln_exact_add(&sum, weight * figure);
        weights += weight;
    }
    return ln_exact_value(&sum) / weights;
}

static double roc_auc(const measured *m, const char **why)
{
    return ranked(m, offsetof(linnet_class_metrics, roc_auc), false, why);
}

static double roc_auc_weighted(const measured *m, const char **why)
{
    return ranked(m, offsetof(linnet_class_metrics, roc_auc), true, why);
}

static double average_precision(const measured *m, const char **why)
{
    return ranked(m, offsetof(linnet_class_metrics, average_precision), false, why);
}

/* ---- the table ---- */

typedef struct metric_row {
    linnet_metric metric;
    measure_function measure;
} metric_row;

static const metric_row class_rows[] = {
    {{"accuracy", "accuracy", true, false}, accuracy},
    {{"loss", "loss", false, false}, loss},
    {{"balanced_accuracy", "balanced accuracy", true, false}, balanced_accuracy},
    {{"f1_macro", "F1, macro", true, false}, f1_macro},
    {{"f1_weighted", "F1, weighted", true, false}, f1_weighted},
    {{"f1_micro", "F1, micro", true, false}, accuracy},
    {{"precision_macro", "precision, macro", true, false}, precision_macro},
    {{"precision_weighted", "precision, weighted", true, false}, precision_weighted},
    {{"precision_micro", "precision, micro", true, false}, accuracy},
    {{"recall_macro", "recall, macro", true, false}, recall_macro},
    {{"recall_weighted", "recall, weighted", true, false}, recall_weighted},
    {{"recall_micro", "recall, micro", true, false}, accuracy},
    {{"matthews_corrcoef", "Matthews correlation", true, false}, matthews},
    {{"roc_auc", "ROC AUC", true, true}, roc_auc},
    {{"roc_auc_weighted", "ROC AUC, weighted", true, true}, roc_auc_weighted},
    {{"average_precision", "average precision", true, true}, average_precision},
    {{"log_loss", "log loss", false, true}, log_loss},
    {{"brier_score", "Brier score", false, true}, brier_score},
    {{"calibration_error", "calibration error", false, true}, calibration_error},
};

static const metric_row label_rows[] = {
    {{"accuracy", "accuracy", true, false}, accuracy},
    {{"loss", "loss", false, false}, loss},
};

static const metric_row value_rows[] = {
    {{"loss", "loss", false, false}, loss},
};

/* The rows of a task. */
static const metric_row *rows_of(linnet_task task, size_t *count)
{
    switch (task) {
    case LINNET_TASK_CLASSIFICATION:
        *count = sizeof class_rows / sizeof *class_rows;
        return class_rows;
    case LINNET_TASK_MULTILABEL: *count = sizeof label_rows / sizeof *label_rows; return label_rows;
    case LINNET_TASK_REGRESSION: break;
    }
    *count = sizeof value_rows / sizeof *value_rows;
    return value_rows;
}

const linnet_metric *linnet_metric_at(linnet_task task, size_t i)
{
    size_t count;
    const metric_row *rows = rows_of(task, &count);
    return i < count ? &rows[i].metric : NULL;
}

const char *linnet_task_name(linnet_task task)
{
    switch (task) {
    case LINNET_TASK_CLASSIFICATION: return "classification";
    case LINNET_TASK_MULTILABEL: return "multilabel";
    case LINNET_TASK_REGRESSION: return "regression";
    }
    return NULL;
}

/* ---- measuring ---- */

static void count_rows(const linnet_scores *scores, linnet_evaluation *evaluation)
{
    for (size_t row = 0; row < scores->rows; row++) {
        evaluation->correct += scores->judged[row].met;
    }
    evaluation->accuracy = scores->task == LINNET_TASK_REGRESSION
                               ? (double)NAN
                               : ratio(evaluation->correct, evaluation->rows);
}

static void count_classes(const linnet_scores *scores, linnet_evaluation *evaluation)
{
    int64_t count = evaluation->class_count;
    for (size_t row = 0; row < scores->rows; row++) {
        const ln_judged *judged = &scores->judged[row];
        evaluation->confusion[scores->labels[row] * count + judged->predicted]++;
        evaluation->ranks[judged->rank]++;
    }
    for (int64_t i = 0; i < count; i++) {
        linnet_class_metrics *metrics = &evaluation->classes[i];
        metrics->correct = evaluation->confusion[i * count + i];
        for (int64_t j = 0; j < count; j++) {
            metrics->support += evaluation->confusion[i * count + j];
            metrics->predicted += evaluation->confusion[j * count + i];
        }
        metrics->precision = ratio(metrics->correct, metrics->predicted);
        metrics->recall = ratio(metrics->correct, metrics->support);
        metrics->f1 = ratio(2 * metrics->correct, metrics->predicted + metrics->support);
        metrics->roc_auc = (double)NAN;
        metrics->average_precision = (double)NAN;
    }
}

static linnet_status rank_classes(const linnet_scores *scores, linnet_evaluation *evaluation,
                                  linnet_error *error)
{
    ln_ranking ranking;
    linnet_status status = ln_ranking_create(scores->rows, &ranking, error);
    for (int64_t c = 0; status == LINNET_OK && c < evaluation->class_count; c++) {
        ln_scores_rank(scores, (size_t)c, &ranking);
        evaluation->classes[c].roc_auc = ln_ranking_auc(&ranking);
        evaluation->classes[c].average_precision = ln_ranking_average_precision(&ranking);
    }
    ln_ranking_free(&ranking);
    return status;
}

static double calibration_of(const linnet_scores *scores)
{
    linnet_bin bins[BINS];
    ln_exact_sum sum = {0};
    linnet_scores_reliability(scores, BINS, bins);
    for (int i = 0; i < BINS; i++) {
        if (bins[i].rows > 0) {
            ln_exact_add(&sum, (double)bins[i].rows * fabs(bins[i].accuracy - bins[i].confidence));
        }
    }
    return ln_exact_value(&sum) / (double)scores->rows;
}

/* The squared distance of a row's probabilities from its class; of two classes, that of the second
 * alone. */
static double brier_of(const linnet_scores *scores, size_t row)
{
    double sum = 0;
    for (size_t i = scores->outputs == 2 ? 1 : 0; i < scores->outputs; i++) {
        double is = scores->labels[row] == (int64_t)i ? 1 : 0;
        double distance = ln_scores_probability(scores, row, i) - is;
        sum += distance * distance;
    }
    return sum;
}

static void measure_probabilities(measured *m)
{
    const linnet_scores *scores = m->scores;
    ln_exact_sum losses = {0}, distances = {0};
    for (size_t row = 0; row < scores->rows; row++) {
        double logit = ln_scores_logits(scores, row)[scores->labels[row]];
        ln_exact_add(&losses, ln_softmax_loss(&scores->softmax[row], logit));
        ln_exact_add(&distances, brier_of(scores, row));
    }
    m->log_loss = ln_exact_value(&losses) / (double)scores->rows;
    m->brier = ln_exact_value(&distances) / (double)scores->rows;
    m->calibration = isnan(m->log_loss) ? (double)NAN : calibration_of(scores);
}

static linnet_status take_memory(linnet_evaluation *evaluation, size_t outputs, linnet_error *error)
{
    size_t metrics = 0;
    (void)rows_of(evaluation->task, &metrics);
    linnet_status status = ln_alloc_into(&evaluation->confusion, ln_saturated_mul(outputs, outputs),
                                         sizeof *evaluation->confusion, "the confusion", error);
    if (status == LINNET_OK) {
        status = ln_alloc_into(&evaluation->classes, outputs, sizeof *evaluation->classes,
                               "the classes' metrics", error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&evaluation->ranks, outputs, sizeof *evaluation->ranks, "the ranks",
                               error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&evaluation->figures, metrics, sizeof *evaluation->figures,
                               "the figures", error);
    }
    return status;
}

linnet_status ln_scores_measure(const linnet_scores *scores, linnet_evaluation *evaluation,
                                linnet_error *error)
{
    *evaluation = (linnet_evaluation){.task = scores->task,
                                      .rows = (int64_t)scores->rows,
                                      .loss = scores->loss,
                                      .class_count = (int64_t)scores->outputs};
    linnet_status status = take_memory(evaluation, scores->outputs, error);
    if (status != LINNET_OK) {
        return status;
    }
    measured m = {.scores = scores, .evaluation = evaluation};
    count_rows(scores, evaluation);
    if (scores->labels != NULL) {
        count_classes(scores, evaluation);
    }
    if (scores->logits != NULL && scores->labels != NULL) {
        measure_probabilities(&m);
        status = rank_classes(scores, evaluation, error);
    }
    size_t count;
    const metric_row *rows = rows_of(scores->task, &count);
    for (size_t i = 0; status == LINNET_OK && i < count; i++) {
        if (scores->logits != NULL || !rows[i].metric.ranks) {
            linnet_figure *figure = &evaluation->figures[evaluation->figure_count++];
            figure->metric = &rows[i].metric;
            figure->value = rows[i].measure(&m, &figure->undefined);
        }
    }
    return status;
}

const linnet_figure *linnet_evaluation_figure(const linnet_evaluation *evaluation, const char *name)
{
    for (size_t i = 0; i < evaluation->figure_count; i++) {
        if (strcmp(evaluation->figures[i].metric->name, name) == 0) {
            return &evaluation->figures[i];
        }
    }
    return NULL;
}

void linnet_evaluation_free(linnet_evaluation *evaluation)
{
    if (evaluation != NULL) {
        ln_free(evaluation->classes);
        ln_free(evaluation->confusion);
        ln_free(evaluation->ranks);
        ln_free(evaluation->figures);
        *evaluation = (linnet_evaluation){0};
    }
}
