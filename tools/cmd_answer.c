/* `tern answer`: the part of a text that answers a question. */
#include "models/unicode.h"
#include "runtime/base/file.h"
#include "tools/answer_squad.h"
#include "tools/commands.h"
#include "tools/help.h"
#include "tools/runner.h"

#include <stdlib.h>
#include <string.h>

const char help_answer[] =
    "Examples:\n"
    "  tern answer qa.tern --context manual.txt \"How do I reset the router?\"\n"
    "  printf 'Who wrote it?\\tIt was written by Ada.\\n' | tern answer qa.tern\n"
    "  tern answer qa.tern --squad dev-v2.0.json --no-answer > predictions.json\n"
    "\n"
    "Usage: tern answer MODEL.tern [QUESTION...]\n"
    "Prints ANSWER<TAB>SCORE<TAB>START-END for each question: a part of its context, the probability that it begins "
    "and\n"
    "ends there, and its bytes in the context. Without --context each text is QUESTION<TAB>CONTEXT, of\n"
    "JSON and tables the fields text and pair, or the two that --field and --column name.\n" HELP_TEXTS "\n"
    "  --context FILE      the context of all questions, which may be longer than the model takes\n"
    "  --squad FILE        questions and contexts of a file like SQuAD's, version 1.1 or 2.0; prints its predictions, "
    "one\n"
    "                      JSON object with the answer to each question by its id\n"
    "  --json              one object a line: question answers; each answer has answer, score, start and end (its "
    "bytes\n"
    "                      in the context), start_char and end_char (its characters)\n"
    "  --logits            with --json: start_logits and end_logits, of each token, the special ones included; the\n"
    "                      question and its context fit in one window\n"
    "  --top K             answers to each question (1); with more an empty line follows the last one\n"
    "  --no-answer         that the context does not say is an answer, too: an empty one\n"
    "  --max-length N      tokens of an answer at most (15)\n"
    "  --window N          tokens of the question and a part of its context that are read together (384, or as many "
    "as\n"
    "                      the model takes if that is fewer)\n"
    "  --stride N          tokens of the context that two windows share (128, or half a window if that is less)\n"
    "  --tokens            answers of whole tokens; without it of the words that these lie in\n" HELP_TEXT_OPTIONS
        HELP_RUN;

enum { MOST_CONTEXT = 1 << 28 /* bytes */ };

struct answer {
    struct answerer a;
    const tern_model *model;
    struct texts *texts;
    const char *context_path, *squad;
    char *context; /* --context */
    size_t context_bytes;
    int json, logits;
    int32_t *ids;    /* [2][max_tokens] for --logits: tokens and types */
    float *values;   /* [max_tokens][2] */
    size_t n_tokens; /* of the last text */
};

/* ---- Results ---- */

static void print_json(const tern_text *t, const tern_found *found, size_t n)
{
    fputs("{\"question\":", stdout);
    cli_json_string(stdout, t->text, t->text_bytes);
    fputs(",\"answers\":[", stdout);
    for (size_t i = 0; i < n; i++) {
        fputs(i ? ",{\"answer\":" : "{\"answer\":", stdout);
        cli_json_string(stdout, t->pair + found[i].start, found[i].end - found[i].start);
        fputs(",\"score\":", stdout);
        cli_json_number(stdout, found[i].score, 6);
        printf(",\"start\":%zu,\"end\":%zu,\"start_char\":%zu,\"end_char\":%zu}", found[i].start, found[i].end,
               tern_utf8_characters(t->pair, found[i].start), tern_utf8_characters(t->pair, found[i].end));
    }
    putchar(']');
}

static void print_plain(const tern_text *t, const tern_found *found, size_t n, int several)
{
    for (size_t i = 0; i < n; i++) {
        cli_text(stdout, t->pair + found[i].start, found[i].end - found[i].start);
        printf("\t%.4f\t%zu-%zu\n", found[i].score, found[i].start, found[i].end);
    }
    if (several)
        putchar('\n');
    else if (!n) /* a line for each question */
        fputs("\t0.0000\t0-0\n", stdout);
}

/* The logits of all tokens, of a text that fits. */
static tern_status read_logits(struct answer *c, const tern_text *t, tern_error *err)
{
    const tern_model_info *const info = tern_model_get_info(c->model);
    const size_t most = (size_t)info->max_tokens;
    tern_tokens tokens = {.struct_bytes = sizeof tokens, .capacity = most, .ids = c->ids, .types = c->ids + most};
    const tern_status status = tern_tokenize(tern_model_tokenizer(c->model), t, TERN_TRUNCATE_ERROR, &tokens, err);
    const int32_t offsets[2] = {0, (int32_t)tokens.count};
    const tern_batch batch = {c->ids, info->token_types > 1 ? c->ids + most : NULL, offsets, 1};
    c->n_tokens = tokens.count;
    return status ? status : tern_classify(c->a.session, &batch, c->values, err);
}

