/* test_kernels.c - the tiles of every kernel set, and the products made of them, against the scalar
 * definition, by bits; row kernels are test_rows.c's.
 *
 * Tiles over all remainders of rows and depths, products over shapes around every block; memory
 * that ends at a guard page. The references below are the contract of docs/numerics.md said again,
 * as plainly as possible. Compiled twice, for float32 and float64, as the kernels are. */
#include "support/check.h"

#include <math.h>

#include "base/memory.h"
#include "kernel/kernel.h"
#include "numeric/bf16.h"
#include "numeric/functions.h"
#include "numeric/random.h"
#include "numeric/sums.h"
#include "support/engine.h"

/* ---- tiles ---- */

typedef enum tile_kind { TILE_FORWARD, TILE_INPUT, TILE_WEIGHT } tile_kind;

/* A tile's operands, each ending at a guard page. Element (r, i) of A lies at a_at(r, i). */
typedef struct tile_case {
    const ln_kernels *set;
    ln_precision precision;
    tile_kind kind;
    size_t rows, k, lda, ldb;
    bool add;
} tile_case;

/* Words of operands over k of the summed index. */
static size_t a_words(const tile_case *t)
{
    return t->precision == LN_BFLOAT16 ? (t->k + 1) / 2 : t->k;
}

static size_t b_words(const tile_case *t)
{
    return t->precision == LN_FULL ? t->k : (t->k + 1) / 2;
}

/* Where word i of row r of A lies. */
static size_t a_at(const tile_case *t, size_t r, size_t i)
{
    size_t width = t->set->tile_columns / (t->precision == LN_BFLOAT16 ? 2 : 1);
    switch (t->kind) {
    case TILE_FORWARD: return r * t->lda + i;
    case TILE_INPUT: return i / width * t->lda + r * width + i % width;
    default: return i * t->lda + r;
    }
}

/* In double an operand is a number. */
#ifdef LN_FLOAT64
#define element(words, at, pairs, i) (words)[at]
#define chain_link(a, b, s, bf16) ln_fma(a, b, s)
#define fill_words(random, words, n, pairs, which) check_fill(random, words, n)
#else
/* Element i of the summed index out of words or floats. */
static float element(const float *words, size_t at, bool pairs, size_t i)
{
    if (!pairs) {
        return words[at];
    }
    uint32_t word = ln_bits(words[at]);
    return ln_from_bits(i % 2 == 0 ? word << 16 : word & 0xffff0000u);
}

/* A chain's next link. */
static float chain_link(float a, float b, float s, bool bf16)
{
    return bf16 ? ln_bf16_fma(a, b, s) : fmaf(a, b, s);
}

/* Floats, or pairs of operands; in every third case so small that products are subnormal. */
static void fill_words(check_random *random, float *words, size_t n, bool pairs, size_t which)
{
    float *halves = ln_alloc(2 * n, sizeof *halves);
    check_fill(random, halves, 2 * n);
    for (size_t i = 0; i < n; i++) {
        float scale = which % 3 == 0 ? 0x1p-63f : 1;
        uint32_t word = (uint32_t)ln_bf16_operand(halves[2 * i] * scale) |
                        (uint32_t)ln_bf16_operand(halves[2 * i + 1] * scale) << 16;
        words[i] = pairs ? ln_from_bits(word) : halves[2 * i];
    }
    ln_free(halves);
}
#endif

/* The chain of a tile's element by the definition. */
static ln_real define_tile(const tile_case *t, const ln_real *a, const ln_real *b, size_t r,
                           size_t j)
{
    bool a_pairs = t->precision == LN_BFLOAT16, b_pairs = t->precision != LN_FULL;
    ln_real s = 0;
    for (size_t step = 0; step < (a_pairs ? 2 * a_words(t) : t->k); step++) {
        size_t i = a_pairs ? step ^ 1 : step; /* the second of a pair first */
        ln_real x = element(a, a_at(t, r, a_pairs ? i / 2 : i), a_pairs, i);
        ln_real y = element(b, (b_pairs ? i / 2 : i) * t->ldb + j, b_pairs, i);
        s = chain_link(x, y, s, a_pairs);
    }
    return s;
}

