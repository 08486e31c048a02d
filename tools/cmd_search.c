/* `tern search`: the passages of files that are nearest to a query in meaning. */
#include "runtime/base/file.h"
#include "tools/cache_folder.h"
#include "tools/commands.h"
#include "tools/help.h"
#include "tools/runner.h"
#include "tools/search_print.h"
#include "tools/search_update.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char help_search[] =
    "Examples:\n"
    "  tern search model.tern \"how do I reset it\" docs/\n"
    "  tern search model.tern --rerank cross.tern --json \"reset\" manuals/ --include '*.md,*.txt'\n"
    "  tern search model.tern - notes/ < queries.txt\n"
    "\n"
    "Usage: tern search MODEL.tern QUERY [PATH...]\n"
    "Finds the passages of text files that are nearest to QUERY in meaning, under each PATH or the current folder, "
    "and\n"
    "prints FILE:LINE<TAB>SCORE<TAB>TEXT, best first. With - queries are the lines of standard input.\n"
    "The model embeds texts. Passages are embedded once: an index of them is kept and brought up to date by each\n"
    "search. Hidden files, symbolic links in folders, and what is binary or not UTF-8 are left out.\n"
    "\n"
    "  --top K             print the best K passages (10)\n"
    "  --include GLOBS     only files of these names: patterns of the shell with commas between them; one with a "
    "slash\n"
    "                      in it is of the path below PATH\n"
    "  --exclude GLOBS     not these files and folders\n"
    "  --index FILE        where the index lies (in $XDG_CACHE_HOME/tern or ~/.cache/tern, for each model and PATHs)\n"
    "  --no-update         search the index as it is\n"
    "  --vectors int8|binary\n"
    "                      compare all passages in 8 bits a dimension, or in one and the best of them in 8 (the\n"
    "                      default above 131,072 passages)\n"
    "  --rerank CROSS.tern a model that labels pairs with one label, a cross-encoder, sorts the best passages anew;\n"
    "                      scores are its then, as tern rerank gives them\n"
    "  --rerank-top N      so many of them (50)\n"
    "  --json              one object a line: query file line start bytes score text\n" HELP_KEEP_GOING
    "  --prompt TEXT       put TEXT before each query, in place of the model's prompt \"query\"\n"
    "  --passage-prompt TEXT\n"
    "                      and before each passage, in place of its prompt \"document\" or \"passage\"\n"
    "  -b, --batch N       at most N texts in a run (32); results do not depend on it\n"
    "  -t, --threads N     threads at most (as many as this process may use); results do not depend on it\n"
    "  --isa NAME          restrict the kernels; results do not depend on it (tern info --isas)\n";

struct search {
    const char *model_path, *index_path, *include, *exclude, *vectors, *rerank, *prompt, *passage_prompt;
    int32_t top, rerank_top;
    int no_update, keep_going;
    struct run_options run;
    struct search_print print;
    char **roots;
    tern_model *model, *cross;
    tern_session *session, *cross_session;
    tern_index *index;
    tern_searcher *searcher;
    float *vector;                 /* [dimensions] of the query */
    tern_hit *hits;                /* [n_hits] */
    struct search_result *results; /* [n_hits] */
    size_t n_hits;                 /* most of a query, before reranking */
    char own_path[1200];
};

/* ---- Prompts -------------------------------------------------------------------------------------------------------
 */

/* The first of these names that the model has; NULL: none, and its default prompt counts, as in sentence-transformers.
 */
static const char *find_prompt(const tern_model *m, const char *const *names, const char **text)
{
    for (; *names; names++)
        for (int i = 0; i < tern_model_get_info(m)->n_prompts; i++)
            if (!strcmp(tern_model_prompt(m, i, text), *names))
                return *names;
    *text = "";
    const char *name = tern_model_get_info(m)->default_prompt;
    for (int i = 0; name && i < tern_model_get_info(m)->n_prompts; i++)
        if (!strcmp(tern_model_prompt(m, i, NULL), name))
            return tern_model_prompt(m, i, text);
    return NULL;
}

