/* open.c - datasets from files: which array holds the features, which the labels.
 *
 * Reading the formats is src/format's; what the arrays may hold is check.c's. */
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "data/data.h"
#include "data/dataset.h"
#include "format/format.h"
#include "os/limits.h"
#include "tensor/state_dict.h"

#define LIST_TEXT 640

/* What takes up to this part of the memory that may be used is kept in it. */
#define KEPT_PART 8

/* A path as errors name it. */
static const char *place_of(const char *path)
{
    return strcmp(path, "-") == 0 ? "<stdin>" : path;
}

static const linnet_dataset_options standard;

/* "x float32 [10, 4], y int64 [10]": what there is to choose from. */
static const char *list_arrays(const linnet_state_dict *file, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < linnet_state_dict_count(file) && used < size; i++) {
        const linnet_tensor *tensor = linnet_state_dict_tensor(file, i);
        const char *name = linnet_state_dict_name(file, i);
        char dims[128];
        ln_shape shape = ln_tensor_shape(tensor);
        int length = snprintf(text + used, size - used, "%s%s%s%s %s", used > 0 ? ", " : "", name,
                              name[0] != '\0' ? " " : "", linnet_dtype_name(tensor->dtype),
                              ln_shape_text(&shape, dims, sizeof dims));
        used += (size_t)length;
    }
    if (used >= size) {
        memcpy(text + size - sizeof "...", "...", sizeof "...");
    }
    return used > 0 ? text : "nothing";
}

static linnet_status fail_no_array(const linnet_state_dict *file, const char *wanted,
                                   const char *what, linnet_error *error)
{
    char list[LIST_TEXT];
    const char *aside = linnet_state_dict_metadata_get(file, LN_FORMAT_WARNING);
    return ln_fail(error, LINNET_ERROR_DATA,
                   "expected an array %s for the %s; the file holds: %s%s%s", wanted, what,
                   list_arrays(file, list, sizeof list), aside != NULL ? "; " : "",
                   aside != NULL ? aside : "");
}

static linnet_status fail_not_named(const linnet_state_dict *file, const char *name,
                                    const char *what, linnet_error *error)
{
    char wanted[160];
    snprintf(wanted, sizeof wanted, "'%.150s'", name);
    return fail_no_array(file, wanted, what, error);
}

static const linnet_tensor *only_array(const linnet_state_dict *file)
{
    return linnet_state_dict_count(file) == 1 ? linnet_state_dict_tensor(file, 0) : NULL;
}

static bool is_csv(const linnet_state_dict *file)
{
    return strcmp(linnet_state_dict_format(file), "csv") == 0;
}

static linnet_status find_features(const linnet_state_dict *file, const char *name,
                                   const linnet_tensor **features, linnet_error *error)
{
    if (name != NULL) {
        *features = linnet_state_dict_get(file, name);
        return *features != NULL ? LINNET_OK : fail_not_named(file, name, "features", error);
    }
    *features = linnet_state_dict_get(file, "x");
    if (*features == NULL) {
        *features = linnet_state_dict_get(file, "X");
    }
    if (*features == NULL) {
        *features = only_array(file);
    }
    return *features != NULL
               ? LINNET_OK
               : fail_no_array(file, "'x' or 'X'", "features, or the name of another as x", error);
}

/* Labels beside the features; *labels is NULL where there are none and none are needed. A CSV's
 * reader has found the column already, and calls it y. */
static linnet_status find_labels_beside(const linnet_state_dict *file,
                                        const linnet_dataset_options *options,
                                        const linnet_tensor **labels, linnet_error *error)
{
    bool named = options->y != NULL && !is_csv(file);
    *labels = linnet_state_dict_get(file, named ? options->y : "y");
    if (*labels == NULL && named) {
        return fail_not_named(file, options->y, "labels", error);
    }
    if (*labels == NULL && options->labels == LINNET_LABELS_REQUIRED) {
        return fail_no_array(file, "'y'", "labels, the name of another as y, or a file of labels",
                             error);
    }
    return LINNET_OK;
}

/* Labels in a file of their own. */
static linnet_status find_labels_alone(const linnet_state_dict *file, const char *name,
                                       const linnet_tensor **labels, linnet_error *error)
{
    if (name != NULL && !is_csv(file)) {
        *labels = linnet_state_dict_get(file, name);
        return *labels != NULL ? LINNET_OK : fail_not_named(file, name, "labels", error);
    }
    *labels = linnet_state_dict_get(file, "y");
    if (*labels == NULL) {
        *labels = only_array(file);
    }
    return *labels != NULL ? LINNET_OK : fail_no_array(file, "'y'", "labels", error);
}

