/* tensor.h - what the rest of the library needs of tensors beyond linnet.h. */
#ifndef LN_TENSOR_TENSOR_H
#define LN_TENSOR_TENSOR_H

#include "linnet.h"

/* One row of dtypes.def. */
typedef struct ln_dtype {
    linnet_dtype dtype;
    const char *name;        /* PyTorch's: "float32" */
    const char *type_name;   /* PyTorch's in error texts: "Float" */
    const char *safetensors; /* "F32" */
    const char *numpy; /* array-protocol kind and size, without byte order: "f4"; NULL: none */
    size_t size;
    bool floating;
    bool target; /* others convert to it, and data may be of it; all convert to float32 */
} ln_dtype;

/* The row of a dtype; NULL for an unknown value. */
const ln_dtype *ln_dtype_row(linnet_dtype dtype);
/* All rows, for iterating. */
const ln_dtype *ln_dtype_rows(size_t *count);

/* A shape alone, as module shape rules work on it. */
typedef struct ln_shape {
    int rank;
    int64_t size[LINNET_MAX_RANK];
} ln_shape;

/* Product of the sizes from dimension `first` on; 1 for none. Saturates at INT64_MAX. */
int64_t ln_shape_numel(const ln_shape *shape, int first);

/* "[2, 3]" as Python prints it, into text (truncated to size); returns text. */
char *ln_shape_text(const ln_shape *shape, char *text, size_t size);

/* Sets every element of a contiguous tensor of float32 or float64. */
void ln_tensor_fill(linnet_tensor *tensor, double value);

/* A tensor's shape. */
ln_shape ln_tensor_shape(const linnet_tensor *tensor);

/* Fills dtype, shape and row-major strides; data and storage are NULL. Errors as
 * linnet_tensor_from. */
LINNET_NODISCARD linnet_status ln_tensor_describe(linnet_dtype dtype, int rank,
                                                  const int64_t *shape, linnet_tensor *tensor,
                                                  linnet_error *error);

/* A dimension that may count from the end (-1: the last) as an index; a scalar counts as having
 * one. Errors: SHAPE "Dimension out of range (expected to be in range of [-2, 1], but got 2)". */
LINNET_NODISCARD linnet_status ln_wrap_dim(int64_t dim, int rank, int *wrapped,
                                           linnet_error *error);

/* Converts n contiguous elements at `source` to float32, rounded to nearest even; `source` need not
 * be aligned. Runs under the caller's floating-point environment. */
void ln_to_float32(linnet_dtype dtype, const void *source, size_t n, float *out);
/* The same to any dtype that tensors convert to; `out` is aligned. */
void ln_convert(linnet_dtype dtype, const void *source, size_t n, linnet_dtype to_dtype, void *out);

/* What is left of a number in float32 or float64. */
double ln_rounded(linnet_dtype dtype, double value);
/* A number that is one of that dtype as the shortest text that reads back as it; `text` holds
 * LN_NUMBER_TEXT bytes. */
const char *ln_print_rounded(linnet_dtype dtype, double value, char *text);

#endif
