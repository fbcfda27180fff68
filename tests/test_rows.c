/* test_rows.c - the row kernels of every set against the scalar definition, by bits.
 *
 * Over all short lengths, misaligned, with memory that ends at a guard page and special values, in
 * place and apart. The references are the contract of docs/numerics.md said again, as plainly as
 * possible. Compiled twice, for float32 and float64, as the kernels are. */
#include "support/check.h"

#include <math.h>

#include "kernel/kernel.h"
#include "numeric/activations.h"
#include "numeric/bf16.h"
#include "numeric/random.h"
#include "support/engine.h"

#define LONGEST 600

/* Which kernels of rows.def have been run. */
enum {
#define LN_ROW_KERNEL(result, name, arguments) ROW_##name,
#include "kernel/rows.def"
#undef LN_ROW_KERNEL
    ROW_COUNT
};
static bool has_run[ROW_COUNT];

typedef struct rows_case {
    const ln_kernels *set;
    size_t n;
    bool in_place;
    const ln_real *x, *y, *z, *u, *v, *w; /* inputs, at the end of guarded memory */
    ln_real *out, *out2, *out3, *out4;
} rows_case;

/* A kernel of the case's set. */
#define KERNEL(name) (has_run[ROW_##name] = true, c->set->name)

/* Runs `call` with the input `in`, and the output apart or being the input itself. */
#define RUN(input, call)                                                                           \
    do {                                                                                           \
        const ln_real *in = input;                                                                 \
        if (c->in_place) {                                                                         \
            memcpy(c->out, input, c->n * sizeof *c->out);                                          \
            in = c->out;                                                                           \
        }                                                                                          \
        call;                                                                                      \
    } while (0)

/* expected[j] = `value` for all j. */
#define EXPECT(value)                                                                              \
    for (size_t j = 0; j < c->n; j++) {                                                            \
        expected[j] = value;                                                                       \
    }

static void same(const rows_case *c, const char *what, const ln_real *expected,
                 const ln_real *found)
{
    check_same(expected, found, c->n, "%s %s of %zu", c->set->name, what, c->n);
}

static void same_number(const rows_case *c, const char *what, ln_real expected, ln_real found)
{
    check_same(&expected, &found, 1, "%s %s of %zu", c->set->name, what, c->n);
}

static void copy(const rows_case *c, ln_real *to, const ln_real *from)
{
    memcpy(to, from, c->n * sizeof *to);
}

static ln_real define_max(size_t n, const ln_real *x)
{
    ln_real max = -INFINITY;
    for (size_t j = 0; j < n; j++) {
        max = x[j] > max ? x[j] : max;
    }
    return max;
}

/* ---- elementwise ---- */

static void check_elementwise(const rows_case *c)
{
    ln_real expected[LONGEST];
    size_t n = c->n;
    EXPECT(c->y[j] + c->x[j]);
    copy(c, c->out, c->y);
    KERNEL(add)(n, c->x, c->out);
    same(c, "add", expected, c->out);

    EXPECT(c->x[j] * 0.25f);
    RUN(c->x, KERNEL(scale)(n, in, 0.25f, NULL, NULL, c->out));
    same(c, "scale", expected, c->out);
    EXPECT(ln_fma(c->x[j], LN_REAL(0.1), -c->y[j]) / c->z[j]);
    RUN(c->x, KERNEL(scale)(n, in, LN_REAL(0.1), c->y, c->z, c->out));
    same(c, "scale with mean and std", expected, c->out);

    EXPECT(c->x[j] < 0 ? 0 : c->x[j]);
    RUN(c->x, KERNEL(relu)(n, in, c->out));
    same(c, "relu", expected, c->out);
    EXPECT(c->y[j] <= 0 ? 0 : c->x[j]);
    RUN(c->x, KERNEL(relu_backward)(n, c->y, in, c->out));
    same(c, "relu_backward", expected, c->out);

    EXPECT(c->x[j] > 0 ? c->x[j] : c->y[j] * c->x[j]);
    RUN(c->x, KERNEL(prelu)(n, in, c->y, c->out));
    same(c, "prelu", expected, c->out);
    EXPECT(c->x[j] > 0 ? c->z[j] : c->y[j] * c->z[j]);
    RUN(c->z, KERNEL(prelu_backward)(n, c->x, c->y, in, c->out));
    same(c, "prelu_backward", expected, c->out);
    EXPECT(c->x[j] > 0 ? 0 : c->x[j] * c->z[j]);
    RUN(c->z, KERNEL(prelu_terms)(n, c->x, in, c->out));
    same(c, "prelu_terms", expected, c->out);
}

