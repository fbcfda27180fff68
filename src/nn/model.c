/* model.c - the model: a tree of modules with what a table or a plan wants to know of it.
 *
 * Parameters, leaves, shapes, class names and input scaling. Files are train/model_file.c's,
 * statistics of a dataset train/standardize.c's. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/fpenv.h"
#include "base/memory.h"
#include "base/number.h"
#include "nn/nn.h"

/* ---- making a model ---- */

/* What a tree holds, counted before anything is kept. */
typedef struct census {
    size_t leaves, parameters;
} census;

static bool is_leaf(const ln_module *module)
{
    return module->type->role != LN_ROLE_CONTAINER;
}

static void count_tree(const ln_module *module, census *count)
{
    count->leaves += is_leaf(module);
    count->parameters += (size_t)module->weight_count;
    for (size_t i = 0; i < module->child_count; i++) {
        count_tree(module->children[i], count);
    }
}

/* "path.weight"; a bare root's is "weight". */
static char *parameter_name(const ln_module *module, int i)
{
    const char *name = NULL;
    ln_shape shape;
    bool is_there = module->type->weight(module->values, i, &name, &shape);
    assert(is_there);
    (void)is_there;
    size_t path = strlen(module->path), length = strlen(name);
    size_t dot = path > 0;
    char *text = ln_alloc(path + dot + length + 1, 1);
    if (text != NULL) {
        memcpy(text, module->path, path);
        memcpy(text + path, ".", dot);
        memcpy(text + path + dot, name, length);
    }
    return text;
}

/* Leaves and parameters in PyTorch's order; false without memory. */
static bool list_tree(linnet_model *model, ln_module *module)
{
    bool good = true;
    if (is_leaf(module)) {
        char *repr = ln_signature_repr(&module->type->signature, module->values);
        good = repr != NULL;
        model->leaves[model->leaf_count] = module;
        model->leaf_reprs[model->leaf_count++] = repr;
    }
    for (int i = 0; good && i < module->weight_count; i++) {
        char *name = parameter_name(module, i);
        good = name != NULL;
        model->parameters[model->parameter_count].tensor = &module->weights[i];
        model->parameters[model->parameter_count++].name = name;
    }
    for (size_t i = 0; good && i < module->child_count; i++) {
        good = list_tree(model, module->children[i]);
    }
    return good;
}

static linnet_status fill_model(linnet_model *model, linnet_error *error)
{
    census count = {0};
    count_tree(model->root, &count);
    model->leaves = ln_alloc(count.leaves, sizeof *model->leaves);
    model->leaf_reprs = ln_alloc(count.leaves, sizeof *model->leaf_reprs);
    model->parameters = ln_alloc(count.parameters, sizeof *model->parameters);
    model->repr = ln_module_repr(model->root);
    if (model->leaves == NULL || model->leaf_reprs == NULL || model->parameters == NULL ||
        model->repr == NULL || !list_tree(model, model->root)) {
        return ln_fail(error, LINNET_ERROR_MEMORY, "out of memory for a model of %zu modules",
                       count.leaves);
    }
    if (strlen(model->repr) > LN_PY_MAX_TEXT) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected a model that prints as at most %zu bytes, found %zu; a file of it "
                       "could not be read back",
                       LN_PY_MAX_TEXT, strlen(model->repr));
    }
    model->scaling.scale = 1;
    model->input = ln_model_inferred_input(model);
    return LINNET_OK;
}

linnet_status ln_model_create(const char *text, const linnet_name *names, size_t name_count,
                              linnet_model **model, linnet_error *error)
{
    void *block = NULL;
    *model = NULL;
    linnet_status status = ln_alloc_into(&block, 1, sizeof **model, "a model", error);
    if (status != LINNET_OK) {
        return status;
    }
    linnet_model *made = block;
    status = ln_module_parse(text, names, name_count, &made->root, error);
    if (status == LINNET_OK) {
        status = fill_model(made, error);
    }
    if (status != LINNET_OK) {
        linnet_model_free(made);
        return status;
    }
    *model = made;
    return LINNET_OK;
}

linnet_status linnet_model_parse(const char *text, const linnet_name *names, size_t name_count,
                                 linnet_model **model, linnet_error *error)
{
    linnet_status status = ln_model_create(text, names, name_count, model, error);
    if (status != LINNET_OK) {
        return status;
    }
    status = ln_module_allocate((*model)->root, error);
    if (status != LINNET_OK) {
        linnet_model_free(*model);
        *model = NULL;
    }
    return status;
}

void linnet_model_reset_parameters(linnet_model *model, uint64_t seed)
{
    ln_torch_generator generator;
    ln_fpenv saved = ln_fpenv_enter();
    ln_torch_seed(&generator, seed);
    for (size_t i = 0; i < model->leaf_count; i++) {
        ln_module *leaf = model->leaves[i];
        if (leaf->type->reset != NULL) {
            leaf->type->reset(leaf, &generator);
        }
    }
    ln_fpenv_leave(saved);
}

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; texts != NULL && i < count; i++) {
        ln_free(texts[i]);
    }
    ln_free(texts);
}

