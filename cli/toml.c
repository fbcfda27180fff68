/* toml.c - a TOML file as a JSON object.
 *
 * TOML 1.0 but for what no option can be given by: dates and times, arrays of tables, inf and nan
 * are refused by name. Debian has no library for C that reads it. */
#include "toml.h"

#include "say.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct reading {
    const char *path;
    const char *text, *at; /* the whole, and where the reading is */
    json_t *root;
    json_t **closed; /* inline tables, which nothing may be added to */
    size_t closed_count;
    json_t *headers; /* the tables that had a [header], as an array of themselves */
    int depth;
    bool failed; /* has been said */
} reading;

#define DEEPEST 32

/* ---- errors ---- */

static void fail_at(reading *r, const char *at, const char *message)
{
    if (r->failed) {
        return;
    }
    size_t line = 1, column = 1;
    for (const char *c = r->text; c < at; c++) {
        line += *c == '\n';
        column = *c == '\n' ? 1 : column + ((*c & 0xc0) != 0x80);
    }
    cli_text place = {0};
    cli_text_add(&place, "%s:%zu:%zu", r->path, line, column);
    cli_misuse(place.failed ? r->path : place.data, "%s", message);
    cli_text_free(&place);
    r->failed = true;
}

static void fail(reading *r, const char *message)
{
    fail_at(r, r->at, message);
}

/* ---- space ---- */

static void skip_blanks(reading *r)
{
    r->at += strspn(r->at, " \t");
}

static bool take_newline(reading *r)
{
    if (r->at[0] == '\n' || (r->at[0] == '\r' && r->at[1] == '\n')) {
        r->at += r->at[0] == '\r' ? 2 : 1;
        return true;
    }
    return false;
}

/* Blanks and a comment. */
static void skip_rest(reading *r)
{
    skip_blanks(r);
    if (*r->at == '#') {
        while (*r->at != '\0' && *r->at != '\n' && *r->at != '\r') {
            if (((unsigned char)*r->at < 0x20 && *r->at != '\t') || *r->at == 0x7f) {
                fail(r, "a control character in a comment");
                return;
            }
            r->at++;
        }
    }
}

static void skip_lines(reading *r)
{
    do {
        skip_rest(r);
    } while (!r->failed && take_newline(r));
}

/* ---- strings ---- */

static void add_code_point(cli_text *text, unsigned long code)
{
    unsigned char bytes[4];
    size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = length; i-- > 1;) {
        bytes[i] = (unsigned char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};
    bytes[0] = (unsigned char)(first[length] | code);
    cli_text_bytes(text, bytes, length);
}

/* \uXXXX and \UXXXXXXXX, behind the letter. */
static void read_code_point(reading *r, size_t digits, cli_text *text)
{
    char number[9] = "";
    size_t length = strspn(r->at, "0123456789abcdefABCDEF");
    memcpy(number, r->at, length < digits ? length : digits);
    unsigned long code = strtoul(number, NULL, 16);
    if (length < digits || code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
        fail(r, "expected the hexadecimal number of a character");
        return;
    }
    add_code_point(text, code);
    r->at += digits;
}

/* Behind the backslash. */
static void read_escape(reading *r, bool lines, cli_text *text)
{
    static const char letters[] = "btnfr\"\\", values[] = "\b\t\n\f\r\"\\";
    size_t blanks = strspn(r->at, " \t");
    const char *letter = *r->at != '\0' ? strchr(letters, *r->at) : NULL;
    if (lines && (r->at[blanks] == '\n' || r->at[blanks] == '\r')) {
        r->at += strspn(r->at, " \t\r\n");
    } else if (*r->at == 'u' || *r->at == 'U') {
        r->at++;
        read_code_point(r, r->at[-1] == 'u' ? 4 : 8, text);
    } else if (letter != NULL) {
        cli_text_bytes(text, &values[letter - letters], 1);
        r->at++;
    } else {
        fail_at(r, r->at - 1, "an unknown escape; a literal string '...' has none");
    }
}

