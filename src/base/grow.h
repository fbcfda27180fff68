/* grow.h - arrays that grow.
 *
 * Blocks come from base/memory.h, so new elements are zero. Sizes double: appending n elements one
 * by one copies fewer than 2 n. */
#ifndef LN_BASE_GROW_H
#define LN_BASE_GROW_H

#include <string.h>

#include "base/checked.h"
#include "base/memory.h"

/* A block with room for at least `need` elements of `size` bytes: `block` itself where *capacity
 * suffices, else a larger one that holds its contents, in which case `block` is freed. NULL where
 * there is no memory; `block` and *capacity are then as before. */
static inline void *ln_grow(void *block, size_t *capacity, size_t need, size_t size)
{
    if (block != NULL && need <= *capacity) {
        return block;
    }
    size_t doubled = ln_saturated_mul(*capacity, 2);
    size_t wanted = need < doubled ? doubled : need;
    void *grown = ln_alloc(wanted, size);
    if (grown == NULL && wanted > need) {
        wanted = need;
        grown = ln_alloc(wanted, size);
    }
    if (grown == NULL) {
        return NULL;
    }
    if (block != NULL) {
        memcpy(grown, block, *capacity * size);
        ln_free(block);
    }
    *capacity = wanted;
    return grown;
}

#endif
