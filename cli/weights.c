/* weights.c - files of tensors that a command takes, whole or a part of them. */
#include "weights.h"

#include <string.h>

static int select_part(const char *path, const char *option, const char *name,
                       linnet_state_dict *tensors)
{
    linnet_error error;
    if (name == NULL || linnet_state_dict_select(tensors, name, &error) == LINNET_OK) {
        return CLI_OK;
    }
    cli_text place = {0};
    cli_text_add(&place, "%s: %s", path, option);
    int code = place.failed ? cli_fail_memory() : cli_fail_with(place.data, &error);
    cli_text_free(&place);
    return code;
}

int cli_load_tensors(const char *path, const cli_part *part, linnet_state_dict **tensors)
{
    linnet_error error;
    if (linnet_state_dict_load(path, tensors, &error) != LINNET_OK) {
        return cli_fail_with(NULL, &error);
    }
    const char *warning = linnet_state_dict_metadata_get(*tensors, "linnet.warning");
    if (warning != NULL) {
        cli_warn(path, "%s", warning);
    }
    int code = select_part(path, "--key", part->key, *tensors);
    if (code == CLI_OK) {
        code = select_part(path, "--prefix", part->prefix, *tensors);
    }
    if (code != CLI_OK) {
        linnet_state_dict_free(*tensors);
        *tensors = NULL;
    }
    return code;
}

/* Whether all of the model's parameters lie under the first `length` bytes of `name`. */
static bool all_under(const linnet_state_dict *tensors, const linnet_model *model, const char *name,
                      size_t length)
{
    bool found = true;
    for (size_t i = 0; found && i < linnet_model_parameter_count(model); i++) {
        cli_text full = {0};
        cli_text_bytes(&full, name, length);
        cli_text_add(&full, ".%s", linnet_model_parameter_name(model, i));
        found = !full.failed && linnet_state_dict_get(tensors, full.data) != NULL;
        cli_text_free(&full);
    }
    return found;
}

/* Bytes of the first name that are the path under which the whole model lies; 0 where there is
 * none. */
static size_t find_path(const linnet_state_dict *tensors, const linnet_model *model,
                        const char **name)
{
    const char *first = linnet_model_parameter_name(model, 0);
    size_t tail = first == NULL ? 0 : strlen(first);
    for (size_t i = 0; tail > 0 && i < linnet_state_dict_count(tensors); i++) {
        *name = linnet_state_dict_name(tensors, i);
        size_t length = strlen(*name);
        if (length > tail + 1 && (*name)[length - tail - 1] == '.' &&
            strcmp(*name + length - tail, first) == 0 &&
            all_under(tensors, model, *name, length - tail - 1)) {
            return length - tail - 1;
        }
    }
    return 0;
}

int cli_copy_weights(const char *path, const linnet_state_dict *tensors, linnet_model *model)
{
    linnet_error error;
    if (linnet_model_load_state_dict(model, tensors, &error) == LINNET_OK) {
        return CLI_OK;
    }
    const char *name = NULL;
    size_t length = error.status == LINNET_ERROR_SHAPE ? find_path(tensors, model, &name) : 0;
    if (length == 0) {
        return cli_fail_with(path, &error);
    }
    return cli_fail(path, "%s\n\tAll of the model's keys are there under \"%.*s.\": --prefix %.*s.",
                    error.message, (int)length, name, (int)length, name);
}
