/* Text in, answer out: texts are tokenised one after the other into the session's arrays and run when the next one does
   not fit, when the stream has nothing more to give at the moment, or at its end. Nothing is sorted: Tern pads nothing,
   so that texts of different lengths run together at no loss. */
#include "runtime/texts.h"
#include "runtime/model.h"
#include "runtime/session.h"

#include <math.h>
#include <string.h>

/* Sparse vectors of a run have so many numbers together, or are one. */
enum { SPARSE_NUMBERS = 1 << 20 };

void tern_waiting_plan(struct tern_waiting *w, struct tern_arena *arena)
{
    const struct tern_config *c = &w->model->config;
    const size_t texts = (size_t)w->max_texts, tokens = (size_t)w->room + (size_t)w->limit;
    const size_t width = (size_t)(w->dimensions > c->n_labels ? w->dimensions : c->n_labels);
    w->ids = tern_arena_take(arena, tokens, sizeof *w->ids);
    w->types = tern_arena_take(arena, tokens, sizeof *w->types);
    w->offsets = tern_arena_take(arena, texts + 1, sizeof *w->offsets);
    w->needed = tern_arena_take(arena, texts, sizeof *w->needed);
    const size_t labels =
        tern_head_kinds[c->head].gives == TERN_GIVES_TOKENS ? (size_t)w->room * (size_t)c->n_labels : 0;
    size_t values = texts * width > labels ? texts * width : labels;
    const int words = tern_gives_words(c);
    const int late = c->vectors == TERN_VECTORS_TOKENS;
    if (late && (size_t)w->room * width > values)
        values = (size_t)w->room * width;
    w->spans = labels || words || late ? tern_arena_take(arena, tokens, sizeof *w->spans) : NULL;
    w->unseen = late ? tern_arena_take(arena, texts, sizeof *w->unseen) : NULL;
    if (words) {
        const size_t vocab = (size_t)c->vocab, most = SPARSE_NUMBERS / vocab;
        w->max_sparse = (int)(most < 1 ? 1 : most < texts ? most : texts);
        w->asked = tern_arena_take(arena, tokens, sizeof *w->asked);
        w->word_weights = tern_arena_take(arena, (size_t)w->max_sparse * vocab, sizeof *w->word_weights);
        w->ranked = tern_arena_take(arena, vocab, sizeof *w->ranked);
        w->words = tern_arena_take(arena, vocab, sizeof *w->words);
    }
    w->values = tern_arena_take(arena, values, sizeof *w->values);
}

tern_status tern_check_reading(const tern_model *model, tern_truncate truncate, tern_error *err)
{
    if ((int)truncate < TERN_TRUNCATE_ERROR || (int)truncate > TERN_TRUNCATE_TAIL)
        return tern_fail(err, TERN_USAGE, "%d is no tern_truncate", (int)truncate);
    if (!model->tokenizer)
        return tern_fail(err, TERN_FORMAT,
                         "the model's file has no vocabulary; convert the checkpoint again, with its tokenizer");
    return TERN_OK;
}

tern_status tern_waiting_check_room(const struct tern_waiting *w, tern_error *err)
{
    if (w->limit < 3)
        return tern_fail(err, TERN_USAGE, "the session was opened for %d tokens; a text needs 3 at least", w->limit);
    return TERN_OK;
}

tern_status tern_waiting_tokenize(const struct tern_waiting *w, const char *prompt, const tern_text *text,
                                  tern_truncate truncate, tern_tokens *tokens, tern_error *err)
{
    const tern_status status = tern_tokenize_behind(w->model->tokenizer, prompt, text, truncate, tokens, err);
    if (status || tokens->count || tern_config_is_static(&w->model->config))
        return status;
    return tern_fail(err, TERN_INPUT, "the text has no token");
}

tern_batch tern_waiting_batch(const struct tern_waiting *w)
{
    /* With one token type, a pair's second text has that type too. */
    return (tern_batch){w->ids, w->model->config.token_types > 1 ? w->types : NULL, w->offsets, w->n};
}

