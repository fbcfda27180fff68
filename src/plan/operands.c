/* operands.c - activations and gradients as operands of products in bfloat16.
 *
 * Rounding and pairing, in parallel over the rows; the layouts are those of kernel/kernel.h. */
#include "base/checked.h"
#include "plan/plan.h"

typedef struct pairing {
    const linnet_plan *plan;
    const ln_matrix *matrix;
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
    p->plan->kernels->bf16_words(p->matrix->columns, p->matrix->x + row * p->matrix->ld,
                                 p->words + row * p->ld);
}

const uint32_t *ln_pair_columns(const linnet_plan *plan, const ln_matrix *matrix, uint32_t *words,
                                size_t *ld)
{
    *ld = ln_leading(ln_ceil_div(matrix->columns, 2));
    pairing p = {plan, matrix, words, *ld};
    ln_plan_rows(plan, matrix->rows, matrix->columns, pair_columns_of, &p);
    return words;
}

static void pair_rows_of(void *context, size_t pair)
{
    const pairing *p = context;
    const ln_real *first = p->matrix->x + 2 * pair * p->matrix->ld;
    bool whole = 2 * pair + 1 < p->matrix->rows;
    p->plan->kernels->bf16_pairs(p->matrix->columns, first, whole ? first + p->matrix->ld : NULL,
                                 p->words + pair * p->ld);
}

const uint32_t *ln_pair_rows(const linnet_plan *plan, const ln_matrix *matrix, uint32_t *words,
                             size_t *ld)
{
    *ld = ln_leading(matrix->columns);
    pairing p = {plan, matrix, words, *ld};
    ln_plan_rows(plan, ln_ceil_div(matrix->rows, 2), 2 * matrix->columns, pair_rows_of, &p);
    return words;
}
