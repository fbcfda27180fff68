/* test_activations.c - the scalar definitions of the activations against their formulas in double.
 *
 * Values over a range and into the tails, slopes against difference quotients of the formula, and
 * by bits what has to be exact: infinities, NaN, and both sides of each edge. That every kernel set
 * has the bits of these definitions is test_rows.c's. */
#include "support/check.h"

#include <math.h>

#include "support/engine.h"

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double bounded(double x, double low, double high)
{
    return fmin(fmax(x, low), high);
}

/* Each formula as PyTorch's documentation has it. */
static double formula(size_t which, double x, double p, double q)
{
    switch ((ln_activation_index)which) {
    case LN_ACTIVATION_elu: return x > 0 ? p * x : q * expm1(x);
    case LN_ACTIVATION_celu: return fmax(0, x) + fmin(0, p * expm1(x * q));
    case LN_ACTIVATION_leaky_relu: return fmax(0, x) + p * fmin(0, x);
    case LN_ACTIVATION_gelu: return x * 0.5 * erfc(-x / sqrt(2));
    case LN_ACTIVATION_gelu_tanh:
        return x * sigmoid(2 * sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x));
    case LN_ACTIVATION_silu: return x * sigmoid(x);
    case LN_ACTIVATION_mish: return x * tanh(log1p(exp(x)));
    case LN_ACTIVATION_softplus: return x * p > q ? x : log1p(exp(p * x)) / p;
    case LN_ACTIVATION_softsign: return x / (1 + fabs(x));
    case LN_ACTIVATION_tanh: return tanh(x);
    case LN_ACTIVATION_sigmoid: return sigmoid(x);
    case LN_ACTIVATION_log_sigmoid: return -log1p(exp(-x));
    case LN_ACTIVATION_hardtanh: return bounded(x, p, q);
    case LN_ACTIVATION_hardswish: return x * bounded(x + 3, 0, 6) / 6;
    case LN_ACTIVATION_hardsigmoid: return bounded(x / 6 + 0.5, 0, 1);
    case LN_ACTIVATION_hardshrink: return x > p || x < -p ? x : 0;
    case LN_ACTIVATION_softshrink: return x > p ? x - p : x < -p ? x + p : 0;
    case LN_ACTIVATION_tanhshrink: return x - tanh(x);
    case LN_ACTIVATION_threshold: return x > p ? x : q;
    case LN_ACTIVATION_COUNT: break;
    }
    fail_msg("no formula for activation %zu", which);
    return NAN;
}

/* Parameters that make sense for every row: p < q, and celu's q is 1 / p. */
static const float parameters[2] = {0.5f, 2.0f};

/* Whether an edge lies within h of x: at p and q, at softplus' threshold q / p, at 0 and 3. */
static bool near_edge(double x, double h)
{
    static const double edges[] = {-3, -0.5, 0, 0.5, 2, 3, 4};
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        if (fabs(x - edges[i]) <= h) {
            return true;
        }
    }
    return false;
}

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < LN_ACTIVATION_COUNT; i++) {
        const activation_definition *a = &activation_definitions[i];
        /* Where the formula is a difference, the error is in units of what is subtracted. */
        bool difference = i == LN_ACTIVATION_tanhshrink || i == LN_ACTIVATION_hardsigmoid ||
                          i == LN_ACTIVATION_hardswish;
        for (int step = -4000; step <= 4000; step++) {
            float x = (float)step * 0.02f + (step % 2 != 0 ? 0x1p-12f : 0.0f);
            double expected = formula(i, (double)x, 0.5, 2);
            double found = (double)a->forward(x, parameters[0], parameters[1]);
            /* The tanh of GELU's u and the sigmoid of it grow what rounding u did to it. */
            double scale = i == LN_ACTIVATION_gelu_tanh
                               ? fabs(expected) * (1 + fabs((double)(x * x * x)) * 0.08)
                               : fabs(expected) + (difference ? fabs((double)x) : 0);
            if (!(fabs(found - expected) <= 4e-7 * scale + 0x1p-146)) {
                fail_msg("%s(%.9g): expected %.9g, found %.9g", a->name, (double)x, expected,
                         found);
            }
        }
    }
}

static void test_slopes(void **state)
{
    (void)state;
    for (size_t i = 0; i < LN_ACTIVATION_COUNT; i++) {
        const activation_definition *a = &activation_definitions[i];
        size_t compared = 0;
        for (int step = -1000; step <= 1000; step++) {
            double h = 1e-5, x = (double)(float)(step * 0.0213);
            if (near_edge(x, h)) {
                continue;
            }
            double expected = (formula(i, x + h, 0.5, 2) - formula(i, x - h, 0.5, 2)) / (2 * h);
            double found = (double)a->backward((float)x, -4.0f, parameters[0], parameters[1]) / -4;
            if (!(fabs(found - expected) <= 2e-6)) {
                fail_msg("%s's slope at %.9g: expected %.9g, found %.9g", a->name, x, expected,
                         found);
            }
            compared++;
        }
        assert_true(compared > 1900);
    }
}

static void check_value(size_t which, float x, float expected)
{
    const activation_definition *a = &activation_definitions[which];
    float found = a->forward(x, parameters[0], parameters[1]);
    check_same(&expected, &found, 1, "%s(%g)", a->name, (double)x);
}

