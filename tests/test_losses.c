/* test_losses.c - losses over values: PyTorch's numbers, the definition bit for bit on every kernel
 * set, finite differences, and what is refused. Over class indices: test_loss.c. */
#include "support/check.h"

#include <math.h>

#include "numeric/functions.h"
#include "numeric/rowsum.h"
#include "train/targets.h"

static ln_loss *make(const char *text, size_t features)
{
    ln_loss *loss;
    linnet_error error;
    check_ok(ln_loss_create(text, &loss, &error), &error);
    check_ok(ln_loss_fit(loss, features, LINNET_FLOAT32, &error), &error);
    return loss;
}

/* ---- PyTorch's numbers ---- */

typedef struct torch_case {
    const char *text;
    float outputs[12];
    double values[12];
    float rows[4];
    double item;
    double gradient[12];
} torch_case;

static const torch_case torch_cases[] = {
#include "data/torch/losses.inc"
};

static bool near(double expected, double found)
{
    return fabs(expected - found) <= 2e-6 * fmax(1, fabs(expected));
}

static void check_torch(const char *isa, void *context)
{
    (void)context;
    const ln_kernels *kernels;
    linnet_error error;
    check_ok(ln_kernels_select(&kernels, &error), &error);
    for (size_t i = 0; i < sizeof torch_cases / sizeof *torch_cases; i++) {
        const torch_case *c = &torch_cases[i];
        ln_loss *loss = make(c->text, 3);
        float sum = 0, weight = 0, gradient[12];
        ln_target targets[4];
        for (size_t r = 0; r < 4; r++) {
            targets[r] = (ln_target){.values = c->values + 3 * r, .weight = c->rows[r]};
            weight += ln_loss_row_weight(loss, &targets[r]);
        }
        for (size_t r = 0; r < 4; r++) {
            float scale = ln_loss_scale(loss, weight);
            float with = LN_MATH_OF(loss->type)
                             ->row(loss, kernels, 3, c->outputs + 3 * r, &targets[r], scale,
                                   gradient + 3 * r);
            float without =
                LN_MATH_OF(loss->type)
                    ->row(loss, kernels, 3, c->outputs + 3 * r, &targets[r], scale, NULL);
            check_same(&with, &without, 1, "%s, %s: without a gradient", isa, c->text);
            sum += with;
        }
        double item = (double)ln_loss_reduce(loss, sum, weight);
        if (!near(c->item, item)) {
            fail_msg("%s, %s: PyTorch's loss %.9g, found %.9g", isa, c->text, c->item, item);
        }
        for (size_t j = 0; j < 12; j++) {
            /* PyTorch's Sigmoid makes 0 of it. */
            bool bound = loss->type->unit_output && (c->outputs[j] == 0 || c->outputs[j] == 1);
            if (bound ? gradient[j] != 0 : !near(c->gradient[j], (double)gradient[j])) {
                fail_msg("%s, %s, gradient[%zu]: PyTorch's %.9g, found %.9g", isa, c->text, j,
                         c->gradient[j], (double)gradient[j]);
            }
        }
        ln_loss_free(loss);
    }
}

static void test_torch(void **state)
{
    (void)state;
    check_each_isa(check_torch, NULL);
}

/* ---- bits ---- */

#define OUTPUTS 149

/* docs/numerics.md's formulas, element by element: with weight and pos_weight or bound, as the loss
 * has them. */
typedef struct definition {
    const char *format; /* of the text; %s: a list as long as the outputs */
    void (*element)(float x, float t, float list, float *value, float *slope);
} definition;

static float softplus(float x)
{
    return fmaxf(x, 0) + ln_log1p(ln_exp(-fabsf(x)));
}

static void bce_with_logits(float x, float t, float list, float *value, float *slope)
{
    float there = list * t, absent = 1 - t;
    *value = there * softplus(-x) + absent * softplus(x);
    *slope = absent * ln_sigmoid(x) - there * ln_sigmoid(-x);
}

static void bce(float x, float t, float list, float *value, float *slope)
{
    x = ln_sigmoid(x);
    *value = list * ((t - 1) * fmaxf(ln_log1p(-x), -100) - t * fmaxf(ln_log(x), -100));
    *slope = x > 0 && x < 1 ? list * ((x - t) / fmaxf((1 - x) * x, 1e-12f)) : 0;
}

static void mse(float x, float t, float list, float *value, float *slope)
{
    (void)list;
    *value = (x - t) * (x - t);
    *slope = 2 * (x - t);
}

