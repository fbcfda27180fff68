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

static void tile_of_set(const ln_kernels *set)
{
    check_random random = {1};
    size_t width = set->tile_columns;
    static const size_t depths[] = {1, 2, 3, 63, 64, 255, 256};
    for (size_t rows = 1; rows <= set->tile_rows; rows++) {
        for (size_t d = 0; d < sizeof depths / sizeof *depths; d++) {
            size_t k = depths[d];
            size_t lda = k + rows % 3;
            size_t a_size = ((rows - 1) * lda + k) * sizeof(float);
            size_t b_size = k * width * sizeof(float);
            size_t c_size = rows * width * sizeof(float);
            float *a = check_guarded(a_size), *b = check_guarded(b_size),
                  *c = check_guarded(c_size);
            float expected[LN_MAX_TILE_ROWS * LN_MAX_TILE_COLUMNS];
            check_fill(&random, a, a_size / sizeof(float));
            check_fill(&random, b, b_size / sizeof(float));
            for (int add = 0; add <= 1; add++) {
                check_fill(&random, c, c_size / sizeof(float));
                for (size_t r = 0; r < rows; r++) {
                    for (size_t j = 0; j < width; j++) {
                        float s = 0;
                        for (size_t i = 0; i < k; i++) {
                            s = fmaf(a[r * lda + i], b[i * width + j], s);
                        }
                        expected[r * width + j] = add != 0 ? c[r * width + j] + s : s;
                    }
                }
                set->tile(rows, k, a, lda, b, c, width, add != 0);
                check_same(expected, c, rows * width, "%s tile rows %zu k %zu add %d", set->name,
                           rows, k, add);
            }
            check_guarded_free(a, a_size);
            check_guarded_free(b, b_size);
            check_guarded_free(c, c_size);
        }
    }
}

static void test_tiles(void **state)
{
    (void)state;
    each_set(tile_of_set);
}

typedef struct product_case {
    size_t m, n, k;
} product_case;

/* C by the definition: A is (m, k), B is (k, n). */
static void define_product(ln_sum sum, const product_case *p, const float *a, const float *b,
                           const float *bias, float *c)
{
    for (size_t i = 0; i < p->m; i++) {
        for (size_t j = 0; j < p->n; j++) {
            c[i * p->n + j] = sum == LN_SUM_FEATURES
                                  ? ln_sum_features(p->k, a + i * p->k, 1, b + j, p->n,
                                                    bias != NULL ? bias[j] : 0)
                                  : ln_sum_batch(p->k, a + i * p->k, 1, b + j, p->n);
        }
    }
}

static void negate(void *context, size_t row, size_t first, size_t count, float *c)
{
    (void)row;
    assert_true(first % LN_EPILOGUE_ALIGNMENT == 0);
    assert_non_null(context);
    for (size_t j = 0; j < count; j++) {
        c[j] = -c[j];
    }
}

