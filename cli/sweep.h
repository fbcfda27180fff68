/* sweep.h - what the parts of `linnet sweep` share: sweep_grid.c reads what is to be tried, sweep.c
 * trains the heads, sweep_show.c ranks them. */
#ifndef CLI_SWEEP_H
#define CLI_SWEEP_H

#include "train.h"

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

/* A figure over the folds: its mean, and the sum of squares around it. */
typedef struct cli_result {
    int64_t count;
    double mean, squares;
} cli_result;

typedef struct cli_head {
    cli_train_values values; /* train's, with the head's own */
    char *texts[CLI_SWEEP_TEXTS];
    cli_training training; /* shares the data */
    linnet_trainer *trainer;
    linnet_error error; /* why it went no further */
    cli_result value, accuracy, loss;
} cli_head;

typedef struct cli_sweep {
    const cli_sweep_values *values;
    cli_grid grid;
    cli_training base; /* the data, and the best of all heads */
    const char *model; /* the model's text */
    char *model_text;  /* what that points to */
    cli_head *heads;
    size_t kept; /* the head that was written last */
    double drawn;
    int64_t epoch;
} cli_sweep;

/* "lr=0.01, width=64" */
void cli_sweep_add_values(cli_text *text, const cli_sweep *sweep, size_t head);
/* Whether a head has been measured in each fold. */
bool cli_sweep_is_measured(const cli_sweep *sweep, const cli_head *head);
/* The heads' numbers, best first; those that have not been measured come last. */
void cli_sweep_rank(const cli_sweep *sweep, size_t *order);
/* Prints the ranking, and what has been written. Returns the exit code. */
int cli_sweep_tell(const cli_sweep *sweep, const size_t *order);

#endif
