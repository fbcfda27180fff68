/* scores.c - what a model gave for the rows of a dataset: probabilities, curves, bins, worst rows.
 *
 * Rows are visited in their order and sums are taken in it; evaluate.c fills the scores. */
#include "train/scores.h"

#include "base/error.h"
#include "base/fpenv.h"
#include "base/memory.h"

void linnet_scores_free(linnet_scores *scores)
{
    if (scores != NULL) {
        ln_free(scores->judged);
        ln_free(scores->owned_labels);
        ln_free(scores->numbers);
        ln_free(scores->cuts);
        ln_free(scores->logits);
        ln_free(scores->softmax);
        ln_free(scores);
    }
}

linnet_status linnet_scores_evaluate(const linnet_scores *scores, linnet_evaluation *evaluation,
                                     linnet_error *error)
{
    ln_fpenv saved = ln_fpenv_enter();
    linnet_status status = ln_scores_measure(scores, evaluation, error);
    ln_fpenv_leave(saved);
    if (status != LINNET_OK) {
        linnet_evaluation_free(evaluation);
    }
    return status;
}

/* The place of a row of the dataset; `rows` where it does not count. */
static size_t find_row(const linnet_scores *scores, int64_t number)
{
    size_t low = 0, high = scores->rows;
    if (scores->numbers == NULL) {
        return (size_t)number;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (scores->numbers[middle] < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < scores->rows && scores->numbers[low] == number ? low : scores->rows;
}

void linnet_scores_row(const linnet_scores *scores, int64_t row, double *probabilities)
{
    ln_fpenv saved = ln_fpenv_enter();
    size_t at = find_row(scores, row);
    for (size_t i = 0; i < scores->outputs; i++) {
        probabilities[i] = at < scores->rows ? ln_scores_probability(scores, at, i) : (double)NAN;
    }
    ln_fpenv_leave(saved);
}

/* ---- the loss of a row ---- */

/* -log of the probability that a label has its value, for logits and for probabilities. */
static double label_loss(const linnet_scores *scores, double output, double value)
{
    if (!scores->unit_outputs) {
        double larger = output > 0 ? output : 0;
        return (larger - output * value) + ln_log1p_double(ln_exp_double(-fabs(output)));
    }
    double there = value > 0 ? -value * ln_log_double(output) : 0;
    return there + (value < 1 ? -(1 - value) * ln_log_double(1 - output) : 0);
}

double ln_scores_loss(const linnet_scores *scores, size_t row)
{
    const double *outputs = ln_scores_logits(scores, row);
    if (scores->task == LINNET_TASK_CLASSIFICATION) {
        return ln_softmax_loss(&scores->softmax[row], outputs[scores->labels[row]]);
    }
    ln_exact_sum sum = {0};
    for (size_t i = 0; i < scores->outputs; i++) {
        double target = scores->targets[row * scores->outputs + i], error = outputs[i] - target;
        ln_exact_add(&sum, scores->task == LINNET_TASK_MULTILABEL
                               ? label_loss(scores, outputs[i], target)
                               : error * error);
    }
    return ln_exact_value(&sum) / (double)scores->outputs;
}

/* ---- curves ---- */

void ln_scores_rank(const linnet_scores *scores, size_t which, ln_ranking *ranking)
{
    for (size_t row = 0; row < scores->rows; row++) {
        ln_ranking_set(ranking, row, ln_scores_probability(scores, row, which),
                       ln_scores_is(scores, row, which));
    }
    ln_ranking_sort(ranking);
}

static linnet_status take_points(const ln_ranking *ranking, linnet_curve *curve,
                                 linnet_error *error)
{
    ln_ranking_walk walk = ln_ranking_begin(ranking);
    while (ln_ranking_next(&walk)) {
        curve->count++;
    }
    linnet_status status =
        ln_alloc_into(&curve->points, curve->count, sizeof *curve->points, "a curve", error);
    if (status != LINNET_OK) {
        *curve = (linnet_curve){0};
        return status;
    }
    curve->positives = walk.point.true_positives;
    curve->negatives = walk.point.false_positives;
    walk = ln_ranking_begin(ranking);
    for (size_t i = 0; ln_ranking_next(&walk); i++) {
        curve->points[i] = walk.point;
    }
    return LINNET_OK;
}

linnet_status linnet_scores_curve(const linnet_scores *scores, int64_t which, linnet_curve *curve,
                                  linnet_error *error)
{
    *curve = (linnet_curve){0};
    if (scores->task == LINNET_TASK_REGRESSION) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected a model of classes or labels, found one of a regression");
    }
    if (which < 0 || which >= (int64_t)scores->outputs) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected one of the model's %zu outputs, found %lld", scores->outputs,
                       (long long)which);
    }
    ln_ranking ranking;
    linnet_status status = ln_ranking_create(scores->rows, &ranking, error);
    if (status == LINNET_OK) {
        ln_fpenv saved = ln_fpenv_enter();
        ln_scores_rank(scores, (size_t)which, &ranking);
        ln_fpenv_leave(saved);
        status = take_points(&ranking, curve, error);
    }
    ln_ranking_free(&ranking);
    return status;
}

