/* html.c - pieces of HTML in a cli_text: text that is escaped, and figures that can be read back.
 *
 * It checks no nesting: the callers are ours. */
#include "html.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void cli_html_text(cli_text *text, const char *string)
{
    const unsigned char *s = (const unsigned char *)string;
    while (*s != '\0') {
        size_t length = cli_sequence(s);
        bool control = (*s < 0x20 && *s != '\n' && *s != '\t') || *s == 0x7f;
        if (length == 0) {
            cli_text_add(text, "\xef\xbf\xbd");
            length = 1;
        } else if (*s == '&') {
            cli_text_add(text, "&amp;");
        } else if (*s == '<') {
            cli_text_add(text, "&lt;");
        } else if (*s == '>') {
            cli_text_add(text, "&gt;");
        } else if (*s == '"') {
            cli_text_add(text, "&quot;");
        } else {
            cli_text_bytes(text, control ? (const unsigned char *)"?" : s, length);
        }
        s += length;
    }
}

void cli_html_add(cli_text *text, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    cli_html_text(text, line);
}

static void open_data(cli_text *text, const char *key)
{
    cli_text_add(text, "<data data-key=\"");
    cli_html_text(text, key);
    cli_text_add(text, "\" value=\"");
}

void cli_html_figure(cli_text *text, const char *key, double value, const char *undefined)
{
    open_data(text, key);
    if (!isfinite(value)) {
        cli_text_add(text, "\" title=\"undefined");
        if (undefined != NULL) {
            cli_text_add(text, ": ");
            cli_html_text(text, undefined);
        }
        cli_text_add(text, "\">\xe2\x80\x93</data>");
        return;
    }
    cli_text_double(text, value);
    cli_text_add(text, "\" title=\"");
    cli_text_double(text, value);
    cli_text_add(text, "\">");
    cli_text_rounded(text, value);
    cli_text_add(text, "</data>");
}

void cli_html_count(cli_text *text, const char *key, int64_t value)
{
    open_data(text, key);
    cli_text_add(text, "%lld\">", (long long)value);
    cli_text_grouped(text, value);
    cli_text_add(text, "</data>");
}
