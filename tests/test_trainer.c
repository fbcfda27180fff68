/* test_trainer.c - training: against recorded PyTorch runs, against the definition, and one number.
 *
 * The recorded runs (tests/data/torch_vectors_avx2.json) are replayed from their seed: initial
 * weights, shuffle and dropout masks exact, losses, final weights and logits within 1e-5. */
#include "support/check.h"

#include <math.h>

#include "base/memory.h"
#include "nn/nn.h"
#include "numeric/random.h"
#include "optim/optim.h"
#include "support/made.h"
#include "support/naive.h"
#include "support/vectors.h"

#define HEAD                                                                                       \
    "Sequential(Dropout(.5), Linear(6,5), ReLU(True), Dropout(.5), Linear(5,4), ReLU(True), "      \
    "Linear(4,3))"

/* ---- recorded PyTorch runs ---- */

typedef struct replay {
    const json_t *losses, *rates; /* a step's; those after each epoch, where they were recorded */
    const char *name;
    size_t step;
} replay;

static bool check_step(void *context, const linnet_progress *progress)
{
    replay *r = context;
    double expected = json_number_value(json_array_get(r->losses, r->step));
    if (!(fabs(progress->batch_loss - expected) <= 1e-5)) {
        fail_msg("%s, step %zu: PyTorch's loss %.9g, found %.9g", r->name, r->step, expected,
                 progress->batch_loss);
    }
    if (progress->epoch > 1 && json_array_size(r->rates) > 0) {
        size_t before = (size_t)progress->epoch - 2;
        assert_true(progress->lr == json_number_value(json_array_get(r->rates, before)));
    }
    r->step++;
    return true;
}

static void check_close(const char *what, const float *expected, const float *found, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!(fabsf(expected[i] - found[i]) <= 1e-5f)) {
            fail_msg("%s[%zu]: PyTorch %.9g, found %.9g", what, i, (double)expected[i],
                     (double)found[i]);
        }
    }
}

typedef struct recorded_run {
    const char *name, *optim, *loss, *schedule;
} recorded_run;

static void replay_run(const json_t *vectors, const recorded_run *recorded, const float *x,
                       const int64_t *y)
{
    const json_t *run = json_object_get(vectors, recorded->name);
    replay r = {.losses = json_object_get(run, "loss"),
                .rates = json_object_get(run, "lr"),
                .name = recorded->name};
    linnet_error error;
    linnet_model *model = make_model(HEAD, 42);
    linnet_dataset *dataset = make_dataset(x, y, 20, 6);
    linnet_trainer *trainer;
    linnet_trainer_options options = {.optim = recorded->optim,
                                      .loss = recorded->loss,
                                      .schedule = recorded->schedule,
                                      .batch_size = 7,
                                      .seed = 42,
                                      .rng = LINNET_RNG_TORCH,
                                      .progress = check_step,
                                      .context = &r};
    check_ok(linnet_trainer_create(model, dataset, &options, &trainer, &error), &error);
    for (int epoch = 0; epoch < 4; epoch++) {
        check_ok(linnet_trainer_epoch(trainer, NULL, &error), &error);
    }
    assert_int_equal(r.step, 12);
    size_t rates = json_array_size(r.rates);
    assert_true(rates == 0 || linnet_trainer_lr(trainer) ==
                                  json_number_value(json_array_get(r.rates, rates - 1)));
    for (size_t i = 0; i < linnet_model_parameter_count(model); i++) {
        size_t count;
        const char *parameter = linnet_model_parameter_name(model, i);
        float *expected =
            vectors_floats(json_object_get(json_object_get(run, "final"), parameter), &count);
        assert_int_equal(count, linnet_tensor_numel(linnet_model_parameter(model, i)));
        check_close(parameter, expected, linnet_model_parameter(model, i)->data, count);
        free(expected);
    }
    linnet_plan *plan;
    size_t count;
    float *expected = vectors_floats(json_object_get(run, "logits"), &count), logits[60];
    assert_int_equal(count, 60);
    check_ok(linnet_plan_create(model, &(linnet_plan_options){.max_batch = 20}, &plan, &error),
             &error);
    check_ok(linnet_plan_run(plan, x, 20, logits, &error), &error);
    check_close("logits", expected, logits, 60);
    free(expected);
    linnet_plan_free(plan);
    linnet_trainer_free(trainer);
    linnet_dataset_free(dataset);
    linnet_model_free(model);
}

