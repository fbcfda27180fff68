/* checkpoint_compare.c - the entries of a checkpoint's file: finding them, and comparing them with
 * the run's own. */
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "train/checkpoint.h"

/* ---- finding ---- */

bool ln_checkpoint_begins(const char *name, const char *key)
{
    size_t length = strlen(key);
    return strncmp(name, key, length) == 0 && (name[length] == '.' || name[length] == '\0');
}

/* The first of these keys that anything stands under; NULL: none. */
const char *ln_checkpoint_find(const ln_checkpoint_reading *r, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        for (size_t i = 0; i < linnet_state_dict_count(r->file); i++) {
            if (ln_checkpoint_begins(linnet_state_dict_name(r->file, i), *keys)) {
                return *keys;
            }
        }
        for (size_t i = 0; i < linnet_state_dict_metadata_count(r->file); i++) {
            if (ln_checkpoint_begins(linnet_state_dict_metadata_key(r->file, i), *keys)) {
                return *keys;
            }
        }
    }
    return NULL;
}

const char *ln_checkpoint_text(const ln_checkpoint_reading *r, const char *prefix, const char *key)
{
    char name[LN_CHECKPOINT_NAME];
    snprintf(name, sizeof name, "%s.%s", prefix, key);
    return linnet_state_dict_metadata_get(r->file, name);
}

linnet_status ln_checkpoint_fail(const ln_checkpoint_reading *r, const char *name,
                                 const char *expected, const char *found)
{
    return ln_fail_at(r->error, LINNET_ERROR_FORMAT, r->path, "%s: expected %s, found %.200s", name,
                      expected, found != NULL ? found : "nothing");
}

/* ---- differences ---- */

void ln_checkpoint_differ(ln_checkpoint_reading *r, const char *key, const char *there,
                          const char *here)
{
    char line[256];
    bool shown = there != NULL && strlen(there) <= 80 && strlen(here) <= 80;
    if (r->difference_count++ > 0) {
        ln_text_append_string(&r->differences, "; ");
    }
    if (shown) {
        snprintf(line, sizeof line, "%s %s, here %s", key, there, here);
    } else {
        snprintf(line, sizeof line, "other %s", key);
    }
    ln_text_append_string(&r->differences, line);
}

void ln_checkpoint_differ_number(ln_checkpoint_reading *r, const char *key, const char *there,
                                 double here)
{
    char text[LN_NUMBER_TEXT];
    ln_checkpoint_differ(r, key, there, ln_print_double(here, text));
}

bool ln_checkpoint_number(const char *text, double *number)
{
    return text != NULL && ln_parse_double(text, strlen(text), number);
}

bool ln_checkpoint_pair(const char *text, double numbers[2])
{
    const char *comma = text != NULL ? strchr(text, ',') : NULL;
    size_t length = text != NULL ? strlen(text) : 0;
    return comma != NULL && length > 5 && comma[1] == ' ' &&
           ln_parse_double(text + 1, (size_t)(comma - text) - 1, &numbers[0]) &&
           ln_parse_double(comma + 2, (size_t)(text + length - 1 - (comma + 2)), &numbers[1]);
}

static bool same_value(const ln_parameter *parameter, const ln_value *value, const char *text)
{
    double numbers[2];
    int64_t integer;
    if (strcmp(text, "None") == 0 || value->none) {
        return value->none && strcmp(text, "None") == 0;
    }
    switch (parameter->kind) {
    case LN_KIND_BOOL:
    case LN_KIND_FLAG: return strcmp(text, value->integer != 0 ? "True" : "False") == 0;
    case LN_KIND_PAIR:
        return ln_checkpoint_pair(text, numbers) && numbers[0] == value->number[0] &&
               numbers[1] == value->number[1];
    case LN_KIND_CHOICE: return ln_py_equal(ln_signature_choice(parameter, value->integer), text);
    case LN_KIND_INT:
    case LN_KIND_DIM:
        return ln_parse_int64(text, strlen(text), &integer) && integer == value->integer;
    default: return ln_checkpoint_number(text, numbers) && numbers[0] == value->number[0];
    }
}

void ln_checkpoint_compare(ln_checkpoint_reading *r, const ln_parameter *parameter,
                           const ln_value *value, const char *there)
{
    if (same_value(parameter, value, there)) {
        return;
    }
    char here[2 * LN_NUMBER_TEXT + 8], first[LN_NUMBER_TEXT], second[LN_NUMBER_TEXT];
    if (value->none) {
        snprintf(here, sizeof here, "None");
    } else if (parameter->kind == LN_KIND_BOOL || parameter->kind == LN_KIND_FLAG) {
        snprintf(here, sizeof here, "%s", value->integer != 0 ? "True" : "False");
    } else if (parameter->kind == LN_KIND_PAIR) {
        snprintf(here, sizeof here, "(%s, %s)", ln_print_double(value->number[0], first),
                 ln_print_double(value->number[1], second));
    } else if (parameter->kind == LN_KIND_CHOICE) {
        ln_py_slice choice = ln_signature_choice(parameter, value->integer);
        snprintf(here, sizeof here, "%.*s", LN_PY_SHOWN(choice));
    } else if (parameter->kind == LN_KIND_FLOAT) {
        ln_print_double(value->number[0], here);
    } else {
        snprintf(here, sizeof here, "%lld", (long long)value->integer);
    }
    ln_checkpoint_differ(r, parameter->name, there, here);
}
