/* test_metrics.c - metrics, curves, bins and worst rows against numbers worked out by hand, the one
 * number for any batch and threads, and what is undefined.
 *
 * A model without products gives its input as logits. scripts/interop_metrics.py holds the same
 * figures against scikit-learn's. */
#include "support/check.h"
#include "support/scratch.h"

#include <math.h>

#include "train/probability.h"
#include "train/ranking.h"

static const linnet_figure *figure(const linnet_evaluation *evaluation, const char *name)
{
    const linnet_figure *found = linnet_evaluation_figure(evaluation, name);
    if (found == NULL) {
        fail_msg("no figure %s", name);
    }
    return found;
}

static void expect(const linnet_evaluation *evaluation, const char *name, double value)
{
    double found = figure(evaluation, name)->value;
    if (!(fabs(found - value) <= 1e-14)) {
        fail_msg("%s: expected %.17g, found %.17g", name, value, found);
    }
}

static void expect_undefined(const linnet_evaluation *evaluation, const char *name,
                             const char *reason)
{
    assert_true(isnan(figure(evaluation, name)->value));
    assert_string_equal(figure(evaluation, name)->undefined, reason);
}

static linnet_scores *score(float *logits, int64_t *labels, int64_t rows, int64_t classes,
                            const char *text)
{
    linnet_error error;
    linnet_tensor x, y;
    linnet_dataset *dataset;
    linnet_model *model;
    linnet_scores *scores;
    check_ok(linnet_tensor_from(logits, LINNET_FLOAT32, 2, (int64_t[]){rows, classes}, &x, &error),
             &error);
    check_ok(linnet_tensor_from(labels, LINNET_INT64, 1, &rows, &y, &error), &error);
    check_ok(linnet_dataset_create(&x, &y, true, &dataset, &error), &error);
    check_ok(linnet_model_parse(text, NULL, 0, &model, &error), &error);
    check_ok(linnet_model_set_input_shape(model, 1, &classes, &error), &error);
    check_ok(linnet_scores_create(model, dataset, NULL, &scores, &error), &error);
    linnet_model_free(model);
    linnet_dataset_free(dataset); /* the labels are the caller's */
    return scores;
}

static linnet_evaluation evaluate(const linnet_scores *scores)
{
    linnet_error error;
    linnet_evaluation evaluation;
    check_ok(linnet_scores_evaluate(scores, &evaluation, &error), &error);
    return evaluation;
}

/* ---- the numbers under it ---- */

static void test_exp_and_log(void **state)
{
    (void)state;
    assert_true(ln_exp_double(0) == 1 && ln_exp_double(-INFINITY) == 0);
    assert_true(ln_exp_double(710) == INFINITY && isnan(ln_exp_double(NAN)));
    assert_true(ln_log_double(1) == 0 && ln_log_double(0) == -INFINITY);
    assert_true(isnan(ln_log_double(-1)) && ln_log_double(INFINITY) == INFINITY);
    double worst_exp = 0, worst_log = 0;
    for (int i = -70000; i <= 70000; i++) {
        double x = i * 0.01013, e = ln_exp_double(x), y = exp(i * 0.0099);
        worst_exp = fmax(worst_exp, fabs(e - exp(x)) / exp(x));
        double l = log(y);
        worst_log = fmax(worst_log, l == 0 ? 0 : fabs(ln_log_double(y) - l) / fabs(l));
    }
    assert_true(worst_exp < 5e-16 && worst_log < 5e-16);
    assert_true(fabs(ln_log_double(1 + 0x1p-40) - log(1 + 0x1p-40)) < 1e-27);
    assert_true(ln_log_double(0x1p-1074) == log(0x1p-1074));
}

/* 0.1 is added as often as rounding would show. */
static void test_exact_sum(void **state)
{
    (void)state;
    ln_exact_sum sum = {0};
    for (int i = 0; i < 1000000; i++) {
        ln_exact_add(&sum, 0.1);
    }
    assert_true(ln_exact_value(&sum) == 100000);
    ln_exact_add(&sum, INFINITY);
    assert_true(ln_exact_value(&sum) == INFINITY);
}

static double area(const double *p, const int *of_class, size_t rows, double *precision)
{
    linnet_error error;
    ln_ranking ranking;
    check_ok(ln_ranking_create(rows, &ranking, &error), &error);
    for (size_t i = 0; i < rows; i++) {
        ln_ranking_set(&ranking, i, p[i], of_class[i] != 0);
    }
    ln_ranking_sort(&ranking);
    double auc = ln_ranking_auc(&ranking);
    *precision = ln_ranking_average_precision(&ranking);
    ln_ranking_free(&ranking);
    return auc;
}

