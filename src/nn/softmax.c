/* softmax.c - torch.nn.Softmax(dim) and torch.nn.LogSoftmax(dim).
 *
 * In a model they run over the last dimension. dim=None is PyTorch's implicit choice: 0 for inputs
 * of rank 0, 1 and 3, else 1. Any other dimension of a tensor is linnet_softmax's. */
#include "base/error.h"
#include "nn/nn.h"

enum { DIM };

static linnet_status shape_rule(const ln_module *module, ln_shape *shape, linnet_error *error)
{
    const ln_value *dim = &module->values[DIM];
    int rank = shape->rank;
    int limit = rank > 0 ? rank : 1;
    int64_t chosen = dim->none ? (rank == 0 || rank == 1 || rank == 3 ? 0 : 1) : dim->integer;
    if (chosen < -limit || chosen >= limit) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "Dimension out of range (expected to be in range of [%d, %d], but got %lld)",
                       -limit, limit - 1, (long long)chosen);
    }
    chosen = chosen < 0 ? chosen + limit : chosen;
    if (chosen != rank - 1 || rank < 2) {
        char text[128];
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                       "%s in a model runs over the last dimension of each row; expected dim=-1 or "
                       "dim=%d, found dim=%lld for input of shape %s",
                       module->type->signature.name, limit - 1, (long long)chosen,
                       ln_shape_text(shape, text, sizeof text));
    }
    return LINNET_OK;
}

static void softmax_forward(const ln_stretch *stretch, const float *x, float *y)
{
    stretch->kernels->softmax(stretch->count, x, y);
}

static void softmax_backward(const ln_stretch *stretch, const float *y, const float *dy, float *dx)
{
    stretch->kernels->softmax_backward(stretch->count, y, dy, dx);
}

static void log_softmax_forward(const ln_stretch *stretch, const float *x, float *y)
{
    stretch->kernels->log_softmax(stretch->count, x, y);
}

static void log_softmax_backward(const ln_stretch *stretch, const float *y, const float *dy,
                                 float *dx)
{
    stretch->kernels->log_softmax_backward(stretch->count, y, dy, dx);
}

const ln_module_type ln_softmax_type = {
    .signature = {"Softmax", 1, {{"dim", LN_KIND_DIM, "None", LN_REPR_ALWAYS}}},
    .role = LN_ROLE_ROW,
    .shape = shape_rule,
    .forward = softmax_forward,
    .backward = softmax_backward,
};

const ln_module_type ln_log_softmax_type = {
    .signature = {"LogSoftmax", 1, {{"dim", LN_KIND_DIM, "None", LN_REPR_ALWAYS}}},
    .role = LN_ROLE_ROW,
    .shape = shape_rule,
    .forward = log_softmax_forward,
    .backward = log_softmax_backward,
};
