/* metrics_labels.c - the metrics of models that give each row several labels, or none. */
#include <math.h>

#include "base/memory.h"
#include "train/metrics.h"

#define NO_LABEL "no row has a label"
#define NOT_PREDICTED "no label was predicted"

typedef struct totals {
    int64_t support, predicted, correct;
} totals;

static totals totals_of(const linnet_evaluation *evaluation)
{
    totals sum = {0};
    for (int64_t c = 0; c < evaluation->class_count; c++) {
        sum.support += evaluation->classes[c].support;
        sum.predicted += evaluation->classes[c].predicted;
        sum.correct += evaluation->classes[c].correct;
    }
    return sum;
}

LN_MEANS(precision)
LN_MEANS(recall)
LN_MEANS(f1)

static double precision_micro(const ln_measured *m, const char **why)
{
    totals sum = totals_of(m->evaluation);
    return sum.predicted > 0 ? ln_ratio(sum.correct, sum.predicted)
                             : ln_undefined(why, NOT_PREDICTED);
}

static double recall_micro(const ln_measured *m, const char **why)
{
    totals sum = totals_of(m->evaluation);
    return sum.support > 0 ? ln_ratio(sum.correct, sum.support) : ln_undefined(why, NO_LABEL);
}

static double f1_micro(const ln_measured *m, const char **why)
{
    totals sum = totals_of(m->evaluation);
    double f1 = ln_ratio(2 * sum.correct, sum.predicted + sum.support);
    return isnan(f1) ? ln_undefined(why, NO_LABEL ", and none was predicted") : f1;
}

static double precision_samples(const ln_measured *m, const char **why)
{
    return m->evaluation->rows > 0 ? m->precision_samples : ln_undefined(why, LN_NO_ROWS);
}

static double recall_samples(const ln_measured *m, const char **why)
{
    return m->evaluation->rows > 0 ? m->recall_samples : ln_undefined(why, LN_NO_ROWS);
}

static double f1_samples(const ln_measured *m, const char **why)
{
    return m->evaluation->rows > 0 ? m->f1_samples : ln_undefined(why, LN_NO_ROWS);
}

static double hamming_loss(const ln_measured *m, const char **why)
{
    totals sum = totals_of(m->evaluation);
    int64_t wrong = sum.support + sum.predicted - 2 * sum.correct;
    double loss = ln_ratio(wrong, m->evaluation->rows * m->evaluation->class_count);
    return isnan(loss) ? ln_undefined(why, LN_NO_ROWS) : loss;
}

/* The mean over all labels, which all have to have such a figure. */
static double ranked(const ln_measured *m, size_t offset, bool weighted, const char *reason,
                     const char **why)
{
    ln_exact_sum sum = {0};
    double weights = 0;
    for (int64_t c = 0; c < m->evaluation->class_count; c++) {
        const linnet_class_metrics *metrics = &m->evaluation->classes[c];
        double figure = *(const double *)((const char *)metrics + offset);
        if (isnan(figure)) {
            return ln_undefined(why, m->evaluation->rows == 0 ? LN_NO_ROWS
                                     : isnan(m->log_loss)     ? LN_NOT_FINITE
                                                              : reason);
        }
        double weight = weighted ? (double)metrics->support : 1;
        ln_exact_add(&sum, weight * figure);
        weights += weight;
    }
    return ln_exact_value(&sum) / weights;
}

static double average_precision(const ln_measured *m, const char **why)
{
    return ranked(m, offsetof(linnet_class_metrics, average_precision), false,
                  "a label has no rows", why);
}

static double average_precision_weighted(const ln_measured *m, const char **why)
{
    return ranked(m, offsetof(linnet_class_metrics, average_precision), true, "a label has no rows",
                  why);
}

static double roc_auc(const ln_measured *m, const char **why)
{
    return ranked(m, offsetof(linnet_class_metrics, roc_auc), false,
                  "a label has no rows, or all of them", why);
}

static double roc_auc_weighted(const ln_measured *m, const char **why)
{
    return ranked(m, offsetof(linnet_class_metrics, roc_auc), true,
                  "a label has no rows, or all of them", why);
}

