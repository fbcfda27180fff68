/* functional_product.c - torch.nn.functional.linear, torch.mm, torch.addmm.
 *
 * PyTorch's shape rules and texts, then one product. linear goes two ways in PyTorch, as addmm
 * where there is a bias and the input is a matrix or lies like one, else as matmul and an addition
 * in place; the ways differ in which shapes of bias they take and in what they say of the others.
 * */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/fpenv.h"
#include "base/memory.h"
#include "kernel/kernel.h"
#include "nn/functional.h"

/* ---- PyTorch's checks ---- */

static const char *type_name(const linnet_tensor *tensor)
{
    const ln_dtype *row = ln_dtype_row(tensor->dtype);
    return row != NULL ? row->type_name : "an unknown dtype";
}

static linnet_status fail_multiplied(int64_t n, int64_t m, int64_t m2, int64_t p,
                                     linnet_error *error)
{
    return ln_fail(error, LINNET_ERROR_SHAPE,
                   "mat1 and mat2 shapes cannot be multiplied (%lldx%lld and %lldx%lld)",
                   (long long)n, (long long)m, (long long)m2, (long long)p);
}

static linnet_status check_same_type(const linnet_tensor *a, const linnet_tensor *b,
                                     linnet_error *error)
{
    if (a->dtype != b->dtype) {
        return ln_fail(error, LINNET_ERROR_SHAPE, "expected scalar type %s but found %s",
                       type_name(a), type_name(b));
    }
    return LINNET_OK;
}

static linnet_status check_float32(const char *function, const char *const names[3],
                                   const linnet_tensor *const tensors[3], linnet_error *error)
{
    linnet_status status = LINNET_OK;
    for (int i = 0; i < 3 && status == LINNET_OK; i++) {
        if (tensors[i] != NULL) {
            status = ln_expect_float32(tensors[i], function, names[i], error);
        }
    }
    return status;
}

/* The view of `self` with the sizes of `target`: missing leading dimensions, and those of size 1,
 * are repeated by a stride of 0. self's sizes have to be checked. */
static linnet_tensor expand(const linnet_tensor *self, const ln_shape *target)
{
    linnet_tensor view = {.data = self->data, .dtype = self->dtype, .rank = target->rank};
    int lead = target->rank - self->rank;
    for (int d = 0; d < target->rank; d++) {
        view.shape[d] = target->size[d];
        view.strides[d] = d >= lead && self->shape[d - lead] != 1 ? self->strides[d - lead] : 0;
    }
    return view;
}

/* tensor.expand(target). */
static linnet_status check_expand(const linnet_tensor *self, const ln_shape *target,
                                  linnet_error *error)
{
    char text[2][LN_SHAPE_TEXT];
    ln_shape shape = ln_tensor_shape(self);
    ln_shape_text(&shape, text[0], sizeof text[0]);
    ln_shape_text(target, text[1], sizeof text[1]);
    if (self->rank > target->rank) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "expand(torch.%sTensor{%s}, size=%s): the number of sizes provided (%d) "
                       "must be greater or equal to the number of dimensions in the tensor (%d)",
                       type_name(self), text[0], text[1], target->rank, self->rank);
    }
    int lead = target->rank - self->rank;
    for (int d = self->rank - 1; d >= 0; d--) {
        if (self->shape[d] != target->size[d + lead] && self->shape[d] != 1) {
            return ln_fail(error, LINNET_ERROR_SHAPE,
                           "The expanded size of the tensor (%lld) must match the existing size "
                           "(%lld) at non-singleton dimension %d.  Target sizes: %s.  Tensor "
                           "sizes: %s",
                           (long long)target->size[d + lead], (long long)self->shape[d], d + lead,
                           text[1], text[0]);
        }
    }
    return LINNET_OK;
}

/* output.add_(other), where output has the sizes of `target`. */
static linnet_status check_add_in_place(const linnet_tensor *other, const ln_shape *target,
                                        linnet_error *error)
{
    ln_shape broadcast = {.rank = other->rank > target->rank ? other->rank : target->rank};
    bool grown = other->rank > target->rank;
    for (int d = broadcast.rank - 1; d >= 0; d--) {
        int i = d - (broadcast.rank - target->rank);
        int j = d - (broadcast.rank - other->rank);
        int64_t a = i >= 0 ? target->size[i] : 1;
        int64_t b = j >= 0 ? other->shape[j] : 1;
        if (a != b && a != 1 && b != 1) {
            return ln_fail(error, LINNET_ERROR_SHAPE,
                           "The size of tensor a (%lld) must match the size of tensor b (%lld) at "
                           "non-singleton dimension %d",
                           (long long)a, (long long)b, d);
        }
        broadcast.size[d] = a == 1 ? b : a;
        grown = grown || broadcast.size[d] != a;
    }
    if (grown) {
        char text[2][LN_SHAPE_TEXT];
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "output with shape %s doesn't match the broadcast shape %s",
                       ln_shape_text(target, text[0], sizeof text[0]),
                       ln_shape_text(&broadcast, text[1], sizeof text[1]));
    }
    return LINNET_OK;
}

