/* model.c - the model: a tree of modules with what a table or a plan wants to know of it.
 *
 * Parameters, leaves and class names. Shapes are model_shape.c's, input scaling is scaling.c's,
 * files are train/model_read.c's and model_write.c's. */
#include <assert.h>
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
    size_t leaves, state;
} census;

static bool is_leaf(const ln_module *module)
{
    return module->type->role != LN_ROLE_CONTAINER;
}

static void count_tree(const ln_module *module, census *count)
{
    count->leaves += is_leaf(module);
    count->state += (size_t)module->weight_count;
    for (size_t i = 0; i < module->child_count; i++) {
        count_tree(module->children[i], count);
    }
}

ln_weight ln_module_weight(const ln_module *module, int i)
{
    ln_weight weight = {.name = NULL};
    bool is_there = module->type->weight(module->values, i, &weight);
    assert(is_there);
    (void)is_there;
    return weight;
}

/* "path.weight"; a bare root's is "weight". */
static char *state_name(const char *path, const char *name)
{
    size_t before = strlen(path), length = strlen(name);
    size_t dot = before > 0;
    char *text = ln_alloc(before + dot + length + 1, 1);
    if (text != NULL) {
        memcpy(text, path, before);
        memcpy(text + before, ".", dot);
        memcpy(text + before + dot, name, length);
    }
    return text;
}

/* One weight into the lists that it belongs to; false without memory. */
static bool list_weight(linnet_model *model, ln_module *module, int i)
{
    ln_weight weight = ln_module_weight(module, i);
    ln_state_entry *named = &model->state[model->state_count++];
    *named =
        (ln_state_entry){state_name(module->path, weight.name), &module->weights[i], weight.buffer};
    if (weight.buffer) {
        model->buffers[model->buffer_count++] = *named;
    } else {
        model->parameters[model->parameter_count++] = *named;
    }
    return named->name != NULL;
}

/* Leaves and weights in PyTorch's order; false without memory. */
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
        good = list_weight(model, module, i);
    }
    for (size_t i = 0; good && i < module->child_count; i++) {
        good = list_tree(model, module->children[i]);
    }
    return good;
}

/* The lists and texts that are made from the tree. */
static linnet_status fill_lists(linnet_model *model, linnet_error *error)
{
    census count = {0};
    count_tree(model->root, &count);
    model->leaves = ln_alloc(count.leaves, sizeof *model->leaves);
    model->leaf_reprs = ln_alloc(count.leaves, sizeof *model->leaf_reprs);
    model->state = ln_alloc(count.state, sizeof *model->state);
    model->parameters = ln_alloc(count.state, sizeof *model->parameters);
    model->buffers = ln_alloc(count.state, sizeof *model->buffers);
    model->repr = ln_module_repr(model->root);
    if (model->leaves == NULL || model->leaf_reprs == NULL || model->state == NULL ||
        model->parameters == NULL || model->buffers == NULL || model->repr == NULL ||
        !list_tree(model, model->root)) {
        return ln_fail(error, LINNET_ERROR_MEMORY, "out of memory for a model of %zu modules",
                       count.leaves);
    }
    if (strlen(model->repr) > LN_PY_MAX_TEXT) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected a model that prints as at most %zu bytes, found %zu; a file of it "
                       "could not be read back",
                       LN_PY_MAX_TEXT, strlen(model->repr));
    }
    return LINNET_OK;
}

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; texts != NULL && i < count; i++) {
        ln_free(texts[i]);
    }
    ln_free(texts);
}

static void free_lists(linnet_model *model)
{
    for (size_t i = 0; i < model->state_count; i++) {
        ln_free(model->state[i].name);
    }
    ln_free(model->state);
    ln_free(model->parameters);
    ln_free(model->buffers);
    free_texts(model->leaf_reprs, model->leaf_count);
    ln_free(model->leaves);
    ln_free(model->repr);
}

/* Puts the lists of `made`, which is of the same tree, in the place of the model's own. */
static void take_lists(linnet_model *model, const linnet_model *made)
{
    free_lists(model);
    model->repr = made->repr;
    model->leaves = made->leaves;
    model->leaf_reprs = made->leaf_reprs;
    model->leaf_count = made->leaf_count;
    model->state = made->state;
    model->state_count = made->state_count;
    model->parameters = made->parameters;
    model->parameter_count = made->parameter_count;
    model->buffers = made->buffers;
    model->buffer_count = made->buffer_count;
}

