/* `tern embed --sparse`: the weights of a text's words, as SPLADE makes them. */
#include "tools/embed_more.h"

#include <stdlib.h>

/* A text on its way through the command. */
struct sparse {
    const struct embed_more *o;
    tern_session *session;
    const tern_model *model;
    struct texts *texts;
    tern_truncate truncate;
    tern_sparse_vector vector;
};

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
static void print_json(const struct sparse *s, const struct text *text)
{
    const tern_sparse_vector *const v = &s->vector;
    fputs("{\"text\":", stdout);
    cli_json_string(stdout, text->text, text->bytes);
    if (!s->o->ids) {
        fputs(",\"sparse\":{", stdout);
        for (size_t i = 0; i < v->count; i++) {
            fputs(i ? "," : "", stdout);
            print_piece(s, v->words[i].id);
            putchar(':');
            cli_json_number(stdout, (double)v->words[i].weight, 9);
        }
        putchar('}');
    } else {
        fputs(",\"ids\":[", stdout);
        for (size_t i = 0; i < v->count; i++)
            printf("%s%d", i ? "," : "", v->words[i].id);
        fputs("],\"weights\":[", stdout);
        for (size_t i = 0; i < v->count; i++) {
            fputs(i ? "," : "", stdout);
            cli_json_number(stdout, (double)v->words[i].weight, 9);
        }
        putchar(']');
    }
    printf(",\"n_words\":%zu,\"n_tokens\":%zu,\"truncated\":%s}\n", v->n_words, v->n_tokens,
           v->n_needed > v->n_tokens ? "true" : "false");
}

/* WORD:WEIGHT, separated by spaces, which no piece of a tokenizer has in it. */
static void print_plain(const struct sparse *s)
{
    for (size_t i = 0; i < s->vector.count; i++) {
        fputs(i ? " " : "", stdout);
        if (s->o->ids)
            printf("%d", s->vector.words[i].id);
        else
            print_piece(s, s->vector.words[i].id);
        printf(":%.6g", (double)s->vector.words[i].weight);
    }
    putchar('\n');
}

static int one(void *context, const struct text *text)
{
    struct sparse *s = context;
    const tern_text t = {text->text, text->bytes, text->pair, text->pair_bytes};
    tern_error err;
    const tern_status status = tern_embed_sparse(s->session, &t, s->truncate, &s->vector, &err);
    if (status == TERN_INPUT)
        return texts_refuse(s->texts, err.message);
    if (status)
        return cli_status(&err);
    if (s->o->json)
        print_json(s, text);
    else
        print_plain(s);
    return cli_written();
}

int embed_words(const struct embed_more *o, tern_session *session, const tern_model *model, struct texts *texts,
                tern_truncate truncate)
{
    const size_t vocab = (size_t)tern_model_get_info(model)->vocab, most = o->top ? (size_t)o->top : vocab;
    struct sparse s = {o, session, model, texts, truncate, {.struct_bytes = sizeof s.vector}};
    s.vector.capacity = most < vocab ? most : vocab;
    s.vector.words = malloc(s.vector.capacity * sizeof *s.vector.words);
    if (!s.vector.words)
        return cli_nomem(s.vector.capacity * sizeof *s.vector.words);
    const int code = texts_end(texts, runner_each(texts, one, &s));
    free(s.vector.words);
    return code;
}
