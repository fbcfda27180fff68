/* events.h - event files for TensorBoard: scalars over steps.
 *
 * Every function prints what went wrong and returns an exit code. */
#ifndef CLI_EVENTS_H
#define CLI_EVENTS_H

#include "say.h"

#include <stdio.h>

typedef struct cli_events {
    FILE *stream;
    char *path;
} cli_events;

typedef struct cli_scalar {
    const char *tag;
    double value;
} cli_scalar;

/* Begins a file of its own in `directory`, which is made with its parents where it is missing. What
 * other files of the directory hold from `step` on no longer counts: a run that is resumed there
 * goes over it again. */
int cli_events_open(const char *directory, int64_t step, cli_events *events);
/* Writes the scalars of a step, to the disk's cache. */
int cli_events_write(cli_events *events, int64_t step, const cli_scalar *scalars, size_t count);
/* A struct of zeros is fine. Returns `code`, or CLI_FAILURE where the file could not be completed.
 * */
int cli_events_close(cli_events *events, int code);

#endif
