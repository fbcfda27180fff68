/* cyclic_lr.c - CyclicLR (Smith, 2015) and OneCycleLR (Smith and Topin, 2017), which move the
 * momentum the other way; PyTorch steps them after each batch. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/number.h"
#include "numeric/precise.h"
#include "optim/schedule.h"

static const double pi = 3.141592653589793;

/* PyTorch would begin to keep a momentum that the optimizer was made without. */
static linnet_status check_momentum(const ln_schedule *schedule, int cycle, linnet_error *error)
{
    if (schedule->values[cycle].integer == 0 || ln_schedule_has_momentum(schedule->group)) {
        return LINNET_OK;
    }
    return ln_fail(error, LINNET_ERROR_ARGUMENT,
                   "optimizer must support momentum or beta1 with `cycle_momentum` option enabled "
                   "(give it one above 0, or %s cycle_momentum=False)",
                   schedule->type->signature.name);
}

/* ---- CyclicLR ---- */

enum {
    CYCLIC_OPTIMIZER,
    CYCLIC_BASE_LR,
    CYCLIC_MAX_LR,
    CYCLIC_UP,
    CYCLIC_DOWN,
    CYCLIC_MODE,
    CYCLIC_GAMMA,
    CYCLIC_SCALE_FN,
    CYCLIC_SCALE_MODE,
    CYCLIC_MOMENTUM,
    CYCLIC_BASE_MOMENTUM,
    CYCLIC_MAX_MOMENTUM
};
enum { TRIANGULAR, TRIANGULAR2, EXP_RANGE };
enum { TOTAL_SIZE, STEP_RATIO };

static linnet_status cyclic_create(ln_schedule *schedule, linnet_error *error)
{
    const ln_value *values = schedule->values;
    double up = (double)values[CYCLIC_UP].integer;
    double down = values[CYCLIC_DOWN].none ? up : (double)values[CYCLIC_DOWN].integer;
    schedule->state[TOTAL_SIZE] = up + down;
    schedule->state[STEP_RATIO] = up / (up + down);
    if (!(up > 0 && down > 0)) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected step_size_up and step_size_down above 0, found %g and %g", up,
                       down);
    }
    linnet_status status = check_momentum(schedule, CYCLIC_MOMENTUM, error);
    if (status == LINNET_OK) {
        ln_schedule_set_lr(schedule->group, ln_schedule_number(schedule, CYCLIC_BASE_LR));
    }
    return status;
}

static double cyclic_scale(const ln_schedule *schedule, double cycle)
{
    switch (schedule->values[CYCLIC_MODE].integer) {
    case TRIANGULAR2: return 1 / ln_pow(2.0, cycle - 1);
    case EXP_RANGE:
        return ln_pow(ln_schedule_number(schedule, CYCLIC_GAMMA), (double)schedule->last_epoch);
    default: return 1.0;
    }
}

static double cyclic_next(ln_schedule *schedule)
{
    double at = (double)schedule->last_epoch / schedule->state[TOTAL_SIZE];
    double ratio = schedule->state[STEP_RATIO];
    double cycle = floor(1 + at);
    double x = 1.0 + at - cycle;
    double height = x <= ratio ? x / ratio : (x - 1) / (ratio - 1);
    double scale = cyclic_scale(schedule, cycle);
    if (schedule->values[CYCLIC_MOMENTUM].integer != 0) {
        double least = ln_schedule_number(schedule, CYCLIC_BASE_MOMENTUM);
        double most = ln_schedule_number(schedule, CYCLIC_MAX_MOMENTUM);
        ln_schedule_set_momentum(schedule->group, most - (most - least) * height * scale);
    }
    double base = ln_schedule_number(schedule, CYCLIC_BASE_LR);
    return base + (ln_schedule_number(schedule, CYCLIC_MAX_LR) - base) * height * scale;
}

/* An argument under PyTorch's name for it, which is that of a list or another. */
static ln_schedule_field value_field(const char *key, size_t parameter)
{
    return (ln_schedule_field){
        .key = key, .kind = LN_FIELD_VALUE, .setting = true, .parameter = parameter};
}

static ln_schedule_field list_field(ln_schedule *schedule, const char *key, size_t parameter)
{
    return (ln_schedule_field){.key = key,
                               .kind = LN_FIELD_NUMBERS,
                               .setting = true,
                               .number = &schedule->values[parameter].number[0]};
}

