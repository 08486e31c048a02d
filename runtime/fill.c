/* Missing words: what a masked-language head says of the masks of a text, and of each token as if it were one. */
#include "models/tokenizer.h"
#include "runtime/best.h"
#include "runtime/model.h"
#include "runtime/session.h"
#include "runtime/texts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Candidates ---- */

/* The natural logarithm of the sum of all exp(logit). */
static double log_sum(const float *logits, int32_t n)
{
    float most = logits[0];
    double sum = 0;
    for (int32_t i = 1; i < n; i++)
        most = logits[i] > most ? logits[i] : most;
    for (int32_t i = 0; i < n; i++)
        sum += exp((double)logits[i] - (double)most);
    return (double)most + log(sum);
}

/* The words that a call asks for. */
struct fill {
    const struct tern_waiting *waiting;
    tern_masks *masks;
};

static tern_status take_candidates(void *context, int i, const float *logits)
{
    const struct fill *f = context;
    const tern_masks *const m = f->masks;
    const int32_t vocab = f->waiting->model->config.vocab, most = m->targets ? (int32_t)m->n_targets : vocab;
    struct tern_ranked *const ranked = f->waiting->ranked;
    tern_candidate *const best = m->candidates + (size_t)i * (size_t)m->top;
    for (int32_t k = 0; k < most; k++) {
        const int32_t id = m->targets ? m->targets[k] : k;
        ranked[k] = (struct tern_ranked){tern_score_key((double)logits[id]), (uint32_t)id};
    }
    const int n = tern_best_pick(ranked, most, m->top);
    const double all = log_sum(logits, vocab);
    for (int k = 0; k < n; k++) {
        const float logit = logits[ranked[k].row];
        best[k] = (tern_candidate){(int32_t)ranked[k].row, logit, exp((double)logit - all)};
    }
    return TERN_OK;
}

/* ---- A text's tokens ---- */

static tern_status check_model(const struct tern_waiting *w, tern_truncate truncate, tern_error *err)
{
    const tern_status status = tern_check_reading(w->model, truncate, err);
    if (status)
        return status;
    if (!tern_gives_words(&w->model->config))
        return tern_fail(err, TERN_USAGE,
                         "the model has no masked-language head; convert a checkpoint that has one with --task fill");
    if (tern_mask_id(w->model->tokenizer) < 0)
        return tern_fail(err, TERN_USAGE, "the model's tokenizer has no mask token");
    return tern_waiting_check_room(w, err);
}

/* Into the arrays of the session, from their beginning. */
static tern_status read_text(const struct tern_waiting *w, const tern_text *text, tern_truncate truncate,
                             tern_tokens *out, tern_error *err)
{
    *out = (tern_tokens){
        .struct_bytes = sizeof *out, .capacity = (size_t)w->limit, .ids = w->ids, .types = w->types, .spans = w->spans};
    return tern_waiting_tokenize(w, "", text, truncate, out, err);
}

static const int32_t *types_of(const struct tern_waiting *w)
{
    return w->model->config.token_types > 1 ? w->types : NULL;
}

/* ---- Calls ---- */

static tern_status check_masks(const struct tern_waiting *w, const tern_masks *m, tern_error *err)
{
    const int32_t vocab = w->model->config.vocab;
    if (m->struct_bytes != sizeof *m)
        return tern_fail(err, TERN_USAGE, "masks of %zu bytes; set struct_bytes to the struct's size", m->struct_bytes);
    if (m->capacity < 1 || m->top < 1 || (m->targets && m->n_targets < 1))
        return tern_fail(err, TERN_USAGE, "room for %zu masks of %d candidates; 1 or more are possible", m->capacity,
                         m->targets && !m->n_targets ? 0 : m->top);
    if (m->targets && m->n_targets > (size_t)vocab)
        return tern_fail(err, TERN_USAGE, "%zu targets; the vocabulary has %d, and none may be given twice",
                         m->n_targets, vocab);
    for (size_t i = 0; m->targets && i < m->n_targets; i++)
        if (m->targets[i] < 0 || m->targets[i] >= vocab)
            return tern_fail(err, TERN_USAGE, "target %zu has id %d; the vocabulary has %d", i, m->targets[i], vocab);
    return TERN_OK;
}

/* The places of the masks, in the session's array of them; those that there is no room for are counted. */
static int find_masks(const struct tern_waiting *w, const tern_tokens *tokens, tern_masks *masks)
{
    const int32_t mask = tern_mask_id(w->model->tokenizer);
    int n = 0;
    for (size_t i = 0; i < tokens->count; i++) {
        if (tokens->ids[i] != mask)
            continue;
        if (masks->count++ >= masks->capacity)
            continue;
        if (masks->spans)
            masks->spans[n] = w->spans[i];
        w->asked[n++] = (int32_t)i;
    }
    return n;
}