static void run_tile(const tile_case *t, const ln_real *a, const ln_real *b, ln_real *c)
{
    const ln_real *streams[LN_TILE_STREAMS] = {a, b, c, a};
    const ln_tiles *tiles = t->set->tiles[t->precision];
    switch (t->kind) {
    case TILE_FORWARD:
        tiles->forward(t->rows, t->k, a, t->lda, b, c, t->set->tile_columns, t->add,
                       (ln_fetch){(uintptr_t)b, LN_LINE_WORDS});
        break;
    case TILE_INPUT: tiles->input_gradient(t->rows, t->k, a, t->lda, b, c); break;
    case TILE_WEIGHT:
        tiles->weight_gradient(t->rows, t->k, a, t->lda, b, t->ldb, c, t->add, streams);
        break;
    }
}

static void check_tile(const tile_case *t, check_random *random)
{
    size_t width = t->set->tile_columns;
    size_t a_size = (a_at(t, t->rows - 1, a_words(t) - 1) + 1) * sizeof(ln_real);
    size_t b_size = ((b_words(t) - 1) * t->ldb + width) * sizeof(ln_real);
    size_t c_size = t->rows * width * sizeof(ln_real);
    ln_real *a = check_guarded(a_size), *b = check_guarded(b_size), *c = check_guarded(c_size);
    ln_real expected[LN_MAX_TILE_ROWS * LN_MAX_TILE_COLUMNS];
    fill_words(random, a, a_size / sizeof *a, t->precision == LN_BFLOAT16, t->k);
    fill_words(random, b, b_size / sizeof *b, t->precision != LN_FULL, t->k);
    check_fill(random, c, c_size / sizeof *c);
    for (size_t r = 0; r < t->rows; r++) {
        for (size_t j = 0; j < width; j++) {
            ln_real s = define_tile(t, a, b, r, j);
            expected[r * width + j] = t->add ? c[r * width + j] + s : s;
        }
    }
    run_tile(t, a, b, c);
    check_same(expected, c, t->rows * width, "%s tile %d precision %d rows %zu k %zu add %d",
               t->set->name, (int)t->kind, (int)t->precision, t->rows, t->k, t->add);
    check_guarded_free(a, a_size);
    check_guarded_free(b, b_size);
    check_guarded_free(c, c_size);
}

static void tiles_of_precision(const ln_kernels *set, ln_precision precision, check_random *random)
{
    size_t width = set->tile_columns;
    bool has_gradients = set->tiles[precision]->input_gradient != NULL;
    static const size_t depths[] = {1, 2, 3, 63, 64, 255, 256};
    for (size_t rows = 1; rows <= set->tile_rows; rows++) {
        for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) {
            tile_case t = {
                .set = set, .precision = precision, .rows = rows, .k = depths[d], .ldb = width};
            for (int add = 0; add <= 1; add++) {
                t.add = add != 0;
                t.kind = TILE_FORWARD;
                t.lda = depths[d] + rows % 3;
                check_tile(&t, random);
                t.kind = TILE_WEIGHT;
                t.lda = rows + d;
                t.ldb = width + d;
                if (has_gradients) {
                    check_tile(&t, random);
                }
                t.ldb = width;
            }
            t.kind = TILE_INPUT;
            t.lda = (rows + d) * width;
            if (has_gradients) {
                check_tile(&t, random);
            }
        }
    }
}

static void tiles_of_set(const ln_kernels *set, void *context)
{
    (void)context;
    check_random random = {1};
    for (int precision = 0; precision < LN_PRECISION_COUNT; precision++) {
        if (set->tiles[precision] != NULL) {
            tiles_of_precision(set, (ln_precision)precision, &random);
        }
    }
}

static void test_tiles(void **state)
{
    (void)state;
    check_each_set(tiles_of_set, NULL);
}

#ifndef LN_FLOAT64
/* One row and two panels at once give what each alone gives. */
static void check_two_panels(const ln_kernels *set, size_t k, check_random *random)
{
    size_t width = set->tile_columns, panel = (k + 1) / 2 * width + 32;
    const ln_tiles *tiles = set->tiles[LN_BFLOAT16_WEIGHTS];
    float *a = ln_alloc(k, sizeof *a), *b = ln_alloc(2 * panel, sizeof *b);
    float expected[2 * LN_MAX_TILE_COLUMNS] = {0}, found[2 * LN_MAX_TILE_COLUMNS] = {0};
    check_fill(random, a, k);
    fill_words(random, b, 2 * panel, true, 1);
    tiles->forward(1, k, a, k, b, expected, width, true, (ln_fetch){0});
    tiles->forward(1, k, a, k, b + panel, expected + width, width, true, (ln_fetch){0});
    tiles->forward_two(k, a, b, panel, found);
    check_same(expected, found, 2 * width, "%s two panels k %zu", set->name, k);
    ln_free(a), ln_free(b);
}

