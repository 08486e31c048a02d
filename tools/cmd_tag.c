/* `tern tag`: a label and its probability for each token of each text. */
#include "tools/commands.h"
#include "tools/help.h"
#include "tools/runner.h"

#include <stdlib.h>
#include <string.h>

const char help_tag[] =
    "Examples:\n"
    "  tern tag ner.tern \"Ada Lovelace was born in London.\"\n"
    "  tern tag ner.tern --json < lines.txt > tags.jsonl\n"
    "\n"
    "Usage: tern tag MODEL.tern [TEXT...]\n"
    "Prints TOKEN<TAB>LABEL<TAB>SCORE for each token of each text, and an empty line after the text. The token is the\n"
    "part of the text that it was made of, the score the label's probability.\n" HELP_TEXTS "\n"
    "  --json              one object a line: text tokens n_tokens truncated; each token has token (its piece),\n"
    "                      start and end (its bytes in the text), label and score\n"
    "  --logits            with --json: logits, a list for each token, the special ones included\n" HELP_TEXT_OPTIONS
        HELP_RUN;

struct tag {
    const tern_model *model;
    int json, logits;
    double *scores; /* [n_labels] */
};

/* Special tokens are made of no text. */
static int is_special(const tern_answer *a, size_t token)
{
    return a->spans[token].source < 0;
}

/* The best label of a token, with t->scores filled. */
static int32_t label_of(const struct tag *t, const tern_answer *a, size_t token)
{
    return tern_probabilities(t->model, a->values + token * (size_t)a->count, t->scores);
}

static void print_json_tokens(const struct tag *t, const tern_answer *a)
{
    const tern_tokenizer *tokenizer = tern_model_tokenizer(t->model);
    const char *separator = "";
    for (size_t i = 0; i < a->n_tokens; i++) {
        size_t bytes = 0;
        const int32_t best = label_of(t, a, i);
        const char *piece = tern_token_text(tokenizer, a->ids[i], &bytes);
        if (is_special(a, i))
            continue;
        printf("%s{\"token\":", separator);
        cli_json_string(stdout, piece, bytes);
        printf(",\"start\":%zu,\"end\":%zu,\"label\":", a->spans[i].start, a->spans[i].end);
        cli_json_text(stdout, tern_model_label(t->model, best));
        fputs(",\"score\":", stdout);
        cli_json_number(stdout, t->scores[best], 6);
        putchar('}');
        separator = ",";
    }
}

static void print_json_logits(const tern_answer *a)
{
    fputs(",\"logits\":[", stdout);
    for (size_t i = 0; i < a->n_tokens; i++) {
        fputs(i ? ",[" : "[", stdout);
        cli_json_floats(stdout, a->values + i * (size_t)a->count, (size_t)a->count);
        putchar(']');
    }
    putchar(']');
}

static int print_json(void *context, const struct text *text, const tern_answer *a)
{
    const struct tag *t = context;
    fputs("{\"text\":", stdout);
    cli_json_string(stdout, text->text, text->bytes);
    fputs(",\"tokens\":[", stdout);
    print_json_tokens(t, a);
    putchar(']');
    if (t->logits)
        print_json_logits(a);
    printf(",\"n_tokens\":%zu,\"truncated\":%s}\n", a->n_tokens, a->n_needed > a->n_tokens ? "true" : "false");
    return cli_written();
}

static int print(void *context, const struct text *text, const tern_answer *a)
{
    const struct tag *t = context;
    for (size_t i = 0; i < a->n_tokens; i++) {
        const int32_t best = label_of(t, a, i);
        const char *label = tern_model_label(t->model, best);
        if (is_special(a, i))
            continue;
        cli_text(stdout, text->text + a->spans[i].start, a->spans[i].end - a->spans[i].start);
        putchar('\t');
        cli_plain(stdout, label, strlen(label));
        printf("\t%.4f\n", t->scores[best]);
    }
    putchar('\n');
    return cli_written();
}

/* An empty line stands behind every text, refused ones too. */
static int end_refused(void *context)
{
    (void)context;
    putchar('\n');
    return cli_written();
}

static int tag(struct tag *t, const char *path, struct texts *texts, const struct run_options *run)
{
    tern_model *model = NULL;
    struct runner r = {.print = t->json ? print_json : print, .refused = t->json ? NULL : end_refused, .context = t};
    int code = cli_open_model(&model, path);
    t->model = r.model = model;
    if (!code)
        code = runner_open_session(&r.session, model, path, TERN_TAG, run);
    if (!code) {
        const size_t bytes = (size_t)tern_model_get_info(model)->n_labels * sizeof *t->scores;
        t->scores = malloc(bytes);
        code = t->scores ? runner_all(&r, texts, TERN_TAG, run->truncate) : cli_nomem(bytes);
    }
    code = texts_end(texts, code);
    tern_session_close(r.session);
    free(t->scores);
    tern_model_close(model);
    return code;
}

int cmd_tag(int argc, char **argv)
{
    struct tag t = {0};
    struct run_options run = RUN_DEFAULTS;
    struct text_options from = {.no_pairs = 1};
    struct texts texts;
    const struct cli_option options[] = {{"json", 0, CLI_FLAG, &t.json, 0, 0},
                                         {"logits", 0, CLI_FLAG, &t.logits, 0, 0},
                                         TEXT_OPTIONS(from),
                                         RUN_OPTIONS(run),
                                         {0}};
    int n, code = cli_parse(options, "tag", argc, argv, &n);
    if (n < 0)
        return code;
    if (!n)
        return cli_fail(CLI_USAGE, "tag: no model file; see tern tag --help");
    if (t.logits && !t.json)
        return cli_fail(CLI_USAGE, "tag: --logits goes with --json");
    code = texts_open_by(&texts, &from, argv, n, "tag");
    texts.form = t.json ? TEXTS_JSON : TEXTS_BLOCK;
    if (!code)
        code = tag(&t, argv[0], &texts, &run);
    texts_close(&texts);
    return code;
}
