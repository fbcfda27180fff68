/* kernel.h - the table of kernel sets, and the products of a Linear built on a set.
 *
 * A set is one folder: the tile multiplies and the row kernels of rows.def, compiled for one
 * instruction set. Packing, loop nest, blocking and the order of sums between blocks are portable C
 * shared by all sets, so that all return the bits of the scalar definition (docs/numerics.md). */
#ifndef LN_KERNEL_KERNEL_H
#define LN_KERNEL_KERNEL_H

#include <stdint.h>

#include "linnet.h"
#include "numeric/real.h"
#include "os/threads.h"

/* Names of the second compilation (numeric/real.h). */
#ifdef LN_FLOAT64
#define ln_kernels_select ln_kernels_select_f64
#define ln_kernels_at ln_kernels_at_f64
#define ln_leading ln_leading_f64
#define ln_crowded ln_crowded_f64
#define ln_packed_size ln_packed_size_f64
#define ln_pack_weight ln_pack_weight_f64
#define ln_unpack_weight ln_unpack_weight_f64
#define ln_transpose ln_transpose_f64
#define ln_linear_forward ln_linear_forward_f64
#define ln_turned_size ln_turned_size_f64
#define ln_linear_input_gradient ln_linear_input_gradient_f64
#define ln_linear_weight_gradient ln_linear_weight_gradient_f64
#define ln_sum_columns ln_sum_columns_f64
#endif

/* Rule 1, feature sums: blocks of 256, added to the bias in order. Rule 2, batch sums: leaves of 64
 * rows, added pairwise. */
#define LN_FEATURE_BLOCK 256
#define LN_BATCH_LEAF 64

/* The largest tile any set may have, in rows and in columns. */
#define LN_MAX_TILE_ROWS 16
#define LN_MAX_TILE_COLUMNS 32

/* Words of a cache line. */
#define LN_LINE_WORDS (64 / sizeof(ln_real))

/* Floats that a probe begins and ends with. */
#define LN_PROBE_FLOATS 512

/* Arrays that a weight gradient's tile fetches ahead: weights and up to three states. */
#define LN_TILE_STREAMS 4

typedef struct ln_sgd_step {
    ln_real lr, momentum, one_minus_dampening, weight_decay;
    bool nesterov, first; /* first: no momentum buffer yet */
    ln_real sign;         /* -1 where the optimizer maximizes, else 1 */
} ln_sgd_step;

typedef struct ln_adam_step {
    ln_real one_minus_beta1, beta2, one_minus_beta2, eps;
    ln_real step_size;     /* lr / (1 - beta1^t) */
    ln_real root_scale;    /* 1 / sqrt(1 - beta2^t), multiplies sqrt(v) */
    ln_real weight_decay;  /* Adam: times the weight, added to the gradient; AdamW: 0 */
    ln_real decay;         /* AdamW: 1 - lr * weight_decay, multiplies the weight; Adam: 1 */
    ln_real sign;          /* -1 where the optimizer maximizes, else 1 */
    ln_real gradient_size; /* NAdam: multiplies the gradient's own part of the step */
} ln_adam_step;

typedef struct ln_rmsprop_step {
    ln_real lr, alpha, one_minus_alpha, eps, momentum, weight_decay;
    ln_real sign; /* -1 where the optimizer maximizes, else 1 */
} ln_rmsprop_step;

typedef struct ln_adagrad_step {
    ln_real lr; /* lr / (1 + (t - 1) * lr_decay) */
    ln_real eps, weight_decay;
    ln_real sign; /* -1 where the optimizer maximizes, else 1 */
} ln_adagrad_step;

/* The activations of numeric/activations.def, to index ln_kernels.activation with. */
typedef enum ln_activation_index {
#define LN_ACTIVATION(name) LN_ACTIVATION_##name,
#include "numeric/activations.def"
#undef LN_ACTIVATION
    LN_ACTIVATION_COUNT
} ln_activation_index;

/* The two row kernels of an activation, under the rules of rows.def; parameters: p and q of
 * numeric/activations.h. */
typedef struct ln_activation_kernels {
    /* y = f(x) */
    void (*forward)(size_t n, const ln_real *parameters, const ln_real *x, ln_real *y);
    /* dx = dy f'(x); dx may be dy or x */
    void (*backward)(size_t n, const ln_real *parameters, const ln_real *x, const ln_real *dy,
                     ln_real *dx);
} ln_activation_kernels;

/* What the operands of a product are. A word is a number as the sums are, or two neighbours of the
 * summed index as bfloat16, the first one in the lower half. */
