/* row.c - steps that run a module over vectors of a row: Softmax, GLU, LayerNorm, and PReLU in
 * training.
 *
 * Rows are shared out among the threads; a module sees one vector at a time. */
#include "plan/plan.h"

/* Work of an element, in multiply-adds: exp or a division costs about as much as eight. */
#define ELEMENT_WORK 8

typedef struct row_run {
    const ln_module_run *run;
    int weight; /* whose terms are asked for */
} row_run;

static size_t row_work(const ln_step *step)
{
    return ELEMENT_WORK * step->vectors * step->in;
}

static ln_stretch vector_of(const ln_module_run *run, size_t row, size_t vector)
{
    const ln_step *step = run->step;
    ln_real *kept = ln_arena_at(&run->plan->arena, step->kept);
    return (ln_stretch){.kernels = run->plan->kernels,
                        .module = &step->module,
                        .row = row,
                        .count = step->in,
                        .layout = &step->layout,
                        .kept = kept + (row * step->vectors + vector) * step->layout.kept};
}

static void forward_row(void *context, size_t row)
{
    const ln_module_run *run = ((const row_run *)context)->run;
    const ln_step *step = run->step;
    const ln_real *x = run->x + row * run->ldx;
    ln_real *y = run->y + row * step->ld;
    for (size_t i = 0; i < step->vectors; i++) {
        ln_stretch stretch = vector_of(run, row, i);
        LN_MATH_OF(step->module.type)->forward(&stretch, x + i * step->in, y + i * step->out);
    }
}

void ln_row_forward(const ln_module_run *run)
{
    row_run rows = {.run = run};
    ln_plan_rows(run->plan, run->batch, row_work(run->step), forward_row, &rows);
}

static void backward_row(void *context, size_t row)
{
    const ln_module_run *run = ((const row_run *)context)->run;
    const ln_step *step = run->step;
    bool sees_x = step->module.type->backward_sees_x;
    const ln_real *seen = sees_x ? run->x + row * run->ldx : run->y + row * step->ld;
    const ln_real *dy = run->dy + row * step->ld;
    ln_real *dx = run->dx + row * run->ldx;
    for (size_t i = 0; i < step->vectors; i++) {
        ln_stretch stretch = vector_of(run, row, i);
        LN_MATH_OF(step->module.type)
            ->backward(&stretch, seen + i * (sees_x ? step->in : step->out), dy + i * step->out,
                       dx + i * step->in);
    }
}

static void terms_row(void *context, size_t row)
{
    const row_run *rows = context;
    const ln_module_run *run = rows->run;
    const ln_step *step = run->step;
    const ln_real *x = run->x + row * run->ldx, *dy = run->dy + row * step->ld;
    ln_real *terms = ln_arena_at(&run->plan->arena, run->plan->terms);
    terms += row * step->vectors * step->in;
    for (size_t i = 0; i < step->vectors; i++) {
        ln_stretch stretch = vector_of(run, row, i);
        LN_MATH_OF(step->module.type)
            ->terms(&stretch, rows->weight, x + i * step->in, dy + i * step->out,
                    terms + i * step->in);
    }
}

void ln_row_backward(const ln_module_run *run)
{
    const ln_step *step = run->step;
    row_run rows = {.run = run};
    /* The input's gradient first, because the sink may change the weights. */
    if (run->dx != NULL) {
        ln_plan_rows(run->plan, run->batch, row_work(step), backward_row, &rows);
    }
    for (size_t i = step->parameter_count; i-- > 0;) {
        rows.weight = (int)i;
        ln_plan_rows(run->plan, run->batch, row_work(step), terms_row, &rows);
        ln_plan_hand_over(run, i, run->batch * step->vectors, step->in);
    }
}