/* ---- Streams ---- */

/* One call of tern_answer_stream. */
struct call {
    tern_session *session;
    struct tern_waiting *waiting;
    tern_task task;
    tern_truncate truncate;
    const tern_stream *stream;
    tern_error *err;
};

/* Values of one text. */
static int32_t values_of(const struct call *c)
{
    switch (c->task) {
    case TERN_EMBED:
    case TERN_TOKENS: return tern_session_dimensions(c->session);
    case TERN_SPARSE: return 0;
    case TERN_CLASSIFY:
    case TERN_TAG: break;
    }
    return c->waiting->model->info.n_labels;
}

/* Texts of a run. */
static int most_texts(const struct call *c)
{
    return c->task == TERN_SPARSE ? tern_sparse_most(c->waiting, c->stream->query) : c->waiting->max_texts;
}

static tern_status hand_out(const struct call *c, const int32_t *integers)
{
    const struct tern_waiting *w = c->waiting;
    const int32_t count = values_of(c);
    tern_status status = TERN_OK;
    for (int i = 0; i < w->n && !status; i++) {
        const size_t first = (size_t)w->offsets[i], at = (c->task == TERN_TAG ? first : (size_t)i) * (size_t)count;
        tern_answer answer = {.index = w->index + (size_t)i,
                              .ids = w->ids + first,
                              .spans = c->task == TERN_TAG ? w->spans + first : NULL,
                              .n_tokens = (size_t)(w->offsets[i + 1] - w->offsets[i]),
                              .n_needed = w->needed[i],
                              .values = w->values + at,
                              .integers = integers ? integers + at : NULL,
                              .count = count};
        if (c->task == TERN_SPARSE)
            tern_sparse_answer(w, c->stream->query, i, &answer);
        else if (c->task == TERN_TOKENS)
            tern_late_answer(w, c->stream->query, i, &answer);
        status = c->stream->answer(c->stream->context, &answer);
    }
    return status;
}

static tern_status run_task(const struct call *c)
{
    struct tern_waiting *const w = c->waiting;
    const tern_batch batch = tern_waiting_batch(w);
    switch (c->task) {
    case TERN_EMBED: return tern_session_embed(c->session, &batch, w->prompt_tokens, w->values, c->err);
    case TERN_SPARSE: return tern_sparse_run(c->session, c->stream->query, c->err);
    case TERN_TOKENS: return tern_session_embed_tokens(c->session, &batch, w->unseen, w->values, c->err);
    case TERN_CLASSIFY:
    case TERN_TAG: break;
    }
    return tern_classify(c->session, &batch, w->values, c->err);
}

/* Runs the texts that wait and hands out their answers. The text behind them, if one is there, becomes the first. */
static tern_status run_waiting(const struct call *c)
{
    struct tern_waiting *w = c->waiting;
    size_t n;
    int32_t bits;
    if (!w->n)
        return TERN_OK;
    tern_status status = run_task(c);
    if (!status)
        status = hand_out(c, tern_session_integers(c->session, &n, &bits));
    w->index += (size_t)w->n;
    w->n = 0;
    return status;
}

/* What came before a refused text is answered first. */
static tern_status refuse(const struct call *c, const tern_error *why, size_t needed)
{
    tern_status status = run_waiting(c);
    if (status)
        return status;
    const tern_answer answer = {.index = c->waiting->index++, .error = why, .n_needed = needed, .count = values_of(c)};
    return c->stream->answer(c->stream->context, &answer);
}

/* Tokens of a text, and which of them no other sees. */
static tern_status tokenize(const struct call *c, const tern_text *text, tern_tokens *tokens, int32_t *unseen,
                            tern_error *why)
{
    const struct tern_waiting *const w = c->waiting;
    const int query = c->stream->query;
    if (c->task == TERN_TOKENS)
        return tern_late_tokenize(w, query, text, c->truncate, tokens, unseen, why);
    if (c->task == TERN_SPARSE)
        return tern_sparse_tokenize(w, query, text, c->truncate, tokens, why);
    return tern_waiting_tokenize(w, c->task == TERN_EMBED ? w->prompt : "", text, c->truncate, tokens, why);
}

