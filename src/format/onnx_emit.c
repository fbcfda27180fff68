/* onnx_emit.c - modules as nodes of an ONNX graph, by the rows of onnx.def.
 *
 * The expression of a row is written from its innermost operator out. Arguments and tensors are the
 * module's own; evaluation is what is written, so Dropout leaves nothing behind. */
#include "format/onnx_emit.h"

#ifdef LN_WITH_ONNX

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/grow.h"
#include "format/onnx_build.h"
#include "tensor/state_dict.h"

enum { TYPE_FLOAT = 1, TYPE_INT64 = 7 };
enum { ATTRIBUTE_FLOAT = 1, ATTRIBUTE_INT = 2, ATTRIBUTE_STRING = 3, ATTRIBUTE_INTS = 7 };

/* ---- messages ---- */

char *ln_onnx_print(ln_onnx_arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *text = length < 0 ? NULL : ln_onnx_take(arena, (size_t)length + 1);
    if (text != NULL) {
        vsnprintf(text, (size_t)length + 1, format, again);
    }
    va_end(again);
    va_end(arguments);
    return text;
}

static linnet_status fail_memory(ln_onnx_emission *e)
{
    return ln_fail(e->error, LINNET_ERROR_MEMORY, "out of memory for an ONNX graph");
}

static linnet_status append(ln_onnx_emission *e, ln_onnx_list *list, void *item)
{
    void **grown = ln_grow(list->items, &list->capacity, list->count + 1, sizeof *list->items);
    if (grown == NULL) {
        return fail_memory(e);
    }
    list->items = grown;
    grown[list->count++] = item;
    return LINNET_OK;
}

linnet_status ln_onnx_emit_node(ln_onnx_emission *e, const char *path, const char *op, size_t count,
                                const char *const *inputs, LnOnnx__Node **node)
{
    LnOnnx__Node *made = ln_onnx_take(&e->arena, sizeof *made);
    char **names = ln_onnx_take(&e->arena, (count + 1) * sizeof *names);
    char *name =
        ln_onnx_print(&e->arena, "%s%s%s_%zu", path, path[0] != '\0' ? "/" : "", op, e->steps++);
    if (made == NULL || names == NULL || name == NULL) {
        return fail_memory(e);
    }
    ln_onnx__node__init(made);
    for (size_t i = 0; i < count; i++) {
        names[i] = (char *)(uintptr_t)inputs[i]; /* protobuf-c has no const; nothing is written */
    }
    names[count] = name;
    made->input = names;
    made->n_input = count;
    made->output = names + count;
    made->n_output = 1;
    made->name = name;
    made->op_type = (char *)(uintptr_t)op;
    *node = made;
    return append(e, &e->nodes, made);
}

linnet_status ln_onnx_emit_tensor(ln_onnx_emission *e, const char *name, linnet_dtype dtype,
                                  int rank, const int64_t *shape, const void *data)
{
    LnOnnx__Tensor *made = ln_onnx_take(&e->arena, sizeof *made);
    int64_t *dims = ln_onnx_take(&e->arena, (size_t)rank * sizeof *dims);
    size_t bytes;
    if (made == NULL || dims == NULL || name == NULL ||
        !ln_format_bytes(dtype, rank, shape, &bytes)) {
        return fail_memory(e);
    }
    ln_onnx__tensor__init(made);
    for (int i = 0; i < rank; i++) {
        dims[i] = shape[i];
    }
    made->dims = dims;
    made->n_dims = (size_t)rank;
    made->has_data_type = true;
    made->data_type = dtype == LINNET_INT64 ? TYPE_INT64 : TYPE_FLOAT;
    made->name = (char *)(uintptr_t)name;
    made->has_raw_data = true;
    made->raw_data.data = (uint8_t *)(uintptr_t)data;
    made->raw_data.len = bytes;
    return append(e, &e->tensors, made);
}

/* ---- a module being written ---- */

typedef struct writing {
    ln_onnx_emission *e;
    const char *path;
    const ln_py_node *module; /* as the model's text has it */
    const ln_py_node *form;   /* as the row has it */
} writing;

