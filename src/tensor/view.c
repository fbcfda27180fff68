/* view.c - the same memory under another shape: t(), view, flatten.
 *
 * PyTorch's rule of when a shape fits strides, and PyTorch's texts. Nothing here copies, save
 * flatten where no view is possible. */
#include "base/checked.h"
#include "base/error.h"
#include "tensor/tensor.h"

#define SHAPE_TEXT 256

linnet_status ln_wrap_dim(int64_t dim, int rank, int *wrapped, linnet_error *error)
{
    int span = rank > 0 ? rank : 1; /* a scalar counts as one dimension */
    if (dim < -span || dim >= span) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "Dimension out of range (expected to be in range of [%d, %d], but got %lld)",
                       -span, span - 1, (long long)dim);
    }
    *wrapped = (int)(dim < 0 ? dim + span : dim);
    return LINNET_OK;
}

linnet_status linnet_tensor_t(const linnet_tensor *self, linnet_tensor *view, linnet_error *error)
{
    linnet_tensor made = *self;
    if (self->rank > 2) {
        *view = (linnet_tensor){0};
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "t() expects a tensor with <= 2 dimensions, but self is %dD", self->rank);
    }
    made.storage = NULL;
    if (self->rank == 2) {
        made.shape[0] = self->shape[1];
        made.shape[1] = self->shape[0];
        made.strides[0] = self->strides[1];
        made.strides[1] = self->strides[0];
    }
    *view = made;
    return LINNET_OK;
}

/* Replaces a size of -1 by what the number of elements leaves for it. */
static linnet_status infer_sizes(int64_t numel, ln_shape *shape, linnet_error *error)
{
    char text[SHAPE_TEXT];
    ln_shape_text(shape, text, sizeof text);
    int unknown = -1;
    ln_shape known = {0};
    for (int d = 0; d < shape->rank; d++) {
        if (shape->size[d] == -1 && unknown >= 0) {
            return ln_fail(error, LINNET_ERROR_SHAPE, "only one dimension can be inferred");
        }
        if (shape->size[d] < -1) {
            return ln_fail(error, LINNET_ERROR_SHAPE, "invalid shape dimension %lld",
                           (long long)shape->size[d]);
        }
        if (shape->size[d] == -1) {
            unknown = d;
        } else {
            known.size[known.rank++] = shape->size[d];
        }
    }
    int64_t product = ln_shape_numel(&known, 0);
    if (unknown >= 0 ? (product == 0 ? numel != 0 : numel % product != 0) : product != numel) {
        return ln_fail(error, LINNET_ERROR_SHAPE, "shape '%s' is invalid for input of size %lld",
                       text, (long long)numel);
    }
    if (unknown >= 0 && product == 0) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "cannot reshape tensor of 0 elements into shape %s because the unspecified "
                       "dimension size -1 can be any value and is ambiguous",
                       text);
    }
    if (unknown >= 0) {
        shape->size[unknown] = numel / product;
    }
    return LINNET_OK;
}

/* Gives `view`, whose shape holds as many elements as self's and at least one, the strides under
 * which it shows them in the same order. Dimensions of self between which the memory goes on evenly
 * form a run; a view can cut a run anew in any way, but none of its dimensions can lie in two runs.
 * False where one would. */
static bool fit_strides(const linnet_tensor *self, linnet_tensor *view)
{
    int v = view->rank - 1;
    int64_t run_stride = self->rank > 0 ? self->strides[self->rank - 1] : 1;
    int64_t run_numel = 1;
    for (int d = self->rank - 1; d >= 0; d--) {
        run_numel *= self->shape[d];
        bool goes_on =
            d > 0 && (self->shape[d - 1] == 1 || self->strides[d - 1] == run_numel * run_stride);
        if (goes_on) {
            continue;
        }
        int64_t covered = 1;
        for (; v >= 0 && (covered < run_numel || view->shape[v] == 1); v--) {
            view->strides[v] = covered * run_stride;
            covered *= view->shape[v];
        }
        if (covered != run_numel) {
            return false;
        }
        run_stride = d > 0 ? self->strides[d - 1] : 1;
        run_numel = 1;
    }
    for (; v >= 0; v--) { /* only a scalar leaves dimensions over, and their sizes are 1 */
        view->strides[v] = 1;
    }
    return true;
}

