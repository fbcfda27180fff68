/* gemm.c - the loop nest of the matrix product, shared by all kernel sets and by forward and both
 * gradients.
 *
 * C is cut into tasks (rows x columns); a task finishes its part of C alone, so the order of every
 * sum is the contract's and never depends on the threads. The sets supply the tile and nothing
 * else. */
#include <string.h>

#include "base/checked.h"
#include "kernel/kernel.h"
#include "kernel/tree.h"

/* A task's columns: a multiple of the epilogue's alignment and of every set's tile. Its rows: as
 * many as keep a block of A in the second-level cache. */
#define TASK_COLUMNS 128
#define TASK_ROWS 192

typedef struct grid {
    const ln_kernels *kernels;
    const ln_product *product;
    size_t row_parts, column_parts, columns; /* columns: of one part */
} grid;

/* A task's part of C. */
typedef struct part {
    size_t row, rows, column, columns;
} part;

/* Part i of `count` even parts of `total`: where it begins. */
static size_t even_part(size_t total, size_t count, size_t i)
{
    return total / count * i + ln_min_size(i, total % count);
}

static void init_rows(const ln_product *p, const part *t)
{
    for (size_t r = t->row; r < t->row + t->rows; r++) {
        float *c = p->c + r * p->n + t->column;
        if (p->bias != NULL) {
            memcpy(c, p->bias + t->column, t->columns * sizeof *c);
        } else {
            memset(c, 0, t->columns * sizeof *c);
        }
    }
}

/* One tile of C += block of A times block of B; past the last column it goes through a spare tile.
 */
static void add_tile(const ln_kernels *kernels, size_t rows, size_t columns, size_t k,
                     const float *a, const float *b, float *c, size_t ldc)
{
    size_t width = kernels->tile_columns;
    if (columns == width) {
        kernels->tile(rows, k, a, k, b, c, ldc, true);
        return;
    }
    _Alignas(64) float spare[LN_MAX_TILE_ROWS * LN_MAX_TILE_COLUMNS];
    kernels->tile(rows, k, a, k, b, spare, width, false);
    for (size_t r = 0; r < rows; r++) {
        kernels->add(columns, spare + r * width, c + r * ldc);
    }
}

/* Rule 1: block after block of the summed index is added to C, which begins as the bias. */
static void multiply_features(const ln_kernels *kernels, const ln_product *p, const part *t)
{
    size_t width = kernels->tile_columns;
    size_t row_blocks = ln_ceil_div(t->rows, kernels->tile_rows);
    init_rows(p, t);
    for (size_t block = 0; block < p->k; block += LN_FEATURE_BLOCK) {
        size_t k = ln_min_size(p->k - block, LN_FEATURE_BLOCK);
        for (size_t j = 0; j < t->columns; j += width) {
            const float *b = p->b + (t->column + j) * p->k + block * width;
            size_t columns = ln_min_size(t->columns - j, width);
            for (size_t i = 0; i < row_blocks; i++) {
                size_t first = t->row + even_part(t->rows, row_blocks, i);
                size_t rows = t->row + even_part(t->rows, row_blocks, i + 1) - first;
                add_tile(kernels, rows, columns, k, p->a + block * p->m + first * k, b,
                         p->c + first * p->n + t->column + j, p->n);
            }
        }
    }
}

/* Rule 2: each leaf of 64 rows is a tile of its own; tiles are added as a balanced tree. */
static void multiply_batch(const ln_kernels *kernels, const ln_product *p, const part *t)
{
    _Alignas(64) float level[LN_TREE_LEVELS * LN_MAX_TILE_ROWS * LN_MAX_TILE_COLUMNS];
    size_t width = kernels->tile_columns;
    size_t row_blocks = ln_ceil_div(t->rows, kernels->tile_rows);
    for (size_t j = 0; j < t->columns; j += width) {
        const float *b = p->b + (t->column + j) * p->k;
        size_t columns = ln_min_size(t->columns - j, width);
        for (size_t i = 0; i < row_blocks; i++) {
            size_t first = t->row + even_part(t->rows, row_blocks, i);
            size_t rows = t->row + even_part(t->rows, row_blocks, i + 1) - first;
            ln_tree tree = {.kernels = kernels, .width = rows * width, .level = level};
            for (size_t leaf = 0; leaf < p->k; leaf += LN_BATCH_LEAF) {
                size_t k = ln_min_size(p->k - leaf, LN_BATCH_LEAF);
                kernels->tile(rows, k, p->a + leaf * p->m + first * k, k, b + leaf * width,
                              ln_tree_next(&tree), width, false);
                ln_tree_push(&tree);
            }
            const float *sum = ln_tree_sum(&tree);
            for (size_t r = 0; r < rows; r++) {
                memcpy(p->c + (first + r) * p->n + t->column + j, sum + r * width,
                       columns * sizeof *sum);
            }
        }
    }
}