/* The module's argument that an argument of the row's text is about: by its name, or by its place. */
static const ln_py_node *actual(const writing *w, const ln_py_node *formal)
{
    size_t place = 0;
    for (const ln_py_node *a = w->form->children; a != formal; a = a->next) {
        place += a->label.length == 0;
    }
    for (const ln_py_node *a = w->module->children; a != NULL; a = a->next) {
        bool named = formal->label.length > 0 && a->label.length == formal->label.length &&
                     memcmp(a->label.text, formal->label.text, a->label.length) == 0;
        if (named || (formal->label.length == 0 && a->label.length == 0 && place-- == 0)) {
            return a;
        }
    }
    return NULL;
}

/* The argument that a name of the row's expression stands for; NULL where it is a tensor's. */
static const ln_py_node *formal_named(const writing *w, ln_py_slice name)
{
    for (const ln_py_node *formal = w->form->children; formal != NULL; formal = formal->next) {
        if (formal->kind == LN_PY_NAME && formal->text.length == name.length &&
            memcmp(formal->text.text, name.text, name.length) == 0) {
            return formal;
        }
    }
    return NULL;
}

static bool is_number(const ln_py_node *node)
{
    return node != NULL &&
           (node->kind == LN_PY_INT || node->kind == LN_PY_FLOAT || node->kind == LN_PY_BOOL);
}

static double number(const ln_py_node *node)
{
    return node->kind == LN_PY_FLOAT ? node->value.number : (double)node->value.integer;
}

static bool equals(const ln_py_node *a, const ln_py_node *b)
{
    if (is_number(a) && is_number(b)) {
        return number(a) == number(b);
    }
    return a != NULL && a->kind == b->kind && a->text.length == b->text.length &&
           memcmp(a->text.text, b->text.text, a->text.length) == 0;
}

static size_t count_positional(const ln_py_node *call)
{
    size_t count = 0;
    for (const ln_py_node *a = call->children; a != NULL; a = a->next) {
        count += a->label.length == 0;
    }
    return count;
}

/* Whether the row is this module's: the same name, and what the row fixes. Arguments without a name
 * stand in both or, as in print(model)'s text, in neither. */
static bool fits(const writing *w)
{
    if (w->form->text.length != w->module->text.length ||
        memcmp(w->form->text.text, w->module->text.text, w->form->text.length) != 0) {
        return false;
    }
    if (count_positional(w->form) != count_positional(w->module)) {
        return false;
    }
    for (const ln_py_node *formal = w->form->children; formal != NULL; formal = formal->next) {
        if (formal->kind != LN_PY_NAME && !equals(actual(w, formal), formal)) {
            return false;
        }
    }
    return true;
}

static linnet_status fail_module(const writing *w, linnet_status status, const char *text)
{
    char module[LN_QUOTED], path[LN_QUOTED];
    return ln_fail(w->e->error, status, "module %s (%.*s): %s",
                   ln_quote(w->path, strlen(w->path), path),
                   (int)strlen(ln_quote(w->module->text.text, w->module->text.length, module)) - 2,
                   module + 1, text);
}

/* ---- attributes ---- */

/* PyTorch's choice where dim is None. */
static int64_t implicit_dim(int rank)
{
    return rank == 0 || rank == 1 || rank == 3 ? 0 : 1;
}

static linnet_status set_integers(const writing *w, LnOnnx__Attribute *attribute,
                                  const ln_py_node *list)
{
    for (const ln_py_node *item = list->children; item != NULL; item = item->next) {
        attribute->n_ints++;
    }
    attribute->ints = ln_onnx_take(&w->e->arena, attribute->n_ints * sizeof *attribute->ints);
    if (attribute->ints == NULL) {
        return fail_memory(w->e);
    }
    size_t i = 0;
    for (const ln_py_node *item = list->children; item != NULL; item = item->next) {
        attribute->ints[i++] = item->value.integer;
    }
    attribute->type = ATTRIBUTE_INTS;
    return LINNET_OK;
}

