/* weights.h - files of tensors that a command takes, whole or a part of them.
 *
 * Every function prints what went wrong and returns an exit code. */
#ifndef CLI_WEIGHTS_H
#define CLI_WEIGHTS_H

#include "options.h"

/* Which part of a file is meant; NULL: all of it. */
typedef struct cli_part {
    const char *key;    /* the entry of a checkpoint */
    const char *prefix; /* and within it the part of the names */
} cli_part;

/* clang-format off */
#define CLI_PART_ROWS(type, member)                                                                \
    {"key", 0, "NAME", CLI_TEXT, offsetof(type, member.key), 0, 0, NULL,                           \
     "the entry of a checkpoint that holds the weights, such as state_dict"},                      \
    {"prefix", 0, "NAME", CLI_TEXT, offsetof(type, member.prefix), 0, 0, NULL,                     \
     "take only the tensors whose names begin so, such as classifier. or module., and drop that "  \
     "from their names"}
/* clang-format on */

/* Reads the tensors of a file and keeps the part. What the reader has to say of the file is
 * printed. The caller owns the result. */
int cli_load_tensors(const char *path, const cli_part *part, linnet_state_dict **tensors);

/* Copies the weights into the model. A failure says which part of the file would fit, if one does.
 * */
int cli_copy_weights(const char *path, const linnet_state_dict *tensors, linnet_model *model);

#endif
