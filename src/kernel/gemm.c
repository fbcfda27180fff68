/* gemm.c - the loop nests of a Linear's three products, shared by all kernel sets.
 *
 * A product is cut into tasks; a task finishes its part of the result alone, so the order of every
 * sum is the contract's and never depends on the threads. The sets supply the tiles and nothing
 * else. */
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "kernel/kernel.h"
#include "kernel/tree.h"

/* A task's features: a multiple of the epilogue's alignment and of every set's tile. Its rows of
 * the batch: as many as keep a block of them in the second-level cache. */
#define TASK_FEATURES 128
#define TASK_ROWS 192
#define TURNED_ROWS 128 /* of the input's gradient */

#define USUAL_CACHE ((size_t)1 << 20)

/* So many rows make reading a panel from memory worth it. */
#define ENOUGH_ROWS 48

/* Words that `n` neighbours of the summed index take in an operand. */
static size_t words_of(bool pairs, size_t n)
{
    return pairs ? ln_ceil_div(n, 2) : n;
}

static const void *behind(const void *words, size_t count)
{
    return (const char *)words + count * sizeof(ln_real);
}

/* How a product is cut: `parts` of its rows times parts of its features. */
typedef struct grid {
    const ln_kernels *kernels;
    const void *product;
    size_t row_parts, feature_parts, features; /* features: of one part */
} grid;

/* A task's part. */
typedef struct part {
    size_t row, rows, feature, features;
} part;

/* Part i of `count` even parts of `total`: where it begins. */
static size_t even_part(size_t total, size_t count, size_t i)
{
    return total / count * i + ln_min_size(i, total % count);
}

static part task_part(const grid *g, size_t rows, size_t features, size_t index)
{
    part t;
    t.row = even_part(rows, g->row_parts, index % g->row_parts);
    t.rows = even_part(rows, g->row_parts, index % g->row_parts + 1) - t.row;
    t.feature = index / g->row_parts * g->features;
    t.features = ln_min_size(features - t.feature, g->features);
    return t;
}

/* A part has at most `most` rows; cutting finer than `grain` would gain nothing. */
static grid cut(const ln_kernels *kernels, const ln_pool *pool, const void *product, size_t rows,
                size_t most, size_t grain, size_t features)
{
    grid g = {kernels, product, 1, 1, TASK_FEATURES};
    size_t threads = (size_t)ln_pool_threads(pool);
    /* A few tasks a thread, so that a thread that is held up does not hold up the others. */
    size_t wanted = threads > 1 ? 4 * threads : 1;
    if (ln_ceil_div(features, g.features) < wanted) {
        g.features = LN_EPILOGUE_ALIGNMENT;
    }
    g.feature_parts = ln_ceil_div(features, g.features);
    g.row_parts = ln_ceil_div(rows, most);
    size_t grains = ln_ceil_div(rows, grain);
    while (g.row_parts * g.feature_parts < wanted && g.row_parts < grains) {
        g.row_parts++;
    }
    return g;
}

static void run(ln_pool *pool, const grid *g, ln_task task)
{
    ln_parallel(pool, g->row_parts * g->feature_parts, task, (void *)g);
}

/* ---- forward ---- */

static void begin_with_bias(const ln_forward *p, const part *t)
{
    for (size_t r = t->row; r < t->row + t->rows; r++) {
        ln_real *y = p->y + r * p->ldy + t->feature;
        if (p->bias != NULL) {
            memcpy(y, p->bias + t->feature, t->features * sizeof *y);
        } else {
            memset(y, 0, t->features * sizeof *y);
        }
    }
}

/* Where a tile fetches for itself: so many steps before they are used. */
#define STEPS_AHEAD 64

/* What tile i of `count`, which share a block of a panel, fetches of that panel. A tile alone: what
 * it will need itself. Of several, the first ones fetch the next block, each an even part of it and
 * a line or less a step: memory is asked steadily and long before the need. (The head at batch 64,
 * of the FMA peak: AVX2 90.4 % where each tile fetched for itself 84.0, AVX-512 93.4 % where the
 * first two fetched a line a step 91.) */
