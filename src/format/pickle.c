/* pickle.c - the machine of a pickle: stack, marks, memo, memory, and its errors.
 *
 * What the opcodes do is in pickle_opcodes.c. Everything here is bounded by the budget, and a memo
 * index by the pickle's size, since each entry takes a byte of it at least. */
#include "format/pickle.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/memory.h"
#include "format/text.h"

/* Values and items are cut from blocks. */
#define BLOCK_SIZE 16384

typedef struct ln_pickle_block {
    struct ln_pickle_block *next;
    size_t used;
    _Alignas(16) unsigned char bytes[BLOCK_SIZE];
} block;

/* ---- errors ---- */

linnet_status ln_pickle_fail(const ln_pickle *pickle, linnet_status status, size_t offset,
                             const char *format, ...)
{
    char message[sizeof pickle->error->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return ln_fail(pickle->error, status, "%s, byte %zu: %s", pickle->origin, pickle->base + offset,
                   message);
}

linnet_status ln_pickle_expected(const ln_pickle *pickle, const char *what,
                                 const ln_pickle_value *found)
{
    char described[LN_PICKLE_DESCRIBED];
    return ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, found->offset, "expected %s, found %s", what,
                          ln_pickle_describe(found, described));
}

/* What a value is, where its kind says all. */
static const char *kind_name(ln_pickle_kind kind)
{
    switch (kind) {
    case LN_PICKLE_NONE: return "None";
    case LN_PICKLE_LONG: return "a number of more than 64 bits";
    case LN_PICKLE_FLOAT: return "a float";
    case LN_PICKLE_BYTES: return "bytes";
    case LN_PICKLE_TUPLE: return "a tuple";
    case LN_PICKLE_LIST: return "a list";
    case LN_PICKLE_DICT: return "a dict";
    case LN_PICKLE_SET: return "a set";
    case LN_PICKLE_STORAGE: return "a storage";
    case LN_PICKLE_TENSOR: return "a tensor";
    default: return "something else";
    }
}

const char *ln_pickle_describe(const ln_pickle_value *value, char out[LN_PICKLE_DESCRIBED])
{
    char module[LN_QUOTED], name[LN_QUOTED];
    const ln_pickle_value *global = value->kind == LN_PICKLE_OBJECT ? value->as.object.type : value;
    switch (value->kind) {
    case LN_PICKLE_BOOL:
        snprintf(out, LN_PICKLE_DESCRIBED, "%s", value->as.integer != 0 ? "True" : "False");
        break;
    case LN_PICKLE_INT:
        snprintf(out, LN_PICKLE_DESCRIBED, "the number %" PRId64, value->as.integer);
        break;
    case LN_PICKLE_TEXT:
        snprintf(out, LN_PICKLE_DESCRIBED, "%s",
                 ln_quote(value->as.text.data, value->as.text.length, name));
        break;
    case LN_PICKLE_GLOBAL:
    case LN_PICKLE_OBJECT:
        /* The inner quotes go: 'module' and 'name' become 'module.name'. */
        ln_quote(global->as.global.module.data, global->as.global.module.length, module);
        ln_quote(global->as.global.name.data, global->as.global.name.length, name);
        module[strlen(module) - 1] = '\0';
        snprintf(out, LN_PICKLE_DESCRIBED, "%s%s.%s",
                 value->kind == LN_PICKLE_OBJECT ? "an object of " : "", module, name + 1);
        break;
    default: snprintf(out, LN_PICKLE_DESCRIBED, "%s", kind_name(value->kind)); break;
    }
    return out;
}

/* ---- memory ---- */

bool ln_pickle_charge(size_t *budget, size_t bytes)
{
    if (bytes > *budget) {
        return false;
    }
    *budget -= bytes;
    return true;
}

linnet_status ln_pickle_fail_budget(const ln_pickle *pickle, size_t bytes)
{
    return ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, pickle->op,
                          "its values ask for %zu bytes of memory more than a file of this size "
                          "may take",
                          bytes - *pickle->budget);
}

static linnet_status take_memory(ln_pickle *pickle, size_t count, size_t size, void **taken)
{
    size_t bytes = ln_saturated_mul(count, size);
    if (!ln_pickle_charge(pickle->budget, bytes)) {
        return ln_pickle_fail_budget(pickle, bytes);
    }
    return ln_alloc_into(taken, count, size, "the values of a pickle", pickle->error);
}

