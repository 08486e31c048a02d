/* Sessions: plans their memory, starts their threads, checks a batch and runs it. */
#include "runtime/session.h"
#include "models/bert_f32.h"
#include "models/heads.h"
#include "models/parts.h"
#include "models/question.h"
#include "models/scheme.h"
#include "models/sparse_table.h"
#include "models/static.h"
#include "runtime/model.h"
#include "runtime/texts.h"
#include "simd/libraries.h"

#include <stdlib.h>
#include <string.h>

struct tern_session {
    const tern_model *model;
    struct tern_ops ops;
    unsigned features;
    struct tern_pool *pool;
    struct tern_arena arena;
    int max_tokens, max_texts;
    int dimensions, normalize; /* of embeddings */
    int ffn_width;
    struct tern_bert bert; /* int8 models */
    struct tern_heads heads;
    struct tern_profile *profile; /* [threads] */
    int32_t *types;               /* [max_tokens] of a model with question_apart */
    int32_t *offsets;             /* [max_texts + 1] of a group of texts */
    const int32_t *unseen;        /* [max_texts] of the run, see tern_session_embed_tokens; NULL: none */
    int32_t *result;              /* [max_texts][dimensions] or logits: what the user's floats are made of */
    float *words;                 /* [TERN_WORD_ROWS][vocab] of a head that gives words */
    struct tern_bert_f32 f32;     /* f32 models */
    int64_t token_products;       /* of the layers' matrices, for each token */
    size_t result_count;          /* of the last run; 0 before it */
    int result_bits;
    struct tern_waiting waiting; /* tokenised texts */
};

/* Texts run in groups of at most so many tokens per thread, for two reasons: what the layers hand on stays in the
   caches (DistilBERT's shape: 4.6 MB for 512 tokens), and the arena need not hold more. A group's weights are read once
   more, which its arithmetic hides. Texts that are handed over as text are collected until they fill a group. */
enum { GROUP_TOKENS = 512, DEFAULT_TEXTS = 32, DEFAULT_TOKENS = 4096 };

static int least(int a, int b)
{
    return a < b ? a : b;
}

static tern_status read_options(tern_session_options *o, const tern_session_options *given, tern_error *err)
{
    *o = (tern_session_options){.struct_bytes = sizeof *o};
    if (given) {
        if (given->struct_bytes < sizeof given->struct_bytes || given->struct_bytes > sizeof *o)
            return tern_fail(err, TERN_USAGE, "session options of %zu bytes; set struct_bytes to the struct's size",
                             given->struct_bytes);
        memcpy(o, given, given->struct_bytes);
    }
    if (o->threads < 0 || o->threads > TERN_MOST_THREADS)
        return tern_fail(err, TERN_USAGE, "%d threads; the limits are 1 and %d", o->threads, TERN_MOST_THREADS);
    if (o->max_tokens < 0 || o->max_tokens > 1 << 20 || o->max_texts < 0 || o->max_texts > 1 << 16)
        return tern_fail(err, TERN_USAGE, "%d tokens in %d texts; the limits of a run are %d and %d", o->max_tokens,
                         o->max_texts, 1 << 20, 1 << 16);
    if (o->dimensions < 0)
        return tern_fail(err, TERN_USAGE, "embeddings of %d dimensions; 1 or more are possible", o->dimensions);
    return TERN_OK;
}

/* The limits in force: 0 stands for a default, which goes by the pool's threads. */
static void set_limits(tern_session *s, const tern_session_options *o)
{
    s->max_texts = o->max_texts ? o->max_texts : DEFAULT_TEXTS;
    s->max_tokens = o->max_tokens;
    if (!s->max_tokens) {
        const int group = s->max_texts > 1 ? least(GROUP_TOKENS * tern_pool_threads(s->pool), DEFAULT_TOKENS) : 0;
        s->max_tokens = s->model->config.max_tokens > group ? s->model->config.max_tokens : group;
    }
    /* Every text has a token or more, so more texts than tokens never come together. */
    s->max_texts = least(s->max_texts, s->max_tokens);
    const struct tern_config *c = &s->model->config;
    s->dimensions = o->dimensions ? least(o->dimensions, tern_dense_inputs(c, c->n_dense)) : tern_vector_width(c);
    s->normalize = o->normalize != 0;
}

