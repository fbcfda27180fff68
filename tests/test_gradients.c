/* test_gradients.c - between backward and the optimizer: accumulated gradients are those of the
 * whole batch, clipped ones those of the definition, to the bit on every kernel set and number of
 * threads. */
#include "support/check.h"

#include <math.h>

#include "base/memory.h"
#include "nn/nn.h"
#include "numeric/random.h"
#include "support/made.h"
#include "support/naive.h"
#include "train/trainer.h"

#define ROWS 300
#define FEATURES 37
#define SEED 9
#define EPOCHS 2

static const char head[] = "Sequential(Dropout(0.2), Linear(37, 70), LayerNorm(70), ReLU(), "
                           "Dropout(0.5), Linear(70, 33), RReLU(), Linear(33, 5))";
static const char plain[] = "Sequential(Linear(37, 70), ReLU(), Dropout(0.5), Linear(70, 5))";

typedef struct data {
    float x[ROWS * FEATURES];
    int64_t y[ROWS];
} data;

static data *make_data(void)
{
    data *d = ln_alloc(1, sizeof *d);
    check_random random = {77};
    check_fill(&random, d->x, ROWS * FEATURES);
    for (size_t i = 0; i < ROWS; i++) {
        d->y[i] = (int64_t)(check_next(&random) % 5);
    }
    return d;
}

/* A model trained for EPOCHS, and the last epoch's loss. */
static linnet_model *train(const char *text, data *d, const linnet_trainer_options *options,
                           double *loss)
{
    linnet_error error;
    linnet_epoch done = {0};
    linnet_model *model = make_model(text, 4);
    linnet_dataset *dataset = make_dataset(d->x, d->y, ROWS, FEATURES);
    linnet_trainer *trainer;
    check_ok(linnet_trainer_create(model, dataset, options, &trainer, &error), &error);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        check_ok(linnet_trainer_epoch(trainer, &done, &error), &error);
    }
    assert_int_equal(done.rows, ROWS);
    *loss = done.loss;
    linnet_trainer_free(trainer);
    linnet_dataset_free(dataset);
    return model;
}

static void check_same_model(const linnet_model *expected, const linnet_model *found,
                             const char *what, const char *isa, size_t parts)
{
    for (size_t i = 0; i < expected->parameter_count; i++) {
        const linnet_tensor *a = expected->parameters[i].tensor, *b = found->parameters[i].tensor;
        check_same(a->data, b->data, (size_t)linnet_tensor_numel(a), "%s, %s, %zu parts: %s", isa,
                   what, parts, expected->parameters[i].name);
    }
}

/* ---- parts ---- */

static void accumulate_under(const char *isa, void *context)
{
    static const linnet_trainer_options cases[] = {
        {.optim = "SGD(lr=0.1, momentum=0.9)"},
        {.optim = "AdamW(lr=0.01)", .clip_grad_norm = 0.7},
        {.optim = "SGD(lr=0.1)", .clip_grad_value = 0.01},
        {.optim = "Adam(lr=0.01)", .precision = LINNET_PRECISION_BF16},
        {.optim = "SGD(lr=0.1)", .precision = LINNET_PRECISION_BF16, .clip_grad_norm = 0.1},
        {.optim = "SGD(lr=0.1)",
         .loss = "CrossEntropyLoss(weight=[1, 2, 3, 4, 5], ignore_index=2)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t parts = 2; parts <= 5; parts++) {
            linnet_trainer_options options = cases[i];
            double expected_loss, loss;
            options.seed = SEED;
            options.threads = (int)(parts % 3) + 1;
            options.batch_size = 64 * parts;
            linnet_model *expected = train(head, context, &options, &expected_loss);
            options.batch_size = 64;
            options.accumulate = parts;
            linnet_model *found = train(head, context, &options, &loss);
            check_same_model(expected, found, options.optim, isa, parts);
            assert_memory_equal(&loss, &expected_loss, sizeof loss);
            linnet_model_free(found);
            linnet_model_free(expected);
        }
    }
}

static void test_accumulate(void **state)
{
    (void)state;
    data *d = make_data();
    check_each_isa(accumulate_under, d);
    ln_free(d);
}

/* ---- clipping ---- */

