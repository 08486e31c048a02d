/* `tern rerank`: documents in the order in which they fit a query. */
#include "tools/commands.h"
#include "tools/help.h"
#include "tools/runner.h"

#include <stdlib.h>
#include <string.h>

const char help_rerank[] =
    "Examples:\n"
    "  tern rerank cross.tern \"how do I reset it\" < passages.txt\n"
    "  tern rerank cross.tern \"how do I reset it\" --input manual.jsonl --field text --top 3\n"
    "  tern rerank cross.tern --input lists.jsonl > sorted.jsonl\n"
    "\n"
    "Usage: tern rerank MODEL.tern QUERY [DOCUMENT...]\n"
    "Prints SCORE<TAB>DOCUMENT for each document, the one that fits the query best first. The model is a "
    "cross-encoder,\n"
    "which reads the query and a document together and has one label; its score is the logistic function of the "
    "logit,\n"
    "or the logit itself, as the checkpoint says (tern info tells). Models that make vectors are for tern embed.\n"
    "Without DOCUMENT, documents are the lines of standard input; --input and what follows it read files, JSON and\n"
    "tables. A FILE of --input without a query has an object in each line, with query and documents, and a line is\n"
    "printed for each: an object with query and ranked.\n"
    "\n"
    "  --query TEXT        the query, where words are documents alone\n"
    "  --top K             the best K documents of each query (all)\n"
    "  --json              one object for each document: index (from 0, as they came), score, text\n" HELP_TEXT_OPTIONS
    "                      Documents that are refused are told of before the others, and not ranked; --resume is for\n"
    "                      lists\n" HELP_RUN;

struct rerank {
    const char *query;
    int json;
    int32_t top; /* 0: all */
    const tern_model *model;
    tern_session *session;
    tern_truncate truncate;
    struct texts *texts;
    int32_t *ids; /* [max_tokens] of a document that may be refused */
    tern_text *documents;
    size_t n, capacity;
    char *pool; /* the texts of a file, one after the other */
    size_t used, pool_capacity;
    tern_reranked *ranked;
};

/* ---- Documents -----------------------------------------------------------------------------------------------------
 */

static int add_document(struct rerank *r, const char *text, size_t bytes)
{
    if (r->n == r->capacity) {
        const size_t capacity = 2 * r->n + 256;
        tern_text *const more = reallocarray(r->documents, capacity, sizeof *more);
        if (!more)
            return cli_nomem(capacity * sizeof *more);
        r->documents = more;
        r->capacity = capacity;
    }
    r->documents[r->n++] = (tern_text){.text = text, .text_bytes = bytes};
    return CLI_OK;
}

/* A text of the input, whose bytes last until the next: the pool may move, and where each begins is found at the end.
 */
static int keep_text(struct rerank *r, const struct text *t)
{
    if (r->used + t->bytes + 1 > r->pool_capacity) {
        const size_t capacity = 2 * (r->used + t->bytes) + 4096;
        char *const more = realloc(r->pool, capacity);
        if (!more)
            return cli_nomem(capacity);
        r->pool = more;
        r->pool_capacity = capacity;
    }
    if (t->bytes)
        memcpy(r->pool + r->used, t->text, t->bytes);
    r->used += t->bytes;
    return add_document(r, NULL, t->bytes);
}

/* With --keep-going documents that cannot be run are told of before the others are ranked. */
static int take_document(void *context, const struct text *text)
{
    struct rerank *const r = context;
    const tern_text pair = {r->query, strlen(r->query), text->text, text->bytes};
    const int32_t most = tern_model_get_info(r->model)->max_tokens;
    tern_tokens tokens = {.struct_bytes = sizeof tokens, .capacity = (size_t)most, .ids = r->ids};
    tern_error err;
    char why[RUNNER_REASON];
    if (r->texts->keep_going &&
        tern_tokenize(tern_model_tokenizer(r->model), &pair, r->truncate, &tokens, &err) == TERN_INPUT) {
        const tern_answer answer = {.error = &err, .n_needed = tokens.needed};
        return texts_refuse(r->texts, runner_reason(why, &answer, most));
    }
    return keep_text(r, text);
}