static void print_logits(const struct answer *c)
{
    for (size_t side = 0; side < 2; side++) {
        fputs(side ? "],\"end_logits\":[" : ",\"start_logits\":[", stdout);
        for (size_t i = 0; i < c->n_tokens; i++) {
            fputs(i ? "," : "", stdout);
            cli_json_number(stdout, (double)c->values[2 * i + side], 9);
        }
    }
    putchar(']');
}

/* ---- The command ---- */

static int one(void *context, const struct text *text)
{
    struct answer *c = context;
    const tern_text t = {.text = text->text,
                         .text_bytes = text->bytes,
                         .pair = c->context ? c->context : text->pair,
                         .pair_bytes = c->context ? c->context_bytes : text->pair_bytes};
    tern_error err;
    size_t n = 0;
    tern_status status = answerer_find(&c->a, &t, &n, &err);
    if (!status && c->logits)
        status = read_logits(c, &t, &err);
    if (status)
        return status == TERN_INPUT ? texts_refuse(c->texts, err.message) : cli_status(&err);
    if (!c->json) {
        print_plain(&t, c->a.found, n, c->a.top > 1);
        return cli_written();
    }
    print_json(&t, c->a.found, n);
    if (c->logits)
        print_logits(c);
    fputs("}\n", stdout);
    return cli_written();
}

static int reserve(struct answer *c)
{
    const size_t most = (size_t)tern_model_get_info(c->model)->max_tokens;
    if (c->logits) {
        c->ids = malloc(2 * most * sizeof *c->ids);
        c->values = malloc(2 * most * sizeof *c->values);
        if (!c->ids || !c->values)
            return cli_nomem(2 * most * sizeof *c->values);
    }
    return answerer_reserve(&c->a);
}

static int read_context(struct answer *c)
{
    tern_error err;
    return tern_read_text(&c->context, &c->context_bytes, c->context_path, MOST_CONTEXT, 0, &err) ? cli_status(&err)
                                                                                                  : CLI_OK;
}

static int answer(struct answer *c, const char *path, struct texts *texts, const struct run_options *run)
{
    tern_model *model = NULL;
    int code = cli_open_model(&model, path);
    c->model = model;
    c->texts = texts;
    if (!code)
        code = runner_open_head(&c->a.session, model, path, "answer", run);
    if (!code && c->context_path)
        code = read_context(c);
    if (!code)
        code = reserve(c);
    if (!code)
        code = c->squad ? answer_squad(&c->a, c->squad) : texts_end(texts, runner_each(texts, one, c));
    tern_session_close(c->a.session);
    free(c->a.found);
    free(c->ids);
    free(c->values);
    free(c->context);
    tern_model_close(model);
    return code;
}

int cmd_answer(int argc, char **argv)
{
    struct answer c = {.a = {.options = {.struct_bytes = sizeof c.a.options}, .top = 1}};
    struct run_options run = RUN_DEFAULTS;
    struct text_options from = {0};
    struct texts texts;
    const struct cli_option options[] = {{"json", 0, CLI_FLAG, &c.json, 0, 0},
                                         {"logits", 0, CLI_FLAG, &c.logits, 0, 0},
                                         {"context", 0, CLI_STRING, &c.context_path, 0, 0},
                                         {"squad", 0, CLI_STRING, &c.squad, 0, 0},
                                         {"top", 0, CLI_INT, &c.a.top, 1, 1000},
                                         {"no-answer", 0, CLI_FLAG, &c.a.options.may_be_empty, 0, 0},
                                         {"max-length", 0, CLI_INT, &c.a.options.max_length, 1, 100000},
                                         {"window", 0, CLI_INT, &c.a.options.window, 3, 100000},
                                         {"stride", 0, CLI_INT, &c.a.options.stride, 1, 100000},
                                         {"tokens", 0, CLI_FLAG, &c.a.options.by_tokens, 0, 0},
                                         TEXT_OPTIONS(from),
                                         RUN_OPTIONS(run),
                                         {0}};
    int n, code = cli_parse(options, "answer", argc, argv, &n);
    if (n < 0)
        return code;
    if (!n)
        return cli_fail(CLI_USAGE, "answer: no model file; see tern answer --help");
    if (c.logits && (!c.json || c.squad))
        return cli_fail(CLI_USAGE, "answer: --logits goes with --json");
    if (c.squad && (c.context_path || c.json || n > 1))
        return cli_fail(CLI_USAGE, "answer: --squad has the questions and contexts; leave out %s",
                        c.context_path ? "--context"
                        : c.json       ? "--json"
                                       : "the questions");
    if (c.squad && (from.input || from.output || from.summary))
        return cli_fail(CLI_USAGE, "answer: --input, --output and --summary are not for --squad, which prints one "
                                   "object to standard output");
    char *none[] = {argv[0], ""}; /* --squad: no texts */
    from.pairs = !c.context_path && !c.squad;
    from.no_pairs = !from.pairs;
    code = texts_open_by(&texts, &from, c.squad ? none : argv, c.squad ? 2 : n, "answer");
    texts.form = c.json ? TEXTS_JSON : c.a.top > 1 ? TEXTS_FREE : TEXTS_LINE;
    if (!code)
        code = answer(&c, argv[0], &texts, &run);
    texts_close(&texts);
    return code;
}
