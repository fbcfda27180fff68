/* pack.c - the layouts that the tiles read: packed weights, transposed and spread rows.
 *
 * A copy with a change of order, no arithmetic; shared by all sets. */
#include <string.h>

#include "base/checked.h"
#include "kernel/kernel.h"

/* Numbers, or words of any kind that are as large. */
typedef ln_real word __attribute__((may_alias));
typedef ln_real four
    __attribute__((vector_size(4 * sizeof(ln_real)), aligned(sizeof(ln_real)), may_alias));

/* dst[i * dst_stride + j] = src[j * column_stride + i] for i, j < 4. */
static inline void transpose_four(const word *src, ptrdiff_t column_stride, word *dst,
                                  size_t dst_stride)
{
    four a = *(const four *)src, b = *(const four *)(src + column_stride);
    four c = *(const four *)(src + 2 * column_stride), d = *(const four *)(src + 3 * column_stride);
    four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    four ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    four cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(four *)dst = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    *(four *)(dst + dst_stride) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    *(four *)(dst + 2 * dst_stride) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    *(four *)(dst + 3 * dst_stride) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

static void copy_elements(size_t rows, size_t columns, const word *src, ptrdiff_t row_stride,
                          ptrdiff_t column_stride, word *dst, size_t dst_stride)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            dst[i * dst_stride + j] = src[(ptrdiff_t)i * row_stride + (ptrdiff_t)j * column_stride];
        }
    }
}

/* A source whose columns are contiguous: 4 x 4 squares, a cache line of each column at a time. */
static void transpose(size_t rows, size_t columns, const word *src, ptrdiff_t column_stride,
                      word *dst, size_t dst_stride)
{
    enum { LINE = 16 };
    size_t whole_rows = rows / 4 * 4, whole_columns = columns / 4 * 4;
    for (size_t i0 = 0; i0 < whole_rows; i0 += LINE) {
        size_t i1 = ln_min_size(whole_rows, i0 + LINE);
        for (size_t j = 0; j < whole_columns; j += 4) {
            for (size_t i = i0; i < i1; i += 4) {
                transpose_four(src + (ptrdiff_t)j * column_stride + i, column_stride,
                               dst + i * dst_stride + j, dst_stride);
            }
        }
    }
    copy_elements(whole_rows, columns - whole_columns,
                  src + (ptrdiff_t)whole_columns * column_stride, 1, column_stride,
                  dst + whole_columns, dst_stride);
    copy_elements(rows - whole_rows, columns, src + whole_rows, 1, column_stride,
                  dst + whole_rows * dst_stride, dst_stride);
}

/* dst[i * dst_stride + j] = src[i * row_stride + j * column_stride]. */
static void copy_matrix(size_t rows, size_t columns, const word *src, ptrdiff_t row_stride,
                        ptrdiff_t column_stride, word *dst, size_t dst_stride)
{
    if (column_stride == 1) {
        for (size_t i = 0; i < rows; i++) {
            memcpy(dst + i * dst_stride, src + (ptrdiff_t)i * row_stride, columns * sizeof *dst);
        }
    } else if (row_stride == 1) {
        transpose(rows, columns, src, column_stride, dst, dst_stride);
    } else {
        copy_elements(rows, columns, src, row_stride, column_stride, dst, dst_stride);
    }
}

void ln_transpose(size_t rows, size_t columns, const void *src, size_t src_ld, void *dst,
                  size_t dst_ld)
{
    transpose(rows, columns, src, (ptrdiff_t)src_ld, dst, dst_ld);
}

/* ---- rows that do not push each other out of the cache ---- */

/* A first-level cache of 64 sets, as nearly all have: rows this many lines apart meet in a set. */
#define SETS 64
#define WAYS 8
#define LINE (64 / sizeof(ln_real))

/* So many rows' blocks of features are half of such a cache. */
#define ROWS (64 / sizeof(ln_real))

/* The largest number of lines that fall into one set where ROWS rows, `lines` apart, are each read
 * over a block of features at once. */
