/* Calibration in the order in which matrices run: each is fitted to what the whole model computes, on what the model
   gives it whose matrices before are quantised already. */
#include "quant/calibrate_private.h"
#include "quant/convert.h"
#include "quant/folded_norm.h"
#include "quant/probe.h"
#include "quant/round_matrix.h"

#include <stdlib.h>
#include <string.h>

struct sequence {
    struct tern_calibration *calibration;
    struct tern_pair *pair;    /* the calibration's */
    struct tern_source source; /* with the calibration */
    /* In the pair's arena. */
    float *folded, *target, *spare; /* [largest matrix] */
    float *scratch;                 /* tern_round_matrix's */
    float *fitted[TERN_N_MATRICES]; /* what the matrices of the layer are to be, and their biases behind */
};

static void plan(void *context)
{
    struct sequence *s = context;
    struct tern_arena *arena = &s->pair->arena;
    const struct tern_config *c = s->source.config;
    const size_t matrix = tern_largest_matrix(c),
                 all = (size_t)tern_widest_input(c) + (size_t)tern_most_copies(&s->source);
    s->folded = tern_arena_take(arena, matrix, sizeof(float));
    s->target = tern_arena_take(arena, matrix, sizeof(float));
    s->spare = tern_arena_take(arena, matrix, sizeof(float));
    s->scratch = tern_arena_take(arena, tern_round_matrix_scratch(all), sizeof(float));
    for (int i = 0; i < TERN_N_MATRICES; i++) {
        size_t most = 0;
        for (int layer = 0; layer < c->layers; layer++) {
            const struct tern_shape shape = tern_matrix_shape(c, layer * TERN_N_MATRICES + i);
            const size_t needed = (size_t)shape.n * ((size_t)shape.k + 1);
            most = needed > most ? needed : most;
        }
        s->fitted[i] = tern_arena_take(arena, most, sizeof(float));
    }
}

/* The moments of what is read there, which quantising asks for again when the file is written. */
static tern_status ready(void *context, int layer, enum tern_layer_input which, tern_error *err)
{
    struct sequence *s = context;
    struct tern_calibration *c = s->calibration;
    struct tern_moments *m = &c->moments[layer * TERN_N_INPUTS + (int)which];
    memcpy(m->sum, s->pair->moments, (size_t)m->k * (size_t)m->k * sizeof *m->sum);
    if (tern_calibration_second(c, layer, which))
        return TERN_OK;
    return tern_fail(err, TERN_FORMAT,
                     "layer.%d: the calibration's second moments are not finite or not positive; calibrate on more or "
                     "other texts",
                     layer);
}

/* w[n][k] becomes the weights, on what a LayerNorm gives before gamma, whose outputs are nearest to the whole model's:
   w + (w (cross - moments) + behind) moments^-1. `ends` in the residual stream: to the stream's sum, with what the
   stream lacks. */
static void fit(struct sequence *s, float *w, int n, int k, int residual)
{
    struct tern_pair *p = s->pair;
    const struct tern_gemm_f32 difference = {w, p->cross, s->spare, k, k, k, n, k, k, 0};
    const struct tern_gemm_f32 change = {s->spare, s->calibration->inverse, s->target, k, k, k, n, k, k, 0};
    tern_gemm_f32_run(&p->host, &difference);
    for (ptrdiff_t i = 0; residual && i < (ptrdiff_t)n * k; i++)
        s->spare[i] += p->behind[i];
    tern_gemm_f32_run(&p->host, &change);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)n * k; i++)
        w[i] += s->target[i];
}

