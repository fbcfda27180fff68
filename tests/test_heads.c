/* test_heads.c - several models at once: each has the bits that it has alone, and rows that stay in
 * their file are read once for all, which the system counts. */
#include "support/check.h"
#include "support/scratch.h"
#include "support/streamed.h"
#include "support/tensors.h"

#include <math.h>

#include "data/data.h"
#include "numeric/random.h"

enum { ROWS = 603, WIDTH = 40, CLASSES = 3, ROW_BYTES = WIDTH * 4 };

static float x[ROWS * WIDTH];
static int64_t y[ROWS];

static int make_rows(void **state)
{
    check_random random = {5};
    check_fill(&random, x, (size_t)ROWS * WIDTH);
    for (int i = 0; i < ROWS; i++) {
        y[i] = i % 50 == 7 ? -100 : (int64_t)(check_next(&random) % CLASSES);
    }
    return scratch_setup(state);
}

static linnet_dataset *open_rows(void **state, const int64_t *classes, bool streamed)
{
    linnet_error error;
    linnet_dataset *dataset;
    linnet_tensor features = view_of(x, LINNET_FLOAT32, SHAPE(ROWS, WIDTH));
    linnet_tensor labels = view_of(classes, LINNET_INT64, SHAPE(ROWS));
    if (streamed) {
        const char *path = write_npy(state, "x.npy", features);
        return open_streamed(path, write_npy(state, "y.npy", labels));
    }
    check_ok(linnet_dataset_create(&features, &labels, false, &dataset, &error), &error);
    return dataset;
}

/* What this process has read so far, in bytes; -1 where the system does not say. */
static int64_t bytes_read(void)
{
    FILE *file = fopen("/proc/self/io", "r");
    long long bytes = -1;
    if (file != NULL && fscanf(file, "rchar: %lld", &bytes) != 1) {
        bytes = -1;
    }
    if (file != NULL) {
        fclose(file);
    }
    return bytes;
}

/* Since `before`; a little more than the rows is the reading of the counter itself. */
static void expect_read(int64_t before, int64_t rows)
{
    int64_t found = bytes_read() - before, expected = rows * ROW_BYTES;
    if (before >= 0 && (found < expected || found > expected + 1024)) {
        fail_msg("expected %lld bytes to be read, found %lld", (long long)expected,
                 (long long)found);
    }
}

static linnet_model *make_model(const char *text, const char *loss, linnet_dtype dtype)
{
    linnet_error error;
    linnet_model *model;
    check_ok(linnet_model_parse(text, NULL, 0, &model, &error), &error);
    check_ok(linnet_model_to(model, dtype, &error), &error);
    check_ok(linnet_model_set_loss(model, loss, &error), &error);
    linnet_model_reset_parameters(model, 3, LINNET_RNG_PHILOX);
    return model;
}

/* ---- measuring ---- */

enum { MODELS = 4 };

static const char *const texts[MODELS] = {
    "Linear(40, 3)", "Sequential(Linear(40, 8), ReLU(), Linear(8, 3))",
    "Sequential(Linear(40, 5), Tanh(), Linear(5, 3), Softmax(1))", "Linear(40, 3)"};

static void make_models(linnet_model **models)
{
    for (int i = 0; i < MODELS; i++) {
        models[i] = make_model(texts[i], "CrossEntropyLoss()",
                               i == MODELS - 1 ? LINNET_FLOAT64 : LINNET_FLOAT32);
    }
}

static void free_models(linnet_model **models)
{
    for (int i = 0; i < MODELS; i++) {
        linnet_model_free(models[i]);
    }
}

static void expect_same_evaluation(const linnet_evaluation *expected,
                                   const linnet_evaluation *found)
{
    assert_int_equal(found->rows, expected->rows);
    assert_int_equal(found->correct, expected->correct);
    assert_true(found->loss == expected->loss && isfinite(found->loss));
    assert_memory_equal(found->confusion, expected->confusion,
                        CLASSES * CLASSES * sizeof *expected->confusion);
    assert_int_equal(found->figure_count, expected->figure_count);
    for (size_t i = 0; i < expected->figure_count; i++) {
        assert_memory_equal(&found->figures[i].value, &expected->figures[i].value, sizeof(double));
    }
}

