/* options.h - options and operands of a command, read out of argv into the command's own struct.
 *
 * Options are rows of a table: --name VALUE, --name=VALUE, -o VALUE, -oVALUE. Operands may stand
 * anywhere; "-" is one; "--" ends the options. Defaults stand in the table as text and are read as
 * if they had been typed. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "linnet.h"
#include "say.h"

typedef enum cli_kind {
    CLI_FLAG,   /* bool; takes no value */
    CLI_TEXT,   /* const char * */
    CLI_CHOICE, /* const char *, one of the words of `value`: "csv|jsonl|npy" */
    CLI_INT,    /* int64_t, low <= value <= high */
    CLI_NUMBER, /* double, low < value < high; a fraction A/B is read too */
    CLI_LIST,   /* cli_list: A,B,C */
    CLI_SET,    /* cli_set: NAME=VALUE, whole numbers; each use adds one */
    CLI_TEXTS,  /* cli_list: any text; each use adds one */
    CLI_CONFIG, /* cli_config: a file of options, which those on the line come over */
    CLI_HEADING /* no option, but what stands in help over those that follow */
} cli_kind;

typedef struct cli_option {
    const char *name;  /* "batch-size" */
    char letter;       /* 'o', or 0 */
    const char *value; /* what help calls the value: "N"; NULL for a flag */
    cli_kind kind;
    size_t offset; /* of the field in the command's struct */
    int64_t low, high;
    const char *standard; /* default, as typed; NULL: the field stays zero */
    const char *help;
} cli_option;

#define CLI_HEADING_ROW(words)                                                                     \
    {                                                                                              \
        words, 0, NULL, CLI_HEADING, 0, 0, 0, NULL, NULL                                           \
    }

/* All operands are needed. Their fields are const char *. */
typedef struct cli_operand {
    const char *name; /* "DATA" */
    size_t offset;
    const char *help;
} cli_operand;

typedef struct cli_list {
    char **items;
    size_t count;
} cli_list;

typedef struct cli_set {
    linnet_name *names;
    size_t count;
} cli_set;

typedef struct cli_config {
    const char *path;
    cli_list texts; /* what values point to */
} cli_config;

struct cli_command;

/* Reads argv[0 .. argc - 1] into `values` (zeroed, values_size of the command). Returns CLI_OK, or
 * CLI_USAGE and has printed why. *help: --help was among them, and nothing else matters. */
int cli_parse(const struct cli_command *command, int argc, char *const *argv, void *values,
              bool *help);
/* Reads one value as if it had been typed behind its option (NULL for a flag), whose `place` errors
 * name. Returns an exit code. */
int cli_read_value(const cli_option *option, const char *place, const char *text, void *values);
/* Sets the defaults in zeroed values. Returns an exit code. */
int cli_set_standard(const struct cli_command *command, void *values);
int cli_list_add(cli_list *list, const char *text, size_t length);
void cli_config_free(cli_config *config);
/* The option of that name, without dashes; NULL: none. And the name of one that is most like a
 * word. */
const cli_option *cli_find_option(const struct cli_command *command, const char *name,
                                  size_t length);
const char *cli_nearest_option(const struct cli_command *command, const char *word);
/* Whether `words`, with a space on either side of each, has this one. */
bool cli_has_word(const char *words, const char *word);
/* Frees what cli_parse allocated in `values`, not `values` itself. */
void cli_values_free(const struct cli_command *command, void *values);

/* The index of the name that a mistyped `word` is most like, or `count` where none is close. */
size_t cli_nearest(const char *word, const char *const *names, size_t count);

#endif
