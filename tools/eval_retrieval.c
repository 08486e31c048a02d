/* `tern eval --task retrieval`: how well documents are found, from a folder in BEIR's layout (Thakur et al. 2021). What
   is counted, and of which queries, is what trec_eval counts by pytrec_eval, as BEIR calls it. */
#include "tools/eval_retrieval.h"
#include "runtime/best.h"
#include "tools/eval_scores.h"
#include "tools/score_ranks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEEPEST = 1000 /* documents that are kept for a query */ };

/* A document's judgement, or its score. */
struct entry {
    size_t query, document;
    double score;
    int relevance;
    size_t order; /* in the file */
    const char *name;
    size_t name_bytes; /* of the document, once all are known */
};

struct entries {
    struct entry *all;
    size_t n, capacity;
};

struct retrieval {
    struct eval_names queries, documents;
    struct entries judged, found;
    unsigned char *has_run; /* [queries.n]: it is in the run, though nothing may be found for it */
    size_t identical;       /* documents that were left out because they are called as their query */
};

static int add_entry(struct entries *e, struct entry entry)
{
    if (e->n == e->capacity) {
        const size_t capacity = 2 * e->n + 1024;
        struct entry *const more = reallocarray(e->all, capacity, sizeof *more);
        if (!more)
            return cli_nomem(capacity * sizeof *more);
        e->all = more;
        e->capacity = capacity;
    }
    entry.order = e->n;
    e->all[e->n++] = entry;
    return CLI_OK;
}

static int add(struct retrieval *r, struct entries *to, struct record_field query, struct record_field document,
               double score, int relevance)
{
    const size_t q = eval_name_add(&r->queries, query.text, query.bytes);
    const size_t d = q == SIZE_MAX ? SIZE_MAX : eval_name_add(&r->documents, document.text, document.bytes);
    return d == SIZE_MAX
               ? CLI_FAILED
               : add_entry(to, (struct entry){.query = q, .document = d, .score = score, .relevance = relevance});
}

/* ---- Judgements and runs --------------------------------------------------------------------------------------------
 */

/* query-id, corpus-id, score, with a header; or query, 0, document, relevance as trec_eval has it. */
static int read_judgements(struct retrieval *r, const char *path)
{
    struct eval_lines file;
    struct record_field line, word[5];
    char where[128];
    double relevance;
    int code = eval_lines_open(&file, path);
    while (!code && eval_lines_next(&file, &line, &code) > 0) {
        int n = 0;
        while (n < 5 && eval_word(&line, &word[n]))
            n++;
        if (!n || (file.in.number == 1 && n == 3 && record_number(&word[2], &relevance)))
            continue;
        if ((n != 3 && n != 4) || record_number(&word[n - 1], &relevance) || fabs(relevance) > 1e6)
            code = cli_fail(CLI_INPUT, "%s: is no judgement: query, document and a whole number",
                            eval_lines_where(&file, where));
        else
            code = add(r, &r->judged, word[0], word[n == 3 ? 1 : 2], 0, (int)relevance);
    }
    eval_lines_close(&file);
    if (!code && !r->judged.n)
        code = cli_fail(CLI_INPUT, "%s: there is no judgement in it", path);
    return code;
}

/* {"QUERY": {"DOCUMENT": SCORE}} */
static int take_object(struct retrieval *r, json_t *object, const char *path)
{
    const char *query, *document;
    json_t *scores, *score;
    json_object_foreach(object, query, scores)
    {
        const struct record_field q = {query, strlen(query)};
        const size_t number = eval_name_add(&r->queries, q.text, q.bytes);
        if (number == SIZE_MAX)
            return CLI_FAILED;
        json_object_foreach(scores, document, score)
        {
            const struct record_field d = {document, strlen(document)};
            const int code = json_is_number(score)
                                 ? add(r, &r->found, q, d, json_number_value(score), 0)
                                 : cli_fail(CLI_INPUT, "%s: a score of query %.64s is no number", path, query);
            if (code)
                return code;
        }
    }
    return CLI_OK;
}

