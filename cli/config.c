/* config.c - a command's options as a JSON object: read from --config, stored with what the command
 * made, and written as the command itself.
 *
 * A member is named as its option, or as its operand in small letters. Its value has the option's
 * type: true or false, a number, a string, an array of strings, or for NAME=VALUE an object. */
#include "config.h"

#include "source.h"
#include "toml.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const void *field_of(const void *values, size_t offset)
{
    return (const char *)values + offset;
}

static void operand_key(const cli_operand *operand, char key[32])
{
    size_t i = 0;
    for (; i + 1 < 32 && operand->name[i] != '\0'; i++) {
        key[i] = (char)tolower((unsigned char)operand->name[i]);
    }
    key[i] = '\0';
}

/* ---- writing ---- */

static void write_list(cli_json *json, const char *key, const cli_list *list)
{
    if (list->count > 0) {
        cli_json_open(json, key, '[');
        for (size_t i = 0; i < list->count; i++) {
            cli_json_string(json, NULL, list->items[i]);
        }
        cli_json_close(json, ']');
    }
}

static void write_set(cli_json *json, const char *key, const cli_set *set)
{
    if (set->count > 0) {
        cli_json_open(json, key, '{');
        for (size_t i = 0; i < set->count; i++) {
            cli_json_int(json, set->names[i].name, set->names[i].value);
        }
        cli_json_close(json, '}');
    }
}

/* One that was not given and has no default is 0, and left out. */
static void write_option(cli_json *json, const cli_option *option, const void *values)
{
    const void *at = field_of(values, option->offset);
    const char *key = option->name;
    switch (option->kind) {
    case CLI_FLAG:
        if (*(const bool *)at) {
            cli_json_bool(json, key, true);
        }
        break;
    case CLI_TEXT:
    case CLI_CHOICE:
        if (*(const char *const *)at != NULL) {
            cli_json_string(json, key, *(const char *const *)at);
        }
        break;
    case CLI_INT:
        if (option->standard != NULL || *(const int64_t *)at != 0) {
            cli_json_int(json, key, *(const int64_t *)at);
        }
        break;
    case CLI_NUMBER:
        if (option->standard != NULL || *(const double *)at != 0) {
            cli_json_double(json, key, *(const double *)at);
        }
        break;
    case CLI_LIST:
    case CLI_TEXTS: write_list(json, key, at); break;
    case CLI_SET: write_set(json, key, at); break;
    case CLI_CONFIG: /* what it says is in the values */
    case CLI_HEADING: break;
    }
}

void cli_config_write(cli_json *json, const cli_command *command, const void *values,
                      const char *left_out)
{
    const cli_option *option;
    for (const cli_operand *operand = command->operands; operand->name != NULL; operand++) {
        char key[32];
        operand_key(operand, key);
        if (!cli_has_word(left_out, key)) {
            cli_json_string(json, key, *(const char *const *)field_of(values, operand->offset));
        }
    }
    for (size_t i = 0; (option = cli_option_at(command, i)) != NULL; i++) {
        if (!cli_has_word(left_out, option->name)) {
            write_option(json, option, values);
        }
    }
}

/* ---- reading ---- */

static int wrong_type(const char *place, const char *expected, const json_t *value)
{
    char *found = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    int code = cli_misuse(place, "expected %s, found %.60s", expected, found != NULL ? found : "?");
    free(found);
    return code;
}

/* Reads a value as if `text` had been typed; the config keeps a copy, for values may point into it.
 * */
static int take_text(const cli_option *option, const char *place, const char *text,
                     cli_config *config, void *values)
{
    int code = cli_list_add(&config->texts, text, strlen(text));
    return code == CLI_OK
               ? cli_read_value(option, place, config->texts.items[config->texts.count - 1], values)
               : code;
}

static int take_number(const cli_option *option, const char *place, const json_t *value,
                       cli_config *config, void *values)
{
    char text[40];
    if (json_is_integer(value)) {
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
    } else {
        snprintf(text, sizeof text, "%.17g", json_real_value(value));
    }
    return take_text(option, place, text, config, values);
}

static int take_strings(const cli_option *option, const char *place, const json_t *array,
                        cli_config *config, void *values)
{
    cli_text joined = {0};
    int code = CLI_OK;
    for (size_t i = 0; code == CLI_OK && i < json_array_size(array); i++) {
        const char *item = json_string_value(json_array_get(array, i));
        if (item == NULL) {
            code = wrong_type(place, "an array of strings", array);
        } else if (option->kind == CLI_TEXTS) {
            code = take_text(option, place, item, config, values);
        } else if (strchr(item, ',') != NULL) {
            code = cli_misuse(place, "expected names without a comma, found '%s'", item);
        } else {
            cli_text_add(&joined, "%s%s", i > 0 ? "," : "", item);
        }
    }
    if (code == CLI_OK && option->kind == CLI_LIST) {
        code = joined.failed ? cli_fail_memory()
                             : take_text(option, place, joined.data != NULL ? joined.data : "",
                                         config, values);
    }
    cli_text_free(&joined);
    return code;
}

