/* pickle_opcodes.c - the opcodes of pickle protocols 2 to 5, one function each, in a fixed table.
 *
 * Containers take items only where they are what the opcode is for: SETITEM on anything but a dict,
 * APPEND on anything but a list is an error. Opaque objects swallow theirs. Numbers are
 * little-endian, save the float, which is big-endian. */
#include "format/pickle.h"

#include <string.h>

#include "format/text.h"

static linnet_status push_new(ln_pickle *pickle, ln_pickle_kind kind, ln_pickle_value **value)
{
    linnet_status status = ln_pickle_new(pickle, kind, value);
    return status == LINNET_OK ? ln_pickle_push(pickle, *value) : status;
}

/* ---- frames ---- */

static linnet_status run_proto(ln_pickle *pickle, int argument)
{
    (void)argument;
    uint64_t version;
    linnet_status status = ln_pickle_number(pickle, 1, &version);
    if (status == LINNET_OK && (version < 2 || version > 5)) {
        status = ln_pickle_fail(pickle, LINNET_ERROR_UNSUPPORTED, pickle->op,
                                "expected pickle protocol 2, 3, 4 or 5, found %d", (int)version);
    }
    return status;
}

/* A frame tells how much to read ahead, which says nothing to a pickle that is in memory. */
static linnet_status run_frame(ln_pickle *pickle, int argument)
{
    (void)argument;
    uint64_t length;
    linnet_status status = ln_pickle_number(pickle, 8, &length);
    if (status == LINNET_OK && length > pickle->size - pickle->at) {
        status = ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, pickle->op,
                                "expected a frame of at most the %zu bytes that follow, found one "
                                "of %llu",
                                pickle->size - pickle->at, (unsigned long long)length);
    }
    return status;
}

static linnet_status run_stop(ln_pickle *pickle, int argument)
{
    (void)argument;
    pickle->stopped = true;
    return LINNET_OK;
}

/* ---- numbers ---- */

static linnet_status push_int(ln_pickle *pickle, int64_t number)
{
    ln_pickle_value *value;
    linnet_status status = push_new(pickle, LN_PICKLE_INT, &value);
    if (status == LINNET_OK) {
        value->as.integer = number;
    }
    return status;
}

static linnet_status run_none(ln_pickle *pickle, int argument)
{
    (void)argument;
    ln_pickle_value *value;
    return push_new(pickle, LN_PICKLE_NONE, &value);
}

static linnet_status run_bool(ln_pickle *pickle, int truth)
{
    ln_pickle_value *value;
    linnet_status status = push_new(pickle, LN_PICKLE_BOOL, &value);
    if (status == LINNET_OK) {
        value->as.integer = truth;
    }
    return status;
}

/* Of 4 bytes it has a sign, of 1 or 2 it has none. */
static linnet_status run_binint(ln_pickle *pickle, int width)
{
    uint64_t number;
    linnet_status status = ln_pickle_number(pickle, width, &number);
    int64_t wide = (int64_t)number;
    return status == LINNET_OK
               ? push_int(pickle, wide > INT32_MAX ? wide - (INT64_C(1) << 32) : wide)
               : status;
}

/* A whole number of `count` bytes, two's complement. */
static linnet_status push_long(ln_pickle *pickle, uint64_t count)
{
    const uint8_t *bytes;
    linnet_status status = ln_pickle_take(pickle, count, &bytes);
    if (status != LINNET_OK) {
        return status;
    }
    if (count > 8) {
        ln_pickle_value *value;
        status = push_new(pickle, LN_PICKLE_LONG, &value);
        if (status == LINNET_OK) {
            value->as.text = (ln_pickle_text){(const char *)bytes, (size_t)count};
        }
        return status;
    }
    uint64_t number = count > 0 && bytes[count - 1] >= 0x80 ? UINT64_MAX : 0;
    for (uint64_t i = count; i > 0; i--) {
        number = number << 8 | bytes[i - 1];
    }
    int64_t integer;
    memcpy(&integer, &number, sizeof integer);
    return push_int(pickle, integer);
}

