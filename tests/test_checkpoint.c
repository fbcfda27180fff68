/* test_checkpoint.c - a run that goes on from a checkpoint is the run that was never stopped, to
 * the bit; PyTorch's own checkpoints; and what is refused. */
#include "support/check.h"

#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "numeric/random.h"
#include "support/scratch.h"
#include "support/torch_files.h"
#include "support/vectors.h"
#include "train/trainer.h"

#define HEAD                                                                                       \
    "Sequential(Dropout(.5), Linear(6,5), ReLU(True), Dropout(.5), Linear(5,4), ReLU(True), "      \
    "Linear(4,3))"

/* The rows of the recorded runs. */
typedef struct data {
    float x[120];
    int64_t y[20];
} data;

static data load_data(void)
{
    data d;
    size_t count;
    json_t *vectors = vectors_load(VECTORS_AVX2);
    float *x = vectors_floats(json_object_get(vectors, "X"), &count);
    assert_int_equal(count, 120);
    memcpy(d.x, x, sizeof d.x);
    for (size_t i = 0; i < 20; i++) {
        d.y[i] = (int64_t)json_number_value(json_array_get(json_object_get(vectors, "y"), i));
    }
    free(x);
    json_decref(vectors);
    return d;
}

/* ---- a run ---- */

typedef struct run_options {
    const char *optim, *schedule, *loss, *model;
    linnet_dtype dtype;
    linnet_rng rng;
    linnet_schedule_step step;
    size_t batch_size, accumulate;
    unsigned no_decay;
    uint64_t seed;
    bool (*progress)(void *context, const linnet_progress *progress);
    void *context;
    const linnet_state_dict *identity;
} run_options;

typedef struct run {
    linnet_model *model;
    linnet_dataset *dataset;
    linnet_trainer *trainer;
} run;

static run begin(const data *d, const run_options *options)
{
    run r;
    linnet_tensor x, y;
    linnet_error error;
    check_ok(linnet_tensor_from((void *)d->x, LINNET_FLOAT32, 2, (int64_t[]){20, 6}, &x, &error),
             &error);
    check_ok(linnet_tensor_from((void *)d->y, LINNET_INT64, 1, (int64_t[]){20}, &y, &error),
             &error);
    check_ok(linnet_dataset_create(&x, &y, false, &r.dataset, &error), &error);
    check_ok(linnet_model_parse(options->model != NULL ? options->model : HEAD, NULL, 0, &r.model,
                                &error),
             &error);
    check_ok(linnet_model_to(r.model, options->dtype, &error), &error);
    linnet_model_reset_parameters(r.model, 42, LINNET_RNG_TORCH);
    linnet_trainer_options made = {.optim = options->optim,
                                   .loss = options->loss,
                                   .accumulate = options->accumulate,
                                   .no_decay = options->no_decay,
                                   .schedule = options->schedule,
                                   .schedule_step = options->step,
                                   .batch_size = options->batch_size > 0 ? options->batch_size : 7,
                                   .seed = options->seed > 0 ? options->seed : 42,
                                   .rng = options->rng,
                                   .progress = options->progress,
                                   .context = options->context,
                                   .identity = options->identity};
    check_ok(linnet_trainer_create(r.model, r.dataset, &made, &r.trainer, &error), &error);
    return r;
}

static void end(run *r)
{
    linnet_trainer_free(r->trainer);
    linnet_model_free(r->model);
    linnet_dataset_free(r->dataset);
}

/* ReduceLROnPlateau is told a metric that gets worse. */
static linnet_epoch train(run *r, int epochs)
{
    linnet_epoch done = {0};
    linnet_error error;
    for (int i = 0; i < epochs; i++) {
        check_ok(linnet_trainer_epoch(r->trainer, &done, &error), &error);
        if (linnet_trainer_wants_metric(r->trainer, NULL)) {
            check_ok(linnet_trainer_step_schedule(r->trainer, (double)done.epoch, &error), &error);
        }
    }
    return done;
}

static void save(const run *r, const char *path)
{
    linnet_error error;
    check_ok(linnet_trainer_save_checkpoint(r->trainer, path, NULL, &error), &error);
}

