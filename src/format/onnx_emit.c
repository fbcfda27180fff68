/* onnx_emit.c - modules as nodes of an ONNX graph, by the rows of onnx.def.
 *
 * The expression of a row is written from its innermost operator out. Arguments and tensors are the
 * module's own; evaluation is what is written, so Dropout leaves nothing behind. */
#include "format/onnx_emit.h"

#ifdef LN_WITH_ONNX

#include <string.h>

#include "base/checked.h"
#include "format/onnx_build.h"
#include "tensor/state_dict.h"

enum { ATTRIBUTE_FLOAT = 1, ATTRIBUTE_INT = 2, ATTRIBUTE_STRING = 3, ATTRIBUTE_INTS = 7 };

static linnet_status fail_memory(const ln_onnx_emission *e)
{
    return ln_fail(e->error, LINNET_ERROR_MEMORY, "out of memory for an ONNX graph");
}

/* ---- a module being written ---- */

typedef struct writing {
    ln_onnx_emission *e;
    const char *path;
    const ln_py_node *module; /* as the model's text has it */
    const ln_py_node *form;   /* as the row has it */
} writing;

/* The module's argument that an argument of the row's text is about: by its name, or by its place.
 * */
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

static int64_t count_children(const ln_py_node *node)
{
    int64_t count = 0;
    for (const ln_py_node *child = node->children; child != NULL; child = child->next) {
        count++;
    }
    return count;
}

