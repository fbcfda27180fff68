/* bce_with_logits_loss.c - torch.nn.BCEWithLogitsLoss: several labels a row, each there or not.
 *
 *     l_j = w_j (p_j t_j softplus(-x_j) + (1 - t_j) softplus(x_j))
 *
 * w is weight, p pos_weight; softplus(-x) = -log(sigmoid(x)). Nothing in this form cancels, in the
 * gradient neither, however far x is from 0. */
#include <math.h>

#include "base/checked.h"
#include "numeric/rowsum.h"
#include "train/loss.h"

enum { WEIGHT, SIZE_AVERAGE, REDUCE, REDUCTION, POS_WEIGHT };

/* Outputs that are worked on together, a multiple of 16. */
#define PIECE 64

#ifdef LN_RECORDS
static linnet_status create(ln_loss *loss, const ln_value *values, linnet_error *error)
{
    linnet_status status =
        ln_loss_take_list(&loss->weights, &values[WEIGHT], "weight", "label", error);
    return status == LINNET_OK ? ln_loss_take_list(&loss->pos_weights, &values[POS_WEIGHT],
                                                   "pos_weight", "label", error)
                               : status;
}
#endif

/* f(x) and f(-x) of an activation. */
static void both_ways(const ln_kernels *kernels, ln_activation_index index, size_t count,
                      const ln_real *x, ln_real *at, ln_real *at_negative)
{
    static const ln_real parameters[2] = {1, INFINITY}; /* Softplus' beta and threshold */
    ln_real negative[PIECE];
    for (size_t j = 0; j < count; j++) {
        negative[j] = -x[j];
    }
    kernels->activation[index].forward(count, parameters, x, at);
    kernels->activation[index].forward(count, parameters, negative, at_negative);
}

/* Outputs first .. first + count - 1; their losses are added to sums. */
static void piece(const ln_loss *loss, const ln_kernels *kernels, size_t first, size_t count,
                  const ln_real *x, const ln_target *target, ln_real scale, ln_real *gradient,
                  ln_real sums[16])
{
    const ln_real *weights = loss->weights.values, *pos_weights = loss->pos_weights.values;
    ln_real cost[PIECE], cost_negative[PIECE], slope[PIECE], slope_negative[PIECE];
    both_ways(kernels, LN_ACTIVATION_softplus, count, x + first, cost, cost_negative);
    if (gradient != NULL) {
        both_ways(kernels, LN_ACTIVATION_sigmoid, count, x + first, slope, slope_negative);
    }
    for (size_t j = 0; j < count; j++) {
        ln_real there = (ln_real)target->values[first + j], absent = 1 - there;
        there = pos_weights != NULL ? pos_weights[first + j] * there : there;
        ln_real value = there * cost_negative[j] + absent * cost[j];
        value = weights != NULL ? weights[first + j] * value : value;
        sums[j % 16] = sums[j % 16] + value;
        if (gradient != NULL) {
            ln_real g = absent * slope[j] - there * slope_negative[j];
            g = weights != NULL ? weights[first + j] * g : g;
            gradient[first + j] = g * scale;
        }
    }
}

static ln_real row(const ln_loss *loss, const ln_kernels *kernels, size_t features,
                   const ln_real *outputs, const ln_target *target, ln_real scale,
                   ln_real *gradient)
{
    ln_real sums[16] = {0};
    for (size_t first = 0; first < features; first += PIECE) {
        piece(loss, kernels, first, ln_min_size(PIECE, features - first), outputs, target,
              (ln_real)target->weight * scale, gradient, sums);
    }
    return (ln_real)target->weight * ln_tree16(sums);
}

LN_MATH(ln_loss_math, ln_bce_with_logits_loss_math) = {.row = row};

#ifdef LN_RECORDS
const ln_loss_type ln_bce_with_logits_loss_type = {
    .signature = {"BCEWithLogitsLoss",
                  LN_PARAMETERS({"weight", LN_KIND_LIST, "None", LN_REPR_NEVER},
                                LN_LOSS_OLD("size_average"), LN_LOSS_OLD("reduce"),
                                LN_LOSS_REDUCTION,
                                {"pos_weight", LN_KIND_LIST, "None", LN_REPR_NEVER})},
    .task = LINNET_TASK_MULTILABEL,
    .values = true,
    .unit = true,
    .elementwise = true,
    .sizes = "Target size (%s) must be the same as input size (%s)",
    .create = create,
    .math = LN_MATHS(ln_bce_with_logits_loss_math),
};
#endif
