/* plateau_lr.c - ReduceLROnPlateau: the learning rate falls where a metric no longer gets better.
 * */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "optim/schedule.h"

enum { OPTIMIZER, MODE, FACTOR, PATIENCE, THRESHOLD, THRESHOLD_MODE, COOLDOWN, MIN_LR, EPS };
enum { BEST, BAD_EPOCHS, COOLDOWN_COUNTER, WORST };

static linnet_status create(ln_schedule *schedule, linnet_error *error)
{
    bool largest = schedule->values[MODE].integer != 0;
    schedule->state[WORST] = largest ? -(double)INFINITY : (double)INFINITY;
    schedule->state[BEST] = schedule->state[WORST];
    schedule->last_lr = ln_schedule_lr(schedule->group);
    return ln_schedule_number(schedule, FACTOR) < 1
               ? LINNET_OK
               : ln_fail(error, LINNET_ERROR_ARGUMENT, "Factor should be < 1.0.");
}

bool ln_schedule_wants_largest(const ln_schedule *schedule)
{
    return schedule->type->wants_metric && schedule->values[MODE].integer != 0;
}

static bool is_better(const ln_schedule *schedule, double metric)
{
    double best = schedule->state[BEST], threshold = ln_schedule_number(schedule, THRESHOLD);
    bool relative = schedule->values[THRESHOLD_MODE].integer == 0;
    if (schedule->values[MODE].integer == 0) {
        return metric < (relative ? best * (1.0 - threshold) : best - threshold);
    }
    return metric > (relative ? best * (threshold + 1.0) : best + threshold);
}

static void reduce(ln_schedule *schedule)
{
    double old = ln_schedule_lr(schedule->group);
    double next =
        fmax(old * ln_schedule_number(schedule, FACTOR), ln_schedule_number(schedule, MIN_LR));
    if (old - next > ln_schedule_number(schedule, EPS)) {
        ln_schedule_set_lr(schedule->group, next);
    }
}

static linnet_status step(ln_schedule *schedule, double metric, linnet_error *error)
{
    (void)error;
    double *state = schedule->state;
    schedule->last_epoch++;
    if (is_better(schedule, metric)) {
        state[BEST] = metric;
        state[BAD_EPOCHS] = 0;
    } else {
        state[BAD_EPOCHS] += 1;
    }
    if (state[COOLDOWN_COUNTER] > 0) {
        state[COOLDOWN_COUNTER] -= 1;
        state[BAD_EPOCHS] = 0;
    }
    if (state[BAD_EPOCHS] > (double)schedule->values[PATIENCE].integer) {
        reduce(schedule);
        state[COOLDOWN_COUNTER] = (double)schedule->values[COOLDOWN].integer;
        state[BAD_EPOCHS] = 0;
    }
    schedule->last_lr = ln_schedule_lr(schedule->group);
    return LINNET_OK;
}

static size_t list_fields(ln_schedule *schedule, ln_schedule_field *fields)
{
    size_t count = ln_schedule_list_values(schedule, fields);
    double *state = schedule->state;
    for (size_t i = 0; i < count; i++) {
        if (fields[i].parameter == MIN_LR) {
            fields[i] = (ln_schedule_field){.key = "min_lrs",
                                            .kind = LN_FIELD_NUMBERS,
                                            .setting = true,
                                            .number = &schedule->values[MIN_LR].number[0]};
        }
    }
    const ln_schedule_field own[] = {
        {.key = "best", .kind = LN_FIELD_NUMBER, .number = &state[BEST]},
        {.key = "num_bad_epochs", .kind = LN_FIELD_WHOLE, .number = &state[BAD_EPOCHS]},
        {.key = "cooldown_counter", .kind = LN_FIELD_WHOLE, .number = &state[COOLDOWN_COUNTER]},
        {.key = "mode_worse", .kind = LN_FIELD_NUMBER, .setting = true, .number = &state[WORST]},
    };
    memcpy(fields + count, own, sizeof own);
    return count + sizeof own / sizeof *own;
}

const ln_schedule_type ln_reduce_lr_on_plateau_type = {
    .signature = {"ReduceLROnPlateau",
                  LN_PARAMETERS({"optimizer", LN_KIND_GIVEN, "None", LN_REPR_NEVER},
                                {"mode", LN_KIND_CHOICE, "min|max", LN_REPR_NEVER},
                                {"factor", LN_KIND_FLOAT, "0.1", LN_REPR_NEVER},
                                {"patience", LN_KIND_INT, "10", LN_REPR_NEVER},
                                {"threshold", LN_KIND_FLOAT, "0.0001", LN_REPR_NEVER},
                                {"threshold_mode", LN_KIND_CHOICE, "rel|abs", LN_REPR_NEVER},
                                {"cooldown", LN_KIND_INT, "0", LN_REPR_NEVER},
                                {"min_lr", LN_KIND_FLOAT, "0", LN_REPR_NEVER},
                                {"eps", LN_KIND_FLOAT, "1e-08", LN_REPR_NEVER},
                                {"verbose", LN_KIND_BOOL, "False", LN_REPR_NEVER})},
    .wants_metric = true,
    .create = create,
    .fields = list_fields,
    .step = step,
};
