/* Chooses a bit width for each matrix under a budget, from what rounding it alone does to the texts' vectors. */
#include "quant/choose_bits.h"

#include "quant/probe.h"

#include <stdlib.h>

enum {
    RUNGS = 0
#define FORMAT(id, name, bits, step, offset, most_mul, embeds, rung, ...) +rung
#include "simd/formats.def"
#undef FORMAT
};

struct search {
    struct tern_probe *probe;
    enum tern_format ladder[RUNGS]; /* what is chosen from, by bits */
    double (*damage)[RUNGS];        /* [matrices] */
};

static void set_ladder(struct search *s)
{
    int rungs = 0;
    for (int bits = 1; bits <= 8; bits++)
        for (int f = 0; f < TERN_N_FORMATS; f++)
            if (tern_format_is_rung((enum tern_format)f) && tern_format_bits((enum tern_format)f) == bits)
                s->ladder[rungs++] = (enum tern_format)f;
}

/* Weights of a matrix that may have any format: none if its layer shares those of an earlier one, or if it stays int8.
 */
static double size_of(const struct tern_config *c, int i)
{
    const struct tern_shape shape = tern_matrix_shape(c, i);
    const int fixed = tern_matrix_part((enum tern_matrix)(i % TERN_N_MATRICES))->ends == TERN_END_LOGITS;
    return c->layer[i / TERN_N_MATRICES].weights == i / TERN_N_MATRICES && !fixed ? (double)shape.n * shape.k : 0;
}

/* From the lowest rung everywhere up: always the step, of one rung or more, that mends most per bit and still fits. */
static void climb(enum tern_format *formats, double bits, const struct tern_config *c, const struct search *s)
{
    const enum tern_format *ladder = s->ladder;
    double(*const damage)[RUNGS] = s->damage;
    const int matrices = c->layers * TERN_N_MATRICES;
    double all = 0, used = 0;
    for (int i = 0; i < matrices; i++) {
        formats[i] = ladder[0];
        all += size_of(c, i);
    }
    used = all * tern_format_bits(ladder[0]);
    for (int best = 0, to = 0; best >= 0;) {
        double most = 0, cost = 0;
        best = -1;
        for (int i = 0; i < matrices; i++) {
            const double size = size_of(c, i);
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

/* The damage of one matrix at each rung but the last, which counts as none. */
static tern_status probe(const struct search *s, const struct tern_source *source, int i, tern_error *err)
{
    const int layer = i / TERN_N_MATRICES;
    const enum tern_matrix matrix = (enum tern_matrix)(i % TERN_N_MATRICES);
    struct tern_coding coding;
    tern_status status = tern_source_coding(&coding, source, layer, matrix, err);
    s->damage[i][RUNGS - 1] = 0;
    for (int rung = 0; rung + 1 < RUNGS && !status; rung++) {
        coding.format = s->ladder[rung];
        status = tern_probe_weights(s->probe, layer, matrix, &coding, &s->damage[i][rung], err);
    }
    return status;
}

tern_status tern_choose_bits(enum tern_format *formats, double bits, const struct tern_source *source,
                             const tern_tokenizer *tokenizer, const struct tern_sample *sample, tern_error *err)
{
    const int matrices = source->config->layers * TERN_N_MATRICES;
    struct search s = {.probe = NULL};
    set_ladder(&s);
    s.damage = malloc((size_t)matrices * sizeof *s.damage);
    tern_status status =
        s.damage ? TERN_OK : tern_fail_nomem(err, "the search for bit widths", (size_t)matrices * sizeof *s.damage);
    if (!status)
        status = tern_probe_open(&s.probe, source, tokenizer, sample, err);
    for (int i = 0; i < matrices && !status; i++) {
        if (size_of(source->config, i) > 0)
            status = probe(&s, source, i, err);
        if (source->progress)
            source->progress(source->listener, (size_t)i + 1, (size_t)matrices);
    }
    if (!status)
        climb(formats, bits, source->config, &s);
    tern_probe_close(s.probe);
    free(s.damage);
    return status;
}
