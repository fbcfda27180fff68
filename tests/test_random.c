/* test_random.c - the generators against published and recorded draws. */
#include "support/check.h"

#include <math.h>

#include "numeric/functions.h"
#include "numeric/random.h"
#include "support/vectors.h"

/* Known answers published with Random123 for philox4x32-10. */
static void test_philox(void **state)
{
    (void)state;
    static const uint32_t answers[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d,
         0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
         0x94fdcceb, 0x5001e420, 0x24126ea1}};
    for (size_t i = 0; i < 3; i++) {
        uint32_t out[4];
        ln_philox(answers[i], answers[i] + 4, out);
        assert_memory_equal(out, answers[i] + 6, sizeof out);
    }
}

static void test_philox_permutation(void **state)
{
    (void)state;
    enum { N = 1000 };
    int64_t order[N], again[N];
    bool seen[N] = {false};
    ln_philox_permutation(ln_philox_stream(5, 1, 0, LN_STREAM_SHUFFLE), N, order);
    ln_philox_permutation(ln_philox_stream(5, 1, 0, LN_STREAM_SHUFFLE), N, again);
    assert_memory_equal(order, again, sizeof order);
    size_t moved = 0;
    for (size_t i = 0; i < N; i++) {
        assert_in_range(order[i], 0, N - 1);
        assert_false(seen[order[i]]);
        seen[order[i]] = true;
        moved += order[i] != (int64_t)i;
    }
    assert_true(moved > N - 20);
    ln_philox_permutation(ln_philox_stream(5, 2, 0, LN_STREAM_SHUFFLE), N, again);
    assert_memory_not_equal(order, again, sizeof order);
    ln_philox_permutation(ln_philox_stream(5, 2, 0, 0), 0, again);
    ln_philox_permutation(ln_philox_stream(5, 2, 0, 0), 1, again);
    assert_int_equal(again[0], 0);
}

/* Blocks come whole, one behind the other, and differ in their order and within. */
static void test_philox_order(void **state)
{
    (void)state;
    enum { N = 103, BLOCK = 10, BLOCKS = 11 };
    int64_t order[N], all[N];
    ln_philox_order(5, 1, N, 0, all);
    ln_philox_permutation(ln_philox_stream(5, 1, 0, LN_STREAM_SHUFFLE), N, order);
    assert_memory_equal(all, order, sizeof order);
    ln_philox_order(5, 1, N, N, order);
    ln_philox_permutation(ln_philox_stream(5, 1, 1, LN_STREAM_SHUFFLE), N, all);
    assert_memory_equal(all, order, sizeof order);

    int64_t blocks[BLOCKS], within[BLOCK];
    ln_philox_order(5, 1, N, BLOCK, order);
    ln_philox_permutation(ln_philox_stream(5, 1, 0, LN_STREAM_SHUFFLE), BLOCKS, blocks);
    size_t at = 0;
    for (size_t i = 0; i < BLOCKS; i++) {
        size_t count = blocks[i] == BLOCKS - 1 ? N % BLOCK : BLOCK;
        uint32_t step = 1 + (uint32_t)blocks[i];
        ln_philox_permutation(ln_philox_stream(5, 1, step, LN_STREAM_SHUFFLE), count, within);
        for (size_t j = 0; j < count; j++) {
            assert_int_equal(order[at++], blocks[i] * BLOCK + within[j]);
        }
    }
    assert_int_equal(at, N);
    ln_philox_order(5, 1, N, 1, order); /* blocks of one row are rows */
    ln_philox_permutation(ln_philox_stream(5, 1, 0, LN_STREAM_SHUFFLE), N, all);
    assert_memory_equal(all, order, sizeof order);
    ln_philox_order(5, 1, 0, BLOCK, order);
}

/* Kept shares over a million draws stay within five standard deviations. */
static void test_philox_share(void **state)
{
    (void)state;
    ln_philox_key key = ln_philox_stream(1, 0, 0, 0);
    size_t kept = 0, total = 0;
    for (uint64_t row = 0; row < 1000; row++) {
        for (uint64_t column = 0; column < 1000; column++, total++) {
            kept += ln_philox_word(key, row, column) >> 8 >= (1u << 24) / 5;
        }
    }
    double share = (double)kept / (double)total;
    assert_true(fabs(share - 0.8) < 5 * sqrt(0.8 * 0.2 / (double)total));
}

