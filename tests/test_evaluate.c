/* test_evaluate.c - evaluation against the definition, and against numbers worked out by hand.
 *
 * A model without products gives its input as logits, so that every count and the loss are known
 * beforehand. With products, the loss has the bits of the definition whatever the batch size, the
 * threads and the kernel set. */
#include "support/check.h"

#include <math.h>

#include "kernel/kernel.h"
#include "numeric/sums.h"
#include "support/made.h"
#include "train/classes.h"

static linnet_model *parse(const char *text, int rank, const int64_t *shape)
{
    linnet_error error;
    linnet_model *model = parse_model(text);
    if (rank > 0) {
        check_ok(linnet_model_set_input_shape(model, rank, shape, &error), &error);
    }
    linnet_model_reset_parameters(model, 3, LINNET_RNG_TORCH);
    return model;
}

static linnet_dataset *rows_of(float *x, int rank, const int64_t *shape, int64_t *labels)
{
    linnet_error error;
    linnet_tensor features, y;
    linnet_dataset *dataset;
    check_ok(linnet_tensor_from(x, LINNET_FLOAT32, rank, shape, &features, &error), &error);
    if (labels != NULL) {
        check_ok(linnet_tensor_from(labels, LINNET_INT64, 1, shape, &y, &error), &error);
    }
    check_ok(linnet_dataset_create(&features, labels != NULL ? &y : NULL, true, &dataset, &error),
             &error);
    return dataset;
}

static linnet_evaluation evaluate(const linnet_model *model, const linnet_dataset *dataset,
                                  const linnet_plan_options *options)
{
    linnet_error error;
    linnet_evaluation evaluation;
    check_ok(linnet_evaluate(model, dataset, options, &evaluation, &error), &error);
    return evaluation;
}

static float logits[] = {2, 1, 0, 0, 3, 1, 1, 1, 0, 0, 0, 5, -1, 2, 2, 4, 0, -4};
static int64_t labels[] = {0, 1, 1, 2, 2, 1};
static const int64_t six_by_three[] = {6, 3};
static const int64_t three[] = {3};

static void expect_near(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-6 * fabs(expected))) {
        fail_msg("expected %.9g, found %.9g", expected, found);
    }
}

/* Predicted: 0, 1, 0 (a tie goes to the first), 2, 1 (again), 0. */
static void test_counts(void **state)
{
    (void)state;
    linnet_model *model = parse("Identity()", 1, three);
    linnet_dataset *dataset = rows_of(logits, 2, six_by_three, labels);
    linnet_evaluation found = evaluate(model, dataset, NULL);
    assert_int_equal(found.rows, 6);
    assert_int_equal(found.correct, 3);
    assert_true(found.accuracy == 0.5);
    assert_int_equal(found.class_count, 3);
    static const int64_t confusion[] = {1, 0, 0, 2, 1, 0, 0, 1, 1};
    assert_memory_equal(found.confusion, confusion, sizeof confusion);
    static const struct {
        int64_t support, predicted;
        double precision, recall, f1;
    } expected[] = {
        {1, 3, 1.0 / 3, 1, 0.5}, {3, 2, 0.5, 1.0 / 3, 2.0 / 5}, {2, 1, 1, 0.5, 2.0 / 3}};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(found.classes[i].support, expected[i].support);
        assert_int_equal(found.classes[i].predicted, expected[i].predicted);
        assert_true(found.classes[i].precision == expected[i].precision);
        assert_true(found.classes[i].recall == expected[i].recall);
        assert_true(found.classes[i].f1 == expected[i].f1);
    }
    linnet_evaluation_free(&found);
    assert_null(found.classes);
    linnet_evaluation_free(NULL);
    linnet_dataset_free(dataset);
    linnet_model_free(model);
}

/* torch.nn.functional.cross_entropy of what the last module gives. */
static void test_losses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double loss;
    } cases[] = {
        {"Identity()", 1.031507985173621},
        {"Softmax(dim=1)", 0.9209672006468063},
        {"LogSoftmax(dim=1)", 1.031507985173621},
    };
    linnet_dataset *dataset = rows_of(logits, 2, six_by_three, labels);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        linnet_model *model = parse(cases[i].text, 1, three);
        linnet_evaluation found =
            evaluate(model, dataset, &(linnet_plan_options){.probabilities = true});
        expect_near(found.loss, cases[i].loss);
        linnet_evaluation_free(&found);
        linnet_model_free(model);
    }
    linnet_dataset_free(dataset);
}

