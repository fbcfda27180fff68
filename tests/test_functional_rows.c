/* test_functional_rows.c - relu, dropout, softmax, log_softmax and cross_entropy: values as the
 * definition's, by bits and under every kernel set, and as mathematics has them; and that the
 * caller's floating-point environment changes nothing. Shapes and texts are in test_functional.c.
 * */
#include "support/check.h"
#include "support/tensors.h"

#include <math.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "kernel/kernel.h"
#include "numeric/random.h"
#include "numeric/sums.h"

/* ---- relu, dropout ---- */

static void test_relu(void **state)
{
    (void)state;
    float x[6] = {NAN, -0.0f, -1, 2, INFINITY, -INFINITY};
    linnet_error error;
    linnet_tensor y;
    linnet_tensor input = view_of(x, LINNET_FLOAT32, SHAPE(2, 3));
    check_ok(linnet_tensor_t(&input, &input, &error), &error);
    check_ok(linnet_relu(&input, &y, &error), &error);
    check_same((const float[]){NAN, 2, -0.0f, INFINITY, 0, 0}, y.data, 6, "relu");
    assert_int_equal(y.shape[0], 3);
    assert_true(linnet_tensor_is_contiguous(&y));
    linnet_tensor_free(&y);
    input = view_of(x, LINNET_FLOAT32, 0, NULL);
    check_ok(linnet_relu(&input, &y, &error), &error);
    assert_true(isnan(*(float *)y.data));
    linnet_tensor_free(&y);
    input = view_of(x, LINNET_FLOAT32, SHAPE(3, 0));
    check_ok(linnet_relu(&input, &y, &error), &error);
    assert_int_equal(linnet_tensor_numel(&y), 0);
    linnet_tensor_free(&y);
    input = view_of(x, LINNET_INT32, SHAPE(3));
    expect_error(linnet_relu(&input, &y, &error), LINNET_ERROR_UNSUPPORTED, &error,
                 "relu: expected input of dtype float32, found int32");
    assert_null(y.data);
}

/* Word by word, from the generator's definition. */
static void dropout_under(const char *isa, void *context)
{
    (void)context;
    enum { ROWS = 6, COLUMNS = 130 };
    static const double probabilities[] = {0, 0.1, 0.5, 0.75, 1, 1e-9, 1 - 1e-9};
    static float x[ROWS * COLUMNS], expected[ROWS * COLUMNS];
    check_random random = {10};
    check_fill_special(&random, x, ROWS * COLUMNS);
    linnet_tensor input = view_of(x, LINNET_FLOAT32, SHAPE(2, 3, COLUMNS));
    ln_philox_key key = ln_philox_stream(77, 0, 0, 0);
    for (size_t i = 0; i < sizeof probabilities / sizeof probabilities[0]; i++) {
        double p = probabilities[i];
        float scale = p < 1 ? (float)(1 / (1 - p)) : 0;
        size_t kept = 0;
        for (size_t row = 0; row < ROWS; row++) {
            for (size_t column = 0; column < COLUMNS; column++) {
                bool keep = (double)(ln_philox_word(key, row, column) >> 8) >= rint(p * 0x1p24);
                expected[row * COLUMNS + column] =
                    x[row * COLUMNS + column] * (keep ? scale : 0.0f);
                kept += keep;
            }
        }
        assert_true(fabs((double)kept - (1 - p) * ROWS * COLUMNS) < 80);
        linnet_error error;
        linnet_tensor y;
        check_ok(linnet_dropout(&input, p, true, 77, &y, &error), &error);
        check_same(expected, y.data, ROWS * COLUMNS, "%s dropout %g", isa, p);
        linnet_tensor_free(&y);
        check_ok(linnet_dropout(&input, p, false, 77, &y, &error), &error);
        check_same(x, y.data, ROWS * COLUMNS, "%s dropout %g in eval", isa, p);
        linnet_tensor_free(&y);
    }
}