/* torch.addmm(input, mat1, mat2). Only sizes and dtypes are looked at. */
static linnet_status check_addmm(const linnet_tensor *input, const linnet_tensor *mat1,
                                 const linnet_tensor *mat2, linnet_error *error)
{
    if (input->dtype != mat2->dtype) {
        return ln_fail(error, LINNET_ERROR_SHAPE, "self and mat2 must have the same dtype");
    }
    if (mat1->dtype != mat2->dtype) {
        return ln_fail(error, LINNET_ERROR_SHAPE, "mat1 and mat2 must have the same dtype");
    }
    if (mat1->rank != 2 || mat2->rank != 2) {
        return ln_fail(error, LINNET_ERROR_SHAPE, "%s must be a matrix, got %d-D tensor",
                       mat1->rank != 2 ? "mat1" : "mat2",
                       mat1->rank != 2 ? mat1->rank : mat2->rank);
    }
    if (mat1->shape[1] != mat2->shape[0]) {
        return fail_multiplied(mat1->shape[0], mat1->shape[1], mat2->shape[0], mat2->shape[1],
                               error);
    }
    ln_shape target = {2, {mat1->shape[0], mat2->shape[1]}};
    return check_expand(input, &target, error);
}

/* ---- the product ---- */

/* The addend of a product as it is laid out for it: contiguous, (n) where all rows have the same
 * one, else (m, n). Owned. `expanded` has n as its last dimension. */
static linnet_status lay_out_bias(const linnet_tensor *expanded, linnet_tensor *bias,
                                  linnet_error *error)
{
    linnet_tensor row = *expanded;
    while (row.rank > 1 && row.strides[0] == 0) {
        row.rank--;
        memmove(row.shape, row.shape + 1, (size_t)row.rank * sizeof *row.shape);
        memmove(row.strides, row.strides + 1, (size_t)row.rank * sizeof *row.strides);
    }
    bool same = row.rank == 1;
    return linnet_tensor_to(same ? &row : expanded, LINNET_FLOAT32, bias, error);
}

/* rows: contiguous, (m, k). */
static void run_product(const ln_kernels *kernels, const linnet_tensor *rows,
                        const linnet_tensor *b, const linnet_tensor *bias, float *packed, float *c)
{
    size_t m = (size_t)rows->shape[0], k = (size_t)b->shape[0], n = (size_t)b->shape[1];
    bool by_row = bias != NULL && bias->rank > 1;
    ln_forward product = {.batch = by_row ? 1 : m,
                          .in = k,
                          .out = n,
                          .ldx = k,
                          .weight = packed,
                          .bias = bias != NULL ? bias->data : NULL,
                          .ldy = n};
    ln_fpenv saved = ln_fpenv_enter();
    ln_pack_weight(kernels, NULL, k, n, b->data, b->strides[1], b->strides[0], packed);
    for (size_t row = 0; row < m; row += product.batch) {
        product.x = (const float *)rows->data + row * k;
        product.y = c + row * n;
        ln_linear_forward(kernels, NULL, &product);
        product.bias = by_row ? product.bias + n : product.bias;
    }
    ln_fpenv_leave(saved);
}

/* result (of any shape with m * n elements) = a (m, k) times b (k, n) + expanded, which may be
 * NULL. */
static linnet_status multiply(const linnet_tensor *a, const linnet_tensor *b,
                              const linnet_tensor *expanded, const ln_shape *shape,
                              linnet_tensor *result, linnet_error *error)
{
    const ln_kernels *kernels;
    linnet_tensor bias = {0}, rows = {0};
    float *packed = NULL;
    linnet_status status =
        linnet_tensor_create(LINNET_FLOAT32, shape->rank, shape->size, result, error);
    if (status == LINNET_OK) {
        status = ln_kernels_select(&kernels, error);
    }
    if (status == LINNET_OK && expanded != NULL) {
        status = lay_out_bias(expanded, &bias, error);
    }
    if (status == LINNET_OK) {
        status = linnet_tensor_to(a, LINNET_FLOAT32, &rows, error);
    }
    if (status == LINNET_OK) {
        size_t size = ln_packed_size(kernels, (size_t)b->shape[0], (size_t)b->shape[1]);
        packed = ln_alloc(size, sizeof *packed);
        if (packed == NULL) {
            status =
                ln_fail_memory(error, ln_saturated_mul(size, sizeof *packed), "a packed matrix");
        }
    }
    if (status == LINNET_OK && linnet_tensor_numel(result) > 0) {
        run_product(kernels, &rows, b, expanded != NULL ? &bias : NULL, packed, result->data);
    }
    ln_free(packed);
    linnet_tensor_free(&rows);
    linnet_tensor_free(&bias);
    if (status != LINNET_OK) {
        linnet_tensor_free(result);
    }
    return status;
}

