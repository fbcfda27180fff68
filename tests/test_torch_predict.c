/* test_torch_predict.c - weights out of PyTorch's checkpoints give PyTorch's class probabilities.
 *
 * PyTorch's own logits on the recorded rows stand in vectors_default.json; softmax of them is taken
 * here, in double. Two machines sum in different orders, so this is the one comparison with a
 * tolerance. */
#include "support/check.h"

#include <math.h>

#include "support/scratch.h"
#include "support/torch_files.h"
#include "support/vectors.h"

#define FEATURES 6
#define CLASSES 3
#define TOLERANCE 1e-6

static const char text[] =
    "Sequential(Dropout(0.5), Linear(6,5), ReLU(), Dropout(0.5), Linear(5,4), "
    "ReLU(), Linear(4,3))";

/* A model with the weights of a checkpoint's entry `model`. */
static linnet_model *load(const char *path)
{
    linnet_state_dict *dict;
    linnet_model *model;
    linnet_error error;
    check_ok(linnet_state_dict_load(path, &dict, &error), &error);
    check_ok(linnet_state_dict_select(dict, "model", &error), &error);
    check_ok(linnet_model_parse(text, NULL, 0, &model, &error), &error);
    check_ok(linnet_model_load_state_dict(model, dict, &error), &error);
    linnet_state_dict_free(dict);
    return model;
}

static void predict(const linnet_model *model, const float *x, size_t rows, float *y)
{
    linnet_plan *plan;
    linnet_error error;
    linnet_plan_options options = {.max_batch = rows, .threads = 1, .probabilities = true};
    check_ok(linnet_plan_create(model, &options, &plan, &error), &error);
    check_ok(linnet_plan_run(plan, x, rows, y, &error), &error);
    linnet_plan_free(plan);
}

static void check_row(const char *run, size_t row, const float *logits, const float *found)
{
    double sum = 0;
    for (int c = 0; c < CLASSES; c++) {
        sum += exp((double)logits[c]);
    }
    for (int c = 0; c < CLASSES; c++) {
        double expected = exp((double)logits[c]) / sum;
        if (!(fabs((double)found[c] - expected) <= TOLERANCE)) {
            fail_msg("%s, row %zu, class %d: expected %.9g, found %.9g", run, row, c, expected,
                     (double)found[c]);
        }
    }
}

static void test_probabilities(void **state)
{
    static const char *const runs[] = {"sgd",   "sgd_mom",  "sgd_nest",  "adam",
                                       "adamw", "adam_ams", "adamw_cos", "ce_w_ls"};
    if (!torch_reads_zip()) {
        skip();
    }
    json_error_t problem;
    /* As reals: a seed among the numbers is larger than an int64. */
    json_t *vectors =
        json_load_file(torch_data("vectors_default.json"), JSON_DECODE_INT_AS_REAL, &problem);
    assert_non_null(vectors);
    size_t count, logit_count;
    float *x = vectors_floats(json_object_get(vectors, "X"), &count);
    size_t rows = count / FEATURES;
    assert_true(rows > 1);
    float *y = calloc(2 * rows * CLASSES, sizeof *y);
    assert_non_null(y);
    for (size_t r = 0; r < sizeof runs / sizeof runs[0]; r++) {
        char file[64];
        linnet_error error;
        snprintf(file, sizeof file, "%s_ckpt.pt", runs[r]);
        linnet_model *model = load(torch_data(file));
        const json_t *logits = json_object_get(json_object_get(vectors, runs[r]), "logits");
        float *expected = vectors_floats(logits, &logit_count);
        assert_int_equal(logit_count, rows * CLASSES);
        predict(model, x, rows, y);
        for (size_t row = 0; row < rows; row++) {
            check_row(runs[r], row, expected + row * CLASSES, y + row * CLASSES);
        }
        /* And the same bits once the model has been through a .pt file of ours. */
        const char *path = scratch_path(state, "model.pt");
        check_ok(linnet_model_save(model, path, &error), &error);
        linnet_model_free(model);
        check_ok(linnet_model_load(path, &model, &error), &error);
        predict(model, x, rows, y + rows * CLASSES);
        assert_memory_equal(y, y + rows * CLASSES, rows * CLASSES * sizeof *y);
        linnet_model_free(model);
        free(expected);
    }
    free(x);
    free(y);
    json_decref(vectors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probabilities),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