linnet_status ln_model_create(const char *text, const linnet_name *names, size_t name_count,
                              linnet_model **model, linnet_error *error)
{
    linnet_model *made;
    *model = NULL;
    linnet_status status = ln_alloc_into(&made, 1, sizeof *made, "a model", error);
    if (status != LINNET_OK) {
        return status;
    }
    status = ln_module_parse(text, names, name_count, &made->root, error);
    if (status == LINNET_OK) {
        status = fill_lists(made, error);
    }
    if (status != LINNET_OK) {
        linnet_model_free(made);
        return status;
    }
    made->scaling.scale = 1;
    made->temperature = 1;
    made->input = ln_model_inferred_input(made);
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
    if (status == LINNET_OK && (*model)->input.rank >= 0 && ln_model_is_lazy(*model)) {
        status = ln_model_materialize_for(*model, &(*model)->input, error);
    }
    if (status != LINNET_OK) {
        linnet_model_free(*model);
        *model = NULL;
    }
    return status;
}

void ln_weight_uniform(linnet_tensor *weight, ln_torch_generator *generator, double bound)
{
    size_t count = (size_t)linnet_tensor_numel(weight);
    if (weight->dtype == LINNET_FLOAT64) {
        ln_torch_uniform_double(generator, -bound, bound, count, weight->data);
    } else {
        ln_torch_uniform(generator, (float)-bound, (float)bound, count, weight->data);
    }
}

/* Initial values of the modules that were lazy once, or of the others. */
static void reset_leaves(linnet_model *model, bool lazy)
{
    for (size_t i = 0; i < model->leaf_count; i++) {
        ln_module *leaf = model->leaves[i];
        if (leaf->type->reset != NULL && leaf->was_lazy == lazy) {
            leaf->type->reset(leaf, &model->generator);
        }
    }
}

void linnet_model_reset_parameters(linnet_model *model, uint64_t seed, linnet_rng rng)
{
    ln_fpenv saved = ln_fpenv_enter();
    ln_torch_seed(&model->generator, seed);
    ln_torch_choose(&model->generator, rng);
    model->was_reset = true;
    reset_leaves(model, false);
    reset_leaves(model, true);
    ln_fpenv_leave(saved);
}

void linnet_model_free(linnet_model *model)
{
    if (model == NULL) {
        return;
    }
    free_lists(model);
    free_texts(model->classes, model->class_count);
    ln_free(model->loss);
    ln_free(model->thresholds);
    ln_free(model->config);
    ln_scaling_free(&model->scaling);
    ln_module_free(model->root);
    ln_free(model);
}

uint64_t ln_model_words_of_reset(const linnet_model *model)
{
    uint64_t words = 0;
    for (size_t i = 0; i < model->leaf_count; i++) {
        const ln_module *leaf = model->leaves[i];
        for (int w = 0; w < leaf->weight_count && leaf->type->reset_draws; w++) {
            words += (uint64_t)linnet_tensor_numel(&leaf->weights[w]);
        }
    }
    words *= model->dtype == LINNET_FLOAT64 ? 2 : 1;
    return words;
}

/* ---- the dtype ---- */

/* Copies of all that is not of the dtype yet, in the order of the state. */
static linnet_status convert_state(const linnet_model *model, linnet_dtype dtype,
                                   linnet_tensor *copies, linnet_error *error)
{
    linnet_status status = LINNET_OK;
    for (size_t i = 0; i < model->state_count && status == LINNET_OK; i++) {
        const linnet_tensor *tensor = model->state[i].tensor;
        if (ln_dtype_row(tensor->dtype)->floating) {
            status = linnet_tensor_to(tensor, dtype, &copies[i], error);
        }
    }
    return status;
}

linnet_status linnet_model_to(linnet_model *model, linnet_dtype dtype, linnet_error *error)
{
    if (dtype != LINNET_FLOAT32 && dtype != LINNET_FLOAT64) {
        const char *name = linnet_dtype_name(dtype);
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                       "models compute in float32 and float64, not in %s",
                       name != NULL ? name : "an unknown dtype");
    }
    linnet_tensor *copies;
    linnet_status status =
        ln_alloc_into(&copies, model->state_count, sizeof *copies, "the model's weights", error);
    if (status == LINNET_OK && dtype != model->dtype) {
        status = convert_state(model, dtype, copies, error);
    }
    if (status == LINNET_OK) {
        status = ln_model_round_scaling(model, dtype, error);
    }
    for (size_t i = 0; copies != NULL && i < model->state_count; i++) {
        if (status == LINNET_OK && copies[i].storage != NULL) {
            linnet_tensor spare = *model->state[i].tensor;
            *model->state[i].tensor = copies[i];
            copies[i] = spare;
        }
        linnet_tensor_free(&copies[i]);
    }
    ln_free(copies);
    if (status == LINNET_OK) {
        model->dtype = dtype;
        ln_module_set_dtype(model->root, dtype);
    }
    return status;
}

