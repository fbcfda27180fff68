/* lower.c - from a model to steps: what is fused, where each buffer lies, what is packed. */
#include "plan/plan.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "os/cache.h"

extern const ln_module_type ln_softmax_type, ln_sigmoid_type, ln_temperature_type;

#define ARENA "the plan" /* what errors call it */

/* What lowering knows beside the plan. */
typedef struct lowering {
    const linnet_model *model;
    const ln_plan_request *request;
    linnet_plan *plan;
    ln_shape shape; /* of the value that the next step takes, batch dimension first */
    size_t links;
} lowering;

static ln_module copy_of(const ln_module *module)
{
    ln_module copy = {.type = module->type};
    memcpy(copy.values, module->values, sizeof copy.values);
    return copy;
}

static ln_step *new_step(lowering *l, ln_step_kind kind, size_t in, size_t out)
{
    ln_step *step = &l->plan->steps[l->plan->step_count++];
    size_t whole = (size_t)ln_shape_numel(&l->shape, 1);
    *step = (ln_step){.kind = kind, .in = in, .out = out};
    step->vectors = in > 0 ? whole / in : (size_t)ln_shape_numel(&l->shape, 1);
    step->chain = &l->plan->links[l->links];
    return step;
}

/* Index of a tensor among the model's parameters. */
static size_t parameter_index(const linnet_model *model, const linnet_tensor *tensor)
{
    size_t i = 0;
    while (i < model->parameter_count && model->parameters[i].tensor != tensor) {
        i++;
    }
    return i;
}

static void add_linear(lowering *l, const ln_module *module)
{
    const linnet_tensor *weight = &module->weights[0];
    size_t out = (size_t)weight->shape[0], in = (size_t)weight->shape[1];
    ln_step *step = new_step(l, LN_STEP_LINEAR, in, out);
    /* With in = 0 the sizes before the last dimension still count the vectors. */
    ln_shape leading = l->shape;
    leading.rank--;
    step->vectors = (size_t)ln_shape_numel(&leading, 1);
    step->module = copy_of(module);
    step->weight_parameter = parameter_index(l->model, weight);
    step->has_bias = module->weight_count > 1;
    if (step->has_bias) {
        step->bias_parameter = parameter_index(l->model, &module->weights[1]);
    }
}

/* A step of a module that works on vectors of a row, or on the batch. */
static const ln_step *add_module(lowering *l, ln_step_kind kind, const ln_module *module)
{
    size_t features = (size_t)ln_shape_numel(&l->shape, 1);
    ln_layout layout = {.in = features, .out = features, .inner = 1};
    if (module->type->layout != NULL) {
        module->type->layout(module, &l->shape, &layout);
    }
    ln_step *step = new_step(l, kind, layout.in, layout.out);
    step->layout = layout;
    step->module = copy_of(module);
    ln_plan_hold(l->plan, module, layout.in, &step->module);
    for (int i = 0; i < module->weight_count; i++) {
        size_t index = parameter_index(l->model, &module->weights[i]);
        if (index < l->model->parameter_count) {
            step->parameters[step->parameter_count++] = index;
        }
    }
    return step;
}

static void add_batch(lowering *l, const ln_module *module)
{
    const ln_step *step = add_module(l, LN_STEP_BATCH, module);
    if (step->layout.inner == 1 && l->plan->least_batch < 2) {
        l->plan->least_batch = 2;
        l->plan->least_shape = l->shape;
    }
}

/* Whether an elementwise module may be one more link of the step's chain. */
static bool joins(const linnet_plan *plan, const ln_step *step, const ln_module *module)
{
    return step->kind != LN_STEP_ROW && step->kind != LN_STEP_BATCH &&
           !(plan->training && module->type->backward_sees_x);
}

static void add_link(lowering *l, const ln_module *module, size_t layer)
{
    linnet_plan *plan = l->plan;
    ln_step *step = &plan->steps[plan->step_count - 1];
    if (!joins(plan, step, module)) {
        size_t features = (size_t)ln_shape_numel(&l->shape, 1);
        step = new_step(l, LN_STEP_CHAIN, features, features);
        step->vectors = 1;
    }
    ln_link *link = &plan->links[l->links++];
    size_t features = (size_t)ln_shape_numel(&l->shape, 1);
    link->module = copy_of(module);
    ln_plan_hold(plan, module, features, &link->module);
    link->layer = layer;
    link->draw.units = module->type->units != NULL ? module->type->units(&l->shape) : features;
    link->draw.length = link->draw.units > 0 ? features / link->draw.units : 1;
    step->chain_count++;
}