static size_t crowding(size_t lines)
{
    size_t most = 0, count[SETS] = {0};
    for (size_t row = 0; row < ROWS; row++) {
        for (size_t i = 0; i < LN_FEATURE_BLOCK / LINE; i++) {
            size_t set = (row * lines + i) % SETS;
            count[set]++;
            most = count[set] > most ? count[set] : most;
        }
    }
    return most;
}

bool ln_crowded(size_t ld)
{
    return ld % LINE == 0 && crowding(ld / LINE) > WAYS;
}

size_t ln_leading(size_t features)
{
    size_t lines = ln_ceil_div(features, LINE);
    /* Few features: all rows fit anyway. */
    if (lines <= LN_FEATURE_BLOCK / LINE / 4) {
        return features;
    }
    /* An odd distance spreads a column, too. Two ways are left for the panel that passes by. */
    while (lines % 2 == 0 || crowding(lines) > WAYS - 2) {
        lines++;
    }
    return lines * LINE;
}

/* ---- weights ---- */

size_t ln_packed_size(const ln_kernels *kernels, size_t in, size_t out)
{
    size_t panels = ln_ceil_div(out, kernels->tile_columns);
    return ln_saturated_mul(ln_saturated_mul(panels, kernels->tile_columns), in);
}

typedef struct pack_job {
    size_t in, out, width;
    const ln_real *weight;
    ptrdiff_t out_stride, in_stride;
    ln_real *packed;
} pack_job;

static void pack_panel(void *context, size_t index)
{
    const pack_job *job = context;
    size_t first = index * job->width;
    size_t columns = ln_min_size(job->out - first, job->width);
    ln_real *panel = job->packed + first * job->in;
    copy_matrix(job->in, columns, job->weight + (ptrdiff_t)first * job->out_stride, job->in_stride,
                job->out_stride, panel, job->width);
    for (size_t i = 0; columns < job->width && i < job->in; i++) {
        memset(panel + i * job->width + columns, 0, (job->width - columns) * sizeof *panel);
    }
}

void ln_pack_weight(const ln_kernels *kernels, ln_pool *pool, size_t in, size_t out,
                    const ln_real *weight, ptrdiff_t out_stride, ptrdiff_t in_stride,
                    ln_real *packed)
{
    pack_job job = {in, out, kernels->tile_columns, weight, out_stride, in_stride, packed};
    ln_parallel(pool, ln_ceil_div(out, kernels->tile_columns), pack_panel, &job);
}

typedef struct unpack_job {
    size_t in, out, width;
    const ln_real *packed;
    ln_real *weight;
} unpack_job;

static void unpack_panel(void *context, size_t index)
{
    const unpack_job *job = context;
    size_t first = index * job->width;
    transpose(ln_min_size(job->out - first, job->width), job->in, job->packed + first * job->in,
              (ptrdiff_t)job->width, job->weight + first * job->in, job->in);
}

void ln_unpack_weight(const ln_kernels *kernels, ln_pool *pool, size_t in, size_t out,
                      const ln_real *packed, ln_real *weight)
{
    unpack_job job = {in, out, kernels->tile_columns, packed, weight};
    ln_parallel(pool, ln_ceil_div(out, kernels->tile_columns), unpack_panel, &job);
}

#ifndef LN_FLOAT64
/* ---- bfloat16 ---- */

size_t ln_paired_size(const ln_kernels *kernels, size_t in, size_t out)
{
    return ln_packed_size(kernels, ln_ceil_div(in, 2), out);
}

void ln_pair_weight(const ln_kernels *kernels, size_t in, const ln_real *packed, size_t first,
                    size_t count, uint32_t *by_input, uint32_t *by_output)
{
    size_t width = kernels->tile_columns, end = first + count;
    size_t panel = in > 0 ? first / (in * width) : 0;
    uint32_t *pairs = by_input + panel * ln_ceil_div(in, 2) * width;
    for (size_t at = first; at < end; at += 2 * width) {
        size_t feature = (at - panel * in * width) / width;
        kernels->bf16_pairs(width, packed + at, at + width < end ? packed + at + width : NULL,
                            pairs + feature / 2 * width);
    }
    if (by_output != NULL) {
        kernels->bf16_words(count, packed + first, by_output + first / 2);
    }
}
#endif
