/* torch_flatten.c - the values of a PyTorch pickle as named tensors and text metadata.
 *
 *     a tensor                  ""
 *     a list or tuple           "0", "1", ...
 *     a dict                    its keys, as text
 *     a torch.nn module         as its state_dict() names them
 *
 * Within each other their names are joined with dots: {"model": {"0.weight": t}} gives
 * "model.0.weight". Numbers and texts become metadata under the same kind of name, lists and tuples
 * that hold nothing else as one line, as Python prints them. Sets, bytes and functions have no
 * place in a state_dict and are left out. A module's other attributes are its own affair: only
 * there may be objects of classes that nobody here knows. */
#include "format/torch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "base/number.h"
#include "tensor/state_dict.h"

/* Values may be shared, and so be met more often than there are bytes for them; how much more work
 * that may be than a look at each byte. */
#define WORK 8
/* What an entry of a state_dict takes besides its text: records, slots, rounding up, growing. */
#define TENSOR_COST (2 * sizeof(linnet_tensor) + 256)
#define METADATA_COST 512

typedef struct flattening {
    ln_torch *torch;
    size_t work;   /* left */
    bool modules;  /* some were met */
    bool inside;   /* of a module */
    size_t length; /* of name */
    char name[LN_TORCH_NAME + 1];
} flattening;

static linnet_status flatten(flattening *f, const ln_pickle_value *value, int depth);

/* ---- plain values as text ---- */

bool ln_torch_is_plain(const ln_pickle_value *value)
{
    switch (value->kind) {
    case LN_PICKLE_NONE:
    case LN_PICKLE_BOOL:
    case LN_PICKLE_INT:
    case LN_PICKLE_LONG:
    case LN_PICKLE_FLOAT:
    case LN_PICKLE_TEXT: return true;
    case LN_PICKLE_GLOBAL: return ln_torch_is_dtype(value);
    case LN_PICKLE_TUPLE:
    case LN_PICKLE_LIST:
        for (ln_pickle_item *item = value->as.items.first; item != NULL; item = item->next) {
            if (ln_pickle_is_sequence(item->value) || !ln_torch_is_plain(item->value)) {
                return false;
            }
        }
        return true;
    default: return false;
    }
}

/* Byte i of a number's magnitude. Two's complement is undone without a copy: below the lowest byte
 * that is not 0 all stay 0, that one is negated, and those above are inverted. */
static unsigned magnitude(ln_pickle_text bytes, bool negative, size_t lowest, size_t i)
{
    unsigned byte = (unsigned char)bytes.data[i];
    if (!negative || i < lowest) {
        return byte;
    }
    return (i == lowest ? ~byte + 1 : ~byte) & 0xff;
}

/* A number of more than 64 bits, hexadecimal: "0x1f", "-0x1f". int(text, 0) reads it. */
static void append_long(ln_text *text, ln_pickle_text bytes)
{
    bool negative = (unsigned char)bytes.data[bytes.length - 1] >= 0x80;
    size_t lowest = 0, top = bytes.length;
    while (lowest + 1 < bytes.length && bytes.data[lowest] == 0) {
        lowest++;
    }
    while (top > 1 && magnitude(bytes, negative, lowest, top - 1) == 0) {
        top--;
    }
    ln_text_append_string(text, negative ? "-0x" : "0x");
    for (size_t i = top; i > 0; i--) {
        char digits[4];
        snprintf(digits, sizeof digits, i == top ? "%x" : "%02x",
                 magnitude(bytes, negative, lowest, i - 1));
        ln_text_append_string(text, digits);
    }
}

/* 'text', with Python's escapes. */
static void append_quoted(ln_text *text, ln_pickle_text string)
{
    ln_text_append_string(text, "'");
    for (size_t i = 0; i < string.length; i++) {
        char c = string.data[i];
        char escape[8] = {'\\', c, '\0'};
        bool control = (unsigned char)c < 0x20 || c == 0x7f;
        if (control) {
            snprintf(escape, sizeof escape, "\\x%02x", (unsigned)(unsigned char)c);
        }
        if (control || c == '\'' || c == '\\') {
            ln_text_append_string(text, escape);
        } else {
            ln_text_append(text, &c, 1);
        }
    }
    ln_text_append_string(text, "'");
}

