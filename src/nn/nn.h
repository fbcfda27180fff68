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
#include "tensor/tensor.h"

typedef struct ln_module ln_module;

#define LN_MAX_WEIGHTS 2

/* How a plan runs a module. */
typedef enum ln_role {
    LN_ROLE_CONTAINER,   /* Sequential: its children, in order */
    LN_ROLE_LINEAR,      /* a matrix product */
    LN_ROLE_ELEMENTWISE, /* element by element, in place; fused behind a product */
    LN_ROLE_ROW,         /* over the last dimension as a whole */
    LN_ROLE_SHAPE        /* changes the shape only: Flatten, Identity */
} ln_role;

/* Where a module's randomness comes from in one step: Philox's key, or a mask drawn beforehand. */
typedef struct ln_draw {
    ln_philox_key key;
    const uint8_t *keep; /* (batch, features) where torch's generator drew it, else NULL */
    size_t features;     /* of one row: keep's row stride */
} ln_draw;

/* A stretch of one row of the batch that forward or backward works on: `count` elements from
 * `column` on, the row taken as flat. For LN_ROLE_ROW it is one vector of the last dimension. */
typedef struct ln_stretch {
    const ln_kernels *kernels;
    const ln_module *module;
    const ln_draw *draw; /* NULL in eval mode, and for modules that draw nothing */
    size_t row, column, count;
} ln_stretch;

/* An activation of numeric/activations.def with its parameters. */
typedef struct ln_activation {
    ln_activation_index index;
    float parameters[2];
} ln_activation;

typedef struct ln_module_type {
    ln_signature signature;
    ln_role role;
    bool draws;            /* random in training: Dropout */
    bool identity_in_eval; /* left out of eval plans: Dropout, Identity */
    bool any_arguments;    /* whatever arguments there are, they are not looked at: Identity */
    bool backward_sees_x;  /* ELEMENTWISE: see backward below */

    /* Checks values after binding; NULL: nothing to check. Errors: ARGUMENT in PyTorch's words. */
    linnet_status (*check)(const ln_value *values, linnet_error *error);
    /* Shape of the output from that of the input, in place; both with the batch dimension first.
     * NULL: unchanged. Errors: SHAPE in PyTorch's words. */
    linnet_status (*shape)(const ln_module *module, ln_shape *shape, linnet_error *error);
    /* Parameter i's name and shape; false past the last. NULL: no parameters. */
    bool (*weight)(const ln_value *values, int i, const char **name, ln_shape *shape);
    /* reset_parameters() of PyTorch, drawing in its order. NULL: no parameters. */
    void (*reset)(ln_module *module, ln_torch_generator *generator);

    /* ELEMENTWISE and ROW: y may be x, dx may be dy. backward sees y as the *last* module of an
     * elementwise chain left it, or, with backward_sees_x, the module's input (see plan/plan.h).
     * NULL elsewhere. */
    void (*forward)(const ln_stretch *stretch, const float *x, float *y);
    void (*backward)(const ln_stretch *stretch, const float *seen, const float *dy, float *dx);

    /* The activation that values stand for, where forward and backward are LN_NN_ACTIVATION's. NULL
     * elsewhere. */
    ln_activation (*activation)(const ln_value *values);
} ln_module_type;

/* The fields of a module type that is an activation; `function` is its `activation`. */
#define LN_NN_ACTIVATION(function)                                                                 \
    .role = LN_ROLE_ELEMENTWISE, .backward_sees_x = true, .forward = ln_activation_forward,        \
    .backward = ln_activation_backward, .activation = function

void ln_activation_forward(const ln_stretch *stretch, const float *x, float *y);
void ln_activation_backward(const ln_stretch *stretch, const float *x, const float *dy, float *dx);

struct ln_module {
    const ln_module_type *type;
    ln_value values[LN_MAX_PARAMETERS];
    char *name; /* within its parent: "1"; of the root: what stood before "=", or "" */
    char *path; /* from the root: "classifier.1"; "" for a bare root */
    ln_module **children;
    size_t child_count;
    int weight_count;
    linnet_tensor weights[LN_MAX_WEIGHTS]; /* float32, contiguous, owned */
};

/* Input scaling: x' = (x * scale - mean) / std. */
typedef struct ln_scaling {
    float scale;
    size_t features; /* length of mean and std; 0: none */
    float *mean, *std;
} ln_scaling;

struct linnet_model {
    ln_module *root;
    char *repr;
    ln_module **leaves; /* in order; borrowed from the tree */
    char **leaf_reprs;
    size_t leaf_count;
    struct {
        char *name;
        linnet_tensor *tensor; /* borrowed from the module */
    } * parameters;
    size_t parameter_count;
    char **classes;
    size_t class_count;
    ln_scaling scaling;
    ln_shape input; /* of one row, without the batch dimension; rank -1: not known */
};

/* The table of module types; NULL past the end. */
const ln_module_type *ln_module_type_at(size_t i);

/* Reads the tree of modules out of text (text.c). Weights have their shapes, but no memory yet:
 * data is NULL until ln_module_allocate gives them zeros. The caller owns the tree. */
LINNET_NODISCARD linnet_status ln_module_parse(const char *text, const linnet_name *names,
                                               size_t name_count, ln_module **root,
                                               linnet_error *error);
LINNET_NODISCARD linnet_status ln_module_allocate(ln_module *root, linnet_error *error);
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

/* Gives the model the mean and std, each `features` long, which are copied; 0 features take them
 * away. Errors: ARGUMENT (not finite, std not above 0), SHAPE (other than the features of a known
 * input), MEMORY. */
LINNET_NODISCARD linnet_status ln_model_set_standard(linnet_model *model, size_t features,
                                                     const float *mean, const float *std,
                                                     linnet_error *error);

/* The shape of one row that the modules themselves tell (linnet_model_input_shape without a file or
 * a call that said so); rank -1 where they do not. */
ln_shape ln_model_inferred_input(const linnet_model *model);

/* Shape after all leaves, for an input shape with the batch dimension first. The error's place
 * names the module. */
LINNET_NODISCARD linnet_status ln_model_shape(const linnet_model *model, ln_shape *shape,
                                              linnet_error *error);

#endif
