/* onnx_build.c - the rows that an ONNX graph is made of as a model: text and weights.
 *
 * The shape is followed from the graph's input on, as far as the file tells it, so that a node
 * which does something else with it than its module would is refused by its name. The first
 * dimension is the batch, whatever size the file gives it. */
#include "format/onnx_build.h"

#ifdef LN_WITH_ONNX

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/number.h"
#include "tensor/state_dict.h"

/* ---- text ---- */

/* Sets a key to the text, which it frees. */
linnet_status ln_onnx_set_text(ln_onnx *onnx, const char *key, ln_text *text)
{
    ln_text_append(text, "", 1);
    linnet_status status = text->failed ? ln_fail_memory(onnx->error, text->size + 1, "metadata")
                                        : linnet_state_dict_metadata_set(onnx->state_dict, key,
                                                                         text->data, onnx->error);
    ln_free(text->data);
    *text = (ln_text){0};
    return status;
}

void ln_onnx_open_module(ln_onnx_building *b)
{
    ln_text_append_string(&b->text, b->modules++ == 0 ? "Sequential(" : ", ");
    b->stage = LN_ONNX_MODULES;
}

/* The module's text with what is bound to its names. */
static linnet_status append_module(ln_onnx_building *b, const ln_py_node *module)
{
    ln_onnx_open_module(b);
    ln_text_append(&b->text, module->text.text, module->text.length);
    const char *separator = "(";
    for (const ln_py_node *argument = module->children; argument != NULL;
         argument = argument->next) {
        char name[LN_ONNX_NAME], number[LN_NUMBER_TEXT];
        snprintf(name, sizeof name, "%.*s", (int)argument->text.length, argument->text.text);
        const ln_onnx_binding *bound =
            argument->kind == LN_PY_NAME ? ln_onnx_bound(b->match, name) : NULL;
        if (bound != NULL && !isfinite(bound->number)) {
            return LN_ONNX_FAIL(b, LINNET_ERROR_UNSUPPORTED,
                                "expected a finite number as %s, found %g", name, bound->number);
        }
        ln_text_append_string(&b->text, separator);
        if (argument->label.length > 0) {
            ln_text_append(&b->text, argument->label.text, argument->label.length);
            ln_text_append_string(&b->text, "=");
        }
        if (bound != NULL) {
            ln_text_append_string(&b->text, ln_print_float((float)bound->number, number));
        } else if (argument->kind == LN_PY_STRING) {
            ln_text_append_string(&b->text, "'");
            ln_text_append(&b->text, argument->text.text, argument->text.length);
            ln_text_append_string(&b->text, "'");
        } else {
            ln_text_append(&b->text, argument->text.text, argument->text.length);
        }
        separator = ", ";
    }
    ln_text_append_string(&b->text, module->children == NULL ? "()" : ")");
    return LINNET_OK;
}

static linnet_status build_plain(ln_onnx_building *b)
{
    ln_py_tree module = {0};
    linnet_status status = ln_py_parse(b->match->row->module, NULL, 0, &module, b->onnx->error);
    if (status == LINNET_OK) {
        status = append_module(b, module.root);
    }
    ln_py_free(&module);
    return status;
}

/* ---- products ---- */

double ln_onnx_bound_number(const ln_onnx_building *b, const char *name, double standard)
{
    const ln_onnx_binding *bound = ln_onnx_bound(b->match, name);
    return bound == NULL ? standard : bound->number;
}

bool ln_onnx_is_float(linnet_dtype dtype)
{
    return dtype == LINNET_FLOAT32 || dtype == LINNET_FLOAT64 || dtype == LINNET_FLOAT16 ||
           dtype == LINNET_BFLOAT16;
}

linnet_status ln_onnx_take_tensor(ln_onnx_building *b, const char *name, const linnet_tensor *view,
                                  double factor)
{
    char path[64];
    linnet_tensor tensor = *view;
    linnet_status status = LINNET_OK;
    if (factor != 1) {
        status = linnet_tensor_to(view, LINNET_FLOAT32, &tensor, b->onnx->error);
        float *numbers = tensor.data;
        for (int64_t i = 0; status == LINNET_OK && i < linnet_tensor_numel(&tensor); i++) {
            numbers[i] = (float)(factor * (double)numbers[i]);
        }
    }
    if (status == LINNET_OK) {
        snprintf(path, sizeof path, "%zu.%s", b->modules - 1, name);
        status = ln_state_dict_take(b->onnx->state_dict, path, &tensor, b->onnx->error);
    }
    if (status != LINNET_OK && factor != 1) {
        linnet_tensor_free(&tensor);
    }
    return status;
}

