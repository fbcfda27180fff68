/* functional_bilinear.c - torch.nn.functional.bilinear and its gradients.
 *
 * y_o = sum over i of x1_i t_oi + bias_o with t_oi = sum over j of W_oij x2_j. So the weight is
 * that of a Linear from in2 features to out * in1, and its three products are the kernels'; what
 * stands around them is plain sums in the order of docs/numerics.md. */
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/fpenv.h"
#include "base/memory.h"
#include "kernel/kernel.h"
#include "nn/functional.h"
#include "numeric/sums.h"

/* Rows whose t are held at a time. */
#define BLOCK 64

/* ---- PyTorch's checks ---- */

static linnet_status check_batch(const linnet_tensor *a, const linnet_tensor *b, const char *names,
                                 linnet_error *error)
{
    if (a->rank != b->rank) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "bilinear(): %s dimensions do not match: got %d and %d", names, a->rank,
                       b->rank);
    }
    for (int d = 0; d + 1 < a->rank; d++) {
        if (a->shape[d] != b->shape[d]) {
            return ln_fail(error, LINNET_ERROR_SHAPE,
                           "bilinear(): %s batch dimensions do not match at dim %d: got %lld and "
                           "%lld",
                           names, d, (long long)a->shape[d], (long long)b->shape[d]);
        }
    }
    return LINNET_OK;
}

static linnet_status check_width(const linnet_tensor *tensor, int dim, int64_t expected,
                                 const char *name, linnet_error *error)
{
    return tensor->shape[dim] == expected
               ? LINNET_OK
               : ln_fail(
                     error, LINNET_ERROR_SHAPE,
                     "bilinear(): %s size does not match weight size: got %lld but expected %lld",
                     name, (long long)tensor->shape[dim], (long long)expected);
}

static linnet_status check_ranks(const linnet_tensor *input1, const linnet_tensor *input2,
                                 const linnet_tensor *weight, const linnet_tensor *bias,
                                 linnet_error *error)
{
    if (input1->rank == 0 || weight->rank != 3 || (bias != NULL && bias->rank != 1)) {
        return ln_fail(
            error, LINNET_ERROR_SHAPE,
            "bilinear(): expected inputs of at least 1 dimension, a weight of 3 and a bias "
            "of 1, found %d, %d, %d and %d",
            input1->rank, input2->rank, weight->rank, bias != NULL ? bias->rank : 1);
    }
    return LINNET_OK;
}

static linnet_status check_bilinear(const linnet_tensor *input1, const linnet_tensor *input2,
                                    const linnet_tensor *weight, const linnet_tensor *bias,
                                    linnet_error *error)
{
    linnet_status status = check_batch(input1, input2, "input", error);
    if (status == LINNET_OK) {
        status = check_ranks(input1, input2, weight, bias, error);
    }
    if (status == LINNET_OK) {
        status = check_width(input1, input1->rank - 1, weight->shape[1], "input1", error);
    }
    if (status == LINNET_OK) {
        status = check_width(input2, input2->rank - 1, weight->shape[2], "input2", error);
    }
    if (status == LINNET_OK && bias != NULL) {
        status = check_width(bias, 0, weight->shape[0], "bias", error);
    }
    return status;
}

/* ---- operands ---- */

/* Everything contiguous, and the weight packed as that of a Linear(in2, wide). */
typedef struct bilinear {
    const ln_kernels *kernels;
    size_t rows, in1, in2, out, wide; /* wide: out * in1 */
    linnet_tensor input1, input2, weight, bias;
    float *packed;
    float *t; /* (BLOCK, wide) */
} bilinear;

static void close_bilinear(bilinear *b)
{
    linnet_tensor_free(&b->input1);
    linnet_tensor_free(&b->input2);
    linnet_tensor_free(&b->weight);
    linnet_tensor_free(&b->bias);
    ln_free(b->packed);
    ln_free(b->t);
}

static linnet_status take_floats(size_t count, float **floats, linnet_error *error)
{
    *floats = ln_alloc(count, sizeof **floats);
    return *floats != NULL
               ? LINNET_OK
               : ln_fail_memory(error, ln_saturated_mul(count, sizeof **floats), "bilinear");
}

static linnet_status copy_operand(const linnet_tensor *operand, const char *name,
                                  linnet_tensor *copy, linnet_error *error)
{
    linnet_status status = ln_expect_float32(operand, "bilinear", name, error);
    return status == LINNET_OK ? linnet_tensor_to(operand, LINNET_FLOAT32, copy, error) : status;
}

