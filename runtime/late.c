/* Vectors of tokens, which late interaction (ColBERT) compares: how a query's and a document's tokens are chosen. */
#include "models/config_private.h"
#include "runtime/model.h"
#include "runtime/session.h"
#include "runtime/texts.h"

#include <string.h>

/* How the texts of a call are read. */
struct side {
    const struct tern_late_spec *late;
    int query;
    int32_t prefix; /* as the config has it: an id plus 1, or 0 */
    int32_t limit;  /* tokens, those included that the model puts there */
};

static struct side side_of(const struct tern_waiting *w, int query)
{
    const struct tern_late_spec *const late = &w->model->config.late;
    struct side s = {.late = late, .query = query};
    const int32_t own = query ? late->query_tokens : late->document_tokens;
    s.prefix = query ? late->query_prefix : late->document_prefix;
    s.limit = own && own < w->limit ? own : w->limit;
    return s;
}

tern_status tern_late_check(const struct tern_waiting *w, int query, tern_error *err)
{
    if (w->model->config.vectors != TERN_VECTORS_TOKENS)
        return tern_fail(err, TERN_USAGE, "the model has no vectors of tokens; convert a ColBERT checkpoint");
    const struct side s = side_of(w, query);
    const int32_t least = TERN_MIN_TOKENS + (s.prefix != 0), filled = query ? s.late->fill_to : 0;
    if (s.limit < least || filled > w->limit)
        return tern_fail(err, TERN_USAGE, "the session was opened for %d tokens; the model's texts need %d", w->limit,
                         filled > w->limit ? filled : least);
    return TERN_OK;
}

/* ---- Tokens ------------------------------------------------------------------------------------------------------ */

static void put_token(const tern_tokens *t, size_t at, int32_t id, int32_t type)
{
    t->ids[at] = id;
    t->types[at] = type;
    t->spans[at] = (tern_span){0, 0, -1, -1};
}

/* A place behind the first token for the model's own. */
static void insert_prefix(const struct side *s, tern_tokens *t)
{
    const size_t behind = t->count++ - 1;
    memmove(t->ids + 2, t->ids + 1, behind * sizeof *t->ids);
    memmove(t->types + 2, t->types + 1, behind * sizeof *t->types);
    memmove(t->spans + 2, t->spans + 1, behind * sizeof *t->spans);
    put_token(t, 1, s->prefix - 1, t->types[0]);
}

tern_status tern_late_tokenize(const struct tern_waiting *w, int query, const tern_text *text, tern_truncate truncate,
                               tern_tokens *tokens, int32_t *unseen, tern_error *err)
{
    const struct side s = side_of(w, query);
    const size_t own = s.prefix != 0;
    tokens->capacity = (size_t)s.limit - own;
    const tern_status status = tern_waiting_tokenize(w, tern_waiting_prompt(w, query), text, truncate, tokens, err);
    tokens->needed += tokens->needed ? own : 0;
    if (status)
        return status;
    if (own)
        insert_prefix(&s, tokens);
    const size_t of_text = tokens->count;
    while (query && tokens->count < (size_t)s.late->fill_to)
        put_token(tokens, tokens->count++, s.late->fill, 0);
    tokens->needed += tokens->count - of_text;
    *unseen = s.late->fill_seen ? 0 : (int32_t)(tokens->count - of_text);
    return TERN_OK;
}

/* ---- Answers ----------------------------------------------------------------------------------------------------- */

static int is_left_out(const struct tern_late_spec *late, int query, int32_t id)
{
    if (query && !late->skip_queries)
        return 0;
    for (int32_t i = 0; i < late->n_skip; i++)
        if (late->skip[i] == id)
            return 1;
    return 0;
}

/* What is left out makes room for what comes behind it. */
void tern_late_answer(const struct tern_waiting *w, int query, int i, tern_answer *answer)
{
    const size_t first = (size_t)w->offsets[i], width = (size_t)answer->count;
    int32_t *const ids = w->ids + first;
    tern_span *const spans = w->spans + first;
    float *const vectors = w->values + first * width;
    size_t n = 0;
    for (size_t k = 0; k < answer->n_tokens; k++) {
        if (is_left_out(&w->model->config.late, query, ids[k]))
            continue;
        ids[n] = ids[k];
        spans[n] = spans[k];
        memmove(vectors + n++ * width, vectors + k * width, width * sizeof *vectors);
    }
    answer->values = vectors;
    answer->integers = NULL;
    answer->spans = spans;
    answer->n_vectors = n;
}

/* ---- Calls ------------------------------------------------------------------------------------------------------- */

static tern_status keep_late(void *context, const tern_answer *answer)
{
    const struct tern_one_text *const one = context;
    tern_token_vectors *const out = one->out;
    const size_t n = answer->n_vectors;
    out->n_needed = answer->n_needed;
    if (answer->error)
        return tern_fail(one->err, answer->error->code, "%s", answer->error->message);
    out->n_tokens = answer->n_tokens;
    if (n > out->capacity)
        return tern_fail(one->err, TERN_USAGE, "the text has %zu vectors, more than the %zu that there is room for", n,
                         out->capacity);
    memcpy(out->vectors, answer->values, n * (size_t)answer->count * sizeof *out->vectors);
    if (out->ids)
        memcpy(out->ids, answer->ids, n * sizeof *out->ids);
    if (out->spans)
        memcpy(out->spans, answer->spans, n * sizeof *out->spans);
    out->count = n;
    return TERN_OK;
}

tern_status tern_embed_tokens(tern_session *session, const tern_text *text, int32_t query, tern_truncate truncate,
                              tern_token_vectors *out, tern_error *err)
{
    struct tern_one_text one = {text, out, err};
    const tern_stream stream = {
        .struct_bytes = sizeof stream, .context = &one, .next = tern_next_of_one, .answer = keep_late, .query = query};
    if (out->struct_bytes != sizeof *out)
        return tern_fail(err, TERN_USAGE, "vectors of tokens of %zu bytes; set struct_bytes to the struct's size",
                         out->struct_bytes);
    out->count = out->n_tokens = out->n_needed = 0;
    return tern_answer_stream(session, TERN_TOKENS, truncate, &stream, err);
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
