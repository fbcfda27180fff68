/* model_write.c - a model into a file: its weights, with the architecture, class names and input
 * scaling in the metadata, as model_read.c reads them.
 *
 * Writing of the format itself is src/format's. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/number.h"
#include "format/format.h"
#include "format/text.h"
#include "tensor/state_dict.h"
#include "train/probabilities.h"
#include "train/weights.h"

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
        status =
            linnet_state_dict_metadata_set(state_dict, LN_KEY_VERSION, linnet_version(), error);
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

/* Whether the format takes the model. */
static linnet_status check_format(const ln_format *format, const linnet_model *model,
                                  const char *path, linnet_error *error)
{
    linnet_state_dict *state_dict;
    linnet_status status = linnet_state_dict_create(&state_dict, error);
    if (status != LINNET_OK) {
        return status;
    }
    status = fill(state_dict, model, error);
    if (status == LINNET_OK) {
        status = format->check(state_dict, error);
    }
    if (status != LINNET_OK) {
        ln_error_set_place(error, path);
    }
    linnet_state_dict_free(state_dict);
    return status;
}

linnet_status linnet_model_writable(const linnet_model *model, const char *path,
                                    linnet_error *error)
{
    const ln_format *format;
    linnet_status status = ln_format_to_write(path, true, &format, error);
    if (status == LINNET_OK && model != NULL && format->check != NULL) {
        status = check_format(format, model, path, error);
    }
    return status == LINNET_OK ? linnet_path_writable(path, error) : status;
}
