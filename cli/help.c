/* help.c - --help and the manual pages, both out of the table of commands.
 *
 * The pages under man/ are what `linnet --man NAME` prints; a test compares them. */
#include "help.h"

#include <string.h>

#define COLUMNS 80

/* Length of the word at `text`; what stands in brackets, as in a synopsis, is one word. */
static size_t word_length(const char *text)
{
    const char *close = text[0] == '[' ? strchr(text, ']') : NULL;
    return close != NULL ? (size_t)(close - text) + strcspn(close, " ") : strcspn(text, " ");
}

/* The words of `prose`, filled into lines of COLUMNS from column `indent` on. `at` is the column
 * that the first word may stand in already. */
static void fill(cli_text *text, const char *prose, size_t at, size_t indent)
{
    bool first = true;
    for (const char *word = prose + strspn(prose, " "); *word != '\0';) {
        size_t length = word_length(word);
        if (!first && at + 1 + cli_columns(word, length) > COLUMNS) {
            cli_text_add(text, "\n");
            at = 0;
            first = true;
        }
        if (first) {
            cli_text_repeat(text, ' ', at < indent ? indent - at : 0);
            at = at < indent ? indent : at;
        } else {
            cli_text_add(text, " ");
            at++;
        }
        cli_text_bytes(text, word, length);
        at += cli_columns(word, length);
        first = false;
        word += length;
        word += strspn(word, " ");
    }
    cli_text_add(text, "\n");
}

/* "  -o, --output FILE" or "      --epochs N". */
static void option_head(const cli_option *option, cli_text *text)
{
    if (option->letter != 0) {
        cli_text_add(text, "  -%c, --%s", option->letter, option->name);
    } else {
        cli_text_add(text, "      --%s", option->name);
    }
    if (option->value != NULL) {
        cli_text_add(text, " %s", option->value);
    }
}

/* A term at the left, its explanation filled at the right. */
static void explain(cli_text *text, const cli_text *term, const char *prose, const char *standard)
{
    const size_t indent = 26;
    size_t at = cli_columns(term->data, term->length);
    cli_text whole = {0};
    cli_text_add(&whole, "%s", prose);
    if (standard != NULL) {
        cli_text_add(&whole, " (default: %s)", standard);
    }
    cli_text_bytes(text, term->data, term->length);
    if (at + 2 > indent) {
        cli_text_add(text, "\n");
        at = 0;
    }
    if (whole.failed) {
        text->failed = true;
    } else {
        fill(text, whole.data, at, indent);
    }
    cli_text_free(&whole);
}

/* Those of no heading stand first, and --help is one of them. */
static void add_options(const cli_command *command, cli_text *text, cli_text *term)
{
    const cli_option *option = NULL;
    const char *heading;
    bool headed = false;
    cli_text_add(text, "\nOptions:\n");
    for (size_t i = 0; !headed || option != NULL; i++) {
        option = cli_option_below(command, i, &heading);
        if (!headed && (option == NULL || heading != NULL)) {
            cli_text_clear(term);
            cli_text_add(term, "  -h, --help");
            explain(text, term, "print this text", NULL);
            headed = true;
        }
        if (heading != NULL) {
            cli_text_add(text, "\n%s:\n", heading);
        }
        if (option != NULL) {
            cli_text_clear(term);
            option_head(option, term);
            explain(text, term, option->help, option->standard);
        }
    }
}

void cli_help(const cli_command *command, cli_text *text)
{
    cli_text term = {0};
    cli_text_add(text, "usage: linnet %s ", command->name);
    size_t indent = strlen("usage: linnet ") + strlen(command->name) + 1;
    fill(text, command->synopsis, indent, indent);
    for (const char *const *paragraph = command->description; *paragraph != NULL; paragraph++) {
        cli_text_add(text, "\n");
        fill(text, *paragraph, 0, 0);
    }
    if (command->operands->name != NULL) {
        cli_text_add(text, "\nArguments:\n");
    }
    for (const cli_operand *operand = command->operands; operand->name != NULL; operand++) {
        cli_text_clear(&term);
        cli_text_add(&term, "  %s", operand->name);
        explain(text, &term, operand->help, NULL);
    }
    add_options(command, text, &term);
    cli_text_add(text, "\nExamples:\n");
    for (const cli_example *example = command->examples; example->says != NULL; example++) {
        cli_text_add(text, "  # %s\n", example->says);
        for (const char *line = example->line; *line != '\0'; line += *line == '\n') {
            size_t length = strcspn(line, "\n");
            cli_text_add(text, "%s%.*s\n", *line == ' ' ? "" : "  ", (int)length, line);
            line += length;
        }
    }
    text->failed = text->failed || term.failed;
    cli_text_free(&term);
}