static void check_glu(const rows_case *c)
{
    ln_real expected[LONGEST], gate[LONGEST];
    size_t n = c->n;
    EXPECT(c->x[j] * ln_sigmoid(c->y[j]));
    RUN(c->y, KERNEL(glu)(n, c->x, in, c->out));
    same(c, "glu", expected, c->out);
    for (size_t j = 0; j < n; j++) {
        gate[j] = ln_activate_sigmoid_backward(c->y[j], c->z[j] * c->x[j], 0, 0);
    }
    EXPECT(c->z[j] * ln_sigmoid(c->y[j]));
    const ln_real *const inputs[] = {c->x, c->y, c->z};
    for (size_t i = 0; i < 3; i++) { /* either output may be any of the inputs */
        const ln_real *at[] = {c->x, c->y, c->z};
        copy(c, c->out, inputs[i]);
        copy(c, c->out2, inputs[(i + 1) % 3]);
        if (c->in_place) {
            at[i] = c->out;
            at[(i + 1) % 3] = c->out2;
        }
        KERNEL(glu_backward)(n, at[0], at[1], at[2], c->out, c->out2);
        same(c, "glu_backward", expected, c->out);
        same(c, "glu_backward, gate", gate, c->out2);
    }
}

/* x is widened so that it reaches the tails of the functions and both sides of every edge. */
static void check_activations(const rows_case *c)
{
    static const ln_real parameters[][2] = {{0.5f, 2.0f}, {-1.0f, 1.0f}, {1.0f, 20.0f}};
    ln_real expected[LONGEST], slopes[LONGEST];
    ln_real *x = c->out2;
    size_t n = c->n;
    for (size_t j = 0; j < n; j++) {
        x[j] = c->x[j] * (n % 2 == 0 ? 6.0f : 100.0f);
    }
    for (size_t i = 0; i < LN_ACTIVATION_COUNT; i++) {
        const activation_definition *a = &activation_definitions[i];
        const ln_activation_kernels *kernels = &c->set->activation[i];
        const ln_real *p = parameters[(n + i) % 3];
        for (size_t j = 0; j < n; j++) {
            expected[j] = a->forward(x[j], p[0], p[1]);
            slopes[j] = a->backward(x[j], c->y[j], p[0], p[1]);
        }
        RUN(x, kernels->forward(n, p, in, c->out));
        same(c, a->name, expected, c->out);
        RUN(c->y, kernels->backward(n, p, x, in, c->out));
        check_same(slopes, c->out, n, "%s %s_backward of %zu", c->set->name, a->name, n);
        RUN(x, kernels->backward(n, p, in, c->y, c->out));
        check_same(slopes, c->out, n, "%s %s_backward of %zu in x", c->set->name, a->name, n);
    }
}

#ifndef LN_FLOAT64
static void check_words(const rows_case *c)
{
    uint32_t *words = (uint32_t *)c->out;
    size_t n = c->n;
    KERNEL(bf16_words)(n, c->x, words);
    for (size_t j = 0; j < (n + 1) / 2; j++) {
        uint32_t second = 2 * j + 1 < n ? ln_bf16_operand(c->x[2 * j + 1]) : 0;
        assert_int_equal(words[j], ln_bf16_operand(c->x[2 * j]) | second << 16);
    }
    for (int alone = 0; alone <= 1; alone++) {
        KERNEL(bf16_pairs)(n, c->x, alone ? NULL : c->y, words);
        for (size_t j = 0; j < n; j++) {
            uint32_t second = alone ? 0 : ln_bf16_operand(c->y[j]);
            assert_int_equal(words[j], ln_bf16_operand(c->x[j]) | second << 16);
        }
    }
}
#endif

