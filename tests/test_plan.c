/* test_plan.c - whole models against the definition, by bits.
 *
 * Outputs in eval, and outputs, losses, gradients and trained weights in training: over batch sizes
 * 1 to 130, on 1, 2, 3 and 8 threads, under every kernel set; and every row alone against the same
 * row in a batch. */
#include "support/check.h"

#include <math.h>
#include <pthread.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "base/memory.h"
#include "plan/plan.h"
#include "support/naive.h"

#define MAX_BATCH 130
#define SEED 11

static const char *const texts[] = {
    "Sequential(Flatten(), Dropout(0.2), Linear(37, 70), ReLU(), Dropout(0.5), Linear(70, 33), "
    "ReLU(inplace=True), Linear(33, 5))",
    "Sequential(Linear(300, 130, bias=False), Dropout(0.3), ReLU(), Identity(), Dropout(0.1), "
    "Linear(130, 4))",
    "Sequential(Linear(9, 17), Softmax(dim=1), Dropout(0.25), Sequential(Linear(17, 6), ReLU()), "
    "Linear(6, 3), LogSoftmax(dim=-1))",
    "Sequential(ReLU(), Linear(20, 3), ReLU(), Dropout(1.0), Linear(3, 2), ReLU())",
    /* Every way in which a module whose backward sees its input can stand: behind a product, behind
     * and before ReLU and Dropout, behind another of its kind, behind a row kernel, first, last. */
    "Sequential(Tanh(), Linear(21, 70), GELU(), Dropout(0.3), Linear(70, 33), ReLU(), ELU(), "
    "ReLU(), Dropout(0.1), Linear(33, 5), SiLU())",
    "Sequential(Dropout(0.2), GELU(approximate='tanh'), Linear(19, 40), Dropout(0.2), Mish(), "
    "Sigmoid(), Linear(40, 6), Softmax(1), Softplus(beta=2), ReLU(), Linear(6, 3), LogSigmoid(), "
    "LogSoftmax(1))",
    "Sequential(Linear(11, 30), SELU(), Linear(30, 30), CELU(0.5), Linear(30, 30), "
    "LeakyReLU(-0.2), Linear(30, 30), Softsign(), Linear(30, 30), Hardswish(), Linear(30, 30), "
    "Tanhshrink(), Linear(30, 4))",
    "Sequential(Linear(11, 30), ReLU6(), Linear(30, 20), Hardtanh(-0.3, 0.6), Linear(20, 20), "
    "Hardsigmoid(), Linear(20, 4))",
    "Sequential(Linear(11, 12), Hardshrink(0.02), Linear(12, 12), Softshrink(0.05), Linear(12, 8), "
    "Threshold(-0.2, -0.2), Linear(8, 4))",
    /* Norms and their like behind and before products, ReLU and Dropout. */
    "Sequential(Linear(13, 24), BatchNorm1d(24), ReLU(), PReLU(24), Linear(24, 18), LayerNorm(18), "
    "Dropout(0.1), GLU(), RMSNorm(9), AlphaDropout(0.2), Linear(9, 6), BatchNorm1d(6, "
    "affine=False), "
    "RReLU(), Linear(6, 3))",
    /* Rows of channels. */
    "Sequential(Linear(12, 24), Unflatten(1, (4, 6)), BatchNorm1d(4), PReLU(4), Softmax(1), "
    "Dropout1d(0.3), FeatureAlphaDropout(0.2), LayerNorm((4, 6)), Softmin(2), GLU(1), PReLU(), "
    "Linear(6, 5), LogSoftmax(1), RMSNorm(5, elementwise_affine=False), Flatten(), Dropout1d(0.2), "
    "Linear(10, 3), Softmin(1))",
    /* Parameters before the first product and behind the last, rows of more than one piece. */
    "Sequential(PReLU(), BatchNorm1d(14), Linear(14, 300), LayerNorm(300, bias=False), "
    "RMSNorm(300, 1e-3), GLU(), Linear(150, 4), PReLU(4), BatchNorm1d(4, 1e-3, None))",
    "Sequential(RReLU(0.1, 0.5), AlphaDropout(0.0), Linear(10, 70), ReLU(), AlphaDropout(0.3), "
    "ReLU(), FeatureAlphaDropout(0.4), Dropout1d(0.5), Tanh(), Linear(70, 8), RReLU(0.2, 0.2), "
    "Linear(8, 3), AlphaDropout(1.0), LayerNorm(3))",
};
#define TEXT_COUNT (sizeof texts / sizeof *texts)
static const int thread_counts[] = {1, 2, 3, 8};