/* ---- mm, addmm ---- */

linnet_status linnet_mm(const linnet_tensor *mat1, const linnet_tensor *mat2, linnet_tensor *result,
                        linnet_error *error)
{
    linnet_tensor made = {0};
    linnet_status status = LINNET_OK;
    if (mat1->rank != 2 || mat2->rank != 2) {
        status = ln_fail(error, LINNET_ERROR_SHAPE, "%s must be a matrix",
                         mat1->rank != 2 ? "self" : "mat2");
    } else if (mat1->shape[1] != mat2->shape[0]) {
        status =
            fail_multiplied(mat1->shape[0], mat1->shape[1], mat2->shape[0], mat2->shape[1], error);
    } else {
        status = check_same_type(mat1, mat2, error);
    }
    if (status == LINNET_OK) {
        status = ln_expect_float32(mat1, "mm", "matrices", error);
    }
    if (status == LINNET_OK) {
        ln_shape shape = {2, {mat1->shape[0], mat2->shape[1]}};
        status = multiply(mat1, mat2, NULL, &shape, &made, error);
    }
    *result = made;
    return status;
}

/* product = fma(alpha, product, beta * addend), or alpha * product where beta is 0. */
static void scale_and_add(float *product, size_t n, float alpha, float beta, const float *addend)
{
    ln_fpenv saved = ln_fpenv_enter();
    for (size_t i = 0; i < n; i++) {
        product[i] = beta != 0 ? fmaf(alpha, product[i], beta * addend[i]) : alpha * product[i];
    }
    ln_fpenv_leave(saved);
}

linnet_status linnet_addmm(const linnet_tensor *input, const linnet_tensor *mat1,
                           const linnet_tensor *mat2, float beta, float alpha,
                           linnet_tensor *result, linnet_error *error)
{
    linnet_tensor made = {0};
    linnet_tensor addend = {0};
    linnet_status status = check_addmm(input, mat1, mat2, error);
    if (status == LINNET_OK) {
        status = ln_expect_float32(input, "addmm", "tensors", error);
    }
    if (status == LINNET_OK) {
        ln_shape shape = {2, {mat1->shape[0], mat2->shape[1]}};
        linnet_tensor expanded = expand(input, &shape);
        status = linnet_tensor_to(&expanded, LINNET_FLOAT32, &addend, error);
        if (status == LINNET_OK) {
            status = multiply(mat1, mat2, NULL, &shape, &made, error);
        }
    }
    if (status == LINNET_OK) {
        scale_and_add(made.data, (size_t)linnet_tensor_numel(&made), alpha, beta, addend.data);
    }
    linnet_tensor_free(&addend);
    *result = made;
    return status;
}

/* ---- linear ---- */

/* The input's leading dimensions as one: its rows. */
static int64_t leading_numel(const linnet_tensor *input)
{
    ln_shape shape = ln_tensor_shape(input);
    shape.rank = input->rank > 0 ? input->rank - 1 : 0;
    return ln_shape_numel(&shape, 0);
}

/* torch.matmul(input, weight.t()) for a weight of one or two dimensions. */
static linnet_status check_matmul(const linnet_tensor *input, const linnet_tensor *weight,
                                  linnet_error *error)
{
    if (input->rank == 0 || weight->rank == 0) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "both arguments to matmul need to be at least 1D, but they are %dD and %dD",
                       input->rank, weight->rank);
    }
    long long rows = leading_numel(input);
    long long in = input->shape[input->rank - 1];
    long long expected = weight->shape[weight->rank - 1];
    if (input->rank == 1 && weight->rank == 1 && input->dtype != weight->dtype) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "dot : expected both vectors to have same dtype, but found %s and %s",
                       type_name(input), type_name(weight));
    }
    if (in == expected) {
        return check_same_type(input, weight, error);
    }
    if (weight->rank == 2) {
        return fail_multiplied(rows, in, expected, weight->shape[0], error);
    }
    if (input->rank == 1) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "inconsistent tensor size, expected tensor [%lld] and src [%lld] to have "
                       "the same number of elements, but got %lld and %lld elements respectively",
                       in, expected, in, expected);
    }
    return ln_fail(error, LINNET_ERROR_SHAPE, "size mismatch, got %lld, %lldx%lld,%lld", rows, rows,
                   in, expected);
}