static void run_part(void *context, size_t index)
{
    const grid *g = context;
    const ln_product *p = g->product;
    part t;
    t.row = even_part(p->m, g->row_parts, index % g->row_parts);
    t.rows = even_part(p->m, g->row_parts, index % g->row_parts + 1) - t.row;
    t.column = index / g->row_parts * g->columns;
    t.columns = ln_min_size(p->n - t.column, g->columns);
    if (p->sum == LN_SUM_FEATURES) {
        multiply_features(g->kernels, p, &t);
    } else {
        multiply_batch(g->kernels, p, &t);
    }
    if (p->epilogue != NULL) {
        for (size_t r = t.row; r < t.row + t.rows; r++) {
            p->epilogue(p->context, r, t.column, t.columns, p->c + r * p->n + t.column);
        }
    }
}

void ln_multiply(const ln_kernels *kernels, ln_pool *pool, const ln_product *product)
{
    if (product->m == 0 || product->n == 0) {
        return;
    }
    grid g = {kernels, product, 1, 1, TASK_COLUMNS};
    size_t threads = (size_t)ln_pool_threads(pool);
    /* A few tasks a thread, so that a thread that is held up does not hold up the others. */
    size_t wanted = threads > 1 ? 4 * threads : 1;
    if (ln_ceil_div(product->n, g.columns) < wanted) {
        g.columns = LN_EPILOGUE_ALIGNMENT;
    }
    g.column_parts = ln_ceil_div(product->n, g.columns);
    g.row_parts = ln_ceil_div(product->m, TASK_ROWS);
    size_t tiles = ln_ceil_div(product->m, kernels->tile_rows);
    while (g.row_parts * g.column_parts < wanted && g.row_parts < tiles) {
        g.row_parts++;
    }
    ln_parallel(pool, g.row_parts * g.column_parts, run_part, &g);
}

/* ---- sums of columns ---- */

#define SUM_COLUMNS 256

typedef struct column_job {
    const ln_kernels *kernels;
    size_t rows, n;
    const float *x;
    float *out;
} column_job;

static void sum_part(void *context, size_t index)
{
    const column_job *job = context;
    _Alignas(64) float level[LN_TREE_LEVELS * SUM_COLUMNS];
    size_t first = index * SUM_COLUMNS;
    size_t columns = ln_min_size(job->n - first, SUM_COLUMNS);
    ln_tree tree = {.kernels = job->kernels, .width = columns, .level = level};
    for (size_t leaf = 0; leaf < job->rows; leaf += LN_BATCH_LEAF) {
        size_t rows = ln_min_size(job->rows - leaf, LN_BATCH_LEAF);
        float *sum = ln_tree_next(&tree);
        memset(sum, 0, columns * sizeof *sum);
        for (size_t r = 0; r < rows; r++) {
            job->kernels->add(columns, job->x + (leaf + r) * job->n + first, sum);
        }
        ln_tree_push(&tree);
    }
    memcpy(job->out + first, ln_tree_sum(&tree), columns * sizeof *job->out);
}

void ln_sum_columns(const ln_kernels *kernels, ln_pool *pool, size_t rows, size_t n, const float *x,
                    float *out)
{
    column_job job = {kernels, rows, n, x, out};
    ln_parallel(pool, ln_ceil_div(n, SUM_COLUMNS), sum_part, &job);
}
