/* model_file.c - a model as a file: its weights, with the architecture, class names and input
 * scaling in the metadata.
 *
 * Metadata is the file's author's: every key is checked before the model is given out, and keys of
 * ours that this version does not know are refused, because they could change results. Reading and
 * writing of the format itself is src/format's. */
#include <fenv.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"
#include "format/format.h"
#include "format/text.h"
#include "tensor/state_dict.h"
#include "train/probabilities.h"
#include "train/weights.h"

#define OURS "linnet."
#define KEY_VERSION OURS "version"
/* Set by the reader of PyTorch's files: a pickled torch.nn module as print() shows it. */
#define KEY_TORCH_MODEL "torch.model"

/* ---- reading: keys ---- */

static linnet_status fail_key(linnet_error *error, const char *key, const char *message)
{
    return ln_fail(error, LINNET_ERROR_FORMAT, "metadata key '%s': %s", key, message);
}

static linnet_status check_keys(const linnet_state_dict *state_dict, linnet_error *error)
{
    static const char *const known[] = {
        KEY_VERSION,        LN_KEY_MODEL,      LN_KEY_CLASSES, LN_KEY_INPUT,  LN_KEY_LOSS,
        LN_KEY_TEMPERATURE, LN_KEY_THRESHOLDS, LN_KEY_DTYPE,   LN_KEY_CONFIG, LN_FORMAT_WARNING};
    for (size_t i = 0; i < linnet_state_dict_metadata_count(state_dict); i++) {
        const char *key = linnet_state_dict_metadata_key(state_dict, i);
        bool found = strncmp(key, OURS, strlen(OURS)) != 0;
        for (size_t k = 0; !found && k < sizeof known / sizeof known[0]; k++) {
            found = strcmp(key, known[k]) == 0;
        }
        if (!found) {
            char quoted[LN_QUOTED];
            return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                           "metadata key %s is not one that Linnet %s knows",
                           ln_quote(key, strlen(key), quoted), linnet_version());
        }
    }
    return LINNET_OK;
}

/* "0.1.0": three whole numbers. */
static bool read_numbers(const char *text, int64_t numbers[3])
{
    for (int i = 0; i < 3; i++) {
        size_t length = strspn(text, "0123456789");
        if (!ln_parse_int64(text, length, &numbers[i]) || text[length] != (i < 2 ? '.' : '\0')) {
            return false;
        }
        text += length + 1;
    }
    return true;
}

static linnet_status check_version(const char *text, linnet_error *error)
{
    int64_t theirs[3] = {0};
    char quoted[LN_QUOTED], message[160];
    if (text == NULL) {
        return LINNET_OK;
    }
    ln_quote(text, strlen(text), quoted);
    if (!read_numbers(text, theirs)) {
        snprintf(message, sizeof message, "expected a version such as %s, found %s",
                 linnet_version(), quoted);
        return fail_key(error, KEY_VERSION, message);
    }
    if (theirs[0] > LINNET_VERSION_MAJOR) {
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED,
                       "the model was written by Linnet %s; this is Linnet %s", text,
                       linnet_version());
    }
    return LINNET_OK;
}

/* ---- reading: the architecture ---- */

static linnet_status read_model(const linnet_state_dict *state_dict, linnet_model **model,
                                linnet_error *error)
{
    const char *key = LN_KEY_MODEL;
    const char *text = linnet_state_dict_metadata_get(state_dict, key);
    if (text == NULL) {
        key = KEY_TORCH_MODEL;
        text = linnet_state_dict_metadata_get(state_dict, key);
    }
    if (text == NULL) {
        return ln_fail(
            error, LINNET_ERROR_FORMAT,
            "expected a model with its architecture in metadata key '" LN_KEY_MODEL
            "', found a %s file without it; the weights alone can be loaded into a model "
            "that is given as text",
            linnet_state_dict_format(state_dict));
    }
    linnet_error why = {.status = LINNET_OK};
    linnet_status status = ln_model_create(text, NULL, 0, model, &why);
    if (status != LINNET_OK) {
        char place[sizeof why.place];
        const char *comma = why.place[0] != '\0' ? ", " : "";
        snprintf(place, sizeof place, "metadata key '%s'%s%.64s", key, comma, why.place);
        return ln_fail_at(error, status, place, "%s", why.message);
    }
    return LINNET_OK;
}

