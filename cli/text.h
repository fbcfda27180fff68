/* text.h - text that grows, and numbers as text.
 *
 * Every result is put together in a cli_text and written by output.h in one piece, so that there is
 * one place where a write can fail. Running out of memory is remembered and reported by that write.
 */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define CLI_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define CLI_PRINTF(text, first)
#endif

/* Starts as zeros. `data` ends in a zero byte that `length` does not count; NULL while empty. */
typedef struct cli_text {
    char *data;
    size_t length, capacity;
    bool failed; /* out of memory: what follows is dropped */
} cli_text;

void cli_text_free(cli_text *text);
/* Empties the text and keeps its memory. */
void cli_text_clear(cli_text *text);
void cli_text_bytes(cli_text *text, const void *bytes, size_t length);
void cli_text_add(cli_text *text, const char *format, ...) CLI_PRINTF(2, 3);
/* `count` times the byte `c`. */
void cli_text_repeat(cli_text *text, char c, size_t count);

/* The shortest decimal text that reads back to the same value. */
void cli_text_float(cli_text *text, float value);
void cli_text_double(cli_text *text, double value);
/* Four decimals, and one of what is large; what they would make 0 has two digits, 3.2e-7, and what
 * they would make very long five. */
void cli_text_rounded(cli_text *text, double value);
/* 7455228 -> "7.5 MB". */
void cli_text_size(cli_text *text, uint64_t bytes);
/* 7455228 -> "7,455,228". */
void cli_text_grouped(cli_text *text, int64_t number);
/* A name from a file, fit for a terminal: control characters become "?". */
void cli_text_name(cli_text *text, const char *name);
/* A word as a shell reads it: in quotes where it needs them. */
void cli_text_shell(cli_text *text, const char *word);

/* Whether a name stands in `text`, whole. */
bool cli_text_names(const char *text, const char *name);

/* Bytes of the UTF-8 sequence at `s`, which ends in a zero byte, or 0 where it is none (overlong
 * forms and surrogates included). */
size_t cli_sequence(const unsigned char *s);
/* Columns that `length` bytes of UTF-8 take on a terminal, one a character. */
size_t cli_columns(const char *text, size_t length);
/* Bytes of the longest beginning of `text` that takes at most `columns`. */
size_t cli_fitting(const char *text, size_t length, size_t columns);

#endif
