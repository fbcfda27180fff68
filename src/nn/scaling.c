/* scaling.c - a model's input scaling: x' = (x * scale - mean) / std.
 *
 * Sets and checks the numbers. Applying them is the plans', finding them train/standardize.c's. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/fpenv.h"
#include "base/memory.h"
#include "base/number.h"
#include "nn/nn.h"

void ln_scaling_free(ln_scaling *scaling)
{
    ln_free(scaling->mean);
    ln_free(scaling->std);
    scaling->mean = NULL;
    scaling->std = NULL;
    scaling->features = 0;
}

linnet_status linnet_model_set_scale(linnet_model *model, double scale, linnet_error *error)
{
    ln_fpenv saved = ln_fpenv_enter();
    float rounded = (float)scale;
    ln_fpenv_leave(saved);
    if (!isfinite(rounded) || rounded == 0) {
        char text[LN_NUMBER_TEXT];
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected a scale that is finite and not 0 in float32, found %s",
                       ln_print_double(scale, text));
    }
    model->scaling.scale = rounded;
    return LINNET_OK;
}

static linnet_status check_standard(size_t features, const float *mean, const float *std,
                                    linnet_error *error)
{
    for (size_t i = 0; i < features; i++) {
        if (!isfinite(mean[i]) || !isfinite(std[i]) || std[i] <= 0) {
            char first[LN_NUMBER_TEXT], second[LN_NUMBER_TEXT];
            return ln_fail(error, LINNET_ERROR_ARGUMENT,
                           "expected a finite mean and a finite std above 0 of feature %zu, "
                           "found %s and %s",
                           i, ln_print_float(mean[i], first), ln_print_float(std[i], second));
        }
    }
    return LINNET_OK;
}

static linnet_status copy_floats(const float *source, size_t count, float **copy,
                                 linnet_error *error)
{
    void *block = NULL;
    linnet_status status = ln_alloc_into(&block, count, sizeof **copy, "mean and std", error);
    if (status == LINNET_OK && count > 0) {
        memcpy(block, source, count * sizeof **copy);
    }
    *copy = block;
    return status;
}

linnet_status ln_model_set_standard(linnet_model *model, size_t features, const float *mean,
                                    const float *std, linnet_error *error)
{
    if (features > 0 && model->input.rank >= 0 &&
        ln_shape_numel(&model->input, 0) != (int64_t)features) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "expected mean and std of %lld features, found %zu",
                       (long long)ln_shape_numel(&model->input, 0), features);
    }
    linnet_status status = check_standard(features, mean, std, error);
    if (status != LINNET_OK) {
        return status;
    }
    ln_scaling copy = {.scale = model->scaling.scale, .features = features};
    if (features > 0) {
        status = copy_floats(mean, features, &copy.mean, error);
    }
    if (features > 0 && status == LINNET_OK) {
        status = copy_floats(std, features, &copy.std, error);
    }
    if (status != LINNET_OK) {
        ln_scaling_free(&copy);
        return status;
    }
    ln_scaling_free(&model->scaling);
    model->scaling = copy;
    return LINNET_OK;
}
