/* checkpoint_schedule.c - scheduler.state_dict() of a checkpoint: settings that have to be the
 * same, and how far it has come. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "train/checkpoint.h"

static const char *const schedule_keys[] = {
    "scheduler_state_dict", "scheduler", "lr_scheduler_state_dict",
    "lr_scheduler",         "schedule",  NULL};

/* "[0.1]", or for two groups "[0.1, 0.1]": the one number in it. */
static bool read_list_of_one(const char *text, double *number)
{
    const char *at = text;
    bool first = true, good = at != NULL && *at == '[';
    while (good && *at != ']') {
        double next = NAN;
        size_t length = strcspn(++at, ",]");
        while (*at == ' ') {
            at++, length--;
        }
        good = ln_parse_double(at, length, &next) && (first || next == *number);
        *number = next;
        first = false;
        at += length;
        good = good && *at != '\0';
    }
    return good && !first && at[1] == '\0';
}

static bool same_counter(const ln_checkpoint_reading *r, const ln_schedule *schedule,
                         const char *name)
{
    size_t listed = 0, distinct = 0;
    for (size_t i = 0; i < linnet_state_dict_metadata_count(r->file); i++) {
        listed += ln_checkpoint_begins(linnet_state_dict_metadata_key(r->file, i), name);
    }
    for (size_t i = 0; i < schedule->milestone_count; i++) {
        char key[24];
        double count = 0, there = NAN;
        bool before = false;
        for (size_t j = 0; j < schedule->milestone_count; j++) {
            count += schedule->milestones[j] == schedule->milestones[i];
            before = before || (j < i && schedule->milestones[j] == schedule->milestones[i]);
        }
        snprintf(key, sizeof key, "%lld", (long long)schedule->milestones[i]);
        if (!ln_checkpoint_number(ln_checkpoint_text(r, name, key), &there) || there != count) {
            return false;
        }
        distinct += !before;
    }
    return listed == distinct;
}

static bool same_milestones(const ln_schedule *schedule, const char *text)
{
    const char *at = text;
    for (size_t i = 0; i < schedule->milestone_count; i++) {
        char item[32];
        int length = snprintf(item, sizeof item, "%s%lld", i == 0 ? "[" : ", ",
                              (long long)schedule->milestones[i]);
        if (strncmp(at, item, (size_t)length) != 0) {
            return false;
        }
        at += length;
    }
    return strcmp(at, schedule->milestone_count == 0 ? "[]" : "]") == 0;
}

/* A setting of the schedule, which has to be the same; what the file does not have, other versions
 * of PyTorch do not keep. */
static void compare_setting(ln_checkpoint_reading *r, const ln_schedule *schedule,
                            const ln_schedule_field *field, const char *prefix)
{
    char name[2 * LN_CHECKPOINT_NAME];
    const char *there = ln_checkpoint_text(r, prefix, field->key);
    double number = NAN;
    snprintf(name, sizeof name, "%s.%s", prefix, field->key);
    if (field->kind == LN_FIELD_COUNTER) {
        if (!same_counter(r, schedule, name)) {
            ln_checkpoint_differ(r, "milestones", "others", "these");
        }
        return;
    }
    if (there == NULL) {
        return;
    }
    switch (field->kind) {
    case LN_FIELD_VALUE:
        ln_checkpoint_compare(r, &schedule->type->signature.parameters[field->parameter],
                              &schedule->values[field->parameter], there);
        break;
    case LN_FIELD_MILESTONES:
        if (!same_milestones(schedule, there)) {
            ln_checkpoint_differ(r, "milestones", there, "others");
        }
        break;
    case LN_FIELD_TEXT:
        if (strcmp(there, field->text) != 0) {
            ln_checkpoint_differ(r, field->key, there, field->text);
        }
        break;
    case LN_FIELD_NUMBER:
    case LN_FIELD_WHOLE:
        if (!ln_checkpoint_number(there, &number) || number != *field->number) {
            ln_checkpoint_differ_number(r, field->key, there, *field->number);
        }
        break;
    case LN_FIELD_NUMBERS:
        if (!read_list_of_one(there, &number) || number != *field->number) {
            ln_checkpoint_differ_number(r, field->key, there, *field->number);
        }
        break;
    default: break;
    }
}

