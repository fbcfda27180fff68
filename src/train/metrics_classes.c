/* metrics_classes.c - the metrics of models that give each row one class. */
#include <math.h>

#include "base/checked.h"
#include "base/memory.h"
#include "train/metrics.h"

#define ONE_CLASS "all rows are of one class"

/* ---- from the predicted classes ---- */

static double balanced_accuracy(const ln_measured *m, const char **why)
{
    ln_exact_sum sum = {0};
    int64_t present = 0;
    for (int64_t c = 0; c < m->evaluation->class_count; c++) {
        if (m->evaluation->classes[c].support > 0) {
            ln_exact_add(&sum, m->evaluation->classes[c].recall);
            present++;
        }
    }
    return present > 0 ? ln_exact_value(&sum) / (double)present : ln_undefined(why, LN_NO_ROWS);
}

LN_MEANS(precision)
LN_MEANS(recall)
LN_MEANS(f1)

/* Gorodkin (2004): the correlation of true and predicted classes. */
static double matthews(const ln_measured *m, const char **why)
{
    double rows = (double)m->evaluation->rows, correct = 0;
    double both = 0, of_true = rows * rows, of_predicted = rows * rows;
    for (int64_t c = 0; c < m->evaluation->class_count; c++) {
        double support = (double)m->evaluation->classes[c].support;
        double predicted = (double)m->evaluation->classes[c].predicted;
        correct += (double)m->evaluation->classes[c].correct;
        both += support * predicted;
        of_true -= support * support;
        of_predicted -= predicted * predicted;
    }
    if (of_true == 0) {
        return ln_undefined(why, rows > 0 ? ONE_CLASS : LN_NO_ROWS);
    }
    return of_predicted > 0 ? (correct * rows - both) / sqrt(of_true * of_predicted)
                            : ln_undefined(why, "only one class was predicted");
}

/* ---- from the order of the probabilities ---- */

/* Why a class has no such figure. */
static const char *reason(const ln_measured *m, const linnet_class_metrics *metrics)
{
    const linnet_evaluation *evaluation = m->evaluation;
    if (evaluation->rows == 0) {
        return LN_NO_ROWS;
    }
    if (isnan(m->log_loss)) {
        return LN_NOT_FINITE;
    }
    bool one = metrics->support == evaluation->rows || evaluation->class_count <= 2;
    return one ? ONE_CLASS : "a class has no rows";
}

/* The second class's figure where there are two; otherwise the mean over all classes, which all
 * have to have one. */
static double ranked(const ln_measured *m, size_t offset, bool weighted, const char **why)
{
    const linnet_evaluation *evaluation = m->evaluation;
    ln_exact_sum sum = {0};
    double weights = 0;
    for (int64_t c = evaluation->class_count == 2 ? 1 : 0; c < evaluation->class_count; c++) {
        const linnet_class_metrics *metrics = &evaluation->classes[c];
        double figure = *(const double *)((const char *)metrics + offset);
        if (isnan(figure)) {
            return ln_undefined(why, reason(m, metrics));
        }
        double weight = weighted ? (double)metrics->support : 1;
        ln_exact_add(&sum, weight * figure);
        weights += weight;
    }
    return ln_exact_value(&sum) / weights;
}

static double roc_auc(const ln_measured *m, const char **why)
{
    return ranked(m, offsetof(linnet_class_metrics, roc_auc), false, why);
}

static double roc_auc_weighted(const ln_measured *m, const char **why)
{
    return ranked(m, offsetof(linnet_class_metrics, roc_auc), true, why);
}

static double average_precision(const ln_measured *m, const char **why)
{
    return ranked(m, offsetof(linnet_class_metrics, average_precision), false, why);
}

static const ln_metric_row rows[] = {
    {{"accuracy", "accuracy", true, false}, ln_measure_accuracy},
    {{"loss", "loss", false, false}, ln_measure_loss},
    {{"balanced_accuracy", "balanced accuracy", true, false}, balanced_accuracy},
    {{"f1_macro", "F1, macro", true, false}, f1_macro},
    {{"f1_weighted", "F1, weighted", true, false}, f1_weighted},
    {{"f1_micro", "F1, micro", true, false}, ln_measure_accuracy},
    {{"precision_macro", "precision, macro", true, false}, precision_macro},
    {{"precision_weighted", "precision, weighted", true, false}, precision_weighted},
    {{"precision_micro", "precision, micro", true, false}, ln_measure_accuracy},
    {{"recall_macro", "recall, macro", true, false}, recall_macro},
    {{"recall_weighted", "recall, weighted", true, false}, recall_weighted},
    {{"recall_micro", "recall, micro", true, false}, ln_measure_accuracy},
    {{"matthews_corrcoef", "Matthews correlation", true, false}, matthews},
    {{"roc_auc", "ROC AUC", true, true}, roc_auc},
    {{"roc_auc_weighted", "ROC AUC, weighted", true, true}, roc_auc_weighted},
    {{"average_precision", "average precision", true, true}, average_precision},
    {{"log_loss", "log loss", false, true}, ln_measure_log_loss},
    {{"brier_score", "Brier score", false, true}, ln_measure_brier},
    {{"calibration_error", "calibration error", false, true}, ln_measure_calibration},
};

/* ---- what they are taken from ---- */

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
        ln_take_ratios(metrics);
    }
}

/* The squared distance of a row's probabilities from its class; of two classes, that of the second
 * alone. */
static double brier_of(const linnet_scores *scores, size_t row)
{
    double sum = 0;
    for (size_t i = scores->outputs == 2 ? 1 : 0; i < scores->outputs; i++) {
        double is = ln_scores_is(scores, row, i) ? 1 : 0;
        double distance = ln_scores_probability(scores, row, i) - is;
        sum += distance * distance;
    }
    return sum;
}

static void take_probabilities(const linnet_scores *scores, ln_measured *m)
{
    ln_exact_sum losses = {0}, distances = {0};
    for (size_t row = 0; row < scores->rows; row++) {
        ln_exact_add(&losses, ln_scores_loss(scores, row));
        ln_exact_add(&distances, brier_of(scores, row));
    }
    m->log_loss = ln_exact_value(&losses) / (double)scores->rows;
    m->brier = ln_exact_value(&distances) / (double)scores->rows;
    m->calibration = isnan(m->log_loss) ? (double)NAN : ln_calibration_error(scores);
}

static linnet_status take(const linnet_scores *scores, linnet_evaluation *evaluation,
                          ln_measured *m, linnet_error *error)
{
    size_t count = scores->outputs;
    linnet_status status = ln_alloc_into(&evaluation->confusion, ln_saturated_mul(count, count),
                                         sizeof *evaluation->confusion, "the confusion", error);
    if (status == LINNET_OK) {
        status = ln_alloc_into(&evaluation->classes, count, sizeof *evaluation->classes,
                               "the classes' metrics", error);
    }
    if (status == LINNET_OK) {
        status =
            ln_alloc_into(&evaluation->ranks, count, sizeof *evaluation->ranks, "the ranks", error);
    }
    if (status != LINNET_OK) {
        return status;
    }
    evaluation->class_count = (int64_t)count;
    count_classes(scores, evaluation);
    if (!scores->whole) {
        return LINNET_OK;
    }
    take_probabilities(scores, m);
    return ln_take_ranks(scores, evaluation, error);
}

const ln_task_metrics ln_metrics_of_classes = {"classification", rows, sizeof rows / sizeof *rows,
                                               take};