static void test_replay(void **state)
{
    (void)state;
    static const recorded_run runs[] = {
        {"sgd", "SGD(lr=.1)", NULL, NULL},
        {"sgd_mom", "torch.optim.SGD(model.parameters(), .05, momentum=.9, weight_decay=1e-3)",
         NULL, NULL},
        {"sgd_nest", "SGD(lr=.05, momentum=.9, nesterov=True)", NULL, NULL},
        {"adam", "Adam(params, lr=.01, foreach=None)", NULL, NULL},
        {"adamw", "AdamW(lr=.01)", NULL, NULL},
        {"adam_ams", "Adam(lr=.01, amsgrad=True, weight_decay=.01)", NULL, NULL},
        {"ce_w_ls", "SGD(lr=.1)",
         "nn.CrossEntropyLoss(weight=torch.tensor([1., 2., .5]), label_smoothing=.1)", NULL},
        {"adamw_cos", "AdamW(lr=.01)", NULL,
         "torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 4)"},
    };
    json_t *vectors = vectors_load(VECTORS_AVX2);
    size_t count;
    float *x = vectors_floats(json_object_get(vectors, "X"), &count);
    assert_int_equal(count, 120);
    int64_t y[20];
    for (size_t i = 0; i < 20; i++) {
        y[i] = (int64_t)json_number_value(json_array_get(json_object_get(vectors, "y"), i));
    }
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        replay_run(vectors, &runs[i], x, y);
    }
    free(x);
    json_decref(vectors);
}

/* ---- against the definition ---- */

#define ROWS 150
#define FEATURES 37

typedef struct train_data {
    float x[ROWS * FEATURES];
    int64_t y[ROWS];
} train_data;

static void fill_data(train_data *data)
{
    check_random random = {77};
    check_fill(&random, data->x, ROWS * FEATURES);
    for (size_t i = 0; i < ROWS; i++) {
        data->y[i] = (int64_t)(check_next(&random) % 5);
    }
}

static const char text[] = "Sequential(Dropout(0.2), Linear(37, 70), ReLU(), Dropout(0.5), "
                           "Linear(70, 33), ReLU(), Linear(33, 5))";

/* One weight's step, as the optimizer's documentation has it, in float32 with the contract's fma.
 */
typedef void (*define_step)(uint64_t step, float g, float *w, float state[3]);

static void define_sgd(uint64_t step, float g, float *w, float state[3])
{
    (void)step;
    *w = fmaf(-0.1f, fmaf(0.0f, *w, g), *w);
    (void)state;
}

static void define_momentum(uint64_t step, float g, float *w, float state[3])
{
    float d = fmaf(0.001f, *w, g);
    state[0] = step == 1 ? d : fmaf(0.9f, state[0], (float)(1 - 0.25) * d);
    *w = fmaf(-0.05f, state[0], *w);
}

static void define_nesterov(uint64_t step, float g, float *w, float state[3])
{
    float d = fmaf(0.0f, *w, -g);
    state[0] = step == 1 ? d : fmaf(0.9f, state[0], 1.0f * d);
    *w = fmaf(0.05f * -1.0f, fmaf(0.9f, state[0], d), *w);
}

static void define_adam_step(uint64_t step, float g, float *w, float state[3], double lr,
                             bool amsgrad)
{
    double power1 = ln_power(0.9, step), power2 = ln_power(0.99, step);
    state[0] = fmaf((float)(1 - 0.9), g - state[0], state[0]);
    state[1] = fmaf((float)(1 - 0.99) * g, g, (float)0.99 * state[1]);
    state[2] = state[1] > state[2] ? state[1] : state[2];
    float v = amsgrad ? state[2] : state[1];
    float denominator = fmaf((float)(1 / sqrt(1 - power2)), sqrtf(v), (float)1e-8);
    *w = fmaf(-(float)(lr / (1 - power1)), state[0] / denominator, *w);
}

static void define_adam(uint64_t step, float g, float *w, float state[3])
{
    define_adam_step(step, fmaf(0.02f, *w, g), w, state, 0.003, true);
}