/* Whether the string ends here; quotes in front of the last three belong to it. */
static bool take_end(reading *r, char quote, bool lines, cli_text *text)
{
    if (*r->at != quote) {
        return false;
    }
    if (!lines) {
        r->at++;
        return true;
    }
    size_t count = 0;
    while (count < 5 && r->at[count] == quote) {
        count++;
    }
    for (size_t i = 3; i < count; i++) {
        cli_text_bytes(text, &quote, 1);
    }
    r->at += count >= 3 ? count : 0;
    return count >= 3;
}

static void read_characters(reading *r, char quote, bool lines, cli_text *text)
{
    while (!r->failed && !take_end(r, quote, lines, text)) {
        unsigned char c = (unsigned char)*r->at;
        if (c == '\0' || ((c == '\n' || c == '\r') && !lines)) {
            fail(r, "expected the end of the string");
        } else if (c == '\r' || c == '\n') {
            if (take_newline(r)) {
                cli_text_add(text, "\n");
            } else {
                fail(r, "a control character in a string");
            }
        } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
            fail(r, "a control character in a string");
        } else if (c == '\\' && quote == '"') {
            r->at++;
            read_escape(r, lines, text);
        } else {
            cli_text_bytes(text, r->at++, 1);
        }
    }
}

/* At its quote; "..." '...', and with `long_ones` these two three times over too. */
static void read_string(reading *r, bool long_ones, cli_text *text)
{
    char quote = *r->at;
    bool lines = r->at[1] == quote && r->at[2] == quote;
    if (lines && !long_ones) {
        fail(r, "a key is no string of several lines");
        return;
    }
    r->at += lines ? 3 : 1;
    if (lines) {
        take_newline(r);
    }
    read_characters(r, quote, lines, text);
}

static json_t *string_value(reading *r)
{
    const char *start = r->at;
    cli_text text = {0};
    read_string(r, true, &text);
    json_t *value =
        r->failed ? NULL : json_stringn(text.data != NULL ? text.data : "", text.length);
    if (value == NULL) {
        fail_at(r, start, "expected a string in UTF-8");
    }
    cli_text_free(&text);
    return value;
}

/* ---- numbers ---- */

static bool is_digits(const char *text, const char *digits, size_t *length)
{
    size_t n = 0;
    while (text[n] != '\0' && (strchr(digits, text[n]) != NULL ||
                               (text[n] == '_' && n > 0 && text[n - 1] != '_' &&
                                text[n + 1] != '\0' && strchr(digits, text[n + 1]) != NULL))) {
        n++;
    }
    *length = n;
    return n > 0;
}

static json_t *whole_value(reading *r, const char *start, const char *digits, int base)
{
    errno = 0;
    char *end;
    long long number = strtoll(digits, &end, base);
    if (errno != 0 || *end != '\0') {
        fail_at(r, start, "the number is too large");
        return NULL;
    }
    return json_integer(number);
}

static json_t *based_value(reading *r, const char *word)
{
    static const struct {
        char letter;
        int base;
        const char *digits;
    } bases[] = {{'x', 16, "0123456789abcdefABCDEF"}, {'o', 8, "01234567"}, {'b', 2, "01"}};
    char digits[96];
    size_t length, count = 0;
    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
        if (word[1] == bases[i].letter && is_digits(word + 2, bases[i].digits, &length) &&
            word[2 + length] == '\0') {
            for (const char *c = word + 2; *c != '\0'; c++) {
                if (*c != '_') {
                    digits[count++] = *c;
                }
            }
            digits[count] = '\0';
            return whole_value(r, r->at, digits, bases[i].base);
        }
    }
    fail(r, "expected a number behind 0x, 0o or 0b");
    return NULL;
}

