/* `tern embed --sparse`: the weights of a text's words, as SPLADE makes them. */
#include "tools/embed_more.h"

/* The context of the runner. */
struct sparse {
    const struct embed_more *o;
    const tern_model *model;
};

/* Words of an answer that are printed. */
static size_t shown(const struct sparse *s, const tern_answer *a)
{
    return s->o->top && (size_t)s->o->top < a->n_words ? (size_t)s->o->top : a->n_words;
}

static void print_piece(const struct sparse *s, int32_t id)
{
    size_t bytes;
    const char *const piece = tern_token_text(tern_model_tokenizer(s->model), id, &bytes);
    if (s->o->json)
        cli_json_string(stdout, piece ? piece : "", piece ? bytes : 0);
    else
        cli_text(stdout, piece ? piece : "", piece ? bytes : 0);
}

/* Two ids may have one piece, which would be one member of an object; ids are apart. */
static void print_json(const struct sparse *s, const struct text *text, const tern_answer *a)
{
    const size_t n = shown(s, a);
    fputs("{\"text\":", stdout);
    cli_json_string(stdout, text->text, text->bytes);
    if (!s->o->ids) {
        fputs(",\"sparse\":{", stdout);
        for (size_t i = 0; i < n; i++) {
            fputs(i ? "," : "", stdout);
            print_piece(s, a->words[i].id);
            putchar(':');
            cli_json_number(stdout, (double)a->words[i].weight, 9);
        }
        putchar('}');
    } else {
        fputs(",\"ids\":[", stdout);
        for (size_t i = 0; i < n; i++)
            printf("%s%d", i ? "," : "", a->words[i].id);
        fputs("],\"weights\":[", stdout);
        for (size_t i = 0; i < n; i++) {
            fputs(i ? "," : "", stdout);
            cli_json_number(stdout, (double)a->words[i].weight, 9);
        }
        putchar(']');
    }
    printf(",\"n_words\":%zu,\"n_tokens\":%zu,\"truncated\":%s}\n", a->n_words, a->n_tokens,
           a->n_needed > a->n_tokens ? "true" : "false");
}

/* WORD:WEIGHT, separated by spaces, which no piece of a tokenizer has in it. */
static void print_plain(const struct sparse *s, const tern_answer *a)
{
    for (size_t i = 0; i < shown(s, a); i++) {
        fputs(i ? " " : "", stdout);
        if (s->o->ids)
            printf("%d", a->words[i].id);
        else
            print_piece(s, a->words[i].id);
        printf(":%.6g", (double)a->words[i].weight);
    }
    putchar('\n');
}

static int print(void *context, const struct text *text, const tern_answer *a)
{
    const struct sparse *const s = context;
    if (s->o->json)
        print_json(s, text, a);
    else
        print_plain(s, a);
    return cli_written();
}

int embed_words(const struct embed_more *o, tern_session *session, const tern_model *model, struct texts *texts,
                tern_truncate truncate)
{
    struct sparse s = {o, model};
    struct runner r = {.print = print, .context = &s, .model = model, .session = session, .query = o->query};
    return texts_end(texts, runner_all(&r, texts, TERN_SPARSE, truncate));
}
