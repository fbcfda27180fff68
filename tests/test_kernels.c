/* test_kernels.c - every kernel set against the scalar definition, by bits.
 *
 * Tiles over all remainders of rows and depths, products over shapes around every block, row
 * kernels over all short lengths; misaligned pointers, memory that ends at a guard page, special
 * values. The references below are the contract of docs/numerics.md said again, as plainly as
 * possible. */
#include "support/check.h"

#include <math.h>

#include "base/memory.h"
#include "kernel/kernel.h"
#include "numeric/bf16.h"
#include "numeric/functions.h"
#include "numeric/random.h"
#include "numeric/sums.h"
#include "support/activations.h"

/* For each supported set. */
static void each_set(void (*body)(const ln_kernels *set))
{
    const ln_kernels *set;
    for (size_t i = 0; (set = ln_kernels_at(i)) != NULL; i++) {
        if (set->supported()) {
            body(set);
        } else {
            print_message("kernel set %s: not supported by this machine, not tested\n", set->name);
        }
    }
}

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

/* Element i of the summed index out of words or floats. */
static float element(const float *words, size_t at, bool pairs, size_t i)
{
    if (!pairs) {
        return words[at];
    }
    uint32_t word = ln_bits(words[at]);
    return ln_from_bits(i % 2 == 0 ? word << 16 : word & 0xffff0000u);
}

/* The chain of a tile's element by the definition. */
static float define_tile(const tile_case *t, const float *a, const float *b, size_t r, size_t j)
{
    bool a_pairs = t->precision == LN_BFLOAT16, b_pairs = t->precision != LN_FULL;
    float s = 0;
    for (size_t step = 0; step < (a_pairs ? 2 * a_words(t) : t->k); step++) {
        size_t i = a_pairs ? step ^ 1 : step; /* the second of a pair first */
        float x = element(a, a_at(t, r, a_pairs ? i / 2 : i), a_pairs, i);
        float y = element(b, (b_pairs ? i / 2 : i) * t->ldb + j, b_pairs, i);
        s = a_pairs ? ln_bf16_fma(x, y, s) : fmaf(x, y, s);
    }
    return s;
}