static void two_panels_of_set(const ln_kernels *set, void *context)
{
    (void)context;
    check_random random = {2};
    for (size_t k = 1; k <= 256; k += k < 6 ? 1 : 50) {
        check_two_panels(set, k, &random);
    }
}

static void test_two_panels(void **state)
{
    (void)state;
    check_each_set(two_panels_of_set, NULL);
}

/* The definition's fma against one in double, which holds such products and sums exactly. */
static void test_bf16_fma(void **state)
{
    (void)state;
    check_random random = {5};
    for (int i = 0; i < 2000000; i++) {
        uint64_t r = check_next(&random);
        /* Products and sums around 2^-126: near the smallest normal number, exponents are few. */
        uint32_t e = (uint32_t)(r >> 40) % 120 + 4, other = 128 - e + (uint32_t)(r >> 50) % 8 - 3;
        float a = ln_from_bits((uint32_t)(r & 0x807f) << 16 | e << 23);
        float b = ln_from_bits((uint32_t)(r >> 16 & 0x807f) << 16 | other << 23);
        float c =
            ln_from_bits(((uint32_t)(r >> 8) & 0x80000007u) | (1 + (uint32_t)(r >> 60) % 2) << 23);
        double exact = (double)a * (double)b + (double)c;
        /* Rounded to 24 bits where there is room for them, then looked at. */
        float rounded = (float)(exact * 0x1p64);
        float expected = fabsf(rounded) < 0x1p-62f ? copysignf(0, rounded) : rounded * 0x1p-64f;
        float found = ln_bf16_fma(a, b, c);
        check_same(&expected, &found, 1, "%a * %a + %a", (double)a, (double)b, (double)c);
    }
    assert_int_equal(ln_bf16_operand(0x1.fep-127f), 0);
    assert_int_equal(ln_bf16_operand(-0x1p-140f), 0x8000);
    assert_int_equal(ln_bf16_operand(0x1p-126f), 0x0080);
    assert_int_equal(ln_bf16_operand(1.00390625f), 0x3f80);
    assert_int_equal(ln_bf16_operand(1.01171875f), 0x3f82);
    assert_int_equal(ln_bf16_operand(INFINITY), 0x7f80);
    assert_int_equal(ln_bf16_operand(0x1.fffffep127f), 0x7f80);
}

#endif

/* ---- the three products ---- */

typedef struct product_case {
    size_t batch, in, out;
} product_case;

/* One case's arrays: x and dy have rows that lie apart, weight is as PyTorch has it. What has to come out is
 * the same for all sets and pools. */
typedef struct product_data {
    product_case size;
    size_t ldx, ldy;
    ln_real *x, *dy, *weight, *bias;
    ln_real *y, *y_with_bias, *dx, *dw;
    ln_pool *const *pools;
    size_t pool_count;
    /* Of one set and pool. */
    const ln_kernels *set;
    ln_pool *pool;
    ln_real *packed;
} product_data;

static product_data make_product(const product_case *size)
{
    check_random random = {size->batch * 1000003 + size->out * 1009 + size->in};
    product_data d = {.size = *size};
    d.ldx = size->in + size->batch % 3;
    d.ldy = size->out + size->in % 4;
    d.x = ln_alloc(size->batch * d.ldx, sizeof *d.x);
    d.dy = ln_alloc(size->batch * d.ldy, sizeof *d.dy);
    d.weight = ln_alloc(size->in * size->out, sizeof *d.weight);
    d.bias = ln_alloc(size->out, sizeof *d.bias);
    check_fill(&random, d.x, size->batch * d.ldx);
    check_fill(&random, d.dy, size->batch * d.ldy);
    check_fill(&random, d.weight, size->in * size->out);
    check_fill(&random, d.bias, size->out);
    return d;
}

