/* nn.h - modules, the table of module types, and the model.
 *
 * A module type is one file that exports one const record and stands as one row in modules.def. The
 * record holds all that is known of the module: constructor, checks, shape rule, parameters,
 * initial values, and forward beside backward. */
#ifndef LN_NN_NN_H
#define LN_NN_NN_H

#include "base/signature.h"
#include "kernel/kernel.h"
#include "numeric/random.h"
#include "numeric/real.h"
#include "tensor/tensor.h"

typedef struct ln_module ln_module;

/* Parameters that the constructor of a module may have. */
#define LN_MAX_VALUES 8
/* Of one module: BatchNorm1d has five. */
#define LN_MAX_WEIGHTS 5

/* How a plan runs a module. */
typedef enum ln_role {
    LN_ROLE_CONTAINER,   /* Sequential: its children, in order */
    LN_ROLE_LINEAR,      /* a matrix product */
    LN_ROLE_LAZY,        /* becomes a Linear once its input is known */
    LN_ROLE_ELEMENTWISE, /* element by element, in place; fused behind a product */
    LN_ROLE_ROW,         /* over vectors of a row, each as a whole */
    LN_ROLE_BATCH, /* BatchNorm: over the whole batch in training, element by element in eval */
    LN_ROLE_SHAPE  /* changes the shape only: Flatten, Identity */
} ln_role;

/* A weight or buffer of a module. */
typedef struct ln_weight {
    const char *name;
    ln_shape shape;
    bool counts; /* an int64 buffer; else it is of the model's dtype */
    bool buffer; /* part of the state_dict, but not trained */
} ln_weight;

/* Where a module's randomness comes from in one step: Philox's key, or what was drawn beforehand.
 * */
typedef struct ln_draw {
    ln_philox_key key;
    size_t first_row;  /* of Philox's rows that the batch begins with */
    const void *drawn; /* (batch, units) where torch's generator drew it, else NULL */
    size_t units;      /* draws of one row */
    size_t length;     /* neighbouring elements of the row that share a draw */
} ln_draw;

/* Draws that torch's generator makes for a whole batch at once. */
typedef struct ln_draw_batch {
    size_t rows, units;
    const ln_real
        *x; /* the input, its rows ldx apart, where the module's backward sees it, else NULL */
    size_t ldx;
    void *drawn; /* (rows, units) */
} ln_draw_batch;

/* How a module cuts what stands in a row: each vector of `in` elements becomes one of `out`. */
typedef struct ln_layout {
    size_t in, out;
    size_t
        inner; /* elements lie this far apart along the dimension that the module runs over; BATCH:
                     neighbouring elements of one channel */
    size_t kept; /* floats a vector that backward sees as forward left them, or scratch */
} ln_layout;

/* A stretch of one row of the batch that forward or backward works on: `count` elements from
 * `column` on, the row taken as flat. For LN_ROLE_ROW it is one vector. */
typedef struct ln_stretch {
    const ln_kernels *kernels;
    const ln_module *module;
    const ln_draw *draw; /* NULL in eval mode, and for modules that draw nothing */
    size_t row, column, count;
    const ln_layout *layout; /* ROW */
    ln_real *kept;           /* ROW: layout->kept floats of this vector */
} ln_stretch;

/* An activation of numeric/activations.def with its parameters. */
typedef struct ln_activation {
    ln_activation_index index;
    double parameters[2];
} ln_activation;

/* What a module computes: in each compilation of the engine (numeric/real.h). */
typedef struct LN_REAL_NAME(ln_module_math) {
    size_t draw_size; /* random in training: bytes of one draw; 0: draws nothing */
    /* All draws of a batch from torch's generator, in PyTorch's order. NULL: it draws nothing. */
    void (*draw)(const ln_module *module, ln_torch_generator *generator,
                 const ln_draw_batch *batch);
    /* BATCH: turns the weights that an eval plan holds, `width` numbers each, into what forward
     * reads. NULL elsewhere. */
    void (*prepare)(const ln_module *module, size_t width);

    /* ELEMENTWISE: y may be x, dx may be dy. backward sees y as the *last* module of an elementwise
     * chain left it, or, with backward_sees_x, the module's input (see plan/plan.h). ROW: backward
     * sees y, or with backward_sees_x the input; no array is another. BATCH: forward only, of eval.
     * Where a module has weights, `stretch->module->weights` holds them as the plan laid them out:
     * one number for each element of a vector. NULL elsewhere. */
    void (*forward)(const ln_stretch *stretch, const ln_real *x, ln_real *y);
    void (*backward)(const ln_stretch *stretch, const ln_real *seen, const ln_real *dy,
                     ln_real *dx);
    /* What this vector adds to the gradient of weight i, element by element. NULL: no weights. */
    void (*terms)(const ln_stretch *stretch, int i, const ln_real *x, const ln_real *dy,
                  ln_real *terms);
} ln_module_math;