/* What a keyword of the expression comes to for this module; its standard says its type. */
static linnet_status set_value(const writing *w, LnOnnx__Attribute *attribute,
                               const ln_py_node *keyword)
{
    const ln_py_node *expected = keyword, *standard = keyword;
    if (keyword->kind == LN_PY_TUPLE) {
        expected = keyword->children;
        standard = expected->next;
    }
    if (expected->kind == LN_PY_LIST) {
        return set_integers(w, attribute, expected);
    }
    if (expected->kind == LN_PY_STRING) {
        attribute->has_s = true;
        attribute->s.data = (uint8_t *)ln_onnx_print(
            &w->e->arena, "%.*s", (int)expected->text.length, expected->text.text);
        attribute->s.len = expected->text.length;
        attribute->type = ATTRIBUTE_STRING;
        return attribute->s.data == NULL ? fail_memory(w->e) : LINNET_OK;
    }
    const ln_py_node *given = expected;
    if (expected->kind == LN_PY_NAME) {
        const ln_py_node *formal = formal_named(w, expected->text);
        given = formal == NULL ? standard : actual(w, formal);
    }
    if (standard->kind == LN_PY_FLOAT) {
        attribute->has_f = true;
        attribute->f = (float)number(is_number(given) ? given : standard);
        attribute->type = ATTRIBUTE_FLOAT;
    } else {
        attribute->has_i = true;
        attribute->i = is_number(given) ? given->value.integer : implicit_dim(w->e->shape.rank);
        attribute->type = ATTRIBUTE_INT;
    }
    return LINNET_OK;
}

static linnet_status emit_attributes(const writing *w, const ln_py_node *call, LnOnnx__Node *node)
{
    size_t count = 0;
    for (const ln_py_node *child = call->children; child != NULL; child = child->next) {
        count += child->role == LN_PY_KEYWORD;
    }
    node->attribute = ln_onnx_take(&w->e->arena, count * sizeof *node->attribute);
    if (node->attribute == NULL) {
        return fail_memory(w->e);
    }
    for (const ln_py_node *child = call->children; child != NULL; child = child->next) {
        if (child->role != LN_PY_KEYWORD) {
            continue;
        }
        LnOnnx__Attribute *attribute = ln_onnx_take(&w->e->arena, sizeof *attribute);
        char *name =
            ln_onnx_print(&w->e->arena, "%.*s", (int)child->label.length, child->label.text);
        if (attribute == NULL || name == NULL) {
            return fail_memory(w->e);
        }
        ln_onnx__attribute__init(attribute);
        attribute->name = name;
        attribute->has_type = true;
        linnet_status status = set_value(w, attribute, child);
        if (status != LINNET_OK) {
            return status;
        }
        node->attribute[node->n_attribute++] = attribute;
    }
    return LINNET_OK;
}

/* ---- constants ---- */

static linnet_status emit_number(const writing *w, double value, const char **name)
{
    float *data = ln_onnx_take(&w->e->arena, sizeof *data);
    *name = ln_onnx_print(&w->e->arena, "%s%sconstant_%zu", w->path, w->path[0] != '\0' ? "/" : "",
                          w->e->steps++);
    if (data == NULL) {
        return fail_memory(w->e);
    }
    *data = (float)value;
    return ln_onnx_emit_tensor(w->e, *name, LINNET_FLOAT32, 0, NULL, data);
}

/* The module's own tensor as float32, copied where it is not that already. */
static linnet_status emit_own_tensor(const writing *w, ln_py_slice name, const char **value)
{
    char *path = ln_onnx_print(&w->e->arena, "%s%s%.*s", w->path, w->path[0] != '\0' ? "." : "",
                               (int)name.length, name.text);
    if (path == NULL) {
        return fail_memory(w->e);
    }
    const linnet_tensor *tensor = linnet_state_dict_get(w->e->state_dict, path);
    if (tensor == NULL) {
        return fail_module(w, LINNET_ERROR_FORMAT, "its tensors are not all there");
    }
    const void *data = tensor->data;
    if (tensor->dtype != LINNET_FLOAT32 || !linnet_tensor_is_contiguous(tensor)) {
        size_t count = (size_t)linnet_tensor_numel(tensor);
        void *gathered =
            ln_onnx_take(&w->e->arena, ln_saturated_mul(count, linnet_dtype_size(tensor->dtype)));
        float *converted = ln_onnx_take(&w->e->arena, ln_saturated_mul(count, sizeof *converted));
        if (gathered == NULL || converted == NULL) {
            return fail_memory(w->e);
        }
        ln_tensor_gather(tensor, gathered);
        ln_to_float32(tensor->dtype, gathered, count, converted);
        data = converted;
    }
    *value = path;
    return ln_onnx_emit_tensor(w->e, path, LINNET_FLOAT32, tensor->rank, tensor->shape, data);
}

