/* onnx_graph.c - the values of an ONNX graph: its input and output, its constants, and what its
 * nodes make.
 *
 * Each value is made once, before it is used, as the format demands; so whoever follows values back
 * to where they come from ends. Nodes that make a constant of constants (Identity, Cast,
 * Transpose, Unsqueeze) are done here. */
#include "format/onnx.h"

#ifdef LN_WITH_ONNX

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/grow.h"

/* ---- errors ---- */

linnet_status ln_onnx_fail_node(const ln_onnx *onnx, size_t node, linnet_status status,
                                const char *format, ...)
{
    const LnOnnx__Node *message = onnx->graph->node[node];
    const char *name = ln_onnx_text(message->name), *op = ln_onnx_text(message->op_type);
    char quoted_name[LN_QUOTED], quoted_op[LN_QUOTED], text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ln_quote(op, strlen(op), quoted_op);
    if (name[0] == '\0') {
        return ln_fail(onnx->error, status, "node %zu (%.*s): %s", node, (int)strlen(quoted_op) - 2,
                       quoted_op + 1, text);
    }
    return ln_fail(onnx->error, status, "node %s (%.*s): %s",
                   ln_quote(name, strlen(name), quoted_name), (int)strlen(quoted_op) - 2,
                   quoted_op + 1, text);
}

/* ---- values ---- */

size_t ln_onnx_find(const ln_onnx *onnx, const char *name)
{
    return ln_names_find(&onnx->names, name, strlen(name));
}

/* Adds a value; false in *is_new where the name is taken. */
static linnet_status add_value(ln_onnx *onnx, const char *name, ln_onnx_value **value, bool *is_new)
{
    size_t index = 0, before = onnx->names.count;
    linnet_status status = ln_names_add(&onnx->names, name, strlen(name), &index, onnx->error);
    if (status != LINNET_OK) {
        return status;
    }
    ln_onnx_value *grown =
        ln_grow(onnx->values, &onnx->capacity, onnx->names.count, sizeof *onnx->values);
    if (grown == NULL) {
        return ln_fail_memory(onnx->error, onnx->names.count * sizeof *grown, "a graph's values");
    }
    onnx->values = grown;
    *value = &grown[index];
    *is_new = onnx->names.count > before;
    return LINNET_OK;
}

static linnet_status add_initializers(ln_onnx *onnx)
{
    for (size_t i = 0; i < onnx->graph->n_initializer; i++) {
        const LnOnnx__Tensor *tensor = onnx->graph->initializer[i];
        const char *name = ln_onnx_text(tensor->name);
        char quoted[LN_QUOTED];
        ln_onnx_value *value;
        bool is_new;
        linnet_status status = add_value(onnx, name, &value, &is_new);
        if (status != LINNET_OK) {
            return status;
        }
        if (!is_new || name[0] == '\0') {
            return ln_fail(onnx->error, LINNET_ERROR_FORMAT,
                           "expected a name of its own for every initializer, found %s",
                           is_new ? "none" : ln_quote(name, strlen(name), quoted));
        }
        *value = (ln_onnx_value){.origin = LN_ONNX_CONSTANT, .message = tensor};
    }
    return LINNET_OK;
}

/* The one input that is no initializer; old files list those among the inputs too. */
static linnet_status add_input(ln_onnx *onnx)
{
    size_t found = 0;
    for (size_t i = 0; i < onnx->graph->n_input; i++) {
        const LnOnnx__Value *input = onnx->graph->input[i];
        const char *name = ln_onnx_text(input->name);
        if (ln_onnx_find(onnx, name) != LN_NO_NAME) {
            continue;
        }
        ln_onnx_value *value;
        bool is_new;
        linnet_status status = add_value(onnx, name, &value, &is_new);
        if (status != LINNET_OK) {
            return status;
        }
        *value = (ln_onnx_value){.origin = LN_ONNX_INPUT_VALUE};
        onnx->input = onnx->names.count - 1;
        onnx->input_type = input;
        found++;
    }
    return found == 1 ? LINNET_OK
                      : ln_fail(onnx->error, LINNET_ERROR_UNSUPPORTED,
                                "expected a graph with one input, found %zu", found);
}

