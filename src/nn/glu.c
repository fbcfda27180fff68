/* glu.c - torch.nn.GLU(dim=-1): the first half of a dimension times the sigmoid of the second
 * (Dauphin et al., 2016). The output is half as large there. */
#include "base/error.h"
#include "nn/nn.h"

#ifdef LN_RECORDS
enum { DIM };

static linnet_status shape_rule(const ln_module *module, ln_shape *shape, linnet_error *error)
{
    int dim = 0;
    if (shape->rank == 0) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "glu does not support scalars because halving size must be even");
    }
    linnet_status status = ln_module_dim(module, module->values[DIM].integer, shape, &dim, error);
    if (status == LINNET_OK && shape->size[dim] % 2 != 0) {
        status = ln_fail(error, LINNET_ERROR_SHAPE,
                         "Halving dimension must be even, but dimension %d is size %lld", dim,
                         (long long)shape->size[dim]);
    }
    if (status == LINNET_OK) {
        shape->size[dim] /= 2;
    }
    return status;
}

/* From the halved dimension on, all that belongs to the first half lies before the second. */
static void layout(const ln_module *module, const ln_shape *shape, ln_layout *layout)
{
    int64_t dim = module->values[DIM].integer;
    int wrapped = (int)(dim < 0 ? dim + shape->rank : dim);
    layout->in = (size_t)ln_shape_numel(shape, wrapped);
    layout->out = layout->in / 2;
}
#endif

static void forward(const ln_stretch *stretch, const ln_real *x, ln_real *y)
{
    size_t half = stretch->layout->out;
    stretch->kernels->glu(half, x, x + half, y);
}

static void backward(const ln_stretch *stretch, const ln_real *x, const ln_real *dy, ln_real *dx)
{
    size_t half = stretch->layout->out;
    stretch->kernels->glu_backward(half, x, x + half, dy, dx, dx + half);
}

LN_MATH(ln_module_math, ln_glu_math) = {.forward = forward, .backward = backward};

#ifdef LN_RECORDS
const ln_module_type ln_glu_type = {
    .signature = {"GLU", LN_PARAMETERS({"dim", LN_KIND_INT, "-1", LN_REPR_ALWAYS})},
    .role = LN_ROLE_ROW,
    .backward_sees_x = true,
    .shape = shape_rule,
    .layout = layout,
    .math = LN_MATHS(ln_glu_math),
};
#endif
