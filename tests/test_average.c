/* test_average.c - averages of the weights: by the definition, without a trace in the training
 * itself, and from checkpoints. */
#include "support/check.h"

#include <math.h>

#include "base/memory.h"
#include "support/scratch.h"
#include "support/torch_files.h"
#include "train/trainer.h"

#define ROWS 90
#define FEATURES 7
#define EPOCHS 4
#define MOST 512 /* elements of a model's parameters */

static const char head[] = "Sequential(Dropout(0.2), Linear(7, 20), BatchNorm1d(20), ReLU(), "
                           "Linear(20, 9), LayerNorm(9), Dropout(0.3), Linear(9, 4))";

typedef struct data {
    float x[ROWS * FEATURES];
    int64_t y[ROWS];
} data;

static data make_data(void)
{
    data d;
    check_random random = {3};
    check_fill(&random, d.x, ROWS * FEATURES);
    for (size_t i = 0; i < ROWS; i++) {
        d.y[i] = (int64_t)(check_next(&random) % 4);
    }
    return d;
}

typedef struct run {
    linnet_model *model;
    linnet_dataset *dataset;
    linnet_trainer *trainer;
} run;

static run begin(data *d, linnet_dtype dtype, const linnet_trainer_options *options)
{
    run r;
    linnet_tensor x, y;
    linnet_error error;
    check_ok(linnet_tensor_from(d->x, LINNET_FLOAT32, 2, (int64_t[]){ROWS, FEATURES}, &x, &error),
             &error);
    check_ok(linnet_tensor_from(d->y, LINNET_INT64, 1, (int64_t[]){ROWS}, &y, &error), &error);
    check_ok(linnet_dataset_create(&x, &y, false, &r.dataset, &error), &error);
    check_ok(linnet_model_parse(head, NULL, 0, &r.model, &error), &error);
    check_ok(linnet_model_to(r.model, dtype, &error), &error);
    linnet_model_reset_parameters(r.model, 4, LINNET_RNG_TORCH);
    check_ok(linnet_trainer_create(r.model, r.dataset, options, &r.trainer, &error), &error);
    return r;
}

static void end(run *r)
{
    linnet_trainer_free(r->trainer);
    linnet_model_free(r->model);
    linnet_dataset_free(r->dataset);
}

static double train(run *r)
{
    linnet_epoch done;
    linnet_error error;
    check_ok(linnet_trainer_epoch(r->trainer, &done, &error), &error);
    return done.loss;
}

/* All parameters, one behind the other. */
static size_t gather(const linnet_model *model, double *out)
{
    size_t count = 0;
    for (size_t i = 0; i < model->parameter_count; i++) {
        linnet_tensor wide;
        linnet_error error;
        check_ok(linnet_tensor_to(model->parameters[i].tensor, LINNET_FLOAT64, &wide, &error),
                 &error);
        size_t size = (size_t)linnet_tensor_numel(&wide);
        assert_true(count + size <= MOST);
        memcpy(out + count, wide.data, size * sizeof *out);
        linnet_tensor_free(&wide);
        count += size;
    }
    return count;
}

static const linnet_dtype dtypes[] = {LINNET_FLOAT32, LINNET_FLOAT64};

/* ---- the definition ---- */

typedef struct expectation {
    run *plain;
    double average[MOST];
    size_t count, taken;
    double part; /* 0: a mean */
} expectation;

/* To the model's dtype: a sum or product of two floats that is rounded to double and then to float
 * is that of floats. */
static double rounded(const expectation *e, double value)
{
    return e->plain->model->dtype == LINNET_FLOAT32 ? (double)(float)value : value;
}

static void take_in(expectation *e)
{
    double weights[MOST];
    e->count = gather(e->plain->model, weights);
    double part = rounded(e, e->part > 0 ? e->part : 1 / (double)(e->taken + 1));
    for (size_t i = 0; i < e->count; i++) {
        double step = rounded(e, part * rounded(e, weights[i] - e->average[i]));
        e->average[i] = e->taken == 0 ? weights[i] : rounded(e, e->average[i] + step);
    }
    e->taken++;
}

static bool after_step(void *context, const linnet_progress *progress)
{
    expectation *e = context;
    (void)progress;
    ln_plan_engine_of(e->plain->model->dtype)->store(e->plain->trainer->plan);
    take_in(e);
    return true;
}

static void check_average(const expectation *e, const run *averaged, const char *what)
{
    double found[MOST];
    assert_int_equal(gather(averaged->model, found), e->count);
    if (memcmp(e->average, found, e->count * sizeof *found) != 0) {
        fail_msg("%s in %s after %zu", what, linnet_dtype_name(averaged->model->dtype), e->taken);
    }
}

