/* train_config.c - what a trained model remembers of the command that made it, and of those that
 * calibrated it, for `linnet inspect --command`.
 *
 * What has no part in the result is left out, so that two commands that make the same model make
 * the same file: where it is written, how many threads, what is shown, where the run was stopped
 * and resumed. */
#include "train.h"

#include "config.h"

#include <stdlib.h>
#include <string.h>

static const char left_out[] =
    " output threads checkpoint checkpoint-every resume force history logdir "
    "report config ";

#define CALIBRATE_KEY "calibrate" /* among train's options: of each such command its own */

int cli_save_model(const cli_training *training)
{
    cli_text text = {0};
    cli_json json = {.text = &text};
    linnet_error error;
    cli_json_open(&json, NULL, '{');
    cli_config_write(&json, &cli_command_train, training->values, left_out);
    if (training->origin.length > 0) {
        cli_json_string(&json, "resume", training->origin.data);
        if (training->origin_forced) {
            cli_json_bool(&json, "force", true);
        }
    }
    cli_json_close(&json, '}');
    if (text.failed) {
        cli_text_free(&text);
        return cli_fail_memory();
    }
    linnet_status status = linnet_model_set_config(training->model, text.data, &error);
    if (status == LINNET_OK) {
        status = linnet_model_save(training->model, training->values->output, &error);
    }
    cli_text_free(&text);
    return status == LINNET_OK ? CLI_OK : cli_fail_with(NULL, &error);
}

/* The file is at `path`, under the name that it has there. */
static int add_line(const char *path, const cli_command *command, const char *name, json_t *object,
                    cli_text *text)
{
    return json_object_set_new(object, name, json_string(path)) == 0
               ? cli_config_command(path, command, object, text)
               : cli_fail_memory();
}

int cli_made_by(const char *path, const linnet_model *model, cli_text *text, char **interrupted)
{
    json_t *object = json_loads(linnet_model_config(model), JSON_REJECT_DUPLICATES, NULL);
    json_t *calibrations = json_incref(json_object_get(object, CALIBRATE_KEY));
    const char *where = json_string_value(json_object_get(object, CLI_INTERRUPTED_KEY));
    *interrupted = where != NULL ? strdup(where) : NULL;
    json_object_del(object, CLI_INTERRUPTED_KEY);
    json_object_del(object, CALIBRATE_KEY);
    int code = add_line(path, &cli_command_train, "output", object, text);
    for (size_t i = 0; code == CLI_OK && i < json_array_size(calibrations); i++) {
        code =
            add_line(path, &cli_command_calibrate, "model", json_array_get(calibrations, i), text);
    }
    json_decref(calibrations);
    json_decref(object);
    return code;
}

/* Puts back an object that was changed, and frees it. */
static linnet_status put_back(linnet_model *model, json_t *object, linnet_error *error)
{
    char *text = json_dumps(object, 0);
    linnet_status status = linnet_model_set_config(model, text, error);
    free(text);
    json_decref(object);
    return status;
}

int cli_remember_calibration(linnet_model *model, const void *values)
{
    static const char unimportant[] = " model output batch-size threads ";
    const char *config = linnet_model_config(model);
    linnet_error error;
    cli_text text = {0};
    cli_json json = {.text = &text};
    if (config == NULL) {
        return CLI_OK;
    }
    cli_json_open(&json, NULL, '{');
    cli_config_write(&json, &cli_command_calibrate, values, unimportant);
    cli_json_close(&json, '}');
    json_t *object = json_loads(config, 0, NULL);
    json_t *made = text.failed ? NULL : json_loads(text.data, 0, NULL);
    cli_text_free(&text);
    if (json_object_get(object, CALIBRATE_KEY) == NULL) {
        json_object_set_new(object, CALIBRATE_KEY, json_array());
    }
    if (json_array_append_new(json_object_get(object, CALIBRATE_KEY), made) != 0) {
        json_decref(object);
        return cli_fail_memory();
    }
    return put_back(model, object, &error) == LINNET_OK ? CLI_OK : cli_fail_with(NULL, &error);
}

static linnet_status mark(linnet_model *model, const char *where, linnet_error *error)
{
    const char *config = linnet_model_config(model);
    json_t *object = config != NULL ? json_loads(config, 0, NULL) : NULL;
    if (json_object_set_new(object, CLI_INTERRUPTED_KEY, json_string(where)) == 0) {
        return put_back(model, object, error);
    }
    json_decref(object);
    return LINNET_OK;
}

int cli_mark_interrupted(const cli_training *training, const char *where)
{
    const char *path = training->values->output;
    linnet_model *model;
    linnet_error error;
    linnet_status status = linnet_model_load(path, &model, &error);
    if (status == LINNET_OK) {
        status = mark(model, where, &error);
    }
    if (status == LINNET_OK) {
        status = linnet_model_save(model, path, &error);
    }
    linnet_model_free(model);
    return status == LINNET_OK ? CLI_OK : cli_fail_with(path, &error);
}