/* ---- random modules ---- */

static void check_draws(const rows_case *c)
{
    static const uint32_t thresholds[] = {0, 1, 1u << 23, 0xffffffu, 1u << 24};
    const ln_real from = 0.125f, to = LN_REAL(1) / 3;
    ln_real expected[LONGEST];
    uint8_t keep[LONGEST], expected_keep[LONGEST];
    size_t n = c->n;
    ln_philox_key key = ln_philox_stream(n, 3, 2, 1);
    uint64_t row = n % 3 == 0 ? UINT64_C(0x123456789) : n;
    uint64_t column = n % 2 == 0 ? 0 : n * 7;
    for (size_t t = 0; t < 5; t++) {
        for (size_t j = 0; j < n; j++) {
            expected_keep[j] = ln_philox_word(key, row, column + j) >> 8 >= thresholds[t];
        }
        KERNEL(philox_keep)(n, key.word, row, column, thresholds[t], keep);
        if (memcmp(keep, expected_keep, n) != 0) {
            fail_msg("%s philox_keep of %zu: another mask", c->set->name, n);
        }
    }
    EXPECT(
        ln_fma((ln_real)(ln_philox_word(key, row, column + j) >> 8) * 0x1p-24f, to - from, from));
    KERNEL(philox_uniform)(n, key.word, row, column, from, to, c->out);
    same(c, "philox_uniform", expected, c->out);
}

static void check_dropout(const rows_case *c)
{
    const ln_real scale = LN_REAL(1) / LN_REAL(0.7), kept = LN_REAL(0.3), dropped = -1.5f;
    ln_real expected[LONGEST];
    uint8_t keep[LONGEST];
    size_t n = c->n;
    for (size_t j = 0; j < n; j++) {
        keep[j] = (j * j + n) % 3 != 0;
    }
    EXPECT(c->x[j] * (keep[j] != 0 ? scale : 0));
    RUN(c->x, KERNEL(dropout)(n, keep, scale, in, c->out));
    same(c, "dropout", expected, c->out);
    EXPECT(keep[j] != 0 ? c->x[j] * scale : 0);
    RUN(c->x, KERNEL(dropout_backward)(n, keep, scale, in, c->out));
    same(c, "dropout_backward", expected, c->out);
    EXPECT(ln_fma(c->x[j], keep[j] != 0 ? scale : 0, keep[j] != 0 ? kept : dropped));
    RUN(c->x, KERNEL(alpha_dropout)(n, keep, scale, kept, dropped, in, c->out));
    same(c, "alpha_dropout", expected, c->out);
}

/* ---- norms ---- */

static void check_sums(const rows_case *c)
{
    ln_real away[LONGEST];
    size_t n = c->n;
    const ln_real mean = LN_REAL(0.3);
    for (size_t j = 0; j < n; j++) {
        away[j] = c->x[j] - mean;
    }
    same_number(c, "total", define_row_sum(n, c->x, 1), KERNEL(total)(n, c->x));
    same_number(c, "square_sum", define_row_dot(n, away, away, 1),
                KERNEL(square_sum)(n, c->x, mean));
}

