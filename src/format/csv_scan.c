/* csv_scan.c - cuts CSV text into records and fields, one pass, no copies.
 *
 * Knows nothing of numbers, headers and labels. */
#include "format/csv_scan.h"

#include <string.h>

/* What can end the plain part of an unquoted field. */
static const bool special[256] = {
    ['\0'] = true, [','] = true, ['\n'] = true, ['\r'] = true, ['"'] = true};

ln_csv_scan ln_csv_begin(const char *text, size_t length)
{
    return (ln_csv_scan){.at = text, .end = text + length, .line = 1, .number = 1};
}

static void skip_blanks(ln_csv_scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t')) {
        scan->at++;
    }
}

/* Steps over what ends a field: a comma, a line end or the end of the text. */
static bool end_field(ln_csv_scan *scan, ln_csv_field *field)
{
    if (scan->at == scan->end) {
        field->last = true;
        return true;
    }
    if (*scan->at == ',') {
        scan->at++;
        scan->number++;
        return true;
    }
    if (*scan->at == '\r' && scan->at + 1 < scan->end && scan->at[1] == '\n') {
        scan->at++;
    }
    if (*scan->at != '\n') {
        return false;
    }
    scan->at++;
    scan->line++;
    scan->number = 1;
    field->last = true;
    return true;
}

/* The text of a quoted field, from behind its first quote. */
static bool read_quoted(ln_csv_scan *scan, ln_csv_field *field, const char **problem)
{
    field->text = scan->at;
    for (;;) {
        while (scan->at < scan->end && *scan->at != '"' && *scan->at != '\0') {
            scan->line += *scan->at == '\n';
            scan->at++;
        }
        if (scan->at == scan->end) {
            *problem = "the quoted field is never closed";
            return false;
        }
        if (*scan->at == '\0') {
            *problem = "expected text, found a zero byte";
            return false;
        }
        if (scan->at + 1 == scan->end || scan->at[1] != '"') {
            break;
        }
        field->doubled = true;
        scan->at += 2;
    }
    field->length = (size_t)(scan->at - field->text);
    scan->at++;
    skip_blanks(scan);
    *problem = "expected a comma or a line end after the closing quote";
    return end_field(scan, field);
}

static bool read_plain(ln_csv_scan *scan, ln_csv_field *field, const char **problem)
{
    field->text = scan->at;
    while (scan->at < scan->end && !special[(unsigned char)*scan->at]) {
        scan->at++;
    }
    const char *end = scan->at;
    while (end > field->text && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    field->length = (size_t)(end - field->text);
    if (end_field(scan, field)) {
        return true;
    }
    *problem = *scan->at == '"'
                   ? "expected a field that is quoted as a whole, found a quote within it"
               : *scan->at == '\r' ? "expected a line feed after the carriage return"
                                   : "expected text, found a zero byte";
    return false;
}

bool ln_csv_next(ln_csv_scan *scan, ln_csv_field *field, const char **problem)
{
    *field = (ln_csv_field){.line = scan->line, .number = scan->number};
    skip_blanks(scan);
    if (scan->at < scan->end && *scan->at == '"') {
        scan->at++;
        return read_quoted(scan, field, problem);
    }
    return read_plain(scan, field, problem);
}

size_t ln_csv_copy(const ln_csv_field *field, char *out)
{
    size_t used = 0;
    for (size_t i = 0; i < field->length; i++) {
        out[used++] = field->text[i];
        /* In a quoted field a quote is always doubled; elsewhere there is none. */
        i += field->text[i] == '"';
    }
    return used;
}

bool ln_csv_equals(const ln_csv_field *field, const char *text)
{
    size_t i = 0;
    for (; i < field->length && *text != '\0' && field->text[i] == *text; i++, text++) {
        i += field->text[i] == '"';
    }
    return i == field->length && *text == '\0';
}
