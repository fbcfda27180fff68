/* test_machine.c - the probes do the work that they are timed for, and the limits refuse what they
 * cannot measure. How fast a machine is is no test. */
#include "support/check.h"

#include <math.h>

#include "kernel/kernel.h"

static const ln_kernels *selected(void)
{
    const ln_kernels *set;
    linnet_error error;
    check_ok(ln_kernels_select(&set, &error), &error);
    return set;
}

/* Every chain is an fma chain as long as it was asked for, and the count is that of all chains. */
static void chains_of_set(const char *isa, void *context)
{
    (void)context;
    const ln_kernels *set = selected();
    size_t size = LN_PROBE_FLOATS * sizeof(float);
    float *chains = check_guarded(size), expected[LN_PROBE_FLOATS];
    static const size_t rounds[] = {0, 1, 2, 7, 30};
    for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++) {
        check_random random = {i};
        check_fill(&random, chains, LN_PROBE_FLOATS);
        memcpy(expected, chains, size);
        size_t used = set->probe_fma(1, chains);
        assert_in_range(used, 1, LN_PROBE_FLOATS);
        memcpy(chains, expected, size);
        assert_int_equal(set->probe_fma(rounds[i], chains), rounds[i] * used);
        for (size_t c = 0; c < used; c++) {
            for (size_t r = 0; r < rounds[i]; r++) {
                expected[c] = fmaf(expected[c], 0.5f, 0.5f);
            }
        }
        check_same(expected, chains, LN_PROBE_FLOATS, "%s, %zu rounds", isa, rounds[i]);
    }
    check_guarded_free(chains, size);
}

/* Small whole numbers add up exactly in any order, so that a float left out or read twice shows. */
static void reads_of_set(const char *isa, void *context)
{
    (void)context;
    const ln_kernels *set = selected();
    enum { BLOCKS = 3 };
    size_t n = BLOCKS * LN_PROBE_FLOATS;
    float *x = check_guarded(n * sizeof *x), sums[LN_PROBE_FLOATS] = {0};
    float expected = 0, found = 0;
    for (size_t i = 0; i < n; i++) {
        x[i] = (float)(i % 37 + 1);
        expected += x[i];
    }
    set->probe_read(0, x, sums);
    set->probe_read(n, x, sums);
    for (size_t i = 0; i < LN_PROBE_FLOATS; i++) {
        found += sums[i];
    }
    check_same(&expected, &found, 1, "%s", isa);
    check_guarded_free(x, n * sizeof *x);
}

static void limits_of_set(const char *isa, void *context)
{
    (void)isa, (void)context;
    linnet_error error;
    for (int threads = 1; threads <= 3; threads++) {
        double flops, bytes;
        check_ok(linnet_machine_peak(threads, 1e-4, &flops, &error), &error);
        assert_true(flops > 0 && isfinite(flops));
        check_ok(linnet_machine_bandwidth(threads, 1, 1e-4, &bytes, &error), &error);
        assert_true(bytes > 0 && isfinite(bytes));
        check_ok(linnet_machine_bandwidth(threads, 3000001, 1e-4, &bytes, &error), &error);
        assert_true(bytes > 0 && isfinite(bytes));
    }
}

static void test_chains(void **state)
{
    (void)state;
    check_each_isa(chains_of_set, NULL);
}

static void test_reads(void **state)
{
    (void)state;
    check_each_isa(reads_of_set, NULL);
}

static void test_limits(void **state)
{
    (void)state;
    check_each_isa(limits_of_set, NULL);
}

static void test_refusals(void **state)
{
    (void)state;
    linnet_error error;
    double rate = 1;
    static const double times[] = {0, -1, NAN, INFINITY};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        assert_int_equal(linnet_machine_peak(1, times[i], &rate, &error), LINNET_ERROR_ARGUMENT);
        assert_int_equal(linnet_machine_bandwidth(1, 64, times[i], &rate, &error),
                         LINNET_ERROR_ARGUMENT);
        assert_true(rate == 0);
    }
    assert_int_equal(linnet_machine_peak(1, 0, &rate, &error), LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.message, "expected a time above 0 seconds to measure for, found 0");
    assert_int_equal(linnet_machine_peak(-1, 1, &rate, &error), LINNET_ERROR_ARGUMENT);
    assert_int_equal(linnet_machine_bandwidth(1, 0, 1, &rate, &error), LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.message, "expected a buffer of 1 byte or more");
    assert_int_equal(linnet_machine_bandwidth(2, SIZE_MAX, 1, &rate, NULL), LINNET_ERROR_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
