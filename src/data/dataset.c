/* dataset.c - rows of features with labels: made over memory, split, and read as float32.
 *
 * Opening files is in open.c, what features and labels may be is in check.c. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/fpenv.h"
#include "base/memory.h"
#include "data/data.h"
#include "data/dataset.h"
#include "numeric/random.h"

/* Rows of a source that are read at a time. */
#define PIECE 64

linnet_status linnet_dataset_create(const linnet_tensor *features, const linnet_tensor *labels,
                                    bool allow_nan, linnet_dataset **dataset, linnet_error *error)
{
    *dataset = NULL;
    linnet_dataset *made;
    linnet_status status = ln_alloc_into(&made, 1, sizeof *made, "a dataset", error);
    if (status != LINNET_OK) {
        return status;
    }
    status = ln_dataset_set_features(made, features, error);
    if (status == LINNET_OK && labels != NULL) {
        status = ln_dataset_set_labels(made, labels, true, error);
    }
    if (status == LINNET_OK && !allow_nan) {
        status = ln_dataset_check_finite(made, error);
    }
    if (status != LINNET_OK) {
        linnet_dataset_free(made);
        return status;
    }
    *dataset = made;
    return LINNET_OK;
}

void ln_dataset_drop_labels(linnet_dataset *dataset)
{
    for (int64_t i = 0; dataset->owned_classes != NULL && i < dataset->class_count; i++) {
        ln_free(dataset->owned_classes[i]);
    }
    ln_free(dataset->owned_classes);
    ln_free(dataset->owned_labels);
    linnet_tensor_free(&dataset->targets);
    dataset->owned_classes = NULL;
    dataset->classes = NULL;
    dataset->class_count = 0;
    dataset->labels = dataset->owned_labels = NULL;
}

void linnet_dataset_free(linnet_dataset *dataset)
{
    if (dataset == NULL) {
        return;
    }
    ln_dataset_drop_labels(dataset);
    ln_free(dataset->index);
    linnet_tensor_free(&dataset->features);
    ln_source_free(dataset->owned_source);
    ln_free(dataset->digest);
    ln_free(dataset->members);
    ln_free(dataset->owned_too_large);
    linnet_tensor_free(&dataset->weights);
    linnet_state_dict_free(dataset->file);
    ln_free(dataset);
}

linnet_status ln_dataset_set_source(linnet_dataset *dataset, const ln_source *source,
                                    linnet_error *error)
{
    dataset->source = source;
    return ln_alloc_into(&dataset->digest, 1, sizeof *dataset->digest, "a digest", error);
}

/* ---- split ---- */

/* An empty part of `parent` with room for `rows` rows. */
static linnet_status create_part(const linnet_dataset *parent, int64_t rows, linnet_dataset **part,
                                 linnet_error *error)
{
    linnet_dataset *made;
    linnet_status status = ln_alloc_into(&made, 1, sizeof *made, "a dataset", error);
    if (status != LINNET_OK) {
        return status;
    }
    made->features = parent->features;
    made->features.storage = NULL;
    made->row_features = parent->row_features;
    made->too_large = parent->too_large;
    made->class_count = parent->class_count;
    made->classes = parent->classes;
    status =
        ln_alloc_into(&made->index, (size_t)rows, sizeof *made->index, "a split's rows", error);
    if (status == LINNET_OK && parent->source != NULL) {
        status = ln_dataset_set_source(made, parent->source, error);
    }
    if (status == LINNET_OK && parent->labels != NULL) {
        status = ln_alloc_into(&made->owned_labels, (size_t)rows, sizeof *made->owned_labels,
                               "a split's labels", error);
        made->labels = made->owned_labels;
    }
    if (status == LINNET_OK) {
        status = ln_dataset_create_values(parent, rows, made, error);
    }
    if (status != LINNET_OK) {
        linnet_dataset_free(made);
        return status;
    }
    *part = made;
    return LINNET_OK;
}

static void append_row(linnet_dataset *part, const linnet_dataset *parent, int64_t row)
{
    part->index[part->rows] = linnet_dataset_place(parent, row);
    if (parent->labels != NULL) {
        part->owned_labels[part->rows] = parent->labels[row];
    }
    ln_dataset_copy_values(parent, row, part, part->rows);
    part->rows++;
}

