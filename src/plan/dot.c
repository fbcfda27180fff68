/* dot.c - sums of products over a whole parameter, in an order that no layout and no thread
 * changes.
 *
 * In double: of a Linear's weight first over the inputs of each output, then over the outputs; of
 * any other parameter over its elements as they lie. */
#include "base/checked.h"
#include "plan/plan.h"

typedef struct dot_run {
    const ln_step *step;
    size_t width;
    const ln_real *a, *b;
    double *sums; /* of each output */
} dot_run;

/* The outputs of one panel side by side: none of their sums depends on how wide it is. */
static void dot_panel(void *context, size_t panel)
{
    const dot_run *run = context;
    size_t in = run->step->in, width = run->width, first = panel * width;
    const ln_real *a = run->a + first * in, *b = run->b + first * in;
    double sums[LN_MAX_TILE_COLUMNS] = {0};
    for (size_t i = 0; i < in; i++, a += width, b += width) {
        for (size_t j = 0; j < width; j++) {
            sums[j] += (double)a[j] * (double)b[j];
        }
    }
    for (size_t j = 0; j < ln_min_size(width, run->step->out - first); j++) {
        run->sums[first + j] = sums[j];
    }
}

size_t ln_plan_dot_sums(const linnet_plan *plan)
{
    size_t most = 0;
    for (const ln_step *step = plan->steps; step < plan->steps + plan->step_count; step++) {
        most = step->kind == LN_STEP_LINEAR && step->out > most ? step->out : most;
    }
    return most;
}

double ln_plan_dot(const linnet_plan *plan, size_t parameter, const ln_real *a, const ln_real *b,
                   double *sums)
{
    const ln_step *step = ln_plan_step_of_weight(plan, parameter);
    double total = 0;
    size_t count;
    ln_plan_parameter(plan, parameter, &count);
    if (step != NULL) {
        dot_run run = {step, plan->kernels->tile_columns, a, b, sums};
        ln_parallel(ln_plan_pool(plan, 4 * count), ln_ceil_div(step->out, run.width), dot_panel,
                    &run);
        for (size_t o = 0; o < step->out; o++) {
            total += sums[o];
        }
        return total;
    }
    for (size_t i = 0; i < count; i++) {
        total += (double)a[i] * (double)b[i];
    }
    return total;
}
