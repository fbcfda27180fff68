/* check.c - what features and labels have to be before anything is trained on them.
 *
 * Rows and columns in messages count from 0, a row's features in row-major order. */
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/fpenv.h"
#include "base/memory.h"
#include "base/number.h"
#include "data/data.h"
#include "data/dataset.h"
#include "numeric/half.h"

#define SHAPE_TEXT 256

/* ---- features ---- */

static bool rows_are_contiguous(const linnet_tensor *features)
{
    linnet_tensor row = {.rank = features->rank - 1};
    memcpy(row.shape, features->shape + 1, (size_t)row.rank * sizeof *row.shape);
    memcpy(row.strides, features->strides + 1, (size_t)row.rank * sizeof *row.strides);
    return linnet_tensor_is_contiguous(&row);
}

linnet_status ln_dataset_set_features(linnet_dataset *dataset, const linnet_tensor *features,
                                      linnet_error *error)
{
    char text[SHAPE_TEXT];
    ln_shape shape = ln_tensor_shape(features);
    const ln_dtype *row = ln_dtype_row(features->dtype);
    if (row == NULL || !row->target) {
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                       "expected features of dtype float32, float64, float16, bfloat16, uint8, "
                       "int32 or int64, found %s",
                       row != NULL ? row->name : "an unknown dtype");
    }
    if (features->rank < 2) {
        return ln_fail(error, LINNET_ERROR_SHAPE, "expected features of shape (rows, *), found %s",
                       ln_shape_text(&shape, text, sizeof text));
    }
    if (features->shape[0] == 0) {
        return ln_fail(error, LINNET_ERROR_DATA, "expected at least one row of features, found %s",
                       ln_shape_text(&shape, text, sizeof text));
    }
    linnet_status status = LINNET_OK;
    if (rows_are_contiguous(features)) {
        dataset->features = *features;
        dataset->features.storage = NULL;
    } else {
        status = linnet_tensor_to(features, features->dtype, &dataset->features, error);
    }
    dataset->rows = features->shape[0];
    dataset->row_features = ln_shape_numel(&shape, 1);
    return status;
}

enum { BLOCK = 1024 };

/* Whether n elements, at most BLOCK, are finite as float32 or, `wide`, as float64. */
static bool block_is_finite(linnet_dtype dtype, const unsigned char *data, size_t n, bool wide)
{
    uint32_t found = 0; /* no early way out: the loops are ones of vectors */
    if (wide) {
        double block[BLOCK];
        ln_convert(dtype, data, n, LINNET_FLOAT64, block);
        for (size_t i = 0; i < n; i++) {
            found |= isfinite(block[i]) ? 0 : 1;
        }
    } else {
        float block[BLOCK];
        ln_to_float32(dtype, data, n, block);
        for (size_t i = 0; i < n; i++) {
            found |= (ln_bits(block[i]) & 0x7f800000u) == 0x7f800000u;
        }
    }
    return found == 0;
}

/* The first of n elements from `first` on that is not finite so; n where there is none. */
static size_t find_not_finite(linnet_dtype dtype, const unsigned char *data, size_t first, size_t n,
                              bool wide)
{
    size_t size = linnet_dtype_size(dtype);
    while (first < n) {
        size_t count = ln_min_size(n - first, BLOCK);
        if (!block_is_finite(dtype, data + first * size, count, wide)) {
            for (size_t i = first; i < first + count; i++) {
                if (!block_is_finite(dtype, data + i * size, 1, wide)) {
                    return i;
                }
            }
        }
        first += count;
    }
    return n;
}

static linnet_status fail_value(double value, int64_t row, int64_t column, linnet_error *error)
{
    char text[LN_NUMBER_TEXT];
    return ln_fail(error, LINNET_ERROR_DATA,
                   "features, row %lld, column %lld: expected a finite number, found %s%s",
                   (long long)row, (long long)column, ln_print_double(value, text),
                   isfinite(value) ? ", which float32 cannot hold" : "");
}

/* Values are looked at as float32; one of float64 that is finite and too large for that is kept,
 * and from there on values are looked at as they are. */
