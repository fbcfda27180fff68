/* test_float64.c - models in double: the bits of the definition on every kernel set, batch and
 * number of threads; functions within their bounds; what mixes with float32 and what does not. */
#define LN_FLOAT64 /* the definitions in src/numeric, in double */
#include "numeric/activations.h"
#include "numeric/sums.h"
#include "support/check.h"
#include "support/scratch.h"
#include "support/torch_files.h"

enum { IN = 300, HIDDEN = 37, OUT = 5, ROWS = 150 };

static const char *const sets[] = {"scalar", "avx2", "avx512", "neon"};

static linnet_model *make_model(const char *text)
{
    linnet_error error;
    linnet_model *model;
    check_ok(linnet_model_parse(text, NULL, 0, &model, &error), &error);
    check_ok(linnet_model_to(model, LINNET_FLOAT64, &error), &error);
    linnet_model_reset_parameters(model, 3, LINNET_RNG_TORCH);
    return model;
}

static double *random_rows(size_t count)
{
    double *rows = malloc(count * sizeof *rows);
    uint64_t state = 88172645463325252u;
    for (size_t i = 0; i < count; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        rows[i] = (double)(int64_t)state * 0x1p-62;
    }
    return rows;
}

static const double *parameter(const linnet_model *model, size_t i)
{
    assert_int_equal(linnet_model_parameter(model, i)->dtype, LINNET_FLOAT64);
    return linnet_model_parameter(model, i)->data;
}

/* ---- forward ---- */

/* Sequential(Linear(IN, HIDDEN), GELU(), Linear(HIDDEN, OUT)) of one row. */
static void naive_row(const linnet_model *model, const double *x, double *y)
{
    const double *w0 = parameter(model, 0), *b0 = parameter(model, 1);
    const double *w1 = parameter(model, 2), *b1 = parameter(model, 3);
    double hidden[HIDDEN];
    for (size_t o = 0; o < HIDDEN; o++) {
        hidden[o] = ln_activate_gelu(ln_sum_features(IN, x, 1, w0 + o * IN, 1, b0[o]), 0, 0);
    }
    for (size_t o = 0; o < OUT; o++) {
        y[o] = ln_sum_features(HIDDEN, hidden, 1, w1 + o * HIDDEN, 1, b1[o]);
    }
}

/* Runs in batches of this size; false where this machine has no such set. */
static bool run_batches(const linnet_model *model, const char *set, size_t batch, int threads,
                        const double *x, double *y)
{
    linnet_error error;
    linnet_plan *plan;
    linnet_plan_options options = {.max_batch = batch, .threads = threads};
    setenv("LINNET_ISA", set, 1);
    linnet_status status = linnet_plan_create(model, &options, &plan, &error);
    unsetenv("LINNET_ISA");
    if (status == LINNET_ERROR_ARGUMENT) {
        return false;
    }
    check_ok(status, &error);
    assert_int_equal(linnet_plan_dtype(plan), LINNET_FLOAT64);
    for (size_t row = 0; row < ROWS; row += batch) {
        size_t rows = ROWS - row < batch ? ROWS - row : batch;
        check_ok(linnet_plan_run_f64(plan, x + row * IN, rows, y + row * OUT, &error), &error);
    }
    linnet_plan_free(plan);
    return true;
}

static void forward_is_the_definition(void **state)
{
    (void)state;
    static const size_t batches[] = {1, 3, 64, ROWS};
    linnet_model *model = make_model("Sequential(Linear(300, 37), GELU(), Linear(37, 5))");
    double *x = random_rows(ROWS * IN);
    static double expected[ROWS * OUT], found[ROWS * OUT];
    for (size_t row = 0; row < ROWS; row++) {
        naive_row(model, x + row * IN, expected + row * OUT);
    }
    size_t ran = 0;
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
        for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
            for (int threads = 1; threads <= 3; threads += 2) {
                memset(found, 0, sizeof found);
                if (run_batches(model, sets[s], batches[b], threads, x, found)) {
                    assert_memory_equal(found, expected, sizeof expected);
                    ran++;
                }
            }
        }
    }
    assert_true(ran >= 8); /* the scalar set is everywhere */
    free(x);
    linnet_model_free(model);
}

/* ---- training ---- */

