/* text.c - fuzz target: model text.
 *
 * What is read is printed, and the print is read back and printed again: the same text. Weights are
 * given no memory. */
#include "nn/nn.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static linnet_status read_model(const char *text, linnet_model **model)
{
    static const linnet_name names[] = {{"classes", 10}, {"width", 7}};
    linnet_error error = {.status = LINNET_OK};
    linnet_status status = ln_model_create(text, names, 2, model, &error);
    if (status != LINNET_OK && (error.status != status || error.message[0] == '\0')) {
        abort(); /* a failure without its error */
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    linnet_model *model, *again;
    char *text = malloc(size + 1);
    if (text == NULL) {
        abort();
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    if (read_model(text, &model) == LINNET_OK) {
        if (read_model(linnet_model_repr(model), &again) != LINNET_OK ||
            strcmp(linnet_model_repr(model), linnet_model_repr(again)) != 0) {
            abort();
        }
        linnet_model_free(again);
        linnet_model_free(model);
    }
    free(text);
    return 0;
}