static void check_same_run(const run *expected, const run *found, const char *what)
{
    for (size_t i = 0; i < linnet_model_parameter_count(expected->model); i++) {
        const linnet_tensor *a = linnet_model_parameter(expected->model, i);
        const linnet_tensor *b = linnet_model_parameter(found->model, i);
        if (memcmp(a->data, b->data,
                   (size_t)linnet_tensor_numel(a) * linnet_dtype_size(a->dtype)) != 0) {
            fail_msg("%s in %s: %s", what, linnet_dtype_name(a->dtype),
                     linnet_model_parameter_name(expected->model, i));
        }
    }
}

static void check_same_file(const char *a, const char *b)
{
    size_t size_a, size_b;
    uint8_t *bytes_a = read_bytes(a, &size_a), *bytes_b = read_bytes(b, &size_b);
    assert_int_equal(size_a, size_b);
    assert_memory_equal(bytes_a, bytes_b, size_a);
    free(bytes_a);
    free(bytes_b);
}

/* ---- to the bit ---- */

static const char *const optimizers[] = {
    "SGD(lr=0.1)",
    "SGD(lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3)",
    "Adam(lr=0.01)",
    "Adam(lr=0.01, amsgrad=True, weight_decay=0.01)",
    "AdamW(lr=0.01, betas=(0.8, 0.99))",
    "NAdam(lr=0.01, momentum_decay=0.1)",
    "RAdam(lr=0.05, betas=(0.8, 0.9))",
    "RMSprop(lr=0.01)",
    "RMSprop(lr=0.01, momentum=0.5, centered=True)",
    "Adagrad(lr=0.05, lr_decay=0.01, initial_accumulator_value=0.5)",
    "LBFGS(lr=0.1, max_iter=3, history_size=4)",
    "LBFGS(max_iter=2, line_search_fn='strong_wolfe')",
};

static const char *const schedules[] = {
    "StepLR(2)",
    "MultiStepLR([1, 3, 3], gamma=0.5)",
    "ConstantLR(total_iters=3)",
    "LinearLR()",
    "ExponentialLR(0.9)",
    "PolynomialLR(4, 2)",
    "CosineAnnealingLR(3, eta_min=0.001)",
    "CosineAnnealingWarmRestarts(2, 2)",
    "CyclicLR(0.01, 0.1, 4, mode='exp_range', gamma=0.9)",
    "OneCycleLR(0.1, total_steps=20)",
    "SequentialLR([ConstantLR(0.1, 2), MultiStepLR([1, 2])], [3])",
    "ChainedScheduler([LinearLR(), ExponentialLR(0.9)])",
    "ReduceLROnPlateau(patience=0, factor=0.5)",
};

/* Stops after each number of epochs and goes on in a new trainer, whose own start is another. */
static void check_resumed(void *const *state, const data *d, const run_options *options,
                          const char *what)
{
    char path[512], first[512], second[512];
    snprintf(path, sizeof path, "%s", scratch_path(state, "stopped.pt"));
    snprintf(first, sizeof first, "%s", scratch_path(state, "first.pt"));
    snprintf(second, sizeof second, "%s", scratch_path(state, "second.pt"));
    run whole = begin(d, options);
    linnet_epoch expected = train(&whole, 5);
    save(&whole, first);
    for (int stop = 0; stop <= 5; stop++) {
        run stopped = begin(d, options);
        train(&stopped, stop);
        save(&stopped, path);
        end(&stopped);
        run resumed = begin(d, options);
        linnet_error error;
        train(&resumed, 1);
        check_ok(linnet_trainer_load_checkpoint(resumed.trainer, path, false, NULL, &error),
                 &error);
        assert_int_equal(linnet_trainer_epochs(resumed.trainer), stop);
        linnet_epoch found = train(&resumed, 5 - stop);
        check_same_run(&whole, &resumed, what);
        assert_true(stop == 5 || (found.epoch == 5 && found.loss == expected.loss));
        assert_true(linnet_trainer_lr(whole.trainer) == linnet_trainer_lr(resumed.trainer));
        save(&resumed, second);
        check_same_file(first, second);
        end(&resumed);
    }
    end(&whole);
}

static void test_every_optimizer(void **state)
{
    torch_need_zip();
    static const linnet_rng rngs[] = {LINNET_RNG_PHILOX, LINNET_RNG_TORCH, LINNET_RNG_TORCH_MKL};
    data d = load_data();
    for (size_t i = 0; i < sizeof optimizers / sizeof *optimizers; i++) {
        for (size_t j = 0; j < sizeof rngs / sizeof *rngs; j++) {
            run_options options = {.optim = optimizers[i], .rng = rngs[j]};
            check_resumed(state, &d, &options, optimizers[i]);
        }
        run_options wide = {.optim = optimizers[i], .dtype = LINNET_FLOAT64};
        check_resumed(state, &d, &wide, optimizers[i]);
    }
}