static ln_fetch fetch_ahead(size_t width, size_t steps, const void *panel, size_t i, size_t count)
{
    size_t words = STEPS_AHEAD * width, pace = width;
    if (count > 1 && count * LN_LINE_WORDS >= width) {
        size_t parts = ln_ceil_div(width, LN_LINE_WORDS);
        while (2 * parts <= count && parts < width) {
            parts *= 2;
        }
        pace = width / parts;
        words = i < parts ? steps * (width + i * pace) : 0;
    }
    return (ln_fetch){(uintptr_t)panel + words * sizeof(ln_real), pace};
}

/* One tile of Y += block of X times block of a panel; past the last column it goes through a spare
 * tile. */
static void add_tile(const ln_kernels *kernels, const ln_forward *p, size_t rows, size_t columns,
                     size_t k, const void *x, const void *panel, ln_fetch ahead, ln_real *y)
{
    size_t width = kernels->tile_columns;
    const ln_tiles *tiles = kernels->tiles[p->precision];
    if (columns == width) {
        tiles->forward(rows, k, x, p->ldx, panel, y, p->ldy, true, ahead);
        return;
    }
    _Alignas(LN_ALIGNMENT) ln_real spare[LN_MAX_TILE_ROWS * LN_MAX_TILE_COLUMNS];
    tiles->forward(rows, k, x, p->ldx, panel, spare, width, false, ahead);
    for (size_t r = 0; r < rows; r++) {
        kernels->add(columns, spare + r * width, y + r * p->ldy);
    }
}

/* Words of a task's rows that the second-level cache keeps beside the panels that pass by: half of
 * it. */
static size_t cached_words(const ln_forward *p)
{
    return (p->cache > 0 ? p->cache : USUAL_CACHE) / 2 / sizeof(ln_real);
}

/* All rows of the task, a block of the summed index, and the panel at `column`, or two: returns how
 * many columns that were. */
static size_t forward_block(const ln_kernels *kernels, const ln_forward *p, const part *t,
                            size_t column, size_t block)
{
    bool x_pairs = p->precision == LN_BFLOAT16, w_pairs = p->precision != LN_FULL;
    size_t width = kernels->tile_columns;
    size_t k = ln_min_size(p->in - block, LN_FEATURE_BLOCK);
    size_t columns = ln_min_size(p->out - column, width);
    size_t panel_words = words_of(w_pairs, p->in) * width;
    const void *panel =
        behind(p->weight, column / width * panel_words + words_of(w_pairs, block) * width);
    const void *x = behind(p->x, t->row * p->ldx + words_of(x_pairs, block));
    ln_real *y = p->y + t->row * p->ldy + column;
    const ln_tiles *tiles = kernels->tiles[p->precision];
    if (t->rows == 1 && tiles->forward_two != NULL &&
        column + 2 * width <= t->feature + t->features) {
        tiles->forward_two(k, x, panel, panel_words, y);
        return 2 * width;
    }
    size_t count = ln_ceil_div(t->rows, kernels->tile_rows);
    for (size_t i = 0; i < count; i++) {
        size_t first = even_part(t->rows, count, i);
        size_t rows = even_part(t->rows, count, i + 1) - first;
        ln_fetch ahead = fetch_ahead(width, words_of(w_pairs, k), panel, i, count);
        add_tile(kernels, p, rows, columns, k, behind(x, first * p->ldx), panel, ahead,
                 y + first * p->ldy);
    }
    return width;
}

/* Rule 1: block after block of the summed index is added to Y, which begins as the bias. A panel is
 * finished before the next one begins, so that weights are read in the order in which they lie;
 * where the rows are too many for that, a block of them is kept in the cache instead. */
