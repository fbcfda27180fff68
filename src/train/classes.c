/* classes.c - checks that a classifier fits its labelled rows; the class that logits stand for. */
#include "train/classes.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "data/data.h"
#include "nn/nn.h"

linnet_status ln_check_rows(const linnet_model *model, const linnet_dataset *dataset, size_t batch,
                            ln_shape *shape, linnet_error *error)
{
    int64_t row[LINNET_MAX_RANK];
    int rank = linnet_dataset_row_shape(dataset, row);
    *shape = (ln_shape){.rank = rank + 1, .size = {(int64_t)batch}};
    memcpy(shape->size + 1, row, (size_t)rank * sizeof *row);
    linnet_status status = ln_model_shape(model, shape, error);
    return status == LINNET_OK ? ln_dataset_check_dtype(dataset, model->dtype, error) : status;
}

linnet_status ln_check_logits(const linnet_model *model, const linnet_dataset *dataset,
                              size_t batch, int64_t *outputs, linnet_error *error)
{
    ln_shape shape;
    linnet_status status = ln_check_rows(model, dataset, batch, &shape, error);
    if (status != LINNET_OK) {
        return status;
    }
    if (shape.rank != 2) {
        char text[256];
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "CrossEntropyLoss expects logits of shape (N, C); this model gives %s for a "
                       "batch of %zu rows (is a Flatten() missing?)",
                       ln_shape_text(&shape, text, sizeof text), batch);
    }
    *outputs = shape.size[1];
    return LINNET_OK;
}

linnet_status ln_check_labels(const linnet_dataset *dataset, int64_t outputs, int64_t ignored,
                              const char *what, linnet_error *error)
{
    const int64_t *labels = linnet_dataset_labels(dataset);
    int64_t rows = linnet_dataset_rows(dataset), counted = 0;
    if (labels == NULL) {
        return ln_fail(error, LINNET_ERROR_DATA, "%s needs labels, and the dataset has none", what);
    }
    for (int64_t i = 0; i < rows; i++) {
        if (labels[i] == ignored) {
            continue;
        }
        counted++;
        if (labels[i] < 0) {
            return ln_fail(error, LINNET_ERROR_DATA,
                           "row %lld: expected a label from 0 on, or the loss's ignore_index "
                           "(%lld), found %lld",
                           (long long)i, (long long)ignored, (long long)labels[i]);
        }
        if (labels[i] >= outputs) {
            return ln_fail(error, LINNET_ERROR_DATA,
                           "row %lld: expected a label below the model's %lld outputs, found %lld",
                           (long long)i, (long long)outputs, (long long)labels[i]);
        }
    }
    if (rows > 0 && counted == 0) {
        return ln_fail(error, LINNET_ERROR_DATA,
                       "expected a row whose label is not ignore_index, found %lld in all of them",
                       (long long)ignored);
    }
    return LINNET_OK;
}
