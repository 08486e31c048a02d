/* Sparse vectors: what a masked-language head says of all tokens of a text, taken together for each word; or, of a
   query of models that have weights for these, its tokens and what they weigh. */
#include "models/tokenizer.h"
#include "runtime/model.h"
#include "runtime/session.h"
#include "runtime/texts.h"

#include <math.h>
#include <string.h>

/* Whether texts are queries that no encoder runs for. */
static int is_looked_up(const struct tern_waiting *w, int query)
{
    return query && w->model->query_weights;
}

tern_status tern_sparse_check(const struct tern_waiting *w, tern_error *err)
{
    if (!tern_gives_words(&w->model->config))
        return tern_fail(
            err, TERN_USAGE,
            "the model has no masked-language head, which sparse vectors are made of; convert a checkpoint "
            "that has one with --task fill");
    return tern_waiting_check_room(w, err);
}

int tern_sparse_most(const struct tern_waiting *w, int query)
{
    return is_looked_up(w, query) ? w->max_texts : w->max_sparse;
}

/* ---- Tokens ------------------------------------------------------------------------------------------------------ */

/* Special tokens around a text, of which so many stand behind it. */
static tern_status count_specials(const struct tern_waiting *w, size_t *all, size_t *behind, tern_error *err)
{
    int32_t ids[16];
    const tern_text nothing = {.text = ""};
    tern_tokens tokens = {.struct_bytes = sizeof tokens, .capacity = sizeof ids / sizeof *ids, .ids = ids};
    const tern_status status = tern_tokenize(w->model->tokenizer, &nothing, TERN_TRUNCATE_HEAD, &tokens, err);
    *all = tokens.count;
    *behind = (size_t)tern_tokenizer_specials_behind(w->model->tokenizer);
    return status;
}

tern_status tern_sparse_tokenize(const struct tern_waiting *w, int query, const tern_text *text, tern_truncate truncate,
                                 tern_tokens *tokens, tern_error *err)
{
    size_t all, behind;
    const int own = is_looked_up(w, query);
    if (own && text->pair)
        return tern_fail(err, TERN_INPUT, "a query that is looked up in a table of weights has no pair");
    tern_status status = tern_waiting_tokenize(w, tern_waiting_prompt(w, query), text, truncate, tokens, err);
    if (status || !own)
        return status;
    status = count_specials(w, &all, &behind, err);
    if (!status && tokens->count >= all) {
        tokens->count -= all;
        tokens->needed -= all;
        memmove(tokens->ids, tokens->ids + (all - behind), tokens->count * sizeof *tokens->ids);
    }
    return status;
}

/* ---- Words ------------------------------------------------------------------------------------------------------- */

static float weight_of(const struct tern_sparse_spec *spec, float logit)
{
    const double once = logit > 0 ? log1p((double)logit) : 0;
    return (float)(spec->twice ? log1p(once) : once);
}

/* Where the tokens' logits are collected: of each text and word the largest one, or the sum of the weights. */
struct collected {
    const struct tern_waiting *w;
    int text; /* of the token that comes next */
};

static tern_status collect(void *context, int i, const float *logits)
{
    struct collected *const c = context;
    const struct tern_sparse_spec *const spec = &c->w->model->config.sparse;
    const int32_t vocab = c->w->model->config.vocab;
    while (i >= c->w->offsets[c->text + 1])
        c->text++;
    const int first = i == c->w->offsets[c->text];
    float *const words = c->w->word_weights + (ptrdiff_t)c->text * vocab;
    for (int32_t k = 0; k < vocab && spec->sum; k++)
        words[k] = (first ? 0 : words[k]) + weight_of(spec, logits[k]);
    for (int32_t k = 0; k < vocab && !spec->sum; k++)
        words[k] = first || logits[k] > words[k] ? logits[k] : words[k];
    return TERN_OK;
}