/* Initial values of norms (1 and 0) would hide what they are multiplied with and added to. */
static void stir(const linnet_tensor *tensor, check_random *random, float least)
{
    float *data = tensor->data;
    for (int64_t i = 0; i < linnet_tensor_numel(tensor) && tensor->dtype == LINNET_FLOAT32; i++) {
        data[i] = least + (float)(check_next(random) % 1024) / 1024;
    }
}

static linnet_model *make_model(size_t which)
{
    linnet_model *model;
    linnet_error error;
    check_ok(linnet_model_parse(texts[which], NULL, 0, &model, &error), &error);
    linnet_model_reset_parameters(model, which, LINNET_RNG_TORCH);
    check_random random = {which};
    for (size_t i = 0; i < linnet_model_parameter_count(model); i++) {
        if (linnet_model_parameter(model, i)->rank != 2) {
            stir(linnet_model_parameter(model, i), &random, -0.5f);
        }
    }
    for (size_t i = 0; i < linnet_model_buffer_count(model); i++) {
        stir(linnet_model_buffer(model, i), &random, 0.25f);
    }
    check_ok(linnet_model_set_scale(model, which % 2 == 0 ? 1 : 0.5, &error), &error);
    return model;
}

static size_t in_features(const linnet_model *model)
{
    return (size_t)ln_shape_numel(&model->input, 0);
}

/* Sizes that matter, at every thread count; all sizes on one thread. */
static bool wanted(size_t batch, int threads)
{
    return threads == 1 || batch < 4 || batch % 13 == 0 || (batch > 62 && batch < 67) ||
           batch > 126;
}

/* Other precisions differ in the products only: fewer sizes do. */
static bool wanted_in(ln_precision precision, size_t batch, int threads)
{
    return wanted(batch, threads) && (precision == LN_FULL || batch < 10 || batch % 16 < 2);
}

static const linnet_precision precisions[] = {[LN_FULL] = LINNET_PRECISION_FLOAT32,
                                              [LN_BFLOAT16] = LINNET_PRECISION_BF16,
                                              [LN_BFLOAT16_WEIGHTS] =
                                                  LINNET_PRECISION_BF16_WEIGHTS};

typedef struct eval_case {
    const linnet_model *model;
    ln_precision precision;
    const float *x, *expected;
} eval_case;

static void eval_under(const char *isa, void *context)
{
    const eval_case *c = context;
    size_t in = in_features(c->model);
    float *y = ln_alloc(MAX_BATCH * 300, sizeof *y);
    for (size_t t = 0; t < 4; t++) {
        linnet_plan *plan;
        linnet_error error;
        linnet_plan_options options = {.max_batch = MAX_BATCH,
                                       .threads = thread_counts[t],
                                       .precision = precisions[c->precision]};
        check_ok(linnet_plan_create(c->model, &options, &plan, &error), &error);
        assert_string_equal(linnet_plan_isa(plan), isa);
        assert_int_equal(linnet_plan_threads(plan), thread_counts[t]);
        size_t out = linnet_plan_output_features(plan);
        for (size_t batch = 0; batch <= MAX_BATCH; batch++) {
            if (wanted_in(c->precision, batch, thread_counts[t])) {
                check_ok(linnet_plan_run(plan, c->x, batch, y, &error), &error);
                check_same(c->expected, y, batch * out, "%s eval precision %d batch %zu threads %d",
                           isa, (int)c->precision, batch, thread_counts[t]);
            }
        }
        for (size_t row = 0; row < MAX_BATCH; row++) {
            check_ok(linnet_plan_run(plan, c->x + row * in, 1, y, &error), &error);
            check_same(c->expected + row * out, y, out, "%s row %zu alone", isa, row);
        }
        assert_int_equal(linnet_plan_run(plan, c->x, MAX_BATCH + 1, y, &error),
                         LINNET_ERROR_ARGUMENT);
        linnet_plan_free(plan);
    }
    ln_free(y);
}

static void test_eval(void **state)
{
    (void)state;
    for (size_t which = 0; which < TEXT_COUNT; which++) {
        linnet_model *model = make_model(which);
        size_t in = in_features(model);
        check_random random = {which};
        float *x = ln_alloc(MAX_BATCH * in, sizeof *x);
        check_fill(&random, x, MAX_BATCH * in);
        naive_net *net = naive_create(model, MAX_BATCH, false);
        for (int precision = 0; precision < LN_PRECISION_COUNT; precision++) {
            naive_set_precision(net, (ln_precision)precision);
            const float *expected = naive_forward(net, x, MAX_BATCH, 0, 0, 0);
            eval_case c = {model, (ln_precision)precision, x, expected};
            check_each_isa(eval_under, &c);
        }
        naive_free(net);
        ln_free(x);
        linnet_model_free(model);
    }
}

