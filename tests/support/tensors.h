/* tensors.h - tensors over a test's own arrays, and errors compared word for word. */
#ifndef LN_TESTS_TENSORS_H
#define LN_TESTS_TENSORS_H

#include "support/check.h"
#include "tensor/tensor.h"

/* rank and shape, for functions that take both: SHAPE(2, 3). */
#define SHAPE(...)                                                                                 \
    (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[])             \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

/* A contiguous view; fails the test where there is none. */
linnet_tensor view_of(const void *data, linnet_dtype dtype, int rank, const int64_t *shape);

/* A float32 view with these strides. */
linnet_tensor strided_view(const void *data, int rank, const int64_t *shape,
                           const int64_t *strides);

/* A new tensor and the shape that a test sees it under; free `owner`. */
typedef struct operand {
    linnet_tensor tensor;
    linnet_tensor owner;
} operand;

/* Row-major, or column-major where `transposed`: the same shape, other strides. */
operand make_operand(linnet_dtype dtype, const ln_shape *shape, bool transposed);
/* The same in float32, filled at random. */
operand random_operand(check_random *random, int rank, const int64_t *shape, bool transposed);

/* Element `index` (`rank` numbers) of a float32 tensor, broadcast as PyTorch does it: trailing
 * dimensions aligned, sizes of 1 repeated. */
float element(const linnet_tensor *x, const int64_t *index, int rank);
/* The index of element i in row-major order. */
void unravel(int64_t i, const ln_shape *shape, int64_t *index);

/* Offset, in elements, of element i in row-major order. */
int64_t offset_of(const linnet_tensor *tensor, int64_t i);

/* Fails unless a call gave this status and exactly this message. */
void expect_error(linnet_status found, linnet_status expected, const linnet_error *error,
                  const char *message);

#endif