static void define_products(product_data *d)
{
    size_t batch = d->size.batch, in = d->size.in, out = d->size.out;
    d->y = ln_alloc(batch * out, sizeof *d->y);
    d->y_with_bias = ln_alloc(batch * out, sizeof *d->y_with_bias);
    d->dx = ln_alloc(batch * in, sizeof *d->dx);
    d->dw = ln_alloc(in * out, sizeof *d->dw);
    for (size_t r = 0; r < batch; r++) {
        for (size_t o = 0; o < out; o++) {
            const ln_real *x = d->x + r * d->ldx, *weight = d->weight + o * in;
            d->y[r * out + o] = ln_sum_features(in, x, 1, weight, 1, 0);
            d->y_with_bias[r * out + o] = ln_sum_features(in, x, 1, weight, 1, d->bias[o]);
        }
        for (size_t i = 0; i < in; i++) {
            d->dx[r * in + i] = ln_sum_features(out, d->dy + r * d->ldy, 1, d->weight + i, in, 0);
        }
    }
    for (size_t o = 0; o < out; o++) {
        for (size_t i = 0; i < in; i++) {
            d->dw[o * in + i] = ln_sum_batch(batch, d->dy + o, d->ldy, d->x + i, d->ldx);
        }
    }
}

static void free_product(product_data *d)
{
    ln_free(d->x), ln_free(d->dy), ln_free(d->weight), ln_free(d->bias);
    ln_free(d->y), ln_free(d->y_with_bias), ln_free(d->dx), ln_free(d->dw);
}

/* The batch must pass every stretch of a row once. */
static void negate(void *context, size_t row, size_t first, size_t count, ln_real *c)
{
    (void)row;
    assert_true(first % LN_EPILOGUE_ALIGNMENT == 0);
    assert_non_null(context);
    for (size_t j = 0; j < count; j++) {
        c[j] = -c[j];
    }
}

/* Compares rows of `found`, ld apart, and sees that nothing between them was written. */
static void same_rows(const product_data *d, const char *what, const ln_real *expected, size_t n,
                      const ln_real *found, size_t ld, bool negated)
{
    const product_case *size = &d->size;
    ln_real *row = ln_alloc(n, sizeof *row);
    for (size_t r = 0; r < size->batch; r++) {
        for (size_t j = 0; j < n; j++) {
            row[j] = negated ? -expected[r * n + j] : expected[r * n + j];
        }
        check_same(row, found + r * ld, n, "%s %s batch %zu in %zu out %zu row %zu threads %d",
                   d->set->name, what, size->batch, size->in, size->out, r,
                   ln_pool_threads(d->pool));
        for (size_t j = n; j < ld && r + 1 < size->batch; j++) {
            assert_true(found[r * ld + j] == 1e30f);
        }
    }
    ln_free(row);
}

static ln_real *guarded_rows(size_t batch, size_t n, size_t ld, size_t *size)
{
    *size = (batch > 0 ? (batch - 1) * ld + n : 0) * sizeof(ln_real);
    ln_real *rows = check_guarded(*size);
    for (size_t i = 0; i < *size / sizeof(ln_real); i++) {
        rows[i] = 1e30f;
    }
    return rows;
}

static void check_forward(const product_data *d, bool with_bias, bool negated)
{
    size_t batch = d->size.batch, in = d->size.in, out = d->size.out, ldy = out + 3, bytes;
    ln_real *y = guarded_rows(batch, out, ldy, &bytes);
    int context = 0;
    /* With a small cache a block of the features is kept in it, and not all of them. */
    ln_forward product = {.precision = LN_FULL,
                          .batch = batch,
                          .in = in,
                          .out = out,
                          .x = d->x,
                          .ldx = d->ldx,
                          .weight = d->packed,
                          .bias = with_bias ? d->bias : NULL,
                          .y = y,
                          .ldy = ldy,
                          .epilogue = negated ? negate : NULL,
                          .context = &context,
                          .cache = negated ? 16384 : 0};
    ln_linear_forward(d->set, d->pool, &product);
    same_rows(d, "forward", with_bias ? d->y_with_bias : d->y, out, y, ldy, negated);
    check_guarded_free(y, bytes);
}