static void test_every_schedule(void **state)
{
    torch_need_zip();
    data d = load_data();
    for (size_t i = 0; i < sizeof schedules / sizeof *schedules; i++) {
        run_options options = {.optim = optimizers[i % 2 == 0 ? 1 : 4],
                               .schedule = schedules[i],
                               .rng = LINNET_RNG_TORCH};
        check_resumed(state, &d, &options, schedules[i]);
    }
    run_options batches = {.optim = optimizers[2],
                           .schedule = "CosineAnnealingLR(11)",
                           .step = LINNET_STEP_BATCH,
                           .loss = "CrossEntropyLoss(weight=[1, 2, 3], label_smoothing=0.1)",
                           .model = "Sequential(Linear(6, 5), BatchNorm1d(5), Linear(5, 3))",
                           .batch_size = 5};
    check_resumed(state, &d, &batches, "batches");
    run_options groups = {.optim = "AdamW(lr=0.01, weight_decay=0.5)",
                          .schedule = "OneCycleLR(0.1, total_steps=30)",
                          .model = "Sequential(Linear(6, 5), LayerNorm(5), Linear(5, 3))",
                          .no_decay = LINNET_NO_DECAY_BIAS | LINNET_NO_DECAY_NORM,
                          .batch_size = 3,
                          .accumulate = 2};
    check_resumed(state, &d, &groups, "groups");
}

/* ---- within an epoch ---- */

typedef struct stopping {
    int left; /* batches to do */
    linnet_trainer *trainer;
    const char *path; /* written in the callback, where the run stops; NULL: not */
} stopping;

static bool count_down(void *context, const linnet_progress *progress)
{
    stopping *s = context;
    linnet_error error;
    (void)progress;
    if (--s->left == 0 && s->path != NULL) {
        check_ok(linnet_trainer_save_checkpoint(s->trainer, s->path, NULL, &error), &error);
    }
    return s->left != 0;
}

static linnet_epoch train_to_stop(run *r)
{
    linnet_epoch done;
    do {
        done = train(r, 1);
    } while (!done.stopped);
    return done;
}

/* Each batch of three epochs is the last one before a stop: whoever goes on, the trainer itself or
 * a new one from the checkpoint, ends as a run that never stopped, the sums of the epoch included.
 * */
static void check_stopped_within(void *const *state, const data *d, run_options *options,
                                 const char *what)
{
    char inside[512], after[512], first[512], second[512];
    stopping stop = {0};
    snprintf(inside, sizeof inside, "%s", scratch_path(state, "inside.pt"));
    snprintf(after, sizeof after, "%s", scratch_path(state, "after.pt"));
    snprintf(first, sizeof first, "%s", scratch_path(state, "first.pt"));
    snprintf(second, sizeof second, "%s", scratch_path(state, "second.pt"));
    options->progress = count_down;
    options->context = &stop;
    run whole = begin(d, options);
    linnet_epoch expected = train(&whole, 3);
    save(&whole, first);
    for (int left = 1; left <= 9; left++) {
        run stopped = begin(d, options);
        stop = (stopping){.left = left, .trainer = stopped.trainer, .path = inside};
        linnet_epoch done = train_to_stop(&stopped);
        assert_int_equal(linnet_trainer_epochs(stopped.trainer), (left - 1) / 3);
        assert_int_equal(linnet_trainer_batches(stopped.trainer), (left - 1) % 3 + 1);
        assert_int_equal(done.batches, (left - 1) % 3 + 1);
        assert_int_equal(done.rows, done.batches == 3 ? 20 : 7 * done.batches);
        save(&stopped, after);
        check_same_file(inside, after);
        run resumed = begin(d, options);
        linnet_error error;
        check_ok(linnet_trainer_load_checkpoint(resumed.trainer, inside, false, NULL, &error),
                 &error);
        assert_int_equal(linnet_trainer_batches(resumed.trainer), done.batches);
        run *const both[] = {&stopped, &resumed};
        for (size_t i = 0; i < 2; i++) {
            linnet_epoch found = train(both[i], 3 - (left - 1) / 3);
            assert_true(found.epoch == 3 && found.batches == 3 && found.rows == 20 &&
                        !found.stopped && found.loss == expected.loss &&
                        found.accuracy == expected.accuracy && found.lr == expected.lr);
            check_same_run(&whole, both[i], what);
            save(both[i], second);
            check_same_file(first, second);
        }
        end(&stopped);
        end(&resumed);
    }
    end(&whole);
}

