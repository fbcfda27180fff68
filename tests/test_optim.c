/* test_optim.c - optimizers: PyTorch's weights, the same bits from every kernel set however the
 * weights are cut, and what is refused. */
#include "support/check.h"

#include <math.h>

#include "optim/optim.h"

/* ---- PyTorch's numbers ---- */

#define WEIGHTS 6
#define STEPS 25

typedef struct recorded {
    const char *text;
    double third[WEIGHTS], last[WEIGHTS];
} recorded;

static const recorded recordings[] = {
#include "data/torch/optimizers.inc"
};

/* As make_optimizers.py has them. */
static float gradient_at(int weight, int step)
{
    return (float)((7 * weight + 3 * step) % 11 - 5) / 8;
}

static ln_optimizer *make_optimizer(const char *text, size_t count)
{
    ln_optimizer *optimizer;
    linnet_error error;
    check_ok(ln_optimizer_create(text, &count, 1, LINNET_FLOAT32, &optimizer, &error), &error);
    return optimizer;
}

static void check_weights(const recorded *r, int step, const double *expected, const float *found)
{
    for (int i = 0; i < WEIGHTS; i++) {
        if (!(fabs(expected[i] - (double)found[i]) <= 2e-6)) {
            fail_msg("%s, step %d, weight %d: PyTorch's %.9g, found %.9g", r->text, step, i,
                     expected[i], (double)found[i]);
        }
    }
}

static void test_recorded(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof recordings / sizeof *recordings; i++) {
        ln_optimizer *optimizer = make_optimizer(recordings[i].text, WEIGHTS);
        float weights[WEIGHTS], gradient[WEIGHTS];
        for (int j = 0; j < WEIGHTS; j++) {
            weights[j] = (float)(j - 2) / 4;
        }
        for (int step = 1; step <= STEPS; step++) {
            for (int j = 0; j < WEIGHTS; j++) {
                gradient[j] = gradient_at(j, step);
            }
            ln_optimizer_step(optimizer);
            ln_optimizer_update(optimizer, ln_kernels_at(0), 0, 0, WEIGHTS, gradient, weights);
            if (step == 3) {
                check_weights(&recordings[i], step, recordings[i].third, weights);
            }
        }
        check_weights(&recordings[i], STEPS, recordings[i].last, weights);
        ln_optimizer_free(optimizer);
    }
}

/* Every optimizer of the table stands among the recordings. */
static void test_all_recorded(void **state)
{
    (void)state;
    const ln_optimizer_type *type;
    for (size_t i = 0; (type = ln_optimizer_type_at(i)) != NULL; i++) {
        bool found = strcmp(type->signature.name, "LBFGS") == 0; /* LBFGS: tests/test_lbfgs.c */
        for (size_t j = 0; j < sizeof recordings / sizeof *recordings; j++) {
            size_t length = strlen(type->signature.name);
            found = found || (strncmp(recordings[j].text, type->signature.name, length) == 0 &&
                              recordings[j].text[length] == '(');
        }
        assert_true(found);
    }
}

/* ---- one number ---- */

#define COUNT 333

/* Four steps on COUNT weights, cut into stretches; weights, then states one behind the other. */
static void run_steps(const char *text, const ln_kernels *set, size_t stretch, float out[4 * COUNT])
{
    ln_optimizer *optimizer = make_optimizer(text, COUNT);
    check_random random = {5};
    float gradient[COUNT];
    memset(out, 0, 4 * COUNT * sizeof *out);
    check_fill(&random, out, COUNT);
    for (int step = 0; step < 4; step++) {
        check_fill(&random, gradient, COUNT);
        ln_optimizer_step(optimizer);
        for (size_t first = 0; first < COUNT; first += stretch) {
            size_t count = COUNT - first < stretch ? COUNT - first : stretch;
            ln_optimizer_update(optimizer, set, 0, first, count, gradient + first, out + first);
        }
    }
    for (int i = 0; ln_optimizer_state_name(optimizer, i) != NULL; i++) {
        memcpy(out + (i + 1) * COUNT, ln_optimizer_state(optimizer, 0, i), COUNT * sizeof *out);
    }
    ln_optimizer_free(optimizer);
}

static void test_one_number(void **state)
{
    (void)state;
    static const size_t stretches[] = {COUNT, 64, 7};
    float expected[4 * COUNT], found[4 * COUNT];
    const ln_kernels *set;
    for (size_t i = 0; i < sizeof recordings / sizeof *recordings; i++) {
        run_steps(recordings[i].text, ln_kernels_at(0), COUNT, expected);
        for (size_t s = 0; (set = ln_kernels_at(s)) != NULL; s++) {
            for (size_t c = 0; set->supported() && c < sizeof stretches / sizeof *stretches; c++) {
                run_steps(recordings[i].text, set, stretches[c], found);
                check_same(expected, found, 4 * COUNT, "%s, %s, stretches of %zu",
                           recordings[i].text, set->name, stretches[c]);
            }
        }
    }
}