/* Pairs in the right order, those of equal probability half. */
static void test_areas(void **state)
{
    (void)state;
    double precision;
    assert_true(area((double[]){0.9, 0.8, 0.1}, (int[]){1, 1, 0}, 3, &precision) == 1);
    assert_true(precision == 1);
    assert_true(area((double[]){0.5, 0.5, 0.5, 0.5}, (int[]){1, 0, 0, 0}, 4, &precision) == 0.5);
    assert_true(precision == 0.25);
    /* 3 of 4 pairs right; precision 1 at recall 1/2, 2/3 at 1 */
    assert_true(area((double[]){0.4, 0.2, 0.3, 0.1}, (int[]){1, 1, 0, 0}, 4, &precision) == 0.75);
    assert_true(fabs(precision - (1 + 2.0 / 3) / 2) < 1e-15);
    assert_true(area((double[]){1e-310, 0.0, -0.0}, (int[]){1, 0, 1}, 3, &precision) == 0.75);
    assert_true(isnan(area((double[]){0.4, 0.2}, (int[]){1, 1}, 2, &precision)));
    assert_true(precision == 1);
    assert_true(isnan(area((double[]){0.4, 0.2}, (int[]){0, 0}, 2, &precision)));
    assert_true(isnan(precision));
    assert_true(isnan(area((double[]){0.4, NAN}, (int[]){1, 0}, 2, &precision)));
    assert_true(isnan(precision));
}

/* ---- metrics ---- */

/* log 2, log 3 and so on as logits make probabilities of quarters and thirds. */
static void test_two_classes(void **state)
{
    (void)state;
    float log3 = logf(3);
    float logits[] = {0, log3, 0, -log3, 0, 0, log3, 0};
    int64_t labels[] = {1, 0, 1, 1}; /* the second's probabilities: 3/4 1/4 1/2 1/4 */
    linnet_scores *scores = score(logits, labels, 4, 2, "Identity()");
    linnet_evaluation found = evaluate(scores);
    double p = 1 / (1 + exp(-(double)log3));
    expect(&found, "accuracy", 0.5); /* the tie is class 0's */
    expect(&found, "balanced_accuracy", (1 + 1.0 / 3) / 2);
    expect(&found, "precision_macro", (1 + 1.0 / 3) / 2);
    expect(&found, "f1_macro", 0.5);
    expect(&found, "f1_weighted", 0.5);
    expect(&found, "matthews_corrcoef", (2.0 * 4 - (1 * 3 + 3 * 1)) / sqrt(6 * 6));
    expect(&found, "roc_auc", (1 + 1 + 0.5) / 3);
    expect(&found, "average_precision", 1.0 / 3 + 1.0 / 3 + 1.0 / 3 * 0.75);
    expect(&found, "log_loss", -(log(p) + log(p) + log(0.5) + log(1 - p)) / 4);
    expect(&found, "brier_score", (2 * (1 - p) * (1 - p) + 0.25 + p * p) / 4);
    /* 1/2 in a bin of its own, wrong; three times 3/4, two of them right */
    expect(&found, "calibration_error", (0.5 + 3 * fabs(p - 2.0 / 3)) / 4);
    static const int64_t ranks[] = {2, 2};
    assert_memory_equal(found.ranks, ranks, sizeof ranks);
    linnet_evaluation_free(&found);
    linnet_scores_free(scores);
}

