/* Decides whether a matrix is stored block-sparse and in which shape, and reports why. */
#include "models/blocks.h"
#include "quant/find_blocks.h"
#include "quant/prune.h"
#include "quant/store_private.h"

#include <stdio.h>

static void prune(struct tern_store *s, const char *name, int n, int k)
{
    const struct tern_pruning pruning = {s->block, s->source->prune};
    if (!s->status && !s->source->pruned && tern_prune(s->matrix, n, k, &pruning))
        s->status = tern_fail_nomem(s->err, name, tern_count_blocks(s->block, n, k) * sizeof(struct tern_block_score));
}

/* Why blocks are stored, or not: their limit on the ISA that was asked about. */
static void say_limit(const struct tern_source *o, enum tern_block_shape shape, char *out, size_t capacity)
{
    const int limit = tern_sparse_limit(o->routes, shape, o->rows_bucket);
    if (limit)
        snprintf(out, capacity, "%s blocks pay up to %d %% left on %s", tern_block_shape_name(shape), limit,
                 o->routes_isa);
    else
        snprintf(out, capacity, "%s blocks never pay on %s", tern_block_shape_name(shape), o->routes_isa);
}

static double cost_of(const struct tern_store *s, const struct tern_zeros *z)
{
    return tern_sparse_cost(s->source->routes, s->block, s->source->rows_bucket, z->left[s->block],
                            z->blocks[s->block]);
}

static double left_percent(const struct tern_store *s, const struct tern_zeros *z)
{
    return 100 * (double)z->left[s->block] / (double)z->blocks[s->block];
}

/* Stores blocks of the shape that was asked for. If dense would be faster, only the report says so. */
static int blocks_as_asked(struct tern_store *s, const char *name, int n, int k)
{
    const struct tern_source *o = s->source;
    struct tern_zeros zeros;
    char what[200], limit[96];
    s->block = o->block;
    prune(s, name, n, k);
    if (s->status || !o->routes)
        return 1;
    tern_count_zeros(&zeros, s->matrix, n, k);
    if (cost_of(s, &zeros) > 1) {
        say_limit(o, s->block, limit, sizeof limit);
        snprintf(what, sizeof what, "is stored sparse as asked, though dense would be faster: %.1f %% left, %s",
                 left_percent(s, &zeros), limit);
        tern_store_say(s, name, what);
    }
    return 1;
}

/* Chooses the shape that runs fastest with the matrix's own zeros; returns 0 if dense is faster. */
static int blocks_found(struct tern_store *s, const char *name, int n, int k)
{
    const struct tern_source *o = s->source;
    struct tern_zeros zeros;
    char what[200], limit[96], found[48] = "in no blocks";
    if (s->status)
        return 0;
    tern_count_zeros(&zeros, s->matrix, n, k);
    const int pruned = tern_zeros_shape(&zeros);
    s->block = tern_sparse_best(o->routes, o->rows_bucket, zeros.left, zeros.blocks);
    const int sparse = cost_of(s, &zeros) <= 1;
    if (pruned >= 0)
        snprintf(found, sizeof found, "in %s blocks", tern_block_shape_name((enum tern_block_shape)pruned));
    say_limit(o, s->block, limit, sizeof limit);
    if (zeros.zero > 0)
        snprintf(what, sizeof what, "%.1f %% zeros %s: stored %s%s (%.1f %% left; %s)",
                 100 * (double)zeros.zero / (double)zeros.weights, found, sparse ? "as " : "densely",
                 sparse ? tern_block_shape_name(s->block) : "", left_percent(s, &zeros), limit);
    else
        snprintf(what, sizeof what, "no zeros: stored densely");
    tern_store_say(s, name, what);
    return sparse;
}

int tern_store_blocks(struct tern_store *s, const char *name, int n, int k)
{
    if (!s->source->sparse)
        return 0;
    return s->source->find_blocks ? blocks_found(s, name, n, k) : blocks_as_asked(s, name, n, k);
}
