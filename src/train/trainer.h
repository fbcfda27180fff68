/* trainer.h - the trainer's record, which its checkpoints read and write. */
#ifndef LN_TRAIN_TRAINER_H
#define LN_TRAIN_TRAINER_H

#include "data/feed.h"
#include "optim/schedule.h"
#include "plan/plan.h"
#include "train/average.h"
#include "train/gradients.h"
#include "train/lbfgs.h"
#include "train/loss.h"
#include "train/sets.h"

/* How far the epoch in hand has come. All 0 between epochs. */
typedef struct ln_epoch_position {
    int64_t batch;      /* done */
    uint64_t sampler;   /* what seeds its order: LINNET_RNG_TORCH and the like */
    double loss;        /* mean losses of batches, each times what its rows weigh */
    double loss_weight; /* what they weigh together */
    int64_t counted;    /* rows that are not ignored */
    int64_t correct;
    double lr; /* of the last batch */
} ln_epoch_position;

/* One array behind the other for all parameters, each as the plan lays it out. */
typedef struct ln_parameter_set {
    size_t *counts, *offsets; /* elements, and where they begin */
    size_t size;              /* of the whole, in elements */
} ln_parameter_set;

struct linnet_trainer {
    linnet_model *model; /* borrowed, as is the dataset */
    const linnet_dataset *dataset;
    linnet_trainer_options options;
    linnet_plan *plan;
    ln_optimizer *optimizer;
    ln_gradients *gradients;
    ln_lbfgs *lbfgs;     /* NULL: another optimizer */
    ln_average *average; /* NULL: none */
    ln_parameter_set set;
    void **parameters;     /* as the plan lays them out */
    ln_schedule *schedule; /* NULL: none */
    bool step_batches;     /* the schedule is stepped after each batch */
    ln_loss *loss;
    ln_torch_generator generator; /* LINNET_RNG_TORCH */
    int64_t epoch;                /* done so far */
    ln_epoch_position position;
    uint64_t shuffle_seed;
    int64_t *order;   /* this epoch's rows; as long as ln_dataset_whole */
    ln_feed *feed;    /* reads them, a step's at a time */
    bool follows;     /* order and feed are those of options.with */
    void *fed;        /* the batch as the plan is fed with it, beside others; NULL: not shared */
    size_t step_rows; /* of a batch: accumulate times batch_size, where there are as many */
    void *losses;     /* a batch's, row by row */
    void *weights;    /* what its rows count for in the mean */
    uint8_t *correct; /* whether the largest logit is the label's */
};

/* The mean loss of a batch's rows, and the loss as its reduction tells it. */
typedef struct ln_batch_loss {
    double mean, item;
    double weight;   /* of its rows in the mean, together; 0: nothing counts */
    int64_t correct; /* rows whose output is the label's */
} ln_batch_loss;

/* Where a parameter begins in a set of them, in bytes. */
static inline size_t ln_set_place(const linnet_trainer *trainer, size_t parameter)
{
    return trainer->set.offsets[parameter] * linnet_dtype_size(trainer->model->dtype);
}

/* What a trainer asks for without knowing what its model computes in; losses, weights and
 * parameters are of that dtype. */
typedef struct ln_train_engine {
    linnet_status (*gradients)(linnet_trainer *trainer, ln_gradients **gradients,
                               linnet_error *error);
    /* One step on these rows (batch.c). Fails where the loss is no number; the parameters do not
     * change then. */
    linnet_status (*step)(linnet_trainer *trainer, const int64_t *index, size_t rows,
                          ln_batch_loss *loss, linnet_error *error);
    /* Forward alone of `rows` rows from row `first` of the feed's batch on. */
    void (*forward)(linnet_trainer *trainer, size_t first, size_t rows);
    /* The feed's batch of `rows` rows, as ln_plan_feed makes it. */
    void (*feed)(linnet_trainer *trainer, size_t rows, void *fed);
} ln_train_engine;

/* The compilation for a dtype. */
const ln_train_engine *ln_train_engine_of(linnet_dtype dtype);

/* Leaves the parameters that options.no_decay means without weight decay (decay.c). Errors:
 * ARGUMENT. */
LINNET_NODISCARD linnet_status ln_trainer_exempt(linnet_trainer *trainer, linnet_error *error);
/* Which option makes two trainers of one dataset take its rows in different orders; NULL: none. */
const char *ln_trainer_other_order(const linnet_trainer *trainer, const linnet_trainer *with);
/* The batches of an epoch. */
int64_t ln_trainer_epoch_batches(const linnet_trainer *trainer);
/* Whether the model's parameters and buffers are numbers. Errors: DATA, naming the first that is
 * not. */
LINNET_NODISCARD linnet_status ln_trainer_check_weights(const linnet_trainer *trainer,
                                                        linnet_error *error);

#endif
