/* onnx_input.c - the input of an ONNX graph: its shape, and the arithmetic that stands for the
 * model's input scaling, x' = (x * scale - mean) / std.
 *
 * The file only claims the sizes of a row: what they ask for is held against the budget of the
 * file. */
#include "format/onnx_build.h"

#ifdef LN_WITH_ONNX

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/number.h"

/* ---- the scaling ---- */

/* Element of a constant that meets element `index` of a flat row. */
static bool read_at(const ln_onnx_building *b, const linnet_tensor *tensor, int64_t index,
                    float *number)
{
    int64_t offset = 0;
    for (int i = b->shape.rank - 1; i >= 1; i--) {
        int dim = tensor->rank - (b->shape.rank - i);
        int64_t at = index % b->shape.size[i];
        index /= b->shape.size[i];
        if (dim >= 0 && tensor->shape[dim] != 1) {
            if (tensor->shape[dim] != b->shape.size[i]) {
                return false;
            }
            offset += at * tensor->strides[dim];
        }
    }
    int64_t size = (int64_t)linnet_dtype_size(tensor->dtype);
    ln_to_float32(tensor->dtype, (const uint8_t *)tensor->data + offset * size, 1, number);
    return tensor->rank < b->shape.rank || tensor->shape[0] == 1;
}

/* A number for each feature. It has to be within the budget: the file only claims the features. */
static linnet_status spread(ln_onnx_building *b, const linnet_tensor *tensor, float **numbers)
{
    b->features = ln_onnx_product(&b->shape, 1);
    if (b->features == LN_ONNX_UNKNOWN || b->shape.rank < 2 || b->features == 0) {
        return LN_ONNX_FAIL(b, LINNET_ERROR_UNSUPPORTED,
                            "expected the graph's input to say the sizes of a row that is scaled");
    }
    size_t bytes = ln_saturated_mul((size_t)b->features, sizeof **numbers);
    *numbers = ln_onnx_take(&b->onnx->keeper->arena, bytes);
    if (*numbers == NULL) {
        return ln_fail_memory(b->onnx->error, bytes, "the input's scaling");
    }
    bool fits = tensor->rank <= b->shape.rank && linnet_tensor_numel(tensor) > 0;
    for (int64_t i = 0; fits && i < b->features; i++) {
        fits = read_at(b, tensor, i, &(*numbers)[i]);
    }
    return fits ? LINNET_OK
                : LN_ONNX_FAIL(b, LINNET_ERROR_UNSUPPORTED,
                               "expected a constant that scales every row alike");
}

static linnet_status fail_number(const ln_onnx_building *b, double found)
{
    return LN_ONNX_FAIL(b, LINNET_ERROR_UNSUPPORTED,
                        "expected finite numbers, and none from 0 down to divide by, found %g",
                        found);
}

static linnet_status set_mean(ln_onnx_building *b, const linnet_tensor *tensor, float sign)
{
    linnet_status status = spread(b, tensor, &b->mean);
    for (int64_t i = 0; status == LINNET_OK && i < b->features; i++) {
        b->mean[i] *= sign;
        status = isfinite(b->mean[i]) ? LINNET_OK : fail_number(b, (double)b->mean[i]);
    }
    b->stage = LN_ONNX_STD;
    return status;
}

static linnet_status set_std(ln_onnx_building *b, const linnet_tensor *tensor, bool divides)
{
    linnet_status status = spread(b, tensor, &b->std);
    for (int64_t i = 0; status == LINNET_OK && i < b->features; i++) {
        b->std[i] = divides ? b->std[i] : 1.0f / b->std[i];
        bool good = isfinite(b->std[i]) && b->std[i] > 0;
        status = good ? LINNET_OK : fail_number(b, (double)b->std[i]);
    }
    b->stage = LN_ONNX_MODULES;
    return status;
}

static linnet_status set_scale(ln_onnx_building *b, const linnet_tensor *tensor, bool divides)
{
    float number;
    ln_to_float32(tensor->dtype, tensor->data, 1, &number);
    b->scale = divides ? 1.0 / (double)number : (double)number;
    b->stage = LN_ONNX_MEAN;
    bool good = isfinite(b->scale) && b->scale != 0;
    return good ? LINNET_OK : fail_number(b, (double)number);
}