static bool same_shape(const linnet_tensor *a, const linnet_tensor *b)
{
    bool same = a->rank == b->rank;
    for (int d = 0; same && d < a->rank; d++) {
        same = a->shape[d] == b->shape[d];
    }
    return same;
}

linnet_status linnet_tensor_view(const linnet_tensor *self, int rank, const int64_t *shape,
                                 linnet_tensor *view, linnet_error *error)
{
    linnet_tensor from = *self; /* view may be self */
    *view = (linnet_tensor){0};
    if (rank < 0 || rank > LINNET_MAX_RANK) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected a tensor of 0 to %d dimensions, got %d", LINNET_MAX_RANK, rank);
    }
    ln_shape wanted = {.rank = rank};
    for (int d = 0; d < rank; d++) {
        wanted.size[d] = shape[d];
    }
    int64_t numel = linnet_tensor_numel(&from);
    linnet_status status = infer_sizes(numel, &wanted, error);
    linnet_tensor made;
    if (status == LINNET_OK) {
        status = ln_tensor_describe(from.dtype, rank, wanted.size, &made, error);
    }
    if (status != LINNET_OK) {
        return status;
    }
    made.data = from.data;
    if (numel == 0) {
        /* Any strides would do; these are PyTorch's. */
        made = same_shape(&made, &from) ? from : made;
        made.storage = NULL;
    } else if (!fit_strides(&from, &made)) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "view size is not compatible with input tensor's size and stride (at least "
                       "one dimension spans across two contiguous subspaces). Use .reshape(...) "
                       "instead.");
    }
    *view = made;
    return LINNET_OK;
}

/* The shape with dimensions start..end as one. */
static ln_shape merge_dims(const linnet_tensor *self, int start, int end)
{
    ln_shape shape = {.rank = 0};
    for (int d = 0; d < self->rank; d++) {
        if (d > start && d <= end) {
            shape.size[start] *= self->shape[d];
        } else {
            shape.size[shape.rank++] = self->shape[d];
        }
    }
    if (self->rank == 0) {
        shape.size[shape.rank++] = 1;
    }
    return shape;
}

linnet_status linnet_tensor_flatten(const linnet_tensor *self, int start_dim, int end_dim,
                                    linnet_tensor *result, linnet_error *error)
{
    linnet_tensor from = *self;
    *result = (linnet_tensor){0};
    int start = 0;
    int end = 0;
    linnet_status status = ln_wrap_dim(start_dim, from.rank, &start, error);
    if (status == LINNET_OK) {
        status = ln_wrap_dim(end_dim, from.rank, &end, error);
    }
    if (status == LINNET_OK && start > end) {
        status = ln_fail(error, LINNET_ERROR_SHAPE,
                         "flatten() has invalid args: start_dim cannot come after end_dim");
    }
    if (status != LINNET_OK) {
        return status;
    }
    if (start == end && from.rank > 0) {
        *result = from;
        result->storage = NULL;
        return LINNET_OK;
    }
    ln_shape shape = merge_dims(&from, start, end);
    if (linnet_tensor_view(&from, shape.rank, shape.size, result, NULL) == LINNET_OK) {
        return LINNET_OK;
    }
    /* The sizes fit, so it was the strides: a copy has others. */
    linnet_tensor copy;
    status = linnet_tensor_to(&from, from.dtype, &copy, error);
    if (status == LINNET_OK) {
        status = linnet_tensor_view(&copy, shape.rank, shape.size, result, error);
        result->storage = copy.storage;
    }
    return status;
}
