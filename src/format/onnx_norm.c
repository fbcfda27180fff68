/* onnx_norm.c - norms and PReLU out of an ONNX graph: modules whose tensors have to fit the shape
 * at hand.
 *
 * What only training asks of a norm (momentum, the batches counted) is not the graph's to say: it
 * gets PyTorch's standard. */
#include "format/onnx_build.h"

#ifdef LN_WITH_ONNX

#include <string.h>

#include "base/number.h"

/* "BatchNorm1d(4, eps=1e-05": what all norms begin with. */
static void append_eps(ln_onnx_building *b)
{
    char number[LN_NUMBER_TEXT];
    const ln_onnx_binding *eps = ln_onnx_bound(b->match, "eps");
    ln_text_append_string(&b->text, ", eps=");
    ln_text_append_string(&b->text, ln_print_float((float)eps->number, number));
}

/* ---- PReLU ---- */

/* The slopes as one dimension. They lie along dimension 1 of x: (C, 1, ...) with as many dimensions
 * as are there from it on; before opset 7 (C). */
static bool view_slopes(const ln_onnx_building *b, linnet_tensor *view)
{
    int64_t count = linnet_tensor_numel(view);
    bool along = count == 1 || (view->rank > 0 && view->shape[0] == count &&
                                (view->rank == b->shape.rank - 1 || b->onnx->opset < 7));
    int64_t channels = b->shape.rank < 2 ? LN_ONNX_UNKNOWN : b->shape.size[1];
    view->strides[0] = count == 1 ? 1 : view->strides[0];
    view->shape[0] = count;
    view->rank = 1;
    return along && ln_onnx_is_float(view->dtype) &&
           (count == 1 || channels == LN_ONNX_UNKNOWN || channels == count);
}

linnet_status ln_onnx_build_prelu(ln_onnx_building *b)
{
    linnet_tensor slopes = *ln_onnx_bound(b->match, "weight")->tensor;
    if (!view_slopes(b, &slopes)) {
        return LN_ONNX_FAIL(b, LINNET_ERROR_UNSUPPORTED,
                            "expected one slope, or one for each element of dimension 1");
    }
    ln_onnx_open_module(b);
    ln_text_append_string(&b->text, "PReLU(num_parameters=");
    ln_text_append_int64(&b->text, slopes.shape[0]);
    ln_text_append_string(&b->text, ")");
    return ln_onnx_take_tensor(b, "weight", &slopes, 1);
}

/* ---- BatchNorm1d ---- */

static linnet_status take_count(ln_onnx_building *b)
{
    int64_t *zero = ln_onnx_take(&b->onnx->keeper->arena, sizeof *zero);
    linnet_tensor count;
    if (zero == NULL) {
        return ln_fail_memory(b->onnx->error, sizeof *zero, "a count of batches");
    }
    linnet_status status = linnet_tensor_from(zero, LINNET_INT64, 0, NULL, &count, b->onnx->error);
    return status == LINNET_OK ? ln_onnx_take_tensor(b, "num_batches_tracked", &count, 1) : status;
}

linnet_status ln_onnx_build_batch_norm(ln_onnx_building *b)
{
    static const char *const names[] = {"weight", "bias", "running_mean", "running_var"};
    int rank = b->shape.rank;
    int64_t channels = rank < 2 ? LN_ONNX_UNKNOWN : b->shape.size[1];
    if (rank != LN_ONNX_UNKNOWN && rank != 2 && rank != 3) {
        return LN_ONNX_FAIL(b, LINNET_ERROR_UNSUPPORTED,
                            "expected an input of 2 or 3 dimensions, found one of %d", rank);
    }
    for (size_t i = 0; i < 4; i++) {
        const linnet_tensor *tensor = ln_onnx_bound(b->match, names[i])->tensor;
        channels = channels == LN_ONNX_UNKNOWN && tensor->rank == 1 ? tensor->shape[0] : channels;
        if (tensor->rank != 1 || tensor->shape[0] != channels || !ln_onnx_is_float(tensor->dtype)) {
            return LN_ONNX_FAIL(b, LINNET_ERROR_FORMAT,
                                "expected a number for each element of dimension 1 as %s",
                                names[i]);
        }
    }
    ln_onnx_open_module(b);
    ln_text_append_string(&b->text, "BatchNorm1d(");
    ln_text_append_int64(&b->text, channels);
    append_eps(b);
    ln_text_append_string(&b->text, ", momentum=0.1, affine=True, track_running_stats=True)");
    linnet_status status = LINNET_OK;
    for (size_t i = 0; status == LINNET_OK && i < 4; i++) {
        const linnet_tensor *tensor = ln_onnx_bound(b->match, names[i])->tensor;
        status = ln_onnx_take_tensor(b, names[i], tensor, 1);
    }
    return status == LINNET_OK ? take_count(b) : status;
}