/* ---- constants that nodes make ---- */

static linnet_status set_number(ln_onnx *onnx, ln_onnx_value *value, linnet_dtype dtype, int rank,
                                int64_t count, void *data)
{
    value->origin = LN_ONNX_CONSTANT;
    value->decoded = true;
    return linnet_tensor_from(data, dtype, rank, &count, &value->tensor, onnx->error);
}

static linnet_status add_constant(ln_onnx *onnx, size_t node, ln_onnx_value *value)
{
    const LnOnnx__Node *message = onnx->graph->node[node];
    LnOnnx__Attribute *attribute = message->n_attribute == 1 ? message->attribute[0] : NULL;
    const char *name = attribute == NULL ? "" : ln_onnx_text(attribute->name);
    if (strcmp(name, "value") == 0 && attribute->t != NULL) {
        *value = (ln_onnx_value){.origin = LN_ONNX_CONSTANT, .message = attribute->t};
        return LINNET_OK;
    }
    if (strcmp(name, "value_float") == 0 && attribute->has_f) {
        return set_number(onnx, value, LINNET_FLOAT32, 0, 1, &attribute->f);
    }
    if (strcmp(name, "value_int") == 0 && attribute->has_i) {
        return set_number(onnx, value, LINNET_INT64, 0, 1, &attribute->i);
    }
    if (strcmp(name, "value_floats") == 0) {
        return set_number(onnx, value, LINNET_FLOAT32, 1, (int64_t)attribute->n_floats,
                          attribute->floats);
    }
    if (strcmp(name, "value_ints") == 0) {
        return set_number(onnx, value, LINNET_INT64, 1, (int64_t)attribute->n_ints,
                          attribute->ints);
    }
    return ln_onnx_fail_node(onnx, node, LINNET_ERROR_UNSUPPORTED,
                             "expected one attribute: value with a tensor, value_float, "
                             "value_floats, value_int or value_ints");
}

/* Whether `perm` is a permutation of the dimensions; without one they are turned round. */
static bool read_permutation(const LnOnnx__Node *message, int rank, int *perm)
{
    const LnOnnx__Attribute *attribute = message->n_attribute == 1 ? message->attribute[0] : NULL;
    unsigned seen = 0;
    for (int i = 0; i < rank; i++) {
        perm[i] = rank - 1 - i;
    }
    if (message->n_attribute == 0) {
        return true;
    }
    if (attribute == NULL || strcmp(ln_onnx_text(attribute->name), "perm") != 0 ||
        attribute->n_ints != (size_t)rank) {
        return false;
    }
    for (int i = 0; i < rank; i++) {
        int64_t dim = attribute->ints[i];
        if (dim < 0 || dim >= rank || (seen >> dim & 1) != 0) {
            return false;
        }
        seen |= 1u << dim;
        perm[i] = (int)dim;
    }
    return true;
}

static linnet_status transpose(ln_onnx *onnx, size_t node, size_t from, ln_onnx_value *value)
{
    const linnet_tensor *source;
    int perm[LINNET_MAX_RANK];
    linnet_status status = ln_onnx_constant(onnx, from, &source);
    if (status != LINNET_OK) {
        return status;
    }
    if (!read_permutation(onnx->graph->node[node], source->rank, perm)) {
        return ln_onnx_fail_node(onnx, node, LINNET_ERROR_FORMAT,
                                 "expected perm to be a permutation of the %d dimensions",
                                 source->rank);
    }
    linnet_tensor turned = *source;
    for (int i = 0; i < source->rank; i++) {
        turned.shape[i] = source->shape[perm[i]];
        turned.strides[i] = source->strides[perm[i]];
    }
    *value = (ln_onnx_value){.origin = LN_ONNX_CONSTANT, .tensor = turned, .decoded = true};
    return LINNET_OK;
}