static void free_scaling(ln_scaling *scaling)
{
    ln_free(scaling->mean);
    ln_free(scaling->std);
    scaling->mean = NULL;
    scaling->std = NULL;
    scaling->features = 0;
}

void linnet_model_free(linnet_model *model)
{
    if (model == NULL) {
        return;
    }
    for (size_t i = 0; i < model->parameter_count; i++) {
        ln_free(model->parameters[i].name);
    }
    ln_free(model->parameters);
    free_texts(model->leaf_reprs, model->leaf_count);
    free_texts(model->classes, model->class_count);
    free_scaling(&model->scaling);
    ln_free(model->leaves);
    ln_free(model->repr);
    ln_module_free(model->root);
    ln_free(model);
}

/* ---- what a model is made of ---- */

const char *linnet_model_repr(const linnet_model *model)
{
    return model->repr;
}

size_t linnet_model_parameter_count(const linnet_model *model)
{
    return model->parameter_count;
}

const char *linnet_model_parameter_name(const linnet_model *model, size_t i)
{
    return i < model->parameter_count ? model->parameters[i].name : NULL;
}

const linnet_tensor *linnet_model_parameter(const linnet_model *model, size_t i)
{
    return i < model->parameter_count ? model->parameters[i].tensor : NULL;
}

size_t linnet_model_layer_count(const linnet_model *model)
{
    return model->leaf_count;
}

/* ---- shapes ---- */

/* The shape after the first `count` leaves, with the batch dimension first, in place. */
static linnet_status walk(const linnet_model *model, size_t count, ln_shape *shape,
                          linnet_error *error)
{
    for (size_t i = 0; i < count; i++) {
        const ln_module *leaf = model->leaves[i];
        if (leaf->type->shape == NULL) {
            continue;
        }
        linnet_status status = leaf->type->shape(leaf, shape, error);
        if (status != LINNET_OK) {
            char place[sizeof error->place];
            const char *space = leaf->path[0] != '\0' ? " " : "";
            snprintf(place, sizeof place, "module%s%.400s (%s)", space, leaf->path,
                     leaf->type->signature.name);
            ln_error_set_place(error, place);
            return status;
        }
    }
    return LINNET_OK;
}

linnet_status ln_model_shape(const linnet_model *model, ln_shape *shape, linnet_error *error)
{
    return walk(model, model->leaf_count, shape, error);
}

/* A batch of one such row. */
static ln_shape with_batch(const ln_shape *row)
{
    ln_shape shape = {.rank = row->rank + 1, .size = {1}};
    memcpy(shape.size + 1, row->size, (size_t)row->rank * sizeof *row->size);
    return shape;
}

static ln_shape without_batch(const ln_shape *shape)
{
    ln_shape row = {.rank = shape->rank - 1};
    memcpy(row.size, shape->size + 1, (size_t)row.rank * sizeof *row.size);
    return row;
}

ln_shape ln_model_inferred_input(const linnet_model *model)
{
    ln_shape unknown = {.rank = -1};
    for (size_t i = 0; i < model->leaf_count; i++) {
        if (model->leaves[i]->type->role != LN_ROLE_LINEAR) {
            continue;
        }
        /* The width that this product wants, if what stands before it leaves a flat row alone. */
        ln_shape row = {.rank = 1, .size = {model->leaves[i]->weights[0].shape[1]}};
        ln_shape shape = with_batch(&row);
        return walk(model, i + 1, &shape, NULL) == LINNET_OK ? row : unknown;
    }
    return unknown;
}

linnet_status linnet_model_layer(const linnet_model *model, size_t i, linnet_layer *layer,
                                 linnet_error *error)
{
    *layer = (linnet_layer){.rank = -1};
    if (i >= model->leaf_count) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT, "expected a layer below %zu, found %zu",
                       model->leaf_count, i);
    }
    const ln_module *leaf = model->leaves[i];
    ln_shape output = {.rank = -1};
    if (model->input.rank >= 0) {
        ln_shape shape = with_batch(&model->input);
        linnet_status status = walk(model, i + 1, &shape, error);
        if (status != LINNET_OK) {
            return status;
        }
        output = without_batch(&shape);
    }
    layer->name = leaf->path;
    layer->repr = model->leaf_reprs[i];
    for (int w = 0; w < leaf->weight_count; w++) {
        layer->parameters += linnet_tensor_numel(&leaf->weights[w]);
    }
    layer->rank = output.rank;
    memcpy(layer->shape, output.size, sizeof layer->shape);
    return LINNET_OK;
}

int linnet_model_input_shape(const linnet_model *model, int64_t *shape)
{
    for (int i = 0; i < model->input.rank; i++) {
        shape[i] = model->input.size[i];
    }
    return model->input.rank;
}