/* ---- reading: JSON ---- */

static linnet_status load_json(const char *key, const char *text, json_type type, json_t **json,
                               linnet_error *error)
{
    json_error_t why;
    char message[JSON_ERROR_TEXT_LENGTH + 64];
    *json = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    if (*json == NULL) {
        snprintf(message, sizeof message, "expected JSON, found a mistake at byte %d: %s",
                 why.position, why.text);
        return fail_key(error, key, message);
    }
    if (json_typeof(*json) != type) {
        json_decref(*json);
        *json = NULL;
        return fail_key(error, key,
                        type == JSON_ARRAY ? "expected a JSON array" : "expected a JSON object");
    }
    return LINNET_OK;
}

static linnet_status take_classes(linnet_model *model, const json_t *names, linnet_error *error)
{
    size_t count = json_array_size(names);
    if (count == 0) {
        return fail_key(error, LN_KEY_CLASSES, "expected at least one name, found none");
    }
    const char **classes;
    linnet_status status = ln_alloc_into(&classes, count, sizeof *classes, "class names", error);
    for (size_t i = 0; status == LINNET_OK && i < count; i++) {
        classes[i] = json_string_value(json_array_get(names, i));
        if (classes[i] == NULL) {
            char message[64];
            snprintf(message, sizeof message, "expected a string as name of class %zu", i);
            status = fail_key(error, LN_KEY_CLASSES, message);
        }
    }
    if (status == LINNET_OK) {
        linnet_error why = {.status = LINNET_OK};
        status = linnet_model_set_classes(model, classes, count, &why);
        if (status == LINNET_ERROR_ARGUMENT) {
            status = fail_key(error, LN_KEY_CLASSES, why.message);
        } else if (status != LINNET_OK) {
            status = ln_fail(error, status, "%s", why.message);
        }
    }
    ln_free(classes);
    return status;
}

static linnet_status read_classes(linnet_model *model, const char *text, linnet_error *error)
{
    json_t *json = NULL;
    if (text == NULL) {
        return LINNET_OK;
    }
    linnet_status status = load_json(LN_KEY_CLASSES, text, JSON_ARRAY, &json, error);
    if (status == LINNET_OK) {
        status = take_classes(model, json, error);
    }
    json_decref(json);
    return status;
}

/* A mistake that the model found in a value is one of the file. */
static linnet_status adopt(linnet_status status, const linnet_error *why, linnet_error *error)
{
    if (status == LINNET_ERROR_ARGUMENT || status == LINNET_ERROR_SHAPE ||
        status == LINNET_ERROR_UNSUPPORTED) {
        return fail_key(error, LN_KEY_INPUT, why->message);
    }
    return status == LINNET_OK ? LINNET_OK : ln_fail(error, status, "%s", why->message);
}

static linnet_status take_shape(linnet_model *model, const json_t *json, linnet_error *error)
{
    size_t rank = json_array_size(json);
    if (!json_is_array(json) || rank >= LINNET_MAX_RANK) {
        return fail_key(error, LN_KEY_INPUT, "expected an array of at most 15 sizes as 'shape'");
    }
    int64_t shape[LINNET_MAX_RANK];
    for (size_t i = 0; i < rank; i++) {
        const json_t *size = json_array_get(json, i);
        if (!json_is_integer(size) || json_integer_value(size) < 0) {
            return fail_key(error, LN_KEY_INPUT, "expected whole numbers from 0 on in 'shape'");
        }
        shape[i] = json_integer_value(size);
    }
    linnet_error why = {.status = LINNET_OK};
    return adopt(linnet_model_set_input_shape(model, (int)rank, shape, &why), &why, error);
}