/* Classes without rows or predictions have no ratios. */
static void test_absent_classes(void **state)
{
    (void)state;
    static float x[] = {1, 0, 0, 5, 0, 0};
    static int64_t y[] = {0, 1};
    linnet_model *model = parse("Identity()", 1, three);
    linnet_dataset *dataset = rows_of(x, 2, (const int64_t[]){2, 3}, y);
    linnet_evaluation found = evaluate(model, dataset, NULL);
    assert_true(isnan(found.classes[1].precision)); /* never predicted */
    assert_true(found.classes[1].recall == 0);
    assert_true(found.classes[1].f1 == 0);
    assert_true(isnan(found.classes[2].precision) && isnan(found.classes[2].recall) &&
                isnan(found.classes[2].f1));
    linnet_evaluation_free(&found);
    linnet_dataset_free(dataset);
    linnet_model_free(model);
}

static void test_predicted_class(void **state)
{
    (void)state;
    assert_int_equal(ln_predicted_class(1, (const float[]){-INFINITY}), 0);
    assert_int_equal(ln_predicted_class(3, (const float[]){1, 2, 2}), 1);
    assert_int_equal(ln_predicted_class(3, (const float[]){-0.0f, 0.0f, -1}), 0);
    assert_int_equal(ln_predicted_class(4, (const float[]){1, NAN, INFINITY, NAN}), 1);
    assert_int_equal(ln_predicted_class(2, (const float[]){NAN, 3}), 0);
}

/* ---- one number ---- */

#define ROWS 333
#define FEATURES 40
#define CLASSES 11

typedef struct bits_case {
    const linnet_model *model;
    const linnet_dataset *dataset;
    double loss;
    int64_t *confusion; /* the definition's */
} bits_case;

static void evaluate_under(const char *isa, void *context)
{
    const bits_case *c = context;
    static const size_t batches[] = {0, 1, 2, 63, 64, 65, 130, 1000};
    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
        for (int threads = 1; threads <= 3; threads++) {
            linnet_plan_options options = {.max_batch = batches[i], .threads = threads};
            linnet_evaluation found = evaluate(c->model, c->dataset, &options);
            if (memcmp(&found.loss, &c->loss, sizeof c->loss) != 0) {
                fail_msg("%s, batch %zu, %d threads: expected loss %a, found %a", isa, batches[i],
                         threads, c->loss, found.loss);
            }
            assert_memory_equal(found.confusion, c->confusion,
                                CLASSES * CLASSES * sizeof *c->confusion);
            linnet_evaluation_free(&found);
        }
    }
}

/* Row by row: the logits of a plan for one row, the scalar set's loss, rule 2's definition. */
static void define(bits_case *c, const float *x, const int64_t *y)
{
    static float losses[ROWS];
    linnet_error error;
    linnet_plan *plan;
    check_ok(linnet_plan_create(c->model, NULL, &plan, &error), &error);
    for (size_t row = 0; row < ROWS; row++) {
        float out[CLASSES];
        check_ok(linnet_plan_run(plan, x + row * FEATURES, 1, out, &error), &error);
        losses[row] = ln_kernels_at(0)->cross_entropy(CLASSES, out, (size_t)y[row], 1, NULL);
        size_t largest = 0;
        for (size_t j = 1; j < CLASSES; j++) {
            largest = out[j] > out[largest] ? j : largest;
        }
        c->confusion[y[row] * CLASSES + (int64_t)largest]++;
    }
    linnet_plan_free(plan);
    float one = 1;
    c->loss = (double)(ln_sum_batch(ROWS, losses, 1, &one, 0) / (float)ROWS);
}

static void test_bits(void **state)
{
    (void)state;
    static float x[ROWS * FEATURES];
    static int64_t y[ROWS];
    static int64_t confusion[CLASSES * CLASSES];
    check_random random = {6};
    check_fill(&random, x, ROWS * FEATURES);
    for (int i = 0; i < ROWS; i++) {
        y[i] = (int64_t)(check_next(&random) % CLASSES);
    }
    bits_case c = {.confusion = confusion};
    linnet_model *model = parse("Sequential(Flatten(), Dropout(0.5), Linear(40, 50), ReLU(), "
                                "Linear(50, 11))",
                                0, NULL);
    linnet_dataset *dataset = rows_of(x, 3, (const int64_t[]){ROWS, 5, 8}, y);
    c.model = model;
    c.dataset = dataset;
    define(&c, x, y);
    assert_true(c.loss > 2 && c.loss < 3); /* of 11 classes, untrained */
    check_each_isa(evaluate_under, &c);
    linnet_dataset_free(dataset);
    linnet_model_free(model);
}