/* ---- LayerNorm and RMSNorm ---- */

/* The last dimensions, from `axis` on; false where the shape does not tell them. */
static bool normalized_shape(const ln_onnx_building *b, ln_shape *normalized)
{
    const ln_shape *shape = &b->shape;
    double axis = ln_onnx_bound_number(b, "normalized_shape", -1);
    axis += axis < 0 && shape->rank != LN_ONNX_UNKNOWN ? shape->rank : 0;
    double last = ln_onnx_bound_number(b, "last", -1);
    if (shape->rank == LN_ONNX_UNKNOWN || axis < 1 || axis >= shape->rank ||
        (last != -1 && last != shape->rank - 1)) {
        return false;
    }
    normalized->rank = shape->rank - (int)axis;
    memcpy(normalized->size, shape->size + (int)axis,
           (size_t)normalized->rank * sizeof normalized->size[0]);
    return ln_onnx_product(normalized, 0) != LN_ONNX_UNKNOWN;
}

/* Whether a weight that is bound has that shape. */
static bool has_shape(const ln_onnx_binding *bound, const ln_shape *shape)
{
    return bound == NULL ||
           (ln_onnx_is_float(bound->tensor->dtype) && bound->tensor->rank == shape->rank &&
            memcmp(bound->tensor->shape, shape->size,
                   (size_t)shape->rank * sizeof shape->size[0]) == 0);
}

linnet_status ln_onnx_build_layer_norm(ln_onnx_building *b)
{
    const ln_onnx_binding *weight = ln_onnx_bound(b->match, "weight");
    const ln_onnx_binding *bias = ln_onnx_bound(b->match, "bias");
    const char *module = b->match->row->module;
    bool is_layer_norm = strncmp(module, "LayerNorm", 9) == 0;
    ln_shape shape = {.rank = 0};
    if (!normalized_shape(b, &shape) || !has_shape(weight, &shape) || !has_shape(bias, &shape)) {
        return LN_ONNX_FAIL(b, LINNET_ERROR_UNSUPPORTED,
                            "expected a norm over the last dimensions of each row, and weights of "
                            "their sizes");
    }
    ln_onnx_open_module(b);
    ln_text_append(&b->text, module, strcspn(module, "("));
    for (int i = 0; i < shape.rank; i++) {
        ln_text_append_string(&b->text, i == 0 ? "((" : ", ");
        ln_text_append_int64(&b->text, shape.size[i]);
    }
    ln_text_append_string(&b->text, shape.rank == 1 ? ",)" : ")");
    append_eps(b);
    ln_text_append_string(&b->text, weight == NULL ? ", elementwise_affine=False"
                                                   : ", elementwise_affine=True");
    ln_text_append_string(&b->text,
                          is_layer_norm && weight != NULL && bias == NULL ? ", bias=False)" : ")");
    linnet_status status = LINNET_OK;
    if (weight != NULL) {
        status = ln_onnx_take_tensor(b, "weight", weight->tensor, 1);
    }
    return status == LINNET_OK && bias != NULL ? ln_onnx_take_tensor(b, "bias", bias->tensor, 1)
                                               : status;
}

#endif