static linnet_status take_scale(linnet_model *model, const json_t *json, linnet_error *error)
{
    if (!json_is_number(json)) {
        return fail_key(error, LN_KEY_INPUT, "expected a number as 'scale'");
    }
    linnet_error why = {.status = LINNET_OK};
    return adopt(linnet_model_set_scale(model, json_number_value(json), &why), &why, error);
}

static linnet_status read_standard(const json_t *json, const char *name, double *out,
                                   linnet_error *error)
{
    for (size_t i = 0; i < json_array_size(json); i++) {
        const json_t *number = json_array_get(json, i);
        if (!json_is_number(number)) {
            char message[96];
            snprintf(message, sizeof message, "expected a number as element %zu of '%s'", i, name);
            return fail_key(error, LN_KEY_INPUT, message);
        }
        out[i] = json_number_value(number);
    }
    return LINNET_OK;
}

static linnet_status take_standard(linnet_model *model, const json_t *mean, const json_t *std,
                                   linnet_error *error)
{
    size_t features = json_array_size(mean);
    if (!json_is_array(mean) || !json_is_array(std) || features == 0 ||
        json_array_size(std) != features) {
        return fail_key(error, LN_KEY_INPUT,
                        "expected two arrays of one length as 'mean' and 'std'");
    }
    double *numbers;
    linnet_status status =
        ln_alloc_into(&numbers, features, 2 * sizeof *numbers, "mean and std", error);
    if (status == LINNET_OK) {
        status = read_standard(mean, "mean", numbers, error);
    }
    if (status == LINNET_OK) {
        status = read_standard(std, "std", numbers + features, error);
    }
    if (status == LINNET_OK) {
        linnet_error why = {.status = LINNET_OK};
        status = ln_model_set_standard(model, features, numbers, numbers + features, &why);
        status = adopt(status, &why, error);
    }
    ln_free(numbers);
    return status;
}

static linnet_status take_input(linnet_model *model, json_t *json, linnet_error *error)
{
    const char *key;
    json_t *value;
    json_object_foreach(json, key, value)
    {
        if (strcmp(key, "shape") != 0 && strcmp(key, "scale") != 0 && strcmp(key, "mean") != 0 &&
            strcmp(key, "std") != 0) {
            char quoted[LN_QUOTED], message[160];
            snprintf(message, sizeof message,
                     "expected 'shape', 'scale', 'mean' and 'std', found %s",
                     ln_quote(key, strlen(key), quoted));
            return fail_key(error, LN_KEY_INPUT, message);
        }
    }
    const json_t *shape = json_object_get(json, "shape"), *scale = json_object_get(json, "scale");
    const json_t *mean = json_object_get(json, "mean"), *std = json_object_get(json, "std");
    linnet_status status = shape != NULL ? take_shape(model, shape, error) : LINNET_OK;
    if (status == LINNET_OK && scale != NULL) {
        status = take_scale(model, scale, error);
    }
    if (status == LINNET_OK && (mean != NULL || std != NULL)) {
        status = take_standard(model, mean, std, error);
    }
    return status;
}

static linnet_status read_input(linnet_model *model, const char *text, linnet_error *error)
{
    json_t *json = NULL;
    if (text == NULL) {
        return LINNET_OK;
    }
    fenv_t saved; /* numbers round to nearest; on x86 jansson's strtod asks the x87 how */
    fegetenv(&saved);
    fesetenv(FE_DFL_ENV);
    linnet_status status = load_json(LN_KEY_INPUT, text, JSON_OBJECT, &json, error);
    if (status == LINNET_OK) {
        status = take_input(model, json, error);
    }
    fesetenv(&saved);
    json_decref(json);
    return status;
}

/* ---- reading: the loss ---- */

static linnet_status read_loss(linnet_model *model, const char *text, linnet_error *error)
{
    linnet_error why = {.status = LINNET_OK};
    linnet_status status = text != NULL ? linnet_model_set_loss(model, text, &why) : LINNET_OK;
    if (status == LINNET_ERROR_SYNTAX || status == LINNET_ERROR_ARGUMENT) {
        char place[sizeof why.place];
        const char *comma = why.place[0] != '\0' ? ", " : "";
        snprintf(place, sizeof place, "metadata key '" LN_KEY_LOSS "'%s%.64s", comma, why.place);
        return ln_fail_at(error, LINNET_ERROR_FORMAT, place, "%s", why.message);
    }
    return status == LINNET_OK ? LINNET_OK : ln_fail(error, status, "%s", why.message);
}

