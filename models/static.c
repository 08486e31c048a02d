/* Sums the rows of static embeddings, in integers. No product is rounded before the sum, since rows differ by the
   weights that are in them, a thousandfold and more. */
#include "models/static.h"

#include "models/bounds.h"
#include "models/scheme.h"

#include <string.h>

enum { GUARD = 8 };

/* So many products of 127 and 32767 add up in 32 bits; there they are collected. */
enum { IN_32_BITS = 256 };
_Static_assert(IN_32_BITS * 127LL * 32767 <= INT32_MAX, "sums of rows times multipliers");
/* All of them, times a column's scale. */
_Static_assert((int64_t)TERN_BOUND_TOKENS * 127 * 32767 < INT64_MAX / 32767 / 2, "sums times columns");

void tern_static_plan(struct tern_heads *heads, struct tern_arena *arena)
{
    struct tern_bert *const b = heads->bert;
    const size_t h = (size_t)b->config->hidden;
    heads->collected = tern_arena_take(arena, h, sizeof *heads->collected);
    if (b->weights->word.q)
        return;
    b->word_bytes = (b->weights->word.steps + TERN_BLOCK_STEPS) * TERN_LINE;
    b->word = tern_arena_take(arena, 1, (size_t)b->word_bytes);
}

/* sum[n] += q[n] * mul. Sixteen at a time, and 16 bits to 32, as every compiler has vectors for. */
static void add_row(int32_t *restrict sum, const int8_t *restrict q, int16_t mul, int n)
{
    enum { LANES = 16 };
    int j = 0;
    for (; j + LANES <= n; j += LANES)
        for (int i = 0; i < LANES; i++) {
            const int16_t x = q[j + i];
            sum[j + i] += (int32_t)x * mul;
        }
    for (; j < n; j++)
        sum[j] += q[j] * mul;
}

/* sum * unit / tokens in units of 2^-bits. The sum is brought to 31 bits before it is multiplied. That the result fits
   is by the choice of the bits (tern_static_bits): even 127 * 32767 * 32767 units are below 2^31 of its units. */
static int32_t scaled(int64_t sum, const struct tern_static *s, int tokens)
{
    const int least = tern_bits((uint64_t)(sum < 0 ? -sum : sum)) - 31, down = least > 0 ? least : 0;
    const int shift = s->unit.exp - s->bits - GUARD - down;
    const int64_t t = tern_rshift64(tern_rshift64(sum, down) * s->unit.mul, shift < 62 ? shift : 62);
    return (int32_t)tern_floor_div(t + ((int64_t)tokens << (GUARD - 1)), (int64_t)tokens << GUARD);
}

void tern_static_mean(const struct tern_heads *heads, const int32_t *ids, int tokens, int32_t *out)
{
    const struct tern_bert *b = heads->bert;
    const struct tern_int8_weights *w = b->weights;
    const int h = b->config->hidden, skip = heads->skip < tokens ? heads->skip : tokens - 1;
    memset(out, 0, (size_t)h * sizeof *out);
    if (!tokens)
        return;
    memset(heads->collected, 0, (size_t)h * sizeof *heads->collected);
    for (int i = skip; i < tokens; i++) {
        add_row(out, tern_bert_word(b, ids[i], 0), w->word.mul[ids[i]], h);
        if ((i - skip) % IN_32_BITS != IN_32_BITS - 1 && i != tokens - 1)
            continue;
        for (int j = 0; j < h; j++)
            heads->collected[j] += out[j];
        memset(out, 0, (size_t)h * sizeof *out);
    }
    for (int j = 0; j < h; j++)
        out[j] = scaled(heads->collected[j] * w->column[j], &w->fixed, tokens - skip);
}
