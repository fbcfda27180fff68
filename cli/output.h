/* output.h - where results go: standard output, or a file that appears only when it is complete.
 *
 * A file is written beside its place under another name, flushed to disk and renamed; an interrupt
 * or a failure removes it. What is no regular file (a pipe, /dev/null) is written to as it is. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "report.h"

typedef struct cli_output {
    const char *place; /* for errors: the path, or "<stdout>" */
    char *path;        /* what the temporary file will become; NULL where there is none */
    char *temporary;
    int fd;
} cli_output;

/* `path` NULL or "-": standard output. Every function here prints what went wrong and returns an
 * exit code. */
int cli_output_open(const char *path, cli_output *output);
/* Writes the text and empties it. */
int cli_output_write(cli_output *output, cli_text *text);
/* Ends the output: in its place where `complete`, gone otherwise. Returns `code`, or CLI_FAILURE
 * where it could not be completed. */
int cli_output_close(cli_output *output, bool complete, int code);

/* Writes the text to standard output and frees it. */
int cli_print(cli_text *text);

#endif