static linnet_status read_config(linnet_model *model, const char *text, linnet_error *error)
{
    linnet_error why = {.status = LINNET_OK};
    linnet_status status = linnet_model_set_config(model, text, &why);
    return status == LINNET_ERROR_ARGUMENT
               ? fail_key(error, LN_KEY_CONFIG, "expected a JSON object")
           : status == LINNET_OK ? LINNET_OK
                                 : ln_fail(error, status, "%s", why.message);
}

/* ---- reading: the whole ---- */

/* Before there is memory for the weights. */
static linnet_status read_dtype(linnet_model *model, const char *text, linnet_error *error)
{
    if (text != NULL && strcmp(text, linnet_dtype_name(LINNET_FLOAT64)) != 0) {
        return fail_key(error, LN_KEY_DTYPE, "expected 'float64'");
    }
    model->dtype = text != NULL ? LINNET_FLOAT64 : LINNET_FLOAT32;
    ln_module_set_dtype(model->root, model->dtype);
    return LINNET_OK;
}

static linnet_status read_all(const linnet_state_dict *state_dict, linnet_model **model,
                              linnet_error *error)
{
    linnet_status status =
        check_version(linnet_state_dict_metadata_get(state_dict, KEY_VERSION), error);
    if (status == LINNET_OK) {
        status = check_keys(state_dict, error);
    }
    if (status == LINNET_OK) {
        status = read_model(state_dict, model, error);
    }
    if (status == LINNET_OK) {
        status =
            read_dtype(*model, linnet_state_dict_metadata_get(state_dict, LN_KEY_DTYPE), error);
    }
    if (status == LINNET_OK) {
        status = ln_weights_check(*model, state_dict, error);
    }
    if (status == LINNET_OK) {
        status =
            read_input(*model, linnet_state_dict_metadata_get(state_dict, LN_KEY_INPUT), error);
    }
    if (status == LINNET_OK) {
        status =
            read_classes(*model, linnet_state_dict_metadata_get(state_dict, LN_KEY_CLASSES), error);
    }
    if (status == LINNET_OK) {
        status = read_loss(*model, linnet_state_dict_metadata_get(state_dict, LN_KEY_LOSS), error);
    }
    if (status == LINNET_OK) {
        status = ln_model_read_probabilities(*model, state_dict, error);
    }
    if (status == LINNET_OK) {
        status =
            read_config(*model, linnet_state_dict_metadata_get(state_dict, LN_KEY_CONFIG), error);
    }
    if (status == LINNET_OK) {
        status = ln_module_allocate((*model)->root, error);
    }
    if (status == LINNET_OK) {
        ln_weights_copy(*model, state_dict);
    }
    return status;
}

linnet_status linnet_model_from_state_dict(const linnet_state_dict *state_dict,
                                           linnet_model **model, linnet_error *error)
{
    *model = NULL;
    linnet_status status = read_all(state_dict, model, error);
    if (status != LINNET_OK) {
        linnet_model_free(*model);
        *model = NULL;
    }
    return status;
}

linnet_status linnet_model_load(const char *path, linnet_model **model, linnet_error *error)
{
    linnet_state_dict *state_dict = NULL;
    *model = NULL;
    linnet_status status = linnet_state_dict_load(path, &state_dict, error);
    if (status != LINNET_OK) {
        return status;
    }
    linnet_error why = {.status = LINNET_OK};
    status = linnet_model_from_state_dict(state_dict, model, &why);
    if (status != LINNET_OK) {
        char place[sizeof why.place];
        snprintf(place, sizeof place, "%.400s%s%.104s", path, why.place[0] != '\0' ? ": " : "",
                 why.place);
        status = ln_fail_at(error, status, place, "%s", why.message);
    }
    linnet_state_dict_free(state_dict);
    return status;
}

