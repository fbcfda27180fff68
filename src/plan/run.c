/* run.c - runs a plan: forward, in eval and in training mode. Allocates nothing. */
#include <string.h>

#include "plan/plan.h"

/* A thread is woken for no less than this many multiply-adds. */
#define WORTH_A_THREAD 100000

/* So few rows fit into any set of a cache. */
#define FEW_ROWS 8

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

void ln_chain_forward(const linnet_plan *plan, const ln_step *step, size_t row, size_t column,
                      size_t count, ln_real *y)
{
    for (size_t i = 0; i < step->chain_count; i++) {
        const ln_link *link = &step->chain[i];
        ln_stretch stretch = ln_link_stretch(plan, link, row, column, count);
        LN_MATH_OF(link->module.type)->forward(&stretch, y, y);
    }
}

/* One step of a run. */
typedef struct step_run {
    const linnet_plan *plan;
    const ln_step *step;
    const ln_rows *rows; /* FEED */
    const ln_real *x;
    size_t ldx;
    ln_real *y;
} step_run;

/* A row as the first step's chain takes it. */
static void read_row(const step_run *run, size_t row, ln_real *y)
{
    const linnet_plan *plan = run->plan;
    size_t n = run->step->in;
    if (run->rows->x == NULL) {
        run->rows->read(run->rows->context, row, y);
    } else if (n > 0) {
        memcpy(y, run->rows->x + row * run->rows->ld, n * sizeof *y);
    }
    if (!run->rows->fed && (plan->scaled != 0 || plan->scale != 1)) {
        plan->kernels->scale(n, y, (ln_real)plan->scale, plan->mean, plan->std, y);
    }
}

/* One pass over a row while it is hot: read, scale, and what modules follow. */
static void feed_row(void *context, size_t row)
{
    const step_run *run = context;
    ln_real *y = run->y + row * run->step->ld;
    read_row(run, row, y);
    ln_chain_forward(run->plan, run->step, row, 0, run->step->in, y);
}

static void feed_alone_row(void *context, size_t row)
{
    const step_run *run = context;
    read_row(run, row, run->y + row * run->step->ld);
}

void ln_plan_feed(const linnet_plan *plan, const ln_rows *rows, size_t batch, ln_real *out)
{
    step_run run = {.plan = plan, .step = &plan->steps[0], .rows = rows, .y = out};
    ln_plan_rows(plan, batch, 8 * run.step->in, feed_alone_row, &run);
}

static void chain_row(void *context, size_t row)
{
    const step_run *run = context;
    size_t n = run->step->in;
    ln_real *y = run->y + row * run->step->ld;
    memcpy(y, run->x + row * run->ldx, n * sizeof *y);
    ln_chain_forward(run->plan, run->step, row, 0, n, y);
}

/* Rows that lie as they should already are read where they are. */
static bool needs_feeding(const linnet_plan *plan, const ln_step *step, const ln_rows *rows,
                          size_t batch)
{
    bool same = rows->fed || (plan->scaled == 0 && plan->scale == 1 && !plan->training &&
                              (batch <= FEW_ROWS || !plan->crowded));
    return rows->x == NULL || !same || step->chain_count > 0 || step->output == LN_CALLER;
}

static void run_step(step_run *run, size_t batch)
{
    const ln_step *step = run->step;
    /* exp, division and random bits cost about as much as eight multiply-adds. */
    size_t work = 8 * ln_step_features(step);
    ln_module_run module = {
        .plan = run->plan, .step = step, .batch = batch, .x = run->x, .ldx = run->ldx, .y = run->y};
    ln_plan_draw_step(run->plan, step, batch, run->x, run->ldx);
    switch (step->kind) {
    case LN_STEP_FEED: ln_plan_rows(run->plan, batch, work, feed_row, run); break;
    case LN_STEP_CHAIN: ln_plan_rows(run->plan, batch, work, chain_row, run); break;
    case LN_STEP_ROW: ln_row_forward(&module); break;
    case LN_STEP_BATCH: ln_batch_forward(&module); break;
    case LN_STEP_LINEAR: ln_linear_step(run->plan, step, batch, run->x, run->ldx, run->y); break;
    }
}

const ln_real *ln_plan_forward(linnet_plan *plan, const ln_rows *rows, size_t batch, ln_real *y,
                               size_t *ld)
{
    step_run run = {.plan = plan, .rows = rows, .x = rows->x, .ldx = rows->ld};
    if (plan->training) {
        ln_plan_spread(plan);
    }
    bool feeds = needs_feeding(plan, &plan->steps[0], rows, batch);
    plan->fed = feeds ? NULL : rows->x;
    for (size_t i = feeds ? 0 : 1; i < plan->step_count; i++) {
        run.step = &plan->steps[i];
        run.y = run.step->output == LN_CALLER ? y : ln_step_output(plan, run.step);
        run_step(&run, batch);
        run.x = run.y;
        run.ldx = run.step->ld;
    }
    *ld = run.ldx;
    return run.x;
}

/* ---- what is asked without knowing ln_real ---- */

static void run_any(linnet_plan *plan, const void *x, size_t batch, void *y)
{
    ln_rows rows = {.x = x, .ld = plan->in_features};
    size_t ld;
    ln_plan_forward(plan, &rows, batch, y, &ld);
}

static void *parameter_any(const linnet_plan *plan, size_t parameter, size_t *count)
{
    return ln_plan_parameter(plan, parameter, count);
}

static void to_rows_any(const linnet_plan *plan, size_t parameter, const void *array, void *rows)
{
    ln_plan_to_rows(plan, parameter, array, rows);
}

static void from_rows_any(const linnet_plan *plan, size_t parameter, const void *rows, void *array)
{
    ln_plan_from_rows(plan, parameter, rows, array);
}

extern const ln_plan_engine LN_REAL_NAME(ln_plan_engine);
const ln_plan_engine LN_REAL_NAME(ln_plan_engine) = {
    .lower = ln_plan_lower,
    .measure = ln_plan_measure,
    .run = run_any,
    .parameter = parameter_any,
    .to_rows = to_rows_any,
    .from_rows = from_rows_any,
    .fetch = ln_plan_fetch,
    .store = ln_plan_store,
    .forget_statistics = ln_plan_forget_statistics,
};
