/* `tern eval --task squad`: the official scores of answers to the questions of a file in SQuAD's form. */
#include "tools/eval_squad.h"
#include "tools/answer_squad.h"
#include "tools/score_squad.h"

#include <stdlib.h>
#include <string.h>

enum {
    ANSWER_TOKENS = 30 /* at most: what transformers' run_qa.py allows, where its pipeline has 15 */
};

struct question {
    const json_t *id, *text, *context, *answers; /* answers: SQuAD's array of objects, or an array of strings */
    int answered;
    double exact, f1;
    const char *answer; /* the prediction, zero-terminated */
};

struct squad {
    json_t *values, *predictions, *no_answers;
    json_t *given; /* the model's answers, in the order of the questions */
    struct question *questions;
    size_t n, capacity;
    int second_version;
    size_t missing;
};

/* ---- Reading --------------------------------------------------------------------------------------------------------
 */

static int add_question(struct squad *s, const json_t *qa, const json_t *context, const json_t *answers,
                        const char *path)
{
    const json_t *const id = json_object_get(qa, "id"), *const text = json_object_get(qa, "question");
    if (!json_is_string(id) || !json_is_string(text) || !json_is_string(context) || !json_is_array(answers))
        return cli_fail(CLI_INPUT, "%s: not in SQuAD's form: question %zu lacks its id, question, context or answers",
                        path, s->n + 1);
    if (s->n == s->capacity) {
        const size_t capacity = 2 * s->n + 256;
        struct question *const more = reallocarray(s->questions, capacity, sizeof *more);
        if (!more)
            return cli_nomem(capacity * sizeof *more);
        s->questions = more;
        s->capacity = capacity;
    }
    s->questions[s->n++] = (struct question){.id = id, .text = text, .context = context, .answers = answers};
    s->second_version |= json_object_get(qa, "is_impossible") != NULL || !json_array_size(answers);
    return CLI_OK;
}

static int add_articles(struct squad *s, const json_t *root, const char *path)
{
    const json_t *article, *paragraph, *qa;
    const char *const version = json_string_value(json_object_get(root, "version"));
    size_t i, j, k;
    int code = CLI_OK;
    s->second_version |= version && (!strncmp(version, "v2", 2) || !strncmp(version, "2", 1));
    json_array_foreach(json_object_get(root, "data"), i, article)
    {
        json_array_foreach(json_object_get(article, "paragraphs"), j, paragraph)
        {
            json_array_foreach(json_object_get(paragraph, "qas"), k, qa) if (!code) code =
                add_question(s, qa, json_object_get(paragraph, "context"), json_object_get(qa, "answers"), path);
        }
    }
    return code;
}

static int read_questions(struct squad *s, const char *path)
{
    int code = eval_read_json(&s->values, path);
    size_t i;
    json_t *value;
    if (code)
        return code;
    json_array_foreach(s->values, i, value)
    {
        const json_t *const texts = json_object_get(json_object_get(value, "answers"), "text");
        if (code)
            break;
        code = json_object_get(value, "data") ? add_articles(s, value, path)
                                              : add_question(s, value, json_object_get(value, "context"),
                                                             texts ? texts : json_object_get(value, "answers"), path);
    }
    if (!code && !s->n)
        code = cli_fail(CLI_INPUT, "%s: not in SQuAD's form: it has no questions", path);
    return code;
}

static int read_object(json_t **out, json_t **whole, const char *path)
{
    const int code = eval_read_json(whole, path);
    *out = code ? NULL : json_array_get(*whole, 0);
    if (!code && (json_array_size(*whole) != 1 || !json_is_object(*out)))
        return cli_fail(CLI_INPUT, "%s: is no JSON object of questions' ids and their values", path);
    return code;
}

/* The answers of a file: {"ID": "ANSWER"}. */
static int take_predictions(struct squad *s, const char *path)
{
    json_t *object;
    const int code = read_object(&object, &s->predictions, path);
    for (size_t i = 0; !code && i < s->n; i++) {
        struct question *const q = &s->questions[i];
        const json_t *const answer = json_object_getn(object, json_string_value(q->id), json_string_length(q->id));
        if (answer && !json_is_string(answer))
            return cli_fail(CLI_INPUT, "%s: the answer to %s is no string", path, json_string_value(q->id));
        q->answer = json_string_value(answer);
        q->answered = answer != NULL;
        s->missing += !answer;
    }
    return code;
}

