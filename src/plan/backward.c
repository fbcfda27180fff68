/* backward.c - runs a training plan backwards.
 *
 * The value that travels is the gradient of a step's result *before* its chain: the product that
 * makes it from the step behind undoes the chain in its epilogue. The input gradient of the first
 * product is never computed. */
#include "plan/plan.h"

/* Undoing the chain of `step`, whose output is y; x is its input where that is read, else NULL. */
typedef struct chain_run {
    const linnet_plan *plan;
    const ln_step *step;
    const float *x, *y;
    float *gradient;       /* chain_row: (batch, features), changed in place */
    size_t vectors, width; /* chain_epilogue: how the product's rows lie in a row of the batch */
} chain_run;

static chain_run chain_of(const linnet_plan *plan, const ln_step *step)
{
    chain_run run = {.plan = plan, .step = step, .y = ln_arena_at(&plan->arena, step->output)};
    if (step->chain_count > 0 && step->chain[0].module.type->backward_sees_x) {
        /* A step without parameters that is undone has one with parameters before it: its input is
         * in the arena, and not the caller's. */
        run.x = ln_arena_at(&plan->arena, step->input);
    }
    return run;
}

static void backward_chain(const chain_run *run, size_t row, size_t column, size_t count,
                           float *gradient)
{
    size_t at = row * ln_step_features(run->step) + column;
    for (size_t i = run->step->chain_count; i-- > 0;) {
        const ln_link *link = &run->step->chain[i];
        ln_stretch stretch = ln_link_stretch(run->plan, link, row, column, count);
        const float *seen = link->module.type->backward_sees_x ? run->x + at : run->y + at;
        link->module.type->backward(&stretch, seen, gradient, gradient);
    }
}

static void chain_epilogue(void *context, size_t row, size_t first, size_t count, float *c)
{
    const chain_run *run = context;
    backward_chain(run, row / run->vectors, row % run->vectors * run->width + first, count, c);
}

static void chain_row(void *context, size_t row)
{
    const chain_run *run = context;
    size_t features = ln_step_features(run->step);
    backward_chain(run, row, 0, features, run->gradient + row * features);
}

static void undo_chain(const linnet_plan *plan, const ln_step *step, size_t batch, float *gradient)
{
    if (step->chain_count > 0) {
        chain_run run = chain_of(plan, step);
        run.gradient = gradient;
        ln_plan_rows(plan, batch, 8 * ln_step_features(step), chain_row, &run);
    }
}

/* dX = dY W, and the chain of the step before undone in the epilogue. */
static void input_gradient(const linnet_plan *plan, const ln_step *step, const ln_step *before,
                           size_t batch, const float *dy, float *dx)
{
    size_t m = batch * step->vectors;
    ln_pool *pool = ln_plan_pool(plan, m * step->in * step->out);
    float *a = ln_arena_at(&plan->arena, plan->packed_a);
    float *b = ln_arena_at(&plan->arena, plan->packed_b);
    ln_pack_a(pool, LN_SUM_FEATURES, m, step->out, dy, (ptrdiff_t)step->out, 1, a);
    ln_pack_b(plan->kernels, pool, step->out, step->in, step->weight, (ptrdiff_t)step->in, 1, b);
    chain_run chain = chain_of(plan, before);
    chain.vectors = step->vectors;
    chain.width = step->in;
    ln_product product = {.sum = LN_SUM_FEATURES,
                          .m = m,
                          .n = step->in,
                          .k = step->out,
                          .a = a,
                          .b = b,
                          .c = dx,
                          .epilogue = before->chain_count > 0 ? chain_epilogue : NULL,
                          .context = &chain};
    ln_multiply(plan->kernels, pool, &product);
}

/* dW = dY^T X and db = the sum of dY's rows, handed to the sink one after the other. */
static void parameter_gradients(const linnet_plan *plan, const ln_step *step, size_t batch,
                                const float *x, const float *dy, ln_gradient_sink sink,
                                void *context)
{
    size_t m = batch * step->vectors;
    ln_pool *pool = ln_plan_pool(plan, m * step->in * step->out);
    float *gradient = ln_arena_at(&plan->arena, plan->parameter_gradient);
    float *a = ln_arena_at(&plan->arena, plan->packed_a);
    float *b = ln_arena_at(&plan->arena, plan->packed_b);
    if (step->bias != NULL) {
        ln_sum_columns(plan->kernels, ln_plan_pool(plan, m * step->out), m, step->out, dy,
                       gradient);
        sink(context, step->bias_parameter, gradient, step->out);
    }
    ln_pack_a(pool, LN_SUM_BATCH, step->out, m, dy, 1, (ptrdiff_t)step->out, a);
    ln_pack_b(plan->kernels, pool, m, step->in, x, (ptrdiff_t)step->in, 1, b);
    ln_product product = {
        .sum = LN_SUM_BATCH, .m = step->out, .n = step->in, .k = m, .a = a, .b = b, .c = gradient};
    ln_multiply(plan->kernels, pool, &product);
    sink(context, step->weight_parameter, gradient, step->in * step->out);
}

typedef struct row_run {
    const linnet_plan *plan;
    const ln_step *step;
    const float *y, *dy;
    float *dx;
} row_run;

static void module_row(void *context, size_t row)
{
    const row_run *run = context;
    const ln_step *step = run->step;
    ln_stretch stretch = {
        .kernels = run->plan->kernels, .module = &step->module, .count = step->in};
    for (size_t i = row * step->vectors; i < (row + 1) * step->vectors && step->in > 0; i++) {
        size_t at = i * step->in;
        step->module.type->backward(&stretch, run->y + at, run->dy + at, run->dx + at);
    }
}

float *ln_plan_output_gradient(linnet_plan *plan)
{
    return ln_arena_at(&plan->arena, plan->gradients[0]);
}

/* The first step with parameters: nothing before it needs a gradient. */
static size_t first_linear(const linnet_plan *plan)
{
    size_t i = 0;
    while (i < plan->step_count && plan->steps[i].kind != LN_STEP_LINEAR) {
        i++;
    }
    return i;
}

void ln_plan_backward(linnet_plan *plan, const float *x, size_t batch, ln_gradient_sink sink,
                      void *context)
{
    size_t first = first_linear(plan);
    float *gradient = ln_arena_at(&plan->arena, plan->gradients[0]);
    float *next = ln_arena_at(&plan->arena, plan->gradients[1]);
    if (first < plan->step_count) {
        undo_chain(plan, &plan->steps[plan->step_count - 1], batch, gradient);
    }
    for (size_t i = plan->step_count; i-- > first;) {
        const ln_step *step = &plan->steps[i];
        const ln_step *before = i > 0 ? &plan->steps[i - 1] : NULL;
        if (step->kind == LN_STEP_ROW) {
            row_run run = {plan, step, ln_arena_at(&plan->arena, step->output), gradient, gradient};
            ln_plan_rows(plan, batch, 8 * ln_step_features(step), module_row, &run);
        }
        if (step->kind == LN_STEP_LINEAR) {
            /* Before the parameters' gradients, because the sink may change the weights. */
            if (i > first) {
                input_gradient(plan, step, before, batch, gradient, next);
            }
            parameter_gradients(plan, step, batch, ln_plan_input(plan, i, x), gradient, sink,
                                context);
            float *spare = gradient;
            gradient = next;
            next = spare;
        } else if (i > first) {
            undo_chain(plan, before, batch, gradient);
        }
    }
}