/* What is added to each output: one number for all, or one each, whatever dimensions of size 1
 * stand before. */
static linnet_status view_bias(const ln_onnx_building *b, const linnet_tensor *tensor, int64_t out,
                               linnet_tensor *view)
{
    int64_t count = linnet_tensor_numel(tensor);
    int64_t last = tensor->rank == 0 ? 1 : tensor->shape[tensor->rank - 1];
    if (tensor->rank > 2 || last != count || (count != 1 && count != out)) {
        char shape[128];
        ln_shape found = ln_tensor_shape(tensor);
        return LN_ONNX_FAIL(
            b, LINNET_ERROR_UNSUPPORTED,
            "expected a summand of %lld numbers, the same for every row, found one of "
            "shape %s",
            (long long)out, ln_shape_text(&found, shape, sizeof shape));
    }
    *view = *tensor;
    view->rank = 1;
    view->shape[0] = out;
    view->strides[0] = count == out && tensor->rank > 0 ? tensor->strides[tensor->rank - 1] : 0;
    return LINNET_OK;
}

/* The weight as (out, in). */
static linnet_status view_weight(const ln_onnx_building *b, linnet_tensor *view)
{
    const linnet_tensor *weight = ln_onnx_bound(b->match, "weight")->tensor;
    if (weight->rank != 2 || !ln_onnx_is_float(weight->dtype)) {
        return LN_ONNX_FAIL(
            b, LINNET_ERROR_UNSUPPORTED,
            "expected a weight of 2 dimensions and a floating-point dtype, found one of "
            "%d and %s",
            weight->rank, linnet_dtype_name(weight->dtype));
    }
    *view = *weight;
    if (ln_onnx_bound_number(b, "transB", 0) == 0) {
        view->shape[0] = weight->shape[1];
        view->shape[1] = weight->shape[0];
        view->strides[0] = weight->strides[1];
        view->strides[1] = weight->strides[0];
    }
    return LINNET_OK;
}

/* Whether the input fits the weight; the shape behind it. */
static linnet_status pass_product(ln_onnx_building *b, int64_t in, int64_t out)
{
    bool is_gemm = strncmp(b->match->row->expression, "Gemm", 4) == 0;
    ln_shape *shape = &b->shape;
    if (shape->rank == LN_ONNX_UNKNOWN && is_gemm) {
        *shape = (ln_shape){.rank = 2, .size = {LN_ONNX_UNKNOWN, LN_ONNX_UNKNOWN}};
    }
    if (shape->rank == LN_ONNX_UNKNOWN) {
        return LINNET_OK;
    }
    if (shape->rank < 2 || (is_gemm && shape->rank != 2)) {
        return LN_ONNX_FAIL(b, LINNET_ERROR_FORMAT,
                            "expected an input of %s dimensions, rows first, found one of %d",
                            is_gemm ? "2" : "2 or more", shape->rank);
    }
    int64_t *last = &shape->size[shape->rank - 1];
    if (*last != LN_ONNX_UNKNOWN && *last != in) {
        return LN_ONNX_FAIL(
            b, LINNET_ERROR_FORMAT,
            "expected an input of %lld features, as its weight has, found one of %lld",
            (long long)in, (long long)*last);
    }
    *last = out;
    return LINNET_OK;
}

