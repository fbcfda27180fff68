/* signature.h - PyTorch's constructor text, `Name(argument, keyword=value, ...)`, bound to a typed
 * list of parameters.
 *
 * Modules, losses and optimizers are all written this way, so there is one parser, one rule for
 * positional and keyword arguments, and one set of errors (Python's own words, with line, column
 * and a caret under the place). */
#ifndef LN_BASE_SIGNATURE_H
#define LN_BASE_SIGNATURE_H

#include "base/pytext.h"

#define LN_MAX_PARAMETERS 16
/* Of one SIZES or SHAPE. */
#define LN_MAX_SIZES 8

typedef enum ln_kind {
    LN_KIND_INT,    /* an int, or a free name that stands for one */
    LN_KIND_FLOAT,  /* an int or a float */
    LN_KIND_BOOL,   /* True or False */
    LN_KIND_PAIR,   /* a tuple (or list) of two floats: betas=(0.9, 0.999) */
    LN_KIND_DIM,    /* an int or None */
    LN_KIND_NUMBER, /* a float or None: momentum=None */
    LN_KIND_SIZES,  /* a tuple or list of ints: unflattened_size=(2, 8) */
    LN_KIND_SHAPE,  /* the same, or one int, which stands for a tuple of one: normalized_shape=64 */
    LN_KIND_CHOICE, /* one of a few strings: approximate='none'; the first may be None, which is none */
    LN_KIND_FLAG, /* True, False or None: foreach=None */
    LN_KIND_LIST, /* a list or tuple, also in torch.tensor(...), or None where that is the default */
    /* What PyTorch's text has first and Linnet has by itself, such as an optimizer's params: a name
     * or a call, which is passed over, or nothing. */
    LN_KIND_GIVEN,
    LN_KIND_NONE /* accepted for PyTorch's sake and has to be None: device, dtype */
} ln_kind;

/* One parameter of a constructor. */
typedef struct ln_parameter {
    const char *name;
    ln_kind kind;
    /* The default as text: "0.5", "True", "None", "(0.9, 0.999)"; NULL: required. CHOICE: all
     * choices, the default first: "none|tanh". */
    const char *standard;
    /* Printed by repr: always, always and without its name, only where it differs from the default,
     * never, or always and before all others, in which case it is a keyword and no positional
     * argument. Linear prints all three of its arguments; Hardshrink(0.5) the value alone; ReLU
     * prints inplace only when it is True; LazyLinear's in_features stands first. */
    enum { LN_REPR_ALWAYS, LN_REPR_VALUE, LN_REPR_IF_SET, LN_REPR_NEVER, LN_REPR_FIRST } repr;
} ln_parameter;

typedef struct ln_signature {
    const char *name; /* "Linear" */
    size_t count;     /* at most LN_MAX_PARAMETERS */
    const ln_parameter *parameters;
} ln_signature;

/* Both of these last, in a constant: {"Linear", LN_PARAMETERS({...}, {...})}; of none: 0, NULL. */
#define LN_PARAMETERS(...)                                                                         \
    sizeof((const ln_parameter[]){__VA_ARGS__}) / sizeof(ln_parameter), (const ln_parameter[])     \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

/* The value of one parameter after binding. */
typedef struct ln_value {
    bool none;
    int64_t integer;  /* INT, DIM; BOOL and FLAG as 0 or 1; CHOICE as its index */
    double number[2]; /* FLOAT and NUMBER in [0], PAIR in both */
    bool whole[2];    /* number was written as an int, and Python prints it as one: Dropout(p=1) */
    bool brackets;    /* SIZES was written as a list, and Python prints it as one */
    int size_count;   /* SIZES, SHAPE */
    int64_t sizes[LN_MAX_SIZES];
    const ln_py_node *list; /* LIST: the brackets, as long as the text's tree is there */
} ln_value;

/* Reads one whole constructor call out of `text` and binds it to the signature of that name among
 * `count` signatures (a module of PyTorch's, such as `torch.nn.` or `optim.`, may stand before the
 * name). A bare name without parentheses is the call without arguments. *which: index of the
 * signature; `values`: as long as the signature has parameters, in their order. Errors: SYNTAX.
 * `what` names the kind in errors: "optimizer", "loss". */
LINNET_NODISCARD linnet_status ln_signature_parse(const char *text, const char *what,
                                                  const ln_signature *const *signatures,
                                                  size_t count, size_t *which, ln_value *values,
                                                  linnet_error *error);

/* The two halves of ln_signature_parse, for text that holds more than one call. Find: the signature
 * that a CALL or NAME node names. Bind: the node's arguments. Errors: SYNTAX. */
LINNET_NODISCARD linnet_status ln_signature_find(ln_py_slice source, const ln_py_node *node,
                                                 const char *what,
                                                 const ln_signature *const *signatures,
                                                 size_t count, size_t *which, linnet_error *error);
LINNET_NODISCARD linnet_status ln_signature_bind(ln_py_slice source, const ln_py_node *node,
                                                 const ln_signature *signature, ln_value *values,
                                                 linnet_error *error);

/* Choice i of a CHOICE parameter; its length is 0 past the last. */
ln_py_slice ln_signature_choice(const ln_parameter *parameter, int64_t i);

/* An INT or FLOAT node as a number; false where it is none. */
bool ln_py_number(const ln_py_node *node, double *number);

/* A FLOAT as Python prints it: "0.5", "1.0", or "1" where it was written as an int. `text` has
 * LN_NUMBER_TEXT bytes; returns it. */
char *ln_value_text(const ln_value *value, char *text);

/* "Linear(in_features=1536, out_features=1024, bias=True)", numbers as Python prints them. Returns
 * an allocation that the caller frees with ln_free; NULL without memory. */
char *ln_signature_repr(const ln_signature *signature, const ln_value *values);

#endif
