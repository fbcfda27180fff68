/* combined_lr.c - SequentialLR and ChainedScheduler: several schedules over one optimizer. */
#include "base/error.h"
#include "optim/schedule.h"

/* ---- SequentialLR ---- */

/* Each constructor has set a learning rate of its own; the first one's counts. */
static linnet_status sequential_create(ln_schedule *schedule, linnet_error *error)
{
    size_t count = schedule->child_count;
    if (count == 0) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "SequentialLR: expected schedules, found none");
    }
    if (schedule->milestone_count != count - 1) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "Sequential Schedulers expects number of schedulers provided to be one more "
                       "than the number of milestone points, but got number of schedulers %zu and "
                       "the number of milestones to be equal to %zu",
                       count, schedule->milestone_count);
    }
    for (size_t i = 1; i + 1 < count; i++) {
        if (schedule->milestones[i] < schedule->milestones[i - 1]) {
            return ln_fail(error, LINNET_ERROR_ARGUMENT,
                           "SequentialLR: expected milestones in increasing order, found %lld "
                           "behind %lld",
                           (long long)schedule->milestones[i],
                           (long long)schedule->milestones[i - 1]);
        }
    }
    ln_schedule_set_lr(schedule->group, schedule->group->initial_lr);
    for (size_t i = 0; i < count; i++) {
        schedule->children[i]->last_epoch--;
    }
    schedule->children[0]->step_count = 0;
    linnet_status status = ln_schedule_step(schedule->children[0], 0, error);
    schedule->last_lr = schedule->children[0]->last_lr;
    return status;
}

static linnet_status sequential_step(ln_schedule *schedule, double metric, linnet_error *error)
{
    linnet_status status = LINNET_OK;
    size_t at = 0;
    schedule->last_epoch++;
    while (at < schedule->milestone_count && schedule->milestones[at] <= schedule->last_epoch) {
        at++;
    }
    if (at > 0 && schedule->milestones[at - 1] == schedule->last_epoch) {
        ln_schedule_restart(schedule->children[at]);
    } else {
        status = ln_schedule_step(schedule->children[at], metric, error);
    }
    schedule->last_lr = schedule->children[at]->last_lr;
    return status;
}

/* Their arguments are the children and the milestones, which stand apart. */
static size_t no_fields(ln_schedule *schedule, ln_schedule_field *fields)
{
    (void)schedule, (void)fields;
    return 0;
}

const ln_schedule_type ln_sequential_lr_type = {
    .signature = {"SequentialLR", LN_PARAMETERS({"optimizer", LN_KIND_GIVEN, "None", LN_REPR_NEVER},
                                                {"schedulers", LN_KIND_LIST, NULL, LN_REPR_NEVER},
                                                {"milestones", LN_KIND_LIST, NULL, LN_REPR_NEVER},
                                                LN_SCHEDULE_TAIL)},
    .create = sequential_create,
    .fields = no_fields,
    .step = sequential_step,
};

/* ---- ChainedScheduler ---- */

static linnet_status chained_create(ln_schedule *schedule, linnet_error *error)
{
    schedule->last_lr = ln_schedule_lr(schedule->group);
    return schedule->child_count > 0 ? LINNET_OK
                                     : ln_fail(error, LINNET_ERROR_ARGUMENT,
                                               "ChainedScheduler expects at least one scheduler to "
                                               "be chained, but got no scheduler.");
}

static linnet_status chained_step(ln_schedule *schedule, double metric, linnet_error *error)
{
    linnet_status status = LINNET_OK;
    for (size_t i = 0; status == LINNET_OK && i < schedule->child_count; i++) {
        status = ln_schedule_step(schedule->children[i], metric, error);
    }
    schedule->last_lr = ln_schedule_lr(schedule->group);
    return status;
}

const ln_schedule_type ln_chained_scheduler_type = {
    .signature = {"ChainedScheduler",
                  LN_PARAMETERS({"schedulers", LN_KIND_LIST, NULL, LN_REPR_NEVER},
                                {"optimizer", LN_KIND_GIVEN, "None", LN_REPR_NEVER})},
    .create = chained_create,
    .fields = no_fields,
    .step = chained_step,
};
