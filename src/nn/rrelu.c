/* rrelu.c - torch.nn.RReLU: x above 0, else a x with a slope a that is drawn for each element,
 * evenly between lower and upper; in eval their mean.
 *
 * Slopes are drawn in stretches and never stored: backward draws them again. torch's generator
 * draws where x is not above 0 only, so there the draws are made when x is known. */
#include "base/error.h"
#include "base/number.h"
#include "nn/nn.h"

enum { LOWER, UPPER, INPLACE };

/* Slopes are drawn in pieces of this many columns, a multiple of Philox's 64. */
#define PIECE 512

#ifdef LN_RECORDS
/* PyTorch's generator finds out in the first step of training. */
static linnet_status check(const ln_value *values, linnet_error *error)
{
    char lower[LN_NUMBER_TEXT], upper[LN_NUMBER_TEXT];
    return values[LOWER].number[0] <= values[UPPER].number[0]
               ? LINNET_OK
               : ln_fail(error, LINNET_ERROR_ARGUMENT,
                         "Lower bound should be less than or equal to the upper bound: expected "
                         "lower <= upper, found lower=%s, upper=%s",
                         ln_value_text(&values[LOWER], lower),
                         ln_value_text(&values[UPPER], upper));
}
#endif

static void draw(const ln_module *module, ln_torch_generator *generator, const ln_draw_batch *batch)
{
    ln_real *slopes = batch->drawn;
    double lower = (double)(ln_real)module->values[LOWER].number[0];
    double upper = (double)(ln_real)module->values[UPPER].number[0];
    for (size_t row = 0; row < batch->rows; row++) {
        const ln_real *x = batch->x + row * batch->ldx;
        for (size_t i = 0; i < batch->units; i++) {
            *slopes = 1;
            if (x[i] <= 0) {
                *slopes = (ln_real)(ln_torch_unit(generator) * (upper - lower) + lower);
            }
            slopes++;
        }
    }
}

static const ln_real *slopes_of(const ln_stretch *stretch, size_t column, size_t count,
                                ln_real *piece)
{
    const ln_draw *draw = stretch->draw;
    const ln_value *values = stretch->module->values;
    if (draw->drawn != NULL) {
        return (const ln_real *)draw->drawn + stretch->row * draw->units + column;
    }
    stretch->kernels->philox_uniform(count, draw->key.word, draw->first_row + stretch->row, column,
                                     (ln_real)values[LOWER].number[0],
                                     (ln_real)values[UPPER].number[0], piece);
    return piece;
}

static size_t piece_size(size_t left)
{
    return left < PIECE ? left : PIECE;
}

static void forward(const ln_stretch *stretch, const ln_real *x, ln_real *y)
{
    const ln_value *values = stretch->module->values;
    if (stretch->draw == NULL) {
        ln_real mean[2] = {(ln_real)((values[LOWER].number[0] + values[UPPER].number[0]) / 2)};
        stretch->kernels->activation[LN_ACTIVATION_leaky_relu].forward(stretch->count, mean, x, y);
        return;
    }
    ln_real piece[PIECE];
    for (size_t done = 0; done < stretch->count; done += PIECE) {
        size_t count = piece_size(stretch->count - done);
        const ln_real *slopes = slopes_of(stretch, stretch->column + done, count, piece);
        stretch->kernels->prelu(count, x + done, slopes, y + done);
    }
}

static void backward(const ln_stretch *stretch, const ln_real *x, const ln_real *dy, ln_real *dx)
{
    ln_real piece[PIECE];
    for (size_t done = 0; done < stretch->count; done += PIECE) {
        size_t count = piece_size(stretch->count - done);
        const ln_real *slopes = slopes_of(stretch, stretch->column + done, count, piece);
        stretch->kernels->prelu_backward(count, x + done, slopes, dy + done, dx + done);
    }
}

LN_MATH(ln_module_math, ln_rrelu_math) = {
    .draw_size = sizeof(ln_real), .draw = draw, .forward = forward, .backward = backward};

#ifdef LN_RECORDS
const ln_module_type ln_rrelu_type = {
    .signature = {"RReLU",
                  LN_PARAMETERS({"lower", LN_KIND_FLOAT, "0.125", LN_REPR_ALWAYS},
                                {"upper", LN_KIND_FLOAT, "0.3333333333333333", LN_REPR_ALWAYS},
                                {"inplace", LN_KIND_BOOL, "False", LN_REPR_IF_SET})},
    .role = LN_ROLE_ELEMENTWISE,
    .backward_sees_x = true,
    .check = check,
    .math = LN_MATHS(ln_rrelu_math),
};
#endif