static void test_undefined(void **state)
{
    (void)state;
    float logits[] = {1, 0, 0, 2, 0, 0, 0, 0, 3};
    int64_t labels[] = {0, 0, 0};
    linnet_scores *scores = score(logits, labels, 3, 3, "Identity()");
    linnet_evaluation found = evaluate(scores);
    expect(&found, "balanced_accuracy", 2.0 / 3);
    expect(&found, "recall_macro", 1.0 / 3); /* class 2 was predicted, and class 1 is not there */
    expect_undefined(&found, "matthews_corrcoef", "all rows are of one class");
    expect_undefined(&found, "roc_auc", "all rows are of one class");
    expect_undefined(&found, "average_precision", "a class has no rows");
    assert_true(found.classes[0].average_precision == 1 && isnan(found.classes[0].roc_auc));
    linnet_evaluation_free(&found);
    linnet_scores_free(scores);

    labels[1] = 1;
    logits[3] = NAN;
    scores = score(logits, labels, 3, 3, "Identity()");
    found = evaluate(scores);
    expect_undefined(&found, "loss", "an output is not finite");
    expect_undefined(&found, "log_loss", "an output is not finite");
    expect_undefined(&found, "roc_auc", "an output is not finite");
    expect_undefined(&found, "calibration_error", "an output is not finite");
    expect(&found, "accuracy", 1.0 / 3);
    linnet_curve curve;
    linnet_error error;
    check_ok(linnet_scores_curve(scores, 0, &curve, &error), &error);
    assert_int_equal(curve.count, 0);
    linnet_curve_free(&curve);
    linnet_evaluation_free(&found);
    linnet_scores_free(scores);

    float alike[] = {1, 0, 1, 0};
    int64_t two[] = {0, 1};
    scores = score(alike, two, 2, 2, "Identity()");
    found = evaluate(scores);
    expect_undefined(&found, "matthews_corrcoef", "only one class was predicted");
    expect(&found, "roc_auc", 0.5);
    linnet_evaluation_free(&found);
    linnet_scores_free(scores);
}

/* A Softmax at the model's end has given the probabilities already. */
static void test_probabilities_as_outputs(void **state)
{
    (void)state;
    float logits[] = {1, 2, 0, 0.5f, 3, -1};
    int64_t labels[] = {0, 1};
    double probabilities[2][3];
    static const char *const texts[] = {"Identity()", "Sequential(Softmax(dim=1), Dropout(0.5))"};
    for (int i = 0; i < 2; i++) {
        linnet_scores *scores = score(logits, labels, 2, 3, texts[i]);
        linnet_scores_row(scores, 1, probabilities[i]);
        linnet_scores_free(scores);
    }
    for (int i = 0; i < 3; i++) {
        assert_true(fabs(probabilities[0][i] - probabilities[1][i]) < 1e-7);
    }
}

/* ---- several labels, and numbers ---- */

/* What scores borrow is freed when the next ones are made. */
static linnet_dataset *borrowed;

static int free_borrowed(void **state)
{
    (void)state;
    linnet_dataset_free(borrowed);
    borrowed = NULL;
    return 0;
}

static linnet_scores *score_values(float *outputs, double *targets, int64_t rows, int64_t columns,
                                   const char *loss)
{
    linnet_error error;
    linnet_tensor x, y;
    linnet_dataset *dataset;
    linnet_model *model;
    linnet_scores *scores;
    const int64_t shape[] = {rows, columns};
    check_ok(linnet_tensor_from(outputs, LINNET_FLOAT32, 2, shape, &x, &error), &error);
    check_ok(linnet_tensor_from(targets, LINNET_FLOAT64, 2, shape, &y, &error), &error);
    check_ok(linnet_dataset_create(&x, NULL, true, &dataset, &error), &error);
    check_ok(linnet_dataset_set_targets(dataset, &y, &error), &error);
    check_ok(linnet_model_parse("Identity()", NULL, 0, &model, &error), &error);
    check_ok(linnet_model_set_input_shape(model, 1, &columns, &error), &error);
    check_ok(linnet_model_set_loss(model, loss, &error), &error);
    check_ok(linnet_scores_create(model, dataset, NULL, &scores, &error), &error);
    linnet_evaluation brief;
    check_ok(linnet_evaluate(model, dataset, NULL, &brief, &error), &error);
    for (size_t i = 0; i < brief.figure_count; i++) { /* the same, and those of ranks left out */
        assert_false(brief.figures[i].metric->ranks);
    }
    assert_true(brief.figure_count > 2);
    linnet_evaluation_free(&brief);
    linnet_model_free(model);
    free_borrowed(NULL);
    borrowed = dataset;
    return scores;
}