/* ---- expressions ---- */

static linnet_status emit_value(const writing *w, const ln_py_node *expression, const char **value);

#define MAX_INPUTS 8

static linnet_status emit_call(const writing *w, const ln_py_node *call, const char **value)
{
    const char *inputs[MAX_INPUTS];
    size_t count = 0;
    for (const ln_py_node *child = call->children; child != NULL; child = child->next) {
        if (child->role == LN_PY_KEYWORD) {
            continue;
        }
        linnet_status status = emit_value(w, child, &inputs[count++]);
        if (status != LINNET_OK) {
            return status;
        }
    }
    char *op = ln_onnx_print(&w->e->arena, "%.*s", (int)call->text.length, call->text.text);
    if (op == NULL) {
        return fail_memory(w->e);
    }
    LnOnnx__Node *node;
    linnet_status status = ln_onnx_emit_node(w->e, w->path, op, count, inputs, &node);
    if (status == LINNET_OK) {
        status = emit_attributes(w, call, node);
    }
    *value = status == LINNET_OK ? node->output[0] : NULL;
    return status;
}

static linnet_status emit_value(const writing *w, const ln_py_node *expression, const char **value)
{
    if (expression->kind == LN_PY_CALL) {
        return emit_call(w, expression, value);
    }
    if (is_number(expression)) {
        return emit_number(w, number(expression), value);
    }
    if (ln_py_equal(expression->text, "x")) {
        *value = w->e->value;
        return LINNET_OK;
    }
    const ln_py_node *formal = formal_named(w, expression->text);
    if (formal == NULL) {
        return emit_own_tensor(w, expression->text, value);
    }
    const ln_py_node *given = actual(w, formal);
    return is_number(given)
               ? emit_number(w, number(given), value)
               : fail_module(w, LINNET_ERROR_FORMAT, "its arguments are not all there");
}

/* ---- shapes ---- */

static bool read_integer(const writing *w, const char *name, int64_t *value)
{
    for (const ln_py_node *a = w->module->children; a != NULL; a = a->next) {
        if (ln_py_equal(a->label, name) && a->kind == LN_PY_INT) {
            *value = a->value.integer;
            return true;
        }
    }
    return false;
}

/* The weight has to be the one that the text says, and the input the weight's. */
static linnet_status pass_linear(const writing *w)
{
    int64_t in, out;
    ln_shape *shape = &w->e->shape;
    char *path = ln_onnx_print(&w->e->arena, "%s%sweight", w->path, w->path[0] != '\0' ? "." : "");
    const linnet_tensor *weight =
        path == NULL ? NULL : linnet_state_dict_get(w->e->state_dict, path);
    if (weight == NULL || !read_integer(w, "in_features", &in) ||
        !read_integer(w, "out_features", &out) || weight->rank != 2 || weight->shape[0] != out ||
        weight->shape[1] != in) {
        return fail_module(w, LINNET_ERROR_FORMAT, "its weight is not what its text says");
    }
    int64_t *last = &shape->size[shape->rank - 1];
    if (*last != LN_ONNX_UNKNOWN && *last != in) {
        return fail_module(w, LINNET_ERROR_SHAPE, "its input has another number of features");
    }
    *last = out;
    return LINNET_OK;
}

