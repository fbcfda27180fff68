/* targets.c - labels that are values: several a row, or numbers to be approached; and what each row
 * weighs in the loss.
 *
 * They are few beside the features, and kept as float64, which holds every value of the dtypes that
 * data come in. Labels that are classes are check.c's. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/number.h"
#include "data/dataset.h"

#define SHAPE_TEXT 256

/* ---- checks ---- */

static linnet_status check_tensor(const linnet_dataset *dataset, const linnet_tensor *values,
                                  const char *what, bool columns, linnet_error *error)
{
    char text[SHAPE_TEXT];
    ln_shape shape = ln_tensor_shape(values);
    bool table = values->rank == 2 && (columns ? values->shape[1] > 0 : values->shape[1] == 1);
    if (values->rank != 1 && !table) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "expected %s of shape (rows) or (rows, %s), found %s", what,
                       columns ? "k" : "1", ln_shape_text(&shape, text, sizeof text));
    }
    if (ln_dtype_row(values->dtype) == NULL) {
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED, "expected %s of a known dtype", what);
    }
    if (values->shape[0] != dataset->rows) {
        return ln_fail(error, LINNET_ERROR_DATA,
                       "expected as many %s as rows, found %lld %s and %lld rows", what,
                       (long long)values->shape[0], what, (long long)dataset->rows);
    }
    return LINNET_OK;
}

/* A finite number in every place; from 0 on and not all 0 where they are weights. */
static linnet_status check_values(const linnet_tensor *values, const char *what, bool weights,
                                  linnet_error *error)
{
    const double *value = values->data;
    int64_t columns = values->rank == 2 ? values->shape[1] : 1;
    int64_t count = linnet_tensor_numel(values);
    bool any = false;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(value[i]) || (weights && value[i] < 0)) {
            char text[LN_NUMBER_TEXT], column[48] = "";
            if (columns > 1) {
                snprintf(column, sizeof column, ", column %lld", (long long)(i % columns));
            }
            return ln_fail(error, LINNET_ERROR_DATA, "%s, row %lld%s: expected %s, found %s", what,
                           (long long)(i / columns), column,
                           weights ? "a number from 0 on" : "a finite number",
                           ln_print_double(value[i], text));
        }
        any = any || value[i] > 0;
    }
    return any || !weights ? LINNET_OK
                           : ln_fail(error, LINNET_ERROR_DATA,
                                     "expected a weight above 0 in at least one row, found none");
}

/* A checked copy in float64. */
static linnet_status copy_values(const linnet_dataset *dataset, const linnet_tensor *values,
                                 bool weights, linnet_tensor *copy, linnet_error *error)
{
    const char *what = weights ? "weights" : "labels";
    linnet_status status = check_tensor(dataset, values, what, !weights, error);
    if (status == LINNET_OK) {
        status = linnet_tensor_to(values, LINNET_FLOAT64, copy, error);
    }
    if (status == LINNET_OK) {
        status = check_values(copy, what, weights, error);
        if (status != LINNET_OK) {
            linnet_tensor_free(copy);
        }
    }
    return status;
}

/* ---- setting ---- */

linnet_status linnet_dataset_set_targets(linnet_dataset *dataset, const linnet_tensor *targets,
                                         linnet_error *error)
{
    linnet_tensor copy;
    linnet_status status = copy_values(dataset, targets, false, &copy, error);
    if (status != LINNET_OK) {
        return status;
    }
    if (copy.rank == 1) { /* one number a row is a column of them */
        copy.rank = 2;
        copy.shape[1] = copy.strides[1] = 1;
    }
    ln_dataset_drop_labels(dataset);
    dataset->targets = copy;
    dataset->class_count = copy.shape[1];
    return LINNET_OK;
}

linnet_status linnet_dataset_set_weights(linnet_dataset *dataset, const linnet_tensor *weights,
                                         linnet_error *error)
{
    linnet_tensor copy;
    linnet_status status = copy_values(dataset, weights, true, &copy, error);
    if (status == LINNET_OK) {
        linnet_tensor_free(&dataset->weights);
        dataset->weights = copy;
    }
    return status;
}

/* ---- parts ---- */

static linnet_status create_like(const linnet_tensor *values, int64_t rows, linnet_tensor *made,
                                 linnet_error *error)
{
    if (values->rank == 0) {
        return LINNET_OK;
    }
    int64_t shape[2] = {rows, values->shape[1]};
    return linnet_tensor_create(LINNET_FLOAT64, values->rank, shape, made, error);
}

linnet_status ln_dataset_create_values(const linnet_dataset *parent, int64_t rows,
                                       linnet_dataset *part, linnet_error *error)
{
    linnet_status status = create_like(&parent->targets, rows, &part->targets, error);
    return status == LINNET_OK ? create_like(&parent->weights, rows, &part->weights, error)
                               : status;
}

static void copy_row(const linnet_tensor *from, int64_t row, const linnet_tensor *to, int64_t place)
{
    if (from->rank > 0) {
        size_t stride = (size_t)from->strides[0];
        memcpy((double *)to->data + (size_t)place * stride,
               (const double *)from->data + (size_t)row * stride, stride * sizeof(double));
    }
}

void ln_dataset_copy_values(const linnet_dataset *parent, int64_t from, linnet_dataset *part,
                            int64_t to)
{
    copy_row(&parent->targets, from, &part->targets, to);
    copy_row(&parent->weights, from, &part->weights, to);
}

/* ---- what it holds ---- */

const double *linnet_dataset_targets(const linnet_dataset *dataset)
{
    return dataset->targets.rank > 0 ? dataset->targets.data : NULL;
}

int64_t linnet_dataset_target_count(const linnet_dataset *dataset)
{
    return dataset->targets.rank > 0 ? dataset->targets.shape[1] : 0;
}

const double *linnet_dataset_weights(const linnet_dataset *dataset)
{
    return dataset->weights.rank > 0 ? dataset->weights.data : NULL;
}
