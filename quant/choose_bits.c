/* Chooses a bit width for each matrix under a budget, from what rounding it alone does to the texts' vectors. */
#include "quant/choose_bits.h"

#include "quant/convert.h"
#include "quant/quantize_weights.h"

#include <stdlib.h>
#include <string.h>

enum {
    RUNGS = 0
#define FORMAT(id, name, bits, step, offset, most_mul, embeds, rung, ...) +rung
#include "simd/formats.def"
#undef FORMAT
};

struct search {
    tern_model *model;
    tern_session *session;
    const struct tern_sample *sample;
    enum tern_format ladder[RUNGS]; /* what is chosen from, by bits */
    int hidden, group;
    float *exact, *vector;   /* [texts][hidden] of the float model; [hidden] */
    float *kept, *scratch;   /* the matrix and its bias as they were; one panel's rows, codes and the rest */
    double (*damage)[RUNGS]; /* [matrices] */
};

static void set_ladder(struct search *s)
{
    int rungs = 0;
    for (int bits = 1; bits <= 8; bits++)
        for (int f = 0; f < TERN_N_FORMATS; f++)
            if (tern_format_is_rung((enum tern_format)f) && tern_format_bits((enum tern_format)f) == bits)
                s->ladder[rungs++] = (enum tern_format)f;
}

/* Mean squared distance from the exact vectors, relative to their lengths. */
static tern_status measure(struct search *s, double *damage, tern_error *err)
{
    double sum = 0;
    for (int i = 0; i < s->sample->n; i++) {
        int32_t offset[2];
        const tern_batch batch = tern_sample_text(s->sample, i, offset);
        float *v = damage ? s->vector : s->exact + (ptrdiff_t)i * s->hidden;
        const tern_status status = tern_embed(s->session, &batch, v, err);
        if (status)
            return status;
        double wrong = 0, all = 0;
        for (int j = 0; damage && j < s->hidden; j++) {
            const double exact = (double)s->exact[(ptrdiff_t)i * s->hidden + j];
            wrong += ((double)v[j] - exact) * ((double)v[j] - exact);
            all += exact * exact;
        }
        sum += all > 0 ? wrong / all : 0;
    }
    if (damage)
        *damage = sum / s->sample->n;
    return TERN_OK;
}

/* w[n][k] (gamma folded in meanwhile, NULL: none) to what `format` makes of it. */
static void round_matrix(const struct search *s, float *w, int n, int k, const float *gamma, enum tern_format format)
{
    const struct tern_coding coding = {.format = format, .group = s->group};
    const struct tern_codebook *book = tern_codebook(format);
    double scale[TERN_PANEL];
    float *rows = s->scratch, *spare = rows + (ptrdiff_t)TERN_PANEL * k;
    uint8_t *mul = (uint8_t *)(spare + k), *codes = mul + (ptrdiff_t)TERN_PANEL * (k / s->group + 1);
    for (int first = 0; first < n; first += TERN_PANEL) {
        const int count = n - first < TERN_PANEL ? n - first : TERN_PANEL;
        float *at = w + (ptrdiff_t)first * k;
        for (int i = 0; i < count * k; i++)
            rows[i] = gamma ? at[i] * gamma[i % k] : at[i];
        tern_quantize_panel(&coding, rows, count, k, codes, mul, scale, spare);
        for (int i = 0; i < count * k; i++) {
            const double value = book->value[codes[i]] * mul[i % k / s->group * TERN_PANEL + i / k] * scale[i / k];
            at[i] = (float)(gamma ? gamma[i % k] == 0 ? (double)at[i] : value / (double)gamma[i % k] : value);
        }
    }
}

/* Conversion folds the norm's beta into the bias by the weights as they were (quant/quantize_weights.c), so only
   what reads the norm's n sees the rounded ones. Here the matrix reads gamma n + beta: what rounding makes of beta
   comes off the bias. */
static void mend_bias(float *b, const float *bias, const float *w, const float *kept, int n, int k, const float *beta)
{
    for (int j = 0; j < n; j++) {
        double wrong = 0;
        for (int i = 0; i < k; i++)
            wrong += ((double)w[(ptrdiff_t)j * k + i] - (double)kept[(ptrdiff_t)j * k + i]) * (double)beta[i];
        b[j] = (float)((double)bias[j] - wrong);
    }
}

/* The damage of one matrix at each rung but the last, which counts as none. The model's bytes are this search's own. */
static tern_status probe(struct search *s, const struct tern_f32_linear *matrix, const struct tern_f32_norm *norm,
                         double *damage, tern_error *err)
{
    const int n = matrix->n, k = matrix->k;
    const size_t weights = (size_t)n * (size_t)k, bytes = weights * sizeof *s->kept;
    float *w = (float *)(uintptr_t)matrix->w, *b = (float *)(uintptr_t)matrix->b, *bias = s->kept + weights;
    tern_status status = TERN_OK;
    memcpy(s->kept, w, bytes);
    memcpy(bias, b, (size_t)n * sizeof *bias);
    damage[RUNGS - 1] = 0;
    for (int rung = 0; rung + 1 < RUNGS && !status; rung++) {
        round_matrix(s, w, n, k, norm ? norm->gamma : NULL, s->ladder[rung]);
        if (norm)
            mend_bias(b, bias, w, s->kept, n, k, norm->beta);
        status = measure(s, &damage[rung], err);
        memcpy(w, s->kept, bytes);
        memcpy(b, bias, (size_t)n * sizeof *bias);
    }
    return status;
}

