/* Runs the f32 model over the user's texts and sums up what each layer reads, for second-order methods. */
#include "quant/calibrate.h"

#include "quant/convert.h"
#include "quant/second_order.h"
#include "runtime/session.h"

#include <stdlib.h>
#include <string.h>

struct tern_calibration {
    struct tern_lapack lapack;
    struct tern_moments *moments; /* [layers][TERN_N_INPUTS] */
    const struct tern_config *config;
    const struct tern_f32_weights *weights; /* of the model that is being observed */
    const struct tern_source *source;       /* what it will become */
    float *rows;                            /* [TERN_CALIBRATION_TOKENS][hidden]: a norm's rows before gamma and beta */
    /* The result of tern_calibration_second. */
    struct tern_second_order second;
    int32_t *order;
    float *moment, *factor;
    double *scratch;
    int layer, which; /* that it stands for; -1: none */
};

static tern_status allocate(struct tern_calibration *c, const struct tern_config *config, tern_error *err)
{
    const size_t h = (size_t)config->hidden;
    const size_t k = (size_t)tern_widest_input(config);
    int missing = 0;
    c->config = config;
    c->layer = -1;
    c->moments = calloc((size_t)config->layers * TERN_N_INPUTS, sizeof *c->moments);
    c->rows = malloc(TERN_CALIBRATION_TOKENS * h * sizeof *c->rows);
    c->order = malloc(k * sizeof *c->order);
    c->moment = malloc(k * sizeof *c->moment);
    c->factor = malloc(k * k * sizeof *c->factor);
    c->scratch = malloc(k * k * sizeof *c->scratch);
    for (int i = 0; c->moments && i < config->layers * TERN_N_INPUTS; i++) {
        struct tern_moments *m = &c->moments[i];
        m->k = tern_input_width(config, i / TERN_N_INPUTS, (enum tern_layer_input)(i % TERN_N_INPUTS));
        m->sum = calloc((size_t)m->k * (size_t)m->k, sizeof *m->sum);
        missing |= !m->sum;
    }
    if (missing || !c->moments || !c->rows || !c->order || !c->moment || !c->factor || !c->scratch)
        return tern_fail_nomem(err, "the calibration's moments", (size_t)config->layers * (3 * h * h + k * k) * 4);
    return TERN_OK;
}

void tern_calibration_close(struct tern_calibration *c)
{
    if (!c)
        return;
    for (int i = 0; c->moments && i < c->config->layers * TERN_N_INPUTS; i++)
        free(c->moments[i].sum);
    free(c->moments);
    free(c->rows);
    free(c->order);
    free(c->moment);
    free(c->factor);
    free(c->scratch);
    tern_lapack_close(&c->lapack);
    free(c);
}

/* What a layer behind a norm reads is most often n of y = gamma n + beta (models/scheme.h); where gamma is 0 n plays no
   part. */
static const float *before_affine(struct tern_calibration *c, const struct tern_f32_norm *norm, const float *y,
                                  int rows, int hidden)
{
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < hidden; j++) {
            const ptrdiff_t at = (ptrdiff_t)i * hidden + j;
            c->rows[at] = norm->gamma[j] == 0 ? 0 : (y[at] - norm->beta[j]) / norm->gamma[j];
        }
    return c->rows;
}

static int observe(void *context, int layer, enum tern_layer_input which, const float *x, int rows)
{
    struct tern_calibration *c = context;
    /* Layers that share weights share the moments of what these read. */
    struct tern_moments *m = &c->moments[c->config->layer[layer].weights * TERN_N_INPUTS + (int)which];
    const struct tern_f32_norm *norm = tern_f32_norm_before(c->weights, layer, which);
    if (norm && !tern_reads_affine(c->source, layer, which))
        x = before_affine(c, norm, x, rows, m->k);
    tern_moments_add(m, &c->lapack, x, rows);
    return 0;
}

/* Runs a float copy of the model over the texts. */
static tern_status observe_texts(struct tern_calibration *c, const struct tern_source *source,
                                 const tern_tokenizer *tokenizer, const struct tern_sample *sample, tern_error *err)
{
    struct tern_config config = *source->config;
    config.weights = TERN_WEIGHTS_F32;
    const struct tern_source floats = {.config = &config, .read = source->read, .context = source->context};
    const tern_session_options options = {.struct_bytes = sizeof options, .max_tokens = TERN_CALIBRATION_TOKENS};
    const struct tern_observer observer = {observe, c};
    tern_model *model = NULL;
    tern_session *session = NULL;
    void *bytes = NULL;
    float *vector = malloc((size_t)config.hidden * sizeof *vector);
    tern_status status = vector ? TERN_OK : tern_fail_nomem(err, "a vector", (size_t)config.hidden * sizeof *vector);
    if (!status)
        status = tern_build_model(&model, &bytes, &floats, tokenizer, err);
    if (!status)
        status = tern_session_open(&session, model, &options, err);
    if (!status) {
        c->weights = &model->f32;
        c->source = source;
        tern_session_observe(session, &observer);
    }
    for (int i = 0; i < sample->n && !status; i++) {
        int32_t offset[2];
        const tern_batch batch = tern_sample_text(sample, i, offset);
        status = tern_embed(session, &batch, vector, err);
    }
    c->weights = NULL;
    c->source = NULL;
    tern_session_close(session);
    tern_model_close(model);
    free(bytes);
    free(vector);
    return status;
}

tern_status tern_fail_no_lapack(tern_error *err)
{
    return tern_fail(err, TERN_USAGE,
                     "calibration needs LAPACK, which was not found (liblapack.so.3); install liblapack3 or "
                     "libopenblas0, and use a tern that is not static, or convert without calibration");
}

tern_status tern_calibrate(struct tern_calibration **out, const struct tern_source *source,
                           const tern_tokenizer *tokenizer, const struct tern_sample *sample, tern_error *err)
{
    struct tern_calibration *c = calloc(1, sizeof *c);
    tern_status status = TERN_OK;
    *out = NULL;
    if (!c)
        return tern_fail_nomem(err, "a calibration", sizeof *c);
    if (tern_lapack_open(&c->lapack))
        status = tern_fail_no_lapack(err);
    if (!status)
        status = allocate(c, source->config, err);
    if (!status)
        status = observe_texts(c, source, tokenizer, sample, err);
    if (status)
        tern_calibration_close(c);
    else
        *out = c;
    return status;
}

const struct tern_second_order *tern_calibration_second(void *calibration, int layer, enum tern_layer_input which)
{
    struct tern_calibration *c = calibration;
    if (layer != c->layer || (int)which != c->which) {
        const struct tern_moments *m = &c->moments[layer * TERN_N_INPUTS + (int)which];
        c->layer = -1;
        if (tern_second_order_make(m, &c->lapack, c->moment, c->order, c->factor, c->scratch))
            return NULL;
        c->second = (struct tern_second_order){c->moment, c->order, c->factor};
        c->layer = layer;
        c->which = (int)which;
    }
    return &c->second;
}