static void test_within_epochs(void **state)
{
    torch_need_zip();
    static const linnet_rng rngs[] = {LINNET_RNG_PHILOX, LINNET_RNG_TORCH, LINNET_RNG_TORCH_MKL};
    data d = load_data();
    for (size_t i = 0; i < sizeof rngs / sizeof *rngs; i++) {
        run_options plain = {.optim = optimizers[i + 1], .rng = rngs[i]};
        check_stopped_within(state, &d, &plain, optimizers[i + 1]);
        run_options scheduled = {
            .optim = optimizers[4],
            .rng = rngs[i],
            .schedule = i == 0 ? "OneCycleLR(0.1, total_steps=20)" : "StepLR(1)",
            .loss = "CrossEntropyLoss(weight=[1, 2, 3], ignore_index=2)",
            .model = "Sequential(Linear(6, 5), BatchNorm1d(5), RReLU(), Linear(5, 3))"};
        check_stopped_within(state, &d, &scheduled, "scheduled");
    }
}

/* What no run of this length can have added up. */
static void test_wrong_position(void **state)
{
    torch_need_zip();
    static const struct {
        int64_t epoch;
        ln_epoch_position position;
        const char *message;
    } cases[] = {
        {INT64_MAX, {.batch = 0}, "epoch: expected the number of epochs done"},
        {-1, {.batch = 0}, "epoch: expected the number of epochs done"},
        {0,
         {.batch = 4},
         "linnet_run.position.batch: expected a count that this run can have, found 4"},
        {0, {.batch = 1, .loss_weight = -1}, "linnet_run.position.loss_weight: expected a number"},
        {0, {.batch = 1, .counted = -1}, "linnet_run.position.counted: expected a count"},
        {0,
         {.batch = 1, .counted = 3, .correct = 4},
         "linnet_run.position.correct: expected a count"},
        {0, {.batch = 1, .sampler = UINT64_MAX}, "linnet_run.position.sampler: expected a count"},
    };
    data d = load_data();
    char path[512];
    snprintf(path, sizeof path, "%s", scratch_path(state, "wrong.pt"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run wrong = begin(&d, &(run_options){0}), other = begin(&d, &(run_options){0});
        wrong.trainer->epoch = cases[i].epoch;
        wrong.trainer->position = cases[i].position;
        save(&wrong, path);
        linnet_error error = {0};
        assert_int_equal(linnet_trainer_load_checkpoint(other.trainer, path, false, NULL, &error),
                         LINNET_ERROR_FORMAT);
        assert_non_null(strstr(error.message, cases[i].message));
        assert_int_equal(linnet_trainer_batches(other.trainer), 0);
        end(&wrong);
        end(&other);
    }
}

/* A count that would overflow with the next step. */
static void test_wrong_schedule(void **state)
{
    torch_need_zip();
    data d = load_data();
    const run_options options = {.optim = "SGD(lr=.1)", .schedule = "StepLR(3)"};
    run wrong = begin(&d, &options), other = begin(&d, &options);
    const char *path = scratch_path(state, "wrong.pt");
    wrong.trainer->schedule->last_epoch = INT64_MAX;
    save(&wrong, path);
    linnet_error error = {0};
    assert_int_equal(linnet_trainer_load_checkpoint(other.trainer, path, false, NULL, &error),
                     LINNET_ERROR_FORMAT);
    assert_non_null(strstr(error.message, "scheduler_state_dict.last_epoch: expected an int"));
    assert_int_equal(other.trainer->schedule->last_epoch, 0);
    end(&wrong);
    end(&other);
}

/* ---- PyTorch's ---- */

static const struct {
    const char *name;
    run_options options;
} recorded[] = {
    {"sgd", {.optim = "SGD(lr=.1)"}},
    {"sgd_mom", {.optim = "SGD(lr=.05, momentum=.9, weight_decay=1e-3)"}},
    {"sgd_nest", {.optim = "SGD(lr=.05, momentum=.9, nesterov=True)"}},
    {"adam", {.optim = "Adam(lr=.01)"}},
    {"adamw", {.optim = "AdamW(lr=.01)"}},
    {"adam_ams", {.optim = "Adam(lr=.01, amsgrad=True, weight_decay=.01)"}},
    {"ce_w_ls",
     {.optim = "SGD(lr=.1)", .loss = "CrossEntropyLoss(weight=[1, 2, .5], label_smoothing=.1)"}},
};

static void check_near(const linnet_state_dict *there, const char *key_there,
                       const linnet_state_dict *here, const char *key_here)
{
    const linnet_tensor *a = linnet_state_dict_get(there, key_there);
    const linnet_tensor *b = linnet_state_dict_get(here, key_here);
    assert_true((a == NULL) == (b == NULL));
    for (int64_t i = 0; a != NULL && i < linnet_tensor_numel(a); i++) {
        float expected = ((const float *)a->data)[i], found = ((const float *)b->data)[i];
        if (!(fabsf(expected - found) <= 1e-5f)) {
            fail_msg("%s[%lld]: PyTorch's %.9g, found %.9g", key_here, (long long)i,
                     (double)expected, (double)found);
        }
    }
}

/* The replay of each recorded run ends where PyTorch's checkpoint of it ends: the state of the
 * generator to the bit. Both go on alike. */
static void test_pytorchs(void **state)
{
    torch_need_zip();
    static const char *const keys[] = {"momentum_buffer", "exp_avg", "exp_avg_sq", "max_exp_avg_sq",
                                       "step"};
    data d = load_data();
    char ours[512];
    snprintf(ours, sizeof ours, "%s", scratch_path(state, "ours.pt"));
    for (size_t i = 0; i < sizeof recorded / sizeof *recorded; i++) {
        char path[512], key[64], own[96];
        linnet_error error;
        linnet_state_dict *there, *here;
        run_options options = recorded[i].options;
        options.rng = LINNET_RNG_TORCH;
        snprintf(path, sizeof path, "%s/torch/%s_ckpt.pt", LN_TEST_DATA, recorded[i].name);
        run replayed = begin(&d, &options), loaded = begin(&d, &options);
        train(&replayed, 4);
        save(&replayed, ours);
        check_ok(linnet_state_dict_load(path, &there, &error), &error);
        check_ok(linnet_state_dict_load(ours, &here, &error), &error);
        const linnet_tensor *expected = linnet_state_dict_get(there, "rng");
        assert_memory_equal(expected->data, linnet_state_dict_get(here, "rng_state")->data,
                            LN_TORCH_STATE);
        for (size_t p = 0; p < 6; p++) {
            for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
                snprintf(key, sizeof key, "optimizer.state.%zu.%s", p, keys[k]);
                snprintf(own, sizeof own, "optimizer_state_dict.state.%zu.%s", p, keys[k]);
                check_near(there, key, here, own);
            }
        }
        check_ok(linnet_trainer_load_checkpoint(loaded.trainer, path, false, NULL, &error), &error);
        assert_int_equal(linnet_trainer_epochs(loaded.trainer), 4);
        linnet_epoch a = train(&replayed, 2), b = train(&loaded, 2);
        assert_true(a.epoch == 6 && b.epoch == 6 && fabs(a.loss - b.loss) < 1e-5);
        assert_true(linnet_state_dict_count(here) > 6);
        linnet_state_dict_free(there);
        linnet_state_dict_free(here);
        end(&replayed);
        end(&loaded);
    }
}

