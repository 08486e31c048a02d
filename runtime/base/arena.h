/* One block of memory, planned before it is allocated. Base layer.
 *
 * The same layout function runs twice: on a zeroed arena, where take() returns NULL and only counts, and after open(),
 * where it hands out the pieces. */
#ifndef TERN_ARENA_H
#define TERN_ARENA_H

#include "runtime/base/status.h"

struct tern_arena {
    uint8_t *base;
    size_t used;
    size_t size;
    int overflow; /* a plan that no size_t can hold */
};

/* count * bytes, aligned to 64; NULL while planning. Only this product is checked for overflow: `bytes` must be a
   product that the config's limits keep small, the number of tokens, texts or threads goes into `count`. */
void *tern_arena_take(struct tern_arena *arena, size_t count, size_t bytes);
/* Allocates what the plan counted and starts over. TERN_NOMEM. */
tern_status tern_arena_open(struct tern_arena *arena, tern_error *err);
void tern_arena_close(struct tern_arena *arena);

#endif