static tern_status add(const struct call *c, const tern_text *text)
{
    struct tern_waiting *w = c->waiting;
    const int32_t used = w->offsets[w->n];
    tern_tokens tokens = {.struct_bytes = sizeof tokens,
                          .capacity = (size_t)w->limit,
                          .ids = w->ids + used,
                          .types = w->types + used,
                          .spans = c->task == TERN_TAG || c->task == TERN_TOKENS ? w->spans + used : NULL};
    tern_error why;
    int32_t unseen = 0;
    tern_status status = tokenize(c, text, &tokens, &unseen, &why);
    if (status)
        return refuse(c, &why, tokens.needed);
    const int32_t count = (int32_t)tokens.count;
    if (used + count > w->room) {
        status = run_waiting(c);
        memmove(w->ids, tokens.ids, tokens.count * sizeof *w->ids);
        memmove(w->types, tokens.types, tokens.count * sizeof *w->types);
        if (tokens.spans)
            memmove(w->spans, tokens.spans, tokens.count * sizeof *w->spans);
    }
    if (w->unseen)
        w->unseen[w->n] = unseen;
    w->needed[w->n] = tokens.needed;
    w->offsets[w->n + 1] = w->offsets[w->n] + count;
    w->n++;
    return status ? status : w->n == most_texts(c) ? run_waiting(c) : TERN_OK;
}

static tern_status check_call(const struct call *c)
{
    const struct tern_waiting *w = c->waiting;
    if (c->stream->struct_bytes != sizeof *c->stream)
        return tern_fail(c->err, TERN_USAGE, "a stream of %zu bytes; set struct_bytes to the struct's size",
                         c->stream->struct_bytes);
    if ((int)c->task < TERN_CLASSIFY || (int)c->task > TERN_TOKENS)
        return tern_fail(c->err, TERN_USAGE, "%d is no tern_task", (int)c->task);
    const tern_status status = tern_check_reading(w->model, c->truncate, c->err);
    if (status)
        return status;
    if (c->task == TERN_SPARSE)
        return tern_sparse_check(w, c->err);
    if (c->task == TERN_TOKENS)
        return tern_late_check(w, c->stream->query, c->err);
    if (c->task == TERN_EMBED && w->model->config.vectors != TERN_VECTORS_TEXT)
        return tern_session_not_pooled(w->model, c->err);
    if (c->task == TERN_CLASSIFY && w->model->info.of_tokens)
        return tern_fail(c->err, TERN_USAGE, "the model labels tokens, not texts; use TERN_TAG");
    if (c->task == TERN_TAG && w->model->info.n_labels && !w->model->info.of_tokens)
        return tern_fail(c->err, TERN_USAGE, "the model labels texts, not tokens; use TERN_CLASSIFY");
    if (c->task != TERN_EMBED && tern_gives_words(&w->model->config))
        return tern_fail(c->err, TERN_USAGE, "the model labels nothing, but finds missing words; use tern_fill");
    if (c->task != TERN_EMBED && !w->model->info.n_labels)
        return tern_fail(c->err, TERN_USAGE, "the model has no classification head; use embed");
    return tern_waiting_check_room(w, c->err);
}

tern_status tern_answer_stream(tern_session *session, tern_task task, tern_truncate truncate, const tern_stream *stream,
                               tern_error *err)
{
    const struct call c = {session, tern_session_waiting(session), task, truncate, stream, err};
    if (err)
        *err = (tern_error){TERN_OK, ""}; /* a callback that ends the stream may leave it so */
    tern_next next = TERN_NEXT_WAIT;
    tern_status status = check_call(&c);
    if (status)
        return status;
    c.waiting->n = 0;
    c.waiting->index = 0;
    c.waiting->offsets[0] = 0;
    while (next != TERN_NEXT_END && !status) {
        tern_text text = {NULL, 0, NULL, 0};
        next = stream->next(stream->context, &text);
        status = next == TERN_NEXT_TEXT ? add(&c, &text) : run_waiting(&c);
    }
    return status;
}