/* The shape of the result, and of what a bias is added to. */
static ln_shape linear_shape(const linnet_tensor *input, const linnet_tensor *weight)
{
    ln_shape shape = ln_tensor_shape(input);
    shape.rank--;
    if (weight->rank == 2) {
        shape.size[shape.rank++] = weight->shape[0];
    }
    return shape;
}

static linnet_status check_linear(const linnet_tensor *input, const linnet_tensor *weight,
                                  const linnet_tensor *bias, bool as_addmm, linnet_error *error)
{
    linnet_tensor transposed;
    linnet_status status = linnet_tensor_t(weight, &transposed, error);
    if (status != LINNET_OK) {
        return status;
    }
    if (as_addmm) {
        linnet_tensor matrix = {.dtype = input->dtype, .rank = 2};
        matrix.shape[0] = leading_numel(input);
        matrix.shape[1] = input->shape[input->rank - 1];
        return check_addmm(bias, &matrix, &transposed, error);
    }
    status = check_matmul(input, weight, error);
    if (status == LINNET_OK && bias != NULL) {
        ln_shape shape = linear_shape(input, weight);
        status = check_add_in_place(bias, &shape, error);
    }
    return status;
}

/* The input as a matrix (rows, in): a view where its strides allow it, else a copy that is owned.
 * */
static linnet_status as_matrix(const linnet_tensor *input, linnet_tensor *matrix,
                               linnet_error *error)
{
    if (input->rank == 1) {
        return linnet_tensor_view(input, 2, (const int64_t[]){1, input->shape[0]}, matrix, error);
    }
    return linnet_tensor_flatten(input, 0, input->rank - 2, matrix, error);
}

/* The weight as the product's second matrix, (in, out): a view. */
static linnet_tensor weight_columns(const linnet_tensor *weight)
{
    bool matrix = weight->rank == 2;
    linnet_tensor columns = {.data = weight->data, .dtype = weight->dtype, .rank = 2};
    columns.shape[0] = weight->shape[weight->rank - 1];
    columns.shape[1] = matrix ? weight->shape[0] : 1;
    columns.strides[0] = weight->strides[weight->rank - 1];
    columns.strides[1] = matrix ? weight->strides[0] : 0;
    return columns;
}

/* A bias as the last dimension n of the product wants it. addmm sees the rows as one dimension. */
static linnet_tensor expand_bias(const linnet_tensor *bias, const linnet_tensor *weight,
                                 bool as_addmm, int64_t rows, const ln_shape *shape)
{
    ln_shape flat = {2, {rows, shape->size[shape->rank > 0 ? shape->rank - 1 : 0]}};
    linnet_tensor expanded = expand(bias, as_addmm ? &flat : shape);
    if (weight->rank == 1) {
        expanded.shape[expanded.rank] = 1;
        expanded.strides[expanded.rank++] = 0;
    }
    return expanded;
}

linnet_status linnet_linear(const linnet_tensor *input, const linnet_tensor *weight,
                            const linnet_tensor *bias, linnet_tensor *result, linnet_error *error)
{
    linnet_tensor made = {0};
    linnet_tensor matrix = {0};
    bool as_addmm = bias != NULL &&
                    (input->rank == 2 || (input->rank == 3 && linnet_tensor_is_contiguous(input)));
    linnet_status status = check_linear(input, weight, bias, as_addmm, error);
    if (status == LINNET_OK) {
        status = check_float32("linear", (const char *const[]){"input", "weight", "bias"},
                               (const linnet_tensor *const[]){input, weight, bias}, error);
    }
    if (status == LINNET_OK) {
        status = as_matrix(input, &matrix, error);
    }
    if (status == LINNET_OK) {
        ln_shape shape = linear_shape(input, weight);
        linnet_tensor columns = weight_columns(weight);
        linnet_tensor expanded = {0};
        if (bias != NULL) {
            expanded = expand_bias(bias, weight, as_addmm, matrix.shape[0], &shape);
        }
        status = multiply(&matrix, &columns, bias != NULL ? &expanded : NULL, &shape, &made, error);
    }
    linnet_tensor_free(&matrix);
    *result = made;
    return status;
}
