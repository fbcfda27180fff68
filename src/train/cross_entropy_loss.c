/* cross_entropy_loss.c - torch.nn.CrossEntropyLoss over class indices.
 *
 *     l = (1 - e) w_t nll_t + e / C sum over classes c of w_c nll_c,     nll_c = -log_softmax(x)_c
 *
 * e is label_smoothing, w the weights of the classes. 'mean' divides the sum of a batch by the sum of
 * the w_t. Class probabilities as targets are not taken. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"
#include "train/loss.h"

enum { WEIGHT, SIZE_AVERAGE, IGNORE_INDEX, REDUCE, REDUCTION, LABEL_SMOOTHING };
enum { MEAN, SUM, NONE };

/* Weights below 0 would reward mistakes; a row of weights 0 alone teaches nothing. */
static linnet_status take_weights(ln_loss *loss, const ln_py_node *list, linnet_error *error)
{
    size_t count = 0;
    bool any = false;
    for (const ln_py_node *item = list->children; item != NULL; item = item->next) {
        count++;
    }
    loss->weight_count = count;
    loss->weights = ln_alloc(count, sizeof *loss->weights);
    if (loss->weights == NULL) {
        return ln_fail_memory(error, count * sizeof *loss->weights, "the weights of the classes");
    }
    size_t i = 0;
    for (const ln_py_node *item = list->children; item != NULL; item = item->next, i++) {
        double weight = NAN;
        if (!ln_py_number(item, &weight) || !(weight >= 0 && isfinite((float)weight))) {
            return ln_fail(error, LINNET_ERROR_ARGUMENT,
                           "weight of class %zu: expected a number from 0 on, found %.*s", i,
                           LN_PY_SHOWN(item->text));
        }
        loss->weights[i] = (float)weight;
        any = any || loss->weights[i] > 0;
    }
    return any ? LINNET_OK
               : ln_fail(error, LINNET_ERROR_ARGUMENT,
                         "expected a weight above 0 for at least one class, found none");
}

static linnet_status create(ln_loss *loss, const ln_value *values, linnet_error *error)
{
    loss->ignore_index = values[IGNORE_INDEX].integer;
    loss->sum = values[REDUCTION].integer == SUM;
    loss->smoothing = values[LABEL_SMOOTHING].number[0];
    if (values[REDUCTION].integer == NONE) {
        return ln_fail(
            error, LINNET_ERROR_ARGUMENT,
            "grad can be implicitly created only for scalar outputs (reduction has to be "
            "'mean' or 'sum' in training)");
    }
    if (!(loss->smoothing >= 0 && loss->smoothing <= 1)) {
        char text[LN_NUMBER_TEXT];
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "label_smoothing must be between 0.0 and 1.0. Got: %s",
                       ln_print_double(loss->smoothing, text));
    }
    return values[WEIGHT].none ? LINNET_OK : take_weights(loss, values[WEIGHT].list, error);
}

static float row(const ln_loss *loss, const ln_kernels *kernels, size_t features,
                 const float *logits, size_t target, float scale, float *gradient)
{
    if (loss->smoothing != 0) {
        float chosen = (float)(1 - loss->smoothing) * loss->weights[target];
        float rest = (float)(loss->smoothing / (double)features);
        return kernels->smooth_cross_entropy(features, logits, loss->weights, loss->total, target,
                                             chosen, rest, scale, gradient);
    }
    if (loss->weights == NULL) {
        return kernels->cross_entropy(features, logits, target, scale, gradient);
    }
    float weight = loss->weights[target];
    return weight * kernels->cross_entropy(features, logits, target, weight * scale, gradient);
}

const ln_loss_type ln_cross_entropy_loss_type = {
    .signature = {"CrossEntropyLoss",
                  6,
                  {{"weight", LN_KIND_LIST, "None", LN_REPR_NEVER},
                   {"size_average", LN_KIND_NONE, "None", LN_REPR_NEVER},
                   {"ignore_index", LN_KIND_INT, "-100", LN_REPR_NEVER},
                   {"reduce", LN_KIND_NONE, "None", LN_REPR_NEVER},
                   {"reduction", LN_KIND_CHOICE, "mean|sum|none", LN_REPR_NEVER},
                   {"label_smoothing", LN_KIND_FLOAT, "0.0", LN_REPR_NEVER}}},
    .task = LINNET_TASK_CLASSIFICATION,
    .create = create,
    .row = row,
};
