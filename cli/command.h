/* command.h - the table of commands.
 *
 * A command is one file that exports one const record and stands as one row in commands.def. The
 * record holds all that is known of the command; parsing, --help, errors and the manual page come
 * from it. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "options.h"

/* An example for --help, after which it can be typed: what it does, and the line. */
typedef struct cli_example {
    const char *says;
    const char *line;
} cli_example;

/* Words that people expect to be options, a space on either side of each, and where to say it. */
typedef struct cli_hint {
    const char *words;
    const char *says;
} cli_hint;

/* Lists end with an entry whose first field is NULL. */
typedef struct cli_command {
    const char *name;               /* "train" */
    const char *summary;            /* one line, lower case, for lists of commands */
    const char *synopsis;           /* behind "linnet train " */
    const char *const *description; /* paragraphs */
    const cli_operand *operands;
    const cli_option *options;
    /* Options of another command that this one has as well, behind its own, and into the beginning
     * of its values; NULL: none. Those that `unshared` names, a space on either side of each, are
     * left out. */
    const cli_option *shared;
    const char *unshared;
    const cli_example *examples;
    const cli_hint *hints;          /* NULL: none */
    size_t values_size;             /* of the struct that operands and options fill */
    int (*run)(const void *values); /* returns the exit code */
} cli_command;

/* The table; NULL past the end. */
const cli_command *cli_command_at(size_t i);

/* All options of a command; NULL past the last. */
const cli_option *cli_option_at(const cli_command *command, size_t i);
/* The same, and the heading that stands over this one; NULL: that of the one before. */
const cli_option *cli_option_below(const cli_command *command, size_t i, const char **heading);

#define CLI_COMMAND(name) extern const cli_command cli_command_##name;
#include "commands.def"
#undef CLI_COMMAND

#endif