void cli_help_all(cli_text *text)
{
    cli_text_add(text, "usage: linnet COMMAND [ARGUMENT]...\n\n");
    fill(text,
         "Train, evaluate and run fully connected networks, written in PyTorch's own text "
         "(Sequential(Linear(784, 256), ReLU(), Linear(256, classes))), on feature files.",
         0, 0);
    cli_text_add(text, "\nCommands:\n");
    for (size_t i = 0; cli_command_at(i) != NULL; i++) {
        cli_text_add(text, "  %-9s  %s\n", cli_command_at(i)->name, cli_command_at(i)->summary);
    }
    cli_text_add(
        text,
        "\n  -h, --help     print this text; linnet COMMAND --help says all about one\n"
        "      --version  print the version\n"
        "      --completion bash|zsh|fish\n"
        "                 print a script that completes commands and options in this shell\n"
        "\nEnvironment:\n"
        "  LINNET_ISA          force a kernel set: scalar, avx2, avx512, avx512_bf16 or neon\n"
        "  LINNET_NUM_THREADS  threads where --threads does not say\n"
        "  NO_COLOR            no colours on a terminal\n\n"
        "Exit status: 0 done, 1 failure, 2 wrong usage.\n");
}

/* ---- manual pages ---- */

/* Text as scdoc takes it literally. */
static void escaped(cli_text *text, const char *prose)
{
    for (const char *c = prose; *c != '\0'; c++) {
        if (strchr("\\*_`#<[|]", *c) != NULL) {
            cli_text_add(text, "\\");
        }
        cli_text_bytes(text, c, 1);
    }
}

static void heading(cli_text *text, const char *name)
{
    cli_text_add(text, "\n# %s\n", name);
}

static void manual_option(cli_text *text, const cli_option *option)
{
    cli_text_add(text, "\n");
    if (option->letter != 0) {
        cli_text_add(text, "*-%c*, ", option->letter);
    }
    cli_text_add(text, "*--%s*", option->name);
    if (option->value != NULL) {
        cli_text_add(text, " _");
        escaped(text, option->value);
        cli_text_add(text, "_");
    }
    cli_text_add(text, "\n\t");
    escaped(text, option->help);
    if (option->standard != NULL) {
        cli_text_add(text, " (default: ");
        escaped(text, option->standard);
        cli_text_add(text, ")");
    }
    cli_text_add(text, "\n");
}

void cli_manual(const cli_command *command, cli_text *text)
{
    cli_text_add(text, "linnet-%s(1)\n", command->name);
    heading(text, "NAME");
    cli_text_add(text, "\nlinnet-%s - %s\n", command->name, command->summary);
    heading(text, "SYNOPSIS");
    cli_text_add(text, "\n*linnet %s* ", command->name);
    escaped(text, command->synopsis);
    cli_text_add(text, "\n");
    heading(text, "DESCRIPTION");
    for (const char *const *paragraph = command->description; *paragraph != NULL; paragraph++) {
        cli_text_add(text, "\n");
        escaped(text, *paragraph);
        cli_text_add(text, "\n");
    }
    for (const cli_operand *operand = command->operands; operand->name != NULL; operand++) {
        cli_text_add(text, "\n_%s_\n\t", operand->name);
        escaped(text, operand->help);
        cli_text_add(text, "\n");
    }
    heading(text, "OPTIONS");
    const cli_option *option;
    const char *above;
    for (size_t i = 0; (option = cli_option_below(command, i, &above)) != NULL; i++) {
        if (above != NULL) {
            cli_text_add(text, "\n## %s\n", above);
        }
        manual_option(text, option);
    }
    heading(text, "EXIT STATUS");
    cli_text_add(text,
                 "\n0 done, 1 failure, 2 wrong usage. A failure is one line on standard error.\n");
    heading(text, "EXAMPLES");
    for (const cli_example *example = command->examples; example->says != NULL; example++) {
        cli_text_add(text, "\n");
        escaped(text, example->says);
        cli_text_add(text, ":\n\n```\n%s\n```\n", example->line);
    }
    heading(text, "SEE ALSO");
    cli_text_add(text, "\n*linnet*(1)");
    for (size_t i = 0; cli_command_at(i) != NULL; i++) {
        if (cli_command_at(i) != command) {
            cli_text_add(text, ", *linnet-%s*(1)", cli_command_at(i)->name);
        }
    }
    cli_text_add(text, "\n");
}