static void test_labels(void **state)
{
    (void)state;
    float outputs[] = {1, -1, 2, 1, -2, -1, -1, 3};
    double targets[] = {1, 0, 1, 0, 0, 0, 1, 1};
    linnet_scores *scores = score_values(outputs, targets, 4, 2, "BCEWithLogitsLoss()");
    linnet_evaluation found = evaluate(scores);
    assert_null(found.confusion);
    expect(&found, "accuracy", 0.5);
    expect(&found, "hamming_loss", 2.0 / 8);
    /* the first label: 2 of 2 predicted, 2 of 3; the second: 1 of 2, 1 of 1 */
    expect(&found, "precision_macro", 0.75);
    expect(&found, "recall_macro", (2.0 / 3 + 1) / 2);
    expect(&found, "precision_micro", 0.75);
    expect(&found, "recall_micro", 0.75);
    expect(&found, "f1_micro", 0.75);
    expect(&found, "f1_macro", (0.8 + 2.0 / 3) / 2);
    expect(&found, "f1_weighted", (3 * 0.8 + 2.0 / 3) / 4);
    /* rows: all right; one of two predicted; nothing there; one of two found */
    expect(&found, "precision_samples", (1 + 0.5 + 0 + 1) / 4);
    expect(&found, "recall_samples", (1 + 1 + 0 + 0.5) / 4);
    expect(&found, "f1_samples", (1 + 2.0 / 3 + 0 + 2.0 / 3) / 4);
    expect(&found, "roc_auc", 1);
    expect(&found, "average_precision", 1);
    double loss = 0, distance = 0;
    for (int i = 0; i < 8; i++) {
        double p = 1 / (1 + exp(-(double)outputs[i]));
        loss -= log(targets[i] > 0 ? p : 1 - p) / 8;
        distance += (p - targets[i]) * (p - targets[i]) / 8;
    }
    expect(&found, "log_loss", loss);
    expect(&found, "brier_score", distance);
    linnet_judged_row worst;
    assert_int_equal(linnet_scores_worst(scores, 1, &worst), 1);
    assert_int_equal(worst.row, 1);
    assert_true(worst.label == -1 && isnan(worst.label_probability));
    linnet_evaluation_free(&found);
    linnet_scores_free(scores);
}

/* A label that no row has, one that is never predicted; no labels at all. */
static void test_labels_undefined(void **state)
{
    (void)state;
    float outputs[] = {1, -1, 1, -2};
    double targets[] = {0, 1, 0, 0};
    linnet_scores *scores = score_values(outputs, targets, 2, 2, "BCEWithLogitsLoss()");
    linnet_evaluation found = evaluate(scores);
    expect_undefined(&found, "roc_auc", "a label has no rows, or all of them");
    expect_undefined(&found, "average_precision", "a label has no rows");
    expect(&found, "f1_macro", 0);
    assert_true(isnan(found.classes[0].recall) && isnan(found.classes[1].precision));
    assert_true(found.classes[1].roc_auc == 1);
    linnet_evaluation_free(&found);
    linnet_scores_free(scores);

    targets[1] = 0;
    outputs[0] = outputs[2] = -1;
    scores = score_values(outputs, targets, 2, 2, "BCEWithLogitsLoss()");
    found = evaluate(scores);
    expect_undefined(&found, "f1_weighted", "no row has a label");
    expect_undefined(&found, "precision_micro", "no label was predicted");
    expect_undefined(&found, "recall_micro", "no row has a label");
    expect_undefined(&found, "f1_micro", "no row has a label, and none was predicted");
    expect(&found, "accuracy", 1);
    linnet_evaluation_free(&found);
    linnet_scores_free(scores);
}

/* BCELoss: the outputs are probabilities, whose logarithm may be infinite. */
static void test_labels_as_probabilities(void **state)
{
    (void)state;
    float outputs[] = {0.75f, 0.5f, 0, 1};
    double targets[] = {1, 1, 0, 1};
    linnet_scores *scores = score_values(outputs, targets, 2, 2, "BCELoss()");
    linnet_evaluation found = evaluate(scores);
    expect(&found, "log_loss", -(log(0.75) + log(0.5)) / 4);
    expect(&found, "brier_score", (0.0625 + 0.25) / 4);
    expect(&found, "recall_micro", 2.0 / 3); /* one half is not there */
    linnet_evaluation_free(&found);
    linnet_scores_free(scores);
}