static void test_ema(void **state)
{
    (void)state;
    data d = make_data();
    for (int i = 0; i < 6; i++) {
        int threads = 1 + i / 2;
        linnet_dtype dtype = dtypes[i % 2];
        run plain;
        expectation e = {.plain = &plain, .part = 1 - 0.9};
        linnet_trainer_options options = {.optim = "Adam(lr=0.02)",
                                          .batch_size = 20,
                                          .accumulate = (size_t)threads,
                                          .threads = threads,
                                          .seed = 5,
                                          .progress = after_step,
                                          .context = &e};
        plain = begin(&d, dtype, &options);
        options.progress = NULL;
        options.ema = 0.9;
        run averaged = begin(&d, dtype, &options);
        for (int epoch = 0; epoch < EPOCHS; epoch++) {
            /* The same losses: what trains are the weights. */
            assert_true(train(&plain) == train(&averaged));
            check_average(&e, &averaged, "ema");
        }
        end(&averaged);
        end(&plain);
    }
}

static void test_swa(void **state)
{
    (void)state;
    static const linnet_rng rngs[] = {LINNET_RNG_PHILOX, LINNET_RNG_TORCH};
    data d = make_data();
    for (size_t i = 0; i < 4; i++) {
        linnet_dtype dtype = dtypes[i / 2];
        run plain;
        expectation e = {.plain = &plain};
        linnet_trainer_options options = {
            .optim = "SGD(lr=0.1, momentum=0.9)", .batch_size = 20, .rng = rngs[i % 2], .seed = 5};
        plain = begin(&d, dtype, &options);
        options.swa = 2;
        run averaged = begin(&d, dtype, &options);
        for (int epoch = 1; epoch <= EPOCHS; epoch++) {
            assert_true(train(&plain) == train(&averaged));
            if (epoch >= options.swa) {
                take_in(&e);
                check_average(&e, &averaged, "swa");
                /* update_bn counts the batches of its own pass. */
                assert_int_equal(*(int64_t *)averaged.model->buffers[2].tensor->data, 5);
            } else {
                assert_int_equal(*(int64_t *)averaged.model->buffers[2].tensor->data, 5 * epoch);
            }
        }
        end(&averaged);
        end(&plain);
    }
}

/* The statistics of the averages: of the first BatchNorm's input, without Dropout before it. */
static void check_statistics(linnet_dtype dtype)
{
    data d = make_data();
    linnet_error error;
    linnet_model *model;
    linnet_tensor x, y;
    linnet_dataset *dataset;
    linnet_trainer *trainer;
    check_ok(linnet_tensor_from(d.x, LINNET_FLOAT32, 2, (int64_t[]){ROWS, FEATURES}, &x, &error),
             &error);
    check_ok(linnet_tensor_from(d.y, LINNET_INT64, 1, (int64_t[]){ROWS}, &y, &error), &error);
    check_ok(linnet_dataset_create(&x, &y, false, &dataset, &error), &error);
    check_ok(
        linnet_model_parse("Sequential(BatchNorm1d(7), Linear(7, 4))", NULL, 0, &model, &error),
        &error);
    check_ok(linnet_model_to(model, dtype, &error), &error);
    linnet_model_reset_parameters(model, 4, LINNET_RNG_TORCH);
    linnet_trainer_options options = {.optim = "SGD(lr=0.1)", .batch_size = 30, .swa = 1};
    check_ok(linnet_trainer_create(model, dataset, &options, &trainer, &error), &error);
    check_ok(linnet_trainer_epoch(trainer, NULL, &error), &error);
    linnet_tensor wide;
    check_ok(linnet_tensor_to(model->buffers[0].tensor, LINNET_FLOAT64, &wide, &error), &error);
    const double *mean = wide.data, near = dtype == LINNET_FLOAT32 ? 1e-6 : 1e-15;
    for (size_t f = 0; f < FEATURES; f++) {
        double expected = 0;
        for (size_t r = 0; r < ROWS; r++) {
            expected += (double)d.x[r * FEATURES + f] / ROWS;
        }
        /* Three batches of the same size: the mean of their means. */
        assert_true(fabs(expected - mean[f]) < near);
    }
    linnet_tensor_free(&wide);
    linnet_trainer_free(trainer);
    linnet_dataset_free(dataset);
    linnet_model_free(model);
}

static void test_statistics(void **state)
{
    (void)state;
    check_statistics(LINNET_FLOAT32);
    check_statistics(LINNET_FLOAT64);
}

/* ---- checkpoints ---- */

