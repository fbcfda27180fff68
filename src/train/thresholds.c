/* thresholds.c - above which probability each of several labels is predicted: a model's own
 * thresholds, and those that are best for its rows. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/fpenv.h"
#include "base/memory.h"
#include "base/number.h"
#include "nn/nn.h"
#include "train/scores.h"

/* ---- of a model ---- */

linnet_status linnet_model_set_thresholds(linnet_model *model, const double *thresholds,
                                          size_t count, linnet_error *error)
{
    double *copy = NULL;
    int64_t outputs = linnet_model_output_features(model);
    if (count > 0 && linnet_model_task(model) != LINNET_TASK_MULTILABEL) {
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                       "thresholds are of several labels a row, and this model's task is %s",
                       linnet_task_name(linnet_model_task(model)));
    }
    if (count > 0 && outputs >= 0 && (int64_t)count != outputs) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected a threshold for each of the model's %lld outputs, found %zu",
                       (long long)outputs, count);
    }
    for (size_t i = 0; i < count; i++) {
        if (!(thresholds[i] >= 0 && thresholds[i] <= 1)) {
            char text[LN_NUMBER_TEXT];
            return ln_fail(error, LINNET_ERROR_ARGUMENT,
                           "expected a threshold from 0 to 1 for output %zu, found %s", i,
                           ln_print_double(thresholds[i], text));
        }
    }
    if (count > 0) {
        linnet_status status = ln_alloc_into(&copy, count, sizeof *copy, "the thresholds", error);
        if (status != LINNET_OK) {
            return status;
        }
        memcpy(copy, thresholds, count * sizeof *copy);
    }
    ln_free(model->thresholds);
    model->thresholds = copy;
    model->threshold_count = count;
    return LINNET_OK;
}

double linnet_model_threshold(const linnet_model *model, size_t i)
{
    return i < model->threshold_count ? model->thresholds[i] : 0.5;
}

/* ---- the best ones ---- */

/* The middle between two probabilities that stand beside each other, of which the larger is just
 * predicted: where F1, 2 true positives / (predicted + support), is the largest, and the threshold
 * the highest. */
static double best_threshold(const ln_ranking *ranking)
{
    ln_ranking_walk walk = ln_ranking_begin(ranking);
    double best = -1, threshold = 0.5;
    int64_t support = 0;
    while (ln_ranking_next(&walk)) {
        support = walk.point.true_positives;
    }
    if (support == 0) {
        return threshold;
    }
    walk = ln_ranking_begin(ranking);
    bool more = ln_ranking_next(&walk);
    while (more) {
        linnet_curve_point point = walk.point;
        double predicted = (double)(point.true_positives + point.false_positives);
        double f1 = 2 * (double)point.true_positives / (predicted + (double)support);
        more = ln_ranking_next(&walk);
        if (f1 > best) {
            best = f1;
            threshold =
                more ? 0.5 * (point.threshold + walk.point.threshold) : 0.5 * point.threshold;
        }
    }
    return threshold;
}

linnet_status linnet_scores_thresholds(const linnet_scores *scores, double *thresholds,
                                       linnet_error *error)
{
    ln_ranking ranking;
    if (scores->task != LINNET_TASK_MULTILABEL) {
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                       "thresholds are of several labels a row, and this model's task is %s",
                       linnet_task_name(scores->task));
    }
    linnet_status status = ln_ranking_create(scores->rows, &ranking, error);
    ln_fpenv saved = ln_fpenv_enter();
    for (size_t i = 0; status == LINNET_OK && i < scores->outputs; i++) {
        ln_scores_rank(scores, i, &ranking);
        if (ranking.undefined) {
            status = ln_fail(error, LINNET_ERROR_DATA, "an output of the model is not finite");
        } else {
            thresholds[i] = best_threshold(&ranking);
        }
    }
    ln_fpenv_leave(saved);
    ln_ranking_free(&ranking);
    return status;
}
