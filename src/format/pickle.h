/* pickle.h - Python's pickles as plain values.
 *
 * A pickle is a program for a stack machine. This one runs the opcodes of protocols 2 to 5 and
 * builds numbers, texts, tuples, lists, dicts and sets; it looks up nothing and calls nothing. What
 * a pickle names in other modules (globals) is a name to it. `rules` say which names have a
 * meaning; a call of any other gives an opaque object, which holds its state and nothing else.
 *
 * There is no recursion, so depth costs no stack; memory is taken out of a budget that the caller
 * sets. Texts point into the pickle, which must outlive the values. */
#ifndef LN_FORMAT_PICKLE_H
#define LN_FORMAT_PICKLE_H

#include "base/error.h"
#include "linnet.h"

typedef enum ln_pickle_kind {
    LN_PICKLE_NONE,
    LN_PICKLE_BOOL,
    LN_PICKLE_INT,
    LN_PICKLE_LONG, /* a whole number that int64 cannot hold */
    LN_PICKLE_FLOAT,
    LN_PICKLE_TEXT, /* valid UTF-8 */
    LN_PICKLE_BYTES,
    LN_PICKLE_TUPLE,
    LN_PICKLE_LIST,
    LN_PICKLE_DICT, /* items: key, value, key, value, ... */
    LN_PICKLE_SET,
    LN_PICKLE_GLOBAL,
    LN_PICKLE_OBJECT,  /* opaque */
    LN_PICKLE_STORAGE, /* these two are made by the rules, and theirs to read */
    LN_PICKLE_TENSOR
} ln_pickle_kind;

/* A piece of the pickle. */
typedef struct ln_pickle_text {
    const char *data;
    size_t length;
} ln_pickle_text;

typedef struct ln_pickle_value ln_pickle_value;

typedef struct ln_pickle_item {
    ln_pickle_value *value;
    struct ln_pickle_item *next;
} ln_pickle_item;

struct ln_pickle_value {
    ln_pickle_kind kind;
    int number;    /* GLOBAL: what the rules call it. STORAGE, TENSOR: the rules' */
    size_t offset; /* of the opcode that made it */
    union {
        int64_t integer; /* INT, and BOOL as 0 or 1 */
        double real;
        ln_pickle_text text; /* TEXT, BYTES, LONG (little-endian, two's complement) */
        struct {
            ln_pickle_item *first, *last;
            size_t count;                /* of a DICT: keys and values */
            ln_pickle_value *attributes; /* of a DICT: what BUILD gave it, or NULL */
        } items;                         /* TUPLE, LIST, DICT, SET */
        struct {
            ln_pickle_text module, name;
        } global;
        struct {
            const ln_pickle_value *type; /* a GLOBAL */
            ln_pickle_value *state;      /* what BUILD gave it, or NULL */
        } object;
        struct {
            const ln_pickle_value *parts[3];
            int64_t integer;
        } made; /* STORAGE, TENSOR */
    } as;
};

#define LN_PICKLE_UNKNOWN (-1)

typedef struct ln_pickle ln_pickle;

/* What globals mean. */
typedef struct ln_pickle_rules {
    /* The number of a global, or LN_PICKLE_UNKNOWN. */
    int (*find)(ln_pickle_text module, ln_pickle_text name);
    /* The value that a call of a known global with a TUPLE of arguments gives. */
    linnet_status (*call)(ln_pickle *pickle, const ln_pickle_value *global,
                          const ln_pickle_value *arguments, ln_pickle_value **result);
    /* The value that a persistent id stands for. */
    linnet_status (*persistent)(ln_pickle *pickle, ln_pickle_value *id, ln_pickle_value **result);
} ln_pickle_rules;

/* The machine. Set the fields of the first group, the others to 0; free with ln_pickle_free, which
 * frees all values. */
struct ln_pickle {
    const uint8_t *data;
    size_t size;
    const char *origin;           /* what messages call the pickle: "data.pkl" */
    size_t base;                  /* messages count bytes from here on */
    const ln_pickle_rules *rules; /* NULL: no global is known, persistent ids are refused */
    void *context;                /* the rules' */
    size_t *budget;               /* bytes of memory that may still be taken */
    linnet_error *error;

    size_t at;                      /* after a load: the pickle's length */
    size_t op;                      /* offset of the opcode that runs */
    const ln_pickle_value *unknown; /* the first global that the rules do not know, or NULL */
    bool stopped;
    ln_pickle_value **stack;
    size_t depth, stack_capacity;
    size_t *marks; /* depths */
    size_t mark_count, mark_capacity;
    ln_pickle_value **memo;
    size_t memo_count, memo_capacity;
    struct ln_pickle_block *blocks;
};

