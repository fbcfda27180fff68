/* names.h - a set of distinct texts, numbered from 0 in the order in which they came.
 *
 * A hash table over owned copies: finding and adding cost the same however many there are. Tensors
 * of a state_dict, keys of its metadata and class labels are all looked up here. */
#ifndef LN_BASE_NAMES_H
#define LN_BASE_NAMES_H

#include "linnet.h"

#define LN_NO_NAME SIZE_MAX

/* One text: owned, zero-terminated, and length bytes long without that zero. */
typedef struct ln_named {
    char *text;
    size_t length;
    uint64_t hash;
} ln_named;

/* Start with {0}; free with ln_names_free. */
typedef struct ln_names {
    ln_named *items; /* `count` long, in order */
    size_t count;
    size_t capacity;
    size_t *slots;     /* open addressing: index + 1, or 0 for a free slot */
    size_t slot_count; /* a power of 2, or 0 */
    uint64_t seed;
} ln_names;

/* The number of a text, or LN_NO_NAME. */
size_t ln_names_find(const ln_names *names, const char *text, size_t length);

/* The number of a text, which is added where it is new. Errors: MEMORY, and the set is unchanged.
 */
LINNET_NODISCARD linnet_status ln_names_add(ln_names *names, const char *text, size_t length,
                                            size_t *index, linnet_error *error);

void ln_names_free(ln_names *names);

#endif
