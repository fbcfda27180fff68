/* functional.c - the functions of torch.nn.functional that work element by element or row by row.
 *
 * Each copies its input into the result, contiguous, and runs a row kernel there. The products are
 * in functional_product.c. */
#include "nn/functional.h"

#include "base/error.h"
#include "base/fpenv.h"
#include "base/memory.h"
#include "base/number.h"
#include "kernel/kernel.h"
#include "nn/dropout.h"
#include "numeric/random.h"

linnet_status ln_expect_float32(const linnet_tensor *tensor, const char *function,
                                const char *argument, linnet_error *error)
{
    if (tensor->dtype == LINNET_FLOAT32) {
        return LINNET_OK;
    }
    const char *name = linnet_dtype_name(tensor->dtype);
    return ln_fail(error, LINNET_ERROR_UNSUPPORTED, "%s: expected %s of dtype float32, found %s",
                   function, argument, name != NULL ? name : "an unknown dtype");
}

/* What every function here begins with: its kernels, and its input as a contiguous result. */
static linnet_status begin(const linnet_tensor *input, const char *function,
                           const ln_kernels **kernels, linnet_tensor *result, linnet_error *error)
{
    linnet_status status = ln_expect_float32(input, function, "input", error);
    if (status == LINNET_OK) {
        status = ln_kernels_select(kernels, error);
    }
    return status == LINNET_OK ? linnet_tensor_to(input, LINNET_FLOAT32, result, error) : status;
}

linnet_status linnet_relu(const linnet_tensor *input, linnet_tensor *result, linnet_error *error)
{
    linnet_tensor made = {0};
    const ln_kernels *kernels;
    linnet_status status = begin(input, "relu", &kernels, &made, error);
    if (status == LINNET_OK) {
        ln_fpenv saved = ln_fpenv_enter();
        kernels->relu((size_t)linnet_tensor_numel(&made), made.data, made.data);
        ln_fpenv_leave(saved);
    }
    *result = made;
    return status;
}

/* ---- dropout ---- */

static linnet_status drop(const ln_kernels *kernels, double p, uint64_t seed, linnet_tensor *x,
                          linnet_error *error)
{
    size_t numel = (size_t)linnet_tensor_numel(x);
    size_t columns = x->rank > 0 ? (size_t)x->shape[x->rank - 1] : 1;
    uint8_t *keep;
    linnet_status status = ln_alloc_into(&keep, columns, 1, "a dropout mask", error);
    if (status != LINNET_OK) {
        return status;
    }
    ln_fpenv saved = ln_fpenv_enter();
    ln_philox_key key = ln_philox_stream(seed, 0, 0, 0);
    uint32_t threshold = ln_dropout_threshold(p);
    float scale = ln_dropout_scale(p);
    float *data = x->data;
    for (size_t row = 0; row * columns < numel; row++) {
        float *stretch = data + row * columns;
        kernels->philox_keep(columns, key.word, row, 0, threshold, keep);
        kernels->dropout(columns, keep, scale, stretch, stretch);
    }
    ln_fpenv_leave(saved);
    ln_free(keep);
    return LINNET_OK;
}

linnet_status linnet_dropout(const linnet_tensor *input, double p, bool training, uint64_t seed,
                             linnet_tensor *result, linnet_error *error)
{
    linnet_tensor made = {0};
    const ln_kernels *kernels;
    linnet_status status = LINNET_OK;
    if (!(p >= 0 && p <= 1)) {
        char text[LN_NUMBER_TEXT];
        status = ln_fail(error, LINNET_ERROR_ARGUMENT,
                         "dropout probability has to be between 0 and 1, but got %s",
                         ln_print_double(p, text));
    }
    if (status == LINNET_OK) {
        status = begin(input, "dropout", &kernels, &made, error);
    }
    if (status == LINNET_OK && training) {
        status = drop(kernels, p, seed, &made, error);
    }
    if (status != LINNET_OK) {
        linnet_tensor_free(&made);
    }
    *result = made;
    return status;
}

/* ---- softmax ---- */

typedef void (*row_kernel)(size_t n, const float *x, float *y);

/* Runs `kernel` over every vector along `dim`. Where that is not the last dimension, a vector's
 * elements lie apart and are gathered into `scratch`. */
static void run_along(row_kernel kernel, linnet_tensor *x, int dim, float *scratch)
{
    ln_shape shape = ln_tensor_shape(x);
    size_t inner = (size_t)ln_shape_numel(&shape, dim + 1);
    size_t n = x->rank > 0 ? (size_t)x->shape[dim] : 1;
    size_t numel = (size_t)linnet_tensor_numel(x);
    float *data = x->data;
    for (size_t first = 0; first < numel; first += n * inner) {
        for (size_t i = 0; i < inner; i++) {
            float *vector = data + first + i;
            if (inner == 1) {
                kernel(n, vector, vector);
                continue;
            }
            for (size_t j = 0; j < n; j++) {
                scratch[j] = vector[j * inner];
            }
            kernel(n, scratch, scratch);
            for (size_t j = 0; j < n; j++) {
                vector[j * inner] = scratch[j];
            }
        }
    }
}

static linnet_status softmax_along(const linnet_tensor *input, int dim, bool logarithm,
                                   linnet_tensor *result, linnet_error *error)
{
    *result = (linnet_tensor){0};
    int wrapped = 0;
    const ln_kernels *kernels;
    linnet_tensor made;
    linnet_status status = ln_wrap_dim(dim, input->rank, &wrapped, error);
    if (status == LINNET_OK) {
        status = begin(input, logarithm ? "log_softmax" : "softmax", &kernels, &made, error);
    }
    if (status != LINNET_OK) {
        return status;
    }
    float *scratch;
    size_t n = made.rank > 0 ? (size_t)made.shape[wrapped] : 1;
    status = ln_alloc_into(&scratch, n, sizeof *scratch, "a softmax row", error);
    if (status != LINNET_OK) {
        linnet_tensor_free(&made);
        return status;
    }
    ln_fpenv saved = ln_fpenv_enter();
    run_along(logarithm ? kernels->log_softmax : kernels->softmax, &made, wrapped, scratch);
    ln_fpenv_leave(saved);
    ln_free(scratch);
    *result = made;
    return LINNET_OK;
}

linnet_status linnet_softmax(const linnet_tensor *input, int dim, linnet_tensor *result,
                             linnet_error *error)
{
    return softmax_along(input, dim, false, result, error);
}

linnet_status linnet_log_softmax(const linnet_tensor *input, int dim, linnet_tensor *result,
                                 linnet_error *error)
{
    return softmax_along(input, dim, true, result, error);
}
