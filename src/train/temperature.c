/* temperature.c - temperature scaling (Guo et al. 2017): the number that a model's outputs are
 * divided by so that its probabilities are the likeliest.
 *
 * Its inverse b minimises a convex function, the mean over the rows of -log p under outputs times
 * b, whose derivative Newton's method brings to 0 within a bracket that only shrinks. Sums run over
 * the rows in their order, in double: the same bits everywhere. */
#include <math.h>

#include "base/error.h"
#include "base/fpenv.h"
#include "base/number.h"
#include "nn/nn.h"
#include "train/scores.h"

extern const ln_module_type ln_softmax_type, ln_sigmoid_type;

/* ---- of a model ---- */

static linnet_status check_model(const linnet_model *model, linnet_error *error)
{
    const ln_module_type *last = ln_model_last(model);
    if (linnet_model_task(model) == LINNET_TASK_REGRESSION) {
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                       "a temperature is of probabilities, and a regression has none");
    }
    if (last == &ln_softmax_type || last == &ln_sigmoid_type) {
        return ln_fail(
            error, LINNET_ERROR_UNSUPPORTED,
            "a temperature divides logits, and this model ends in %s: leave that out and "
            "train with %s",
            last->signature.name,
            last == &ln_softmax_type ? "CrossEntropyLoss" : "BCEWithLogitsLoss");
    }
    return LINNET_OK;
}

linnet_status linnet_model_set_temperature(linnet_model *model, double temperature,
                                           linnet_error *error)
{
    /* Within float32, where probabilities are worked out for it. */
    if (!(temperature >= 1e-30 && temperature <= 1e30)) {
        char text[LN_NUMBER_TEXT];
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected a temperature from 1e-30 to 1e30, found %s",
                       ln_print_double(temperature, text));
    }
    linnet_status status = temperature != 1 ? check_model(model, error) : LINNET_OK;
    if (status != LINNET_OK) {
        return status;
    }
    /* Thresholds stay where they are among the logits. */
    for (size_t i = 0; i < model->threshold_count; i++) {
        double p = model->thresholds[i], logit = ln_log_double(p) - ln_log_double(1 - p);
        p = 1 / (1 + ln_exp_double(-logit * (model->temperature / temperature)));
        model->thresholds[i] = p;
    }
    model->temperature = temperature;
    return LINNET_OK;
}

double linnet_model_temperature(const linnet_model *model)
{
    return model->temperature;
}

/* ---- the best one ---- */

/* The derivative by b, and its own. */
typedef struct slope {
    double first, second;
} slope;

/* -z_label + the mean of z under p(b), and the variance of z under it. */
static slope slope_of_class(const double *z, size_t n, size_t label, double b)
{
    double largest = z[0], sum = 0, mean = 0, square = 0;
    for (size_t i = 1; i < n; i++) {
        largest = z[i] > largest ? z[i] : largest;
    }
    for (size_t i = 0; i < n; i++) {
        double below = z[i] - largest, weight = ln_exp_double(below * b);
        sum += weight;
        mean += weight > 0 ? weight * below : 0;
        square += weight > 0 ? weight * below * below : 0;
    }
    mean /= sum;
    return (slope){mean - (z[label] - largest), square / sum - mean * mean};
}

static slope slope_of_labels(const double *z, size_t n, const double *values, double b)
{
    slope sum = {0};
    for (size_t i = 0; i < n; i++) {
        double p = 1 / (1 + ln_exp_double(-b * z[i]));
        sum.first += z[i] * (p - values[i]);
        sum.second += z[i] * z[i] * p * (1 - p);
    }
    return sum;
}

static slope slope_at(const linnet_scores *scores, double b)
{
    ln_exact_sum first = {0}, second = {0};
    for (size_t row = 0; row < scores->rows; row++) {
        const double *z = ln_scores_logits(scores, row);
        slope one =
            scores->task == LINNET_TASK_CLASSIFICATION
                ? slope_of_class(z, scores->outputs, (size_t)scores->labels[row], b)
                : slope_of_labels(z, scores->outputs, scores->targets + row * scores->outputs, b);
        ln_exact_add(&first, one.first);
        ln_exact_add(&second, one.second);
    }
    return (slope){ln_exact_value(&first), ln_exact_value(&second)};
}

/* Doubles b until the derivative is above 0; false where it never is: then the rows are all on the
 * right side, and ever colder is ever better. */
static bool bracket(const linnet_scores *scores, double *low, double *high)
{
    *low = 0;
    for (*high = 1; *high < 0x1p40; *high *= 2) {
        if (slope_at(scores, *high).first > 0) {
            return true;
        }
        *low = *high;
    }
    return false;
}

static double root(const linnet_scores *scores, double low, double high)
{
    double b = low > 0 ? low : 0.5 * high;
    for (int i = 0; i < 200; i++) {
        slope at = slope_at(scores, b);
        if (at.first > 0) {
            high = b;
        } else {
            low = b;
        }
        double next = b - at.first / at.second;
        if (!(next > low && next < high)) {
            next = 0.5 * (low + high);
        }
        if (fabs(next - b) <= 1e-14 * b) {
            return next;
        }
        b = next;
    }
    return b;
}

linnet_status linnet_scores_temperature(const linnet_scores *scores, double *temperature,
                                        linnet_error *error)
{
    *temperature = (double)NAN;
    if (scores->task == LINNET_TASK_REGRESSION || !scores->are_logits) {
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                       "a temperature divides logits, and this model gives %s",
                       scores->task == LINNET_TASK_REGRESSION ? "numbers" : "probabilities");
    }
    double low, high;
    ln_fpenv saved = ln_fpenv_enter();
    double level = slope_at(scores, 0).first;
    bool found = level < 0 && bracket(scores, &low, &high);
    double b = found ? root(scores, low, high) : 0;
    ln_fpenv_leave(saved);
    if (isnan(level)) {
        return ln_fail(error, LINNET_ERROR_DATA, "an output of the model is not finite");
    }
    if (!found) {
        return ln_fail(error, LINNET_ERROR_DATA, "no temperature is best: %s",
                       level < 0
                           ? "the model is right about every row, and surer of each the lower "
                             "the temperature is"
                           : "on these rows the outputs say less than chance does");
    }
    *temperature = scores->temperature / b;
    return LINNET_OK;
}