/* Packs A and B from matrices that lie as they are or transposed, multiplies, and compares. */
static void check_product(const ln_kernels *set, ln_pool *pool, ln_sum sum, const product_case *p,
                          bool transposed, bool with_bias)
{
    check_random random = {p->m * 1000003 + p->n * 1009 + p->k};
    float *a = ln_alloc(p->m * p->k, sizeof *a), *b = ln_alloc(p->k * p->n, sizeof *b);
    float *a_t = ln_alloc(p->m * p->k, sizeof *a), *b_t = ln_alloc(p->k * p->n, sizeof *b);
    float *bias = ln_alloc(p->n, sizeof *bias);
    check_fill(&random, a, p->m * p->k);
    check_fill(&random, b, p->k * p->n);
    check_fill(&random, bias, p->n);
    for (size_t i = 0; i < p->m; i++) {
        for (size_t l = 0; l < p->k; l++) {
            a_t[l * p->m + i] = a[i * p->k + l];
        }
    }
    for (size_t l = 0; l < p->k; l++) {
        for (size_t j = 0; j < p->n; j++) {
            b_t[j * p->k + l] = b[l * p->n + j];
        }
    }
    float *packed_a = ln_alloc(ln_packed_a_size(p->m, p->k), sizeof *packed_a);
    float *packed_b = ln_alloc(ln_packed_b_size(set, p->k, p->n), sizeof *packed_b);
    size_t c_size = p->m * p->n * sizeof(float);
    float *c = check_guarded(c_size), *expected = ln_alloc(p->m * p->n, sizeof *expected);
    ptrdiff_t k = (ptrdiff_t)p->k, m = (ptrdiff_t)p->m, n = (ptrdiff_t)p->n;
    ln_pack_a(pool, sum, p->m, p->k, transposed ? a_t : a, transposed ? 1 : k, transposed ? m : 1,
              packed_a);
    ln_pack_b(set, pool, p->k, p->n, transposed ? b_t : b, transposed ? 1 : n, transposed ? k : 1,
              packed_b);
    int context = 0;
    ln_product product = {.sum = sum,
                          .m = p->m,
                          .n = p->n,
                          .k = p->k,
                          .a = packed_a,
                          .b = packed_b,
                          .bias = with_bias ? bias : NULL,
                          .c = c,
                          .epilogue = transposed ? negate : NULL,
                          .context = &context};
    ln_multiply(set, pool, &product);
    define_product(sum, p, a, b, with_bias ? bias : NULL, expected);
    if (transposed) {
        for (size_t i = 0; i < p->m * p->n; i++) {
            expected[i] = -expected[i];
        }
    }
    check_same(expected, c, p->m * p->n,
               "%s product sum %d m %zu n %zu k %zu transposed %d threads %d", set->name, (int)sum,
               p->m, p->n, p->k, transposed, ln_pool_threads(pool));
    check_guarded_free(c, c_size);
    ln_free(a), ln_free(b), ln_free(a_t), ln_free(b_t), ln_free(bias);
    ln_free(packed_a), ln_free(packed_b), ln_free(expected);
}

static void products_of_set(const ln_kernels *set)
{
    static const product_case cases[] = {
        {0, 5, 7},     {5, 0, 7},      {3, 4, 0},     {1, 1, 1},    {1, 10, 300},
        {2, 33, 256},  {13, 64, 257},  {14, 32, 64},  {15, 31, 65}, {16, 130, 63},
        {29, 65, 513}, {97, 129, 128}, {200, 7, 129}, {5, 200, 700}};
    static const int threads[] = {1, 2, 3, 8};
    for (size_t t = 0; t < 4; t++) {
        ln_pool *pool;
        linnet_error error;
        check_ok(ln_pool_create(threads[t], &pool, &error), &error);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            for (int variant = 0; variant < 4; variant++) {
                check_product(set, pool, LN_SUM_FEATURES, &cases[i], variant % 2 != 0,
                              variant / 2 != 0);
            }
            check_product(set, pool, LN_SUM_BATCH, &cases[i], false, false);
            check_product(set, pool, LN_SUM_BATCH, &cases[i], true, false);
        }
        ln_pool_free(pool);
    }
    /* Every number of rows and columns around the tiles of all sets. */
    for (size_t m = 1; m <= 30; m++) {
        for (size_t n = 1; n <= 66; n += m % 3 + 1) {
            check_product(set, NULL, LN_SUM_FEATURES, &(product_case){m, n, 37}, false, true);
            check_product(set, NULL, LN_SUM_BATCH, &(product_case){m, n, 70}, true, false);
        }
    }
}

static void test_products(void **state)
{
    (void)state;
    each_set(products_of_set);
}

static void column_sums_of_set(const ln_kernels *set)
{
    check_random random = {7};
    static const float one = 1;
    for (size_t rows = 0; rows <= 460; rows += rows < 130 ? 1 : 55) {
        size_t n = rows % 5 == 0 ? 300 : rows % 7 + 1;
        float *x = ln_alloc(rows * n, sizeof *x);
        float expected[300], found[300];
        check_fill(&random, x, rows * n);
        for (size_t j = 0; j < n; j++) {
            expected[j] = ln_sum_batch(rows, x + j, n, &one, 0);
        }
        ln_sum_columns(set, NULL, rows, n, x, found);
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
        cmocka_unit_test(test_tiles),       cmocka_unit_test(test_products),
        cmocka_unit_test(test_column_sums), cmocka_unit_test(test_rows),
        cmocka_unit_test(test_select),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
