/* json.c - writes JSON into a cli_text. It reads none, and checks no nesting: the callers are ours.
 */
#include "json.h"

#include <math.h>
#include <string.h>

static void quoted(cli_text *text, const char *string)
{
    cli_text_bytes(text, "\"", 1);
    const unsigned char *s = (const unsigned char *)string;
    while (*s != '\0') {
        size_t length = cli_sequence(s);
        if (length == 0) {
            cli_text_bytes(text, "\\ufffd", 6);
            length = 1;
        } else if (*s == '"' || *s == '\\') {
            cli_text_add(text, "\\%c", *s);
        } else if (*s == '\n') {
            cli_text_bytes(text, "\\n", 2);
        } else if (*s < 0x20 || *s == 0x7f) {
            cli_text_add(text, "\\u%04x", *s);
        } else {
            cli_text_bytes(text, s, length);
        }
        s += length;
    }
    cli_text_bytes(text, "\"", 1);
}

static void begin(cli_json *json, const char *key)
{
    if (json->follows) {
        cli_text_bytes(json->text, ", ", 2);
    }
    json->follows = true;
    if (key != NULL) {
        quoted(json->text, key);
        cli_text_bytes(json->text, ": ", 2);
    }
}

void cli_json_open(cli_json *json, const char *key, char bracket)
{
    begin(json, key);
    cli_text_bytes(json->text, &bracket, 1);
    json->follows = false;
}

void cli_json_close(cli_json *json, char bracket)
{
    cli_text_bytes(json->text, &bracket, 1);
    json->follows = true;
}

void cli_json_string(cli_json *json, const char *key, const char *value)
{
    begin(json, key);
    quoted(json->text, value);
}

void cli_json_int(cli_json *json, const char *key, int64_t value)
{
    begin(json, key);
    cli_text_add(json->text, "%lld", (long long)value);
}

void cli_json_double(cli_json *json, const char *key, double value)
{
    if (!isfinite(value)) {
        cli_json_null(json, key);
        return;
    }
    begin(json, key);
    cli_text_double(json->text, value);
}

void cli_json_float(cli_json *json, const char *key, float value)
{
    if (!isfinite(value)) {
        cli_json_null(json, key);
        return;
    }
    begin(json, key);
    cli_text_float(json->text, value);
}

void cli_json_bool(cli_json *json, const char *key, bool value)
{
    begin(json, key);
    cli_text_add(json->text, "%s", value ? "true" : "false");
}

void cli_json_null(cli_json *json, const char *key)
{
    begin(json, key);
    cli_text_bytes(json->text, "null", 4);
}