static void append_items(ln_text *text, const ln_pickle_value *value)
{
    bool tuple = value->kind == LN_PICKLE_TUPLE;
    ln_text_append_string(text, tuple ? "(" : "[");
    for (ln_pickle_item *item = value->as.items.first; item != NULL; item = item->next) {
        ln_torch_append_repr(text, item->value);
        bool alone = tuple && value->as.items.count == 1;
        ln_text_append_string(text, item->next != NULL ? ", " : alone ? "," : "");
    }
    ln_text_append_string(text, tuple ? ")" : "]");
}

void ln_torch_append_repr(ln_text *text, const ln_pickle_value *value)
{
    char number[LN_NUMBER_TEXT];
    switch (value->kind) {
    case LN_PICKLE_NONE: ln_text_append_string(text, "None"); break;
    case LN_PICKLE_BOOL:
        ln_text_append_string(text, value->as.integer != 0 ? "True" : "False");
        break;
    case LN_PICKLE_INT: ln_text_append_int64(text, value->as.integer); break;
    case LN_PICKLE_LONG: append_long(text, value->as.text); break;
    case LN_PICKLE_FLOAT:
        ln_text_append_string(text, ln_print_double(value->as.real, number));
        break;
    case LN_PICKLE_TEXT: append_quoted(text, value->as.text); break;
    case LN_PICKLE_GLOBAL:
        ln_text_append(text, value->as.global.module.data, value->as.global.module.length);
        ln_text_append_string(text, ".");
        ln_text_append(text, value->as.global.name.data, value->as.global.name.length);
        break;
    case LN_PICKLE_TUPLE:
    case LN_PICKLE_LIST: append_items(text, value); break;
    default: break;
    }
}

/* ---- entries of the state_dict ---- */

static linnet_status fail(const flattening *f, linnet_status status, const ln_pickle_value *value,
                          const char *expected)
{
    char quoted[LN_QUOTED] = "", described[LN_PICKLE_DESCRIBED];
    if (f->length > 0) {
        ln_quote(f->name, f->length, quoted);
    }
    return ln_pickle_fail(&f->torch->pickle, status, value->offset, "%s%sexpected %s, found %s",
                          quoted, f->length > 0 ? ": " : "", expected,
                          ln_pickle_describe(value, described));
}

static linnet_status charge(flattening *f, size_t bytes)
{
    return ln_pickle_charge(&f->torch->budget, bytes)
               ? LINNET_OK
               : ln_pickle_fail_budget(&f->torch->pickle, bytes);
}

/* Counts looks at `count` values. */
static linnet_status spend(flattening *f, const ln_pickle_value *at, size_t count)
{
    if (count > f->work) {
        return ln_pickle_fail(&f->torch->pickle, LINNET_ERROR_FORMAT, at->offset,
                              "its values hold each other more often than a pickle of %zu bytes "
                              "may",
                              f->torch->pickle.size);
    }
    f->work -= count;
    return LINNET_OK;
}

static linnet_status fail_twice(const flattening *f, const ln_pickle_value *value)
{
    char quoted[LN_QUOTED];
    return ln_pickle_fail(&f->torch->pickle, LINNET_ERROR_FORMAT, value->offset,
                          "expected each name once, found %s again",
                          ln_quote(f->name, f->length, quoted));
}

static linnet_status add_tensor(flattening *f, const ln_pickle_value *value)
{
    linnet_tensor tensor;
    if (linnet_state_dict_get(f->torch->state_dict, f->name) != NULL) {
        return fail_twice(f, value);
    }
    linnet_status status = charge(f, TENSOR_COST + f->length);
    if (status == LINNET_OK) {
        status = ln_torch_tensor(f->torch, value, &tensor);
    }
    return status == LINNET_OK
               ? ln_state_dict_take(f->torch->state_dict, f->name, &tensor, f->torch->error)
               : status;
}