static void test_values(void **state)
{
    (void)state;
    float outputs[] = {1, 5, 2, 5, 4, 5};
    double targets[] = {1, 0.1, 3, 0.1, 5, 0.1};
    linnet_scores *scores = score_values(outputs, targets, 3, 2, "MSELoss()");
    linnet_evaluation found = evaluate(scores);
    assert_int_equal(found.class_count, 0);
    assert_int_equal(found.value_count, 2);
    assert_true(found.values[0].r2 == 1 - 2.0 / 8);
    assert_true(found.values[0].mae == 2.0 / 3);
    assert_true(found.values[0].rmse == sqrt(2.0 / 3));
    assert_true(isnan(found.values[1].r2));
    expect_undefined(&found, "r2", "a target is the same in all rows");
    expect(&found, "mae", (2.0 / 3 + 4.9) / 2);
    assert_true(isnan(found.accuracy));
    linnet_curve curve;
    linnet_error error;
    assert_int_equal(linnet_scores_curve(scores, 0, &curve, &error), LINNET_ERROR_ARGUMENT);
    linnet_bin bin;
    linnet_scores_reliability(scores, 1, &bin);
    assert_int_equal(bin.rows, 0);
    linnet_evaluation_free(&found);
    linnet_scores_free(scores);

    scores = score_values(outputs, targets, 1, 2, "MSELoss()");
    found = evaluate(scores);
    expect_undefined(&found, "r2", "there is one row only");
    linnet_evaluation_free(&found);
    linnet_scores_free(scores);
    outputs[0] = NAN;
    scores = score_values(outputs, targets, 3, 2, "MSELoss()");
    found = evaluate(scores);
    expect_undefined(&found, "rmse", "an output is not finite");
    linnet_evaluation_free(&found);
    linnet_scores_free(scores);
}

/* ---- curves, bins, worst rows ---- */

static void test_curve(void **state)
{
    (void)state;
    float logits[] = {0, 0, 0, 1, 0, 1, 0, -1};
    int64_t labels[] = {1, 1, 0, 0};
    linnet_error error;
    linnet_curve curve;
    linnet_scores *scores = score(logits, labels, 4, 2, "Identity()");
    check_ok(linnet_scores_curve(scores, 1, &curve, &error), &error);
    assert_int_equal(curve.positives, 2);
    assert_int_equal(curve.negatives, 2);
    assert_int_equal(curve.count, 3);
    static const int64_t points[][2] = {{1, 1}, {2, 1}, {2, 2}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(curve.points[i].true_positives, points[i][0]);
        assert_int_equal(curve.points[i].false_positives, points[i][1]);
    }
    assert_true(curve.points[1].threshold == 0.5);
    linnet_curve_free(&curve);
    linnet_curve_free(NULL);
    assert_int_equal(linnet_scores_curve(scores, 2, &curve, &error), LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.message, "expected one of the model's 2 outputs, found 2");
    assert_null(curve.points);
    linnet_scores_free(scores);
    linnet_scores_free(NULL);
}

static void test_reliability(void **state)
{
    (void)state;
    float log3 = logf(3);
    float logits[] = {0, 0, log3, 0, 0, log3, 40, 0};
    int64_t labels[] = {0, 0, 0, 0};
    linnet_bin bins[4];
    linnet_scores *scores = score(logits, labels, 4, 2, "Identity()");
    linnet_scores_reliability(scores, 4, bins);
    assert_int_equal(bins[0].rows, 0);
    assert_true(isnan(bins[0].accuracy) && isnan(bins[0].confidence));
    assert_int_equal(bins[1].rows, 1); /* 1/2 is the end of the second */
    assert_true(bins[1].confidence == 0.5 && bins[1].accuracy == 1);
    assert_int_equal(bins[2].rows + bins[3].rows, 3);
    linnet_scores_reliability(scores, 1, bins);
    assert_true(bins[0].rows == 4 && bins[0].accuracy == 0.75);
    linnet_scores_free(scores);
}

static void test_worst(void **state)
{
    (void)state;
    float logits[] = {0, 1, 5, 0, 0, 5, 0, 1, 0, 5};
    int64_t labels[] = {0, 1, 1, 0, 0};
    linnet_judged_row worst[8];
    linnet_scores *scores = score(logits, labels, 5, 2, "Identity()");
    assert_int_equal(linnet_scores_worst(scores, 0, worst), 0);
    assert_int_equal(linnet_scores_worst(scores, 3, worst), 3);
    assert_true(worst[0].row == 1 && worst[1].row == 4 && worst[2].row == 0);
    assert_true(worst[0].label == 1 && worst[0].predicted == 0);
    assert_true(worst[0].predicted_probability == 1 / (1 + exp(-5.0)));
    assert_true(fabs(worst[0].loss + log(worst[0].label_probability)) < 1e-14);
    assert_int_equal(linnet_scores_worst(scores, 8, worst), 5);
    assert_int_equal(worst[4].row, 2);
    linnet_scores_free(scores);
}

/* ---- temperature ---- */

/* Where three of four rows are right of logits 0 and 2, the best probability is 3/4: 2 / T = log 3.
 * The second has rows of labels. */