static linnet_status run_long(ln_pickle *pickle, int width)
{
    uint64_t count;
    linnet_status status = ln_pickle_number(pickle, width, &count);
    return status == LINNET_OK ? push_long(pickle, count) : status;
}

static linnet_status run_binfloat(ln_pickle *pickle, int argument)
{
    (void)argument;
    const uint8_t *bytes;
    linnet_status status = ln_pickle_take(pickle, 8, &bytes);
    ln_pickle_value *value;
    if (status == LINNET_OK) {
        status = push_new(pickle, LN_PICKLE_FLOAT, &value);
    }
    if (status == LINNET_OK) {
        uint64_t bits = 0;
        for (int i = 0; i < 8; i++) {
            bits = bits << 8 | bytes[i];
        }
        memcpy(&value->as.real, &bits, sizeof bits);
    }
    return status;
}

/* ---- texts and bytes ---- */

/* A text or bytes whose length stands in `width` bytes before it. */
static linnet_status push_text(ln_pickle *pickle, int width, ln_pickle_kind kind)
{
    uint64_t length;
    const uint8_t *bytes;
    ln_pickle_value *value;
    linnet_status status = ln_pickle_number(pickle, width, &length);
    if (status == LINNET_OK) {
        status = ln_pickle_take(pickle, length, &bytes);
    }
    if (status == LINNET_OK) {
        status = push_new(pickle, kind, &value);
    }
    if (status == LINNET_OK) {
        value->as.text = (ln_pickle_text){(const char *)bytes, (size_t)length};
    }
    return status;
}

static linnet_status run_unicode(ln_pickle *pickle, int width)
{
    linnet_status status = push_text(pickle, width, LN_PICKLE_TEXT);
    if (status == LINNET_OK) {
        ln_pickle_text text = pickle->stack[pickle->depth - 1]->as.text;
        if (!ln_utf8_valid(text.data, text.length)) {
            status = ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, pickle->op,
                                    "expected text in UTF-8, found other bytes");
        }
    }
    return status;
}

/* Python 2's str: text where it can be read as such. */
static linnet_status run_string(ln_pickle *pickle, int width)
{
    linnet_status status = push_text(pickle, width, LN_PICKLE_TEXT);
    if (status == LINNET_OK) {
        ln_pickle_value *value = pickle->stack[pickle->depth - 1];
        bool valid = ln_utf8_valid(value->as.text.data, value->as.text.length);
        value->kind = valid ? LN_PICKLE_TEXT : LN_PICKLE_BYTES;
    }
    return status;
}

static linnet_status run_bytes(ln_pickle *pickle, int width)
{
    return push_text(pickle, width, LN_PICKLE_BYTES);
}

/* ---- containers ---- */

/* Moves the values above `depth` into `to`. */
static linnet_status collect(ln_pickle *pickle, size_t depth, ln_pickle_value *to)
{
    linnet_status status = LINNET_OK;
    for (size_t i = depth; status == LINNET_OK && i < pickle->depth; i++) {
        status = ln_pickle_append(pickle, to, pickle->stack[i]);
    }
    pickle->depth = depth;
    return status;
}

static linnet_status push_collected(ln_pickle *pickle, size_t depth, ln_pickle_kind kind)
{
    ln_pickle_value *value;
    linnet_status status = ln_pickle_new(pickle, kind, &value);
    if (status == LINNET_OK) {
        status = collect(pickle, depth, value);
    }
    return status == LINNET_OK ? ln_pickle_push(pickle, value) : status;
}