/* Free with close_bilinear, also after a failure. */
static linnet_status open_bilinear(bilinear *b, const linnet_tensor *input1,
                                   const linnet_tensor *input2, const linnet_tensor *weight,
                                   const linnet_tensor *bias, linnet_error *error)
{
    *b = (bilinear){.kernels = NULL};
    linnet_status status = check_bilinear(input1, input2, weight, bias, error);
    if (status == LINNET_OK) {
        status = ln_kernels_select(&b->kernels, error);
    }
    if (status == LINNET_OK) {
        status = copy_operand(input1, "input1", &b->input1, error);
    }
    if (status == LINNET_OK) {
        status = copy_operand(input2, "input2", &b->input2, error);
    }
    if (status == LINNET_OK) {
        status = copy_operand(weight, "weight", &b->weight, error);
    }
    if (status == LINNET_OK && bias != NULL) {
        status = copy_operand(bias, "bias", &b->bias, error);
    }
    if (status != LINNET_OK) {
        return status;
    }
    ln_shape leading = {.rank = input1->rank - 1};
    memcpy(leading.size, input1->shape, (size_t)leading.rank * sizeof *leading.size);
    b->rows = (size_t)ln_shape_numel(&leading, 0);
    b->out = (size_t)weight->shape[0];
    b->in1 = (size_t)weight->shape[1];
    b->in2 = (size_t)weight->shape[2];
    b->wide = ln_saturated_mul(b->out, b->in1);
    status = take_floats(ln_packed_size(b->kernels, b->in2, b->wide), &b->packed, error);
    if (status == LINNET_OK) {
        status = take_floats(ln_saturated_mul(BLOCK, b->wide), &b->t, error);
    }
    if (status == LINNET_OK) {
        ln_pack_weight(b->kernels, NULL, b->in2, b->wide, b->weight.data, (ptrdiff_t)b->in2, 1,
                       b->packed);
    }
    return status;
}

/* t of `count` rows from `row` on. */
static void fill_t(const bilinear *b, size_t row, size_t count)
{
    ln_forward product = {.batch = count,
                          .in = b->in2,
                          .out = b->wide,
                          .x = (const float *)b->input2.data + row * b->in2,
                          .ldx = b->in2,
                          .weight = b->packed,
                          .y = b->t,
                          .ldy = b->wide};
    ln_linear_forward(b->kernels, NULL, &product);
}

/* ---- forward ---- */

static void forward(const bilinear *b, float *y)
{
    const float *bias = b->bias.data, *x1 = b->input1.data;
    for (size_t first = 0; first < b->rows; first += BLOCK) {
        size_t count = ln_min_size(b->rows - first, BLOCK);
        fill_t(b, first, count);
        for (size_t r = 0; r < count; r++) {
            for (size_t o = 0; o < b->out; o++) {
                *y++ =
                    ln_sum_features(b->in1, x1 + (first + r) * b->in1, 1,
                                    b->t + r * b->wide + o * b->in1, 1, bias != NULL ? bias[o] : 0);
            }
        }
    }
}

linnet_status linnet_bilinear(const linnet_tensor *input1, const linnet_tensor *input2,
                              const linnet_tensor *weight, const linnet_tensor *bias,
                              linnet_tensor *result, linnet_error *error)
{
    bilinear b;
    linnet_tensor made = {0};
    linnet_status status = open_bilinear(&b, input1, input2, weight, bias, error);
    if (status == LINNET_OK) {
        int64_t shape[LINNET_MAX_RANK];
        memcpy(shape, input1->shape, sizeof shape);
        shape[input1->rank - 1] = weight->shape[0];
        status = linnet_tensor_create(LINNET_FLOAT32, input1->rank, shape, &made, error);
    }
    if (status == LINNET_OK && b.wide > 0) {
        ln_fpenv saved = ln_fpenv_enter();
        forward(&b, made.data);
        ln_fpenv_leave(saved);
    } else if (status == LINNET_OK && bias != NULL) {
        /* A sum over nothing is the bias. */
        for (size_t r = 0; r < b.rows && b.out > 0; r++) {
            memcpy((float *)made.data + r * b.out, b.bias.data, b.out * sizeof(float));
        }
    }
    close_bilinear(&b);
    *result = made;
    return status;
}

/* ---- gradients ---- */

static linnet_status take_gradients(const linnet_tensor *input1, const linnet_tensor *input2,
                                    const linnet_tensor *weight,
                                    linnet_bilinear_gradients *gradients, linnet_error *error)
{
    linnet_status status = linnet_tensor_create(LINNET_FLOAT32, input1->rank, input1->shape,
                                                &gradients->input1, error);
    if (status == LINNET_OK) {
        status = linnet_tensor_create(LINNET_FLOAT32, input2->rank, input2->shape,
                                      &gradients->input2, error);
    }
    if (status == LINNET_OK) {
        status = linnet_tensor_create(LINNET_FLOAT32, 3, weight->shape, &gradients->weight, error);
    }
    if (status == LINNET_OK) {
        status = linnet_tensor_create(LINNET_FLOAT32, 1, weight->shape, &gradients->bias, error);
    }
    return status;
}