/* Tokens of the largest group: that of the longest text, at least. */
static int group_tokens(const tern_session *s)
{
    const int longest = least(s->max_tokens, s->model->config.max_tokens);
    const int group = GROUP_TOKENS * tern_pool_threads(s->pool);
    return least(s->max_tokens, longest > group ? longest : group);
}

/* Multiply-adds of a dense matrix, or of the blocks that a sparse one keeps, for each row. */
static int64_t row_products(const struct tern_linear *w)
{
    return w->sparse.first ? (int64_t)w->sparse.first[tern_panels(w->n)] * TERN_LINE : (int64_t)w->n * w->k;
}

/* Of all layers. Attention's products are left out: only where texts are long are they many, and then all threads pay.
 */
static int64_t token_products(const tern_model *m)
{
    int64_t all = 0;
    for (int i = 0; i < m->config.layers; i++)
        for (int j = 0; j < TERN_N_MATRICES; j++)
            all += row_products(&m->int8.layers[i].matrix[j]) + row_products(&m->int8.layers[i].inner[j]);
    return all;
}

/* Runs twice: to count the arena's bytes, and to hand them out. */
static void plan(tern_session *s)
{
    const struct tern_config *c = &s->model->config;
    const int longest = least(s->max_tokens, c->max_tokens);
    if (c->weights != TERN_WEIGHTS_F32) {
        s->bert.config = &s->model->config;
        s->bert.weights = &s->model->int8;
        s->bert.run.ops = &s->ops;
        s->bert.run.pool = s->pool;
        s->bert.max_tokens = group_tokens(s);
        s->bert.longest = longest;
        s->bert.ffn_width = s->ffn_width;
        s->heads.bert = &s->bert;
        if (tern_config_is_static(c))
            tern_static_plan(&s->heads, &s->arena);
        else
            tern_bert_plan(&s->bert, &s->arena);
        s->heads.max_texts = least(s->max_texts, s->bert.max_tokens);
        s->heads.dimensions = s->dimensions;
        s->heads.normalize = s->normalize;
        tern_heads_plan(&s->heads, &s->arena);
        const size_t texts = (size_t)s->max_texts,
                     of_tokens = c->vectors == TERN_VECTORS_TOKENS ? (size_t)s->max_tokens : texts,
                     vectors = of_tokens * (size_t)s->dimensions;
        const size_t of_gives[] = {[TERN_GIVES_TEXT] = texts,
                                   [TERN_GIVES_TOKENS] = (size_t)s->max_tokens,
                                   [TERN_GIVES_WORDS] = TERN_WORD_ROWS};
        const size_t rows = of_gives[tern_head_kinds[c->head].gives];
        const size_t logits = rows * (size_t)tern_logits_width(c);
        s->token_products = token_products(s->model);
        s->profile = tern_arena_take(&s->arena, (size_t)tern_pool_threads(s->pool), sizeof *s->profile);
        s->offsets = tern_arena_take(&s->arena, texts + 1, sizeof *s->offsets);
        s->result = tern_arena_take(&s->arena, vectors > logits ? vectors : logits, sizeof *s->result);
    } else {
        tern_libraries_add(&s->ops, s->features);
        s->f32.config = &s->model->config;
        s->f32.weights = &s->model->f32;
        s->f32.ops = &s->ops;
        s->f32.pool = s->pool;
        s->f32.max_tokens = s->max_tokens;
        s->f32.longest = longest;
        s->f32.ffn_width = s->ffn_width;
        s->f32.dimensions = s->dimensions;
        s->f32.normalize = s->normalize;
        tern_bert_f32_plan(&s->f32, &s->arena);
    }
    if (c->question_apart)
        s->types = tern_arena_take(&s->arena, (size_t)s->max_tokens, sizeof *s->types);
    if (tern_gives_words(c))
        s->words = tern_arena_take(&s->arena, TERN_WORD_ROWS * (size_t)c->vocab, sizeof *s->words);
    s->waiting.model = s->model;
    s->waiting.limit = longest;
    s->waiting.room = group_tokens(s);
    s->waiting.max_texts = s->max_texts;
    s->waiting.dimensions = s->dimensions;
    tern_waiting_plan(&s->waiting, &s->arena);
}

