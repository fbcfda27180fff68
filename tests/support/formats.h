/* formats.h - reading good and hostile files in the tests of formats. */
#ifndef LN_TESTS_FORMATS_H
#define LN_TESTS_FORMATS_H

#include "format/format.h"

/* The path of a file in tests/data/formats; valid until the fourth call after this one. */
const char *data_path(const char *name);

/* Reads a file that has to be good. */
linnet_state_dict *read_good(const char *path, const ln_read_options *options);

/* Writes these bytes to a file of this name in the scratch directory, reads it, and fails unless it
 * is refused with exactly this status, this place (the file's path with `place` behind it) and
 * message. */
void check_refused(void *const *state, const char *name, const void *data, size_t size,
                   const ln_read_options *options, linnet_status status, const char *place,
                   const char *message);

/* Refuses every beginning of a file of tests/data/formats but the whole, each time with a message
 * and the file as place. */
void check_truncations(void *const *state, const char *name);

/* Fails unless the tensor has this dtype and shape. */
void check_tensor(const linnet_tensor *tensor, linnet_dtype dtype, int rank, const int64_t *shape);

#endif