/* Variant 0: neither weight nor bias; 1: a weight; 2: both. */
static void check_norm(const rows_case *c, int variant)
{
    ln_real expected[LONGEST], h[LONGEST], g[LONGEST];
    size_t n = c->n;
    const ln_real mean = LN_REAL(0.3), rstd = LN_REAL(1.7);
    const ln_real *weight = variant > 0 ? c->y : NULL, *bias = variant > 1 ? c->z : NULL;
    for (size_t j = 0; j < n; j++) {
        h[j] = (c->x[j] - mean) * rstd;
        g[j] = weight != NULL ? c->u[j] * weight[j] : c->u[j];
    }
    EXPECT(bias != NULL     ? ln_fma(h[j], weight[j], bias[j])
           : weight != NULL ? h[j] * weight[j]
                            : h[j]);
    RUN(c->x, KERNEL(norm)(n, in, mean, rstd, weight, bias, c->out));
    same(c, "norm", expected, c->out);
    EXPECT(c->u[j] * h[j]);
    RUN(c->u, KERNEL(norm_terms)(n, c->x, mean, rstd, in, c->out));
    same(c, "norm_terms", expected, c->out);
    for (int centered = 0; centered <= 1; centered++) {
        ln_real a = centered ? define_row_sum(n, g, 1) / (ln_real)n : 0;
        ln_real b = define_row_dot(n, g, h, 1) / (ln_real)n;
        EXPECT(rstd * (g[j] - ln_fma(h[j], b, a)));
        RUN(c->u, KERNEL(norm_backward)(n, c->x, mean, rstd, centered, weight, in, c->out));
        same(c, "norm_backward", expected, c->out);
        RUN(c->x, KERNEL(norm_backward)(n, in, mean, rstd, centered, weight, c->u, c->out));
        same(c, "norm_backward in x", expected, c->out);
    }
}

/* Mean and rstd of each column are u and v. */
static void check_batch_norm(const rows_case *c, bool affine)
{
    ln_real expected[LONGEST], h[LONGEST];
    size_t n = c->n;
    const ln_real *mean = c->u, *rstd = c->v;
    const ln_real *weight = affine ? c->y : NULL, *bias = affine ? c->z : NULL;
    for (size_t j = 0; j < n; j++) {
        h[j] = (c->x[j] - mean[j]) * rstd[j];
    }
    EXPECT((c->x[j] - mean[j]) * (c->x[j] - mean[j]));
    RUN(c->x, KERNEL(deviation)(n, in, mean, c->out));
    same(c, "deviation", expected, c->out);
    EXPECT(affine ? ln_fma(h[j], weight[j], bias[j]) : h[j]);
    RUN(c->x, KERNEL(batch_norm)(n, in, mean, rstd, weight, bias, c->out));
    same(c, "batch_norm", expected, c->out);
    EXPECT(c->w[j] * h[j]);
    RUN(c->w, KERNEL(batch_norm_terms)(n, c->x, mean, rstd, in, c->out));
    same(c, "batch_norm_terms", expected, c->out);
    /* a and b, the columns' sums, are z and y. */
    EXPECT((affine ? weight[j] * rstd[j] : rstd[j]) * (c->w[j] - ln_fma(h[j], c->y[j], c->z[j])));
    RUN(c->w, KERNEL(batch_norm_backward)(n, c->x, mean, rstd, weight, c->z, c->y, in, c->out));
    same(c, "batch_norm_backward", expected, c->out);
}

/* ---- softmax and cross entropy ---- */

static void check_softmax(const rows_case *c, ln_real max, ln_real sum, const ln_real *terms)
{
    ln_real expected[LONGEST];
    size_t n = c->n;
    EXPECT(terms[j] / sum);
    RUN(c->x, KERNEL(softmax)(n, in, c->out));
    same(c, "softmax", expected, c->out);
    EXPECT((c->x[j] - max) - ln_log(sum));
    RUN(c->x, KERNEL(log_softmax)(n, in, c->out));
    same(c, "log_softmax", expected, c->out);
    ln_real dot = define_row_dot(n, c->y, c->x, 1);
    EXPECT(c->y[j] * (c->x[j] - dot));
    RUN(c->x, KERNEL(softmax_backward)(n, c->y, in, c->out));
    same(c, "softmax_backward", expected, c->out);
    ln_real total = define_row_sum(n, c->x, 1);
    EXPECT(ln_fma(-ln_exp(c->y[j]), total, c->x[j]));
    RUN(c->x, KERNEL(log_softmax_backward)(n, c->y, in, c->out));
    same(c, "log_softmax_backward", expected, c->out);
}

