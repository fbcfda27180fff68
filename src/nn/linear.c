/* linear.c - torch.nn.Linear(in_features, out_features, bias=True): y = x W^T + b, and
 * torch.nn.LazyLinear(out_features, bias=True), whose in_features are those of its first input.
 *
 * What the modules are: constructor, shape rule, parameters, initial values. Products are lowered
 * by src/plan, because what stands around a product is fused into it. A LazyLinear stands in a
 * model until its input is known; then ln_model_materialize puts a Linear in its place. */
#include "base/error.h"
#include "base/memory.h"
#include "nn/nn.h"

#include <math.h>

enum { IN_FEATURES, OUT_FEATURES, BIAS, DEVICE, DTYPE };

static linnet_status check(const ln_value *values, linnet_error *error)
{
    for (int i = IN_FEATURES; i <= OUT_FEATURES; i++) {
        if (values[i].integer < 0) {
            return ln_fail(error, LINNET_ERROR_ARGUMENT,
                           "Trying to create tensor with negative dimension %lld: [%lld, %lld]",
                           (long long)values[i].integer, (long long)values[OUT_FEATURES].integer,
                           (long long)values[IN_FEATURES].integer);
        }
    }
    return LINNET_OK;
}

static linnet_status shape_rule(const ln_module *module, ln_shape *shape, linnet_error *error)
{
    int64_t in = module->values[IN_FEATURES].integer;
    int64_t out = module->values[OUT_FEATURES].integer;
    int last = shape->rank - 1;
    if (last < 0 || shape->size[last] != in) {
        int64_t width = last < 0 ? 1 : shape->size[last];
        int64_t rows = 1;
        for (int i = 0; i < last; i++) {
            rows *= shape->size[i];
        }
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "mat1 and mat2 shapes cannot be multiplied (%lldx%lld and %lldx%lld)",
                       (long long)rows, (long long)width, (long long)in, (long long)out);
    }
    shape->size[last] = out;
    return LINNET_OK;
}

static bool weight(const ln_value *values, int i, ln_weight *weight)
{
    int64_t in = values[IN_FEATURES].integer;
    int64_t out = values[OUT_FEATURES].integer;
    if (i == 0) {
        *weight = (ln_weight){.name = "weight", .shape = {.rank = 2, .size = {out, in}}};
        return true;
    }
    if (i == 1 && values[BIAS].integer != 0) {
        *weight = (ln_weight){.name = "bias", .shape = {.rank = 1, .size = {out}}};
        return true;
    }
    return false;
}

/* kaiming_uniform_(weight, a=sqrt(5)) and uniform_(bias, -1/sqrt(in), 1/sqrt(in)), computed in
 * double in the order of torch.nn.init. A weight without elements draws nothing. */
static void reset(ln_module *module, ln_torch_generator *generator)
{
    int64_t in = module->values[IN_FEATURES].integer;
    double a = sqrt(5);
    double gain = sqrt(2.0 / (1 + a * a));
    double bound = in > 0 ? sqrt(3.0) * (gain / sqrt((double)in)) : 0;
    ln_weight_uniform(&module->weights[0], generator, bound);
    if (module->weight_count > 1) {
        bound = in > 0 ? 1 / sqrt((double)in) : 0;
        ln_weight_uniform(&module->weights[1], generator, bound);
    }
}

const ln_module_type ln_linear_type = {
    .signature = {"Linear", LN_PARAMETERS({"in_features", LN_KIND_INT, NULL, LN_REPR_ALWAYS},
                                          {"out_features", LN_KIND_INT, NULL, LN_REPR_ALWAYS},
                                          {"bias", LN_KIND_BOOL, "True", LN_REPR_ALWAYS},
                                          {"device", LN_KIND_NONE, "None", LN_REPR_NEVER},
                                          {"dtype", LN_KIND_NONE, "None", LN_REPR_NEVER})},
    .role = LN_ROLE_LINEAR,
    .check = check,
    .shape = shape_rule,
    .weight = weight,
    .reset = reset,
    .reset_draws = true,
};

/* ---- LazyLinear ---- */

enum { LAZY_OUT_FEATURES, LAZY_BIAS, LAZY_IN_FEATURES = 4 };

static linnet_status lazy_check(const ln_value *values, linnet_error *error)
{
    if (values[LAZY_IN_FEATURES].integer != 0) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected in_features=0 of a LazyLinear, which learns them from its input, "
                       "found %lld",
                       (long long)values[LAZY_IN_FEATURES].integer);
    }
    ln_value linear[LN_MAX_VALUES] = {[OUT_FEATURES] = values[LAZY_OUT_FEATURES]};
    return check(linear, error);
}

static linnet_status lazy_shape_rule(const ln_module *module, ln_shape *shape, linnet_error *error)
{
    int last = 0;
    linnet_status status = ln_module_dim(module, -1, shape, &last, error);
    if (status == LINNET_OK) {
        shape->size[last] = module->values[LAZY_OUT_FEATURES].integer;
    }
    return status;
}

linnet_status ln_linear_of_lazy(const ln_module *lazy, int64_t in_features, linnet_dtype dtype,
                                ln_module **linear, linnet_error *error)
{
    ln_module *made;
    *linear = NULL;
    linnet_status status = ln_alloc_into(&made, 1, sizeof *made, "a module", error);
    if (status != LINNET_OK) {
        return status;
    }
    made->type = &ln_linear_type;
    made->was_lazy = true;
    made->values[IN_FEATURES].integer = in_features;
    made->values[OUT_FEATURES] = lazy->values[LAZY_OUT_FEATURES];
    made->values[BIAS] = lazy->values[LAZY_BIAS];
    made->values[DEVICE].none = made->values[DTYPE].none = true;
    status = ln_module_describe(made, error);
    if (status == LINNET_OK) {
        ln_module_set_dtype(made, dtype);
        status = ln_module_allocate(made, error);
    }
    if (status != LINNET_OK) {
        ln_module_free(made);
        return status;
    }
    *linear = made;
    return LINNET_OK;
}

/* in_features is there because print() shows it. */
const ln_module_type ln_lazy_linear_type = {
    .signature = {"LazyLinear", LN_PARAMETERS({"out_features", LN_KIND_INT, NULL, LN_REPR_ALWAYS},
                                              {"bias", LN_KIND_BOOL, "True", LN_REPR_ALWAYS},
                                              {"device", LN_KIND_NONE, "None", LN_REPR_NEVER},
                                              {"dtype", LN_KIND_NONE, "None", LN_REPR_NEVER},
                                              {"in_features", LN_KIND_INT, "0", LN_REPR_FIRST})},
    .role = LN_ROLE_LAZY,
    .check = lazy_check,
    .shape = lazy_shape_rule,
};
