/* probabilities.c - a model's temperature and thresholds in the metadata of its file: a number, and
 * a JSON array of them.
 *
 * What they may be is temperature.c's and thresholds.c's. */
#include "train/probabilities.h"

#include <jansson.h>
#include <string.h>

#include "base/error.h"
#include "base/fpenv.h"
#include "base/memory.h"
#include "base/number.h"
#include "format/format.h"
#include "format/text.h"
#include "nn/nn.h"

/* ---- reading ---- */

static linnet_status read_temperature(linnet_model *model, const char *text, linnet_error *error)
{
    double temperature;
    if (!ln_parse_double(text, strlen(text), &temperature)) {
        char quoted[LN_QUOTED];
        return ln_fail(error, LINNET_ERROR_ARGUMENT, "expected a number, found %s",
                       ln_quote(text, strlen(text), quoted));
    }
    return linnet_model_set_temperature(model, temperature, error);
}

/* What is no number becomes -1, which is refused. */
static linnet_status take_array(linnet_model *model, const json_t *array, linnet_error *error)
{
    double *thresholds = NULL;
    size_t count = json_array_size(array);
    linnet_status status =
        ln_alloc_into(&thresholds, count, sizeof *thresholds, "the thresholds", error);
    for (size_t i = 0; status == LINNET_OK && i < count; i++) {
        const json_t *number = json_array_get(array, i);
        thresholds[i] = json_is_number(number) ? json_number_value(number) : -1;
    }
    if (status == LINNET_OK) {
        status = linnet_model_set_thresholds(model, thresholds, count, error);
    }
    ln_free(thresholds);
    return status;
}

static linnet_status read_thresholds(linnet_model *model, const char *text, linnet_error *error)
{
    json_t *array = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    linnet_status status =
        json_is_array(array) && json_array_size(array) > 0
            ? take_array(model, array, error)
            : ln_fail(error, LINNET_ERROR_ARGUMENT, "expected a JSON array of numbers");
    json_decref(array);
    return status;
}

linnet_status ln_model_read_probabilities(linnet_model *model, const linnet_state_dict *state_dict,
                                          linnet_error *error)
{
    static const struct {
        const char *key;
        linnet_status (*read)(linnet_model *model, const char *text, linnet_error *error);
    } keys[] = {{LN_KEY_TEMPERATURE, read_temperature}, {LN_KEY_THRESHOLDS, read_thresholds}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        linnet_error why = {.status = LINNET_OK};
        const char *text = linnet_state_dict_metadata_get(state_dict, keys[i].key);
        ln_fpenv saved = ln_fpenv_enter();
        linnet_status status = text != NULL ? keys[i].read(model, text, &why) : LINNET_OK;
        ln_fpenv_leave(saved);
        if (status != LINNET_OK) {
            return ln_fail(error, status == LINNET_ERROR_ARGUMENT ? LINNET_ERROR_FORMAT : status,
                           "metadata key '%s': %s", keys[i].key, why.message);
        }
    }
    return LINNET_OK;
}

/* ---- writing ---- */

static linnet_status write_thresholds(const linnet_model *model, linnet_state_dict *state_dict,
                                      linnet_error *error)
{
    ln_text text = {0};
    char number[LN_NUMBER_TEXT];
    for (size_t i = 0; i < model->threshold_count; i++) {
        ln_text_append_string(&text, i == 0 ? "[" : ",");
        ln_text_append_string(&text, ln_print_double(model->thresholds[i], number));
    }
    ln_text_append(&text, "]", 2); /* and the zero at its end */
    linnet_status status =
        text.failed
            ? ln_fail_memory(error, text.size + 1, "the thresholds")
            : linnet_state_dict_metadata_set(state_dict, LN_KEY_THRESHOLDS, text.data, error);
    ln_free(text.data);
    return status;
}

linnet_status ln_model_write_probabilities(const linnet_model *model, linnet_state_dict *state_dict,
                                           linnet_error *error)
{
    linnet_status status = LINNET_OK;
    if (model->temperature != 1) {
        char number[LN_NUMBER_TEXT];
        status = linnet_state_dict_metadata_set(state_dict, LN_KEY_TEMPERATURE,
                                                ln_print_double(model->temperature, number), error);
    }
    if (status == LINNET_OK && model->threshold_count > 0) {
        status = write_thresholds(model, state_dict, error);
    }
    return status;
}