static void test_split_part(void **state)
{
    (void)state;
    linnet_error error;
    linnet_model *model = parse("Identity()", 1, three);
    linnet_dataset *dataset = rows_of(logits, 2, six_by_three, labels);
    linnet_dataset *rest, *held;
    check_ok(linnet_dataset_split(dataset, 0.5, 4, &rest, &held, &error), &error);
    linnet_evaluation a = evaluate(model, rest, NULL);
    linnet_evaluation b = evaluate(model, held, NULL);
    assert_int_equal(a.rows, 3);
    assert_int_equal(b.rows, 3);
    assert_int_equal(a.correct + b.correct, 3);
    expect_near((a.loss + b.loss) / 2, 1.031507985173621);
    linnet_evaluation_free(&a);
    linnet_evaluation_free(&b);
    linnet_dataset_free(rest);
    linnet_dataset_free(held);
    linnet_dataset_free(dataset);
    linnet_model_free(model);
}

/* ---- rows that do not count ---- */

static void check_same_evaluation(const linnet_evaluation *a, const linnet_evaluation *b)
{
    size_t count = (size_t)b->class_count;
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->correct, b->correct);
    assert_int_equal(a->class_count, b->class_count);
    assert_memory_equal(&a->loss, &b->loss, sizeof a->loss);
    assert_memory_equal(&a->accuracy, &b->accuracy, sizeof a->accuracy);
    assert_memory_equal(a->confusion, b->confusion, count * count * sizeof *a->confusion);
    assert_memory_equal(a->classes, b->classes, count * sizeof *a->classes);
    assert_int_equal(a->figure_count, b->figure_count);
    for (size_t i = 0; i < a->figure_count; i++) {
        assert_memory_equal(&a->figures[i].value, &b->figures[i].value, sizeof(double));
    }
}

static linnet_scores *score(const linnet_model *model, const linnet_dataset *dataset)
{
    linnet_error error;
    linnet_scores *scores;
    check_ok(linnet_scores_create(model, dataset, NULL, &scores, &error), &error);
    return scores;
}

/* The rows 1 and 4 are ignored: everything is as if they were not there, but rows keep their
 * numbers. */
static void check_left_out(const linnet_model *model, const linnet_dataset *all,
                           const linnet_dataset *left)
{
    static const size_t batches[] = {0, 1, 3};
    static const int64_t numbers[] = {0, 2, 3, 5};
    linnet_error error;
    check_ok(linnet_evaluable(model, all, &error), &error);
    for (size_t i = 0; i < 3; i++) {
        linnet_plan_options options = {.max_batch = batches[i]};
        linnet_evaluation found = evaluate(model, all, &options);
        linnet_evaluation expected = evaluate(model, left, NULL);
        check_same_evaluation(&found, &expected);
        linnet_evaluation_free(&found);
        linnet_evaluation_free(&expected);
    }
    linnet_scores *scores = score(model, all), *others = score(model, left);
    linnet_evaluation found, expected;
    check_ok(linnet_scores_evaluate(scores, &found, &error), &error);
    check_ok(linnet_scores_evaluate(others, &expected, &error), &error);
    check_same_evaluation(&found, &expected);
    linnet_judged_row worst[6], other_worst[6];
    assert_int_equal(linnet_scores_worst(scores, 6, worst), 4);
    assert_int_equal(linnet_scores_worst(others, 6, other_worst), 4);
    for (size_t i = 0; i < 4; i++) {
        double probabilities[3], other[3];
        assert_int_equal(worst[i].row, numbers[other_worst[i].row]);
        assert_int_equal(worst[i].label, other_worst[i].label);
        linnet_scores_row(scores, numbers[i], probabilities);
        linnet_scores_row(others, (int64_t)i, other);
        assert_memory_equal(probabilities, other, sizeof other);
        linnet_scores_row(scores, i < 2 ? 1 : 4, probabilities);
        assert_true(isnan(probabilities[0]) && isnan(probabilities[2]));
    }
    linnet_evaluation_free(&found);
    linnet_evaluation_free(&expected);
    linnet_scores_free(scores);
    linnet_scores_free(others);
}

