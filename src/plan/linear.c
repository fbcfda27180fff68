/* linear.c - a Linear in a plan: its three products, and its weights as they are packed.
 *
 * Which elements of the batch belong to which row of the product, what is done to a result while it
 * is hot, and where weights come from and go to; the products themselves are src/kernel/gemm.c's.
 * */
#include <string.h>

#include "base/checked.h"
#include "plan/plan.h"

/* The product's rows are the vectors of all rows of the batch. Where a row holds several, they lie
 * without a gap from row to row. */
static size_t vector_ld(const ln_step *step, size_t row_ld, size_t features)
{
    return step->vectors == 1 ? row_ld : features;
}

static ln_real *packed_weight(const linnet_plan *plan, const ln_step *step)
{
    return ln_arena_at(&plan->arena, step->packed_weight);
}

static const linnet_tensor *parameter(const linnet_plan *plan, size_t i)
{
    return plan->model->parameters[i].tensor;
}

/* ---- products ---- */

typedef struct chain_run {
    const linnet_plan *plan;
    const ln_step *step;
} chain_run;

static void chain_epilogue(void *context, size_t row, size_t first, size_t count, ln_real *y)
{
    const chain_run *run = context;
    size_t vectors = run->step->vectors;
    ln_chain_forward(run->plan, run->step, row / vectors, row % vectors * run->step->out + first,
                     count, y);
}

void ln_linear_step(const linnet_plan *plan, const ln_step *step, size_t batch, const ln_real *x,
                    size_t ldx, ln_real *y)
{
    size_t rows = batch * step->vectors;
    chain_run chain = {plan, step};
    ln_forward product = {.precision = plan->precision,
                          .batch = rows,
                          .in = step->in,
                          .out = step->out,
                          .x = x,
                          .ldx = vector_ld(step, ldx, step->in),
                          .weight = packed_weight(plan, step),
                          .y = y,
                          .ldy = vector_ld(step, step->ld, step->out),
                          .epilogue = step->chain_count > 0 ? chain_epilogue : NULL,
                          .context = &chain,
                          .cache = plan->cache};
    if (step->has_bias) {
        product.bias = plan->training ? parameter(plan, step->bias_parameter)->data
                                      : ln_arena_at(&plan->arena, step->packed_bias);
    }
    ln_narrow_forward(plan, step, &product);
    ln_linear_forward(plan->kernels, ln_plan_pool(plan, rows * step->in * step->out), &product);
}

void ln_linear_step_input_gradient(const linnet_plan *plan, const ln_step *step, size_t batch,
                                   const ln_real *dy, ln_real *dx, ln_epilogue epilogue,
                                   void *context)
{
    size_t rows = batch * step->vectors;
    const ln_step *before = step - 1;
    ln_input_gradient product = {.precision = plan->precision,
                                 .batch = rows,
                                 .in = step->in,
                                 .out = step->out,
                                 .dy = dy,
                                 .lddy = vector_ld(step, step->ld, step->out),
                                 .turned = ln_arena_at(&plan->arena, plan->turned),
                                 .weight = packed_weight(plan, step),
                                 .dx = dx,
                                 .lddx = vector_ld(step, before->ld, step->in),
                                 .epilogue = epilogue,
                                 .context = context};
    ln_narrow_input_gradient(plan, step, &product);
    ln_linear_input_gradient(plan->kernels, ln_plan_pool(plan, rows * step->in * step->out),
                             &product);
}

typedef struct weight_run {
    const linnet_plan *plan;
    const ln_step *step;
    const ln_gradient_sink *sink;
} weight_run;

static void take_weight(void *context, size_t first, size_t count, const ln_real *gradient)
{
    const weight_run *run = context;
    run->sink->take(run->sink->context, run->step->weight_parameter, first, count, gradient);
    ln_narrow_weight(run->plan, run->step, first, count);
}

