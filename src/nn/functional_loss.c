/* functional_loss.c - torch.nn.functional.cross_entropy over class indices, mean over the batch.
 *
 * The rows' losses are summed by rule 2. Class probabilities, class weights, label smoothing and
 * inputs of more than two dimensions are not here. */
#include <math.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/fpenv.h"
#include "base/memory.h"
#include "kernel/kernel.h"
#include "nn/functional.h"

#define IGNORE_INDEX (-100) /* PyTorch's default: rows of this target count for nothing */

/* A target of the input's shape would be class probabilities. */
static linnet_status check_probabilities(const linnet_tensor *input, const linnet_tensor *target,
                                         linnet_error *error)
{
    bool same = input->rank == target->rank;
    for (int d = 0; same && d < input->rank; d++) {
        same = input->shape[d] == target->shape[d];
    }
    if (!same) {
        return LINNET_OK;
    }
    const ln_dtype *row = ln_dtype_row(target->dtype);
    switch (target->dtype) {
    case LINNET_FLOAT32:
    case LINNET_FLOAT64:
    case LINNET_FLOAT16:
    case LINNET_BFLOAT16:
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                       "cross_entropy: expected class indices (int64) as target, found class "
                       "probabilities (%s)",
                       row->name);
    default:
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "Expected floating point type for target with class probabilities, got %s",
                       row != NULL ? row->type_name : "an unknown dtype");
    }
}

static linnet_status check_input(const linnet_tensor *input, linnet_error *error)
{
    if (input->rank == 0) { /* log_softmax over dimension 1 would say so */
        int dim;
        return ln_wrap_dim(1, 0, &dim, error);
    }
    if (input->rank > 2) {
        char text[LN_SHAPE_TEXT];
        ln_shape shape = ln_tensor_shape(input);
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                       "cross_entropy: expected input of shape (N, C) or (C), found %s",
                       ln_shape_text(&shape, text, sizeof text));
    }
    return ln_expect_float32(input, "cross_entropy", "input", error);
}

static linnet_status check_target(const linnet_tensor *input, const linnet_tensor *target,
                                  linnet_error *error)
{
    int64_t batch = target->rank > 0 ? target->shape[0] : 0;
    if (input->rank == 2 && input->shape[0] != batch) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "Expected input batch_size (%lld) to match target batch_size (%lld).",
                       (long long)input->shape[0], (long long)batch);
    }
    if (input->rank == 2 && target->rank == 0) { /* no rows, and no number of targets */
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "Dimension specified as 0 but tensor has no dimensions");
    }
    if (target->rank > 1) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "0D or 1D target tensor expected, multi-target not supported");
    }
    if (input->rank == 1 && target->rank == 1) {
        char text[2][LN_SHAPE_TEXT];
        ln_shape shapes[2] = {ln_tensor_shape(input), ln_tensor_shape(target)};
        return ln_fail(error, LINNET_ERROR_SHAPE, "size mismatch (got input: %s, target: %s)",
                       ln_shape_text(&shapes[0], text[0], sizeof text[0]),
                       ln_shape_text(&shapes[1], text[1], sizeof text[1]));
    }
    if (target->dtype != LINNET_INT64 && target->dtype != LINNET_UINT8) {
        const ln_dtype *row = ln_dtype_row(target->dtype);
        return ln_fail(error, LINNET_ERROR_SHAPE, "expected scalar type Long but found %s",
                       row != NULL ? row->type_name : "an unknown dtype");
    }
    return LINNET_OK;
}

static linnet_status check_bounds(const int64_t *target, size_t batch, size_t classes,
                                  linnet_error *error)
{
    for (size_t i = 0; i < batch; i++) {
        bool inside = target[i] >= 0 && (uint64_t)target[i] < classes;
        if (!inside && target[i] != IGNORE_INDEX) {
            return ln_fail(error, LINNET_ERROR_DATA, "Target %lld is out of bounds.",
                           (long long)target[i]);
        }
    }
    return LINNET_OK;
}

/* NaN for no rows, as PyTorch has it. */
static float mean_loss(const ln_kernels *kernels, size_t batch, size_t classes, const float *x,
                       const int64_t *target, float *losses)
{
    size_t counted = 0;
    ln_fpenv saved = ln_fpenv_enter();
    for (size_t i = 0; i < batch; i++) {
        losses[i] = 0;
        if (target[i] != IGNORE_INDEX) {
            losses[i] =
                kernels->cross_entropy(classes, x + i * classes, (size_t)target[i], 1, NULL);
            counted++;
        }
    }
    float sum = 0;
    ln_sum_columns(kernels, NULL, batch, 1, losses, 1, &sum);
    float mean = sum / (float)counted;
    ln_fpenv_leave(saved);
    return mean;
}

/* x and classes: contiguous. */
static linnet_status fill_loss(const linnet_tensor *x, const linnet_tensor *classes,
                               linnet_tensor *result, linnet_error *error)
{
    size_t batch = (size_t)linnet_tensor_numel(classes);
    size_t class_count = (size_t)x->shape[x->rank - 1];
    const ln_kernels *kernels;
    float *losses = NULL;
    linnet_status status = check_bounds(classes->data, batch, class_count, error);
    if (status == LINNET_OK) {
        status = ln_kernels_select(&kernels, error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&losses, batch, sizeof *losses, "the losses", error);
    }
    if (status == LINNET_OK) {
        status = linnet_tensor_create(LINNET_FLOAT32, 0, NULL, result, error);
    }
    if (status == LINNET_OK) {
        *(float *)result->data =
            mean_loss(kernels, batch, class_count, x->data, classes->data, losses);
    }
    ln_free(losses);
    return status;
}

linnet_status linnet_cross_entropy(const linnet_tensor *input, const linnet_tensor *target,
                                   linnet_tensor *result, linnet_error *error)
{
    *result = (linnet_tensor){0};
    linnet_tensor x = {0};
    linnet_tensor classes = {0};
    linnet_status status = check_probabilities(input, target, error);
    if (status == LINNET_OK) {
        status = check_input(input, error);
    }
    if (status == LINNET_OK) {
        status = check_target(input, target, error);
    }
    if (status == LINNET_OK) {
        status = linnet_tensor_to(input, LINNET_FLOAT32, &x, error);
    }
    if (status == LINNET_OK) {
        status = linnet_tensor_to(target, LINNET_INT64, &classes, error);
    }
    if (status == LINNET_OK) {
        status = fill_loss(&x, &classes, result, error);
    }
    linnet_tensor_free(&x);
    linnet_tensor_free(&classes);
    return status;
}
