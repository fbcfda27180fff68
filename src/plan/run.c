/* run.c - runs a plan: forward, in eval and in training mode. Allocates nothing. */
#include <string.h>

#include "base/error.h"
#include "base/fpenv.h"
#include "nn/dropout.h"
#include "plan/plan.h"

/* A thread is woken for no less than this many multiply-adds. */
#define WORTH_A_THREAD 100000

ln_pool *ln_plan_pool(const linnet_plan *plan, size_t work)
{
    return work < WORTH_A_THREAD ? NULL : plan->pool;
}

typedef struct rows_job {
    ln_row_task body;
    void *context;
    size_t rows, chunk;
} rows_job;

static void run_rows(void *context, size_t index)
{
    const rows_job *job = context;
    size_t first = index * job->chunk;
    size_t end = first + job->chunk < job->rows ? first + job->chunk : job->rows;
    for (size_t row = first; row < end; row++) {
        job->body(job->context, row);
    }
}

void ln_plan_rows(const linnet_plan *plan, size_t batch, size_t work, ln_row_task body,
                  void *context)
{
    rows_job job = {body, context, batch, 8};
    ln_parallel(ln_plan_pool(plan, batch * work), (batch + job.chunk - 1) / job.chunk, run_rows,
                &job);
}

ln_stretch ln_link_stretch(const linnet_plan *plan, const ln_link *link, size_t row, size_t column,
                           size_t count)
{
    return (ln_stretch){.kernels = plan->kernels,
                        .module = &link->module,
                        .draw = plan->training ? &link->draw : NULL,
                        .row = row,
                        .column = column,
                        .count = count};
}

const float *ln_plan_input(const linnet_plan *plan, size_t i, const float *x)
{
    size_t offset = plan->steps[i].input;
    return offset == LN_CALLER ? x : ln_arena_at(&plan->arena, offset);
}

void ln_plan_draw_philox(linnet_plan *plan, uint64_t seed, uint32_t epoch, uint32_t step)
{
    for (size_t i = 0; i < plan->step_count; i++) {
        for (size_t j = 0; j < plan->steps[i].chain_count; j++) {
            ln_link *link = &plan->steps[i].chain[j];
            link->draw.key = ln_philox_stream(seed, epoch, step, (uint32_t)link->layer);
            link->draw.keep = NULL;
        }
    }
}

void ln_plan_draw_torch(linnet_plan *plan, ln_torch_generator *generator, size_t batch)
{
    for (size_t i = 0; i < plan->step_count; i++) {
        for (size_t j = 0; j < plan->steps[i].chain_count; j++) {
            ln_link *link = &plan->steps[i].chain[j];
            if (link->module.type->draws) {
                double p = link->module.values[0].number[0];
                ln_torch_bernoulli(generator, 1 - p, batch * link->draw.features, link->keep);
                link->draw.keep = link->keep;
            }
        }
    }
}

/* One step of a run. */
typedef struct step_run {
    const linnet_plan *plan;
    const ln_step *step;
    const float *x;
    float *y;
} step_run;

static void forward_chain(const step_run *run, size_t row, size_t column, size_t count, float *y)
{
    for (size_t i = 0; i < run->step->chain_count; i++) {
        const ln_link *link = &run->step->chain[i];
        ln_stretch stretch = ln_link_stretch(run->plan, link, row, column, count);
        link->module.type->forward(&stretch, y, y);
    }
}

static void linear_epilogue(void *context, size_t row, size_t first, size_t count, float *c)
{
    const step_run *run = context;
    size_t vectors = run->step->vectors;
    forward_chain(run, row / vectors, row % vectors * run->step->out + first, count, c);
}

