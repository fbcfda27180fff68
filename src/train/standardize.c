/* standardize.c - mean and standard deviation of each feature of a dataset, for a model's input.
 *
 * One pass in double over the rows in order, in chunks whose size is fixed, so the result depends
 * on the data alone. Values are differences from the first row: a feature that never changes has a
 * deviation of exactly 0. A chunk's sum of squares is taken around its own mean, and chunks are
 * joined as Chan, Golub and LeVeque have it ("Updating formulae and a pairwise algorithm", 1979),
 * so that nothing cancels. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/fpenv.h"
#include "base/memory.h"
#include "data/feed.h"
#include "nn/nn.h"
#include "train/classes.h"

#define CHUNK_ROWS 64

typedef struct statistics {
    const linnet_dataset *dataset;
    ln_feed *feed;
    size_t rows, features;
    linnet_dtype dtype; /* in which features are scaled */
    double scale;
    void *chunk; /* rows in that dtype */
    double *mean, *std;
    double *first;           /* the first row, scaled */
    double *apart, *squares; /* of a chunk: its mean less the first row; squares around it */
    double *center, *spread; /* the same of all rows before */
} statistics;

static linnet_status take_memory(statistics *s, ln_arena *arena, linnet_error *error)
{
    size_t chunk =
        ln_arena_reserve(arena, ln_saturated_mul(CHUNK_ROWS, s->features), sizeof(double));
    size_t doubles[7];
    for (int i = 0; i < 7; i++) {
        doubles[i] = ln_arena_reserve(arena, s->features, sizeof(double));
    }
    linnet_status status = ln_arena_commit(arena, "mean and std", error);
    if (status != LINNET_OK) {
        return status;
    }
    s->chunk = ln_arena_at(arena, chunk);
    s->mean = ln_arena_at(arena, doubles[5]);
    s->std = ln_arena_at(arena, doubles[6]);
    s->first = ln_arena_at(arena, doubles[0]);
    s->apart = ln_arena_at(arena, doubles[1]);
    s->squares = ln_arena_at(arena, doubles[2]);
    s->center = ln_arena_at(arena, doubles[3]);
    s->spread = ln_arena_at(arena, doubles[4]);
    return ln_feed_create(s->dataset, CHUNK_ROWS, &s->feed, error);
}

/* A scaled feature of the chunk, as a plan computes it. */
static double scaled_at(const statistics *s, size_t row, size_t feature)
{
    size_t at = row * s->features + feature;
    if (s->dtype == LINNET_FLOAT64) {
        return ((const double *)s->chunk)[at] * s->scale;
    }
    float scaled = ((const float *)s->chunk)[at] * (float)s->scale;
    return (double)scaled;
}

static void sum_chunk(statistics *s, size_t count)
{
    memset(s->apart, 0, s->features * sizeof *s->apart);
    memset(s->squares, 0, s->features * sizeof *s->squares);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < s->features; j++) {
            s->apart[j] += scaled_at(s, i, j) - s->first[j];
        }
    }
    for (size_t j = 0; j < s->features; j++) {
        s->apart[j] /= (double)count;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < s->features; j++) {
            double apart = scaled_at(s, i, j) - s->first[j] - s->apart[j];
            s->squares[j] += apart * apart;
        }
    }
}

/* Joins the chunk's `count` rows to the `before` rows before them. */
static void join_chunk(statistics *s, size_t before, size_t count)
{
    double part = (double)count / (double)(before + count);
    for (size_t j = 0; j < s->features; j++) {
        double apart = s->apart[j] - s->center[j];
        s->center[j] += apart * part;
        s->spread[j] += s->squares[j] + apart * apart * part * (double)before;
    }
}

static linnet_status add_up(statistics *s, linnet_error *error)
{
    size_t count = 0;
    ln_feed_begin(s->feed, NULL, s->rows);
    for (size_t done = 0; done < s->rows; done += count) {
        linnet_status status = ln_feed_next(s->feed, &count, error);
        if (status != LINNET_OK) {
            return status;
        }
        for (size_t i = 0; i < count; i++) {
            ln_feed_row(s->feed, i, s->dtype,
                        (char *)s->chunk + i * s->features * linnet_dtype_size(s->dtype));
        }
        for (size_t j = 0; j < s->features && done == 0; j++) {
            s->first[j] = scaled_at(s, 0, j);
        }
        sum_chunk(s, count);
        join_chunk(s, done, count);
    }
    return LINNET_OK;
}

static linnet_status compute(statistics *s, linnet_error *error)
{
    linnet_status status = add_up(s, error);
    for (size_t j = 0; j < s->features && status == LINNET_OK; j++) {
        s->mean[j] = ln_rounded(s->dtype, s->first[j] + s->center[j]);
        s->std[j] = ln_rounded(s->dtype, sqrt(s->spread[j] / (double)s->rows));
        if (!isfinite(s->mean[j]) || !isfinite(s->std[j])) {
            return ln_fail(error, LINNET_ERROR_DATA,
                           "cannot standardize: feature %zu has values that are not finite, or too "
                           "large",
                           j);
        }
        if (s->std[j] == 0) {
            s->std[j] = 1;
        }
    }
    return status;
}

linnet_status linnet_model_standardize(linnet_model *model, const linnet_dataset *dataset,
                                       linnet_error *error)
{
    statistics s = {
        .dataset = dataset,
        .rows = (size_t)linnet_dataset_rows(dataset),
        .features = (size_t)linnet_dataset_features(dataset),
        .dtype = model->dtype,
        .scale = model->scaling.scale,
    };
    if (s.rows == 0) {
        return ln_fail(error, LINNET_ERROR_DATA, "cannot standardize: the dataset has no rows");
    }
    ln_shape shape;
    linnet_status status = ln_check_rows(model, dataset, 1, &shape, error);
    if (status != LINNET_OK) {
        return status;
    }
    ln_arena arena = {.block = NULL};
    status = take_memory(&s, &arena, error);
    if (status == LINNET_OK) {
        ln_fpenv saved = ln_fpenv_enter();
        status = compute(&s, error);
        ln_fpenv_leave(saved);
    }
    if (status == LINNET_OK) {
        status = ln_model_set_standard(model, s.features, s.mean, s.std, error);
    }
    ln_feed_free(s.feed);
    ln_arena_free(&arena);
    return status;
}