/* x' = (x * scale - mean) / std, of which each part may be missing. */
linnet_status ln_onnx_build_scaling(ln_onnx_building *b)
{
    const linnet_tensor *operand = ln_onnx_bound(b->match, "operand")->tensor;
    ln_onnx_kind kind = b->match->row->kind;
    bool is_factor = kind == LN_ONNX_MULTIPLY || kind == LN_ONNX_DIVIDE;
    if (b->stage == LN_ONNX_MODULES || (!is_factor && b->stage > LN_ONNX_MEAN)) {
        return LN_ONNX_FAIL(
            b, LINNET_ERROR_UNSUPPORTED,
            "expected arithmetic with constants only as the input's scaling, (x * scale - "
            "mean) / std, before anything else");
    }
    bool is_scalar = linnet_tensor_numel(operand) == 1 && operand->rank < 2;
    if (is_factor && is_scalar && b->stage == LN_ONNX_SCALE) {
        return set_scale(b, operand, kind == LN_ONNX_DIVIDE);
    }
    return is_factor ? set_std(b, operand, kind == LN_ONNX_DIVIDE)
                     : set_mean(b, operand, kind == LN_ONNX_ADD ? -1.0f : 1.0f);
}

/* ---- the shape ---- */

linnet_status ln_onnx_read_input(ln_onnx_building *b, bool is_cast)
{
    enum { FLOAT = 1, FLOAT16 = 10, DOUBLE = 11, BFLOAT16 = 16 };
    const LnOnnx__Type *type = b->onnx->input_type->type;
    const LnOnnx__TensorType *tensor = type == NULL ? NULL : type->tensor_type;
    b->shape.rank = LN_ONNX_UNKNOWN;
    if (tensor == NULL) {
        return LINNET_OK;
    }
    int dtype = tensor->elem_type;
    if (!is_cast && dtype != FLOAT && dtype != FLOAT16 && dtype != DOUBLE && dtype != BFLOAT16) {
        return ln_fail(b->onnx->error, LINNET_ERROR_UNSUPPORTED,
                       "expected a graph whose input is floating-point, found elem_type %d", dtype);
    }
    if (tensor->shape == NULL) {
        return LINNET_OK;
    }
    if (tensor->shape->n_dim > LINNET_MAX_RANK || tensor->shape->n_dim == 0) {
        return ln_fail(b->onnx->error, LINNET_ERROR_UNSUPPORTED,
                       "expected a graph whose input has 1 to 16 dimensions, rows first, found %zu",
                       tensor->shape->n_dim);
    }
    b->shape.rank = (int)tensor->shape->n_dim;
    for (int i = 0; i < b->shape.rank; i++) {
        const LnOnnx__Dimension *dim = tensor->shape->dim[i];
        b->shape.size[i] =
            dim->has_dim_value && dim->dim_value >= 0 ? dim->dim_value : LN_ONNX_UNKNOWN;
    }
    return LINNET_OK;
}

static void append_numbers(ln_text *text, const char *name, const float *numbers, int64_t count)
{
    char number[LN_NUMBER_TEXT];
    ln_text_append_string(text, name);
    for (int64_t i = 0; i < count; i++) {
        ln_text_append_string(text, i > 0 ? "," : "");
        ln_text_append_string(text, ln_print_float(numbers[i], number));
    }
    ln_text_append_string(text, "]");
}

/* Mean and std come together. */
static linnet_status complete_scaling(ln_onnx_building *b)
{
    float **missing = b->mean == NULL ? &b->mean : &b->std;
    if (b->features == 0 || *missing != NULL) {
        return LINNET_OK;
    }
    *missing = ln_onnx_take(&b->onnx->keeper->arena, (size_t)b->features * sizeof(float));
    if (*missing == NULL) {
        return ln_fail_memory(b->onnx->error, (size_t)b->features * sizeof(float),
                              "the input's scaling");
    }
    for (int64_t i = 0; i < b->features; i++) {
        (*missing)[i] = missing == &b->std ? 1.0f : 0.0f;
    }
    return LINNET_OK;
}

linnet_status ln_onnx_set_input(ln_onnx_building *b)
{
    char number[LN_NUMBER_TEXT];
    ln_text text = {0};
    const char *separator = "{";
    linnet_status status = complete_scaling(b);
    if (status != LINNET_OK) {
        return status;
    }
    if (b->input.rank > 1 && ln_onnx_product(&b->input, 1) != LN_ONNX_UNKNOWN) {
        ln_text_append_string(&text, "{\"shape\":[");
        for (int i = 1; i < b->input.rank; i++) {
            ln_text_append_string(&text, i > 1 ? "," : "");
            ln_text_append_int64(&text, b->input.size[i]);
        }
        ln_text_append_string(&text, "]");
        separator = ",";
    }
    if (b->scale != 1) {
        ln_text_append_string(&text, separator);
        ln_text_append_string(&text, "\"scale\":");
        ln_text_append_string(&text, ln_print_double(b->scale, number));
        separator = ",";
    }
    if (b->features > 0) {
        ln_text_append_string(&text, separator);
        append_numbers(&text, "\"mean\":[", b->mean, b->features);
        append_numbers(&text, ",\"std\":[", b->std, b->features);
    }
    if (text.size == 0 && !text.failed) {
        return LINNET_OK;
    }
    ln_text_append_string(&text, "}");
    return ln_onnx_set_text(b->onnx, LN_KEY_INPUT, &text);
}

#endif
