/* test_tasks.c - several labels a row, numbers, and class probabilities, from the dataset to the
 * file: one step by hand, evaluation by hand, what a plan makes of outputs, and the loss that a
 * model remembers. */
#include "support/check.h"

#include <math.h>

#include "support/made.h"
#include "support/scratch.h"
#include "tensor/state_dict.h"

static linnet_model *parse(const char *text, const float *parameters)
{
    linnet_model *model = parse_model(text);
    for (size_t i = 0; parameters != NULL && i < linnet_model_parameter_count(model); i++) {
        const linnet_tensor *parameter = linnet_model_parameter(model, i);
        size_t count = (size_t)linnet_tensor_numel(parameter);
        memcpy(parameter->data, parameters, count * sizeof *parameters);
        parameters += count;
    }
    return model;
}

static linnet_tensor table(void *data, linnet_dtype dtype, int64_t rows, int64_t columns)
{
    linnet_tensor view;
    check_ok(linnet_tensor_from(data, dtype, 2, (int64_t[]){rows, columns}, &view, NULL), NULL);
    return view;
}

static linnet_dataset *rows_of(float *x, int64_t rows, int64_t features, double *y, int64_t columns,
                               double *weights)
{
    linnet_error error;
    linnet_dataset *dataset;
    linnet_tensor features_view = table(x, LINNET_FLOAT32, rows, features);
    check_ok(linnet_dataset_create(&features_view, NULL, true, &dataset, &error), &error);
    linnet_tensor view = table(y, LINNET_FLOAT64, rows, columns);
    check_ok(linnet_dataset_set_targets(dataset, &view, &error), &error);
    if (weights != NULL) {
        view = table(weights, LINNET_FLOAT64, rows, 1);
        check_ok(linnet_dataset_set_weights(dataset, &view, &error), &error);
    }
    return dataset;
}

static void expect_near(double expected, double found)
{
    if (!(fabs(found - expected) <= 1e-6 * fmax(1, fabs(expected)))) {
        fail_msg("expected %.9g, found %.9g", expected, found);
    }
}

static linnet_evaluation evaluate(linnet_model *model, const char *loss,
                                  const linnet_dataset *dataset)
{
    linnet_error error;
    linnet_evaluation evaluation;
    check_ok(linnet_model_set_loss(model, loss, &error), &error);
    check_ok(linnet_evaluate(model, dataset, NULL, &evaluation, &error), &error);
    return evaluation;
}

/* ---- training ---- */

/* y = w x + b at w = 0.5, b = 0 over rows (1, 2), (2, 0), (3, 1) that weigh 1, 2, 1: errors -1.5,
 * 1, 0.5, so that the loss is (2.25 + 2 + 0.25) / 4, and its slopes by w 2 (-1.5 + 4 + 1.5) / 4 and
 * by b 2 (-1.5 + 2 + 0.5) / 4. */
static void step_under(const char *isa, void *context)
{
    (void)isa;
    (void)context;
    float x[] = {1, 2, 3};
    double y[] = {2, 0, 1}, weights[] = {1, 2, 1};
    linnet_error error;
    linnet_model *model = parse("Linear(1, 1)", (float[]){0.5f, 0});
    linnet_dataset *dataset = rows_of(x, 3, 1, y, 1, weights);
    linnet_trainer_options options = {.loss = "MSELoss()", .optim = "SGD(lr=0.125)"};
    linnet_trainer *trainer;
    linnet_epoch epoch;
    check_ok(linnet_trainer_create(model, dataset, &options, &trainer, &error), &error);
    assert_string_equal(linnet_model_loss(model), "MSELoss()");
    assert_int_equal(linnet_model_task(model), LINNET_TASK_REGRESSION);
    check_ok(linnet_trainer_epoch(trainer, &epoch, &error), &error);
    assert_true(epoch.loss == 1.125);
    assert_true(isnan(epoch.accuracy));
    assert_true(*(const float *)linnet_model_parameter(model, 0)->data == 0.5f - 0.125f * 2);
    assert_true(*(const float *)linnet_model_parameter(model, 1)->data == 0 - 0.125f * 0.5f);
    linnet_trainer_free(trainer);
    linnet_dataset_free(dataset);
    linnet_model_free(model);
}

static void test_step(void **state)
{
    (void)state;
    check_each_isa(step_under, NULL);
}

/* The same bits on any number of threads and any kernel set. */
typedef struct trained {
    bool there;
    float parameters[65];
} trained;

