/* metrics_values.c - the metrics of models that give numbers: means over the outputs. */
#include <math.h>

#include "base/memory.h"
#include "train/metrics.h"

static double mean_over(const ln_measured *m, size_t offset, const char *reason, const char **why)
{
    ln_exact_sum sum = {0};
    for (int64_t i = 0; i < m->evaluation->value_count; i++) {
        double figure = *(const double *)((const char *)&m->evaluation->values[i] + offset);
        if (isnan(figure)) {
            return ln_undefined(why, m->evaluation->rows == 0 ? LN_NO_ROWS
                                     : !m->finite             ? LN_NOT_FINITE
                                                              : reason);
        }
        ln_exact_add(&sum, figure);
    }
    return ln_exact_value(&sum) / (double)m->evaluation->value_count;
}

static double r2(const ln_measured *m, const char **why)
{
    return mean_over(m, offsetof(linnet_value_metrics, r2),
                     m->evaluation->rows == 1 ? "there is one row only"
                                              : "a target is the same in all rows",
                     why);
}

static double mae(const ln_measured *m, const char **why)
{
    return mean_over(m, offsetof(linnet_value_metrics, mae), LN_NOT_FINITE, why);
}

static double rmse(const ln_measured *m, const char **why)
{
    return mean_over(m, offsetof(linnet_value_metrics, rmse), LN_NOT_FINITE, why);
}

static const ln_metric_row rows[] = {
    {{"r2", "R2", true, false}, r2},
    {{"rmse", "RMSE", false, false}, rmse},
    {{"mae", "MAE", false, false}, mae},
    {{"loss", "loss", false, false}, ln_measure_loss},
};

static double target(const linnet_scores *scores, size_t row, size_t i)
{
    return scores->targets[row * scores->outputs + i];
}

static linnet_value_metrics measure(const linnet_scores *scores, size_t i)
{
    ln_exact_sum absolute = {0}, squared = {0}, sum = {0}, spread = {0};
    double count = (double)scores->rows;
    bool varies = false;
    for (size_t row = 0; row < scores->rows; row++) {
        double error = ln_scores_logits(scores, row)[i] - target(scores, row, i);
        ln_exact_add(&absolute, fabs(error));
        ln_exact_add(&squared, error * error);
        ln_exact_add(&sum, target(scores, row, i));
        varies = varies || target(scores, row, i) != target(scores, 0, i);
    }
    double mean = ln_exact_value(&sum) / count;
    for (size_t row = 0; row < scores->rows; row++) {
        double distance = target(scores, row, i) - mean;
        ln_exact_add(&spread, distance * distance);
    }
    double unexplained = ln_exact_value(&squared), variation = ln_exact_value(&spread);
    return (linnet_value_metrics){
        .r2 = varies ? 1 - unexplained / variation : (double)NAN,
        .mae = ln_exact_value(&absolute) / count,
        .rmse = sqrt(unexplained / count),
    };
}

static linnet_status take(const linnet_scores *scores, linnet_evaluation *evaluation,
                          ln_measured *m, linnet_error *error)
{
    linnet_status status = ln_alloc_into(&evaluation->values, scores->outputs,
                                         sizeof *evaluation->values, "the outputs' metrics", error);
    if (status != LINNET_OK) {
        return status;
    }
    evaluation->value_count = (int64_t)scores->outputs;
    m->finite = true;
    for (size_t i = 0; i < scores->outputs; i++) {
        evaluation->values[i] = measure(scores, i);
        m->finite = m->finite && !isnan(evaluation->values[i].mae);
    }
    return LINNET_OK;
}

const ln_task_metrics ln_metrics_of_values = {"regression", rows, sizeof rows / sizeof *rows, take};