/* Of what stands above the mark. */
static linnet_status run_marked(ln_pickle *pickle, int argument)
{
    ln_pickle_kind kind = (ln_pickle_kind)argument;
    size_t depth;
    linnet_status status = ln_pickle_pop_mark(pickle, &depth);
    if (status == LINNET_OK && kind == LN_PICKLE_DICT && (pickle->depth - depth) % 2 != 0) {
        status = ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, pickle->op,
                                "expected a value for each key, found a key alone");
    }
    return status == LINNET_OK ? push_collected(pickle, depth, kind) : status;
}

static linnet_status run_empty(ln_pickle *pickle, int kind)
{
    return push_collected(pickle, pickle->depth, (ln_pickle_kind)kind);
}

/* The last `count` values as a tuple. */
static linnet_status run_tuple(ln_pickle *pickle, int count)
{
    size_t depth = pickle->depth;
    ln_pickle_value *value;
    linnet_status status = LINNET_OK;
    for (int i = 0; status == LINNET_OK && i < count; i++) {
        status = ln_pickle_pop(pickle, &value);
    }
    pickle->depth = depth;
    return status == LINNET_OK ? push_collected(pickle, depth - (size_t)count, LN_PICKLE_TUPLE)
                               : status;
}

/* Gives the values above `depth` to the container below them. */
static linnet_status add_items(ln_pickle *pickle, size_t depth, ln_pickle_kind kind)
{
    ln_pickle_value *to;
    size_t top = pickle->depth;
    pickle->depth = depth;
    linnet_status status = ln_pickle_pop(pickle, &to);
    if (status != LINNET_OK) {
        return status;
    }
    if (to->kind == LN_PICKLE_OBJECT) {
        pickle->depth = depth;
        return LINNET_OK;
    }
    if (to->kind != kind) {
        char described[LN_PICKLE_DESCRIBED];
        return ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, pickle->op,
                              "expected %s to add to, found %s",
                              kind == LN_PICKLE_DICT   ? "a dict"
                              : kind == LN_PICKLE_LIST ? "a list"
                                                       : "a set",
                              ln_pickle_describe(to, described));
    }
    if (kind == LN_PICKLE_DICT && (top - depth) % 2 != 0) {
        return ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, pickle->op,
                              "expected a value for each key, found a key alone");
    }
    pickle->depth = top;
    return collect(pickle, depth, to);
}

static linnet_status run_add_marked(ln_pickle *pickle, int kind)
{
    size_t depth;
    linnet_status status = ln_pickle_pop_mark(pickle, &depth);
    return status == LINNET_OK ? add_items(pickle, depth, (ln_pickle_kind)kind) : status;
}

static linnet_status run_append(ln_pickle *pickle, int argument)
{
    (void)argument;
    ln_pickle_value *value;
    linnet_status status = ln_pickle_pop(pickle, &value);
    pickle->depth += status == LINNET_OK;
    return status == LINNET_OK ? add_items(pickle, pickle->depth - 1, LN_PICKLE_LIST) : status;
}

static linnet_status run_setitem(ln_pickle *pickle, int argument)
{
    (void)argument;
    ln_pickle_value *key, *value;
    linnet_status status = ln_pickle_pop(pickle, &value);
    if (status == LINNET_OK) {
        status = ln_pickle_pop(pickle, &key);
    }
    if (status != LINNET_OK) {
        return status;
    }
    pickle->depth += 2;
    return add_items(pickle, pickle->depth - 2, LN_PICKLE_DICT);
}

/* ---- the stack and the memo ---- */

static linnet_status run_mark(ln_pickle *pickle, int argument)
{
    (void)argument;
    return ln_pickle_mark(pickle);
}

static linnet_status run_pop_mark(ln_pickle *pickle, int argument)
{
    (void)argument;
    return ln_pickle_pop_mark(pickle, &pickle->depth);
}

/* Takes a mark away where one is on top. */
static linnet_status run_pop(ln_pickle *pickle, int argument)
{
    (void)argument;
    ln_pickle_value *value;
    bool mark = pickle->mark_count > 0 && pickle->marks[pickle->mark_count - 1] == pickle->depth;
    return mark ? run_pop_mark(pickle, 0) : ln_pickle_pop(pickle, &value);
}