static void train_under(const char *isa, void *context)
{
    trained *first = context;
    enum { ROWS = 100, FEATURES = 12, LABELS = 5 };
    static float x[ROWS * FEATURES];
    static double y[ROWS * LABELS], weights[ROWS];
    check_random random = {9};
    check_fill(&random, x, ROWS * FEATURES);
    for (size_t i = 0; i < ROWS * LABELS; i++) {
        y[i] = check_real(&random) > 0 ? 1 : 0;
    }
    for (size_t i = 0; i < ROWS; i++) {
        weights[i] = fabs((double)check_real(&random));
    }
    linnet_dataset *dataset = rows_of(x, ROWS, FEATURES, y, LABELS, weights);
    for (int threads = 1; threads <= 3; threads++) {
        linnet_error error;
        linnet_model *model = parse("Linear(12, 5)", NULL);
        linnet_model_reset_parameters(model, 4, LINNET_RNG_TORCH);
        linnet_trainer_options options = {.loss = "BCEWithLogitsLoss(pos_weight=[1, 2, 3, 1, 0.5])",
                                          .batch_size = 32,
                                          .threads = threads};
        linnet_trainer *trainer;
        check_ok(linnet_trainer_create(model, dataset, &options, &trainer, &error), &error);
        for (int i = 0; i < 3; i++) {
            check_ok(linnet_trainer_epoch(trainer, NULL, &error), &error);
        }
        linnet_trainer_free(trainer);
        float found[65];
        memcpy(found, linnet_model_parameter(model, 0)->data, 60 * sizeof *found);
        memcpy(found + 60, linnet_model_parameter(model, 1)->data, 5 * sizeof *found);
        if (!first->there) {
            memcpy(first->parameters, found, sizeof found);
            first->there = true;
        }
        check_same(first->parameters, found, 65, "%s, %d threads", isa, threads);
        linnet_model_free(model);
    }
    linnet_dataset_free(dataset);
}

static void test_bits(void **state)
{
    (void)state;
    trained first = {.there = false};
    check_each_isa(train_under, &first);
    assert_true(first.there);
}

/* A loss that is no number names its rows as the file counts them, and the parameters stay. */
static void test_nan(void **state)
{
    (void)state;
    enum { ROWS = 20 };
    float x[ROWS];
    double y[ROWS];
    linnet_error error;
    for (int i = 0; i < ROWS; i++) {
        x[i] = i == 13 ? NAN : 0.25f;
        y[i] = 1;
    }
    linnet_dataset *dataset = rows_of(x, ROWS, 1, y, 1, NULL), *rest, *held;
    check_ok(linnet_dataset_split(dataset, 0.25, 2, &rest, &held, &error), &error);
    const linnet_dataset *const parts[] = {rest, held};
    int failed = 0;
    for (int i = 0; i < 2; i++) {
        linnet_model *model = parse("Linear(1, 1)", (float[]){0.5f, 0});
        linnet_trainer_options options = {.loss = "HuberLoss()", .optim = "SGD(lr=0.1)"};
        linnet_trainer *trainer;
        check_ok(linnet_trainer_create(model, parts[i], &options, &trainer, &error), &error);
        if (linnet_trainer_epoch(trainer, NULL, &error) != LINNET_OK) {
            failed++;
            assert_non_null(
                strstr(error.message, "the loss is NaN at epoch 1, step 1, of row 13;"));
            assert_true(*(const float *)linnet_model_parameter(model, 0)->data == 0.5f);
        }
        linnet_trainer_free(trainer);
        linnet_model_free(model);
    }
    assert_int_equal(failed, 1);
    linnet_dataset_free(rest);
    linnet_dataset_free(held);
    linnet_dataset_free(dataset);
}

/* ---- evaluation ---- */

static float outputs[] = {2, -1, 0.5f, 0.25f, -3, 1};
static const int64_t two[] = {2};

static linnet_model *identity(const char *text)
{
    linnet_error error;
    linnet_model *model = parse(text, NULL);
    check_ok(linnet_model_set_input_shape(model, 1, two, &error), &error);
    return model;
}

static double softplus(double x)
{
    return log1p(exp(x));
}

static void test_evaluation(void **state)
{
    (void)state;
    double y[] = {1, 0, 1, 1, 1, 0}, shares[] = {0.75, 0.25, 0.5, 0.5, 0.125, 0.875};
    double weights[] = {1, 0.5, 2}, heavy = 3.5;
    double numbers[] = {1, 1, 0.5, 0, -2, 4};
    linnet_model *model = identity("Identity()");
    linnet_dataset *labels = rows_of(outputs, 3, 2, y, 2, weights);
    linnet_evaluation found = evaluate(model, "BCEWithLogitsLoss()", labels);
    double row0 = softplus(-2) + softplus(-1), row1 = softplus(-0.5) + softplus(-0.25);
    double row2 = softplus(3) + softplus(1);
    expect_near((row0 + 0.5 * row1 + 2 * row2) / (2 * heavy), found.loss);
    assert_int_equal(found.task, LINNET_TASK_MULTILABEL);
    assert_int_equal(found.correct, 2);
    expect_near(2.0 / 3, found.accuracy);
    linnet_evaluation_free(&found);
    linnet_dataset_free(labels);

    linnet_dataset *regression = rows_of(outputs, 3, 2, numbers, 2, NULL);
    found = evaluate(model, "L1Loss()", regression);
    expect_near((1 + 2 + 0 + 0.25 + 1 + 3) / 6.0, found.loss);
    assert_int_equal(found.task, LINNET_TASK_REGRESSION);
    assert_true(isnan(found.accuracy));
    linnet_evaluation_free(&found);
    /* 'sum' is measured as a mean as well: a figure that does not grow with the rows. */
    found = evaluate(model, "MSELoss(reduction='sum')", regression);
    expect_near((1 + 4 + 0 + 0.0625 + 1 + 9) / 6.0, found.loss);
    linnet_evaluation_free(&found);
    linnet_dataset_free(regression);

    linnet_dataset *probabilities = rows_of(outputs, 3, 2, shares, 2, NULL);
    found = evaluate(model, "CrossEntropyLoss()", probabilities);
    double first = 0.75 * softplus(-3) + 0.25 * softplus(3);
    double second = 0.5 * softplus(-0.25) + 0.5 * softplus(0.25);
    double third = 0.125 * softplus(4) + 0.875 * softplus(-4);
    expect_near((first + second + third) / 3, found.loss);
    assert_int_equal(found.task, LINNET_TASK_CLASSIFICATION);
    assert_int_equal(found.correct, 3);
    linnet_evaluation_free(&found);
    linnet_dataset_free(probabilities);
    linnet_model_free(model);
}