static void forward_task(void *context, size_t index)
{
    const grid *g = context;
    const ln_forward *p = g->product;
    part t = task_part(g, p->batch, p->out, index);
    begin_with_bias(p, &t);
    bool cached = t.rows * p->in <= cached_words(p);
    size_t stride = cached ? p->in : LN_FEATURE_BLOCK;
    for (size_t group = 0; group < p->in; group += stride) {
        size_t end = ln_min_size(p->in, group + stride), columns = 0;
        for (size_t column = t.feature; column < t.feature + t.features; column += columns) {
            for (size_t block = group; block < end; block += LN_FEATURE_BLOCK) {
                columns = forward_block(g->kernels, p, &t, column, block);
            }
        }
    }
    if (p->epilogue != NULL) {
        for (size_t r = t.row; r < t.row + t.rows; r++) {
            p->epilogue(p->context, r, t.feature, t.features, p->y + r * p->ldy + t.feature);
        }
    }
}

void ln_linear_forward(const ln_kernels *kernels, ln_pool *pool, const ln_forward *product)
{
    if (product->batch > 0 && product->out > 0) {
        size_t cached = product->in > 0 ? cached_words(product) / product->in : TASK_ROWS;
        size_t most = cached < ENOUGH_ROWS ? TASK_ROWS : ln_min_size(cached, TASK_ROWS);
        grid g =
            cut(kernels, pool, product, product->batch, most, kernels->tile_rows, product->out);
        run(pool, &g, forward_task);
    }
}

/* ---- the input's gradient ---- */

/* Lanes lie over the batch here, in groups of a tile's columns: a task's rows are whole groups.
 * Its sums, with the batch innermost: (groups, features, tile_columns). */
typedef struct turned_sums {
    _Alignas(LN_ALIGNMENT) ln_real sum[TURNED_ROWS * TASK_FEATURES];
} turned_sums;

static void turn_back(const ln_kernels *kernels, const ln_input_gradient *p, const part *t,
                      const turned_sums *sums)
{
    size_t width = kernels->tile_columns;
    for (size_t r = 0; r < t->rows; r += width) {
        ln_transpose(ln_min_size(t->rows - r, width), t->features, sums->sum + r * t->features,
                     width, p->dx + (t->row + r) * p->lddx + t->feature, p->lddx);
    }
    for (size_t r = t->row; p->epilogue != NULL && r < t->row + t->rows; r++) {
        p->epilogue(p->context, r, t->feature, t->features, p->dx + r * p->lddx + t->feature);
    }
}

/* Rule 1 over the outputs. A tile's weights stay in the first-level cache while the groups of the
 * batch pass by. */
static void input_gradient_task(void *context, size_t index)
{
    const grid *g = context;
    const ln_input_gradient *p = g->product;
    const ln_kernels *kernels = g->kernels;
    size_t width = kernels->tile_columns;
    part t = task_part(g, ln_ceil_div(p->batch, width), p->in, index);
    size_t groups = t.rows;
    turned_sums sums;
    memset(sums.sum, 0, groups * width * t.features * sizeof *sums.sum);
    bool pairs = p->precision == LN_BFLOAT16;
    const ln_tiles *set = kernels->tiles[p->precision];
    size_t tiles = ln_ceil_div(t.features, kernels->tile_rows);
    size_t out_words = words_of(pairs, p->out), width_words = words_of(pairs, width);
    for (size_t block = 0; block < p->out; block += LN_FEATURE_BLOCK) {
        size_t k = ln_min_size(p->out - block, LN_FEATURE_BLOCK);
        size_t block_words = words_of(pairs, block);
        for (size_t i = 0; i < tiles; i++) {
            size_t first = even_part(t.features, tiles, i);
            size_t rows = even_part(t.features, tiles, i + 1) - first;
            const void *weight =
                behind(p->weight, block_words * p->in + (t.feature + first) * width_words);
            for (size_t j = 0; j < groups; j++) {
                set->input_gradient(
                    rows, k, weight, p->in * width_words,
                    behind(p->turned, (t.row + j) * width * out_words + block_words * width),
                    sums.sum + (j * t.features + first) * width);
            }
        }
    }
    t.row *= width;
    t.rows = ln_min_size(p->batch - t.row, t.rows * width);
    turn_back(kernels, p, &t, &sums);
}

size_t ln_turned_size(const ln_kernels *kernels, size_t batch, size_t out)
{
    return ln_packed_size(kernels, out, batch);
}