/* ---- writing ---- */

static void append_numbers(ln_text *text, linnet_dtype dtype, const char *name,
                           const double *numbers, size_t count)
{
    char number[LN_NUMBER_TEXT];
    ln_text_append_string(text, name);
    for (size_t i = 0; i < count; i++) {
        ln_text_append_string(text, i > 0 ? "," : "");
        ln_text_append_string(text, ln_print_rounded(dtype, numbers[i], number));
    }
    ln_text_append_string(text, "]");
}

/* The shape is said only where the modules do not say it themselves. */
static bool says_shape(const linnet_model *model)
{
    ln_shape inferred = ln_model_inferred_input(model);
    const ln_shape *input = &model->input;
    return input->rank >= 0 &&
           (inferred.rank != input->rank ||
            memcmp(inferred.size, input->size, (size_t)input->rank * sizeof *input->size) != 0);
}

/* {"shape":[28,28],"scale":0.5,"mean":[...],"std":[...]}, of which only what says something; empty
 * where nothing does. */
static void append_input(ln_text *text, const linnet_model *model)
{
    const ln_scaling *scaling = &model->scaling;
    char number[LN_NUMBER_TEXT];
    const char *separator = "{";
    if (says_shape(model)) {
        ln_text_append_string(text, "{\"shape\":[");
        for (int i = 0; i < model->input.rank; i++) {
            ln_text_append_string(text, i > 0 ? "," : "");
            ln_text_append_int64(text, model->input.size[i]);
        }
        ln_text_append_string(text, "]");
        separator = ",";
    }
    if (scaling->scale != 1) {
        ln_text_append_string(text, separator);
        ln_text_append_string(text, "\"scale\":");
        ln_text_append_string(text, ln_print_rounded(model->dtype, scaling->scale, number));
        separator = ",";
    }
    if (scaling->features > 0) {
        ln_text_append_string(text, separator);
        append_numbers(text, model->dtype, "\"mean\":[", scaling->mean, scaling->features);
        append_numbers(text, model->dtype, ",\"std\":[", scaling->std, scaling->features);
    }
    if (text->size > 0) {
        ln_text_append_string(text, "}");
    }
}

static linnet_status check_utf8(const char *what, const char *text, linnet_error *error)
{
    char quoted[LN_QUOTED];
    if (ln_utf8_valid(text, strlen(text))) {
        return LINNET_OK;
    }
    return ln_fail(error, LINNET_ERROR_ARGUMENT, "expected UTF-8 in %s, found %s", what,
                   ln_quote(text, strlen(text), quoted));
}

static linnet_status append_classes(ln_text *text, const linnet_model *model, linnet_error *error)
{
    for (size_t i = 0; i < model->class_count; i++) {
        linnet_status status = check_utf8("a class name", model->classes[i], error);
        if (status != LINNET_OK) {
            return status;
        }
        ln_text_append_string(text, i == 0 ? "[" : ",");
        ln_text_append_json(text, model->classes[i]);
    }
    ln_text_append_string(text, model->class_count > 0 ? "]" : "");
    return LINNET_OK;
}

/* Sets a key to a text that was put together, unless that is empty; frees the text. */
static linnet_status set_text(linnet_state_dict *state_dict, const char *key, ln_text *text,
                              linnet_error *error)
{
    linnet_status status = LINNET_OK;
    if (text->failed) {
        status = ln_fail(error, LINNET_ERROR_MEMORY, "out of memory for metadata key '%s'", key);
    } else if (text->size > 0) {
        ln_text_append(text, "", 1);
        status = text->failed ? ln_fail_memory(error, text->size + 1, "metadata")
                              : linnet_state_dict_metadata_set(state_dict, key, text->data, error);
    }
    ln_free(text->data);
    *text = (ln_text){0};
    return status;
}