static void smooth_l1(float x, float t, float list, float *value, float *slope)
{
    (void)list;
    float d = x - t, a = fabsf(d);
    *value = a < 0.75f ? 0.5f * a * a / 0.75f : a - 0.5f * 0.75f;
    *slope = a < 0.75f ? d / 0.75f : d > 0 ? 1 : -1;
}

static void huber(float x, float t, float list, float *value, float *slope)
{
    (void)list;
    float d = x - t, a = fabsf(d);
    *value = a < 1.5f ? 0.5f * a * a : 1.5f * (a - 0.75f);
    *slope = a < 1.5f ? d : d > 0 ? 1.5f : -1.5f;
}

static const definition definitions[] = {
    {"BCEWithLogitsLoss(pos_weight=%s)", bce_with_logits},
    {"BCELoss(%s)", bce},
    {"MSELoss()", mse},
    {"SmoothL1Loss(beta=0.75)", smooth_l1},
    {"HuberLoss(delta=1.5)", huber},
};

static void check_bits(const char *isa, void *context)
{
    (void)context;
    const ln_kernels *kernels;
    linnet_error error;
    check_random random = {11};
    check_ok(ln_kernels_select(&kernels, &error), &error);
    char list[16 * OUTPUTS] = "[", text[16 * OUTPUTS + 64];
    float weights[OUTPUTS], x[OUTPUTS], given[OUTPUTS], expected[OUTPUTS], found[OUTPUTS];
    double values[OUTPUTS];
    for (size_t j = 0; j < OUTPUTS; j++) {
        weights[j] = (float)(j % 7) * 0.375f;
        sprintf(list + strlen(list), "%.3f, ", (double)weights[j]);
    }
    strcat(list, "]");
    for (size_t d = 0; d < sizeof definitions / sizeof *definitions; d++) {
        snprintf(text, sizeof text, definitions[d].format, list);
        ln_loss *loss = make(text, OUTPUTS);
        for (int turn = 0; turn < 20; turn++) {
            check_fill(&random, x, OUTPUTS);
            float sums[16] = {0};
            const float scale = 0.03f, row_weight = 1.625f;
            for (size_t j = 0; j < OUTPUTS; j++) {
                float value, slope;
                x[j] = x[j] * (float)(1 << turn % 6);
                values[j] =
                    turn % 2 == 0 ? (double)(j % 3 == 0) : fabs((double)check_real(&random));
                definitions[d].element(x[j], (float)values[j], weights[j], &value, &slope);
                sums[j % 16] = sums[j % 16] + value;
                expected[j] = slope * (row_weight * scale);
                given[j] = loss->type->unit_output ? ln_sigmoid(x[j]) : x[j];
            }
            float value = row_weight * ln_tree16(sums);
            float out =
                LN_MATH_OF(loss->type)
                    ->row(loss, kernels, OUTPUTS, given,
                          &(ln_target){.values = values, .weight = row_weight}, scale, found);
            check_same(expected, found, OUTPUTS, "%s, %.32s: gradient", isa, text);
            check_same(&value, &out, 1, "%s, %.32s: loss", isa, text);
        }
        ln_loss_free(loss);
    }
}

static void test_bits(void **state)
{
    (void)state;
    check_each_isa(check_bits, NULL);
}

/* Class probabilities that are 0 but for one class are that class: up to rounding the same numbers.
 * */
static void test_one_hot(void **state)
{
    (void)state;
    static const char *const texts[] = {"CrossEntropyLoss()",
                                        "CrossEntropyLoss(label_smoothing=0.2)"};
    const ln_kernels *kernels = ln_kernels_at(0);
    check_random random = {3};
    for (size_t i = 0; i < 2; i++) {
        ln_loss *loss = make(texts[i], OUTPUTS);
        for (size_t label = 0; label < OUTPUTS; label += 9) {
            float x[OUTPUTS], one[OUTPUTS], other[OUTPUTS];
            double values[OUTPUTS] = {0};
            values[label] = 1;
            check_fill(&random, x, OUTPUTS);
            float a = LN_MATH_OF(loss->type)
                          ->row(loss, kernels, OUTPUTS, x,
                                &(ln_target){.label = (int64_t)label, .weight = 1}, 1, one);
            float b = LN_MATH_OF(loss->type)
                          ->row(loss, kernels, OUTPUTS, x,
                                &(ln_target){.values = values, .weight = 1}, 1, other);
            assert_true(near((double)a, (double)b));
            for (size_t j = 0; j < OUTPUTS; j++) {
                assert_true(near((double)one[j], (double)other[j]));
            }
        }
        ln_loss_free(loss);
    }
}