static linnet_status add_leaf(lowering *l, const ln_module *module, size_t layer,
                              linnet_error *error)
{
    if (module->type->identity_in_eval && !l->plan->training) {
        return LINNET_OK;
    }
    ln_shape out = l->shape;
    if (module->type->shape != NULL) {
        linnet_status status = module->type->shape(module, &out, error);
        if (status != LINNET_OK) {
            return status;
        }
    }
    switch (module->type->role) {
    case LN_ROLE_LINEAR: add_linear(l, module); break;
    case LN_ROLE_ROW: add_module(l, LN_STEP_ROW, module); break;
    case LN_ROLE_BATCH:
        if (ln_batch_statistics(l->plan, module)) {
            add_batch(l, module);
        } else {
            add_link(l, module, layer);
        }
        break;
    case LN_ROLE_ELEMENTWISE:
        if (l->plan->training && module->weight_count > 0) {
            add_module(l, LN_STEP_ROW, module);
        } else {
            add_link(l, module, layer);
        }
        break;
    case LN_ROLE_LAZY: /* a model whose input is known has none */
    case LN_ROLE_SHAPE:
    case LN_ROLE_CONTAINER: break;
    }
    l->shape = out;
    return LINNET_OK;
}

/* Softmax, or of several labels Sigmoid, behind the last module, unless that is one already. */
static linnet_status add_probabilities(lowering *l, linnet_error *error)
{
    ln_module softmax = {.type = &ln_softmax_type, .values = {{.integer = -1}}};
    ln_module sigmoid = {.type = &ln_sigmoid_type};
    const ln_module *last = l->model->task == LINNET_TASK_MULTILABEL ? &sigmoid : &softmax;
    if (l->model->task == LINNET_TASK_REGRESSION || ln_model_last(l->model) == last->type) {
        return LINNET_OK;
    }
    if (l->model->temperature != 1) {
        ln_module temperature = {.type = &ln_temperature_type,
                                 .values = {{.number = {l->model->temperature}}}};
        linnet_status status = add_leaf(l, &temperature, l->model->leaf_count, error);
        if (status != LINNET_OK) {
            return status;
        }
    }
    return add_leaf(l, last, l->model->leaf_count, error);
}

/* ---- memory ---- */

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Rows are spread in memory unless one of them is several vectors of some Linear, whose rows then
 * lie without a gap. */
static void plan_leading(linnet_plan *plan)
{
    bool spread = true;
    for (size_t i = 0; i < plan->step_count; i++) {
        spread = spread && (plan->steps[i].kind != LN_STEP_LINEAR || plan->steps[i].vectors == 1);
    }
    for (size_t i = 0; i < plan->step_count; i++) {
        ln_step *step = &plan->steps[i];
        size_t features = ln_step_features(step);
        step->ld = spread && step->output != LN_CALLER ? ln_leading(features) : features;
    }
}

/* Where each step's output lies: in training all are kept, in eval two buffers take turns and the
 * last one is the caller's. */
static void plan_outputs(linnet_plan *plan)
{
    size_t turn[2] = {0, 0}, widest = 0;
    if (!plan->training && plan->step_count > 0) {
        plan->steps[plan->step_count - 1].output = LN_CALLER;
    }
    plan_leading(plan);
    for (size_t i = 0; i < plan->step_count; i++) {
        widest = larger(widest, plan->steps[i].ld);
    }
    size_t most = ln_saturated_mul(plan->max_batch, widest);
    for (int i = 0; i < 2; i++) {
        /* A row that is widened reads no uninitialised memory: the arena is zeroed. */
        turn[i] = ln_arena_reserve(&plan->arena, most, sizeof(ln_real));
        plan->gradients[i] = turn[i];
    }
    for (size_t i = 0; i < plan->step_count; i++) {
        ln_step *step = &plan->steps[i];
        if (plan->training) {
            step->output = ln_arena_reserve(
                &plan->arena, ln_saturated_mul(plan->max_batch, step->ld), sizeof(ln_real));
        } else if (step->output != LN_CALLER) {
            step->output = turn[i % 2];
        }
    }
}

/* A Linear's weights in each form that its products read, and in training as they are trained. */
static void plan_weights(linnet_plan *plan, ln_step *step)
{
    size_t pairs = ln_paired_size(plan->kernels, step->in, step->out);
    size_t whole = ln_packed_size(plan->kernels, step->in, step->out);
    if (plan->training || plan->precision == LN_FULL) {
        step->packed_weight = ln_arena_reserve(&plan->arena, whole, sizeof(ln_real));
    }
    if (plan->precision != LN_FULL) {
        step->by_input = ln_arena_reserve(&plan->arena, pairs, sizeof(uint32_t));
    }
    if (plan->training && plan->precision == LN_BFLOAT16) {
        step->by_output = ln_arena_reserve(&plan->arena, whole, sizeof(uint16_t));
    }
}

