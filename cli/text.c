/* text.c - text that grows, and numbers as text.
 *
 * The program never calls setlocale, so printf and strtod speak the "C" locale here. */
#include "text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cli_text_free(cli_text *text)
{
    free(text->data);
    *text = (cli_text){0};
}

void cli_text_clear(cli_text *text)
{
    text->length = 0;
    if (text->data != NULL) {
        text->data[0] = '\0';
    }
}

/* Makes room for `more` bytes and the terminating zero. */
static bool reserve(cli_text *text, size_t more)
{
    if (text->failed) {
        return false;
    }
    if (more < text->capacity - text->length) {
        return true;
    }
    size_t capacity = text->capacity < 256 ? 256 : text->capacity;
    while (capacity - text->length <= more) {
        if (capacity > SIZE_MAX / 2) {
            text->failed = true;
            return false;
        }
        capacity *= 2;
    }
    char *data = realloc(text->data, capacity);
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void cli_text_bytes(cli_text *text, const void *bytes, size_t length)
{
    if (length > 0 && reserve(text, length)) {
        memcpy(text->data + text->length, bytes, length);
        text->length += length;
        text->data[text->length] = '\0';
    }
}

void cli_text_add(cli_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        text->failed = true;
    } else if (reserve(text, (size_t)length)) {
        va_start(arguments, format);
        vsnprintf(text->data + text->length, (size_t)length + 1, format, arguments);
        va_end(arguments);
        text->length += (size_t)length;
    }
}

void cli_text_repeat(cli_text *text, char c, size_t count)
{
    if (count > 0 && reserve(text, count)) {
        memset(text->data + text->length, c, count);
        text->length += count;
        text->data[text->length] = '\0';
    }
}

/* Any decimal of up to 6 (15) digits survives the way through a float32 (float64), so where 6
 * digits read back to the value, %g has already dropped every digit that can go. */
void cli_text_float(cli_text *text, float value)
{
    char digits[32];
    for (int precision = 6; precision <= 9; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, (double)value);
        if (strtof(digits, NULL) == value) {
            break;
        }
    }
    cli_text_add(text, "%s", digits);
}

void cli_text_double(cli_text *text, double value)
{
    char digits[40];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value) {
            break;
        }
    }
    cli_text_add(text, "%s", digits);
}

void cli_text_rounded(cli_text *text, double value)
{
    char digits[32];
    double size = fabs(value);
    int power = 0;
    if (isnan(value)) {
        cli_text_add(text, "nan"); /* not "-nan" */
        return;
    }
    if (size == 0 || (size >= 0.00005 && size < 1e6) || isinf(value)) {
        cli_text_add(text, size < 1000 ? "%.4f" : "%.1f", value);
        return;
    }
    snprintf(digits, sizeof digits, size < 1 ? "%.1e" : "%.4e", value);
    char *e = strchr(digits, 'e');
    if (sscanf(e, "e%d", &power) == 1) {
        cli_text_add(text, "%.*se%d", (int)(e - digits), digits, power);
    }
}

void cli_text_size(cli_text *text, uint64_t bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) {
        cli_text_add(text, "%llu bytes", (unsigned long long)bytes);
        return;
    }
    double value = (double)bytes / 1000;
    size_t unit = 0;
    while (value >= 999.95 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1000;
        unit++;
    }
    cli_text_add(text, "%.1f %s", value, units[unit]);
}

void cli_text_grouped(cli_text *text, int64_t number)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)number);
    for (int i = 0; i < length; i++) {
        bool group = i > 0 && digits[i - 1] != '-' && (length - i) % 3 == 0;
        cli_text_add(text, "%s%c", group ? "," : "", digits[i]);
    }
}

void cli_text_name(cli_text *text, const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        bool control = (unsigned char)*c < 0x20 || *c == 0x7f;
        cli_text_bytes(text, control ? "?" : c, 1);
    }
}

void cli_text_shell(cli_text *text, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./,:=@%+";
    if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
        cli_text_add(text, "%s", word);
        return;
    }
    cli_text_add(text, "'");
    for (const char *c = word; *c != '\0'; c++) {
        if (*c == '\'') {
            cli_text_add(text, "'\\''");
        } else {
            cli_text_bytes(text, c, 1);
        }
    }
    cli_text_add(text, "'");
}

size_t cli_sequence(const unsigned char *s)
{
    static const unsigned lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = s[0] < 0x80       ? 1
                    : s[0] >> 5 == 6  ? 2
                    : s[0] >> 4 == 14 ? 3
                    : s[0] >> 3 == 30 ? 4
                                      : 0;
    if (length <= 1) {
        return length;
    }
    unsigned code = s[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (s[i] & 0x3fu);
    }
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < lowest[length] || code > 0x10ffff || surrogate ? 0 : length;
}

static bool continues(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

size_t cli_columns(const char *text, size_t length)
{
    size_t columns = 0;
    for (size_t i = 0; i < length; i++) {
        columns += !continues(text[i]);
    }
    return columns;
}

size_t cli_fitting(const char *text, size_t length, size_t columns)
{
    size_t i = 0;
    while (i < length) {
        if (!continues(text[i])) {
            if (columns == 0) {
                break;
            }
            columns--;
        }
        i++;
    }
    return i;
}

static bool in_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool cli_text_names(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = text; (at = strstr(at, name)) != NULL; at += length) {
        if ((at == text || !in_name(at[-1])) && !in_name(at[length])) {
            return true;
        }
    }
    return false;
}