/* ---- finite differences ---- */

static void test_differences(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "CrossEntropyLoss([1, 0.5, 2, 1], label_smoothing=0.1)",
        "BCEWithLogitsLoss([1, 0.5, 2, 1], pos_weight=[3, 1, 2, 0.5])",
        "BCELoss([1, 0.5, 2, 1])",
        "MSELoss()",
        "SmoothL1Loss(beta=0.3)",
        "HuberLoss(delta=0.3)",
    };
    const ln_kernels *kernels = ln_kernels_at(0);
    static const double values[4] = {0.25, 0.0, 1.0, 0.5};
    static const float at[4] = {0.375f, 0.5f, 0.25f, 0.625f};
    const ln_target target = {.values = values, .weight = 1};
    const float step = 1.0f / 128;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ln_loss *loss = make(texts[i], 4);
        float gradient[4];
        LN_MATH_OF(loss->type)->row(loss, kernels, 4, at, &target, 1, gradient);
        for (size_t j = 0; j < 4; j++) {
            float up[4], down[4];
            memcpy(up, at, sizeof at);
            memcpy(down, at, sizeof at);
            up[j] += step;
            down[j] -= step;
            double rise =
                (double)LN_MATH_OF(loss->type)->row(loss, kernels, 4, up, &target, 1, NULL) -
                (double)LN_MATH_OF(loss->type)->row(loss, kernels, 4, down, &target, 1, NULL);
            double slope = rise / (2 * (double)step);
            if (fabs(slope - (double)gradient[j]) > 2e-3 * fmax(1, fabs(slope))) {
                fail_msg("%s, gradient[%zu]: differences say %.5g, found %.5g", texts[i], j, slope,
                         (double)gradient[j]);
            }
        }
        ln_loss_free(loss);
    }
}

/* ---- what is refused ---- */

static void test_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        linnet_status status;
        const char *message;
    } cases[] = {
        {"BCEWithLogitsLoss(weight=[1, 2])", LINNET_ERROR_SHAPE,
         "The size of tensor a (2) must match the size of tensor b (3)"},
        {"BCEWithLogitsLoss(pos_weight=[1, -2, 1])", LINNET_ERROR_ARGUMENT,
         "pos_weight of label 1: expected a number from 0 on, found -2"},
        {"BCELoss([0, 0, 0])", LINNET_ERROR_ARGUMENT,
         "expected a weight above 0 for at least one label, found none"},
        {"NLLLoss(weight=[1, 2])", LINNET_ERROR_SHAPE,
         "weight tensor should be defined either for all 3 classes or no classes"},
        {"MSELoss(reduction='none')", LINNET_ERROR_ARGUMENT,
         "grad can be implicitly created only for scalar outputs"},
        {"HuberLoss('mean', 0)", LINNET_ERROR_ARGUMENT,
         "huber_loss does not support non-positive values for delta."},
        {"SmoothL1Loss(beta=-1)", LINNET_ERROR_ARGUMENT,
         "smooth_l1_loss does not support negative values for beta."},
        {"L1Loss(beta=1)", LINNET_ERROR_SYNTAX, "unexpected keyword argument 'beta'"},
        {"MSELoss(size_average=True)", LINNET_ERROR_SYNTAX, "expected None"},
        {"MSEloss()", LINNET_ERROR_SYNTAX, "MSELoss"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ln_loss *loss;
        linnet_error error = {0};
        linnet_status status = ln_loss_create(cases[i].text, &loss, &error);
        if (status == LINNET_OK) {
            status = ln_loss_fit(loss, 3, LINNET_FLOAT32, &error);
        } else {
            assert_null(loss);
        }
        check_failed(cases[i].text, cases[i].status, cases[i].message, status, &error);
        ln_loss_free(loss);
    }
}

static linnet_dataset *rows_of(const double *values, int64_t columns, int64_t *classes)
{
    static float x[4];
    linnet_error error;
    linnet_dataset *dataset;
    linnet_tensor features, labels;
    check_ok(linnet_tensor_from(x, LINNET_FLOAT32, 2, (int64_t[]){4, 1}, &features, &error),
             &error);
    if (classes != NULL) {
        check_ok(linnet_tensor_from(classes, LINNET_INT64, 1, (int64_t[]){4}, &labels, &error),
                 &error);
    }
    check_ok(
        linnet_dataset_create(&features, classes != NULL ? &labels : NULL, false, &dataset, &error),
        &error);
    if (values != NULL) {
        check_ok(linnet_tensor_from((void *)(uintptr_t)values, LINNET_FLOAT64, 2,
                                    (int64_t[]){4, columns}, &labels, &error),
                 &error);
        check_ok(linnet_dataset_set_targets(dataset, &labels, &error), &error);
    }
    return dataset;
}