static void check_same_models(const linnet_model *a, const linnet_model *b, const char *what)
{
    for (size_t i = 0; i < a->state_count; i++) {
        const linnet_tensor *there = a->state[i].tensor, *here = b->state[i].tensor;
        size_t bytes = (size_t)linnet_tensor_numel(there) * linnet_dtype_size(there->dtype);
        if (memcmp(there->data, here->data, bytes) != 0) {
            fail_msg("%s: %s", what, a->state[i].name);
        }
    }
}

typedef struct stop {
    run *stopped;
    const char *path;
    int64_t at; /* batches */
} stop;

static bool save_at(void *context, const linnet_progress *progress)
{
    stop *s = context;
    linnet_error error;
    if (progress->epoch == 3 && progress->batch == s->at) {
        check_ok(linnet_trainer_save_checkpoint(s->stopped->trainer, s->path, NULL, &error),
                 &error);
        return false;
    }
    return true;
}

/* Saved between epochs and within the third; goes on in a trainer that has been elsewhere. */
static void test_resumed(void **state)
{
    torch_need_zip();
    static const struct {
        linnet_trainer_options options;
        linnet_dtype dtype;
    } cases[] = {
        {{.optim = "Adam(lr=0.02)", .ema = 0.8, .rng = LINNET_RNG_TORCH}, LINNET_FLOAT32},
        {{.optim = "SGD(lr=0.1)", .swa = 2}, LINNET_FLOAT32},
        {{.optim = "SGD(lr=0.1)", .swa = 4, .precision = LINNET_PRECISION_BF16}, LINNET_FLOAT32},
        {{.optim = "Adam(lr=0.02)", .ema = 0.8}, LINNET_FLOAT64},
        {{.optim = "SGD(lr=0.1)", .swa = 2, .rng = LINNET_RNG_TORCH}, LINNET_FLOAT64},
    };
    data d = make_data();
    char path[512];
    snprintf(path, sizeof path, "%s", scratch_path(state, "average.pt"));
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        linnet_trainer_options options = cases[i / 2].options;
        const linnet_dtype dtype = cases[i / 2].dtype;
        linnet_error error;
        options.batch_size = 20;
        run whole = begin(&d, dtype, &options), stopped;
        stop s = {&stopped, path, 2};
        options.progress = i % 2 == 0 ? save_at : NULL;
        options.context = &s;
        stopped = begin(&d, dtype, &options);
        for (int epoch = 0; epoch < 3; epoch++) {
            train(&whole);
            train(&stopped);
        }
        if (i % 2 != 0) {
            check_same_models(whole.model, stopped.model, "before it is saved");
            check_ok(linnet_trainer_save_checkpoint(stopped.trainer, path, NULL, &error), &error);
            check_same_models(whole.model, stopped.model, "after it is saved");
        }
        options.progress = NULL;
        run resumed = begin(&d, dtype, &options);
        train(&resumed);
        linnet_status status =
            linnet_trainer_load_checkpoint(resumed.trainer, path, false, NULL, &error);
        check_ok(status, &error);
        if (i % 2 != 0) {
            check_same_models(whole.model, resumed.model, "resumed");
        } else {
            train(&resumed);
        }
        for (int epoch = 3; epoch < 5; epoch++) {
            assert_true(train(&whole) == train(&resumed));
            check_same_models(whole.model, resumed.model, options.optim);
        }
        end(&resumed);
        end(&stopped);
        end(&whole);
    }
}

/* ---- what is refused ---- */

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        linnet_trainer_options options;
        const char *place, *message;
    } cases[] = {
        {{.ema = 1}, "ema", "expected a decay from 0 to below 1, found 1"},
        {{.ema = (double)NAN}, "ema", "expected a decay from 0 to below 1, found nan"},
        {{.swa = -1}, "swa", "expected the number of an epoch, found -1"},
        {{.ema = 0.9, .swa = 1}, "swa", "cannot stand beside ema"},
    };
    data d = make_data();
    run r = begin(&d, LINNET_FLOAT32, &(linnet_trainer_options){.batch_size = 20});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        linnet_trainer *trainer;
        linnet_error error;
        linnet_trainer_options options = cases[i].options;
        options.batch_size = 20;
        assert_int_equal(linnet_trainer_create(r.model, r.dataset, &options, &trainer, &error),
                         LINNET_ERROR_ARGUMENT);
        assert_string_equal(error.place, cases[i].place);
        assert_string_equal(error.message, cases[i].message);
    }
    end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ema),        cmocka_unit_test(test_swa),
        cmocka_unit_test(test_statistics), cmocka_unit_test(test_resumed),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
