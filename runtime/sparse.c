/* Sparse vectors: what a masked-language head says of all tokens of a text, taken together for each word. */
#include "models/tokenizer.h"
#include "runtime/model.h"
#include "runtime/session.h"
#include "runtime/texts.h"

#include <math.h>
#include <string.h>

/* Where the tokens' logits are collected: of each word the largest one, or the sum of the weights. */
struct collected {
    const struct tern_config *config;
    float *words; /* [vocab] */
    int first;    /* no token has come yet */
};

static float weight_of(const struct tern_sparse_spec *spec, float logit)
{
    const double once = logit > 0 ? log1p((double)logit) : 0;
    return (float)(spec->twice ? log1p(once) : once);
}

static tern_status collect(void *context, int i, const float *logits)
{
    (void)i;
    struct collected *c = context;
    const struct tern_sparse_spec *const spec = &c->config->sparse;
    for (int32_t k = 0; k < c->config->vocab; k++) {
        if (spec->sum)
            c->words[k] = (c->first ? 0 : c->words[k]) + weight_of(spec, logits[k]);
        else if (c->first || logits[k] > c->words[k])
            c->words[k] = logits[k];
    }
    c->first = 0;
    return TERN_OK;
}

/* ---- The largest weights: a heap of those that are kept, with the least of them first ---------------------------- */

/* Whether a goes behind b. */
static int behind(tern_weight a, tern_weight b)
{
    return a.weight < b.weight || (a.weight == b.weight && a.id > b.id);
}

/* Puts `w` into the heap of n from place `at`, which is free, downwards. */
static void sift(tern_weight *heap, size_t n, size_t at, tern_weight w)
{
    for (size_t next; (next = 2 * at + 1) < n; at = next) {
        next += next + 1 < n && behind(heap[next + 1], heap[next]);
        if (!behind(heap[next], w))
            break;
        heap[at] = heap[next];
    }
    heap[at] = w;
}

static void add(tern_sparse_vector *out, tern_weight w)
{
    out->n_words++;
    if (out->count == out->capacity) {
        if (behind(out->words[0], w))
            sift(out->words, out->count, 0, w);
        return;
    }
    size_t at = out->count++;
    for (; at && behind(w, out->words[(at - 1) / 2]); at = (at - 1) / 2)
        out->words[at] = out->words[(at - 1) / 2];
    out->words[at] = w;
}

/* The least goes to the end, again and again. */
static void sort(tern_sparse_vector *out)
{
    for (size_t n = out->count; n > 1; n--) {
        const tern_weight least = out->words[0];
        sift(out->words, n - 1, 0, out->words[n - 1]);
        out->words[n - 1] = least;
    }
}

/* ---- The call ---------------------------------------------------------------------------------------------------- */

static tern_status check(const struct tern_waiting *w, tern_truncate truncate, const tern_sparse_vector *s,
                         tern_error *err)
{
    if (s->struct_bytes != sizeof *s)
        return tern_fail(err, TERN_USAGE, "a sparse vector of %zu bytes; set struct_bytes to the struct's size",
                         s->struct_bytes);
    if (s->capacity < 1)
        return tern_fail(err, TERN_USAGE, "room for no word; 1 or more are possible");
    const tern_status status = tern_check_reading(w->model, truncate, err);
    if (status)
        return status;
    if (!tern_gives_words(&w->model->config))
        return tern_fail(
            err, TERN_USAGE,
            "the model has no masked-language head, which sparse vectors are made of; convert a checkpoint "
            "that has one with --task fill");
    return tern_waiting_check_room(w, err);
}

tern_status tern_embed_sparse(tern_session *session, const tern_text *text, tern_truncate truncate,
                              tern_sparse_vector *sparse, tern_error *err)
{
    const struct tern_waiting *const w = tern_session_waiting(session);
    const struct tern_config *const config = &w->model->config;
    tern_tokens tokens = {
        .struct_bytes = sizeof tokens, .capacity = (size_t)w->limit, .ids = w->ids, .types = w->types};
    tern_status status = check(w, truncate, sparse, err);
    if (status)
        return status;
    sparse->count = sparse->n_words = sparse->n_tokens = 0;
    status = tern_waiting_tokenize(w, w->prompt, text, truncate, &tokens, err);
    sparse->n_needed = tokens.needed;
    if (status)
        return status;
    sparse->n_tokens = tokens.count;
    for (size_t i = 0; i < tokens.count; i++)
        w->asked[i] = (int32_t)i;
    struct collected all = {config, w->word_weights, 1};
    const struct tern_asked asked = {w->asked, (int)tokens.count, &all, collect};
    const int32_t offsets[2] = {0, (int32_t)tokens.count};
    const tern_batch batch = {w->ids, config->token_types > 1 ? w->types : NULL, offsets, 1};
    status = tern_session_words(session, &batch, &asked, err);
    for (int32_t k = 0; k < config->vocab && !status; k++) {
        const float weight = config->sparse.sum ? all.words[k] : weight_of(&config->sparse, all.words[k]);
        if (weight > 0)
            add(sparse, (tern_weight){k, weight});
    }
    sort(sparse);
    return status;
}
