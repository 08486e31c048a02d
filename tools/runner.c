#include "tools/sparsity.h"
#include "tools/texts.h"

#include <stdlib.h>
#include <string.h>

/* Tokens of a run when the model's limit for one text allows: enough to fill the kernels' tiles, small enough that the
   activations stay within a few MiB. */
enum { BUDGET = 1024 };

static int allocate(struct runner *r)
{
    const size_t tokens = (size_t)r->budget + (size_t)r->limit, texts = (size_t)r->max_texts;
    r->ids = malloc(tokens * sizeof *r->ids);
    r->types = malloc(tokens * sizeof *r->types);
    r->offsets = malloc((texts + 1) * sizeof *r->offsets);
    r->values = malloc(texts * (size_t)r->count * sizeof *r->values);
    r->results = malloc(texts * sizeof *r->results);
    return r->ids && r->types && r->offsets && r->values && r->results ? CLI_OK : cli_nomem();
}

int runner_open(struct runner *r, const tern_model *model, const char *path, enum run_kind kind,
                const struct run_options *options)
{
    const tern_model_info *info = tern_model_get_info(model);
    tern_error err;
    r->model = model;
    r->kind = kind;
    r->truncate = options->truncate;
    r->limit = info->max_tokens;
    r->budget = r->limit > BUDGET ? r->limit : BUDGET;
    /* Every text has a token or more, so more texts than tokens never come together. */
    r->max_texts = options->batch < r->budget ? options->batch : r->budget;
    if (options->batch == 1)
        r->budget = r->limit;
    r->count = kind == RUN_CLASSIFY ? info->n_labels : info->hidden;
    if (!tern_model_tokenizer(model))
        return cli_fail(CLI_MODEL, "%s: the file has no vocabulary; convert the checkpoint again, with its tokenizer",
                        path);
    if (kind == RUN_CLASSIFY && !info->n_labels)
        return cli_fail(CLI_USAGE, "%s: the model has no classification head; use tern embed", path);
    const tern_session_options session = {.struct_bytes = sizeof session,
                                          .threads = options->threads,
                                          .max_tokens = r->budget,
                                          .max_texts = r->max_texts,
                                          .isa = options->isa,
                                          .sparse_table = sparsity_table(model, options->isa)};
    if (tern_session_open(&r->session, model, &session, &err))
        return cli_status(&err);
    int code = allocate(r);
    if (!code)
        r->offsets[0] = 0;
    return code;
}

void runner_close(struct runner *r)
{
    tern_session_close(r->session);
    free(r->ids);
    free(r->types);
    free(r->offsets);
    free(r->values);
    free(r->results);
    free(r->pool);
}

int runner_flush(struct runner *r)
{
    tern_error err;
    const tern_batch batch = {r->ids, r->types, r->offsets, r->n_texts};
    if (!r->n_texts)
        return CLI_OK;
    r->n_texts = 0;
    if (r->kind == RUN_CLASSIFY ? tern_classify(r->session, &batch, r->values, &err)
                                : tern_embed(r->session, &batch, r->values, &err))
        return cli_status(&err);
    size_t n;
    int32_t bits;
    const int32_t *integers = tern_session_integers(r->session, &n, &bits);
    const char *bytes = r->pool;
    for (int32_t i = 0; i < batch.n_texts; i++) {
        struct text_result *result = &r->results[i];
        size_t at = (size_t)i * (size_t)r->count;
        result->values = r->values + at;
        result->integers = integers ? integers + at : NULL;
        /* The pool may have moved while texts were added. */
        result->text.text = bytes;
        bytes += result->text.bytes;
        result->text.pair = result->text.pair ? bytes : NULL;
        bytes += result->text.pair_bytes;
        int code = r->emit(r->context, result);
        if (code)
            return code;
    }
    r->pool_used = 0;
    return CLI_OK;
}

static int keep_bytes(struct runner *r, const struct text *t)
{
    size_t needed = r->pool_used + t->bytes + t->pair_bytes;
    if (needed >= r->pool_capacity) {
        char *pool = realloc(r->pool, needed * 2 + 4096);
        if (!pool)
            return cli_nomem();
        r->pool = pool;
        r->pool_capacity = needed * 2 + 4096;
    }
    if (t->bytes)
        memcpy(r->pool + r->pool_used, t->text, t->bytes);
    if (t->pair_bytes)
        memcpy(r->pool + r->pool_used + t->bytes, t->pair, t->pair_bytes);
    r->pool_used = needed;
    return CLI_OK;
}

/* Ids of one text behind those of the pending ones; `n` of them. */
static int tokenize(struct runner *r, const struct text *t, const char *where, size_t *n, int *truncated)
{
    const tern_tokenizer *tokenizer = tern_model_tokenizer(r->model);
    const size_t capacity = (size_t)r->limit;
    int32_t *ids = r->ids + r->offsets[r->n_texts], *types = r->types + r->offsets[r->n_texts];
    tern_error err;
    *truncated = 0;
    tern_status status = tern_tokenize(tokenizer, t->text, t->bytes, t->pair, t->pair_bytes, TERN_TRUNCATE_ERROR, ids,
                                       types, capacity, n, &err);
    int too_long = status == TERN_INPUT && *n > capacity;
    if (too_long && r->truncate != TERN_TRUNCATE_ERROR) {
        *truncated = 1;
        status = tern_tokenize(tokenizer, t->text, t->bytes, t->pair, t->pair_bytes, r->truncate, ids, types, capacity,
                               n, &err);
    }
    if (!status)
        return CLI_OK;
    int code = runner_flush(r);
    if (code)
        return code;
    if (too_long)
        return cli_fail(CLI_INPUT,
                        "%s: %zu tokens, the model takes %zu; shorten it, or use --truncate head (keeps the "
                        "beginning) or --truncate tail",
                        where, *n, capacity);
    return cli_fail(CLI_INPUT, "%s: %s", where, err.message);
}

int runner_add(struct runner *r, const struct text *text, size_t index, const char *where)
{
    size_t n;
    int truncated, code = tokenize(r, text, where, &n, &truncated);
    if (code)
        return code;
    int32_t used = r->offsets[r->n_texts];
    if (used + (int32_t)n > r->budget) {
        code = runner_flush(r);
        memmove(r->ids, r->ids + used, n * sizeof *r->ids);
        memmove(r->types, r->types + used, n * sizeof *r->types);
        used = 0;
    }
    if (!code)
        code = keep_bytes(r, text);
    if (code)
        return code;
    r->results[r->n_texts] = (struct text_result){
        .text = *text, .index = index, .n_tokens = (int32_t)n, .truncated = truncated, .count = r->count};
    r->offsets[++r->n_texts] = used + (int32_t)n;
    return r->n_texts == r->max_texts ? runner_flush(r) : CLI_OK;
}

int runner_all(struct runner *r, struct texts *texts)
{
    struct text text;
    char where[128];
    int code = CLI_OK;
    for (;;) {
        if (!texts_ready(texts))
            code = runner_flush(r);
        int got = code ? 0 : texts_next(texts, &text, &code);
        if (got < 0) {
            runner_flush(r);
            return code;
        }
        if (!got)
            return code ? code : runner_flush(r);
        code = runner_add(r, &text, texts->number, texts_where(texts, where));
        if (code)
            return code;
    }
}