static linnet_status take_labels(linnet_dataset *dataset, linnet_targets targets,
                                 const linnet_state_dict *file, const linnet_tensor *labels,
                                 linnet_error *error)
{
    linnet_status status = targets == LINNET_TARGETS_VALUES
                               ? linnet_dataset_set_targets(dataset, labels, error)
                               : ln_dataset_set_labels(dataset, labels, false, error);
    const char *classes = linnet_state_dict_metadata_get(file, "classes");
    if (status == LINNET_OK && classes != NULL) {
        status = ln_dataset_set_classes(dataset, classes, error);
    }
    return status;
}

/* What a source has, as the tensors of a file: its rows where they are at most `kept` bytes, else a
 * tensor that is nothing but a shape. */
static linnet_status list_source(ln_source *source, bool keep, linnet_state_dict **file,
                                 linnet_error *error)
{
    linnet_tensor tensor = {0};
    linnet_status status =
        keep ? ln_source_load(source, &tensor, error)
             : linnet_tensor_from(NULL, source->dtype, source->rank, source->shape, &tensor, error);
    if (status == LINNET_OK) {
        status = linnet_state_dict_create(file, error);
    }
    if (status == LINNET_OK) {
        ln_state_dict_set_format(*file, source->format);
        status = ln_state_dict_take(*file, source->name, &tensor, error);
    }
    if (status == LINNET_OK && source->give != NULL) {
        status = source->give(source, *file, error);
    }
    linnet_tensor_free(&tensor);
    return status;
}

/* Reads a file, or leaves rows of more than `kept` bytes where they are: *source is NULL otherwise.
 * */
static linnet_status read_file(const char *path, const ln_read_options *options, size_t kept,
                               linnet_state_dict **file, ln_source **source, linnet_error *error)
{
    ln_source *found;
    *source = NULL;
    linnet_status status = ln_npy_source_open(path, &found, error);
    if (status == LINNET_OK && found == NULL) {
        status = ln_text_source_open(path, options, &found, error);
    }
    if (status != LINNET_OK || found == NULL) {
        return status != LINNET_OK ? status : ln_format_read(path, options, file, error);
    }
    bool keep = ln_saturated_mul((size_t)found->shape[0], found->row_bytes) <= kept;
    status = list_source(found, keep, file, error);
    if (status == LINNET_OK && !keep) {
        *source = found;
    } else {
        ln_source_free(found);
    }
    return status;
}

static linnet_status read_labels_file(const linnet_dataset_options *options,
                                      linnet_state_dict **file, linnet_error *error)
{
    ln_read_options reading = {.label = options->y,
                               .label_required = true,
                               .values = options->targets == LINNET_TARGETS_VALUES,
                               .classes = options->classes,
                               .class_count = options->class_count};
    ln_source *none;
    return read_file(options->labels_path, &reading, SIZE_MAX, file, &none, error);
}

static linnet_status take_labels_file(linnet_dataset *dataset, const linnet_state_dict *file,
                                      const linnet_dataset_options *options, linnet_error *error)
{
    const linnet_tensor *labels;
    linnet_status status = find_labels_alone(file, options->y, &labels, error);
    if (status == LINNET_OK) {
        status = take_labels(dataset, options->targets, file, labels, error);
    }
    if (status != LINNET_OK) {
        ln_error_set_place(error, place_of(options->labels_path));
    }
    return status;
}

/* What rows weigh: an array beside the features; or a file, where that has no names. */
static linnet_status take_weights(linnet_dataset *dataset, const char *name, linnet_error *error)
{
    const linnet_state_dict *file = dataset->file;
    const linnet_tensor *array = linnet_state_dict_get(file, is_csv(file) ? "w" : name);
    if (array != NULL) {
        return linnet_dataset_set_weights(dataset, array, error);
    }
    bool nameless = linnet_state_dict_get(file, "") != NULL ||
                    strcmp(linnet_state_dict_format(file), "libsvm") == 0;
    if (!nameless) {
        return fail_not_named(file, name, "weights", error);
    }
    linnet_state_dict *weights = NULL;
    ln_source *none;
    linnet_status status = read_file(name, &(ln_read_options){0}, SIZE_MAX, &weights, &none, error);
    if (status == LINNET_OK) {
        array = only_array(weights);
        status = array != NULL ? linnet_dataset_set_weights(dataset, array, error)
                               : fail_no_array(weights, "alone", "weights", error);
        if (status != LINNET_OK) {
            ln_error_set_place(error, place_of(name));
        }
    }
    linnet_state_dict_free(weights);
    return status;
}