static void check_slope(size_t which, float x, float expected)
{
    const activation_definition *a = &activation_definitions[which];
    float found = a->backward(x, 1.0f, parameters[0], parameters[1]);
    check_same(&expected, &found, 1, "%s's slope at %g", a->name, (double)x);
}

/* NaN passes everywhere; at the infinities the limits, or NaN where PyTorch's formula has it:
 * infinity times 0, infinity over infinity. */
static void test_infinities(void **state)
{
    (void)state;
    static const struct {
        ln_activation_index which;
        float low, high;
    } cases[] = {
        {LN_ACTIVATION_elu, -2, INFINITY},
        {LN_ACTIVATION_celu, -0.5f, INFINITY},
        {LN_ACTIVATION_leaky_relu, -INFINITY, INFINITY},
        {LN_ACTIVATION_gelu, NAN, INFINITY},
        {LN_ACTIVATION_gelu_tanh, NAN, INFINITY},
        {LN_ACTIVATION_silu, NAN, INFINITY},
        {LN_ACTIVATION_mish, NAN, INFINITY},
        {LN_ACTIVATION_softplus, 0, INFINITY},
        {LN_ACTIVATION_softsign, NAN, NAN},
        {LN_ACTIVATION_tanh, -1, 1},
        {LN_ACTIVATION_sigmoid, 0, 1},
        {LN_ACTIVATION_log_sigmoid, -INFINITY, 0},
        {LN_ACTIVATION_hardtanh, 0.5f, 2},
        {LN_ACTIVATION_hardswish, NAN, INFINITY},
        {LN_ACTIVATION_hardsigmoid, 0, 1},
        {LN_ACTIVATION_hardshrink, -INFINITY, INFINITY},
        {LN_ACTIVATION_softshrink, -INFINITY, INFINITY},
        {LN_ACTIVATION_tanhshrink, -INFINITY, INFINITY},
        {LN_ACTIVATION_threshold, 2, INFINITY},
    };
    assert_int_equal(sizeof cases / sizeof *cases, LN_ACTIVATION_COUNT);
    for (size_t i = 0; i < LN_ACTIVATION_COUNT; i++) {
        check_value(cases[i].which, -INFINITY, cases[i].low);
        check_value(cases[i].which, INFINITY, cases[i].high);
        check_value(cases[i].which, NAN, NAN);
    }
}

/* Finite values however large have finite results, and slopes. */
static void test_large(void **state)
{
    (void)state;
    static const float values[] = {-3e38f, -1e20f, -1e4f, 1e4f, 1e20f, 1e38f};
    for (size_t i = 0; i < LN_ACTIVATION_COUNT; i++) {
        const activation_definition *a = &activation_definitions[i];
        for (size_t j = 0; j < sizeof values / sizeof *values; j++) {
            float y = a->forward(values[j], parameters[0], parameters[1]);
            float slope = a->backward(values[j], 1.0f, parameters[0], parameters[1]);
            if (!isfinite(y) || !(slope >= 0 && slope <= 1)) {
                fail_msg("%s at %g: %g, slope %g", a->name, (double)values[j], (double)y,
                         (double)slope);
            }
        }
    }
}

/* Which side an edge belongs to: PyTorch's. */
static void test_edges(void **state)
{
    (void)state;
    check_slope(LN_ACTIVATION_elu, 0, 2);
    check_slope(LN_ACTIVATION_celu, 0, 1);
    check_slope(LN_ACTIVATION_leaky_relu, 0, 0.5f);
    check_slope(LN_ACTIVATION_softplus, 4, 0x1.c2f7d6p-1f);
    check_value(LN_ACTIVATION_softplus, 4.5f, 4.5f);
    check_slope(LN_ACTIVATION_softplus, 4.5f, 1);
    check_slope(LN_ACTIVATION_hardtanh, 0.5f, 0);
    check_slope(LN_ACTIVATION_hardtanh, 2, 0);
    check_slope(LN_ACTIVATION_hardtanh, 1, 1);
    check_slope(LN_ACTIVATION_hardswish, -3, -0.5f);
    check_slope(LN_ACTIVATION_hardswish, 3, 1);
    check_slope(LN_ACTIVATION_hardsigmoid, -3, 0);
    check_slope(LN_ACTIVATION_hardsigmoid, 3, 0);
    check_value(LN_ACTIVATION_hardshrink, 0.5f, 0);
    check_value(LN_ACTIVATION_hardshrink, -0.5f, 0);
    check_slope(LN_ACTIVATION_hardshrink, 0.5f, 0);
    check_slope(LN_ACTIVATION_hardshrink, -0.5f, 0);
    check_value(LN_ACTIVATION_softshrink, 0.5f, 0);
    check_slope(LN_ACTIVATION_softshrink, -0.5f, 0);
    check_value(LN_ACTIVATION_threshold, 0.5f, 2);
    check_slope(LN_ACTIVATION_threshold, 0.5f, 0);
    check_slope(LN_ACTIVATION_tanh, 0, 1);
    check_slope(LN_ACTIVATION_sigmoid, 0, 0.25f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),     cmocka_unit_test(test_slopes),
        cmocka_unit_test(test_infinities), cmocka_unit_test(test_large),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
