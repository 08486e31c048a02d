/* Loads a float model, and finds its way around in it. */
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

static void load_linear(struct tern_loader *l, struct tern_f32_linear *w, const char *name, struct tern_shape shape)
{
    w->n = shape.n;
    w->k = shape.k;
    w->w = load_floats(l, name, ".weight", w->n, w->k);
    w->b = load_floats(l, name, ".bias", w->n, 0);
}

static void load_norm(struct tern_loader *l, struct tern_f32_norm *norm, const char *name, int n)
{
    norm->gamma = load_floats(l, name, ".weight", n, 0);
    norm->beta = load_floats(l, name, ".bias", n, 0);
}

static void load_layer(struct tern_loader *l, struct tern_f32_layer *layers, const struct tern_config *c, int i)
{
    char prefix[32];
    if (c->layer[i].weights != i) {
        layers[i] = layers[c->layer[i].weights];
        return;
    }
    snprintf(prefix, sizeof prefix, "layer.%d.", i);
    l->prefix = prefix;
    for (const struct tern_part *p = tern_parts; p < tern_parts + TERN_N_PARTS; p++) {
        if (p->place != TERN_PLACE_LAYER)
            continue;
        if (p->kind == TERN_KIND_MATRIX)
            load_linear(l, &layers[i].matrix[p->index], p->name, tern_part_shape(c, p, i));
        else
            load_norm(l, &layers[i].norm[p->index], p->name, c->hidden);
    }
    l->prefix = "";
}

/* A part outside of the layers; absent ones stay NULL. */
static void load_part(struct tern_loader *l, struct tern_f32_weights *out, const struct tern_config *c, int id)
{
    const float **const tables[] = {
        [TERN_PART_WORD] = &out->word, [TERN_PART_POSITION] = &out->position, [TERN_PART_TYPE] = &out->type};
    const struct tern_part *p = &tern_parts[id];
    const struct tern_shape shape = tern_part_shape(c, p, 0);
    if (p->place == TERN_PLACE_LAYER || !tern_part_present(c, p))
        return;
    if (p->kind == TERN_KIND_TABLE)
        *tables[id] = load_floats(l, p->name, ".weight", shape.n, shape.k);
    else if (p->kind == TERN_KIND_NORM)
        load_norm(l, &out->embed_norm, p->name, shape.n);
    else
        load_linear(l, id == TERN_PART_POOLER ? &out->pooler : &out->classifier, p->name, shape);
}

tern_status tern_f32_load(struct tern_f32_weights *out, const struct tern_config *c, const struct tern_safetensors *st,
                          const char *label, tern_error *err)
{
    *out = (struct tern_f32_weights){0};
    struct tern_loader l = {.st = st, .label = label, .prefix = "", .err = err};
    out->layers = calloc((size_t)c->layers, sizeof *out->layers);
    if (!out->layers)
        return tern_fail_nomem(err, "the layer table", (size_t)c->layers * sizeof *out->layers);
    for (int i = 0; i < TERN_N_PARTS; i++)
        load_part(&l, out, c, i);
    for (int i = 0; i < c->layers && !l.status; i++)
        load_layer(&l, out->layers, c, i);
    if (l.status) {
        free(out->layers);
        out->layers = NULL;
    }
    return l.status;
}

const struct tern_f32_norm *tern_f32_norm_before(const struct tern_f32_weights *w, int layer,
                                                 enum tern_layer_input input)
{
    if (input == TERN_INPUT_QKV)
        return layer ? &w->layers[layer - 1].norm[TERN_FFN_NORM] : &w->embed_norm;
    return input == TERN_INPUT_FFN_UP ? &w->layers[layer].norm[TERN_ATTN_NORM] : NULL;
}
