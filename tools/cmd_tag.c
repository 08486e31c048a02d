/* `tern tag`: the labelled tokens, words and entities of texts, and texts without them. */
#include "tools/commands.h"
#include "tools/help.h"
#include "tools/runner.h"
#include "tools/tag_print.h"

#include <stdlib.h>
#include <string.h>

const char help_tag[] =
    "Examples:\n"
    "  tern tag ner.tern \"Ada Lovelace was born in London.\"\n"
    "  tern tag ner.tern --json < lines.txt > tags.jsonl\n"
    "  journalctl -f | tern tag ner.tern --redact\n"
    "\n"
    "Usage: tern tag MODEL.tern [TEXT...]\n"
    "On a terminal prints each text with its entities in colour; else, and with NO_COLOR, TOKEN<TAB>LABEL<TAB>SCORE "
    "for\n"
    "each token, and an empty line after the text. The token is the part of the text that it was made of, the score "
    "the\n"
    "label's probability. A text that is too long is read in windows that overlap, unless --truncate "
    "says\n"
    "otherwise.\n" HELP_TEXTS "\n"
    "  --aggregation NAME  how tokens become entities, as in transformers: none: each token by itself; simple (the\n"
    "                      default): neighbours of one label; first, average or max: whole words, which have the "
    "label\n"
    "                      of their first token, of the mean of their tokens, or of the surest one (the default of\n"
    "                      --conll and --redact: first). Where it is given, and neither of these is, prints\n"
    "                      ENTITY<TAB>LABEL<TAB>SCORE<TAB>START-END\n"
    "  --json              one object a line: text tokens entities n_tokens truncated; a token has token (its piece),\n"
    "                      start and end (its bytes in the text), label and score; an entity has entity (its label),\n"
    "                      score, word (its part of the text), start, end, start_char and end_char (in characters)\n"
    "  --logits            with --json: logits, a list for each token, the special ones included; the text fits in "
    "one\n"
    "                      window\n"
    "  --conll             WORD LABEL for each word, and an empty line after each text\n"
    "  --redact            the text with [LABEL] in the place of each entity; with --json: redacted\n"
    "  --window N          tokens that are read together (as many as the model takes)\n"
    "  --stride N          tokens that two windows share (128, or a quarter of the window if that is less)\n"
    "  --join              entities that are longer than that are one, too; --redact has it anyway\n" HELP_TEXT_OPTIONS
        HELP_RUN;

/* A --truncate that was not given. */
enum { IN_WINDOWS = TERN_TRUNCATE_TAIL + 1 };

struct tag {
    const tern_model *model;
    const char *path, *aggregation;
    struct texts *texts;
    const struct run_options *run;
    int json, logits, conll, redact, marked, nul;
    tern_tag_options options;
    tern_session *windows; /* for texts in windows, opened for the first one; the stream's own is at work then */
    struct tags tags;
    struct runner *runner;
    char why[RUNNER_REASON]; /* against the text that is printed */
};

static int reserve(struct tags *tags, size_t n)
{
    tern_entity *const list = realloc(tags->list, n * sizeof *list);
    if (!list)
        return cli_nomem(n * sizeof *list);
    tags->list = list;
    tags->capacity = n;
    return CLI_OK;
}

/* Whether a text is read in windows: it is longer than one, and was not cut off. */
static int in_windows(const struct tag *t, const tern_answer *a)
{
    return a->error || (t->options.window && a->n_tokens > (size_t)t->options.window);
}

/* Into t->tags, with room for all. */
static int find(struct tag *t, const struct text *text, const tern_answer *a, const tern_tag_options *o)
{
    const tern_text whole = {.text = text->text, .text_bytes = text->bytes};
    struct tags *const tags = &t->tags;
    tern_error err;
    int code = CLI_OK;
    if (in_windows(t, a) && !t->windows)
        code = runner_open_head(&t->windows, t->model, t->path, "tag", t->run);
    if (!code && !tags->capacity)
        code = reserve(tags, 256);
    for (int again = 0; again < 2 && !code; again++) {
        const tern_status status =
            in_windows(t, a) ? tern_tag(t->windows, &whole, o, tags->list, tags->capacity, &tags->n, &err)
                             : tern_answer_entities(t->model, &whole, a, o, tags->list, tags->capacity, &tags->n, &err);
        if (status == TERN_INPUT) { /* windows with no room for it */
            snprintf(t->why, sizeof t->why, "%s", err.message);
            t->runner->reason = t->why;
            break;
        }
        code = status ? cli_status(&err) : CLI_OK;
        if (code || tags->n <= tags->capacity)
            break;
        code = reserve(tags, tags->n);
    }
    return code;
}

static int print_json(struct tag *t, const struct text *text, const tern_answer *a)
{
    tern_tag_options all = t->options;
    all.aggregation = TERN_AGGREGATE_NONE;
    all.outside = 1;
    int code = find(t, text, a, &all);
    if (code || t->runner->reason)
        return code;
    fputs("{\"text\":", stdout);
    cli_json_string(stdout, text->text, text->bytes);
    tag_json_tokens(t->model, &t->tags);
    code = find(t, text, a, &t->options);
    if (code)
        return code;
    tag_json_entities(text, &t->tags);
    if (t->redact)
        code = tag_json_redacted(text, &t->tags);
    if (t->logits)
        tag_json_logits(a);
    printf(",\"n_tokens\":%zu,\"truncated\":%s}\n", a->error ? a->n_needed : a->n_tokens,
           !a->error && a->n_needed > a->n_tokens ? "true" : "false");
    return code ? code : cli_written();
}