/* Room for one more element: `block` itself or a larger one that took its contents. */
static linnet_status grow(ln_pickle *pickle, void **array, size_t *capacity, size_t need,
                          size_t size)
{
    if (need <= *capacity) {
        return LINNET_OK;
    }
    size_t doubled = ln_saturated_mul(*capacity, 2);
    size_t wanted = need < doubled ? doubled : need < 64 ? 64 : need;
    void *grown;
    linnet_status status = take_memory(pickle, wanted, size, &grown);
    if (status != LINNET_OK) {
        return status;
    }
    if (*array != NULL) {
        memcpy(grown, *array, *capacity * size);
        ln_free(*array);
        *pickle->budget += *capacity * size;
    }
    *array = grown;
    *capacity = wanted;
    return LINNET_OK;
}

static linnet_status cut(ln_pickle *pickle, size_t size, void **piece)
{
    block *b = pickle->blocks;
    if (b == NULL || BLOCK_SIZE - b->used < size) {
        void *fresh;
        linnet_status status = take_memory(pickle, 1, sizeof *b, &fresh);
        if (status != LINNET_OK) {
            return status;
        }
        b = fresh;
        b->next = pickle->blocks;
        pickle->blocks = b;
    }
    *piece = b->bytes + b->used;
    b->used += (size + 15) / 16 * 16;
    return LINNET_OK;
}

linnet_status ln_pickle_new(ln_pickle *pickle, ln_pickle_kind kind, ln_pickle_value **value)
{
    void *piece;
    linnet_status status = cut(pickle, sizeof **value, &piece);
    if (status == LINNET_OK) {
        *value = piece;
        (*value)->kind = kind;
        (*value)->offset = pickle->op;
    }
    return status;
}

linnet_status ln_pickle_append(ln_pickle *pickle, ln_pickle_value *to, ln_pickle_value *value)
{
    void *piece;
    linnet_status status = cut(pickle, sizeof(ln_pickle_item), &piece);
    if (status != LINNET_OK) {
        return status;
    }
    ln_pickle_item *item = piece;
    item->value = value;
    if (to->as.items.last == NULL) {
        to->as.items.first = item;
    } else {
        to->as.items.last->next = item;
    }
    to->as.items.last = item;
    to->as.items.count++;
    return LINNET_OK;
}

/* ---- looking at values ---- */

ln_pickle_value *ln_pickle_at(const ln_pickle_value *value, size_t i)
{
    ln_pickle_item *item = value->as.items.first;
    for (; item != NULL && i > 0; i--) {
        item = item->next;
    }
    return item == NULL ? NULL : item->value;
}

bool ln_pickle_equal(ln_pickle_text text, const char *other)
{
    return text.length == strlen(other) && memcmp(text.data, other, text.length) == 0;
}

bool ln_pickle_is_text(const ln_pickle_value *value, const char *text)
{
    return value != NULL && value->kind == LN_PICKLE_TEXT && ln_pickle_equal(value->as.text, text);
}

ln_pickle_value *ln_pickle_get(const ln_pickle_value *dict, const char *key)
{
    ln_pickle_value *found = NULL;
    if (dict == NULL || dict->kind != LN_PICKLE_DICT) {
        return NULL;
    }
    for (ln_pickle_item *item = dict->as.items.first; item != NULL; item = item->next->next) {
        found = ln_pickle_is_text(item->value, key) ? item->next->value : found;
    }
    return found;
}

/* ---- stack, marks and memo ---- */

linnet_status ln_pickle_push(ln_pickle *pickle, ln_pickle_value *value)
{
    void *stack = pickle->stack;
    linnet_status status =
        grow(pickle, &stack, &pickle->stack_capacity, pickle->depth + 1, sizeof *pickle->stack);
    pickle->stack = stack;
    if (status == LINNET_OK) {
        pickle->stack[pickle->depth++] = value;
    }
    return status;
}

/* Where the values of the innermost mark begin. */
static size_t floor_of(const ln_pickle *pickle)
{
    return pickle->mark_count == 0 ? 0 : pickle->marks[pickle->mark_count - 1];
}

linnet_status ln_pickle_pop(ln_pickle *pickle, ln_pickle_value **value)
{
    if (pickle->depth <= floor_of(pickle)) {
        return ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, pickle->op,
                              "expected a value on the stack, found %s",
                              pickle->mark_count == 0 ? "none" : "a mark");
    }
    *value = pickle->stack[--pickle->depth];
    return LINNET_OK;
}

linnet_status ln_pickle_top(ln_pickle *pickle, ln_pickle_value **value)
{
    linnet_status status = ln_pickle_pop(pickle, value);
    pickle->depth += status == LINNET_OK;
    return status;
}

linnet_status ln_pickle_mark(ln_pickle *pickle)
{
    void *marks = pickle->marks;
    linnet_status status =
        grow(pickle, &marks, &pickle->mark_capacity, pickle->mark_count + 1, sizeof *pickle->marks);
    pickle->marks = marks;
    if (status == LINNET_OK) {
        pickle->marks[pickle->mark_count++] = pickle->depth;
    }
    return status;
}