tern_status tern_fill(tern_session *session, const tern_text *text, tern_truncate truncate, tern_masks *masks,
                      tern_error *err)
{
    const struct tern_waiting *const w = tern_session_waiting(session);
    const struct tern_config *const config = &w->model->config;
    tern_tokens tokens;
    tern_status status = check_model(w, truncate, err);
    if (!status)
        status = check_masks(w, masks, err);
    if (status)
        return status;
    masks->count = masks->n_tokens = masks->n_needed = 0;
    masks->n_candidates = masks->top;
    const size_t most = masks->targets ? masks->n_targets : (size_t)config->vocab;
    if (most < (size_t)masks->top)
        masks->n_candidates = (int32_t)most;
    status = read_text(w, text, truncate, &tokens, err);
    masks->n_needed = tokens.needed;
    if (status)
        return status;
    masks->n_tokens = tokens.count;
    struct fill fill = {w, masks};
    const int n = find_masks(w, &tokens, masks);
    const struct tern_asked asked = {w->asked, n, &fill, take_candidates};
    const int32_t offsets[2] = {0, (int32_t)tokens.count};
    const tern_batch batch = {w->ids, types_of(w), offsets, 1};
    if (!n) {
        size_t bytes;
        const char *const piece = tern_token_text(w->model->tokenizer, tern_mask_id(w->model->tokenizer), &bytes);
        return tern_fail(err, TERN_INPUT, "the text has no mask; write %.*s where a word is missing", (int)bytes,
                         piece);
    }
    status = tern_session_words(session, &batch, &asked, err);
    if (status)
        masks->count = 0;
    return status;
}

/* Copies of a text, in each of which another token is masked. */
struct likelihood {
    const struct tern_config *config;
    const int32_t *truth; /* [copies of a run] what is masked */
    double sum;
};

static tern_status take_likelihood(void *context, int i, const float *logits)
{
    struct likelihood *l = context;
    l->sum += (double)logits[l->truth[i]] - log_sum(logits, l->config->vocab);
    return TERN_OK;
}

/* One run: copies of tokens[n] with the tokens places[copies] masked. */
static tern_status run_copies(tern_session *session, const struct tern_waiting *w, const tern_tokens *tokens,
                              const int32_t *places, int copies, int32_t *truth, double *sum, tern_error *err)
{
    const size_t n = tokens->count;
    struct likelihood l = {&w->model->config, truth, *sum};
    const struct tern_asked asked = {w->asked, copies, &l, take_likelihood};
    const tern_batch batch = {w->ids, types_of(w), w->offsets, copies};
    for (int i = copies; i-- > 0;) { /* the first copy is the text itself, and masked last */
        int32_t *const ids = w->ids + (size_t)i * n;
        memmove(ids, w->ids, n * sizeof *ids);
        memmove(w->types + (size_t)i * n, w->types, n * sizeof *w->types);
        truth[i] = ids[places[i]];
        ids[places[i]] = tern_mask_id(w->model->tokenizer);
        w->asked[i] = (int32_t)((size_t)i * n) + places[i];
        w->offsets[i + 1] = (int32_t)((size_t)(i + 1) * n);
    }
    w->offsets[0] = 0;
    const tern_status status = tern_session_words(session, &batch, &asked, err);
    w->ids[places[0]] = truth[0];
    *sum = l.sum;
    return status;
}

tern_status tern_pseudo_likelihood(tern_session *session, const tern_text *text, tern_truncate truncate, double *sum,
                                   size_t *n_tokens, tern_error *err)
{
    const struct tern_waiting *const w = tern_session_waiting(session);
    tern_tokens tokens;
    tern_status status = check_model(w, truncate, err);
    if (!status)
        status = read_text(w, text, truncate, &tokens, err);
    if (status)
        return status;
    int32_t *const places = malloc(2 * tokens.count * sizeof *places);
    if (!places)
        return tern_fail_nomem(err, "the text's tokens", 2 * tokens.count * sizeof *places);
    size_t n = 0, most = (size_t)w->room / tokens.count;
    for (size_t i = 0; i < tokens.count; i++)
        if (w->spans[i].source >= 0)
            places[n++] = (int32_t)i;
    most = most < 1 ? 1 : most > (size_t)w->max_texts ? (size_t)w->max_texts : most;
    *sum = 0;
    for (size_t i = 0; i < n && !status; i += most) {
        const int copies = (int)(n - i < most ? n - i : most);
        status = run_copies(session, w, &tokens, places + i, copies, places + tokens.count, sum, err);
    }
    if (n_tokens)
        *n_tokens = n;
    free(places);
    return status;
}