void ln_linear_input_gradient(const ln_kernels *kernels, ln_pool *pool,
                              const ln_input_gradient *product)
{
    if (product->batch == 0 || product->in == 0) {
        return;
    }
    size_t width = kernels->tile_columns;
    /* dY as if it were weights from `out` features to `batch` outputs. */
    ln_pack_weight(kernels, pool, words_of(product->precision == LN_BFLOAT16, product->out),
                   product->batch, product->dy, (ptrdiff_t)product->lddy, 1, product->turned);
    grid g = cut(kernels, pool, product, ln_ceil_div(product->batch, width), TURNED_ROWS / width, 1,
                 product->in);
    run(pool, &g, input_gradient_task);
}

/* ---- the weight's gradient ---- */

/* One leaf of dY's panel, with zeros past the last output. */
typedef struct narrow_panel {
    _Alignas(LN_ALIGNMENT) ln_real leaf[LN_BATCH_LEAF * LN_MAX_TILE_COLUMNS];
} narrow_panel;

/* A few tiles of one panel, which run leaf by leaf: dY's leaf stays in the first-level cache, X's
 * lines are used whole, and the result is taken in one go. (A step of SGD with momentum on the head,
 * of the FMA peak, in turns with single tiles: batch 64 83 % instead of 79, 256 86 of 84.5, 1024
 * 85.5 of 84.) */
typedef struct gradient_block {
    size_t column, columns, feature, rows; /* rows: features of it */
} gradient_block;

#define BLOCK_TILES 4

/* A leaf's chains, into `sum` or added to it. */
static void run_leaf(const ln_kernels *kernels, const ln_weight_gradient *p,
                     const gradient_block *block, size_t leaf, ln_real *sum, bool add)
{
    bool pairs = p->precision == LN_BFLOAT16;
    size_t width = kernels->tile_columns;
    size_t k = ln_min_size(p->batch - leaf, LN_BATCH_LEAF), words = words_of(pairs, k);
    const void *dy = behind(p->dy, words_of(pairs, leaf) * p->lddy + block->column);
    size_t lddy = p->lddy;
    narrow_panel narrow;
    if (block->columns < width) {
        memset(narrow.leaf, 0, words * width * sizeof *narrow.leaf);
        for (size_t i = 0; i < words; i++) {
            memcpy(narrow.leaf + i * width, behind(dy, i * lddy),
                   block->columns * sizeof *narrow.leaf);
        }
        dy = narrow.leaf;
        lddy = width;
    }
    size_t halves = ln_ceil_div(block->rows, 2);
    size_t tiles = ln_ceil_div(halves, kernels->tile_rows / 2);
    for (size_t i = 0; i < tiles; i++) {
        size_t first = 2 * even_part(halves, tiles, i);
        size_t rows = ln_min_size(2 * even_part(halves, tiles, i + 1), block->rows) - first;
        size_t feature = block->feature + first;
        ln_real *c = sum + first * width;
        const ln_real *streams[LN_TILE_STREAMS];
        for (size_t s = 0; s < LN_TILE_STREAMS; s++) {
            const ln_real *base = p->streams[s] != NULL ? p->streams[s] : p->streams[0];
            streams[s] = base != NULL ? base + block->column * p->in + feature * width : c;
        }
        const void *x = behind(p->x, words_of(pairs, leaf) * p->ldx + feature);
        kernels->tiles[p->precision]->weight_gradient(rows, k, x, p->ldx, dy, lddy, c, add,
                                                      streams);
    }
}

/* Rule 2: leaf after leaf. A right neighbour is added to the left one as it is computed. */
static void gradient_block_sum(const ln_kernels *kernels, const ln_weight_gradient *p,
                               const gradient_block *block, ln_tree *tree)
{
    size_t width = kernels->tile_columns;
    tree->width = block->rows * width;
    for (size_t leaf = 0; leaf < p->batch; leaf += LN_BATCH_LEAF) {
        bool right = tree->leaves % 2 != 0;
        ln_real *sum = right ? ln_tree_last(tree) : ln_tree_next(tree);
        run_leaf(kernels, p, block, leaf, sum, right);
        if (right) {
            ln_tree_added(tree);
        } else {
            ln_tree_push(tree);
        }
    }
    p->take(p->context, block->column * p->in + block->feature * width, tree->width,
            ln_tree_sum(tree));
}

