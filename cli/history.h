/* history.h - what each epoch of a training came to, in memory and as lines of JSON.
 *
 * One table names the figures of an epoch; the lines, TensorBoard's files and the report's curves
 * are made by going through it. */
#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include "json.h"
#include "say.h"

/* A figure that is NaN is not there: no rows were held out, or the task has no such figure. */
typedef struct cli_epoch {
    int64_t epoch;         /* from 1 */
    bool best;             /* so far */
    double loss, accuracy; /* of the rows trained on, in training mode */
    double val_loss, val_accuracy;
    double lr;      /* of the last batch */
    double seconds; /* with validation; samples_per_second is without */
    double samples_per_second;
} cli_epoch;

/* Which of two epochs has a figure better. */
typedef enum cli_better { CLI_NEITHER = 0, CLI_LARGER, CLI_SMALLER } cli_better;

typedef struct cli_figure {
    const char *key; /* in a line of JSON, and for --keep */
    const char *tag; /* in TensorBoard; NULL: not there */
    size_t offset;   /* of the double in cli_epoch */
    cli_better better;
    bool validation; /* of the rows to validate on */
} cli_figure;

/* The table; NULL past the end. */
const cli_figure *cli_figure_at(size_t i);
double cli_figure_of(const cli_figure *figure, const cli_epoch *epoch);

/* Epochs in order. Starts as zeros. */
typedef struct cli_history {
    cli_epoch *epochs;
    size_t count, capacity;
} cli_history;

/* Each prints what went wrong and returns an exit code. */
int cli_history_add(cli_history *history, const cli_epoch *epoch);
/* Reads a file of such lines behind what is there. A last line without its end was being written
 * when the run was killed, and does not count; keys that are not in the table do not matter. */
int cli_history_read(const char *path, cli_history *history);
void cli_history_free(cli_history *history);

/* The epoch as an object of an array, and as a line by itself. */
void cli_history_json(const cli_epoch *epoch, cli_json *json);
void cli_history_line(const cli_epoch *epoch, cli_text *text);

#endif
