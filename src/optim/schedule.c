/* schedule.c - the table of schedules; a schedule from text, and its steps. */
#include "optim/schedule.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

#define LN_SCHEDULE(name) extern const ln_schedule_type ln_##name##_type;
#include "optim/schedules.def"
#undef LN_SCHEDULE

static const ln_schedule_type *const types[] = {
#define LN_SCHEDULE(name) &ln_##name##_type,
#include "optim/schedules.def"
#undef LN_SCHEDULE
};

#define TYPE_COUNT (sizeof types / sizeof *types)

/* ---- the optimizer's side ---- */

double ln_schedule_lr(const ln_schedule_group *group)
{
    return ln_optimizer_value(group->optimizer, "lr")->number[0];
}

void ln_schedule_set_lr(ln_schedule_group *group, double lr)
{
    ln_value *value = ln_optimizer_value(group->optimizer, "lr");
    value->number[0] = lr;
    value->whole[0] = false;
}

static ln_value *momentum_of(const ln_schedule_group *group)
{
    ln_value *momentum = ln_optimizer_value(group->optimizer, "momentum");
    return momentum != NULL ? momentum : ln_optimizer_value(group->optimizer, "betas");
}

bool ln_schedule_has_momentum(const ln_schedule_group *group)
{
    const ln_value *momentum = momentum_of(group);
    return momentum != NULL && momentum->number[0] != 0;
}

void ln_schedule_set_momentum(ln_schedule_group *group, double momentum)
{
    ln_value *value = momentum_of(group);
    value->number[0] = momentum;
    value->whole[0] = false;
}

/* ---- steps ---- */

static void take_lr(ln_schedule *schedule, double lr)
{
    ln_schedule_set_lr(schedule->group, lr);
    schedule->last_lr = lr;
}

static void advance(ln_schedule *schedule)
{
    schedule->step_count++;
    schedule->last_epoch++;
    take_lr(schedule, schedule->type->next(schedule));
}

void ln_schedule_restart(ln_schedule *schedule)
{
    schedule->step_count++;
    schedule->last_epoch = 0;
    bool closed = schedule->type->first != NULL;
    take_lr(schedule, closed ? schedule->type->first(schedule) : schedule->type->next(schedule));
}

linnet_status ln_schedule_step(ln_schedule *schedule, double metric, linnet_error *error)
{
    const ln_schedule_type *type = schedule->type;
    if (type->step != NULL) {
        return type->step(schedule, metric, error);
    }
    if (type->steps != NULL && schedule->last_epoch >= type->steps(schedule)) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "Tried to step %lld times. The specified number of total steps is %lld",
                       (long long)schedule->last_epoch + 1, (long long)type->steps(schedule));
    }
    advance(schedule);
    return LINNET_OK;
}

/* The schedule that ends before `steps` steps after its epoch 0; NULL: none of the tree does. */
static const ln_schedule *find_shorter(const ln_schedule *schedule, int64_t steps)
{
    const ln_schedule *found = NULL;
    bool in_turn = schedule->milestone_count + 1 == schedule->child_count;
    if (schedule->type->steps != NULL && schedule->type->steps(schedule) < steps) {
        return schedule;
    }
    for (size_t i = 0; found == NULL && i < schedule->child_count; i++) {
        int64_t first = in_turn && i > 0 ? schedule->milestones[i - 1] : 0;
        bool last = !in_turn || i + 1 == schedule->child_count || schedule->milestones[i] > steps;
        found = find_shorter(schedule->children[i],
                             (last ? steps : schedule->milestones[i] - 1) - first);
    }
    return found;
}

linnet_status ln_schedule_check_steps(const ln_schedule *schedule, int64_t steps,
                                      linnet_error *error)
{
    const ln_schedule *shorter = find_shorter(schedule, steps);
    return shorter == NULL
               ? LINNET_OK
               : ln_fail(error, LINNET_ERROR_ARGUMENT,
                         "expected a schedule for the %lld steps of this run; %s has %lld",
                         (long long)steps, shorter->type->signature.name,
                         (long long)shorter->type->steps(shorter));
}

/* ---- from text ---- */

/* All but the group, which the outermost frees. */
static void free_tree(ln_schedule *schedule)
{
    for (size_t i = 0; i < schedule->child_count; i++) {
        free_tree(schedule->children[i]);
    }
    ln_free(schedule->children);
    ln_free(schedule->milestones);
    ln_free(schedule);
}

linnet_status ln_check_positive(int64_t value, const char *what, linnet_error *error)
{
    return value > 0 ? LINNET_OK
                     : ln_fail(error, LINNET_ERROR_ARGUMENT, "expected %s above 0, found %lld",
                               what, (long long)value);
}

static size_t count_items(const ln_py_node *list)
{
    size_t count = 0;
    for (const ln_py_node *item = list->children; item != NULL; item = item->next) {
        count++;
    }
    return count;
}

static linnet_status take_milestones(ln_schedule *schedule, const ln_py_node *list,
                                     linnet_error *error)
{
    size_t count = count_items(list);
    schedule->milestones = ln_alloc(count, sizeof *schedule->milestones);
    if (schedule->milestones == NULL) {
        return ln_fail_memory(error, count * sizeof *schedule->milestones, "the milestones");
    }
    for (const ln_py_node *item = list->children; item != NULL; item = item->next) {
        if (item->kind != LN_PY_INT) {
            return ln_fail(error, LINNET_ERROR_ARGUMENT,
                           "%s: expected ints as milestones, found %.*s",
                           schedule->type->signature.name, LN_PY_SHOWN(item->text));
        }
        schedule->milestones[schedule->milestone_count++] = item->value.integer;
    }
    return LINNET_OK;
}

