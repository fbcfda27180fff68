/* test_plan_modules.c - what modules with weights, buffers and draws do in a plan, beyond the bits
 * of outputs and gradients, which test_plan.c holds.
 *
 * Running statistics, draws from torch's generator, batches that are too small, and a run recorded
 * from PyTorch. */
#include <math.h>

#include "base/memory.h"
#include "numeric/rowsum.h"
#include "numeric/sums.h"
#include "plan/plan.h"
#include "support/check.h"
#include "support/made.h"
#include "support/naive.h"
#include "support/torch_files.h"

#define MAX_ROWS 150

static linnet_plan *make_training_plan(linnet_model *model, size_t rows, bool torch)
{
    linnet_plan *plan;
    linnet_error error;
    ln_plan_request request = {
        .training = true, .torch_masks = torch, .max_batch = rows, .threads = 2};
    check_ok(ln_plan_lower(model, &request, &plan, &error), &error);
    return plan;
}

/* ---- running statistics ---- */

/* The sum of a channel's terms: rule 2 over the rows of each element, then rule 3 over the
 * elements. */
static float channel_sum(const float *terms, size_t rows, size_t channels, size_t length, size_t c)
{
    static const float one = 1;
    float part[16] = {0};
    for (size_t l = 0; l < length; l++) {
        const float *column = terms + c * length + l;
        part[l % 16] = part[l % 16] + ln_sum_batch(rows, column, channels * length, &one, 0);
    }
    return ln_tree16(part);
}

typedef struct running {
    float mean[8], var[8];
} running;

static void update(running *r, const float *x, size_t rows, size_t channels, size_t length,
                   double factor)
{
    float squares[MAX_ROWS * 120];
    float count = (float)(rows * length);
    for (size_t c = 0; c < channels; c++) {
        float mean = channel_sum(x, rows, channels, length, c) / count;
        for (size_t i = 0; i < rows * channels * length; i++) {
            squares[i] = (x[i] - mean) * (x[i] - mean);
        }
        float var = channel_sum(squares, rows, channels, length, c) / (count - 1);
        r->mean[c] = fmaf((float)factor, mean, (float)(1 - factor) * r->mean[c]);
        r->var[c] = fmaf((float)factor, var, (float)(1 - factor) * r->var[c]);
    }
}

typedef struct statistics_case {
    const char *text;
    int rank;
    int64_t row[2];
    size_t channels, length;
    double momentum; /* 0: None */
} statistics_case;

static void run_statistics(const char *isa, void *context)
{
    const statistics_case *c = context;
    static const size_t batches[] = {MAX_ROWS, 64, 3};
    size_t features = c->channels * c->length;
    linnet_error error;
    linnet_model *model = make_model(c->text, 5);
    check_ok(linnet_model_set_input_shape(model, c->rank, c->row, &error), &error);
    linnet_plan *plan = make_training_plan(model, MAX_ROWS, false);
    assert_string_equal(plan->kernels->name, isa);
    running expected = {.var = {1, 1, 1, 1, 1, 1, 1, 1}};
    check_random random = {c->channels};
    float *x = ln_alloc(MAX_ROWS * features, sizeof *x);
    for (size_t i = 0; i < 3; i++) {
        size_t ld;
        check_fill(&random, x, batches[i] * features);
        ln_rows rows = {.x = x, .ld = features};
        ln_plan_draw_philox(plan, 1, 0, (uint32_t)i, 0);
        ln_plan_forward(plan, &rows, batches[i], NULL, &ld);
        double factor = c->momentum > 0 ? c->momentum : 1.0 / (double)(i + 1);
        update(&expected, x, batches[i], c->channels, c->length, factor);
    }
    size_t first = linnet_model_buffer_count(model) - 3;
    check_same(expected.mean, linnet_model_buffer(model, first)->data, c->channels,
               "%s: running_mean of %s", isa, c->text);
    check_same(expected.var, linnet_model_buffer(model, first + 1)->data, c->channels,
               "%s: running_var of %s", isa, c->text);
    assert_int_equal(*(int64_t *)linnet_model_buffer(model, first + 2)->data, 3);
    ln_free(x);
    linnet_plan_free(plan);
    linnet_model_free(model);
}