typedef enum ln_precision {
    LN_FULL,             /* as the sums */
    LN_BFLOAT16,         /* rule 5: both operands in words of two; sums are float32 */
    LN_BFLOAT16_WEIGHTS, /* rule 1, with weights that are kept as bfloat16; forward only */
    LN_PRECISION_COUNT
} ln_precision;

/* What a forward tile fetches into the cache while it runs: in each step, a step's lines of a
 * panel, from the address `at` on, which goes on by `pace` words. Nothing need be there. */
typedef struct ln_fetch {
    uintptr_t at;
    size_t pace;
} ln_fetch;

/* The tiles of a precision: for r < rows and j < tile_columns, the chain over i < k
 *     s = fma(A(r, i), B(i, j), s), s = 0 first
 * is stored in c, or added to it. 1 <= rows <= tile_rows; k counts elements, strides count words.
 * They differ in how A lies (said for one element a word):
 *     forward          A(r, i) = a[r * lda + i], a row of the batch;  B = b[i * tile_columns + j]
 *     input_gradient   A(r, i) = W(i, r) in packed weights: a[i / tile_columns * panel +
 *                      r * tile_columns + i % tile_columns];  B as above; always added
 *     weight_gradient  A(r, i) = a[i * lda + r], a column of the batch;  B = b[i * ldb + j];
 *                      `streams` are fetched into the cache, a line from each in every step
 * The last two write c as (rows, tile_columns). */
typedef struct ln_tiles {
    void (*forward)(size_t rows, size_t k, const void *a, size_t lda, const void *b, ln_real *c,
                    size_t ldc, bool add, ln_fetch ahead);
    void (*input_gradient)(size_t rows, size_t k, const void *a, size_t panel, const void *b,
                           ln_real *c);
    void (*weight_gradient)(size_t rows, size_t k, const void *a, size_t lda, const void *b,
                            size_t ldb, ln_real *c, bool add, const ln_real *const *streams);
    /* One row and two panels, `panel` words apart, added to c; NULL where one at a time is as
     * fast. */
    void (*forward_two)(size_t k, const void *a, const void *b, size_t panel, ln_real *c);
} ln_tiles;

/* A kernel set. */
typedef struct ln_kernels {
    const char *name;
    /* Whether this processor, and the operating system, can run it. */
    bool (*supported)(void);
    size_t tile_rows, tile_columns; /* both even */
    const ln_tiles *tiles[LN_PRECISION_COUNT];
#define LN_ROW_KERNEL(result, name, arguments) result(*name) arguments;
#include "kernel/rows.def"
#undef LN_ROW_KERNEL
    ln_activation_kernels activation[LN_ACTIVATION_COUNT];
    /* What the machine does at most with this set's vectors. `rounds` times a multiply-add on each
     * of some independent chains, which begin and end in `chains` (LN_PROBE_FLOATS); returns how
     * many multiply-adds that was. */
    size_t (*probe_fma)(size_t rounds, float *chains); /* NULL in double, as probe_read is */
    /* Reads n floats (a multiple of LN_PROBE_FLOATS) and adds them into `sums` (LN_PROBE_FLOATS).
     * */
    void (*probe_read)(size_t n, const float *x, float *sums);
} ln_kernels;

/* The set to use: LINNET_ISA's, or else the best that this machine runs. Errors: ARGUMENT (unknown,
 * or not supported by this machine). */
LINNET_NODISCARD linnet_status ln_kernels_select(const ln_kernels **kernels, linnet_error *error);
/* Its index among those built in. */
LINNET_NODISCARD linnet_status ln_kernels_choose(size_t *index, linnet_error *error);
/* Set i of those built in, oldest first ("scalar" is 0); NULL past the end. */
const ln_kernels *ln_kernels_at(size_t i);

/* ---- the three products of a Linear(in, out) ----
 *
 *     forward          Y (batch, out) = X (batch, in) W^T + b       sums over features, rule 1
 *     input gradient   dX (batch, in) = dY (batch, out) W           sums over features, rule 1
 *     weight gradient  dW (out, in)   = dY^T X                      sums over the batch, rule 2
 *
 * Weights are packed once, in panels of tile_columns outputs; in a panel, input feature after input
 * feature, zeros past the last output. All three products read and write that one layout. X, Y and
 * their gradients lie row by row, `ld` words from row to row.
 *
 * With bfloat16 operands these layouts hold words of two neighbours of the summed index (0 where
 * the second is missing): X in pairs of features, weights for forward in pairs of input features,
 * weights for the input gradient in pairs of outputs, X and dY for the weight gradient in pairs of
 * rows. */

