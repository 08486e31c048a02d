/* `--allocate`: measures how much each matrix's blocks matter, and decides how many of them go. */
#include "quant/sparsify_private.h"

#include <stdlib.h>
#include <string.h>

/* The fractions to which each matrix is pruned in turn. */
static const double rungs[] = {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95};
enum { RUNGS = sizeof rungs / sizeof *rungs };
enum { PROBES = 4 };        /* batches whose vectors are looked at, spread over the sample */
enum { PASSES_A_RUNG = 1 }; /* from one rung to the next */

struct probing {
    struct tern_sparsifier *s;
    int first[PROBES], n;    /* the batches' first texts */
    float *entry;            /* [PROBES][TERN_PAIR_BATCH][hidden] states at the layer's beginning */
    float *exact, *vector;   /* [PROBES][TERN_PAIR_BATCH][width] of the whole model; [TERN_PAIR_BATCH][width] */
    int width;               /* of an embedding */
    float *kept;             /* the matrix as it was */
    double (*damage)[RUNGS]; /* [matrices] */
};

static void choose_batches(struct probing *p)
{
    int32_t offset[TERN_PAIR_BATCH + 1];
    const int texts = p->s->pair->sample->n;
    for (int first = 0, n; first < texts && p->n < PROBES; first += n) {
        n = tern_pair_batch(p->s->pair, first, offset).n_texts;
        if ((int64_t)first * PROBES >= (int64_t)p->n * texts)
            p->first[p->n++] = first;
    }
}

static ptrdiff_t row_of(int probe, int width)
{
    return (ptrdiff_t)probe * TERN_PAIR_BATCH * width;
}

/* The vectors of one batch, from its states before `layer` on. */
static void run_probe(struct probing *p, int probe, int layer, const tern_batch *batch, float *vectors)
{
    struct tern_sparsifier *s = p->s;
    const struct tern_config *c = s->source->config;
    s->pair->which = TERN_N_INPUTS;
    memcpy(s->pair->bert.x, p->entry + row_of(probe, c->hidden),
           (size_t)batch->offsets[batch->n_texts] * (size_t)c->hidden * sizeof(float));
    for (int i = layer; i < c->layers; i++)
        tern_bert_f32_layer(&s->pair->bert, batch, i, TERN_INPUT_QKV);
    tern_bert_f32_embed(&s->pair->bert, batch, vectors);
}

/* Mean squared distance of the vectors from the whole model's, relative to their lengths; or,
   `exact`, takes the whole model's. */
static double measure(struct probing *p, int layer, int exact)
{
    const int h = p->width;
    int32_t offset[TERN_PAIR_BATCH + 1];
    double sum = 0;
    int texts = 0;
    for (int probe = 0; probe < p->n; probe++) {
        const tern_batch batch = tern_pair_batch(p->s->pair, p->first[probe], offset);
        float *whole = p->exact + row_of(probe, h);
        run_probe(p, probe, layer, &batch, exact ? whole : p->vector);
        for (int i = 0; i < batch.n_texts && !exact; i++, texts++) {
            double wrong = 0, all = 0;
            for (int j = 0; j < h; j++) {
                const double is = (double)p->vector[(ptrdiff_t)i * h + j], was = (double)whole[(ptrdiff_t)i * h + j];
                wrong += (is - was) * (is - was);
                all += was * was;
            }
            sum += all > 0 ? wrong / all : 0;
        }
    }
    return texts ? sum / texts : 0;
}

static void enter_layer(struct probing *p, int layer)
{
    const struct tern_sparsifier *s = p->s;
    const ptrdiff_t h = s->source->config->hidden;
    int32_t offset[TERN_PAIR_BATCH + 1];
    for (int i = 0; i < p->n; i++) {
        const tern_batch batch = tern_pair_batch(s->pair, p->first[i], offset);
        memcpy(p->entry + row_of(i, (int)h), s->pair->state[TERN_CHANGED] + s->pair->sample->offsets[p->first[i]] * h,
               (size_t)(offset[batch.n_texts] * h) * sizeof(float));
    }
    if (layer == 0)
        measure(p, 0, 1);
}