tern_next tern_next_of_one(void *context, tern_text *text)
{
    struct tern_one_text *const one = context;
    if (!one->text)
        return TERN_NEXT_END;
    *text = *one->text;
    one->text = NULL;
    return TERN_NEXT_TEXT;
}

/* ---- Arrays ---- */

struct array {
    const tern_text *texts;
    size_t n, done; /* texts; those that were read */
    tern_answers *out;
    tern_error *err;
};

static tern_next next_of_array(void *context, tern_text *text)
{
    struct array *a = context;
    if (a->done == a->n)
        return TERN_NEXT_END;
    *text = a->texts[a->done++];
    return TERN_NEXT_TEXT;
}

static tern_status answer_into_array(void *context, const tern_answer *answer)
{
    struct array *a = context;
    tern_answers *out = a->out;
    const size_t i = answer->index, at = i * (size_t)answer->count, bytes = (size_t)answer->count * sizeof *out->values;
    if (answer->error)
        return tern_fail(a->err, answer->error->code, "text %zu: %s", i + 1, answer->error->message);
    memcpy(out->values + at, answer->values, bytes);
    if (out->integers && answer->integers)
        memcpy(out->integers + at, answer->integers, bytes);
    if (out->n_tokens)
        out->n_tokens[i] = answer->n_tokens;
    if (out->n_needed)
        out->n_needed[i] = answer->n_needed;
    out->n_answered = i + 1;
    return TERN_OK;
}

static tern_status answer_texts(tern_session *session, tern_task task, const tern_text *texts, size_t n_texts,
                                tern_truncate truncate, tern_answers *out, tern_error *err)
{
    struct array array = {.texts = texts, .n = n_texts, .out = out, .err = err};
    const tern_stream stream = {
        .struct_bytes = sizeof stream, .context = &array, .next = next_of_array, .answer = answer_into_array};
    if (out->struct_bytes != sizeof *out)
        return tern_fail(err, TERN_USAGE, "answers of %zu bytes; set struct_bytes to the struct's size",
                         out->struct_bytes);
    out->n_answered = 0;
    return tern_answer_stream(session, task, truncate, &stream, err);
}

tern_status tern_classify_texts(tern_session *session, const tern_text *texts, size_t n_texts, tern_truncate truncate,
                                tern_answers *answers, tern_error *err)
{
    return answer_texts(session, TERN_CLASSIFY, texts, n_texts, truncate, answers, err);
}

tern_status tern_embed_texts(tern_session *session, const tern_text *texts, size_t n_texts, tern_truncate truncate,
                             tern_answers *answers, tern_error *err)
{
    return answer_texts(session, TERN_EMBED, texts, n_texts, truncate, answers, err);
}

/* ---- Meaning ---- */

int32_t tern_probabilities(const tern_model *model, const float *logits, double *out)
{
    const int32_t n = model->config.n_labels;
    int32_t best = n ? 0 : -1;
    double sum = 0;
    for (int32_t i = 1; i < n; i++)
        best = logits[i] > logits[best] ? i : best;
    for (int32_t i = 0; out && i < n; i++) {
        const double logit = (double)logits[i];
        switch (model->config.output) {
        case TERN_OUTPUT_SOFTMAX: out[i] = exp(logit - (double)logits[best]); break;
        case TERN_OUTPUT_SIGMOID: out[i] = 1 / (1 + exp(-logit)); break;
        case TERN_OUTPUT_RAW:
        case TERN_N_OUTPUTS: out[i] = logit; break;
        }
        sum += out[i];
    }
    for (int32_t i = 0; out && i < n && model->config.output == TERN_OUTPUT_SOFTMAX; i++)
        out[i] /= sum;
    return best;
}
