/* unflatten.c - torch.nn.Unflatten(dim, unflattened_size): one dimension as several; no element
 * moves.
 *
 * Named dimensions (dim as a str) are not read. */
#include "base/error.h"
#include "nn/nn.h"

enum { DIM, SIZES };

/* The sizes with what stands for -1 worked out, as torch.Tensor.unflatten has it. */
static linnet_status infer_sizes(const ln_value *value, int64_t numel, int dim, int64_t *sizes,
                                 linnet_error *error)
{
    int64_t known = 1;
    int inferred = -1;
    for (int i = 0; i < value->size_count; i++) {
        sizes[i] = value->sizes[i];
        if (sizes[i] == -1 && inferred >= 0) {
            return ln_fail(error, LINNET_ERROR_SHAPE, "only one dimension can be inferred");
        }
        if (sizes[i] < -1) {
            return ln_fail(error, LINNET_ERROR_SHAPE, "invalid shape dimension %lld",
                           (long long)sizes[i]);
        }
        if (sizes[i] == -1) {
            inferred = i;
        } else if (__builtin_mul_overflow(known, sizes[i], &known)) {
            known = INT64_MAX;
        }
    }
    bool fits = inferred < 0 ? known == numel : known > 0 && numel % known == 0;
    if (!fits) {
        ln_shape given = {.rank = value->size_count};
        for (int i = 0; i < value->size_count; i++) {
            given.size[i] = value->sizes[i];
        }
        char text[256];
        return ln_fail(
            error, LINNET_ERROR_SHAPE,
            "unflatten: Provided sizes %s don't multiply up to the size of dim %d (%lld) "
            "in the input tensor",
            ln_shape_text(&given, text, sizeof text), dim, (long long)numel);
    }
    if (inferred >= 0) {
        sizes[inferred] = numel / known;
    }
    return LINNET_OK;
}

static linnet_status shape_rule(const ln_module *module, ln_shape *shape, linnet_error *error)
{
    const ln_value *value = &module->values[SIZES];
    int dim = 0;
    int64_t sizes[LN_MAX_SIZES];
    linnet_status status = ln_module_dim(module, module->values[DIM].integer, shape, &dim, error);
    if (status == LINNET_OK && value->size_count == 0) {
        status = ln_fail(error, LINNET_ERROR_SHAPE, "unflatten: sizes must be non-empty");
    }
    if (status == LINNET_OK) {
        status = infer_sizes(value, shape->size[dim], dim, sizes, error);
    }
    if (status == LINNET_OK && shape->rank + value->size_count - 1 > LINNET_MAX_RANK) {
        status =
            ln_fail(error, LINNET_ERROR_UNSUPPORTED, "expected at most %d dimensions, found %d",
                    LINNET_MAX_RANK, shape->rank + value->size_count - 1);
    }
    if (status != LINNET_OK) {
        return status;
    }
    ln_shape unflattened = {.rank = 0};
    for (int i = 0; i < shape->rank; i++) {
        for (int j = 0; i == dim && j < value->size_count; j++) {
            unflattened.size[unflattened.rank++] = sizes[j];
        }
        if (i != dim) {
            unflattened.size[unflattened.rank++] = shape->size[i];
        }
    }
    *shape = unflattened;
    return LINNET_OK;
}

const ln_module_type ln_unflatten_type = {
    .signature = {"Unflatten",
                  LN_PARAMETERS({"dim", LN_KIND_INT, NULL, LN_REPR_ALWAYS},
                                {"unflattened_size", LN_KIND_SIZES, NULL, LN_REPR_ALWAYS})},
    .role = LN_ROLE_SHAPE,
    .shape = shape_rule,
};