/* A text stands as it is, unless it holds a zero byte. */
static linnet_status add_metadata(flattening *f, const ln_pickle_value *value)
{
    ln_text text = {0};
    bool as_it_is = value->kind == LN_PICKLE_TEXT &&
                    (value->as.text.length == 0 ||
                     memchr(value->as.text.data, '\0', value->as.text.length) == NULL);
    if (as_it_is) {
        ln_text_append(&text, value->as.text.data, value->as.text.length);
    } else {
        ln_torch_append_repr(&text, value);
    }
    ln_text_append(&text, "", 1);
    linnet_status status = text.failed ? ln_fail_memory(f->torch->error, text.size, "metadata")
                                       : charge(f, METADATA_COST + f->length + text.size);
    if (status == LINNET_OK &&
        linnet_state_dict_metadata_get(f->torch->state_dict, f->name) != NULL) {
        status = fail_twice(f, value);
    }
    if (status == LINNET_OK) {
        status = linnet_state_dict_metadata_set(f->torch->state_dict, f->name, text.data,
                                                f->torch->error);
    }
    ln_free(text.data);
    return status;
}

/* ---- names ---- */

/* Appends ".key" to the name; the caller cuts it off again. */
static linnet_status push_key(flattening *f, const ln_pickle_value *at, const char *key,
                              size_t length)
{
    char quoted[LN_QUOTED];
    size_t dot = f->length > 0;
    if (length > 0 && memchr(key, '\0', length) != NULL) {
        return ln_pickle_fail(&f->torch->pickle, LINNET_ERROR_FORMAT, at->offset,
                              "expected a name without a zero byte, found %s",
                              ln_quote(key, length, quoted));
    }
    if (length > LN_TORCH_NAME - dot || f->length > LN_TORCH_NAME - dot - length) {
        return ln_pickle_fail(&f->torch->pickle, LINNET_ERROR_FORMAT, at->offset,
                              "expected a name of at most %d bytes, found one that ends in %s and "
                              "has more",
                              LN_TORCH_NAME, ln_quote(key, length, quoted));
    }
    memcpy(f->name + f->length, ".", dot);
    memcpy(f->name + f->length + dot, key, length);
    f->length += dot + length;
    f->name[f->length] = '\0';
    return LINNET_OK;
}

static void cut_name(flattening *f, size_t length)
{
    f->length = length;
    f->name[length] = '\0';
}

/* A dict's key: a text, or a number as Python prints it. */
static linnet_status push_value(flattening *f, const ln_pickle_value *key)
{
    if (key->kind == LN_PICKLE_TEXT) {
        return push_key(f, key, key->as.text.data, key->as.text.length);
    }
    if (ln_pickle_is_sequence(key) || !ln_torch_is_plain(key)) {
        return fail(f, LINNET_ERROR_UNSUPPORTED, key, "texts and numbers as keys");
    }
    ln_text text = {0};
    ln_torch_append_repr(&text, key);
    linnet_status status = text.failed ? ln_fail_memory(f->torch->error, text.size, "a name")
                                       : push_key(f, key, text.data, text.size);
    ln_free(text.data);
    return status;
}

/* ---- containers ---- */

static linnet_status flatten_dict(flattening *f, const ln_pickle_value *dict, int depth)
{
    size_t length = f->length;
    linnet_status status = LINNET_OK;
    for (ln_pickle_item *item = dict->as.items.first; status == LINNET_OK && item != NULL;
         item = item->next->next) {
        status = push_value(f, item->value);
        if (status == LINNET_OK) {
            status = flatten(f, item->next->value, depth);
        }
        cut_name(f, length);
    }
    return status;
}

static linnet_status flatten_sequence(flattening *f, const ln_pickle_value *list, int depth)
{
    size_t length = f->length, i = 0;
    char index[24];
    linnet_status status = LINNET_OK;
    for (ln_pickle_item *item = list->as.items.first; status == LINNET_OK && item != NULL;
         item = item->next) {
        snprintf(index, sizeof index, "%zu", i++);
        status = push_key(f, list, index, strlen(index));
        if (status == LINNET_OK) {
            status = flatten(f, item->value, depth);
        }
        cut_name(f, length);
    }
    return status;
}

