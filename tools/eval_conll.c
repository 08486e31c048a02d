/* `tern eval --task conll`: the entities in a model's labels of words, beside those of a file such as CoNLL-2003's. */
#include "tools/eval_conll.h"
#include "tools/score_entities.h"

#include <stdlib.h>
#include <string.h>

/* Words with labels, in sentences. */
struct labelled {
    struct eval_names labels; /* the different ones */
    char *pool;               /* the words, a space behind each; without words only labels count */
    size_t pool_used, pool_capacity;
    size_t *begin;       /* [n] of each word in the pool, */
    size_t *bytes;       /* [n] its length, */
    size_t *label;       /* [n] its label, */
    unsigned char *ends; /* [n] 1: it ends a sentence */
    size_t *lines;       /* [n] */
    size_t n, capacity, sentences;
};

/* The labels that data sets write as numbers: those of CoNLL-2003 as the data set library has them. */
static const char *const numbered[] = {"O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC"};
enum { NUMBERED = sizeof numbered / sizeof *numbered };

static void free_labelled(struct labelled *l)
{
    eval_names_free(&l->labels);
    free(l->pool);
    free(l->begin);
    free(l->bytes);
    free(l->label);
    free(l->ends);
    free(l->lines);
}

/* ---- Reading --------------------------------------------------------------------------------------------------------
 */

static int grow(struct labelled *l, size_t word_bytes)
{
    if (l->n == l->capacity) {
        const size_t n = 2 * l->n + 1024;
        size_t **const arrays[] = {&l->begin, &l->bytes, &l->label, &l->lines};
        for (int i = 0; i < 4; i++) {
            size_t *const more = reallocarray(*arrays[i], n, sizeof *more);
            if (!more)
                return cli_nomem(n * sizeof *more);
            *arrays[i] = more;
        }
        unsigned char *const ends = realloc(l->ends, n);
        if (!ends)
            return cli_nomem(n);
        l->ends = ends;
        l->capacity = n;
    }
    if (l->pool_used + word_bytes + 1 > l->pool_capacity) {
        const size_t capacity = 2 * (l->pool_used + word_bytes) + 4096;
        char *const pool = realloc(l->pool, capacity);
        if (!pool)
            return cli_nomem(capacity);
        l->pool = pool;
        l->pool_capacity = capacity;
    }
    return CLI_OK;
}

static int add_word(struct labelled *l, struct record_field word, const char *label, size_t label_bytes, size_t line)
{
    const int code = grow(l, word.bytes);
    const size_t number = code || !label_bytes ? SIZE_MAX : eval_name_add(&l->labels, label, label_bytes);
    if (code || number == SIZE_MAX)
        return code ? code : CLI_FAILED;
    l->begin[l->n] = l->pool_used;
    l->bytes[l->n] = word.bytes;
    l->label[l->n] = number;
    l->lines[l->n] = line;
    l->ends[l->n++] = 0;
    if (word.bytes)
        memcpy(l->pool + l->pool_used, word.text, word.bytes);
    l->pool_used += word.bytes;
    l->pool[l->pool_used++] = ' ';
    return CLI_OK;
}

static void end_sentence(struct labelled *l)
{
    if (l->n && !l->ends[l->n - 1]) {
        l->ends[l->n - 1] = 1;
        l->sentences++;
    }
}

static const json_t *first_of(const json_t *object, const char *const *names)
{
    const json_t *value = NULL;
    for (; *names && !value; names++)
        value = json_object_get(object, *names);
    return value;
}

/* A sentence as JSON: tokens and ner_tags, or labels alone. */
static int add_json(struct labelled *l, const json_t *value, int with_words, const struct eval_lines *file)
{
    static const char *const word_names[] = {"tokens", "words", NULL};
    static const char *const label_names[] = {"ner_tags", "labels", "tags", "predictions", NULL};
    const json_t *const words = with_words ? first_of(value, word_names) : NULL, *label;
    const json_t *const labels = json_is_array(value) ? value : first_of(value, label_names);
    char where[128];
    size_t i;
    int code = CLI_OK;
    eval_lines_where(file, where);
    if (!json_is_array(labels) || (with_words && !json_is_array(words)))
        return cli_fail(CLI_INPUT, "%s: the object lacks the array %s", where,
                        with_words && !json_is_array(words) ? "'tokens'" : "'ner_tags'");
    if (words && json_array_size(words) != json_array_size(labels))
        return cli_fail(CLI_INPUT, "%s: has %zu tokens and %zu labels", where, json_array_size(words),
                        json_array_size(labels));
    json_array_foreach(labels, i, label)
    {
        const json_t *const word = json_array_get(words, i);
        const json_int_t number = json_is_integer(label) ? json_integer_value(label) : -1;
        const char *text = json_is_string(label)                   ? json_string_value(label)
                           : number >= 0 && number < (int)NUMBERED ? numbered[number]
                                                                   : "";
        if (!*text || (words && !json_is_string(word)))
            return cli_fail(CLI_INPUT, "%s: word %zu has no label, or one that is none of CoNLL-2003's 9 numbers",
                            where, i + 1);
        const struct record_field field = {words ? json_string_value(word) : "", json_string_length(word)};
        code = add_word(l, field, text, strlen(text), file->in.line);
        if (code)
            return code;
    }
    end_sentence(l);
    return CLI_OK;
}