/* The norm, in double: a matrix row by row, then row sums, then parameters. */
static double define_norm(const linnet_model *model, const naive_net *net)
{
    double total = 0;
    for (size_t p = 0; p < model->parameter_count; p++) {
        const linnet_tensor *tensor = model->parameters[p].tensor;
        const float *g = naive_gradient(net, p);
        size_t columns = tensor->rank == 2 ? (size_t)tensor->shape[1] : 1;
        double of_parameter = 0;
        for (size_t o = 0; o < (size_t)tensor->shape[0]; o++) {
            double row = 0;
            for (size_t i = 0; i < columns; i++) {
                row += (double)g[o * columns + i] * (double)g[o * columns + i];
            }
            of_parameter += row;
        }
        total += of_parameter;
    }
    return sqrt(total);
}

/* One step of SGD(lr=0.1) under the limits; counts what they changed. */
static size_t define_step(linnet_model *model, const naive_net *net, double norm_limit,
                          float value_limit)
{
    size_t changed = 0;
    float factor = 1;
    if (norm_limit > 0) {
        double wanted = norm_limit / (define_norm(model, net) + 1e-6);
        factor = wanted < 1 ? (float)wanted : 1;
        changed += wanted < 1;
    }
    for (size_t p = 0; p < model->parameter_count; p++) {
        const linnet_tensor *tensor = model->parameters[p].tensor;
        float *w = tensor->data;
        for (size_t i = 0; i < (size_t)linnet_tensor_numel(tensor); i++) {
            float g = naive_gradient(net, p)[i] * factor;
            if (value_limit > 0 && fabsf(g) > value_limit) {
                g = copysignf(value_limit, g);
                changed++;
            }
            w[i] = fmaf(-0.1f, fmaf(0.0f, w[i], g), w[i]);
        }
    }
    return changed;
}

static size_t define_training(linnet_model *model, const data *d, size_t batch, double norm_limit,
                              float value_limit)
{
    naive_net *net = naive_create(model, batch, true);
    float *x = ln_alloc(batch * FEATURES, sizeof *x);
    int64_t order[ROWS], labels[ROWS];
    size_t changed = 0;
    for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
        ln_philox_permutation(ln_philox_stream(SEED, epoch, 0, LN_STREAM_SHUFFLE), ROWS, order);
        for (size_t first = 0; first < ROWS; first += batch) {
            size_t rows = ROWS - first < batch ? ROWS - first : batch;
            for (size_t r = 0; r < rows; r++) {
                memcpy(x + r * FEATURES, d->x + order[first + r] * FEATURES, FEATURES * sizeof *x);
                labels[r] = d->y[order[first + r]];
            }
            naive_forward(net, x, rows, SEED, epoch, (uint32_t)(first / batch));
            (void)naive_backward(net, labels);
            changed += define_step(model, net, norm_limit, value_limit);
        }
    }
    ln_free(x);
    naive_free(net);
    return changed;
}

typedef struct clip_case {
    data *d;
    const linnet_model *expected;
    size_t batch;
    double norm;
    float value;
} clip_case;

static void clip_under(const char *isa, void *context)
{
    const clip_case *c = context;
    for (int threads = 1; threads <= 3; threads++) {
        double loss;
        linnet_trainer_options options = {.optim = "SGD(lr=0.1)",
                                          .batch_size = c->batch,
                                          .seed = SEED,
                                          .threads = threads,
                                          .clip_grad_norm = c->norm,
                                          .clip_grad_value = (double)c->value};
        linnet_model *found = train(plain, c->d, &options, &loss);
        check_same_model(c->expected, found, c->norm > 0 ? "norm" : "value", isa, 1);
        linnet_model_free(found);
    }
}

static void test_clip(void **state)
{
    (void)state;
    /* The second norm is one that few steps reach. */
    static const clip_case cases[] = {{.batch = 64, .norm = 0.25},
                                      {.batch = 33, .norm = 0.6},
                                      {.batch = 100, .value = 0.015625f}};
    data *d = make_data();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        clip_case c = cases[i];
        linnet_model *expected = make_model(plain, 4);
        c.d = d;
        c.expected = expected;
        assert_true(define_training(expected, d, c.batch, c.norm, c.value) > 0);
        check_each_isa(clip_under, &c);
        linnet_model_free(expected);
    }
    ln_free(d);
}

/* ---- weight decay ---- */

