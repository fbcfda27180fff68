/* kernel.h - the table of kernel sets, and the matrix product built on a set.
 *
 * A set is one folder: a tile multiply and the row kernels of rows.def, compiled for one
 * instruction set. Packing, loop nest, blocking and the order of sums between blocks are portable C
 * shared by all sets, so that all return the bits of the scalar definition (docs/numerics.md). */
#ifndef LN_KERNEL_KERNEL_H
#define LN_KERNEL_KERNEL_H

#include "linnet.h"
#include "os/threads.h"

/* Rule 1, feature sums: blocks of 256, added to the bias in order. Rule 2, batch sums: leaves of 64
 * rows, added pairwise. */
#define LN_FEATURE_BLOCK 256
#define LN_BATCH_LEAF 64

/* The largest tile any set may have, in rows and in floats. */
#define LN_MAX_TILE_ROWS 16
#define LN_MAX_TILE_COLUMNS 32

/* Floats that a probe begins and ends with. */
#define LN_PROBE_FLOATS 512

typedef struct ln_sgd_step {
    float lr, momentum, one_minus_dampening, weight_decay;
    bool nesterov, first; /* first: no momentum buffer yet */
    float sign;           /* -1 where the optimizer maximizes, else 1 */
} ln_sgd_step;

typedef struct ln_adam_step {
    float one_minus_beta1, beta2, one_minus_beta2, eps;
    float step_size;    /* lr / (1 - beta1^t) */
    float bias2_sqrt;   /* sqrt(1 - beta2^t) */
    float weight_decay; /* Adam: times the weight, added to the gradient; AdamW: 0 */
    float decay;        /* AdamW: 1 - lr * weight_decay, multiplies the weight; Adam: 1 */
    float sign;         /* -1 where the optimizer maximizes, else 1 */
} ln_adam_step;

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
    void (*forward)(size_t n, const float *parameters, const float *x, float *y);
    /* dx = dy f'(x); dx may be dy or x */
    void (*backward)(size_t n, const float *parameters, const float *x, const float *dy, float *dx);
} ln_activation_kernels;

/* A kernel set. */
typedef struct ln_kernels {
    const char *name;
    /* Whether this processor, and the operating system, can run it. */
    bool (*supported)(void);
    size_t tile_rows, tile_columns;
    /* The tile: for r < rows and j < tile_columns,
     *     s = chain over i < k of fma(a[r * lda + i], b[i * tile_columns + j], s), s = 0 first
     *     c[r * ldc + j] = add ? c[r * ldc + j] + s : s
     * 1 <= rows <= tile_rows; b is LN_ALIGNMENT-aligned, a and c need not be. */
    void (*tile)(size_t rows, size_t k, const float *a, size_t lda, const float *b, float *c,
                 size_t ldc, bool add);
#define LN_ROW_KERNEL(result, name, arguments) result(*name) arguments;
#include "kernel/rows.def"
#undef LN_ROW_KERNEL
    ln_activation_kernels activation[LN_ACTIVATION_COUNT];
    /* What the machine does at most with this set's vectors. `rounds` times a multiply-add on each of
     * some independent chains, which begin and end in `chains` (LN_PROBE_FLOATS); returns how many
     * multiply-adds that was. */
    size_t (*probe_fma)(size_t rounds, float *chains);
    /* Reads n floats (a multiple of LN_PROBE_FLOATS) and adds them into `sums` (LN_PROBE_FLOATS). */
    void (*probe_read)(size_t n, const float *x, float *sums);
} ln_kernels;

/* The set to use: LINNET_ISA's, or else the best that this machine runs. Errors: ARGUMENT (unknown,
 * or not supported by this machine). */
LINNET_NODISCARD linnet_status ln_kernels_select(const ln_kernels **kernels, linnet_error *error);
/* Set i of those built in, oldest first ("scalar" is 0); NULL past the end. */
const ln_kernels *ln_kernels_at(size_t i);

/* ---- matrix product: C (m, n) from A (m, k) and B (k, n) ----
 *
 * Both operands are packed first:
 *   A  blocks of `block` (256 or 64) of the summed index; in a block, row after row
 *   B  panels of tile_columns columns; in a panel, summed index after summed index, zeros past n */
typedef enum ln_sum {
    LN_SUM_FEATURES, /* c = bias or 0, then c = c + s block by block */
    LN_SUM_BATCH     /* c = the pairwise tree over the leaves; 0 for k = 0 */
} ln_sum;

/* Floats that a packed operand takes; SIZE_MAX on overflow. */
size_t ln_packed_a_size(size_t m, size_t k);
size_t ln_packed_b_size(const ln_kernels *kernels, size_t k, size_t n);

/* Packs element (i, p) = a[i * row_stride + p * column_stride], strides in floats. */
void ln_pack_a(ln_pool *pool, ln_sum sum, size_t m, size_t k, const float *a, ptrdiff_t row_stride,
               ptrdiff_t column_stride, float *packed);
void ln_pack_b(const ln_kernels *kernels, ln_pool *pool, size_t k, size_t n, const float *b,
               ptrdiff_t row_stride, ptrdiff_t column_stride, float *packed);

/* What happens to a finished stretch of C while it is hot: columns first .. first + count - 1 of
 * row `row`; `c` is its first element. `first` is a multiple of LN_EPILOGUE_ALIGNMENT. */
#define LN_EPILOGUE_ALIGNMENT 64
typedef void (*ln_epilogue)(void *context, size_t row, size_t first, size_t count, float *c);

typedef struct ln_product {
    ln_sum sum;
    size_t m, n, k;
    const float *a, *b;   /* packed */
    const float *bias;    /* n floats, or NULL; LN_SUM_FEATURES only */
    float *c;             /* (m, n) row-major */
    ln_epilogue epilogue; /* may be NULL */
    void *context;
} ln_product;

void ln_multiply(const ln_kernels *kernels, ln_pool *pool, const ln_product *product);

/* Rule 2 for a whole matrix: out[j] = tree over rows of x[i * n + j]. */
void ln_sum_columns(const ln_kernels *kernels, ln_pool *pool, size_t rows, size_t n, const float *x,
                    float *out);

#endif
