/* help.h - --help and the manual pages, both out of the table of commands. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "command.h"

/* What `linnet --help` prints. */
void cli_help_all(cli_text *text);
/* What `linnet NAME --help` prints. */
void cli_help(const cli_command *command, cli_text *text);
/* The command's manual page as scdoc source: man/linnet-NAME.1.scd. */
void cli_manual(const cli_command *command, cli_text *text);

#endif