/* A line of a run: query, Q0, document, rank, score, name. */
static int take_line(struct retrieval *r, struct record_field line, const struct eval_lines *file)
{
    struct record_field word[6];
    char where[128];
    double score;
    int n = 0;
    while (n < 6 && eval_word(&line, &word[n]))
        n++;
    if (!n)
        return CLI_OK;
    if (n < 5 || record_number(&word[4], &score))
        return cli_fail(CLI_INPUT, "%s: is no line of a run: query, Q0, document, rank, score and a name",
                        eval_lines_where(file, where));
    return add(r, &r->found, word[0], word[2], score, 0);
}

static int read_run(struct retrieval *r, const char *path)
{
    struct eval_lines file;
    struct record_field line;
    int code = eval_lines_open(&file, path), is_json = 0;
    while (!code && !is_json && eval_lines_next(&file, &line, &code) > 0) {
        is_json = file.in.number == 1 && line.bytes && *line.text == '{';
        code = is_json ? CLI_OK : take_line(r, line, &file);
    }
    eval_lines_close(&file);
    json_t *values = NULL, *object;
    size_t i;
    if (!code && is_json && !(code = eval_read_json(&values, path)))
        json_array_foreach(values, i, object) code = code ? code : take_object(r, object, path);
    if (!code && is_json) {
        r->has_run = calloc(r->queries.n + 1, 1);
        code = r->has_run ? CLI_OK : cli_nomem(r->queries.n);
        json_array_foreach(values, i, object)
        {
            const char *query;
            json_t *scores;
            json_object_foreach(object, query, scores) if (!code)
                r->has_run[eval_name_find(&r->queries, query, strlen(query))] = 1;
        }
    }
    json_decref(values);
    return code;
}

/* ---- Scores ---------------------------------------------------------------------------------------------------------
 */

static int by_query(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->query != y->query)
        return x->query < y->query ? -1 : 1;
    if (x->document != y->document)
        return x->document < y->document ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* Of a query's documents: by their scores, or in the file's order where these are equal. */
static int by_score_then_order(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return (x->order > y->order) - (x->order < y->order);
}

static int by_relevance(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return (x < y) - (x > y);
}

/* trec_eval has single precision, and sorts documents of the same score by their names, the last one first. */
static int by_trec(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if ((float)x->score != (float)y->score)
        return (float)x->score < (float)y->score ? 1 : -1;
    const int order = memcmp(x->name, y->name, x->name_bytes < y->name_bytes ? x->name_bytes : y->name_bytes);
    return order ? -order : (x->name_bytes < y->name_bytes) - (x->name_bytes > y->name_bytes);
}

/* Sorted by query and document; a document that stands twice under a query is refused. */
static int sort_entries(const struct retrieval *r, struct entries *e, const char *path)
{
    size_t bytes[2];
    for (size_t i = 0; i < e->n; i++)
        e->all[i].name = eval_name(&r->documents, e->all[i].document, &e->all[i].name_bytes);
    qsort(e->all, e->n, sizeof *e->all, by_query);
    for (size_t i = 1; i < e->n; i++)
        if (e->all[i].query == e->all[i - 1].query && e->all[i].document == e->all[i - 1].document) {
            const char *const query = eval_name(&r->queries, e->all[i].query, &bytes[0]);
            const char *const document = eval_name(&r->documents, e->all[i].document, &bytes[1]);
            return cli_fail(CLI_INPUT, "%s: document %.*s stands twice under query %.*s", path,
                            (int)(bytes[1] < 64 ? bytes[1] : 64), document, (int)(bytes[0] < 64 ? bytes[0] : 64),
                            query);
        }
    return CLI_OK;
}

