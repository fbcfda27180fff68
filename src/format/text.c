/* text.c - quoting for messages, UTF-8, and a text that grows.
 *
 * Works on bytes and knows no locale. */
#include "format/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/grow.h"

/* Bytes of the well-formed UTF-8 sequence at text; 0 where there is none. Ranges: Unicode 15, table
 * 3-7. */
static size_t sequence_length(const unsigned char *text, size_t length)
{
    unsigned char lead = text[0];
    if (lead < 0x80) {
        return 1;
    }
    size_t size = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (size == 0 || size > length) {
        return 0;
    }
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    switch (lead) {
    case 0xe0: low = 0xa0; break;  /* shorter forms exist */
    case 0xed: high = 0x9f; break; /* surrogates */
    case 0xf0: low = 0x90; break;
    case 0xf4: high = 0x8f; break; /* past U+10FFFF */
    default: break;
    }
    if (text[1] < low || text[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return size;
}

bool ln_utf8_valid(const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    for (size_t i = 0; i < length;) {
        size_t size = sequence_length(bytes + i, length - i);
        if (size == 0) {
            return false;
        }
        i += size;
    }
    return true;
}

const char *ln_quote(const char *text, size_t length, char out[LN_QUOTED])
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t room = LN_QUOTED - sizeof "'...'";
    size_t used = 0;
    size_t i = 0;
    out[used++] = '\'';
    while (i < length) {
        size_t size = sequence_length(bytes + i, length - i);
        size_t taken = size == 0 ? 1 : size;
        if (used - 1 + taken > room) {
            break;
        }
        if (size == 0 || bytes[i] < 0x20 || bytes[i] == 0x7f ||
            (bytes[i] == 0xc2 && bytes[i + 1] < 0xa0)) {
            out[used++] = '?';
        } else {
            memcpy(out + used, text + i, taken);
            used += taken;
        }
        i += taken;
    }
    memcpy(out + used, i < length ? "...'" : "'", i < length ? sizeof "...'" : sizeof "'");
    return out;
}

char *ln_text_extend(ln_text *text, size_t size)
{
    size_t need = ln_saturated_add(text->size, size);
    char *grown = text->failed ? NULL : ln_grow(text->data, &text->capacity, need, 1);
    if (grown == NULL) {
        text->failed = true;
        return NULL;
    }
    text->data = grown;
    text->size = need;
    return grown + need - size;
}

void ln_text_append(ln_text *text, const char *data, size_t size)
{
    char *to = ln_text_extend(text, size);
    if (to != NULL) {
        memcpy(to, data, size);
    }
}

void ln_text_append_string(ln_text *text, const char *string)
{
    ln_text_append(text, string, strlen(string));
}

void ln_text_append_int64(ln_text *text, int64_t value)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRId64, value);
    ln_text_append(text, digits, (size_t)length);
}

void ln_text_append_json(ln_text *text, const char *string)
{
    static const char from[] = "\"\\\b\f\n\r\t";
    static const char to[] = "\"\\bfnrt";
    static const char digits[] = "0123456789abcdef";
    ln_text_append(text, "\"", 1);
    for (const char *at = string; *at != '\0';) {
        const char *plain = at;
        while ((unsigned char)*at >= 0x20 && *at != '"' && *at != '\\') {
            at++;
        }
        ln_text_append(text, plain, (size_t)(at - plain));
        if (*at == '\0') {
            break;
        }
        const char *known = strchr(from, *at);
        const unsigned char c = (unsigned char)*at++;
        const char escape[] = {
            '\\', known != NULL ? to[known - from] : 'u', '0', '0', digits[c >> 4], digits[c & 15]};
        ln_text_append(text, escape, known != NULL ? 2 : sizeof escape);
    }
    ln_text_append(text, "\"", 1);
}