/* held[row] = 1 for `count` rows: those from `first` on in a permutation under `seed`. */
static linnet_status draw_rows(int64_t rows, int64_t first, int64_t count, uint64_t seed,
                               uint8_t *held, linnet_error *error)
{
    int64_t *order;
    linnet_status status =
        ln_alloc_into(&order, (size_t)rows, sizeof *order, "a split's order", error);
    if (status == LINNET_OK) {
        ln_philox_permutation(ln_philox_stream(seed, 0, 0, LN_STREAM_SPLIT), (size_t)rows, order);
        for (int64_t i = 0; i < count; i++) {
            held[order[first + i]] = 1;
        }
        ln_free(order);
    }
    return status;
}

static linnet_status split_rows(const linnet_dataset *dataset, const uint8_t *held, int64_t count,
                                bool fold, linnet_dataset **rest, linnet_dataset **held_out,
                                linnet_error *error)
{
    linnet_status status = create_part(dataset, dataset->rows - count, rest, error);
    if (status == LINNET_OK) {
        status = create_part(dataset, count, held_out, error);
    }
    if (status == LINNET_OK && fold) {
        status = ln_dataset_set_whole(*rest, dataset, held, false, error);
    }
    if (status == LINNET_OK && fold) {
        status = ln_dataset_set_whole(*held_out, dataset, held, true, error);
    }
    if (status != LINNET_OK) {
        linnet_dataset_free(*rest);
        linnet_dataset_free(*held_out);
        *rest = *held_out = NULL;
        return status;
    }
    for (int64_t i = 0; i < dataset->rows; i++) {
        append_row(held[i] ? *held_out : *rest, dataset, i);
    }
    return LINNET_OK;
}

static linnet_status hold_out(const linnet_dataset *dataset, int64_t first, int64_t count,
                              uint64_t seed, bool fold, linnet_dataset **rest,
                              linnet_dataset **held_out, linnet_error *error)
{
    uint8_t *held;
    linnet_status status =
        ln_alloc_into(&held, (size_t)dataset->rows, sizeof *held, "a split", error);
    if (status == LINNET_OK) {
        status = draw_rows(dataset->rows, first, count, seed, held, error);
        if (status == LINNET_OK) {
            status = split_rows(dataset, held, count, fold, rest, held_out, error);
        }
        ln_free(held);
    }
    return status;
}

linnet_status linnet_dataset_split(const linnet_dataset *dataset, double fraction, uint64_t seed,
                                   linnet_dataset **rest, linnet_dataset **held_out,
                                   linnet_error *error)
{
    *rest = NULL;
    *held_out = NULL;
    if (!(fraction > 0 && fraction < 1)) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "expected a fraction between 0 and 1 to hold out, found %g", fraction);
    }
    ln_fpenv saved = ln_fpenv_enter();
    int64_t count = (int64_t)floor(fraction * (double)dataset->rows + 0.5);
    ln_fpenv_leave(saved);
    if (count <= 0 || count >= dataset->rows) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT,
                       "holding out %g of %lld rows would hold out %lld and leave %lld; expected "
                       "rows in both parts",
                       fraction, (long long)dataset->rows, (long long)count,
                       (long long)(dataset->rows - count));
    }
    return hold_out(dataset, 0, count, seed, false, rest, held_out, error);
}

linnet_status linnet_dataset_fold(const linnet_dataset *dataset, int64_t folds, int64_t fold,
                                  uint64_t seed, linnet_dataset **rest, linnet_dataset **held_out,
                                  linnet_error *error)
{
    *rest = NULL;
    *held_out = NULL;
    if (folds < 2 || folds > dataset->rows || fold < 0 || fold >= folds) {
        return ln_fail(
            error, LINNET_ERROR_ARGUMENT,
            "expected a fold from 0 of 2 to %lld folds, one row each at least; found fold "
            "%lld of %lld",
            (long long)dataset->rows, (long long)fold, (long long)folds);
    }
    int64_t size = dataset->rows / folds, longer = dataset->rows % folds;
    int64_t first = fold * size + (fold < longer ? fold : longer);
    return hold_out(dataset, first, size + (fold < longer), seed, true, rest, held_out, error);
}

/* ---- what it holds ---- */

int64_t linnet_dataset_rows(const linnet_dataset *dataset)
{
    return dataset->rows;
}

int64_t linnet_dataset_place(const linnet_dataset *dataset, int64_t row)
{
    return dataset->index != NULL ? dataset->index[row] : row;
}

int64_t linnet_dataset_features(const linnet_dataset *dataset)
{
    return dataset->row_features;
}