static void test_dropout(void **state)
{
    (void)state;
    check_each_isa(dropout_under, NULL);
    static const struct {
        double p;
        const char *text;
    } cases[] = {{1.5, "1.5"}, {-0.1, "-0.1"},    {NAN, "nan"},
                 {2, "2.0"},   {-1e-9, "-1e-09"}, {1.0000001, "1.0000001"}};
    float x[4] = {1, 2, INFINITY, -1};
    linnet_error error;
    linnet_tensor y;
    linnet_tensor input = view_of(x, LINNET_FLOAT32, SHAPE(4));
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        char message[128];
        snprintf(message, sizeof message,
                 "dropout probability has to be between 0 and 1, but got %s", cases[i / 2].text);
        expect_error(linnet_dropout(&input, cases[i / 2].p, i % 2 == 0, 0, &y, &error),
                     LINNET_ERROR_ARGUMENT, &error, message);
        assert_null(y.data);
    }
    check_ok(linnet_dropout(&input, 1, true, 0, &y, &error), &error); /* x times 0, as PyTorch */
    check_same((const float[]){0, 0, NAN, -0.0f}, y.data, 4, "p = 1");
    linnet_tensor_free(&y);
    input = view_of(x, LINNET_FLOAT32, 0, NULL);
    check_ok(linnet_dropout(&input, 0, true, 0, &y, &error), &error);
    assert_true(*(float *)y.data == 1);
    linnet_tensor_free(&y);
    input = view_of(x, LINNET_FLOAT32, SHAPE(2, 0));
    check_ok(linnet_dropout(&input, 0.5, true, 0, &y, &error), &error);
    linnet_tensor_free(&y);
    input = view_of(x, LINNET_UINT8, SHAPE(4));
    expect_error(linnet_dropout(&input, 0.5, true, 0, &y, &error), LINNET_ERROR_UNSUPPORTED, &error,
                 "dropout: expected input of dtype float32, found uint8");
    assert_null(y.data);
}

/* ---- softmax ---- */

/* Every vector along every dimension, picked out by its definition, goes through the scalar set. */
static void expect_softmax(const linnet_tensor *x, int dim, bool logarithm, const linnet_tensor *y,
                           const char *isa)
{
    ln_shape shape = ln_tensor_shape(x);
    int64_t n = x->shape[dim];
    for (int64_t i = 0; i < linnet_tensor_numel(x); i++) {
        int64_t index[LINNET_MAX_RANK];
        unravel(i, &shape, index);
        if (index[dim] != 0) {
            continue;
        }
        float in[64], out[64], found[64];
        double sum = 0;
        for (index[dim] = 0; index[dim] < n; index[dim]++) {
            in[index[dim]] = element(x, index, x->rank);
            found[index[dim]] = element(y, index, x->rank);
            sum += exp((double)in[index[dim]]);
        }
        const ln_kernels *scalar = ln_kernels_at(0);
        (logarithm ? scalar->log_softmax : scalar->softmax)((size_t)n, in, out);
        check_same(out, found, (size_t)n, "%s dim %d at %lld", isa, dim, (long long)i);
        for (int64_t j = 0; j < n; j++) { /* and is what it is called */
            double exact = logarithm ? (double)in[j] - log(sum) : exp((double)in[j]) / sum;
            assert_true(fabs((double)found[j] - exact) <= 1e-6 * fmax(1, fabs(exact)));
        }
    }
}

static void softmax_under(const char *isa, void *context)
{
    (void)context;
    check_random random = {11};
    for (int transposed = 0; transposed < 2; transposed++) {
        operand x = random_operand(&random, SHAPE(3, 37, 4), transposed != 0);
        for (int dim = 0; dim < 3; dim++) {
            linnet_error error;
            linnet_tensor y;
            check_ok(linnet_softmax(&x.tensor, dim, &y, &error), &error);
            expect_softmax(&x.tensor, dim, false, &y, isa);
            linnet_tensor_free(&y);
            check_ok(linnet_log_softmax(&x.tensor, dim - 3, &y, &error), &error);
            expect_softmax(&x.tensor, dim, true, &y, isa);
            linnet_tensor_free(&y);
        }
        linnet_tensor_free(&x.owner);
    }
}

static void test_softmax(void **state)
{
    (void)state;
    check_each_isa(softmax_under, NULL);
    /* A scalar, and what PyTorch gives where there is no answer. */
    static const struct {
        float x[2], soft[2], logarithm[2];
    } cases[] = {
        {{1, NAN}, {NAN, NAN}, {NAN, NAN}},
        {{1, INFINITY}, {NAN, NAN}, {NAN, NAN}},
        {{-INFINITY, -INFINITY}, {NAN, NAN}, {NAN, NAN}},
        {{-INFINITY, 0}, {0, 1}, {-INFINITY, 0}},
        {{3e38f, -3e38f}, {1, 0}, {0, -INFINITY}},
    };
    linnet_error error;
    linnet_tensor y;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        linnet_tensor input = view_of((void *)(uintptr_t)cases[i].x, LINNET_FLOAT32, SHAPE(1, 2));
        check_ok(linnet_softmax(&input, 1, &y, &error), &error);
        check_same(cases[i].soft, y.data, 2, "softmax %zu", i);
        linnet_tensor_free(&y);
        check_ok(linnet_log_softmax(&input, 1, &y, &error), &error);
        check_same(cases[i].logarithm, y.data, 2, "log_softmax %zu", i);
        linnet_tensor_free(&y);
    }
    float five = 5;
    linnet_tensor scalar = view_of(&five, LINNET_FLOAT32, 0, NULL);
    check_ok(linnet_softmax(&scalar, -1, &y, &error), &error);
    assert_true(*(float *)y.data == 1);
    linnet_tensor_free(&y);
}