static void define_adamw(uint64_t step, float g, float *w, float state[3])
{
    *w = *w * (float)(1 - 0.003 * 0.1);
    define_adam_step(step, fmaf(0.0f, *w, g), w, state, 0.003, false);
}

typedef struct optimizer_case {
    const char *optim;
    define_step define;
} optimizer_case;

/* Trains `model` by the definition: the trainer's order and masks, the naive net, weight by weight.
 */
static double define_training(linnet_model *model, const train_data *data, define_step define,
                              size_t batch_size, size_t epochs, uint64_t seed)
{
    naive_net *net = naive_create(model, batch_size, true);
    float *x = ln_alloc(batch_size * FEATURES, sizeof *x);
    int64_t order[ROWS], labels[ROWS];
    uint64_t step = 0;
    float(*states[8])[3] = {NULL};
    double last = 0;
    for (size_t i = 0; i < model->parameter_count; i++) {
        states[i] =
            ln_alloc((size_t)linnet_tensor_numel(model->parameters[i].tensor), sizeof(float[3]));
    }
    for (uint32_t epoch = 0; epoch < epochs; epoch++) {
        ln_philox_permutation(ln_philox_stream(seed, epoch, 0, LN_STREAM_SHUFFLE), ROWS, order);
        double sum = 0;
        for (size_t first = 0; first < ROWS; first += batch_size) {
            size_t rows = ROWS - first < batch_size ? ROWS - first : batch_size;
            for (size_t r = 0; r < rows; r++) {
                memcpy(x + r * FEATURES, data->x + order[first + r] * FEATURES,
                       FEATURES * sizeof *x);
                labels[r] = data->y[order[first + r]];
            }
            naive_forward(net, x, rows, seed, epoch, (uint32_t)(first / batch_size));
            sum += (double)naive_backward(net, labels) * (double)rows;
            step++;
            for (size_t i = 0; i < model->parameter_count; i++) {
                float *w = model->parameters[i].tensor->data;
                for (int64_t j = 0; j < linnet_tensor_numel(model->parameters[i].tensor); j++) {
                    define(step, naive_gradient(net, i)[j], &w[j], states[i][j]);
                }
            }
        }
        last = sum / ROWS;
    }
    for (size_t i = 0; i < model->parameter_count; i++) {
        ln_free(states[i]);
    }
    ln_free(x);
    naive_free(net);
    return last;
}

typedef struct contract_case {
    const train_data *data;
    const linnet_model *expected;
    const char *optim;
    double loss;
    size_t batch_size, epochs;
} contract_case;

static void train_under(const char *isa, void *context)
{
    static const int threads[] = {1, 2, 3, 8};
    const contract_case *c = context;
    for (size_t t = 0; t < 4; t++) {
        linnet_error error;
        linnet_epoch done = {0};
        linnet_model *model = make_model(text, 4);
        linnet_dataset *dataset = make_dataset(c->data->x, c->data->y, ROWS, FEATURES);
        linnet_trainer *trainer;
        linnet_trainer_options options = {
            .optim = c->optim, .batch_size = c->batch_size, .seed = 9, .threads = threads[t]};
        check_ok(linnet_trainer_create(model, dataset, &options, &trainer, &error), &error);
        assert_string_equal(linnet_trainer_isa(trainer), isa);
        for (size_t epoch = 0; epoch < c->epochs; epoch++) {
            check_ok(linnet_trainer_epoch(trainer, &done, &error), &error);
        }
        assert_memory_equal(&done.loss, &c->loss, sizeof done.loss);
        assert_int_equal(done.rows, ROWS);
        for (size_t i = 0; i < model->parameter_count; i++) {
            const linnet_tensor *weights = model->parameters[i].tensor;
            check_same(c->expected->parameters[i].tensor->data, weights->data,
                       (size_t)linnet_tensor_numel(weights),
                       "%s, %s, batch size %zu, %d threads: %s", isa, c->optim, c->batch_size,
                       threads[t], model->parameters[i].name);
        }
        linnet_trainer_free(trainer);
        linnet_dataset_free(dataset);
        linnet_model_free(model);
    }
}