static void check_cross_entropy(const rows_case *c, ln_real max, ln_real sum, const ln_real *terms)
{
    ln_real expected[LONGEST], found;
    size_t n = c->n;
    for (size_t target = 0; target < n; target += n / 3 + 1) {
        EXPECT((terms[j] / sum - (j == target ? 1 : 0)) * 0.125f);
        ln_real loss = -((c->x[target] - max) - ln_log(sum));
        RUN(c->x, found = KERNEL(cross_entropy)(n, in, target, 0.125f, c->out));
        same(c, "cross_entropy", expected, c->out);
        same_number(c, "cross_entropy, the loss", loss, found);
        found = KERNEL(cross_entropy)(n, c->x, target, 0.125f, NULL);
        same_number(c, "cross_entropy, the loss alone", loss, found);
    }
}

/* Class weights are z. */
static void check_smooth_cross_entropy(const rows_case *c, ln_real max, ln_real sum,
                                       const ln_real *terms)
{
    ln_real expected[LONGEST], away[LONGEST] = {0}, found;
    size_t n = c->n;
    ln_real total = define_row_sum(n, c->z, 1), log_sum = ln_log(sum);
    const ln_real chosen = LN_REAL(0.9) * 1.75f, rest = LN_REAL(0.1) / 7, scale = 0.125f;
    for (size_t j = 0; j < n; j++) {
        away[j] = c->x[j] - max;
    }
    ln_real smooth = ln_fma(total, log_sum, -define_row_dot(n, c->z, away, 1));
    for (size_t target = 0; target < n; target += n / 3 + 1) {
        EXPECT((terms[j] / sum * ln_fma(rest, total, chosen) -
                ln_fma(rest, c->z[j], j == target ? chosen : 0)) *
               scale);
        ln_real loss = ln_fma(rest, smooth, chosen * -(away[target] - log_sum));
        RUN(c->x, found = KERNEL(smooth_cross_entropy)(n, in, c->z, total, target, chosen, rest,
                                                       scale, c->out));
        same(c, "smooth_cross_entropy", expected, c->out);
        same_number(c, "smooth_cross_entropy, the loss", loss, found);
        found =
            KERNEL(smooth_cross_entropy)(n, c->x, c->z, total, target, chosen, rest, scale, NULL);
        same_number(c, "smooth_cross_entropy, the loss alone", loss, found);
    }
}

static void check_exponentials(const rows_case *c)
{
    ln_real terms[LONGEST] = {0};
    ln_real max = define_max(c->n, c->x);
    for (size_t j = 0; j < c->n; j++) {
        terms[j] = ln_exp(c->x[j] - max);
    }
    ln_real sum = define_row_sum(c->n, terms, 1);
    check_softmax(c, max, sum, terms);
    check_cross_entropy(c, max, sum, terms);
    check_smooth_cross_entropy(c, max, sum, terms);
}

/* ---- optimizers: x is the gradient, y the weight, z and others the state ---- */

static void check_sgd(const rows_case *c)
{
    ln_real weight[LONGEST], buffer[LONGEST];
    size_t n = c->n;
    for (int variant = 0; variant < 16; variant++) {
        ln_sgd_step s = {.lr = LN_REAL(0.1),
                         .momentum = LN_REAL(0.9),
                         .one_minus_dampening = 0.75f,
                         .weight_decay = variant & 1 ? LN_REAL(0.01) : 0,
                         .nesterov = (variant & 2) != 0,
                         .first = (variant & 4) != 0,
                         .sign = variant & 1 ? 1 : -1};
        bool has_buffer = (variant & 8) != 0;
        for (size_t j = 0; j < n; j++) {
            ln_real d = ln_fma(s.weight_decay, c->y[j], s.sign * c->x[j]);
            buffer[j] = s.first ? d : ln_fma(s.momentum, c->z[j], s.one_minus_dampening * d);
            ln_real step = s.nesterov ? ln_fma(s.momentum, buffer[j], d) : buffer[j];
            weight[j] = ln_fma(-s.lr, has_buffer ? step : d, c->y[j]);
        }
        copy(c, c->out, c->y);
        copy(c, c->out2, c->z);
        KERNEL(sgd)(n, &s, c->x, has_buffer ? c->out2 : NULL, c->out);
        same(c, "sgd", weight, c->out);
        same(c, "sgd, momentum_buffer", has_buffer ? buffer : c->z, c->out2);
    }
}

