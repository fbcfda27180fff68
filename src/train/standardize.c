/* standardize.c - mean and standard deviation of each feature of a dataset, for a model's input.
 *
 * Two passes in double over the rows in order, so the result depends on the data alone. Sums are of
 * differences from the first row: a feature that never changes has a deviation of exactly 0. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/fpenv.h"
#include "base/memory.h"
#include "nn/nn.h"

/* Floats read at a time; at least one row. */
#define CHUNK ((size_t)1 << 18)

typedef struct statistics {
    const linnet_dataset *dataset;
    size_t rows, features, chunk_rows;
    float scale;
    float *chunk, *first, *mean, *std;
    double *sum, *center;
} statistics;

static linnet_status take_memory(statistics *s, ln_arena *arena, linnet_error *error)
{
    size_t chunk =
        ln_arena_reserve(arena, ln_saturated_mul(s->chunk_rows, s->features), sizeof(float));
    size_t first = ln_arena_reserve(arena, s->features, sizeof(float));
    size_t mean = ln_arena_reserve(arena, s->features, sizeof(float));
    size_t std = ln_arena_reserve(arena, s->features, sizeof(float));
    size_t sum = ln_arena_reserve(arena, s->features, sizeof(double));
    size_t center = ln_arena_reserve(arena, s->features, sizeof(double));
    linnet_status status = ln_arena_commit(arena, "mean and std", error);
    if (status != LINNET_OK) {
        return status;
    }
    s->chunk = ln_arena_at(arena, chunk);
    s->first = ln_arena_at(arena, first);
    s->mean = ln_arena_at(arena, mean);
    s->std = ln_arena_at(arena, std);
    s->sum = ln_arena_at(arena, sum);
    s->center = ln_arena_at(arena, center);
    return LINNET_OK;
}

/* sum[j] over the rows of (x - center)^power, where x is the scaled feature in float32, as a plan
 * computes it. */
static void add_up(statistics *s, int power)
{
    memset(s->sum, 0, s->features * sizeof *s->sum);
    for (size_t done = 0; done < s->rows; done += s->chunk_rows) {
        size_t count = ln_min_size(s->chunk_rows, s->rows - done);
        linnet_dataset_read(s->dataset, (int64_t)done, (int64_t)count, s->chunk);
        for (size_t i = 0; i < count; i++) {
            const float *row = s->chunk + i * s->features;
            for (size_t j = 0; j < s->features; j++) {
                float scaled = row[j] * s->scale;
                double difference = (double)scaled - s->center[j];
                s->sum[j] += power == 1 ? difference : difference * difference;
            }
        }
    }
}

static linnet_status compute(statistics *s, linnet_error *error)
{
    linnet_dataset_read(s->dataset, 0, 1, s->first);
    for (size_t j = 0; j < s->features; j++) {
        float scaled = s->first[j] * s->scale;
        s->center[j] = (double)scaled;
    }
    add_up(s, 1);
    for (size_t j = 0; j < s->features; j++) {
        s->center[j] += s->sum[j] / (double)s->rows;
    }
    add_up(s, 2);
    for (size_t j = 0; j < s->features; j++) {
        s->mean[j] = (float)s->center[j];
        s->std[j] = (float)sqrt(s->sum[j] / (double)s->rows);
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
    return LINNET_OK;
}

/* Whether rows of the dataset pass through the model. */
static linnet_status check_rows(const linnet_model *model, const linnet_dataset *dataset,
                                linnet_error *error)
{
    ln_shape shape = {.size = {1}};
    int rank = linnet_dataset_row_shape(dataset, shape.size + 1);
    shape.rank = rank + 1;
    return ln_model_shape(model, &shape, error);
}

linnet_status linnet_model_standardize(linnet_model *model, const linnet_dataset *dataset,
                                       linnet_error *error)
{
    statistics s = {
        .dataset = dataset,
        .rows = (size_t)linnet_dataset_rows(dataset),
        .features = (size_t)linnet_dataset_features(dataset),
        .scale = model->scaling.scale,
    };
    if (s.rows == 0) {
        return ln_fail(error, LINNET_ERROR_DATA, "cannot standardize: the dataset has no rows");
    }
    linnet_status status = check_rows(model, dataset, error);
    if (status != LINNET_OK) {
        return status;
    }
    s.chunk_rows = s.features == 0 || s.features > CHUNK ? 1 : CHUNK / s.features;
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
    ln_arena_free(&arena);
    return status;
}