/* ---- notes ---- */

static void test_notes(void **state)
{
    torch_need_zip();
    data d = load_data();
    char path[512];
    snprintf(path, sizeof path, "%s", scratch_path(state, "noted.pt"));
    run r = begin(&d, &(run_options){0});
    linnet_state_dict *notes, *read;
    linnet_error error;
    check_ok(linnet_state_dict_create(&notes, &error), &error);
    check_ok(linnet_state_dict_metadata_set(notes, "best epoch", "3", &error), &error);
    check_ok(linnet_state_dict_metadata_set(notes, "empty", "", &error), &error);
    check_ok(
        linnet_state_dict_set(notes, "best.0.weight", linnet_model_parameter(r.model, 0), &error),
        &error);
    check_ok(linnet_trainer_save_checkpoint(r.trainer, path, notes, &error), &error);
    check_ok(linnet_trainer_load_checkpoint(r.trainer, path, false, &read, &error), &error);
    assert_int_equal(linnet_state_dict_metadata_count(read), 2);
    assert_string_equal(linnet_state_dict_metadata_get(read, "best epoch"), "3");
    assert_string_equal(linnet_state_dict_metadata_get(read, "empty"), "");
    assert_int_equal(linnet_state_dict_count(read), 1);
    const linnet_tensor *kept = linnet_state_dict_get(read, "best.0.weight");
    assert_non_null(kept);
    assert_memory_equal(kept->data, linnet_model_parameter(r.model, 0)->data,
                        (size_t)linnet_tensor_numel(kept) * sizeof(float));
    linnet_state_dict_free(notes);
    linnet_state_dict_free(read);
    end(&r);
}