linnet_status ln_pickle_pop_mark(ln_pickle *pickle, size_t *depth)
{
    if (pickle->mark_count == 0) {
        return ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, pickle->op,
                              "expected a mark on the stack, found none");
    }
    *depth = pickle->marks[--pickle->mark_count];
    return LINNET_OK;
}

linnet_status ln_pickle_put(ln_pickle *pickle, size_t index, ln_pickle_value *value)
{
    if (index >= pickle->size) {
        return ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, pickle->op,
                              "expected a memo index below the pickle's %zu bytes, found %zu",
                              pickle->size, index);
    }
    void *memo = pickle->memo;
    linnet_status status =
        grow(pickle, &memo, &pickle->memo_capacity, index + 1, sizeof *pickle->memo);
    pickle->memo = memo;
    if (status == LINNET_OK) {
        pickle->memo_count += pickle->memo[index] == NULL;
        pickle->memo[index] = value;
    }
    return status;
}

linnet_status ln_pickle_recall(ln_pickle *pickle, size_t index, ln_pickle_value **value)
{
    *value = index < pickle->memo_capacity ? pickle->memo[index] : NULL;
    return *value != NULL
               ? LINNET_OK
               : ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, pickle->op,
                                "expected a memo index that was set before, found %zu", index);
}

linnet_status ln_pickle_take(ln_pickle *pickle, uint64_t count, const uint8_t **bytes)
{
    *bytes = NULL;
    if (count > pickle->size - pickle->at) {
        return ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, pickle->op,
                              "expected %" PRIu64 " more bytes, found %zu: the pickle is cut short",
                              count, pickle->size - pickle->at);
    }
    *bytes = pickle->data + pickle->at;
    pickle->at += (size_t)count;
    return LINNET_OK;
}

linnet_status ln_pickle_number(ln_pickle *pickle, int count, uint64_t *number)
{
    const uint8_t *bytes;
    linnet_status status = ln_pickle_take(pickle, (uint64_t)count, &bytes);
    *number = 0;
    for (int i = count - 1; status == LINNET_OK && i >= 0; i--) {
        *number = *number << 8 | bytes[i];
    }
    return status;
}

linnet_status ln_pickle_line(ln_pickle *pickle, ln_pickle_text *line)
{
    const uint8_t *from = pickle->data + pickle->at;
    const uint8_t *end =
        pickle->at == pickle->size ? NULL : memchr(from, '\n', pickle->size - pickle->at);
    if (end == NULL) {
        return ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, pickle->op,
                              "expected a name that ends with a line break: the pickle is cut "
                              "short");
    }
    *line = (ln_pickle_text){(const char *)from, (size_t)(end - from)};
    pickle->at += line->length + 1;
    return LINNET_OK;
}

/* ---- running ---- */

static linnet_status run_opcode(ln_pickle *pickle)
{
    const uint8_t *code;
    pickle->op = pickle->at;
    linnet_status status = ln_pickle_take(pickle, 1, &code);
    if (status != LINNET_OK) {
        return status;
    }
    const ln_pickle_opcode *opcode = ln_pickle_opcode_of(*code);
    if (opcode == NULL) {
        return ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, pickle->op,
                              "expected an opcode of pickle protocols 2 to 5, found 0x%02x", *code);
    }
    if (opcode->run == NULL) {
        return ln_pickle_fail(pickle, LINNET_ERROR_UNSUPPORTED, pickle->op,
                              "opcode %s is not one that a file of tensors needs", opcode->name);
    }
    return opcode->run(pickle, opcode->argument);
}

linnet_status ln_pickle_load(ln_pickle *pickle, ln_pickle_value **root)
{
    linnet_status status = LINNET_OK;
    *root = NULL;
    if (pickle->size == 0 || pickle->data[0] != 0x80) {
        return ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, 0,
                              "expected a pickle of protocols 2 to 5, which begins with opcode "
                              "PROTO (0x80)");
    }
    while (status == LINNET_OK && !pickle->stopped) {
        status = run_opcode(pickle);
    }
    if (status == LINNET_OK) {
        status = ln_pickle_pop(pickle, root);
    }
    if (status == LINNET_OK && (pickle->depth > 0 || pickle->mark_count > 0)) {
        *root = NULL;
        status = ln_pickle_fail(pickle, LINNET_ERROR_FORMAT, pickle->op,
                                "expected one value on the stack at the end, found more");
    }
    return status;
}

void ln_pickle_free(ln_pickle *pickle)
{
    while (pickle->blocks != NULL) {
        block *next = pickle->blocks->next;
        ln_free(pickle->blocks);
        pickle->blocks = next;
    }
    ln_free(pickle->stack);
    ln_free(pickle->marks);
    ln_free(pickle->memo);
}
