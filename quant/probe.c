/* Runs the float model with one quantiser switched on, which shows what that one costs. It is a simulation in floats:
   rows are rounded as the integer model rounds them, but what is 16 bits there stays float. */
#include "quant/probe.h"

#include "quant/convert.h"
#include "quant/folded_norm.h"
#include "quant/round_matrix.h"
#include "runtime/base/dots.h"
#include "runtime/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct tern_probe {
    const struct tern_source *source;
    const struct tern_sample *sample;
    struct tern_config config; /* the source's, in floats */
    tern_model *model;
    void *bytes; /* of the model, which this probe may change */
    tern_session *session;
    int dimensions;
    float *exact, *vector; /* [texts][dimensions] of the model as it is; [dimensions] */
    uint8_t *times;        /* [widest input] how often each column stands */
    /* The rows that are being rounded: what the matrices of this layer read there; layer -1: none. */
    int layer;
    enum tern_layer_input input;
    float *rows; /* [TERN_PROBE_TOKENS][widest input] */
    /* A matrix and its bias as they were; a panel's rows with copies, scratch of the quantiser, multipliers, codes. */
    float *kept, *scratch;
};

double tern_cosine(const float *a, const float *b, int n)
{
    const struct tern_dots d = tern_dots_of(a, b, n);
    return d.aa == 0 && d.bb == 0 ? 1 : d.aa == 0 || d.bb == 0 ? 0 : d.ab / sqrt(d.aa * d.bb);
}

/* ---- The measure ------------------------------------------------------------------------------------------------- */

/* Runs the texts. `cost` NULL: their vectors become the exact ones. */
static tern_status measure(struct tern_probe *p, double *cost, tern_error *err)
{
    double sum = 0;
    for (int i = 0; i < p->sample->n; i++) {
        int32_t offset[2];
        const tern_batch batch = tern_sample_text(p->sample, i, offset);
        float *const exact = p->exact + (ptrdiff_t)i * p->dimensions;
        const tern_status status = tern_session_embed(p->session, &batch, 0, cost ? p->vector : exact, err);
        if (status)
            return status;
        if (cost)
            sum += 1 - tern_cosine(p->vector, exact, p->dimensions);
    }
    if (cost)
        *cost = sum / p->sample->n;
    return TERN_OK;
}

static void count_times(struct tern_probe *p, const struct tern_copies *copies, int k)
{
    memset(p->times, 1, (size_t)k);
    for (int i = 0; copies && i < copies->count; i++)
        p->times[copies->column[i]]++;
}

/* ---- Rows -------------------------------------------------------------------------------------------------------- */

/* row[k] to multiples of its step. The parts of a column add up to such a multiple too. */
static void round_row(const struct tern_probe *p, float *row, int k)
{
    float most = 0;
    for (int j = 0; j < k; j++)
        most = fmaxf(most, fabsf(row[j]) / (float)p->times[j]);
    const float step = most / 127;
    for (int j = 0; step > 0 && j < k; j++)
        row[j] = rintf(row[j] / step) * step;
}

/* Rounds x, or what x was before the norm's affine part, which then comes on top as it does in the weights. */
static const float *round_rows(void *context, int layer, enum tern_layer_input input, const float *x, int rows)
{
    struct tern_probe *p = context;
    if (p->layer != p->config.layer[layer].weights || p->input != input)
        return x;
    const struct tern_f32_norm *norm = tern_folded_norm(p->source, &p->model->f32, layer, input);
    const int k = tern_input_width(&p->config, layer, input);
    if (norm)
        tern_before_affine(p->rows, norm, x, rows, k);
    else
        memcpy(p->rows, x, (size_t)rows * (size_t)k * sizeof *x);
    for (int i = 0; i < rows; i++) {
        float *const row = p->rows + (ptrdiff_t)i * k;
        round_row(p, row, k);
        for (int j = 0; norm && j < k; j++)
            row[j] = norm->gamma[j] * row[j] + norm->beta[j];
    }
    return p->rows;
}

tern_status tern_probe_rows(struct tern_probe *p, int layer, enum tern_layer_input input,
                            const struct tern_copies *copies, double *cost, tern_error *err)
{
    count_times(p, copies, tern_input_width(&p->config, layer, input));
    p->layer = p->config.layer[layer].weights;
    p->input = input;
    const tern_status status = measure(p, cost, err);
    p->layer = -1;
    return status;
}

/* ---- Weights ----------------------------------------------------------------------------------------------------- */