static int read_documents(struct rerank *r)
{
    r->ids = malloc((size_t)tern_model_get_info(r->model)->max_tokens * sizeof *r->ids);
    const int code = r->ids ? runner_each(r->texts, take_document, r) : cli_nomem(sizeof *r->ids);
    for (size_t i = 0, at = 0; !code && i < r->n; at += r->documents[i++].text_bytes)
        r->documents[i].text = r->pool + at;
    return code;
}

/* ---- Results -------------------------------------------------------------------------------------------------------
 */

static void print_object(const struct rerank *r, const tern_reranked *ranked)
{
    printf("{\"index\":%zu,\"score\":", ranked->index);
    cli_json_number(stdout, ranked->score, 9);
    fputs(",\"text\":", stdout);
    cli_json_string(stdout, r->documents[ranked->index].text, r->documents[ranked->index].text_bytes);
    fputs(ranked->truncated ? ",\"truncated\":true}" : "}", stdout);
}

/* Ranks the documents, of which *n are to be printed; `why` is the reason against one of them, or empty. */
static int rank(struct rerank *r, const tern_text *query, size_t *n, char why[RUNNER_REASON])
{
    tern_error err;
    tern_reranked *const more = reallocarray(r->ranked, r->n + 1, sizeof *more);
    if (!more)
        return cli_nomem((r->n + 1) * sizeof *more);
    r->ranked = more;
    *why = 0;
    if (tern_rerank(r->session, query, r->documents, r->n, r->truncate, r->ranked, &err)) {
        if (err.code != TERN_INPUT)
            return cli_status(&err);
        snprintf(why, RUNNER_REASON, "%s", err.message);
    }
    *n = r->top && (size_t)r->top < r->n ? (size_t)r->top : r->n;
    return CLI_OK;
}

static int rerank_documents(struct rerank *r)
{
    const tern_text query = {.text = r->query, .text_bytes = strlen(r->query)};
    char why[RUNNER_REASON];
    size_t n = 0;
    int code = read_documents(r);
    if (!code)
        code = rank(r, &query, &n, why);
    if (!code && *why)
        code = cli_fail(CLI_INPUT, "%s", why);
    for (size_t i = 0; !code && i < n; i++) {
        const tern_text *const document = &r->documents[r->ranked[i].index];
        if (r->json) {
            print_object(r, &r->ranked[i]);
        } else {
            printf("%.4f\t", r->ranked[i].score);
            cli_text(stdout, document->text, document->text_bytes);
        }
        putchar('\n');
        code = cli_written();
    }
    return code;
}

/* ---- Lists ---------------------------------------------------------------------------------------------------------
 */

/* One list: its query, and the object that the reader has; `why` is the reason against it, or empty. */
static int rank_list(struct rerank *r, const struct text *query, size_t *n, char why[RUNNER_REASON])
{
    const json_t *const documents = json_object_get(r->texts->fields.object, "documents"), *one;
    const tern_text text = {.text = query->text, .text_bytes = query->bytes};
    size_t i;
    int code = CLI_OK;
    *why = 0;
    if (query->why || !json_is_array(documents)) {
        snprintf(why, RUNNER_REASON,
                 "is no object with the string query and the array documents; give the query of a file of documents "
                 "with --query");
        return CLI_OK;
    }
    r->n = 0;
    json_array_foreach(documents, i, one)
    {
        if (!json_is_string(one) && !*why)
            snprintf(why, RUNNER_REASON, "document %zu is no string", i + 1);
        code = code || *why ? code : add_document(r, json_string_value(one), json_string_length(one));
    }
    return code || *why ? code : rank(r, &text, n, why);
}

static int rerank_list(struct rerank *r, const struct text *text)
{
    char why[RUNNER_REASON];
    size_t n = 0;
    const int code = rank_list(r, text, &n, why);
    if (code || *why)
        return code ? code : texts_refuse(r->texts, why);
    fputs("{\"query\":", stdout);
    cli_json_string(stdout, text->text, text->bytes);
    fputs(",\"ranked\":[", stdout);
    for (size_t i = 0; i < n; i++) {
        fputs(i ? "," : "", stdout);
        print_object(r, &r->ranked[i]);
    }
    fputs("]}\n", stdout);
    return cli_written();
}