static linnet_status build_linear(ln_onnx_building *b)
{
    const ln_onnx_binding *bound = ln_onnx_bound(b->match, "bias");
    double beta = ln_onnx_bound_number(b, "beta", 1);
    linnet_tensor weight, bias = {0};
    linnet_status status = view_weight(b, &weight);
    if (status != LINNET_OK) {
        return status;
    }
    int64_t out = weight.shape[0], in = weight.shape[1];
    bool has_bias = bound != NULL && beta != 0;
    if (has_bias) {
        status = view_bias(b, bound->tensor, out, &bias);
    }
    /* One number for all is spread over the outputs only where the weight's bytes vouch for them.
     * */
    if (status == LINNET_OK && has_bias &&
        (!ln_onnx_is_float(bias.dtype) || (in == 0 && out > 0))) {
        status =
            LN_ONNX_FAIL(b, LINNET_ERROR_UNSUPPORTED,
                         "expected a summand of a floating-point dtype to a product of 1 or more "
                         "features");
    }
    if (status == LINNET_OK) {
        status = pass_product(b, in, out);
    }
    if (status != LINNET_OK) {
        return status;
    }
    ln_onnx_open_module(b);
    ln_text_append_string(&b->text, "Linear(in_features=");
    ln_text_append_int64(&b->text, in);
    ln_text_append_string(&b->text, ", out_features=");
    ln_text_append_int64(&b->text, out);
    ln_text_append_string(&b->text, has_bias ? ", bias=True)" : ", bias=False)");
    status = ln_onnx_take_tensor(b, "weight", &weight, ln_onnx_bound_number(b, "alpha", 1));
    return status == LINNET_OK && has_bias ? ln_onnx_take_tensor(b, "bias", &bias, beta) : status;
}

/* ---- softmax ---- */

/* Before opset 13 everything from the axis on counted as one dimension, 1 being the standard. */
static linnet_status build_softmax(ln_onnx_building *b)
{
    int rank = b->shape.rank;
    double axis = ln_onnx_bound_number(b, "dim", b->onnx->opset < 13 ? 1 : -1);
    int last = rank == LN_ONNX_UNKNOWN ? -1 : rank - 1;
    axis = axis < 0 && rank != LN_ONNX_UNKNOWN ? axis + rank : axis;
    if (axis != last && (axis < 1 || axis > last || b->onnx->opset < 13)) {
        return LN_ONNX_FAIL(b, LINNET_ERROR_UNSUPPORTED,
                            "expected axis to be one dimension of each row, found %g", axis);
    }
    if (rank != LN_ONNX_UNKNOWN && rank < 2) {
        return LN_ONNX_FAIL(
            b, LINNET_ERROR_UNSUPPORTED,
            "expected an input of 2 or more dimensions, rows first, found one of %d", rank);
    }
    ln_onnx_open_module(b);
    ln_text_append(&b->text, b->match->row->module, strcspn(b->match->row->module, "("));
    ln_text_append_string(&b->text, "(dim=");
    ln_text_append_int64(&b->text, axis == last ? -1 : (int64_t)axis);
    ln_text_append_string(&b->text, ")");
    return LINNET_OK;
}

/* ---- shapes ---- */

int64_t ln_onnx_product(const ln_shape *shape, int first)
{
    int64_t product = shape->rank == LN_ONNX_UNKNOWN ? LN_ONNX_UNKNOWN : 1;
    for (int i = first; i < shape->rank; i++) {
        if (product == LN_ONNX_UNKNOWN || shape->size[i] == LN_ONNX_UNKNOWN ||
            !ln_mul_i64(product, shape->size[i], &product)) {
            return LN_ONNX_UNKNOWN;
        }
    }
    return product;
}

static void append_flatten(ln_onnx_building *b, int start, int end)
{
    ln_onnx_open_module(b);
    ln_text_append_string(&b->text, "Flatten(start_dim=");
    ln_text_append_int64(&b->text, start);
    ln_text_append_string(&b->text, ", end_dim=");
    ln_text_append_int64(&b->text, end);
    ln_text_append_string(&b->text, ")");
}

static linnet_status build_flatten(ln_onnx_building *b)
{
    int rank = b->shape.rank;
    double axis = ln_onnx_bound_number(b, "axis", 1);
    bool is_first = axis == 1 || (rank != LN_ONNX_UNKNOWN && axis + rank == 1);
    if (!is_first || (rank != LN_ONNX_UNKNOWN && rank < 2)) {
        return LN_ONNX_FAIL(
            b, LINNET_ERROR_UNSUPPORTED,
            "expected axis 1, which keeps rows apart, of 2 or more dimensions, found axis "
            "%g",
            axis);
    }
    b->shape = (ln_shape){.rank = 2, .size = {b->shape.size[0], ln_onnx_product(&b->shape, 1)}};
    if (rank == LN_ONNX_UNKNOWN) {
        b->shape.size[0] = LN_ONNX_UNKNOWN;
    }
    append_flatten(b, 1, -1);
    return LINNET_OK;
}