static int add_line(struct labelled *l, struct record_field line, int with_words, const struct eval_lines *file)
{
    struct record_field word, first = {NULL, 0}, last = {NULL, 0};
    int columns = 0;
    char where[128];
    while (eval_word(&line, &word)) {
        first = columns++ ? first : word;
        last = word;
    }
    if (!columns || (first.bytes == 10 && !memcmp(first.text, "-DOCSTART-", 10))) {
        end_sentence(l);
        return CLI_OK;
    }
    if (with_words && columns < 2)
        return cli_fail(CLI_INPUT, "%s: has one column, where a word and its label are needed",
                        eval_lines_where(file, where));
    return add_word(l, first, last.text, last.bytes, file->in.line);
}

static int read_labelled(struct labelled *l, const char *path, int with_words)
{
    struct eval_lines file;
    struct record_field line;
    int code = eval_lines_open(&file, path), json = -1;
    while (!code && eval_lines_next(&file, &line, &code) > 0) {
        json_t *const value = json != 0 ? eval_line_json(&line) : NULL;
        const int is_sentence = json_is_object(value) || json_is_array(value);
        char where[128];
        if (json < 0 && line.bytes)
            json = is_sentence;
        if (json > 0 && line.bytes && !is_sentence)
            code = cli_fail(CLI_INPUT, "%s: bad JSON", eval_lines_where(&file, where));
        else if (json > 0 && line.bytes)
            code = add_json(l, value, with_words, &file);
        else if (json <= 0)
            code = add_line(l, line, with_words, &file);
        json_decref(value);
    }
    end_sentence(l);
    eval_lines_close(&file);
    if (!code && !l->n)
        code = cli_fail(CLI_INPUT, "%s: there is no labelled word in it", path);
    return code;
}

/* Predictions have a label for each word, in the same sentences; or, where no line is empty, in one row. */
static int check_predictions(const struct labelled *gold, const struct labelled *found, const struct eval_own *o)
{
    const int apart = found->sentences > 1;
    for (size_t i = 0; i < gold->n && i < found->n; i++)
        if (apart && gold->ends[i] != found->ends[i])
            return cli_fail(CLI_INPUT,
                            "%s:%zu: a sentence ends here in one of both files alone; in %.90s it is line %zu",
                            o->predictions, found->lines[i], o->path, gold->lines[i]);
    if (gold->n != found->n)
        return cli_fail(CLI_INPUT, "%s: has %zu labels for the %zu words of %.90s", o->predictions, found->n, gold->n,
                        o->path);
    return CLI_OK;
}

/* ---- Running --------------------------------------------------------------------------------------------------------
 */

struct tagging {
    const struct labelled *gold;
    struct eval_own *own;
    size_t *label; /* [gold->n] result: the model's labels */
    size_t next, word;
    size_t truncated, sentence;
    int bar, code;
};

/* A sentence's words with a space between two, as one text. */
static tern_next next_sentence(void *context, tern_text *out)
{
    struct tagging *t = context;
    const struct labelled *const g = t->gold;
    if (t->next == g->n)
        return TERN_NEXT_END;
    const size_t first = t->next;
    while (!g->ends[t->next])
        t->next++;
    const size_t last = t->next++;
    *out =
        (tern_text){.text = g->pool + g->begin[first], .text_bytes = g->begin[last] + g->bytes[last] - g->begin[first]};
    return TERN_NEXT_TEXT;
}