static void test_temperature(void **state)
{
    (void)state;
    linnet_error error;
    double found;
    float logits[] = {0, 2, 0, 2, 2, 0, 2, 0};
    int64_t labels[] = {1, 1, 0, 1};
    linnet_scores *scores = score(logits, labels, 4, 2, "Identity()");
    check_ok(linnet_scores_temperature(scores, &found, &error), &error);
    assert_true(fabs(found * log(3) / 2 - 1) < 1e-13);
    linnet_scores_free(scores);

    float outputs[] = {2, 2, 2, -2};
    double values[] = {1, 1, 0, 0};
    scores = score_values(outputs, values, 2, 2, "BCEWithLogitsLoss()");
    check_ok(linnet_scores_temperature(scores, &found, &error), &error);
    assert_true(fabs(found * log(3) / 2 - 1) < 1e-13);
    linnet_scores_free(scores);

    /* Logits of any size: what is found scales with them. */
    for (double size = 1e-3; size < 1e7; size *= 100) {
        for (int i = 0; i < 4; i++) {
            outputs[i] = (float)(i < 3 ? size : -size);
        }
        scores = score_values(outputs, values, 2, 2, "BCEWithLogitsLoss()");
        check_ok(linnet_scores_temperature(scores, &found, &error), &error);
        assert_true(fabs(found * log(3) / (double)outputs[0] - 1) < 1e-13);
        linnet_scores_free(scores);
    }
}

static void expect_no_temperature(linnet_scores *scores, linnet_status status, const char *message)
{
    linnet_error error;
    double found;
    assert_int_equal(linnet_scores_temperature(scores, &found, &error), status);
    assert_string_equal(error.message, message);
    assert_true(isnan(found));
    linnet_scores_free(scores);
}

static void test_no_temperature(void **state)
{
    (void)state;
    float logits[] = {0, 2, 2, 0};
    int64_t labels[] = {1, 0};
    expect_no_temperature(
        score(logits, labels, 2, 2, "Identity()"), LINNET_ERROR_DATA,
        "no temperature is best: the model is right about every row, and surer of "
        "each the lower the temperature is");
    labels[0] = 0;
    expect_no_temperature(score(logits, labels, 2, 2, "Identity()"), LINNET_ERROR_DATA,
                          "no temperature is best: on these rows the outputs say less than chance "
                          "does");
    expect_no_temperature(score(logits, labels, 2, 2, "Softmax(dim=1)"), LINNET_ERROR_UNSUPPORTED,
                          "a temperature divides logits, and this model gives probabilities");
    logits[1] = NAN;
    expect_no_temperature(score(logits, labels, 2, 2, "Identity()"), LINNET_ERROR_DATA,
                          "an output of the model is not finite");
    double values[] = {1, 1};
    expect_no_temperature(score_values(logits, values, 2, 1, "MSELoss()"), LINNET_ERROR_UNSUPPORTED,
                          "a temperature divides logits, and this model gives numbers");
}

/* A model's own: in what a plan gives, in the metrics, in the file, and in what is found anew. */
static void test_model_temperature(void **state)
{
    linnet_error error;
    linnet_model *model, *loaded;
    linnet_plan *plan;
    const int64_t two = 2;
    const char *path = scratch_path(state, "temperature.safetensors");
    check_ok(linnet_model_parse("Identity()", NULL, 0, &model, &error), &error);
    check_ok(linnet_model_set_input_shape(model, 1, &two, &error), &error);
    assert_true(linnet_model_temperature(model) == 1);
    check_ok(linnet_model_set_temperature(model, 2.5, &error), &error);
    check_ok(linnet_model_save(model, path, &error), &error);
    linnet_model_free(model);
    check_ok(linnet_model_load(path, &loaded, &error), &error);
    assert_true(linnet_model_temperature(loaded) == 2.5);
    float y[2];
    check_ok(
        linnet_plan_create(loaded, &(linnet_plan_options){.probabilities = true}, &plan, &error),
        &error);
    check_ok(linnet_plan_run(plan, (const float[]){0, 5}, 1, y, &error), &error);
    assert_true(fabs((double)y[1] - 1 / (1 + exp(-2.0))) < 1e-7);
    linnet_plan_free(plan);
    check_ok(linnet_plan_create(loaded, NULL, &plan, &error), &error);
    check_ok(linnet_plan_run(plan, (const float[]){0, 5}, 1, y, &error), &error);
    assert_true(y[1] == 5);
    linnet_plan_free(plan);
    assert_int_equal(linnet_model_set_temperature(loaded, 0, &error), LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.message, "expected a temperature from 1e-30 to 1e30, found 0.0");
    assert_int_equal(linnet_model_set_temperature(loaded, (double)NAN, &error),
                     LINNET_ERROR_ARGUMENT);
    assert_true(linnet_model_temperature(loaded) == 2.5);
    linnet_model_free(loaded);

    check_ok(linnet_model_parse("Softmax(dim=1)", NULL, 0, &model, &error), &error);
    assert_int_equal(linnet_model_set_temperature(model, 2, &error), LINNET_ERROR_UNSUPPORTED);
    assert_string_equal(error.message,
                        "a temperature divides logits, and this model ends in Softmax: "
                        "leave that out and train with CrossEntropyLoss");
    linnet_model_free(model);
}

