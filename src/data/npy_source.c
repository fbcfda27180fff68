/* npy_source.c - rows of .npy files: of one, or of shards that a pattern names. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/source.h"
#include "format/npy.h"
#include "format/swap.h"
#include "os/limits.h"
#include "os/paths.h"
#include "os/reader.h"
#include "tensor/tensor.h"

#define SHAPE_TEXT 256

/* A call of the system costs about as much as copying so many bytes: where there are no more
 * between rows, these are read together, a stretch of the file at a time. */
#define GAP ((size_t)4096)
#define STRETCH ((size_t)128 << 10)

typedef struct shard {
    ln_reader reader;
    ln_npy npy;
    int64_t first; /* number of its first row among all */
} shard;

typedef struct npy_source {
    ln_source source;
    shard *shards;
    size_t count;
    size_t row_elements;
} npy_source;

/* ---- reading ---- */

/* The last shard that begins at or before a row; there may be empty ones. */
static const shard *find_shard(const npy_source *self, int64_t row)
{
    size_t low = 0, high = self->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (self->shards[middle].first <= row) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return &self->shards[low];
}

/* A row that is wanted. */
typedef struct wish {
    int64_t row;
    size_t to; /* its place in what is read */
} wish;

typedef struct reading {
    const npy_source *self;
    unsigned char *out;
    const shard *checked; /* has been read from, and is to be checked yet */
    linnet_error *error;
} reading;

/* Checks the shard that was read from, unless it is this one. */
static linnet_status leave_shard(reading *r, const shard *next)
{
    const shard *left = r->checked;
    r->checked = next;
    return left != NULL && left != next ? ln_reader_check(&left->reader, r->error) : LINNET_OK;
}

/* Reads n rows of a shard that lie one behind the other. */
static linnet_status read_stretch(reading *r, int64_t row, size_t n, unsigned char *out)
{
    const npy_source *self = r->self;
    const shard *s = find_shard(self, row);
    size_t bytes = n * self->source.row_bytes;
    uint64_t offset = s->npy.data_offset + (uint64_t)(row - s->first) * self->source.row_bytes;
    linnet_status status = leave_shard(r, s);
    if (status == LINNET_OK) {
        status = ln_reader_read(&s->reader, offset, out, bytes, r->error);
    }
    if (status == LINNET_OK && s->npy.swapped) {
        ln_copy_swapped(out, out, n * self->row_elements, linnet_dtype_size(self->source.dtype));
    }
    return status;
}

/* How many of the rows from rows[0] on lie one behind the other in its shard. */
static size_t count_neighbours(const npy_source *self, const int64_t *rows, size_t count)
{
    const shard *s = find_shard(self, rows[0]);
    int64_t left = s->first + s->npy.shape[0] - rows[0];
    size_t n = 1;
    while (n < count && (int64_t)n < left && rows[n] == rows[0] + (int64_t)n) {
        n++;
    }
    return n;
}

static linnet_status read_in_turn(reading *r, const int64_t *rows, size_t count)
{
    linnet_status status = LINNET_OK;
    for (size_t i = 0, n; i < count && status == LINNET_OK; i += n) {
        n = count_neighbours(r->self, rows + i, count - i);
        status = read_stretch(r, rows[i], n, r->out + i * r->self->source.row_bytes);
    }
    return status;
}

static int compare_wishes(const void *a, const void *b)
{
    const wish *x = a, *y = b;
    return (x->row > y->row) - (x->row < y->row);
}

/* How many of these, which ascend, are read together. */
static size_t count_near(const npy_source *self, const wish *wishes, size_t count)
{
    const shard *s = find_shard(self, wishes[0].row);
    const int64_t first = wishes[0].row, end = s->first + s->npy.shape[0];
    const size_t row_bytes = self->source.row_bytes, gap = GAP / row_bytes + 1;
    size_t n = 1;
    while (n < count && wishes[n].row < end && (size_t)(wishes[n].row - wishes[n - 1].row) <= gap &&
           (size_t)(wishes[n].row - first) < STRETCH / row_bytes) {
        n++;
    }
    return n;
}

