/* vectors.h - golden numbers from PyTorch 2.6.0 (tests/data/README.md). */
#ifndef LN_TESTS_VECTORS_H
#define LN_TESTS_VECTORS_H

#include <jansson.h>
#include <stddef.h>

/* The whole file; free with json_decref. Fails the test where it cannot be read. */
json_t *vectors_load(void);
/* An array of float32 written as eight hex digits each, little-endian; free with free(). */
float *vectors_floats(const json_t *array, size_t *count);

#endif