/* The sizes that Reshape asks for, with the batch first; `rest`: given without it. */
static linnet_status read_target(const ln_onnx_building *b, const linnet_tensor *sizes,
                                 bool is_rest, ln_shape *target)
{
    int64_t count = linnet_tensor_numel(sizes);
    int first = is_rest ? 1 : 0;
    *target = (ln_shape){.rank = (int)(count < LINNET_MAX_RANK ? count + first : 0)};
    for (int i = first; i < target->rank; i++) {
        if (!ln_onnx_integer(sizes, i - first, &target->size[i]) || target->size[i] < -1) {
            return LN_ONNX_FAIL(b, LINNET_ERROR_FORMAT, "expected sizes from -1 on as its shape");
        }
        bool copies = target->size[i] == 0 && ln_onnx_bound_number(b, "allowzero", 0) == 0;
        if (copies && i < b->shape.rank) {
            target->size[i] = b->shape.size[i];
        }
    }
    int64_t batch = b->shape.rank == LN_ONNX_UNKNOWN ? LN_ONNX_UNKNOWN : b->shape.size[0];
    bool keeps_rows = target->rank > 0 && (is_rest || target->size[0] == -1 ||
                                           target->size[0] == batch || target->size[0] == 0);
    target->size[0] = batch;
    return keeps_rows
               ? LINNET_OK
               : LN_ONNX_FAIL(b, LINNET_ERROR_UNSUPPORTED,
                              "expected a shape that keeps rows apart: 0, -1 or the batch first");
}

/* A size of -1 becomes what is left of the row's features, where they are known. */
static void infer_size(ln_shape *target, int64_t features)
{
    int64_t product = 1;
    int inferred = 0;
    for (int i = 1; i < target->rank; i++) {
        if (target->size[i] == -1) {
            inferred = i;
        } else if (!ln_mul_i64(product, target->size[i], &product)) {
            return;
        }
    }
    if (inferred > 0 && features != LN_ONNX_UNKNOWN && product > 0 && features % product == 0) {
        target->size[inferred] = features / product;
    }
}

/* Whether the target is the shape with a run of dimensions joined: start..end. */
static bool find_run(const ln_shape *shape, const ln_shape *target, int *start, int *end)
{
    int joined = shape->rank - target->rank;
    for (*start = 1; *start < target->rank; (*start)++) {
        bool same = true;
        int64_t size = 1;
        *end = *start + joined;
        for (int i = 1; i < target->rank; i++) {
            int from = i <= *start ? i : i + joined;
            same = same && (i == *start || target->size[i] == shape->size[from]);
        }
        for (int i = *start; i <= *end; i++) {
            same = same && ln_mul_i64(size, shape->size[i], &size);
        }
        if (same && size == target->size[*start]) {
            return true;
        }
    }
    return false;
}

static void append_unflatten(ln_onnx_building *b, const ln_shape *target, int start, int end)
{
    ln_onnx_open_module(b);
    ln_text_append_string(&b->text, "Unflatten(dim=");
    ln_text_append_int64(&b->text, start);
    ln_text_append_string(&b->text, ", unflattened_size=(");
    for (int i = start; i <= end; i++) {
        ln_text_append_int64(&b->text, target->size[i]);
        ln_text_append_string(&b->text, i < end ? ", " : "))");
    }
}

static linnet_status build_reshape(ln_onnx_building *b)
{
    const ln_onnx_binding *rest = ln_onnx_bound(b->match, "rest");
    const ln_onnx_binding *sizes = rest == NULL ? ln_onnx_bound(b->match, "shape") : rest;
    int64_t features = ln_onnx_product(&b->shape, 1);
    int start = 1, end = -1;
    ln_shape target;
    linnet_status status = read_target(b, sizes->tensor, rest != NULL, &target);
    if (status != LINNET_OK) {
        return status;
    }
    infer_size(&target, features);
    if (features != LN_ONNX_UNKNOWN && target.rank > b->shape.rank &&
        find_run(&target, &b->shape, &start, &end)) {
        append_unflatten(b, &target, start, end);
        b->shape = target;
        return LINNET_OK;
    }
    /* Where the file does not tell the row's size, two dimensions can only be a flat row. */
    bool flattens = features == LN_ONNX_UNKNOWN
                        ? target.rank == 2
                        : target.rank >= 2 && target.rank <= b->shape.rank &&
                              find_run(&b->shape, &target, &start, &end);
    if (!flattens) {
        char text[128];
        return LN_ONNX_FAIL(
            b, LINNET_ERROR_UNSUPPORTED,
            "expected a shape that joins or splits dimensions of each row, found %s",
            ln_shape_text(&target, text, sizeof text));
    }
    b->shape = target;
    append_flatten(b, start, end);
    return LINNET_OK;
}

