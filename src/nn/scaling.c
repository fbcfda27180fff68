/* scaling.c - a model's input scaling: x' = (x * scale - mean) / std.
 *
 * Sets and checks the numbers. Applying them is the plans', finding them train/standardize.c's. */
#include <math.h>

#include "base/error.h"
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

/* ---- what a model of a dtype can hold ---- */

static linnet_status check_scale(linnet_dtype dtype, double scale, linnet_error *error)
{
    double rounded = ln_rounded(dtype, scale);
    if (!isfinite(rounded) || rounded == 0) {
        char text[LN_NUMBER_TEXT];
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected a scale that is finite and not 0 in %s, found %s",
                       linnet_dtype_name(dtype), ln_print_double(scale, text));
    }
    return LINNET_OK;
}

static linnet_status check_standard(linnet_dtype dtype, size_t features, const double *mean,
                                    const double *std, linnet_error *error)
{
    for (size_t i = 0; i < features; i++) {
        double rounded = ln_rounded(dtype, std[i]);
        if (!isfinite(ln_rounded(dtype, mean[i])) || !isfinite(rounded) || rounded <= 0) {
            char first[LN_NUMBER_TEXT], second[LN_NUMBER_TEXT];
            return ln_fail(error, LINNET_ERROR_ARGUMENT,
                           "expected a finite mean and a finite std above 0 of feature %zu, "
                           "found %s and %s",
                           i, ln_print_rounded(dtype, mean[i], first),
                           ln_print_rounded(dtype, std[i], second));
        }
    }
    return LINNET_OK;
}

linnet_status ln_model_round_scaling(linnet_model *model, linnet_dtype dtype, linnet_error *error)
{
    ln_scaling *scaling = &model->scaling;
    linnet_status status = check_scale(dtype, scaling->scale, error);
    if (status == LINNET_OK) {
        status = check_standard(dtype, scaling->features, scaling->mean, scaling->std, error);
    }
    if (status != LINNET_OK) {
        return status;
    }
    scaling->scale = ln_rounded(dtype, scaling->scale);
    for (size_t i = 0; i < scaling->features; i++) {
        scaling->mean[i] = ln_rounded(dtype, scaling->mean[i]);
        scaling->std[i] = ln_rounded(dtype, scaling->std[i]);
    }
    return LINNET_OK;
}

/* ---- setting it ---- */

linnet_status linnet_model_set_scale(linnet_model *model, double scale, linnet_error *error)
{
    linnet_status status = check_scale(model->dtype, scale, error);
    if (status == LINNET_OK) {
        model->scaling.scale = ln_rounded(model->dtype, scale);
    }
    return status;
}

linnet_status ln_model_set_standard(linnet_model *model, size_t features, const double *mean,
                                    const double *std, linnet_error *error)
{
    if (features > 0 && model->input.rank >= 0 &&
        ln_shape_numel(&model->input, 0) != (int64_t)features) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "expected mean and std of %lld features, found %zu",
                       (long long)ln_shape_numel(&model->input, 0), features);
    }
    ln_scaling copy = {.scale = model->scaling.scale, .features = features};
    linnet_status status = check_standard(model->dtype, features, mean, std, error);
    if (status == LINNET_OK) {
        status = ln_alloc_into(&copy.mean, features, sizeof *copy.mean, "mean and std", error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&copy.std, features, sizeof *copy.std, "mean and std", error);
    }
    for (size_t i = 0; i < features && status == LINNET_OK; i++) {
        copy.mean[i] = ln_rounded(model->dtype, mean[i]);
        copy.std[i] = ln_rounded(model->dtype, std[i]);
    }
    if (status != LINNET_OK) {
        ln_scaling_free(&copy);
        return status;
    }
    ln_scaling_free(&model->scaling);
    model->scaling = copy;
    return LINNET_OK;
}

linnet_status linnet_model_copy_scaling(linnet_model *model, const linnet_model *from,
                                        linnet_error *error)
{
    double before = model->scaling.scale;
    linnet_status status = linnet_model_set_scale(model, from->scaling.scale, error);
    if (status == LINNET_OK) {
        status = ln_model_set_standard(model, from->scaling.features, from->scaling.mean,
                                       from->scaling.std, error);
    }
    if (status != LINNET_OK) {
        model->scaling.scale = before;
    }
    return status;
}
