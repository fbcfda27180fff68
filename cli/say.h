/* say.h - what the program says on stderr: failures, warnings and progress.
 *
 * A failure is one line, "linnet: PLACE: MESSAGE". Progress is a line that is drawn again and again
 * on a terminal, fitted to its width; elsewhere only what is worth a line of a log is written.
 * Colours are for terminals, and NO_COLOR turns them off. */
#ifndef CLI_SAY_H
#define CLI_SAY_H

#include "linnet.h"
#include "text.h"

enum { CLI_OK = 0, CLI_FAILURE = 1, CLI_USAGE = 2 };

/* Prints a failure and returns CLI_FAILURE, to be written as `return cli_fail(...)`. `place` may be
 * NULL. */
int cli_fail(const char *place, const char *format, ...) CLI_PRINTF(2, 3);
/* As cli_fail, for what was asked for in the wrong way: returns CLI_USAGE. */
int cli_misuse(const char *place, const char *format, ...) CLI_PRINTF(2, 3);
/* Prints an error of the library. `place` (a file, an option) stands before the error's own place,
 * or is NULL where that is enough. */
int cli_fail_with(const char *place, const linnet_error *error);
int cli_fail_memory(void);

void cli_warn(const char *place, const char *format, ...) CLI_PRINTF(2, 3);
/* A line of progress that stays. */
void cli_say(const char *format, ...) CLI_PRINTF(1, 2);

/* Whether stderr is a terminal that a line can be redrawn on, and its columns now. */
bool cli_redraws(void);
size_t cli_width(void);
/* Draws `line` (no longer than the width) in place of the one drawn before; nothing where stderr is
 * no terminal. An empty line clears. Everything above that prints clears it first. */
void cli_draw(const char *line);

/* Seconds since some moment in the past, never going back. */
double cli_seconds(void);

#endif
