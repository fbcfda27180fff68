/* loss.h - the table of losses, and a loss as a trainer uses it.
 *
 * A loss is one file that exports one const record and stands as one row in losses.def. Words,
 * defaults and error texts are those of torch.nn. Which rows it takes is targets.h's. */
#ifndef LN_TRAIN_LOSS_H
#define LN_TRAIN_LOSS_H

#include "base/signature.h"
#include "kernel/kernel.h"

/* Names of the second compilation (numeric/real.h). */
#ifdef LN_FLOAT64
#define ln_loss_row_weight ln_loss_row_weight_f64
#define ln_loss_mean ln_loss_mean_f64
#define ln_loss_scale ln_loss_scale_f64
#define ln_loss_reduce ln_loss_reduce_f64
#define ln_loss_sum_parts ln_loss_sum_parts_f64
#endif

typedef struct ln_loss ln_loss;

/* What one row's outputs are to become. */
typedef struct ln_target {
    int64_t label;        /* its class, where `values` is NULL */
    const double *values; /* one for each output */
    double weight;        /* the row's own: 1 where rows weigh the same */
} ln_target;

/* What a loss computes: in each compilation of the engine. */
typedef struct LN_REAL_NAME(ln_loss_math) {
    /* The loss of one row of `features` outputs, which counts, times target->weight; gradient
     * (features), unless it is NULL: that of this, times scale. */
    ln_real (*row)(const ln_loss *loss, const ln_kernels *kernels, size_t features,
                   const ln_real *outputs, const ln_target *target, ln_real scale,
                   ln_real *gradient);
} ln_loss_math;

typedef struct ln_loss_type {
    ln_signature signature;
    LN_MATH_FIELD(ln_loss_math);
    linnet_task task;
    bool classes, values;   /* what it takes as targets: one of them, or both */
    bool unit, unit_output; /* values and outputs have to lie in 0 .. 1 */
    bool elementwise;       /* a sum over the outputs, and 'mean' divides by their number too */
    double threshold;       /* MULTILABEL: a label is predicted where its output is above */
    /* PyTorch's words where the values have another shape than the outputs: of the format that
     * takes both as "torch.Size([64, 1])", the target's first. NULL: takes no values. */
    const char *sizes;
    /* Takes over what the values say, but reduction. Errors: ARGUMENT in PyTorch's words. */
    linnet_status (*create)(ln_loss *loss, const ln_value *values, linnet_error *error);
} ln_loss_type;

/* A list of numbers that the constructor was given: one a class or an output. */
typedef struct ln_loss_list {
    size_t given;    /* how many; 0: none */
    double *numbers; /* these; owned */
    ln_real *values; /* as many as there are outputs, where the loss wants them; owned */
} ln_loss_list;

/* Laid out alike in both compilations of the engine. */
struct ln_loss {
    const ln_loss_type *type;
    bool sum;             /* reduction='sum'; else 'mean' */
    int64_t ignore_index; /* rows of this class do not count */
    ln_loss_list weights, pos_weights;
    double total; /* the sum of `weights` */
    double smoothing;
    double bound;    /* SmoothL1Loss's beta, HuberLoss's delta */
    double elements; /* what 'mean' divides by besides the rows */
};

/* Reads torch.nn's constructor text. The caller owns the loss. Errors: SYNTAX, ARGUMENT, MEMORY. */
LINNET_NODISCARD linnet_status ln_loss_create(const char *text, ln_loss **loss,
                                              linnet_error *error);
void ln_loss_free(ln_loss *loss);

/* Makes it ready for rows of `features` outputs of a dtype. Errors: SHAPE in PyTorch's words,
 * MEMORY. */
LINNET_NODISCARD linnet_status ln_loss_fit(ln_loss *loss, size_t features, linnet_dtype dtype,
                                           linnet_error *error);
/* Its numbers, in each compilation of the engine, into the memory that fits (loss_rows.c). */
void ln_loss_fill_f32(ln_loss *loss, size_t features);
void ln_loss_fill_f64(ln_loss *loss, size_t features);

/* Whether a row counts: its class is not ignore_index. */
bool ln_loss_counts(const ln_loss *loss, const ln_target *target);
/* What a row counts for in the mean: its own weight times its class's, 0 where it is ignored. */
ln_real ln_loss_row_weight(const ln_loss *loss, const ln_target *target);

/* The mean loss of a batch, its constant that multiplies a row's gradient, and the loss as item()
 * tells it, from the sums over its rows. Rows that count for nothing have no gradient, and NaN as
 * their mean. */
ln_real ln_loss_mean(const ln_loss *loss, ln_real loss_sum, ln_real weight_sum);
ln_real ln_loss_scale(const ln_loss *loss, ln_real weight_sum);
ln_real ln_loss_reduce(const ln_loss *loss, ln_real loss_sum, ln_real weight_sum);

/* ---- for the losses ---- */

/* The parameters that all of them end in, or begin with. */
#define LN_LOSS_REDUCTION                                                                          \
    {                                                                                              \
        "reduction", LN_KIND_CHOICE, "mean|sum|none", LN_REPR_NEVER                                \
    }
#define LN_LOSS_OLD(name)                                                                          \
    {                                                                                              \
        name, LN_KIND_NONE, "None", LN_REPR_NEVER                                                  \
    }
/* `sizes` of those that PyTorch lets broadcast, with a warning of these words. */
#define LN_LOSS_BROADCAST                                                                          \
    "Using a target size (%s) that is different to the input size (%s). Please ensure they have "  \
    "the same size."

/* Takes over a list: from 0 on, one above 0. `what` and `of` for errors: "weight", "class". Errors:
 * ARGUMENT, MEMORY. */
LINNET_NODISCARD linnet_status ln_loss_take_list(ln_loss_list *list, const ln_value *value,
                                                 const char *what, const char *of,
                                                 linnet_error *error);

/* One element's part of the loss, and its derivative by the output. */
typedef struct ln_loss_element {
    ln_real value, slope;
} ln_loss_element;

/* `row` of a loss that is a sum of such parts, by rule 3 of docs/numerics.md. */
typedef ln_loss_element (*ln_loss_part)(const ln_loss *loss, ln_real output, ln_real value);
ln_real ln_loss_sum_parts(const ln_loss *loss, ln_loss_part part, size_t features,
                          const ln_real *outputs, const ln_target *target, ln_real scale,
                          ln_real *gradient);

#endif
