/* decay_lr.c - the schedules that multiply the learning rate by a factor below 1, now and then:
 * StepLR, MultiStepLR, ExponentialLR, PolynomialLR. */
#include "numeric/precise.h"
#include "optim/schedule.h"

/* What most of them are at epoch 0. */
static double base_lr(const ln_schedule *schedule)
{
    return schedule->base_lr;
}

/* ---- StepLR ---- */

enum { STEP_OPTIMIZER, STEP_SIZE, STEP_GAMMA };

static linnet_status step_create(ln_schedule *schedule, linnet_error *error)
{
    return ln_check_positive(schedule->values[STEP_SIZE].integer, "step_size", error);
}

static double step_next(ln_schedule *schedule)
{
    double lr = ln_schedule_lr(schedule->group);
    bool due = schedule->last_epoch != 0 &&
               schedule->last_epoch % schedule->values[STEP_SIZE].integer == 0;
    return due ? lr * ln_schedule_number(schedule, STEP_GAMMA) : lr;
}

const ln_schedule_type ln_step_lr_type = {
    .signature = {"StepLR",
                  LN_PARAMETERS({"optimizer", LN_KIND_GIVEN, "None", LN_REPR_NEVER},
                                {"step_size", LN_KIND_INT, NULL, LN_REPR_NEVER},
                                {"gamma", LN_KIND_FLOAT, "0.1", LN_REPR_NEVER}, LN_SCHEDULE_TAIL)},
    .create = step_create,
    .next = step_next,
    .first = base_lr,
};

/* ---- MultiStepLR ---- */

enum { MULTI_OPTIMIZER, MULTI_MILESTONES, MULTI_GAMMA };

/* How often an epoch stands among the milestones, or, with `before`, how many come no later. */
static int64_t count_milestones(const ln_schedule *schedule, bool before)
{
    int64_t count = 0;
    for (size_t i = 0; i < schedule->milestone_count; i++) {
        int64_t milestone = schedule->milestones[i];
        count += before ? milestone <= schedule->last_epoch : milestone == schedule->last_epoch;
    }
    return count;
}

static double multi_next(ln_schedule *schedule)
{
    double lr = ln_schedule_lr(schedule->group);
    int64_t count = count_milestones(schedule, false);
    double gamma = ln_schedule_number(schedule, MULTI_GAMMA);
    return count > 0 ? lr * ln_pow(gamma, (double)count) : lr;
}

static double multi_first(const ln_schedule *schedule)
{
    double gamma = ln_schedule_number(schedule, MULTI_GAMMA);
    return schedule->base_lr * ln_pow(gamma, (double)count_milestones(schedule, true));
}

const ln_schedule_type ln_multi_step_lr_type = {
    .signature = {"MultiStepLR",
                  LN_PARAMETERS({"optimizer", LN_KIND_GIVEN, "None", LN_REPR_NEVER},
                                {"milestones", LN_KIND_LIST, NULL, LN_REPR_NEVER},
                                {"gamma", LN_KIND_FLOAT, "0.1", LN_REPR_NEVER}, LN_SCHEDULE_TAIL)},
    .next = multi_next,
    .first = multi_first,
};

/* ---- ExponentialLR ---- */

enum { EXPONENTIAL_OPTIMIZER, EXPONENTIAL_GAMMA };

static double exponential_next(ln_schedule *schedule)
{
    double lr = ln_schedule_lr(schedule->group);
    return schedule->last_epoch == 0 ? lr : lr * ln_schedule_number(schedule, EXPONENTIAL_GAMMA);
}

const ln_schedule_type ln_exponential_lr_type = {
    .signature = {"ExponentialLR",
                  LN_PARAMETERS({"optimizer", LN_KIND_GIVEN, "None", LN_REPR_NEVER},
                                {"gamma", LN_KIND_FLOAT, NULL, LN_REPR_NEVER}, LN_SCHEDULE_TAIL)},
    .next = exponential_next,
    .first = base_lr,
};

/* ---- PolynomialLR ---- */

enum { POLYNOMIAL_OPTIMIZER, POLYNOMIAL_TOTAL, POLYNOMIAL_POWER };

static double polynomial_next(ln_schedule *schedule)
{
    double lr = ln_schedule_lr(schedule->group);
    double epoch = (double)schedule->last_epoch;
    double total = (double)schedule->values[POLYNOMIAL_TOTAL].integer;
    if (epoch == 0 || epoch > total) {
        return lr;
    }
    double ratio = (1.0 - epoch / total) / (1.0 - (epoch - 1) / total);
    return lr * ln_pow(ratio, ln_schedule_number(schedule, POLYNOMIAL_POWER));
}

const ln_schedule_type ln_polynomial_lr_type = {
    .signature = {"PolynomialLR",
                  LN_PARAMETERS({"optimizer", LN_KIND_GIVEN, "None", LN_REPR_NEVER},
                                {"total_iters", LN_KIND_INT, "5", LN_REPR_NEVER},
                                {"power", LN_KIND_FLOAT, "1.0", LN_REPR_NEVER}, LN_SCHEDULE_TAIL)},
    .next = polynomial_next,
    .first = base_lr,
};
