/* Predictions for a file in the form of SQuAD 1.1 and 2.0 (Rajpurkar et al. 2016, 2018). */
#include "tools/answer_squad.h"
#include "models/json.h"
#include "tools/cli.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_SQUAD = 1 << 30 /* bytes */ };

int answerer_reserve(struct answerer *a)
{
    a->found = malloc((size_t)a->top * sizeof *a->found);
    return a->found ? CLI_OK : cli_nomem((size_t)a->top * sizeof *a->found);
}

tern_status answerer_find(struct answerer *a, const tern_text *question, size_t *n, tern_error *err)
{
    return tern_find_answers(a->session, question, &a->options, a->found, (size_t)a->top, n, err);
}

/* A string of an object, which a file of this form has. */
static const json_t *string_of(const json_t *object, const char *key, const char *path, int *code)
{
    const json_t *const string = json_object_get(object, key);
    if (!json_is_string(string) && !*code)
        *code = cli_fail(CLI_INPUT, "%s: not in SQuAD's form: a string \"%s\" is missing", path, key);
    return string;
}

static int answer_one(struct answerer *a, const json_t *context, const json_t *qa, const char *path, int first)
{
    int code = CLI_OK;
    const json_t *const question = string_of(qa, "question", path, &code), *const id = string_of(qa, "id", path, &code);
    tern_error err;
    size_t n = 0;
    if (code)
        return code;
    const tern_text t = {.text = json_string_value(question),
                         .text_bytes = json_string_length(question),
                         .pair = json_string_value(context),
                         .pair_bytes = json_string_length(context)};
    if (answerer_find(a, &t, &n, &err))
        return cli_fail(err.code == TERN_INPUT ? CLI_INPUT : CLI_FAILED, "%s: question %s: %s", path,
                        json_string_value(id), err.message);
    fputs(first ? "{" : ",\n", stdout);
    cli_json_string(stdout, json_string_value(id), json_string_length(id));
    fputs(": ", stdout);
    if (n)
        cli_json_string(stdout, t.pair + a->found[0].start, a->found[0].end - a->found[0].start);
    else
        fputs("\"\"", stdout);
    return cli_written();
}

static size_t questions_of(const json_t *data)
{
    size_t i, k, n = 0;
    const json_t *article, *paragraph;
    json_array_foreach(data, i, article) json_array_foreach(json_object_get(article, "paragraphs"), k, paragraph) n +=
        json_array_size(json_object_get(paragraph, "qas"));
    return n;
}

int answer_squad(struct answerer *a, const char *path)
{
    json_t *root = NULL;
    tern_error err;
    if (tern_json_read_file(&root, path, MAX_SQUAD, 0, &err))
        return cli_fail(err.code == TERN_NOMEM ? CLI_FAILED : CLI_INPUT, "%s", err.message);
    const json_t *const data = json_object_get(root, "data"), *article, *paragraph, *qa;
    const size_t all = questions_of(data);
    const int progress = cli_progress_wanted();
    size_t i, j, k, done = 0;
    int code = json_is_array(data) ? CLI_OK : cli_fail(CLI_INPUT, "%s: not in SQuAD's form: it has no data", path);
    for (i = 0; !code && (article = json_array_get(data, i)); i++) {
        const json_t *const paragraphs = json_object_get(article, "paragraphs");
        for (j = 0; !code && (paragraph = json_array_get(paragraphs, j)); j++) {
            const json_t *const context = string_of(paragraph, "context", path, &code);
            const json_t *const qas = json_object_get(paragraph, "qas");
            for (k = 0; !code && (qa = json_array_get(qas, k)); k++) {
                code = answer_one(a, context, qa, path, done == 0);
                done++;
                if (progress)
                    cli_progress("questions", done, all);
            }
        }
    }
    if (!code)
        fputs(done ? "}\n" : "{}\n", stdout);
    json_decref(root);
    return code;
}