/* Sets the prompt of queries or passages and returns its text in *text. */
static int set_prompt(struct search *s, int of_query, const char **text)
{
    static const char *const queries[] = {"query", "search_query", NULL};
    static const char *const passages[] = {"document", "passage", "search_document", "corpus", NULL};
    const char *own = of_query ? s->prompt : s->passage_prompt;
    const char *name = own ? NULL : find_prompt(s->model, of_query ? queries : passages, text);
    tern_error err;
    *text = own ? own : *text;
    return tern_session_set_prompt(s->session, name, own, &err) ? cli_status(&err) : CLI_OK;
}

/* ---- The index -----------------------------------------------------------------------------------------------------
 */

static int find_roots(struct search *s, char **paths, int n)
{
    s->roots = calloc((size_t)n + 1, sizeof *s->roots);
    if (!s->roots)
        return cli_nomem((size_t)n * sizeof *s->roots);
    s->print.roots = s->roots;
    s->print.given = paths;
    for (int i = 0; i < n; i++) {
        s->roots[i] = realpath(paths[i], NULL);
        if (!s->roots[i])
            return cli_fail(CLI_FAILED, "%s: %s", paths[i], strerror(errno));
        s->print.n_roots = i + 1;
    }
    return CLI_OK;
}

/* An index for each model, roots and patterns. */
static int find_index(struct search *s)
{
    const char *const more[] = {s->include ? s->include : "", s->exclude ? s->exclude : ""};
    uint64_t name = tern_model_get_info(s->model)->checksum;
    char file[64];
    if (s->index_path)
        return CLI_OK;
    for (int i = 0; i < s->print.n_roots + 2; i++) {
        const char *part = i < s->print.n_roots ? s->roots[i] : more[i - s->print.n_roots];
        const uint64_t parts[2] = {name, cli_digest(part, strlen(part))};
        name = cli_digest(parts, sizeof parts);
    }
    snprintf(file, sizeof file, "search-%016llx.index", (unsigned long long)name);
    const int code = cache_make_folders("the index (--index FILE gives it one)");
    if (code)
        return code;
    if (cache_path(s->own_path, sizeof s->own_path, file))
        return cli_fail(CLI_FAILED, "the path of the index is too long");
    s->index_path = s->own_path;
    return CLI_OK;
}

/* What passages and their vectors depend on beside the model and the texts. */
static uint64_t settings_of(const struct splitter *p, const char *prompt)
{
    const uint64_t parts[] = {1, (uint64_t)p->most, (uint64_t)p->usual, (uint64_t)p->shared,
                              cli_digest(prompt, strlen(prompt))};
    return cli_digest(parts, sizeof parts);
}

static int update(struct search *s)
{
    struct found_files files = {0};
    struct search_update u = {.index_path = s->index_path, .model_path = s->model_path, .session = s->session};
    const char *prompt;
    size_t taken;
    tern_error err;
    int code = set_prompt(s, 0, &prompt);
    if (code)
        return code;
    u.splitter.tokenizer = tern_model_tokenizer(s->model);
    if (split_count(&u.splitter, prompt, strlen(prompt), &taken, &err))
        code = cli_status(&err);
    if (!code) {
        split_settings(&u.splitter, tern_model_get_info(s->model)->max_tokens, (int)taken);
        u.model = tern_model_get_info(s->model)->checksum;
        u.settings = settings_of(&u.splitter, prompt);
        u.files = &files;
        code = search_walk(&files, s->roots, s->print.n_roots, s->include, s->exclude);
    }
    if (!code)
        code = search_update(&s->index, &u);
    split_free(&u.splitter);
    search_walk_free(&files);
    return code;
}

static int open_index(struct search *s)
{
    tern_error err;
    int code = find_index(s);
    if (code || !s->no_update)
        return code ? code : update(s);
    if (tern_index_open(&s->index, s->index_path, &err))
        return cli_status(&err);
    const tern_index_info *info = tern_index_get_info(s->index);
    if (info->model != tern_model_get_info(s->model)->checksum ||
        info->dimensions != tern_session_dimensions(s->session))
        return cli_fail(CLI_USAGE, "%s: made with another model; without --no-update it is made anew", s->index_path);
    return CLI_OK;
}

/* ---- Searching -----------------------------------------------------------------------------------------------------
 */

