/* warmup_lr.c - the schedules that begin with a part of the learning rate: ConstantLR, LinearLR. */
#include "base/error.h"
#include "optim/schedule.h"

/* ---- ConstantLR ---- */

enum { CONSTANT_OPTIMIZER, CONSTANT_FACTOR, CONSTANT_TOTAL };

static linnet_status constant_create(ln_schedule *schedule, linnet_error *error)
{
    double factor = ln_schedule_number(schedule, CONSTANT_FACTOR);
    return factor >= 0 && factor <= 1
               ? LINNET_OK
               : ln_fail(error, LINNET_ERROR_ARGUMENT,
                         "Constant multiplicative factor expected to be between 0 and 1.");
}

static double constant_next(ln_schedule *schedule)
{
    double lr = ln_schedule_lr(schedule->group);
    double factor = ln_schedule_number(schedule, CONSTANT_FACTOR);
    if (schedule->last_epoch == 0) {
        return lr * factor;
    }
    return schedule->last_epoch == schedule->values[CONSTANT_TOTAL].integer ? lr * (1.0 / factor)
                                                                            : lr;
}

static double constant_first(const ln_schedule *schedule)
{
    double factor = ln_schedule_number(schedule, CONSTANT_FACTOR);
    bool over = schedule->values[CONSTANT_TOTAL].integer <= 0;
    return schedule->base_lr * (factor + (over ? 1 - factor : 0));
}

const ln_schedule_type ln_constant_lr_type = {
    .signature = {"ConstantLR",
                  LN_PARAMETERS({"optimizer", LN_KIND_GIVEN, "None", LN_REPR_NEVER},
                                {"factor", LN_KIND_FLOAT, "0.3333333333333333", LN_REPR_NEVER},
                                {"total_iters", LN_KIND_INT, "5", LN_REPR_NEVER},
                                LN_SCHEDULE_TAIL)},
    .create = constant_create,
    .next = constant_next,
    .first = constant_first,
};

/* ---- LinearLR ---- */

enum { LINEAR_OPTIMIZER, LINEAR_START, LINEAR_END, LINEAR_TOTAL };

static linnet_status linear_create(ln_schedule *schedule, linnet_error *error)
{
    double start = ln_schedule_number(schedule, LINEAR_START);
    double end = ln_schedule_number(schedule, LINEAR_END);
    if (!(start > 0 && start <= 1)) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "Starting multiplicative factor expected to be greater than 0 and less or "
                       "equal to 1.");
    }
    return end >= 0 && end <= 1
               ? LINNET_OK
               : ln_fail(error, LINNET_ERROR_ARGUMENT,
                         "Ending multiplicative factor expected to be between 0 and 1.");
}

static double linear_next(ln_schedule *schedule)
{
    double lr = ln_schedule_lr(schedule->group);
    double start = ln_schedule_number(schedule, LINEAR_START);
    double end = ln_schedule_number(schedule, LINEAR_END);
    double epoch = (double)schedule->last_epoch;
    double total = (double)schedule->values[LINEAR_TOTAL].integer;
    if (epoch == 0) {
        return lr * start;
    }
    if (epoch > total) {
        return lr;
    }
    return lr * (1.0 + (end - start) / (total * start + (epoch - 1) * (end - start)));
}

static double linear_first(const ln_schedule *schedule)
{
    return schedule->base_lr * ln_schedule_number(schedule, LINEAR_START);
}

const ln_schedule_type ln_linear_lr_type = {
    .signature = {"LinearLR",
                  LN_PARAMETERS(
                      {"optimizer", LN_KIND_GIVEN, "None", LN_REPR_NEVER},
                      {"start_factor", LN_KIND_FLOAT, "0.3333333333333333", LN_REPR_NEVER},
                      {"end_factor", LN_KIND_FLOAT, "1.0", LN_REPR_NEVER},
                      {"total_iters", LN_KIND_INT, "5", LN_REPR_NEVER}, LN_SCHEDULE_TAIL)},
    .create = linear_create,
    .next = linear_next,
    .first = linear_first,
};