static int is_called_as(const struct retrieval *r, const struct entry *e)
{
    size_t bytes[2];
    const char *const query = eval_name(&r->queries, e->query, &bytes[0]);
    const char *const document = eval_name(&r->documents, e->document, &bytes[1]);
    return bytes[0] == bytes[1] && !memcmp(query, document, bytes[0]);
}

/* BEIR leaves out documents that have the name of their query: some of its data sets search a query among its own
   kind. */
static void leave_identical(struct retrieval *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->found.n; i++)
        if (!is_called_as(r, &r->found.all[i]))
            r->found.all[kept++] = r->found.all[i];
    r->identical = r->found.n - kept;
    r->found.n = kept;
}

struct sums {
    double ndcg, recall[3], reciprocal, reciprocal_10;
    size_t judged, run;
};

/* The judged relevance of each document that was found, in their order. */
static void gains_of(const struct entry *judged, size_t n_judged, const struct entry *found, size_t n, int *gains)
{
    for (size_t i = 0; i < n; i++) {
        size_t low = 0, high = n_judged;
        while (low < high) {
            const size_t middle = (low + high) / 2;
            if (judged[middle].document < found[i].document)
                low = middle + 1;
            else
                high = middle;
        }
        gains[i] = low < n_judged && judged[low].document == found[i].document ? judged[low].relevance : 0;
    }
}

static const size_t depths[3] = {10, 100, 1000};

static int score_query(struct sums *s, const struct entry *judged, size_t n_judged, struct entry *found, size_t n)
{
    int *const gains = malloc((n + n_judged + 1) * sizeof *gains), *const best = gains + n;
    size_t relevant = 0;
    if (!gains)
        return cli_nomem((n + n_judged) * sizeof *gains);
    for (size_t i = 0; i < n_judged; i++) {
        best[i] = judged[i].relevance;
        relevant += judged[i].relevance > 0;
    }
    qsort(best, n_judged, sizeof *best, by_relevance);
    /* BEIR's own reciprocal rank keeps the file's order of equal scores, and has double precision. */
    qsort(found, n, sizeof *found, by_score_then_order);
    gains_of(judged, n_judged, found, n, gains);
    s->reciprocal_10 += ranks_reciprocal(gains, n, 10);
    qsort(found, n, sizeof *found, by_trec);
    gains_of(judged, n_judged, found, n, gains);
    s->ndcg += ranks_ndcg(gains, n, best, n_judged, 10);
    for (int i = 0; i < 3; i++)
        s->recall[i] += ranks_recall(gains, n, relevant, depths[i]);
    s->reciprocal += ranks_reciprocal(gains, n, n);
    free(gains);
    return CLI_OK;
}

/* The entries of a query: how many they are, and the first. */
static size_t entries_of(const struct entries *e, size_t query, size_t *at)
{
    size_t n = 0;
    while (*at < e->n && e->all[*at].query < query)
        ++*at;
    while (*at + n < e->n && e->all[*at + n].query == query)
        n++;
    return n;
}

static int score(struct eval_figures *f, struct retrieval *r, const struct eval_own *o)
{
    static const char *const recalls[3] = {"recall@10", "recall@100", "recall@1000"};
    struct sums s = {.judged = 0};
    size_t judged = 0, found = 0;
    int code = sort_entries(r, &r->judged, o->path);
    if (!code)
        code = sort_entries(r, &r->found, o->predictions ? o->predictions : o->path);
    if (!code && !o->identical)
        leave_identical(r);
    for (size_t q = 0; !code && q < r->queries.n; q++) {
        const size_t n_judged = entries_of(&r->judged, q, &judged), n = entries_of(&r->found, q, &found);
        s.judged += n_judged > 0;
        if (!n_judged || !(n || (r->has_run && r->has_run[q])))
            continue;
        s.run++;
        code = score_query(&s, r->judged.all + judged, n_judged, r->found.all + found, n);
    }
    if (code)
        return code;
    if (r->identical)
        cli_warn(
            "%zu documents have the name of their query and were left out, as BEIR does; --identical-ids keeps them",
            r->identical);
    const double n = s.run ? (double)s.run : NAN;
    eval_add(f, "n", EVAL_COUNT, (double)s.run);
    eval_add(f, "missing", EVAL_COUNT, (double)(s.judged - s.run));
    eval_add(f, "ndcg@10", EVAL_PART, s.ndcg / n);
    for (int i = 0; i < 3; i++)
        eval_add(f, recalls[i], EVAL_PART, s.recall[i] / n);
    eval_add(f, "mrr", EVAL_PART, s.reciprocal / n);
    eval_add(f, "mrr@10", EVAL_PART, s.reciprocal_10 / (double)s.judged);
    return CLI_OK;
}

