/* read.c - reading bytes as a file of a format. */
#include "support/read.h"

#include <stdlib.h>
#include <string.h>

#include "tensor/state_dict.h"

#define SMALL 65536

static void go_over(const linnet_state_dict *state_dict)
{
    static uint8_t elements[SMALL];
    for (size_t i = 0; i < linnet_state_dict_count(state_dict); i++) {
        const linnet_tensor *tensor = linnet_state_dict_tensor(state_dict, i);
        if (linnet_tensor_numel(tensor) <= SMALL / 8) {
            ln_tensor_gather(tensor, elements);
        }
    }
    for (size_t i = 0; i < linnet_state_dict_metadata_count(state_dict); i++) {
        const char *key = linnet_state_dict_metadata_key(state_dict, i);
        if (linnet_state_dict_metadata_get(state_dict, key) == NULL) {
            abort();
        }
    }
}

void fuzz_read(const ln_format *format, const uint8_t *data, size_t size)
{
    char path[] = "fuzz";
    ln_file file = {.path = path, .data = data, .size = size};
    static const ln_read_options options;
    linnet_state_dict *state_dict;
    linnet_error error = {.status = LINNET_OK};
    bool keeps_file = false;
    if (linnet_state_dict_create(&state_dict, NULL) != LINNET_OK) {
        abort();
    }
    linnet_status status = format->read(&file, &options, state_dict, &keeps_file, &error);
    if (status == LINNET_OK) {
        go_over(state_dict);
    } else if (error.status != status || error.message[0] == '\0') {
        abort(); /* a failure without its error */
    }
    linnet_state_dict_free(state_dict);
}

void fuzz_read_behind(const ln_format *format, const void *head, size_t head_size,
                      const uint8_t *data, size_t size)
{
    uint8_t *framed = malloc(head_size + size);
    if (framed == NULL) {
        abort();
    }
    memcpy(framed, head, head_size);
    if (size > 0) {
        memcpy(framed + head_size, data, size);
    }
    fuzz_read(format, framed, head_size + size);
    free(framed);
}
