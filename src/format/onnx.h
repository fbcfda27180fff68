/* onnx.h - ONNX files between their parts.
 *
 *     onnx_probe.c    whether a file is one
 *     onnx.c          the file as a message; the record of the format
 *     onnx_graph.c    the graph's values: which are constant, what makes the others
 *     onnx_tensor.c   a constant's shape and bytes, in the file or beside it
 *     onnx_match.c    which row of onnx.def an operator and those before it are
 *     onnx_build.c    the rows as a model's text and weights
 *     onnx_norm.c     norms and PReLU among them
 *     onnx_input.c    the input's shape and scaling
 *     onnx_emit.c     the other way round: modules as nodes
 *     onnx_write.c    and the file around them
 *
 * Memory: the message is taken apart within LN_ONNX_BASE + LN_ONNX_RATIO bytes a byte of the file.
 * */
#ifndef LN_FORMAT_ONNX_H
#define LN_FORMAT_ONNX_H

#include "format/format.h"

/* Whether the file is a message with the fields of an ONNX model. */
bool ln_onnx_probe(const ln_file *file);

#ifdef LN_WITH_ONNX

#include <onnx.pb-c.h>

#include "base/error.h"
#include "base/names.h"
#include "base/pytext.h"
#include "format/text.h"
#include "tensor/tensor.h"

#define LN_ONNX_BASE ((size_t)16 << 20)
#define LN_ONNX_RATIO 64
/* Opsets of the default domain whose operators mean what onnx.def says. */
#define LN_ONNX_NEWEST 28
#define LN_ONNX_NAME 32 /* room for the name of an operator or an argument in onnx.def */

/* ---- memory: freed as a whole ---- */

typedef struct ln_onnx_arena {
    struct ln_onnx_chunk *chunks;
    size_t budget; /* bytes that may still be taken */
    bool failed;   /* something was asked for and not given */
} ln_onnx_arena;

/* `size` bytes, zeroed, aligned for anything; NULL without memory or budget. */
void *ln_onnx_take(ln_onnx_arena *arena, size_t size);
void ln_onnx_arena_free(ln_onnx_arena *arena);

/* ---- the table ---- */

typedef enum ln_onnx_use { LN_ONNX_READ = 1, LN_ONNX_WRITE = 2, LN_ONNX_BOTH = 3 } ln_onnx_use;

typedef enum ln_onnx_kind {
    LN_ONNX_PLAIN, /* the module's text is all; the shape stays */
    LN_ONNX_LINEAR,
    LN_ONNX_SOFTMAX,
    LN_ONNX_FLATTEN,
    LN_ONNX_RESHAPE,
    LN_ONNX_RUN, /* Flatten of some dimensions, computed from the input's shape */
    LN_ONNX_UNFLATTEN,
    LN_ONNX_PRELU,
    LN_ONNX_BATCH_NORM,
    LN_ONNX_LAYER_NORM, /* and RMSNorm */
    LN_ONNX_CAST,
    LN_ONNX_MULTIPLY, /* the last four: of the input's scaling */
    LN_ONNX_DIVIDE,
    LN_ONNX_ADD,
    LN_ONNX_SUBTRACT
} ln_onnx_kind;

typedef struct ln_onnx_row {
    ln_onnx_use use;
    int opset, rank; /* WRITE */
    ln_onnx_kind kind;
    const char *module, *expression;
} ln_onnx_row;

/* The rows of onnx.def; NULL past the end. */
const ln_onnx_row *ln_onnx_row_at(size_t i);

/* ---- a graph being read ---- */

typedef enum ln_onnx_origin {
    LN_ONNX_INPUT_VALUE, /* the graph's input */
    LN_ONNX_CONSTANT,
    LN_ONNX_COMPUTED
} ln_onnx_origin;

typedef struct ln_onnx_value {
    ln_onnx_origin origin;
    size_t node, output;           /* COMPUTED: output `output` of node `node` */
    const LnOnnx__Tensor *message; /* CONSTANT, until it is decoded */
    linnet_tensor tensor;          /* CONSTANT, once decoded: a view */
    bool decoded;
} ln_onnx_value;