void linnet_curve_free(linnet_curve *curve)
{
    if (curve != NULL) {
        ln_free(curve->points);
        *curve = (linnet_curve){0};
    }
}

/* ---- bins ---- */

/* The bin of a probability, above i / count up to (i + 1) / count; 0 belongs to the first. */
static size_t bin_of(double probability, size_t count)
{
    size_t i = (size_t)(probability * (double)count);
    i = i < count ? i : count - 1;
    /* The product is rounded; the borders are what i / count gives. */
    while (i > 0 && probability <= (double)i / (double)count) {
        i--;
    }
    while (i + 1 < count && probability > (double)(i + 1) / (double)count) {
        i++;
    }
    return i;
}

static void add_to_bin(linnet_bin *bins, size_t count, double probability, bool right)
{
    if (!isnan(probability)) {
        linnet_bin *bin = &bins[bin_of(probability, count)];
        bin->rows++;
        bin->confidence += probability;
        bin->accuracy += right;
    }
}

void linnet_scores_reliability(const linnet_scores *scores, size_t count, linnet_bin *bins)
{
    ln_fpenv saved = ln_fpenv_enter();
    for (size_t i = 0; i < count; i++) {
        bins[i] = (linnet_bin){0};
    }
    for (size_t row = 0; row < scores->rows; row++) {
        if (scores->task == LINNET_TASK_CLASSIFICATION) {
            size_t predicted = (size_t)scores->judged[row].predicted;
            add_to_bin(bins, count, ln_scores_probability(scores, row, predicted),
                       ln_scores_is(scores, row, predicted));
        }
        for (size_t i = 0; scores->task == LINNET_TASK_MULTILABEL && i < scores->outputs; i++) {
            add_to_bin(bins, count, ln_scores_probability(scores, row, i),
                       ln_scores_is(scores, row, i));
        }
    }
    for (size_t i = 0; i < count; i++) {
        bins[i].confidence /= (double)bins[i].rows;
        bins[i].accuracy /= (double)bins[i].rows;
    }
    ln_fpenv_leave(saved);
}

/* ---- the worst rows ---- */

static linnet_judged_row judge(const linnet_scores *scores, size_t row)
{
    linnet_judged_row judged = {.row = ln_scores_number(scores, row),
                                .label = -1,
                                .predicted = -1,
                                .label_probability = (double)NAN,
                                .predicted_probability = (double)NAN,
                                .loss = ln_scores_loss(scores, row)};
    if (scores->task == LINNET_TASK_CLASSIFICATION) {
        judged.label = scores->labels[row];
        judged.predicted = scores->judged[row].predicted;
        judged.label_probability = ln_scores_probability(scores, row, (size_t)judged.label);
        judged.predicted_probability = ln_scores_probability(scores, row, (size_t)judged.predicted);
    }
    return judged;
}

static bool is_worse(double loss, double than)
{
    return isnan(loss) ? !isnan(than) : loss > than;
}

size_t linnet_scores_worst(const linnet_scores *scores, size_t count, linnet_judged_row *worst)
{
    size_t taken = 0;
    ln_fpenv saved = ln_fpenv_enter();
    for (size_t row = 0; row < scores->rows && count > 0; row++) {
        linnet_judged_row judged = judge(scores, row);
        if (taken == count && !is_worse(judged.loss, worst[taken - 1].loss)) {
            continue;
        }
        size_t at = taken < count ? taken++ : count - 1;
        for (; at > 0 && is_worse(judged.loss, worst[at - 1].loss); at--) {
            worst[at] = worst[at - 1];
        }
        worst[at] = judged;
    }
    ln_fpenv_leave(saved);
    return taken;
}
