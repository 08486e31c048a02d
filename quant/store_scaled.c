/* Stores a model that normalises nothing as an integer model: no unit is known, so that all but a few are 1, and rows
   get their exponents when it runs (models/scaled.h). */
#include "models/format.h"
#include "models/scheme.h"
#include "quant/store_private.h"

#include <math.h>

/* Gamma of a NoNorm, which multiplies what the matrix stored last adds to. */
static void store_gamma(struct tern_store *s, const char *name, int n)
{
    double most = 0;
    int bits;
    int16_t *const gamma = tern_store_add_vector(s, name, ".gamma", TERN_I16, n);
    for (int i = 0; gamma && i < n; i++)
        most = fmax(most, fabs((double)s->gamma[i]));
    if (!gamma)
        return;
    frexp(most, &bits); /* most < 2^bits */
    s->param->gamma_exp = most > 0 ? bits - 15 : 0;
    for (int i = 0; i < n; i++)
        gamma[i] = (int16_t)fmax(-32767, fmin(32767, rint(ldexp((double)s->gamma[i], -s->param->gamma_exp))));
}

/* A matrix whose outputs are added to a stream, and the NoNorm behind. */
static void store_added(struct tern_store *s, enum tern_part_id matrix, enum tern_part_id norm)
{
    static const struct tern_input rows = {.unit = 1, .norm = 1};
    const int n = tern_part_shape(s->config, &tern_parts[norm], s->layer).n;
    tern_store_read(s, norm, 0, s->gamma, (size_t)n);
    tern_store_read(s, norm, 1, s->beta, (size_t)n);
    s->row_gamma = s->gamma;
    s->row_beta = s->beta;
    tern_store_linear(s, matrix, &rows, 0);
    if (!s->status)
        store_gamma(s, tern_parts[matrix].name, n);
}

static void store_layer(struct tern_store *s)
{
    static const struct tern_input rows = {.unit = 1, .norm = 1};
    const struct tern_layer_spec *spec = &s->config->layer[s->layer];
    tern_store_all_copies(s);
    if (spec->heads) {
        tern_store_linear(s, TERN_PART_QUERY, &rows, 0);
        tern_store_linear(s, TERN_PART_KEY, &rows, 0);
        tern_store_linear(s, TERN_PART_VALUE, &rows, 0);
        if (spec->narrow)
            tern_store_linear(s, TERN_PART_NARROW, &rows, 0);
        tern_store_score(s, "score", 1, 1);
        store_added(s, TERN_PART_ATTN_OUT, TERN_PART_ATTN_NORM);
    }
    tern_store_linear(s, TERN_PART_FFN_UP, &rows, 0);
    store_added(s, TERN_PART_FFN_DOWN, TERN_PART_FFN_NORM);
    if (spec->widen)
        store_added(s, TERN_PART_WIDEN, TERN_PART_WIDEN_NORM);
}

static void store_heads(struct tern_store *s)
{
    const struct tern_config *c = s->config;
    struct tern_input in = {.unit = 1, .norm = 1};
    if (c->pooler != TERN_POOLER_NONE) {
        tern_store_linear(s, TERN_PART_POOLER, &in, 0);
        tern_store_poly(s, "pooler.act", c->pooler_norm ? TERN_BUMP_RELU : TERN_BUMP_TANH, ldexp(1, -TERN_POOLED_BITS));
        in = c->pooler_norm ? tern_store_pooler_norm(s, ldexp(1, TERN_SCALED_NORM_EXP))
                            : tern_plain_input(1.0 / 32767, 32767, c->hidden);
    }
    if (c->head != TERN_HEAD_NONE)
        tern_store_linear(s, TERN_PART_CLASSIFIER, &in, 0);
}

void tern_store_scaled(struct tern_store *s)
{
    const struct tern_config *c = s->config;
    const struct tern_input words = {.unit = tern_store_tables_apart(s) * 256, .norm = 1};
    tern_store_linear(s, TERN_PART_MIX, &words, 0);
    if (!s->status)
        s->param->gamma_exp = s->position_exp;
    for (s->layer = 0; s->layer < c->layers && !s->status; s->layer++) {
        tern_part_prefix(s->prefix, &tern_parts[TERN_PART_QUERY], s->layer);
        store_layer(s);
    }
    s->prefix[0] = 0;
    s->layer = -1;
    store_heads(s);
    tern_store_dense(s);
}
