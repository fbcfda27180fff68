/* cosine_lr.c - CosineAnnealingLR and CosineAnnealingWarmRestarts (Loshchilov and Hutter, "SGDR",
 * ICLR 2017). */
#include <math.h>

#include "base/error.h"
#include "numeric/precise.h"
#include "optim/schedule.h"

static const double pi = 3.141592653589793;

/* ---- CosineAnnealingLR ---- */

enum { COSINE_OPTIMIZER, COSINE_T_MAX, COSINE_ETA_MIN };

static linnet_status cosine_create(ln_schedule *schedule, linnet_error *error)
{
    return ln_check_positive(schedule->values[COSINE_T_MAX].integer, "T_max", error);
}

static double cosine_next(ln_schedule *schedule)
{
    double lr = ln_schedule_lr(schedule->group);
    int64_t epoch = schedule->last_epoch, period = schedule->values[COSINE_T_MAX].integer;
    double eta_min = ln_schedule_number(schedule, COSINE_ETA_MIN);
    double at = (double)epoch, t_max = (double)period;
    if (epoch == 0) {
        return lr;
    }
    if ((epoch - 1 - period) % (2 * period) == 0) {
        return lr + (schedule->base_lr - eta_min) * (1 - ln_cos(pi / t_max)) / 2;
    }
    return (1 + ln_cos(pi * at / t_max)) / (1 + ln_cos(pi * (at - 1) / t_max)) * (lr - eta_min) +
           eta_min;
}

static double cosine_first(const ln_schedule *schedule)
{
    double eta_min = ln_schedule_number(schedule, COSINE_ETA_MIN);
    return eta_min + (schedule->base_lr - eta_min) * (1 + 1) / 2;
}

const ln_schedule_type ln_cosine_annealing_lr_type = {
    .signature = {"CosineAnnealingLR",
                  LN_PARAMETERS({"optimizer", LN_KIND_GIVEN, "None", LN_REPR_NEVER},
                                {"T_max", LN_KIND_INT, NULL, LN_REPR_NEVER},
                                {"eta_min", LN_KIND_FLOAT, "0", LN_REPR_NEVER}, LN_SCHEDULE_TAIL)},
    .create = cosine_create,
    .next = cosine_next,
    .first = cosine_first,
};

/* ---- CosineAnnealingWarmRestarts ---- */

enum { RESTARTS_OPTIMIZER, RESTARTS_T_0, RESTARTS_T_MULT, RESTARTS_ETA_MIN };
enum { T_CUR, T_I };

static linnet_status restarts_create(ln_schedule *schedule, linnet_error *error)
{
    int64_t t_0 = schedule->values[RESTARTS_T_0].integer;
    int64_t t_mult = schedule->values[RESTARTS_T_MULT].integer;
    if (t_0 <= 0) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT, "Expected positive integer T_0, but got %lld",
                       (long long)t_0);
    }
    if (t_mult < 1) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT, "Expected integer T_mult >= 1, but got %lld",
                       (long long)t_mult);
    }
    return LINNET_OK;
}

static double restarts_next(ln_schedule *schedule)
{
    double *state = schedule->state;
    double eta_min = ln_schedule_number(schedule, RESTARTS_ETA_MIN);
    if (schedule->last_epoch == 0) {
        state[T_CUR] = 0;
        state[T_I] = (double)schedule->values[RESTARTS_T_0].integer;
    } else {
        state[T_CUR] += 1;
        if (state[T_CUR] >= state[T_I]) {
            state[T_CUR] -= state[T_I];
            state[T_I] *= (double)schedule->values[RESTARTS_T_MULT].integer;
        }
    }
    return eta_min +
           (schedule->base_lr - eta_min) * (1 + ln_cos(pi * state[T_CUR] / state[T_I])) / 2;
}

static size_t restarts_fields(ln_schedule *schedule, ln_schedule_field *fields)
{
    size_t count = ln_schedule_list_values(schedule, fields);
    fields[count++] = (ln_schedule_field){
        .key = "T_cur", .kind = LN_FIELD_WHOLE, .number = &schedule->state[T_CUR]};
    fields[count++] =
        (ln_schedule_field){.key = "T_i", .kind = LN_FIELD_WHOLE, .number = &schedule->state[T_I]};
    return count;
}

const ln_schedule_type ln_cosine_annealing_warm_restarts_type = {
    .signature = {"CosineAnnealingWarmRestarts",
                  LN_PARAMETERS({"optimizer", LN_KIND_GIVEN, "None", LN_REPR_NEVER},
                                {"T_0", LN_KIND_INT, NULL, LN_REPR_NEVER},
                                {"T_mult", LN_KIND_INT, "1", LN_REPR_NEVER},
                                {"eta_min", LN_KIND_FLOAT, "0", LN_REPR_NEVER}, LN_SCHEDULE_TAIL)},
    .create = restarts_create,
    .next = restarts_next,
    .fields = restarts_fields,
};
