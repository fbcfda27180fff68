/* test_loss.c - losses: their text, rows and batches against the definition, and what they refuse.
 *
 * The definition sums in double where it stands for PyTorch's formula, and in the contract's order
 * where bits are compared. PyTorch's own numbers come from torch 1.13.1. */
#include "support/check.h"

#include <math.h>

#include "base/memory.h"
#include "numeric/functions.h"
#include "numeric/rowsum.h"
#include "support/engine.h"
#include "train/loss.h"

static ln_loss *make(const char *text, size_t features)
{
    ln_loss *loss;
    linnet_error error;
    check_ok(ln_loss_create(text, &loss, &error), &error);
    check_ok(ln_loss_fit(loss, features, LINNET_FLOAT32, &error), &error);
    return loss;
}

/* ---- a batch, as the trainer takes it ---- */

typedef struct batch_result {
    float item;
    float gradient[12];
} batch_result;

static batch_result run_batch(const ln_loss *loss, const ln_kernels *kernels, size_t rows,
                              size_t features, const float *logits, const int64_t *targets)
{
    batch_result result = {0};
    float sum = 0, weight = 0;
    for (size_t r = 0; r < rows; r++) {
        weight += ln_loss_row_weight(loss, &(ln_target){.label = targets[r], .weight = 1});
    }
    for (size_t r = 0; r < rows; r++) {
        ln_target target = {.label = targets[r], .weight = 1};
        if (ln_loss_counts(loss, &target)) {
            sum += LN_MATH_OF(loss->type)
                       ->row(loss, kernels, features, logits + r * features, &target,
                             ln_loss_scale(loss, weight), result.gradient + r * features);
        }
    }
    result.item = ln_loss_reduce(loss, sum, weight);
    return result;
}

typedef struct torch_case {
    const char *text;
    int64_t targets[4];
    double item;
    double gradient[12];
} torch_case;

static const float logits[12] = {0.5f, -1.25f, 2.0f,  0.0f,  0.75f, -0.5f,
                                 3.0f, 1.5f,   -2.0f, 0.25f, 0.25f, 1.0f};

static const torch_case torch_cases[] = {
#include "data/torch/cross_entropy.inc"
};

