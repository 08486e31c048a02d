#include "quant/store.h"
#include "simd/ops.h"

#include <stdio.h>

struct store {
    struct tern_builder *builder;
    const struct tern_source *source;
    char prefix[32];
    tern_status status;
    tern_error *err;
};

/* A tensor as it is, in rows padded with zeros: columns = 0 says a vector. */
static void store_floats(struct store *s, const char *name, const char *suffix, int rows, int columns)
{
    char full[128];
    const int64_t shape[2] = {tern_round_up(rows, 16), columns};
    snprintf(full, sizeof full, "%s%s%s", s->prefix, name, suffix);
    if (s->status)
        return;
    float *data = tern_builder_add(s->builder, full, TERN_F32, columns ? 2 : 1, shape);
    size_t count = (size_t)rows * (size_t)(columns ? columns : 1);
    s->status =
        data ? s->source->read(s->source->context, full, data, count, s->err) : tern_fail_nomem(s->err, full, 0);
    if (!s->status && s->source->report && columns) {
        char line[160];
        snprintf(line, sizeof line, "%-26s f32 [%d, %d]  32 bits/weight", full, rows, columns);
        s->source->report(s->source->listener, line);
    }
}

static void store_pair(struct store *s, const char *name, int n, int k)
{
    store_floats(s, name, ".weight", n, k);
    store_floats(s, name, ".bias", n, 0);
}

tern_status tern_store_f32(struct tern_builder *builder, const struct tern_source *source, tern_error *err)
{
    const struct tern_config *c = source->config;
    struct store s = {.builder = builder, .source = source, .err = err};
    store_floats(&s, "embed.word", ".weight", c->vocab, c->hidden);
    store_floats(&s, "embed.position", ".weight", c->max_positions, c->hidden);
    if (c->token_types)
        store_floats(&s, "embed.type", ".weight", c->token_types, c->hidden);
    store_pair(&s, "embed.norm", c->hidden, 0);
    for (int i = 0; i < c->layers && !s.status; i++) {
        snprintf(s.prefix, sizeof s.prefix, "layer.%d.", i);
        store_pair(&s, "query", c->hidden, c->hidden);
        store_pair(&s, "key", c->hidden, c->hidden);
        store_pair(&s, "value", c->hidden, c->hidden);
        store_pair(&s, "attn_out", c->hidden, c->hidden);
        store_pair(&s, "attn_norm", c->hidden, 0);
        store_pair(&s, "ffn_up", c->intermediate, c->hidden);
        store_pair(&s, "ffn_down", c->hidden, c->intermediate);
        store_pair(&s, "ffn_norm", c->hidden, 0);
        if (source->progress)
            source->progress(source->listener, (size_t)i + 1, (size_t)c->layers);
    }
    s.prefix[0] = 0;
    if (c->has_pooler)
        store_pair(&s, "pooler", c->hidden, c->hidden);
    if (c->n_labels)
        store_pair(&s, "classifier", c->n_labels, c->hidden);
    return s.status;
}