/* ---- training: gradients of one step ---- */

typedef struct train_case {
    linnet_model *model;
    ln_precision precision;
    const float *x;
    const int64_t *labels;
    size_t batch;
    const float *output;
    naive_net *net;
    float *gradient[16]; /* of each parameter, as the plan lays them out */
} train_case;

/* Keeps the stretches until all have come. */
static void keep_gradient(void *context, size_t parameter, size_t first, size_t count,
                          const float *gradient)
{
    train_case *c = context;
    memcpy(c->gradient[parameter] + first, gradient, count * sizeof *gradient);
}

static void compare_gradients(train_case *c, const linnet_plan *plan, const char *isa)
{
    for (size_t i = 0; i < linnet_model_parameter_count(c->model); i++) {
        size_t count = (size_t)linnet_tensor_numel(linnet_model_parameter(c->model, i));
        float *rows = ln_alloc(count, sizeof *rows);
        ln_plan_to_rows(plan, i, c->gradient[i], rows);
        check_same(naive_gradient(c->net, i), rows, count, "%s gradient of %s, batch %zu", isa,
                   linnet_model_parameter_name(c->model, i), c->batch);
        ln_free(rows);
        ln_free(c->gradient[i]);
    }
}

/* Filled with what no gradient is, so that a stretch that never came is seen. */
static void make_gradients(train_case *c, const linnet_plan *plan)
{
    for (size_t i = 0; i < linnet_model_parameter_count(c->model); i++) {
        size_t count;
        ln_plan_parameter(plan, i, &count);
        c->gradient[i] = ln_alloc(count, sizeof **c->gradient);
        for (size_t j = 0; j < count; j++) {
            c->gradient[i][j] = 1e30f;
        }
    }
}

static void train_under(const char *isa, void *context)
{
    train_case *c = context;
    for (size_t t = 0; t < 4; t++) {
        if (!wanted(c->batch, thread_counts[t])) {
            continue;
        }
        linnet_plan *plan;
        linnet_error error;
        ln_plan_request request = {.training = true,
                                   .precision = c->precision,
                                   .max_batch = c->batch,
                                   .threads = thread_counts[t]};
        check_ok(ln_plan_lower(c->model, &request, &plan, &error), &error);
        ln_plan_draw_philox(plan, SEED, 2, (uint32_t)c->batch, 0);
        ln_rows rows = {.x = c->x, .ld = plan->in_features};
        size_t ld, gradient_ld, out = plan->out_features;
        const float *y = ln_plan_forward(plan, &rows, c->batch, NULL, &ld);
        float *dy = ln_plan_output_gradient(plan, &gradient_ld);
        for (size_t r = 0; r < c->batch; r++) {
            check_same(c->output + r * out, y + r * ld, out,
                       "%s training output, batch %zu row %zu threads %d", isa, c->batch, r,
                       thread_counts[t]);
            plan->kernels->cross_entropy(out, y + r * ld, (size_t)c->labels[r],
                                         1.0f / (float)c->batch, dy + r * gradient_ld);
        }
        make_gradients(c, plan);
        ln_plan_backward(plan, c->batch, &(ln_gradient_sink){.take = keep_gradient, .context = c});
        compare_gradients(c, plan, isa);
        linnet_plan_free(plan);
    }
}

static void test_gradients(void **state)
{
    (void)state;
    for (size_t which = 0; which < TEXT_COUNT; which++) {
        linnet_model *model = make_model(which);
        size_t in = in_features(model);
        check_random random = {which};
        float *x = ln_alloc(MAX_BATCH * in, sizeof *x);
        int64_t labels[MAX_BATCH];
        check_fill(&random, x, MAX_BATCH * in);
        naive_net *net = naive_create(model, MAX_BATCH, true);
        for (size_t batch = 1; batch <= MAX_BATCH; batch += which == 0 ? 1 : 43) {
            for (size_t r = 0; r < batch; r++) {
                labels[r] = (int64_t)(check_next(&random) % 2);
            }
            train_case c = {.model = model, .x = x, .labels = labels, .batch = batch, .net = net};
            for (int precision = LN_FULL; precision <= LN_BFLOAT16; precision++) {
                c.precision = (ln_precision)precision;
                if (wanted_in(c.precision, batch, 1) || batch == 130) {
                    naive_set_precision(net, c.precision);
                    c.output = naive_forward(net, x, batch, SEED, 2, (uint32_t)batch);
                    naive_backward(net, labels);
                    check_each_isa(train_under, &c);
                }
            }
        }
        naive_free(net);
        ln_free(x);
        linnet_model_free(model);
    }
}