/* ---- Running --------------------------------------------------------------------------------------------------------
 */

static int run_model(struct squad *s, struct eval_own *o)
{
    struct answerer a = {.options = {.struct_bytes = sizeof a.options, .max_length = ANSWER_TOKENS}, .top = 1};
    const int bar = cli_progress_wanted();
    tern_error err;
    a.options.may_be_empty = s->second_version;
    s->given = json_array();
    if (!s->given)
        return cli_nomem(1);
    int code = runner_open_head(&a.session, o->model->model, o->model->path, "answer", &o->job->run);
    code = code ? code : answerer_reserve(&a);
    const double start = cli_now_ms();
    for (size_t i = 0; !code && i < s->n; i++) {
        struct question *const q = &s->questions[i];
        const tern_text t = {json_string_value(q->text), json_string_length(q->text), json_string_value(q->context),
                             json_string_length(q->context)};
        size_t n = 0;
        if (bar)
            cli_progress("evaluating", i, s->n);
        if (answerer_find(&a, &t, &n, &err)) {
            code = cli_fail(err.code == TERN_INPUT ? CLI_INPUT : CLI_FAILED, "%s: question %s: %s", o->path,
                            json_string_value(q->id), err.message);
            break;
        }
        json_t *const answer =
            json_stringn(n ? t.pair + a.found[0].start : "", n ? a.found[0].end - a.found[0].start : 0);
        if (!answer || json_array_append_new(s->given, answer)) {
            code = cli_nomem(t.pair_bytes);
            break;
        }
        q->answer = json_string_value(answer);
        q->answered = 1;
        o->digest = cli_digest(q->answer, strlen(q->answer)) + 31 * o->digest;
    }
    o->seconds = (cli_now_ms() - start) / 1000;
    o->texts = s->n;
    if (bar)
        cli_progress("evaluating", 1, 1);
    tern_session_close(a.session);
    free(a.found);
    return code;
}

/* ---- Scores ---------------------------------------------------------------------------------------------------------
 */

static const json_t *gold_text(const json_t *answer)
{
    return json_is_object(answer) ? json_object_get(answer, "text") : answer;
}

/* The best over all right answers. By version 2.0 an answer of which nothing is left is none, and where none is left
   the right answer is the empty one. */
static int score_one(const struct squad *s, struct question *q, const char *path)
{
    size_t n, i, n_gold, used = 0;
    const json_t *answer;
    char *const given = squad_normalize(q->answer, strlen(q->answer), &n);
    if (!given)
        return cli_nomem(strlen(q->answer));
    json_array_foreach(q->answers, i, answer)
    {
        const json_t *const text = gold_text(answer);
        if (!json_is_string(text)) {
            free(given);
            return cli_fail(CLI_INPUT, "%s: an answer to %s has no text", path, json_string_value(q->id));
        }
        char *const gold = squad_normalize(json_string_value(text), json_string_length(text), &n_gold);
        if (gold && (n_gold || !s->second_version)) {
            const double f1 = squad_f1(gold, n_gold, given, n, s->second_version);
            const int exact = squad_exact(gold, n_gold, given, n);
            q->f1 = f1 > q->f1 ? f1 : q->f1;
            q->exact = exact > q->exact ? exact : q->exact;
            used++;
        }
        free(gold);
    }
    if (!used && s->second_version)
        q->exact = q->f1 = n == 0;
    free(given);
    return CLI_OK;
}

static int has_answer(const struct question *q)
{
    return json_array_size(q->answers) > 0;
}

/* kind 0: all, 1: questions that have an answer, 2: that have none. */
static void add_means(struct eval_figures *f, const struct squad *s, int kind, const char *const names[3])
{
    double exact = 0, f1 = 0, n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (!kind || has_answer(&s->questions[i]) == (kind == 1)) {
            exact += s->questions[i].exact;
            f1 += s->questions[i].f1;
            n++;
        }
    if (n == 0)
        return;
    if (kind)
        eval_add(f, names[2], EVAL_COUNT, n);
    eval_add(f, names[0], EVAL_PART, exact / n);
    eval_add(f, names[1], EVAL_PART, f1 / n);
}