static tern_status probe_matrix(void *context, int layer, int i, tern_error *err)
{
    struct probing *p = context;
    struct tern_sparsifier *s = p->s;
    float *w;
    const tern_status status = tern_sparsify_start(s, layer, i, &w, err);
    if (status)
        return status;
    const size_t bytes = (size_t)s->pruner.n * (size_t)s->pruner.k * sizeof *w;
    double *damage = p->damage[layer * TERN_N_MATRICES + i];
    memcpy(p->kept, w, bytes);
    damage[0] = 0;
    for (int rung = 1; rung < RUNGS; rung++) {
        tern_pruner_to(&s->pruner, rungs[rung], PASSES_A_RUNG);
        memcpy(w, s->pruner.w, bytes);
        damage[rung] = measure(p, layer, 0);
    }
    memcpy(w, p->kept, bytes);
    return TERN_OK;
}

static tern_status probe_all(struct probing *p, tern_error *err)
{
    struct tern_sparsifier *s = p->s;
    const int layers = s->source->config->layers;
    tern_status status = TERN_OK;
    tern_pair_run(s->pair, -1, TERN_N_INPUTS);
    for (int layer = 0; layer < layers && !status; layer++) {
        enter_layer(p, layer);
        status = tern_sparsify_layer(s, layer, probe_matrix, p, err);
        if (layer + 1 < layers)
            tern_pair_run(s->pair, layer, TERN_N_INPUTS);
    }
    return status;
}

static double weights_of(const struct tern_sparsifier *s, int matrix)
{
    const struct tern_f32_layer *layer = &s->pair->model[TERN_WHOLE]->f32.layers[matrix / TERN_N_MATRICES];
    const struct tern_f32_linear *w = &layer->matrix[matrix % TERN_N_MATRICES];
    return (double)w->n * w->k;
}

/* From nothing pruned on: always the step, of one rung or more, that does least damage per weight; the last one goes
   only as far as it has to. */
static void descend(const struct probing *p)
{
    const struct tern_sparsifier *s = p->s;
    const int matrices = s->source->config->layers * TERN_N_MATRICES;
    int at[TERN_MAX_LAYERS * TERN_N_MATRICES] = {0};
    double wanted = 0;
    for (int i = 0; i < matrices; i++) {
        wanted += weights_of(s, i) * s->source->prune;
        s->fraction[i] = 0;
    }
    while (wanted > 0) {
        int best = -1, to = 0;
        double least = 0;
        for (int i = 0; i < matrices; i++)
            for (int next = weights_of(s, i) > 0 ? at[i] + 1 : RUNGS; next < RUNGS; next++) {
                const double cost =
                    (p->damage[i][next] - p->damage[i][at[i]]) / (rungs[next] - rungs[at[i]]) / weights_of(s, i);
                if (best < 0 || cost < least) {
                    best = i;
                    to = next;
                    least = cost;
                }
            }
        if (best < 0) /* more than the last rung is asked for: of all alike */
            break;
        const double step = (rungs[to] - rungs[at[best]]) * weights_of(s, best);
        s->fraction[best] =
            rungs[at[best]] + (wanted < step ? wanted / weights_of(s, best) : rungs[to] - rungs[at[best]]);
        at[best] = to;
        wanted -= step;
    }
    for (int i = 0; i < matrices && wanted > 0; i++)
        s->fraction[i] = s->source->prune;
}

tern_status tern_sparsify_allocate(struct tern_sparsifier *s, tern_error *err)
{
    const struct tern_config *c = s->source->config;
    struct probing p = {.s = s, .width = tern_vector_width(c)};
    const size_t h = (size_t)c->hidden, batch = TERN_PAIR_BATCH * (size_t)p.width;
    const size_t largest = tern_largest_matrix(c);
    p.entry = malloc(PROBES * TERN_PAIR_BATCH * h * sizeof *p.entry);
    p.exact = malloc(PROBES * batch * sizeof *p.exact);
    p.vector = malloc(batch * sizeof *p.vector);
    p.kept = malloc(largest * sizeof *p.kept);
    p.damage = malloc((size_t)c->layers * TERN_N_MATRICES * sizeof *p.damage);
    tern_status status = TERN_OK;
    if (!p.entry || !p.exact || !p.vector || !p.kept || !p.damage)
        status = tern_fail_nomem(err, "the search for fractions", largest * sizeof *p.kept);
    s->pair->same = 1;
    s->pair->bert.weights = &s->pair->model[TERN_CHANGED]->f32;
    choose_batches(&p);
    if (!status)
        status = probe_all(&p, err);
    if (!status)
        descend(&p);
    s->pair->same = 0;
    free(p.entry);
    free(p.exact);
    free(p.vector);
    free(p.kept);
    free(p.damage);
    return status;
}
