/* Stores a float model: the tensors of the checkpoint as they are, padded. */
#include "quant/store.h"
#include "simd/ops.h"

#include <stdio.h>

struct store {
    struct tern_builder *builder;
    const struct tern_source *source;
    tern_status status;
    tern_error *err;
};

/* A tensor as it is, in rows padded with zeros: columns = 0 says a vector. */
static void store_floats(struct store *s, struct tern_key key, int rows, int columns)
{
    char name[TERN_KEY_NAME];
    const int64_t shape[2] = {tern_round_up(rows, 16), columns};
    tern_key_name(name, key);
    if (s->status)
        return;
    float *data = tern_builder_add(s->builder, name, TERN_F32, columns ? 2 : 1, shape);
    size_t count = (size_t)rows * (size_t)(columns ? columns : 1);
    s->status = data ? s->source->read(s->source->context, key, data, count, s->err)
                     : tern_fail_nomem(s->err, name, tern_builder_tensor_bytes(TERN_F32, columns ? 2 : 1, shape));
    if (!s->status && s->source->report && columns) {
        char line[160];
        snprintf(line, sizeof line, "%-26s f32 [%d, %d]  32 bits/weight", name, rows, columns);
        s->source->report(s->source->listener, line);
    }
}

static void store_part(struct store *s, const struct tern_part *part, int layer)
{
    const struct tern_shape shape = tern_part_shape(s->source->config, part, layer);
    const enum tern_part_id id = (enum tern_part_id)(part - tern_parts);
    const int rank = part->kind == TERN_KIND_MATRIX && part->place == TERN_PLACE_LAYER
                         ? tern_matrix_rank(s->source->config, (enum tern_matrix)part->index, layer)
                         : 0;
    if (rank) {
        store_floats(s, (struct tern_key){id, layer, 0, 1}, rank, shape.k);
        store_floats(s, (struct tern_key){id, layer, 1, 1}, rank, 0);
    }
    store_floats(s, (struct tern_key){id, layer, 0, 0}, shape.n, rank ? rank : shape.k);
    if (part->kind != TERN_KIND_TABLE)
        store_floats(s, (struct tern_key){id, layer, 1, 0}, shape.n, 0);
}

/* The parts of one place; layer -1 where they have no number. */
static void store_place(struct store *s, enum tern_part_place place, int layer)
{
    for (const struct tern_part *p = tern_parts; p < tern_parts + TERN_N_PARTS; p++)
        if (p->place == place && tern_part_present(s->source->config, p) &&
            tern_part_owned(s->source->config, p, layer))
            store_part(s, p, layer);
}

tern_status tern_store_f32(struct tern_builder *builder, const struct tern_source *source, tern_error *err)
{
    const struct tern_config *c = source->config;
    struct store s = {.builder = builder, .source = source, .err = err};
    store_place(&s, TERN_PLACE_EMBEDDINGS, -1);
    for (int i = 0; i < c->n_tables; i++)
        store_place(&s, TERN_PLACE_POSITIONS, i);
    for (int i = 0; i < c->layers && !s.status; i++) {
        if (c->layer[i].weights == i)
            store_place(&s, TERN_PLACE_LAYER, i);
        if (source->progress)
            source->progress(source->listener, (size_t)i + 1, (size_t)c->layers);
    }
    store_place(&s, TERN_PLACE_HEAD, -1);
    for (int i = 0; i < c->n_dense; i++)
        store_place(&s, TERN_PLACE_MODULE, i);
    return s.status;
}