/* ---- thresholds ---- */

/* The middle of two probabilities, above which F1 is the largest: of the first label above the
 * first two rows, of the second above all, of the third one half. */
static void test_thresholds(void **state)
{
    (void)state;
    linnet_error error;
    float outputs[] = {0.75f, 0.25f, 0.1f, 0.5f, 0.25f, 0.2f, 0.25f, 0.75f, 0.3f};
    double values[] = {1, 1, 0, 1, 1, 0, 0, 1, 0}, found[3];
    linnet_scores *scores = score_values(outputs, values, 3, 3, "BCELoss()");
    check_ok(linnet_scores_thresholds(scores, found, &error), &error);
    assert_true(found[0] == 0.375 && found[1] == 0.125 && found[2] == 0.5);
    linnet_scores_free(scores);
    scores = score_values(outputs, values, 3, 3, "MSELoss()");
    assert_int_equal(linnet_scores_thresholds(scores, found, &error), LINNET_ERROR_UNSUPPORTED);
    linnet_scores_free(scores);
}

static linnet_model *labeller(void)
{
    linnet_error error;
    linnet_model *model;
    const int64_t two = 2;
    check_ok(linnet_model_parse("Identity()", NULL, 0, &model, &error), &error);
    check_ok(linnet_model_set_input_shape(model, 1, &two, &error), &error);
    check_ok(linnet_model_set_loss(model, "BCEWithLogitsLoss()", &error), &error);
    return model;
}

/* A model's own: in the file, in what evaluation counts, and where the temperature changes. */
static void test_model_thresholds(void **state)
{
    linnet_error error;
    linnet_model *model = labeller(), *loaded;
    const char *path = scratch_path(state, "thresholds.safetensors");
    float outputs[] = {-1, -3, 1, -1};
    double values[] = {1, 0, 1, 1};
    assert_true(linnet_model_threshold(model, 0) == 0.5);
    check_ok(linnet_model_set_thresholds(model, (const double[]){0.25, 0.1}, 2, &error), &error);
    check_ok(linnet_model_save(model, path, &error), &error);
    linnet_model_free(model);
    check_ok(linnet_model_load(path, &loaded, &error), &error);
    assert_true(linnet_model_threshold(loaded, 0) == 0.25 &&
                linnet_model_threshold(loaded, 1) == 0.1);
    for (int i = 0; i < 2; i++) {
        linnet_tensor x, y;
        linnet_dataset *dataset;
        linnet_evaluation found;
        const int64_t shape[] = {2, 2};
        check_ok(linnet_tensor_from(outputs, LINNET_FLOAT32, 2, shape, &x, &error), &error);
        check_ok(linnet_tensor_from(values, LINNET_FLOAT64, 2, shape, &y, &error), &error);
        check_ok(linnet_dataset_create(&x, NULL, true, &dataset, &error), &error);
        check_ok(linnet_dataset_set_targets(dataset, &y, &error), &error);
        check_ok(linnet_evaluate(loaded, dataset, NULL, &found, &error), &error);
        assert_true(found.accuracy == 1 && found.correct == 2);
        linnet_evaluation_free(&found);
        linnet_dataset_free(dataset);
        check_ok(linnet_model_set_temperature(loaded, 3, &error), &error);
        assert_true(linnet_model_threshold(loaded, 0) > 0.25); /* closer to one half */
    }
    linnet_model_free(loaded);
}

/* A model of several labels that is trained for something else: what belonged to its probabilities
 * would be refused where its file is read. */
