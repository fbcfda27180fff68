/* test_schedule.c - schedules: learning rate and momentum equal to PyTorch's at every step, and
 * what they refuse. */
#include "support/check.h"

#include <math.h>

#include "optim/schedule.h"
#include "support/vectors.h"

static ln_optimizer *make_optimizer(const char *text)
{
    ln_optimizer *optimizer;
    linnet_error error;
    check_ok(ln_optimizer_create(text, (size_t[]){1}, 1, LINNET_FLOAT32, &optimizer, &error),
             &error);
    return optimizer;
}

static double momentum_of(ln_optimizer *optimizer)
{
    const ln_value *momentum = ln_optimizer_value(optimizer, "momentum");
    return (momentum != NULL ? momentum : ln_optimizer_value(optimizer, "betas"))->number[0];
}

/* ---- PyTorch's numbers ---- */

#define STEPS 40

typedef struct recorded {
    const char *optim, *text;
    double rates[STEPS + 1], momenta[STEPS + 1];
} recorded;

static const recorded recordings[] = {
#include "data/torch/schedules.inc"
};

/* What make_schedules.py tells ReduceLROnPlateau. */
static double metric_at(int step)
{
    static const double metrics[] = {2.0,  1.5, 1.4,  1.4, 1.3999, 1.41, 1.2,
                                     1.25, 1.3, 1.21, 1.2, 1.2,    1.1,  (double)NAN};
    return step < 14 ? metrics[step] : 1.3;
}

static void test_recorded(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof recordings / sizeof *recordings; i++) {
        const recorded *r = &recordings[i];
        ln_optimizer *optimizer = make_optimizer(r->optim);
        ln_schedule *schedule;
        linnet_error error;
        check_ok(ln_schedule_create(r->text, NULL, 0, optimizer, &schedule, &error), &error);
        assert_true(schedule->type->wants_metric == (strstr(r->text, "Plateau") != NULL));
        for (int step = 0; step <= STEPS; step++) {
            double rate = ln_optimizer_value(optimizer, "lr")->number[0];
            if (rate != r->rates[step] || momentum_of(optimizer) != r->momenta[step]) {
                fail_msg("%s, step %d: PyTorch's learning rate %.17g and momentum %.17g, found "
                         "%.17g and %.17g",
                         r->text, step, r->rates[step], r->momenta[step], rate,
                         momentum_of(optimizer));
            }
            if (step < STEPS) {
                check_ok(ln_schedule_step(schedule, metric_at(step), &error), &error);
            }
        }
        ln_schedule_free(schedule);
        ln_optimizer_free(optimizer);
    }
}

/* The numbers of PyTorch 2.6.0. */
static void test_vectors(void **state)
{
    (void)state;
    static const char *const schedules[][2] = {
        {"step", "StepLR(o, 3)"},
        {"exp", "ExponentialLR(o, .9)"},
        {"cos", "CosineAnnealingLR(o, 10, 1e-4)"},
        {"lin", "LinearLR(o)"},
        {"one", "lr_scheduler.OneCycleLR(.1, total_steps=epochs*4)"},
        {"wr", "optim.lr_scheduler.CosineAnnealingWarmRestarts(4, 2)"},
        {"multi", "torch.optim.lr_scheduler.MultiStepLR(o, [3, 5, 5])"},
        {"poly", "PolynomialLR(total_iters=10, power=2.)"},
    };
    json_t *vectors = vectors_load(VECTORS_AVX2);
    const json_t *all = json_object_get(vectors, "lr_sched");
    assert_int_equal(json_object_size(all), 8);
    for (size_t i = 0; i < 8; i++) {
        const json_t *rates = json_object_get(all, schedules[i][0]);
        ln_optimizer *optimizer = make_optimizer("SGD(lr=.05, momentum=.9)");
        ln_schedule *schedule;
        linnet_error error;
        check_ok(ln_schedule_create(schedules[i][1], &(linnet_name){"epochs", 5}, 1, optimizer,
                                    &schedule, &error),
                 &error);
        assert_int_equal(json_array_size(rates), 16);
        for (size_t step = 0; step < 16; step++) {
            double expected = json_number_value(json_array_get(rates, step));
            double rate = ln_optimizer_value(optimizer, "lr")->number[0];
            if (rate != expected) {
                fail_msg("%s, step %zu: PyTorch's %.17g, found %.17g", schedules[i][1], step,
                         expected, rate);
            }
            check_ok(ln_schedule_step(schedule, 0, &error), &error);
        }
        ln_schedule_free(schedule);
        ln_optimizer_free(optimizer);
    }
    json_decref(vectors);
}

