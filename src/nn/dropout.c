/* dropout.c - torch.nn.Dropout and its kin: Dropout1d, AlphaDropout, FeatureAlphaDropout.
 *
 * In training Dropout makes each element 0 with probability p, else x / (1 - p); AlphaDropout gives
 * a dropped element the value that SELU ends in, and shifts and scales all so that mean and
 * variance stay (Klambauer et al., 2017). Dropout1d and FeatureAlphaDropout drop whole channels.
 * The mask is drawn in stretches and never stored: backward draws it again. A dropped element takes
 * no gradient: exactly +0. */
#include "nn/dropout.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/number.h"
#include "nn/nn.h"

enum { P, INPLACE };

/* Stretches are masked in pieces of this many columns, a multiple of Philox's 64. */
#define PIECE 512

#ifdef LN_RECORDS
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
#endif

/* Which elements of a whole batch are kept, in PyTorch's order; it draws nothing where that is
 * certain. */
static void draw(const ln_module *module, ln_torch_generator *generator, const ln_draw_batch *batch)
{
    double p = module->values[P].number[0];
    size_t count = batch->rows * batch->units;
    if (p > 0 && p < 1) {
        ln_torch_bernoulli(generator, 1 - p, count, batch->drawn);
    } else {
        memset(batch->drawn, p == 0, count);
    }
}

/* The draws of `count` units from `unit` on: drawn into `piece`, or where they were beforehand. */
static const uint8_t *keep_units(const ln_stretch *stretch, size_t unit, size_t count,
                                 uint8_t *piece)
{
    const ln_draw *draw = stretch->draw;
    if (draw->drawn != NULL) {
        return (const uint8_t *)draw->drawn + stretch->row * draw->units + unit;
    }
    uint32_t threshold = ln_dropout_threshold(stretch->module->values[P].number[0]);
    stretch->kernels->philox_keep(count, draw->key.word, draw->first_row + stretch->row, unit,
                                  threshold, piece);
    return piece;
}

/* The mask of `count` columns from `column` on, in `piece` or elsewhere. */
static const uint8_t *keep_mask(const ln_stretch *stretch, size_t column, size_t count,
                                uint8_t *piece)
{
    size_t length = stretch->draw->length;
    if (length == 1) {
        return keep_units(stretch, column, count, piece);
    }
    for (size_t done = 0; done < count;) {
        size_t unit = (column + done) / length;
        size_t end = (unit + 1) * length - column;
        end = end < count ? end : count;
        uint8_t kept;
        memset(piece + done, *keep_units(stretch, unit, 1, &kept), end - done);
        done = end;
    }
    return piece;
}

static size_t piece_size(size_t left)
{
    return left < PIECE ? left : PIECE;
}

static void forward(const ln_stretch *stretch, const ln_real *x, ln_real *y)
{
    uint8_t piece[PIECE];
    ln_real scale = ln_dropout_scale(stretch->module->values[P].number[0]);
    for (size_t done = 0; done < stretch->count; done += PIECE) {
        size_t count = piece_size(stretch->count - done);
        const uint8_t *keep = keep_mask(stretch, stretch->column + done, count, piece);
        stretch->kernels->dropout(count, keep, scale, x + done, y + done);
    }
}

static void backward_scaled(const ln_stretch *stretch, ln_real scale, const ln_real *dy,
                            ln_real *dx)
{
    uint8_t piece[PIECE];
    for (size_t done = 0; done < stretch->count; done += PIECE) {
        size_t count = piece_size(stretch->count - done);
        const uint8_t *keep = keep_mask(stretch, stretch->column + done, count, piece);
        stretch->kernels->dropout_backward(count, keep, scale, dy + done, dx + done);
    }
}

static void backward(const ln_stretch *stretch, const ln_real *y, const ln_real *dy, ln_real *dx)
{
    (void)y;
    backward_scaled(stretch, ln_dropout_scale(stretch->module->values[P].number[0]), dy, dx);
}

/* ---- AlphaDropout: x * factor + kept, or dropped alone ---- */

typedef struct alpha {
    ln_real factor, kept, dropped;
} alpha;

static alpha alpha_of(double p)
{
    const double saturation = 1.7580993408473766; /* SELU's at minus infinity, negated */
    if (p >= 1) {
        return (alpha){0, 0, 0};
    }
    double a = 1 / sqrt((saturation * saturation * p + 1) * (1 - p));
    return (alpha){(ln_real)a, (ln_real)(saturation * a * p), (ln_real)(saturation * a * (p - 1))};
}