static void check_input_gradient(const product_data *d, bool negated)
{
    size_t batch = d->size.batch, in = d->size.in, out = d->size.out, lddx = in + 5, bytes;
    ln_real *dx = guarded_rows(batch, in, lddx, &bytes);
    ln_real *turned = ln_alloc(ln_turned_size(d->set, batch, out), sizeof *turned);
    int context = 0;
    ln_input_gradient product = {LN_FULL,
                                 batch,
                                 in,
                                 out,
                                 d->dy,
                                 d->ldy,
                                 turned,
                                 d->packed,
                                 dx,
                                 lddx,
                                 negated ? negate : NULL,
                                 &context};
    ln_linear_input_gradient(d->set, d->pool, &product);
    same_rows(d, "input gradient", d->dx, in, dx, lddx, negated);
    check_guarded_free(dx, bytes);
    ln_free(turned);
}

static void keep_stretch(void *context, size_t first, size_t count, const ln_real *gradient)
{
    memcpy((ln_real *)context + first, gradient, count * sizeof *gradient);
}

static void check_weight_gradient(const product_data *d)
{
    size_t batch = d->size.batch, in = d->size.in, out = d->size.out;
    size_t size = ln_packed_size(d->set, in, out);
    ln_real *packed = ln_alloc(size, sizeof *packed), *again = ln_alloc(size, sizeof *again);
    for (size_t i = 0; i < size; i++) {
        packed[i] = 1e30f;
    }
    ln_weight_gradient product = {LN_FULL, batch,  in,           out,    d->x,       d->ldx,
                                  d->dy,   d->ldy, keep_stretch, packed, {d->packed}};
    ln_linear_weight_gradient(d->set, d->pool, &product);
    /* Packed with zeros past the last output, so that padding stays what it is. */
    ln_pack_weight(d->set, d->pool, in, out, d->dw, (ptrdiff_t)in, 1, again);
    check_same(again, packed, size, "%s weight gradient batch %zu in %zu out %zu threads %d",
               d->set->name, batch, in, out, ln_pool_threads(d->pool));
    ln_free(packed), ln_free(again);
}

static void products_of_set(const ln_kernels *set, void *context)
{
    product_data d = *(const product_data *)context;
    size_t in = d.size.in, out = d.size.out;
    d.set = set;
    for (size_t i = 0; i < d.pool_count; i++) {
        d.pool = d.pools[i];
        d.packed = ln_alloc(ln_packed_size(set, in, out), sizeof *d.packed);
        ln_pack_weight(set, d.pool, in, out, d.weight, (ptrdiff_t)in, 1, d.packed);
        check_forward(&d, true, false);
        check_forward(&d, false, true);
        check_input_gradient(&d, false);
        check_input_gradient(&d, true);
        check_weight_gradient(&d);
        ln_free(d.packed);
    }
}

/* Under every set, in each of the pools. */
static void check_products(const product_case *size, ln_pool *const *pools, size_t pool_count)
{
    product_data d = make_product(size);
    define_products(&d);
    d.pools = pools, d.pool_count = pool_count;
    check_each_set(products_of_set, &d);
    free_product(&d);
}

static void test_products(void **state)
{
    (void)state;
    /* The last one's tree is too deep for a whole block of tiles. */
    static const product_case cases[] = {
        {0, 7, 5},     {5, 7, 0},       {3, 0, 4},     {1, 1, 1},     {1, 300, 10},
        {2, 256, 33},  {13, 257, 64},   {14, 64, 32},  {15, 65, 31},  {16, 63, 130},
        {29, 513, 65}, {97, 128, 129},  {200, 129, 7}, {5, 700, 200}, {129, 30, 257},
        {321, 20, 33}, {193, 1100, 34}, {400, 3, 3},   {16400, 60, 3}};
    static const int threads[] = {1, 2, 3, 8};
    ln_pool *pools[4], *no_pool = NULL;
    for (size_t t = 0; t < 4; t++) {
        linnet_error error;
        check_ok(ln_pool_create(threads[t], &pools[t], &error), &error);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_products(&cases[i], pools, 4);
    }
    for (size_t t = 0; t < 4; t++) {
        ln_pool_free(pools[t]);
    }
    /* Every number of rows and columns around the tiles of all sets. */
    for (size_t m = 1; m <= 34; m++) {
        for (size_t n = 1; n <= 66; n += m % 3 + 1) {
            check_products(&(product_case){m, 37, n}, &no_pool, 1);
            check_products(&(product_case){70, m, n}, &no_pool, 1);
        }
    }
}

