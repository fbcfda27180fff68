/* metrics.c - the tasks' tables of metrics, the figures of an evaluation, and what tasks share. */
#include "train/metrics.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

static const ln_task_metrics *metrics_of(linnet_task task)
{
    switch (task) {
    case LINNET_TASK_CLASSIFICATION: return &ln_metrics_of_classes;
    case LINNET_TASK_MULTILABEL: return &ln_metrics_of_labels;
    case LINNET_TASK_REGRESSION: return &ln_metrics_of_values;
    }
    return NULL;
}

const linnet_metric *linnet_metric_at(linnet_task task, size_t i)
{
    const ln_task_metrics *metrics = metrics_of(task);
    return metrics != NULL && i < metrics->count ? &metrics->rows[i].metric : NULL;
}

const char *linnet_task_name(linnet_task task)
{
    const ln_task_metrics *metrics = metrics_of(task);
    return metrics != NULL ? metrics->name : NULL;
}

/* ---- what tasks share ---- */

double ln_undefined(const char **why, const char *reason)
{
    *why = reason;
    return (double)NAN;
}

double ln_ratio(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : (double)NAN;
}

double ln_measure_accuracy(const ln_measured *m, const char **why)
{
    return m->evaluation->rows > 0 ? m->evaluation->accuracy : ln_undefined(why, LN_NO_ROWS);
}

static double of_outputs(const ln_measured *m, double figure, const char **why)
{
    if (m->evaluation->rows == 0) {
        return ln_undefined(why, LN_NO_ROWS);
    }
    return isnan(figure) ? ln_undefined(why, LN_NOT_FINITE) : figure;
}

double ln_measure_loss(const ln_measured *m, const char **why)
{
    return of_outputs(m, m->evaluation->loss, why);
}

double ln_measure_log_loss(const ln_measured *m, const char **why)
{
    return of_outputs(m, m->log_loss, why);
}

double ln_measure_brier(const ln_measured *m, const char **why)
{
    return of_outputs(m, m->brier, why);
}

double ln_measure_calibration(const ln_measured *m, const char **why)
{
    return of_outputs(m, m->calibration, why);
}

double ln_mean_of(const ln_measured *m, size_t offset, bool weighted, const char **why)
{
    ln_exact_sum sum = {0};
    double weights = 0;
    for (int64_t c = 0; c < m->evaluation->class_count; c++) {
        const linnet_class_metrics *metrics = &m->evaluation->classes[c];
        double figure = *(const double *)((const char *)metrics + offset);
        bool occurs = m->evaluation->task == LINNET_TASK_MULTILABEL || metrics->support > 0 ||
                      metrics->predicted > 0;
        double weight = weighted ? (double)metrics->support : occurs ? 1 : 0;
        weights += weight;
        if (!isnan(figure)) {
            ln_exact_add(&sum, weight * figure);
        }
    }
    if (weights > 0) {
        return ln_exact_value(&sum) / weights;
    }
    return ln_undefined(why, m->evaluation->rows > 0 ? "no row has a label" : LN_NO_ROWS);
}

void ln_take_ratios(linnet_class_metrics *metrics)
{
    metrics->precision = ln_ratio(metrics->correct, metrics->predicted);
    metrics->recall = ln_ratio(metrics->correct, metrics->support);
    metrics->f1 = ln_ratio(2 * metrics->correct, metrics->predicted + metrics->support);
    metrics->roc_auc = (double)NAN;
    metrics->average_precision = (double)NAN;
}

linnet_status ln_take_ranks(const linnet_scores *scores, linnet_evaluation *evaluation,
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

double ln_calibration_error(const linnet_scores *scores)
{
    linnet_bin bins[LN_BINS];
    ln_exact_sum sum = {0};
    double all = 0;
    linnet_scores_reliability(scores, LN_BINS, bins);
    for (int i = 0; i < LN_BINS; i++) {
        double rows = (double)bins[i].rows;
        all += rows;
        if (rows > 0) {
            ln_exact_add(&sum, rows * fabs(bins[i].accuracy - bins[i].confidence));
        }
    }
    return ln_exact_value(&sum) / all;
}

/* ---- measuring ---- */

static void count_rows(const linnet_scores *scores, linnet_evaluation *evaluation)
{
    for (size_t row = 0; row < scores->rows; row++) {
        evaluation->correct += scores->judged[row].met;
    }
    evaluation->accuracy = scores->task == LINNET_TASK_REGRESSION
                               ? (double)NAN
                               : ln_ratio(evaluation->correct, evaluation->rows);
}

linnet_status ln_scores_measure(const linnet_scores *scores, linnet_evaluation *evaluation,
                                linnet_error *error)
{
    const ln_task_metrics *metrics = metrics_of(scores->task);
    *evaluation = (linnet_evaluation){
        .task = scores->task, .rows = (int64_t)scores->rows, .loss = scores->loss};
    count_rows(scores, evaluation);
    ln_measured m = {.scores = scores, .evaluation = evaluation};
    linnet_status status = metrics->take(scores, evaluation, &m, error);
    if (status == LINNET_OK) {
        status = ln_alloc_into(&evaluation->figures, metrics->count, sizeof *evaluation->figures,
                               "the figures", error);
    }
    for (size_t i = 0; status == LINNET_OK && i < metrics->count; i++) {
        const ln_metric_row *row = &metrics->rows[i];
        if (scores->whole || !row->metric.ranks) {
            linnet_figure *figure = &evaluation->figures[evaluation->figure_count++];
            figure->metric = &row->metric;
            figure->value = row->measure(&m, &figure->undefined);
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
        ln_free(evaluation->values);
        ln_free(evaluation->confusion);
        ln_free(evaluation->ranks);
        ln_free(evaluation->figures);
        *evaluation = (linnet_evaluation){0};
    }
}
