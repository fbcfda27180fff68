/* pickle.c - fuzz target: PyTorch's files, and the pickles in them.
 *
 * An input that begins as a file does (ZIP, or torch.save's magic number) is read as one. Any other
 * is put behind the head of a legacy file, so that its first byte is the pickle's. Whatever is read
 * is gone over, element by element where it is small, and must bear being written. */
#include <stdlib.h>
#include <string.h>

#include "format/format.h"
#include "tensor/state_dict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Magic number, protocol and sys_info: what stands before the pickle. */
static const char head[] = "\x80\x02\x8a\x0al\xfc\x9c"
                           "F\xf9 j\xa8P\x19."
                           "\x80\x02M\xe9\x03."
                           "\x80\x02}U\rlittle_endian\x88s.";

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

static void read_file(const uint8_t *data, size_t size)
{
    char path[] = "fuzz.pt";
    ln_file file = {.path = path, .data = data, .size = size};
    static const ln_read_options options;
    linnet_state_dict *state_dict;
    linnet_error error = {.status = LINNET_OK};
    bool keeps_file = false;
    if (linnet_state_dict_create(&state_dict, NULL) != LINNET_OK) {
        abort();
    }
    linnet_status status = ln_format_torch.read(&file, &options, state_dict, &keeps_file, &error);
    if (status == LINNET_OK) {
        go_over(state_dict);
    } else if (error.status != status || error.message[0] == '\0') {
        abort(); /* a failure without its error */
    }
    linnet_state_dict_free(state_dict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "fuzz.pt";
    const ln_file file = {.path = path, .data = data, .size = size};
    if (size > 0 && ln_format_torch.probe(&file)) {
        read_file(data, size);
        return 0;
    }
    uint8_t *framed = malloc(sizeof head - 1 + size);
    if (framed == NULL) {
        abort();
    }
    memcpy(framed, head, sizeof head - 1);
    memcpy(framed + sizeof head - 1, data, size);
    read_file(framed, sizeof head - 1 + size);
    free(framed);
    return 0;
}
