/* onnx.c - fuzz target: ONNX models.
 *
 * What can be read has to come out as a model or as an error that says why, and what came out as
 * one has to bear being written. An input that begins with no version is a graph, and gets what
 * stands around one. */
#include "support/read.h"

#include <stdlib.h>
#include <string.h>

#include "tensor/state_dict.h"

/* ir_version 8, opset_import of version 13, and the tag of the graph. */
static const uint8_t around[] = {0x08, 0x08, 0x42, 0x02, 0x10, 0x0d, 0x3a};

static void demand_error(linnet_status status, const linnet_error *error)
{
    if (status != LINNET_OK && (error->status != status || error->message[0] == '\0')) {
        abort(); /* a failure without its error */
    }
}

static void make_model(const linnet_state_dict *state_dict)
{
    linnet_error error = {.status = LINNET_OK};
    linnet_model *model;
    linnet_status status = linnet_model_from_state_dict(state_dict, &model, &error);
    demand_error(status, &error);
    if (status == LINNET_OK) {
        status = ln_format_onnx.write(state_dict, "/dev/null", &error);
        demand_error(status, &error);
    }
    linnet_model_free(model);
}

static void read_model(const uint8_t *data, size_t size)
{
    char path[] = "fuzz.onnx";
    const ln_file file = {.path = path, .data = data, .size = size};
    static const ln_read_options options;
    linnet_state_dict *state_dict;
    linnet_error error = {.status = LINNET_OK};
    bool keeps_file = false;
    if (linnet_state_dict_create(&state_dict, NULL) != LINNET_OK) {
        abort();
    }
    linnet_status status = ln_format_onnx.read(&file, &options, state_dict, &keeps_file, &error);
    demand_error(status, &error);
    if (status == LINNET_OK) {
        make_model(state_dict);
    }
    linnet_state_dict_free(state_dict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { LENGTH = 2 }; /* of the graph, as a number of two bytes */
    if (size == 0 || data[0] == 0x08 || size >= 1 << 14) {
        fuzz_read(&ln_format_onnx, data, size);
        read_model(data, size);
        return 0;
    }
    uint8_t *framed = malloc(sizeof around + LENGTH + size);
    if (framed == NULL) {
        abort();
    }
    memcpy(framed, around, sizeof around);
    framed[sizeof around] = (uint8_t)(0x80 | (size & 0x7f));
    framed[sizeof around + 1] = (uint8_t)(size >> 7);
    memcpy(framed + sizeof around + LENGTH, data, size);
    read_model(framed, sizeof around + LENGTH + size);
    free(framed);
    return 0;
}