static void running_statistics(void **state)
{
    (void)state;
    static const statistics_case cases[] = {
        {"BatchNorm1d(7)", 1, {7}, 7, 1, 0.1},
        {"BatchNorm1d(5, momentum=None, affine=False)", 1, {5}, 5, 1, 0},
        {"BatchNorm1d(4, momentum=0.25)", 2, {4, 30}, 4, 30, 0.25},
        {"BatchNorm1d(3, momentum=None)", 2, {3, 2}, 3, 2, 0},
        {"BatchNorm1d(3, momentum=1)", 2, {3, 1}, 3, 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_each_isa(run_statistics, (void *)&cases[i]);
    }
}

/* ---- a BatchNorm without running statistics ---- */

static void statistics_of_the_batch_in_eval(void **state)
{
    (void)state;
    linnet_error error;
    linnet_model *model = make_model("Sequential(Linear(3, 4), "
                                     "BatchNorm1d(4, track_running_stats=False), Linear(4, 2))",
                                     5);
    linnet_plan *plan;
    float x[9 * 3], y[9 * 2];
    check_random random = {1};
    check_fill(&random, x, 9 * 3);
    naive_net *net = naive_create(model, 9, false);
    check_ok(linnet_plan_create(model, &(linnet_plan_options){.max_batch = 9}, &plan, &error),
             &error);
    for (size_t batch = 2; batch <= 9; batch++) {
        check_ok(linnet_plan_run(plan, x, batch, y, &error), &error);
        check_same(naive_forward(net, x, batch, 0, 0, 0), y, batch * 2, "batch of %zu", batch);
    }
    check_ok(linnet_plan_run(plan, x, 0, y, &error), &error);
    assert_int_equal(linnet_plan_run(plan, x, 1, y, &error), LINNET_ERROR_SHAPE);
    assert_string_equal(error.message, "Expected more than 1 value per channel when training, got "
                                       "input size torch.Size([1, 4])");
    naive_free(net);
    linnet_plan_free(plan);
    linnet_model_free(model);
}

/* Said before the first epoch, not at its last batch. */
static void refuses_a_last_batch_of_one(void **state)
{
    (void)state;
    static const float x[9 * 3];
    static const int64_t y[9];
    static const struct {
        const char *text;
        size_t batch;
        bool good;
    } cases[] = {
        {"Sequential(Linear(3, 4), BatchNorm1d(4), Linear(4, 2))", 4, false},
        {"Sequential(Linear(3, 4), BatchNorm1d(4), Linear(4, 2))", 1, false},
        {"Sequential(Linear(3, 4), BatchNorm1d(4), Linear(4, 2))", 9, true},
        {"Sequential(Linear(3, 4), BatchNorm1d(4), Linear(4, 2))", 7, true},
        {"Sequential(Linear(3, 4), Unflatten(1, (2, 2)), BatchNorm1d(2), Flatten())", 4, true},
    };
    linnet_dataset *dataset = make_dataset(x, y, 9, 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        linnet_model *model = make_model(cases[i].text, 5);
        linnet_trainer *trainer;
        linnet_error error;
        linnet_trainer_options options = {.batch_size = cases[i].batch};
        linnet_status status = linnet_trainer_create(model, dataset, &options, &trainer, &error);
        assert_int_equal(status, cases[i].good ? LINNET_OK : LINNET_ERROR_SHAPE);
        assert_true(cases[i].good == (trainer != NULL));
        if (i == 0) {
            assert_string_equal(error.message,
                                "Expected more than 1 value per channel when training, got input "
                                "size torch.Size([1, 4]) (9 rows in batches of 4: the last one has "
                                "1)");
        }
        linnet_trainer_free(trainer);
        linnet_model_free(model);
    }
    linnet_dataset_free(dataset);
}

static void evaluates_no_last_batch_of_one(void **state)
{
    (void)state;
    static const float x[9 * 3];
    static const int64_t y[9];
    linnet_dataset *dataset = make_dataset(x, y, 9, 3);
    linnet_model *model = make_model("Sequential(Linear(3, 4), "
                                     "BatchNorm1d(4, track_running_stats=False), Linear(4, 2))",
                                     5);
    linnet_evaluation evaluation;
    linnet_error error;
    linnet_plan_options options = {.max_batch = 4};
    assert_int_equal(linnet_evaluate(model, dataset, &options, &evaluation, &error),
                     LINNET_ERROR_SHAPE);
    options.max_batch = 256; /* more than there are */
    check_ok(linnet_evaluate(model, dataset, &options, &evaluation, &error), &error);
    assert_int_equal(evaluation.rows, 9);
    linnet_evaluation_free(&evaluation);
    linnet_model_free(model);
    linnet_dataset_free(dataset);
}

/* ---- weights ---- */

static void eval_plans_have_weights_of_their_own(void **state)
{
    (void)state;
    linnet_error error;
    linnet_model *model =
        make_model("Sequential(PReLU(6), LayerNorm(6), BatchNorm1d(6), Linear(6, 6), RMSNorm(6), "
                   "Unflatten(1, (2, 3)), BatchNorm1d(2), PReLU(), Flatten())",
                   5);
    check_ok(linnet_model_set_input_shape(model, 1, (int64_t[]){6}, &error), &error);
    linnet_plan *plan;
    float x[4 * 6], before[4 * 6], after[4 * 6];
    check_random random = {1};
    check_fill(&random, x, 4 * 6);
    check_ok(linnet_plan_create(model, &(linnet_plan_options){.max_batch = 4}, &plan, &error),
             &error);
    check_ok(linnet_plan_run(plan, x, 4, before, &error), &error);
    for (size_t i = 0; i < linnet_model_parameter_count(model); i++) {
        const linnet_tensor *tensor = linnet_model_parameter(model, i);
        memset(tensor->data, 1, (size_t)linnet_tensor_numel(tensor) * sizeof(float));
    }
    linnet_model_free(model);
    check_ok(linnet_plan_run(plan, x, 4, after, &error), &error);
    check_same(before, after, 4 * 6, "behind the model's end");
    linnet_plan_free(plan);
}

/* ---- torch's generator ---- */

/* A step's output in training, row by row. */
static float output_at(const linnet_plan *plan, const ln_step *step, size_t row, size_t column)
{
    return ln_step_output(plan, step)[row * step->ld + column];
}

/* Masks are drawn for the batch as a whole, which is one call of MKL's; RReLU draws where its input
 * is not above 0; certain decisions draw nothing. */
static void draws_as_pytorch_does(void **state)
{
    (void)state;
    enum { ROWS = 5, FEATURES = 70 };
    static const linnet_rng kinds[] = {LINNET_RNG_TORCH, LINNET_RNG_TORCH_MKL};
    float x[ROWS * 3];
    check_random random = {3};
    check_fill(&random, x, ROWS * 3);
    for (size_t k = 0; k < 2; k++) {
        linnet_model *model =
            make_model("Sequential(Linear(3, 70), Dropout(0.3), Dropout(0), Dropout(1e-3), "
                       "RReLU(0.2, 0.6), Dropout1d(0.4), Unflatten(1, (7, 10)), "
                       "FeatureAlphaDropout(0.5), Flatten(), AlphaDropout(1.0), Linear(70, 2))",
                       5);
        linnet_plan *plan = make_training_plan(model, ROWS, true);
        ln_torch_generator generator, expected;
        ln_torch_seed(&generator, 8);
        ln_torch_choose(&generator, kinds[k]);
        expected = generator;
        ln_plan_draw_torch(plan, &generator);
        size_t ld;
        ln_plan_forward(plan, &(ln_rows){.x = x, .ld = 3}, ROWS, NULL, &ld);

        uint8_t masks[4][ROWS * FEATURES];
        static const double keep[] = {1 - 0.3, 1 - 1e-3, 1 - 0.4, 1 - 0.5};
        static const size_t counts[] = {ROWS * FEATURES, ROWS * FEATURES, ROWS, ROWS * 7};
        const ln_step *linear = &plan->steps[1];
        const ln_step *rrelu = &plan->steps[2], *alpha = &plan->steps[3];
        assert_int_equal(linear->chain_count, 3);
        assert_int_equal(rrelu->chain_count, 2);
        assert_int_equal(alpha->chain_count, 1);
        ln_torch_bernoulli(&expected, keep[0], counts[0], masks[0]);
        ln_torch_bernoulli(&expected, keep[1], counts[1], masks[1]);
        for (size_t i = 0; i < counts[0]; i++) {
            float slope = 1;
            if (output_at(plan, linear, i / FEATURES, i % FEATURES) <= 0) {
                double lower = (double)0.2f, upper = (double)0.6f;
                slope = (float)(ln_torch_unit(&expected) * (upper - lower) + lower);
            }
            assert_true(((const float *)rrelu->chain[0].drawn)[i] == slope);
        }
        ln_torch_bernoulli(&expected, keep[2], counts[2], masks[2]);
        ln_torch_bernoulli(&expected, keep[3], counts[3], masks[3]);
        assert_memory_equal(masks[0], linear->chain[0].drawn, counts[0]);
        assert_memory_equal(masks[1], linear->chain[2].drawn, counts[1]);
        assert_memory_equal(masks[2], rrelu->chain[1].drawn, counts[2]);
        assert_memory_equal(masks[3], alpha->chain[0].drawn, counts[3]);
        assert_int_equal(ln_torch_random(&generator), ln_torch_random(&expected));
        linnet_plan_free(plan);
        linnet_model_free(model);
    }
}

/* ---- a recorded run ---- */

static void check_trained(const linnet_state_dict *recorded, const char *name,
                          const linnet_tensor *found)
{
    char key[128];
    snprintf(key, sizeof key, "trained.%s", name);
    const linnet_tensor *expected = linnet_state_dict_get(recorded, key);
    assert_non_null(expected);
    assert_int_equal(expected->dtype, found->dtype);
    assert_int_equal(linnet_tensor_numel(expected), linnet_tensor_numel(found));
    for (int64_t i = 0; i < linnet_tensor_numel(found); i++) {
        if (found->dtype == LINNET_INT64) {
            assert_int_equal(((int64_t *)expected->data)[i], ((int64_t *)found->data)[i]);
        } else {
            assert_float_equal(((float *)expected->data)[i], ((float *)found->data)[i], 1e-5);
        }
    }
}

static void repeats_pytorchs_run(void **state)
{
    (void)state;
    linnet_state_dict *recorded;
    linnet_error error;
    check_ok(linnet_state_dict_load(torch_data("modules_run.pt"), &recorded, &error), &error);
    linnet_model *model = make_model(
        "Sequential(Linear(6, 12), BatchNorm1d(12), PReLU(12), Unflatten(1, (3, 4)), "
        "BatchNorm1d(3, momentum=None), Dropout1d(0.2), RReLU(), LayerNorm(4), "
        "FeatureAlphaDropout(0.2), GLU(2), PReLU(), Flatten(), LazyLinear(8), AlphaDropout(0.2), "
        "LayerNorm((8,)), Softmin(1), Dropout(0.1), Linear(8, 3))",
        5);
    linnet_dataset *dataset = make_dataset(linnet_state_dict_get(recorded, "x")->data,
                                           linnet_state_dict_get(recorded, "y")->data, 24, 6);
    linnet_trainer *trainer;
    linnet_trainer_options options = {.optim = "SGD(lr=0.05, momentum=0.9)",
                                      .batch_size = 10,
                                      .seed = 5,
                                      .rng = LINNET_RNG_TORCH};
    check_ok(linnet_trainer_create(model, dataset, &options, &trainer, &error), &error);
    for (int epoch = 0; epoch < 4; epoch++) {
        check_ok(linnet_trainer_epoch(trainer, NULL, &error), &error);
    }
    size_t parameters = linnet_model_parameter_count(model);
    size_t buffers = linnet_model_buffer_count(model);
    assert_int_equal(parameters + buffers + 2, linnet_state_dict_count(recorded));
    for (size_t i = 0; i < parameters; i++) {
        check_trained(recorded, linnet_model_parameter_name(model, i),
                      linnet_model_parameter(model, i));
    }
    for (size_t i = 0; i < buffers; i++) {
        check_trained(recorded, linnet_model_buffer_name(model, i), linnet_model_buffer(model, i));
    }
    linnet_trainer_free(trainer);
    linnet_dataset_free(dataset);
    linnet_model_free(model);
    linnet_state_dict_free(recorded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(running_statistics),
        cmocka_unit_test(statistics_of_the_batch_in_eval),
        cmocka_unit_test(refuses_a_last_batch_of_one),
        cmocka_unit_test(evaluates_no_last_batch_of_one),
        cmocka_unit_test(eval_plans_have_weights_of_their_own),
        cmocka_unit_test(draws_as_pytorch_does),
        cmocka_unit_test(repeats_pytorchs_run),
    };
    return cmocka_run_group_tests_name("plan_modules", tests, NULL, NULL);
}