/* What a schedule counts goes into doubles. */
#define LARGEST_COUNT (INT64_C(1) << 53)

/* Checks the state of a schedule, or with `take` takes it over, which then cannot fail. */
static linnet_status read_state(ln_checkpoint_reading *r, const ln_schedule_field *field,
                                const char *prefix, bool take)
{
    char name[2 * LN_CHECKPOINT_NAME];
    const char *there = ln_checkpoint_text(r, prefix, field->key);
    double number = NAN;
    int64_t integer = 0;
    snprintf(name, sizeof name, "%s.%s", prefix, field->key);
    if (there == NULL && field->kind != LN_FIELD_INT) {
        return LINNET_OK; /* ReduceLROnPlateau has no _last_lr before its first step */
    }
    if (field->kind == LN_FIELD_INT) {
        bool good = there != NULL && ln_parse_int64(there, strlen(there), &integer) &&
                    integer > -LARGEST_COUNT && integer < LARGEST_COUNT;
        if (!good && strcmp(field->key, "last_epoch") == 0) {
            return ln_checkpoint_fail(r, name, "an int", there);
        }
        if (take && good) {
            *field->integer = integer;
        }
        return LINNET_OK;
    }
    bool good = field->kind == LN_FIELD_NUMBERS ? read_list_of_one(there, &number)
                                                : ln_checkpoint_number(there, &number);
    if (!good) {
        return ln_checkpoint_fail(r, name,
                                  field->kind == LN_FIELD_NUMBERS
                                      ? "a list of one number, the same for all groups"
                                      : "a number",
                                  there);
    }
    if (take) {
        *field->number = number;
    }
    return LINNET_OK;
}

static linnet_status read_fields(ln_checkpoint_reading *r, ln_schedule *schedule,
                                 const char *prefix, bool take)
{
    ln_schedule_field fields[LN_SCHEDULE_FIELDS];
    size_t count = ln_schedule_list_fields(schedule, fields);
    linnet_status status = LINNET_OK;
    for (size_t i = 0; status == LINNET_OK && i < count; i++) {
        if (!fields[i].setting) {
            /* PyTorch's ChainedScheduler counts nothing by itself. */
            bool counts = fields[i].kind != LN_FIELD_INT || schedule->children == NULL ||
                          schedule->milestones != NULL;
            status = counts ? read_state(r, &fields[i], prefix, take) : LINNET_OK;
        } else if (!take) {
            compare_setting(r, schedule, &fields[i], prefix);
        }
    }
    for (size_t i = 0; status == LINNET_OK && i < schedule->child_count; i++) {
        char child[LN_CHECKPOINT_NAME];
        snprintf(child, sizeof child, "%.200s._schedulers.%zu", prefix, i);
        status = read_fields(r, schedule->children[i], child, take);
    }
    return status;
}

linnet_status ln_checkpoint_read_schedule(ln_checkpoint_reading *r)
{
    const char *prefix = ln_checkpoint_find(r, schedule_keys);
    bool own = ln_checkpoint_find(r, (const char *const[]){LN_CHECKPOINT_OWN, NULL}) != NULL;
    ln_schedule *schedule = r->trainer->schedule;
    if ((prefix != NULL) != (schedule != NULL)) {
        if (!own) { /* else the identities have told it */
            ln_checkpoint_differ(r, "schedule", prefix != NULL ? "there" : "none",
                                 schedule != NULL ? schedule->type->signature.name : "none");
        }
        return LINNET_OK;
    }
    return schedule != NULL ? read_fields(r, schedule, prefix, false) : LINNET_OK;
}

void ln_checkpoint_take_schedule(ln_checkpoint_reading *r)
{
    const char *prefix = ln_checkpoint_find(r, schedule_keys);
    if (r->trainer->schedule != NULL && prefix != NULL && !r->other_schedule) {
        linnet_status status = read_fields(r, r->trainer->schedule, prefix, true);
        (void)status; /* it went well a moment ago */
    }
}