/* Reads rows in the order of the file, with what lies between them where that is little. */
static linnet_status read_sorted(reading *r, const int64_t *rows, size_t count)
{
    const size_t row_bytes = r->self->source.row_bytes;
    wish *wishes = NULL;
    unsigned char *stretch = NULL;
    linnet_status status =
        ln_alloc_into(&wishes, count, sizeof *wishes, "a list of rows", r->error);
    if (status == LINNET_OK) {
        status = ln_alloc_into(&stretch, STRETCH, 1, "rows", r->error);
    }
    for (size_t i = 0; i < count && status == LINNET_OK; i++) {
        wishes[i] = (wish){.row = rows[i], .to = i};
    }
    if (status == LINNET_OK) {
        qsort(wishes, count, sizeof *wishes, compare_wishes);
    }
    for (size_t i = 0, n; i < count && status == LINNET_OK; i += n) {
        n = count_near(r->self, wishes + i, count - i);
        const wish *first = &wishes[i];
        unsigned char *out = n == 1 ? r->out + first->to * row_bytes : stretch;
        status = read_stretch(r, first->row, (size_t)(first[n - 1].row - first->row) + 1, out);
        for (size_t k = 0; k < n && n > 1 && status == LINNET_OK; k++) {
            memcpy(r->out + first[k].to * row_bytes,
                   stretch + (size_t)(first[k].row - first->row) * row_bytes, row_bytes);
        }
    }
    ln_free(stretch);
    ln_free(wishes);
    return status;
}

/* Whether calls are saved by reading rows in the order of the file: they are in another one, but
 * lie close to each other. */
static bool are_near(const npy_source *self, const int64_t *rows, size_t count)
{
    int64_t low = rows[0], high = rows[0];
    size_t back = 0;
    for (size_t i = 1; i < count; i++) {
        back += rows[i] < rows[i - 1];
        low = rows[i] < low ? rows[i] : low;
        high = rows[i] > high ? rows[i] : high;
    }
    uint64_t spread = (uint64_t)(high - low) + 1, between = spread > count ? spread - count : 0;
    return back > count / 4 && self->source.row_bytes > 0 &&
           between / count <= GAP / self->source.row_bytes;
}

static linnet_status read_rows(const ln_source *source, const int64_t *rows, size_t count,
                               unsigned char *out, linnet_error *error)
{
    reading r = {.self = (const npy_source *)(const void *)source, .out = out, .error = error};
    bool sorted = count > 1 && are_near(r.self, rows, count);
    linnet_status status = (sorted ? read_sorted : read_in_turn)(&r, rows, count);
    return status == LINNET_OK ? leave_shard(&r, NULL) : status;
}

static void free_source(ln_source *source)
{
    npy_source *self = (npy_source *)(void *)source;
    for (size_t i = 0; i < self->count; i++) {
        ln_reader_close(&self->shards[i].reader);
    }
    ln_free(self->shards);
    ln_free(self);
}

/* ---- opening ---- */

/* Reads the header of an open file; false: it is no .npy file. */
static linnet_status read_header(shard *s, bool *is_npy, linnet_error *error)
{
    uint8_t preamble[LN_NPY_PREAMBLE], *header;
    size_t size = s->reader.size < sizeof preamble ? (size_t)s->reader.size : sizeof preamble;
    size_t header_size = 0;
    linnet_status status = ln_reader_read(&s->reader, 0, preamble, size, error);
    *is_npy = status == LINNET_OK && ln_npy_probe(preamble, size);
    if (!*is_npy) {
        return status;
    }
    status = ln_npy_header_size(preamble, size, &header_size, error);
    if (status == LINNET_OK && header_size > s->reader.size) {
        status = ln_fail(error, LINNET_ERROR_FORMAT, "expected %zu bytes of npy header, found %llu",
                         header_size, (unsigned long long)s->reader.size);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&header, header_size, 1, "an npy header", error);
    }
    if (status == LINNET_OK) {
        status = ln_reader_read(&s->reader, 0, header, header_size, error);
        if (status == LINNET_OK) {
            status =
                ln_npy_parse(header, header_size, (size_t)s->reader.size, false, &s->npy, error);
        }
        ln_free(header);
    }
    if (status != LINNET_OK) {
        ln_error_set_place(error, s->reader.path);
    }
    return status;
}

/* Whether each row is one stretch of the file. */
static bool has_rows(const ln_npy *npy)
{
    return npy->rank > 0 && (npy->rank == 1 || !npy->fortran);
}

/* Takes the shard's shape, or holds it against that of the first one. */
static linnet_status join_shard(npy_source *self, shard *s, linnet_error *error)
{
    ln_source *source = &self->source;
    const ln_npy *npy = &s->npy, *first = &self->shards[0].npy;
    size_t row_rank = (size_t)npy->rank - 1;
    if (npy->dtype != first->dtype || npy->rank != first->rank ||
        memcmp(npy->shape + 1, first->shape + 1, row_rank * sizeof *npy->shape) != 0) {
        char expected[SHAPE_TEXT], found[SHAPE_TEXT];
        ln_shape shapes[2] = {{.rank = first->rank - 1}, {.rank = npy->rank - 1}};
        memcpy(shapes[0].size, first->shape + 1, sizeof first->shape - sizeof *first->shape);
        memcpy(shapes[1].size, npy->shape + 1, sizeof npy->shape - sizeof *npy->shape);
        return ln_fail_at(error, LINNET_ERROR_SHAPE, s->reader.path,
                          "expected rows of shape %s and dtype %s, as in %s, found %s and %s",
                          ln_shape_text(&shapes[0], expected, sizeof expected),
                          linnet_dtype_name(first->dtype), self->shards[0].reader.path,
                          ln_shape_text(&shapes[1], found, sizeof found),
                          linnet_dtype_name(npy->dtype));
    }
    s->first = source->shape[0];
    if (__builtin_add_overflow(source->shape[0], npy->shape[0], &source->shape[0])) {
        return ln_fail_at(error, LINNET_ERROR_MEMORY, s->reader.path, "there are too many rows");
    }
    return LINNET_OK;
}

