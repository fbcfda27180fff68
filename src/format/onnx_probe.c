/* onnx_probe.c - whether a file is an ONNX model.
 *
 * The format has no magic number: a file is one where it is a message from end to end, made of the
 * fields of a model, with a version and a graph among them. Nested messages are stepped over, so
 * the look is as cheap as the model has fields. Needs no library: a Linnet without ONNX still says
 * what the file is. */
#include "format/onnx.h"

enum { WIRE_VARINT = 0, WIRE_BYTES = 2, IR_VERSION = 1, GRAPH = 7, LAST_FIELD = 26 };

/* The models of large vocabularies have thousands of entries of metadata, none has millions. */
#define MAX_FIELDS 100000

/* A number of up to ten bytes; false where the file ends in it or it is longer. */
static bool read_varint(const ln_file *file, size_t *at, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 70 && *at < file->size; shift += 7) {
        uint8_t byte = file->data[(*at)++];
        *value |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

bool ln_onnx_probe(const ln_file *file)
{
    bool has_version = false, has_graph = false;
    size_t at = 0;
    for (int fields = 0; at < file->size; fields++) {
        uint64_t tag, value;
        if (fields == MAX_FIELDS || !read_varint(file, &at, &tag) ||
            !read_varint(file, &at, &value)) {
            return false;
        }
        uint64_t field = tag >> 3, wire = tag & 7;
        if (field == 0 || field > LAST_FIELD || (wire != WIRE_VARINT && wire != WIRE_BYTES) ||
            (wire == WIRE_BYTES && value > file->size - at)) {
            return false;
        }
        at += wire == WIRE_BYTES ? (size_t)value : 0;
        has_version = has_version || (field == IR_VERSION && wire == WIRE_VARINT);
        has_graph = has_graph || (field == GRAPH && wire == WIRE_BYTES);
    }
    return has_version && has_graph;
}