struct doubt {
    double value;
    size_t question;
};

static int by_doubt(const void *a, const void *b)
{
    const struct doubt *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->question > y->question) - (x->question < y->question);
}

/* The best score that a threshold of the values would give, and the threshold: find_best_thresh of evaluate-v2.0.py. */
static void best_threshold(struct eval_figures *f, const struct squad *s, const struct doubt *doubts, size_t n,
                           int of_f1)
{
    double now = 0, best, least = 0, answered = 0;
    for (size_t i = 0; i < s->n; i++) {
        now += !has_answer(&s->questions[i]);
        answered += s->questions[i].answered;
    }
    best = now;
    for (size_t i = 0; i < n; i++) {
        const struct question *const q = &s->questions[doubts[i].question];
        if (!q->answered)
            continue;
        now += has_answer(q) ? (of_f1 ? q->f1 : q->exact) : *q->answer ? -1 : 0;
        if (now > best) {
            best = now;
            least = doubts[i].value;
        }
    }
    eval_add(f, of_f1 ? "best_f1" : "best_exact", EVAL_PART, best / answered);
    eval_add(f, of_f1 ? "best_f1_thresh" : "best_exact_thresh", EVAL_NUMBER, least);
}

/* Values of questions that say how likely it is that they have no answer: adds the best thresholds, and takes the
   answers whose value is over the threshold away. */
static int doubt_answers(struct eval_figures *best, struct squad *s, const struct eval_own *o)
{
    json_t *object;
    struct doubt *doubts = NULL;
    size_t n = 0;
    int code = read_object(&object, &s->no_answers, o->no_answers);
    if (!code && !(doubts = malloc(s->n * sizeof *doubts)))
        code = cli_nomem(s->n * sizeof *doubts);
    for (size_t i = 0; !code && i < s->n; i++) {
        const json_t *const id = s->questions[i].id, *const value = json_object_get(object, json_string_value(id));
        if (json_is_number(value))
            doubts[n++] = (struct doubt){json_number_value(value), i};
        else if (s->questions[i].answered)
            code = cli_fail(CLI_INPUT, "%s: has no number for question %s", o->no_answers, json_string_value(id));
    }
    if (!code) {
        qsort(doubts, n, sizeof *doubts, by_doubt);
        best_threshold(best, s, doubts, n, 0);
        best_threshold(best, s, doubts, n, 1);
    }
    for (size_t i = 0; !code && i < n; i++) {
        struct question *const q = &s->questions[doubts[i].question];
        if (doubts[i].value > o->no_answer_least && q->answered)
            q->exact = q->f1 = !has_answer(q);
    }
    free(doubts);
    return code;
}

static int score(struct eval_figures *f, struct squad *s, const struct eval_own *o)
{
    static const char *const names[3][3] = {{"exact_match", "f1", ""},
                                            {"HasAns_exact", "HasAns_f1", "HasAns_total"},
                                            {"NoAns_exact", "NoAns_f1", "NoAns_total"}};
    struct eval_figures best = {.n = 0};
    int code = CLI_OK;
    for (size_t i = 0; !code && i < s->n; i++)
        if (s->questions[i].answered)
            code = score_one(s, &s->questions[i], o->path);
    if (!code && o->no_answers)
        code = doubt_answers(&best, s, o);
    if (code)
        return code;
    eval_add(f, "n", EVAL_COUNT, (double)s->n);
    eval_add(f, "missing", EVAL_COUNT, (double)s->missing);
    for (int kind = 0; kind < (s->second_version ? 3 : 1); kind++)
        add_means(f, s, kind, names[kind]);
    for (int i = 0; i < best.n; i++)
        eval_add(f, best.all[i].name, best.all[i].unit, best.all[i].value);
    return CLI_OK;
}

int eval_squad(struct eval_figures *f, struct eval_own *o)
{
    struct squad s = {0};
    int code = read_questions(&s, o->path);
    if (!code)
        code = o->model ? run_model(&s, o) : take_predictions(&s, o->predictions);
    if (!code)
        code = score(f, &s, o);
    free(s.questions);
    json_decref(s.values);
    json_decref(s.predictions);
    json_decref(s.given);
    json_decref(s.no_answers);
    return code;
}