/* The label of a word is that of its first token. Words without a token have none: SIZE_MAX. */
static tern_status keep_labels(void *context, const tern_answer *a)
{
    struct tagging *t = context;
    const struct labelled *const g = t->gold;
    const size_t base = g->begin[t->word];
    char why[RUNNER_REASON];
    size_t token = 0;
    if (t->bar)
        cli_progress("evaluating", t->sentence, g->sentences);
    t->sentence++;
    if (a->error) {
        t->code = cli_fail(CLI_INPUT, "%.90s:%zu: %s", t->own->path, g->lines[t->word],
                           runner_reason(why, a, t->own->model->info->max_tokens));
        return TERN_FAILED;
    }
    t->truncated += a->n_needed > a->n_tokens;
    for (int more = 1; more; t->word++) {
        const size_t begin = g->begin[t->word] - base, end = begin + g->bytes[t->word];
        while (token < a->n_tokens && (a->spans[token].source < 0 || a->spans[token].end <= begin))
            token++;
        t->label[t->word] =
            token < a->n_tokens && a->spans[token].start < end
                ? (size_t)tern_probabilities(t->own->model->model, a->values + token * (size_t)a->count, NULL)
                : SIZE_MAX;
        more = !g->ends[t->word];
    }
    return TERN_OK;
}

static int run_model(struct labelled *found, const struct labelled *gold, struct eval_own *o, size_t *truncated)
{
    struct tagging t = {.gold = gold, .own = o, .bar = cli_progress_wanted()};
    const tern_stream stream = {
        .struct_bytes = sizeof stream, .context = &t, .next = next_sentence, .answer = keep_labels};
    tern_session *session = NULL;
    tern_error err;
    t.label = malloc(gold->n * sizeof *t.label);
    int code = t.label ? runner_open_session(&session, o->model->model, o->model->path, TERN_TAG, &o->job->run)
                       : cli_nomem(gold->n * sizeof *t.label);
    const double start = cli_now_ms();
    if (!code) {
        const tern_status status = tern_answer_stream(session, TERN_TAG, o->job->run.truncate, &stream, &err);
        code = t.code ? t.code : status ? cli_status(&err) : CLI_OK;
    }
    o->seconds = (cli_now_ms() - start) / 1000;
    o->texts = gold->sentences;
    if (t.bar)
        cli_progress("evaluating", 1, 1);
    for (size_t i = 0; !code && i < gold->n; i++) {
        const struct record_field none = {"", 0};
        const char *const label = t.label[i] == SIZE_MAX ? "O" : tern_model_label(o->model->model, (int32_t)t.label[i]);
        code = add_word(found, none, *label ? label : "O", *label ? strlen(label) : 1, gold->lines[i]);
    }
    if (!code)
        o->digest = cli_digest(found->label, found->n * sizeof *found->label);
    *truncated = t.truncated;
    tern_session_close(session);
    free(t.label);
    return code;
}

/* ---- Scores ---------------------------------------------------------------------------------------------------------
 */

static struct entity_label *labels_of(const struct labelled *l)
{
    struct entity_label *const out = malloc(l->n * sizeof *out);
    for (size_t i = 0; out && i < l->n; i++)
        out[i].text = eval_name(&l->labels, l->label[i], &out[i].bytes);
    return out;
}

static int score(struct eval_figures *f, const struct labelled *gold, const struct labelled *found)
{
    struct entity_label *const g = labels_of(gold), *const p = labels_of(found);
    struct entity_counts counts;
    size_t right = 0;
    if (!g || !p) {
        free(g);
        free(p);
        return cli_nomem(gold->n * sizeof *g);
    }
    for (size_t i = 0; i < gold->n; i++)
        right += g[i].bytes == p[i].bytes && !memcmp(g[i].text, p[i].text, g[i].bytes);
    score_entities(&counts, g, p, gold->ends, gold->n);
    free(g);
    free(p);
    const double precision = counts.found ? (double)counts.right / (double)counts.found : 0;
    const double recall = counts.gold ? (double)counts.right / (double)counts.gold : 0;
    eval_add(f, "precision", EVAL_PART, precision);
    eval_add(f, "recall", EVAL_PART, recall);
    eval_add(f, "f1", EVAL_PART, precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0);
    eval_add(f, "accuracy", EVAL_PART, (double)right / (double)gold->n);
    eval_add(f, "entities", EVAL_COUNT, (double)counts.gold);
    return CLI_OK;
}

int eval_conll(struct eval_figures *f, struct eval_own *o)
{
    struct labelled gold = {0}, found = {0};
    size_t truncated = 0;
    int code = read_labelled(&gold, o->path, 1);
    if (!code && o->model)
        code = run_model(&found, &gold, o, &truncated);
    else if (!code)
        code = read_labelled(&found, o->predictions, 0);
    if (!code && !o->model)
        code = check_predictions(&gold, &found, o);
    if (!code) {
        eval_add(f, "n", EVAL_COUNT, (double)gold.sentences);
        if (o->model)
            eval_add(f, "truncated", EVAL_COUNT, (double)truncated);
        code = score(f, &gold, &found);
    }
    free_labelled(&gold);
    free_labelled(&found);
    return code;
}
