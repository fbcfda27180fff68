/* pytext.h - PyTorch's text as a tree: calls, arguments and literals, and errors that point into
 * it.
 *
 * Reads what constructors and print(model) are written in: `Name(1, keyword=2.5, (0): Child(...))`,
 * tuples and lists, strings, numbers and arithmetic on them (28*28), comments. It knows nothing of
 * modules; signature.h gives calls their meaning. Slices point into the text, which must outlive
 * the tree. */
#ifndef LN_BASE_PYTEXT_H
#define LN_BASE_PYTEXT_H

#include "base/error.h"
#include "linnet.h"

/* Larger texts are refused; a tree takes at most about 100 bytes of memory a byte of text. */
#define LN_PY_MAX_TEXT ((size_t)1 << 20)
/* Brackets within brackets; Python's own parser stops at 200. */
#define LN_PY_MAX_DEPTH 100

typedef enum ln_py_kind {
    LN_PY_INT,
    LN_PY_FLOAT,
    LN_PY_BOOL,
    LN_PY_NONE,
    LN_PY_STRING, /* text is what stands between the quotes */
    LN_PY_NAME,   /* a name that `names` does not hold; may have dots */
    LN_PY_TUPLE,
    LN_PY_LIST,
    LN_PY_DICT, /* values as children, their keys as labels */
    LN_PY_CALL  /* text is the name of what is called, with its dots */
} ln_py_kind;

typedef enum ln_py_role {
    LN_PY_POSITIONAL,
    LN_PY_KEYWORD, /* label=value */
    LN_PY_ENTRY    /* (label): value, as print(model) writes children */
} ln_py_role;

/* A piece of the text. */
typedef struct ln_py_slice {
    const char *text;
    size_t length;
} ln_py_slice;

typedef struct ln_py_node ln_py_node;
struct ln_py_node {
    ln_py_kind kind;
    ln_py_role role;
    size_t place, end; /* offsets in the text: where it begins, and past it */
    size_t label_place;
    ln_py_slice text, label;
    union {
        int64_t integer; /* INT, and BOOL as 0 or 1 */
        double number;
    } value;
    ln_py_node *children, *next; /* arguments or elements, in order */
};

typedef struct ln_py_tree {
    ln_py_slice source;
    ln_py_slice
        name; /* what stood before "=", without "self.", or in "(name):"; empty without one */
    ln_py_node *root;
    struct ln_py_block *blocks; /* owns the nodes */
} ln_py_tree;

/* Reads the whole of `text` as one value. Names that `names` holds become ints. Free with
 * ln_py_free, also after a failure. Errors: SYNTAX, MEMORY. */
LINNET_NODISCARD linnet_status ln_py_parse(const char *text, const linnet_name *names,
                                           size_t name_count, ln_py_tree *tree,
                                           linnet_error *error);
void ln_py_free(ln_py_tree *tree);

bool ln_py_equal(ln_py_slice slice, const char *text);

/* Python's name of the node's type: "int", "str", "NoneType"; a call is called by its own name. */
ln_py_slice ln_py_type_name(const ln_py_node *node);

/* An error at an offset of the source: the sentence, then the line that holds the offset (cut to a
 * window where it is long) and a caret under the character. The place is "line L, column C", both
 * counted from 1, columns in characters. */
LINNET_NODISCARD linnet_status ln_py_fail(linnet_error *error, linnet_status status,
                                          ln_py_slice source, size_t offset, const char *format,
                                          ...) LN_PRINTF(5, 6);

/* For "%.*s" of a slice, cut to what a message has room for. */
#define LN_PY_SHOWN(slice) ((slice).length < 64 ? (int)(slice).length : 64), (slice).text

#endif
