/* flatten.c - torch.nn.Flatten(start_dim=1, end_dim=-1): a change of shape; no element moves. */
#include "base/error.h"
#include "nn/nn.h"

enum { START_DIM, END_DIM };

static linnet_status shape_rule(const ln_module *module, ln_shape *shape, linnet_error *error)
{
    int start = 0, end = 0;
    linnet_status status =
        ln_wrap_dim(module->values[START_DIM].integer, shape->rank, &start, error);
    if (status == LINNET_OK) {
        status = ln_wrap_dim(module->values[END_DIM].integer, shape->rank, &end, error);
    }
    if (status != LINNET_OK) {
        return status;
    }
    if (start > end) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "flatten() has invalid args: start_dim cannot come after end_dim");
    }
    if (start == 0 && end > 0) {
        return ln_fail(
            error, LINNET_ERROR_UNSUPPORTED,
            "Flatten(start_dim=0) joins the rows of a batch into one; a model keeps them "
            "apart, so start_dim must be 1 or more");
    }
    ln_shape joined = {.rank = 0};
    int64_t size = 1;
    for (int i = 0; i < shape->rank; i++) {
        size = i > start && i <= end ? size * shape->size[i] : shape->size[i];
        if (i < start || i >= end) {
            joined.size[joined.rank++] = size;
        }
    }
    *shape = joined;
    return LINNET_OK;
}

const ln_module_type ln_flatten_type = {
    .signature = {"Flatten", LN_PARAMETERS({"start_dim", LN_KIND_INT, "1", LN_REPR_ALWAYS},
                                           {"end_dim", LN_KIND_INT, "-1", LN_REPR_ALWAYS})},
    .role = LN_ROLE_SHAPE,
    .shape = shape_rule,
};
