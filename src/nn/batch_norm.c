/* batch_norm.c - torch.nn.BatchNorm1d: each channel less its mean, by its standard deviation, times
 * weight plus bias (Ioffe and Szegedy, 2015).
 *
 * What the module is, and its eval form with running statistics, which is elementwise. Statistics
 * of a batch, the running ones and backward are plan/batch.c's. */
#include "nn/batch_norm.h"

#include <math.h>

#include "base/error.h"

enum { NUM_FEATURES, EPS, MOMENTUM, AFFINE, TRACK };

#ifdef LN_RECORDS
static linnet_status check(const ln_value *values, linnet_error *error)
{
    long long features = (long long)values[NUM_FEATURES].integer;
    bool sized = values[AFFINE].integer != 0 || values[TRACK].integer != 0;
    return features >= 0 || !sized
               ? LINNET_OK
               : ln_fail(error, LINNET_ERROR_ARGUMENT,
                         "Trying to create tensor with negative dimension %lld: [%lld]", features,
                         features);
}

static linnet_status shape_rule(const ln_module *module, ln_shape *shape, linnet_error *error)
{
    const ln_value *values = module->values;
    if (shape->rank != 2 && shape->rank != 3) {
        return ln_fail(error, LINNET_ERROR_SHAPE, "expected 2D or 3D input (got %dD input)",
                       shape->rank);
    }
    bool track = values[TRACK].integer != 0;
    if (shape->size[1] != values[NUM_FEATURES].integer && (track || values[AFFINE].integer != 0)) {
        return ln_fail(error, LINNET_ERROR_SHAPE, "%s should contain %lld elements not %lld",
                       track ? "running_mean" : "weight", (long long)shape->size[1],
                       (long long)values[NUM_FEATURES].integer);
    }
    return LINNET_OK;
}

static void layout(const ln_module *module, const ln_shape *shape, ln_layout *layout)
{
    (void)module;
    layout->in = layout->out = (size_t)ln_shape_numel(shape, 1);
    layout->inner = (size_t)ln_shape_numel(shape, 2);
}
#endif

/* Where the buffers begin. */
static int first_buffer(const ln_value *values)
{
    return values[AFFINE].integer != 0 ? 2 : 0;
}

#ifdef LN_RECORDS
static bool weight(const ln_value *values, int i, ln_weight *weight)
{
    static const char *const names[] = {"weight", "bias"};
    static const char *const buffers[] = {"running_mean", "running_var"};
    int first = first_buffer(values);
    int64_t features = values[NUM_FEATURES].integer;
    if (i >= first + 3 || (i >= first && values[TRACK].integer == 0)) {
        return false;
    }
    if (i == first + 2) {
        *weight = (ln_weight){.name = "num_batches_tracked", .counts = true, .buffer = true};
        return true;
    }
    *weight = (ln_weight){.name = i < first ? names[i] : buffers[i - first],
                          .shape = {.rank = 1, .size = {features}},
                          .buffer = i >= first};
    return true;
}

static void reset(ln_module *module, ln_torch_generator *generator)
{
    (void)generator;
    int first = first_buffer(module->values);
    if (first > 0) {
        ln_tensor_fill(&module->weights[0], 1);
        ln_tensor_fill(&module->weights[1], 0);
    }
    if (module->values[TRACK].integer != 0) {
        ln_tensor_fill(&module->weights[first], 0);
        ln_tensor_fill(&module->weights[first + 1], 1);
        *(int64_t *)module->weights[first + 2].data = 0;
    }
}
#endif

ln_batch_norm ln_batch_norm_of(const ln_module *module)
{
    const ln_value *values = module->values;
    const linnet_tensor *weights = module->weights;
    int first = first_buffer(values);
    ln_batch_norm norm = {.eps = (ln_real)values[EPS].number[0],
                          .cumulative = values[MOMENTUM].none,
                          .momentum = values[MOMENTUM].number[0]};
    if (first > 0) {
        norm.weight = weights[0].data;
        norm.bias = weights[1].data;
    }
    if (values[TRACK].integer != 0) {
        norm.running_mean = weights[first].data;
        norm.running_var = weights[first + 1].data;
        norm.num_batches_tracked = weights[first + 2].data;
    }
    return norm;
}

/* An eval plan's copy of running_var becomes 1 / sqrt(running_var + eps). */
static void prepare(const ln_module *module, size_t width)
{
    ln_batch_norm norm = ln_batch_norm_of(module);
    for (size_t i = 0; i < width; i++) {
        norm.running_var[i] = 1.0f / ln_sqrt(norm.running_var[i] + norm.eps);
    }
}

static void forward(const ln_stretch *stretch, const ln_real *x, ln_real *y)
{
    ln_batch_norm norm = ln_batch_norm_of(stretch->module);
    size_t at = stretch->column;
    stretch->kernels->batch_norm(stretch->count, x, norm.running_mean + at, norm.running_var + at,
                                 norm.weight != NULL ? norm.weight + at : NULL,
                                 norm.bias != NULL ? norm.bias + at : NULL, y);
}

LN_MATH(ln_module_math, ln_batch_norm1d_math) = {.prepare = prepare, .forward = forward};

#ifdef LN_RECORDS
const ln_module_type ln_batch_norm1d_type = {
    .signature = {"BatchNorm1d",
                  LN_PARAMETERS({"num_features", LN_KIND_INT, NULL, LN_REPR_VALUE},
                                {"eps", LN_KIND_FLOAT, "1e-05", LN_REPR_ALWAYS},
                                {"momentum", LN_KIND_NUMBER, "0.1", LN_REPR_ALWAYS},
                                {"affine", LN_KIND_BOOL, "True", LN_REPR_ALWAYS},
                                {"track_running_stats", LN_KIND_BOOL, "True", LN_REPR_ALWAYS},
                                {"device", LN_KIND_NONE, "None", LN_REPR_NEVER},
                                {"dtype", LN_KIND_NONE, "None", LN_REPR_NEVER})},
    .role = LN_ROLE_BATCH,
    .check = check,
    .shape = shape_rule,
    .layout = layout,
    .weight = weight,
    .reset = reset,
    .math = LN_MATHS(ln_batch_norm1d_math),
};
#endif
