/* model_read.c - a model out of a file: its weights, with the architecture, class names and input
 * scaling from the metadata.
 *
 * Metadata is the file's author's: every key is checked before the model is given out, and keys of
 * ours that this version does not know are refused, because they could change results. Reading of
 * the format itself is src/format's, writing model_write.c's. */
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
        LN_KEY_VERSION,     LN_KEY_MODEL,      LN_KEY_CLASSES, LN_KEY_INPUT,  LN_KEY_LOSS,
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
        return fail_key(error, LN_KEY_VERSION, message);
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
        check_version(linnet_state_dict_metadata_get(state_dict, LN_KEY_VERSION), error);
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