/* Runs the pickle up to its STOP. *root belongs to the machine. Errors: FORMAT and UNSUPPORTED,
 * with the offset; MEMORY. */
LINNET_NODISCARD linnet_status ln_pickle_load(ln_pickle *pickle, ln_pickle_value **root);
void ln_pickle_free(ln_pickle *pickle);

/* ---- for rules and opcodes ---- */

/* "data.pkl, byte 145: ...", and the status. */
LINNET_NODISCARD linnet_status ln_pickle_fail(const ln_pickle *pickle, linnet_status status,
                                              size_t offset, const char *format, ...)
    LN_PRINTF(4, 5);

/* "expected WHAT, found a list", with the place of the value. */
LINNET_NODISCARD linnet_status ln_pickle_expected(const ln_pickle *pickle, const char *what,
                                                  const ln_pickle_value *found);

/* Takes `bytes` out of a budget; false, and nothing taken, where it does not suffice. */
bool ln_pickle_charge(size_t *budget, size_t bytes);
/* The error for it. */
LINNET_NODISCARD linnet_status ln_pickle_fail_budget(const ln_pickle *pickle, size_t bytes);

/* A new value, zeroed but for kind and offset. */
LINNET_NODISCARD linnet_status ln_pickle_new(ln_pickle *pickle, ln_pickle_kind kind,
                                             ln_pickle_value **value);
/* Appends to TUPLE, LIST, DICT (key, then value) or SET. */
LINNET_NODISCARD linnet_status ln_pickle_append(ln_pickle *pickle, ln_pickle_value *to,
                                                ln_pickle_value *value);

static inline bool ln_pickle_is_sequence(const ln_pickle_value *value)
{
    return value->kind == LN_PICKLE_TUPLE || value->kind == LN_PICKLE_LIST;
}
/* Item i of a TUPLE or LIST; NULL past the end. */
ln_pickle_value *ln_pickle_at(const ln_pickle_value *value, size_t i);
/* The last value of a text key in a DICT; NULL where there is none, or where it is no DICT. */
ln_pickle_value *ln_pickle_get(const ln_pickle_value *dict, const char *key);
bool ln_pickle_is_text(const ln_pickle_value *value, const char *text);
bool ln_pickle_equal(ln_pickle_text text, const char *other);

#define LN_PICKLE_DESCRIBED 192

/* A value for a message: "a list", "the number 5", "'torch.nn.Foo'". Returns out. */
const char *ln_pickle_describe(const ln_pickle_value *value, char out[LN_PICKLE_DESCRIBED]);

/* An opcode: its name and what it does. Related ones share a function and differ in an argument. */
typedef struct ln_pickle_opcode {
    const char *name;
    linnet_status (*run)(ln_pickle *pickle, int argument); /* NULL: known, but refused */
    int argument;
} ln_pickle_opcode;

/* NULL where there is none. */
const ln_pickle_opcode *ln_pickle_opcode_of(uint8_t code);

/* The stack, for the opcodes. */
LINNET_NODISCARD linnet_status ln_pickle_push(ln_pickle *pickle, ln_pickle_value *value);
LINNET_NODISCARD linnet_status ln_pickle_pop(ln_pickle *pickle, ln_pickle_value **value);
LINNET_NODISCARD linnet_status ln_pickle_top(ln_pickle *pickle, ln_pickle_value **value);
/* The depth of the last mark, which is taken away. The values above it stay. */
LINNET_NODISCARD linnet_status ln_pickle_pop_mark(ln_pickle *pickle, size_t *depth);
LINNET_NODISCARD linnet_status ln_pickle_mark(ln_pickle *pickle);
LINNET_NODISCARD linnet_status ln_pickle_put(ln_pickle *pickle, size_t index,
                                             ln_pickle_value *value);
LINNET_NODISCARD linnet_status ln_pickle_recall(ln_pickle *pickle, size_t index,
                                                ln_pickle_value **value);
/* The next `count` bytes of the pickle, which are passed. */
LINNET_NODISCARD linnet_status ln_pickle_take(ln_pickle *pickle, uint64_t count,
                                              const uint8_t **bytes);
/* The same as a little-endian number, and up to a line break, which is passed too. */
LINNET_NODISCARD linnet_status ln_pickle_number(ln_pickle *pickle, int count, uint64_t *number);
LINNET_NODISCARD linnet_status ln_pickle_line(ln_pickle *pickle, ln_pickle_text *line);

#endif
