/* targets.c - checks labelled rows against the loss that is to be trained or measured with them. */
#include "train/targets.h"

#include <stdio.h>

#include "base/error.h"
#include "base/number.h"
#include "train/classes.h"

ln_target ln_target_of(const linnet_dataset *dataset, int64_t row)
{
    const double *values = linnet_dataset_targets(dataset);
    const double *weights = linnet_dataset_weights(dataset);
    return (ln_target){
        .label = values == NULL ? linnet_dataset_labels(dataset)[row] : 0,
        .values = values != NULL ? values + row * linnet_dataset_target_count(dataset) : NULL,
        .weight = weights != NULL ? weights[row] : 1,
    };
}

/* ---- checks ---- */

/* "torch.Size([64, 3])"; of a column "torch.Size([64])". */
static void size_text(size_t batch, int64_t columns, char text[64])
{
    if (columns == 1) {
        snprintf(text, 64, "torch.Size([%zu])", batch);
    } else {
        snprintf(text, 64, "torch.Size([%zu, %lld])", batch, (long long)columns);
    }
}

static linnet_status fail_sizes(const ln_loss *loss, size_t batch, int64_t columns, int64_t outputs,
                                linnet_error *error)
{
    char target[64], input[64];
    size_text(batch, columns, target);
    snprintf(input, sizeof input, "torch.Size([%zu, %lld])", batch, (long long)outputs);
    return ln_fail(error, LINNET_ERROR_SHAPE, loss->type->sizes, target, input);
}

static linnet_status check_unit(const linnet_dataset *dataset, const char *name,
                                linnet_error *error)
{
    const double *values = linnet_dataset_targets(dataset);
    int64_t columns = linnet_dataset_target_count(dataset);
    for (int64_t i = 0; i < linnet_dataset_rows(dataset) * columns; i++) {
        if (!(values[i] >= 0 && values[i] <= 1)) {
            char number[LN_NUMBER_TEXT];
            return ln_fail(error, LINNET_ERROR_DATA,
                           "labels, row %lld, column %lld: %s expects a number from 0 to 1, found "
                           "%s",
                           (long long)(i / columns), (long long)(i % columns), name,
                           ln_print_double(values[i], number));
        }
    }
    return LINNET_OK;
}

static linnet_status check_values(const ln_loss *loss, const linnet_dataset *dataset,
                                  int64_t outputs, size_t batch, linnet_error *error)
{
    int64_t columns = linnet_dataset_target_count(dataset);
    if (!loss->type->values) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "0D or 1D target tensor expected, multi-target not supported (%s takes one "
                       "class a row, and the dataset has %lld values)",
                       loss->type->signature.name, (long long)columns);
    }
    if (columns != outputs) {
        return fail_sizes(loss, batch, columns, outputs, error);
    }
    return loss->type->unit ? check_unit(dataset, loss->type->signature.name, error) : LINNET_OK;
}

linnet_status ln_check_targets(const ln_loss *loss, const linnet_dataset *dataset, int64_t outputs,
                               size_t batch, const char *what, linnet_error *error)
{
    if (linnet_dataset_targets(dataset) != NULL) {
        return check_values(loss, dataset, outputs, batch, error);
    }
    if (linnet_dataset_labels(dataset) != NULL && !loss->type->classes) {
        return ln_fail(error, LINNET_ERROR_DATA,
                       "%s expects values as labels, and the dataset has classes (open it with "
                       "LINNET_TARGETS_VALUES, or give it values with linnet_dataset_set_targets)",
                       loss->type->signature.name);
    }
    return ln_check_labels(dataset, outputs, loss->ignore_index, what, error);
}

/* ---- what outputs say ---- */

size_t ln_likeliest(size_t n, const double *values)
{
    size_t largest = 0;
    for (size_t i = 1; i < n; i++) {
        largest = values[i] > values[largest] ? i : largest;
    }
    return largest;
}