/* Whether a node is a cast to float32, which constants of any floating-point dtype are used as. */
static bool is_cast(const LnOnnx__Node *message)
{
    return strcmp(ln_onnx_text(message->op_type), "Cast") == 0 && message->n_attribute == 1 &&
           strcmp(ln_onnx_text(message->attribute[0]->name), "to") == 0 &&
           message->attribute[0]->i == 1;
}

/* The dimensions that Unsqueeze adds, as bits: of an attribute, or of a constant input. */
static linnet_status read_axes(ln_onnx *onnx, const LnOnnx__Node *message, int rank, uint32_t *bits,
                               int *count)
{
    const LnOnnx__Attribute *attribute = message->n_attribute == 1 ? message->attribute[0] : NULL;
    size_t input = message->n_input == 2 ? ln_onnx_find(onnx, message->input[1]) : LN_NO_NAME;
    const linnet_tensor *axes = NULL;
    *bits = 0;
    *count = attribute == NULL ? 0 : (int)ln_min_size(attribute->n_ints, LINNET_MAX_RANK);
    if (input != LN_NO_NAME && onnx->values[input].origin == LN_ONNX_CONSTANT) {
        linnet_status status = ln_onnx_constant(onnx, input, &axes);
        if (status != LINNET_OK) {
            return status;
        }
        int64_t elements = linnet_tensor_numel(axes);
        *count = elements < LINNET_MAX_RANK ? (int)elements : LINNET_MAX_RANK;
    }
    for (int i = 0; i < *count; i++) {
        int64_t axis = axes == NULL ? attribute->ints[i] : 0;
        bool good = axes == NULL || ln_onnx_integer(axes, i, &axis);
        axis += axis < 0 ? rank + *count : 0;
        if (!good || axis < 0 || axis >= rank + *count || axis >= LINNET_MAX_RANK) {
            *bits = 0;
            return LINNET_OK;
        }
        *bits |= (uint32_t)1 << axis;
    }
    return LINNET_OK;
}

/* A constant with dimensions of size 1 put in; left as computed where the axes are none. */
static linnet_status unsqueeze(ln_onnx *onnx, size_t node, size_t from, ln_onnx_value *value)
{
    const linnet_tensor *source;
    uint32_t bits = 0;
    int count = 0;
    linnet_status status = ln_onnx_constant(onnx, from, &source);
    if (status == LINNET_OK) {
        status = read_axes(onnx, onnx->graph->node[node], source->rank, &bits, &count);
    }
    int rank = status == LINNET_OK ? source->rank + count : 0;
    if (status != LINNET_OK || bits == 0 || rank > LINNET_MAX_RANK ||
        __builtin_popcount(bits) != count) {
        return status;
    }
    linnet_tensor spread = *source;
    spread.rank = rank;
    for (int i = 0, at = 0; i < rank; i++) {
        bool is_new = (bits >> i & 1) != 0;
        spread.shape[i] = is_new ? 1 : source->shape[at];
        spread.strides[i] = is_new ? 1 : source->strides[at];
        at += !is_new;
    }
    *value = (ln_onnx_value){.origin = LN_ONNX_CONSTANT, .tensor = spread, .decoded = true};
    return LINNET_OK;
}

static linnet_status keep(ln_onnx *onnx, size_t node, size_t from, ln_onnx_value *value)
{
    (void)node;
    *value = onnx->values[from];
    return LINNET_OK;
}

/* Output 0 of a node, where it is constant. */
static linnet_status fold(ln_onnx *onnx, size_t node, ln_onnx_value *value)
{
    static const struct {
        const char *op;
        linnet_status (*fold)(ln_onnx *onnx, size_t node, size_t from, ln_onnx_value *value);
    } folds[] = {{"Identity", keep}, {"Transpose", transpose}, {"Unsqueeze", unsqueeze}};
    const LnOnnx__Node *message = onnx->graph->node[node];
    const char *op = ln_onnx_text(message->op_type);
    if (!ln_onnx_is_default_domain(message->domain)) {
        return LINNET_OK;
    }
    if (strcmp(op, "Constant") == 0) {
        return add_constant(onnx, node, value);
    }
    size_t from = message->n_input == 0 || message->input[0][0] == '\0'
                      ? LN_NO_NAME
                      : ln_onnx_find(onnx, message->input[0]);
    if (from == LN_NO_NAME || onnx->values[from].origin != LN_ONNX_CONSTANT) {
        return LINNET_OK;
    }
    if (is_cast(message)) {
        return keep(onnx, node, from, value);
    }
    for (size_t i = 0; i < sizeof folds / sizeof folds[0]; i++) {
        if (strcmp(op, folds[i].op) == 0) {
            return folds[i].fold(onnx, node, from, value);
        }
    }
    return LINNET_OK;
}

