/* schedule.h - the table of learning-rate schedules, and a schedule with its state.
 *
 * Text, defaults, checks and recurrences are those of torch.optim.lr_scheduler, operation by
 * operation, so that learning rates are PyTorch's; cos and pow come from numeric/precise.h. A
 * schedule writes the learning rate, and some the momentum, into the optimizer's values. */
#ifndef LN_OPTIM_SCHEDULE_H
#define LN_OPTIM_SCHEDULE_H

#include "optim/optim.h"

typedef struct ln_schedule ln_schedule;

/* Reads torch.optim.lr_scheduler's constructor text and sets the first learning rate. names: free
 * names in the text, such as epochs. The optimizer is borrowed. The caller owns the schedule.
 * Errors: SYNTAX, ARGUMENT in PyTorch's words, MEMORY. */
LINNET_NODISCARD linnet_status ln_schedule_create(const char *text, const linnet_name *names,
                                                  size_t name_count, ln_optimizer *optimizer,
                                                  ln_schedule **schedule, linnet_error *error);
void ln_schedule_free(ln_schedule *schedule);

/* scheduler.step(); metric is for those that want one. Errors: ARGUMENT (the schedule has come to
 * its end). */
LINNET_NODISCARD linnet_status ln_schedule_step(ln_schedule *schedule, double metric,
                                                linnet_error *error);
/* Whether there are so many steps from the first one on. Errors: ARGUMENT. */
LINNET_NODISCARD linnet_status ln_schedule_check_steps(const ln_schedule *schedule, int64_t steps,
                                                       linnet_error *error);
/* Whether it wants a metric of which the larger is the better. */
bool ln_schedule_wants_largest(const ln_schedule *schedule);

/* ---- state_dict() ---- */

typedef enum ln_field_kind {
    LN_FIELD_VALUE,      /* an argument of the constructor */
    LN_FIELD_NUMBER,     /* a float */
    LN_FIELD_NUMBERS,    /* a list of one float for each of the optimizer's groups, all the same */
    LN_FIELD_WHOLE,      /* a float that counts, an int in PyTorch */
    LN_FIELD_INT,        /* an int */
    LN_FIELD_TEXT,       /* a constant */
    LN_FIELD_FALSE,      /* False */
    LN_FIELD_NONE,       /* None */
    LN_FIELD_MILESTONES, /* the schedule's, as a list */
    LN_FIELD_COUNTER     /* the same as a Counter */
} ln_field_kind;

/* An entry of state_dict(). */
typedef struct ln_schedule_field {
    const char *key;
    ln_field_kind kind;
    bool setting;     /* follows from the text, and never changes */
    size_t parameter; /* VALUE: of the signature */
    double *number;
    int64_t *integer;
    const char *text;
} ln_schedule_field;

#define LN_SCHEDULE_FIELDS 24

/* All entries but `_schedulers`, which are the children's; returns how many. Those that are no
 * setting may be written to. */
size_t ln_schedule_list_fields(ln_schedule *schedule, ln_schedule_field fields[LN_SCHEDULE_FIELDS]);

/* ---- for the schedules ---- */

/* What schedules over one optimizer share: PyTorch keeps it in the optimizer's param_groups. NaN:
 * not there. */
typedef struct ln_schedule_group {
    ln_optimizer *optimizer;
    double initial_lr, max_lr, min_lr, base_momentum, max_momentum;
} ln_schedule_group;

typedef struct ln_schedule_type {
    ln_signature signature;
    bool each_batch;   /* PyTorch's documentation steps it after each batch */
    bool wants_metric; /* its step looks at a metric */
    /* Checks and takes what the values say, before the first step; may change the group. */
    linnet_status (*create)(ln_schedule *schedule, linnet_error *error);
    /* The learning rate at last_epoch, from the one before; may set the momentum. */
    double (*next)(ln_schedule *schedule);
    /* The same at last_epoch 0, where SequentialLR comes to a schedule: PyTorch's closed form.
     * NULL: next. */
    double (*first)(const ln_schedule *schedule);
    /* The steps that there are after last_epoch 0. NULL: any number. */
    int64_t (*steps)(const ln_schedule *schedule);
    /* Entries of state_dict() beyond those that all have; returns how many. NULL: the arguments. */
    size_t (*fields)(ln_schedule *schedule, ln_schedule_field *fields);
    /* In place of next and first, for schedules that are stepped otherwise. */
    linnet_status (*step)(ln_schedule *schedule, double metric, linnet_error *error);
} ln_schedule_type;

#define LN_SCHEDULE_STATE 4

struct ln_schedule {
    const ln_schedule_type *type;
    ln_schedule_group *group; /* owned by the outermost schedule */
    ln_value values[LN_MAX_PARAMETERS];
    int64_t last_epoch, step_count;
    double base_lr, last_lr;
    double state[LN_SCHEDULE_STATE]; /* what else the type keeps */
    int64_t *milestones;             /* owned, as are the children */
    size_t milestone_count;
    ln_schedule **children;
    size_t child_count;
};

/* The arguments that state_dict() has under their own names, for `fields`. */
size_t ln_schedule_list_values(const ln_schedule *schedule, ln_schedule_field *fields);

static inline double ln_schedule_number(const ln_schedule *schedule, int i)
{
    return schedule->values[i].number[0];
}

/* The optimizer's learning rate. */
double ln_schedule_lr(const ln_schedule_group *group);
void ln_schedule_set_lr(ln_schedule_group *group, double lr);
/* Its momentum, or beta1. False: it has none. */
bool ln_schedule_has_momentum(const ln_schedule_group *group);
void ln_schedule_set_momentum(ln_schedule_group *group, double momentum);

/* One step of a schedule that has `next`, where SequentialLR comes to it, at its epoch 0. */
void ln_schedule_restart(ln_schedule *schedule);

/* The arguments that PyTorch's constructors end with. */
#define LN_SCHEDULE_TAIL                                                                           \
    {"last_epoch", LN_KIND_INT, "-1", LN_REPR_NEVER},                                              \
    {                                                                                              \
        "verbose", LN_KIND_BOOL, "False", LN_REPR_NEVER                                            \
    }

/* "expected WHAT above 0, found 0" where it is not. */
LINNET_NODISCARD linnet_status ln_check_positive(int64_t value, const char *what,
                                                 linnet_error *error);

#endif