/* ---- what is refused ---- */

static void check_refused(run *r, const char *path, linnet_status status, const char *message)
{
    linnet_error error = {0};
    linnet_state_dict *notes = (void *)1;
    const linnet_tensor *weight = linnet_model_parameter(r->model, 0);
    float before[30];
    size_t size = (size_t)linnet_tensor_numel(weight) * sizeof(float);
    assert_true(size <= sizeof before);
    memcpy(before, weight->data, size);
    linnet_status found = linnet_trainer_load_checkpoint(r->trainer, path, false, &notes, &error);
    check_failed(path, status, message, found, &error);
    assert_null(notes);
    assert_int_equal(linnet_trainer_epochs(r->trainer), 0);
    assert_memory_equal(before, weight->data, size);
}

/* Each thing in which a run may differ is named. */
static void test_differences(void **state)
{
    torch_need_zip();
    static const run_options base = {.optim = "SGD(lr=0.1, momentum=0.9)", .schedule = "StepLR(3)"};
    static const struct {
        run_options options;
        const char *message;
    } cases[] = {
        {{.optim = "SGD(lr=0.1, momentum=0.9)", .schedule = "StepLR(3)", .batch_size = 5},
         "batch_size 7, here 5"},
        {{.optim = "SGD(lr=0.1, momentum=0.9)", .schedule = "StepLR(3)", .seed = 7},
         "seed 42, here 7"},
        {{.optim = "SGD(lr=0.1, momentum=0.9)", .schedule = "StepLR(3)", .rng = LINNET_RNG_TORCH},
         "rng philox, here torch"},
        {{.optim = "Adam(lr=0.1)", .schedule = "StepLR(3)"}, "optim SGD, here Adam"},
        {{.optim = "SGD(lr=0.1, momentum=0.9)",
          .schedule = "StepLR(3)",
          .no_decay = LINNET_NO_DECAY_BIAS},
         "no_decay none, here bias; param_groups 1, here 2"},
        {{.optim = "SGD(lr=0.1, momentum=0.9)", .schedule = "StepLR(3)", .accumulate = 2},
         "accumulate 1, here 2"},
        {{.optim = "SGD(lr=0.2, momentum=0.9)", .schedule = "StepLR(3)"},
         "initial_lr 0.1, here 0.2"},
        {{.optim = "SGD(lr=0.1, momentum=0.9, weight_decay=0.5)", .schedule = "StepLR(3)"},
         "weight_decay 0, here 0.5"},
        {{.optim = "SGD(lr=0.1, momentum=0.9, nesterov=True)", .schedule = "StepLR(3)"},
         "nesterov False, here True"},
        {{.optim = "SGD(lr=0.1, momentum=0.9)"}, "schedule StepLR, here none"},
        {{.optim = "SGD(lr=0.1, momentum=0.9)", .schedule = "StepLR(4)"}, "step_size 3, here 4"},
        {{.optim = "SGD(lr=0.1, momentum=0.9)", .schedule = "ExponentialLR(0.5)"},
         "schedule StepLR, here ExponentialLR"},
        {{.optim = "SGD(lr=0.1, momentum=0.9)", .schedule = "StepLR(3)", .step = LINNET_STEP_BATCH},
         "schedule_step epoch, here batch"},
        {{.optim = "SGD(lr=0.1, momentum=0.9)",
          .schedule = "StepLR(3)",
          .loss = "CrossEntropyLoss(label_smoothing=0.1)"},
         "loss"},
        {{.optim = "SGD(lr=0.1, momentum=0.9)",
          .schedule = "StepLR(3)",
          .model = "Sequential(Linear(6, 5), ReLU(), Linear(5, 3))"},
         "other model"},
        {{.optim = "SGD(lr=0.1, momentum=0.9)",
          .schedule = "StepLR(3)",
          .batch_size = 4,
          .seed = 9},
         "batch_size 7, here 4; seed 42, here 9"},
        {{.optim = "SGD(lr=0.3, momentum=0.9)", .schedule = "StepLR(2)", .seed = 9},
         "seed 42, here 9; initial_lr 0.1, here 0.3; step_size 3, here 2"},
    };
    data d = load_data();
    char path[512];
    snprintf(path, sizeof path, "%s", scratch_path(state, "run.pt"));
    run original = begin(&d, &base);
    train(&original, 2);
    save(&original, path);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run other = begin(&d, &cases[i].options);
        check_refused(&other, path, LINNET_ERROR_ARGUMENT, cases[i].message);
        end(&other);
    }
    d.y[3] = d.y[3] == 0 ? 1 : 0;
    run relabelled = begin(&d, &base);
    check_refused(&relabelled, path, LINNET_ERROR_ARGUMENT, "other data");
    end(&relabelled);
    end(&original);
}

