/* schedule_fields.c - what a schedule's state_dict() holds, as a list of its entries. */
#include <string.h>

#include "optim/schedule.h"

static bool is_state(const ln_parameter *parameter)
{
    return parameter->kind != LN_KIND_GIVEN && parameter->kind != LN_KIND_LIST &&
           strcmp(parameter->name, "last_epoch") != 0 && strcmp(parameter->name, "verbose") != 0;
}

size_t ln_schedule_list_values(const ln_schedule *schedule, ln_schedule_field *fields)
{
    const ln_signature *signature = &schedule->type->signature;
    size_t count = 0;
    for (size_t i = 0; i < signature->count; i++) {
        const ln_parameter *parameter = &signature->parameters[i];
        if (is_state(parameter)) {
            fields[count++] = (ln_schedule_field){
                .key = parameter->name, .kind = LN_FIELD_VALUE, .setting = true, .parameter = i};
        }
    }
    return count;
}

/* What PyTorch's base class keeps. */
static size_t list_common(ln_schedule *schedule, ln_schedule_field *fields)
{
    const ln_schedule_field common[] = {
        {.key = "base_lrs", .kind = LN_FIELD_NUMBERS, .number = &schedule->base_lr},
        {.key = "_step_count", .kind = LN_FIELD_INT, .integer = &schedule->step_count},
        {.key = "verbose", .kind = LN_FIELD_FALSE, .setting = true},
        {.key = "_get_lr_called_within_step", .kind = LN_FIELD_FALSE, .setting = true},
    };
    memcpy(fields, common, sizeof common);
    return sizeof common / sizeof *common;
}

size_t ln_schedule_list_fields(ln_schedule *schedule, ln_schedule_field fields[LN_SCHEDULE_FIELDS])
{
    const ln_schedule_type *type = schedule->type;
    size_t count = type->fields != NULL ? type->fields(schedule, fields)
                                        : ln_schedule_list_values(schedule, fields);
    if (type->next != NULL) {
        count += list_common(schedule, fields + count);
    }
    if (schedule->milestones != NULL) {
        bool counter = type->next != NULL;
        fields[count++] =
            (ln_schedule_field){.key = counter ? "milestones" : "_milestones",
                                .kind = counter ? LN_FIELD_COUNTER : LN_FIELD_MILESTONES,
                                .setting = true};
    }
    fields[count++] = (ln_schedule_field){
        .key = "last_epoch", .kind = LN_FIELD_INT, .integer = &schedule->last_epoch};
    fields[count++] = (ln_schedule_field){
        .key = "_last_lr", .kind = LN_FIELD_NUMBERS, .number = &schedule->last_lr};
    return count;
}
