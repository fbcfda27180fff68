/* onnx_write.c - writes a state_dict that is a model (metadata "linnet.model") as an ONNX file.
 *
 * One graph: the input's scaling, the modules in their order, one output; the batch is open. Class
 * names and what else there is of metadata travel in metadata_props. The same content gives the
 * same bytes. */
#include "format/onnx_emit.h"

#ifdef LN_WITH_ONNX

#include <fenv.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/grow.h"
#include "base/memory.h"
#include "format/onnx_build.h"

enum { TYPE_FLOAT = 1, TYPE_INT64 = 7 };

#define INPUT "input"
#define OUTPUT "output"

/* ---- nodes and constants ---- */

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

static linnet_status fail_memory(const ln_onnx_emission *e)
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

/* ---- the model's tree ---- */

/* Calls `visit` for each leaf with its path, until one fails. */
typedef linnet_status (*visitor)(ln_onnx_emission *e, const char *path, const ln_py_node *leaf);

static linnet_status visit_leaves(ln_onnx_emission *e, const char *path, const ln_py_node *module,
                                  visitor visit)
{
    linnet_status status = LINNET_OK;
    size_t index = 0;
    if (!ln_py_equal(module->text, "Sequential")) {
        return visit(e, path, module);
    }
    for (const ln_py_node *child = module->children; status == LINNET_OK && child != NULL;
         child = child->next, index++) {
        const char *dot = path[0] != '\0' ? "." : "";
        char *below = child->label.length > 0
                          ? ln_onnx_print(&e->arena, "%s%s%.*s", path, dot,
                                          (int)child->label.length, child->label.text)
                          : ln_onnx_print(&e->arena, "%s%s%zu", path, dot, index);
        status = below == NULL ? ln_fail_memory(e->error, SIZE_MAX, "a module's path")
                               : visit_leaves(e, below, child, visit);
    }
    return status;
}

/* The first module that says how many features it wants gives the row, if nothing else does. */
static linnet_status infer_row(ln_onnx_emission *e, const char *path, const ln_py_node *leaf)
{
    (void)path;
    for (const ln_py_node *a = leaf->children; a != NULL; a = a->next) {
        if (e->shape.size[1] == LN_ONNX_UNKNOWN && a->kind == LN_PY_INT &&
            ln_py_equal(a->label, "in_features")) {
            e->shape.size[1] = a->value.integer;
        }
    }
    return LINNET_OK;
}

/* ---- the input's scaling ---- */

static linnet_status fail_input(ln_onnx_emission *e)
{
    return ln_fail(e->error, LINNET_ERROR_FORMAT,
                   "metadata key '" LN_KEY_INPUT "': expected a model's shape and scaling");
}

static linnet_status read_shape(ln_onnx_emission *e, const json_t *sizes)
{
    size_t rank = json_array_size(sizes);
    if (sizes == NULL) {
        return LINNET_OK;
    }
    if (!json_is_array(sizes) || rank >= LINNET_MAX_RANK) {
        return fail_input(e);
    }
    e->shape.rank = (int)rank + 1;
    for (size_t i = 0; i < rank; i++) {
        const json_t *size = json_array_get(sizes, i);
        e->shape.size[i + 1] = json_integer_value(size);
        if (!json_is_integer(size) || json_integer_value(size) < 0) {
            return fail_input(e);
        }
    }
    return LINNET_OK;
}

/* A node of the scaling: op(value, numbers), the numbers of shape `rank`, `shape`. */
static linnet_status emit_scaling(ln_onnx_emission *e, const char *op, const char *name, int rank,
                                  const int64_t *shape, const float *numbers)
{
    const char *inputs[] = {e->value, name};
    LnOnnx__Node *node;
    linnet_status status = ln_onnx_emit_tensor(e, name, LINNET_FLOAT32, rank, shape, numbers);
    if (status == LINNET_OK) {
        status = ln_onnx_emit_node(e, INPUT, op, 2, inputs, &node);
    }
    e->value = status == LINNET_OK ? node->output[0] : e->value;
    return status;
}

/* A number for each feature. */
static linnet_status emit_each(ln_onnx_emission *e, const char *op, const char *name,
                               const json_t *list)
{
    size_t count = json_array_size(list);
    if (list == NULL) {
        return LINNET_OK;
    }
    if (!json_is_array(list) || (int64_t)count != ln_onnx_product(&e->shape, 1)) {
        return fail_input(e);
    }
    float *numbers = ln_onnx_take(&e->arena, ln_saturated_mul(count, sizeof *numbers));
    if (numbers == NULL) {
        return ln_fail_memory(e->error, count * sizeof *numbers, "the input's scaling");
    }
    for (size_t i = 0; i < count; i++) {
        numbers[i] = (float)json_number_value(json_array_get(list, i));
    }
    return emit_scaling(e, op, name, e->shape.rank - 1, e->shape.size + 1, numbers);
}

