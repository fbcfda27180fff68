/* memory.c - aligned, zeroed blocks; an arena that is planned first and taken once. */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/checked.h"
#include "base/error.h"

/* Blocks from this size on lie on large pages where the system has them (2 MiB on x86-64 and
 * aarch64): weights are then there after a few page faults instead of thousands. */
#define LARGE ((size_t)1 << 21)

/* Asks for large pages: a hint, whose refusal changes nothing. */
static void advise(void *block, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    madvise(block, (bytes + LARGE / 2) / LARGE * LARGE, MADV_HUGEPAGE);
#else
    (void)block;
    (void)bytes;
#endif
}

/* calloc gives large blocks as pages that are zero already and are not touched before they are
 * used. Its alignment is not ours, so a block begins further in, with the way back before it. */
void *ln_alloc(size_t count, size_t size)
{
    size_t bytes = ln_saturated_mul(count, size);
    size_t alignment = bytes >= LARGE ? LARGE : LN_ALIGNMENT;
    size_t room = bytes >= LARGE ? LARGE / 2 : 0; /* advise rounds the end up by as much */
    const size_t before = alignment - 1 + sizeof(void *);
    size_t whole = ln_saturated_add(ln_saturated_add(bytes, room), before);
    char *raw = whole > PTRDIFF_MAX ? NULL : calloc(whole, 1);
    if (raw == NULL) {
        return NULL;
    }
    uintptr_t address = ((uintptr_t)raw + before) / alignment * alignment;
    void *block = raw + (address - (uintptr_t)raw);
    memcpy((char *)block - sizeof raw, &raw, sizeof raw);
    if (bytes >= LARGE) {
        advise(block, bytes);
    }
    return block;
}

void ln_free(void *block)
{
    if (block != NULL) {
        char *raw;
        memcpy(&raw, (char *)block - sizeof raw, sizeof raw);
        free(raw);
    }
}

/* The pointer is of a type that is not known here, so that it is set as bytes: POSIX gives all
 * pointers to objects one representation. */
linnet_status ln_alloc_at(void *pointer, size_t count, size_t size, const char *what,
                          linnet_error *error)
{
    void *block = ln_alloc(count, size);
    memcpy(pointer, &block, sizeof block);
    if (block == NULL) {
        return ln_fail_memory(error, ln_saturated_mul(count, size), what);
    }
    return LINNET_OK;
}

char *ln_copy_text(const char *text, size_t length)
{
    char *copy = ln_alloc(ln_saturated_add(length, 1), 1);
    if (copy != NULL) {
        memcpy(copy, text, length);
    }
    return copy;
}

size_t ln_arena_reserve(ln_arena *arena, size_t count, size_t size)
{
    size_t offset = arena->size;
    size_t bytes = ln_saturated_add(ln_saturated_mul(count, size), LN_ALIGNMENT - 1);
    if (bytes == SIZE_MAX ||
        !ln_add_size(arena->size, bytes / LN_ALIGNMENT * LN_ALIGNMENT, &arena->size)) {
        arena->size = SIZE_MAX;
    }
    return offset;
}

linnet_status ln_arena_commit(ln_arena *arena, const char *what, linnet_error *error)
{
    arena->block = ln_alloc(arena->size, 1);
    if (arena->block == NULL) {
        return ln_fail_memory(error, arena->size, what);
    }
    return LINNET_OK;
}

void ln_arena_free(ln_arena *arena)
{
    ln_free(arena->block);
    arena->block = NULL;
    arena->size = 0;
}