static int print(void *context, const struct text *text, const tern_answer *a)
{
    struct tag *const t = context;
    if (t->json)
        return print_json(t, text, a);
    const int code = find(t, text, a, &t->options);
    if (code || t->runner->reason)
        return code;
    if (t->redact) {
        tag_print_redacted(text, &t->tags);
        putchar(t->nul ? 0 : '\n');
    } else if (t->conll) {
        tag_print_conll(text, &t->tags);
    } else if (t->marked) {
        tag_print_marked(text, &t->tags);
    } else {
        tag_print_columns(text, &t->tags, t->aggregation != NULL);
    }
    return cli_written();
}

/* An empty line stands behind every text, refused ones too. */
static int end_refused(void *context)
{
    (void)context;
    putchar('\n');
    return cli_written();
}

static int tag(struct tag *t, const struct run_options *run)
{
    const int lines = t->json || t->redact || t->marked, windows = (int)run->truncate == IN_WINDOWS && !t->logits;
    tern_model *model = NULL;
    struct runner r = {.print = print, .refused = lines ? NULL : end_refused, .context = t, .takes_long = windows};
    int code = cli_open_model(&model, t->path);
    t->runner = &r;
    t->model = r.model = model;
    t->run = run;
    if (!code)
        code = runner_open_session(&r.session, model, t->path, TERN_TAG, run);
    if (!code && t->options.window > tern_model_get_info(model)->max_tokens)
        code = cli_fail(CLI_USAGE, "tag: --window %d: the model takes %d tokens", t->options.window,
                        tern_model_get_info(model)->max_tokens);
    if (!code)
        code =
            runner_all(&r, t->texts, TERN_TAG, (int)run->truncate == IN_WINDOWS ? TERN_TRUNCATE_ERROR : run->truncate);
    code = texts_end(t->texts, code);
    tern_session_close(r.session);
    tern_session_close(t->windows);
    free(t->tags.list);
    tern_model_close(model);
    return code;
}

/* What the options ask for together. An exit code. */
static int choose(struct tag *t, const struct run_options *run)
{
    static const char *const names[] = {"none", "simple", "first", "average", "max"};
    const int windows = t->options.window || t->options.stride || t->options.join;
    int i = t->conll || t->redact ? TERN_AGGREGATE_FIRST : t->json || t->marked ? TERN_AGGREGATE_SIMPLE : 0;
    if (t->logits && !t->json)
        return cli_fail(CLI_USAGE, "tag: --logits goes with --json");
    if (t->conll && (t->json || t->redact))
        return cli_fail(CLI_USAGE, "tag: --conll prints columns; leave out %s", t->json ? "--json" : "--redact");
    if (t->redact && ((int)run->truncate == TERN_TRUNCATE_HEAD || (int)run->truncate == TERN_TRUNCATE_TAIL))
        return cli_fail(CLI_USAGE, "tag: --redact goes without --truncate: what is cut off would stay as it is");
    if (windows && ((int)run->truncate != IN_WINDOWS || t->logits))
        return cli_fail(CLI_USAGE, "tag: --window, --stride and --join are for texts that are read whole; leave out %s",
                        t->logits ? "--logits" : "--truncate");
    if (t->aggregation)
        for (i = 0; i < 5 && strcmp(names[i], t->aggregation) != 0; i++) {
        }
    if (i == 5)
        return cli_fail(CLI_USAGE, "tag: --aggregation is none, simple, first, average or max, not '%.64s'",
                        t->aggregation);
    t->options.aggregation = (tern_aggregation)i;
    t->options.join |= t->redact;
    t->options.apart = t->conll;
    t->options.outside = t->conll || (!t->aggregation && !t->json && !t->redact && !t->marked);
    return CLI_OK;
}

int cmd_tag(int argc, char **argv)
{
    struct texts texts;
    struct tag t = {.options = {.struct_bytes = sizeof t.options}, .texts = &texts};
    struct run_options run = RUN_DEFAULTS;
    struct text_options from = {.no_pairs = 1};
    const struct cli_option options[] = {{"json", 0, CLI_FLAG, &t.json, 0, 0},
                                         {"logits", 0, CLI_FLAG, &t.logits, 0, 0},
                                         {"aggregation", 0, CLI_STRING, &t.aggregation, 0, 0},
                                         {"conll", 0, CLI_FLAG, &t.conll, 0, 0},
                                         {"redact", 0, CLI_FLAG, &t.redact, 0, 0},
                                         {"window", 0, CLI_INT, &t.options.window, 3, 100000},
                                         {"stride", 0, CLI_INT, &t.options.stride, 1, 100000},
                                         {"join", 0, CLI_FLAG, &t.options.join, 0, 0},
                                         TEXT_OPTIONS(from),
                                         RUN_OPTIONS(run),
                                         {0}};
    run.truncate = (tern_truncate)IN_WINDOWS;
    int n, code = cli_parse(options, "tag", argc, argv, &n);
    if (n < 0)
        return code;
    if (!n)
        return cli_fail(CLI_USAGE, "tag: no model file; see tern tag --help");
    t.path = argv[0];
    t.marked = !t.json && !t.conll && !t.redact && !from.output && cli_colour_wanted();
    code = choose(&t, &run);
    if (code)
        return code;
    code = texts_open_by(&texts, &from, argv, n, "tag");
    const struct form *const form = code ? NULL : texts.fields.form;
    const int whole_lines = form && !texts.words && !strcmp(form->name, "lines");
    t.nul = form && !strcmp(form->name, "null");
    texts.form = t.json ? TEXTS_JSON : !t.redact && !t.marked ? TEXTS_BLOCK : whole_lines ? TEXTS_LINE : TEXTS_FREE;
    if (!code)
        code = tag(&t, &run);
    texts_close(&texts);
    return code;
}