static int take_names(const cli_option *option, const char *place, json_t *object,
                      cli_config *config, void *values)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        cli_text text = {0};
        if (!json_is_integer(value)) {
            return wrong_type(place, "whole numbers", object);
        }
        cli_text_add(&text, "%s=%lld", name, (long long)json_integer_value(value));
        int code =
            text.failed ? cli_fail_memory() : take_text(option, place, text.data, config, values);
        cli_text_free(&text);
        if (code != CLI_OK) {
            return code;
        }
    }
    return CLI_OK;
}

static int take_value(const cli_option *option, const char *place, json_t *value,
                      cli_config *config, void *values)
{
    bool number = json_is_number(value), list = option->kind == CLI_LIST;
    switch (option->kind) {
    case CLI_FLAG:
        if (!json_is_boolean(value)) {
            return wrong_type(place, "true or false", value);
        }
        return json_is_true(value) ? cli_read_value(option, place, NULL, values) : CLI_OK;
    case CLI_SET:
        return json_is_object(value) ? take_names(option, place, value, config, values)
                                     : wrong_type(place, "a table of names and numbers", value);
    case CLI_INT:
        return number ? take_number(option, place, value, config, values)
                      : wrong_type(place, "a whole number", value);
    case CLI_NUMBER:
        if (number) {
            return take_number(option, place, value, config, values);
        }
        break;
    case CLI_TEXT:
        if (json_is_integer(value)) { /* a column, by its number */
            return take_number(option, place, value, config, values);
        }
        break;
    default: break;
    }
    if ((list || option->kind == CLI_TEXTS) && json_is_array(value)) {
        return take_strings(option, place, value, config, values);
    }
    if (!json_is_string(value)) {
        return wrong_type(place, list ? "an array of strings" : "a string", value);
    }
    return take_text(option, place, json_string_value(value), config, values);
}

static int take_member(const char *path, const cli_command *command, const char *key, json_t *value,
                       cli_config *config, void *values)
{
    char place[640], name[32];
    snprintf(place, sizeof place, "%.500s: %.100s", path, key);
    const cli_option *option = cli_find_option(command, key, strlen(key));
    for (const cli_operand *operand = command->operands; operand->name != NULL; operand++) {
        operand_key(operand, name);
        if (strcmp(name, key) == 0) {
            cli_option text = {.name = name, .kind = CLI_TEXT, .offset = operand->offset};
            return take_value(&text, place, value, config, values);
        }
    }
    if (option != NULL && option->kind == CLI_CONFIG) {
        return cli_misuse(place, "a file of options cannot name another");
    }
    if (option == NULL) {
        const char *nearest = cli_nearest_option(command, key);
        return nearest != NULL ? cli_misuse(place, "unknown option; did you mean %s?", nearest)
                               : cli_misuse(place, "unknown option (linnet %s --help lists all)",
                                            command->name);
    }
    return take_value(option, place, value, config, values);
}

static int take_members(const char *path, const cli_command *command, json_t *object,
                        cli_config *config, void *values)
{
    const char *key;
    json_t *value;
    int code = CLI_OK;
    json_object_foreach(object, key, value)
    {
        if (code == CLI_OK) {
            code = take_member(path, command, key, value, config, values);
        }
    }
    return code;
}

static bool ends_in(const char *path, const char *end)
{
    size_t length = strlen(path), last = strlen(end);
    return length >= last && strcmp(path + length - last, end) == 0;
}

static int parse(const char *path, const char *text, json_t **object)
{
    json_error_t why;
    if (ends_in(path, ".toml")) {
        *object = cli_toml_read(path, text);
        return *object != NULL ? CLI_OK : CLI_USAGE;
    }
    *object = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    if (*object == NULL) {
        char place[640];
        snprintf(place, sizeof place, "%.500s:%d:%d", path, why.line, why.column);
        return cli_misuse(place, "expected JSON: %s%s", why.text,
                          ends_in(path, ".json") ? "" : " (TOML's files end in .toml)");
    }
    return json_is_object(*object) ? CLI_OK : cli_misuse(path, "expected a JSON object");
}

