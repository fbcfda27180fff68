/* norm.c - torch.nn.LayerNorm and torch.nn.RMSNorm: each vector less its mean (LayerNorm only) and
 * divided by its root mean square, times weight plus bias (Ba et al., 2016; Zhang and Sennrich,
 * 2019).
 *
 * A vector is the last dimensions, as many as normalized_shape has. Forward keeps mean and
 * 1 / sqrt(mean square + eps) of each vector for backward. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "nn/nn.h"

/* RMSNorm has no BIAS. */
enum { NORMALIZED_SHAPE, EPS, ELEMENTWISE_AFFINE, BIAS };
enum { MEAN, RSTD, KEPT };

#ifdef LN_RECORDS
static ln_shape normalized(const ln_value *values)
{
    const ln_value *value = &values[NORMALIZED_SHAPE];
    ln_shape shape = {.rank = value->size_count};
    memcpy(shape.size, value->sizes, (size_t)value->size_count * sizeof *value->sizes);
    return shape;
}

static linnet_status check(const ln_value *values, linnet_error *error)
{
    ln_shape shape = normalized(values);
    for (int i = 0; i < shape.rank && values[ELEMENTWISE_AFFINE].integer != 0; i++) {
        if (shape.size[i] < 0) {
            char text[256];
            return ln_fail(error, LINNET_ERROR_ARGUMENT,
                           "Trying to create tensor with negative dimension %lld: %s",
                           (long long)shape.size[i], ln_shape_text(&shape, text, sizeof text));
        }
    }
    return LINNET_OK;
}

static linnet_status shape_rule(const ln_module *module, ln_shape *shape, linnet_error *error)
{
    ln_shape wanted = normalized(module->values);
    if (wanted.rank == 0) {
        return ln_fail(
            error, LINNET_ERROR_SHAPE,
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at "
            "least one element, but got normalized_shape = []");
    }
    int before = shape->rank - wanted.rank;
    bool fits = before >= 0;
    for (int i = 0; fits && i < wanted.rank; i++) {
        fits = shape->size[before + i] == wanted.size[i];
    }
    if (!fits) {
        char wanted_text[256], text[256];
        ln_shape_text(&wanted, wanted_text, sizeof wanted_text);
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "Given normalized_shape=%s, expected input with shape [*, %s, but got input "
                       "of size%s",
                       wanted_text, wanted_text + 1, ln_shape_text(shape, text, sizeof text));
    }
    if (before == 0) {
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                       "%s over the rows of a batch: a model keeps them apart; expected a "
                       "normalized_shape of fewer dimensions than the input has, found %d",
                       module->type->signature.name, wanted.rank);
    }
    return LINNET_OK;
}

static void layout(const ln_module *module, const ln_shape *shape, ln_layout *layout)
{
    (void)shape;
    ln_shape vector = normalized(module->values);
    layout->in = layout->out = (size_t)ln_shape_numel(&vector, 0);
    layout->kept = KEPT;
}

static bool rms_weight(const ln_value *values, int i, ln_weight *weight)
{
    *weight = (ln_weight){.name = "weight", .shape = normalized(values)};
    return i == 0 && values[ELEMENTWISE_AFFINE].integer != 0;
}

static bool layer_weight(const ln_value *values, int i, ln_weight *weight)
{
    bool bias = i == 1 && values[BIAS].integer != 0 && values[ELEMENTWISE_AFFINE].integer != 0;
    bool is_there = rms_weight(values, bias ? 0 : i, weight);
    weight->name = bias ? "bias" : weight->name;
    return is_there;
}

static void reset(ln_module *module, ln_torch_generator *generator)
{
    (void)generator;
    for (int i = 0; i < module->weight_count; i++) {
        ln_tensor_fill(&module->weights[i], i == 0 ? 1 : 0);
    }
}
#endif

/* Weight i as laid out; NULL where there is none. */
static const ln_real *weight_of(const ln_stretch *stretch, int i)
{
    const ln_module *module = stretch->module;
    return i < module->weight_count ? module->weights[i].data : NULL;
}