/* Each model as alone, in one pass where their rows are the same ones. */
static void measure_together(void **state, bool streamed)
{
    linnet_dataset *all = open_rows(state, y, streamed), *rest, *held;
    linnet_error error;
    linnet_model *models[MODELS];
    make_models(models);
    check_ok(linnet_dataset_split(all, 0.3, 1, &rest, &held, &error), &error);
    const linnet_dataset *const sets[][MODELS] = {
        {held, held, held, held}, {all, all, all, all}, {rest, held, rest, held}};
    int64_t counted = 0;
    for (int64_t i = 0; i < linnet_dataset_rows(all); i++) {
        counted += y[i] >= 0;
    }
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
        linnet_evaluation found[MODELS], alone;
        int64_t before = bytes_read();
        check_ok(linnet_models_evaluate((const linnet_model *const *)models, sets[s], MODELS, NULL,
                                        found, &error),
                 &error);
        if (streamed && s != 0) {
            expect_read(before, counted); /* rest and held are all */
        }
        for (int i = 0; i < MODELS; i++) {
            check_ok(linnet_evaluate(models[i], sets[s][i], NULL, &alone, &error), &error);
            expect_same_evaluation(&alone, &found[i]);
            linnet_evaluation_free(&alone);
            linnet_evaluation_free(&found[i]);
        }
    }
    free_models(models);
    linnet_dataset_free(rest);
    linnet_dataset_free(held);
    linnet_dataset_free(all);
}

static void measures_as_alone(void **state)
{
    measure_together(state, false);
    measure_together(state, true);
}

/* Losses that ignore other rows: no row of one's is left out for the other. */
static void measures_other_rows(void **state)
{
    static int64_t classes[ROWS]; /* the rows that both take are of 0 and 1 */
    for (int i = 0; i < ROWS; i++) {
        classes[i] = i % 3;
    }
    linnet_dataset *all = open_rows(state, classes, true);
    linnet_error error;
    linnet_model *models[] = {
        make_model("Linear(40, 3)", "CrossEntropyLoss()", LINNET_FLOAT32),
        make_model("Linear(40, 2)", "CrossEntropyLoss(ignore_index=2)", LINNET_FLOAT32),
    };
    const linnet_dataset *const sets[] = {all, all};
    linnet_evaluation found[2];
    check_ok(
        linnet_models_evaluate((const linnet_model *const *)models, sets, 2, NULL, found, &error),
        &error);
    assert_int_equal(found[0].rows, ROWS);
    assert_int_equal(found[1].rows, ROWS - ROWS / 3);
    for (int i = 0; i < 2; i++) {
        linnet_evaluation alone;
        check_ok(linnet_evaluate(models[i], all, NULL, &alone, &error), &error);
        assert_true(found[i].loss == alone.loss && found[i].correct == alone.correct);
        linnet_evaluation_free(&alone);
        linnet_evaluation_free(&found[i]);
        linnet_model_free(models[i]);
    }
    linnet_dataset_free(all);
}

/* One that does not fit is the error of all. */
static void measures_all_or_none(void **state)
{
    linnet_dataset *all = open_rows(state, y, false);
    linnet_error error, alone;
    linnet_model *models[] = {make_model("Linear(40, 3)", "CrossEntropyLoss()", LINNET_FLOAT32),
                              make_model("Linear(41, 3)", "CrossEntropyLoss()", LINNET_FLOAT32)};
    const linnet_dataset *const sets[] = {all, all};
    linnet_evaluation found[2] = {{.rows = 1}, {.rows = 1}}, one;
    const linnet_plan_options options = {.max_batch = 20}; /* which the message has in it */
    linnet_status status = linnet_evaluate(models[1], all, &options, &one, &alone);
    assert_int_equal(status, LINNET_ERROR_SHAPE);
    expect_error(linnet_models_evaluate((const linnet_model *const *)models, sets, 2, &options,
                                        found, &error),
                 status, &error, alone.message);
    assert_true(found[0].rows == 0 && found[0].confusion == NULL);
    check_ok(linnet_models_evaluate(NULL, NULL, 0, NULL, NULL, &error), &error);
    linnet_model_free(models[0]);
    linnet_model_free(models[1]);
    linnet_dataset_free(all);
}

/* ---- training side by side ---- */

enum { FOLDS = 3, HEADS = 6, RUNS = FOLDS * HEADS, EPOCHS = 2 };

