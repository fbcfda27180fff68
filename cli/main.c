/* main.c - the program linnet: finds the command, reads its arguments, runs it.
 *
 * Results go to standard output, progress and failures to standard error; 0 done, 1 failure, 2
 * wrong usage. */
#include "command.h"
#include "completion.h"
#include "help.h"
#include "output.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

const cli_command *cli_command_at(size_t i)
{
    static const cli_command *const table[] = {
#define CLI_COMMAND(name) &cli_command_##name,
#include "commands.def"
#undef CLI_COMMAND
        NULL,
    };
    return i < sizeof table / sizeof table[0] ? table[i] : NULL;
}

static const cli_command *find(const char *name)
{
    for (size_t i = 0; cli_command_at(i) != NULL; i++) {
        if (strcmp(cli_command_at(i)->name, name) == 0) {
            return cli_command_at(i);
        }
    }
    return NULL;
}

static int unknown_command(const char *word)
{
    const char *names[32];
    cli_text all = {0};
    size_t count = 0;
    for (; cli_command_at(count) != NULL && count < 32; count++) {
        names[count] = cli_command_at(count)->name;
        cli_text_add(&all, "%s%s", count > 0 ? ", " : "", names[count]);
    }
    const char *list = all.data != NULL ? all.data : "";
    size_t nearest = word == NULL ? count : cli_nearest(word, names, count);
    int code;
    if (word == NULL) {
        code = cli_misuse(NULL, "no command; expected one of %s (see linnet --help)", list);
    } else if (nearest < count) {
        code = cli_misuse(word, "unknown command; did you mean %s?", names[nearest]);
    } else if (word[0] == '-') {
        code = cli_misuse(word, "unknown option; expected a command first, one of %s, or --help",
                          list);
    } else {
        code = cli_misuse(word, "unknown command; expected one of %s (see linnet --help)", list);
    }
    cli_text_free(&all);
    return code;
}

static int run(const cli_command *command, int argc, char *const *argv)
{
    void *values = calloc(1, command->values_size);
    if (values == NULL) {
        return cli_fail_memory();
    }
    bool help;
    int code = cli_parse(command, argc, argv, values, &help);
    if (code == CLI_OK && help) {
        cli_text text = {0};
        cli_help(command, &text);
        code = cli_print(&text);
    } else if (code == CLI_OK) {
        code = command->run(values);
    }
    cli_values_free(command, values);
    free(values);
    return code;
}

/* `linnet --man NAME`: not in --help, for the build of the manual. */
static int manual(const char *name)
{
    const cli_command *command = name == NULL ? NULL : find(name);
    if (command == NULL) {
        return unknown_command(name);
    }
    cli_text text = {0};
    cli_manual(command, &text);
    return cli_print(&text);
}

int main(int argc, char **argv)
{
    /* A reader of standard error that goes away ends nothing. For standard output, where one ends
     * the program, output.c takes this back. */
    signal(SIGPIPE, SIG_IGN);
    /* Past a limit of file size a write fails, as on a full disk, and is reported. */
    signal(SIGXFSZ, SIG_IGN);
    const char *word = argc > 1 ? argv[1] : NULL;
    cli_text text = {0};
    if (word == NULL) {
        return unknown_command(NULL);
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        cli_help_all(&text);
        return cli_print(&text);
    }
    if (strcmp(word, "--version") == 0) {
        cli_text_add(&text, "linnet %s\n", linnet_version());
        return cli_print(&text);
    }
    if (strcmp(word, "--man") == 0) {
        return manual(argc > 2 ? argv[2] : NULL);
    }
    if (strcmp(word, "--completion") == 0) {
        int code = cli_completion(argc > 2 ? argv[2] : NULL, &text);
        return code == CLI_OK ? cli_print(&text) : code;
    }
    const cli_command *command = find(word);
    return command == NULL ? unknown_command(word) : run(command, argc - 2, argv + 2);
}
