/* sweep.h - what the parts of `linnet sweep` share: sweep_grid.c reads what is to be tried, sweep.c
 * makes heads of it, sweep_epochs.c trains them, sweep_show.c ranks them. */
#ifndef CLI_SWEEP_H
#define CLI_SWEEP_H

#include "train.h"

/* More heads than anyone trains at once. */
#define CLI_SWEEP_MOST 10000

/* A name and the values that are tried for it, as typed. */
typedef struct cli_trial {
    char *name;
    char **values;
    size_t count;
} cli_trial;

typedef struct cli_grid {
    cli_trial *trials;
    size_t count;
    size_t *chosen; /* numbers of the combinations, of which the last name runs fastest */
    size_t heads;
} cli_grid;

/* Reads "NAME=A,B,C" texts. `random`: so many different combinations, drawn by `seed`, where there
 * are more; 0: all. The caller frees the grid in any case. Returns the exit code. */
int cli_grid_read(const cli_list *texts, int64_t random, uint64_t seed, cli_grid *grid);
void cli_grid_free(cli_grid *grid);

/* The value of a name in a head. */
const char *cli_grid_value(const cli_grid *grid, size_t head, size_t name);

/* `text` with each name's value in the place of the name, where it stands for itself and not
 * before a "=" or behind a "."; the caller frees it. found[i] is set where name i has been there.
 * NULL without memory. */
char *cli_grid_fill(const cli_grid *grid, size_t head, const char *text, bool *found);

/* ---- a sweep ---- */

typedef struct cli_sweep_values {
    cli_train_values train; /* first: its options are train's */
    cli_list trials;
    int64_t random, folds;
    bool json;
} cli_sweep_values;

/* The texts in which names stand. */
enum { CLI_SWEEP_MODEL, CLI_SWEEP_OPTIM, CLI_SWEEP_LOSS, CLI_SWEEP_SCHEDULE, CLI_SWEEP_TEXTS };

/* A part of the data that is trained on, and what is held out of it: a fold, or all there is. */
typedef struct cli_fold {
    linnet_dataset *rest, *val; /* rest NULL: all rows; val NULL: none */
} cli_fold;

/* A head on a fold. */
typedef struct cli_run {
    cli_training training; /* shares the data */
    linnet_trainer *trainer;
} cli_run;

typedef struct cli_head {
    cli_train_values values; /* train's, with the head's own */
    char *texts[CLI_SWEEP_TEXTS];
    linnet_name *names; /* what values.set points to, where that is not the command line's */
    cli_run *runs;      /* one a fold */
    linnet_error error; /* why it went no further */
    cli_best best;      /* its best epoch, by means over the folds */
    double accuracy_deviation, loss_deviation; /* of these means; NaN without folds */
} cli_head;

typedef struct cli_sweep {
    const cli_sweep_values *values;
    cli_grid grid;
    cli_training base; /* the data, and the best of all heads */
    const char *model; /* the model's text */
    char *model_text;  /* what that points to */
    cli_fold *folds;
    size_t fold_count; /* 1 where no folds are asked for */
    cli_head *heads;
    size_t kept;           /* the best head so far, whose model is written */
    double started, drawn; /* these epochs, the last drawing: cli_seconds() */
    int64_t epoch, epochs; /* in hand; of how many */
} cli_sweep;

/* Trains all heads on all folds, and judges them after each epoch; without folds the best one's
 * model is written whenever there is a better one (sweep_epochs.c). Returns the exit code. */
int cli_sweep_train(cli_sweep *sweep);
/* Trains the head that the folds have shown to be best on all rows, for as many epochs as were best,
 * and writes it. Returns the exit code. */
int cli_sweep_train_on_all(cli_sweep *sweep);

/* "lr=0.01, width=64" */
void cli_sweep_add_values(cli_text *text, const cli_sweep *sweep, size_t head);
/* Whether a head has come to the end of an epoch, in every fold, with a figure that is a number. */
bool cli_sweep_is_measured(const cli_head *head);
/* The heads' numbers, best first; those that have not been measured come last. */
void cli_sweep_rank(const cli_sweep *sweep, size_t *order);
/* Prints the ranking, and what has been written. Returns the exit code. */
int cli_sweep_tell(const cli_sweep *sweep, const size_t *order);

#endif
