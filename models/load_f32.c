/* Loads a float model, and finds its way around in it. */
#include "models/load.h"
#include "models/weights.h"

#include <math.h>
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

/* A layer's matrix, or the two that it is given as. */
static void load_matrix(struct tern_loader *l, struct tern_f32_layer *layer, const struct tern_part *part,
                        struct tern_shape shape, int rank)
{
    char name[TERN_INNER_NAME];
    struct tern_f32_linear *const w = &layer->matrix[part->index], *const inner = &layer->inner[part->index];
    if (rank) {
        tern_inner_name(name, part);
        load_linear(l, inner, name, (struct tern_shape){rank, shape.k});
        shape.k = rank;
    }
    load_linear(l, w, part->name, shape);
    w->inner = rank ? inner : NULL;
}

static void load_norm(struct tern_loader *l, struct tern_f32_norm *norm, const char *name, int n)
{
    norm->gamma = load_floats(l, name, ".weight", n, 0);
    norm->beta = load_floats(l, name, ".bias", n, 0);
}

static void load_layer(struct tern_loader *l, struct tern_f32_layer *layers, const struct tern_config *c, int i)
{
    char prefix[TERN_PREFIX];
    if (c->layer[i].weights != i) {
        layers[i] = layers[c->layer[i].weights];
        return;
    }
    l->prefix = prefix;
    for (const struct tern_part *p = tern_parts; p < tern_parts + TERN_N_PARTS; p++) {
        if (p->place != TERN_PLACE_LAYER)
            continue;
        if (!tern_part_owned(c, p, i))
            continue;
        tern_part_prefix(prefix, p, i);
        if (p->kind == TERN_KIND_MATRIX)
            load_matrix(l, &layers[i], p, tern_part_shape(c, p, i), tern_matrix_rank(c, (enum tern_matrix)p->index, i));
        else if (p->kind == TERN_KIND_TABLE)
            layers[i].table[p->index] =
                load_floats(l, p->name, ".weight", tern_part_shape(c, p, i).n, tern_part_shape(c, p, i).k);
        else
            load_norm(l, &layers[i].norm[p->index], p->name, tern_part_shape(c, p, i).n);
    }
    l->prefix = "";
}

static void load_dense(struct tern_loader *l, struct tern_f32_weights *out, const struct tern_config *c)
{
    const struct tern_part *part = &tern_parts[TERN_PART_DENSE];
    char prefix[TERN_PREFIX];
    l->prefix = prefix;
    for (int i = 0; i < c->n_dense && !l->status; i++) {
        tern_part_prefix(prefix, part, i);
        load_linear(l, &out->dense[i], part->name, tern_part_shape(c, part, i));
    }
    l->prefix = "";
}

static void load_tables(struct tern_loader *l, struct tern_f32_weights *out, const struct tern_config *c)
{
    const struct tern_part *part = &tern_parts[TERN_PART_POSITION_TABLE];
    char prefix[TERN_PREFIX];
    l->prefix = prefix;
    for (int i = 0; i < c->n_tables; i++) {
        const struct tern_shape shape = tern_part_shape(c, part, i);
        tern_part_prefix(prefix, part, i);
        const float *const table = load_floats(l, part->name, ".weight", shape.n, shape.k);
        out->table[i] = table;
        if (!table || c->table[i].kind != TERN_POSITION_DISENTANGLED)
            continue;
        int fits = table[0] >= 0 && table[shape.k - 1] <= (float)(2 * c->table[i].span - 1);
        for (int j = 0; j < shape.k; j++) /* what is no whole number of a row, NaN included, is none of these */
            fits &= j ? table[j] - table[j - 1] == 0 || table[j] - table[j - 1] == 1 : table[0] == floorf(table[0]);
        if (!fits)
            tern_load_fail(l, part->name, "has rows of distances that are not there or do not follow one another");
    }
    l->prefix = "";
}