static void test_another_task(void **state)
{
    static const char *const losses[] = {"MSELoss()", "CrossEntropyLoss()"};
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        linnet_error error;
        linnet_model *model = labeller(), *loaded;
        const char *path = scratch_path(state, "task.safetensors");
        check_ok(linnet_model_set_temperature(model, 2, &error), &error);
        check_ok(linnet_model_set_thresholds(model, (const double[]){0.25, 0.1}, 2, &error),
                 &error);
        check_ok(linnet_model_set_loss(model, "BCELoss()", &error), &error); /* the same task */
        assert_true(linnet_model_threshold(model, 0) == 0.25);
        assert_true(linnet_model_temperature(model) == 2);
        check_ok(linnet_model_set_loss(model, losses[i], &error), &error);
        assert_true(linnet_model_threshold(model, 0) == 0.5);
        assert_true(linnet_model_temperature(model) == 1);
        check_ok(linnet_model_save(model, path, &error), &error);
        check_ok(linnet_model_load(path, &loaded, &error), &error);
        linnet_model_free(loaded);
        linnet_model_free(model);
    }
}

static void test_thresholds_refused(void **state)
{
    (void)state;
    linnet_error error;
    linnet_model *model = labeller();
    static const double good[] = {0.5, 0.5, 0.5}, bad[] = {0.5, 1.5};
    assert_int_equal(linnet_model_set_thresholds(model, good, 3, &error), LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.message,
                        "expected a threshold for each of the model's 2 outputs, found 3");
    assert_int_equal(linnet_model_set_thresholds(model, bad, 2, &error), LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.message, "expected a threshold from 0 to 1 for output 1, found 1.5");
    check_ok(linnet_model_set_thresholds(model, good, 2, &error), &error);
    check_ok(linnet_model_set_thresholds(model, NULL, 0, &error), &error);
    check_ok(linnet_model_set_loss(model, "MSELoss()", &error), &error);
    assert_int_equal(linnet_model_set_thresholds(model, good, 2, &error), LINNET_ERROR_UNSUPPORTED);
    linnet_model_free(model);
}

/* Every metric has a name and a title of its own, and is found by it. */
static void test_table(void **state)
{
    (void)state;
    assert_string_equal(linnet_task_name(LINNET_TASK_CLASSIFICATION), "classification");
    assert_null(linnet_task_name((linnet_task)9));
    size_t count = 0;
    static const linnet_task tasks[] = {LINNET_TASK_REGRESSION, LINNET_TASK_MULTILABEL,
                                        LINNET_TASK_CLASSIFICATION};
    for (int t = 0; t < 3; t++) {
        const linnet_metric *metric;
        for (count = 0; (metric = linnet_metric_at(tasks[t], count)) != NULL; count++) {
            for (size_t i = 0; i < count; i++) {
                assert_string_not_equal(linnet_metric_at(tasks[t], i)->name, metric->name);
                assert_string_not_equal(linnet_metric_at(tasks[t], i)->title, metric->title);
            }
        }
    }
    assert_true(count > 10);
    float logits[] = {0, 1};
    int64_t label = 1;
    linnet_scores *scores = score(logits, &label, 1, 2, "Identity()");
    linnet_evaluation found = evaluate(scores);
    assert_int_equal(found.figure_count, count);
    assert_null(linnet_evaluation_figure(&found, "nonsense"));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(isnan(found.figures[i].value), found.figures[i].undefined != NULL);
    }
    linnet_evaluation_free(&found);
    linnet_scores_free(scores);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exp_and_log),
        cmocka_unit_test(test_exact_sum),
        cmocka_unit_test(test_areas),
        cmocka_unit_test(test_two_classes),
        cmocka_unit_test(test_undefined),
        cmocka_unit_test(test_probabilities_as_outputs),
        cmocka_unit_test_teardown(test_labels, free_borrowed),
        cmocka_unit_test_teardown(test_labels_undefined, free_borrowed),
        cmocka_unit_test_teardown(test_labels_as_probabilities, free_borrowed),
        cmocka_unit_test_teardown(test_values, free_borrowed),
        cmocka_unit_test(test_curve),
        cmocka_unit_test(test_reliability),
        cmocka_unit_test(test_worst),
        cmocka_unit_test_teardown(test_temperature, free_borrowed),
        cmocka_unit_test_teardown(test_no_temperature, free_borrowed),
        cmocka_unit_test(test_model_temperature),
        cmocka_unit_test_teardown(test_thresholds, free_borrowed),
        cmocka_unit_test(test_model_thresholds),
        cmocka_unit_test(test_thresholds_refused),
        cmocka_unit_test(test_another_task),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
