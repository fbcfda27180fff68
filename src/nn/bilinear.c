/* bilinear.c - torch.nn.Bilinear(in1_features, in2_features, out_features, bias=True) as a module:
 * constructor, parameters, initial values.
 *
 * It takes two inputs, so it cannot stand in a model's chain, and its shape rule says so;
 * linnet_bilinear computes it (functional_bilinear.c). */
#include <math.h>

#include "base/error.h"
#include "nn/nn.h"

enum { IN1_FEATURES, IN2_FEATURES, OUT_FEATURES, WITH_BIAS };

static linnet_status check(const ln_value *values, linnet_error *error)
{
    ln_shape shape = {.rank = 3,
                      .size = {values[OUT_FEATURES].integer, values[IN1_FEATURES].integer,
                               values[IN2_FEATURES].integer}};
    for (int i = 0; i < shape.rank; i++) {
        if (shape.size[i] < 0) {
            char text[128];
            return ln_fail(error, LINNET_ERROR_ARGUMENT,
                           "Trying to create tensor with negative dimension %lld: %s",
                           (long long)shape.size[i], ln_shape_text(&shape, text, sizeof text));
        }
    }
    return shape.size[1] != 0 ? LINNET_OK
                              : ln_fail(error, LINNET_ERROR_ARGUMENT,
                                        "ZeroDivisionError: in1_features cannot be 0 for Bilinear");
}

static linnet_status shape_rule(const ln_module *module, ln_shape *shape, linnet_error *error)
{
    (void)module, (void)shape;
    return ln_fail(
        error, LINNET_ERROR_UNSUPPORTED,
        "Bilinear.forward() missing 1 required positional argument: 'input2' (it takes two "
        "inputs and cannot stand in a chain of modules; linnet_bilinear computes it)");
}

static bool weight(const ln_value *values, int i, ln_weight *weight)
{
    int64_t out = values[OUT_FEATURES].integer;
    if (i == 0) {
        *weight = (ln_weight){
            .name = "weight",
            .shape = {.rank = 3,
                      .size = {out, values[IN1_FEATURES].integer, values[IN2_FEATURES].integer}}};
        return true;
    }
    *weight = (ln_weight){.name = "bias", .shape = {.rank = 1, .size = {out}}};
    return i == 1 && values[WITH_BIAS].integer != 0;
}

static void reset(ln_module *module, ln_torch_generator *generator)
{
    double bound = 1 / sqrt((double)module->values[IN1_FEATURES].integer);
    for (int i = 0; i < module->weight_count; i++) {
        ln_weight_uniform(&module->weights[i], generator, bound);
    }
}

const ln_module_type ln_bilinear_type = {
    .signature = {"Bilinear", LN_PARAMETERS({"in1_features", LN_KIND_INT, NULL, LN_REPR_ALWAYS},
                                            {"in2_features", LN_KIND_INT, NULL, LN_REPR_ALWAYS},
                                            {"out_features", LN_KIND_INT, NULL, LN_REPR_ALWAYS},
                                            {"bias", LN_KIND_BOOL, "True", LN_REPR_ALWAYS},
                                            {"device", LN_KIND_NONE, "None", LN_REPR_NEVER},
                                            {"dtype", LN_KIND_NONE, "None", LN_REPR_NEVER})},
    .role = LN_ROLE_SHAPE,
    .check = check,
    .shape = shape_rule,
    .weight = weight,
    .reset = reset,
    .reset_draws = true,
};