/* ---- cross_entropy ---- */

/* Rule 2 over the rows' losses, one by one from the scalar set. */
static void cross_entropy_under(const char *isa, void *context)
{
    (void)context;
    enum { ROWS = 201, CLASSES = 19 };
    static float x[ROWS * CLASSES], losses[ROWS];
    static int64_t target[ROWS];
    check_random random = {12};
    check_fill(&random, x, ROWS * CLASSES);
    for (int64_t rows = 1; rows <= ROWS; rows += rows < 4 || rows > 190 ? 1 : 31) {
        for (int ignored = 0; ignored < 2; ignored++) {
            size_t counted = 0;
            double exact = 0;
            for (int64_t i = 0; i < rows; i++) {
                bool skip = ignored && i % 3 == 1;
                target[i] = skip ? -100 : (int64_t)(check_next(&random) % CLASSES);
                losses[i] = skip ? 0
                                 : ln_kernels_at(0)->cross_entropy(CLASSES, x + i * CLASSES,
                                                                   (size_t)target[i], 1, NULL);
                double sum = 0;
                for (int j = 0; j < CLASSES; j++) {
                    sum += exp((double)x[i * CLASSES + j]);
                }
                exact += skip ? 0 : log(sum) - (double)x[i * CLASSES + target[i]];
                counted += !skip;
            }
            const float one = 1;
            float expected = ln_sum_batch((size_t)rows, losses, 1, &one, 0) / (float)counted;
            linnet_error error;
            linnet_tensor y;
            linnet_tensor input = view_of(x, LINNET_FLOAT32, SHAPE(rows, CLASSES));
            linnet_tensor labels = view_of(target, LINNET_INT64, SHAPE(rows));
            check_ok(linnet_cross_entropy(&input, &labels, &y, &error), &error);
            check_same(&expected, y.data, 1, "%s %lld rows", isa, (long long)rows);
            assert_true(fabs((double)expected - exact / (double)counted) < 1e-6 * exact);
            assert_int_equal(y.rank, 0);
            linnet_tensor_free(&y);
        }
    }
}

static float cross_entropy_of(linnet_tensor input, linnet_tensor target)
{
    linnet_error error;
    linnet_tensor y;
    check_ok(linnet_cross_entropy(&input, &target, &y, &error), &error);
    float loss = *(float *)y.data;
    linnet_tensor_free(&y);
    return loss;
}

static void test_cross_entropy(void **state)
{
    (void)state;
    check_each_isa(cross_entropy_under, NULL);
    float x[12] = {1, 2, 3, 4, 0, 0, 0, 0, -1, -2, -3, -4};
    int64_t target[3] = {1, 2, 3};
    uint8_t narrow[3] = {1, 2, 3};
    float all = cross_entropy_of(view_of(x, LINNET_FLOAT32, SHAPE(3, 4)),
                                 view_of(target, LINNET_INT64, SHAPE(3)));
    assert_true(fabsf(all - 2.4222243f) < 1e-6f); /* PyTorch's */
    assert_true(all == cross_entropy_of(view_of(x, LINNET_FLOAT32, SHAPE(3, 4)),
                                        view_of(narrow, LINNET_UINT8, SHAPE(3))));
    assert_true(cross_entropy_of(view_of(x, LINNET_FLOAT32, SHAPE(4)),
                                 view_of(target, LINNET_INT64, 0, NULL)) ==
                cross_entropy_of(view_of(x, LINNET_FLOAT32, SHAPE(1, 4)),
                                 view_of(target, LINNET_INT64, SHAPE(1))));
    assert_true(isnan(cross_entropy_of(view_of(x, LINNET_FLOAT32, SHAPE(0, 4)),
                                       view_of(target, LINNET_INT64, SHAPE(0)))));
    linnet_tensor columns = view_of(x, LINNET_FLOAT32, SHAPE(4, 3)); /* strided: x.t() */
    linnet_error error;
    check_ok(linnet_tensor_t(&columns, &columns, &error), &error);
    float copy[12];
    for (int i = 0; i < 12; i++) {
        copy[i] = x[i % 4 * 3 + i / 4];
    }
    assert_true(cross_entropy_of(columns, view_of(target, LINNET_INT64, SHAPE(3))) ==
                cross_entropy_of(view_of(copy, LINNET_FLOAT32, SHAPE(3, 4)),
                                 view_of(target, LINNET_INT64, SHAPE(3))));

    linnet_tensor y;
    linnet_tensor input = view_of(x, LINNET_FLOAT32, SHAPE(3, 2, 2));
    linnet_tensor labels = view_of(target, LINNET_INT64, SHAPE(3));
    expect_error(linnet_cross_entropy(&input, &labels, &y, &error), LINNET_ERROR_UNSUPPORTED,
                 &error, "cross_entropy: expected input of shape (N, C) or (C), found [3, 2, 2]");
    assert_null(y.data);
    input = view_of(x, LINNET_FLOAT32, SHAPE(3, 4));
    expect_error(linnet_cross_entropy(&input, &input, &y, &error), LINNET_ERROR_UNSUPPORTED, &error,
                 "cross_entropy: expected class indices (int64) as target, found class "
                 "probabilities (float32)");
    assert_null(y.data);
    input = view_of(x, LINNET_FLOAT64, SHAPE(3, 2));
    expect_error(linnet_cross_entropy(&input, &labels, &y, &error), LINNET_ERROR_UNSUPPORTED,
                 &error, "cross_entropy: expected input of dtype float32, found float64");
    assert_null(y.data);
}

