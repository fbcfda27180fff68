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
    const ln_real *x, *y;
    ln_real *gradient;     /* chain_row: (batch, features), changed in place */
    size_t vectors, width; /* chain_epilogue: how the product's rows lie in a row of the batch */
} chain_run;

static chain_run chain_of(const linnet_plan *plan, const ln_step *step)
{
    chain_run run = {.plan = plan, .step = step, .y = ln_step_output(plan, step)};
    if (step->chain_count > 0 && step->chain[0].module.type->backward_sees_x) {
        /* An elementwise step: its input has as many features, so its rows lie as far apart. */
        run.x = ln_step_input(plan, step);
    }
    return run;
}

static void backward_chain(const chain_run *run, size_t row, size_t column, size_t count,
                           ln_real *gradient)
{
    size_t at = row * run->step->ld + column;
    for (size_t i = run->step->chain_count; i-- > 0;) {
        const ln_link *link = &run->step->chain[i];
        ln_stretch stretch = ln_link_stretch(run->plan, link, row, column, count);
        const ln_real *seen = link->module.type->backward_sees_x ? run->x + at : run->y + at;
        LN_MATH_OF(link->module.type)->backward(&stretch, seen, gradient, gradient);
    }
}

static void chain_epilogue(void *context, size_t row, size_t first, size_t count, ln_real *c)
{
    const chain_run *run = context;
    backward_chain(run, row / run->vectors, row % run->vectors * run->width + first, count, c);
}

static void chain_row(void *context, size_t row)
{
    const chain_run *run = context;
    size_t features = ln_step_features(run->step);
    backward_chain(run, row, 0, features, run->gradient + row * run->step->ld);
}

static void undo_chain(const linnet_plan *plan, const ln_step *step, size_t batch,
                       ln_real *gradient)
{
    if (step->chain_count > 0) {
        chain_run run = chain_of(plan, step);
        run.gradient = gradient;
        ln_plan_rows(plan, batch, 8 * ln_step_features(step), chain_row, &run);
    }
}

/* dX = dY W, and the chain of the step before undone in the epilogue. */
static void input_gradient(const linnet_plan *plan, const ln_step *step, size_t batch,
                           const ln_real *dy, ln_real *dx)
{
    chain_run chain = chain_of(plan, step - 1);
    chain.vectors = step->vectors;
    chain.width = step->in;
    ln_linear_step_input_gradient(plan, step, batch, dy, dx,
                                  step[-1].chain_count > 0 ? chain_epilogue : NULL, &chain);
}

ln_real *ln_plan_output_gradient(linnet_plan *plan, size_t *ld)
{
    *ld = plan->steps[plan->step_count - 1].ld;
    return ln_arena_at(&plan->arena, plan->gradients[0]);
}

/* The first step with parameters: nothing before it needs a gradient. */
static size_t first_trained(const linnet_plan *plan)
{
    size_t i = 0;
    while (i < plan->step_count && plan->steps[i].kind != LN_STEP_LINEAR &&
           plan->steps[i].parameter_count == 0) {
        i++;
    }
    return i;
}

/* A step that is no product, whose chain is undone: dx is NULL where nobody needs it. */
static void module_gradients(const linnet_plan *plan, const ln_step *step, size_t batch,
                             const ln_real *dy, ln_real *dx, const ln_gradient_sink *sink)
{
    ln_module_run run = {.plan = plan,
                         .step = step,
                         .batch = batch,
                         .x = ln_step_input(plan, step),
                         .ldx = step[-1].ld,
                         .y = ln_step_output(plan, step),
                         .dy = dy,
                         .dx = dx,
                         .sink = sink};
    if (step->kind == LN_STEP_ROW) {
        ln_row_backward(&run);
    } else {
        ln_batch_backward(&run);
    }
    if (dx != NULL) {
        undo_chain(plan, step - 1, batch, dx);
    }
}

void ln_plan_backward(linnet_plan *plan, size_t batch, const ln_gradient_sink *sink)
{
    size_t first = first_trained(plan);
    ln_real *gradient = ln_arena_at(&plan->arena, plan->gradients[0]);
    ln_real *next = ln_arena_at(&plan->arena, plan->gradients[1]);
    if (first < plan->step_count) {
        undo_chain(plan, &plan->steps[plan->step_count - 1], batch, gradient);
    }
    for (size_t i = plan->step_count; i-- > first;) {
        const ln_step *step = &plan->steps[i];
        if (step->kind == LN_STEP_FEED || step->kind == LN_STEP_CHAIN) {
            undo_chain(plan, step - 1, batch, gradient);
            continue;
        }
        if (step->kind == LN_STEP_LINEAR) {
            /* Before the parameters' gradients, because the sink may change the weights. */
            if (i > first) {
                input_gradient(plan, step, batch, gradient, next);
            }
            ln_linear_step_gradients(plan, step, batch, gradient, sink);
        } else {
            module_gradients(plan, step, batch, gradient, i > first ? next : NULL, sink);
        }
        ln_real *spare = gradient;
        gradient = next;
        next = spare;
    }
}
