/* names.c - a set of distinct texts: open addressing with linear probing, at most half full.
 *
 * Texts may come from a hostile file, so the hash starts from a seed that no file can know (an
 * address); it decides where a text is kept, never the order or the result. */
#include "base/names.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/grow.h"
#include "base/memory.h"

/* FNV-1a over the seed and the bytes, then a finishing mix, because the slot is taken from the low
 * bits. */
static uint64_t hash_text(const ln_names *names, const char *text, size_t length)
{
    uint64_t hash = 0xcbf29ce484222325u ^ names->seed;
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3u;
    }
    hash ^= hash >> 32;
    hash *= 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 29);
}

/* The slot that holds the text, or the free one where it belongs. */
static size_t find_slot(const ln_names *names, uint64_t hash, const char *text, size_t length)
{
    size_t mask = names->slot_count - 1;
    size_t slot = (size_t)hash & mask;
    while (names->slots[slot] != 0) {
        const ln_named *item = &names->items[names->slots[slot] - 1];
        if (item->hash == hash && item->length == length && memcmp(item->text, text, length) == 0) {
            break;
        }
        slot = (slot + 1) & mask;
    }
    return slot;
}

size_t ln_names_find(const ln_names *names, const char *text, size_t length)
{
    if (names->count == 0) {
        return LN_NO_NAME;
    }
    size_t slot = find_slot(names, hash_text(names, text, length), text, length);
    return names->slots[slot] == 0 ? LN_NO_NAME : names->slots[slot] - 1;
}

/* Makes room for one more item and keeps the slots at most half full. */
static linnet_status reserve(ln_names *names, linnet_error *error)
{
    ln_named *items = ln_grow(names->items, &names->capacity, names->count + 1, sizeof *items);
    if (items == NULL) {
        return ln_fail_memory(error, ln_saturated_mul(names->count + 1, sizeof *items), "names");
    }
    names->items = items;
    if ((names->count + 1) * 2 <= names->slot_count) {
        return LINNET_OK;
    }
    size_t slot_count = names->slot_count == 0 ? 16 : ln_saturated_mul(names->slot_count, 2);
    size_t *slots = ln_alloc(slot_count, sizeof *slots);
    if (slots == NULL) {
        return ln_fail_memory(error, ln_saturated_mul(slot_count, sizeof *slots), "names");
    }
    if (names->slots == NULL) {
        names->seed = (uint64_t)(uintptr_t)slots;
    }
    ln_free(names->slots);
    names->slots = slots;
    names->slot_count = slot_count;
    for (size_t i = 0; i < names->count; i++) {
        size_t slot = (size_t)names->items[i].hash & (slot_count - 1);
        while (slots[slot] != 0) {
            slot = (slot + 1) & (slot_count - 1);
        }
        slots[slot] = i + 1;
    }
    return LINNET_OK;
}

linnet_status ln_names_add(ln_names *names, const char *text, size_t length, size_t *index,
                           linnet_error *error)
{
    size_t found = ln_names_find(names, text, length);
    if (found != LN_NO_NAME) {
        *index = found;
        return LINNET_OK;
    }
    linnet_status status = reserve(names, error);
    if (status != LINNET_OK) {
        return status;
    }
    char *copy = ln_copy_text(text, length);
    if (copy == NULL) {
        return ln_fail_memory(error, ln_saturated_add(length, 1), "a name");
    }
    uint64_t hash = hash_text(names, text, length);
    size_t slot = find_slot(names, hash, text, length);
    names->items[names->count] = (ln_named){.text = copy, .length = length, .hash = hash};
    names->slots[slot] = names->count + 1;
    *index = names->count++;
    return LINNET_OK;
}

void ln_names_free(ln_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        ln_free(names->items[i].text);
    }
    ln_free(names->items);
    ln_free(names->slots);
    *names = (ln_names){0};
}