static linnet_status emit_input(ln_onnx_emission *e, const json_t *json)
{
    const json_t *scale = json_object_get(json, "scale");
    float *number = ln_onnx_take(&e->arena, sizeof *number);
    linnet_status status = LINNET_OK;
    if (number == NULL) {
        return ln_fail_memory(e->error, sizeof *number, "the input's scaling");
    }
    if (scale != NULL) {
        *number = (float)json_number_value(scale);
        status = emit_scaling(e, "Mul", "input/scale", 0, NULL, number);
    }
    if (status == LINNET_OK) {
        status = emit_each(e, "Sub", "input/mean", json_object_get(json, "mean"));
    }
    if (status == LINNET_OK) {
        status = emit_each(e, "Div", "input/std", json_object_get(json, "std"));
    }
    return status;
}

/* The row's shape: what the metadata says, or else a flat row of the features that the first module
 * wants. Then the scaling. */
static linnet_status begin(ln_onnx_emission *e, const ln_py_tree *tree, ln_shape *input)
{
    const char *text = linnet_state_dict_metadata_get(e->state_dict, LN_KEY_INPUT);
    e->shape = (ln_shape){.rank = 2, .size = {LN_ONNX_UNKNOWN, LN_ONNX_UNKNOWN}};
    e->value = INPUT;
    linnet_status status = visit_leaves(e, "", tree->root, infer_row);
    fenv_t saved; /* numbers round to nearest; on x86 jansson's strtod asks the x87 how */
    fegetenv(&saved);
    fesetenv(FE_DFL_ENV);
    json_t *json = text == NULL ? NULL : json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    fesetenv(&saved);
    if (status == LINNET_OK && text != NULL && !json_is_object(json)) {
        status = fail_input(e);
    }
    if (status == LINNET_OK) {
        status = read_shape(e, json_object_get(json, "shape"));
    }
    *input = e->shape;
    if (status == LINNET_OK) {
        status = emit_input(e, json);
    }
    json_decref(json);
    return status;
}

/* ---- the message ---- */

/* A value's name and shape: messages of one block. */
typedef struct described {
    LnOnnx__Value value, *list[1];
    LnOnnx__Type type;
    LnOnnx__TensorType tensor;
    LnOnnx__Shape shape;
    LnOnnx__Dimension dims[LINNET_MAX_RANK], *dim_list[LINNET_MAX_RANK];
} described;

static void describe(described *d, char *name, const ln_shape *shape)
{
    static char batch[] = "batch", features[] = "features";
    ln_onnx__value__init(&d->value);
    ln_onnx__type__init(&d->type);
    ln_onnx__tensor_type__init(&d->tensor);
    ln_onnx__shape__init(&d->shape);
    d->list[0] = &d->value;
    d->value.name = name;
    d->value.type = &d->type;
    d->type.tensor_type = &d->tensor;
    d->tensor.has_elem_type = true;
    d->tensor.elem_type = TYPE_FLOAT;
    d->tensor.shape = &d->shape;
    d->shape.dim = d->dim_list;
    d->shape.n_dim = (size_t)shape->rank;
    for (int i = 0; i < shape->rank; i++) {
        ln_onnx__dimension__init(&d->dims[i]);
        d->dim_list[i] = &d->dims[i];
        if (shape->size[i] == LN_ONNX_UNKNOWN) {
            d->dims[i].dim_param = i == 0 ? batch : features;
        } else {
            d->dims[i].has_dim_value = true;
            d->dims[i].dim_value = shape->size[i];
        }
    }
}

/* All metadata but what the graph says, and safetensors' own mark. */
static linnet_status list_metadata(ln_onnx_emission *e, LnOnnx__Model *model)
{
    size_t count = linnet_state_dict_metadata_count(e->state_dict);
    LnOnnx__Entry *entries = ln_onnx_take(&e->arena, ln_saturated_mul(count, sizeof *entries));
    model->metadata_props =
        ln_onnx_take(&e->arena, ln_saturated_mul(count, sizeof *model->metadata_props));
    if (entries == NULL || model->metadata_props == NULL) {
        return ln_fail_memory(e->error, count * sizeof *entries, "metadata");
    }
    for (size_t i = 0; i < count; i++) {
        const char *key = linnet_state_dict_metadata_key(e->state_dict, i);
        if (strcmp(key, LN_KEY_MODEL) == 0 || strcmp(key, LN_KEY_INPUT) == 0 ||
            strcmp(key, "format") == 0) {
            continue;
        }
        ln_onnx__entry__init(&entries[i]);
        entries[i].key = (char *)(uintptr_t)key;
        entries[i].value = (char *)(uintptr_t)linnet_state_dict_metadata_get(e->state_dict, key);
        model->metadata_props[model->n_metadata_props++] = &entries[i];
    }
    return LINNET_OK;
}

/* A protobuf-c buffer that goes into a file. */
typedef struct sink {
    ProtobufCBuffer base;
    linnet_writer *writer;
    linnet_status status;
    linnet_error *error;
} sink;

