/* onnx_build.h - a model being built of the rows found in an ONNX graph: onnx_build.c makes its
 * modules, onnx_input.c what stands before them.
 */
#ifndef LN_FORMAT_ONNX_BUILD_H
#define LN_FORMAT_ONNX_BUILD_H

#include "format/onnx.h"

#ifdef LN_WITH_ONNX

#define LN_ONNX_UNKNOWN (-1) /* a size, or a rank */

/* Which part of the input's scaling may come next. */
typedef enum ln_onnx_stage {
    LN_ONNX_SCALE,
    LN_ONNX_MEAN,
    LN_ONNX_STD,
    LN_ONNX_MODULES
} ln_onnx_stage;

typedef struct ln_onnx_building {
    ln_onnx *onnx;
    const ln_onnx_match *match; /* the row at hand */
    ln_text text;
    size_t modules;
    ln_shape shape; /* of what was built so far, with the batch; sizes and rank may be unknown */
    ln_shape input; /* the graph's */
    ln_onnx_stage stage;
    double scale;
    float *mean, *std; /* features long; NULL: none */
    int64_t features;
} ln_onnx_building;

/* A failure of the node that the row at hand was found at. */
#define LN_ONNX_FAIL(b, status, ...)                                                               \
    ln_onnx_fail_node((b)->onnx, (b)->match->node, status, __VA_ARGS__)

/* Product of the sizes from dimension `first` on; unknown where one is, or it overflows. */
int64_t ln_onnx_product(const ln_shape *shape, int first);

/* Begins the next module of the model's text. */
void ln_onnx_open_module(ln_onnx_building *b);
/* Gives the module at hand a tensor, times `factor`; a factor of 1 leaves the file's bytes. */
LINNET_NODISCARD linnet_status ln_onnx_take_tensor(ln_onnx_building *b, const char *name,
                                                   const linnet_tensor *view, double factor);
/* Whether weights may be of this dtype. */
bool ln_onnx_is_float(linnet_dtype dtype);
/* The number bound to a name; `standard` where there is none. */
double ln_onnx_bound_number(const ln_onnx_building *b, const char *name, double standard);

/* Rows of PRELU, BATCH_NORM and LAYER_NORM. */
LINNET_NODISCARD linnet_status ln_onnx_build_prelu(ln_onnx_building *b);
LINNET_NODISCARD linnet_status ln_onnx_build_batch_norm(ln_onnx_building *b);
LINNET_NODISCARD linnet_status ln_onnx_build_layer_norm(ln_onnx_building *b);

/* The graph's input as shape; `is_cast`: of any dtype, because it is converted first. */
LINNET_NODISCARD linnet_status ln_onnx_read_input(ln_onnx_building *b, bool is_cast);
/* A row of MULTIPLY, DIVIDE, ADD or SUBTRACT. */
LINNET_NODISCARD linnet_status ln_onnx_build_scaling(ln_onnx_building *b);
/* Shape and scaling of the input to the metadata. */
LINNET_NODISCARD linnet_status ln_onnx_set_input(ln_onnx_building *b);

/* Sets a key of the metadata to the text, which it frees. */
LINNET_NODISCARD linnet_status ln_onnx_set_text(ln_onnx *onnx, const char *key, ln_text *text);

#endif
#endif