/* Files beside the model that hold tensors. files[i] is names.items[i]. */
typedef struct ln_onnx_external {
    ln_names names;
    ln_file *files;
    size_t capacity;
} ln_onnx_external;

/* What the state_dict keeps: tensors are views of these. */
typedef struct ln_onnx_keeper {
    ln_onnx_arena arena;
    ln_onnx_external external;
} ln_onnx_keeper;

typedef struct ln_onnx {
    const ln_file *file;
    linnet_state_dict *state_dict;
    linnet_error *error;
    ln_onnx_keeper *keeper;
    const LnOnnx__Model *model;
    const LnOnnx__Graph *graph;
    int64_t opset;
    ln_names names;        /* of the values */
    ln_onnx_value *values; /* values[i] is names.items[i] */
    size_t capacity;
    size_t input, output; /* the graph's, as values */
    const LnOnnx__Value *input_type;
} ln_onnx;

/* Fills names, values, input and output. Errors: FORMAT, UNSUPPORTED, MEMORY. */
LINNET_NODISCARD linnet_status ln_onnx_list_values(ln_onnx *onnx);
/* The constant `value`. Errors: FORMAT, UNSUPPORTED, IO, MEMORY. */
LINNET_NODISCARD linnet_status ln_onnx_constant(ln_onnx *onnx, size_t value,
                                                const linnet_tensor **tensor);
/* A message as a view. `name` is for errors. Errors: as ln_onnx_constant. */
LINNET_NODISCARD linnet_status ln_onnx_decode(ln_onnx *onnx, const LnOnnx__Tensor *message,
                                              const char *name, linnet_tensor *tensor);
/* Element i of a row-major 1-D integer tensor; false where it is none. */
bool ln_onnx_integer(const linnet_tensor *tensor, int64_t i, int64_t *value);

/* The value's number, for an input that is there. */
size_t ln_onnx_find(const ln_onnx *onnx, const char *name);
const char *ln_onnx_text(const char *text); /* "" for NULL */
bool ln_onnx_is_default_domain(const char *domain);

/* "node 'fc1' (Gemm): ..." */
LINNET_NODISCARD linnet_status ln_onnx_fail_node(const ln_onnx *onnx, size_t node,
                                                 linnet_status status, const char *format, ...)
    LN_PRINTF(4, 5);

/* ---- a row found in the graph ---- */

typedef struct ln_onnx_binding {
    char name[LN_ONNX_NAME];
    double number;
    const linnet_tensor *tensor; /* NULL: a number */
} ln_onnx_binding;

#define LN_ONNX_BINDINGS 8

typedef struct ln_onnx_match {
    const ln_onnx_row *row;
    size_t node;   /* the last of its operators, whose output is the module's */
    size_t x;      /* the module's input, as a value */
    size_t length; /* operators */
    size_t count;
    ln_onnx_binding bindings[LN_ONNX_BINDINGS];
} ln_onnx_match;

/* Finds the row that makes `value`, which is COMPUTED. Errors: UNSUPPORTED with the node and the
 * reason, and as ln_onnx_constant. */
LINNET_NODISCARD linnet_status ln_onnx_match_value(ln_onnx *onnx, size_t value,
                                                   ln_onnx_match *match);
/* The number or tensor bound to a name; NULL where there is none. */
const ln_onnx_binding *ln_onnx_bound(const ln_onnx_match *match, const char *name);

/* The chain of `count` rows, first to last, as text, tensors and metadata of the state_dict. */
LINNET_NODISCARD linnet_status ln_onnx_build(ln_onnx *onnx, const ln_onnx_match *chain,
                                             size_t count);

/* ---- writing ---- */

LINNET_NODISCARD linnet_status ln_onnx_write(const linnet_state_dict *state_dict, const char *path,
                                             linnet_error *error);
LINNET_NODISCARD linnet_status ln_onnx_check(const linnet_state_dict *state_dict,
                                             linnet_error *error);

#endif
#endif
