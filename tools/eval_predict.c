/* Predictions of the tasks of `tern eval` whose files have rows: a class or a number for each. */
#include "tools/eval_predict.h"
#include "tools/eval_scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- By a model -----------------------------------------------------------------------------------------------------
 */

/* Each class is the one label of its name, or none is. Returns how many labels are a class by name. */
static int32_t find_classes(int32_t *classes, const struct eval_classes *names, const struct eval_model *m)
{
    int32_t named = 0;
    for (int32_t i = 0; i < m->info->n_labels; i++) {
        const char *const label = tern_model_label(m->model, i);
        classes[i] = eval_class(names, -1, label, strlen(label));
        named += classes[i] >= 0;
    }
    return named;
}

static int ask_classes(struct eval_asked *out, const struct eval_task *task, const struct eval_model *m)
{
    const int32_t n = m->info->n_labels;
    const char *const name = task->name;
    if (!n || m->info->of_tokens)
        return cli_fail(CLI_USAGE, "%s: %s is for models that label texts; this one has no such head", m->path, name);
    if (strcmp(m->info->output, "softmax") || n < 2)
        return cli_fail(CLI_USAGE,
                        "%s: %s is for models with one label of several for each text; this one's scores are %s",
                        m->path, name, strcmp(m->info->output, "raw") ? "of each label by itself" : "raw values");
    out->classes = malloc((size_t)n * sizeof *out->classes);
    if (!out->classes)
        return cli_nomem((size_t)n * sizeof *out->classes);
    const int32_t named = find_classes(out->classes, &task->classes, m);
    out->n_classes = task->any_labels && named < n ? n : task->classes.n;
    if (named == n && n == task->classes.n)
        return CLI_OK;
    if (!task->any_labels && (named || n != task->classes.n))
        return cli_fail(CLI_USAGE, "%s: %s has the %d labels %s, ...; this model's are %d, the first of them %.64s",
                        m->path, name, task->classes.n, task->classes.names[0][0], n, tern_model_label(m->model, 0));
    for (int32_t i = 0; i < n; i++)
        out->classes[i] = i;
    if (!task->any_labels)
        cli_warn("%s: its labels have other names than those of %s, and are taken by their numbers: %.64s for %s, ...",
                 m->path, name, tern_model_label(m->model, 0), task->classes.names[0][0]);
    return CLI_OK;
}

int eval_ask(struct eval_asked *out, const struct eval_task *task, const struct eval_model *m)
{
    *out = (struct eval_asked){.kind = TERN_CLASSIFY, .together = task->texts == 2};
    if (task->classes.n)
        return ask_classes(out, task, m);
    if (m->info->n_labels != 1 || m->info->of_tokens) {
        out->kind = TERN_EMBED;
        out->together = 0;
    }
    return CLI_OK;
}

int eval_predicted(double **out, const struct eval_asked *asked, const struct eval_data *d, const struct eval_model *m,
                   const struct eval_answers *a)
{
    const size_t width = (size_t)a->count;
    double *const p = malloc(d->n_rows * sizeof *p);
    *out = p;
    if (!p)
        return cli_nomem(d->n_rows * sizeof *p);
    for (size_t i = 0; i < d->n_rows; i++) {
        if (asked->kind == TERN_EMBED)
            p[i] = eval_cosine(a->values + 2 * i * width, a->values + (2 * i + 1) * width, a->count);
        else if (asked->n_classes)
            p[i] = asked->classes[tern_probabilities(m->model, a->values + i * width, NULL)];
        else
            tern_probabilities(m->model, a->values + i * width, &p[i]);
        if (!isfinite(p[i]))
            return cli_fail(CLI_MODEL, "row %zu: the model's answer is no number, and nothing can be scored", i + 1);
    }
    return CLI_OK;
}

/* ---- By a file ------------------------------------------------------------------------------------------------------
 */

struct reading {
    const struct eval_task *task;
    struct eval_lines file;
    double *out;
    size_t n, done;
    int columns; /* of the first line: 1, or 2 with an index; 0: not known yet */
};

/* The label of a line, without its index. 0: the line is a header. -1: with *code set. */
static int find_label(struct reading *r, struct record_field line, struct record_field *label, int *code)
{
    const char *const tab = memchr(line.text, '\t', line.bytes);
    const struct record_field index = {line.text, tab ? (size_t)(tab - line.text) : 0};
    char where[128];
    double number;
    *label = tab ? (struct record_field){tab + 1, line.bytes - index.bytes - 1} : line;
    if (!r->columns) {
        r->columns = tab ? 2 : 1;
        if ((tab && index.bytes == 5 && !memcmp(index.text, "index", 5)) ||
            (label->bytes == 10 && !memcmp(label->text, "prediction", 10)))
            return 0;
    }
    if (tab && (r->columns != 2 || record_number(&index, &number) || number != (double)r->done)) {
        *code = cli_fail(CLI_INPUT, "%s: the index of row %zu should be %zu", eval_lines_where(&r->file, where),
                         r->done + 1, r->done);
        return -1;
    }
    return 1;
}

static int take_label(struct reading *r, const struct record_field *label)
{
    const struct eval_task *const t = r->task;
    char where[128];
    double value;
    if (r->done == r->n)
        return cli_fail(CLI_INPUT, "%s: is one prediction more than the data's %zu rows",
                        eval_lines_where(&r->file, where), r->n);
    if (t->classes.n)
        value = eval_class(&t->classes, t->any_labels ? INT32_MAX - 1 : t->classes.n - 1, label->text, label->bytes);
    else if (record_number(label, &value))
        value = NAN;
    if (!(value >= 0) && (t->classes.n || isnan(value)))
        return cli_fail(CLI_INPUT, "%s: '%.*s' is no %s of %s", eval_lines_where(&r->file, where),
                        (int)(label->bytes < 64 ? label->bytes : 64), label->text, t->classes.n ? "label" : "score",
                        t->name);
    r->out[r->done++] = value;
    return CLI_OK;
}

static int take_object(struct reading *r, const struct record_field *line)
{
    json_t *const object = eval_line_json(line);
    const json_t *label = json_object_get(object, "prediction");
    char number[32];
    label = label ? label : json_object_get(object, "label");
    struct record_field field = {json_string_value(label), json_string_length(label)};
    if (json_is_number(label))
        field =
            (struct record_field){number, (size_t)snprintf(number, sizeof number, "%.17g", json_number_value(label))};
    if (!field.text)
        field = (struct record_field){"", 0};
    const int code = take_label(r, &field);
    json_decref(object);
    return code;
}

int eval_read_predictions(double **out, const struct eval_task *task, const char *path, size_t n)
{
    struct reading r = {.task = task, .n = n};
    struct record_field line, label;
    *out = r.out = malloc(n * sizeof *r.out);
    if (!r.out)
        return cli_nomem(n * sizeof *r.out);
    int code = eval_lines_open(&r.file, path);
    while (!code && eval_lines_next(&r.file, &line, &code) > 0) {
        if (!line.bytes)
            continue;
        if (*line.text == '{')
            code = take_object(&r, &line);
        else if (find_label(&r, line, &label, &code) > 0)
            code = take_label(&r, &label);
    }
    eval_lines_close(&r.file);
    if (!code && r.done < n)
        code = cli_fail(CLI_INPUT, "%s: has %zu predictions for the data's %zu rows", path, r.done, n);
    return code;
}