static void test_no_decay(void **state)
{
    (void)state;
    static const char text[] = "Sequential(Linear(37, 8), BatchNorm1d(8), LayerNorm(8), PReLU(), "
                               "Linear(8, 8, bias=False), RMSNorm(8), Linear(8, 5))";
    static const struct {
        unsigned which;
        const char *exempt; /* of the parameters */
    } cases[] = {{0, "00000000000"},
                 {LINNET_NO_DECAY_BIAS, "01010100001"},
                 {LINNET_NO_DECAY_NORM, "00111100100"},
                 {LINNET_NO_DECAY_BIAS | LINNET_NO_DECAY_NORM, "01111100101"}};
    data *d = make_data();
    linnet_dataset *dataset = make_dataset(d->x, d->y, ROWS, FEATURES);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        linnet_model *model = make_model(text, 4);
        linnet_trainer *trainer;
        linnet_error error;
        linnet_trainer_options options = {.optim = "AdamW(weight_decay=0.1)",
                                          .no_decay = cases[i].which};
        check_ok(linnet_trainer_create(model, dataset, &options, &trainer, &error), &error);
        assert_int_equal(model->parameter_count, strlen(cases[i].exempt));
        for (size_t p = 0; p < model->parameter_count; p++) {
            if (ln_optimizer_group_of(trainer->optimizer, p) !=
                (size_t)(cases[i].exempt[p] - '0')) {
                fail_msg("no_decay %u: %s", cases[i].which, model->parameters[p].name);
            }
        }
        linnet_trainer_free(trainer);
        linnet_model_free(model);
    }
    linnet_dataset_free(dataset);
    ln_free(d);
}

/* ---- failures ---- */

/* Logits of 0 have a loss, and gradients that overflow when they meet these features. */
static void test_norm_overflows(void **state)
{
    (void)state;
    data *d = make_data();
    for (size_t i = 0; i < ROWS * FEATURES; i++) {
        d->x[i] = 3e38f;
    }
    linnet_model *model;
    linnet_dataset *dataset = make_dataset(d->x, d->y, ROWS, FEATURES);
    linnet_trainer *trainer;
    linnet_error error;
    check_ok(linnet_model_parse("Linear(37, 5)", NULL, 0, &model, &error), &error);
    linnet_trainer_options options = {
        .optim = "SGD(lr=0.1)", .loss = "CrossEntropyLoss(reduction='sum')", .clip_grad_norm = 1};
    check_ok(linnet_trainer_create(model, dataset, &options, &trainer, &error), &error);
    assert_int_equal(linnet_trainer_epoch(trainer, NULL, &error), LINNET_ERROR_DATA);
    assert_non_null(
        strstr(error.message, "the norm of the gradient is not finite at epoch 1, step 1"));
    for (size_t i = 0; i < model->parameter_count; i++) {
        const float *w = model->parameters[i].tensor->data;
        for (int64_t j = 0; j < linnet_tensor_numel(model->parameters[i].tensor); j++) {
            assert_true(w[j] == 0);
        }
    }
    linnet_trainer_free(trainer);
    linnet_dataset_free(dataset);
    linnet_model_free(model);
    ln_free(d);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        linnet_trainer_options options;
        const char *place, *message;
    } cases[] = {
        {{.clip_grad_norm = -1}, "clip_grad_norm", "expected a finite number above 0"},
        {{.no_decay = 4}, "no_decay", "LINNET_NO_DECAY_NORM or both, found 4"},
        {{.clip_grad_norm = (double)NAN}, "clip_grad_norm", "expected a finite number above 0"},
        {{.clip_grad_value = (double)INFINITY},
         "clip_grad_value",
         "expected a finite number above 0, or 0 for none, found inf"},
        {{.clip_grad_norm = 1, .clip_grad_value = 1},
         "clip_grad_value",
         "cannot stand beside clip_grad_norm"},
    };
    data *d = make_data();
    linnet_model *model = make_model(plain, 4);
    linnet_dataset *dataset = make_dataset(d->x, d->y, ROWS, FEATURES);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        linnet_trainer *trainer;
        linnet_error error;
        assert_int_equal(linnet_trainer_create(model, dataset, &cases[i].options, &trainer, &error),
                         LINNET_ERROR_ARGUMENT);
        assert_null(trainer);
        assert_string_equal(error.place, cases[i].place);
        assert_non_null(strstr(error.message, cases[i].message));
    }
    linnet_dataset_free(dataset);
    linnet_model_free(model);
    ln_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accumulate), cmocka_unit_test(test_clip),
        cmocka_unit_test(test_no_decay),   cmocka_unit_test(test_norm_overflows),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