static void test_torch_draws(void **state)
{
    (void)state;
    json_t *vectors = vectors_load(VECTORS_AVX2);
    ln_torch_generator generator;
    int64_t order[20];
    ln_torch_seed(&generator, 1);
    ln_torch_randperm(&generator, 20, order);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(order[i], (int64_t)json_number_value(json_array_get(
                                       json_object_get(vectors, "randperm20_seed1"), i)));
    }
    static const double probabilities[] = {0.1, 0.2, 0.5, 0.9};
    static const char *const names[] = {"0.1", "0.2", "0.5", "0.9"};
    json_t *masks = json_object_get(vectors, "dropout_nomkl_seed123");
    for (size_t i = 0; i < 4; i++) {
        size_t count;
        float *expected = vectors_floats(json_object_get(masks, names[i]), &count);
        uint8_t keep[64];
        assert_int_equal(count, 64);
        ln_torch_seed(&generator, 123);
        ln_torch_bernoulli(&generator, 1 - probabilities[i], 64, keep);
        for (size_t j = 0; j < 64; j++) {
            assert_int_equal(keep[j], expected[j] != 0);
        }
        free(expected);
    }
    static const uint64_t seeds[] = {UINT64_MAX, UINT64_MAX - 4, (UINT64_C(1) << 32) + 7};
    static const char *const seed_names[] = {"-1", "-5", "4294967303"};
    for (size_t i = 0; i < 3; i++) {
        size_t count;
        json_t *pair = json_object_get(json_object_get(vectors, "seeds"), seed_names[i]);
        float *expected = vectors_floats(json_array_get(pair, 1), &count);
        float found[2];
        ln_torch_seed(&generator, seeds[i]);
        ln_torch_uniform(&generator, 0, 1, 2, found);
        check_same(expected, found, 2, "torch.rand(2) under seed %s", seed_names[i]);
        free(expected);
    }
    json_decref(vectors);
}

/* 36 masks of a PyTorch with MKL, after torch.manual_seed(123). */
static void test_mkl_draws(void **state)
{
    (void)state;
    static const char expected[] = "222222020000002020220002200002020000";
    ln_torch_generator generator, other;
    uint8_t keep[36];
    ln_torch_seed(&generator, 123);
    ln_torch_choose(&generator, LINNET_RNG_TORCH_MKL);
    ln_torch_bernoulli(&generator, 0.5, 36, keep);
    for (size_t i = 0; i < 36; i++) {
        assert_int_equal(keep[i], expected[i] == '2');
    }
    /* One word was drawn, whatever the number of elements. */
    ln_torch_seed(&other, 123);
    ln_torch_random(&other);
    assert_int_equal(ln_torch_random(&generator), ln_torch_random(&other));
}

/* ---- torch.get_rng_state() ---- */

static void check_state(const char *name, const uint8_t *bytes, uint64_t next)
{
    ln_torch_generator generator;
    linnet_error error;
    uint8_t again[LN_TORCH_STATE];
    ln_torch_seed(&generator, 99);
    check_ok(ln_torch_set_state(&generator, bytes, LN_TORCH_STATE, &error), &error);
    ln_torch_get_state(&generator, again);
    if (memcmp(bytes, again, LN_TORCH_STATE) != 0) {
        fail_msg("%s: other bytes come out", name);
    }
    assert_int_equal(ln_torch_random64(&generator), next);
}

/* States that PyTorch 1.13.1 wrote (make_rng_states.py): fresh, within a block, at its end, and
 * with a normal sample waiting. */
static void test_torch_states(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t next; /* what the next 64 bits are */
    } expected[] = {
#include "data/torch/rng_states.inc"
    };
    linnet_state_dict *states;
    linnet_error error;
    check_ok(linnet_state_dict_load(LN_TEST_DATA "/torch/rng_states.safetensors", &states, &error),
             &error);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const linnet_tensor *bytes = linnet_state_dict_get(states, expected[i].name);
        assert_non_null(bytes);
        assert_int_equal(linnet_tensor_numel(bytes), LN_TORCH_STATE);
        check_state(expected[i].name, bytes->data, expected[i].next);
    }
    /* The same states out of our own draws. */
    ln_torch_generator generator;
    uint8_t found[LN_TORCH_STATE];
    ln_torch_seed(&generator, (UINT64_C(1) << 33) + 5);
    static const size_t draws[] = {0, 1, 622, 1, 1};
    for (size_t i = 0; i < 5; i++) {
        for (size_t j = 0; j < draws[i]; j++) {
            ln_torch_random(&generator);
        }
        ln_torch_get_state(&generator, found);
        const linnet_tensor *bytes = linnet_state_dict_get(states, expected[i].name);
        assert_memory_equal(found, bytes->data, LN_TORCH_STATE);
    }
    linnet_state_dict_free(states);
}

static void test_bad_states(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value[2];
    } changes[] = {{8, {0, 0}}, {8, {113, 2}}, {12, {0, 0}}, {16, {113, 2}}};
    ln_torch_generator generator, before;
    linnet_error error;
    uint8_t bytes[LN_TORCH_STATE];
    ln_torch_seed(&generator, 3);
    for (size_t i = 0; i < 4; i++) {
        ln_torch_get_state(&generator, bytes);
        memcpy(bytes + changes[i].at, changes[i].value, 2);
        before = generator;
        assert_int_equal(ln_torch_set_state(&generator, bytes, sizeof bytes, &error),
                         LINNET_ERROR_FORMAT);
        assert_string_equal(error.message, "Invalid mt19937 state");
        assert_memory_equal(&before, &generator, sizeof before);
    }
    ln_torch_get_state(&generator, bytes);
    assert_int_equal(ln_torch_set_state(&generator, bytes, 5048, &error), LINNET_ERROR_FORMAT);
    assert_string_equal(error.message, "expected a generator's state of 5056 bytes "
                                       "(torch.get_rng_state()), found 5048");
    /* A state that contradicts itself draws nothing from beyond its words. */
    bytes[8] = 200;
    bytes[16] = 0x70;
    bytes[17] = 2;
    check_ok(ln_torch_set_state(&generator, bytes, sizeof bytes, &error), &error);
    for (int i = 0; i < 1000; i++) {
        ln_torch_random(&generator);
    }
}