/* For the errors of reading alone. */
static linnet_status see_nothing(void *context, int64_t first, size_t count,
                                 const unsigned char *rows, linnet_error *error)
{
    (void)context, (void)first, (void)count, (void)rows, (void)error;
    return LINNET_OK;
}

/* labels_file: NULL where the labels lie beside the features. */
static linnet_status fill(linnet_dataset *dataset, const linnet_state_dict *labels_file,
                          const linnet_dataset_options *options, linnet_error *error)
{
    const linnet_tensor *features;
    const linnet_tensor *labels = NULL;
    linnet_status status = find_features(dataset->file, options->x, &features, error);
    if (status == LINNET_OK && is_csv(dataset->file) && features->shape[1] == 0) {
        status = ln_fail(error, LINNET_ERROR_DATA,
                         "expected columns of features beside the labels, with commas between "
                         "them, found none");
    }
    if (status == LINNET_OK) {
        status = ln_dataset_set_features(dataset, features, error);
    }
    if (status == LINNET_OK && labels_file != NULL) {
        status = take_labels_file(dataset, labels_file, options, error);
    } else if (status == LINNET_OK && options->labels != LINNET_LABELS_IGNORED) {
        status = find_labels_beside(dataset->file, options, &labels, error);
    }
    if (status == LINNET_OK && labels != NULL) {
        status = take_labels(dataset, options->targets, dataset->file, labels, error);
    }
    if (status == LINNET_OK && options->sample_weight != NULL) {
        status = take_weights(dataset, options->sample_weight, error);
    }
    if (status == LINNET_OK && !options->allow_nan) {
        status = ln_dataset_check_finite(dataset, error);
    } else if (status == LINNET_OK && dataset->source != NULL && dataset->source->unread) {
        status = ln_dataset_scan(dataset, see_nothing, NULL, error);
    }
    return status;
}

linnet_status ln_dataset_open(const char *path, const linnet_dataset_options *options, size_t kept,
                              linnet_dataset **dataset, linnet_error *error)
{
    *dataset = NULL;
    options = options != NULL ? options : &standard;
    bool beside = options->labels_path == NULL;
    ln_read_options reading = {.label = beside ? options->y : NULL,
                               .label_required =
                                   beside && options->labels == LINNET_LABELS_REQUIRED,
                               .values = options->targets == LINNET_TARGETS_VALUES,
                               .weight = options->sample_weight,
                               .features = (size_t)options->features,
                               .classes = options->classes,
                               .class_count = options->class_count};
    linnet_dataset *made;
    linnet_state_dict *labels_file = NULL;
    linnet_status status = ln_alloc_into(&made, 1, sizeof *made, "a dataset", error);
    if (status == LINNET_OK && options->features < 0) {
        ln_free(made);
        status =
            ln_fail_at(error, LINNET_ERROR_ARGUMENT, "features",
                       "expected a number from 0 on, found %lld", (long long)options->features);
    }
    if (status != LINNET_OK) {
        return status;
    }
    /* Before the features: a CSV whose label column was taken for a file is no CSV of numbers. */
    if (!beside) {
        status = read_labels_file(options, &labels_file, error);
    }
    if (status == LINNET_OK) {
        status = read_file(path, &reading, kept, &made->file, &made->owned_source, error);
    }
    if (status == LINNET_OK && made->owned_source != NULL) {
        status = ln_dataset_set_source(made, made->owned_source, error);
    }
    if (status == LINNET_OK) {
        status = fill(made, labels_file, options, error);
        if (status != LINNET_OK) {
            ln_error_set_place(error, place_of(path));
        } else if (made->owned_too_large != NULL) {
            ln_error_set_place(made->owned_too_large, place_of(path));
        }
    }
    linnet_state_dict_free(labels_file);
    if (status != LINNET_OK) {
        linnet_dataset_free(made);
        return status;
    }
    *dataset = made;
    return LINNET_OK;
}

linnet_status linnet_dataset_open(const char *path, const linnet_dataset_options *options,
                                  linnet_dataset **dataset, linnet_error *error)
{
    return ln_dataset_open(path, options, ln_memory_limit() / KEPT_PART, dataset, error);
}