/* A whole number that is bound as a tensor or as one; UNKNOWN where there is none. */
static int64_t bound_integer(const ln_onnx_building *b, const char *name)
{
    const ln_onnx_binding *bound = ln_onnx_bound(b->match, name);
    int64_t value = LN_ONNX_UNKNOWN;
    if (bound == NULL) {
        return value;
    }
    if (bound->tensor == NULL) {
        return (int64_t)bound->number;
    }
    return ln_onnx_integer(bound->tensor, 0, &value) ? value : LN_ONNX_UNKNOWN;
}

/* As torch.onnx.export writes Flatten(start, end) for a batch of any size: the sizes before
 * `start`,
 * -1, the sizes from `behind` on. */
static linnet_status build_run(ln_onnx_building *b)
{
    const ln_shape *shape = &b->shape;
    int64_t rank = shape->rank, start = bound_integer(b, "start");
    bool has_tail = ln_onnx_bound(b->match, "behind") != NULL;
    int64_t behind = has_tail ? bound_integer(b, "behind") : rank;
    if (start < 1 || start >= behind || behind > rank ||
        (has_tail && bound_integer(b, "rank") != rank)) {
        return LN_ONNX_FAIL(b, LINNET_ERROR_UNSUPPORTED,
                            "expected a shape that joins dimensions of each row");
    }
    ln_shape run = {.rank = (int)behind};
    memcpy(run.size, shape->size, sizeof run.size);
    ln_shape joined = {.rank = (int)(start + 1 + rank - behind)};
    memcpy(joined.size, shape->size, (size_t)start * sizeof joined.size[0]);
    joined.size[start] = ln_onnx_product(&run, (int)start);
    memcpy(joined.size + start + 1, shape->size + behind,
           (size_t)(rank - behind) * sizeof joined.size[0]);
    b->shape = joined;
    append_flatten(b, (int)start, (int)behind - 1);
    return LINNET_OK;
}

static linnet_status build_cast(ln_onnx_building *b)
{
    (void)b; /* to float32, which everything is computed in */
    return LINNET_OK;
}

/* ---- the whole ---- */

static linnet_status build_row(ln_onnx_building *b)
{
    static linnet_status (*const builders[])(ln_onnx_building *) = {
        [LN_ONNX_PLAIN] = build_plain,
        [LN_ONNX_LINEAR] = build_linear,
        [LN_ONNX_SOFTMAX] = build_softmax,
        [LN_ONNX_FLATTEN] = build_flatten,
        [LN_ONNX_RESHAPE] = build_reshape,
        [LN_ONNX_RUN] = build_run,
        [LN_ONNX_PRELU] = ln_onnx_build_prelu,
        [LN_ONNX_BATCH_NORM] = ln_onnx_build_batch_norm,
        [LN_ONNX_LAYER_NORM] = ln_onnx_build_layer_norm,
        [LN_ONNX_CAST] = build_cast,
        [LN_ONNX_MULTIPLY] = ln_onnx_build_scaling,
        [LN_ONNX_DIVIDE] = ln_onnx_build_scaling,
        [LN_ONNX_ADD] = ln_onnx_build_scaling,
        [LN_ONNX_SUBTRACT] = ln_onnx_build_scaling,
    };
    return builders[b->match->row->kind](b);
}

linnet_status ln_onnx_build(ln_onnx *onnx, const ln_onnx_match *chain, size_t count)
{
    ln_onnx_building b = {.onnx = onnx, .scale = 1};
    linnet_status status = ln_onnx_read_input(&b, count > 0 && chain[0].row->kind == LN_ONNX_CAST);
    b.input = b.shape;
    for (size_t i = 0; status == LINNET_OK && i < count; i++) {
        b.match = &chain[i];
        status = build_row(&b);
    }
    if (status != LINNET_OK) {
        ln_free(b.text.data);
        return status;
    }
    ln_text_append_string(&b.text, b.modules == 0 ? "Sequential(Identity())" : ")");
    status = ln_onnx_set_text(onnx, LN_KEY_MODEL, &b.text);
    return status == LINNET_OK ? ln_onnx_set_input(&b) : status;
}

#endif