/* The distance from `exact` in units of the last place of a float of that size. */
static double ulps(float found, double exact)
{
    int exponent;
    frexp(exact, &exponent);
    return fabs((double)found - exact) / ldexp(1.0, (exponent < -125 ? -125 : exponent) - 24);
}

static double exact_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double exact_normal(double x)
{
    return 0.5 * erfc(-x * 0.70710678118654752440);
}

/* Every 4099th float; bench/accuracy.c does all of them. */
static void check_function(const char *name, float (*function)(float), double (*exact)(double),
                           double bound)
{
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 4099) {
        float x = ln_from_bits((uint32_t)bits);
        float found = function(x);
        double expected = exact((double)x);
        bool good = isnan(expected)          ? isnan(found)
                    : isinf((float)expected) ? found == (float)expected
                                             : ulps(found, expected) < bound;
        if (!good) {
            fail_msg("%s(%.9g): expected %.17g, found %.9g", name, (double)x, expected,
                     (double)found);
        }
    }
}

static void test_functions(void **state)
{
    (void)state;
    check_function("exp", ln_exp, exp, 1);
    check_function("expm1", ln_expm1, expm1, 1.5);
    check_function("log", ln_log, log, 1);
    check_function("log1p", ln_log1p, log1p, 1.5);
    check_function("sigmoid", ln_sigmoid, exact_sigmoid, 1.5);
    check_function("tanh", ln_tanh, tanh, 1.5);
    check_function("erf", ln_erf, erf, 1.5);
    check_function("normal", ln_normal, exact_normal, 4.5);
}

/* Functions by bits where they have to be exact: -0 apart from +0, a NaN equal to a NaN. */
static void test_function_edges(void **state)
{
    (void)state;
    static const float tiny = 0x1p-149f;
    static const struct {
        const char *name;
        float (*function)(float);
        float values[8][2]; /* argument and result */
        size_t count;
    } cases[] = {
        {"exp", ln_exp, {{-INFINITY, 0}, {INFINITY, INFINITY}, {0, 1}, {NAN, NAN}}, 4},
        {"log",
         ln_log,
         {{0, -INFINITY}, {-0.0f, -INFINITY}, {INFINITY, INFINITY}, {1, 0}, {-1, NAN}, {NAN, NAN}},
         6},
        {"expm1",
         ln_expm1,
         {{0, 0}, {-0.0f, -0.0f}, {tiny, tiny}, {-INFINITY, -1}, {INFINITY, INFINITY}, {NAN, NAN}},
         6},
        {"log1p",
         ln_log1p,
         {{0, 0},
          {-0.0f, -0.0f},
          {-tiny, -tiny},
          {-1, -INFINITY},
          {-1.5f, NAN},
          {-INFINITY, NAN},
          {INFINITY, INFINITY},
          {NAN, NAN}},
         8},
        {"sigmoid",
         ln_sigmoid,
         {{0, 0.5f}, {-0.0f, 0.5f}, {-INFINITY, 0}, {INFINITY, 1}, {-104, 0}, {NAN, NAN}},
         6},
        {"tanh",
         ln_tanh,
         {{0, 0}, {-0.0f, -0.0f}, {tiny, tiny}, {-INFINITY, -1}, {INFINITY, 1}, {NAN, NAN}},
         6},
        {"erf",
         ln_erf,
         {{0, 0}, {-0.0f, -0.0f}, {-tiny, -tiny}, {-INFINITY, -1}, {INFINITY, 1}, {NAN, NAN}},
         6},
        {"normal",
         ln_normal,
         {{0, 0.5f}, {-0.0f, 0.5f}, {-INFINITY, 0}, {INFINITY, 1}, {-15, 0}, {NAN, NAN}},
         6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t j = 0; j < cases[i].count; j++) {
            float found = cases[i].function(cases[i].values[j][0]);
            check_same(&cases[i].values[j][1], &found, 1, "%s(%g)", cases[i].name,
                       (double)cases[i].values[j][0]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_philox),       cmocka_unit_test(test_philox_permutation),
        cmocka_unit_test(test_philox_order), cmocka_unit_test(test_philox_share),
        cmocka_unit_test(test_torch_draws),  cmocka_unit_test(test_mkl_draws),
        cmocka_unit_test(test_torch_states), cmocka_unit_test(test_bad_states),
        cmocka_unit_test(test_functions),    cmocka_unit_test(test_function_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