static linnet_status run_dup(ln_pickle *pickle, int argument)
{
    (void)argument;
    ln_pickle_value *value;
    linnet_status status = ln_pickle_top(pickle, &value);
    return status == LINNET_OK ? ln_pickle_push(pickle, value) : status;
}

static linnet_status put_top(ln_pickle *pickle, size_t index)
{
    ln_pickle_value *value;
    linnet_status status = ln_pickle_top(pickle, &value);
    return status == LINNET_OK ? ln_pickle_put(pickle, index, value) : status;
}

static linnet_status run_memoize(ln_pickle *pickle, int argument)
{
    (void)argument;
    return put_top(pickle, pickle->memo_count);
}

static linnet_status run_put(ln_pickle *pickle, int width)
{
    uint64_t index;
    linnet_status status = ln_pickle_number(pickle, width, &index);
    return status == LINNET_OK ? put_top(pickle, (size_t)index) : status;
}

static linnet_status run_get(ln_pickle *pickle, int width)
{
    uint64_t index;
    ln_pickle_value *value;
    linnet_status status = ln_pickle_number(pickle, width, &index);
    if (status == LINNET_OK) {
        status = ln_pickle_recall(pickle, (size_t)index, &value);
    }
    return status == LINNET_OK ? ln_pickle_push(pickle, value) : status;
}

/* ---- globals and objects ---- */

static linnet_status push_global(ln_pickle *pickle, ln_pickle_text module, ln_pickle_text name)
{
    if (module.length == 0 || name.length == 0 || !ln_utf8_valid(module.data, module.length) ||
        !ln_utf8_valid(name.data, name.length)) {
        return ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, pickle->op,
                              "expected a module and a name in UTF-8");
    }
    ln_pickle_value *value;
    linnet_status status = push_new(pickle, LN_PICKLE_GLOBAL, &value);
    if (status == LINNET_OK) {
        value->as.global.module = module;
        value->as.global.name = name;
        value->number =
            pickle->rules == NULL ? LN_PICKLE_UNKNOWN : pickle->rules->find(module, name);
        if (value->number == LN_PICKLE_UNKNOWN && pickle->unknown == NULL) {
            pickle->unknown = value;
        }
    }
    return status;
}

static linnet_status run_global(ln_pickle *pickle, int argument)
{
    (void)argument;
    ln_pickle_text module, name;
    linnet_status status = ln_pickle_line(pickle, &module);
    if (status == LINNET_OK) {
        status = ln_pickle_line(pickle, &name);
    }
    return status == LINNET_OK ? push_global(pickle, module, name) : status;
}

static linnet_status run_stack_global(ln_pickle *pickle, int argument)
{
    (void)argument;
    ln_pickle_value *module, *name;
    linnet_status status = ln_pickle_pop(pickle, &name);
    if (status == LINNET_OK) {
        status = ln_pickle_pop(pickle, &module);
    }
    if (status != LINNET_OK) {
        return status;
    }
    if (module->kind != LN_PICKLE_TEXT || name->kind != LN_PICKLE_TEXT) {
        return ln_pickle_expected(pickle, "a module and a name as text",
                                  module->kind != LN_PICKLE_TEXT ? module : name);
    }
    return push_global(pickle, module->as.text, name->as.text);
}

/* What a global gives for these arguments: the rules' value, or an opaque object. */
static linnet_status push_called(ln_pickle *pickle, const ln_pickle_value *global,
                                 const ln_pickle_value *arguments)
{
    if (global->kind != LN_PICKLE_GLOBAL) {
        return ln_pickle_expected(pickle, "a class or function", global);
    }
    if (arguments->kind != LN_PICKLE_TUPLE) {
        return ln_pickle_expected(pickle, "a tuple of arguments", arguments);
    }
    ln_pickle_value *result;
    linnet_status status;
    if (global->number == LN_PICKLE_UNKNOWN) {
        status = ln_pickle_new(pickle, LN_PICKLE_OBJECT, &result);
        if (status == LINNET_OK) {
            result->as.object.type = global;
        }
    } else {
        status = pickle->rules->call(pickle, global, arguments, &result);
    }
    return status == LINNET_OK ? ln_pickle_push(pickle, result) : status;
}