static int rerank_lists(struct rerank *r)
{
    struct text text;
    int code = texts_begin(r->texts);
    while (!code && texts_next(r->texts, &text, &code) > 0) {
        code = rerank_list(r, &text);
        code = code ? code : texts_answered(r->texts, 0);
    }
    return code;
}

/* ---- The command ---------------------------------------------------------------------------------------------------
 */

/* The texts are documents of the query or, without one, lists. */
static int rerank(struct rerank *r, const char *path, const struct run_options *run)
{
    tern_model *model = NULL;
    int code = cli_open_model(&model, path);
    const tern_model_info *const info = code ? NULL : tern_model_get_info(model);
    r->model = model;
    if (!code && !strcmp(info->head, "none"))
        code = cli_fail(CLI_USAGE,
                        "%s: makes vectors of texts, and rerank needs a cross-encoder, which reads a query "
                        "and a document together; use tern embed",
                        path);
    if (!code)
        code = runner_open_session(&r->session, model, path, TERN_CLASSIFY, run);
    if (!code && info->n_labels != 1)
        code = cli_fail(CLI_USAGE,
                        "%s: has %d labels, and rerank needs a cross-encoder with one; use tern classify "
                        "--pair",
                        path, info->n_labels);
    if (!code)
        code = texts_end(r->texts, r->query ? rerank_documents(r) : rerank_lists(r));
    tern_session_close(r->session);
    tern_model_close(model);
    free(r->documents);
    free(r->ranked);
    free(r->pool);
    free(r->ids);
    return code;
}

/* Lists, each an object in a line, or documents of one query. */
static int settle_input(struct rerank *r, struct text_options *from, int n)
{
    if (r->query || n > 1)
        return from->resume
                   ? cli_fail(CLI_USAGE,
                              "rerank: one query's documents are printed when all are ranked, so that there is "
                              "nothing to go on with; --resume is for --input FILE of lists, without a query")
                   : CLI_OK;
    if (!from->input)
        return cli_fail(CLI_USAGE, "rerank: no query; give one behind the model, or lists of queries and documents "
                                   "with --input FILE");
    if (texts_form_given(from))
        return cli_fail(CLI_USAGE,
                        "rerank: --form, --field, --column and --null are for documents; give their query, too");
    from->form = "jsonl";
    from->fields = (struct cli_names){.values = {"query"}, .n = 1};
    return CLI_OK;
}

int cmd_rerank(int argc, char **argv)
{
    struct rerank r = {.top = 0};
    struct run_options run = RUN_DEFAULTS;
    struct text_options from = {.no_pairs = 1};
    struct texts texts;
    const struct cli_option options[] = {{"query", 0, CLI_STRING, &r.query, 0, 0},
                                         {"top", 0, CLI_INT, &r.top, 1, INT32_MAX},
                                         {"json", 0, CLI_FLAG, &r.json, 0, 0},
                                         TEXT_OPTIONS(from),
                                         RUN_OPTIONS(run),
                                         {0}};
    int n, code = cli_parse(options, "rerank", argc, argv, &n);
    if (n < 0)
        return code;
    if (!n)
        return cli_fail(CLI_USAGE, "rerank: no model file; see tern rerank --help");
    code = settle_input(&r, &from, n);
    if (code)
        return code;
    r.truncate = run.truncate;
    const char *const path = argv[0];
    if (!r.query && n > 1) {
        r.query = argv[1];
        argv[1] = argv[0]; /* the words are the model and the documents */
        argv++;
        n--;
    }
    code = texts_open_by(&texts, &from, argv, n, "rerank");
    texts.form = r.json || !r.query ? TEXTS_JSON : TEXTS_LINE;
    r.texts = &texts;
    if (!code)
        code = rerank(&r, path, &run);
    texts_close(&texts);
    return code;
}