static tern_status check_ffn_width(const struct tern_config *c, int32_t width, tern_error *err)
{
    if (width < 0 || (width && !c->layers))
        return tern_fail(err, TERN_USAGE, "a feed-forward width of %d; layers have 1 or more neurons", width);
    for (int i = 0; width && i < c->layers; i++) {
        if (!tern_ffn_may_narrow(c, i))
            return tern_fail(err, TERN_USAGE,
                             "a feed-forward width of %d; layer %d has no attention, or nothing in it is normalised, "
                             "and such layers run at their own width only",
                             width, i);
        if (width > c->layer[i].intermediate)
            return tern_fail(err, TERN_USAGE, "a feed-forward width of %d; layer %d has %d, and fewer can be asked for",
                             width, i, c->layer[i].intermediate);
        if (c->layer[i].sub_norm)
            return tern_fail(err, TERN_USAGE,
                             "a feed-forward width of %d; layer %d has a norm over all %d: convert the checkpoint with "
                             "--ffn-width",
                             width, i, c->layer[i].intermediate);
    }
    return TERN_OK;
}

tern_status tern_session_open(tern_session **out, const tern_model *model, const tern_session_options *options,
                              tern_error *err)
{
    *out = NULL;
    tern_session_options o;
    tern_status status = read_options(&o, options, err);
    if (status)
        return status;
    tern_session *s = calloc(1, sizeof *s);
    if (!s)
        return tern_fail_nomem(err, "a session", sizeof *s);
    s->model = model;
    status = tern_cpu_select(&s->features, o.isa, err);
    if (!status) {
        tern_table_build(&s->ops, s->features);
        status = tern_sparse_table_apply(&s->ops.routes.sparse, o.sparse_table, tern_session_isa(s), err);
    }
    if (!status)
        status = check_ffn_width(&model->config, o.ffn_width, err);
    s->ffn_width = o.ffn_width;
    if (!status)
        status = tern_pool_open(&s->pool, o.threads, err);
    if (!status) {
        set_limits(s, &o);
        plan(s);
        status = tern_arena_open(&s->arena, err);
    }
    if (status) {
        tern_session_close(s);
        return status;
    }
    plan(s);
    status = tern_waiting_default_prompt(&s->waiting, err);
    if (status)
        tern_session_close(s);
    else
        *out = s;
    return status;
}

void tern_session_close(tern_session *s)
{
    if (!s)
        return;
    tern_waiting_close(&s->waiting);
    tern_arena_close(&s->arena);
    tern_pool_close(s->pool);
    free(s);
}

const char *tern_session_isa(const tern_session *s)
{
    return tern_isa_name(tern_table_best(s->features));
}

int32_t tern_session_threads(const tern_session *s)
{
    return tern_pool_threads(s->pool);
}

int32_t tern_session_dimensions(const tern_session *s)
{
    return s->dimensions;
}

size_t tern_session_arena_bytes(const tern_session *s)
{
    return s->arena.size;
}

struct tern_profile *tern_session_profile(tern_session *s, int on)
{
    if (!s->profile)
        return NULL;
    if (on)
        memset(s->profile, 0, (size_t)tern_pool_threads(s->pool) * sizeof *s->profile);
    s->bert.run.profile = s->bert.attention.profile = on ? s->profile : NULL;
    return s->profile;
}

struct tern_waiting *tern_session_waiting(tern_session *s)
{
    return &s->waiting;
}

void tern_session_observe(tern_session *s, const struct tern_observer *observer)
{
    s->f32.observer = *observer;
}

void tern_session_observe_rows(tern_session *s, const struct tern_row_observer *observer)
{
    s->bert.observer = *observer;
}