static int open_searcher(struct search *s)
{
    tern_error err;
    const int32_t most = s->rerank && s->rerank_top > s->top ? s->rerank_top : s->top;
    const tern_searcher_options o = {.struct_bytes = sizeof o,
                                     .threads = s->run.threads,
                                     .top = most,
                                     .isa = s->run.isa,
                                     .vectors = !s->vectors                   ? TERN_SEARCH_AUTO
                                                : !strcmp(s->vectors, "int8") ? TERN_SEARCH_INT8
                                                                              : TERN_SEARCH_BINARY};
    s->vector = malloc((size_t)tern_session_dimensions(s->session) * sizeof *s->vector);
    s->hits = malloc((size_t)most * sizeof *s->hits);
    s->results = calloc((size_t)most, sizeof *s->results);
    if (!s->vector || !s->hits || !s->results)
        return cli_nomem((size_t)most * sizeof *s->results);
    return tern_searcher_open(&s->searcher, s->index, &o, &err) ? cli_status(&err) : CLI_OK;
}

/* A passage's text as its file has it now. */
static void read_result(struct search_result *r, uint64_t file_bytes)
{
    char *text;
    size_t bytes;
    tern_error err;
    const size_t start = (size_t)r->passage.start;
    if (tern_read_text(&text, &bytes, r->path, (size_t)1 << 30, 0, &err))
        return;
    if (bytes == file_bytes && r->passage.bytes && (r->text = malloc(r->passage.bytes)))
        memcpy(r->text, text + start, r->passage.bytes);
    free(text);
}

/* Sorts the results by the cross-encoder's scores. */
static int rerank(struct search *s, const tern_text *query, size_t n)
{
    tern_error err;
    tern_text *const texts = calloc(n + 1, sizeof *texts);
    tern_reranked *const ranked = calloc(n + 1, sizeof *ranked);
    struct search_result *const found = calloc(n + 1, sizeof *found);
    int code = texts && ranked && found ? CLI_OK : cli_nomem(n * sizeof *found);
    for (size_t i = 0; i < n && !code; i++) {
        found[i] = s->results[i];
        texts[i] = (tern_text){.text = found[i].text, .text_bytes = found[i].text ? found[i].passage.bytes : 0};
    }
    if (!code && tern_rerank(s->cross_session, query, texts, n, TERN_TRUNCATE_HEAD, ranked, &err))
        code = cli_status(&err);
    for (size_t i = 0; i < n && !code; i++) {
        s->results[i] = found[ranked[i].index];
        s->results[i].score = ranked[i].score;
    }
    free(texts);
    free(ranked);
    free(found);
    return code;
}

/* `texts` are the queries of which this is the last one read; NULL: it is the only one. */
static int answer(struct search *s, const char *query, size_t bytes, struct texts *texts)
{
    tern_error err;
    const tern_text text = {query, bytes, NULL, 0};
    tern_answers answers = {.struct_bytes = sizeof answers, .values = s->vector};
    size_t n = 0;
    const tern_status status = tern_embed_texts(s->session, &text, 1, TERN_TRUNCATE_ERROR, &answers, &err);
    if (status == TERN_INPUT && texts)
        return texts_refuse(texts, strncmp(err.message, "text 1: ", 8) ? err.message : err.message + 8);
    if (status || tern_search(s->searcher, s->vector, s->hits, &n, &err))
        return cli_status(&err);
    for (size_t i = 0; i < n; i++) {
        struct search_result *r = &s->results[i];
        tern_index_file file;
        *r = (struct search_result){.score = (double)s->hits[i].score};
        tern_index_get_passage(s->index, s->hits[i].passage, &r->passage);
        tern_index_get_file(s->index, r->passage.file, &file);
        r->path = file.path;
        read_result(r, file.bytes);
    }
    int code = s->rerank ? rerank(s, &text, n) : CLI_OK;
    if (!code)
        code = search_print(&s->print, query, bytes, s->results, n < (size_t)s->top ? n : (size_t)s->top);
    for (size_t i = 0; i < n; i++)
        free(s->results[i].text);
    return code;
}

static int answer_lines(struct search *s)
{
    struct texts texts;
    struct text t;
    char *none[] = {"-"};
    int code = texts_open(&texts, none, 1, 0, "search");
    texts.keep_going = s->keep_going;
    texts.form = s->print.json ? TEXTS_JSON : TEXTS_LINE;
    while (!code && texts_next(&texts, &t, &code) > 0)
        code = t.why ? texts_refuse(&texts, t.why) : answer(s, t.text, t.bytes, &texts);
    code = texts_end(&texts, code);
    texts_close(&texts);
    return code;
}