static tern_status quantise(void *context, int layer, int i, tern_error *err)
{
    struct sequence *s = context;
    const struct tern_part *part = tern_matrix_part((enum tern_matrix)i);
    const struct tern_pair_matrix m = tern_pair_matrix(s->pair, TERN_CHANGED, layer, i);
    const struct tern_f32_norm *norm =
        tern_folded_norm(&s->source, &s->pair->model[TERN_WHOLE]->f32, layer, part->reads);
    const ptrdiff_t size = (ptrdiff_t)m.n * m.k;
    struct tern_coding coding;
    const tern_status status = tern_source_coding(&coding, &s->source, layer, (enum tern_matrix)i, err);
    if (status)
        return status;
    coding.copies = s->source.copies ? &s->source.copies[layer * TERN_N_INPUTS + (int)part->reads] : NULL;
    if (coding.second) { /* one that was trained stays on its grid */
        for (ptrdiff_t j = 0; j < size; j++)
            s->folded[j] = norm ? m.w[j] * norm->gamma[j % m.k] : m.w[j];
        fit(s, s->folded, m.n, m.k, part->ends == TERN_END_RESIDUAL);
        memcpy(s->spare, m.w, (size_t)size * sizeof *m.w);
        for (ptrdiff_t j = 0; j < size; j++)
            if (!norm || norm->gamma[j % m.k] != 0)
                m.w[j] = norm ? s->folded[j] / norm->gamma[j % m.k] : s->folded[j];
        if (norm)
            tern_mend_bias(m.b, m.w, s->spare, m.n, m.k, norm->beta);
    }
    memcpy(s->fitted[i], m.w, (size_t)size * sizeof *m.w);
    memcpy(s->fitted[i] + size, m.b, (size_t)m.n * sizeof *m.b);
    tern_round_matrix(&coding, m.w, m.n, m.k, norm ? norm->gamma : NULL, s->scratch);
    if (norm)
        tern_mend_bias(m.b, m.w, s->fitted[i], m.n, m.k, norm->beta);
    return TERN_OK;
}

/* Both models have left the layer: its matrices in the whole one, from which the file is made, become the fitted ones.
 */
static void keep_fitted(struct sequence *s, int layer)
{
    for (int i = 0; i < TERN_N_MATRICES; i++) {
        const struct tern_pair_matrix m = tern_pair_matrix(s->pair, TERN_WHOLE, layer, i);
        if (!m.n) /* a gate that is not there */
            continue;
        const size_t size = (size_t)m.n * (size_t)m.k;
        memcpy(m.w, s->fitted[i], size * sizeof *m.w);
        memcpy(m.b, s->fitted[i] + size, (size_t)m.n * sizeof *m.b);
    }
}

static tern_status run(struct sequence *s, tern_error *err)
{
    const struct tern_pair_visitor visitor = {ready, quantise, s};
    const int layers = s->source.config->layers;
    tern_status status = TERN_OK;
    tern_pair_run(s->pair, -1, TERN_N_INPUTS);
    for (int layer = 0; layer < layers && !status; layer++) {
        status = tern_pair_layer(s->pair, layer, &visitor, err);
        if (!status && layer + 1 < layers)
            tern_pair_run(s->pair, layer, TERN_N_INPUTS);
        if (!status)
            keep_fitted(s, layer);
    }
    return status;
}

tern_status tern_calibrate_sequence(struct tern_calibration **out, const struct tern_source *source,
                                    const tern_tokenizer *tokenizer, const struct tern_sample *sample, tern_error *err)
{
    struct tern_calibration *c;
    const size_t k = (size_t)tern_widest_input(source->config);
    tern_status status = tern_calibration_open(&c, source->config, err);
    *out = NULL;
    if (!status) {
        c->inverse = malloc(k * k * sizeof *c->inverse);
        if (!c->inverse)
            status = tern_fail_nomem(err, "the calibration's moments", k * k * sizeof *c->inverse);
    }
    if (!status) {
        struct sequence s = {.calibration = c, .pair = &c->pair, .source = *source};
        s.source.second = tern_calibration_second;
        s.source.calibration = c;
        c->pair.unfolded = 1;
        status = tern_pair_open(&c->pair, &s.source, tokenizer, sample, plan, &s, err);
        if (!status)
            status = run(&s, err);
        tern_pair_end(&c->pair, TERN_WHOLE);
        free(c->inverse);
        c->inverse = NULL;
    }
    if (status)
        tern_calibration_close(c);
    else
        *out = c;
    return status;
}

struct tern_source tern_calibrated_source(struct tern_calibration *c, const struct tern_source *source)
{
    struct tern_source out = c->pair.model[TERN_WHOLE] ? tern_pair_source(&c->pair, source) : *source;
    out.second = tern_calibration_second;
    out.calibration = c;
    return out;
}