/* ---- nodes ---- */

static linnet_status check_inputs(ln_onnx *onnx, size_t node)
{
    const LnOnnx__Node *message = onnx->graph->node[node];
    for (size_t i = 0; i < message->n_input; i++) {
        const char *name = message->input[i];
        char quoted[LN_QUOTED];
        if (name[0] != '\0' && ln_onnx_find(onnx, name) == LN_NO_NAME) {
            return ln_onnx_fail_node(onnx, node, LINNET_ERROR_FORMAT,
                                     "expected inputs that are there before it, found %s",
                                     ln_quote(name, strlen(name), quoted));
        }
    }
    return LINNET_OK;
}

static linnet_status add_outputs(ln_onnx *onnx, size_t node)
{
    const LnOnnx__Node *message = onnx->graph->node[node];
    for (size_t i = 0; i < message->n_output; i++) {
        const char *name = message->output[i];
        char quoted[LN_QUOTED];
        ln_onnx_value *value;
        bool is_new;
        if (name[0] == '\0') {
            continue;
        }
        linnet_status status = add_value(onnx, name, &value, &is_new);
        if (status == LINNET_OK && !is_new) {
            status = ln_onnx_fail_node(onnx, node, LINNET_ERROR_FORMAT,
                                       "expected outputs with names of their own, found %s again",
                                       ln_quote(name, strlen(name), quoted));
        }
        if (status == LINNET_OK) {
            *value = (ln_onnx_value){.origin = LN_ONNX_COMPUTED, .node = node, .output = i};
            status = i == 0 ? fold(onnx, node, value) : LINNET_OK;
        }
        if (status != LINNET_OK) {
            return status;
        }
    }
    return LINNET_OK;
}

linnet_status ln_onnx_list_values(ln_onnx *onnx)
{
    linnet_status status = add_initializers(onnx);
    if (status == LINNET_OK) {
        status = add_input(onnx);
    }
    for (size_t i = 0; status == LINNET_OK && i < onnx->graph->n_node; i++) {
        status = check_inputs(onnx, i);
        if (status == LINNET_OK) {
            status = add_outputs(onnx, i);
        }
    }
    if (status != LINNET_OK) {
        return status;
    }
    if (onnx->graph->n_output != 1) {
        return ln_fail(onnx->error, LINNET_ERROR_UNSUPPORTED,
                       "expected a graph with one output, found %zu", onnx->graph->n_output);
    }
    const char *name = ln_onnx_text(onnx->graph->output[0]->name);
    char quoted[LN_QUOTED];
    onnx->output = ln_onnx_find(onnx, name);
    if (onnx->output == LN_NO_NAME || onnx->values[onnx->output].origin == LN_ONNX_CONSTANT) {
        return ln_fail(onnx->error, LINNET_ERROR_FORMAT,
                       "expected the graph's output %s to be made of its input",
                       ln_quote(name, strlen(name), quoted));
    }
    return LINNET_OK;
}

linnet_status ln_onnx_constant(ln_onnx *onnx, size_t value, const linnet_tensor **tensor)
{
    ln_onnx_value *constant = &onnx->values[value];
    linnet_status status = LINNET_OK;
    if (!constant->decoded) {
        status = ln_onnx_decode(onnx, constant->message, onnx->names.items[value].text,
                                &constant->tensor);
        constant->decoded = status == LINNET_OK;
    }
    *tensor = &constant->tensor;
    return status;
}

#endif
