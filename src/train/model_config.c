/* model_config.c - the configuration that a model was trained with: the caller's words, kept with
 * it. */
#include <jansson.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "nn/nn.h"

linnet_status linnet_model_set_config(linnet_model *model, const char *json, linnet_error *error)
{
    char *copy = NULL;
    if (json != NULL) {
        json_t *object = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
        bool good = json_is_object(object);
        json_decref(object);
        if (!good) {
            return ln_fail(error, LINNET_ERROR_ARGUMENT, "expected a JSON object as configuration");
        }
        copy = ln_copy_text(json, strlen(json));
        if (copy == NULL) {
            return ln_fail_memory(error, strlen(json), "a configuration");
        }
    }
    ln_free(model->config);
    model->config = copy;
    return LINNET_OK;
}

const char *linnet_model_config(const linnet_model *model)
{
    return model->config;
}