/* A part of which there is one at most; absent ones stay NULL. */
static void load_part(struct tern_loader *l, struct tern_f32_weights *out, const struct tern_config *c, int id)
{
    const float **const tables[TERN_N_PARTS] = {
        [TERN_PART_WORD] = &out->word, [TERN_PART_POSITION] = &out->position, [TERN_PART_TYPE] = &out->type};
    struct tern_f32_norm *const norms[TERN_N_PARTS] = {[TERN_PART_EMBED_NORM] = &out->embed_norm,
                                                       [TERN_PART_FINAL_NORM] = &out->final_norm,
                                                       [TERN_PART_POOLER_NORM] = &out->pooler_norm};
    struct tern_f32_linear *const matrices[TERN_N_PARTS] = {[TERN_PART_MIX] = &out->mix,
                                                            [TERN_PART_FOURIER] = &out->fourier,
                                                            [TERN_PART_PROJECT] = &out->project,
                                                            [TERN_PART_POOLER] = &out->pooler,
                                                            [TERN_PART_CLASSIFIER] = &out->classifier};
    const struct tern_part *p = &tern_parts[id];
    if ((p->place != TERN_PLACE_EMBEDDINGS && p->place != TERN_PLACE_HEAD) || !tern_part_present(c, p))
        return;
    const struct tern_shape shape = tern_part_shape(c, p, -1);
    if (p->kind == TERN_KIND_TABLE)
        *tables[id] = load_floats(l, p->name, ".weight", shape.n, shape.k);
    else if (p->kind == TERN_KIND_NORM)
        load_norm(l, norms[id], p->name, shape.n);
    else
        load_linear(l, matrices[id], p->name, shape);
}

tern_status tern_f32_load(struct tern_f32_weights *out, const struct tern_config *c, const struct tern_safetensors *st,
                          const char *label, tern_error *err)
{
    *out = (struct tern_f32_weights){0};
    struct tern_loader l = {.st = st, .label = label, .prefix = "", .err = err};
    out->layers = calloc((size_t)c->layers + 1, sizeof *out->layers); /* more than none */
    if (!out->layers)
        return tern_fail_nomem(err, "the layer table", (size_t)c->layers * sizeof *out->layers);
    for (int i = 0; i < TERN_N_PARTS; i++)
        load_part(&l, out, c, i);
    load_tables(&l, out, c);
    for (int i = 0; i < c->layers && !l.status; i++)
        load_layer(&l, out->layers, c, i);
    load_dense(&l, out, c);
    if (l.status) {
        free(out->layers);
        out->layers = NULL;
    }
    return l.status;
}

enum tern_part_id tern_norm_before(const struct tern_config *config, int layer, enum tern_layer_input input, int *of)
{
    const int pre = tern_config_is_pre_norm(config), first = input == tern_first_input(config, layer);
    *of = layer;
    if (tern_config_is_scaled(config))
        return TERN_N_PARTS;
    if (input == TERN_INPUT_FFN_UP && (pre || !first))
        return pre ? TERN_PART_FFN_NORM : TERN_PART_ATTN_NORM;
    if (input != TERN_INPUT_QKV && config->layer[layer].sub_norm)
        return input == TERN_INPUT_ATTN_OUT ? TERN_PART_ATTN_SUB_NORM : TERN_PART_FFN_SUB_NORM;
    if (!first)
        return TERN_N_PARTS;
    if (pre && layer == config->layers) {
        *of = -1;
        return TERN_PART_FINAL_NORM;
    }
    if (pre && !config->layer[layer].skip_norm)
        return TERN_PART_ATTN_NORM;
    *of = layer - 1;
    if (layer)
        return TERN_PART_FFN_NORM;
    return config->embedding ? TERN_N_PARTS : TERN_PART_EMBED_NORM;
}

const struct tern_f32_norm *tern_f32_norm_before(const struct tern_f32_weights *w, const struct tern_config *config,
                                                 int layer, enum tern_layer_input input)
{
    int of;
    const enum tern_part_id part = tern_norm_before(config, layer, input, &of);
    if (part == TERN_N_PARTS)
        return NULL;
    if (of < 0)
        return part == TERN_PART_FINAL_NORM ? &w->final_norm : &w->embed_norm;
    return &w->layers[of].norm[tern_parts[part].index];
}
