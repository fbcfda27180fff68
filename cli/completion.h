/* completion.h - scripts with which shells complete linnet's commands and options. */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include "text.h"

/* Appends the script for "bash", "zsh" or "fish". Returns the exit code: CLI_USAGE for another
 * name, or NULL. */
int cli_completion(const char *shell, cli_text *text);

#endif
