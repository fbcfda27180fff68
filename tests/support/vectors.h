/* vectors.h - golden numbers from PyTorch 2.6.0 (tests/data/README.md). */
#ifndef LN_TESTS_VECTORS_H
#define LN_TESTS_VECTORS_H

#include <jansson.h>
#include <stddef.h>

/* The numbers of a CPU with AVX2, whose uniform_ rounds once, and of one without. */
#define VECTORS_AVX2 "torch_vectors_avx2.json"
#define VECTORS_DEFAULT "torch/vectors_default.json"

/* The whole file; free with json_decref. Fails the test where it cannot be read. */
json_t *vectors_load(const char *name);
/* An array of float32 written as eight hex digits each, little-endian; free with free(). */
float *vectors_floats(const json_t *array, size_t *count);

#endif