static void test_targets(void **state)
{
    (void)state;
    static const double values[] = {0, 1, 1, 0, 0.5, 1, 0, 1, 1, 1.25, 0, 1};
    int64_t classes[] = {0, 1, 0, 2};
    static const struct {
        const char *text;
        int columns; /* 0: classes */
        linnet_status status;
        const char *message;
    } cases[] = {
        {"BCEWithLogitsLoss()", 1, LINNET_ERROR_SHAPE,
         "Target size (torch.Size([64])) must be the same as input size (torch.Size([64, 3]))"},
        {"BCELoss()", 2, LINNET_ERROR_SHAPE,
         "Using a target size (torch.Size([64, 2])) that is different to the input size "
         "(torch.Size([64, 3])) is deprecated. Please ensure they have the same size."},
        {"HuberLoss()", 2, LINNET_ERROR_SHAPE,
         "Using a target size (torch.Size([64, 2])) that is different to the input size "
         "(torch.Size([64, 3])). Please ensure they have the same size."},
        {"CrossEntropyLoss()", 2, LINNET_ERROR_SHAPE,
         "0D or 1D target tensor expected, multi-target not supported"},
        {"NLLLoss()", 3, LINNET_ERROR_SHAPE,
         "0D or 1D target tensor expected, multi-target not supported"},
        {"BCEWithLogitsLoss()", 3, LINNET_ERROR_DATA,
         "labels, row 3, column 0: BCEWithLogitsLoss expects a number from 0 to 1, found 1.25"},
        {"MSELoss()", 0, LINNET_ERROR_DATA,
         "MSELoss expects values as labels, and the dataset has classes"},
        {"MSELoss()", -1, LINNET_ERROR_DATA, "training needs labels, and the dataset has none"},
        {"MSELoss()", 3, LINNET_OK, ""},
        {"NLLLoss()", 0, LINNET_OK, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int columns = cases[i].columns;
        linnet_dataset *dataset =
            rows_of(columns > 0 ? values : NULL, columns, columns == 0 ? classes : NULL);
        ln_loss *loss = make(cases[i].text, 3);
        linnet_error error = {0};
        linnet_status status = ln_check_targets(loss, dataset, 3, 64, "training", &error);
        if (status != cases[i].status || strstr(error.message, cases[i].message) == NULL) {
            fail_msg("%s, %d columns: expected '%s', found '%s'", cases[i].text, columns,
                     cases[i].message, error.message);
        }
        ln_loss_free(loss);
        linnet_dataset_free(dataset);
    }
}

/* ---- what outputs say ---- */

static void test_met(void **state)
{
    (void)state;
    static const double there[] = {1, 0, 0.5}, shares[] = {0.2, 0.5, 0.3};
    const ln_target labels = {.values = there, .weight = 1}, soft = {.values = shares, .weight = 1};
    ln_loss *logits = make("BCEWithLogitsLoss()", 3), *unit = make("BCELoss()", 3);
    ln_loss *cross = make("CrossEntropyLoss()", 3), *mse_loss = make("MSELoss()", 3);
    assert_true(ln_target_met(logits, 3, (float[]){0.1f, -3, 5}, &labels));
    assert_false(ln_target_met(logits, 3, (float[]){0.1f, 0.1f, 5}, &labels));
    assert_false(ln_target_met(logits, 3, (float[]){0, -3, 5}, &labels));
    assert_true(ln_target_met(unit, 3, (float[]){0.6f, 0.5f, 0.9f}, &labels));
    assert_false(ln_target_met(unit, 3, (float[]){0.4f, 0.1f, 0.9f}, &labels));
    assert_true(ln_target_met(cross, 3, (float[]){1, 2, -1}, &soft));
    assert_false(ln_target_met(cross, 3, (float[]){3, 2, -1}, &soft));
    assert_false(ln_target_met(mse_loss, 3, (float[]){1, 0, 0.5f}, &labels));
    ln_loss *const all[] = {logits, unit, cross, mse_loss};
    for (size_t i = 0; i < 4; i++) {
        ln_loss_free(all[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_torch),   cmocka_unit_test(test_bits),
        cmocka_unit_test(test_one_hot), cmocka_unit_test(test_differences),
        cmocka_unit_test(test_texts),   cmocka_unit_test(test_targets),
        cmocka_unit_test(test_met),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
