/* tensors.c - tensors over a test's own arrays, and errors compared word for word. */
#include "support/tensors.h"

linnet_tensor view_of(const void *data, linnet_dtype dtype, int rank, const int64_t *shape)
{
    linnet_error error;
    linnet_tensor tensor;
    /* The library reads what it borrows; a tensor has no const of its own. */
    void *borrowed = (void *)(uintptr_t)data;
    check_ok(linnet_tensor_from(borrowed, dtype, rank, shape, &tensor, &error), &error);
    return tensor;
}

linnet_tensor strided_view(const void *data, int rank, const int64_t *shape, const int64_t *strides)
{
    linnet_tensor tensor = {.data = (void *)(uintptr_t)data, .dtype = LINNET_FLOAT32, .rank = rank};
    for (int d = 0; d < rank; d++) {
        tensor.shape[d] = shape[d];
        tensor.strides[d] = strides[d];
    }
    return tensor;
}

int64_t offset_of(const linnet_tensor *tensor, int64_t i)
{
    int64_t offset = 0;
    for (int d = tensor->rank - 1; d >= 0; d--) {
        offset += i % tensor->shape[d] * tensor->strides[d];
        i /= tensor->shape[d];
    }
    return offset;
}

operand make_operand(linnet_dtype dtype, const ln_shape *shape, bool transposed)
{
    linnet_error error;
    operand made;
    ln_shape stored = *shape;
    for (int d = 0; transposed && d < shape->rank; d++) {
        stored.size[d] = shape->size[shape->rank - 1 - d];
    }
    check_ok(linnet_tensor_create(dtype, stored.rank, stored.size, &made.owner, &error), &error);
    made.tensor = made.owner;
    made.tensor.storage = NULL;
    for (int d = 0; transposed && d < shape->rank; d++) {
        made.tensor.shape[d] = shape->size[d];
        made.tensor.strides[d] = made.owner.strides[shape->rank - 1 - d];
    }
    return made;
}

operand random_operand(check_random *random, int rank, const int64_t *shape, bool transposed)
{
    ln_shape wanted = {.rank = rank};
    memcpy(wanted.size, shape, (size_t)rank * sizeof *shape);
    operand made = make_operand(LINNET_FLOAT32, &wanted, transposed);
    check_fill(random, made.owner.data, (size_t)linnet_tensor_numel(&made.owner));
    return made;
}

float element(const linnet_tensor *x, const int64_t *index, int rank)
{
    const float *at = x->data;
    for (int d = 0; d < x->rank; d++) {
        at += x->shape[d] != 1 ? index[rank - x->rank + d] * x->strides[d] : 0;
    }
    return *at;
}

void unravel(int64_t i, const ln_shape *shape, int64_t *index)
{
    for (int d = shape->rank - 1; d >= 0; d--) {
        index[d] = i % shape->size[d];
        i /= shape->size[d];
    }
}

void expect_error(linnet_status found, linnet_status expected, const linnet_error *error,
                  const char *message)
{
    assert_string_equal(error->message, message);
    assert_int_equal(found, expected);
    assert_int_equal(error->status, expected);
}
