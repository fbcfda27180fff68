/* loss_rows.c - what losses compute together: weights, sums over a row's outputs, reduction; and
 * what a row's outputs predict. */
#include <math.h>

#include "numeric/rowsum.h"
#include "train/classes.h"
#include "train/targets.h"

/* ---- lists ---- */

/* One number stands for all; none for 1. */
static void fill(ln_loss_list *list, size_t features)
{
    for (size_t i = 0; list->values != NULL && i < features; i++) {
        list->values[i] =
            list->given > 0 ? (ln_real)list->numbers[list->given > 1 ? i : 0] : (ln_real)1;
    }
}

void LN_REAL_NAME(ln_loss_fill)(ln_loss *loss, size_t features)
{
    ln_real part[16] = {0};
    fill(&loss->weights, features);
    fill(&loss->pos_weights, features);
    for (size_t i = 0; loss->weights.values != NULL && i < features; i++) {
        part[i % 16] = part[i % 16] + loss->weights.values[i];
    }
    loss->total = (double)(loss->weights.values != NULL ? ln_tree16(part) : (ln_real)features);
}

/* ---- rows ---- */

ln_real ln_loss_row_weight(const ln_loss *loss, const ln_target *target)
{
    if (!ln_loss_counts(loss, target)) {
        return 0;
    }
    bool by_class = target->values == NULL && loss->weights.values != NULL;
    return by_class ? (ln_real)target->weight * loss->weights.values[target->label]
                    : (ln_real)target->weight;
}

ln_real ln_loss_sum_parts(const ln_loss *loss, ln_loss_part part, size_t features,
                          const ln_real *outputs, const ln_target *target, ln_real scale,
                          ln_real *gradient)
{
    ln_real sums[16] = {0};
    const ln_real factor = (ln_real)target->weight * scale;
    for (size_t j = 0; j < features; j++) {
        ln_loss_element element = part(loss, outputs[j], (ln_real)target->values[j]);
        if (loss->weights.values != NULL) {
            element.value = element.value * loss->weights.values[j];
            element.slope = element.slope * loss->weights.values[j];
        }
        sums[j % 16] = sums[j % 16] + element.value;
        if (gradient != NULL) {
            gradient[j] = element.slope * factor;
        }
    }
    return (ln_real)target->weight * ln_tree16(sums);
}

/* ---- reduction ---- */

ln_real ln_loss_mean(const ln_loss *loss, ln_real loss_sum, ln_real weight_sum)
{
    return loss_sum / (weight_sum * (ln_real)loss->elements);
}

ln_real ln_loss_scale(const ln_loss *loss, ln_real weight_sum)
{
    if (loss->sum) {
        return 1;
    }
    return weight_sum > 0 ? 1.0f / (weight_sum * (ln_real)loss->elements) : 0;
}

ln_real ln_loss_reduce(const ln_loss *loss, ln_real loss_sum, ln_real weight_sum)
{
    return loss->sum ? loss_sum : ln_loss_mean(loss, loss_sum, weight_sum);
}

/* ---- what outputs say ---- */

size_t ln_predicted_class(size_t n, const ln_real *logits)
{
    size_t largest = 0;
    for (size_t i = 1; i < n && !isnan(logits[largest]); i++) {
        if (logits[i] > logits[largest] || isnan(logits[i])) {
            largest = i;
        }
    }
    return largest;
}

bool ln_target_met(const ln_loss *loss, size_t features, const ln_real *outputs,
                   const ln_target *target)
{
    switch (loss->type->task) {
    case LINNET_TASK_CLASSIFICATION:
        return ln_predicted_class(features, outputs) ==
               (target->values != NULL ? ln_likeliest(features, target->values)
                                       : (size_t)target->label);
    case LINNET_TASK_MULTILABEL:
        for (size_t i = 0; i < features; i++) {
            if ((outputs[i] > (ln_real)loss->type->threshold) != (target->values[i] >= 0.5)) {
                return false;
            }
        }
        return true;
    case LINNET_TASK_REGRESSION: break;
    }
    return false;
}