static const ln_metric_row rows[] = {
    {{"accuracy", "accuracy, all labels", true, false}, ln_measure_accuracy},
    {{"loss", "loss", false, false}, ln_measure_loss},
    {{"average_precision", "mean average precision", true, true}, average_precision},
    {{"average_precision_weighted", "average precision, weighted", true, true},
     average_precision_weighted},
    {{"f1_macro", "F1, macro", true, false}, f1_macro},
    {{"f1_micro", "F1, micro", true, false}, f1_micro},
    {{"f1_weighted", "F1, weighted", true, false}, f1_weighted},
    {{"f1_samples", "F1, samples", true, false}, f1_samples},
    {{"precision_macro", "precision, macro", true, false}, precision_macro},
    {{"precision_micro", "precision, micro", true, false}, precision_micro},
    {{"precision_weighted", "precision, weighted", true, false}, precision_weighted},
    {{"precision_samples", "precision, samples", true, false}, precision_samples},
    {{"recall_macro", "recall, macro", true, false}, recall_macro},
    {{"recall_micro", "recall, micro", true, false}, recall_micro},
    {{"recall_weighted", "recall, weighted", true, false}, recall_weighted},
    {{"recall_samples", "recall, samples", true, false}, recall_samples},
    {{"hamming_loss", "Hamming loss", false, false}, hamming_loss},
    {{"roc_auc", "ROC AUC", true, true}, roc_auc},
    {{"roc_auc_weighted", "ROC AUC, weighted", true, true}, roc_auc_weighted},
    {{"log_loss", "log loss", false, true}, ln_measure_log_loss},
    {{"brier_score", "Brier score", false, true}, ln_measure_brier},
    {{"calibration_error", "calibration error", false, true}, ln_measure_calibration},
};

/* ---- what they are taken from ---- */

static double or_zero(double ratio)
{
    return isnan(ratio) ? 0 : ratio;
}

/* Counts labels, and sums precision, recall and F1 of each row, where what is missing is 0. */
static void count_labels(const linnet_scores *scores, linnet_evaluation *evaluation, ln_measured *m)
{
    ln_exact_sum precision = {0}, recall = {0}, f1 = {0};
    int64_t right = 0;
    for (size_t row = 0; row < scores->rows; row++) {
        totals of_row = {0};
        for (size_t i = 0; i < scores->outputs; i++) {
            bool is = ln_scores_is(scores, row, i), said = ln_scores_predicts(scores, row, i);
            linnet_class_metrics *metrics = &evaluation->classes[i];
            metrics->support += is;
            metrics->predicted += said;
            metrics->correct += is && said;
            of_row.support += is;
            of_row.predicted += said;
            of_row.correct += is && said;
        }
        right += of_row.support + of_row.predicted == 2 * of_row.correct;
        ln_exact_add(&precision, or_zero(ln_ratio(of_row.correct, of_row.predicted)));
        ln_exact_add(&recall, or_zero(ln_ratio(of_row.correct, of_row.support)));
        ln_exact_add(&f1, or_zero(ln_ratio(2 * of_row.correct, of_row.predicted + of_row.support)));
    }
    evaluation->correct = right; /* under the model's thresholds */
    evaluation->accuracy = ln_ratio(right, evaluation->rows);
    m->precision_samples = ln_exact_value(&precision) / (double)scores->rows;
    m->recall_samples = ln_exact_value(&recall) / (double)scores->rows;
    m->f1_samples = ln_exact_value(&f1) / (double)scores->rows;
    for (size_t i = 0; i < scores->outputs; i++) {
        ln_take_ratios(&evaluation->classes[i]);
    }
}

static void take_probabilities(const linnet_scores *scores, ln_measured *m)
{
    ln_exact_sum losses = {0}, distances = {0};
    for (size_t row = 0; row < scores->rows; row++) {
        ln_exact_add(&losses, ln_scores_loss(scores, row));
        for (size_t i = 0; i < scores->outputs; i++) {
            double distance =
                ln_scores_probability(scores, row, i) - scores->targets[row * scores->outputs + i];
            ln_exact_add(&distances, distance * distance);
        }
    }
    m->log_loss = ln_exact_value(&losses) / (double)scores->rows;
    m->brier = ln_exact_value(&distances) / ((double)scores->rows * (double)scores->outputs);
    m->calibration = isnan(m->log_loss) ? (double)NAN : ln_calibration_error(scores);
}

static linnet_status take(const linnet_scores *scores, linnet_evaluation *evaluation,
                          ln_measured *m, linnet_error *error)
{
    linnet_status status = ln_alloc_into(&evaluation->classes, scores->outputs,
                                         sizeof *evaluation->classes, "the labels' metrics", error);
    if (status != LINNET_OK) {
        return status;
    }
    evaluation->class_count = (int64_t)scores->outputs;
    count_labels(scores, evaluation, m);
    if (!scores->whole) {
        return LINNET_OK;
    }
    take_probabilities(scores, m);
    return ln_take_ranks(scores, evaluation, error);
}

const ln_task_metrics ln_metrics_of_labels = {"multilabel", rows, sizeof rows / sizeof *rows, take};