/* Trains an epoch and leaves the parameters, one behind the other, in `out`. */
static bool train(const char *set, int threads, const char *optim, const linnet_dataset *dataset,
                  const char *checkpoint, int epochs, double *out)
{
    linnet_error error;
    linnet_trainer *trainer;
    linnet_model *model = make_model(
        "Sequential(Linear(300, 37), BatchNorm1d(37), Tanh(), Dropout(0.3), Linear(37, 5))");
    linnet_trainer_options options = {
        .optim = optim, .batch_size = 70, .seed = 4, .threads = threads};
    setenv("LINNET_ISA", set, 1);
    linnet_status status = linnet_trainer_create(model, dataset, &options, &trainer, &error);
    unsetenv("LINNET_ISA");
    if (status != LINNET_ERROR_ARGUMENT) {
        check_ok(status, &error);
        if (checkpoint != NULL && epochs > 1) {
            check_ok(linnet_trainer_load_checkpoint(trainer, checkpoint, false, NULL, &error),
                     &error);
        }
        while (linnet_trainer_epochs(trainer) < epochs) {
            check_ok(linnet_trainer_epoch(trainer, NULL, &error), &error);
        }
        if (checkpoint != NULL && epochs == 1) {
            check_ok(linnet_trainer_save_checkpoint(trainer, checkpoint, NULL, &error), &error);
        }
        for (size_t i = 0; i < linnet_model_parameter_count(model); i++) {
            size_t count = (size_t)linnet_tensor_numel(linnet_model_parameter(model, i));
            memcpy(out, parameter(model, i), count * sizeof *out);
            out += count;
        }
        linnet_trainer_free(trainer);
    }
    linnet_model_free(model);
    return status != LINNET_ERROR_ARGUMENT;
}

enum { PARAMETERS = IN * HIDDEN + 3 * HIDDEN + HIDDEN * OUT + OUT };

static linnet_dataset *make_dataset(double *x, int64_t *y)
{
    linnet_error error;
    linnet_tensor features, labels;
    linnet_dataset *dataset;
    for (int64_t i = 0; i < ROWS; i++) {
        y[i] = i * 7 % OUT;
    }
    check_ok(linnet_tensor_from(x, LINNET_FLOAT64, 2, (int64_t[]){ROWS, IN}, &features, &error),
             &error);
    check_ok(linnet_tensor_from(y, LINNET_INT64, 1, (int64_t[]){ROWS}, &labels, &error), &error);
    check_ok(linnet_dataset_create(&features, &labels, false, &dataset, &error), &error);
    return dataset;
}

static void training_is_one_number(void **state)
{
    (void)state;
    static const char *const optims[] = {"SGD(lr=0.1, momentum=0.9)", "Adam(lr=0.01)",
                                         "RMSprop(lr=0.01)"};
    static int64_t y[ROWS];
    double *x = random_rows(ROWS * IN);
    linnet_dataset *dataset = make_dataset(x, y);
    static double first[PARAMETERS], found[PARAMETERS];
    for (size_t o = 0; o < sizeof optims / sizeof *optims; o++) {
        assert_true(train("scalar", 1, optims[o], dataset, NULL, 1, first));
        for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
            if (train(sets[s], 3, optims[o], dataset, NULL, 1, found)) {
                assert_memory_equal(found, first, sizeof first);
            }
        }
    }
    linnet_dataset_free(dataset);
    free(x);
}

static void a_checkpoint_holds_every_bit(void **state)
{
    static int64_t y[ROWS];
    torch_need_zip();
    const char *path = scratch_path(state, "run.pt");
    double *x = random_rows(ROWS * IN);
    linnet_dataset *dataset = make_dataset(x, y);
    static double whole[PARAMETERS], resumed[PARAMETERS];
    assert_true(train("", 1, "Adam(lr=0.01)", dataset, NULL, 2, whole));
    assert_true(train("", 1, "Adam(lr=0.01)", dataset, path, 1, resumed));
    assert_true(train("", 2, "Adam(lr=0.01)", dataset, path, 2, resumed));
    assert_memory_equal(resumed, whole, sizeof whole);
    linnet_dataset_free(dataset);
    free(x);
}

