/* pyfail.c - errors that point into model text: sentence, line, caret.
 *
 * The text may be anything: long lines are cut to a window, tabs count and show as one space, and
 * what is not printable or not UTF-8 shows as '?', so that the caret stands under its character. */
#include "base/pytext.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Characters of the line that are shown; where more are cut off, CUT stands beside them. */
#define WINDOW 76
#define CUT "..."
/* Bytes of the sentence: the two lines below it must always fit into the message. */
#define SENTENCE 560

static size_t sequence_size(unsigned char lead)
{
    return lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1;
}

/* Bytes of the character at `offset`, which is before `end`: 1 for a stray byte. *printable:
 * whether it can be shown as it is. */
static size_t character(ln_py_slice source, size_t offset, size_t end, bool *printable)
{
    const unsigned char *c = (const unsigned char *)source.text + offset;
    size_t size = sequence_size(c[0]);
    *printable = size > 1 || (c[0] >= 0x20 && c[0] < 0x7f);
    if (size > end - offset) {
        *printable = false;
        return 1;
    }
    for (size_t i = 1; i < size; i++) {
        if ((c[i] & 0xc0) != 0x80) {
            *printable = false;
            return 1;
        }
    }
    return size;
}

/* Where in the text an offset lies. */
typedef struct position {
    size_t line, column; /* from 1 */
    size_t begin, end;   /* of the line */
} position;

static position locate(ln_py_slice source, size_t offset)
{
    position at = {.line = 1, .column = 1};
    for (size_t i = 0; i < offset; i++) {
        if (source.text[i] == '\n') {
            at.line++;
            at.begin = i + 1;
        }
    }
    for (at.end = offset; at.end < source.length && source.text[at.end] != '\n'; at.end++) {
    }
    bool printable = false;
    for (size_t i = at.begin; i < offset; at.column++) {
        i += character(source, i, offset, &printable);
    }
    return at;
}

/* Characters from..to of the line, counted from 0, as they are shown. */
static size_t copy_characters(ln_py_slice source, const position *at, size_t from, size_t to,
                              char *out)
{
    size_t length = 0, number = 0;
    for (size_t i = at->begin; i < at->end && number < to; number++) {
        bool printable = false;
        size_t size = character(source, i, at->end, &printable);
        char c = source.text[i];
        if (number >= from && printable) {
            memcpy(out + length, source.text + i, size);
            length += size;
        } else if (number >= from) {
            out[length++] = c == '\t' || c == '\r' || c == '\f' ? ' ' : '?';
        }
        i += size;
    }
    while (length > 0 && out[length - 1] == ' ') {
        length--;
    }
    out[length] = '\0';
    return length;
}

static size_t count_characters(ln_py_slice source, const position *at)
{
    size_t count = 0;
    bool printable = false;
    for (size_t i = at->begin; i < at->end; count++) {
        i += character(source, i, at->end, &printable);
    }
    return count;
}

/* The line and the caret, each after a line break. */
static void draw(ln_py_slice source, const position *at, char *out, size_t size)
{
    size_t count = count_characters(source, at);
    size_t target = at->column - 1;
    size_t from = 0, to = count;
    if (count > WINDOW) {
        from = target > WINDOW / 2 ? target - WINDOW / 2 : 0;
        from = from > count - WINDOW ? count - WINDOW : from;
        to = from + WINDOW;
    }
    const char *before = from > 0 ? CUT : "";
    const char *after = to < count ? CUT : "";
    char shown[WINDOW * 4 + 1];
    copy_characters(source, at, from, to, shown);
    int indent = (int)(target - from + strlen(before));
    snprintf(out, size, "\n%s%s%s\n%*s^", before, shown, after, indent, "");
}

linnet_status ln_py_fail(linnet_error *error, linnet_status status, ln_py_slice source,
                         size_t offset, const char *format, ...)
{
    if (error == NULL) {
        return status;
    }
    char sentence[SENTENCE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    position at = locate(source, offset);
    char place[64];
    snprintf(place, sizeof place, "line %zu, column %zu", at.line, at.column);
    char drawing[sizeof error->message - SENTENCE];
    draw(source, &at, drawing, sizeof drawing);
    return ln_fail_at(error, status, place, "%s%s", sentence, drawing);
}
