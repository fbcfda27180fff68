/* bce_loss.c - torch.nn.BCELoss: several labels a row, of probabilities such as Sigmoid gives.
 *
 *     l_j = -w_j (t_j log(x_j) + (1 - t_j) log(1 - x_j)), logarithms no smaller than -100
 *
 * Outside 0 .. 1 it is NaN. Where x is 0 or 1 the gradient is 0, as what PyTorch's Sigmoid makes of
 * its own: ours has a slope there, which must not meet (x - t) / 1e-12. BCEWithLogitsLoss says the
 * same of logits, and more exactly. */
#include <math.h>

#include "numeric/activations.h"
#include "train/loss.h"

enum { WEIGHT, SIZE_AVERAGE, REDUCE, REDUCTION };

#ifdef LN_RECORDS
static linnet_status create(ln_loss *loss, const ln_value *values, linnet_error *error)
{
    return ln_loss_take_list(&loss->weights, &values[WEIGHT], "weight", "label", error);
}
#endif

static ln_real bounded(ln_real logarithm)
{
    return logarithm > -100.0f ? logarithm : -100.0f;
}

static ln_loss_element part(const ln_loss *loss, ln_real x, ln_real t)
{
    (void)loss;
    if (!(x >= 0 && x <= 1)) {
        return (ln_loss_element){NAN, NAN};
    }
    ln_real spread = (1 - x) * x;
    ln_real slope = (x - t) / (spread > LN_REAL(1e-12) ? spread : LN_REAL(1e-12));
    return (ln_loss_element){(t - 1) * bounded(ln_log1p(-x)) - t * bounded(ln_log(x)),
                             spread > 0 ? slope : 0};
}

static ln_real row(const ln_loss *loss, const ln_kernels *kernels, size_t features,
                   const ln_real *outputs, const ln_target *target, ln_real scale,
                   ln_real *gradient)
{
    (void)kernels;
    return ln_loss_sum_parts(loss, part, features, outputs, target, scale, gradient);
}

LN_MATH(ln_loss_math, ln_bce_loss_math) = {.row = row};

#ifdef LN_RECORDS
const ln_loss_type ln_bce_loss_type = {
    .signature = {"BCELoss", LN_PARAMETERS({"weight", LN_KIND_LIST, "None", LN_REPR_NEVER},
                                           LN_LOSS_OLD("size_average"), LN_LOSS_OLD("reduce"),
                                           LN_LOSS_REDUCTION)},
    .task = LINNET_TASK_MULTILABEL,
    .values = true,
    .unit = true,
    .unit_output = true,
    .elementwise = true,
    .threshold = 0.5,
    .sizes = "Using a target size (%s) that is different to the input size (%s) is deprecated. "
             "Please ensure they have the same size.",
    .create = create,
    .math = LN_MATHS(ln_bce_loss_math),
};
#endif
