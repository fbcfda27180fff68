/* dropout.c - torch.nn.Dropout: in training each element is 0 with probability p, else x / (1 - p).
 *
 * The mask is drawn in stretches and never stored: backward draws it again. A dropped element takes
 * no gradient: exactly +0. */
#include "nn/dropout.h"

#include "base/error.h"
#include "base/number.h"
#include "nn/nn.h"

enum { P, INPLACE };

/* Stretches are masked in pieces of this many columns, a multiple of Philox's 64. */
#define PIECE 512

static linnet_status check(const ln_value *values, linnet_error *error)
{
    double p = values[P].number[0];
    if (!(p >= 0 && p <= 1)) {
        char text[LN_NUMBER_TEXT];
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "dropout probability has to be between 0 and 1, but got %s",
                       ln_value_text(&values[P], text));
    }
    return LINNET_OK;
}

/* The mask of `count` columns from `column` on: drawn into `piece`, or where it was drawn
 * beforehand. */
static const uint8_t *keep_mask(const ln_stretch *stretch, size_t column, size_t count,
                                uint8_t *piece)
{
    const ln_draw *draw = stretch->draw;
    if (draw->keep != NULL) {
        return draw->keep + stretch->row * draw->features + column;
    }
    uint32_t threshold = ln_dropout_threshold(stretch->module->values[P].number[0]);
    stretch->kernels->philox_keep(count, draw->key.word, stretch->row, column, threshold, piece);
    return piece;
}

static size_t piece_size(size_t left)
{
    return left < PIECE ? left : PIECE;
}

static void forward(const ln_stretch *stretch, const float *x, float *y)
{
    uint8_t piece[PIECE];
    float scale = ln_dropout_scale(stretch->module->values[P].number[0]);
    for (size_t done = 0; done < stretch->count; done += PIECE) {
        size_t count = piece_size(stretch->count - done);
        const uint8_t *keep = keep_mask(stretch, stretch->column + done, count, piece);
        stretch->kernels->dropout(count, keep, scale, x + done, y + done);
    }
}

static void backward(const ln_stretch *stretch, const float *y, const float *dy, float *dx)
{
    (void)y;
    uint8_t piece[PIECE];
    float scale = ln_dropout_scale(stretch->module->values[P].number[0]);
    for (size_t done = 0; done < stretch->count; done += PIECE) {
        size_t count = piece_size(stretch->count - done);
        const uint8_t *keep = keep_mask(stretch, stretch->column + done, count, piece);
        stretch->kernels->dropout_backward(count, keep, scale, dy + done, dx + done);
    }
}

const ln_module_type ln_dropout_type = {
    .signature = {"Dropout",
                  2,
                  {{"p", LN_KIND_FLOAT, "0.5", LN_REPR_ALWAYS},
                   {"inplace", LN_KIND_BOOL, "False", LN_REPR_ALWAYS}}},
    .role = LN_ROLE_ELEMENTWISE,
    .draws = true,
    .identity_in_eval = true,
    .check = check,
    .forward = forward,
    .backward = backward,
};