/* ---- layouts ---- */

static void layouts_of_set(const ln_kernels *set, void *context)
{
    (void)context;
    for (size_t in = 0; in <= 40; in += in < 5 ? 1 : 7) {
        for (size_t out = 0; out <= 70; out += out < 5 ? 1 : 9) {
            check_random random = {in * 100 + out};
            size_t bytes = in * out * sizeof(ln_real);
            ln_real *weight = check_guarded(bytes), *back = check_guarded(bytes);
            ln_real *packed = ln_alloc(ln_packed_size(set, in, out), sizeof *packed);
            check_fill(&random, weight, in * out);
            ln_pack_weight(set, NULL, in, out, weight, (ptrdiff_t)in, 1, packed);
            ln_unpack_weight(set, NULL, in, out, packed, back);
            check_same(weight, back, in * out, "%s %zu x %zu there and back", set->name, out, in);
            for (size_t o = 0; o < out; o++) {
                for (size_t i = 0; i < in; i++) {
                    size_t w = set->tile_columns;
                    check_same(weight + o * in + i, packed + (o / w * in + i) * w + o % w, 1,
                               "%s packed (%zu, %zu) of %zu x %zu", set->name, o, i, out, in);
                }
            }
            check_guarded_free(weight, bytes);
            check_guarded_free(back, bytes);
            ln_free(packed);
        }
    }
}

static void test_layouts(void **state)
{
    (void)state;
    check_each_set(layouts_of_set, NULL);
    for (size_t features = 0; features <= 5000; features++) {
        size_t ld = ln_leading(features);
        assert_true(ld >= features && ld < features + 7 * 16);
        assert_true(ld == features || ld % (2 * LN_LINE_WORDS) == LN_LINE_WORDS);
    }
    assert_int_not_equal(ln_leading(1024), 1024);
}

static void column_sums_of_set(const ln_kernels *set, void *context)
{
    (void)context;
    check_random random = {7};
    static const ln_real one = 1;
    for (size_t rows = 0; rows <= 460; rows += rows < 130 ? 1 : 55) {
        size_t n = rows % 5 == 0 ? 300 : rows % 7 + 1;
        size_t ld = n + rows % 3;
        ln_real *x = ln_alloc(rows * ld, sizeof *x);
        ln_real expected[300], found[300];
        check_fill(&random, x, rows * ld);
        for (size_t j = 0; j < n; j++) {
            expected[j] = ln_sum_batch(rows, x + j, ld, &one, 0);
        }
        ln_sum_columns(set, NULL, rows, n, x, ld, found);
        check_same(expected, found, n, "%s column sums of %zu rows", set->name, rows);
        ln_free(x);
    }
}

static void test_column_sums(void **state)
{
    (void)state;
    check_each_set(column_sums_of_set, NULL);
}

static void test_select(void **state)
{
    (void)state;
    const ln_kernels *set;
    linnet_error error;
    char *before = getenv("LINNET_ISA");
    char *saved = before != NULL ? strdup(before) : NULL;
    setenv("LINNET_ISA", "scalar", 1);
    check_ok(ln_kernels_select(&set, &error), &error);
    assert_string_equal(set->name, "scalar");
    setenv("LINNET_ISA", "mmx", 1);
    assert_int_equal(ln_kernels_select(&set, &error), LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.place, "LINNET_ISA");
    assert_non_null(strstr(error.message, "found 'mmx'"));
    unsetenv("LINNET_ISA");
    check_ok(ln_kernels_select(&set, &error), &error);
    assert_true(set->supported());
    if (saved != NULL) {
        setenv("LINNET_ISA", saved, 1);
    }
    free(saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifndef LN_FLOAT64
        cmocka_unit_test(test_bf16_fma), cmocka_unit_test(test_two_panels),
#endif
        cmocka_unit_test(test_tiles),    cmocka_unit_test(test_products),
        cmocka_unit_test(test_layouts),  cmocka_unit_test(test_column_sums),
        cmocka_unit_test(test_select),
    };
    check_name_missing_sets();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