static void append_to_file(ProtobufCBuffer *buffer, size_t size, const uint8_t *data)
{
    sink *s = (sink *)buffer; /* its first member */
    if (s->status == LINNET_OK) {
        s->status = linnet_writer_write(s->writer, data, size, s->error);
    }
}

static linnet_status write_file(const LnOnnx__Model *model, const char *path, linnet_error *error)
{
    size_t size = ln_onnx__model__get_packed_size(model);
    if (size > INT32_MAX) {
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                       "expected a model of less than 2 GiB, which is all that an ONNX file can "
                       "hold, found one of %zu bytes",
                       size);
    }
    sink s = {.base = {append_to_file}, .error = error};
    linnet_status status = linnet_writer_open(path, &s.writer, error);
    if (status != LINNET_OK) {
        return status;
    }
    ln_onnx__model__pack_to_buffer(model, &s.base);
    if (s.status != LINNET_OK) {
        linnet_writer_abort(s.writer);
        return s.status;
    }
    return linnet_writer_commit(s.writer, error);
}

/* Puts the message together around the nodes and writes it, unless `path` is NULL. */
static linnet_status finish(ln_onnx_emission *e, const ln_shape *input, const char *path)
{
    static char input_name[] = INPUT, output_name[] = OUTPUT, producer[] = "linnet";
    described x, y;
    describe(&x, input_name, input);
    describe(&y, output_name, &e->shape);
    LnOnnx__Graph graph = LN_ONNX__GRAPH__INIT;
    graph.name = producer;
    graph.node = (LnOnnx__Node **)e->nodes.items;
    graph.n_node = e->nodes.count;
    graph.node[graph.n_node - 1]->output[0] = output_name;
    graph.initializer = (LnOnnx__Tensor **)e->tensors.items;
    graph.n_initializer = e->tensors.count;
    graph.input = x.list;
    graph.output = y.list;
    graph.n_input = graph.n_output = 1;
    LnOnnx__Opset opset = LN_ONNX__OPSET__INIT, *opsets[] = {&opset};
    static char domain[] = "";
    opset.domain = domain;
    opset.has_version = true;
    opset.version = e->opset;
    LnOnnx__Model model = LN_ONNX__MODEL__INIT;
    model.has_ir_version = true;
    model.ir_version = e->opset < 15 ? 7 : 8;
    model.producer_name = producer;
    model.producer_version = (char *)(uintptr_t)linnet_version();
    model.graph = &graph;
    model.opset_import = opsets;
    model.n_opset_import = 1;
    linnet_status status = list_metadata(e, &model);
    return status == LINNET_OK && path != NULL ? write_file(&model, path, e->error) : status;
}

static linnet_status emit_model(ln_onnx_emission *e, const char *text, const char *path)
{
    ln_py_tree tree = {0};
    ln_shape input;
    linnet_status status = ln_py_parse(text, NULL, 0, &tree, e->error);
    if (status == LINNET_OK) {
        status = begin(e, &tree, &input);
    }
    char *name = ln_onnx_print(&e->arena, "%.*s", (int)tree.name.length,
                               tree.name.length > 0 ? tree.name.text : "");
    if (status == LINNET_OK && name == NULL) {
        status = ln_fail_memory(e->error, tree.name.length + 1, "a module's path");
    }
    if (status == LINNET_OK) {
        status = visit_leaves(e, name, tree.root, ln_onnx_emit_module);
    }
    if (status == LINNET_OK && e->nodes.count == 0) {
        LnOnnx__Node *node;
        status = ln_onnx_emit_node(e, name, "Identity", 1, &e->value, &node);
    }
    if (status == LINNET_OK) {
        status = finish(e, &input, path);
    }
    ln_py_free(&tree);
    return status;
}

/* path: NULL to write nothing. */
static linnet_status emit(const linnet_state_dict *state_dict, const char *path,
                          linnet_error *error)
{
    const char *dtype = linnet_state_dict_metadata_get(state_dict, LN_KEY_DTYPE);
    const char *text = linnet_state_dict_metadata_get(state_dict, LN_KEY_MODEL);
    if (text == NULL) {
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                       "an ONNX file holds a model, and these tensors have no architecture "
                       "(metadata key '" LN_KEY_MODEL "')");
    }
    if (dtype != NULL) {
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                       "ONNX is written of float32 models; expected one of dtype float32, found %s",
                       dtype);
    }
    ln_onnx_emission e = {.state_dict = state_dict,
                          .error = error,
                          .arena = {.budget = SIZE_MAX},
                          .opset = LN_ONNX_OPSET};
    linnet_status status = emit_model(&e, text, path);
    ln_free(e.nodes.items);
    ln_free(e.tensors.items);
    ln_onnx_arena_free(&e.arena);
    return status;
}

linnet_status ln_onnx_write(const linnet_state_dict *state_dict, const char *path,
                            linnet_error *error)
{
    return emit(state_dict, path, error);
}

linnet_status ln_onnx_check(const linnet_state_dict *state_dict, linnet_error *error)
{
    return emit(state_dict, NULL, error);
}

#endif
