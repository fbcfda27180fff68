/* hub.h - a model as hubs keep it: config.json, and the weights in files beside it.
 *
 *     hub.c           which layout a config is of, which of its tensors are the head, and the head's text
 *     hub_weights.c   the files of weights: one, or several with an index */
#ifndef LN_FORMAT_HUB_H
#define LN_FORMAT_HUB_H

#include <jansson.h>

#include "format/format.h"

#define LN_HUB_CONFIG "config.json"

/* The JSON of a config or an index; free it with json_decref. Errors: FORMAT, UNSUPPORTED (larger
 * than any that is one), MEMORY. */
LINNET_NODISCARD linnet_status ln_hub_parse(const ln_file *file, json_t **json,
                                            linnet_error *error);

/* The weights beside a config. */
typedef struct ln_hub_weights ln_hub_weights;

/* Finds the weights in the folder of the config at `path`. The caller owns them. Errors: IO (no
 * file of weights), FORMAT (the index), MEMORY. */
LINNET_NODISCARD linnet_status ln_hub_open(const char *path, ln_hub_weights **weights,
                                           linnet_error *error);
void ln_hub_close(ln_hub_weights *weights);

/* How many tensors there are in all. */
size_t ln_hub_count(const ln_hub_weights *weights);

/* The tensor of a name, which is the weights'; *tensor is NULL where there is none. Reads the file
 * that holds it, where there are several. Errors: as ln_format_read; FORMAT (not in the file that
 * the index says). */
LINNET_NODISCARD linnet_status ln_hub_find(ln_hub_weights *weights, const char *name,
                                           const linnet_tensor **tensor, linnet_error *error);

#endif