tern_status tern_sparse_run(tern_session *session, int query, tern_error *err)
{
    const struct tern_waiting *const w = tern_session_waiting(session);
    const tern_batch batch = tern_waiting_batch(w);
    struct collected all = {w, 0};
    const struct tern_asked asked = {w->asked, w->offsets[w->n], &all, collect};
    if (is_looked_up(w, query))
        return TERN_OK;
    for (int32_t i = 0; i < asked.n; i++)
        w->asked[i] = i;
    return tern_session_words(session, &batch, &asked, err);
}

/* ---- Answers ----------------------------------------------------------------------------------------------------- */

/* The n words that w->ranked names, the largest weight of weights[vocab] first. */
static void put_in_order(const struct tern_waiting *w, const float *weights, int n, tern_answer *answer)
{
    tern_best_sort(w->ranked, n);
    for (int i = 0; i < n; i++)
        w->words[i] = (tern_weight){(int32_t)w->ranked[i].row, weights[w->ranked[i].row]};
    answer->words = w->words;
    answer->n_words = (size_t)n;
}

static struct tern_ranked ranked_word(int32_t id, float weight)
{
    return (struct tern_ranked){tern_score_key((double)weight), (uint32_t)id};
}

/* Each id once. */
static void look_up(const struct tern_waiting *w, tern_answer *answer)
{
    const float *const weights = w->model->query_weights;
    int n = 0;
    for (size_t i = 0; i < answer->n_tokens; i++)
        w->word_weights[answer->ids[i]] = 0;
    for (size_t i = 0; i < answer->n_tokens; i++) {
        const int32_t id = answer->ids[i];
        if (weights[id] != 0 && w->word_weights[id] == 0)
            w->ranked[n++] = ranked_word(id, w->word_weights[id] = weights[id]);
    }
    put_in_order(w, weights, n, answer);
}

void tern_sparse_answer(const struct tern_waiting *w, int query, int i, tern_answer *answer)
{
    const struct tern_config *const config = &w->model->config;
    answer->values = NULL;
    answer->integers = NULL;
    if (is_looked_up(w, query)) {
        look_up(w, answer);
        return;
    }
    float *const words = w->word_weights + (ptrdiff_t)i * config->vocab;
    int n = 0;
    for (int32_t k = 0; k < config->vocab; k++) {
        if (!config->sparse.sum)
            words[k] = words[k] > 0 ? weight_of(&config->sparse, words[k]) : 0;
        if (words[k] > 0)
            w->ranked[n++] = ranked_word(k, words[k]);
    }
    put_in_order(w, words, n, answer);
}

/* ---- The call ---------------------------------------------------------------------------------------------------- */

static tern_status keep_sparse(void *context, const tern_answer *answer)
{
    const struct tern_one_text *const one = context;
    tern_sparse_vector *const out = one->out;
    out->n_needed = answer->n_needed;
    if (answer->error)
        return tern_fail(one->err, answer->error->code, "%s", answer->error->message);
    out->n_tokens = answer->n_tokens;
    out->n_words = answer->n_words;
    out->count = answer->n_words < out->capacity ? answer->n_words : out->capacity;
    memcpy(out->words, answer->words, out->count * sizeof *out->words);
    return TERN_OK;
}

tern_status tern_embed_sparse(tern_session *session, const tern_text *text, int32_t query, tern_truncate truncate,
                              tern_sparse_vector *sparse, tern_error *err)
{
    struct tern_one_text one = {text, sparse, err};
    const tern_stream stream = {.struct_bytes = sizeof stream,
                                .context = &one,
                                .next = tern_next_of_one,
                                .answer = keep_sparse,
                                .query = query};
    if (sparse->struct_bytes != sizeof *sparse)
        return tern_fail(err, TERN_USAGE, "a sparse vector of %zu bytes; set struct_bytes to the struct's size",
                         sparse->struct_bytes);
    if (sparse->capacity < 1)
        return tern_fail(err, TERN_USAGE, "room for no word; 1 or more are possible");
    sparse->count = sparse->n_words = sparse->n_tokens = sparse->n_needed = 0;
    return tern_answer_stream(session, TERN_SPARSE, truncate, &stream, err);
}