/* ---- Searching ------------------------------------------------------------------------------------------------------
 */

/* Reads _id and the text of each object, with the title before it, into the job's data and the names: those whose name
   is `known`, or all where it is NULL. */
static int read_texts(struct eval_data *d, struct eval_names *names, const struct eval_names *known, const char *path)
{
    struct eval_lines file;
    struct record_field line;
    char where[128];
    int code = eval_lines_open(&file, path);
    while (!code && eval_lines_next(&file, &line, &code) > 0) {
        if (!line.bytes)
            continue;
        json_t *const object = eval_line_json(&line);
        const json_t *const id = json_object_get(object, "_id"), *const text = json_object_get(object, "text");
        const json_t *const title = json_object_get(object, "title");
        if (!json_is_string(id) || !json_is_string(text)) {
            code =
                cli_fail(CLI_INPUT, "%s: is no object with the strings _id and text", eval_lines_where(&file, where));
        } else if (!known || eval_name_find(known, json_string_value(id), json_string_length(id)) != SIZE_MAX) {
            const size_t before = names->n;
            const struct record_field parts[2] = {{json_string_value(title), json_string_length(title)},
                                                  {json_string_value(text), json_string_length(text)}};
            if (eval_name_add(names, json_string_value(id), json_string_length(id)) == SIZE_MAX)
                code = CLI_FAILED;
            else if (names->n == before)
                code = cli_fail(CLI_INPUT, "%s: _id %.64s was there before", eval_lines_where(&file, where),
                                json_string_value(id));
            else
                code = eval_add_joined(d, parts, file.in.line);
        }
        json_decref(object);
    }
    eval_lines_close(&file);
    if (!code && !d->n_texts)
        code = cli_fail(CLI_INPUT, "%s: there is no text in it", path);
    return code;
}

/* As sentence-transformers' encode_query and encode_document: the prompt that is called query or document or, where the
   model has none, no prompt. */
static int embed(struct eval_answers *out, const struct eval_own *o, struct eval_data *data, const char *path,
                 int of_documents)
{
    const char *const name = of_documents ? "document" : "query";
    struct eval_job job = *o->job;
    job.path = path;
    job.data = *data;
    job.together = 0;
    if (of_documents) {
        job.prompt = NULL;
        job.prompt_name = o->document_prompt;
    }
    for (int32_t i = 0; !job.prompt && !job.prompt_name && tern_model_prompt(o->model->model, i, NULL); i++)
        if (!strcmp(tern_model_prompt(o->model->model, i, NULL), name))
            job.prompt_name = name;
    if (!job.prompt && !job.prompt_name)
        job.prompt = "";
    return eval_run(out, &job, o->model, TERN_EMBED);
}

static int search_query(struct retrieval *r, size_t query, const float *vector, const struct eval_answers *documents,
                        size_t n, const size_t *numbers)
{
    const size_t most = n < DEEPEST ? n : DEEPEST, width = (size_t)documents->count;
    struct tern_best best = {.at = malloc(2 * most * sizeof *best.at), .most = (int)most};
    int code = best.at ? CLI_OK : cli_nomem(2 * most * sizeof *best.at);
    tern_best_start(&best);
    for (size_t i = 0; !code && i < n; i++)
        tern_best_offer(&best, tern_score_key(eval_cosine(vector, documents->values + i * width, documents->count)),
                        (uint32_t)i);
    const int found = code ? 0 : tern_best_pick(best.at, best.n, best.most);
    for (int i = 0; !code && i < found; i++) {
        const size_t row = best.at[i].row;
        const struct entry e = {.query = query,
                                .document = numbers[row],
                                .score = eval_cosine(vector, documents->values + row * width, documents->count),
                                .order = row};
        code = add_entry(&r->found, e);
    }
    free(best.at);
    return code;
}