typedef struct ln_module_type {
    ln_signature signature;
    ln_role role;
    LN_MATH_FIELD(ln_module_math); /* NULL: nothing */
    bool identity_in_eval;         /* left out of eval plans: Dropout, Identity */
    bool reset_draws;              /* reset draws every element of the weights, one word each */
    bool any_arguments;   /* whatever arguments there are, they are not looked at: Identity */
    bool backward_sees_x; /* see ln_module_math */

    /* Checks values after binding; NULL: nothing to check. Errors: ARGUMENT in PyTorch's words. */
    linnet_status (*check)(const ln_value *values, linnet_error *error);
    /* Shape of the output from that of the input, in place; both with the batch dimension first.
     * NULL: unchanged. Errors: SHAPE in PyTorch's words. */
    linnet_status (*shape)(const ln_module *module, ln_shape *shape, linnet_error *error);
    /* Weight i, buffers last; false past the last. NULL: none. */
    bool (*weight)(const ln_value *values, int i, ln_weight *weight);
    /* reset_parameters() of PyTorch, drawing in its order. NULL: no weights. */
    void (*reset)(ln_module *module, ln_torch_generator *generator);

    /* Modules that draw: the draws of one row for inputs of this shape (batch dimension first),
     * which its elements share evenly, and in their order. NULL: one an element. */
    size_t (*units)(const ln_shape *shape);

    /* ROW and BATCH: how the vectors lie in inputs of this shape. NULL: a vector is the whole row,
     * as of every ELEMENTWISE module. */
    void (*layout)(const ln_module *module, const ln_shape *shape, ln_layout *layout);

    /* The activation that values stand for, where the type is an LN_NN_ACTIVATION. NULL elsewhere.
     * */
    ln_activation (*activation)(const ln_value *values);
} ln_module_type;

/* The fields of a module type that is an activation; `function` is its `activation`. */
#define LN_NN_ACTIVATION(function)                                                                 \
    .role = LN_ROLE_ELEMENTWISE, .math = LN_MATHS(ln_activation_math), .backward_sees_x = true,    \
    .activation = function

LN_MATH_DECLARE(ln_module_math, ln_activation_math);

struct ln_module {
    const ln_module_type *type;
    ln_value values[LN_MAX_VALUES];
    char *name; /* within its parent: "1"; of the root: what stood before "=", or "" */
    char *path; /* from the root: "classifier.1"; "" for a bare root */
    ln_module **children;
    size_t child_count;
    int weight_count;
    linnet_tensor *weights; /* contiguous, owned; NULL without any */
    bool was_lazy;          /* a LazyLinear once: PyTorch gives it its initial values last */
};

/* Input scaling: x' = (x * scale - mean) / std. Numbers of the model's dtype. */
typedef struct ln_scaling {
    double scale;
    size_t features; /* length of mean and std; 0: none */
    double *mean, *std;
} ln_scaling;

/* An entry of the state_dict. */
typedef struct ln_state_entry {
    char *name;
    linnet_tensor *tensor; /* borrowed from the module */
    bool buffer;
} ln_state_entry;

struct linnet_model {
    linnet_dtype dtype; /* of parameters and buffers that do not count: float32 or float64 */
    ln_module *root;
    char *repr;
    ln_module **leaves; /* in order; borrowed from the tree */
    char **leaf_reprs;
    size_t leaf_count;
    ln_state_entry *state; /* parameters and buffers in PyTorch's order; owns the names */
    size_t state_count;
    ln_state_entry *parameters, *buffers; /* those of `state` that are the one or the other */
    size_t parameter_count, buffer_count;
    bool was_reset;
    ln_torch_generator generator; /* as linnet_model_reset_parameters left it */
    char **classes;
    size_t class_count;
    char *config; /* a JSON object, set by train/model_config.c; NULL: none */
    char *loss;   /* torch.nn's text, set by train/loss.c; NULL: cross entropy's */
    linnet_task task;
    double *thresholds; /* threshold_count, of several labels; NULL: one half each */
    size_t threshold_count;
    double temperature; /* what outputs are divided by before they become probabilities */
    ln_scaling scaling;
    ln_shape input; /* of one row, without the batch dimension; rank -1: not known */
};

/* The table of module types; NULL past the end. */
const ln_module_type *ln_module_type_at(size_t i);

/* A module's dimension, which may count from the end, as an index into a shape with the batch
 * dimension first. Errors: SHAPE in PyTorch's words; UNSUPPORTED where it is that of the batch,
 * whose rows a model keeps apart. */
LINNET_NODISCARD linnet_status ln_module_dim(const ln_module *module, int64_t dim,
                                             const ln_shape *shape, int *wrapped,
                                             linnet_error *error);