/* ---- finite differences: the definition itself is the derivative of the loss ---- */

typedef struct slope_case {
    naive_net *net;
    const float *x;
    const int64_t *labels;
    size_t batch;
} slope_case;

static double loss_at(const slope_case *c, float *weight, float value)
{
    float kept = *weight;
    *weight = value;
    naive_forward(c->net, c->x, c->batch, SEED, 0, 0);
    double loss = (double)naive_backward(c->net, c->labels);
    *weight = kept;
    return loss;
}

static double slope_at(const slope_case *c, float *weight, float h)
{
    return (loss_at(c, weight, *weight + h) - loss_at(c, weight, *weight - h)) / (2 * (double)h);
}

/* Compares the slopes of some of a parameter's elements. Where two widths disagree, a ReLU switches
 * within the wider one, and there is no slope to compare with: returns how many those were. */
static size_t check_slopes(const slope_case *c, const linnet_model *model, size_t parameter,
                           size_t *total)
{
    const linnet_tensor *tensor = linnet_model_parameter(model, parameter);
    size_t count = (size_t)linnet_tensor_numel(tensor);
    size_t skipped = 0;
    for (size_t j = 0; j < count; j += count / 17 + 1, ++*total) {
        float *weight = (float *)tensor->data + j;
        double wide = slope_at(c, weight, 0x1p-8f), slope = slope_at(c, weight, 0x1p-10f);
        loss_at(c, weight, *weight);
        double gradient = (double)naive_gradient(c->net, parameter)[j];
        double bound = 1e-3 + 0.01 * fabs(gradient);
        if (fabs(wide - slope) > bound) {
            skipped++;
        } else if (fabs(slope - gradient) > bound) {
            fail_msg("%s[%zu]: difference quotient %g, gradient %g",
                     linnet_model_parameter_name(model, parameter), j, slope, gradient);
        }
    }
    return skipped;
}

static void test_finite_differences(void **state)
{
    (void)state;
    enum { BATCH = 5 };
    for (size_t which = 0; which < TEXT_COUNT; which++) {
        linnet_model *model = make_model(which);
        size_t in = in_features(model);
        check_random random = {which + 100};
        float *x = ln_alloc(BATCH * in, sizeof *x);
        check_fill(&random, x, BATCH * in);
        int64_t labels[BATCH] = {0, 1, 1, 0, 1};
        slope_case c = {naive_create(model, BATCH, true), x, labels, BATCH};
        size_t skipped = 0, total = 0;
        for (size_t i = 0; i < linnet_model_parameter_count(model); i++) {
            skipped += check_slopes(&c, model, i, &total);
        }
        assert_true(total > 15 && skipped * 5 < total);
        naive_free(c.net);
        ln_free(x);
        linnet_model_free(model);
    }
}

/* ---- the rest of a plan's promises ---- */

static void test_probabilities(void **state)
{
    (void)state;
    static const char *const ends[] = {"Sequential(Linear(4, 3))",
                                       "Sequential(Linear(4, 3), Softmax(1))",
                                       "Sequential(Linear(4, 3), LogSoftmax(1), Dropout(0.5))"};
    float x[8] = {1, -2, 3, 0.5f, 100, -100, 0, 7}, first[6];
    for (size_t i = 0; i < 3; i++) {
        linnet_model *model;
        linnet_plan *plan;
        linnet_error error;
        float y[6];
        check_ok(linnet_model_parse(ends[i], NULL, 0, &model, &error), &error);
        linnet_model_reset_parameters(model, 3, LINNET_RNG_TORCH);
        linnet_plan_options options = {.max_batch = 2, .probabilities = true};
        check_ok(linnet_plan_create(model, &options, &plan, &error), &error);
        check_ok(linnet_plan_run(plan, x, 2, i == 0 ? first : y, &error), &error);
        for (size_t r = 0; r < 2 && i == 0; r++) {
            assert_float_equal(first[3 * r] + first[3 * r + 1] + first[3 * r + 2], 1, 1e-6);
        }
        for (size_t j = 0; j < 6 && i > 0; j++) {
            assert_float_equal(first[j], y[j], 1e-6);
        }
        linnet_plan_free(plan);
        linnet_model_free(model);
    }
}

