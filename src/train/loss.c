/* loss.c - the table of losses; what they have in common: text and lists of weights. What
 * they compute together is loss_rows.c's. */
#include "train/loss.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "nn/nn.h"

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

/* Every loss has a reduction. */
static linnet_status take_reduction(ln_loss *loss, const ln_value *values, linnet_error *error)
{
    const ln_signature *signature = &loss->type->signature;
    size_t i = 0;
    while (strcmp(signature->parameters[i].name, "reduction") != 0) {
        i++;
    }
    if (ln_py_equal(ln_signature_choice(&signature->parameters[i], values[i].integer), "none")) {
        return ln_fail(
            error, LINNET_ERROR_ARGUMENT,
            "grad can be implicitly created only for scalar outputs (reduction has to be "
            "'mean' or 'sum' in training)");
    }
    loss->sum =
        ln_py_equal(ln_signature_choice(&signature->parameters[i], values[i].integer), "sum");
    return LINNET_OK;
}

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
    if (status == LINNET_OK) {
        status = take_reduction(loss, values, error);
    }
    return status == LINNET_OK && loss->type->create != NULL
               ? loss->type->create(loss, values, error)
               : status;
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

static void free_list(ln_loss_list *list)
{
    ln_free(list->numbers);
    ln_free(list->values);
}

void ln_loss_free(ln_loss *loss)
{
    if (loss != NULL) {
        free_list(&loss->weights);
        free_list(&loss->pos_weights);
        ln_free(loss);
    }
}

/* ---- the loss of a model ---- */

#define STANDARD "CrossEntropyLoss()"

linnet_status linnet_loss_task(const char *text, linnet_task *task, linnet_error *error)
{
    ln_loss *loss;
    linnet_status status = ln_loss_create(text, &loss, error);
    *task = status == LINNET_OK ? loss->type->task : LINNET_TASK_CLASSIFICATION;
    ln_loss_free(loss);
    return status;
}

const char *linnet_model_loss(const linnet_model *model)
{
    return model->loss != NULL ? model->loss : STANDARD;
}

linnet_task linnet_model_task(const linnet_model *model)
{
    return model->task;
}

linnet_status linnet_model_set_loss(linnet_model *model, const char *text, linnet_error *error)
{
    linnet_task task;
    linnet_status status = linnet_loss_task(text, &task, error);
    if (status != LINNET_OK) {
        return status;
    }
    bool standard = strcmp(text, STANDARD) == 0; /* which is what NULL stands for */
    char *copy = standard ? NULL : ln_copy_text(text, strlen(text));
    if (copy == NULL && !standard) {
        return ln_fail_memory(error, strlen(text) + 1, "the loss");
    }
    ln_free(model->loss);
    model->loss = copy;
    if (task != model->task) { /* what was found for the probabilities of another task */
        ln_free(model->thresholds);
        model->thresholds = NULL;
        model->threshold_count = 0;
        model->temperature = 1;
    }
    model->task = task;
    return LINNET_OK;
}

/* ---- lists: weights of classes, of outputs ---- */

/* Weights below 0 would reward mistakes; a row of weights 0 alone teaches nothing. */
linnet_status ln_loss_take_list(ln_loss_list *list, const ln_value *value, const char *what,
                                const char *of, linnet_error *error)
{
    size_t count = 0, i = 0;
    bool any = false;
    if (value->none) {
        return LINNET_OK;
    }
    for (const ln_py_node *item = value->list->children; item != NULL; item = item->next) {
        count++;
    }
    list->given = count;
    list->numbers = ln_alloc(count, sizeof *list->numbers);
    if (list->numbers == NULL) {
        return ln_fail_memory(error, count * sizeof *list->numbers, "the weights of a loss");
    }
    for (const ln_py_node *item = value->list->children; item != NULL; item = item->next, i++) {
        double weight = NAN;
        if (!ln_py_number(item, &weight) || !(weight >= 0 && isfinite((float)weight))) {
            return ln_fail(error, LINNET_ERROR_ARGUMENT,
                           "%s of %s %zu: expected a number from 0 on, found %.*s", what, of, i,
                           LN_PY_SHOWN(item->text));
        }
        list->numbers[i] = weight;
        any = any || (float)weight > 0;
    }
    return any ? LINNET_OK
               : ln_fail(error, LINNET_ERROR_ARGUMENT,
                         "expected a %s above 0 for at least one %s, found none", what, of);
}

/* Lists of outputs are broadcast as PyTorch does, which is: one number stands for all. */
static linnet_status fit_list(const ln_loss *loss, ln_loss_list *list, size_t features,
                              linnet_dtype dtype, linnet_error *error)
{
    bool standard =
        loss->smoothing != 0 && list == &loss->weights; /* 1 each, where none is given */
    if (list->given != 0 && list->given != features &&
        !(loss->type->elementwise && list->given == 1)) {
        return loss->type->elementwise
                   ? ln_fail(error, LINNET_ERROR_SHAPE,
                             "The size of tensor a (%zu) must match the size of tensor b (%zu) at "
                             "non-singleton dimension 1 (a list of the loss is not as long as the "
                             "model has outputs)",
                             list->given, features)
                   : ln_fail(error, LINNET_ERROR_SHAPE,
                             "weight tensor should be defined either for all %zu classes or no "
                             "classes but got weight tensor of shape: [%zu]",
                             features, list->given);
    }
    ln_free(list->values);
    list->values = NULL;
    return list->given > 0 || standard
               ? ln_alloc_into(&list->values, features, linnet_dtype_size(dtype),
                               "the weights of a loss", error)
               : LINNET_OK;
}

linnet_status ln_loss_fit(ln_loss *loss, size_t features, linnet_dtype dtype, linnet_error *error)
{
    linnet_status status = fit_list(loss, &loss->weights, features, dtype, error);
    if (status == LINNET_OK) {
        status = fit_list(loss, &loss->pos_weights, features, dtype, error);
    }
    if (status == LINNET_OK) {
        loss->elements = loss->type->elementwise ? (double)features : 1;
        (dtype == LINNET_FLOAT64 ? ln_loss_fill_f64 : ln_loss_fill_f32)(loss, features);
    }
    return status;
}

bool ln_loss_counts(const ln_loss *loss, const ln_target *target)
{
    return target->values != NULL || target->label != loss->ignore_index;
}