static void input1_gradient(const bilinear *b, const float *dy, float *dx1)
{
    for (size_t first = 0; first < b->rows; first += BLOCK) {
        size_t count = ln_min_size(b->rows - first, BLOCK);
        fill_t(b, first, count);
        for (size_t r = 0; r < count; r++) {
            for (size_t i = 0; i < b->in1; i++) {
                *dx1++ = ln_sum_features(b->out, dy + (first + r) * b->out, 1,
                                         b->t + r * b->wide + i, b->in1, 0);
            }
        }
    }
}

static void store_stretch(void *context, size_t first, size_t count, const float *gradient)
{
    memcpy((float *)context + first, gradient, count * sizeof *gradient);
}

/* dt (rows, wide) is the gradient of t: dy_o x1_i. The weight's gradient goes by way of `packed`,
 * whose weights are not needed any more. */
static void product_gradients(const bilinear *b, const float *dt, float *turned,
                              linnet_bilinear_gradients *gradients)
{
    ln_input_gradient input = {.batch = b->rows,
                               .in = b->in2,
                               .out = b->wide,
                               .dy = dt,
                               .lddy = b->wide,
                               .turned = turned,
                               .weight = b->packed,
                               .dx = gradients->input2.data,
                               .lddx = b->in2};
    ln_linear_input_gradient(b->kernels, NULL, &input);
    ln_weight_gradient weight = {.batch = b->rows,
                                 .in = b->in2,
                                 .out = b->wide,
                                 .x = b->input2.data,
                                 .ldx = b->in2,
                                 .dy = dt,
                                 .lddy = b->wide,
                                 .take = store_stretch,
                                 .context = b->packed};
    ln_linear_weight_gradient(b->kernels, NULL, &weight);
    ln_unpack_weight(b->kernels, NULL, b->in2, b->wide, b->packed, gradients->weight.data);
}

static linnet_status backward(const bilinear *b, const float *dy,
                              linnet_bilinear_gradients *gradients, linnet_error *error)
{
    float *dt, *turned = NULL;
    const float *x1 = b->input1.data;
    linnet_status status = take_floats(ln_saturated_mul(b->rows, b->wide), &dt, error);
    if (status == LINNET_OK) {
        status = take_floats(ln_turned_size(b->kernels, b->rows, b->wide), &turned, error);
    }
    if (status == LINNET_OK) {
        ln_fpenv saved = ln_fpenv_enter();
        ln_sum_columns(b->kernels, NULL, b->rows, b->out, dy, b->out, gradients->bias.data);
        if (b->rows > 0 && b->wide > 0 && b->in2 > 0) {
            for (size_t at = 0; at < b->rows * b->wide; at++) {
                size_t row = at / b->wide, k = at % b->wide;
                dt[at] = dy[row * b->out + k / b->in1] * x1[row * b->in1 + k % b->in1];
            }
            input1_gradient(b, dy, gradients->input1.data);
            product_gradients(b, dt, turned, gradients);
        }
        ln_fpenv_leave(saved);
    }
    ln_free(dt);
    ln_free(turned);
    return status;
}

linnet_status linnet_bilinear_backward(const linnet_tensor *gradient, const linnet_tensor *input1,
                                       const linnet_tensor *input2, const linnet_tensor *weight,
                                       linnet_bilinear_gradients *gradients, linnet_error *error)
{
    bilinear b;
    linnet_bilinear_gradients made = {.bias = {0}};
    linnet_tensor dy = {0};
    linnet_status status = open_bilinear(&b, input1, input2, weight, NULL, error);
    if (status == LINNET_OK) {
        status = check_batch(gradient, input1, "gradient", error);
    }
    if (status == LINNET_OK) {
        status = check_width(gradient, gradient->rank - 1, weight->shape[0], "gradient", error);
    }
    if (status == LINNET_OK) {
        status = copy_operand(gradient, "gradient", &dy, error);
    }
    if (status == LINNET_OK) {
        status = take_gradients(input1, input2, weight, &made, error);
    }
    if (status == LINNET_OK) {
        status = backward(&b, dy.data, &made, error);
    }
    if (status != LINNET_OK) {
        linnet_bilinear_gradients_free(&made);
    }
    linnet_tensor_free(&dy);
    close_bilinear(&b);
    *gradients = made;
    return status;
}

void linnet_bilinear_gradients_free(linnet_bilinear_gradients *gradients)
{
    linnet_tensor_free(&gradients->input1);
    linnet_tensor_free(&gradients->input2);
    linnet_tensor_free(&gradients->weight);
    linnet_tensor_free(&gradients->bias);
}
