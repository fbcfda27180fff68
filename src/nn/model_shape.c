/* model_shape.c - the shapes that pass through a model: of its input, behind each leaf, of its
 * output.
 *
 * A model's input may be known from its modules, from a file or from a call; what a LazyLinear
 * waits for is found here as well. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "nn/nn.h"

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
        if (model->leaves[i]->type->role == LN_ROLE_LAZY) {
            return unknown; /* it takes rows of any width */
        }
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
        ln_weight weight = ln_module_weight(leaf, w);
        layer->parameters += weight.buffer ? 0 : linnet_tensor_numel(&leaf->weights[w]);
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

/* The width that a lazy leaf finds where rows of this shape come in. */
static linnet_status width_of_row(const ln_lazy *lazy, const linnet_model *model, size_t leaf,
                                  int64_t *width, linnet_error *error)
{
    ln_shape shape = with_batch(lazy->row);
    linnet_status status = walk(model, leaf, &shape, error);
    *width = status == LINNET_OK ? shape.size[shape.rank - 1] : 0;
    return status;
}

linnet_status ln_model_materialize_for(linnet_model *model, const ln_shape *row,
                                       linnet_error *error)
{
    return ln_model_materialize(model, &(ln_lazy){.width = width_of_row, .row = row}, error);
}

/* What the model knows of its inputs and outputs holds of such rows, too. */
static linnet_status check_known(const linnet_model *model, const ln_shape *row,
                                 const ln_shape *output, linnet_error *error)
{
    int64_t features = ln_shape_numel(row, 0), outputs = ln_shape_numel(output, 1);
    if (model->scaling.features > 0 && features != (int64_t)model->scaling.features) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "expected rows of the %zu features that mean and std are for, found %lld",
                       model->scaling.features, (long long)features);
    }
    if (outputs < (int64_t)model->class_count) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "expected rows that give an output for each of the %zu class names, found "
                       "%lld outputs",
                       model->class_count, (long long)outputs);
    }
    if (model->threshold_count > 0 && outputs != (int64_t)model->threshold_count) {
        return ln_fail(
            error, LINNET_ERROR_SHAPE,
            "expected rows that give the %zu outputs that thresholds are for, found %lld",
            model->threshold_count, (long long)outputs);
    }
    return LINNET_OK;
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
    if (status == LINNET_OK) {
        status = check_known(model, &row, &output, error);
    }
    if (status == LINNET_OK && ln_model_is_lazy(model)) {
        status = ln_model_materialize_for(model, &row, error);
    }
    if (status == LINNET_OK) {
        model->input = row;
    }
    return status;
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