int linnet_dataset_row_shape(const linnet_dataset *dataset, int64_t *shape)
{
    int rank = dataset->features.rank - 1;
    memcpy(shape, dataset->features.shape + 1, (size_t)rank * sizeof *shape);
    return rank;
}

linnet_dtype linnet_dataset_dtype(const linnet_dataset *dataset)
{
    return dataset->features.dtype;
}

const int64_t *linnet_dataset_labels(const linnet_dataset *dataset)
{
    return dataset->labels;
}

int64_t linnet_dataset_class_count(const linnet_dataset *dataset)
{
    return dataset->class_count;
}

const char *const *linnet_dataset_classes(const linnet_dataset *dataset)
{
    return dataset->classes;
}

/* ---- reading rows ---- */

void ln_dataset_row(const linnet_dataset *dataset, int64_t row, linnet_dtype dtype, void *out)
{
    assert(row >= 0 && row < dataset->rows && dataset->source == NULL);
    const linnet_tensor *features = &dataset->features;
    int64_t row_bytes = features->strides[0] * (int64_t)linnet_dtype_size(features->dtype);
    int64_t place = linnet_dataset_place(dataset, row);
    if (dataset->row_features > 0) {
        ln_convert(features->dtype, (const unsigned char *)features->data + place * row_bytes,
                   (size_t)dataset->row_features, dtype, out);
    }
}

/* Rows of a source, some at a time: as they are stored into `raw`, or where that is NULL as the
 * numbers of `dtype` that they are. */
static linnet_status read_source(const linnet_dataset *dataset, int64_t first, int64_t count,
                                 unsigned char *raw, linnet_dtype dtype, void *out,
                                 linnet_error *error)
{
    const ln_source *source = dataset->source;
    size_t features = (size_t)dataset->row_features;
    linnet_status status = LINNET_OK;
    for (size_t done = 0, n; done < (size_t)count && status == LINNET_OK; done += n) {
        int64_t places[PIECE];
        n = ln_min_size(PIECE, (size_t)count - done);
        for (size_t i = 0; i < n; i++) {
            places[i] = linnet_dataset_place(dataset, first + (int64_t)(done + i));
        }
        unsigned char *to = (unsigned char *)out + done * features * linnet_dtype_size(dtype);
        status = source->read(source, places, n, raw != NULL ? raw : to, error);
        if (status == LINNET_OK && raw != NULL) {
            ln_convert(source->dtype, raw, n * features, dtype, to);
        }
    }
    return status;
}

static linnet_status read_stored(const linnet_dataset *dataset, int64_t first, int64_t count,
                                 linnet_dtype dtype, void *out, linnet_error *error)
{
    unsigned char *raw = NULL;
    linnet_status status = LINNET_OK;
    if (dataset->source->dtype != dtype) {
        size_t rows = ln_min_size(PIECE, (size_t)count);
        status = ln_alloc_into(&raw, rows, dataset->source->row_bytes, "rows", error);
    }
    if (status == LINNET_OK) {
        status = read_source(dataset, first, count, raw, dtype, out, error);
    }
    ln_free(raw);
    return status;
}

static linnet_status read_rows(const linnet_dataset *dataset, int64_t first, int64_t count,
                               linnet_dtype dtype, void *out, linnet_error *error)
{
    size_t row = (size_t)dataset->row_features * linnet_dtype_size(dtype);
    linnet_status status = LINNET_OK;
    ln_fpenv saved = ln_fpenv_enter();
    if (dataset->source != NULL) {
        status = read_stored(dataset, first, count, dtype, out, error);
    }
    for (int64_t i = 0; i < count && dataset->source == NULL; i++) {
        ln_dataset_row(dataset, first + i, dtype, (unsigned char *)out + (size_t)i * row);
    }
    ln_fpenv_leave(saved);
    return status;
}

linnet_status linnet_dataset_read(const linnet_dataset *dataset, int64_t first, int64_t count,
                                  float *out, linnet_error *error)
{
    linnet_status status = ln_dataset_check_dtype(dataset, LINNET_FLOAT32, error);
    return status == LINNET_OK ? read_rows(dataset, first, count, LINNET_FLOAT32, out, error)
                               : status;
}

linnet_status linnet_dataset_read_f64(const linnet_dataset *dataset, int64_t first, int64_t count,
                                      double *out, linnet_error *error)
{
    return read_rows(dataset, first, count, LINNET_FLOAT64, out, error);
}
