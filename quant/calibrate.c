/* Runs the f32 model over the user's texts and sums up what each layer reads, for second-order methods. */
#include "quant/calibrate_private.h"
#include "quant/convert.h"
#include "quant/folded_norm.h"
#include "runtime/base/cpus.h"
#include "runtime/session.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

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
        m->sum = calloc((size_t)m->k * (size_t)m->k + 1, sizeof *m->sum); /* k 0: a layer without attention */
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
    free(c->inverse);
    tern_pair_close(&c->pair);
    free(c->scratch);
    free(c);
}

static const float *observe(void *context, int layer, enum tern_layer_input which, const float *x, int rows)
{
    struct tern_calibration *c = context;
    /* Layers that share weights share the moments of what these read. */
    struct tern_moments *m = &c->moments[c->config->layer[layer].weights * TERN_N_INPUTS + (int)which];
    const struct tern_f32_norm *norm = tern_folded_norm(c->source, c->weights, layer, which);
    if (norm)
        tern_before_affine(c->rows, norm, x, rows, m->k);
    tern_moments_add(m, &c->lapack, norm ? c->rows : x, rows);
    return x;
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
    const size_t vector_bytes = (size_t)tern_vector_width(&config) * sizeof(float);
    float *vector = malloc(vector_bytes);
    tern_status status = vector ? TERN_OK : tern_fail_nomem(err, "a vector", vector_bytes);
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
        status = tern_session_embed(session, &batch, 0, vector, err);
    }
    c->weights = NULL;
    c->source = NULL;
    tern_session_close(session);
    tern_model_close(model);
    free(bytes);
    free(vector);
    return status;
}

/* OpenBLAS asks for a buffer of 128 MiB for each thread and, where it gets none, again and again for ever: whether
   there is room is seen before it is loaded. */
static tern_status look_for_room(tern_error *err)
{
    const int threads = tern_threads_allowed();
    const size_t bytes = (size_t)(threads < 4 ? threads + 1 : 5) << 27; /* 32 bits have room for no more */
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return tern_fail_nomem(err, "the buffers of LAPACK", bytes);
    munmap(at, bytes);
    return TERN_OK;
}

tern_status tern_lapack_need(struct tern_lapack *out, tern_error *err)
{
    const tern_status status = look_for_room(err);
    if (status || !tern_lapack_open(out))
        return status;
    return tern_fail(err, TERN_USAGE,
                     "calibration needs LAPACK (liblapack.so.3), which cannot be loaded; install liblapack3 or "
                     "libopenblas0, and use a tern that is not static, or convert without calibration");
}

tern_status tern_calibration_open(struct tern_calibration **out, const struct tern_config *config, tern_error *err)
{
    struct tern_calibration *c = *out = calloc(1, sizeof *c);
    if (!c)
        return tern_fail_nomem(err, "a calibration", sizeof *c);
    const tern_status status = tern_lapack_need(&c->lapack, err);
    return status ? status : allocate(c, config, err);
}

tern_status tern_calibrate(struct tern_calibration **out, const struct tern_source *source,
                           const tern_tokenizer *tokenizer, const struct tern_sample *sample, tern_error *err)
{
    struct tern_calibration *c;
    tern_status status = tern_calibration_open(&c, source->config, err);
    *out = NULL;
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
        if (tern_second_order_make(m, &c->lapack, c->moment, c->order, c->factor, c->inverse, c->scratch))
            return NULL;
        c->second = (struct tern_second_order){c->moment, c->order, c->factor};
        c->layer = layer;
        c->which = (int)which;
    }
    return &c->second;
}