int cli_config_read(const cli_command *command, const char *path, cli_config *config, void *values)
{
    char *text;
    json_t *object = NULL;
    int code = cli_read_text_file(path, &text);
    if (code != CLI_OK) {
        return code;
    }
    code = parse(path, text, &object);
    if (code == CLI_OK) {
        code = take_members(path, command, object, config, values);
    }
    json_decref(object);
    free(text);
    return code;
}

/* ---- as a command ---- */

/* As it was typed, as far as that can be told: 1/255, not 0.00392156862745098. */
static void add_number(cli_text *text, double number)
{
    double divisor = round(1 / number);
    cli_text digits = {0};
    cli_text_double(&digits, number);
    if (digits.length > 10 && divisor <= 1e6 && 1 / divisor == number) {
        cli_text_add(text, "1/%.0f", divisor);
    } else {
        cli_text_bytes(text, digits.data, digits.length);
    }
    text->failed = text->failed || digits.failed;
    cli_text_free(&digits);
}

static void print_option(const cli_option *option, const void *values, cli_text *text)
{
    const void *at = field_of(values, option->offset);
    const cli_list *list = at;
    const cli_set *set = at;
    cli_text value = {0};
    switch (option->kind) {
    case CLI_FLAG:
        if (*(const bool *)at) {
            cli_text_add(text, " --%s", option->name);
        }
        return;
    case CLI_TEXTS:
        for (size_t i = 0; i < list->count; i++) {
            cli_text_add(text, " --%s ", option->name);
            cli_text_shell(text, list->items[i]);
        }
        return;
    case CLI_SET:
        for (size_t i = 0; i < set->count; i++) {
            cli_text_add(text, " --%s %s=%lld", option->name, set->names[i].name,
                         (long long)set->names[i].value);
        }
        return;
    case CLI_TEXT:
    case CLI_CHOICE:
        if (*(const char *const *)at == NULL) {
            return;
        }
        cli_text_add(&value, "%s", *(const char *const *)at);
        break;
    case CLI_INT: cli_text_add(&value, "%lld", (long long)*(const int64_t *)at); break;
    case CLI_NUMBER: add_number(&value, *(const double *)at); break;
    case CLI_LIST:
        for (size_t i = 0; i < list->count; i++) {
            cli_text_add(&value, "%s%s", i > 0 ? "," : "", list->items[i]);
        }
        break;
    case CLI_CONFIG:
    case CLI_HEADING: return;
    }
    cli_text_add(text, " --%s ", option->name);
    cli_text_shell(text, value.data != NULL ? value.data : "");
    text->failed = text->failed || value.failed;
    cli_text_free(&value);
}

static void print_values(const cli_command *command, const void *values, const void *standard,
                         cli_text *text)
{
    const cli_option *option;
    cli_text_add(text, "linnet %s", command->name);
    for (const cli_operand *operand = command->operands; operand->name != NULL; operand++) {
        const char *word = *(const char *const *)field_of(values, operand->offset);
        cli_text_add(text, word[0] == '-' && word[1] != '\0' ? " ./" : " ");
        cli_text_shell(text, word);
    }
    for (size_t i = 0; (option = cli_option_at(command, i)) != NULL; i++) {
        cli_text here = {0}, there = {0};
        print_option(option, values, &here);
        print_option(option, standard, &there);
        if (here.length > 0 && (there.length == 0 || strcmp(here.data, there.data) != 0)) {
            cli_text_bytes(text, here.data, here.length);
        }
        text->failed = text->failed || here.failed || there.failed;
        cli_text_free(&here);
        cli_text_free(&there);
    }
    cli_text_add(text, "\n");
}

int cli_config_command(const char *place, const cli_command *command, json_t *object,
                       cli_text *text)
{
    cli_config config = {0};
    void *values = calloc(1, command->values_size), *standard = calloc(1, command->values_size);
    int code = values != NULL && standard != NULL ? CLI_OK : cli_fail_memory();
    if (code == CLI_OK) {
        code = cli_set_standard(command, values);
    }
    if (code == CLI_OK) {
        code = cli_set_standard(command, standard);
    }
    if (code == CLI_OK) {
        code = take_members(place, command, object, &config, values);
    }
    for (const cli_operand *o = command->operands; code == CLI_OK && o->name != NULL; o++) {
        if (*(const char *const *)field_of(values, o->offset) == NULL) {
            code = cli_fail(place, "%s is missing", o->name);
        }
    }
    if (code == CLI_OK) {
        print_values(command, values, standard, text);
    }
    if (values != NULL && standard != NULL) {
        cli_values_free(command, values);
        cli_values_free(command, standard);
    }
    cli_config_free(&config);
    free(values);
    free(standard);
    return code == CLI_USAGE ? CLI_FAILURE : code;
}