/* ---- outputs ---- */

static void run(const linnet_model *model, float y[2])
{
    linnet_error error;
    linnet_plan *plan;
    check_ok(
        linnet_plan_create(model, &(linnet_plan_options){.probabilities = true}, &plan, &error),
        &error);
    check_ok(linnet_plan_run(plan, outputs, 1, y, &error), &error);
    linnet_plan_free(plan);
}

static void test_outputs(void **state)
{
    (void)state;
    linnet_error error;
    float plain[2], wrapped[2];
    linnet_model *model = identity("Identity()");
    linnet_model *sigmoid = identity("Sequential(Sigmoid(), Dropout(0.5))");
    run(model, plain);
    expect_near(1, (double)(plain[0] + plain[1]));
    check_ok(linnet_model_set_loss(model, "BCEWithLogitsLoss()", &error), &error);
    check_ok(linnet_model_set_loss(sigmoid, "BCELoss()", &error), &error);
    run(model, plain);
    run(sigmoid, wrapped);
    expect_near(1 / (1 + exp(-2)), (double)plain[0]);
    check_same(plain, wrapped, 2, "a Sigmoid is not taken twice");
    check_ok(linnet_model_set_loss(model, "HuberLoss()", &error), &error);
    run(model, plain);
    check_same(outputs, plain, 2, "numbers stay as they are");
    linnet_model_free(model);
    linnet_model_free(sigmoid);
}

/* ---- files ---- */

static void test_file(void **state)
{
    linnet_error error;
    linnet_model *model = identity("Linear(2, 2)"), *read;
    const char *texts[] = {"BCEWithLogitsLoss(pos_weight=torch.tensor([1., 2.]))",
                           "nn.SmoothL1Loss(beta=0.5)", "CrossEntropyLoss()"};
    const linnet_task tasks[] = {LINNET_TASK_MULTILABEL, LINNET_TASK_REGRESSION,
                                 LINNET_TASK_CLASSIFICATION};
    for (size_t i = 0; i < 3; i++) {
        linnet_task task;
        check_ok(linnet_loss_task(texts[i], &task, &error), &error);
        assert_int_equal(task, tasks[i]);
        const char *path = scratch_path(state, "model.safetensors");
        check_ok(linnet_model_set_loss(model, texts[i], &error), &error);
        check_ok(linnet_model_save(model, path, &error), &error);
        check_ok(linnet_model_load(path, &read, &error), &error);
        assert_string_equal(linnet_model_loss(read), texts[i]);
        assert_int_equal(linnet_model_task(read), tasks[i]);
        linnet_model_free(read);
    }
    linnet_task task = LINNET_TASK_REGRESSION;
    assert_int_equal(linnet_loss_task("HingeLoss()", &task, &error), LINNET_ERROR_SYNTAX);
    assert_int_equal(task, LINNET_TASK_CLASSIFICATION);
    assert_int_equal(linnet_model_set_loss(model, "MSELoss(", &error), LINNET_ERROR_SYNTAX);
    assert_string_equal(linnet_model_loss(model), "CrossEntropyLoss()");
    linnet_state_dict *tensors;
    check_ok(linnet_model_state_dict(model, &tensors, &error), &error);
    check_ok(linnet_state_dict_metadata_set(tensors, "linnet.model", "Linear(2, 2)", &error),
             &error);
    check_ok(linnet_state_dict_metadata_set(tensors, "linnet.loss", "HingeLoss()", &error), &error);
    assert_int_equal(linnet_model_from_state_dict(tensors, &read, &error), LINNET_ERROR_FORMAT);
    assert_string_equal(error.place, "metadata key 'linnet.loss', line 1, column 1");
    assert_non_null(strstr(error.message, "unknown loss 'HingeLoss'"));
    linnet_state_dict_free(tensors);
    linnet_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step),    cmocka_unit_test(test_bits),
        cmocka_unit_test(test_nan),     cmocka_unit_test(test_evaluation),
        cmocka_unit_test(test_outputs), cmocka_unit_test(test_file),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