/* ---- modules ---- */

bool ln_torch_is_module(const ln_pickle_value *value)
{
    if (value->kind != LN_PICKLE_OBJECT) {
        return false;
    }
    const ln_pickle_value *parameters = ln_pickle_get(value->as.object.state, "_parameters");
    const ln_pickle_value *modules = ln_pickle_get(value->as.object.state, "_modules");
    return parameters != NULL && parameters->kind == LN_PICKLE_DICT && modules != NULL &&
           modules->kind == LN_PICKLE_DICT;
}

static bool set_holds(const ln_pickle_value *set, const ln_pickle_value *text)
{
    if (set == NULL || text->kind != LN_PICKLE_TEXT) {
        return false;
    }
    for (ln_pickle_item *item = set->as.items.first; item != NULL; item = item->next) {
        const ln_pickle_value *member = item->value;
        if (member->kind == LN_PICKLE_TEXT && member->as.text.length == text->as.text.length &&
            memcmp(member->as.text.data, text->as.text.data, text->as.text.length) == 0) {
            return true;
        }
    }
    return false;
}

/* One of a module's dicts: each value None, or a tensor or module as `wanted` says. `left_out`: a
 * set of names, or NULL. */
static linnet_status flatten_slots(flattening *f, const ln_pickle_value *slots, bool modules,
                                   const ln_pickle_value *left_out, int depth)
{
    size_t length = f->length;
    if (slots == NULL || slots->kind != LN_PICKLE_DICT) {
        return LINNET_OK;
    }
    size_t looks = left_out != NULL ? left_out->as.items.count + 1 : 1;
    linnet_status status = spend(f, slots, ln_saturated_mul(slots->as.items.count, looks));
    for (ln_pickle_item *item = slots->as.items.first; status == LINNET_OK && item != NULL;
         item = item->next->next) {
        const ln_pickle_value *value = item->next->value;
        if (value->kind == LN_PICKLE_NONE || set_holds(left_out, item->value)) {
            continue;
        }
        status = push_value(f, item->value);
        if (status == LINNET_OK &&
            !(modules ? ln_torch_is_module(value) : value->kind == LN_PICKLE_TENSOR)) {
            status = fail(f, LINNET_ERROR_UNSUPPORTED, value,
                          modules ? "a module or None" : "a tensor or None");
        }
        if (status == LINNET_OK) {
            status = flatten(f, value, depth);
        }
        cut_name(f, length);
    }
    return status;
}

/* In the order of state_dict(): parameters, buffers, then the modules within. */
static linnet_status flatten_module(flattening *f, const ln_pickle_value *module, int depth)
{
    const ln_pickle_value *state = module->as.object.state;
    const ln_pickle_value *left_out = ln_pickle_get(state, "_non_persistent_buffers_set");
    f->modules = true;
    linnet_status status = spend(f, module, state->as.items.count);
    if (status == LINNET_OK) {
        status = flatten_slots(f, ln_pickle_get(state, "_parameters"), false, NULL, depth);
    }
    if (status == LINNET_OK) {
        bool set = left_out != NULL && left_out->kind == LN_PICKLE_SET;
        status =
            flatten_slots(f, ln_pickle_get(state, "_buffers"), false, set ? left_out : NULL, depth);
    }
    if (status == LINNET_OK) {
        status = flatten_slots(f, ln_pickle_get(state, "_modules"), true, NULL, depth);
    }
    return status;
}

/* print()'s text of a module, where all of it is torch.nn's, under its name. */
static linnet_status add_model(flattening *f, const ln_pickle_value *module)
{
    ln_torch *torch = f->torch;
    size_t length = f->length;
    ln_text text = {0};
    bool known = ln_torch_append_module(&text, module);
    ln_text_append(&text, "", 1);
    /* Whatever comes of it: a module may be met more often than it stands in the file. */
    linnet_status status = text.failed ? ln_fail_memory(torch->error, text.size, "a module's text")
                                       : charge(f, METADATA_COST + length + text.size);
    if (status == LINNET_OK && known) {
        status = push_key(f, module, LN_TORCH_MODEL, strlen(LN_TORCH_MODEL));
    }
    if (status == LINNET_OK && known &&
        linnet_state_dict_metadata_get(torch->state_dict, f->name) != NULL) {
        status = fail_twice(f, module);
    }
    if (status == LINNET_OK && known) {
        status =
            linnet_state_dict_metadata_set(torch->state_dict, f->name, text.data, torch->error);
    }
    cut_name(f, length);
    ln_free(text.data);
    return status;
}