/* Packed weights, and what backward needs beside them. */
static void plan_packing(linnet_plan *plan)
{
    size_t turned = 0, gradient = 0, x_words = 0, dy_words = 0, panel = 0;
    for (size_t i = 0; i < plan->step_count; i++) {
        ln_step *step = &plan->steps[i];
        if (step->kind != LN_STEP_LINEAR) {
            gradient = larger(gradient, step->parameter_count > 0 ? larger(step->in, 1) : 0);
            continue;
        }
        size_t rows = ln_saturated_mul(plan->max_batch, step->vectors);
        plan_weights(plan, step);
        if (plan->precision == LN_BFLOAT16) {
            x_words = larger(x_words, ln_operand_size(rows, step->in));
            dy_words = larger(dy_words, ln_operand_size(rows, step->out));
        }
        panel = larger(panel, ln_saturated_mul(step->in, plan->kernels->tile_columns));
        if (!plan->training) {
            step->packed_bias = ln_arena_reserve(&plan->arena, step->out, sizeof(ln_real));
        }
        turned = larger(turned, ln_turned_size(plan->kernels, rows, step->out));
        gradient = larger(gradient, step->out);
    }
    plan->x_words = ln_arena_reserve(&plan->arena, x_words, sizeof(uint32_t));
    if (!plan->training && plan->precision != LN_FULL) {
        plan->panel = ln_arena_reserve(&plan->arena, panel, sizeof(ln_real));
    }
    if (plan->training) {
        plan->dy_words = ln_arena_reserve(&plan->arena, dy_words, sizeof(uint32_t));
        plan->turned = ln_arena_reserve(&plan->arena, turned, sizeof(ln_real));
        plan->parameter_gradient = ln_arena_reserve(&plan->arena, gradient, sizeof(ln_real));
    }
}

/* What steps of modules keep from forward to backward, and what their rows add to sums. */
static void plan_modules(linnet_plan *plan)
{
    size_t terms = 0;
    for (size_t i = 0; i < plan->step_count; i++) {
        ln_step *step = &plan->steps[i];
        size_t vectors = ln_saturated_mul(plan->max_batch, step->vectors);
        if (step->kind == LN_STEP_ROW) {
            step->kept = ln_arena_reserve(
                &plan->arena, ln_saturated_mul(vectors, step->layout.kept), sizeof(ln_real));
        } else if (step->kind == LN_STEP_BATCH) {
            step->kept = ln_arena_reserve(&plan->arena, ln_batch_kept(step), sizeof(ln_real));
        }
        if (step->kind == LN_STEP_BATCH || step->parameter_count > 0) {
            terms = larger(terms, ln_saturated_mul(vectors, step->in));
        }
    }
    plan->terms = ln_arena_reserve(&plan->arena, terms, sizeof(ln_real));
}

static linnet_status copy_scaling(linnet_plan *plan, const ln_scaling *scaling, linnet_error *error)
{
    size_t count = scaling->features;
    plan->scale = scaling->scale;
    plan->scaled = count;
    if (count == 0) {
        return LINNET_OK;
    }
    linnet_status status =
        ln_alloc_into(&plan->mean, 2 * count, sizeof *plan->mean, "input scaling", error);
    if (status == LINNET_OK) {
        plan->std = plan->mean + count;
        for (size_t i = 0; i < count; i++) {
            plan->mean[i] = (ln_real)scaling->mean[i];
            plan->std[i] = (ln_real)scaling->std[i];
        }
    }
    return status;
}

/* ---- */

static linnet_status lower_steps(lowering *l, linnet_error *error)
{
    linnet_plan *plan = l->plan;
    const linnet_model *model = l->model;
    if (model->input.rank < 0) {
        return ln_fail(
            error, LINNET_ERROR_SHAPE,
            "the shape of the input cannot be known from this model (expected a Linear, or "
            "linnet_model_set_input_shape before)");
    }
    l->shape = (ln_shape){.rank = model->input.rank + 1, .size = {1}};
    memcpy(l->shape.size + 1, model->input.size, (size_t)model->input.rank * sizeof(int64_t));
    plan->in_features = (size_t)ln_shape_numel(&l->shape, 1);
    plan->crowded = ln_crowded(plan->in_features);
    if (plan->scaled != 0 && plan->scaled != plan->in_features) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "input scaling has %zu features, the model's input %zu", plan->scaled,
                       plan->in_features);
    }
    new_step(l, LN_STEP_FEED, plan->in_features, plan->in_features)->vectors = 1;
    for (size_t i = 0; i < model->leaf_count; i++) {
        linnet_status status = add_leaf(l, model->leaves[i], i, error);
        if (status != LINNET_OK) {
            ln_error_set_place(error, model->leaves[i]->path);
            return status;
        }
    }
    linnet_status status = l->request->probabilities ? add_probabilities(l, error) : LINNET_OK;
    plan->out_features = (size_t)ln_shape_numel(&l->shape, 1);
    return status;
}