/* What the caller says of a run counts as well. */
static void test_identity(void **state)
{
    torch_need_zip();
    data d = load_data();
    char path[512];
    linnet_error error;
    linnet_state_dict *identity;
    snprintf(path, sizeof path, "%s", scratch_path(state, "run.pt"));
    check_ok(linnet_state_dict_create(&identity, &error), &error);
    check_ok(linnet_state_dict_metadata_set(identity, "keep", "val_loss", &error), &error);
    run_options options = {.identity = identity};
    run original = begin(&d, &options), other = begin(&d, &options);
    save(&original, path);
    check_ok(linnet_trainer_load_checkpoint(other.trainer, path, false, NULL, &error), &error);
    check_ok(linnet_state_dict_metadata_set(identity, "keep", "loss", &error), &error);
    check_refused(&other, path, LINNET_ERROR_ARGUMENT, "keep val_loss, here loss");
    end(&other);
    end(&original);
    linnet_state_dict_free(identity);
}

/* Going on in spite of differences: weights and place are the checkpoint's, the options are this
 * run's. */
static void test_forced(void **state)
{
    torch_need_zip();
    static const run_options base = {.optim = "SGD(lr=0.1, momentum=0.9)", .schedule = "StepLR(1)"};
    static const struct {
        run_options options;
        int64_t batches; /* of the epoch in hand that stay done */
        double lr;
    } cases[] = {
        {{.optim = "SGD(lr=0.1, momentum=0.9, weight_decay=0.5)", .schedule = "StepLR(1)"}, 2, .01},
        {{.optim = "SGD(lr=0.3, momentum=0.9)"}, 2, .3},
        {{.optim = "Adam(lr=0.2)"}, 2, .2},
        {{.optim = "Adam(lr=0.2)", .schedule = "StepLR(1)"}, 2, .2},
        {{.optim = "SGD(lr=0.1, momentum=0.9)", .schedule = "ExponentialLR(0.5)"}, 2, .1},
        {{.optim = "SGD(lr=0.1, momentum=0.9)",
          .schedule = "StepLR(1)",
          .model = "Sequential(Linear(6,5), ReLU(True), Dropout(.1), Linear(5,4), Tanh(), "
                   "Linear(4,3))"},
         -1,
         0},
        {{.optim = "SGD(lr=0.1, momentum=0.9)", .schedule = "StepLR(1)", .batch_size = 5}, 0, .01},
        {{.optim = "SGD(lr=0.1, momentum=0.9)", .schedule = "StepLR(1)", .seed = 9}, 0, .01},
        {{.optim = "SGD(lr=0.1, momentum=0.9)", .schedule = "StepLR(1)", .rng = LINNET_RNG_TORCH},
         0,
         .01},
    };
    data d = load_data();
    char path[512];
    snprintf(path, sizeof path, "%s", scratch_path(state, "run.pt"));
    stopping stop = {.left = 5};
    run_options options = base;
    options.progress = count_down;
    options.context = &stop;
    run original = begin(&d, &options);
    train_to_stop(&original);
    save(&original, path);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run other = begin(&d, &cases[i].options);
        linnet_error error;
        linnet_status status =
            linnet_trainer_load_checkpoint(other.trainer, path, true, NULL, &error);
        if (cases[i].batches < 0) { /* these weights have other names */
            assert_int_equal(status, LINNET_ERROR_SHAPE);
            assert_int_equal(linnet_trainer_epochs(other.trainer), 0);
        } else {
            check_ok(status, &error);
            check_same_run(&original, &other, "forced");
            assert_int_equal(linnet_trainer_epochs(other.trainer), 1);
            assert_int_equal(linnet_trainer_batches(other.trainer), cases[i].batches);
            assert_true(fabs(linnet_trainer_lr(other.trainer) - cases[i].lr) < 1e-12);
            assert_int_equal(train(&other, 1).epoch, 2);
        }
        end(&other);
    }
    end(&original);
}