static size_t cyclic_fields(ln_schedule *schedule, ln_schedule_field *fields)
{
    bool iterations = schedule->values[CYCLIC_MODE].integer == EXP_RANGE;
    const ln_schedule_field own[] = {
        list_field(schedule, "max_lrs", CYCLIC_MAX_LR),
        {.key = "total_size",
         .kind = LN_FIELD_NUMBER,
         .setting = true,
         .number = &schedule->state[TOTAL_SIZE]},
        {.key = "step_ratio",
         .kind = LN_FIELD_NUMBER,
         .setting = true,
         .number = &schedule->state[STEP_RATIO]},
        value_field("mode", CYCLIC_MODE),
        value_field("gamma", CYCLIC_GAMMA),
        {.key = "_scale_fn_custom", .kind = LN_FIELD_NONE, .setting = true},
        {.key = "scale_mode",
         .kind = LN_FIELD_TEXT,
         .setting = true,
         .text = iterations ? "iterations" : "cycle"},
        value_field("cycle_momentum", CYCLIC_MOMENTUM),
        list_field(schedule, "base_momentums", CYCLIC_BASE_MOMENTUM),
        list_field(schedule, "max_momentums", CYCLIC_MAX_MOMENTUM),
    };
    size_t count = sizeof own / sizeof *own;
    count -= schedule->values[CYCLIC_MOMENTUM].integer != 0 ? 0 : 2;
    memcpy(fields, own, count * sizeof *own);
    return count;
}

const ln_schedule_type ln_cyclic_lr_type = {
    .signature = {"CyclicLR",
                  LN_PARAMETERS(
                      {"optimizer", LN_KIND_GIVEN, "None", LN_REPR_NEVER},
                      {"base_lr", LN_KIND_FLOAT, NULL, LN_REPR_NEVER},
                      {"max_lr", LN_KIND_FLOAT, NULL, LN_REPR_NEVER},
                      {"step_size_up", LN_KIND_INT, "2000", LN_REPR_NEVER},
                      {"step_size_down", LN_KIND_DIM, "None", LN_REPR_NEVER},
                      {"mode", LN_KIND_CHOICE, "triangular|triangular2|exp_range", LN_REPR_NEVER},
                      {"gamma", LN_KIND_FLOAT, "1.0", LN_REPR_NEVER},
                      {"scale_fn", LN_KIND_NONE, "None", LN_REPR_NEVER},
                      {"scale_mode", LN_KIND_CHOICE, "cycle|iterations", LN_REPR_NEVER},
                      {"cycle_momentum", LN_KIND_BOOL, "True", LN_REPR_NEVER},
                      {"base_momentum", LN_KIND_FLOAT, "0.8", LN_REPR_NEVER},
                      {"max_momentum", LN_KIND_FLOAT, "0.9", LN_REPR_NEVER}, LN_SCHEDULE_TAIL)},
    .each_batch = true,
    .create = cyclic_create,
    .next = cyclic_next,
    .fields = cyclic_fields,
};

/* ---- OneCycleLR ---- */

enum {
    ONE_OPTIMIZER,
    ONE_MAX_LR,
    ONE_TOTAL,
    ONE_EPOCHS,
    ONE_PER_EPOCH,
    ONE_PCT_START,
    ONE_STRATEGY,
    ONE_MOMENTUM,
    ONE_BASE_MOMENTUM,
    ONE_MAX_MOMENTUM,
    ONE_DIV_FACTOR,
    ONE_FINAL_DIV_FACTOR,
    ONE_THREE_PHASE
};
enum { TOTAL_STEPS };

static linnet_status check_steps(const char *what, const ln_value *value, linnet_error *error)
{
    if (value->none) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "You must define either total_steps OR (epochs AND steps_per_epoch)");
    }
    return value->integer > 0
               ? LINNET_OK
               : ln_fail(error, LINNET_ERROR_ARGUMENT, "Expected positive integer %s, but got %lld",
                         what, (long long)value->integer);
}

static linnet_status take_total(ln_schedule *schedule, linnet_error *error)
{
    const ln_value *values = schedule->values;
    if (!values[ONE_TOTAL].none) {
        schedule->state[TOTAL_STEPS] = (double)values[ONE_TOTAL].integer;
        return check_steps("total_steps", &values[ONE_TOTAL], error);
    }
    linnet_status status = check_steps("epochs", &values[ONE_EPOCHS], error);
    if (status == LINNET_OK) {
        status = check_steps("steps_per_epoch", &values[ONE_PER_EPOCH], error);
    }
    schedule->state[TOTAL_STEPS] =
        (double)values[ONE_EPOCHS].integer * (double)values[ONE_PER_EPOCH].integer;
    return status;
}

static linnet_status one_create(ln_schedule *schedule, linnet_error *error)
{
    ln_schedule_group *group = schedule->group;
    double start = ln_schedule_number(schedule, ONE_PCT_START);
    linnet_status status = take_total(schedule, error);
    if (status == LINNET_OK && !(start >= 0 && start <= 1)) {
        char text[LN_NUMBER_TEXT];
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "Expected float between 0 and 1 pct_start, but got %s",
                       ln_print_double(start, text));
    }
    if (status == LINNET_OK) {
        status = check_momentum(schedule, ONE_MOMENTUM, error);
    }
    if (status != LINNET_OK) {
        return status;
    }
    group->max_lr = ln_schedule_number(schedule, ONE_MAX_LR);
    group->initial_lr = group->max_lr / ln_schedule_number(schedule, ONE_DIV_FACTOR);
    group->min_lr = group->initial_lr / ln_schedule_number(schedule, ONE_FINAL_DIV_FACTOR);
    if (schedule->values[ONE_MOMENTUM].integer != 0) {
        group->base_momentum = ln_schedule_number(schedule, ONE_BASE_MOMENTUM);
        group->max_momentum = ln_schedule_number(schedule, ONE_MAX_MOMENTUM);
    }
    return LINNET_OK;
}