static void alpha_forward(const ln_stretch *stretch, const ln_real *x, ln_real *y)
{
    uint8_t piece[PIECE];
    double p = stretch->module->values[P].number[0];
    alpha a = alpha_of(p);
    if (p == 0) {
        memmove(y, x, stretch->count * sizeof *y);
        return;
    }
    for (size_t done = 0; done < stretch->count; done += PIECE) {
        size_t count = piece_size(stretch->count - done);
        const uint8_t *keep = keep_mask(stretch, stretch->column + done, count, piece);
        stretch->kernels->alpha_dropout(count, keep, a.factor, a.kept, a.dropped, x + done,
                                        y + done);
    }
}

static void alpha_backward(const ln_stretch *stretch, const ln_real *x, const ln_real *dy,
                           ln_real *dx)
{
    (void)x;
    backward_scaled(stretch, alpha_of(stretch->module->values[P].number[0]).factor, dy, dx);
}

#define DROPOUT_MATH(name, f, b)                                                                   \
    LN_MATH(ln_module_math,                                                                        \
            name) = {.draw_size = sizeof(uint8_t), .draw = draw, .forward = f, .backward = b}
DROPOUT_MATH(ln_dropout_math, forward, backward);
DROPOUT_MATH(ln_alpha_dropout_math, alpha_forward, alpha_backward);

#ifdef LN_RECORDS
/* ---- whole channels ---- */

static size_t channels(const ln_shape *shape)
{
    return (size_t)shape->size[1];
}

static linnet_status feature_shape_rule(const ln_module *module, ln_shape *shape,
                                        linnet_error *error)
{
    (void)module;
    return shape->rank >= 2
               ? LINNET_OK
               : ln_fail(error, LINNET_ERROR_SHAPE,
                         "Feature dropout requires at least 2 dimensions in the input");
}

/* PyTorch takes a batch of flat rows for one row of channels: a row is dropped as a whole. */
static size_t channels_1d(const ln_shape *shape)
{
    return shape->rank == 3 ? (size_t)shape->size[1] : 1;
}

static linnet_status shape_rule_1d(const ln_module *module, ln_shape *shape, linnet_error *error)
{
    (void)module;
    if (shape->rank != 2 && shape->rank != 3) {
        return ln_fail(
            error, LINNET_ERROR_SHAPE,
            "dropout1d: Expected 2D or 3D input, but received a %dD input. Note that "
            "dropout1d exists to provide channel-wise dropout on inputs with 1 spatial "
            "dimension, a channel dimension, and an optional batch dimension (i.e. 2D or "
            "3D inputs).",
            shape->rank);
    }
    return LINNET_OK;
}

/* ---- the records ---- */

#define DROPOUT_FIELDS(name)                                                                       \
    .signature = {name, LN_PARAMETERS({"p", LN_KIND_FLOAT, "0.5", LN_REPR_ALWAYS},                 \
                                      {"inplace", LN_KIND_BOOL, "False", LN_REPR_ALWAYS})},        \
    .role = LN_ROLE_ELEMENTWISE, .identity_in_eval = true, .check = check

const ln_module_type ln_dropout_type = {
    DROPOUT_FIELDS("Dropout"),
    .math = LN_MATHS(ln_dropout_math),
};

const ln_module_type ln_dropout1d_type = {
    DROPOUT_FIELDS("Dropout1d"),
    .math = LN_MATHS(ln_dropout_math),
    .shape = shape_rule_1d,
    .units = channels_1d,
};

/* backward does not look at x; but nothing that sees its own sign or zero may stand before it in a
 * chain, because the shift changes both. */
const ln_module_type ln_alpha_dropout_type = {
    DROPOUT_FIELDS("AlphaDropout"),
    .backward_sees_x = true,
    .math = LN_MATHS(ln_alpha_dropout_math),
};

const ln_module_type ln_feature_alpha_dropout_type = {
    DROPOUT_FIELDS("FeatureAlphaDropout"),
    .backward_sees_x = true,
    .shape = feature_shape_rule,
    .units = channels,
    .math = LN_MATHS(ln_alpha_dropout_math),
};
#endif
