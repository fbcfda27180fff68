/* toml.h - reads TOML. */
#ifndef CLI_TOML_H
#define CLI_TOML_H

#include <jansson.h>

/* The file's tables as an object, which the caller owns; NULL: the text is no TOML, or holds what
 * toml.c refuses, and that has been said. `path` is what errors name. */
json_t *cli_toml_read(const char *path, const char *text);

#endif
