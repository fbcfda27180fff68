/* batch.c - BatchNorm steps: statistics over the batch, running statistics, backward.
 *
 * Sums go over the rows by rule 2 for each element of a row, and then over the elements of a
 * channel by rule 3; mean, 1 / sqrt(var + eps) and the like are then repeated for all elements of
 * the channel, so that the kernels read one a column. BatchNorm with running statistics in eval is
 * no step of its own: it is elementwise (nn/batch_norm.c). */
#include <math.h>
#include <string.h>

#include "nn/batch_norm.h"
#include "plan/plan.h"

#define ELEMENT_WORK 4

/* What a step keeps: arrays as long as a row, one behind the other. */
enum { MEAN, RSTD, MEAN_DY, MEAN_DY_XHAT, SUMS, ARRAYS };

size_t ln_batch_kept(const ln_step *step)
{
    return ARRAYS * step->in;
}

bool ln_batch_statistics(const linnet_plan *plan, const ln_module *module)
{
    /* The weights of this module are the model's, and those of a plan may have no memory yet: only
     * the values are looked at. */
    ln_weight last = {.buffer = false};
    int count = 0;
    while (module->type->weight(module->values, count, &last)) {
        count++;
    }
    return plan->training || !last.buffer;
}

typedef struct batch_run {
    const ln_module_run *run;
    ln_batch_norm norm;
    ln_real *kept[ARRAYS];
    ln_real *terms; /* (batch, features) */
} batch_run;

static batch_run begin(const ln_module_run *run)
{
    batch_run b = {.run = run,
                   .norm = ln_batch_norm_of(&run->step->module),
                   .terms = ln_arena_at(&run->plan->arena, run->plan->terms)};
    for (size_t i = 0; i < ARRAYS; i++) {
        b.kept[i] = (ln_real *)ln_arena_at(&run->plan->arena, run->step->kept) + i * run->step->in;
    }
    return b;
}

static size_t channel_count(const ln_step *step)
{
    return step->layout.inner > 0 ? step->in / step->layout.inner : 0;
}

/* The sum over each channel of `x`, whose rows are ld apart, in the first elements of SUMS. */
static const ln_real *channel_sums(const batch_run *b, const ln_real *x, size_t ld)
{
    const linnet_plan *plan = b->run->plan;
    const ln_step *step = b->run->step;
    size_t inner = step->layout.inner, batch = b->run->batch;
    ln_real *sums = b->kept[SUMS];
    ln_sum_columns(plan->kernels, ln_plan_pool(plan, batch * step->in), batch, step->in, x, ld,
                   sums);
    for (size_t c = 0; c < channel_count(step) && inner != 1; c++) {
        sums[c] = plan->kernels->total(inner, sums + c * inner);
    }
    return sums;
}

/* A channel's value for each of its elements. */
static void put_channel(const batch_run *b, size_t array, size_t channel, ln_real value)
{
    size_t inner = b->run->step->layout.inner;
    for (size_t i = 0; i < inner; i++) {
        b->kept[array][channel * inner + i] = value;
    }
}

static void each_row(const batch_run *b, ln_row_task body)
{
    const ln_module_run *run = b->run;
    ln_plan_rows(run->plan, run->batch, ELEMENT_WORK * run->step->in, body, (void *)b);
}

/* ---- forward ---- */

static void deviation_row(void *context, size_t row)
{
    const batch_run *b = context;
    const ln_module_run *run = b->run;
    size_t n = run->step->in;
    run->plan->kernels->deviation(n, run->x + row * run->ldx, b->kept[MEAN], b->terms + row * n);
}

static void forward_row(void *context, size_t row)
{
    const batch_run *b = context;
    const ln_module_run *run = b->run;
    run->plan->kernels->batch_norm(run->step->in, run->x + row * run->ldx, b->kept[MEAN],
                                   b->kept[RSTD], b->norm.weight, b->norm.bias,
                                   run->y + row * run->step->ld);
}

/* How much the batch counts in the running statistics; counts it. */
static double next_factor(const linnet_plan *plan, const ln_batch_norm *norm)
{
    *norm->num_batches_tracked += 1;
    return norm->cumulative || plan->cumulative ? 1.0 / (double)*norm->num_batches_tracked
                                                : norm->momentum;
}