static void test_one_number(void **state)
{
    (void)state;
    static const optimizer_case cases[] = {
        {"SGD(lr=0.1)", define_sgd},
        {"SGD(lr=0.05, momentum=0.9, dampening=0.25, weight_decay=0.001)", define_momentum},
        {"SGD(lr=0.05, momentum=0.9, nesterov=True, maximize=True)", define_nesterov},
        {"Adam(lr=0.003, betas=(0.9, 0.99), weight_decay=0.02, amsgrad=True)", define_adam},
        {"AdamW(lr=0.003, betas=(0.9, 0.99), weight_decay=0.1)", define_adamw},
    };
    static const size_t batch_sizes[] = {64, 13, 150, 100, 33};
    train_data *data = ln_alloc(1, sizeof *data);
    fill_data(data);
    for (size_t i = 0; i < 5; i++) {
        linnet_model *expected = make_model(text, 4);
        contract_case c = {data, expected, cases[i].optim, 0, batch_sizes[i], 2};
        c.loss = define_training(expected, data, cases[i].define, c.batch_size, c.epochs, 9);
        check_each_isa(train_under, &c);
        linnet_model_free(expected);
    }
    ln_free(data);
}

/* ---- rows that do not count ---- */

typedef struct item_check {
    size_t nothing; /* batches in which no row counts */
} item_check;

static bool count_nothing(void *context, const linnet_progress *progress)
{
    item_check *check = context;
    check->nothing += isnan(progress->batch_loss) ? 1 : 0;
    assert_false(isnan(progress->loss) && progress->rows > 100);
    return true;
}

/* Rows of class 9, which the model has no output for, leave the weights as if they were not there:
 * the same as when their gradients are 0. */
static void test_ignored_rows(void **state)
{
    (void)state;
    train_data *data = ln_alloc(1, sizeof *data);
    fill_data(data);
    for (size_t i = 0; i < ROWS; i++) {
        data->y[i] = i % 10 == 3 ? data->y[i] : 9;
    }
    linnet_model *model = make_model(text, 4), *before = make_model(text, 4);
    linnet_dataset *dataset = make_dataset(data->x, data->y, ROWS, FEATURES);
    linnet_trainer *trainer;
    linnet_error error;
    linnet_epoch done;
    item_check check = {0};
    linnet_trainer_options options = {.optim = "SGD(lr=0.1)",
                                      .loss = "CrossEntropyLoss(ignore_index=9)",
                                      .batch_size = 3,
                                      .progress = count_nothing,
                                      .context = &check};
    /* The standard's -100 is no other than a 9 that is said. */
    int64_t *standard = ln_alloc(ROWS, sizeof *standard);
    for (size_t i = 0; i < ROWS; i++) {
        standard[i] = data->y[i] == 9 ? -100 : data->y[i];
    }
    linnet_model *other = make_model(text, 4);
    linnet_dataset *negative = make_dataset(data->x, standard, ROWS, FEATURES);
    linnet_trainer_options plain = {.optim = "SGD(lr=0.1)", .batch_size = 3};
    check_ok(linnet_trainer_create(other, negative, &plain, &trainer, &error), &error);
    check_ok(linnet_trainer_epoch(trainer, NULL, &error), &error);
    linnet_trainer_free(trainer);
    linnet_dataset_free(negative);
    ln_free(standard);
    check_ok(linnet_trainer_create(model, dataset, &options, &trainer, &error), &error);
    check_ok(linnet_trainer_epoch(trainer, &done, &error), &error);
    assert_memory_equal(model->parameters[0].tensor->data, other->parameters[0].tensor->data,
                        FEATURES * sizeof(float));
    linnet_model_free(other);
    assert_true(check.nothing >= 35 && check.nothing < 50);
    assert_true(isfinite(done.loss) && done.loss > 0 && done.rows == ROWS);
    double correct = done.accuracy * (ROWS / 10);
    assert_true(fabs(correct - rint(correct)) < 1e-9);
    assert_memory_not_equal(model->parameters[0].tensor->data, before->parameters[0].tensor->data,
                            FEATURES * sizeof(float));
    linnet_trainer_free(trainer);
    linnet_dataset_free(dataset);
    for (size_t i = 0; i < ROWS; i++) {
        data->y[i] = 9;
    }
    dataset = make_dataset(data->x, data->y, ROWS, FEATURES);
    assert_int_equal(linnet_trainer_create(model, dataset, &options, &trainer, &error),
                     LINNET_ERROR_DATA);
    assert_string_equal(error.message,
                        "expected a row whose label is not ignore_index, found 9 in all of them");
    linnet_dataset_free(dataset);
    linnet_model_free(model);
    linnet_model_free(before);
    ln_free(data);
}