/* ---- the whole ---- */

#define NEEDED "a name that a file of tensors needs"

static linnet_status flatten(flattening *f, const ln_pickle_value *value, int depth)
{
    const ln_pickle *pickle = &f->torch->pickle;
    if (depth == LN_TORCH_DEPTH) {
        return ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, value->offset,
                              "expected containers at most %d deep, found more", LN_TORCH_DEPTH);
    }
    linnet_status status = spend(f, value, 1);
    if (status != LINNET_OK) {
        return status;
    }
    if (value->kind == LN_PICKLE_TENSOR) {
        return add_tensor(f, value);
    }
    if (ln_torch_is_module(value)) {
        bool outermost = !f->inside;
        f->inside = true;
        status = flatten_module(f, value, depth + 1);
        f->inside = !outermost;
        return status == LINNET_OK && outermost ? add_model(f, value) : status;
    }
    /* The outermost list is a list of names even where it holds numbers alone. */
    if (ln_torch_is_plain(value) && depth > 0) {
        return add_metadata(f, value);
    }
    switch (value->kind) {
    case LN_PICKLE_DICT: return flatten_dict(f, value, depth + 1);
    case LN_PICKLE_TUPLE:
    case LN_PICKLE_LIST: return flatten_sequence(f, value, depth + 1);
    case LN_PICKLE_OBJECT: return ln_pickle_expected(pickle, NEEDED, value->as.object.type);
    case LN_PICKLE_STORAGE: return fail(f, LINNET_ERROR_UNSUPPORTED, value, "a tensor");
    default: return LINNET_OK;
    }
}

/* The metadata of a file that Linnet wrote: texts by name, an attribute of the outermost dict. */
static linnet_status add_attributes(flattening *f, const ln_pickle_value *root)
{
    const ln_pickle_value *ours = ln_pickle_get(root->as.items.attributes, LN_TORCH_ATTRIBUTE);
    linnet_status status = LINNET_OK;
    if (ours == NULL || ours->kind != LN_PICKLE_DICT) {
        return LINNET_OK;
    }
    for (ln_pickle_item *item = ours->as.items.first; status == LINNET_OK && item != NULL;
         item = item->next->next) {
        if (item->value->kind != LN_PICKLE_TEXT || item->next->value->kind != LN_PICKLE_TEXT) {
            return ln_pickle_expected(&f->torch->pickle, "metadata as texts", item->next->value);
        }
        status = push_value(f, item->value);
        if (status == LINNET_OK) {
            status = add_metadata(f, item->next->value);
        }
        cut_name(f, 0);
    }
    return status;
}

linnet_status ln_torch_flatten(ln_torch *torch, const ln_pickle_value *root)
{
    flattening f = {.torch = torch, .work = ln_saturated_mul(torch->pickle.size, WORK)};
    bool holds = root->kind == LN_PICKLE_TENSOR || root->kind == LN_PICKLE_DICT ||
                 root->kind == LN_PICKLE_OBJECT || ln_pickle_is_sequence(root);
    if (!holds) {
        return ln_pickle_expected(&torch->pickle, "a tensor, a dict, a list or a module", root);
    }
    linnet_status status = flatten(&f, root, 0);
    if (status == LINNET_OK && !f.modules && torch->pickle.unknown != NULL) {
        status = ln_pickle_expected(&torch->pickle, NEEDED, torch->pickle.unknown);
    }
    if (status == LINNET_OK && root->kind == LN_PICKLE_DICT) {
        status = add_attributes(&f, root);
    }
    return status;
}
