/* softmax.c - torch.nn.Softmax(dim), torch.nn.LogSoftmax(dim) and torch.nn.Softmin(dim), which is
 * the softmax of -x.
 *
 * Over any dimension but that of the batch. dim=None is PyTorch's implicit choice: 0 for inputs of
 * rank 0, 1 and 3, else 1. Where it is not the last one, a vector's elements lie apart and are
 * gathered first. */
#include "base/error.h"
#include "nn/nn.h"

#ifdef LN_RECORDS
enum { DIM };

static int64_t chosen_dim(const ln_module *module, int rank)
{
    const ln_value *dim = &module->values[DIM];
    return dim->none ? (rank == 0 || rank == 1 || rank == 3 ? 0 : 1) : dim->integer;
}

static linnet_status shape_rule(const ln_module *module, ln_shape *shape, linnet_error *error)
{
    int dim = 0;
    return ln_module_dim(module, chosen_dim(module, shape->rank), shape, &dim, error);
}

static void layout(const ln_module *module, const ln_shape *shape, ln_layout *layout)
{
    int64_t dim = chosen_dim(module, shape->rank);
    int wrapped = (int)(dim < 0 ? dim + shape->rank : dim);
    layout->in = layout->out = (size_t)ln_shape_numel(shape, wrapped);
    layout->inner = (size_t)ln_shape_numel(shape, wrapped + 1);
    layout->kept = layout->inner > 1 ? 2 * (size_t)shape->size[wrapped] : 0;
}
#endif

static void gather(const ln_real *x, size_t n, size_t stride, ln_real *vector)
{
    for (size_t i = 0; i < n; i++) {
        vector[i] = x[i * stride];
    }
}

static void scatter(const ln_real *vector, size_t n, size_t stride, ln_real *x)
{
    for (size_t i = 0; i < n; i++) {
        x[i * stride] = vector[i];
    }
}

typedef void (*forward_kernel)(size_t n, const ln_real *x, ln_real *y);
typedef void (*backward_kernel)(size_t n, const ln_real *y, const ln_real *dy, ln_real *dx);

static void forward_along(const ln_stretch *stretch, forward_kernel kernel, const ln_real *x,
                          ln_real *y)
{
    size_t inner = stretch->layout->inner;
    if (inner == 1) {
        kernel(stretch->count, x, y);
        return;
    }
    size_t n = stretch->count / inner;
    for (size_t i = 0; i < inner; i++) {
        gather(x + i, n, inner, stretch->kept);
        kernel(n, stretch->kept, stretch->kept);
        scatter(stretch->kept, n, inner, y + i);
    }
}

static void backward_along(const ln_stretch *stretch, backward_kernel kernel, const ln_real *y,
                           const ln_real *dy, ln_real *dx)
{
    size_t inner = stretch->layout->inner;
    if (inner == 1) {
        kernel(stretch->count, y, dy, dx);
        return;
    }
    size_t n = stretch->count / inner;
    ln_real *output = stretch->kept, *gradient = stretch->kept + n;
    for (size_t i = 0; i < inner; i++) {
        gather(y + i, n, inner, output);
        gather(dy + i, n, inner, gradient);
        kernel(n, output, gradient, gradient);
        scatter(gradient, n, inner, dx + i);
    }
}

static void negate(size_t n, const ln_real *x, ln_real *y)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = -x[i];
    }
}

static void softmax_forward(const ln_stretch *stretch, const ln_real *x, ln_real *y)
{
    forward_along(stretch, stretch->kernels->softmax, x, y);
}

static void softmax_backward(const ln_stretch *stretch, const ln_real *y, const ln_real *dy,
                             ln_real *dx)
{
    backward_along(stretch, stretch->kernels->softmax_backward, y, dy, dx);
}

static void log_softmax_forward(const ln_stretch *stretch, const ln_real *x, ln_real *y)
{
    forward_along(stretch, stretch->kernels->log_softmax, x, y);
}

static void log_softmax_backward(const ln_stretch *stretch, const ln_real *y, const ln_real *dy,
                                 ln_real *dx)
{
    backward_along(stretch, stretch->kernels->log_softmax_backward, y, dy, dx);
}

static void softmin_forward(const ln_stretch *stretch, const ln_real *x, ln_real *y)
{
    negate(stretch->count, x, y);
    softmax_forward(stretch, y, y);
}

static void softmin_backward(const ln_stretch *stretch, const ln_real *y, const ln_real *dy,
                             ln_real *dx)
{
    softmax_backward(stretch, y, dy, dx);
    negate(stretch->count, dx, dx);
}

#define SOFTMAX_MATH(name)                                                                         \
    LN_MATH(ln_module_math, ln_##name##_math) = {.forward = name##_forward,                        \
                                                 .backward = name##_backward}
SOFTMAX_MATH(softmax);
SOFTMAX_MATH(log_softmax);
SOFTMAX_MATH(softmin);

#ifdef LN_RECORDS
#define SOFTMAX_TYPE(name, text)                                                                   \
    const ln_module_type ln_##name##_type = {                                                      \
        .signature = {text, LN_PARAMETERS({"dim", LN_KIND_DIM, "None", LN_REPR_ALWAYS})},          \
        .role = LN_ROLE_ROW,                                                                       \
        .math = LN_MATHS(ln_##name##_math),                                                        \
        .shape = shape_rule,                                                                       \
        .layout = layout,                                                                          \
    }
SOFTMAX_TYPE(softmax, "Softmax");
SOFTMAX_TYPE(log_softmax, "LogSoftmax");
SOFTMAX_TYPE(softmin, "Softmin");
#endif
