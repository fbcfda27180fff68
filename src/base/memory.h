/* memory.h - memory: aligned blocks, and one block cut into many (arena).
 *
 * Blocks are 64-byte aligned (a cache line, an AVX-512 vector) and zeroed, and their sizes saturate
 * rather than wrap, so that an overflow is an allocation that fails. */
#ifndef LN_BASE_MEMORY_H
#define LN_BASE_MEMORY_H

#include "linnet.h"

#define LN_ALIGNMENT 64

/* `count` elements of `size` bytes, zeroed, 64-byte aligned; NULL where there is no memory or the
 * product overflows. A count of 0 gives a block that may be freed. Free with ln_free. */
void *ln_alloc(size_t count, size_t size);
void ln_free(void *block);

/* As ln_alloc, and an error that names `what`. `pointer` is the address of a pointer to any type of
 * object: `ln_alloc_into(&plan->steps, ...)`. What is no such address does not compile. */
#define ln_alloc_into(pointer, count, size, what, error)                                           \
    ln_alloc_at((pointer) + 0 * sizeof(*(pointer) == NULL), (count), (size), (what), (error))
LINNET_NODISCARD linnet_status ln_alloc_at(void *pointer, size_t count, size_t size,
                                           const char *what, linnet_error *error);

/* A copy of `length` bytes of text with a terminating zero (free with ln_free); NULL without
 * memory. */
char *ln_copy_text(const char *text, size_t length);

/* Memory planned first and taken once. ln_arena_reserve is called for each piece and gives its
 * offset; ln_arena_commit takes the block; ln_arena_at turns an offset into a pointer. */
typedef struct ln_arena {
    unsigned char *block;
    size_t size; /* SIZE_MAX once a piece overflowed */
} ln_arena;

size_t ln_arena_reserve(ln_arena *arena, size_t count, size_t size);
LINNET_NODISCARD linnet_status ln_arena_commit(ln_arena *arena, const char *what,
                                               linnet_error *error);
static inline void *ln_arena_at(const ln_arena *arena, size_t offset)
{
    return arena->block + offset;
}
void ln_arena_free(ln_arena *arena);

#endif
