/* config.h - a command's options as a JSON object, or as TOML. */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include "command.h"
#include "json.h"

#include <jansson.h>

/* Reads a file, TOML where its name ends in .toml, else JSON, into a command's values. Prints what
 * is wrong and returns an exit code. */
int cli_config_read(const cli_command *command, const char *path, cli_config *config, void *values);

/* Adds the members for all operands and options that have a value, but those named in `left_out`,
 * words with a space on either side. */
void cli_config_write(cli_json *json, const cli_command *command, const void *values,
                      const char *left_out);

/* Writes such an object as a line for the shell, without what is the default. `place` is what
 * errors name. Returns an exit code. */
int cli_config_command(const char *place, const cli_command *command, json_t *object,
                       cli_text *text);

#endif