/* Opens the shard behind those that there are. *rows: whether its rows can be read one by one. */
static linnet_status open_shard(npy_source *self, const char *path, bool *rows, linnet_error *error)
{
    shard *s = &self->shards[self->count];
    linnet_status status = ln_reader_open(path, &s->reader, error);
    *rows = false;
    if (status != LINNET_OK) {
        return status;
    }
    self->count++;
    status = read_header(s, rows, error);
    *rows = *rows && status == LINNET_OK && has_rows(&s->npy);
    if (!*rows) {
        return status;
    }
    if (s == self->shards) {
        ln_shape shape = {.rank = s->npy.rank};
        memcpy(shape.size, s->npy.shape, sizeof shape.size);
        self->source.dtype = s->npy.dtype;
        self->source.rank = s->npy.rank;
        memcpy(self->source.shape, s->npy.shape, sizeof s->npy.shape);
        self->source.shape[0] = 0;
        self->row_elements = (size_t)ln_shape_numel(&shape, 1);
        self->source.row_bytes = self->row_elements * linnet_dtype_size(s->npy.dtype);
    }
    return join_shard(self, s, error);
}

static linnet_status create(size_t shards, npy_source **self, linnet_error *error)
{
    linnet_status status = ln_alloc_into(self, 1, sizeof **self, "a source", error);
    if (status == LINNET_OK) {
        (*self)->source.name = "";
        (*self)->source.format = "npy";
        (*self)->source.read = read_rows;
        (*self)->source.free = free_source;
        status = ln_alloc_into(&(*self)->shards, shards, sizeof(shard), "a list of shards", error);
        if (status != LINNET_OK) {
            ln_free(*self);
        }
    }
    return status;
}

static linnet_status open_all(const ln_paths *paths, ln_source **source, linnet_error *error)
{
    npy_source *self;
    linnet_status status = create(paths->count, &self, error);
    if (status != LINNET_OK) {
        return status;
    }
    for (size_t i = 0; i < paths->count && status == LINNET_OK; i++) {
        bool rows;
        status = open_shard(self, paths->items[i], &rows, error);
        if (status == LINNET_OK && !rows) {
            status = ln_fail_at(error, LINNET_ERROR_UNSUPPORTED, paths->items[i],
                                "expected an .npy file in C order, for a pattern names shards of "
                                "one array; found something else");
        }
    }
    if (status != LINNET_OK) {
        free_source(&self->source);
        return status;
    }
    *source = &self->source;
    return LINNET_OK;
}

/* A file in Fortran order is mapped, and turned into an array beside that. */
static linnet_status check_columns(const shard *s, linnet_error *error)
{
    bool columns = s->npy.rank > 1 && s->npy.fortran;
    return columns && s->reader.size > ln_memory_limit() / 2
               ? ln_fail_at(error, LINNET_ERROR_MEMORY, s->reader.path,
                            "the array is in Fortran order and too large to be turned in memory; "
                            "in C order, as numpy.ascontiguousarray has it, rows are read as they "
                            "are needed")
               : LINNET_OK;
}

static linnet_status open_one(const char *path, ln_source **source, linnet_error *error)
{
    npy_source *self;
    bool rows;
    linnet_status status = create(1, &self, error);
    if (status != LINNET_OK) {
        return status;
    }
    status = open_shard(self, path, &rows, error);
    if (status == LINNET_OK && !rows) {
        status = check_columns(self->shards, error);
    }
    if (status != LINNET_OK || !rows) {
        free_source(&self->source);
        return status;
    }
    *source = &self->source;
    return LINNET_OK;
}

linnet_status ln_npy_source_open(const char *path, ln_source **source, linnet_error *error)
{
    *source = NULL;
    if (!ln_path_is_pattern(path)) {
        return ln_path_is_regular(path) ? open_one(path, source, error) : LINNET_OK;
    }
    ln_paths paths;
    linnet_status status = ln_paths_match(path, &paths, error);
    if (status == LINNET_OK) {
        status = open_all(&paths, source, error);
        ln_paths_free(&paths);
    }
    return status;
}