static void test_ignored_rows(void **state)
{
    (void)state;
    static float fewer[12];
    int64_t some[6], left[] = {labels[0], labels[2], labels[3], labels[5]};
    memcpy(some, labels, sizeof some);
    for (size_t i = 0; i < 4; i++) {
        memcpy(fewer + 3 * i, logits + 3 * ((size_t[]){0, 2, 3, 5})[i], 3 * sizeof *fewer);
    }
    linnet_error error;
    linnet_evaluation found;
    linnet_model *model = parse("Identity()", 1, three);
    linnet_dataset *all = rows_of(logits, 2, six_by_three, some);
    linnet_dataset *others = rows_of(fewer, 2, (const int64_t[]){4, 3}, left);
    some[1] = some[4] = -100; /* borrowed by the dataset */
    check_left_out(model, all, others);
    check_ok(linnet_model_set_loss(model, "CrossEntropyLoss(ignore_index=7)", &error), &error);
    some[1] = some[4] = 7;
    check_left_out(model, all, others);

    some[1] = -100;
    assert_int_equal(linnet_evaluate(model, all, NULL, &found, &error), LINNET_ERROR_DATA);
    assert_string_equal(error.message, "row 1: expected a label from 0 on, or the loss's "
                                       "ignore_index (7), found -100");
    assert_int_equal(linnet_evaluable(model, all, &error), LINNET_ERROR_DATA);
    for (size_t i = 0; i < 6; i++) {
        some[i] = 7;
    }
    assert_int_equal(linnet_evaluate(model, all, NULL, &found, &error), LINNET_ERROR_DATA);
    assert_string_equal(error.message,
                        "expected a row whose label is not ignore_index, found 7 in all of them");
    linnet_dataset_free(all);
    linnet_dataset_free(others);
    linnet_model_free(model);
}

/* ---- refusals ---- */

static void evaluate_fails(const char *text, const int64_t *input, int64_t *y, int rank,
                           const int64_t *shape, linnet_status expected, const char *message)
{
    static float x[64];
    linnet_error error;
    linnet_model *model = parse(text, input != NULL ? 1 : 0, input);
    linnet_dataset *dataset = rows_of(x, rank, shape, y);
    linnet_evaluation found;
    linnet_status status = linnet_evaluate(model, dataset, NULL, &found, &error);
    assert_string_equal(error.message, message);
    assert_int_equal(status, expected);
    assert_null(found.classes);
    assert_null(found.confusion);
    assert_int_equal(linnet_evaluate(model, dataset, NULL, &found, NULL), expected);
    linnet_dataset_free(dataset);
    linnet_model_free(model);
}

static void test_refusals(void **state)
{
    (void)state;
    static int64_t y[] = {0, 4, 5, 1};
    static const int64_t flat[] = {4, 7};
    evaluate_fails("Linear(7, 5)", NULL, NULL, 2, flat, LINNET_ERROR_DATA,
                   "evaluation needs labels, and the dataset has none");
    evaluate_fails("Linear(7, 5)", NULL, y, 2, flat, LINNET_ERROR_DATA,
                   "row 2: expected a label below the model's 5 outputs, found 5");
    evaluate_fails("Sequential(ReLU(), Linear(8, 6))", NULL, y, 2, flat, LINNET_ERROR_SHAPE,
                   "mat1 and mat2 shapes cannot be multiplied (4x7 and 8x6)");
    evaluate_fails("Linear(7, 6)", NULL, y, 3, (const int64_t[]){4, 2, 7}, LINNET_ERROR_SHAPE,
                   "CrossEntropyLoss expects logits of shape (N, C); this model gives [4, 2, 6] "
                   "for a batch of 4 rows (is a Flatten() missing?)");
    evaluate_fails("Flatten()", three, y, 2, flat, LINNET_ERROR_SHAPE,
                   "the model takes rows of 3 features; the dataset's have 7");
    evaluate_fails("Linear(7, 0)", NULL, y, 2, flat, LINNET_ERROR_DATA,
                   "row 0: expected a label below the model's 0 outputs, found 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),         cmocka_unit_test(test_losses),
        cmocka_unit_test(test_absent_classes), cmocka_unit_test(test_predicted_class),
        cmocka_unit_test(test_bits),           cmocka_unit_test(test_split_part),
        cmocka_unit_test(test_refusals),       cmocka_unit_test(test_ignored_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