/* Batches whose rows weigh differently make the mean that evaluation finds over the whole. */
static void test_mean_of_an_epoch(void **state)
{
    (void)state;
    static const char loss[] =
        "CrossEntropyLoss(weight=[1, 2, 0.5, 3, 1, 0.25, 1, 4, 1, 0.5], ignore_index=2)";
    train_data *data = ln_alloc(1, sizeof *data);
    double *weights = ln_alloc(ROWS, sizeof *weights);
    fill_data(data);
    for (size_t i = 0; i < ROWS; i++) {
        weights[i] = (double)(i % 7) * (i < ROWS / 2 ? 10 : 1);
    }
    linnet_tensor w;
    linnet_error error;
    linnet_trainer *trainer;
    linnet_epoch done;
    linnet_evaluation whole;
    linnet_model *model = make_model("Linear(37, 10)", 4);
    linnet_dataset *dataset = make_dataset(data->x, data->y, ROWS, FEATURES);
    check_ok(linnet_tensor_from(weights, LINNET_FLOAT64, 1, (int64_t[]){ROWS}, &w, &error), &error);
    check_ok(linnet_dataset_set_weights(dataset, &w, &error), &error);
    linnet_trainer_options options = {.optim = "SGD(lr=0)", .loss = loss, .batch_size = 9};
    check_ok(linnet_trainer_create(model, dataset, &options, &trainer, &error), &error);
    check_ok(linnet_trainer_epoch(trainer, &done, &error), &error);
    check_ok(linnet_evaluate(model, dataset, NULL, &whole, &error), &error);
    assert_true(fabs(done.loss - whole.loss) < 1e-6 * whole.loss);
    linnet_evaluation_free(&whole);
    linnet_trainer_free(trainer);
    linnet_dataset_free(dataset);
    linnet_model_free(model);
    ln_free(weights);
    ln_free(data);
}

/* ---- what may go wrong, and stopping ---- */

static bool stop_after_two(void *context, const linnet_progress *progress)
{
    size_t *calls = context;
    ++*calls;
    assert_int_equal(progress->batches, 15);
    return progress->batch < 2;
}

static void test_stop(void **state)
{
    (void)state;
    train_data *data = ln_alloc(1, sizeof *data);
    fill_data(data);
    linnet_model *model = make_model(text, 4);
    linnet_dataset *dataset = make_dataset(data->x, data->y, ROWS, FEATURES);
    linnet_trainer *trainer;
    linnet_error error;
    linnet_epoch done;
    size_t calls = 0;
    linnet_trainer_options options = {
        .batch_size = 10, .progress = stop_after_two, .context = &calls};
    check_ok(linnet_trainer_create(model, dataset, &options, &trainer, &error), &error);
    check_ok(linnet_trainer_epoch(trainer, &done, &error), &error);
    assert_true(done.stopped && done.batches == 2 && done.rows == 20 && calls == 2);
    linnet_trainer_free(trainer);
    linnet_dataset_free(dataset);
    linnet_model_free(model);
    ln_free(data);
}

typedef struct failure_case {
    const char *model, *optim, *loss;
    linnet_status status;
    const char *message; /* part of it */
} failure_case;