/* One step of SGD on one Linear under MSELoss, by the definition: w - lr * sum over the batch. */
static void a_step_is_the_definition(void **state)
{
    (void)state;
    enum { N = 100, K = 9 };
    linnet_error error;
    linnet_trainer *trainer;
    linnet_dataset *dataset;
    linnet_tensor features, targets;
    linnet_model *model = make_model("Linear(9, 1)");
    double *x = random_rows(N * K), *t = random_rows(N), slope[N], weight[K];
    check_ok(linnet_tensor_from(x, LINNET_FLOAT64, 2, (int64_t[]){N, K}, &features, &error),
             &error);
    check_ok(linnet_tensor_from(t, LINNET_FLOAT64, 2, (int64_t[]){N, 1}, &targets, &error), &error);
    check_ok(linnet_dataset_create(&features, NULL, false, &dataset, &error), &error);
    check_ok(linnet_dataset_set_targets(dataset, &targets, &error), &error);
    linnet_trainer_options options = {
        .optim = "SGD(lr=0.5)", .loss = "MSELoss()", .batch_size = N, .seed = 1};
    check_ok(linnet_trainer_create(model, dataset, &options, &trainer, &error), &error);
    memcpy(weight, parameter(model, 0), sizeof weight);
    double bias = *parameter(model, 1), largest = 0;
    check_ok(linnet_trainer_epoch(trainer, NULL, &error), &error);
    for (size_t r = 0; r < N; r++) {
        double y = ln_sum_features(K, x + r * K, 1, weight, 1, bias);
        slope[r] = 2 * (y - t[r]) / N;
    }
    for (size_t i = 0; i < K; i++) {
        double expected = weight[i] - 0.5 * ln_sum_batch(N, slope, 1, x + i, K);
        double apart = fabs(parameter(model, 0)[i] - expected);
        largest = apart > largest ? apart : largest;
    }
    assert_true(largest < 4e-16); /* what the order of the rows makes */
    linnet_trainer_free(trainer);
    linnet_dataset_free(dataset);
    linnet_model_free(model);
    free(x);
    free(t);
}

/* ---- float32 beside float64 ---- */

static void dtypes_do_not_mix(void **state)
{
    (void)state;
    linnet_error error;
    linnet_plan *plan;
    float x[9] = {0}, y[1];
    double wide_x[9] = {0}, wide_y[1];
    linnet_model *model = make_model("Linear(9, 1)");
    check_ok(linnet_plan_create(model, NULL, &plan, &error), &error);
    assert_int_equal(linnet_plan_run(plan, x, 1, y, &error), LINNET_ERROR_SHAPE);
    assert_string_equal(error.message,
                        "mat1 and mat2 must have the same dtype, but got Float and Double");
    linnet_plan_free(plan);
    linnet_plan_options options = {.precision = LINNET_PRECISION_BF16};
    assert_int_equal(linnet_plan_create(model, &options, &plan, &error), LINNET_ERROR_ARGUMENT);
    assert_int_equal(linnet_model_to(model, LINNET_INT64, &error), LINNET_ERROR_UNSUPPORTED);
    assert_string_equal(error.message, "models compute in float32 and float64, not in int64");
    assert_int_equal(linnet_model_dtype(model), LINNET_FLOAT64);
    check_ok(linnet_model_to(model, LINNET_FLOAT32, &error), &error);
    check_ok(linnet_plan_create(model, NULL, &plan, &error), &error);
    assert_int_equal(linnet_plan_run_f64(plan, wide_x, 1, wide_y, &error), LINNET_ERROR_SHAPE);
    assert_string_equal(error.message,
                        "mat1 and mat2 must have the same dtype, but got Double and Float");
    linnet_plan_free(plan);
    linnet_model_free(model);
}

/* Features that float32 cannot hold are numbers to a model in double, and refused by one that is
 * not, before anything is computed. */
static void values_follow_the_dtype(void **state)
{
    (void)state;
    linnet_error error;
    linnet_trainer *trainer;
    linnet_evaluation evaluation;
    double x[4] = {1e39, 2, 3e39, 4};
    int64_t labels[2] = {0, 1};
    const int64_t shape[] = {2, 2};
    linnet_tensor features, y;
    linnet_dataset *dataset;
    check_ok(linnet_tensor_from(x, LINNET_FLOAT64, 2, shape, &features, &error), &error);
    check_ok(linnet_tensor_from(labels, LINNET_INT64, 1, shape, &y, &error), &error);
    check_ok(linnet_dataset_create(&features, &y, false, &dataset, &error), &error);
    linnet_model *model = make_model("Linear(2, 2)");
    check_ok(linnet_model_standardize(model, dataset, &error), &error);
    check_ok(linnet_evaluate(model, dataset, NULL, &evaluation, &error), &error);
    assert_int_equal(evaluation.rows, 2);
    linnet_evaluation_free(&evaluation);
    check_ok(linnet_trainer_create(model, dataset, &(linnet_trainer_options){.batch_size = 2},
                                   &trainer, &error),
             &error);
    check_ok(linnet_trainer_epoch(trainer, NULL, &error), &error);
    linnet_trainer_free(trainer);
    linnet_model_free(model);

    model = make_model("Linear(2, 2)");
    check_ok(linnet_model_to(model, LINNET_FLOAT32, &error), &error);
    static const char message[] = "features, row 0, column 0: expected a finite number, found "
                                  "1e+39, which float32 cannot hold";
    assert_int_equal(linnet_model_standardize(model, dataset, &error), LINNET_ERROR_DATA);
    assert_string_equal(error.message, message);
    assert_int_equal(linnet_evaluate(model, dataset, NULL, &evaluation, &error), LINNET_ERROR_DATA);
    assert_string_equal(error.message, message);
    assert_int_equal(
        linnet_trainer_create(model, dataset, &(linnet_trainer_options){0}, &trainer, &error),
        LINNET_ERROR_DATA);
    assert_string_equal(error.message, message);
    assert_null(trainer);
    linnet_model_free(model);
    linnet_dataset_free(dataset);
}

