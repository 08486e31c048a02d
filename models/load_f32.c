#include "models/load.h"
#include "models/weights.h"

#include <stdio.h>
#include <stdlib.h>

/* Vectors are padded to a multiple of 16 floats, matrices by whole rows to a multiple of 16: tensors end at 64 bytes.
 */
static const float *load_floats(struct tern_loader *l, const char *name, const char *suffix, int rows, int columns)
{
    char part[96];
    const int64_t shape[2] = {tern_round_up(rows, 16), columns};
    snprintf(part, sizeof part, "%s%s", name, suffix);
    return tern_load_tensor(l, part, TERN_F32, columns ? 2 : 1, shape);
}

static void load_linear(struct tern_loader *l, struct tern_f32_linear *w, const char *name, int n, int k)
{
    w->n = n;
    w->k = k;
    w->w = load_floats(l, name, ".weight", n, k);
    w->b = load_floats(l, name, ".bias", n, 0);
}

static void load_norm(struct tern_loader *l, struct tern_f32_norm *norm, const char *name, int n)
{
    norm->gamma = load_floats(l, name, ".weight", n, 0);
    norm->beta = load_floats(l, name, ".bias", n, 0);
}

const struct tern_f32_linear *tern_f32_matrix(const struct tern_f32_layer *layer, int i)
{
    const struct tern_f32_linear *const all[TERN_N_MATRICES] = {&layer->query,    &layer->key,    &layer->value,
                                                                &layer->attn_out, &layer->ffn_up, &layer->ffn_down};
    return all[i];
}

tern_status tern_f32_load(struct tern_f32_weights *out, const struct tern_config *c, const struct tern_safetensors *st,
                          const char *label, tern_error *err)
{
    *out = (struct tern_f32_weights){0};
    struct tern_loader l = {.st = st, .label = label, .prefix = "", .err = err};
    out->word = load_floats(&l, "embed.word", ".weight", c->vocab, c->hidden);
    out->position = load_floats(&l, "embed.position", ".weight", c->max_positions, c->hidden);
    if (c->token_types)
        out->type = load_floats(&l, "embed.type", ".weight", c->token_types, c->hidden);
    load_norm(&l, &out->embed_norm, "embed.norm", c->hidden);
    out->layers = calloc((size_t)c->layers, sizeof *out->layers);
    if (!out->layers)
        return tern_fail_nomem(err, "the layer table", (size_t)c->layers * sizeof *out->layers);
    for (int i = 0; i < c->layers && !l.status; i++) {
        struct tern_f32_layer *layer = &out->layers[i];
        char prefix[32];
        snprintf(prefix, sizeof prefix, "layer.%d.", i);
        l.prefix = prefix;
        load_linear(&l, &layer->query, "query", c->hidden, c->hidden);
        load_linear(&l, &layer->key, "key", c->hidden, c->hidden);
        load_linear(&l, &layer->value, "value", c->hidden, c->hidden);
        load_linear(&l, &layer->attn_out, "attn_out", c->hidden, c->hidden);
        load_norm(&l, &layer->attn_norm, "attn_norm", c->hidden);
        load_linear(&l, &layer->ffn_up, "ffn_up", c->intermediate, c->hidden);
        load_linear(&l, &layer->ffn_down, "ffn_down", c->hidden, c->intermediate);
        load_norm(&l, &layer->ffn_norm, "ffn_norm", c->hidden);
        l.prefix = "";
    }
    if (c->has_pooler)
        load_linear(&l, &out->pooler, "pooler", c->hidden, c->hidden);
    if (c->n_labels)
        load_linear(&l, &out->classifier, "classifier", c->n_labels, c->hidden);
    if (l.status) {
        free(out->layers);
        out->layers = NULL;
    }
    return l.status;
}