/* States are z and u, amsgrad's v. */
static void check_adam(const rows_case *c)
{
    const ln_adam_step s = {.one_minus_beta1 = LN_REAL(0.1),
                            .beta2 = LN_REAL(0.999),
                            .one_minus_beta2 = LN_REAL(0.001),
                            .eps = LN_REAL(1e-8),
                            .step_size = LN_REAL(0.01),
                            .gradient_size = LN_REAL(0.03),
                            .root_scale = 1.75f,
                            .weight_decay = LN_REAL(0.1),
                            .decay = LN_REAL(0.99),
                            .sign = -1};
    ln_real weight[LONGEST], average[LONGEST], square[LONGEST], largest[LONGEST];
    enum { ADAM, AMSGRAD, NADAM };
    for (int kind = ADAM; kind <= NADAM; kind++) {
        for (size_t j = 0; j < c->n; j++) {
            ln_real w = c->y[j] * s.decay;
            ln_real g = ln_fma(s.weight_decay, w, s.sign * c->x[j]);
            average[j] = ln_fma(s.one_minus_beta1, g - c->z[j], c->z[j]);
            square[j] = ln_fma(s.one_minus_beta2 * g, g, s.beta2 * c->u[j]);
            largest[j] = square[j] > c->v[j] ? square[j] : c->v[j];
            ln_real used = kind == AMSGRAD ? largest[j] : square[j];
            ln_real denominator = ln_fma(s.root_scale, ln_sqrt(used), s.eps);
            w = kind == NADAM ? ln_fma(-s.gradient_size, g / denominator, w) : w;
            weight[j] = ln_fma(-s.step_size, average[j] / denominator, w);
        }
        copy(c, c->out, c->y);
        copy(c, c->out2, c->z);
        copy(c, c->out3, c->u);
        copy(c, c->out4, c->v);
        if (kind == NADAM) {
            KERNEL(nadam)(c->n, &s, c->x, c->out2, c->out3, c->out);
        } else {
            ln_real *max = kind == AMSGRAD ? c->out4 : NULL;
            KERNEL(adam)(c->n, &s, c->x, c->out2, c->out3, max, c->out);
        }
        same(c, "adam or nadam", weight, c->out);
        same(c, "adam or nadam, exp_avg", average, c->out2);
        same(c, "adam or nadam, exp_avg_sq", square, c->out3);
        same(c, "adam, max_exp_avg_sq", kind == AMSGRAD ? largest : c->v, c->out4);
    }
}

