/* json.h - writes JSON into a cli_text, one value after the other.
 *
 * Keys are NULL inside arrays. Commas, quotes and escapes are put in here; values that JSON does
 * not have (NaN, infinity) become null, bytes that are not UTF-8 become U+FFFD. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include "text.h"

typedef struct cli_json {
    cli_text *text;
    bool follows; /* something stands before in this object or array */
} cli_json;

/* `bracket`: '{' or '[', and '}' or ']' to close. */
void cli_json_open(cli_json *json, const char *key, char bracket);
void cli_json_close(cli_json *json, char bracket);
void cli_json_string(cli_json *json, const char *key, const char *value);
void cli_json_int(cli_json *json, const char *key, int64_t value);
void cli_json_double(cli_json *json, const char *key, double value);
void cli_json_float(cli_json *json, const char *key, float value);
void cli_json_bool(cli_json *json, const char *key, bool value);
void cli_json_null(cli_json *json, const char *key);

#endif