static void a_file_keeps_the_dtype(void **state)
{
    static const char *const names[] = {"model.safetensors", "model.pt"};
    linnet_error error;
    linnet_model *model = make_model("Linear(9, 4)"), *back;
    check_ok(linnet_model_set_scale(model, 1.0 / 255, &error), &error);
    size_t count = torch_reads_zip() ? 2 : 1;
    for (size_t i = 0; i < count; i++) {
        const char *path = scratch_path(state, names[i]);
        check_ok(linnet_model_save(model, path, &error), &error);
        check_ok(linnet_model_load(path, &back, &error), &error);
        assert_int_equal(linnet_model_dtype(back), LINNET_FLOAT64);
        assert_memory_equal(parameter(back, 0), parameter(model, 0), 36 * sizeof(double));
        linnet_model_free(back);
    }
    assert_int_equal(linnet_model_save(model, scratch_path(state, "model.onnx"), &error),
                     LINNET_ERROR_UNSUPPORTED);
    linnet_model_free(model);
}

/* torch.manual_seed(0); torch.nn.Linear(5, 300, dtype=torch.float64).weight.flatten()[:3] */
static void initial_values_are_torchs(void **state)
{
    (void)state;
    static const double expected[] = {0.42042818602691356, 0.18587973754908571,
                                      -0.036329000085197939};
    linnet_model *model = make_model("Linear(5, 300)");
    linnet_model_reset_parameters(model, 0, LINNET_RNG_TORCH);
    assert_memory_equal(parameter(model, 0), expected, sizeof expected);
    linnet_model_free(model);
}

/* ---- functions ---- */

static double exact_sigmoid_half(double x)
{
    return 0.5 + 0.5 * tanh(x / 2);
}

/* Against the C library, whose own error is below 1 unit for these; the bounds of docs/numerics.md
 * with that unit. */
static void functions_stay_near_the_c_librarys(void **state)
{
    (void)state;
    static const struct {
        double (*ours)(double), (*theirs)(double);
        double low, high, units;
    } cases[] = {{ln_exp, exp, -740, 709, 2},
                 {ln_expm1, expm1, -40, 700, 3},
                 {ln_log, log, 1e-300, 1e6, 2},
                 {ln_log1p, log1p, -0.999, 50, 3},
                 {ln_tanh, tanh, -21, 21, 3},
                 {ln_erf, erf, -6, 6, 3},
                 {ln_sigmoid, exact_sigmoid_half, -2, 30, 5}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        for (size_t i = 0; i <= 20000; i++) {
            double x = cases[c].low + (cases[c].high - cases[c].low) * (double)i / 20000;
            double ours = cases[c].ours(x), theirs = cases[c].theirs(x);
            double unit = nextafter(fabs(theirs), INFINITY) - fabs(theirs);
            assert_true(fabs(ours - theirs) <= cases[c].units * unit);
        }
    }
    assert_true(ln_exp(710) == INFINITY && ln_exp(-INFINITY) == 0 && isnan(ln_exp((double)NAN)));
    assert_true(ln_exp(-745) == 0x1p-1074 && ln_exp(-746) == 0);
    assert_true(ln_log(0) == -INFINITY && isnan(ln_log(-1)) && ln_log(0x1p-1074) == log(0x1p-1074));
    assert_true(ln_log1p(-1) == -INFINITY && isnan(ln_log1p(-2)) && signbit(ln_log1p(-0.0)));
    assert_true(ln_tanh(INFINITY) == 1 && signbit(ln_tanh(-0.0)) && ln_tanh(1e-300) == 1e-300);
    assert_true(ln_normal(-40) == 0 && ln_normal(40) == 1 && ln_normal(0) == 0.5);
    assert_true(ln_erf(INFINITY) == 1 && ln_erf(-INFINITY) == -1 && isnan(ln_erf((double)NAN)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_is_the_definition),
        cmocka_unit_test(training_is_one_number),
        cmocka_unit_test_setup_teardown(a_checkpoint_holds_every_bit, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test(a_step_is_the_definition),
        cmocka_unit_test(dtypes_do_not_mix),
        cmocka_unit_test(values_follow_the_dtype),
        cmocka_unit_test_setup_teardown(a_file_keeps_the_dtype, scratch_setup, scratch_teardown),
        cmocka_unit_test(initial_values_are_torchs),
        cmocka_unit_test(functions_stay_near_the_c_librarys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