static linnet_status take_weights(linnet_plan *plan, size_t count, linnet_error *error)
{
    void *held = NULL, *spreads = NULL;
    linnet_status status = ln_alloc_into(&held, count, sizeof *plan->held, "weights", error);
    if (status == LINNET_OK) {
        status = ln_alloc_into(&spreads, count, sizeof *plan->spreads, "weights", error);
    }
    plan->held = held;
    plan->spreads = spreads;
    return status;
}

/* Everything but the arena's memory and threads. */
static linnet_status lay_out(lowering *l, linnet_error *error)
{
    linnet_plan *plan = l->plan;
    size_t leaves = l->model->leaf_count;
    linnet_status status = ln_kernels_select(&plan->kernels, error);
    if (status == LINNET_OK) {
        plan->isa = plan->kernels->name;
        /* One step a leaf, and one each for the input, temperature and probabilities. */
        status = ln_alloc_into(&plan->steps, leaves + 3, sizeof *plan->steps, "steps", error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&plan->links, leaves + 3, sizeof *plan->links, "steps", error);
    }
    if (status == LINNET_OK) {
        status = take_weights(plan, l->model->state_count, error);
    }
    if (status == LINNET_OK) {
        status = copy_scaling(plan, &l->model->scaling, error);
    }
    if (status == LINNET_OK) {
        status = lower_steps(l, error);
    }
    if (status != LINNET_OK) {
        return status;
    }
    plan_outputs(plan);
    plan_packing(plan);
    plan_modules(plan);
    return LINNET_OK;
}

static linnet_status take(lowering *l, linnet_error *error)
{
    linnet_plan *plan = l->plan;
    linnet_status status = LINNET_OK;
    plan->pool = l->request->pool;
    plan->borrows_pool = plan->pool != NULL;
    if (!plan->borrows_pool) {
        status = ln_pool_create(l->request->threads, &plan->pool, error);
    }
    if (status == LINNET_OK) {
        status = ln_arena_commit(&plan->arena, ARENA, error);
    }
    if (status == LINNET_OK && l->request->torch_masks) {
        status = ln_plan_take_draws(plan, l->links, error);
    }
    if (status == LINNET_OK) {
        ln_plan_bind(plan);
    }
    if (status == LINNET_OK) {
        ln_plan_fetch(plan);
        plan->model = plan->training ? plan->model : NULL;
    }
    return status;
}

/* A plan that is laid out; on failure l->plan is NULL. */
static linnet_status begin(lowering *l, const linnet_model *model, const ln_plan_request *request,
                           linnet_error *error)
{
    *l = (lowering){.model = model, .request = request};
    linnet_status status = ln_alloc_into(&l->plan, 1, sizeof *l->plan, "a plan", error);
    if (status != LINNET_OK) {
        return status;
    }
    l->plan->dtype = LN_REAL_DTYPE;
    l->plan->training = request->training;
    l->plan->precision = request->precision;
    l->plan->cache = ln_second_cache();
    l->plan->model = model;
    l->plan->max_batch = request->max_batch > 0 ? request->max_batch : 1;
    status = lay_out(l, error);
    if (status != LINNET_OK) {
        linnet_plan_free(l->plan);
        l->plan = NULL;
    }
    return status;
}

linnet_status ln_plan_lower(const linnet_model *model, const ln_plan_request *request,
                            linnet_plan **plan, linnet_error *error)
{
    lowering l;
    linnet_status status = begin(&l, model, request, error);
    if (status == LINNET_OK) {
        status = take(&l, error);
        if (status != LINNET_OK) {
            linnet_plan_free(l.plan);
            l.plan = NULL;
        }
    }
    *plan = l.plan;
    return status;
}

linnet_status ln_plan_measure(const linnet_model *model, const ln_plan_request *request,
                              size_t *bytes, linnet_error *error)
{
    lowering l;
    *bytes = 0;
    linnet_status status = begin(&l, model, request, error);
    if (status != LINNET_OK) {
        return status;
    }
    size_t size = linnet_plan_size(l.plan);
    linnet_plan_free(l.plan);
    if (size == SIZE_MAX) {
        return ln_fail_memory(error, size, ARENA);
    }
    *bytes = size;
    return LINNET_OK;
}
