/* `tern embed --tokens`: a vector for each token of a text, which late interaction compares. */
#include "tools/embed_more.h"

#include <stdlib.h>

/* A text on its way through the command. */
struct late {
    const struct embed_more *o;
    tern_session *session;
    const tern_model *model;
    struct texts *texts;
    tern_truncate truncate;
    tern_token_vectors of;
};

static void print_json(const struct late *l, const struct text *text)
{
    const tern_token_vectors *const v = &l->of;
    const int32_t n = tern_session_dimensions(l->session);
    fputs("{\"text\":", stdout);
    cli_json_string(stdout, text->text, text->bytes);
    fputs(",\"tokens\":[", stdout);
    for (size_t i = 0; i < v->count; i++) {
        size_t bytes;
        const char *const piece = tern_token_text(tern_model_tokenizer(l->model), v->ids[i], &bytes);
        fputs(i ? "," : "", stdout);
        cli_json_string(stdout, piece ? piece : "", piece ? bytes : 0);
    }
    fputs("],\"embeddings\":[", stdout);
    for (size_t i = 0; i < v->count; i++) {
        fputs(i ? ",[" : "[", stdout);
        cli_json_floats(stdout, v->vectors + i * (size_t)n, (size_t)n);
        putchar(']');
    }
    printf("],\"n_tokens\":%zu,\"truncated\":%s}\n", v->n_tokens, v->n_needed > v->n_tokens ? "true" : "false");
}

/* A line for each vector, and an empty one behind the text. */
static void print_plain(const struct late *l)
{
    const int32_t n = tern_session_dimensions(l->session);
    for (size_t i = 0; i < l->of.count; i++)
        for (int32_t k = 0; k < n; k++)
            printf("%.9g%c", (double)l->of.vectors[i * (size_t)n + (size_t)k], k + 1 < n ? ' ' : '\n');
    putchar('\n');
}

static int one(void *context, const struct text *text)
{
    struct late *l = context;
    const tern_text t = {text->text, text->bytes, text->pair, text->pair_bytes};
    tern_error err;
    const tern_status status = tern_embed_tokens(l->session, &t, l->o->query, l->truncate, &l->of, &err);
    if (status == TERN_INPUT) {
        const int code = texts_refuse(l->texts, err.message);
        if (!code && !l->o->json)
            putchar('\n');
        return code;
    }
    if (status)
        return cli_status(&err);
    if (l->o->json)
        print_json(l, text);
    else
        print_plain(l);
    return cli_written();
}

int embed_tokens(const struct embed_more *o, tern_session *session, const tern_model *model, struct texts *texts,
                 tern_truncate truncate)
{
    const size_t most = (size_t)tern_model_get_info(model)->max_tokens,
                 bytes = most * (size_t)tern_session_dimensions(session) * sizeof(float);
    struct late l = {o, session, model, texts, truncate, {.struct_bytes = sizeof l.of, .capacity = most}};
    l.of.vectors = malloc(bytes);
    l.of.ids = malloc(most * sizeof *l.of.ids);
    int code = l.of.vectors && l.of.ids ? CLI_OK : cli_nomem(bytes);
    if (!code)
        code = texts_end(texts, runner_each(texts, one, &l));
    free(l.of.vectors);
    free(l.of.ids);
    return code;
}
