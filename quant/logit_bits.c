/* Finds out how large a model's logits are, by its float path and sample texts. */
#include "quant/logit_bits.h"

#include "quant/check_texts.h"
#include "quant/convert.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS = 64, ROOM_BITS = 3 };

/* The largest magnitude of a text's logits, or *most. */
static tern_status see_text(double *most, tern_session *session, const struct tern_config *config,
                            const tern_tokenizer *tokenizer, const char *text, float *logits, tern_error *err)
{
    int32_t ids[TOKENS], offsets[2] = {0, 0};
    const tern_text sample = {.text = text, .text_bytes = strlen(text)};
    tern_tokens tokens = {.struct_bytes = sizeof tokens,
                          .capacity = config->max_tokens < TOKENS ? (size_t)config->max_tokens : TOKENS,
                          .ids = ids};
    tern_status status = tern_tokenize(tokenizer, &sample, TERN_TRUNCATE_HEAD, &tokens, err);
    offsets[1] = (int32_t)tokens.count;
    const tern_batch batch = {ids, NULL, offsets, 1};
    if (!status)
        status = tern_classify(session, &batch, logits, err);
    const int32_t count = status ? 0 : tern_label_rows(config, &batch) * config->n_labels;
    for (int32_t i = 0; i < count; i++)
        *most = isfinite(logits[i]) ? fmax(*most, fabs((double)logits[i])) : *most;
    return status;
}

tern_status tern_logit_bits_settle(struct tern_config *config, const struct tern_source *source,
                                   const tern_tokenizer *tokenizer, tern_error *err)
{
    if (!config->logit_bits || config->weights == TERN_WEIGHTS_F32)
        return TERN_OK;
    const size_t room = (size_t)TOKENS * (size_t)config->n_labels * sizeof(float);
    struct tern_config *const floats = malloc(sizeof *floats); /* too large for small stacks */
    float *const logits = malloc(room);
    tern_model *model = NULL;
    tern_session *session = NULL;
    void *bytes = NULL;
    tern_status status = floats && logits ? TERN_OK : tern_fail_nomem(err, "logits", room + sizeof *floats);
    if (!status) {
        *floats = *config;
        floats->weights = TERN_WEIGHTS_F32;
        const struct tern_source exact = {.config = floats, .read = source->read, .context = source->context};
        status = tern_build_model(&model, &bytes, &exact, NULL, err);
    }
    const tern_session_options options = {
        .struct_bytes = sizeof options, .threads = 1, .max_tokens = TOKENS, .max_texts = 1};
    if (!status)
        status = tern_session_open(&session, model, &options, err);
    double most = 1;
    for (int i = 0; i < TERN_CHECK_TEXTS && !status; i++)
        status = see_text(&most, session, config, tokenizer, tern_check_texts[i], logits, err);
    int bits = 0;
    frexp(most, &bits); /* most < 2^bits */
    bits = 31 - ROOM_BITS - bits;
    config->logit_bits = bits < 1 ? 1 : bits >= TERN_LOGIT_BITS ? 0 : bits;
    tern_session_close(session);
    tern_model_close(model);
    free(bytes);
    free(logits);
    free(floats);
    return status;
}
