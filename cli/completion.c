/* completion.c - what a shell needs to complete linnet's commands, options and their values, out of
 * the table of commands: `linnet --completion bash`.
 *
 * Values that are one of some words are completed from these words, values that name files by the
 * shell; numbers and texts are not completed. */
#include "completion.h"

#include "command.h"

#include <string.h>

static bool names_files(const cli_option *option)
{
    static const char *const names[] = {"FILE", "DATA", "MODEL", "DIR"};
    bool text = option->kind == CLI_TEXT || option->kind == CLI_TEXTS || option->kind == CLI_CONFIG;
    for (size_t i = 0; text && i < sizeof names / sizeof names[0]; i++) {
        if (strstr(option->value, names[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* The words of "a|b|c" with spaces between them. */
static void add_choices(cli_text *text, const cli_option *option)
{
    for (const char *c = option->value; *c != '\0'; c++) {
        cli_text_bytes(text, *c == '|' ? " " : c, 1);
    }
}

/* The first clause of an option's help. */
static void add_clause(cli_text *text, const char *help)
{
    size_t length = strcspn(help, ";:,(");
    const char *stop = strstr(help, ". ");
    if (stop != NULL && (size_t)(stop - help) < length) {
        length = (size_t)(stop - help);
    }
    while (length > 0 && help[length - 1] == ' ') {
        length--;
    }
    cli_text_bytes(text, help, length);
}

/* Appends `made` as one word of the shell, and frees it. */
static void add_quoted(cli_text *text, cli_text *made)
{
    cli_text_shell(text, made->data != NULL ? made->data : "");
    text->failed = text->failed || made->failed;
    cli_text_free(made);
}

/* ---- bash ---- */

static void bash_option(cli_text *text, const cli_command *command, const cli_option *option)
{
    if (option->kind == CLI_FLAG) {
        return; /* what follows is as if it were not there */
    }
    cli_text_add(text, "        %s:--%s", command->name, option->name);
    if (option->letter != 0) {
        cli_text_add(text, " | %s:-%c", command->name, option->letter);
    }
    cli_text_add(text, ") ");
    if (option->kind == CLI_CHOICE) {
        cli_text_add(text, "words='");
        add_choices(text, option);
        cli_text_add(text, "' ");
    } else if (names_files(option)) {
        cli_text_add(text, "files=yes ");
    }
    cli_text_add(text, ";;\n");
}

static void bash_command(cli_text *text, const cli_command *command)
{
    const cli_option *option;
    for (size_t k = 0; (option = cli_option_at(command, k)) != NULL; k++) {
        bash_option(text, command, option);
    }
    cli_text_add(text, "        %s:*) files=yes words='", command->name);
    for (size_t k = 0; (option = cli_option_at(command, k)) != NULL; k++) {
        cli_text_add(text, "--%s ", option->name);
    }
    cli_text_add(text, "--help' ;;\n");
}

static void bash(cli_text *text)
{
    cli_text_add(
        text, "# bash completion for linnet, as linnet --completion bash prints it\n"
              "_linnet()\n"
              "{\n"
              "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
              "    local words='' files=''\n"
              "    # --option=value comes as three words.\n"
              "    if [[ $current == = ]]; then\n"
              "        current=''\n"
              "    elif [[ $before == = ]]; then\n"
              "        before=${COMP_WORDS[COMP_CWORD - 2]}\n"
              "    fi\n"
              "    if ((COMP_CWORD == 1)); then\n"
              "        words='");
    for (size_t i = 0; cli_command_at(i) != NULL; i++) {
        cli_text_add(text, "%s ", cli_command_at(i)->name);
    }
    cli_text_add(text, "--help --version'\n"
                       "    else\n"
                       "        case ${COMP_WORDS[1]}:$before in\n");
    for (size_t i = 0; cli_command_at(i) != NULL; i++) {
        bash_command(text, cli_command_at(i));
    }
    cli_text_add(text, "        esac\n"
                       "    fi\n"
                       "    COMPREPLY=()\n"
                       "    if [[ -n $words && ($words != --* || $current == -*) ]]; then\n"
                       "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
                       "    elif [[ -n $files ]]; then\n"
                       "        compopt -o filenames 2> /dev/null\n"
                       "        mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
                       "    fi\n"
                       "}\n"
                       "complete -F _linnet linnet\n");
}

/* ---- zsh ---- */

/* Within [...] and behind a colon of a specification. */
static void add_escaped(cli_text *text, const char *words, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (strchr("[]:\\", words[i]) != NULL) {
            cli_text_add(text, "\\");
        }
        cli_text_bytes(text, words + i, 1);
    }
}

/* [what it is]:VALUE:what completes it, and a quote behind it. */
static void zsh_value(cli_text *text, const cli_option *option)
{
    cli_text clause = {0};
    add_clause(&clause, option->help);
    cli_text_add(text, "[");
    add_escaped(text, clause.data != NULL ? clause.data : "", clause.length);
    cli_text_add(text, "]");
    text->failed = text->failed || clause.failed;
    cli_text_free(&clause);
    if (option->kind == CLI_FLAG) {
        return;
    }
    cli_text_add(text, ":");
    add_escaped(text, option->value, strlen(option->value));
    cli_text_add(text, ":");
    if (option->kind == CLI_CHOICE) {
        cli_text_add(text, "(");
        add_choices(text, option);
        cli_text_add(text, ")");
    } else if (names_files(option)) {
        cli_text_add(text, "_files");
    }
}

static void zsh_form(cli_text *text, const cli_option *option, bool letter)
{
    cli_text made = {0};
    if (option->kind == CLI_SET || option->kind == CLI_TEXTS) {
        cli_text_add(&made, "*");
    } else if (option->letter != 0) {
        cli_text_add(&made, "(-%c --%s)", option->letter, option->name);
    }
    if (letter) {
        cli_text_add(&made, "-%c", option->letter);
    } else {
        cli_text_add(&made, "--%s%s", option->name, option->kind == CLI_FLAG ? "" : "=");
    }
    zsh_value(&made, option);
    cli_text_add(text, " \\\n            ");
    add_quoted(text, &made);
}

static void zsh_command(cli_text *text, const cli_command *command)
{
    const cli_option *option;
    cli_text_add(text, "    %s)\n        _arguments", command->name);
    for (size_t k = 0; (option = cli_option_at(command, k)) != NULL; k++) {
        if (option->letter != 0) {
            zsh_form(text, option, true);
        }
        zsh_form(text, option, false);
    }
    for (const cli_operand *operand = command->operands; operand->name != NULL; operand++) {
        cli_text_add(text, " \\\n            ':%s:_files'", operand->name);
    }
    cli_text_add(text, " \\\n            '(-h --help)'{-h,--help}'[print help]'\n        ;;\n");
}

static void zsh(cli_text *text)
{
    cli_text_add(text, "#compdef linnet\n"
                       "# zsh completion for linnet, as linnet --completion zsh prints it\n"
                       "_linnet()\n"
                       "{\n"
                       "    local -a commands=(\n");
    for (size_t i = 0; cli_command_at(i) != NULL; i++) {
        cli_text made = {0};
        cli_text_add(&made, "%s:%s", cli_command_at(i)->name, cli_command_at(i)->summary);
        cli_text_add(text, "        ");
        add_quoted(text, &made);
        cli_text_add(text, "\n");
    }
    cli_text_add(text, "    )\n"
                       "    if ((CURRENT == 2)); then\n"
                       "        _describe command commands\n"
                       "        return\n"
                       "    fi\n"
                       "    local name=$words[2]\n"
                       "    shift words\n"
                       "    ((CURRENT--))\n"
                       "    case $name in\n");
    for (size_t i = 0; cli_command_at(i) != NULL; i++) {
        zsh_command(text, cli_command_at(i));
    }
    cli_text_add(text, "    esac\n"
                       "}\n"
                       "if [[ $funcstack[1] == _linnet ]]; then\n"
                       "    _linnet \"$@\"\n"
                       "else\n"
                       "    compdef _linnet linnet\n"
                       "fi\n");
}

/* ---- fish ---- */

static void fish_option(cli_text *text, const cli_command *command, const cli_option *option)
{
    cli_text words = {0};
    cli_text_add(text, "complete -c linnet -n '__fish_seen_subcommand_from %s' -l %s",
                 command->name, option->name);
    if (option->letter != 0) {
        cli_text_add(text, " -s %c", option->letter);
    }
    if (names_files(option)) {
        cli_text_add(text, " -r -F");
    } else if (option->kind != CLI_FLAG) {
        cli_text_add(text, " -x");
    }
    if (option->kind == CLI_CHOICE) {
        add_choices(&words, option);
        cli_text_add(text, " -a ");
        add_quoted(text, &words);
    }
    add_clause(&words, option->help);
    cli_text_add(text, " -d ");
    add_quoted(text, &words);
    cli_text_add(text, "\n");
}

static void fish(cli_text *text)
{
    cli_text_add(text,
                 "# fish completion for linnet, as linnet --completion fish prints it\n"
                 "complete -c linnet -f\n"
                 "complete -c linnet -n __fish_use_subcommand -l help -s h -d 'print help'\n"
                 "complete -c linnet -n __fish_use_subcommand -l version -d 'print the version'\n");
    for (size_t i = 0; cli_command_at(i) != NULL; i++) {
        const cli_command *command = cli_command_at(i);
        const cli_option *option;
        cli_text_add(text, "complete -c linnet -n __fish_use_subcommand -a %s -d ", command->name);
        cli_text_shell(text, command->summary);
        cli_text_add(text, "\ncomplete -c linnet -n '__fish_seen_subcommand_from %s' -F\n",
                     command->name);
        for (size_t k = 0; (option = cli_option_at(command, k)) != NULL; k++) {
            fish_option(text, command, option);
        }
        cli_text_add(text,
                     "complete -c linnet -n '__fish_seen_subcommand_from %s' -l help -s h "
                     "-d 'print help'\n",
                     command->name);
    }
}

/* ---- the table of shells ---- */

static const struct {
    const char *name;
    void (*print)(cli_text *text);
} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

int cli_completion(const char *shell, cli_text *text)
{
    for (size_t i = 0; shell != NULL && i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(shell, shells[i].name) == 0) {
            shells[i].print(text);
            return CLI_OK;
        }
    }
    return cli_misuse("--completion", "expected bash, zsh or fish, found %s",
                      shell != NULL ? shell : "the end of the line");
}