/* REDUCE and NEWOBJ: below the arguments lies what is called. */
static linnet_status run_reduce(ln_pickle *pickle, int argument)
{
    (void)argument;
    ln_pickle_value *global, *arguments;
    linnet_status status = ln_pickle_pop(pickle, &arguments);
    if (status == LINNET_OK) {
        status = ln_pickle_pop(pickle, &global);
    }
    return status == LINNET_OK ? push_called(pickle, global, arguments) : status;
}

static linnet_status run_newobj_ex(ln_pickle *pickle, int argument)
{
    (void)argument;
    ln_pickle_value *keywords;
    linnet_status status = ln_pickle_pop(pickle, &keywords);
    if (status == LINNET_OK && keywords->kind != LN_PICKLE_DICT) {
        status = ln_pickle_expected(pickle, "a dict of keyword arguments", keywords);
    }
    return status == LINNET_OK ? run_reduce(pickle, 0) : status;
}

/* Only what has state takes one: an opaque object, or a dict's attributes. */
static linnet_status run_build(ln_pickle *pickle, int argument)
{
    (void)argument;
    ln_pickle_value *state, *value;
    linnet_status status = ln_pickle_pop(pickle, &state);
    if (status == LINNET_OK) {
        status = ln_pickle_top(pickle, &value);
    }
    if (status != LINNET_OK) {
        return status;
    }
    if (value->kind == LN_PICKLE_OBJECT) {
        value->as.object.state = state;
        return LINNET_OK;
    }
    if (value->kind != LN_PICKLE_DICT) {
        char described[LN_PICKLE_DESCRIBED];
        return ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, pickle->op,
                              "expected an object or a dict to give state to, found %s",
                              ln_pickle_describe(value, described));
    }
    value->as.items.attributes = state;
    return state->kind == LN_PICKLE_DICT
               ? LINNET_OK
               : ln_pickle_expected(pickle, "a dict of attributes", state);
}

static linnet_status run_binpersid(ln_pickle *pickle, int argument)
{
    (void)argument;
    ln_pickle_value *id, *result;
    linnet_status status = ln_pickle_pop(pickle, &id);
    if (status == LINNET_OK && pickle->rules == NULL) {
        status = ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, pickle->op,
                                "expected plain values, found a persistent id");
    }
    if (status == LINNET_OK) {
        status = pickle->rules->persistent(pickle, id, &result);
    }
    return status == LINNET_OK ? ln_pickle_push(pickle, result) : status;
}

/* ---- the table ---- */

