/* loss.c - the table of losses; what they have in common: text, weights of classes, reduction. */
#include "train/loss.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "nn/nn.h"
#include "numeric/rowsum.h"

#define LN_LOSS(name) extern const ln_loss_type ln_##name##_type;
#include "train/losses.def"
#undef LN_LOSS

static const ln_loss_type *const types[] = {
#define LN_LOSS(name) &ln_##name##_type,
#include "train/losses.def"
#undef LN_LOSS
};

#define TYPE_COUNT (sizeof types / sizeof *types)

/* ---- text ---- */

static linnet_status bind(ln_loss *loss, const ln_py_tree *tree, linnet_error *error)
{
    const ln_signature *signatures[TYPE_COUNT];
    ln_value values[LN_MAX_PARAMETERS];
    size_t which = 0;
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        signatures[i] = &types[i]->signature;
    }
    linnet_status status =
        ln_signature_find(tree->source, tree->root, "loss", signatures, TYPE_COUNT, &which, error);
    if (status == LINNET_OK) {
        loss->type = types[which];
        status = ln_signature_bind(tree->source, tree->root, signatures[which], values, error);
    }
    return status == LINNET_OK ? loss->type->create(loss, values, error) : status;
}

linnet_status ln_loss_create(const char *text, ln_loss **loss, linnet_error *error)
{
    *loss = ln_alloc(1, sizeof **loss);
    if (*loss == NULL) {
        return ln_fail_memory(error, sizeof **loss, "a loss");
    }
    ln_py_tree tree;
    linnet_status status = ln_py_parse(text, NULL, 0, &tree, error);
    if (status == LINNET_OK) {
        status = bind(*loss, &tree, error);
    }
    ln_py_free(&tree);
    if (status != LINNET_OK) {
        ln_loss_free(*loss);
        *loss = NULL;
    }
    return status;
}

void ln_loss_free(ln_loss *loss)
{
    if (loss != NULL) {
        ln_free(loss->weights);
        ln_free(loss);
    }
}

/* ---- the loss of a model ---- */

linnet_status linnet_loss_task(const char *text, linnet_task *task, linnet_error *error)
{
    ln_loss *loss;
    linnet_status status = ln_loss_create(text, &loss, error);
    *task = status == LINNET_OK ? loss->type->task : LINNET_TASK_CLASSIFICATION;
    ln_loss_free(loss);
    return status;
}

linnet_status linnet_model_set_loss(linnet_model *model, const char *text, linnet_error *error)
{
    linnet_task task;
    linnet_status status = linnet_loss_task(text, &task, error);
    if (status != LINNET_OK) {
        return status;
    }
    char *copy = ln_copy_text(text, strlen(text));
    if (copy == NULL) {
        return ln_fail_memory(error, strlen(text) + 1, "the loss");
    }
    ln_free(model->loss);
    model->loss = copy;
    model->task = task;
    return LINNET_OK;
}

/* ---- weights of classes ---- */

static float sum_of(size_t count, const float *values)
{
    float part[16] = {0};
    for (size_t i = 0; i < count; i++) {
        part[i % 16] = part[i % 16] + values[i];
    }
    return ln_tree16(part);
}

linnet_status ln_loss_fit(ln_loss *loss, size_t features, linnet_error *error)
{
    if (loss->weight_count != 0 && loss->weight_count != features) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "weight tensor should be defined either for all %zu classes or no classes "
                       "but got weight tensor of shape: [%zu]",
                       features, loss->weight_count);
    }
    if (loss->weight_count == 0 && loss->smoothing != 0) {
        loss->weights = ln_alloc(features, sizeof *loss->weights);
        if (loss->weights == NULL) {
            return ln_fail_memory(error, features * sizeof *loss->weights,
                                  "the weights of the classes");
        }
        for (size_t i = 0; i < features; i++) {
            loss->weights[i] = 1;
        }
    }
    loss->total = loss->weights != NULL ? sum_of(features, loss->weights) : (float)features;
    return LINNET_OK;
}

float ln_loss_row_weight(const ln_loss *loss, int64_t target)
{
    if (target == loss->ignore_index) {
        return 0;
    }
    return loss->weights != NULL ? loss->weights[target] : 1;
}

/* ---- reduction ---- */

float ln_loss_scale(const ln_loss *loss, float weight_sum)
{
    if (loss->sum) {
        return 1;
    }
    return weight_sum > 0 ? 1.0f / weight_sum : 0;
}

float ln_loss_reduce(const ln_loss *loss, float loss_sum, float weight_sum)
{
    return loss->sum ? loss_sum : loss_sum / weight_sum;
}