/* States are z, u and v. */
static void check_rmsprop(const rows_case *c)
{
    ln_real weight[LONGEST], square[LONGEST], buffer[LONGEST], average[LONGEST];
    const ln_rmsprop_step s = {.lr = LN_REAL(0.01),
                               .alpha = 0.75f,
                               .one_minus_alpha = 0.25f,
                               .eps = LN_REAL(1e-8),
                               .momentum = LN_REAL(0.9),
                               .weight_decay = LN_REAL(0.1),
                               .sign = -1};
    for (int variant = 0; variant < 4; variant++) {
        bool momentum = (variant & 1) != 0, centered = (variant & 2) != 0;
        for (size_t j = 0; j < c->n; j++) {
            ln_real g = ln_fma(s.weight_decay, c->y[j], s.sign * c->x[j]);
            square[j] = ln_fma(s.one_minus_alpha * g, g, s.alpha * c->z[j]);
            average[j] = ln_fma(s.one_minus_alpha, g - c->v[j], c->v[j]);
            ln_real used = centered ? ln_fma(-average[j], average[j], square[j]) : square[j];
            used = centered && used < 0 ? 0 : used;
            buffer[j] = g / (ln_sqrt(used) + s.eps);
            buffer[j] = momentum ? ln_fma(s.momentum, c->u[j], buffer[j]) : buffer[j];
            weight[j] = ln_fma(-s.lr, buffer[j], c->y[j]);
        }
        copy(c, c->out, c->y);
        copy(c, c->out2, c->z);
        copy(c, c->out3, c->u);
        copy(c, c->out4, c->v);
        KERNEL(rmsprop)
        (c->n, &s, c->x, c->out2, momentum ? c->out3 : NULL, centered ? c->out4 : NULL, c->out);
        same(c, "rmsprop", weight, c->out);
        same(c, "rmsprop, square_avg", square, c->out2);
        same(c, "rmsprop, momentum_buffer", momentum ? buffer : c->u, c->out3);
        same(c, "rmsprop, grad_avg", centered ? average : c->v, c->out4);
    }
}

static void check_adagrad(const rows_case *c)
{
    ln_real weight[LONGEST], sum[LONGEST];
    const ln_adagrad_step s = {
        .lr = LN_REAL(0.01), .eps = LN_REAL(1e-8), .weight_decay = LN_REAL(0.1), .sign = -1};
    for (size_t j = 0; j < c->n; j++) {
        ln_real g = ln_fma(s.weight_decay, c->y[j], s.sign * c->x[j]);
        sum[j] = ln_fma(g, g, c->z[j]);
        weight[j] = ln_fma(-s.lr, g / (ln_sqrt(sum[j]) + s.eps), c->y[j]);
    }
    copy(c, c->out, c->y);
    copy(c, c->out2, c->z);
    KERNEL(adagrad)(c->n, &s, c->x, c->out2, c->out);
    same(c, "adagrad", weight, c->out);
    same(c, "adagrad, sum", sum, c->out2);
}

/* ---- all of them ---- */

static void check_case(const rows_case *c)
{
    check_elementwise(c);
    check_glu(c);
    check_activations(c);
#ifndef LN_FLOAT64
    check_words(c);
#endif
    check_draws(c);
    check_dropout(c);
    check_sums(c);
    for (int variant = 0; variant <= 2; variant++) {
        check_norm(c, variant);
    }
    check_batch_norm(c, false);
    check_batch_norm(c, true);
    if (c->n > 0) {
        check_exponentials(c);
    }
    check_sgd(c);
    check_adam(c);
    check_rmsprop(c);
    check_adagrad(c);
}

/* Memory ends at the guard page, so that the beginning is misaligned for nearly every n. */
static void check_length(const ln_kernels *set, size_t n, size_t offset, check_random *random)
{
    enum { INPUTS = 6, BLOCKS = 10 };
    size_t size = (n + offset) * sizeof(ln_real);
    ln_real *block[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        block[i] = check_guarded(size);
        if (i < INPUTS && (n + offset) % 3 == 0) {
            check_fill_special(random, block[i], n);
        } else {
            check_fill(random, block[i], n);
        }
    }
    for (int in_place = 0; in_place <= 1; in_place++) {
        check_case(&(rows_case){set, n, in_place != 0, block[0], block[1], block[2], block[3],
                                block[4], block[5], block[6], block[7], block[8], block[9]});
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        check_guarded_free(block[i], size);
    }
}

static void rows_of_set(const ln_kernels *set, void *context)
{
    (void)context;
    check_random random = {set->tile_columns};
    for (size_t n = 0; n <= 580; n += n < 140 ? 1 : 44) {
        check_length(set, n, 0, &random);
        check_length(set, n, 3, &random);
    }
}

static void test_rows(void **state)
{
    (void)state;
    check_each_set(rows_of_set, NULL);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (!has_run[i]) {
            fail_msg("row kernel %zu of rows.def, counted from 0, is not tested", i);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    check_name_missing_sets();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
