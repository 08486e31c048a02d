/* `tern embed --tokens`: a vector for each token of a text, which late interaction compares. */
#include "tools/embed_more.h"

/* The context of the runner. */
struct late {
    const struct embed_more *o;
    const tern_model *model;
};

static void print_json(const struct late *l, const struct text *text, const tern_answer *a)
{
    const size_t n = (size_t)a->count;
    fputs("{\"text\":", stdout);
    cli_json_string(stdout, text->text, text->bytes);
    fputs(",\"tokens\":[", stdout);
    for (size_t i = 0; i < a->n_vectors; i++) {
        size_t bytes;
        const char *const piece = tern_token_text(tern_model_tokenizer(l->model), a->ids[i], &bytes);
        fputs(i ? "," : "", stdout);
        cli_json_string(stdout, piece ? piece : "", piece ? bytes : 0);
    }
    fputs("],\"embeddings\":[", stdout);
    for (size_t i = 0; i < a->n_vectors; i++) {
        fputs(i ? ",[" : "[", stdout);
        cli_json_floats(stdout, a->values + i * n, n);
        putchar(']');
    }
    printf("],\"n_tokens\":%zu,\"truncated\":%s}\n", a->n_tokens, a->n_needed > a->n_tokens ? "true" : "false");
}

/* A line for each vector, and an empty one behind the text. */
static void print_plain(const tern_answer *a)
{
    const size_t n = (size_t)a->count;
    for (size_t i = 0; i < a->n_vectors; i++)
        for (size_t k = 0; k < n; k++)
            printf("%.9g%c", (double)a->values[i * n + k], k + 1 < n ? ' ' : '\n');
    putchar('\n');
}

static int print(void *context, const struct text *text, const tern_answer *a)
{
    const struct late *const l = context;
    if (l->o->json)
        print_json(l, text, a);
    else
        print_plain(a);
    return cli_written();
}

/* Behind the reason against a text, as behind vectors. */
static int end_block(void *context)
{
    (void)context;
    putchar('\n');
    return cli_written();
}

int embed_tokens(const struct embed_more *o, tern_session *session, const tern_model *model, struct texts *texts,
                 tern_truncate truncate)
{
    struct late l = {o, model};
    struct runner r = {.print = print, .context = &l, .model = model, .session = session, .query = o->query};
    r.refused = o->json ? NULL : end_block;
    return texts_end(texts, runner_all(&r, texts, TERN_TOKENS, truncate));
}
