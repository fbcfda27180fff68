/* options.c - options and operands of a command, read out of argv into the command's own struct.
 *
 * Nothing here knows any command; meanings across options (this one needs that one) are checked by
 * the command itself. */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *field(void *values, size_t offset)
{
    return (char *)values + offset;
}

/* ---- the nearest word ---- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

#define LONGEST_WORD 40

/* Letters to insert, delete, replace or swap with their neighbour to make `a` out of `b`. */
static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > LONGEST_WORD || m > LONGEST_WORD) {
        return SIZE_MAX;
    }
    size_t cost[LONGEST_WORD + 1][LONGEST_WORD + 1];
    for (size_t i = 0; i <= n; i++) {
        for (size_t j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            cost[i][j] = least(least(cost[i - 1][j], cost[i][j - 1]) + 1,
                               cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                cost[i][j] = least(cost[i][j], cost[i - 2][j - 2] + 1);
            }
        }
    }
    return cost[n][m];
}

size_t cli_nearest(const char *word, const char *const *names, size_t count)
{
    size_t nearest = count, smallest = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(word), whole = strlen(names[i]);
        bool begins = length >= 2 && strncmp(word, names[i], length) == 0;
        bool goes_on = whole >= 3 && strncmp(word, names[i], whole) == 0; /* "optimizer": optim */
        size_t far = begins ? 0 : goes_on ? 1 + (length - whole) / 4 : distance(word, names[i]);
        if (far < smallest && (begins || goes_on || (length >= 3 && far <= 1 + length / 4))) {
            nearest = i;
            smallest = far;
        }
    }
    return nearest;
}

/* ---- values ---- */

static int wrong_value(const char *place, const char *text, const char *expected)
{
    return cli_misuse(place, "expected %s, found '%s'", expected, text);
}

static int read_int(const cli_option *option, const char *place, const char *text, int64_t *value)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    bool digits = text[0] == '-' || (text[0] >= '0' && text[0] <= '9');
    if (digits && end != text && *end == '\0' && errno == 0 && number >= option->low &&
        number <= option->high) {
        *value = number;
        return CLI_OK;
    }
    char expected[96];
    if (option->high == INT64_MAX) {
        snprintf(expected, sizeof expected, "a whole number from %lld on", (long long)option->low);
    } else {
        snprintf(expected, sizeof expected, "a whole number from %lld to %lld",
                 (long long)option->low, (long long)option->high);
    }
    return wrong_value(place, text, expected);
}

/* A float at *text; moves *text behind it. */
static bool read_float(const char **text, double *value)
{
    char *end;
    if (strchr("+-.0123456789", **text) == NULL || **text == '\0') {
        return false;
    }
    *value = strtod(*text, &end);
    bool read = end != *text && isfinite(*value);
    *text = end;
    return read;
}

static int read_number(const cli_option *option, const char *place, const char *text, double *value)
{
    const char *rest = text;
    double number, divisor = 1;
    bool read = read_float(&rest, &number);
    if (read && *rest == '/') {
        rest++;
        read = read_float(&rest, &divisor);
        number /= divisor;
    }
    if (read && *rest == '\0' && number > (double)option->low && number < (double)option->high) {
        *value = number;
        return CLI_OK;
    }
    char expected[96];
    if (option->high == INT64_MAX) {
        snprintf(expected, sizeof expected, "a number above %lld, such as 0.5 or 1/255",
                 (long long)option->low);
    } else {
        snprintf(expected, sizeof expected, "a number between %lld and %lld, without the ends",
                 (long long)option->low, (long long)option->high);
    }
    return wrong_value(place, text, expected);
}

static int read_choice(const cli_option *option, const char *place, const char *text,
                       const char **value)
{
    size_t length = strlen(text);
    const char *choice = option->value;
    while (length > 0) {
        if (strncmp(choice, text, length) == 0 &&
            (choice[length] == '|' || choice[length] == '\0')) {
            *value = text;
            return CLI_OK;
        }
        choice = strchr(choice, '|');
        if (choice == NULL) {
            break;
        }
        choice++;
    }
    return wrong_value(place, text, option->value);
}

static void list_free(cli_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i]);
    }
    free(list->items);
    *list = (cli_list){0};
}

int cli_list_add(cli_list *list, const char *text, size_t length)
{
    char **items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (items == NULL) {
        return cli_fail_memory();
    }
    list->items = items;
    items[list->count] = strndup(text, length);
    if (items[list->count] == NULL) {
        return cli_fail_memory();
    }
    list->count++;
    return CLI_OK;
}

static int read_list(const char *place, const char *text, cli_list *list)
{
    list_free(list);
    for (const char *item = text;; item++) {
        size_t length = strcspn(item, ",");
        if (length == 0) {
            return wrong_value(place, text, "names between commas");
        }
        int code = cli_list_add(list, item, length);
        item += length;
        if (code != CLI_OK || *item == '\0') {
            return code;
        }
    }
}