linnet_dtype linnet_model_dtype(const linnet_model *model)
{
    return model->dtype;
}

/* ---- LazyLinear ---- */

bool ln_model_is_lazy(const linnet_model *model)
{
    bool lazy = false;
    for (size_t i = 0; i < model->leaf_count; i++) {
        lazy = lazy || model->leaves[i]->type->role == LN_ROLE_LAZY;
    }
    return lazy;
}

/* What makes the one the LazyLinear and the other the Linear changes places; names stay. */
static void swap_modules(ln_module *a, ln_module *b)
{
    ln_module spare = *a;
    *a = *b;
    *b = spare;
    b->name = a->name;
    b->path = a->path;
    a->name = spare.name;
    a->path = spare.path;
}

/* Swaps each leaf with what stands for it in `others`, which holds NULL for leaves that stay. */
static void swap_leaves(const linnet_model *model, ln_module **others)
{
    for (size_t i = 0; i < model->leaf_count; i++) {
        if (others[i] != NULL) {
            swap_modules(model->leaves[i], others[i]);
        }
    }
}

static linnet_status make_linears(const linnet_model *model, const ln_lazy *lazy,
                                  ln_module **linears, linnet_error *error)
{
    linnet_status status = LINNET_OK;
    for (size_t i = 0; status == LINNET_OK && i < model->leaf_count; i++) {
        int64_t in_features = 0;
        if (model->leaves[i]->type->role != LN_ROLE_LAZY) {
            continue;
        }
        status = lazy->width(lazy, model, i, &in_features, error);
        if (status == LINNET_OK) {
            status =
                ln_linear_of_lazy(model->leaves[i], in_features, model->dtype, &linears[i], error);
        }
    }
    return status;
}

/* Puts `linears` in the places of the lazy leaves, if that is accepted; those then stand in
 * `linears`. */
static linnet_status place_linears(linnet_model *model, const ln_lazy *lazy, ln_module **linears,
                                   linnet_error *error)
{
    linnet_model made = {.root = model->root};
    swap_leaves(model, linears);
    linnet_status status = fill_lists(&made, error);
    if (status == LINNET_OK && lazy->accept != NULL) {
        status = lazy->accept(lazy, &made, error);
    }
    if (status == LINNET_OK) {
        take_lists(model, &made);
    } else {
        swap_leaves(model, linears);
        free_lists(&made);
    }
    return status;
}

linnet_status ln_model_materialize(linnet_model *model, const ln_lazy *lazy, linnet_error *error)
{
    ln_module **linears;
    size_t count = model->leaf_count;
    linnet_status status = ln_alloc_into(&linears, count, sizeof *linears, "modules", error);
    if (status == LINNET_OK) {
        status = make_linears(model, lazy, linears, error);
    }
    if (status == LINNET_OK) {
        status = place_linears(model, lazy, linears, error);
    }
    for (size_t i = 0; linears != NULL && i < count; i++) {
        ln_module_free(linears[i]);
    }
    ln_free(linears);
    if (status == LINNET_OK && model->was_reset) {
        ln_fpenv saved = ln_fpenv_enter();
        reset_leaves(model, true);
        ln_fpenv_leave(saved);
    }
    return status;
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

size_t linnet_model_buffer_count(const linnet_model *model)
{
    return model->buffer_count;
}

const char *linnet_model_buffer_name(const linnet_model *model, size_t i)
{
    return i < model->buffer_count ? model->buffers[i].name : NULL;
}

const linnet_tensor *linnet_model_buffer(const linnet_model *model, size_t i)
{
    return i < model->buffer_count ? model->buffers[i].tensor : NULL;
}

size_t linnet_model_layer_count(const linnet_model *model)
{
    return model->leaf_count;
}

const ln_module_type *ln_model_last(const linnet_model *model)
{
    size_t i = model->leaf_count;
    while (i > 0 && model->leaves[i - 1]->type->identity_in_eval) {
        i--;
    }
    return i > 0 ? model->leaves[i - 1]->type : NULL;
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
    char **copies;
    linnet_status status = ln_alloc_into(&copies, count, sizeof *copies, "class names", error);
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