/* A stretch of the cycle: up to which step, between which learning rates and momenta. */
typedef struct phase {
    double end, lr[2], momentum[2];
} phase;

static int list_phases(const ln_schedule *schedule, phase phases[3])
{
    const ln_schedule_group *g = schedule->group;
    double start = ln_schedule_number(schedule, ONE_PCT_START);
    double total = schedule->state[TOTAL_STEPS];
    double most = g->max_momentum, least = g->base_momentum;
    bool three = schedule->values[ONE_THREE_PHASE].integer != 0;
    phases[0] = (phase){start * total - 1, {g->initial_lr, g->max_lr}, {most, least}};
    if (three) {
        phases[1] = (phase){2 * start * total - 2, {g->max_lr, g->initial_lr}, {least, most}};
        phases[2] = (phase){total - 1, {g->initial_lr, g->min_lr}, {most, most}};
        return 3;
    }
    phases[1] = (phase){total - 1, {g->max_lr, g->min_lr}, {least, most}};
    return 2;
}

static double anneal(const ln_schedule *schedule, const double between[2], double part)
{
    if (schedule->values[ONE_STRATEGY].integer != 0) {
        return (between[1] - between[0]) * part + between[0];
    }
    return between[1] + (between[0] - between[1]) / 2.0 * (ln_cos(pi * part) + 1);
}

static double one_next(ln_schedule *schedule)
{
    phase phases[3];
    int count = list_phases(schedule, phases), i = 0;
    double step = (double)schedule->last_epoch, start = 0;
    while (i < count - 1 && step > phases[i].end) {
        start = phases[i++].end;
    }
    double part = (step - start) / (phases[i].end - start);
    if (schedule->values[ONE_MOMENTUM].integer != 0) {
        ln_schedule_set_momentum(schedule->group, anneal(schedule, phases[i].momentum, part));
    }
    return anneal(schedule, phases[i].lr, part);
}

static int64_t one_steps(const ln_schedule *schedule)
{
    double total = schedule->state[TOTAL_STEPS];
    return total < 0x1p62 ? (int64_t)total : INT64_MAX;
}

/* The phases follow from the text, and the function of PyTorch 1 has no place in a file. */
static size_t one_fields(ln_schedule *schedule, ln_schedule_field *fields)
{
    const ln_schedule_field own[] = {
        {.key = "total_steps",
         .kind = LN_FIELD_WHOLE,
         .setting = true,
         .number = &schedule->state[TOTAL_STEPS]},
        value_field("_anneal_func_type", ONE_STRATEGY),
        value_field("cycle_momentum", ONE_MOMENTUM),
    };
    memcpy(fields, own, sizeof own);
    return sizeof own / sizeof *own;
}

const ln_schedule_type ln_one_cycle_lr_type = {
    .signature = {"OneCycleLR",
                  LN_PARAMETERS({"optimizer", LN_KIND_GIVEN, "None", LN_REPR_NEVER},
                                {"max_lr", LN_KIND_FLOAT, NULL, LN_REPR_NEVER},
                                {"total_steps", LN_KIND_DIM, "None", LN_REPR_NEVER},
                                {"epochs", LN_KIND_DIM, "None", LN_REPR_NEVER},
                                {"steps_per_epoch", LN_KIND_DIM, "None", LN_REPR_NEVER},
                                {"pct_start", LN_KIND_FLOAT, "0.3", LN_REPR_NEVER},
                                {"anneal_strategy", LN_KIND_CHOICE, "cos|linear", LN_REPR_NEVER},
                                {"cycle_momentum", LN_KIND_BOOL, "True", LN_REPR_NEVER},
                                {"base_momentum", LN_KIND_FLOAT, "0.85", LN_REPR_NEVER},
                                {"max_momentum", LN_KIND_FLOAT, "0.95", LN_REPR_NEVER},
                                {"div_factor", LN_KIND_FLOAT, "25.0", LN_REPR_NEVER},
                                {"final_div_factor", LN_KIND_FLOAT, "10000.0", LN_REPR_NEVER},
                                {"three_phase", LN_KIND_BOOL, "False", LN_REPR_NEVER},
                                LN_SCHEDULE_TAIL)},
    .each_batch = true,
    .create = one_create,
    .next = one_next,
    .steps = one_steps,
    .fields = one_fields,
};