static const ln_pickle_opcode opcodes[256] = {
    [0x80] = {"PROTO", run_proto, 0},
    [0x95] = {"FRAME", run_frame, 0},
    ['.'] = {"STOP", run_stop, 0},

    ['N'] = {"NONE", run_none, 0},
    [0x88] = {"NEWTRUE", run_bool, 1},
    [0x89] = {"NEWFALSE", run_bool, 0},
    ['K'] = {"BININT1", run_binint, 1},
    ['M'] = {"BININT2", run_binint, 2},
    ['J'] = {"BININT", run_binint, 4},
    [0x8a] = {"LONG1", run_long, 1},
    [0x8b] = {"LONG4", run_long, 4},
    ['G'] = {"BINFLOAT", run_binfloat, 0},

    [0x8c] = {"SHORT_BINUNICODE", run_unicode, 1},
    ['X'] = {"BINUNICODE", run_unicode, 4},
    [0x8d] = {"BINUNICODE8", run_unicode, 8},
    ['U'] = {"SHORT_BINSTRING", run_string, 1},
    ['T'] = {"BINSTRING", run_string, 4},
    ['C'] = {"SHORT_BINBYTES", run_bytes, 1},
    ['B'] = {"BINBYTES", run_bytes, 4},
    [0x8e] = {"BINBYTES8", run_bytes, 8},
    [0x96] = {"BYTEARRAY8", run_bytes, 8},

    [')'] = {"EMPTY_TUPLE", run_empty, LN_PICKLE_TUPLE},
    ['t'] = {"TUPLE", run_marked, LN_PICKLE_TUPLE},
    [0x85] = {"TUPLE1", run_tuple, 1},
    [0x86] = {"TUPLE2", run_tuple, 2},
    [0x87] = {"TUPLE3", run_tuple, 3},
    [']'] = {"EMPTY_LIST", run_empty, LN_PICKLE_LIST},
    ['l'] = {"LIST", run_marked, LN_PICKLE_LIST},
    ['a'] = {"APPEND", run_append, 0},
    ['e'] = {"APPENDS", run_add_marked, LN_PICKLE_LIST},
    ['}'] = {"EMPTY_DICT", run_empty, LN_PICKLE_DICT},
    ['d'] = {"DICT", run_marked, LN_PICKLE_DICT},
    ['s'] = {"SETITEM", run_setitem, 0},
    ['u'] = {"SETITEMS", run_add_marked, LN_PICKLE_DICT},
    [0x8f] = {"EMPTY_SET", run_empty, LN_PICKLE_SET},
    [0x90] = {"ADDITEMS", run_add_marked, LN_PICKLE_SET},
    [0x91] = {"FROZENSET", run_marked, LN_PICKLE_SET},

    ['('] = {"MARK", run_mark, 0},
    ['0'] = {"POP", run_pop, 0},
    ['1'] = {"POP_MARK", run_pop_mark, 0},
    ['2'] = {"DUP", run_dup, 0},
    [0x94] = {"MEMOIZE", run_memoize, 0},
    ['q'] = {"BINPUT", run_put, 1},
    ['r'] = {"LONG_BINPUT", run_put, 4},
    ['h'] = {"BINGET", run_get, 1},
    ['j'] = {"LONG_BINGET", run_get, 4},

    ['c'] = {"GLOBAL", run_global, 0},
    [0x93] = {"STACK_GLOBAL", run_stack_global, 0},
    ['R'] = {"REDUCE", run_reduce, 0},
    [0x81] = {"NEWOBJ", run_reduce, 0},
    [0x92] = {"NEWOBJ_EX", run_newobj_ex, 0},
    ['b'] = {"BUILD", run_build, 0},
    ['Q'] = {"BINPERSID", run_binpersid, 0},

    /* Text forms of protocols 0 and 1, the registry of copyreg, and buffers outside the pickle. */
    ['I'] = {"INT", NULL, 0},
    ['L'] = {"LONG", NULL, 0},
    ['F'] = {"FLOAT", NULL, 0},
    ['S'] = {"STRING", NULL, 0},
    ['V'] = {"UNICODE", NULL, 0},
    ['g'] = {"GET", NULL, 0},
    ['p'] = {"PUT", NULL, 0},
    ['P'] = {"PERSID", NULL, 0},
    ['i'] = {"INST", NULL, 0},
    ['o'] = {"OBJ", NULL, 0},
    [0x82] = {"EXT1", NULL, 0},
    [0x83] = {"EXT2", NULL, 0},
    [0x84] = {"EXT4", NULL, 0},
    [0x97] = {"NEXT_BUFFER", NULL, 0},
    [0x98] = {"READONLY_BUFFER", NULL, 0},
};

const ln_pickle_opcode *ln_pickle_opcode_of(uint8_t code)
{
    return opcodes[code].name == NULL ? NULL : &opcodes[code];
}