/* Floats from row to row that keep the rows of a matrix apart in a first-level cache: at least
 * `features`. */
size_t ln_leading(size_t features);
/* Whether rows so far apart push each other out, so that copying them first is faster. */
bool ln_crowded(size_t ld);

/* Floats that packed weights take; SIZE_MAX on overflow. */
size_t ln_packed_size(const ln_kernels *kernels, size_t in, size_t out);
/* Packs W(o, i) = weight[o * out_stride + i * in_stride], strides in elements, or the other way. */
void ln_pack_weight(const ln_kernels *kernels, ln_pool *pool, size_t in, size_t out,
                    const ln_real *weight, ptrdiff_t out_stride, ptrdiff_t in_stride,
                    ln_real *packed);
void ln_unpack_weight(const ln_kernels *kernels, ln_pool *pool, size_t in, size_t out,
                      const ln_real *packed, ln_real *weight);

#ifndef LN_FLOAT64
/* Words of forward's weights in bfloat16, and of the input gradient's. */
size_t ln_paired_size(const ln_kernels *kernels, size_t in, size_t out);
/* Rounds `count` elements of packed weights, `first` of them before, into their place in both:
 * whole features of a panel, the first an even one. by_output may be NULL. */
void ln_pair_weight(const ln_kernels *kernels, size_t in, const ln_real *packed, size_t first,
                    size_t count, uint32_t *by_input, uint32_t *by_output);
#endif

/* dst[i * dst_ld + j] = src[j * src_ld + i] for i < rows, j < columns; any words. */
void ln_transpose(size_t rows, size_t columns, const void *src, size_t src_ld, void *dst,
                  size_t dst_ld);

/* What happens to a finished stretch of a row while it is hot: columns first .. first + count - 1
 * of row `row`; `c` is its first element. `first` is a multiple of LN_EPILOGUE_ALIGNMENT. */
#define LN_EPILOGUE_ALIGNMENT 64
typedef void (*ln_epilogue)(void *context, size_t row, size_t first, size_t count, ln_real *c);

typedef struct ln_forward {
    ln_precision precision;
    size_t batch, in, out;
    const void *x;
    size_t ldx;
    const void *weight;  /* packed */
    const ln_real *bias; /* `out` of them, or NULL */
    ln_real *y;
    size_t ldy;
    ln_epilogue epilogue; /* may be NULL */
    void *context;
    size_t cache; /* bytes of a core's second-level cache, which blocking is made for; 0: 1 MiB */
} ln_forward;

void ln_linear_forward(const ln_kernels *kernels, ln_pool *pool, const ln_forward *product);

typedef struct ln_input_gradient {
    ln_precision precision;
    size_t batch, in, out;
    const void *dy; /* bfloat16: in pairs of outputs */
    size_t lddy;
    void *turned; /* scratch, ln_turned_size words: dY with the batch innermost */
    const void *weight;
    ln_real *dx;
    size_t lddx;
    ln_epilogue epilogue;
    void *context;
} ln_input_gradient;

size_t ln_turned_size(const ln_kernels *kernels, size_t batch, size_t out);
void ln_linear_input_gradient(const ln_kernels *kernels, ln_pool *pool,
                              const ln_input_gradient *product);

/* Takes `count` finished elements of the packed gradient from `first` on, on any thread, disjoint
 * stretches in any order: whole features of a panel, the first an even one. The array is valid
 * during the call. */
typedef void (*ln_gradient_stretch)(void *context, size_t first, size_t count,
                                    const ln_real *gradient);

typedef struct ln_weight_gradient {
    ln_precision precision;
    size_t batch, in, out;
    const void *x;
    size_t ldx;
    const void *dy;
    size_t lddy;
    ln_gradient_stretch take;
    void *context;
    /* Arrays like the packed weights that `take` will read: fetched while the sums run. */
    const ln_real *streams[LN_TILE_STREAMS];
} ln_weight_gradient;

void ln_linear_weight_gradient(const ln_kernels *kernels, ln_pool *pool,
                               const ln_weight_gradient *product);

/* Rule 2 for a whole matrix: out[j] = tree over rows of x[i * ld + j]. */
void ln_sum_columns(const ln_kernels *kernels, ln_pool *pool, size_t rows, size_t n,
                    const ln_real *x, size_t ld, ln_real *out);

#endif
