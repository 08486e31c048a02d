/* Vectors of tokens, which late interaction (ColBERT) compares: how a query's and a document's tokens are chosen. */
#include "models/config_private.h"
#include "models/tokenizer.h"
#include "runtime/model.h"
#include "runtime/session.h"
#include "runtime/texts.h"

#include <string.h>

/* The tokens of one text: the session's arrays, from their beginning. */
struct side {
    const struct tern_waiting *w;
    const struct tern_late_spec *late;
    int query;
    int32_t prefix; /* as the config has it: an id plus 1, or 0 */
    int32_t limit;  /* tokens, those included that the model puts there */
    int32_t n, unseen;
};

static tern_status check(const struct tern_waiting *w, const tern_token_vectors *out, tern_truncate truncate,
                         tern_error *err)
{
    if (out->struct_bytes != sizeof *out)
        return tern_fail(err, TERN_USAGE, "vectors of tokens of %zu bytes; set struct_bytes to the struct's size",
                         out->struct_bytes);
    if (w->model->config.vectors != TERN_VECTORS_TOKENS)
        return tern_fail(err, TERN_USAGE, "the model has no vectors of tokens; convert a ColBERT checkpoint");
    return tern_check_reading(w->model, truncate, err);
}

static struct side side_of(const struct tern_waiting *w, int query)
{
    const struct tern_late_spec *const late = &w->model->config.late;
    struct side s = {.w = w, .late = late, .query = query};
    const int32_t own = query ? late->query_tokens : late->document_tokens;
    s.prefix = query ? late->query_prefix : late->document_prefix;
    s.limit = own && own < w->limit ? own : w->limit;
    return s;
}

/* The session's prompt; where it has none, what the model calls its prompt for queries or for documents. */
static const char *prompt_of(const struct side *s)
{
    const struct tern_config *const c = &s->w->model->config;
    const char *const name = s->query ? "query" : "document";
    for (int32_t i = 0; i < c->n_prompts && !*s->w->prompt; i++)
        if (!strcmp(c->prompts[i].name, name))
            return c->prompts[i].text;
    return s->w->prompt;
}

/* A place behind the first token for the model's own. */
static void insert_prefix(const struct side *s)
{
    const struct tern_waiting *const w = s->w;
    const size_t behind = (size_t)s->n - 1;
    memmove(w->ids + 2, w->ids + 1, behind * sizeof *w->ids);
    memmove(w->types + 2, w->types + 1, behind * sizeof *w->types);
    memmove(w->spans + 2, w->spans + 1, behind * sizeof *w->spans);
    w->ids[1] = s->prefix - 1;
    w->types[1] = w->types[0];
    w->spans[1] = (tern_span){0, 0, -1, -1};
}

static tern_status read_text(struct side *s, const tern_text *text, tern_truncate truncate, tern_token_vectors *out,
                             tern_error *err)
{
    const struct tern_waiting *const w = s->w;
    const struct tern_late_spec *const late = s->late;
    const int32_t own = s->prefix != 0;
    tern_tokens tokens = {.struct_bytes = sizeof tokens,
                          .capacity = (size_t)(s->limit - own),
                          .ids = w->ids,
                          .types = w->types,
                          .spans = w->spans};
    if (s->limit < TERN_MIN_TOKENS + own || (s->query && late->fill_to > w->limit))
        return tern_fail(err, TERN_USAGE, "the session was opened for %d tokens; the model's texts need %d", w->limit,
                         s->query && late->fill_to > w->limit ? late->fill_to : TERN_MIN_TOKENS + own);
    const tern_status status = tern_waiting_tokenize(w, prompt_of(s), text, truncate, &tokens, err);
    out->n_needed = tokens.needed ? tokens.needed + (size_t)own : 0;
    if (status)
        return status;
    s->n = (int32_t)tokens.count;
    if (own)
        insert_prefix(s);
    s->n += own;
    const int32_t text_tokens = s->n;
    for (; s->query && s->n < late->fill_to; s->n++) {
        w->ids[s->n] = late->fill;
        w->types[s->n] = 0;
        w->spans[s->n] = (tern_span){0, 0, -1, -1};
    }
    s->unseen = late->fill_seen ? 0 : s->n - text_tokens;
    out->n_tokens = (size_t)s->n;
    out->n_needed += (size_t)(s->n - text_tokens);
    return TERN_OK;
}

static int is_left_out(const struct side *s, int32_t id)
{
    if (s->query && !s->late->skip_queries)
        return 0;
    for (int32_t i = 0; i < s->late->n_skip; i++)
        if (s->late->skip[i] == id)
            return 1;
    return 0;
}

static tern_status hand_out(const struct side *s, int32_t dimensions, tern_token_vectors *out, tern_error *err)
{
    const struct tern_waiting *const w = s->w;
    const size_t width = (size_t)dimensions;
    for (int32_t i = 0; i < s->n; i++) {
        if (is_left_out(s, w->ids[i]))
            continue;
        if (out->count == out->capacity) {
            out->count = 0;
            return tern_fail(err, TERN_USAGE, "the text has more than the %zu vectors that there is room for",
                             out->capacity);
        }
        memcpy(out->vectors + out->count * width, w->values + (size_t)i * width, width * sizeof *out->vectors);
        if (out->ids)
            out->ids[out->count] = w->ids[i];
        if (out->spans)
            out->spans[out->count] = w->spans[i];
        out->count++;
    }
    return TERN_OK;
}

tern_status tern_embed_tokens(tern_session *session, const tern_text *text, int32_t query, tern_truncate truncate,
                              tern_token_vectors *out, tern_error *err)
{
    const struct tern_waiting *const w = tern_session_waiting(session);
    tern_status status = check(w, out, truncate, err);
    if (status)
        return status;
    struct side s = side_of(w, query != 0);
    out->count = out->n_tokens = out->n_needed = 0;
    status = read_text(&s, text, truncate, out, err);
    const int32_t offsets[2] = {0, s.n};
    const tern_batch batch = {w->ids, w->model->config.token_types > 1 ? w->types : NULL, offsets, 1};
    if (!status)
        status = tern_session_embed_tokens(session, &batch, s.unseen, w->values, err);
    return status ? status : hand_out(&s, tern_session_dimensions(session), out, err);
}

double tern_maxsim(const float *query, size_t n_query, const float *document, size_t n_document, int32_t dimensions)
{
    double sum = 0;
    for (size_t i = 0; i < n_query && n_document; i++) {
        double most = 0;
        for (size_t j = 0; j < n_document; j++) {
            double product = 0;
            for (int32_t k = 0; k < dimensions; k++)
                product += (double)query[i * (size_t)dimensions + (size_t)k] *
                           (double)document[j * (size_t)dimensions + (size_t)k];
            most = !j || product > most ? product : most;
        }
        sum += most;
    }
    return sum;
}