static void check_torch(const char *isa, void *context)
{
    (void)context;
    const ln_kernels *kernels;
    linnet_error error;
    check_ok(ln_kernels_select(&kernels, &error), &error);
    assert_string_equal(kernels->name, isa);
    for (size_t i = 0; i < sizeof torch_cases / sizeof *torch_cases; i++) {
        const torch_case *c = &torch_cases[i];
        ln_loss *loss = make(c->text, 3);
        batch_result found = run_batch(loss, kernels, 4, 3, logits, c->targets);
        bool same = isnan(c->item) ? isnan(found.item) : fabs(c->item - (double)found.item) < 1e-6;
        if (!same) {
            fail_msg("%s: PyTorch's loss %.9g, found %.9g", c->text, c->item, (double)found.item);
        }
        for (size_t j = 0; j < 12; j++) {
            if (!(fabs(c->gradient[j] - (double)found.gradient[j]) < 1e-6)) {
                fail_msg("%s, gradient[%zu]: PyTorch's %.9g, found %.9g", c->text, j,
                         c->gradient[j], (double)found.gradient[j]);
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

#define CLASSES 37

/* weight 1 each and smoothing 0 are the plain cross entropy. */
static float define(const float *x, const float *weight, double smoothing, size_t target,
                    float scale, float *gradient)
{
    float max = x[0], terms[CLASSES], dot[16] = {0};
    for (size_t j = 0; j < CLASSES; j++) {
        max = x[j] > max ? x[j] : max;
    }
    for (size_t j = 0; j < CLASSES; j++) {
        terms[j] = ln_exp(x[j] - max);
        dot[j % 16] = fmaf(weight[j], x[j] - max, dot[j % 16]);
    }
    float sum = define_row_sum(CLASSES, terms, 1), total = define_row_sum(CLASSES, weight, 1);
    float nll = -((x[target] - max) - ln_log(sum));
    if (smoothing == 0) {
        for (size_t j = 0; j < CLASSES; j++) {
            gradient[j] = (terms[j] / sum - (j == target ? 1.0f : 0.0f)) * (weight[target] * scale);
        }
        return weight[target] * nll;
    }
    float chosen = (float)(1 - smoothing) * weight[target], rest = (float)(smoothing / CLASSES);
    for (size_t j = 0; j < CLASSES; j++) {
        float q = fmaf(rest, weight[j], j == target ? chosen : 0.0f);
        gradient[j] = (terms[j] / sum * fmaf(rest, total, chosen) - q) * scale;
    }
    return fmaf(rest, fmaf(total, ln_log(sum), -ln_tree16(dot)), chosen * nll);
}

static void check_bits(const char *isa, void *context)
{
    (void)context;
    const ln_kernels *kernels;
    linnet_error error;
    check_random random = {5};
    check_ok(ln_kernels_select(&kernels, &error), &error);
    for (int variant = 0; variant < 4; variant++) {
        bool weighted = (variant & 1) != 0;
        double smoothing = variant >= 2 ? 0.1 : 0;
        char text[1024] = "CrossEntropyLoss(", *end = text + strlen(text);
        float weight[CLASSES], x[CLASSES], expected[CLASSES], found[CLASSES];
        end += sprintf(end, "%s", weighted ? "weight=torch.tensor([" : "");
        for (size_t j = 0; j < CLASSES; j++) {
            weight[j] = weighted ? (float)(j % 5) * 0.375f : 1;
            end += weighted ? sprintf(end, "%.3f, ", (double)weight[j]) : 0;
        }
        sprintf(end, "%slabel_smoothing=%.1f)", weighted ? "]), " : "", smoothing);
        ln_loss *loss = make(text, CLASSES);
        for (size_t target = 0; target < CLASSES; target += 6) {
            check_fill(&random, x, CLASSES);
            float value = define(x, weight, smoothing, target, 0.03f, expected);
            ln_target chosen = {.label = (int64_t)target, .weight = 1};
            float given =
                LN_MATH_OF(loss->type)->row(loss, kernels, CLASSES, x, &chosen, 0.03f, found);
            check_same(expected, found, CLASSES, "%s, %s: gradient", isa, text);
            check_same(&value, &given, 1, "%s, %s: loss", isa, text);
        }
        ln_loss_free(loss);
    }
}

static void test_bits(void **state)
{
    (void)state;
    check_each_isa(check_bits, NULL);
}

/* ---- what is refused ---- */

static void test_failures(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        linnet_status status;
        const char *message;
    } cases[] = {
        {"CrossEntropyLoss(weight=[1, 2])", LINNET_ERROR_SHAPE,
         "weight tensor should be defined either for all 3 classes or no classes but got weight "
         "tensor of shape: [2]"},
        {"CrossEntropyLoss(weight=[1, -2, 1])", LINNET_ERROR_ARGUMENT,
         "weight of class 1: expected a number from 0 on, found -2"},
        {"CrossEntropyLoss(torch.tensor([1, True, 1]))", LINNET_ERROR_ARGUMENT,
         "weight of class 1: expected a number from 0 on, found True"},
        {"CrossEntropyLoss(weight=[0, 0, 0.0])", LINNET_ERROR_ARGUMENT,
         "expected a weight above 0 for at least one class, found none"},
        {"CrossEntropyLoss(weight=3)", LINNET_ERROR_SYNTAX,
         "CrossEntropyLoss.__init__() argument 'weight': expected a list, found 3"},
        {"CrossEntropyLoss(reduction='none')", LINNET_ERROR_ARGUMENT,
         "grad can be implicitly created only for scalar outputs"},
        {"CrossEntropyLoss(reduction='max')", LINNET_ERROR_SYNTAX,
         "reduction argument must be either mean or sum or none."},
        {"CrossEntropyLoss(label_smoothing=1.5)", LINNET_ERROR_ARGUMENT,
         "label_smoothing must be between 0.0 and 1.0. Got: 1.5"},
        {"CrossEntropyLoss(ignore_index=0.5)", LINNET_ERROR_SYNTAX, "expected an int"},
        {"CrossEntropyLoss(size_average=True)", LINNET_ERROR_SYNTAX, "expected None"},
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_torch),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