static void run_tile(const tile_case *t, const float *a, const float *b, float *c)
{
    const float *streams[LN_TILE_STREAMS] = {a, b, c, a};
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

static void check_tile(const tile_case *t, check_random *random)
{
    size_t width = t->set->tile_columns;
    size_t a_size = (a_at(t, t->rows - 1, a_words(t) - 1) + 1) * sizeof(float);
    size_t b_size = ((b_words(t) - 1) * t->ldb + width) * sizeof(float);
    size_t c_size = t->rows * width * sizeof(float);
    float *a = check_guarded(a_size), *b = check_guarded(b_size), *c = check_guarded(c_size);
    float expected[LN_MAX_TILE_ROWS * LN_MAX_TILE_COLUMNS];
    fill_words(random, a, a_size / sizeof *a, t->precision == LN_BFLOAT16, t->k);
    fill_words(random, b, b_size / sizeof *b, t->precision != LN_FULL, t->k);
    check_fill(random, c, c_size / sizeof *c);
    for (size_t r = 0; r < t->rows; r++) {
        for (size_t j = 0; j < width; j++) {
            float s = define_tile(t, a, b, r, j);
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

static void tiles_of_set(const ln_kernels *set)
{
    check_random random = {1};
    for (int precision = 0; precision < LN_PRECISION_COUNT; precision++) {
        tiles_of_precision(set, (ln_precision)precision, &random);
    }
    for (size_t k = 1; k <= 256; k += k < 6 ? 1 : 50) {
        check_two_panels(set, k, &random);
    }
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

static void test_tiles(void **state)
{
    (void)state;
    each_set(tiles_of_set);
}

/* ---- the three products ---- */

typedef struct product_case {
    size_t batch, in, out;
} product_case;

/* One case's arrays: x and dy have rows that lie apart, weight is as PyTorch has it. */
typedef struct product_data {
    const ln_kernels *set;
    ln_pool *pool;
    product_case size;
    size_t ldx, ldy;
    float *x, *dy, *weight, *bias, *packed;
} product_data;

static product_data make_product(const ln_kernels *set, ln_pool *pool, const product_case *size)
{
    check_random random = {size->batch * 1000003 + size->out * 1009 + size->in};
    product_data d = {.set = set, .pool = pool, .size = *size};
    d.ldx = size->in + size->batch % 3;
    d.ldy = size->out + size->in % 4;
    d.x = ln_alloc(size->batch * d.ldx, sizeof *d.x);
    d.dy = ln_alloc(size->batch * d.ldy, sizeof *d.dy);
    d.weight = ln_alloc(size->in * size->out, sizeof *d.weight);
    d.bias = ln_alloc(size->out, sizeof *d.bias);
    d.packed = ln_alloc(ln_packed_size(set, size->in, size->out), sizeof *d.packed);
    check_fill(&random, d.x, size->batch * d.ldx);
    check_fill(&random, d.dy, size->batch * d.ldy);
    check_fill(&random, d.weight, size->in * size->out);
    check_fill(&random, d.bias, size->out);
    ln_pack_weight(set, pool, size->in, size->out, d.weight, (ptrdiff_t)size->in, 1, d.packed);
    return d;
}

static void free_product(product_data *d)
{
    ln_free(d->x), ln_free(d->dy), ln_free(d->weight), ln_free(d->bias), ln_free(d->packed);
}

/* The batch must pass every stretch of a row once. */
static void negate(void *context, size_t row, size_t first, size_t count, float *c)
{
    (void)row;
    assert_true(first % LN_EPILOGUE_ALIGNMENT == 0);
    assert_non_null(context);
    for (size_t j = 0; j < count; j++) {
        c[j] = -c[j];
    }
}

/* Compares rows of `found`, ld apart, and sees that nothing between them was written. */
static void same_rows(const product_data *d, const char *what, const float *expected, size_t n,
                      const float *found, size_t ld, bool negated)
{
    const product_case *size = &d->size;
    float *row = ln_alloc(n, sizeof *row);
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

static float *guarded_rows(size_t batch, size_t n, size_t ld, size_t *size)
{
    *size = (batch > 0 ? (batch - 1) * ld + n : 0) * sizeof(float);
    float *rows = check_guarded(*size);
    for (size_t i = 0; i < *size / sizeof(float); i++) {
        rows[i] = 1e30f;
    }
    return rows;
}

static void check_forward(const product_data *d, bool with_bias, bool negated)
{
    size_t batch = d->size.batch, in = d->size.in, out = d->size.out, ldy = out + 3, bytes;
    float *y = guarded_rows(batch, out, ldy, &bytes), *expected = ln_alloc(batch * out, sizeof *y);
    for (size_t r = 0; r < batch; r++) {
        for (size_t o = 0; o < out; o++) {
            expected[r * out + o] = ln_sum_features(in, d->x + r * d->ldx, 1, d->weight + o * in, 1,
                                                    with_bias ? d->bias[o] : 0);
        }
    }
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
    same_rows(d, "forward", expected, out, y, ldy, negated);
    check_guarded_free(y, bytes);
    ln_free(expected);
}

static void check_input_gradient(const product_data *d, bool negated)
{
    size_t batch = d->size.batch, in = d->size.in, out = d->size.out, lddx = in + 5, bytes;
    float *dx = guarded_rows(batch, in, lddx, &bytes), *expected = ln_alloc(batch * in, sizeof *dx);
    float *turned = ln_alloc(ln_turned_size(d->set, batch, out), sizeof *turned);
    for (size_t r = 0; r < batch; r++) {
        for (size_t i = 0; i < in; i++) {
            expected[r * in + i] =
                ln_sum_features(out, d->dy + r * d->ldy, 1, d->weight + i, in, 0);
        }
    }
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
    same_rows(d, "input gradient", expected, in, dx, lddx, negated);
    check_guarded_free(dx, bytes);
    ln_free(expected), ln_free(turned);
}

static void keep_stretch(void *context, size_t first, size_t count, const float *gradient)
{
    memcpy((float *)context + first, gradient, count * sizeof *gradient);
}

static void check_weight_gradient(const product_data *d)
{
    size_t batch = d->size.batch, in = d->size.in, out = d->size.out;
    size_t size = ln_packed_size(d->set, in, out);
    float *packed = ln_alloc(size, sizeof *packed), *again = ln_alloc(size, sizeof *again);
    float *expected = ln_alloc(in * out, sizeof *expected);
    for (size_t i = 0; i < size; i++) {
        packed[i] = 1e30f;
    }
    for (size_t o = 0; o < out; o++) {
        for (size_t i = 0; i < in; i++) {
            expected[o * in + i] = ln_sum_batch(batch, d->dy + o, d->ldy, d->x + i, d->ldx);
        }
    }
    ln_weight_gradient product = {LN_FULL, batch,  in,           out,    d->x,       d->ldx,
                                  d->dy,   d->ldy, keep_stretch, packed, {d->packed}};
    ln_linear_weight_gradient(d->set, d->pool, &product);
    /* Packed with zeros past the last output, so that padding stays what it is. */
    ln_pack_weight(d->set, d->pool, in, out, expected, (ptrdiff_t)in, 1, again);
    check_same(again, packed, size, "%s weight gradient batch %zu in %zu out %zu threads %d",
               d->set->name, batch, in, out, ln_pool_threads(d->pool));
    ln_free(packed), ln_free(again), ln_free(expected);
}

static void check_products(const ln_kernels *set, ln_pool *pool, const product_case *size)
{
    product_data d = make_product(set, pool, size);
    check_forward(&d, true, false);
    check_forward(&d, false, true);
    check_input_gradient(&d, false);
    check_input_gradient(&d, true);
    check_weight_gradient(&d);
    free_product(&d);
}

static void products_of_set(const ln_kernels *set)
{
    static const product_case cases[] = {
        {0, 7, 5},     {5, 7, 0},       {3, 0, 4},     {1, 1, 1},     {1, 300, 10},
        {2, 256, 33},  {13, 257, 64},   {14, 64, 32},  {15, 65, 31},  {16, 63, 130},
        {29, 513, 65}, {97, 128, 129},  {200, 129, 7}, {5, 700, 200}, {129, 30, 257},
        {321, 20, 33}, {193, 1100, 34}, {400, 3, 3}};
    static const int threads[] = {1, 2, 3, 8};
    for (size_t t = 0; t < 4; t++) {
        ln_pool *pool;
        linnet_error error;
        check_ok(ln_pool_create(threads[t], &pool, &error), &error);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            check_products(set, pool, &cases[i]);
        }
        ln_pool_free(pool);
    }
    /* Every number of rows and columns around the tiles of all sets. */
    for (size_t m = 1; m <= 34; m++) {
        for (size_t n = 1; n <= 66; n += m % 3 + 1) {
            check_products(set, NULL, &(product_case){m, 37, n});
            check_products(set, NULL, &(product_case){70, m, n});
        }
    }
}

static void test_products(void **state)
{
    (void)state;
    each_set(products_of_set);
}

/* ---- layouts ---- */

static void layouts_of_set(const ln_kernels *set)
{
    for (size_t in = 0; in <= 40; in += in < 5 ? 1 : 7) {
        for (size_t out = 0; out <= 70; out += out < 5 ? 1 : 9) {
            check_random random = {in * 100 + out};
            size_t bytes = in * out * sizeof(float);
            float *weight = check_guarded(bytes), *back = check_guarded(bytes);
            float *packed = ln_alloc(ln_packed_size(set, in, out), sizeof *packed);
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
    each_set(layouts_of_set);
    for (size_t features = 0; features <= 5000; features++) {
        size_t ld = ln_leading(features);
        assert_true(ld >= features && ld < features + 7 * 16);
        assert_true(ld == features || ld % 32 == 16);
    }
    assert_int_not_equal(ln_leading(1024), 1024);
}

static void column_sums_of_set(const ln_kernels *set)
{
    check_random random = {7};
    static const float one = 1;
    for (size_t rows = 0; rows <= 460; rows += rows < 130 ? 1 : 55) {
        size_t n = rows % 5 == 0 ? 300 : rows % 7 + 1;
        size_t ld = n + rows % 3;
        float *x = ln_alloc(rows * ld, sizeof *x);
        float expected[300], found[300];
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
    each_set(column_sums_of_set);
}

/* ---- row kernels: references in the simplest words ---- */

static float define_row_sum(size_t n, const float *terms)
{
    float part[16] = {0};
    for (size_t j = 0; j < n; j++) {
        part[j % 16] = part[j % 16] + terms[j];
    }
    for (size_t distance = 8; distance >= 1; distance /= 2) {
        for (size_t l = 0; l < distance; l++) {
            part[l] = part[l] + part[l + distance];
        }
    }
    return part[0];
}

static float define_max(size_t n, const float *x)
{
    float max = -INFINITY;
    for (size_t j = 0; j < n; j++) {
        max = x[j] > max ? x[j] : max;
    }
    return max;
}

#define LONGEST 600

typedef struct rows_case {
    const ln_kernels *set;
    size_t n;
    bool in_place;
    const float *x, *y, *z; /* inputs, at the end of guarded memory */
    float *out, *out2, *out3, *out4;
} rows_case;

/* Runs `call` with the output apart, or with the output being the input. */
#define RUN(c, input, call)                                                                        \
    do {                                                                                           \
        if ((c)->in_place) {                                                                       \
            memcpy((c)->out, input, (c)->n * sizeof(float));                                       \
            const float *in = (c)->out;                                                            \
            call;                                                                                  \
        } else {                                                                                   \
            const float *in = input;                                                               \
            call;                                                                                  \
        }                                                                                          \
    } while (0)

static void check_elementwise(const rows_case *c)
{
    float expected[LONGEST];
    size_t n = c->n;
    for (size_t j = 0; j < n; j++) {
        expected[j] = c->y[j] + c->x[j];
    }
    memcpy(c->out, c->y, n * sizeof(float));
    c->set->add(n, c->x, c->out);
    check_same(expected, c->out, n, "%s add %zu", c->set->name, n);

    for (size_t j = 0; j < n; j++) {
        expected[j] = c->x[j] * 0.25f;
    }
    RUN(c, c->x, c->set->scale(n, in, 0.25f, NULL, NULL, c->out));
    check_same(expected, c->out, n, "%s scale %zu", c->set->name, n);
    for (size_t j = 0; j < n; j++) {
        expected[j] = fmaf(c->x[j], 0.1f, -c->y[j]) / c->z[j];
    }
    RUN(c, c->x, c->set->scale(n, in, 0.1f, c->y, c->z, c->out));
    check_same(expected, c->out, n, "%s scale with mean and std %zu", c->set->name, n);

    for (size_t j = 0; j < n; j++) {
        expected[j] = c->x[j] < 0 ? 0 : c->x[j];
    }
    RUN(c, c->x, c->set->relu(n, in, c->out));
    check_same(expected, c->out, n, "%s relu %zu", c->set->name, n);
    for (size_t j = 0; j < n; j++) {
        expected[j] = c->y[j] <= 0 ? 0 : c->x[j];
    }
    RUN(c, c->x, c->set->relu_backward(n, c->y, in, c->out));
    check_same(expected, c->out, n, "%s relu_backward %zu", c->set->name, n);
}

/* x is widened so that it reaches the tails of the functions and both sides of every edge. */
static void check_activations(const rows_case *c)
{
    static const float parameters[][2] = {{0.5f, 2.0f}, {-1.0f, 1.0f}, {1.0f, 20.0f}};
    float expected[LONGEST], slopes[LONGEST];
    float *x = c->out2;
    size_t n = c->n;
    for (size_t j = 0; j < n; j++) {
        x[j] = c->x[j] * (n % 2 == 0 ? 6.0f : 100.0f);
    }
    for (size_t i = 0; i < LN_ACTIVATION_COUNT; i++) {
        const activation_definition *a = &activation_definitions[i];
        const ln_activation_kernels *kernels = &c->set->activation[i];
        const float *p = parameters[(n + i) % 3];
        for (size_t j = 0; j < n; j++) {
            expected[j] = a->forward(x[j], p[0], p[1]);
            slopes[j] = a->backward(x[j], c->y[j], p[0], p[1]);
        }
        RUN(c, x, kernels->forward(n, p, in, c->out));
        check_same(expected, c->out, n, "%s %s %zu", c->set->name, a->name, n);
        RUN(c, c->y, kernels->backward(n, p, x, in, c->out));
        check_same(slopes, c->out, n, "%s %s_backward %zu", c->set->name, a->name, n);
        RUN(c, x, kernels->backward(n, p, in, c->y, c->out));
        check_same(slopes, c->out, n, "%s %s_backward in x %zu", c->set->name, a->name, n);
    }
}

static void check_dropout(const rows_case *c)
{
    float expected[LONGEST];
    uint8_t keep[LONGEST], expected_keep[LONGEST];
    size_t n = c->n;
    ln_philox_key key = ln_philox_stream(n, 3, 2, 1);
    static const uint32_t thresholds[] = {0, 1, 1u << 23, 0xffffffu, 1u << 24};
    uint64_t row = n % 3 == 0 ? UINT64_C(0x123456789) : n;
    uint64_t column = n % 2 == 0 ? 0 : n * 7;
    for (size_t t = 0; t < 5; t++) {
        for (size_t j = 0; j < n; j++) {
            expected_keep[j] = ln_philox_word(key, row, column + j) >> 8 >= thresholds[t];
        }
        c->set->philox_keep(n, key.word, row, column, thresholds[t], keep);
        if (memcmp(keep, expected_keep, n) != 0) {
            fail_msg("%s philox_keep %zu: another mask", c->set->name, n);
        }
    }
    c->set->philox_keep(n, key.word, row, column, 1u << 23, keep);
    for (size_t j = 0; j < n; j++) {
        expected[j] = c->x[j] * (keep[j] != 0 ? 1.25f : 0.0f);
    }
    RUN(c, c->x, c->set->dropout(n, keep, 1.25f, in, c->out));
    check_same(expected, c->out, n, "%s dropout %zu", c->set->name, n);
    for (size_t j = 0; j < n; j++) {
        expected[j] = keep[j] != 0 ? c->x[j] * 1.25f : 0.0f;
    }
    RUN(c, c->x, c->set->dropout_backward(n, keep, 1.25f, in, c->out));
    check_same(expected, c->out, n, "%s dropout_backward %zu", c->set->name, n);
}

/* Class weights are c->z. */
static void check_smooth_cross_entropy(const rows_case *c, float max, float sum, const float *terms)
{
    float expected[LONGEST], part[16] = {0};
    size_t n = c->n;
    float total = define_row_sum(n, c->z), log_sum = ln_log(sum), found;
    const float chosen = 0.9f * 1.75f, rest = 0.1f / 7.0f, scale = 0.125f;
    for (size_t j = 0; j < n; j++) {
        part[j % 16] = fmaf(c->z[j], c->x[j] - max, part[j % 16]);
    }
    float smooth = fmaf(total, log_sum, -define_row_sum(16, part));
    for (size_t target = 0; target < n; target += n / 3 + 1) {
        for (size_t j = 0; j < n; j++) {
            float q = fmaf(rest, c->z[j], j == target ? chosen : 0.0f);
            expected[j] = (terms[j] / sum * fmaf(rest, total, chosen) - q) * scale;
        }
        float loss = fmaf(rest, smooth, chosen * -((c->x[target] - max) - log_sum));
        RUN(c, c->x,
            found = c->set->smooth_cross_entropy(n, in, c->z, total, target, chosen, rest, scale,
                                                 c->out));
        check_same(expected, c->out, n, "%s smooth_cross_entropy %zu", c->set->name, n);
        check_same(&loss, &found, 1, "%s smooth_cross_entropy %zu, the loss", c->set->name, n);
    }
}

static void check_softmax(const rows_case *c)
{
    float expected[LONGEST], terms[LONGEST] = {0};
    size_t n = c->n;
    float max = define_max(n, c->x);
    for (size_t j = 0; j < n; j++) {
        terms[j] = ln_exp(c->x[j] - max);
    }
    float sum = define_row_sum(n, terms);
    for (size_t j = 0; j < n; j++) {
        expected[j] = terms[j] / sum;
    }
    RUN(c, c->x, c->set->softmax(n, in, c->out));
    check_same(expected, c->out, n, "%s softmax %zu", c->set->name, n);
    for (size_t target = 0; target < n; target += n / 3 + 1) {
        for (size_t j = 0; j < n; j++) {
            expected[j] = (terms[j] / sum - (j == target ? 1.0f : 0.0f)) * 0.125f;
        }
        float loss = -((c->x[target] - max) - ln_log(sum));
        float found;
        RUN(c, c->x, found = c->set->cross_entropy(n, in, target, 0.125f, c->out));
        check_same(expected, c->out, n, "%s cross_entropy %zu", c->set->name, n);
        check_same(&loss, &found, 1, "%s cross_entropy %zu, the loss", c->set->name, n);
        found = c->set->cross_entropy(n, c->x, target, 0.125f, NULL);
        check_same(&loss, &found, 1, "%s cross_entropy %zu, the loss alone", c->set->name, n);
    }
    check_smooth_cross_entropy(c, max, sum, terms);
    for (size_t j = 0; j < n; j++) {
        expected[j] = (c->x[j] - max) - ln_log(sum);
    }
    RUN(c, c->x, c->set->log_softmax(n, in, c->out));
    check_same(expected, c->out, n, "%s log_softmax %zu", c->set->name, n);

    float part[16] = {0};
    for (size_t j = 0; j < n; j++) {
        part[j % 16] = fmaf(c->y[j], c->x[j], part[j % 16]);
    }
    float dot = define_row_sum(16, part);
    for (size_t j = 0; j < n; j++) {
        expected[j] = c->y[j] * (c->x[j] - dot);
    }
    RUN(c, c->x, c->set->softmax_backward(n, c->y, in, c->out));
    check_same(expected, c->out, n, "%s softmax_backward %zu", c->set->name, n);
    sum = define_row_sum(n, c->x);
    for (size_t j = 0; j < n; j++) {
        expected[j] = fmaf(-ln_exp(c->y[j]), sum, c->x[j]);
    }
    RUN(c, c->x, c->set->log_softmax_backward(n, c->y, in, c->out));
    check_same(expected, c->out, n, "%s log_softmax_backward %zu", c->set->name, n);
}

static void check_sgd(const rows_case *c)
{
    float weight[LONGEST], buffer[LONGEST];
    size_t n = c->n;
    for (int variant = 0; variant < 16; variant++) {
        ln_sgd_step s = {.lr = 0.1f,
                         .momentum = 0.9f,
                         .one_minus_dampening = 0.75f,
                         .weight_decay = variant & 1 ? 0.01f : 0,
                         .nesterov = (variant & 2) != 0,
                         .first = (variant & 4) != 0,
                         .sign = 1};
        bool has_buffer = (variant & 8) != 0;
        for (size_t j = 0; j < n; j++) {
            float d = fmaf(s.weight_decay, c->y[j], c->x[j]);
            buffer[j] = s.first ? d : fmaf(s.momentum, c->z[j], s.one_minus_dampening * d);
            float step = s.nesterov ? fmaf(s.momentum, buffer[j], d) : buffer[j];
            weight[j] = fmaf(-s.lr, has_buffer ? step : d, c->y[j]);
        }
        memcpy(c->out, c->y, n * sizeof(float));
        memcpy(c->out2, c->z, n * sizeof(float));
        c->set->sgd(n, &s, c->x, has_buffer ? c->out2 : NULL, c->out);
        check_same(weight, c->out, n, "%s sgd %zu variant %d", c->set->name, n, variant);
        if (has_buffer) {
            check_same(buffer, c->out2, n, "%s sgd %zu variant %d, buffer", c->set->name, n,
                       variant);
        }
    }
}

static void check_adam(const rows_case *c)
{
    float weight[LONGEST], average[LONGEST], square[LONGEST], largest[LONGEST];
    size_t n = c->n;
    for (int amsgrad = 0; amsgrad <= 1; amsgrad++) {
        ln_adam_step s = {.one_minus_beta1 = 0.1f,
                          .beta2 = 0.999f,
                          .one_minus_beta2 = 0.001f,
                          .eps = 1e-8f,
                          .step_size = 0.01f,
                          .bias2_sqrt = 0.5f,
                          .weight_decay = 0.1f,
                          .decay = 0.99f,
                          .sign = -1};
        for (size_t j = 0; j < n; j++) {
            float w = c->y[j] * s.decay;
            float g = fmaf(s.weight_decay, w, -c->x[j]);
            average[j] = fmaf(s.one_minus_beta1, g - c->z[j], c->z[j]);
            square[j] = fmaf(s.one_minus_beta2 * g, g, s.beta2 * c->x[j]);
            largest[j] = square[j] > c->y[j] ? square[j] : c->y[j];
            float used = amsgrad != 0 ? largest[j] : square[j];
            float denominator = sqrtf(used) / s.bias2_sqrt + s.eps;
            weight[j] = fmaf(-s.step_size, average[j] / denominator, w);
        }
        memcpy(c->out, c->y, n * sizeof(float));
        memcpy(c->out2, c->z, n * sizeof(float));
        memcpy(c->out3, c->x, n * sizeof(float));
        memcpy(c->out4, c->y, n * sizeof(float));
        c->set->adam(n, &s, c->x, c->out2, c->out3, amsgrad != 0 ? c->out4 : NULL, c->out);
        check_same(average, c->out2, n, "%s adam %zu exp_avg", c->set->name, n);
        check_same(square, c->out3, n, "%s adam %zu exp_avg_sq", c->set->name, n);
        check_same(weight, c->out, n, "%s adam %zu weight", c->set->name, n);
        if (amsgrad != 0) {
            check_same(largest, c->out4, n, "%s adam %zu max_exp_avg_sq", c->set->name, n);
        }
    }
}

static void check_nadam(const rows_case *c)
{
    float weight[LONGEST], average[LONGEST], square[LONGEST];
    size_t n = c->n;
    ln_adam_step s = {.one_minus_beta1 = 0.1f,
                      .beta2 = 0.999f,
                      .one_minus_beta2 = 0.001f,
                      .eps = 1e-8f,
                      .step_size = 0.01f,
                      .gradient_size = 0.03f,
                      .bias2_sqrt = 0.5f,
                      .weight_decay = 0.1f,
                      .decay = 0.99f,
                      .sign = -1};
    for (size_t j = 0; j < n; j++) {
        float w = c->y[j] * s.decay;
        float g = fmaf(s.weight_decay, w, -c->x[j]);
        average[j] = fmaf(s.one_minus_beta1, g - c->z[j], c->z[j]);
        square[j] = fmaf(s.one_minus_beta2 * g, g, s.beta2 * c->x[j]);
        float denominator = sqrtf(square[j]) / s.bias2_sqrt + s.eps;
        w = fmaf(-s.gradient_size, g / denominator, w);
        weight[j] = fmaf(-s.step_size, average[j] / denominator, w);
    }
    memcpy(c->out, c->y, n * sizeof(float));
    memcpy(c->out2, c->z, n * sizeof(float));
    memcpy(c->out3, c->x, n * sizeof(float));
    c->set->nadam(n, &s, c->x, c->out2, c->out3, c->out);
    check_same(average, c->out2, n, "%s nadam %zu exp_avg", c->set->name, n);
    check_same(square, c->out3, n, "%s nadam %zu exp_avg_sq", c->set->name, n);
    check_same(weight, c->out, n, "%s nadam %zu weight", c->set->name, n);
}

static void check_rmsprop(const rows_case *c)
{
    float weight[LONGEST], square[LONGEST], buffer[LONGEST], average[LONGEST];
    size_t n = c->n;
    ln_rmsprop_step s = {0.01f, 0.75f, 0.25f, 1e-8f, 0.9f, 0.1f, -1.0f};
    for (int variant = 0; variant < 4; variant++) {
        bool momentum = (variant & 1) != 0, centered = (variant & 2) != 0;
        for (size_t j = 0; j < n; j++) {
            float g = fmaf(s.weight_decay, c->y[j], -c->x[j]);
            square[j] = fmaf(s.one_minus_alpha * g, g, s.alpha * c->x[j]);
            average[j] = fmaf(s.one_minus_alpha, g - c->y[j], c->y[j]);
            float used = centered ? fmaf(-average[j], average[j], square[j]) : square[j];
            used = centered && used < 0 ? 0 : used;
            buffer[j] = g / (sqrtf(used) + s.eps);
            buffer[j] = momentum ? fmaf(s.momentum, c->z[j], buffer[j]) : buffer[j];
            weight[j] = fmaf(-s.lr, buffer[j], c->y[j]);
        }
        memcpy(c->out, c->y, n * sizeof(float));
        memcpy(c->out2, c->x, n * sizeof(float));
        memcpy(c->out3, c->z, n * sizeof(float));
        memcpy(c->out4, c->y, n * sizeof(float));
        c->set->rmsprop(n, &s, c->x, c->out2, momentum ? c->out3 : NULL, centered ? c->out4 : NULL,
                        c->out);
        check_same(square, c->out2, n, "%s rmsprop %zu square_avg", c->set->name, n);
        check_same(momentum ? buffer : c->z, c->out3, n, "%s rmsprop %zu momentum_buffer",
                   c->set->name, n);
        check_same(centered ? average : c->y, c->out4, n, "%s rmsprop %zu grad_avg", c->set->name,
                   n);
        check_same(weight, c->out, n, "%s rmsprop %zu variant %d", c->set->name, n, variant);
    }
}

static void check_adagrad(const rows_case *c)
{
    float weight[LONGEST], sum[LONGEST];
    size_t n = c->n;
    ln_adagrad_step s = {0.01f, 1e-8f, 0.1f, -1.0f};
    for (size_t j = 0; j < n; j++) {
        float g = fmaf(s.weight_decay, c->y[j], -c->x[j]);
        sum[j] = fmaf(g, g, c->z[j]);
        weight[j] = fmaf(-s.lr, g / (sqrtf(sum[j]) + s.eps), c->y[j]);
    }
    memcpy(c->out, c->y, n * sizeof(float));
    memcpy(c->out2, c->z, n * sizeof(float));
    c->set->adagrad(n, &s, c->x, c->out2, c->out);
    check_same(sum, c->out2, n, "%s adagrad %zu sum", c->set->name, n);
    check_same(weight, c->out, n, "%s adagrad %zu weight", c->set->name, n);
}

static void rows_of_set(const ln_kernels *set)
{
    check_random random = {set->tile_columns};
    for (size_t n = 0; n <= 580; n += n < 140 ? 1 : 44) {
        for (size_t offset = 0; offset < 4; offset += 3) {
            /* Ends at the guard page, so the beginning is misaligned for nearly every n. */
            size_t size = (n + offset) * sizeof(float);
            float *block[7];
            for (size_t i = 0; i < 7; i++) {
                block[i] = check_guarded(size);
                if ((n + offset) % 3 == 0) {
                    check_fill_special(&random, block[i], n);
                } else {
                    check_fill(&random, block[i], n);
                }
            }
            for (int in_place = 0; in_place <= 1; in_place++) {
                rows_case c = {set,      n,        in_place != 0, block[0], block[1],
                               block[2], block[3], block[4],      block[5], block[6]};
                check_elementwise(&c);
                check_activations(&c);
                check_dropout(&c);
                if (n > 0) {
                    check_softmax(&c);
                }
                check_sgd(&c);
                check_adam(&c);
                check_nadam(&c);
                check_rmsprop(&c);
                check_adagrad(&c);
            }
            for (size_t i = 0; i < 7; i++) {
                check_guarded_free(block[i], size);
            }
        }
    }
}

static void test_rows(void **state)
{
    (void)state;
    each_set(rows_of_set);
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
        cmocka_unit_test(test_bf16_fma),    cmocka_unit_test(test_tiles),
        cmocka_unit_test(test_products),    cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_column_sums), cmocka_unit_test(test_rows),
        cmocka_unit_test(test_select),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