/* A list of numbers; of a name that is a shape's, the last dimensions, as many as it has. */
static linnet_status set_integers(const writing *w, LnOnnx__Attribute *attribute,
                                  const ln_py_node *list)
{
    const ln_py_node *first = list->children;
    const ln_py_node *formal = first->kind == LN_PY_NAME ? formal_named(w, first->text) : NULL;
    const ln_py_node *shape = formal == NULL ? NULL : actual(w, formal);
    if (formal != NULL && (shape == NULL || shape->kind != LN_PY_TUPLE)) {
        return fail_module(w, LINNET_ERROR_FORMAT, "its arguments are not all there");
    }
    int64_t count = count_children(shape == NULL ? list : shape);
    attribute->ints = ln_onnx_take(&w->e->arena, (size_t)count * sizeof *attribute->ints);
    if (attribute->ints == NULL) {
        return fail_memory(w->e);
    }
    const ln_py_node *item = first;
    for (int64_t i = 0; i < count; i++) {
        attribute->ints[i] = shape == NULL ? item->value.integer : i - count;
        item = shape == NULL ? item->next : item;
    }
    attribute->n_ints = (size_t)count;
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
        given = given == NULL ? standard : given;
    }
    if (standard->kind == LN_PY_FLOAT) {
        attribute->has_f = true;
        attribute->f = (float)number(is_number(given) ? given : standard);
        attribute->type = ATTRIBUTE_FLOAT;
    } else {
        attribute->has_i = true;
        attribute->i = is_number(given)             ? given->value.integer
                       : given->kind == LN_PY_TUPLE ? -count_children(given)
                                                    : implicit_dim(w->e->shape.rank);
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

/* The module's own tensor of a name, and its full name. */
static linnet_status find_own_tensor(const writing *w, ln_py_slice name, char **path,
                                     const linnet_tensor **tensor)
{
    *path = ln_onnx_print(&w->e->arena, "%s%s%.*s", w->path, w->path[0] != '\0' ? "." : "",
                          (int)name.length, name.text);
    if (*path == NULL) {
        return fail_memory(w->e);
    }
    *tensor = linnet_state_dict_get(w->e->state_dict, *path);
    return *tensor != NULL ? LINNET_OK
                           : fail_module(w, LINNET_ERROR_FORMAT, "its tensors are not all there");
}

/* A tensor as float32, copied where it is not that already, with `ones` more dimensions of size 1.
 * */
static linnet_status emit_own_tensor(const writing *w, ln_py_slice name, int ones,
                                     const char **value)
{
    char *path;
    const linnet_tensor *tensor;
    linnet_status status = find_own_tensor(w, name, &path, &tensor);
    if (status != LINNET_OK) {
        return status;
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
    ln_shape shape = ln_tensor_shape(tensor);
    for (; ones > 0 && shape.rank < LINNET_MAX_RANK; ones--) {
        shape.size[shape.rank++] = 1;
    }
    *value = path;
    return ln_onnx_emit_tensor(w->e, path, LINNET_FLOAT32, shape.rank, shape.size, data);
}

/* A constant of one number everywhere, in the shape of a tensor or of an argument. */
static linnet_status emit_filled(const writing *w, ln_py_slice name, float number_to_fill,
                                 const char **value)
{
    const ln_py_node *formal = formal_named(w, name);
    const ln_py_node *sizes = formal == NULL ? NULL : actual(w, formal);
    ln_shape shape = {.rank = 0};
    linnet_status status = LINNET_OK;
    if (formal == NULL) {
        char *path;
        const linnet_tensor *tensor;
        status = find_own_tensor(w, name, &path, &tensor);
        shape = status == LINNET_OK ? ln_tensor_shape(tensor) : shape;
    } else if (sizes == NULL || sizes->kind != LN_PY_TUPLE ||
               count_children(sizes) > LINNET_MAX_RANK) {
        status = fail_module(w, LINNET_ERROR_FORMAT, "its arguments are not all there");
    } else {
        for (const ln_py_node *size = sizes->children; size != NULL; size = size->next) {
            shape.size[shape.rank++] = size->value.integer;
        }
    }
    size_t bytes;
    if (status == LINNET_OK && !ln_format_bytes(LINNET_FLOAT32, shape.rank, shape.size, &bytes)) {
        status = fail_memory(w->e);
    }
    if (status != LINNET_OK) {
        return status;
    }
    float *data = ln_onnx_take(&w->e->arena, bytes);
    *value = ln_onnx_print(&w->e->arena, "%s%sconstant_%zu", w->path, w->path[0] != '\0' ? "/" : "",
                           w->e->steps++);
    if (data == NULL) {
        return fail_memory(w->e);
    }
    for (size_t i = 0; i < bytes / sizeof *data; i++) {
        data[i] = number_to_fill;
    }
    return ln_onnx_emit_tensor(w->e, *value, LINNET_FLOAT32, shape.rank, shape.size, data);
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
    if (ln_py_equal(expression->text, "channels")) {
        return emit_own_tensor(w, expression->children->text, w->e->shape.rank - 2, value);
    }
    if (ln_py_equal(expression->text, "ones") || ln_py_equal(expression->text, "zeros")) {
        float number_to_fill = ln_py_equal(expression->text, "ones") ? 1.0f : 0.0f;
        return emit_filled(w, expression->children->text, number_to_fill, value);
    }
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
        return emit_own_tensor(w, expression->text, 0, value);
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

/* The value in another shape, which keeps the batch. */
static linnet_status emit_reshape(const writing *w, const ln_shape *shape)
{
    int64_t *sizes = ln_onnx_take(&w->e->arena, sizeof shape->size);
    char *name = ln_onnx_print(&w->e->arena, "%s%sshape_%zu", w->path,
                               w->path[0] != '\0' ? "/" : "", w->e->steps++);
    if (sizes == NULL || name == NULL) {
        return fail_memory(w->e);
    }
    memcpy(sizes, shape->size, sizeof shape->size);
    sizes[0] = 0; /* the batch, as it is */
    const char *inputs[] = {w->e->value, name};
    int64_t rank = shape->rank;
    LnOnnx__Node *node;
    linnet_status status = ln_onnx_emit_tensor(w->e, name, LINNET_INT64, 1, &rank, sizes);
    if (status == LINNET_OK) {
        status = ln_onnx_emit_node(w->e, w->path, "Reshape", 2, inputs, &node);
    }
    w->e->value = status == LINNET_OK ? node->output[0] : w->e->value;
    w->e->shape = *shape;
    return status;
}

/* Flatten joins everything behind the batch; any other run of dimensions takes a Reshape. */
static linnet_status emit_flatten(const writing *w, const ln_py_node *expression)
{
    ln_shape joined;
    if (!join(w, &joined)) {
        return fail_module(w, LINNET_ERROR_SHAPE, "it joins dimensions that its input has not");
    }
    if (joined.rank > 2) {
        return emit_reshape(w, &joined);
    }
    w->e->shape = joined;
    return emit_value(w, expression, &w->e->value);
}

static linnet_status emit_unflatten(const writing *w)
{
    const ln_shape *shape = &w->e->shape;
    const ln_py_node *sizes = actual(w, w->form->children->next);
    int64_t dim, inferred = LN_ONNX_UNKNOWN, product = 1;
    bool good = read_integer(w, "dim", &dim) && sizes != NULL && sizes->kind == LN_PY_TUPLE &&
                count_children(sizes) + shape->rank - 1 <= LINNET_MAX_RANK;
    dim += good && dim < 0 ? shape->rank : 0;
    if (!good || dim < 1 || dim >= shape->rank) {
        return fail_module(w, LINNET_ERROR_SHAPE, "it splits a dimension that its input has not");
    }
    ln_shape split = {.rank = (int)dim};
    memcpy(split.size, shape->size, (size_t)dim * sizeof split.size[0]);
    for (const ln_py_node *size = sizes->children; size != NULL; size = size->next) {
        inferred = size->value.integer < 0 ? split.rank : inferred;
        good =
            good && (size->value.integer < 0 || ln_mul_i64(product, size->value.integer, &product));
        split.size[split.rank++] = size->value.integer;
    }
    if (inferred != LN_ONNX_UNKNOWN && product > 0) {
        split.size[inferred] = shape->size[dim] / product;
    }
    memcpy(split.size + split.rank, shape->size + dim + 1,
           (size_t)(shape->rank - dim - 1) * sizeof split.size[0]);
    split.rank += shape->rank - (int)dim - 1;
    return good ? emit_reshape(w, &split) : fail_memory(w->e);
}

/* ---- modules ---- */

static linnet_status emit_row(const writing *w, const ln_onnx_row *row)
{
    ln_py_tree expression = {0};
    linnet_status status = ln_py_parse(row->expression, NULL, 0, &expression, w->e->error);
    if (status == LINNET_OK && row->kind == LN_ONNX_FLATTEN) {
        status = emit_flatten(w, expression.root);
    } else if (status == LINNET_OK && row->kind == LN_ONNX_UNFLATTEN) {
        status = emit_unflatten(w);
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