/* So many that their trees' levels have room. */
static size_t tiles_of_block(size_t batch)
{
    size_t levels = 1;
    for (size_t leaves = ln_ceil_div(batch, LN_BATCH_LEAF); leaves > 0; leaves /= 2) {
        levels++;
    }
    return ln_min_size(BLOCK_TILES, LN_TREE_LEVELS / levels);
}

static void weight_gradient_task(void *context, size_t index)
{
    const grid *g = context;
    const ln_weight_gradient *p = g->product;
    const ln_kernels *kernels = g->kernels;
    _Alignas(LN_ALIGNMENT) ln_real level[LN_TREE_LEVELS * LN_MAX_TILE_ROWS * LN_MAX_TILE_COLUMNS];
    size_t width = kernels->tile_columns;
    /* Rows are cut in pairs of input features, which stay together. */
    part t = task_part(g, ln_ceil_div(p->in, 2), p->out, index);
    size_t tiles = ln_ceil_div(t.rows, kernels->tile_rows / 2), step = tiles_of_block(p->batch);
    for (size_t column = t.feature; column < t.feature + t.features; column += width) {
        for (size_t i = 0; i < tiles; i += step) {
            size_t end = t.row + even_part(t.rows, tiles, ln_min_size(i + step, tiles));
            gradient_block block = {.column = column,
                                    .columns = ln_min_size(p->out - column, width),
                                    .feature = 2 * (t.row + even_part(t.rows, tiles, i))};
            block.rows = ln_min_size(2 * end, p->in) - block.feature;
            ln_tree tree = {.kernels = kernels, .level = level};
            gradient_block_sum(kernels, p, &block, &tree);
        }
    }
}

void ln_linear_weight_gradient(const ln_kernels *kernels, ln_pool *pool,
                               const ln_weight_gradient *product)
{
    if (product->in > 0 && product->out > 0) {
        size_t pairs = ln_ceil_div(product->in, 2), tile = ln_ceil_div(kernels->tile_rows, 2);
        grid g = cut(kernels, pool, product, pairs, pairs, tile, product->out);
        run(pool, &g, weight_gradient_task);
    }
}

/* ---- sums of columns ---- */

#define SUM_COLUMNS 256

typedef struct column_job {
    const ln_kernels *kernels;
    size_t rows, n, ld;
    const ln_real *x;
    ln_real *out;
} column_job;

static void sum_part(void *context, size_t index)
{
    const column_job *job = context;
    _Alignas(LN_ALIGNMENT) ln_real level[LN_TREE_LEVELS * SUM_COLUMNS];
    size_t first = index * SUM_COLUMNS;
    size_t columns = ln_min_size(job->n - first, SUM_COLUMNS);
    ln_tree tree = {.kernels = job->kernels, .width = columns, .level = level};
    for (size_t leaf = 0; leaf < job->rows; leaf += LN_BATCH_LEAF) {
        size_t rows = ln_min_size(job->rows - leaf, LN_BATCH_LEAF);
        ln_real *sum = ln_tree_next(&tree);
        memset(sum, 0, columns * sizeof *sum);
        for (size_t r = 0; r < rows; r++) {
            job->kernels->add(columns, job->x + (leaf + r) * job->ld + first, sum);
        }
        ln_tree_push(&tree);
    }
    memcpy(job->out + first, ln_tree_sum(&tree), columns * sizeof *job->out);
}

void ln_sum_columns(const ln_kernels *kernels, ln_pool *pool, size_t rows, size_t n,
                    const ln_real *x, size_t ld, ln_real *out)
{
    column_job job = {kernels, rows, n, ld, x, out};
    ln_parallel(pool, ln_ceil_div(n, SUM_COLUMNS), sum_part, &job);
}