/* Reads the tree of modules out of text (text.c). Weights have their shapes, but no memory yet:
 * data is NULL until ln_module_allocate gives them zeros. The caller owns the tree. */
LINNET_NODISCARD linnet_status ln_module_parse(const char *text, const linnet_name *names,
                                               size_t name_count, ln_module **root,
                                               linnet_error *error);
/* Weight i of a module, which is there. */
ln_weight ln_module_weight(const ln_module *module, int i);
/* Gives a module the shapes of its weights, without memory, as its values say. */
LINNET_NODISCARD linnet_status ln_module_describe(ln_module *module, linnet_error *error);
LINNET_NODISCARD linnet_status ln_module_allocate(ln_module *root, linnet_error *error);
/* Says that weights without memory are of this dtype, where they do not count. */
void ln_module_set_dtype(ln_module *root, linnet_dtype dtype);
/* print(module)'s text; free with ln_free; NULL without memory. A named root prints as
 * "(classifier): Sequential(...", which ln_module_parse reads back. */
char *ln_module_repr(const ln_module *module);
void ln_module_free(ln_module *module);

/* linnet_model_parse without the memory of the weights, which ln_module_allocate(model->root)
 * gives: so a file's weights can be checked against the model before anything large is allocated.
 */
LINNET_NODISCARD linnet_status ln_model_create(const char *text, const linnet_name *names,
                                               size_t name_count, linnet_model **model,
                                               linnet_error *error);

/* The Linear that a LazyLinear becomes, with memory for its weights, without name and path
 * (linear.c). The caller owns it. Errors: ARGUMENT, MEMORY. */
LINNET_NODISCARD linnet_status ln_linear_of_lazy(const ln_module *lazy, int64_t in_features,
                                                 linnet_dtype dtype, ln_module **linear,
                                                 linnet_error *error);

/* weight.uniform_(-bound, bound), for `reset`. */
void ln_weight_uniform(linnet_tensor *weight, ln_torch_generator *generator, double bound);

/* How many words of torch's generator linnet_model_reset_parameters draws. */
uint64_t ln_model_words_of_reset(const linnet_model *model);

/* Whether a LazyLinear waits for its input to be known. */
bool ln_model_is_lazy(const linnet_model *model);
/* What a LazyLinear waits for. */
typedef struct ln_lazy {
    /* How many features leaf i takes. */
    linnet_status (*width)(const struct ln_lazy *lazy, const linnet_model *model, size_t leaf,
                           int64_t *width, linnet_error *error);
    /* Whether what the model would become will do; NULL: it always does. */
    linnet_status (*accept)(const struct ln_lazy *lazy, const linnet_model *made,
                            linnet_error *error);
    const ln_shape *row;                 /* of the input, where that is what tells it */
    const linnet_state_dict *state_dict; /* or the weights */
} ln_lazy;

/* Makes each LazyLinear a Linear. The new weights have memory, and initial values where
 * linnet_model_reset_parameters has been called. After a failure the model is as it was. Errors:
 * those of `lazy`, ARGUMENT, MEMORY. */
LINNET_NODISCARD linnet_status ln_model_materialize(linnet_model *model, const ln_lazy *lazy,
                                                    linnet_error *error);
/* The same for input rows of this shape. */
LINNET_NODISCARD linnet_status ln_model_materialize_for(linnet_model *model, const ln_shape *row,
                                                        linnet_error *error);

/* Rounds the scaling to a dtype; nothing changes on failure. Errors: ARGUMENT (0 or infinite in it).
 */
LINNET_NODISCARD linnet_status ln_model_round_scaling(linnet_model *model, linnet_dtype dtype,
                                                      linnet_error *error);
/* Takes mean and std away; scale stays. */
void ln_scaling_free(ln_scaling *scaling);
/* Gives the model the mean and std, each `features` long, which are copied; 0 features take them
 * away. Errors: ARGUMENT (not finite, std not above 0), SHAPE (other than the features of a known
 * input), MEMORY. */
LINNET_NODISCARD linnet_status ln_model_set_standard(linnet_model *model, size_t features,
                                                     const double *mean, const double *std,
                                                     linnet_error *error);

/* The shape of one row that the modules themselves tell (linnet_model_input_shape without a file or
 * a call that said so); rank -1 where they do not. */
ln_shape ln_model_inferred_input(const linnet_model *model);

/* Shape after all leaves, for an input shape with the batch dimension first. The error's place
 * names the module. */
LINNET_NODISCARD linnet_status ln_model_shape(const linnet_model *model, ln_shape *shape,
                                              linnet_error *error);

/* The type of the module whose outputs are the model's in eval mode; NULL: there is none. */
const ln_module_type *ln_model_last(const linnet_model *model);

#endif