/* ---- many threads, one model ---- */

typedef struct sharer {
    pthread_t thread;
    const linnet_model *model;
    const float *x;
    float y[7 * 5];
    linnet_status status;
} sharer;

/* No cmocka here: it is not made for threads. */
static void *run_shared(void *argument)
{
    sharer *s = argument;
    linnet_plan *plan;
    s->status = linnet_plan_create(s->model, &(linnet_plan_options){.max_batch = 7, .threads = 2},
                                   &plan, NULL);
    for (int i = 0; i < 50 && s->status == LINNET_OK; i++) {
        s->status = linnet_plan_run(plan, s->x, 7, s->y, NULL);
    }
    linnet_plan_free(plan);
    return NULL;
}

static void test_shared_model(void **state)
{
    (void)state;
    linnet_model *model = make_model(0);
    float x[7 * 37];
    check_random random = {3};
    check_fill(&random, x, 7 * 37);
    naive_net *net = naive_create(model, 7, false);
    const float *expected = naive_forward(net, x, 7, 0, 0, 0);
    sharer sharers[4];
    for (size_t i = 0; i < 4; i++) {
        sharers[i] = (sharer){.model = model, .x = x};
        assert_int_equal(pthread_create(&sharers[i].thread, NULL, run_shared, &sharers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(sharers[i].thread, NULL), 0);
        assert_int_equal(sharers[i].status, LINNET_OK);
        check_same(expected, sharers[i].y, 7 * 5, "thread %zu of one model", i);
    }
    naive_free(net);
    linnet_model_free(model);
}

/* A row is (3, 4): Linear runs over the last dimension of each of the three vectors. */
static void test_leading_dimensions(void **state)
{
    (void)state;
    linnet_model *model, *flat;
    linnet_plan *plan, *flat_plan;
    linnet_error error;
    check_ok(linnet_model_parse("Sequential(Linear(4, 70), ReLU(), Linear(70, 2), Softmax(dim=-1))",
                                NULL, 0, &model, &error),
             &error);
    check_ok(linnet_model_parse("Sequential(Linear(4, 70), ReLU(), Linear(70, 2), Softmax(dim=-1))",
                                NULL, 0, &flat, &error),
             &error);
    linnet_model_reset_parameters(model, 1, LINNET_RNG_TORCH);
    linnet_model_reset_parameters(flat, 1, LINNET_RNG_TORCH);
    check_ok(linnet_model_set_input_shape(model, 2, (int64_t[]){3, 4}, &error), &error);
    check_ok(linnet_plan_create(model, &(linnet_plan_options){.max_batch = 5}, &plan, &error),
             &error);
    check_ok(linnet_plan_create(flat, &(linnet_plan_options){.max_batch = 15}, &flat_plan, &error),
             &error);
    assert_int_equal(linnet_plan_input_features(plan), 12);
    assert_int_equal(linnet_plan_output_features(plan), 6);
    float x[60], y[30], expected[30];
    check_random random = {5};
    check_fill(&random, x, 60);
    check_ok(linnet_plan_run(plan, x, 5, y, &error), &error);
    check_ok(linnet_plan_run(flat_plan, x, 15, expected, &error), &error);
    check_same(expected, y, 30, "rows of rank 2");
    linnet_plan_free(plan);
    linnet_plan_free(flat_plan);
    linnet_model_free(model);
    linnet_model_free(flat);
}

/* What is told before is what is taken, and what cannot be counted is refused. */
static void test_memory(void **state)
{
    (void)state;
    static const size_t batches[] = {0, 1, 7, 64, 130};
    linnet_error error;
    for (size_t which = 0; which < TEXT_COUNT; which++) {
        linnet_model *model = make_model(which);
        for (size_t i = 0; i < 6 * sizeof batches / sizeof *batches; i++) {
            linnet_plan_options options = {.max_batch = batches[i / 6],
                                           .threads = (int)(1 + i % 3),
                                           .probabilities = i % 2 != 0,
                                           .precision = (linnet_precision)(i % 3)};
            linnet_plan *plan;
            size_t bytes;
            check_ok(linnet_plan_memory(model, &options, &bytes, &error), &error);
            check_ok(linnet_plan_create(model, &options, &plan, &error), &error);
            assert_true(bytes == linnet_plan_size(plan) && bytes > 0);
            linnet_plan_free(plan);
        }
        size_t small, large, usual;
        check_ok(linnet_plan_memory(model, NULL, &usual, &error), &error);
        check_ok(linnet_plan_memory(model, &(linnet_plan_options){.max_batch = 1}, &small, &error),
                 &error);
        check_ok(
            linnet_plan_memory(model, &(linnet_plan_options){.max_batch = 4096}, &large, &error),
            &error);
        assert_true(usual == small && small < large);
        static const size_t hopeless[] = {SIZE_MAX, SIZE_MAX / 4, SIZE_MAX / 64};
        for (size_t i = 0; i < sizeof hopeless / sizeof *hopeless; i++) {
            for (int precision = 0; precision < 3; precision++) {
                linnet_plan_options options = {.max_batch = hopeless[i],
                                               .precision = (linnet_precision)precision};
                assert_int_equal(linnet_plan_memory(model, &options, &large, &error),
                                 LINNET_ERROR_MEMORY);
                assert_string_equal(error.message, "the size of the plan overflows");
                assert_int_equal(large, 0);
            }
        }
        linnet_model_free(model);
    }
}

static void test_edges(void **state)
{
    (void)state;
    static const char *const models[] = {"Identity()", "Sequential(Linear(0, 3))",
                                         "Sequential(Linear(3, 0))",
                                         "Sequential(Linear(2, 0), Linear(0, 2))"};
    static const size_t in[] = {3, 0, 3, 2}, out[] = {3, 3, 0, 2};
    for (size_t i = 0; i < 4; i++) {
        linnet_model *model;
        linnet_plan *plan;
        linnet_error error;
        float x[6] = {1, 2, 3, 4, 5, 6}, y[6] = {0};
        check_ok(linnet_model_parse(models[i], NULL, 0, &model, &error), &error);
        linnet_model_reset_parameters(model, 0, LINNET_RNG_TORCH);
        if (i == 0) {
            assert_int_equal(linnet_plan_create(model, NULL, &plan, &error), LINNET_ERROR_SHAPE);
            check_ok(linnet_model_set_input_shape(model, 1, (int64_t[]){3}, &error), &error);
        }
        check_ok(linnet_plan_create(model, &(linnet_plan_options){.max_batch = 2}, &plan, &error),
                 &error);
        assert_int_equal(linnet_plan_input_features(plan), in[i]);
        assert_int_equal(linnet_plan_output_features(plan), out[i]);
        check_ok(linnet_plan_run(plan, x, 2, y, &error), &error);
        if (i == 0) {
            check_same(x, y, 6, "Identity");
        } else if (out[i] > 0) {
            const float *bias = linnet_model_parameter(model, i == 1 ? 1 : 3)->data;
            check_same(bias, y, out[i], "a sum over nothing is the bias");
            check_same(bias, y + out[i], out[i], "a sum over nothing is the bias, row 2");
        }
        linnet_plan_free(plan);
        linnet_model_free(model);
    }
}

#if defined(__x86_64__)
/* A host that flushes subnormals and rounds down gets the same bits, and keeps its settings. */
static void test_host_environment(void **state)
{
    (void)state;
    linnet_model *model = make_model(0);
    linnet_plan *plan;
    linnet_error error;
    float x[37], expected[5], y[5];
    check_random random = {9};
    check_fill(&random, x, 37);
    for (size_t i = 0; i < 37; i++) {
        x[i] *= 0x1p-125f;
    }
    check_ok(linnet_plan_create(model, NULL, &plan, &error), &error);
    check_ok(linnet_plan_run(plan, x, 1, expected, &error), &error);
    unsigned int saved = _mm_getcsr();
    unsigned int unusual = 0x1f80u | 0x8040u | 0x2000u;
    _mm_setcsr(unusual);
    linnet_status status = linnet_plan_run(plan, x, 1, y, &error);
    unsigned int after = _mm_getcsr();
    _mm_setcsr(saved);
    check_ok(status, &error);
    assert_int_equal(after & ~0x3fu, unusual);
    check_same(expected, y, 5, "under a host's flush-to-zero");
    linnet_plan_free(plan);
    linnet_model_free(model);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eval),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_finite_differences),
        cmocka_unit_test(test_probabilities),
        cmocka_unit_test(test_shared_model),
        cmocka_unit_test(test_leading_dimensions),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_edges),
#if defined(__x86_64__)
        cmocka_unit_test(test_host_environment),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