static int search_all(struct retrieval *r, const struct eval_answers answers[2], const struct eval_names names[2])
{
    const int bar = cli_progress_wanted();
    size_t bytes, *const numbers = malloc(names[1].n * sizeof *numbers);
    int code = numbers ? CLI_OK : cli_nomem(names[1].n * sizeof *numbers);
    for (size_t i = 0; !code && i < names[1].n; i++) {
        const char *const name = eval_name(&names[1], i, &bytes);
        numbers[i] = eval_name_add(&r->documents, name, bytes);
        code = numbers[i] == SIZE_MAX ? CLI_FAILED : CLI_OK;
    }
    for (size_t i = 0; !code && i < names[0].n; i++) {
        const char *const name = eval_name(&names[0], i, &bytes);
        if (bar)
            cli_progress("searching", i, names[0].n);
        code = search_query(r, eval_name_find(&r->queries, name, bytes),
                            answers[0].values + i * (size_t)answers[0].count, &answers[1], names[1].n, numbers);
    }
    if (bar)
        cli_progress("searching", 1, 1);
    free(numbers);
    return code;
}

static int run_model(struct retrieval *r, struct eval_own *o, size_t *truncated)
{
    static const char *const files[2] = {"queries.jsonl", "corpus.jsonl"};
    struct eval_data data[2] = {{.per_row = 1}, {.per_row = 1}};
    struct eval_answers answers[2] = {0};
    struct eval_names names[2] = {0};
    char path[4096];
    int code = CLI_OK;
    for (int i = 0; i < 2 && !code; i++) {
        snprintf(path, sizeof path, "%s/%s", o->path, files[i]);
        code = read_texts(&data[i], &names[i], i ? NULL : &r->queries, path);
        data[i].n_rows = data[i].n_texts;
        if (!code)
            code = embed(&answers[i], o, &data[i], path, i);
        o->seconds += answers[i].seconds;
        o->texts += answers[i].n;
        *truncated += answers[i].truncated;
        if (!code)
            o->digest = eval_digest(&answers[i], o->model) + 31 * o->digest;
    }
    if (!code)
        code = search_all(r, answers, names);
    for (int i = 0; i < 2; i++) {
        eval_data_free(&data[i]);
        eval_free_answers(&answers[i]);
        eval_names_free(&names[i]);
    }
    return code;
}

int eval_retrieval(struct eval_figures *f, struct eval_own *o)
{
    struct retrieval r = {.identical = 0};
    struct stat info;
    size_t truncated = 0;
    char path[4096];
    const int is_folder = !stat(o->path, &info) && S_ISDIR(info.st_mode);
    int code = CLI_OK;
    if (o->model && !is_folder)
        return cli_fail(CLI_INPUT, "%s: is no folder with corpus.jsonl, queries.jsonl and qrels/test.tsv", o->path);
    snprintf(path, sizeof path, is_folder ? "%s/qrels/test.tsv" : "%s", o->path);
    code = read_judgements(&r, path);
    if (!code)
        code = o->model ? run_model(&r, o, &truncated) : read_run(&r, o->predictions);
    if (!code)
        code = score(f, &r, o);
    if (!code && o->model)
        eval_add(f, "truncated", EVAL_COUNT, (double)truncated);
    eval_names_free(&r.queries);
    eval_names_free(&r.documents);
    free(r.judged.all);
    free(r.found.all);
    free(r.has_run);
    return code;
}