/* Whether it is DIGITS[.DIGITS][eDIGITS] without a superfluous 0, and what kind. */
static bool is_number(const char *text, bool *whole)
{
    static const char digits[] = "0123456789";
    size_t length;
    *whole = true;
    text += *text == '+' || *text == '-';
    if (!is_digits(text, digits, &length) || (text[0] == '0' && length > 1)) {
        return false;
    }
    text += length;
    if (*text == '.') {
        *whole = false;
        if (!is_digits(text + 1, digits, &length)) {
            return false;
        }
        text += 1 + length;
    }
    if (*text == 'e' || *text == 'E') {
        *whole = false;
        text += 1 + (text[1] == '+' || text[1] == '-');
        if (!is_digits(text, digits, &length)) {
            return false;
        }
        text += length;
    }
    return *text == '\0';
}

static json_t *number_value(reading *r, const char *word)
{
    char plain[96];
    size_t count = 0;
    bool whole;
    if (word[0] == '0' && (word[1] == 'x' || word[1] == 'o' || word[1] == 'b')) {
        return based_value(r, word);
    }
    if (!is_number(word, &whole)) {
        bool date = strlen(word) >= 5 && (word[4] == '-' || word[2] == ':');
        fail(r,
             date ? "dates and times are no option's value"
                  : "expected a value: a string in quotes, a number, true, false, [...] or {...}");
        return NULL;
    }
    for (const char *c = word; *c != '\0'; c++) {
        if (*c != '_') {
            plain[count++] = *c;
        }
    }
    plain[count] = '\0';
    if (whole) {
        return whole_value(r, r->at, plain, 10);
    }
    json_t *value = json_real(strtod(plain, NULL));
    if (value == NULL) {
        fail(r, "the number is too large");
    }
    return value;
}

/* true, false, a number. */
static json_t *word_value(reading *r)
{
    char word[96];
    size_t length = strcspn(r->at, " \t\r\n,]}#=");
    if (length >= sizeof word) {
        fail(r, "expected a value");
        return NULL;
    }
    memcpy(word, r->at, length);
    word[length] = '\0';
    json_t *value = strcmp(word, "true") == 0    ? json_true()
                    : strcmp(word, "false") == 0 ? json_false()
                                                 : number_value(r, word);
    r->at += length;
    return value;
}

/* ---- arrays, tables ---- */

static json_t *read_value(reading *r);
static void read_pair(reading *r, json_t *table);

static json_t *array_value(reading *r)
{
    json_t *array = json_array();
    r->at++;
    skip_lines(r);
    while (!r->failed && *r->at != ']') {
        if (json_array_append_new(array, read_value(r)) != 0 && !r->failed) {
            fail(r, "out of memory");
        }
        skip_lines(r);
        if (*r->at == ',') {
            r->at++;
            skip_lines(r);
        } else if (*r->at != ']') {
            fail(r, "expected , or ] in the array");
        }
    }
    r->at += !r->failed;
    return array;
}

static void close_table(reading *r, json_t *table)
{
    json_t **closed = realloc(r->closed, (r->closed_count + 1) * sizeof *closed);
    if (closed == NULL) {
        fail(r, "out of memory");
        return;
    }
    r->closed = closed;
    closed[r->closed_count++] = table;
}

static json_t *table_value(reading *r)
{
    json_t *table = json_object();
    r->at++;
    skip_blanks(r);
    bool first = true;
    while (!r->failed && (*r->at != '}' || !first)) {
        read_pair(r, table);
        skip_blanks(r);
        first = false;
        if (*r->at == '}') {
            break;
        }
        if (*r->at != ',') {
            fail(r, "expected , or } in the table");
        } else {
            r->at++;
            skip_blanks(r);
        }
    }
    r->at += !r->failed;
    close_table(r, table);
    return table;
}

static json_t *read_value(reading *r)
{
    json_t *value = NULL;
    if (++r->depth > DEEPEST) {
        fail(r, "values within values, too many");
    } else if (*r->at == '"' || *r->at == '\'') {
        value = string_value(r);
    } else if (*r->at == '[') {
        value = array_value(r);
    } else if (*r->at == '{') {
        value = table_value(r);
    } else {
        value = word_value(r);
    }
    r->depth--;
    return value;
}

/* ---- keys ---- */

