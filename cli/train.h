/* train.h - what the parts of `linnet train` share: train.c prepares, train_setup.c makes the
 * trainer, train_epochs.c trains, train_best.c judges epochs, train_checkpoint.c lets a run be
 * resumed, train_record.c keeps the epochs' figures. */
#ifndef CLI_TRAIN_H
#define CLI_TRAIN_H

#include "command.h"
#include "history.h"
#include "source.h"

typedef struct cli_train_values {
    const char *data, *output, *model;
    const char *labels, *val, *val_labels;
    const char *class_weight;
    const char *dtype, *optim, *loss, *rng, *schedule, *schedule_step, *precision, *no_decay;
    const char *checkpoint, *resume, *keep;
    int64_t checkpoint_every, patience;
    bool force;
    const char *history, *logdir, *report;
    int64_t epochs, batch_size, accumulate, seed, data_seed, shuffle_block, threads;
    double clip_grad_norm, clip_grad_value, ema; /* 0: not given */
    int64_t swa;
    double val_fraction, scale; /* 0: not given */
    bool standardize;
    cli_list classes;
    cli_set set;
    cli_data_options input;
    const char *init; /* initial weights */
    cli_part part;    /* of init */
    cli_config config;
} cli_train_values;

/* The best epoch so far; epoch 0: none yet. */
typedef struct cli_best {
    int64_t epoch;
    double value; /* of the figure */
    double accuracy, loss;
} cli_best;

typedef struct cli_training {
    const cli_train_values *values;
    linnet_dataset *data, *rest, *val; /* all rows; without those held out; to validate on */
    const linnet_dataset *train;       /* rest or data */
    const char *const *names;          /* of the classes; borrowed */
    size_t name_count;
    int64_t classes; /* that the data have */
    linnet_task task;
    const char *loss;       /* its text */
    cli_text weighted_loss; /* what `loss` is, where --class-weight made it */
    linnet_model *model;
    bool folds;                 /* rows to validate on come fold by fold */
    const linnet_model *scaled; /* whose input scaling is taken; NULL: as the options say */
    const linnet_trainer
        *leader;              /* whose batches are trained on; NULL: the trainer reads its own */
    const cli_figure *figure; /* NULL: the last epoch is kept */
    char val_digest[24];      /* tells the rows to validate on from others; "none" */
    cli_best best;
    cli_text origin;                 /* the checkpoint of another run that this one went on from */
    bool origin_forced;              /* by --force */
    linnet_state_dict *best_weights; /* for checkpoints; NULL: none yet, or not needed */
    linnet_state_dict *identity;     /* what a resumed run has to share besides the trainer's */
} cli_training;

/* The file that the rows to validate on are of. */
const char *cli_val_path(const cli_training *training);

extern const cli_option cli_train_options[];
extern const cli_hint cli_train_hints[];

/* What split and shuffle are drawn by. */
uint64_t cli_data_seed(const cli_train_values *values);

/* Checks all that can be checked before the data are there, and opens them; makes training->model;
 * frees everything. The first two return the exit code. */
int cli_training_open(cli_training *training);
int cli_training_model(cli_training *training);
void cli_training_close(cli_training *training);

/* What the loss needs of the labels; before they are read. Returns the exit code. */
int cli_train_task(cli_training *training);
/* The loss's text, of which --class-weight is a part; behind the data and the model. */
int cli_weigh_classes(cli_training *training);

/* What --rng names. */
linnet_rng cli_rng(const char *name);

typedef bool (*cli_on_batch)(void *context, const linnet_progress *progress);

/* Makes the trainer; on failure *trainer is NULL and the reason printed. Returns the exit code. */
int cli_create_trainer(cli_training *training, cli_on_batch progress, void *context,
                       linnet_trainer **trainer);

/* Chooses training->figure by --keep, the task and what there is to validate on. Returns the exit
 * code. */
int cli_choose_figure(cli_training *training);
/* Whether the best epoch's figures are of the rows to validate on. */
bool cli_judges_validation(const cli_training *training);
/* Whether this epoch is better than the best so far. */
bool cli_is_better(const cli_training *training, const cli_epoch *epoch);
/* Makes this epoch the best one. */
void cli_take_best(cli_training *training, const cli_epoch *epoch);
/* "val accuracy 0.9876, val loss 0.1234" of the best epoch, with `between` in the middle; a
 * regression has no accuracy. */
void cli_add_best(const cli_training *training, const char *between, cli_text *text);
/* Whether --patience has run out after `done` epochs. */
bool cli_out_of_patience(const cli_training *training, int64_t done);
/* The name of that figure, or "last". */
const char *cli_kept(const cli_training *training);
/* Fills training->val_digest. Returns the exit code. */
int cli_digest_val(cli_training *training);

/* Write --checkpoint, and read --resume, after which the best model so far is in its place. Return
 * the exit code. */
int cli_save_checkpoint(cli_training *training, linnet_trainer *trainer);
int cli_resume(cli_training *training, linnet_trainer *trainer);
/* Writes the model with the configuration that made it. Returns the exit code. */
int cli_save_model(const cli_training *training);
/* Adds to the configuration in the file that the run was interrupted, and where. Returns the exit
 * code. */
#define CLI_INTERRUPTED_KEY "interrupted"
int cli_mark_interrupted(const cli_training *training, const char *where);
/* Remembers the model's weights as the best ones, where checkpoints are written. Returns the exit
 * code. */
int cli_keep_weights(cli_training *training);

/* What is kept of the epochs for --history and --logdir, and in memory. */
typedef struct cli_record cli_record;

/* Fails where --history or --report cannot be written. */
int cli_record_check(const cli_train_values *values);
/* `done`: epochs before this run; what a history holds of them stays, and what it holds of later
 * ones goes. */
int cli_record_open(const cli_train_values *values, int64_t done, cli_record **record);
int cli_record_epoch(cli_record *record, const cli_epoch *epoch);
const cli_history *cli_record_history(const cli_record *record);
/* NULL is fine. Returns `code`, or CLI_FAILURE where something could not be written to its end. */
int cli_record_close(cli_record *record, int code);

/* Writes --report about the model that was kept, with the epochs of `history`. Returns the exit
 * code. */
int cli_train_report(const cli_training *training, const cli_history *history);

/* Appends the command that made a model which knows its configuration, as a line for a shell that
 * writes it to `path`, and a line for each time that it was calibrated since. *interrupted: where
 * the run was stopped, the caller's to free; NULL: nowhere. */
int cli_made_by(const char *path, const linnet_model *model, cli_text *text, char **interrupted);
/* Adds a calibration to the configuration of a model that has one; `values` are calibrate's. */
int cli_remember_calibration(linnet_model *model, const void *values);

/* A class without a row to train on is legal, and so is a single class; most often they are a
 * mistake: says so. fold: from 1, or 0 for none. Returns the exit code. */
int cli_warn_missing(const cli_training *training, int64_t fold);

/* "next: linnet predict ...", the command to try next: measures where there are rows of a file of
 * their own, else runs the model, and only shows it where the rows came through a pipe and are gone.
 */
void cli_add_next(cli_text *text, const cli_training *training);

/* Trains, measures and saves; prints the results. Returns the exit code. */
int cli_train_epochs(cli_training *training);

#endif