/* ---- what is refused ---- */

typedef struct refusal {
    const char *optim, *text;
    linnet_status status;
    const char *message; /* part of it */
} refusal;

static void test_failures(void **state)
{
    (void)state;
    static const char plain[] = "SGD(lr=0.1)";
    static const refusal cases[] = {
        {plain, "StepLR()", LINNET_ERROR_SYNTAX, "missing 1 required positional argument"},
        {plain, "StepLR(optimizer, 0)", LINNET_ERROR_ARGUMENT,
         "expected step_size above 0, found 0"},
        {plain, "StepLR(3, last_epoch=4)", LINNET_ERROR_UNSUPPORTED,
         "expected last_epoch=-1, found 4"},
        {plain, "MultiStepLR([3, 0.5])", LINNET_ERROR_ARGUMENT,
         "MultiStepLR: expected ints as milestones, found 0.5"},
        {plain, "MultiStepLR(3)", LINNET_ERROR_SYNTAX, "expected a list, found 3"},
        {plain, "ConstantLR(factor=1.5)", LINNET_ERROR_ARGUMENT,
         "Constant multiplicative factor expected to be between 0 and 1."},
        {plain, "LinearLR(start_factor=0)", LINNET_ERROR_ARGUMENT,
         "Starting multiplicative factor expected to be greater than 0 and less or equal to 1."},
        {plain, "LinearLR(end_factor=-1)", LINNET_ERROR_ARGUMENT,
         "Ending multiplicative factor expected to be between 0 and 1."},
        {plain, "CosineAnnealingLR(0)", LINNET_ERROR_ARGUMENT, "expected T_max above 0, found 0"},
        {plain, "CosineAnnealingLR(T_max=epoch)", LINNET_ERROR_SYNTAX,
         "name 'epoch' is not defined"},
        {plain, "CosineAnnealingWarmRestarts(0)", LINNET_ERROR_ARGUMENT,
         "Expected positive integer T_0, but got 0"},
        {plain, "CosineAnnealingWarmRestarts(4, 0)", LINNET_ERROR_ARGUMENT,
         "Expected integer T_mult >= 1, but got 0"},
        {plain, "CyclicLR(0.1, 0.2)", LINNET_ERROR_ARGUMENT,
         "optimizer must support momentum or beta1 with `cycle_momentum` option enabled"},
        {plain, "CyclicLR(0.1, 0.2, 0, cycle_momentum=False)", LINNET_ERROR_ARGUMENT,
         "expected step_size_up and step_size_down above 0, found 0 and 0"},
        {plain, "CyclicLR(0.1, 0.2, scale_fn=f)", LINNET_ERROR_SYNTAX, "f"},
        {plain, "OneCycleLR(0.1, 10)", LINNET_ERROR_ARGUMENT, "or OneCycleLR cycle_momentum=False"},
        {plain, "OneCycleLR(0.1)", LINNET_ERROR_ARGUMENT,
         "You must define either total_steps OR (epochs AND steps_per_epoch)"},
        {plain, "OneCycleLR(0.1, 0)", LINNET_ERROR_ARGUMENT,
         "Expected positive integer total_steps, but got 0"},
        {plain, "OneCycleLR(0.1, epochs=3)", LINNET_ERROR_ARGUMENT,
         "You must define either total_steps OR (epochs AND steps_per_epoch)"},
        {plain, "OneCycleLR(0.1, 10, pct_start=1.5)", LINNET_ERROR_ARGUMENT,
         "Expected float between 0 and 1 pct_start, but got 1.5"},
        {plain, "SequentialLR([StepLR(2)], [3])", LINNET_ERROR_ARGUMENT,
         "but got number of schedulers 1 and the number of milestones to be equal to 1"},
        {plain, "SequentialLR([], [])", LINNET_ERROR_ARGUMENT, "expected schedules, found none"},
        {plain, "SequentialLR([StepLR(2), StepLR(2), StepLR(2)], [3, 2])", LINNET_ERROR_ARGUMENT,
         "expected milestones in increasing order, found 2 behind 3"},
        {plain, "SequentialLR([StepLR(2), ReduceLROnPlateau()], [3])", LINNET_ERROR_UNSUPPORTED,
         "ReduceLROnPlateau cannot stand within another schedule"},
        {plain, "SequentialLR([StepLR(2), StepLR(2, gamma='x')], [3])", LINNET_ERROR_SYNTAX,
         "expected a float, found 'x'"},
        {plain, "ChainedScheduler([])", LINNET_ERROR_ARGUMENT, "got no scheduler"},
        {plain, "ChainedScheduler([scheduler1])", LINNET_ERROR_SYNTAX,
         "unknown schedule 'scheduler1'"},
        {plain, "ReduceLROnPlateau(factor=1)", LINNET_ERROR_ARGUMENT, "Factor should be < 1.0."},
        {plain, "ReduceLROnPlateau('best')", LINNET_ERROR_SYNTAX,
         "mode argument must be either min or max."},
        {plain, "LambdaLR(optimizer, f)", LINNET_ERROR_SYNTAX, "unknown schedule 'LambdaLR'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const refusal *c = &cases[i];
        ln_optimizer *optimizer = make_optimizer(c->optim);
        ln_schedule *schedule;
        linnet_error error = {0};
        linnet_status status = ln_schedule_create(c->text, NULL, 0, optimizer, &schedule, &error);
        check_failed(c->text, c->status, c->message, status, &error);
        assert_null(schedule);
        ln_optimizer_free(optimizer);
    }
}

static void test_end(void **state)
{
    (void)state;
    ln_optimizer *optimizer = make_optimizer("SGD(lr=0.1, momentum=0.9)");
    ln_schedule *schedule;
    linnet_error error;
    check_ok(ln_schedule_create("OneCycleLR(0.1, 3)", NULL, 0, optimizer, &schedule, &error),
             &error);
    for (int i = 0; i < 3; i++) {
        check_ok(ln_schedule_step(schedule, 0, &error), &error);
    }
    double rate = ln_optimizer_value(optimizer, "lr")->number[0];
    assert_int_equal(ln_schedule_step(schedule, 0, &error), LINNET_ERROR_ARGUMENT);
    assert_string_equal(error.message,
                        "Tried to step 4 times. The specified number of total steps is 3");
    assert_true(ln_optimizer_value(optimizer, "lr")->number[0] == rate);
    ln_schedule_free(schedule);
    ln_optimizer_free(optimizer);
}

/* A run that is too long for its schedule is told so before its first step. */
static void test_steps(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t steps; /* that there are; 0: any number */
        const char *message;
    } cases[] = {
        {"OneCycleLR(0.1, 30)", 30,
         "expected a schedule for the 31 steps of this run; OneCycleLR has 30"},
        {"OneCycleLR(0.1, epochs=3, steps_per_epoch=5)", 15, "OneCycleLR has 15"},
        {"StepLR(2)", 0, NULL},
        {"ChainedScheduler([StepLR(2), OneCycleLR(0.1, 7), OneCycleLR(0.1, 9)])", 7,
         "OneCycleLR has 7"},
        {"SequentialLR([OneCycleLR(0.1, 4), StepLR(2)], [5])", 0, NULL},
        {"SequentialLR([OneCycleLR(0.1, 4), StepLR(2)], [6])", 4, "OneCycleLR has 4"},
        {"SequentialLR([StepLR(2), OneCycleLR(0.1, 4), StepLR(2)], [3, 20])", 7,
         "expected a schedule for the 8 steps of this run; OneCycleLR has 4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ln_optimizer *optimizer = make_optimizer("SGD(lr=0.1, momentum=0.9)");
        ln_schedule *schedule;
        linnet_error error;
        int64_t steps = cases[i].steps > 0 ? cases[i].steps : 50;
        check_ok(ln_schedule_create(cases[i].text, NULL, 0, optimizer, &schedule, &error), &error);
        check_ok(ln_schedule_check_steps(schedule, steps, &error), &error);
        linnet_status over = ln_schedule_check_steps(schedule, steps + 1, &error);
        assert_int_equal(over, cases[i].message != NULL ? LINNET_ERROR_ARGUMENT : LINNET_OK);
        assert_true(cases[i].message == NULL || strstr(error.message, cases[i].message) != NULL);
        for (int64_t step = 0; step < steps; step++) {
            check_ok(ln_schedule_step(schedule, 0, &error), &error);
        }
        assert_int_equal(ln_schedule_step(schedule, 0, &error), over);
        ln_schedule_free(schedule);
        ln_optimizer_free(optimizer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded), cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_failures), cmocka_unit_test(test_end),
        cmocka_unit_test(test_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