/* PyTorch's files hold no options of the run, but the optimizer's; and not always all that it
 * takes. */
static void test_pytorchs_refused(void **state)
{
    (void)state;
    torch_need_zip();
    static const struct {
        const char *file;
        run_options options;
        linnet_status status;
        const char *message;
    } cases[] = {
        {"adam_ckpt.pt", {.optim = "Adam(lr=.02)"}, LINNET_ERROR_ARGUMENT, "lr 0.01, here 0.02"},
        {"adam_ckpt.pt",
         {.optim = "Adam(lr=.01, betas=(0.5, 0.999))"},
         LINNET_ERROR_ARGUMENT,
         "betas (0.9, 0.999), here (0.5, 0.999)"},
        {"adam_ckpt.pt",
         {.optim = "SGD(lr=.01)"},
         LINNET_ERROR_FORMAT,
         "optimizer.param_groups.0.momentum: expected an option of the optimizer, found nothing"},
        {"adam_ams_ckpt.pt",
         {.optim = "Adam(lr=.01, weight_decay=.01)"},
         LINNET_ERROR_ARGUMENT,
         "amsgrad True, here False"},
        {"sgd_ckpt.pt",
         {.optim = "SGD(lr=.1)", .schedule = "StepLR(3)"},
         LINNET_ERROR_ARGUMENT,
         "schedule none, here StepLR"},
        {"sgd_ckpt.pt",
         {.optim = "SGD(lr=.1)", .model = "Sequential(Dropout(), Linear(6, 3))"},
         LINNET_ERROR_FORMAT,
         "expected the indices of 2 parameters, found [0, 1, 2, 3, 4, 5]"},
        {"sgd_ckpt.pt",
         {.optim = "SGD(lr=.1)",
          .model = "Sequential(Dropout(), Linear(6, 5), ReLU(), Dropout(), Linear(5, 3), ReLU(), "
                   "Linear(3, 3))"},
         LINNET_ERROR_SHAPE,
         "size mismatch for 4.weight"},
        {"sgd_mom_ckpt.pt",
         {.optim = "SGD(lr=.05, momentum=.9, weight_decay=1e-3)",
          .model = "Sequential(Dropout(), Linear(6, 5), ReLU(), Dropout(), Linear(5, 3), ReLU(), "
                   "Linear(3, 3))"},
         LINNET_ERROR_FORMAT,
         "optimizer.state.2.momentum_buffer: expected a tensor of shape"},
        {"sd_zip.pt", {.optim = "SGD(lr=.1)"}, LINNET_ERROR_FORMAT, "epoch: expected"},
        {"gone.pt", {.optim = "SGD(lr=.1)"}, LINNET_ERROR_IO, "o such file"},
    };
    data d = load_data();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[512];
        run r = begin(&d, &cases[i].options);
        snprintf(path, sizeof path, "%s/torch/%s", LN_TEST_DATA, cases[i].file);
        check_refused(&r, path, cases[i].status, cases[i].message);
        end(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_optimizer),  cmocka_unit_test(test_every_schedule),
        cmocka_unit_test(test_within_epochs),    cmocka_unit_test(test_wrong_position),
        cmocka_unit_test(test_pytorchs),         cmocka_unit_test(test_notes),
        cmocka_unit_test(test_differences),      cmocka_unit_test(test_identity),
        cmocka_unit_test(test_wrong_schedule),   cmocka_unit_test(test_forced),
        cmocka_unit_test(test_pytorchs_refused),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