static const struct tern_f32_linear *matrix_of(const struct tern_f32_weights *w, int i)
{
    return &w->layers[i / TERN_N_MATRICES].matrix[i % TERN_N_MATRICES];
}

/* Weights that a matrix adds to the file: none if its layer shares those of an earlier one. */
static double size_of(const struct tern_config *c, const struct tern_f32_weights *w, int i)
{
    const struct tern_f32_linear *m = matrix_of(w, i);
    return c->layer[i / TERN_N_MATRICES].weights == i / TERN_N_MATRICES ? (double)m->n * m->k : 0;
}

/* The norm whose gamma is folded into a matrix; NULL: none. */
static const struct tern_f32_norm *folded_norm(const struct tern_source *source, const struct tern_f32_weights *w,
                                               int i)
{
    const int layer = i / TERN_N_MATRICES;
    const enum tern_layer_input reads = tern_matrix_part((enum tern_matrix)(i % TERN_N_MATRICES))->reads;
    return tern_reads_affine(source, layer, reads) ? NULL : tern_f32_norm_before(w, layer, reads);
}

/* From the lowest rung everywhere up: always the step, of one rung or more, that mends most per bit and still fits. */
static void climb(enum tern_format *formats, double bits, const struct tern_config *c, const struct search *s)
{
    const struct tern_f32_weights *w = &s->model->f32;
    const enum tern_format *ladder = s->ladder;
    double(*const damage)[RUNGS] = s->damage;
    const int matrices = c->layers * TERN_N_MATRICES;
    double all = 0, used = 0;
    for (int i = 0; i < matrices; i++) {
        formats[i] = ladder[0];
        all += size_of(c, w, i);
    }
    used = all * tern_format_bits(ladder[0]);
    for (int best = 0, to = 0; best >= 0;) {
        double most = 0, cost = 0;
        best = -1;
        for (int i = 0; i < matrices; i++) {
            const double size = size_of(c, w, i);
            int rung = 0;
            while (size > 0 && ladder[rung] != formats[i])
                rung++;
            for (int next = rung + 1; size > 0 && next < RUNGS; next++) {
                const double more = size * (tern_format_bits(ladder[next]) - tern_format_bits(ladder[rung]));
                const double gain = (damage[i][rung] - damage[i][next]) / more;
                if (used + more <= all * bits * (1 + 1e-9) && (best < 0 || gain > most)) {
                    best = i;
                    to = next;
                    most = gain;
                    cost = more;
                }
            }
        }
        if (best >= 0) {
            formats[best] = ladder[to];
            used += cost;
        }
    }
}

static tern_status probe_all(struct search *s, const struct tern_source *source, tern_error *err)
{
    const struct tern_f32_weights *w = &s->model->f32;
    const int matrices = source->config->layers * TERN_N_MATRICES;
    tern_status status = measure(s, NULL, err);
    for (int i = 0; i < matrices && !status; i++) {
        if (size_of(source->config, w, i) > 0)
            status = probe(s, matrix_of(w, i), folded_norm(source, w, i), s->damage[i], err);
        if (source->progress)
            source->progress(source->listener, (size_t)i + 1, (size_t)matrices);
    }
    return status;
}

tern_status tern_choose_bits(enum tern_format *formats, double bits, const struct tern_source *source,
                             const tern_tokenizer *tokenizer, const struct tern_sample *sample, tern_error *err)
{
    struct tern_config config = *source->config;
    config.weights = TERN_WEIGHTS_F32;
    const struct tern_source floats = {.config = &config, .read = source->read, .context = source->context};
    const tern_session_options options = {.struct_bytes = sizeof options, .max_tokens = TERN_BITS_TOKENS};
    struct search s = {.sample = sample, .hidden = config.hidden, .group = source->group ? source->group : 64};
    const size_t h = (size_t)config.hidden, largest = tern_largest_matrix(&config);
    /* Columns of the widest matrix; its rows may be as many, and have a bias. */
    const size_t k = (size_t)tern_widest_input(&config);
    void *bytes = NULL;
    set_ladder(&s);
    s.exact = malloc((size_t)sample->n * h * sizeof *s.exact);
    s.vector = malloc(h * sizeof *s.vector);
    s.kept = malloc((largest + k) * sizeof *s.kept);
    s.scratch = malloc((TERN_PANEL + 1) * k * sizeof *s.scratch + 2 * TERN_PANEL * (k + 1));
    s.damage = malloc((size_t)config.layers * TERN_N_MATRICES * sizeof *s.damage);
    tern_status status = TERN_OK;
    if (!s.exact || !s.vector || !s.kept || !s.scratch || !s.damage)
        status = tern_fail_nomem(err, "the search for bit widths", largest * sizeof *s.kept);
    if (!status)
        status = tern_build_model(&s.model, &bytes, &floats, tokenizer, err);
    if (!status)
        status = tern_session_open(&s.session, s.model, &options, err);
    if (!status)
        status = probe_all(&s, source, err);
    if (!status)
        climb(formats, bits, &config, &s);
    tern_session_close(s.session);
    tern_model_close(s.model);
    free(bytes);
    free(s.damage);
    free(s.scratch);
    free(s.kept);
    free(s.vector);
    free(s.exact);
    return status;
}