typedef struct run {
    const linnet_dataset *dataset;
    linnet_model *model;
    linnet_trainer *trainer;
} run;

typedef struct form { /* of a training */
    size_t batch, accumulate, block;
} form;

static const uint64_t shuffle = 77;

/* They share what a batch's rows are made into, or cannot: for its scale, or what it computes in;
 * some go on from there in place of a product. */
static const struct head {
    const char *text, *optim;
    linnet_dtype dtype;
    double scale;
} heads[HEADS] = {
    {"Linear(40, 3)", "SGD(lr=0.1)", LINNET_FLOAT32, 1},
    {"Sequential(Dropout(0.2), Linear(40, 8), ReLU(), Dropout(0.5), Linear(8, 3))", "Adam(lr=0.01)",
     LINNET_FLOAT32, 1},
    {"Sequential(BatchNorm1d(40), Linear(40, 3))", "SGD(lr=0.1)", LINNET_FLOAT32, 1},
    {"Sequential(LayerNorm(40), PReLU(), Linear(40, 3))", "SGD(lr=0.1)", LINNET_FLOAT32, 0.5},
    {"Sequential(GELU(), Linear(40, 3))", "LBFGS(max_iter=3)", LINNET_FLOAT32, 1},
    {"Linear(40, 3)", "Adam(lr=0.01)", LINNET_FLOAT64, 1},
};

/* With a batch of its own where `apart`. */
static run make_run(const linnet_dataset *dataset, const form *of, int head, bool apart,
                    const linnet_trainer *with, bool (*progress)(void *, const linnet_progress *),
                    void *context)
{
    run made = {.dataset = dataset};
    linnet_error error;
    linnet_trainer_options options = {.optim = heads[head].optim,
                                      .batch_size = of->batch + (apart ? 3 * (size_t)head : 0),
                                      .accumulate = of->accumulate,
                                      .shuffle_block = of->block,
                                      .seed = (uint64_t)head,
                                      .shuffle_seed = &shuffle,
                                      .threads = 2,
                                      .with = with,
                                      .progress = progress,
                                      .context = context};
    made.model = make_model(heads[head].text, "CrossEntropyLoss()", heads[head].dtype);
    check_ok(linnet_model_set_scale(made.model, heads[head].scale, &error), &error);
    check_ok(linnet_trainer_create(made.model, dataset, &options, &made.trainer, &error), &error);
    return made;
}

static void free_run(run *made)
{
    linnet_trainer_free(made->trainer);
    linnet_model_free(made->model);
}

static void expect_same_model(const run *expected, const run *found)
{
    for (size_t i = 0; i < linnet_model_parameter_count(expected->model); i++) {
        const linnet_tensor *a = linnet_model_parameter(expected->model, i);
        const linnet_tensor *b = linnet_model_parameter(found->model, i);
        assert_memory_equal(a->data, b->data,
                            (size_t)linnet_tensor_numel(a) * linnet_dtype_size(a->dtype));
    }
}

/* Stops all in the middle of an epoch, once. */
typedef struct stop {
    int batches; /* until then; below 0: never */
} stop;

static bool on_batch(void *context, const linnet_progress *progress)
{
    stop *when = context;
    (void)progress;
    return when->batches < 0 || when->batches-- != 0;
}

/* An epoch of all, which is stopped where `when` says so, and goes on. */
static void epoch_of_all(const run *runs, size_t count, const stop *when, linnet_epoch *epochs)
{
    linnet_trainer *trainers[RUNS];
    linnet_error errors[RUNS], error;
    for (size_t i = 0; i < count; i++) {
        trainers[i] = runs[i].trainer;
    }
    bool stops = when->batches >= 0;
    check_ok(linnet_trainers_epoch(trainers, count, epochs, errors, &error), &error);
    assert_int_equal(epochs[0].stopped, stops);
    if (stops) {
        check_ok(linnet_trainers_epoch(trainers, count, epochs, errors, &error), &error);
    }
    for (size_t i = 0; i < count; i++) {
        check_ok(errors[i].status, &errors[i]);
        assert_false(epochs[i].stopped);
    }
}