static linnet_status set_metadata(linnet_state_dict *state_dict, const linnet_model *model,
                                  linnet_error *error)
{
    ln_text text = {0};
    linnet_status status = check_utf8("the model's text", model->repr, error);
    if (status == LINNET_OK) {
        status = linnet_state_dict_metadata_set(state_dict, "format", "pt", error);
    }
    if (status == LINNET_OK) {
        status = linnet_state_dict_metadata_set(state_dict, KEY_VERSION, linnet_version(), error);
    }
    if (status == LINNET_OK) {
        status = linnet_state_dict_metadata_set(state_dict, LN_KEY_MODEL, model->repr, error);
    }
    if (status == LINNET_OK) {
        status = append_classes(&text, model, error);
    }
    if (status != LINNET_OK) {
        ln_free(text.data);
        return status;
    }
    status = set_text(state_dict, LN_KEY_CLASSES, &text, error);
    if (status == LINNET_OK) {
        append_input(&text, model);
        status = set_text(state_dict, LN_KEY_INPUT, &text, error);
    }
    if (status == LINNET_OK) {
        status = ln_model_write_probabilities(model, state_dict, error);
    }
    if (status == LINNET_OK && model->loss != NULL) {
        status = check_utf8("the loss", model->loss, error);
    }
    if (status == LINNET_OK && model->loss != NULL) {
        status = linnet_state_dict_metadata_set(state_dict, LN_KEY_LOSS, model->loss, error);
    }
    if (status == LINNET_OK && model->dtype != LINNET_FLOAT32) {
        status = linnet_state_dict_metadata_set(state_dict, LN_KEY_DTYPE,
                                                linnet_dtype_name(model->dtype), error);
    }
    if (status == LINNET_OK && model->config != NULL) {
        status = linnet_state_dict_metadata_set(state_dict, LN_KEY_CONFIG, model->config, error);
    }
    return status;
}

linnet_status linnet_model_state_dict(const linnet_model *model, linnet_state_dict **state_dict,
                                      linnet_error *error)
{
    linnet_status status = linnet_state_dict_create(state_dict, error);
    for (size_t i = 0; status == LINNET_OK && i < model->state_count; i++) {
        status =
            linnet_state_dict_set(*state_dict, model->state[i].name, model->state[i].tensor, error);
    }
    if (status != LINNET_OK) {
        linnet_state_dict_free(*state_dict);
        *state_dict = NULL;
    }
    return status;
}

/* The state_dict borrows the weights. */
static linnet_status fill(linnet_state_dict *state_dict, const linnet_model *model,
                          linnet_error *error)
{
    linnet_status status = set_metadata(state_dict, model, error);
    for (size_t i = 0; status == LINNET_OK && i < model->state_count; i++) {
        linnet_tensor view = *model->state[i].tensor;
        view.storage = NULL;
        status = ln_state_dict_take(state_dict, model->state[i].name, &view, error);
    }
    return status;
}

linnet_status linnet_model_save(const linnet_model *model, const char *path, linnet_error *error)
{
    const ln_format *format;
    linnet_state_dict *state_dict = NULL;
    linnet_status status = ln_format_to_write(path, true, &format, error);
    if (status == LINNET_OK && model->dtype != LINNET_FLOAT32 &&
        strcmp(format->name, "onnx") == 0) {
        return ln_fail_at(error, LINNET_ERROR_UNSUPPORTED, path,
                          "ONNX is written of float32 models; expected one of dtype float32, found "
                          "%s",
                          linnet_dtype_name(model->dtype));
    }
    if (status == LINNET_OK) {
        status = linnet_state_dict_create(&state_dict, error);
    }
    if (status != LINNET_OK) {
        return status;
    }
    status = fill(state_dict, model, error);
    if (status == LINNET_OK) {
        status = format->write(state_dict, path, error);
    }
    if (status != LINNET_OK) {
        ln_error_set_place(error, path);
    }
    linnet_state_dict_free(state_dict);
    return status;
}

linnet_status linnet_model_writable(const char *path, linnet_error *error)
{
    const ln_format *format;
    linnet_status status = ln_format_to_write(path, true, &format, error);
    return status == LINNET_OK ? linnet_path_writable(path, error) : status;
}