linnet_status linnet_model_set_input_shape(linnet_model *model, int rank, const int64_t *shape,
                                           linnet_error *error)
{
    if (rank < 0 || rank >= LINNET_MAX_RANK) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected rows of 0 to %d dimensions, found %d", LINNET_MAX_RANK - 1, rank);
    }
    ln_shape row = {.rank = rank};
    for (int i = 0; i < rank; i++) {
        if (shape[i] < 0) {
            return ln_fail(error, LINNET_ERROR_ARGUMENT,
                           "expected sizes of 0 or more in a row's shape, found %lld",
                           (long long)shape[i]);
        }
        row.size[i] = shape[i];
    }
    ln_shape output = with_batch(&row);
    linnet_status status = ln_model_shape(model, &output, error);
    if (status != LINNET_OK) {
        return status;
    }
    if (model->scaling.features > 0 &&
        ln_shape_numel(&row, 0) != (int64_t)model->scaling.features) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "expected rows of the %zu features that mean and std are for, found %lld",
                       model->scaling.features, (long long)ln_shape_numel(&row, 0));
    }
    model->input = row;
    return LINNET_OK;
}

int64_t linnet_model_output_features(const linnet_model *model)
{
    if (model->input.rank < 0) {
        return -1;
    }
    ln_shape shape = with_batch(&model->input);
    if (ln_model_shape(model, &shape, NULL) != LINNET_OK) {
        return -1;
    }
    return ln_shape_numel(&shape, 1);
}

/* ---- class names ---- */

linnet_status linnet_model_set_classes(linnet_model *model, const char *const *classes,
                                       size_t count, linnet_error *error)
{
    int64_t outputs = linnet_model_output_features(model);
    if (outputs >= 0 && count > (size_t)outputs) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected at most %lld class names, one an output, found %zu",
                       (long long)outputs, count);
    }
    void *block = NULL;
    linnet_status status = ln_alloc_into(&block, count, sizeof(char *), "class names", error);
    char **copies = block;
    for (size_t i = 0; status == LINNET_OK && i < count; i++) {
        if (classes[i] == NULL) {
            status = ln_fail(error, LINNET_ERROR_ARGUMENT,
                             "expected a name of class %zu, found NULL", i);
            break;
        }
        size_t length = strlen(classes[i]);
        copies[i] = ln_copy_text(classes[i], length);
        if (copies[i] == NULL) {
            status = ln_fail_memory(error, length + 1, "a class name");
        }
    }
    if (status != LINNET_OK) {
        free_texts(copies, count);
        return status;
    }
    free_texts(model->classes, model->class_count);
    model->classes = copies;
    model->class_count = count;
    return LINNET_OK;
}

size_t linnet_model_class_count(const linnet_model *model)
{
    return model->class_count;
}

const char *linnet_model_class(const linnet_model *model, size_t i)
{
    return i < model->class_count ? model->classes[i] : NULL;
}

/* ---- input scaling ---- */

linnet_status linnet_model_set_scale(linnet_model *model, double scale, linnet_error *error)
{
    ln_fpenv saved = ln_fpenv_enter();
    float rounded = (float)scale;
    ln_fpenv_leave(saved);
    if (!isfinite(rounded) || rounded == 0) {
        char text[LN_NUMBER_TEXT];
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected a scale that is finite and not 0 in float32, found %s",
                       ln_print_double(scale, text));
    }
    model->scaling.scale = rounded;
    return LINNET_OK;
}

static linnet_status check_standard(size_t features, const float *mean, const float *std,
                                    linnet_error *error)
{
    for (size_t i = 0; i < features; i++) {
        if (!isfinite(mean[i]) || !isfinite(std[i]) || std[i] <= 0) {
            char first[LN_NUMBER_TEXT], second[LN_NUMBER_TEXT];
            return ln_fail(error, LINNET_ERROR_ARGUMENT,
                           "expected a finite mean and a finite std above 0 of feature %zu, "
                           "found %s and %s",
                           i, ln_print_float(mean[i], first), ln_print_float(std[i], second));
        }
    }
    return LINNET_OK;
}

static linnet_status copy_floats(const float *source, size_t count, float **copy,
                                 linnet_error *error)
{
    void *block = NULL;
    linnet_status status = ln_alloc_into(&block, count, sizeof **copy, "mean and std", error);
    if (status == LINNET_OK && count > 0) {
        memcpy(block, source, count * sizeof **copy);
    }
    *copy = block;
    return status;
}

linnet_status ln_model_set_standard(linnet_model *model, size_t features, const float *mean,
                                    const float *std, linnet_error *error)
{
    if (features > 0 && model->input.rank >= 0 &&
        ln_shape_numel(&model->input, 0) != (int64_t)features) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "expected mean and std of %lld features, found %zu",
                       (long long)ln_shape_numel(&model->input, 0), features);
    }
    linnet_status status = check_standard(features, mean, std, error);
    if (status != LINNET_OK) {
        return status;
    }
    ln_scaling copy = {.scale = model->scaling.scale, .features = features};
    if (features > 0) {
        status = copy_floats(mean, features, &copy.mean, error);
    }
    if (features > 0 && status == LINNET_OK) {
        status = copy_floats(std, features, &copy.std, error);
    }
    if (status != LINNET_OK) {
        free_scaling(&copy);
        return status;
    }
    free_scaling(&model->scaling);
    model->scaling = copy;
    return LINNET_OK;
}