static void normalize(const ln_stretch *stretch, ln_real mean, ln_real eps, const ln_real *x,
                      ln_real *y)
{
    size_t n = stretch->count;
    ln_real square = stretch->kernels->square_sum(n, x, mean) / (ln_real)n;
    ln_real rstd = 1.0f / ln_sqrt(square + eps);
    stretch->kept[MEAN] = mean;
    stretch->kept[RSTD] = rstd;
    stretch->kernels->norm(n, x, mean, rstd, weight_of(stretch, 0), weight_of(stretch, 1), y);
}

static void layer_forward(const ln_stretch *stretch, const ln_real *x, ln_real *y)
{
    ln_real mean = stretch->kernels->total(stretch->count, x) / (ln_real)stretch->count;
    normalize(stretch, mean, (ln_real)stretch->module->values[EPS].number[0], x, y);
}

static void rms_forward(const ln_stretch *stretch, const ln_real *x, ln_real *y)
{
    const ln_value *eps = &stretch->module->values[EPS];
    normalize(stretch, 0, eps->none ? LN_REAL_EPSILON : (ln_real)eps->number[0], x, y);
}

static void backward_centered(const ln_stretch *stretch, bool centered, const ln_real *x,
                              const ln_real *dy, ln_real *dx)
{
    stretch->kernels->norm_backward(stretch->count, x, stretch->kept[MEAN], stretch->kept[RSTD],
                                    centered, weight_of(stretch, 0), dy, dx);
}

static void layer_backward(const ln_stretch *stretch, const ln_real *x, const ln_real *dy,
                           ln_real *dx)
{
    backward_centered(stretch, true, x, dy, dx);
}

static void rms_backward(const ln_stretch *stretch, const ln_real *x, const ln_real *dy,
                         ln_real *dx)
{
    backward_centered(stretch, false, x, dy, dx);
}

static void terms(const ln_stretch *stretch, int i, const ln_real *x, const ln_real *dy,
                  ln_real *terms)
{
    if (i == 0) {
        stretch->kernels->norm_terms(stretch->count, x, stretch->kept[MEAN], stretch->kept[RSTD],
                                     dy, terms);
    } else {
        memcpy(terms, dy, stretch->count * sizeof *terms);
    }
}

LN_MATH(ln_module_math, ln_layer_norm_math) = {
    .forward = layer_forward, .backward = layer_backward, .terms = terms};
LN_MATH(ln_module_math,
        ln_rms_norm_math) = {.forward = rms_forward, .backward = rms_backward, .terms = terms};

#ifdef LN_RECORDS
#define NORM_FIELDS                                                                                \
    .role = LN_ROLE_ROW, .backward_sees_x = true, .check = check, .shape = shape_rule,             \
    .layout = layout, .reset = reset

const ln_module_type ln_layer_norm_type = {
    .signature = {"LayerNorm",
                  LN_PARAMETERS({"normalized_shape", LN_KIND_SHAPE, NULL, LN_REPR_VALUE},
                                {"eps", LN_KIND_FLOAT, "1e-05", LN_REPR_ALWAYS},
                                {"elementwise_affine", LN_KIND_BOOL, "True", LN_REPR_ALWAYS},
                                {"bias", LN_KIND_BOOL, "True", LN_REPR_IF_SET},
                                {"device", LN_KIND_NONE, "None", LN_REPR_NEVER},
                                {"dtype", LN_KIND_NONE, "None", LN_REPR_NEVER})},
    NORM_FIELDS,
    .weight = layer_weight,
    .math = LN_MATHS(ln_layer_norm_math),
};

const ln_module_type ln_rms_norm_type = {
    .signature = {"RMSNorm",
                  LN_PARAMETERS({"normalized_shape", LN_KIND_SHAPE, NULL, LN_REPR_VALUE},
                                {"eps", LN_KIND_NUMBER, "None", LN_REPR_ALWAYS},
                                {"elementwise_affine", LN_KIND_BOOL, "True", LN_REPR_ALWAYS},
                                {"device", LN_KIND_NONE, "None", LN_REPR_NEVER},
                                {"dtype", LN_KIND_NONE, "None", LN_REPR_NEVER})},
    NORM_FIELDS,
    .weight = rms_weight,
    .math = LN_MATHS(ln_rms_norm_math),
};
#endif