/* ---- the caller's floating-point environment ---- */

#if defined(__x86_64__)

/* Everything that computes, with results that flush-to-zero and another rounding would change. */
static void run_all(float out[40])
{
    static float x[6] = {0x1.8p-140f, 0.1f, 0.7f, -0x1p-149f, 3, 0.3f};
    static float w[6] = {0.3f, 0x1p-130f, 0.11f, 0.9f, 0x1p-145f, -2};
    static int64_t target[2] = {2, 0};
    linnet_error error;
    linnet_tensor input = view_of(x, LINNET_FLOAT32, SHAPE(2, 3));
    linnet_tensor weight = view_of(w, LINNET_FLOAT32, SHAPE(2, 3));
    linnet_tensor labels = view_of(target, LINNET_INT64, SHAPE(2));
    linnet_tensor y[8], weight_t, half;
    check_ok(linnet_tensor_t(&weight, &weight_t, &error), &error);
    check_ok(linnet_linear(&input, &weight, NULL, &y[0], &error), &error);
    check_ok(linnet_mm(&input, &weight_t, &y[1], &error), &error);
    check_ok(linnet_addmm(&y[1], &input, &weight_t, 0.1f, 0.7f, &y[2], &error), &error);
    check_ok(linnet_softmax(&input, 1, &y[3], &error), &error);
    check_ok(linnet_log_softmax(&input, 0, &y[4], &error), &error);
    check_ok(linnet_cross_entropy(&input, &labels, &y[5], &error), &error);
    check_ok(linnet_dropout(&input, 0.3, true, 1, &y[6], &error), &error);
    check_ok(linnet_tensor_to(&input, LINNET_FLOAT64, &half, &error), &error);
    check_ok(linnet_tensor_to(&half, LINNET_FLOAT32, &y[7], &error), &error);
    linnet_tensor_free(&half);
    size_t used = 0;
    for (int i = 0; i < 8; i++) {
        size_t numel = (size_t)linnet_tensor_numel(&y[i]);
        memcpy(out + used, y[i].data, numel * sizeof *out);
        used += numel;
        linnet_tensor_free(&y[i]);
    }
    assert_int_equal(used, 37);
}

static void test_environment(void **state)
{
    (void)state;
    float expected[40] = {0}, found[40] = {0};
    run_all(expected);
    unsigned int before = _mm_getcsr();
    const unsigned int modes[] = {0x8040, 0x2000, 0x4000, 0xe040}; /* FTZ, DAZ; rounding */
    for (int i = 0; i < 4; i++) {
        _mm_setcsr((before & ~0xe040u) | modes[i]);
        if ((_mm_getcsr() & 0xe040u) != modes[i]) {
            _mm_setcsr(before);
            print_message("no floating-point mode %x here: an emulator without it\n", modes[i]);
            continue;
        }
        run_all(found);
        unsigned int after = _mm_getcsr();
        _mm_setcsr(before);
        assert_int_equal(after & 0xe040u, modes[i]);
        check_same(expected, found, 37, "mode %x", modes[i]);
    }
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relu),
        cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_cross_entropy),
#if defined(__x86_64__)
        cmocka_unit_test(test_environment),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
