/* test_lbfgs.c - LBFGS: PyTorch's losses step by step, the same bits on every kernel set and number
 * of threads, and what it refuses. */
#include "support/check.h"

#include <math.h>

#include "nn/nn.h"
#include "support/made.h"

#define ROWS 12
#define STEPS 6

typedef struct recorded {
    const char *text;
    double losses[STEPS];
} recorded;

static const recorded recordings[] = {
#include "data/torch/lbfgs.inc"
};

/* As make_lbfgs.py has them. */
typedef struct data {
    float x[2 * ROWS];
    int64_t y[ROWS];
} data;

static data make_data(void)
{
    data d;
    for (int i = 0; i < ROWS; i++) {
        d.x[2 * i] = (float)(i % 5 - 2) / 2;
        d.x[2 * i + 1] = ((float)(7 * i % 6) - 2.5f) / 2;
        d.y[i] = (5 * i + i / 3) % 3;
    }
    return d;
}

static const linnet_dtype dtypes[] = {LINNET_FLOAT32, LINNET_FLOAT64};

static linnet_model *make_model_in(const char *text, linnet_dtype dtype)
{
    linnet_error error;
    linnet_model *model = parse_model(text);
    check_ok(linnet_model_to(model, dtype, &error), &error);
    return model;
}

/* The loss before each of STEPS steps over all rows. */
static linnet_model *train(const char *text, linnet_dtype dtype, uint64_t seed,
                           const linnet_trainer_options *options, double losses[STEPS])
{
    data d = make_data();
    linnet_error error;
    linnet_epoch done;
    linnet_dataset *dataset = make_dataset(d.x, d.y, ROWS, 2);
    linnet_model *model = make_model_in(text, dtype);
    linnet_trainer *trainer;
    if (seed > 0) {
        linnet_model_reset_parameters(model, seed, LINNET_RNG_TORCH);
    }
    check_ok(linnet_trainer_create(model, dataset, options, &trainer, &error), &error);
    for (int step = 0; step < STEPS; step++) {
        check_ok(linnet_trainer_epoch(trainer, &done, &error), &error);
        losses[step] = done.loss;
    }
    linnet_trainer_free(trainer);
    linnet_dataset_free(dataset);
    return model;
}

static void test_recorded(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof recordings / sizeof *recordings; i++) {
        const recorded *r = &recordings[i / 2];
        double losses[STEPS], near = i % 2 == 0 ? 2e-6 : 1e-12;
        linnet_trainer_options options = {.optim = r->text, .batch_size = ROWS};
        linnet_model_free(train("Linear(2, 3)", dtypes[i % 2], 0, &options, losses));
        for (size_t step = 0; step < STEPS; step++) {
            if (!(fabs(losses[step] - r->losses[step]) <= near)) {
                fail_msg("%s in %s, step %zu: PyTorch's loss %.17g, found %.17g", r->text,
                         linnet_dtype_name(dtypes[i % 2]), step, r->losses[step], losses[step]);
            }
        }
    }
}

/* ---- one number ---- */

static const char head[] =
    "Sequential(Linear(2, 40), Tanh(), Dropout(0.2), Linear(40, 9), LayerNorm(9), Linear(9, 3))";

static const char *const optimizers[] = {
    "LBFGS(lr=0.1, max_iter=4, history_size=3)",
    "LBFGS(max_iter=3, line_search_fn='strong_wolfe')",
};

typedef struct one {
    const char *optim;
    const linnet_model *expected;
    double losses[STEPS];
} one;

static void same_under(const char *isa, void *context)
{
    const one *o = context;
    for (int threads = 1; threads <= 3; threads++) {
        double losses[STEPS];
        linnet_trainer_options options = {
            .optim = o->optim, .batch_size = ROWS, .seed = 3, .threads = threads};
        linnet_model *found = train(head, o->expected->dtype, 5, &options, losses);
        assert_memory_equal(losses, o->losses, sizeof losses);
        for (size_t i = 0; i < found->parameter_count; i++) {
            const linnet_tensor *tensor = found->parameters[i].tensor;
            size_t bytes =
                (size_t)linnet_tensor_numel(tensor) * linnet_dtype_size(o->expected->dtype);
            if (memcmp(o->expected->parameters[i].tensor->data, tensor->data, bytes) != 0) {
                fail_msg("%s, %s in %s, %d threads: %s", isa, o->optim,
                         linnet_dtype_name(tensor->dtype), threads, found->parameters[i].name);
            }
        }
        linnet_model_free(found);
    }
}