static linnet_status see_finite(void *context, int64_t first, size_t count,
                                const unsigned char *rows, linnet_error *error)
{
    linnet_dataset *dataset = context;
    linnet_dtype dtype = dataset->features.dtype;
    size_t length = count * (size_t)dataset->row_features, at = 0;
    while ((at = find_not_finite(dtype, rows, at, length, dataset->too_large != NULL)) < length) {
        double value;
        ln_convert(dtype, rows + at * linnet_dtype_size(dtype), 1, LINNET_FLOAT64, &value);
        int64_t row = first + (int64_t)at / dataset->row_features;
        int64_t column = (int64_t)at % dataset->row_features;
        if (!isfinite(value)) {
            return fail_value(value, row, column, error);
        }
        linnet_error *kept;
        linnet_status status = ln_alloc_into(&kept, 1, sizeof *kept, "a dataset", error);
        if (status != LINNET_OK) {
            return status;
        }
        (void)fail_value(value, row, column, kept);
        dataset->too_large = dataset->owned_too_large = kept;
    }
    return LINNET_OK;
}

linnet_status ln_dataset_check_finite(linnet_dataset *dataset, linnet_error *error)
{
    if (!ln_dtype_row(dataset->features.dtype)->floating || dataset->row_features == 0) {
        return LINNET_OK;
    }
    ln_fpenv saved = ln_fpenv_enter();
    linnet_status status = ln_dataset_scan(dataset, see_finite, dataset, error);
    ln_fpenv_leave(saved);
    return status;
}

linnet_status ln_dataset_check_dtype(const linnet_dataset *dataset, linnet_dtype dtype,
                                     linnet_error *error)
{
    if (dtype != LINNET_FLOAT32 || dataset->too_large == NULL) {
        return LINNET_OK;
    }
    if (error != NULL) {
        *error = *dataset->too_large;
    }
    return dataset->too_large->status;
}

/* ---- labels ---- */

/* A label as it stands in the file: a whole number, or the float that it is not. */
typedef struct raw_label {
    int64_t whole; /* INT64_MAX for all that is larger */
    double real;   /* floats only */
    bool is_whole;
} raw_label;

static raw_label label_of_float(double value)
{
    bool fits = value >= -0x1p62 && value <= 0x1p62;
    bool whole = fits && value == floor(value);
    return (raw_label){whole ? (int64_t)value : 0, value, whole};
}

#define WHOLE_LABEL(type)                                                                          \
    do {                                                                                           \
        type value;                                                                                \
        memcpy(&value, from, sizeof value);                                                        \
        return (raw_label){(int64_t)value, 0, true};                                               \
    } while (0)

static raw_label load_label(linnet_dtype dtype, const unsigned char *from)
{
    double wide;
    float narrow;
    uint64_t longest;
    switch (dtype) {
    case LINNET_INT64: WHOLE_LABEL(int64_t);
    case LINNET_INT32: WHOLE_LABEL(int32_t);
    case LINNET_INT16: WHOLE_LABEL(int16_t);
    case LINNET_INT8: WHOLE_LABEL(int8_t);
    case LINNET_UINT32: WHOLE_LABEL(uint32_t);
    case LINNET_UINT16: WHOLE_LABEL(uint16_t);
    case LINNET_UINT8:
    case LINNET_BOOL: WHOLE_LABEL(uint8_t);
    case LINNET_UINT64:
        memcpy(&longest, from, sizeof longest);
        return (raw_label){longest > INT64_MAX ? INT64_MAX : (int64_t)longest, 0, true};
    case LINNET_FLOAT64: memcpy(&wide, from, sizeof wide); return label_of_float(wide);
    case LINNET_FLOAT32:
    case LINNET_FLOAT16:
    case LINNET_BFLOAT16:
        ln_to_float32(dtype, from, 1, &narrow);
        return label_of_float((double)narrow);
    case LINNET_FLOAT8_E4M3:
    case LINNET_FLOAT8_E5M2: break;
    }
    return (raw_label){0, (double)NAN, false};
}

static linnet_status check_label_tensor(const linnet_dataset *dataset, const linnet_tensor *labels,
                                        linnet_error *error)
{
    char text[SHAPE_TEXT];
    ln_shape shape = ln_tensor_shape(labels);
    bool column = labels->rank == 2 && labels->shape[1] == 1;
    if (labels->rank != 1 && !column) {
        return ln_fail(error, LINNET_ERROR_SHAPE,
                       "expected labels of shape (rows) or (rows, k), found %s",
                       ln_shape_text(&shape, text, sizeof text));
    }
    if (ln_dtype_row(labels->dtype) == NULL || labels->dtype == LINNET_FLOAT8_E4M3 ||
        labels->dtype == LINNET_FLOAT8_E5M2) {
        const char *name = linnet_dtype_name(labels->dtype);
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                       "expected labels of an integer dtype, found %s",
                       name != NULL ? name : "an unknown dtype");
    }
    if (labels->shape[0] != dataset->rows) {
        return ln_fail(error, LINNET_ERROR_DATA,
                       "expected as many labels as rows, found %lld labels and %lld rows",
                       (long long)labels->shape[0], (long long)dataset->rows);
    }
    return LINNET_OK;
}

