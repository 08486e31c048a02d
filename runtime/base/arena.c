/* Hands out the pieces of a session's one block of memory. */
#include "runtime/base/arena.h"

#include <stdlib.h>

enum { ALIGNMENT = 64 };

void *tern_arena_take(struct tern_arena *arena, size_t count, size_t bytes)
{
    if (arena->used > SIZE_MAX - ALIGNMENT || (bytes && count > (SIZE_MAX - ALIGNMENT - arena->used) / bytes)) {
        arena->overflow = 1;
        return NULL;
    }
    void *piece = arena->base ? arena->base + arena->used : NULL;
    arena->used += (count * bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return piece;
}

tern_status tern_arena_open(struct tern_arena *arena, tern_error *err)
{
    size_t size = arena->used ? arena->used : ALIGNMENT;
    void *block = arena->overflow ? NULL : aligned_alloc(ALIGNMENT, size);
    if (!block)
        return tern_fail_nomem(err, "the session's arena", arena->overflow ? SIZE_MAX : size);
    arena->base = block;
    arena->size = size;
    arena->used = 0;
    return TERN_OK;
}

void tern_arena_close(struct tern_arena *arena)
{
    free(arena->base);
    *arena = (struct tern_arena){0};
}
