/* prelu.c - torch.nn.PReLU: x above 0, else weight x, with one weight for all elements or one for
 * each channel (He et al., 2015). */
#include "base/error.h"
#include "nn/nn.h"

#ifdef LN_RECORDS
enum { NUM_PARAMETERS, INIT };

static linnet_status check(const ln_value *values, linnet_error *error)
{
    long long count = (long long)values[NUM_PARAMETERS].integer;
    return count >= 0 ? LINNET_OK
                      : ln_fail(error, LINNET_ERROR_ARGUMENT,
                                "Trying to create tensor with negative dimension %lld: [%lld]",
                                count, count);
}

static linnet_status shape_rule(const ln_module *module, ln_shape *shape, linnet_error *error)
{
    long long count = (long long)module->values[NUM_PARAMETERS].integer;
    long long channels = shape->rank > 1 ? (long long)shape->size[1] : 1;
    return count == 1 || count == channels
               ? LINNET_OK
               : ln_fail(error, LINNET_ERROR_SHAPE,
                         "Mismatch of parameter numbers and input channel size. Found parameter "
                         "numbers = %lld and channel size = %lld.",
                         count, channels);
}

static bool weight(const ln_value *values, int i, ln_weight *weight)
{
    *weight = (ln_weight){.name = "weight",
                          .shape = {.rank = 1, .size = {values[NUM_PARAMETERS].integer}}};
    return i == 0;
}

static void reset(ln_module *module, ln_torch_generator *generator)
{
    (void)generator;
    ln_tensor_fill(&module->weights[0], module->values[INIT].number[0]);
}
#endif

static const ln_real *slopes_of(const ln_stretch *stretch)
{
    return (const ln_real *)stretch->module->weights[0].data + stretch->column;
}

static void forward(const ln_stretch *stretch, const ln_real *x, ln_real *y)
{
    stretch->kernels->prelu(stretch->count, x, slopes_of(stretch), y);
}

static void backward(const ln_stretch *stretch, const ln_real *x, const ln_real *dy, ln_real *dx)
{
    stretch->kernels->prelu_backward(stretch->count, x, slopes_of(stretch), dy, dx);
}

static void terms(const ln_stretch *stretch, int i, const ln_real *x, const ln_real *dy,
                  ln_real *terms)
{
    (void)i;
    stretch->kernels->prelu_terms(stretch->count, x, dy, terms);
}

LN_MATH(ln_module_math, ln_prelu_math) = {.forward = forward, .backward = backward, .terms = terms};

#ifdef LN_RECORDS
const ln_module_type ln_prelu_type = {
    .signature = {"PReLU", LN_PARAMETERS({"num_parameters", LN_KIND_INT, "1", LN_REPR_ALWAYS},
                                         {"init", LN_KIND_FLOAT, "0.25", LN_REPR_NEVER},
                                         {"device", LN_KIND_NONE, "None", LN_REPR_NEVER},
                                         {"dtype", LN_KIND_NONE, "None", LN_REPR_NEVER})},
    .role = LN_ROLE_ELEMENTWISE,
    .backward_sees_x = true,
    .check = check,
    .shape = shape_rule,
    .weight = weight,
    .reset = reset,
    .math = LN_MATHS(ln_prelu_math),
};
#endif
