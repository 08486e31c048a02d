/* `tern rerank`: documents in the order in which they fit a query. */
#include "tools/commands.h"
#include "tools/eval_own.h"
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
    "  --json              one object for each document: index (from 0, as they came), score, text\n"
    "  --input FILE        documents are those of FILE, not of standard input\n" HELP_TEXT_FORMS HELP_RUN;

struct rerank {
    const char *query;
    int json;
    int32_t top; /* 0: all */
    tern_session *session;
    tern_truncate truncate;
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

static int read_documents(struct rerank *r, struct texts *texts)
{
    struct text text;
    char where[128];
    int code = CLI_OK;
    while (!code && texts_next(texts, &text, &code) > 0)
        code = text.why ? cli_fail(CLI_INPUT, "%s: %s", texts_where(texts, where), text.why) : keep_text(r, &text);
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

/* Ranks the documents; `where` names them in messages, or "". Returns how many are to be printed through *n. */
static int rank(struct rerank *r, const tern_text *query, const char *where, size_t *n)
{
    tern_error err;
    tern_reranked *const more = reallocarray(r->ranked, r->n + 1, sizeof *more);
    if (!more)
        return cli_nomem((r->n + 1) * sizeof *more);
    r->ranked = more;
    if (tern_rerank(r->session, query, r->documents, r->n, r->truncate, r->ranked, &err))
        return cli_fail(err.code == TERN_INPUT   ? CLI_INPUT
                        : err.code == TERN_USAGE ? CLI_USAGE
                                                 : CLI_FAILED,
                        "%s%s", where, err.message);
    *n = r->top && (size_t)r->top < r->n ? (size_t)r->top : r->n;
    return CLI_OK;
}

static int rerank_documents(struct rerank *r)
{
    const tern_text query = {.text = r->query, .text_bytes = strlen(r->query)};
    size_t n = 0;
    int code = rank(r, &query, "", &n);
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

static int rerank_list(struct rerank *r, const json_t *object, const char *where)
{
    const json_t *const query = json_object_get(object, "query"), *documents = json_object_get(object, "documents"),
                        *one;
    char place[144];
    size_t i, n = 0;
    int code = CLI_OK;
    if (!json_is_string(query) || !json_is_array(documents))
        return cli_fail(CLI_INPUT,
                        "%s: is no object with the string query and the array documents; give the query of a "
                        "file of documents with --query",
                        where);
    r->n = 0;
    json_array_foreach(documents, i, one)
    {
        if (!json_is_string(one))
            return cli_fail(CLI_INPUT, "%s: document %zu is no string", where, i + 1);
        code = code ? code : add_document(r, json_string_value(one), json_string_length(one));
    }
    const tern_text text = {.text = json_string_value(query), .text_bytes = json_string_length(query)};
    snprintf(place, sizeof place, "%s: ", where);
    code = code ? code : rank(r, &text, place, &n);
    if (code)
        return code;
    fputs("{\"query\":", stdout);
    cli_json_string(stdout, text.text, text.text_bytes);
    fputs(",\"ranked\":[", stdout);
    for (i = 0; i < n; i++) {
        fputs(i ? "," : "", stdout);
        print_object(r, &r->ranked[i]);
    }
    fputs("]}\n", stdout);
    return cli_written();
}

static int rerank_lists(struct rerank *r, const char *path)
{
    struct eval_lines file;
    struct record_field line;
    char where[128];
    int code = eval_lines_open(&file, path);
    while (!code && eval_lines_next(&file, &line, &code) > 0) {
        if (!line.bytes)
            continue;
        json_t *const object = eval_line_json(&line);
        code = rerank_list(r, object, eval_lines_where(&file, where));
        json_decref(object);
    }
    eval_lines_close(&file);
    return code;
}

/* ---- The command ---------------------------------------------------------------------------------------------------
 */

/* texts: the documents; NULL: lists of a file. */
static int rerank(struct rerank *r, const char *path, struct texts *texts, const char *lists,
                  const struct run_options *run)
{
    tern_model *model = NULL;
    int code = cli_open_model(&model, path);
    const tern_model_info *const info = code ? NULL : tern_model_get_info(model);
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
    if (!code && texts)
        code = read_documents(r, texts);
    if (!code)
        code = texts ? rerank_documents(r) : rerank_lists(r, lists);
    tern_session_close(r->session);
    tern_model_close(model);
    free(r->documents);
    free(r->ranked);
    free(r->pool);
    return code;
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
                                         {"input", 0, CLI_STRING, &from.input, 0, 0},
                                         TEXT_FORM_OPTIONS(from),
                                         RUN_OPTIONS(run),
                                         {0}};
    int n, code = cli_parse(options, "rerank", argc, argv, &n);
    if (n < 0)
        return code;
    if (!n)
        return cli_fail(CLI_USAGE, "rerank: no model file; see tern rerank --help");
    r.truncate = run.truncate;
    if (!r.query && n == 1) {
        if (!from.input)
            return cli_fail(CLI_USAGE, "rerank: no query; give one behind the model, or lists of queries and documents "
                                       "with --input FILE");
        if (texts_form_given(&from))
            return cli_fail(CLI_USAGE,
                            "rerank: --form, --field, --column and --null are for documents; give their query, "
                            "too");
        return rerank(&r, argv[0], NULL, from.input, &run);
    }
    const char *const path = argv[0];
    if (!r.query) {
        r.query = argv[1];
        argv[1] = argv[0]; /* the words are the model and the documents */
        argv++;
        n--;
    }
    code = texts_open_by(&texts, &from, argv, n, "rerank");
    if (!code)
        code = rerank(&r, path, &texts, NULL, &run);
    texts_close(&texts);
    return code;
}