/* All heads on each fold have the bits of each trained on that fold alone. */
static void train_folds(const linnet_dataset *all, const form *of, bool apart, bool streamed)
{
    linnet_dataset *rest[FOLDS], *held[FOLDS];
    run together[RUNS], alone[RUNS];
    linnet_error error;
    stop when = {-1}, never = {-1};
    linnet_epoch epochs[RUNS], epoch;
    for (int i = 0; i < RUNS; i++) {
        int f = i % FOLDS, head = i / FOLDS;
        if (head == 0) {
            check_ok(linnet_dataset_fold(all, FOLDS, f, 9, &rest[f], &held[f], &error), &error);
        }
        const linnet_trainer *with =
            i == 0 ? NULL : together[head == 0 ? 0 : f].trainer; /* its fold's first */
        together[i] = make_run(rest[f], of, head, apart, with, on_batch, &when);
        alone[i] = make_run(rest[f], of, head, apart, NULL, on_batch, &never);
    }
    for (int e = 0; e < EPOCHS; e++) {
        int64_t before = bytes_read();
        when.batches = e == 1 ? (of->batch < 64 ? 17 : 3) : -1;
        epoch_of_all(together, RUNS, &when, epochs);
        if (streamed && e != 1) {
            expect_read(before, ROWS);
        }
        for (int i = 0; i < RUNS; i++) {
            check_ok(linnet_trainer_epoch(alone[i].trainer, &epoch, &error), &error);
            assert_true(epochs[i].loss == epoch.loss && epochs[i].accuracy == epoch.accuracy);
            assert_int_equal(epochs[i].rows, linnet_dataset_rows(rest[i % FOLDS]));
        }
    }
    for (int i = RUNS - 1; i >= 0; i--) {
        expect_same_model(&alone[i], &together[i]);
        free_run(&alone[i]);
        free_run(&together[i]);
    }
    for (int f = 0; f < FOLDS; f++) {
        linnet_dataset_free(rest[f]);
        linnet_dataset_free(held[f]);
    }
}

static void folds_share_a_pass(void **state)
{
    static const form forms[] = {{10, 0, 0}, {7, 3, 0}, {64, 0, 100}, {ROWS, 0, 0}};
    linnet_dataset *memory = open_rows(state, y, false), *streamed = open_rows(state, y, true);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        train_folds(memory, &forms[i], i % 2 == 1, false);
        train_folds(streamed, &forms[i], i % 2 == 1, true);
    }
    linnet_dataset_free(streamed);
    linnet_dataset_free(memory);
}

/* What each fold holds out is measured in one pass too. */
static void folds_are_measured_in_a_pass(void **state)
{
    linnet_dataset *all = open_rows(state, y, true), *rest[MODELS], *held[MODELS];
    linnet_error error;
    linnet_model *models[MODELS];
    linnet_evaluation found[MODELS], alone;
    make_models(models);
    for (int i = 0; i < MODELS; i++) {
        check_ok(linnet_dataset_fold(all, MODELS, i, 9, &rest[i], &held[i], &error), &error);
    }
    int64_t before = bytes_read();
    check_ok(linnet_models_evaluate((const linnet_model *const *)models,
                                    (const linnet_dataset *const *)held, MODELS, NULL, found,
                                    &error),
             &error);
    expect_read(before, ROWS);
    for (int i = 0; i < MODELS; i++) {
        check_ok(linnet_evaluate(models[i], held[i], NULL, &alone, &error), &error);
        expect_same_evaluation(&alone, &found[i]);
        linnet_evaluation_free(&alone);
        linnet_evaluation_free(&found[i]);
        linnet_dataset_free(rest[i]);
        linnet_dataset_free(held[i]);
    }
    free_models(models);
    linnet_dataset_free(all);
}

/* The order of a fold's rows is that of all rows, those held out left away. */
static void folds_are_shuffled_as_all(void **state)
{
    linnet_dataset *all = open_rows(state, y, false), *parts[2];
    linnet_error error;
    static int64_t whole[ROWS], order[ROWS];
    static const size_t blocks[] = {0, 50};
    for (int i = 0; i < 4; i++) {
        check_ok(linnet_dataset_fold(all, 4, 2, 9, &parts[0], &parts[1], &error), &error);
        ln_philox_order(3, 5, ROWS, blocks[i / 2], whole);
        ln_dataset_order(parts[i % 2], 3, 5, blocks[i / 2], order);
        int64_t rows = linnet_dataset_rows(parts[i % 2]), at = 0;
        for (int w = 0; w < ROWS && at < rows; w++) {
            at += linnet_dataset_place(parts[i % 2], order[at]) == whole[w];
        }
        assert_int_equal(at, rows);
        linnet_dataset_free(parts[0]);
        linnet_dataset_free(parts[1]);
    }
    linnet_dataset_free(all);
}