static void update_running(ln_real *running, double factor, ln_real value)
{
    *running = ln_fma((ln_real)factor, value, (ln_real)(1 - factor) * *running);
}

void ln_plan_forget_statistics(linnet_plan *plan)
{
    for (const ln_step *step = plan->steps; step < plan->steps + plan->step_count; step++) {
        if (step->kind == LN_STEP_BATCH) {
            ln_batch_norm norm = ln_batch_norm_of(&step->module);
            for (size_t c = 0; norm.running_mean != NULL && c < channel_count(step); c++) {
                norm.running_mean[c] = 0;
                norm.running_var[c] = 1;
                *norm.num_batches_tracked = 0;
            }
        }
    }
}

void ln_batch_forward(const ln_module_run *run)
{
    const ln_step *step = run->step;
    batch_run b = begin(run);
    size_t channels = channel_count(step);
    ln_real count = (ln_real)(run->batch * step->layout.inner);
    bool track = run->plan->training && b.norm.running_mean != NULL;
    if (run->batch == 0 || step->in == 0) {
        return;
    }
    double factor = track ? next_factor(run->plan, &b.norm) : 0;
    const ln_real *sums = channel_sums(&b, run->x, run->ldx);
    for (size_t c = 0; c < channels; c++) {
        ln_real mean = sums[c] / count;
        put_channel(&b, MEAN, c, mean);
        if (track) {
            update_running(&b.norm.running_mean[c], factor, mean);
        }
    }
    each_row(&b, deviation_row);
    sums = channel_sums(&b, b.terms, step->in);
    for (size_t c = 0; c < channels; c++) {
        put_channel(&b, RSTD, c, 1.0f / ln_sqrt(sums[c] / count + b.norm.eps));
        if (track) {
            update_running(&b.norm.running_var[c], factor, sums[c] / (count - 1.0f));
        }
    }
    each_row(&b, forward_row);
}

/* ---- backward ---- */

static void terms_row(void *context, size_t row)
{
    const batch_run *b = context;
    const ln_module_run *run = b->run;
    size_t n = run->step->in;
    run->plan->kernels->batch_norm_terms(n, run->x + row * run->ldx, b->kept[MEAN], b->kept[RSTD],
                                         run->dy + row * run->step->ld, b->terms + row * n);
}

static void backward_row(void *context, size_t row)
{
    const batch_run *b = context;
    const ln_module_run *run = b->run;
    run->plan->kernels->batch_norm_backward(run->step->in, run->x + row * run->ldx, b->kept[MEAN],
                                            b->kept[RSTD], b->norm.weight, b->kept[MEAN_DY],
                                            b->kept[MEAN_DY_XHAT], run->dy + row * run->step->ld,
                                            run->dx + row * run->ldx);
}

/* The sums over each channel, as means for all its elements. */
static void put_means(const batch_run *b, size_t array, const ln_real *sums)
{
    ln_real count = (ln_real)(b->run->batch * b->run->step->layout.inner);
    for (size_t c = 0; c < channel_count(b->run->step); c++) {
        put_channel(b, array, c, sums[c] / count);
    }
}

void ln_batch_backward(const ln_module_run *run)
{
    const ln_step *step = run->step;
    batch_run b = begin(run);
    size_t channels = channel_count(step);
    ln_real *bias_gradient = ln_arena_at(&run->plan->arena, run->plan->parameter_gradient);
    /* The sums are the gradients of bias and weight; they are handed over behind the input's
     * gradient, because the sink may change the weights. */
    const ln_real *sums = channel_sums(&b, run->dy, step->ld);
    put_means(&b, MEAN_DY, sums);
    if (step->parameter_count > 0) {
        memcpy(bias_gradient, sums, channels * sizeof *sums);
    }
    each_row(&b, terms_row);
    sums = channel_sums(&b, b.terms, step->in);
    put_means(&b, MEAN_DY_XHAT, sums);
    if (run->dx != NULL) {
        each_row(&b, backward_row);
    }
    if (step->parameter_count > 0) {
        run->sink->take(run->sink->context, step->parameters[1], 0, channels, bias_gradient);
        run->sink->take(run->sink->context, step->parameters[0], 0, channels, sums);
    }
}
