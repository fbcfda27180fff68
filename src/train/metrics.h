/* metrics.h - how a task is measured: its table of metrics, and what they share.
 *
 * A metric is a function and a row of its task's table, in metrics_classes.c, metrics_labels.c or
 * metrics_values.c; docs/metrics.md says by which definition. What is undefined is NaN and says
 * why. */
#ifndef LN_TRAIN_METRICS_H
#define LN_TRAIN_METRICS_H

#include "train/scores.h"

/* What the metrics are taken from. */
typedef struct ln_measured {
    const linnet_scores *scores;
    const linnet_evaluation *evaluation;
    double log_loss, brier, calibration;                  /* where the scores are whole */
    double precision_samples, recall_samples, f1_samples; /* of several labels: means over rows */
    bool finite;                                          /* of a regression: all outputs */
} ln_measured;

/* A figure that is undefined gives NaN and fills *why. */
typedef double (*ln_measure)(const ln_measured *m, const char **why);

typedef struct ln_metric_row {
    linnet_metric metric;
    ln_measure measure;
} ln_metric_row;

/* A task. */
typedef struct ln_task_metrics {
    const char *name;
    const ln_metric_row *rows;
    size_t count;
    /* Fills the evaluation, figures apart, and the fields of *m that its metrics look at. */
    linnet_status (*take)(const linnet_scores *scores, linnet_evaluation *evaluation,
                          ln_measured *m, linnet_error *error);
} ln_task_metrics;

extern const ln_task_metrics ln_metrics_of_classes, ln_metrics_of_labels, ln_metrics_of_values;

/* ---- for the tasks (metrics.c) ---- */

#define LN_BINS 15 /* of the expected calibration error */

#define LN_NO_ROWS "there are no rows"
#define LN_NOT_FINITE "an output is not finite"

double ln_undefined(const char **why, const char *reason);
/* NaN where the whole is 0. */
double ln_ratio(int64_t part, int64_t whole);

/* Metrics of more than one task. */
double ln_measure_accuracy(const ln_measured *m, const char **why);
double ln_measure_loss(const ln_measured *m, const char **why);
double ln_measure_log_loss(const ln_measured *m, const char **why);
double ln_measure_brier(const ln_measured *m, const char **why);
double ln_measure_calibration(const ln_measured *m, const char **why);

/* The mean of a figure of linnet_class_metrics over the classes that have rows or were predicted
 * (of labels, over all), one by one or weighted by their rows; what one lacks counts as 0, as
 * scikit-learn has it. */
double ln_mean_of(const ln_measured *m, size_t offset, bool weighted, const char **why);

/* Metrics field_macro and field_weighted. */
#define LN_MEANS(field)                                                                            \
    static double field##_macro(const ln_measured *m, const char **why)                            \
    {                                                                                              \
        return ln_mean_of(m, offsetof(linnet_class_metrics, field), false, why);                   \
    }                                                                                              \
    static double field##_weighted(const ln_measured *m, const char **why)                         \
    {                                                                                              \
        return ln_mean_of(m, offsetof(linnet_class_metrics, field), true, why);                    \
    }

/* Precision, recall and F1 from the counts; what ranks would give is NaN. */
void ln_take_ratios(linnet_class_metrics *metrics);
/* What ranks give, for all classes. Errors: MEMORY. */
LINNET_NODISCARD linnet_status ln_take_ranks(const linnet_scores *scores,
                                             linnet_evaluation *evaluation, linnet_error *error);
/* The expected calibration error. */
double ln_calibration_error(const linnet_scores *scores);

#endif
