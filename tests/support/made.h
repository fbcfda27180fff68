/* made.h - models out of text and datasets out of arrays, for suites in which neither may fail. */
#ifndef LN_TESTS_MADE_H
#define LN_TESTS_MADE_H

#include "linnet.h"

/* A model with parameters of 0, or with PyTorch's initial values under a seed. */
linnet_model *parse_model(const char *text);
linnet_model *make_model(const char *text, uint64_t seed);

/* x: (rows, features), y: (rows) class indices or NULL; both are borrowed. */
linnet_dataset *make_dataset(const float *x, const int64_t *y, int64_t rows, int64_t features);

#endif