tern_status tern_probe_weights(struct tern_probe *p, int layer, enum tern_matrix matrix,
                               const struct tern_coding *coding, double *cost, tern_error *err)
{
    const int owner = p->config.layer[layer].weights;
    const enum tern_layer_input reads = tern_matrix_part(matrix)->reads;
    const struct tern_f32_linear *m = &p->model->f32.layers[owner].matrix[matrix];
    const struct tern_f32_norm *norm = tern_folded_norm(p->source, &p->model->f32, owner, reads);
    const size_t weights = (size_t)m->n * (size_t)m->k, bytes = weights * sizeof *p->kept;
    float *w = (float *)(uintptr_t)m->w, *b = (float *)(uintptr_t)m->b, *bias = p->kept + weights;
    struct tern_coding with_copies = *coding;
    with_copies.keep_zeros = p->source->sparse;
    with_copies.copies = p->source->copies ? &p->source->copies[owner * TERN_N_INPUTS + (int)reads] : NULL;
    memcpy(p->kept, w, bytes);
    memcpy(bias, b, (size_t)m->n * sizeof *bias);
    tern_round_matrix(&with_copies, w, m->n, m->k, norm ? norm->gamma : NULL, p->scratch);
    if (norm)
        tern_mend_bias(b, w, p->kept, m->n, m->k, norm->beta);
    const tern_status status = measure(p, cost, err);
    memcpy(w, p->kept, bytes);
    memcpy(b, bias, (size_t)m->n * sizeof *bias);
    return status;
}

/* ---- Setting up -------------------------------------------------------------------------------------------------- */

int tern_most_copies(const struct tern_source *source)
{
    int most = 0;
    for (int i = 0; source->copies && i < source->config->layers * TERN_N_INPUTS; i++)
        most = source->copies[i].count > most ? source->copies[i].count : most;
    return most;
}

static tern_status allocate(struct tern_probe *p, tern_error *err)
{
    /* Columns of the widest matrix; its rows may be as many, and have a bias. */
    const size_t k = (size_t)tern_widest_input(&p->config), all = k + (size_t)tern_most_copies(p->source),
                 largest = tern_largest_matrix(&p->config);
    p->exact = malloc((size_t)p->sample->n * (size_t)p->dimensions * sizeof *p->exact);
    p->vector = malloc((size_t)p->dimensions * sizeof *p->vector);
    p->times = malloc(k);
    p->rows = malloc(TERN_PROBE_TOKENS * k * sizeof *p->rows);
    p->kept = malloc((largest + k) * sizeof *p->kept);
    p->scratch = malloc(tern_round_matrix_scratch(all) * sizeof *p->scratch);
    if (!p->exact || !p->vector || !p->times || !p->rows || !p->kept || !p->scratch)
        return tern_fail_nomem(err, "the search for what rounding costs", largest * sizeof *p->kept);
    return TERN_OK;
}

tern_status tern_probe_open(struct tern_probe **out, const struct tern_source *source, const tern_tokenizer *tokenizer,
                            const struct tern_sample *sample, tern_error *err)
{
    const tern_session_options options = {.struct_bytes = sizeof options, .max_tokens = TERN_PROBE_TOKENS};
    struct tern_probe *p = calloc(1, sizeof *p);
    *out = NULL;
    if (!p)
        return tern_fail_nomem(err, "a probe", sizeof *p);
    p->source = source;
    p->sample = sample;
    p->config = *source->config;
    p->config.weights = TERN_WEIGHTS_F32;
    p->layer = -1;
    p->dimensions = tern_vector_width(&p->config);
    const struct tern_source floats = {.config = &p->config, .read = source->read, .context = source->context};
    tern_status status = allocate(p, err);
    if (!status)
        status = tern_build_model(&p->model, &p->bytes, &floats, tokenizer, err);
    if (!status)
        status = tern_session_open(&p->session, p->model, &options, err);
    if (!status) {
        tern_session_observe(p->session, &(struct tern_observer){round_rows, p});
        status = measure(p, NULL, err);
    }
    if (status)
        tern_probe_close(p);
    else
        *out = p;
    return status;
}

void tern_probe_close(struct tern_probe *p)
{
    if (!p)
        return;
    tern_session_close(p->session);
    tern_model_close(p->model);
    free(p->bytes);
    free(p->scratch);
    free(p->kept);
    free(p->rows);
    free(p->times);
    free(p->vector);
    free(p->exact);
    free(p);
}