static bool is_name(const char *text, size_t length)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    static const char digits[] = "0123456789";
    for (size_t i = 0; i < length; i++) {
        if (strchr(letters, text[i]) == NULL && (i == 0 || strchr(digits, text[i]) == NULL)) {
            return false;
        }
    }
    return length > 0;
}

static int read_set(const cli_option *option, const char *place, const char *text, cli_set *set)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || !is_name(text, (size_t)(equals - text))) {
        return wrong_value(place, text, "NAME=VALUE");
    }
    cli_option number = *option;
    int64_t value;
    int code = read_int(&number, place, equals + 1, &value);
    if (code != CLI_OK) {
        return code;
    }
    for (size_t i = 0; i < set->count; i++) {
        const char *name = set->names[i].name;
        if (strlen(name) == (size_t)(equals - text) && strncmp(name, text, strlen(name)) == 0) {
            set->names[i].value = value; /* the last one counts */
            return CLI_OK;
        }
    }
    linnet_name *names = realloc(set->names, (set->count + 1) * sizeof *names);
    if (names == NULL) {
        return cli_fail_memory();
    }
    set->names = names;
    char *name = strndup(text, (size_t)(equals - text));
    if (name == NULL) {
        return cli_fail_memory();
    }
    names[set->count++] = (linnet_name){.name = name, .value = value};
    return CLI_OK;
}

int cli_read_value(const cli_option *option, const char *place, const char *text, void *values)
{
    void *at = field(values, option->offset);
    switch (option->kind) {
    case CLI_FLAG: *(bool *)at = true; return CLI_OK;
    case CLI_TEXT: *(const char **)at = text; return CLI_OK;
    case CLI_CHOICE: return read_choice(option, place, text, at);
    case CLI_INT: return read_int(option, place, text, at);
    case CLI_NUMBER: return read_number(option, place, text, at);
    case CLI_LIST: return read_list(place, text, at);
    case CLI_SET: return read_set(option, place, text, at);
    case CLI_CONFIG: ((cli_config *)at)->path = text; return CLI_OK;
    case CLI_TEXTS: return cli_list_add(at, text, strlen(text));
    case CLI_HEADING: break;
    }
    return CLI_FAILURE;
}

bool cli_has_word(const char *words, const char *word)
{
    char spaced[LONGEST_WORD + 4];
    snprintf(spaced, sizeof spaced, " %s ", word);
    return words != NULL && strstr(words, spaced) != NULL;
}

const cli_option *cli_option_below(const cli_command *command, size_t i, const char **heading)
{
    const cli_option *const tables[] = {command->options, command->shared};
    *heading = NULL;
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        for (const cli_option *row = tables[t]; row != NULL && row->name != NULL; row++) {
            if (row->kind == CLI_HEADING) {
                *heading = row->name;
            } else if (t == 0 || !cli_has_word(command->unshared, row->name)) {
                if (i-- == 0) {
                    return row;
                }
                *heading = NULL;
            }
        }
    }
    *heading = NULL;
    return NULL;
}

const cli_option *cli_option_at(const cli_command *command, size_t i)
{
    const char *heading;
    return cli_option_below(command, i, &heading);
}

void cli_config_free(cli_config *config)
{
    list_free(&config->texts);
    *config = (cli_config){0};
}

void cli_values_free(const cli_command *command, void *values)
{
    const cli_option *option;
    for (size_t i = 0; (option = cli_option_at(command, i)) != NULL; i++) {
        void *at = field(values, option->offset);
        if (option->kind == CLI_LIST || option->kind == CLI_TEXTS) {
            list_free(at);
        } else if (option->kind == CLI_CONFIG) {
            cli_config_free(at);
        } else if (option->kind == CLI_SET) {
            cli_set *set = at;
            for (size_t k = 0; k < set->count; k++) {
                free((void *)set->names[k].name);
            }
            free(set->names);
            *set = (cli_set){0};
        }
    }
}

/* ---- argv ---- */

const cli_option *cli_find_option(const cli_command *command, const char *name, size_t length)
{
    const cli_option *option;
    for (size_t i = 0; (option = cli_option_at(command, i)) != NULL; i++) {
        if (strncmp(option->name, name, length) == 0 && option->name[length] == '\0') {
            return option;
        }
    }
    return NULL;
}

static const cli_option *find_letter(const cli_command *command, char letter)
{
    const cli_option *option;
    for (size_t i = 0; (option = cli_option_at(command, i)) != NULL; i++) {
        if (option->letter == letter) {
            return option;
        }
    }
    return NULL;
}

const char *cli_nearest_option(const cli_command *command, const char *word)
{
    const cli_option *option;
    const char *names[64];
    size_t count = 0;
    for (size_t i = 0; (option = cli_option_at(command, i)) != NULL && count < 64; i++) {
        names[count++] = option->name;
    }
    size_t nearest = cli_nearest(word, names, count);
    return nearest < count ? names[nearest] : NULL;
}