static void refuses_other_orders(void **state)
{
    linnet_dataset *all = open_rows(state, y, false), *rest, *held;
    linnet_error error, errors[2];
    linnet_epoch epochs[2];
    static const form plain = {10, 0, 0}, blocks = {10, 0, 5};
    stop never = {-1};
    check_ok(linnet_dataset_split(all, 0.5, 1, &rest, &held, &error), &error);
    run runs[] = {make_run(all, &plain, 0, false, NULL, on_batch, &never),
                  make_run(all, &blocks, 0, false, NULL, on_batch, &never),
                  make_run(held, &plain, 0, false, NULL, on_batch, &never)};
    static const char *const names[] = {"shuffle_block", "dataset", "epoch"};
    for (int i = 0; i < 3; i++) {
        linnet_trainer *pair[] = {runs[0].trainer, runs[i % 2 + 1].trainer};
        char message[160];
        snprintf(
            message, sizeof message,
            "expected trainers that take the rows of one dataset in one order, and are as far; "
            "trainer 1 has another %s",
            names[i]);
        if (i == 2) {
            check_ok(linnet_trainer_epoch(pair[1], epochs, &error), &error);
        }
        expect_error(linnet_trainers_epoch(pair, 2, epochs, errors, &error), LINNET_ERROR_ARGUMENT,
                     &error, message);
    }
    for (int i = 0; i < 3; i++) {
        free_run(&runs[i]);
    }
    linnet_dataset_free(rest);
    linnet_dataset_free(held);
    linnet_dataset_free(all);
}

static void refuses_to_stand_beside_others(void **state)
{
    linnet_dataset *all = open_rows(state, y, false), *rest, *held;
    linnet_error error;
    static const form plain = {10, 0, 0};
    static const uint64_t other = 78;
    stop never = {-1};
    check_ok(linnet_dataset_split(all, 0.5, 1, &rest, &held, &error), &error);
    run leader = make_run(all, &plain, 0, false, NULL, on_batch, &never);
    const struct {
        const linnet_dataset *dataset;
        linnet_trainer_options options;
        const char *differs;
    } cases[] = {
        {rest, {.shuffle_seed = &shuffle}, "dataset"},
        {all, {.shuffle_seed = &shuffle, .rng = LINNET_RNG_TORCH}, "rng (Philox's alone can)"},
        {all, {.shuffle_seed = &other}, "shuffle_seed"},
        {all, {.seed = 1}, "shuffle_seed"},
        {all, {.shuffle_seed = &shuffle, .shuffle_block = 5}, "shuffle_block"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        linnet_trainer_options options = cases[i].options;
        linnet_trainer *refused;
        linnet_model *model = make_model(texts[0], "CrossEntropyLoss()", LINNET_FLOAT32);
        char message[128];
        options.with = leader.trainer;
        snprintf(message, sizeof message,
                 "expected a trainer that takes the same rows in the same order, found another %s",
                 cases[i].differs);
        expect_error(linnet_trainer_create(model, cases[i].dataset, &options, &refused, &error),
                     LINNET_ERROR_ARGUMENT, &error, message);
        assert_string_equal(error.place, "with");
        assert_null(refused);
        linnet_model_free(model);
    }
    check_ok(linnet_trainers_epoch(NULL, 0, NULL, NULL, &error), &error);
    free_run(&leader);
    linnet_dataset_free(rest);
    linnet_dataset_free(held);
    linnet_dataset_free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_as_alone),
        cmocka_unit_test(measures_other_rows),
        cmocka_unit_test(measures_all_or_none),
        cmocka_unit_test(folds_share_a_pass),
        cmocka_unit_test(folds_are_measured_in_a_pass),
        cmocka_unit_test(folds_are_shuffled_as_all),
        cmocka_unit_test(refuses_other_orders),
        cmocka_unit_test(refuses_to_stand_beside_others),
    };
    return cmocka_run_group_tests(tests, make_rows, scratch_teardown);
}