void ln_linear_step_gradients(const linnet_plan *plan, const ln_step *step, size_t batch,
                              const ln_real *dy, const ln_gradient_sink *sink)
{
    const ln_step *before = step - 1;
    size_t rows = batch * step->vectors;
    size_t lddy = vector_ld(step, step->ld, step->out);
    if (step->has_bias) {
        ln_real *gradient = ln_arena_at(&plan->arena, plan->parameter_gradient);
        ln_sum_columns(plan->kernels, ln_plan_pool(plan, rows * step->out), rows, step->out, dy,
                       lddy, gradient);
        sink->take(sink->context, step->bias_parameter, 0, step->out, gradient);
    }
    weight_run run = {plan, step, sink};
    ln_weight_gradient product = {.precision = plan->precision,
                                  .batch = rows,
                                  .in = step->in,
                                  .out = step->out,
                                  .x = ln_step_input(plan, step),
                                  .ldx = vector_ld(step, before->ld, step->in),
                                  .dy = dy,
                                  .lddy = lddy,
                                  .take = take_weight,
                                  .context = &run};
    ln_narrow_weight_gradient(plan, &product);
    if (sink->streams != NULL) {
        sink->streams(sink->context, step->weight_parameter, product.streams);
    }
    ln_linear_weight_gradient(plan->kernels, ln_plan_pool(plan, rows * step->in * step->out),
                              &product);
}

/* ---- weights ---- */

const ln_step *ln_plan_step_of_weight(const linnet_plan *plan, size_t i)
{
    for (const ln_step *step = plan->steps; step < plan->steps + plan->step_count; step++) {
        if (step->kind == LN_STEP_LINEAR && step->weight_parameter == i) {
            return step;
        }
    }
    return NULL;
}

ln_real *ln_plan_parameter(const linnet_plan *plan, size_t i, size_t *count)
{
    const ln_step *step = ln_plan_step_of_weight(plan, i);
    if (step != NULL) {
        *count = ln_packed_size(plan->kernels, step->in, step->out);
        return packed_weight(plan, step);
    }
    *count = (size_t)linnet_tensor_numel(parameter(plan, i));
    return parameter(plan, i)->data;
}

static void copy(size_t count, const ln_real *from, ln_real *to)
{
    if (count > 0) {
        memcpy(to, from, count * sizeof *to);
    }
}

void ln_plan_to_rows(const linnet_plan *plan, size_t i, const ln_real *array, ln_real *rows)
{
    const ln_step *step = ln_plan_step_of_weight(plan, i);
    if (step != NULL) {
        ln_unpack_weight(plan->kernels, plan->pool, step->in, step->out, array, rows);
    } else {
        copy((size_t)linnet_tensor_numel(parameter(plan, i)), array, rows);
    }
}

void ln_plan_from_rows(const linnet_plan *plan, size_t i, const ln_real *rows, ln_real *array)
{
    const ln_step *step = ln_plan_step_of_weight(plan, i);
    if (step != NULL) {
        ln_pack_weight(plan->kernels, plan->pool, step->in, step->out, rows, (ptrdiff_t)step->in, 1,
                       array);
    } else {
        copy((size_t)linnet_tensor_numel(parameter(plan, i)), rows, array);
    }
}

static void fetch_linear(const linnet_plan *plan, const ln_step *step)
{
    const linnet_tensor *weight = parameter(plan, step->weight_parameter);
    if (plan->training || plan->precision == LN_FULL) {
        ln_plan_from_rows(plan, step->weight_parameter, weight->data, packed_weight(plan, step));
    }
    ln_narrow_fetch(plan, step, weight->data);
    if (step->has_bias && !plan->training) {
        copy(step->out, parameter(plan, step->bias_parameter)->data,
             ln_arena_at(&plan->arena, step->packed_bias));
    }
}

void ln_plan_fetch(const linnet_plan *plan)
{
    for (const ln_step *step = plan->steps; step < plan->steps + plan->step_count; step++) {
        if (step->kind == LN_STEP_LINEAR) {
            fetch_linear(plan, step);
        }
    }
}

void ln_plan_store(const linnet_plan *plan)
{
    for (const ln_step *step = plan->steps; step < plan->steps + plan->step_count; step++) {
        if (step->kind == LN_STEP_LINEAR) {
            ln_plan_to_rows(plan, step->weight_parameter, packed_weight(plan, step),
                            parameter(plan, step->weight_parameter)->data);
        }
    }
}
