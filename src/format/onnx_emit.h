/* onnx_emit.h - an ONNX graph being written: onnx_emit.c makes nodes of modules, onnx_write.c what
 * stands around them, and nodes themselves.
 */
#ifndef LN_FORMAT_ONNX_EMIT_H
#define LN_FORMAT_ONNX_EMIT_H

#include "format/onnx.h"

#ifdef LN_WITH_ONNX

#define LN_ONNX_OPSET 13 /* what is written where no module needs more */

/* Pointers to messages, as protobuf-c holds them. */
typedef struct ln_onnx_list {
    void **items;
    size_t count, capacity;
} ln_onnx_list;

typedef struct ln_onnx_emission {
    const linnet_state_dict *state_dict;
    linnet_error *error;
    ln_onnx_arena arena; /* messages and their texts */
    ln_onnx_list nodes, tensors;
    int opset;
    ln_shape shape;    /* of the value at hand, with the batch; sizes may be LN_ONNX_UNKNOWN */
    const char *value; /* its name */
    size_t steps;      /* counted, for names of their own */
} ln_onnx_emission;

/* Text in the arena; NULL without memory. */
char *ln_onnx_print(ln_onnx_arena *arena, const char *format, ...) LN_PRINTF(2, 3);

/* Appends a node for `op` with these inputs, an output of its own and no attributes yet. `path`:
 * the module it stands for. Errors: MEMORY. */
LINNET_NODISCARD linnet_status ln_onnx_emit_node(ln_onnx_emission *e, const char *path,
                                                 const char *op, size_t count,
                                                 const char *const *inputs, LnOnnx__Node **node);
/* Appends a constant of float32, which is borrowed, or of int64. Errors: MEMORY. */
LINNET_NODISCARD linnet_status ln_onnx_emit_tensor(ln_onnx_emission *e, const char *name,
                                                   linnet_dtype dtype, int rank,
                                                   const int64_t *shape, const void *data);

/* Appends what a leaf of the model's text stands for. Errors: UNSUPPORTED with the module, FORMAT,
 * MEMORY. */
LINNET_NODISCARD linnet_status ln_onnx_emit_module(ln_onnx_emission *e, const char *path,
                                                   const ln_py_node *module);

#endif
#endif
