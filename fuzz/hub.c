/* hub.c - fuzz target: a hub's config.json.
 *
 * The weights beside it are the same for every input: a tensor for each name that a head may have.
 * What is read is made a model of; its text must be one that Linnet reads, save for an activation
 * that it does not have or that needs arguments. */
#include "format/hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The config's path in a folder that is made once, with the weights, and goes at the end. */
static char path[64], weights_path[64];

static void remove_folder(void)
{
    remove(weights_path);
    *strrchr(path, '/') = '\0';
    remove(path);
}

static void add(linnet_state_dict *weights, const char *layer, const char *what, int rank)
{
    static const int64_t shape[] = {2, 2};
    char name[64];
    linnet_tensor tensor;
    snprintf(name, sizeof name, "%s.%s", layer, what);
    if (linnet_tensor_create(LINNET_FLOAT32, rank, shape, &tensor, NULL) != LINNET_OK ||
        linnet_state_dict_set(weights, name, &tensor, NULL) != LINNET_OK) {
        abort();
    }
    linnet_tensor_free(&tensor);
}

static void make_folder(void)
{
    static const char *const layers[] = {"classifier.dense", "classifier.out_proj", "linear", "fc",
                                         "head.fc"};
    char folder[] = "/tmp/linnet-fuzz-XXXXXX";
    linnet_state_dict *weights;
    if (mkdtemp(folder) == NULL || linnet_state_dict_create(&weights, NULL) != LINNET_OK) {
        abort();
    }
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        add(weights, layers[i], "weight", 2);
        add(weights, layers[i], "bias", 1);
    }
    snprintf(weights_path, sizeof weights_path, "%s/model.safetensors", folder);
    snprintf(path, sizeof path, "%s/config.json", folder);
    if (linnet_state_dict_save(weights, weights_path, NULL) != LINNET_OK ||
        atexit(remove_folder) != 0) {
        abort();
    }
    linnet_state_dict_free(weights);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (path[0] == '\0') {
        make_folder();
    }
    const ln_file file = {.path = path, .data = data, .size = size};
    static const ln_read_options options;
    linnet_state_dict *state_dict;
    linnet_model *model;
    linnet_error error = {.status = LINNET_OK};
    bool keeps_file = false;
    if (linnet_state_dict_create(&state_dict, NULL) != LINNET_OK) {
        abort();
    }
    linnet_status status = ln_format_hub.read(&file, &options, state_dict, &keeps_file, &error);
    if (status != LINNET_OK && (error.status != status || error.message[0] == '\0')) {
        abort(); /* a failure without its error */
    }
    if (status == LINNET_OK) {
        status = linnet_model_from_state_dict(state_dict, &model, &error);
        bool known = status == LINNET_OK || strstr(error.message, "unknown module") != NULL ||
                     strstr(error.message, "__init__()") != NULL;
        if (!known) {
            abort(); /* text that is none */
        }
        linnet_model_free(model);
    }
    linnet_state_dict_free(state_dict);
    return 0;
}
