/* Documents in the order in which they fit a query, by a head that gives a pair of texts one value. */
#include "runtime/best.h"
#include "runtime/model.h"
#include "runtime/session.h"
#include "runtime/texts.h"

struct ranking {
    const tern_model *model;
    tern_text pair; /* its text is the query */
    const tern_text *documents;
    size_t n, done;
    tern_reranked *out;
    tern_error *err;
};

static tern_next next_pair(void *context, tern_text *text)
{
    struct ranking *r = context;
    if (r->done == r->n)
        return TERN_NEXT_END;
    const tern_text *const document = &r->documents[r->done++];
    *text = r->pair;
    text->pair = document->text ? document->text : "";
    text->pair_bytes = document->text_bytes;
    return TERN_NEXT_TEXT;
}

static tern_status keep_value(void *context, const tern_answer *answer)
{
    struct ranking *r = context;
    if (answer->error)
        return tern_fail(r->err, answer->error->code, "document %zu: %s", answer->index + 1, answer->error->message);
    tern_reranked *const out = &r->out[answer->index];
    out->index = answer->index;
    out->truncated = answer->n_needed > answer->n_tokens;
    tern_probabilities(r->model, answer->values, &out->score);
    return TERN_OK;
}

/* A larger value or, of equals, an earlier document; what is no number goes last. */
static int goes_before(const void *a, const void *b)
{
    const tern_reranked *const x = a, *const y = b;
    const int64_t one = tern_score_key(x->score), other = tern_score_key(y->score);
    return one < other || (one == other && x->index < y->index);
}

tern_status tern_rerank(tern_session *session, const tern_text *query, const tern_text *documents, size_t n_documents,
                        tern_truncate truncate, tern_reranked *ranked, tern_error *err)
{
    const tern_model *const model = tern_session_waiting(session)->model;
    struct ranking r = {
        .model = model, .pair = *query, .documents = documents, .n = n_documents, .out = ranked, .err = err};
    const tern_stream stream = {.struct_bytes = sizeof stream, .context = &r, .next = next_pair, .answer = keep_value};
    if (model->info.n_labels != 1 || model->info.of_tokens)
        return tern_fail(
            err, TERN_USAGE,
            "documents are ranked by a cross-encoder, which gives a pair of texts one value; the model has "
            "%d labels%s",
            model->info.n_labels, model->info.n_labels ? "" : ", and makes vectors of texts: compare these");
    if (query->pair)
        return tern_fail(err, TERN_USAGE, "the query has a pair; the documents are its pairs");
    for (size_t i = 0; i < n_documents; i++)
        if (documents[i].pair)
            return tern_fail(err, TERN_USAGE, "document %zu has a pair; it is the query's pair itself", i + 1);
    const tern_status status = tern_answer_stream(session, TERN_CLASSIFY, truncate, &stream, err);
    if (!status)
        tern_sort(ranked, n_documents, sizeof *ranked, goes_before);
    return status;
}
