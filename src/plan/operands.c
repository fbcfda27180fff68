/* operands.c - what a Linear's products read in bfloat16: activations, gradients and weights.
 *
 * Rounding and pairing, in parallel over the rows; the layouts are those of kernel/kernel.h.
 * Nothing here is compiled in double. */
#include "base/checked.h"
#include "plan/plan.h"

/* A matrix that becomes an operand: in pairs of columns, or in pairs of rows. Rows of words lie *ld
 * apart. */
typedef struct matrix {
    const float *x;
    size_t rows, columns, ld;
} matrix;

typedef struct pairing {
    const linnet_plan *plan;
    const matrix *from;
    uint32_t *words;
    size_t ld;
} pairing;

size_t ln_operand_size(size_t rows, size_t columns)
{
    size_t by_column = ln_saturated_mul(rows, ln_leading(ln_ceil_div(columns, 2)));
    size_t by_row = ln_saturated_mul(ln_ceil_div(rows, 2), ln_leading(columns));
    return by_column > by_row ? by_column : by_row;
}

static void pair_columns_of(void *context, size_t row)
{
    const pairing *p = context;
    p->plan->kernels->bf16_words(p->from->columns, p->from->x + row * p->from->ld,
                                 p->words + row * p->ld);
}

static const uint32_t *pair_columns(const linnet_plan *plan, const matrix *from, uint32_t *words,
                                    size_t *ld)
{
    *ld = ln_leading(ln_ceil_div(from->columns, 2));
    pairing p = {plan, from, words, *ld};
    ln_plan_rows(plan, from->rows, from->columns, pair_columns_of, &p);
    return words;
}

static void pair_rows_of(void *context, size_t pair)
{
    const pairing *p = context;
    const float *first = p->from->x + 2 * pair * p->from->ld;
    bool whole = 2 * pair + 1 < p->from->rows;
    p->plan->kernels->bf16_pairs(p->from->columns, first, whole ? first + p->from->ld : NULL,
                                 p->words + pair * p->ld);
}

static const uint32_t *pair_rows(const linnet_plan *plan, const matrix *from, uint32_t *words,
                                 size_t *ld)
{
    *ld = ln_leading(from->columns);
    pairing p = {plan, from, words, *ld};
    ln_plan_rows(plan, ln_ceil_div(from->rows, 2), 2 * from->columns, pair_rows_of, &p);
    return words;
}

/* ---- the operands of a step's products ---- */

static uint32_t *by_input(const linnet_plan *plan, const ln_step *step)
{
    return ln_arena_at(&plan->arena, step->by_input);
}

/* The input gradient's weights, which eval has none of. */
static uint32_t *by_output(const linnet_plan *plan, const ln_step *step)
{
    return plan->training ? ln_arena_at(&plan->arena, step->by_output) : NULL;
}

void ln_narrow_forward(const linnet_plan *plan, const ln_step *step, ln_forward *product)
{
    if (plan->precision != LN_FULL) {
        product->weight = by_input(plan, step);
    }
    if (plan->precision == LN_BFLOAT16) {
        matrix x = {product->x, product->batch, step->in, product->ldx};
        product->x =
            pair_columns(plan, &x, ln_arena_at(&plan->arena, plan->x_words), &product->ldx);
    }
}

void ln_narrow_input_gradient(const linnet_plan *plan, const ln_step *step,
                              ln_input_gradient *product)
{
    if (plan->precision == LN_BFLOAT16) {
        matrix dy = {product->dy, product->batch, step->out, product->lddy};
        product->weight = by_output(plan, step);
        product->dy =
            pair_columns(plan, &dy, ln_arena_at(&plan->arena, plan->dy_words), &product->lddy);
    }
}

void ln_narrow_weight_gradient(const linnet_plan *plan, ln_weight_gradient *product)
{
    if (plan->precision == LN_BFLOAT16) {
        matrix x = {product->x, product->batch, product->in, product->ldx};
        matrix dy = {product->dy, product->batch, product->out, product->lddy};
        product->x = pair_rows(plan, &x, ln_arena_at(&plan->arena, plan->x_words), &product->ldx);
        product->dy =
            pair_rows(plan, &dy, ln_arena_at(&plan->arena, plan->dy_words), &product->lddy);
    }
}

void ln_narrow_weight(const linnet_plan *plan, const ln_step *step, size_t first, size_t count)
{
    if (plan->precision == LN_BFLOAT16) {
        ln_pair_weight(plan->kernels, step->in, ln_arena_at(&plan->arena, step->packed_weight),
                       first, count, by_input(plan, step), by_output(plan, step));
    }
}

/* In eval by way of a panel at a time: nothing else of the weights is kept. */
static void fetch_panels(const linnet_plan *plan, const ln_step *step, const float *weight)
{
    size_t width = plan->kernels->tile_columns, pairs = ln_ceil_div(step->in, 2);
    float *panel = ln_arena_at(&plan->arena, plan->panel);
    for (size_t out = 0; out < step->out; out += width) {
        ln_pack_weight(plan->kernels, NULL, step->in, ln_min_size(step->out - out, width),
                       weight + out * step->in, (ptrdiff_t)step->in, 1, panel);
        ln_pair_weight(plan->kernels, step->in, panel, 0, step->in * width,
                       by_input(plan, step) + out * pairs, NULL);
    }
}

/* What is read of a Linear that is trained. */
static void pair_whole(const linnet_plan *plan, const ln_step *step)
{
    size_t width = plan->kernels->tile_columns;
    for (size_t out = 0; plan->training && out < step->out; out += width) {
        ln_narrow_weight(plan, step, out * step->in, step->in * width);
    }
}

void ln_plan_weights_changed(const linnet_plan *plan)
{
    for (const ln_step *step = plan->steps; step < plan->steps + plan->step_count; step++) {
        if (step->kind == LN_STEP_LINEAR) {
            pair_whole(plan, step);
        }
    }
}

void ln_narrow_fetch(const linnet_plan *plan, const ln_step *step, const float *weight)
{
    if (!plan->training && plan->precision != LN_FULL) {
        fetch_panels(plan, step, weight);
    }
    pair_whole(plan, step);
}