/* Every id, type and length, so that nothing behind this point has to look again. */
static tern_status check_batch(const tern_session *s, const tern_batch *b, tern_error *err)
{
    const struct tern_config *c = &s->model->config;
    if (b->n_texts < 1 || b->n_texts > s->max_texts)
        return tern_fail(err, TERN_USAGE, "%d texts in a run; the session was opened for 1 to %d", b->n_texts,
                         s->max_texts);
    if (b->offsets[0] != 0)
        return tern_fail(err, TERN_USAGE, "the first offset is %d; it must be 0", b->offsets[0]);
    for (int i = 0; i < b->n_texts; i++) {
        int64_t length = (int64_t)b->offsets[i + 1] - b->offsets[i];
        const int few = !tern_config_is_static(c); /* of those an empty text's vector is 0 */
        if (length < few || length > c->max_tokens)
            return tern_fail(err, TERN_USAGE, "text %d has %lld tokens; the model takes %d to %d", i, (long long)length,
                             few, c->max_tokens);
        if (b->offsets[i + 1] > s->max_tokens)
            return tern_fail(err, TERN_USAGE, "%d tokens in a run; the session was opened for %d", b->offsets[i + 1],
                             s->max_tokens);
    }
    for (int i = 0; i < b->offsets[b->n_texts]; i++) {
        if (b->ids[i] < 0 || b->ids[i] >= c->vocab)
            return tern_fail(err, TERN_USAGE, "token %d has id %d; the vocabulary has %d", i, b->ids[i], c->vocab);
        /* A model without types (DistilBERT) ignores them. */
        if (b->types && c->token_types && (b->types[i] < 0 || b->types[i] >= c->token_types))
            return tern_fail(err, TERN_USAGE, "token %d has type %d; the model has %d types", i, b->types[i],
                             c->token_types);
    }
    return TERN_OK;
}

/* The run path's only floating point: the user's floats. int32 to float rounds once, the power of two is exact. */
static void to_floats(float *out, const int32_t *q, size_t count, int bits)
{
    const float unit = 1.0f / (float)(1 << bits);
    for (size_t i = 0; i < count; i++)
        out[i] = (float)q[i] * unit;
}

/* The group of texts that begins with text `first`, as a batch of its own. */
static tern_batch group_of(const tern_session *s, const tern_batch *b, int first)
{
    const int32_t start = b->offsets[first];
    int n = 0;
    while (first + n < b->n_texts && b->offsets[first + n + 1] - start <= s->bert.max_tokens) {
        n++;
        s->offsets[n] = b->offsets[first + n] - start;
    }
    s->offsets[0] = 0;
    tern_batch group = {b->ids + start, b->types ? b->types + start : NULL, s->offsets, n};
    return group;
}

/* Functions by enum tern_head. */
static tern_heads_fn *const integer_heads[TERN_N_HEADS] = {
#define HEAD_KIND(id, name, class, gives, pooled, run, command, summary) [TERN_HEAD_##id] = tern_heads_##run,
#include "models/heads.def"
#undef HEAD_KIND
};
static tern_bert_f32_fn *const float_heads[TERN_N_HEADS] = {
#define HEAD_KIND(id, name, class, gives, pooled, run, command, summary) [TERN_HEAD_##id] = tern_bert_f32_##run,
#include "models/heads.def"
#undef HEAD_KIND
};

/* Whether a task reads nothing but the first token's state of each text. */
static int reads_first(const struct tern_config *c, tern_heads_fn *head, int skip)
{
    if (head == tern_heads_classify)
        return c->head_reads == TERN_READS_FIRST;
    return head == tern_heads_embed && c->pooling == TERN_POOL_CLS && !c->n_joined && !skip;
}

/* Rows that a share has at least: with fewer, reading the weights once for each share takes longer than products. */
enum { LEAST_SHARE = 8 };

/* A pass of the encoder in integers. */
static void begin_integers(tern_session *s, const tern_batch *batch)
{
    const int tokens = batch->offsets[batch->n_texts];
    tern_pool_begin(s->pool, s->token_products * tokens,
                    s->bert.share_rows && tokens >= LEAST_SHARE * tern_pool_threads(s->pool));
}