static int unknown_option(const cli_command *command, const char *argument, size_t length)
{
    char typed[128], word[LONGEST_WORD + 2];
    snprintf(typed, sizeof typed, "%.*s", (int)length, argument);
    snprintf(word, sizeof word, "%s", typed + strspn(typed, "-"));
    const char *nearest = cli_nearest_option(command, word);
    for (const cli_hint *hint = command->hints; hint != NULL && hint->words != NULL; hint++) {
        if (cli_has_word(hint->words, word)) {
            return cli_misuse(typed, "unknown option; %s", hint->says);
        }
    }
    if (nearest != NULL) {
        return cli_misuse(typed, "unknown option; did you mean --%s? (linnet %s --help lists all)",
                          nearest, command->name);
    }
    return cli_misuse(typed, "unknown option (linnet %s --help lists all)", command->name);
}

/* One option at argv[*i]; moves *i to the last argument that it took. */
static int take_option(const cli_command *command, int argc, char *const *argv, int *i,
                       void *values)
{
    const char *argument = argv[*i];
    const cli_option *option;
    const char *value = NULL;
    size_t length = strlen(argument);
    if (argument[1] == '-') {
        length = strcspn(argument, "=");
        option = cli_find_option(command, argument + 2, length - 2);
        value = argument[length] == '=' ? argument + length + 1 : NULL;
    } else {
        option = find_letter(command, argument[1]);
        value = argument[2] != '\0' ? argument + 2 : NULL;
    }
    if (option == NULL) {
        return unknown_option(command, argument, length);
    }
    char place[64];
    snprintf(place, sizeof place, "--%s", option->name);
    if (option->kind == CLI_FLAG && value != NULL) {
        return cli_misuse(place, "takes no value, found '%s'", value);
    }
    if (option->kind != CLI_FLAG && value == NULL) {
        if (*i + 1 >= argc) {
            return cli_misuse(place, "expected a value, %s, found the end of the line",
                              option->value);
        }
        value = argv[++*i];
    }
    return cli_read_value(option, place, value, values);
}

static int take_operand(const cli_command *command, const char *argument, size_t taken,
                        void *values)
{
    size_t count = 0;
    while (command->operands[count].name != NULL) {
        count++;
    }
    if (taken >= count) {
        return cli_misuse(argument, "unexpected argument; usage: linnet %s %s", command->name,
                          command->synopsis);
    }
    *(const char **)field(values, command->operands[taken].offset) = argument;
    return CLI_OK;
}

static bool wants_help(int argc, char *const *argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

int cli_set_standard(const cli_command *command, void *values)
{
    const cli_option *option;
    int code = CLI_OK;
    for (size_t i = 0; code == CLI_OK && (option = cli_option_at(command, i)) != NULL; i++) {
        if (option->standard != NULL) {
            code = cli_read_value(option, option->name, option->standard, values);
        }
    }
    return code;
}

static int read_line(const cli_command *command, int argc, char *const *argv, void *values)
{
    size_t taken = 0;
    bool options = true;
    for (int i = 0; i < argc; i++) {
        int code = CLI_OK;
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
        } else if (options && argv[i][0] == '-' && argv[i][1] != '\0') {
            code = take_option(command, argc, argv, &i, values);
        } else {
            code = take_operand(command, argv[i], taken++, values);
        }
        if (code != CLI_OK) {
            return code;
        }
    }
    return CLI_OK;
}

static cli_config *find_config(const cli_command *command, void *values)
{
    const cli_option *option;
    for (size_t i = 0; (option = cli_option_at(command, i)) != NULL; i++) {
        if (option->kind == CLI_CONFIG) {
            return field(values, option->offset);
        }
    }
    return NULL;
}

/* The line says which file is read before it: it is read again, over what the file says. */
static int read_config(const cli_command *command, int argc, char *const *argv, const char *path,
                       void *values)
{
    cli_values_free(command, values);
    memset(values, 0, command->values_size);
    int code = cli_set_standard(command, values);
    if (code == CLI_OK) {
        code = cli_config_read(command, path, find_config(command, values), values);
    }
    return code == CLI_OK ? read_line(command, argc, argv, values) : code;
}

int cli_parse(const cli_command *command, int argc, char *const *argv, void *values, bool *help)
{
    *help = wants_help(argc, argv);
    if (*help) {
        return CLI_OK;
    }
    int code = cli_set_standard(command, values);
    if (code == CLI_OK) {
        code = read_line(command, argc, argv, values);
    }
    const cli_config *config = find_config(command, values);
    if (code == CLI_OK && config != NULL && config->path != NULL) {
        code = read_config(command, argc, argv, config->path, values);
    }
    for (const cli_operand *o = command->operands; code == CLI_OK && o->name != NULL; o++) {
        if (*(const char **)field(values, o->offset) == NULL) {
            code = cli_misuse(NULL, "%s is missing; usage: linnet %s %s", o->name, command->name,
                              command->synopsis);
        }
    }
    return code;
}
