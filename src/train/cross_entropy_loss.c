/* cross_entropy_loss.c - torch.nn.CrossEntropyLoss over class indices, or over class probabilities.
 *
 *     l = (1 - e) w_t nll_t + e / C sum over classes c of w_c nll_c,     nll_c = -log_softmax(x)_c
 *     l = sum over classes c of w_c ((1 - e) p_c + e / C) nll_c
 *
 * e is label_smoothing, w the weights of the classes. 'mean' divides the sum of a batch by the sum
 * of the w_t; over probabilities, by the number of rows. */
#include "base/error.h"
#include "base/number.h"
#include "numeric/rowsum.h"
#include "train/classes.h"
#include "train/loss.h"

enum { WEIGHT, SIZE_AVERAGE, IGNORE_INDEX, REDUCE, REDUCTION, LABEL_SMOOTHING };

#ifdef LN_RECORDS
static linnet_status create(ln_loss *loss, const ln_value *values, linnet_error *error)
{
    loss->ignore_index = values[IGNORE_INDEX].integer;
    loss->smoothing = values[LABEL_SMOOTHING].number[0];
    if (!(loss->smoothing >= 0 && loss->smoothing <= 1)) {
        char text[LN_NUMBER_TEXT];
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "label_smoothing must be between 0.0 and 1.0. Got: %s",
                       ln_print_double(loss->smoothing, text));
    }
    return ln_loss_take_list(&loss->weights, &values[WEIGHT], "weight", "class", error);
}
#endif

static ln_real class_row(const ln_loss *loss, const ln_kernels *kernels, size_t features,
                         const ln_real *logits, size_t label, ln_real scale, ln_real *gradient)
{
    const ln_real *weights = loss->weights.values;
    if (loss->smoothing != 0) {
        ln_real chosen = (ln_real)(1 - loss->smoothing) * weights[label];
        ln_real rest = (ln_real)(loss->smoothing / (double)features);
        return kernels->smooth_cross_entropy(features, logits, weights, (ln_real)loss->total, label,
                                             chosen, rest, scale, gradient);
    }
    if (weights == NULL) {
        return kernels->cross_entropy(features, logits, label, scale, gradient);
    }
    return weights[label] *
           kernels->cross_entropy(features, logits, label, weights[label] * scale, gradient);
}

/* What class c of the row counts for. */
static ln_real share_of(const ln_loss *loss, size_t features, double probability, size_t c)
{
    ln_real share = (ln_real)probability;
    if (loss->smoothing != 0) {
        share =
            share * (ln_real)(1 - loss->smoothing) + (ln_real)(loss->smoothing / (double)features);
    }
    return loss->weights.values != NULL ? loss->weights.values[c] * share : share;
}

static ln_real probability_row(const ln_loss *loss, const ln_kernels *kernels, size_t features,
                               const ln_real *logits, const double *values, ln_real scale,
                               ln_real *gradient)
{
    /* At the largest logit, cross_entropy is the logarithm of the softmax' sum. */
    size_t largest = ln_predicted_class(features, logits);
    ln_real max = logits[largest], parts[16] = {0}, shares[16] = {0};
    ln_real log_sum = kernels->cross_entropy(features, logits, largest, 0, NULL);
    for (size_t c = 0; c < features; c++) {
        ln_real share = share_of(loss, features, values[c], c);
        parts[c % 16] = parts[c % 16] + share * (log_sum - (logits[c] - max));
        shares[c % 16] = shares[c % 16] + share;
    }
    if (gradient != NULL) {
        ln_real whole = ln_tree16(shares);
        kernels->softmax(features, logits, gradient);
        for (size_t c = 0; c < features; c++) {
            ln_real share = share_of(loss, features, values[c], c);
            gradient[c] = (gradient[c] * whole - share) * scale;
        }
    }
    return ln_tree16(parts);
}

static ln_real row(const ln_loss *loss, const ln_kernels *kernels, size_t features,
                   const ln_real *logits, const ln_target *target, ln_real scale, ln_real *gradient)
{
    scale = (ln_real)target->weight * scale;
    if (target->values != NULL) {
        return (ln_real)target->weight *
               probability_row(loss, kernels, features, logits, target->values, scale, gradient);
    }
    return (ln_real)target->weight *
           class_row(loss, kernels, features, logits, (size_t)target->label, scale, gradient);
}

LN_MATH(ln_loss_math, ln_cross_entropy_loss_math) = {.row = row};

#ifdef LN_RECORDS
const ln_loss_type ln_cross_entropy_loss_type = {
    .signature = {"CrossEntropyLoss",
                  LN_PARAMETERS(
                      {"weight", LN_KIND_LIST, "None", LN_REPR_NEVER}, LN_LOSS_OLD("size_average"),
                      {"ignore_index", LN_KIND_INT, "-100", LN_REPR_NEVER}, LN_LOSS_OLD("reduce"),
                      LN_LOSS_REDUCTION, {"label_smoothing", LN_KIND_FLOAT, "0.0", LN_REPR_NEVER})},
    .task = LINNET_TASK_CLASSIFICATION,
    .classes = true,
    .values = true,
    .unit = true,
    .sizes =
        "0D or 1D target tensor expected, multi-target not supported (class probabilities have "
        "the shape of the input: the target is %s, the input %s)",
    .create = create,
    .math = LN_MATHS(ln_cross_entropy_loss_math),
};
#endif