/* Encoder and head, group by group; `width` results per text or token, which become the user's floats. */
static void run_integers(tern_session *s, const tern_batch *batch, tern_heads_fn *head, int of_tokens, int width,
                         int bits, float *out)
{
    tern_batch group;
    begin_integers(s, batch);
    s->bert.first_only = reads_first(&s->model->config, head, s->heads.skip);
    for (int first = 0; first < batch->n_texts; first += group.n_texts) {
        group = group_of(s, batch, first);
        s->bert.attention.unseen = s->unseen ? s->unseen + first : NULL;
        if (!tern_config_is_static(&s->model->config))
            tern_bert_forward(&s->bert, &group);
        head(&s->heads, &group, s->result + (ptrdiff_t)(of_tokens ? batch->offsets[first] : first) * width);
    }
    s->bert.first_only = 0;
    tern_pool_end(s->pool);
    s->result_count = (size_t)(of_tokens ? batch->offsets[batch->n_texts] : batch->n_texts) * (size_t)width;
    s->result_bits = bits;
    to_floats(out, s->result, s->result_count, bits);
}

static void run_floats(tern_session *s, const tern_batch *batch, tern_bert_f32_fn *head, float *out)
{
    tern_pool_begin(s->pool, INT64_MAX, 0); /* floats are so slow that threads always pay */
    tern_bert_f32_forward(&s->f32, batch);
    head(&s->f32, batch, out);
    tern_pool_end(s->pool);
}

/* What takes the tokens of questions, but for the first ones, out of the search for an answer, as BigBird's class does.
 */
static void lower_questions(const struct tern_config *c, const tern_batch *batch, float *logits)
{
    for (int text = 0; text < batch->n_texts; text++) {
        const int32_t last = tern_question_tokens(c, batch, text);
        for (int32_t i = batch->offsets[text] + 1; i <= batch->offsets[text] + last; i++)
            for (int j = 0; j < c->n_labels; j++)
                logits[(ptrdiff_t)i * c->n_labels + j] -= 1e6f;
    }
}

tern_status tern_classify(tern_session *s, const tern_batch *batch, float *logits, tern_error *err)
{
    s->result_count = 0;
    tern_status status = check_batch(s, batch, err);
    if (!status && !s->model->config.n_labels)
        status = tern_fail(err, TERN_USAGE, "the model has no classification head; use embed");
    if (status)
        return status;
    const struct tern_config *c = &s->model->config;
    tern_batch typed = *batch;
    if (c->question_apart) {
        tern_question_types(c, batch, s->types);
        typed.types = s->types;
    }
    if (c->weights == TERN_WEIGHTS_F32)
        run_floats(s, &typed, float_heads[c->head], logits);
    else
        run_integers(s, &typed, integer_heads[c->head], tern_head_kinds[c->head].gives == TERN_GIVES_TOKENS,
                     c->n_labels, tern_logit_bits(c), logits);
    if (c->question_apart)
        lower_questions(c, batch, logits);
    return TERN_OK;
}

/* The rows of words of some tokens of a group, `start` being the first of the batch in it. */
static void run_words(tern_session *s, const tern_batch *group, const int32_t *tokens, int n, int32_t start)
{
    const struct tern_config *c = &s->model->config;
    int32_t asked[TERN_WORD_ROWS];
    for (int i = 0; i < n; i++)
        asked[i] = tokens[i] - start;
    if (c->weights == TERN_WEIGHTS_F32) {
        s->f32.asked = asked;
        s->f32.n_asked = n;
        float_heads[c->head](&s->f32, group, s->words);
        return;
    }
    s->heads.asked = asked;
    s->heads.n_asked = n;
    integer_heads[c->head](&s->heads, group, s->result);
    to_floats(s->words, s->result, (size_t)n * (size_t)c->vocab, tern_logit_bits(c));
}