static void read_key(reading *r, cli_text *key)
{
    static const char bare[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    skip_blanks(r);
    size_t length = strspn(r->at, bare);
    if (*r->at == '"' || *r->at == '\'') {
        read_string(r, false, key);
    } else if (length == 0) {
        fail(r, "expected a key");
    } else {
        cli_text_bytes(key, r->at, length);
        r->at += length;
    }
    skip_blanks(r);
}

static bool is_closed(const reading *r, const json_t *table)
{
    for (size_t i = 0; i < r->closed_count; i++) {
        if (r->closed[i] == table) {
            return true;
        }
    }
    return false;
}

/* The table `key` of `table`, made where there is none. */
static json_t *step_into(reading *r, json_t *table, const char *start, const char *key)
{
    json_t *next = json_object_get(table, key);
    if (next == NULL && json_object_set_new(table, key, json_object()) == 0) {
        return json_object_get(table, key);
    }
    if (!json_is_object(next) || is_closed(r, next)) {
        fail_at(r, start, "the key has a value already");
        return NULL;
    }
    return next;
}

/* a.b.c: the table that holds the last key, which is left in `key`. */
static json_t *read_path(reading *r, json_t *table, cli_text *key)
{
    const char *start = r->at;
    read_key(r, key);
    while (!r->failed && *r->at == '.') {
        table = step_into(r, table, start, key->data != NULL ? key->data : "");
        r->at++;
        cli_text_clear(key);
        if (table != NULL) {
            read_key(r, key);
        }
    }
    return table;
}

static void read_pair(reading *r, json_t *table)
{
    const char *start = r->at;
    cli_text key = {0};
    table = read_path(r, table, &key);
    const char *name = key.data != NULL ? key.data : "";
    if (!r->failed && *r->at != '=') {
        fail(r, "expected = behind the key");
    }
    if (!r->failed && json_object_get(table, name) != NULL) {
        fail_at(r, start, "the key has a value already");
    }
    if (!r->failed) {
        r->at++;
        skip_blanks(r);
        json_t *value = read_value(r);
        if (!r->failed && json_object_set(table, name, value) != 0) {
            fail_at(r, start, "expected a key in UTF-8");
        }
        json_decref(value);
    }
    cli_text_free(&key);
}

/* [a.b]: the table that the pairs of the next lines are of. */
static json_t *read_header(reading *r)
{
    const char *start = r->at++;
    if (*r->at == '[') {
        fail_at(r, start, "arrays of tables are no option's value");
        return NULL;
    }
    cli_text key = {0};
    json_t *table = read_path(r, r->root, &key);
    if (!r->failed) {
        table = step_into(r, table, start, key.data != NULL ? key.data : "");
    }
    cli_text_free(&key);
    if (!r->failed && *r->at != ']') {
        fail(r, "expected ] behind the name of the table");
    }
    for (size_t i = 0; !r->failed && i < json_array_size(r->headers); i++) {
        if (json_array_get(r->headers, i) == table) {
            fail_at(r, start, "the table is there already");
        }
    }
    if (!r->failed && json_array_append(r->headers, table) != 0) {
        fail(r, "out of memory");
    }
    r->at += !r->failed;
    return table;
}

json_t *cli_toml_read(const char *path, const char *text)
{
    reading r = {
        .path = path, .text = text, .at = text, .root = json_object(), .headers = json_array()};
    json_t *table = r.root;
    skip_lines(&r);
    while (!r.failed && *r.at != '\0') {
        if (*r.at == '[') {
            table = read_header(&r);
        } else {
            read_pair(&r, table);
        }
        if (!r.failed) {
            skip_rest(&r);
            if (!r.failed && *r.at != '\0' && !take_newline(&r)) {
                fail(&r, "expected the end of the line");
            }
        }
        if (!r.failed) {
            skip_lines(&r);
        }
    }
    free(r.closed);
    json_decref(r.headers);
    if (r.failed) {
        json_decref(r.root);
        return NULL;
    }
    return r.root;
}
