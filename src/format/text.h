/* text.h - text in files: what may be shown in a message, what is UTF-8, and text that is put
 * together.
 *
 * Names in a file are the file's author's: they are quoted, shortened and stripped of control
 * characters before they stand in an error. */
#ifndef LN_FORMAT_TEXT_H
#define LN_FORMAT_TEXT_H

#include "linnet.h"

#define LN_QUOTED 72 /* room for a quoted text */

/* 'abc' for a message: control characters and what is not UTF-8 become '?', a long text ends in
 * "...". Returns out. */
const char *ln_quote(const char *text, size_t length, char out[LN_QUOTED]);

/* Whether the bytes are well-formed UTF-8 (no surrogates, no overlong forms). */
bool ln_utf8_valid(const char *text, size_t length);

/* A text that grows. Start with {0}. A failed append is remembered in `failed`, to be looked at
 * once at the end; free `data` with ln_free. */
typedef struct ln_text {
    char *data;
    size_t size;
    size_t capacity;
    bool failed;
} ln_text;

/* Makes the text `size` bytes longer and returns where they begin, to be filled; NULL without
 * memory. */
char *ln_text_extend(ln_text *text, size_t size);
void ln_text_append(ln_text *text, const char *data, size_t size);
void ln_text_append_string(ln_text *text, const char *string);
void ln_text_append_int64(ln_text *text, int64_t value);
/* A JSON string with its quotes; escapes are the short ones of JSON, \u00xx for other control
 * characters, and nothing else. */
void ln_text_append_json(ln_text *text, const char *string);

#endif
