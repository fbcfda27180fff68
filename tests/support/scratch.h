/* scratch.h - a directory of a test's own, and files in it made from bytes.
 *
 * Every function fails the test where the system refuses. */
#ifndef LN_TESTS_SCRATCH_H
#define LN_TESTS_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

/* cmocka setup and teardown of a suite: make the directory, and remove it with what is in it.
 * *state is its path. */
int scratch_setup(void **state);
int scratch_teardown(void **state);

/* The path of a file in the directory; valid until the fourth call after this one. */
const char *scratch_path(void *const *state, const char *name);

/* Writes a file of these bytes there and returns its path. */
const char *scratch_file(void *const *state, const char *name, const void *data, size_t size);

/* Names in the directory, . and .. aside. */
int scratch_count(void *const *state);

/* Reads a whole file; free the result with free. */
uint8_t *read_bytes(const char *path, size_t *size);

#endif