static linnet_status fail_label(raw_label label, int64_t row, linnet_error *error)
{
    char text[LN_NUMBER_TEXT];
    if (!label.is_whole) {
        return ln_fail(
            error, LINNET_ERROR_DATA,
            "label of row %lld: expected a whole number, found %s (other numbers are for "
            "MSELoss and its like)",
            (long long)row, ln_print_double(label.real, text));
    }
    return ln_fail(error, LINNET_ERROR_DATA,
                   "label of row %lld: expected a number from %lld to %lld, found %lld%s",
                   (long long)row, (long long)-LN_MAX_LABEL, (long long)LN_MAX_LABEL,
                   (long long)label.whole, label.whole == INT64_MAX ? " or more" : "");
}

linnet_status ln_dataset_set_labels(linnet_dataset *dataset, const linnet_tensor *labels,
                                    bool borrow, linnet_error *error)
{
    if (labels->rank == 2 && labels->shape[1] > 1) {
        return linnet_dataset_set_targets(dataset, labels, error);
    }
    linnet_status status = check_label_tensor(dataset, labels, error);
    bool as_they_are = borrow && labels->dtype == LINNET_INT64 && labels->strides[0] == 1;
    int64_t *copy = NULL;
    if (status == LINNET_OK && !as_they_are) {
        status = ln_alloc_into(&copy, (size_t)dataset->rows, sizeof *copy, "the labels", error);
    }
    if (status != LINNET_OK) {
        return status;
    }
    int64_t largest = -1;
    int64_t stride = labels->strides[0] * (int64_t)linnet_dtype_size(labels->dtype);
    for (int64_t row = 0; row < dataset->rows; row++) {
        raw_label label =
            load_label(labels->dtype, (const unsigned char *)labels->data + row * stride);
        if (!label.is_whole || label.whole < -LN_MAX_LABEL || label.whole > LN_MAX_LABEL) {
            ln_free(copy);
            return fail_label(label, row, error);
        }
        if (copy != NULL) {
            copy[row] = label.whole;
        }
        largest = label.whole > largest ? label.whole : largest;
    }
    dataset->owned_labels = copy;
    dataset->labels = copy != NULL ? copy : labels->data;
    dataset->class_count = largest + 1;
    return LINNET_OK;
}

/* ---- class names ---- */

static linnet_status copy_classes(const json_t *list, size_t count, char **names,
                                  linnet_error *error)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        if (!json_is_string(item)) {
            return ln_fail(error, LINNET_ERROR_FORMAT,
                           "metadata \"classes\": expected an array of texts; item %zu is none", i);
        }
        names[i] = ln_copy_text(json_string_value(item), json_string_length(item));
        if (names[i] == NULL) {
            return ln_fail_memory(error, json_string_length(item), "a class name");
        }
    }
    return LINNET_OK;
}

static linnet_status take_classes(linnet_dataset *dataset, const json_t *list, linnet_error *error)
{
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count == 0 || count > (size_t)LN_MAX_LABEL) {
        return ln_fail(error, LINNET_ERROR_FORMAT,
                       "metadata \"classes\": expected a JSON array of texts");
    }
    if (dataset->class_count > (int64_t)count) {
        return ln_fail(error, LINNET_ERROR_DATA,
                       "expected a class name for every label, found %zu names and label %lld",
                       count, (long long)dataset->class_count - 1);
    }
    char **names;
    linnet_status status = ln_alloc_into(&names, count, sizeof *names, "the class names", error);
    if (status != LINNET_OK) {
        return status;
    }
    status = copy_classes(list, count, names, error);
    /* Also on failure, so that linnet_dataset_free finds what there is. */
    dataset->owned_classes = names;
    dataset->classes = (const char *const *)names;
    dataset->class_count = (int64_t)count;
    return status;
}

linnet_status ln_dataset_set_classes(linnet_dataset *dataset, const char *json, linnet_error *error)
{
    json_t *list = json_loads(json, 0, NULL);
    linnet_status status = take_classes(dataset, list, error);
    json_decref(list);
    return status;
}
