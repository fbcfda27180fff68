/* test_precise.c - cos and pow in double against the C library's in long double, where that holds
 * more digits. */
#include "support/check.h"

#include <float.h>
#include <math.h>

#include "numeric/precise.h"

/* Rounded correctly: no further from the truth than half a unit in the last place, and a hair for
 * the truth's own error. */
static void check_rounded(const char *what, double x, double y, long double truth, double found)
{
    int power;
    frexp((double)truth, &power);
    double unit = ldexp(1, power - DBL_MANT_DIG);
    if (!(fabsl(truth - (long double)found) <= 0.502L * (long double)unit)) {
        fail_msg("%s(%.17g, %.17g): expected %.17g, found %.17g, %g units away", what, x, y,
                 (double)truth, found, (double)((truth - (long double)found) / (long double)unit));
    }
}

static double uniform(check_random *random, double from, double to)
{
    return from + (to - from) * ((double)(check_next(random) >> 11) * 0x1p-53);
}

static void test_cos(void **state)
{
    (void)state;
    if (LDBL_MANT_DIG < 64) {
        skip();
    }
    check_random random = {3};
    for (int i = 0; i < 20000; i++) {
        double x = i % 2 == 0 ? uniform(&random, -10, 10)
                              : 3.141592653589793 * (double)(check_next(&random) % 1000000) /
                                    (double)(check_next(&random) % 1000 + 1);
        check_rounded("cos", x, 0, cosl((long double)x), ln_cos(x));
    }
    assert_true(ln_cos(0) == 1 && ln_cos(3.141592653589793) == -1);
    assert_true(ln_cos(-2.5) == ln_cos(2.5));
    assert_true(ln_cos(3.141592653589793 / 2) == 6.123233995736766e-17);
    assert_true(isnan(ln_cos((double)INFINITY)) && isnan(ln_cos((double)NAN)) &&
                isnan(ln_cos(0x1p41)));
}

static void test_pow(void **state)
{
    (void)state;
    if (LDBL_MANT_DIG < 64) {
        skip();
    }
    check_random random = {4};
    for (int i = 0; i < 20000; i++) {
        double x = uniform(&random, 0, i % 3 == 0 ? 1 : 4);
        double y = i % 2 == 0 ? uniform(&random, -20, 20) : (double)(check_next(&random) % 60) - 20;
        long double truth = powl((long double)x, (long double)y);
        if (truth > 1e-290L && truth < 1e300L) {
            check_rounded("pow", x, y, truth, ln_pow(x, y));
        }
    }
    static const double cases[][3] = {
        {0.1, 2, 0.010000000000000002},
        {0.999, 5000, 0.006721111959865588},
        {-2, 3, -8},
        {-0.5, -4, 16},
        {0, 0, 1},
        {0, 2, 0},
        {1, 1e300, 1},
        {0.5, 1, 0.5},
        {0.9, 1e6, 0},
        {2, 1023, 0x1p1023},
        {-1, 4097, -1},
        {0.3, 1, 0.3},
        {-10, 401, -(double)INFINITY},
        {10, -400, 0},
        {1.5, 1e5, (double)INFINITY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double found = ln_pow(cases[i][0], cases[i][1]);
        if (found != cases[i][2]) {
            fail_msg("pow(%g, %g): expected %.17g, found %.17g", cases[i][0], cases[i][1],
                     cases[i][2], found);
        }
    }
    assert_true(isnan(ln_pow(-1, 0.5)) && isnan(ln_pow((double)NAN, 2)));
    assert_true(isinf(ln_pow(0, -1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cos),
        cmocka_unit_test(test_pow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