/* A constant gradient leaves nothing of v - a^2, which rounding may make negative. */
static void test_centered_stays_finite(void **state)
{
    (void)state;
    ln_optimizer *optimizer = make_optimizer("RMSprop(lr=1e-4, centered=True)", COUNT);
    check_random random = {6};
    float gradient[COUNT], weights[COUNT] = {0};
    check_fill(&random, gradient, COUNT);
    for (int step = 0; step < 3000; step++) {
        ln_optimizer_step(optimizer);
        ln_optimizer_update(optimizer, ln_kernels_at(0), 0, 0, COUNT, gradient, weights);
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(isfinite(weights[i]));
    }
    ln_optimizer_free(optimizer);
}

/* The second group is an optimizer of its own with weight_decay=0, steps and all. */
static void test_groups(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"SGD(lr=0.1, momentum=0.9, weight_decay=0.5)", "SGD(lr=0.1, momentum=0.9)"},
        {"AdamW(weight_decay=0.5)", "AdamW(weight_decay=0)"},
        {"NAdam(lr=0.1, weight_decay=0.5)", "NAdam(lr=0.1)"},
        {"Adagrad(lr=0.1, weight_decay=0.5)", "Adagrad(lr=0.1)"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        linnet_error error;
        ln_optimizer *both,
            *apart[2] = {make_optimizer(texts[i][0], COUNT), make_optimizer(texts[i][1], COUNT)};
        check_ok(ln_optimizer_create(texts[i][0], (size_t[]){COUNT, COUNT}, 2, LINNET_FLOAT32,
                                     &both, &error),
                 &error);
        check_ok(ln_optimizer_group(both, &error), &error);
        ln_optimizer_exempt(both, 0);
        assert_int_equal(ln_optimizer_place(both, 0), 1);
        assert_int_equal(ln_optimizer_place(both, 1), 0);
        check_random random = {8};
        float expected[2][COUNT], found[2][COUNT], gradient[COUNT];
        check_fill(&random, expected[0], COUNT);
        memcpy(expected[1], expected[0], sizeof expected[1]);
        memcpy(found, expected, sizeof found);
        for (int step = 0; step < 4; step++) {
            check_fill(&random, gradient, COUNT);
            ln_optimizer_step(both);
            for (size_t p = 0; p < 2; p++) {
                ln_optimizer_step(apart[1 - p]);
                ln_optimizer_update(apart[1 - p], ln_kernels_at(0), 0, 0, COUNT, gradient,
                                    expected[p]);
                ln_optimizer_update(both, ln_kernels_at(0), p, 0, COUNT, gradient, found[p]);
            }
        }
        check_same(expected[0], found[0], COUNT, "%s, exempt", texts[i][0]);
        check_same(expected[1], found[1], COUNT, "%s", texts[i][0]);
        ln_optimizer_free(both);
        ln_optimizer_free(apart[0]);
        ln_optimizer_free(apart[1]);
    }
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
        {"SGD(lr=-1)", LINNET_ERROR_ARGUMENT, "Invalid learning rate: -1.0"},
        {"SGD(lr=1, momentum=-0.5)", LINNET_ERROR_ARGUMENT, "Invalid momentum value: -0.5"},
        {"SGD(lr=1, nesterov=True)", LINNET_ERROR_ARGUMENT,
         "Nesterov momentum requires a momentum and zero dampening"},
        {"Adam(eps=-1)", LINNET_ERROR_ARGUMENT, "Invalid epsilon value: -1.0"},
        {"Adam(betas=(0.9, 1))", LINNET_ERROR_ARGUMENT, "Invalid beta parameter at index 1: 1.0"},
        {"AdamW(weight_decay=-1)", LINNET_ERROR_ARGUMENT, "Invalid weight_decay value: -1.0"},
        {"NAdam(momentum_decay=-1)", LINNET_ERROR_ARGUMENT, "Invalid momentum_decay value: -1.0"},
        {"NAdam(betas=(-1, 0.9))", LINNET_ERROR_ARGUMENT,
         "Invalid beta parameter at index 0: -1.0"},
        {"RAdam(lr=-2)", LINNET_ERROR_ARGUMENT, "Invalid learning rate: -2.0"},
        {"RMSprop(alpha=-0.1)", LINNET_ERROR_ARGUMENT, "Invalid alpha value: -0.1"},
        {"RMSprop(momentum=-1)", LINNET_ERROR_ARGUMENT, "Invalid momentum value: -1.0"},
        {"Adagrad(lr_decay=-1)", LINNET_ERROR_ARGUMENT, "Invalid lr_decay value: -1.0"},
        {"Adagrad(initial_accumulator_value=-1)", LINNET_ERROR_ARGUMENT,
         "Invalid initial_accumulator_value value: -1.0"},
        {"Adadelta()", LINNET_ERROR_SYNTAX, "unknown optimizer 'Adadelta'"},
        {"RAdam(momentum=0.9)", LINNET_ERROR_SYNTAX, "momentum"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ln_optimizer *optimizer;
        linnet_error error = {0};
        size_t count = 1;
        linnet_status status =
            ln_optimizer_create(cases[i].text, &count, 1, LINNET_FLOAT32, &optimizer, &error);
        check_failed(cases[i].text, cases[i].status, cases[i].message, status, &error);
        assert_null(optimizer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded),   cmocka_unit_test(test_all_recorded),
        cmocka_unit_test(test_one_number), cmocka_unit_test(test_centered_stays_finite),
        cmocka_unit_test(test_groups),     cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