/* The dimensions start..end as one; false where they are none. */
static bool join(const writing *w, ln_shape *joined)
{
    const ln_shape *shape = &w->e->shape;
    int64_t start, end;
    if (!read_integer(w, "start_dim", &start) || !read_integer(w, "end_dim", &end)) {
        return false;
    }
    start += start < 0 ? shape->rank : 0;
    end += end < 0 ? shape->rank : 0;
    if (start < 1 || end < start || end >= shape->rank) {
        return false;
    }
    ln_shape run = {.rank = (int)(end - start) + 1};
    memcpy(run.size, shape->size + start, (size_t)run.rank * sizeof run.size[0]);
    *joined = (ln_shape){.rank = shape->rank - run.rank + 1};
    memcpy(joined->size, shape->size, (size_t)start * sizeof run.size[0]);
    joined->size[start] = ln_onnx_product(&run, 0);
    memcpy(joined->size + start + 1, shape->size + end + 1,
           (size_t)(shape->rank - end - 1) * sizeof run.size[0]);
    return true;
}

/* Flatten joins everything behind the batch; any other run of dimensions takes a Reshape. */
static linnet_status emit_flatten(const writing *w, const ln_py_node *expression)
{
    ln_shape joined;
    linnet_status status;
    if (!join(w, &joined)) {
        return fail_module(w, LINNET_ERROR_SHAPE, "it joins dimensions that its input has not");
    }
    if (joined.rank == 2) {
        status = emit_value(w, expression, &w->e->value);
    } else {
        int64_t *sizes = ln_onnx_take(&w->e->arena, sizeof joined.size);
        char *name = ln_onnx_print(&w->e->arena, "%s/shape_%zu", w->path, w->e->steps++);
        if (sizes == NULL || name == NULL) {
            return fail_memory(w->e);
        }
        memcpy(sizes, joined.size, sizeof joined.size);
        sizes[0] = 0; /* the batch, as it is */
        const char *inputs[] = {w->e->value, name};
        int64_t rank = joined.rank;
        LnOnnx__Node *node;
        status = ln_onnx_emit_tensor(w->e, name, LINNET_INT64, 1, &rank, sizes);
        if (status == LINNET_OK) {
            status = ln_onnx_emit_node(w->e, w->path, "Reshape", 2, inputs, &node);
        }
        w->e->value = status == LINNET_OK ? node->output[0] : w->e->value;
    }
    w->e->shape = joined;
    return status;
}

/* ---- modules ---- */

static linnet_status emit_row(const writing *w, const ln_onnx_row *row)
{
    ln_py_tree expression = {0};
    linnet_status status = ln_py_parse(row->expression, NULL, 0, &expression, w->e->error);
    if (status == LINNET_OK && row->kind == LN_ONNX_FLATTEN) {
        status = emit_flatten(w, expression.root);
    } else if (status == LINNET_OK) {
        status = row->kind == LN_ONNX_LINEAR ? pass_linear(w) : LINNET_OK;
        if (status == LINNET_OK) {
            status = emit_value(w, expression.root, &w->e->value);
        }
    }
    w->e->opset = row->opset > w->e->opset ? row->opset : w->e->opset;
    ln_py_free(&expression);
    return status;
}

linnet_status ln_onnx_emit_module(ln_onnx_emission *e, const char *path, const ln_py_node *module)
{
    writing w = {.e = e, .path = path, .module = module};
    for (size_t i = 0; ln_onnx_row_at(i) != NULL; i++) {
        const ln_onnx_row *row = ln_onnx_row_at(i);
        size_t length = strcspn(row->module, "(");
        if ((row->use & LN_ONNX_WRITE) == 0 || (row->rank != 0 && row->rank != e->shape.rank) ||
            length != module->text.length || memcmp(row->module, module->text.text, length) != 0) {
            continue;
        }
        ln_py_tree form = {0};
        linnet_status status = ln_py_parse(row->module, NULL, 0, &form, e->error);
        w.form = form.root;
        bool found = status == LINNET_OK && fits(&w);
        if (found) {
            status = emit_row(&w, row);
        }
        ln_py_free(&form);
        if (found || status != LINNET_OK) {
            return status;
        }
    }
    return fail_module(&w, LINNET_ERROR_UNSUPPORTED, "there are no operators of ONNX for it");
}

#endif