/* Of one group, of whose batch so many tokens come before it; *done of those asked for are answered. */
static tern_status hand_words(tern_session *s, const tern_batch *group, int32_t start, const struct tern_asked *asked,
                              int *done)
{
    const int32_t vocab = s->model->config.vocab, end = start + group->offsets[group->n_texts];
    tern_status status = TERN_OK;
    while (!status && *done < asked->n && asked->tokens[*done] < end) {
        int n = 0;
        while (n < TERN_WORD_ROWS && *done + n < asked->n && asked->tokens[*done + n] < end)
            n++;
        run_words(s, group, asked->tokens + *done, n, start);
        for (int i = 0; i < n && !status; i++)
            status = asked->words(asked->context, *done + i, s->words + (ptrdiff_t)i * vocab);
        *done += n;
    }
    return status;
}

tern_status tern_session_words(tern_session *s, const tern_batch *batch, const struct tern_asked *asked,
                               tern_error *err)
{
    s->result_count = 0;
    tern_status status = check_batch(s, batch, err);
    if (!status && !tern_gives_words(&s->model->config))
        status = tern_fail(err, TERN_USAGE, "the model has no masked-language head; convert a checkpoint that has one");
    if (status)
        return status;
    const int f32 = s->model->config.weights == TERN_WEIGHTS_F32;
    tern_batch group = *batch;
    int done = 0;
    if (f32)
        tern_pool_begin(s->pool, INT64_MAX, 0);
    else
        begin_integers(s, batch);
    for (int first = 0; first < batch->n_texts && !status; first += group.n_texts) {
        if (f32) {
            tern_bert_f32_forward(&s->f32, batch);
        } else {
            group = group_of(s, batch, first);
            tern_bert_forward(&s->bert, &group);
        }
        status = hand_words(s, &group, batch->offsets[first], asked, &done);
    }
    tern_pool_end(s->pool);
    return status;
}

tern_status tern_session_embed(tern_session *s, const tern_batch *batch, int skip, float *vectors, tern_error *err)
{
    s->result_count = 0;
    tern_status status = check_batch(s, batch, err);
    if (status)
        return status;
    if (s->model->config.weights == TERN_WEIGHTS_F32) {
        s->f32.skip = skip;
        run_floats(s, batch, tern_bert_f32_embed, vectors);
        return TERN_OK;
    }
    s->heads.skip = skip;
    run_integers(s, batch, tern_heads_embed, 0, s->dimensions, tern_heads_embed_bits(&s->heads), vectors);
    return TERN_OK;
}

tern_status tern_session_embed_tokens(tern_session *s, const tern_batch *batch, const int32_t *unseen, float *vectors,
                                      tern_error *err)
{
    s->result_count = 0;
    const tern_status status = check_batch(s, batch, err);
    if (status)
        return status;
    s->f32.unseen = s->unseen = unseen;
    if (s->model->config.weights == TERN_WEIGHTS_F32) {
        s->f32.skip = 0;
        run_floats(s, batch, tern_bert_f32_embed_tokens, vectors);
    } else {
        s->heads.skip = 0;
        run_integers(s, batch, tern_heads_embed_tokens, 1, s->dimensions, tern_heads_embed_bits(&s->heads), vectors);
    }
    s->f32.unseen = s->unseen = s->bert.attention.unseen = NULL;
    return TERN_OK;
}

tern_status tern_session_not_pooled(const tern_model *model, tern_error *err)
{
    if (model->config.vectors == TERN_VECTORS_SPARSE)
        return tern_fail(err, TERN_USAGE,
                         "the model's vectors are sparse; use tern_embed_sparse (tern embed --sparse)");
    return tern_fail(err, TERN_USAGE, "the model's vectors are of tokens; use tern_embed_tokens (tern embed --tokens)");
}

tern_status tern_embed(tern_session *s, const tern_batch *batch, float *vectors, tern_error *err)
{
    if (s->model->config.vectors != TERN_VECTORS_TEXT)
        return tern_session_not_pooled(s->model, err);
    return tern_session_embed(s, batch, 0, vectors, err);
}

const int32_t *tern_session_integers(const tern_session *s, size_t *count, int32_t *bits)
{
    *count = s->result_count;
    *bits = s->result_bits;
    return s->result_count ? s->result : NULL;
}
