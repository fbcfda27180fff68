/* output.h - where results go: standard output, or a file that appears only when it is complete.
 *
 * A linnet_writer whose failures are printed, as everywhere in the program; every function here
 * returns an exit code. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "say.h"

/* Opens `path`; "-" is standard output, and there a reader that goes away from now on ends the
 * program quietly. */
int cli_output_open(const char *path, linnet_writer **writer);
/* Writes the text and empties it. */
int cli_output_write(linnet_writer *writer, cli_text *text);
/* Ends the output: in its place where `code` is CLI_OK, gone otherwise. Returns `code`, or
 * CLI_FAILURE where it could not be completed. */
int cli_output_close(linnet_writer *writer, int code);

/* Writes the text to standard output and frees it. */
int cli_print(cli_text *text);

#endif