static void test_failures(void **state)
{
    (void)state;
    static const failure_case cases[] = {
        {text, "SGD(lr=-1)", NULL, LINNET_ERROR_ARGUMENT, "Invalid learning rate: -1"},
        {text, "SGD(lr=0.1, momentum=-0.5)", NULL, LINNET_ERROR_ARGUMENT,
         "Invalid momentum value: -0.5"},
        {text, "SGD(weight_decay=-1.0)", NULL, LINNET_ERROR_ARGUMENT,
         "Invalid weight_decay value: -1.0"},
        {text, "SGD(nesterov=True)", NULL, LINNET_ERROR_ARGUMENT,
         "Nesterov momentum requires a momentum and zero dampening"},
        {text, "Adam(betas=(1.0, 0.9))", NULL, LINNET_ERROR_ARGUMENT,
         "Invalid beta parameter at index 0: 1.0"},
        {text, "Adam(eps=-1e-8)", NULL, LINNET_ERROR_ARGUMENT, "Invalid epsilon value: -1e-08"},
        {text, "Adamx()", NULL, LINNET_ERROR_SYNTAX, "Adamx"},
        {text, "Adam(momentum=1)", NULL, LINNET_ERROR_SYNTAX,
         "Adam.__init__() got an unexpected keyword argument 'momentum'"},
        {text, NULL, "HingeLoss()", LINNET_ERROR_SYNTAX, "HingeLoss"},
        {"Linear(36, 5)", NULL, NULL, LINNET_ERROR_SHAPE,
         "mat1 and mat2 shapes cannot be multiplied (64x37 and 36x5)"},
        {"Linear(37, 4)", NULL, NULL, LINNET_ERROR_DATA, "found 4"},
        {"Linear(37, 5)", "SGD(lr=1e38)", NULL, LINNET_ERROR_DATA, "at epoch 1, step 2"},
    };
    train_data *data = ln_alloc(1, sizeof *data);
    fill_data(data);
    linnet_dataset *dataset = make_dataset(data->x, data->y, ROWS, FEATURES);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const failure_case *c = &cases[i];
        linnet_model *model = make_model(c->model, 0);
        linnet_trainer *trainer;
        linnet_error error = {0};
        linnet_trainer_options options = {.optim = c->optim, .loss = c->loss};
        linnet_status status = linnet_trainer_create(model, dataset, &options, &trainer, &error);
        if (status == LINNET_OK) {
            status = linnet_trainer_epoch(trainer, NULL, &error);
        } else {
            assert_null(trainer);
        }
        if (status != c->status || strstr(error.message, c->message) == NULL) {
            fail_msg("case %zu: expected %s '%s', found %s '%s'", i, linnet_status_name(c->status),
                     c->message, linnet_status_name(status), error.message);
        }
        linnet_trainer_free(trainer);
        linnet_model_free(model);
    }
    linnet_dataset_free(dataset);
    linnet_dataset *unlabelled = make_dataset(data->x, NULL, ROWS, FEATURES);
    linnet_model *model = make_model(text, 0);
    linnet_trainer *trainer;
    linnet_error error;
    assert_int_equal(linnet_trainer_create(model, unlabelled, NULL, &trainer, &error),
                     LINNET_ERROR_DATA);
    linnet_model_free(model);
    linnet_dataset_free(unlabelled);
    ln_free(data);
}

/* What it says of itself: the kernel set of a plan, the threads that were asked for, and memory that
 * holds at least the weights and Adam's two states, and grows with the batch. */
static void test_account(void **state)
{
    (void)state;
    train_data *data = ln_alloc(1, sizeof *data);
    fill_data(data);
    linnet_dataset *dataset = make_dataset(data->x, data->y, ROWS, FEATURES);
    linnet_model *model = make_model("Linear(37, 5)", 0);
    linnet_plan *plan;
    linnet_error error;
    check_ok(linnet_plan_create(model, NULL, &plan, &error), &error);
    size_t size[2];
    for (int i = 0; i < 2; i++) {
        linnet_trainer *trainer;
        linnet_trainer_options options = {.threads = i + 1, .batch_size = i == 0 ? 8 : 64};
        check_ok(linnet_trainer_create(model, dataset, &options, &trainer, &error), &error);
        assert_int_equal(linnet_trainer_threads(trainer), i + 1);
        assert_string_equal(linnet_trainer_isa(trainer), linnet_plan_isa(plan));
        size[i] = linnet_trainer_size(trainer);
        linnet_trainer_free(trainer);
    }
    assert_true(size[0] >= 3 * (37 * 5 + 5) * sizeof(float));
    assert_true(size[1] > size[0]);
    linnet_plan_free(plan);
    linnet_model_free(model);
    linnet_dataset_free(dataset);
    ln_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay),           cmocka_unit_test(test_one_number),
        cmocka_unit_test(test_ignored_rows),     cmocka_unit_test(test_stop),
        cmocka_unit_test(test_mean_of_an_epoch), cmocka_unit_test(test_failures),
        cmocka_unit_test(test_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
