/* run.c - runs a plan: forward, in eval and in training mode. Allocates nothing. */
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/fpenv.h"
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

/* One pass over a row while it is hot: read, scale, and what modules follow. */
static void feed_row(void *context, size_t row)
{
    const step_run *run = context;
    const ln_scaling *s = &run->plan->scaling;
    size_t n = run->step->in;
    ln_real *y = run->y + row * run->step->ld;
    if (run->rows->x == NULL) {
        run->rows->read(run->rows->context, row, y);
    } else if (n > 0) {
        memcpy(y, run->rows->x + row * run->rows->ld, n * sizeof *y);
    }
    if (s->features != 0 || s->scale != 1) {
        run->plan->kernels->scale(n, y, s->scale, s->mean, s->std, y);
    }
    ln_chain_forward(run->plan, run->step, row, 0, n, y);
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
    return plan->training || rows->x == NULL || plan->scaling.features != 0 ||
           plan->scaling.scale != 1 || step->chain_count > 0 || step->output == LN_CALLER ||
           (batch > FEW_ROWS && plan->crowded);
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
    for (size_t i = 0; i < plan->step_count; i++) {
        run.step = &plan->steps[i];
        if (i == 0 && !needs_feeding(plan, run.step, rows, batch)) {
            continue;
        }
        run.y = run.step->output == LN_CALLER ? y : ln_step_output(plan, run.step);
        run_step(&run, batch);
        run.x = run.y;
        run.ldx = run.step->ld;
    }
    *ld = run.ldx;
    return run.x;
}

/* ---- public ---- */

linnet_status ln_plan_precision(linnet_precision asked, bool training, ln_precision *precision,
                                linnet_error *error)
{
    static const ln_precision known[] = {[LINNET_PRECISION_FLOAT32] = LN_FULL,
                                         [LINNET_PRECISION_BF16] = LN_BFLOAT16,
                                         [LINNET_PRECISION_BF16_WEIGHTS] = LN_BFLOAT16_WEIGHTS};
    if ((size_t)asked >= sizeof known / sizeof *known) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT, "expected a precision, found the value %d",
                       (int)asked);
    }
    if (training && known[asked] == LN_BFLOAT16_WEIGHTS) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "weights kept as bfloat16 cannot be trained: expected float32 or bf16");
    }
    *precision = known[asked];
    return LINNET_OK;
}

static linnet_status request_of(const linnet_plan_options *options, ln_plan_request *request,
                                linnet_error *error)
{
    *request = (ln_plan_request){.max_batch = 1};
    if (options == NULL) {
        return LINNET_OK;
    }
    request->max_batch = options->max_batch;
    request->threads = options->threads;
    request->probabilities = options->probabilities;
    return ln_plan_precision(options->precision, false, &request->precision, error);
}

linnet_status linnet_plan_create(const linnet_model *model, const linnet_plan_options *options,
                                 linnet_plan **plan, linnet_error *error)
{
    ln_plan_request request;
    linnet_status status = request_of(options, &request, error);
    *plan = NULL;
    return status == LINNET_OK ? ln_plan_lower(model, &request, plan, error) : status;
}

linnet_status linnet_plan_memory(const linnet_model *model, const linnet_plan_options *options,
                                 size_t *bytes, linnet_error *error)
{
    ln_plan_request request;
    linnet_status status = request_of(options, &request, error);
    *bytes = 0;
    return status == LINNET_OK ? ln_plan_measure(model, &request, bytes, error) : status;
}

linnet_status ln_plan_check_batch(const linnet_plan *plan, size_t batch, linnet_error *error)
{
    if (batch > plan->max_batch) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected a batch of at most %zu rows (max_batch), found %zu",
                       plan->max_batch, batch);
    }
    if (batch > 0 && batch < plan->least_batch) {
        char text[128];
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "Expected more than 1 value per channel when training, got input size "
                       "torch.Size(%s)",
                       ln_shape_text(&plan->least_shape, text, sizeof text));
    }
    return LINNET_OK;
}

linnet_status ln_plan_check_batches(const linnet_plan *plan, size_t rows, size_t batch,
                                    linnet_error *error)
{
    size_t last = batch > 0 ? rows % batch : 0;
    linnet_error why = {.status = LINNET_OK};
    linnet_status status = rows >= batch ? ln_plan_check_batch(plan, batch, &why) : LINNET_OK;
    if (status == LINNET_OK) {
        status = ln_plan_check_batch(plan, last, &why);
    }
    return status == LINNET_OK
               ? LINNET_OK
               : ln_fail(error, status, "%s (%zu rows in batches of %zu: the last one has %zu)",
                         why.message, rows, batch, last > 0 ? last : batch);
}

linnet_status linnet_plan_run(linnet_plan *plan, const ln_real *x, size_t batch, ln_real *y,
                              linnet_error *error)
{
    linnet_status status = ln_plan_check_batch(plan, batch, error);
    if (status != LINNET_OK) {
        return status;
    }
    ln_rows rows = {.x = x, .ld = plan->in_features};
    size_t ld;
    ln_fpenv saved = ln_fpenv_enter();
    ln_plan_forward(plan, &rows, batch, y, &ld);
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
    return ln_saturated_add(sizeof *plan, plan->arena.size);
}