static void run_linear(const step_run *run, size_t batch)
{
    const linnet_plan *plan = run->plan;
    const ln_step *step = run->step;
    size_t m = batch * step->vectors;
    ln_pool *pool = ln_plan_pool(plan, m * step->in * step->out);
    float *a = ln_arena_at(&plan->arena, plan->packed_a);
    float *b = ln_arena_at(&plan->arena, plan->training ? plan->packed_b : step->packed_weight);
    if (plan->training) {
        ln_pack_b(plan->kernels, pool, step->in, step->out, step->weight, 1, (ptrdiff_t)step->in,
                  b);
    }
    ln_pack_a(pool, LN_SUM_FEATURES, m, step->in, run->x, (ptrdiff_t)step->in, 1, a);
    ln_product product = {.sum = LN_SUM_FEATURES,
                          .m = m,
                          .n = step->out,
                          .k = step->in,
                          .a = a,
                          .b = b,
                          .bias = step->bias,
                          .c = run->y,
                          .epilogue = step->chain_count > 0 ? linear_epilogue : NULL,
                          .context = (void *)run};
    ln_multiply(plan->kernels, pool, &product);
}

static void scale_row(void *context, size_t row)
{
    const step_run *run = context;
    const ln_scaling *s = &run->plan->scaling;
    size_t n = run->step->in;
    run->plan->kernels->scale(n, run->x + row * n, s->scale, s->mean, s->std, run->y + row * n);
}

static void chain_row(void *context, size_t row)
{
    const step_run *run = context;
    size_t n = run->step->in;
    memcpy(run->y + row * n, run->x + row * n, n * sizeof *run->y);
    forward_chain(run, row, 0, n, run->y + row * n);
}

static void module_row(void *context, size_t row)
{
    const step_run *run = context;
    const ln_step *step = run->step;
    ln_stretch stretch = {
        .kernels = run->plan->kernels, .module = &step->module, .count = step->in};
    for (size_t i = row * step->vectors; i < (row + 1) * step->vectors && step->in > 0; i++) {
        step->module.type->forward(&stretch, run->x + i * step->in, run->y + i * step->in);
    }
}

const float *ln_plan_forward(linnet_plan *plan, const float *x, size_t batch, float *y)
{
    const float *value = x;
    for (size_t i = 0; i < plan->step_count; i++) {
        const ln_step *step = &plan->steps[i];
        float *out = step->output == LN_CALLER ? y : ln_arena_at(&plan->arena, step->output);
        step_run run = {plan, step, value, out};
        /* exp, division and random bits cost about as much as eight multiply-adds. */
        size_t work = 8 * ln_step_features(step);
        switch (step->kind) {
        case LN_STEP_SCALE: ln_plan_rows(plan, batch, work, scale_row, &run); break;
        case LN_STEP_CHAIN: ln_plan_rows(plan, batch, work, chain_row, &run); break;
        case LN_STEP_ROW: ln_plan_rows(plan, batch, work, module_row, &run); break;
        case LN_STEP_LINEAR: run_linear(&run, batch); break;
        }
        value = out;
    }
    if (plan->step_count == 0 && y != NULL) {
        memcpy(y, x, batch * plan->in_features * sizeof *y);
        value = y;
    }
    return value;
}

/* ---- public ---- */

linnet_status linnet_plan_create(const linnet_model *model, const linnet_plan_options *options,
                                 linnet_plan **plan, linnet_error *error)
{
    ln_plan_request request = {.max_batch = 1};
    if (options != NULL) {
        request.max_batch = options->max_batch;
        request.threads = options->threads;
        request.probabilities = options->probabilities;
    }
    return ln_plan_lower(model, &request, plan, error);
}

linnet_status linnet_plan_run(linnet_plan *plan, const float *x, size_t batch, float *y,
                              linnet_error *error)
{
    if (batch > plan->max_batch) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected a batch of at most %zu rows (max_batch), found %zu",
                       plan->max_batch, batch);
    }
    ln_fpenv saved = ln_fpenv_enter();
    ln_plan_forward(plan, x, batch, y);
    ln_fpenv_leave(saved);
    return LINNET_OK;
}

size_t linnet_plan_input_features(const linnet_plan *plan)
{
    return plan->in_features;
}

size_t linnet_plan_output_features(const linnet_plan *plan)
{
    return plan->out_features;
}

int linnet_plan_threads(const linnet_plan *plan)
{
    return ln_pool_threads(plan->pool);
}

const char *linnet_plan_isa(const linnet_plan *plan)
{
    return plan->kernels->name;
}

size_t linnet_plan_size(const linnet_plan *plan)
{
    return sizeof *plan + plan->arena.size;
}