/* The last_epoch of PyTorch's constructors is for resuming, which a checkpoint is better at. */
static linnet_status check_last_epoch(const ln_schedule *schedule, linnet_error *error)
{
    const ln_signature *signature = &schedule->type->signature;
    for (size_t i = 0; i < signature->count; i++) {
        int64_t epoch = schedule->values[i].integer;
        if (strcmp(signature->parameters[i].name, "last_epoch") == 0 && epoch != -1) {
            return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                           "%s: expected last_epoch=-1, found %lld (a checkpoint resumes a "
                           "schedule)",
                           signature->name, (long long)epoch);
        }
    }
    return LINNET_OK;
}

/* All of a text's schedules: what they share while they are made. */
typedef struct making {
    ln_py_slice source;
    ln_schedule_group *group;
    linnet_error *error;
} making;

static linnet_status make(const making *m, const ln_py_node *node, bool outermost,
                          ln_schedule **schedule);

static linnet_status make_children(const making *m, ln_schedule *schedule, const ln_py_node *list)
{
    size_t count = count_items(list);
    schedule->children = ln_alloc(count, sizeof(ln_schedule *));
    if (schedule->children == NULL) {
        return ln_fail_memory(m->error, count * sizeof(ln_schedule *), "a schedule");
    }
    linnet_status status = LINNET_OK;
    for (const ln_py_node *item = list->children; status == LINNET_OK && item != NULL;
         item = item->next) {
        status = make(m, item, false, &schedule->children[schedule->child_count]);
        schedule->child_count += status == LINNET_OK;
    }
    return status;
}

/* The lists of a schedule, which last only as long as the text's tree. */
static linnet_status take_lists(const making *m, ln_schedule *schedule)
{
    const ln_signature *signature = &schedule->type->signature;
    linnet_status status = LINNET_OK;
    for (size_t i = 0; status == LINNET_OK && i < signature->count; i++) {
        ln_value *value = &schedule->values[i];
        if (signature->parameters[i].kind != LN_KIND_LIST || value->list == NULL) {
            continue;
        }
        status = strcmp(signature->parameters[i].name, "milestones") == 0
                     ? take_milestones(schedule, value->list, m->error)
                     : make_children(m, schedule, value->list);
        value->list = NULL;
    }
    return status;
}

/* The constructor of PyTorch's base class: the initial learning rate, and the first step. */
static void begin(ln_schedule *schedule)
{
    ln_schedule_group *group = schedule->group;
    if (isnan(group->initial_lr)) {
        group->initial_lr = ln_schedule_lr(group);
    }
    schedule->base_lr = group->initial_lr;
    schedule->last_epoch = -1;
    advance(schedule);
}

static linnet_status construct(const making *m, const ln_py_node *node, ln_schedule *schedule)
{
    linnet_status status =
        ln_signature_bind(m->source, node, &schedule->type->signature, schedule->values, m->error);
    if (status == LINNET_OK) {
        status = check_last_epoch(schedule, m->error);
    }
    if (status == LINNET_OK) {
        status = take_lists(m, schedule);
    }
    if (status == LINNET_OK && schedule->type->create != NULL) {
        status = schedule->type->create(schedule, m->error);
    }
    if (status == LINNET_OK && schedule->type->next != NULL) {
        begin(schedule);
    }
    return status;
}

static linnet_status make(const making *m, const ln_py_node *node, bool outermost,
                          ln_schedule **schedule)
{
    const ln_signature *signatures[TYPE_COUNT];
    size_t which = 0;
    *schedule = NULL;
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        signatures[i] = &types[i]->signature;
    }
    linnet_status status =
        ln_signature_find(m->source, node, "schedule", signatures, TYPE_COUNT, &which, m->error);
    if (status != LINNET_OK) {
        return status;
    }
    if (!outermost && types[which]->next == NULL) {
        return ln_py_fail(m->error, LINNET_ERROR_UNSUPPORTED, m->source, node->place,
                          "%s cannot stand within another schedule", types[which]->signature.name);
    }
    ln_schedule *made = ln_alloc(1, sizeof *made);
    if (made == NULL) {
        return ln_fail_memory(m->error, sizeof *made, "a schedule");
    }
    made->type = types[which];
    made->group = m->group;
    status = construct(m, node, made);
    if (status != LINNET_OK) {
        free_tree(made);
        return status;
    }
    *schedule = made;
    return LINNET_OK;
}

linnet_status ln_schedule_create(const char *text, const linnet_name *names, size_t name_count,
                                 ln_optimizer *optimizer, ln_schedule **schedule,
                                 linnet_error *error)
{
    *schedule = NULL;
    ln_py_tree tree;
    linnet_status status = ln_py_parse(text, names, name_count, &tree, error);
    making m = {.source = tree.source, .error = error};
    if (status == LINNET_OK) {
        m.group = ln_alloc(1, sizeof *m.group);
        status = m.group != NULL ? LINNET_OK : ln_fail_memory(error, sizeof *m.group, "a schedule");
    }
    if (status == LINNET_OK) {
        double none = (double)NAN;
        *m.group = (ln_schedule_group){optimizer, none, none, none, none, none};
        status = make(&m, tree.root, true, schedule);
        if (status != LINNET_OK) {
            ln_free(m.group);
        }
    }
    ln_py_free(&tree);
    return status;
}

void ln_schedule_free(ln_schedule *schedule)
{
    if (schedule != NULL) {
        ln_free(schedule->group);
        free_tree(schedule);
    }
}