static void test_one_number(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof optimizers / sizeof *optimizers; i++) {
        one o = {.optim = optimizers[i / 2]};
        linnet_trainer_options options = {.optim = o.optim, .batch_size = ROWS, .seed = 3};
        linnet_model *expected = train(head, dtypes[i % 2], 5, &options, o.losses);
        assert_true(o.losses[STEPS - 1] < o.losses[0]);
        o.expected = expected;
        check_each_isa(same_under, &o);
        linnet_model_free(expected);
    }
}

/* ---- failures ---- */

/* A step so long that the loss overflows leaves the weights as they were. */
static void test_overflow(void **state)
{
    (void)state;
    data d = make_data();
    linnet_error error;
    linnet_dataset *dataset = make_dataset(d.x, d.y, ROWS, 2);
    linnet_model *model = make_model_in("Linear(2, 3)", LINNET_FLOAT32);
    linnet_trainer *trainer;
    linnet_trainer_options options = {.optim = "LBFGS(lr=1e39)", .batch_size = ROWS};
    check_ok(linnet_trainer_create(model, dataset, &options, &trainer, &error), &error);
    assert_int_equal(linnet_trainer_epoch(trainer, NULL, &error), LINNET_ERROR_DATA);
    assert_non_null(strstr(error.message, "the parameters are those of the step before"));
    for (size_t i = 0; i < model->parameter_count; i++) {
        const float *w = model->parameters[i].tensor->data;
        for (int64_t j = 0; j < linnet_tensor_numel(model->parameters[i].tensor); j++) {
            assert_true(w[j] == 0);
        }
    }
    linnet_trainer_free(trainer);
    linnet_model_free(model);
    linnet_dataset_free(dataset);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        linnet_trainer_options options;
        linnet_status status;
        const char *message;
    } cases[] = {
        {{.optim = "LBFGS(max_iter=0)"},
         LINNET_ERROR_ARGUMENT,
         "expected max_iter from 1 to 1000000, found 0"},
        {{.optim = "LBFGS(history_size=-1)"},
         LINNET_ERROR_ARGUMENT,
         "expected history_size from 1 to 1000000, found -1"},
        {{.optim = "LBFGS(lr=-1)"}, LINNET_ERROR_ARGUMENT, "Invalid learning rate: -1.0"},
        {{.optim = "LBFGS(line_search_fn='weak')"},
         LINNET_ERROR_SYNTAX,
         "line_search_fn argument must be either None or strong_wolfe"},
        {{.optim = "LBFGS()", .clip_grad_norm = 1},
         LINNET_ERROR_ARGUMENT,
         "cannot be used with LBFGS"},
        {{.optim = "LBFGS()", .clip_grad_value = 1},
         LINNET_ERROR_ARGUMENT,
         "cannot be used with LBFGS"},
        {{.optim = "LBFGS()", .no_decay = LINNET_NO_DECAY_BIAS},
         LINNET_ERROR_ARGUMENT,
         "expected an optimizer with weight_decay, found LBFGS"},
    };
    data d = make_data();
    linnet_dataset *dataset = make_dataset(d.x, d.y, ROWS, 2);
    linnet_model *model = make_model_in("Linear(2, 3)", LINNET_FLOAT32);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        linnet_trainer *trainer;
        linnet_error error = {0};
        linnet_status status =
            linnet_trainer_create(model, dataset, &cases[i].options, &trainer, &error);
        if (status != cases[i].status || strstr(error.message, cases[i].message) == NULL) {
            fail_msg("%s: found %s '%s'", cases[i].message, linnet_status_name(status),
                     error.message);
        }
    }
    linnet_model_free(model);
    linnet_dataset_free(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_one_number),
        cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
