/* pack.c - packing the operands of a product into the layouts that the tile reads.
 *
 * A copy with a change of order, no arithmetic; shared by all sets. */
#include <string.h>

#include "base/checked.h"
#include "kernel/kernel.h"

/* Rows of A that one task packs. */
#define PACK_ROWS 64

typedef float four __attribute__((vector_size(16), aligned(4)));

/* dst[i * dst_stride + j] = src[j * column_stride + i] for i, j < 4. */
static inline void transpose_four(const float *src, ptrdiff_t column_stride, float *dst,
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

static void copy_elements(size_t rows, size_t columns, const float *src, ptrdiff_t row_stride,
                          ptrdiff_t column_stride, float *dst, size_t dst_stride)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            dst[i * dst_stride + j] = src[(ptrdiff_t)i * row_stride + (ptrdiff_t)j * column_stride];
        }
    }
}

/* A source whose columns are contiguous: 4 x 4 squares, a cache line of each column at a time. */
static void transpose(size_t rows, size_t columns, const float *src, ptrdiff_t column_stride,
                      float *dst, size_t dst_stride)
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
static void copy_matrix(size_t rows, size_t columns, const float *src, ptrdiff_t row_stride,
                        ptrdiff_t column_stride, float *dst, size_t dst_stride)
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

size_t ln_packed_a_size(size_t m, size_t k)
{
    return ln_saturated_mul(m, k);
}

size_t ln_packed_b_size(const ln_kernels *kernels, size_t k, size_t n)
{
    size_t panels = ln_ceil_div(n, kernels->tile_columns);
    return ln_saturated_mul(ln_saturated_mul(panels, kernels->tile_columns), k);
}

typedef struct pack_job {
    size_t rows, columns, width; /* width: of a block of A, of a panel of B */
    const float *src;
    ptrdiff_t row_stride, column_stride;
    float *packed;
} pack_job;

static void pack_a_rows(void *context, size_t index)
{
    const pack_job *job = context;
    size_t first = index * PACK_ROWS;
    size_t rows = ln_min_size(job->rows - first, PACK_ROWS);
    for (size_t block = 0; block < job->columns; block += job->width) {
        size_t width = ln_min_size(job->columns - block, job->width);
        const float *src =
            job->src + (ptrdiff_t)first * job->row_stride + (ptrdiff_t)block * job->column_stride;
        copy_matrix(rows, width, src, job->row_stride, job->column_stride,
                    job->packed + block * job->rows + first * width, width);
    }
}

void ln_pack_a(ln_pool *pool, ln_sum sum, size_t m, size_t k, const float *a, ptrdiff_t row_stride,
               ptrdiff_t column_stride, float *packed)
{
    size_t width = sum == LN_SUM_FEATURES ? LN_FEATURE_BLOCK : LN_BATCH_LEAF;
    pack_job job = {m, k, width, a, row_stride, column_stride, packed};
    ln_parallel(pool, ln_ceil_div(m, PACK_ROWS), pack_a_rows, &job);
}

static void pack_b_panel(void *context, size_t index)
{
    const pack_job *job = context;
    size_t first = index * job->width;
    size_t columns = ln_min_size(job->columns - first, job->width);
    float *panel = job->packed + first * job->rows;
    copy_matrix(job->rows, columns, job->src + (ptrdiff_t)first * job->column_stride,
                job->row_stride, job->column_stride, panel, job->width);
    if (columns < job->width) {
        for (size_t i = 0; i < job->rows; i++) {
            memset(panel + i * job->width + columns, 0, (job->width - columns) * sizeof *panel);
        }
    }
}

void ln_pack_b(const ln_kernels *kernels, ln_pool *pool, size_t k, size_t n, const float *b,
               ptrdiff_t row_stride, ptrdiff_t column_stride, float *packed)
{
    pack_job job = {k, n, kernels->tile_columns, b, row_stride, column_stride, packed};
    ln_parallel(pool, ln_ceil_div(n, kernels->tile_columns), pack_b_panel, &job);
}