static int open_cross(struct search *s)
{
    const int code = cli_open_model(&s->cross, s->rerank);
    if (code)
        return code;
    if (tern_model_get_info(s->cross)->n_labels != 1 || tern_model_get_info(s->cross)->of_tokens)
        return cli_fail(CLI_USAGE, "%s: a cross-encoder has one label for a pair of texts, this model has %d",
                        s->rerank, tern_model_get_info(s->cross)->n_labels);
    return runner_open_session(&s->cross_session, s->cross, s->rerank, TERN_CLASSIFY, &s->run);
}

static int search(struct search *s, const char *query, char **paths, int n_paths)
{
    const char *prompt;
    int code = find_roots(s, paths, n_paths);
    if (!code)
        code = cli_open_model(&s->model, s->model_path);
    if (!code && s->rerank)
        code = open_cross(s);
    if (!code)
        code = runner_open_session(&s->session, s->model, s->model_path, TERN_EMBED, &s->run);
    if (!code)
        code = open_index(s);
    if (!code)
        code = set_prompt(s, 1, &prompt);
    if (!code && !tern_index_get_info(s->index)->n_passages)
        cli_warn("there is no passage of text in these files");
    if (!code)
        code = open_searcher(s);
    if (!code)
        code = s->print.many ? answer_lines(s) : answer(s, query, strlen(query), NULL);
    tern_searcher_close(s->searcher);
    tern_index_close(s->index);
    tern_session_close(s->session);
    tern_session_close(s->cross_session);
    tern_model_close(s->model);
    tern_model_close(s->cross);
    for (int i = 0; i < s->print.n_roots; i++)
        free(s->roots[i]);
    free(s->roots);
    free(s->vector);
    free(s->hits);
    free(s->results);
    return code;
}

int cmd_search(int argc, char **argv)
{
    static char *here[] = {"."};
    struct search s = {.top = 10, .rerank_top = 50, .run = RUN_DEFAULTS};
    const struct cli_option options[] = {{"top", 0, CLI_INT, &s.top, 1, 1000},
                                         {"include", 0, CLI_STRING, &s.include, 0, 0},
                                         {"exclude", 0, CLI_STRING, &s.exclude, 0, 0},
                                         {"index", 0, CLI_STRING, &s.index_path, 0, 0},
                                         {"no-update", 0, CLI_FLAG, &s.no_update, 0, 0},
                                         {"vectors", 0, CLI_STRING, &s.vectors, 0, 0},
                                         {"rerank-top", 0, CLI_INT, &s.rerank_top, 1, 1000},
                                         {"rerank", 0, CLI_STRING, &s.rerank, 0, 0},
                                         {"json", 0, CLI_FLAG, &s.print.json, 0, 0},
                                         {"keep-going", 0, CLI_FLAG, &s.keep_going, 0, 0},
                                         {"prompt", 0, CLI_STRING, &s.prompt, 0, 0},
                                         {"passage-prompt", 0, CLI_STRING, &s.passage_prompt, 0, 0},
                                         {"batch", 'b', CLI_INT, &s.run.batch, 1, 65536},
                                         {"threads", 't', CLI_INT, &s.run.threads, 1, 256},
                                         {"isa", 0, CLI_STRING, &s.run.isa, 0, 0},
                                         {0}};
    int n, code = cli_parse(options, "search", argc, argv, &n);
    if (n < 0)
        return code;
    if (n < 2)
        return cli_fail(CLI_USAGE, "search: no %s; see tern search --help", n ? "query" : "model file");
    if (s.vectors && strcmp(s.vectors, "int8") && strcmp(s.vectors, "binary"))
        return cli_fail(CLI_USAGE, "search: --vectors is int8 or binary, not '%.64s'", s.vectors);
    if (!*argv[1])
        return cli_fail(CLI_USAGE, "search: the query is empty");
    s.model_path = argv[0];
    s.print.many = !strcmp(argv[1], "-");
    s.print.colour = !s.print.json && cli_colour_wanted();
    return search(&s, argv[1], n > 2 ? argv + 2 : here, n > 2 ? n - 2 : 1);
}
