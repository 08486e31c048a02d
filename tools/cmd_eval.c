/* `tern eval`: a model's figures on a task, and a digest of all that it says. */
#include "tools/commands.h"
#include "tools/eval_data.h"
#include "tools/runner.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct eval {
    const char *task, *path, *against;
    int json, is_stsb;
    int32_t seed; /* -1: the file's order */
    struct run_options run;
    struct eval_data data;
    size_t n_texts, *order;
};

/* One model's answers to all texts. */
struct pass {
    int32_t count;     /* results of one text */
    float *values;     /* [n_texts][count], in the file's order */
    int32_t *integers; /* the same; not for f32 models */
    int is_f32;
    double seconds;
};

static void free_pass(struct pass *p)
{
    free(p->values);
    free(p->integers);
}

/* The file's order, or a seeded shuffle of it (Fisher and Yates). */
static int make_order(struct eval *e)
{
    uint64_t state = (uint64_t)e->seed;
    e->order = malloc(e->n_texts * sizeof *e->order);
    if (!e->order)
        return cli_nomem();
    for (size_t i = 0; i < e->n_texts; i++)
        e->order[i] = i;
    for (size_t i = e->n_texts - 1; e->seed >= 0 && i > 0; i--) {
        size_t k = (size_t)(cli_random(&state) % (i + 1)), held = e->order[i];
        e->order[i] = e->order[k];
        e->order[k] = held;
    }
    return CLI_OK;
}

/* One model on its way through all texts. */
struct run {
    const struct eval *eval;
    struct pass *pass;
    size_t next;
    int32_t max_tokens;
    int code;
};

static tern_next next_text(void *context, tern_text *out)
{
    struct run *r = context;
    const struct eval *e = r->eval;
    const size_t per_row = (size_t)e->data.per_row;
    if (r->next == e->n_texts)
        return TERN_NEXT_END;
    const size_t index = e->order[r->next++];
    const struct eval_row *row = &e->data.rows[index / per_row];
    out->text = e->data.pool + row->text[index % per_row];
    out->text_bytes = row->bytes[index % per_row];
    return TERN_NEXT_TEXT;
}

static tern_status keep(void *context, const tern_answer *a)
{
    struct run *r = context;
    const size_t index = r->eval->order[a->index], at = index * (size_t)a->count, bytes = (size_t)a->count * 4;
    char where[160];
    if (a->error) {
        snprintf(where, sizeof where, "%.90s: text %zu", r->eval->path, index + 1);
        r->code = runner_refused(a, where, r->max_tokens);
        return TERN_FAILED;
    }
    memcpy(r->pass->values + at, a->values, bytes);
    if (a->integers)
        memcpy(r->pass->integers + at, a->integers, bytes);
    return TERN_OK;
}

static int run_all(struct run *r, tern_session *session, tern_task task)
{
    const tern_stream stream = {sizeof stream, r, next_text, keep};
    const size_t values = r->eval->n_texts * (size_t)r->pass->count;
    tern_error err;
    r->pass->values = malloc(values * sizeof *r->pass->values);
    r->pass->integers = malloc(values * sizeof *r->pass->integers);
    if (!r->pass->values || !r->pass->integers)
        return cli_nomem();
    const double start = cli_now_ms();
    const tern_status status = tern_answer_stream(session, task, r->eval->run.truncate, &stream, &err);
    r->pass->seconds = (cli_now_ms() - start) / 1000;
    return r->code ? r->code : status ? cli_status(&err) : CLI_OK;
}

/* Reads the data before the first text is run: for sst2 the labels are checked against the model's. */
static int read_data(struct eval *e, int32_t labels)
{
    if (e->data.n)
        return CLI_OK;
    int code = e->is_stsb ? eval_read_stsb(&e->data, e->path) : eval_read_sst2(&e->data, e->path, labels);
    e->n_texts = e->data.n * (size_t)e->data.per_row;
    return code ? code : make_order(e);
}

static int run_model(struct eval *e, struct pass *p, const char *path, tern_task task)
{
    tern_model *model = NULL;
    tern_session *session = NULL;
    int code = cli_open_model(&model, path);
    if (!code)
        code = runner_open_session(&session, model, path, task, &e->run);
    if (!code) {
        const tern_model_info *info = tern_model_get_info(model);
        struct run run = {.eval = e, .pass = p, .max_tokens = info->max_tokens};
        p->count = task == TERN_CLASSIFY ? info->n_labels : info->hidden;
        p->is_f32 = !strcmp(info->weights, "f32");
        code = read_data(e, p->count);
        if (!code)
            code = run_all(&run, session, task);
    }
    tern_session_close(session);
    tern_model_close(model);
    return code;
}

static int32_t best_label(const struct pass *p, size_t i)
{
    const float *logits = p->values + i * (size_t)p->count;
    int32_t best = 0;
    for (int32_t k = 1; k < p->count; k++)
        best = logits[k] > logits[best] ? k : best;
    return best;
}

static double accuracy(const struct eval *e, const struct pass *p)
{
    size_t right = 0;
    for (size_t i = 0; i < e->data.n; i++)
        right += best_label(p, i) == (int32_t)e->data.rows[i].gold;
    return (double)right / (double)e->data.n;
}

static double cosine(const float *a, const float *b, int32_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (int32_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

static int correlations(const struct eval *e, const struct pass *p, double *pearson, double *spearman)
{
    const size_t n = e->data.n;
    double *x = malloc(2 * n * sizeof *x), *y = x + n;
    if (!x)
        return cli_nomem();
    for (size_t i = 0; i < n; i++) {
        const float *first = p->values + 2 * i * (size_t)p->count;
        x[i] = cosine(first, first + p->count, p->count);
        y[i] = e->data.rows[i].gold;
    }
    *pearson = eval_pearson(x, y, n);
    *spearman = eval_spearman(x, y, n);
    free(x);
    return CLI_OK;
}

/* Named figures, as they are printed. */
struct figures {
    const char *names[6];
    double values[6];
    int n;
};

static void add_figure(struct figures *f, const char *name, double value)
{
    f->names[f->n] = name;
    f->values[f->n++] = value;
}

static int print(const struct eval *e, const struct pass *p, const struct figures *f)
{
    const void *results = p->is_f32 ? (const void *)p->values : p->integers;
    const uint64_t digest = cli_digest(results, e->n_texts * (size_t)p->count * 4);
    printf(e->json ? "{\"task\":\"%s\",\"n\":%zu" : "task      %s\nn         %zu\n", e->task, e->data.n);
    for (int i = 0; i < f->n; i++) {
        if (e->json) {
            printf(",\"%s\":", f->names[i]);
            cli_json_float(stdout, f->values[i]);
        } else {
            printf("%-9s %.5g\n", f->names[i], f->values[i]);
        }
    }
    printf(e->json ? ",\"seconds\":%.3f,\"digest\":\"%016" PRIx64 "\"}\n"
                   : "seconds   %.3f\ndigest    %016" PRIx64 "\n",
           p->seconds, digest);
    return CLI_OK;
}

/* Compares two models' vectors, text by text. */
static int compare_vectors(const struct pass *a, const struct pass *b, size_t n, struct figures *f)
{
    double mean = 0, least = 1;
    if (a->count != b->count)
        return cli_fail(CLI_USAGE, "eval: vectors of %d and of %d numbers cannot be compared", a->count, b->count);
    for (size_t i = 0; i < n; i++) {
        const size_t at = i * (size_t)a->count;
        const double c = cosine(a->values + at, b->values + at, a->count);
        mean += c / (double)n;
        least = c < least ? c : least;
    }
    add_figure(f, "cosine", mean);
    add_figure(f, "least", least);
    return CLI_OK;
}

/* The other model on the same texts: labels alike (sst2), and both models' vectors. */
static int compare(struct eval *e, const char *path, const struct pass *p, struct figures *f)
{
    struct pass own = {0}, other = {0};
    int code = run_model(e, &other, e->against, e->is_stsb ? TERN_EMBED : TERN_CLASSIFY);
    if (!code && e->is_stsb)
        code = compare_vectors(p, &other, e->n_texts, f);
    if (!code && !e->is_stsb) {
        size_t same = 0;
        for (size_t i = 0; i < e->n_texts; i++)
            same += best_label(p, i) == best_label(&other, i);
        add_figure(f, "agreement", (double)same / (double)e->n_texts);
        free_pass(&other);
        other = (struct pass){0};
        code = run_model(e, &own, path, TERN_EMBED);
        if (!code)
            code = run_model(e, &other, e->against, TERN_EMBED);
        if (!code)
            code = compare_vectors(&own, &other, e->n_texts, f);
    }
    free_pass(&own);
    free_pass(&other);
    return code;
}

static int eval(struct eval *e, const char *path)
{
    struct pass p = {0};
    struct figures f = {.n = 0};
    int code = run_model(e, &p, path, e->is_stsb ? TERN_EMBED : TERN_CLASSIFY);
    if (!code && e->is_stsb) {
        double pearson = 0, spearman = 0;
        code = correlations(e, &p, &pearson, &spearman);
        if (!code) {
            add_figure(&f, "pearson", pearson);
            add_figure(&f, "spearman", spearman);
        }
    } else if (!code) {
        add_figure(&f, "accuracy", accuracy(e, &p));
    }
    if (!code && e->against)
        code = compare(e, path, &p, &f);
    if (!code)
        code = print(e, &p, &f);
    free_pass(&p);
    eval_data_free(&e->data);
    free(e->order);
    return code;
}

int cmd_eval(int argc, char **argv)
{
    struct eval e = {.seed = -1, .run = RUN_DEFAULTS};
    const struct cli_option options[] = {{"json", 0, CLI_FLAG, &e.json, 0, 0},
                                         {"task", 0, CLI_STRING, &e.task, 0, 0},
                                         {"shuffle", 0, CLI_INT, &e.seed, 0, INT32_MAX},
                                         {"against", 0, CLI_STRING, &e.against, 0, 0},
                                         RUN_OPTIONS(e.run),
                                         {0}};
    int n, code = cli_parse(options, "eval", argc, argv, &n);
    if (n < 0)
        return code;
    if (!e.task)
        return cli_fail(CLI_USAGE, "eval: which task? give --task sst2 or --task stsb");
    e.is_stsb = !strcmp(e.task, "stsb");
    if (!strcmp(e.task, "squad"))
        return cli_fail(CLI_USAGE, "eval: --task squad is for a later version; sst2 and stsb are there");
    if (!e.is_stsb && strcmp(e.task, "sst2"))
        return cli_fail(CLI_USAGE, "eval: --task is sst2 or stsb, not '%.64s'", e.task);
    if (n != 2)
        return cli_fail(CLI_USAGE, "eval: give one model file and one data file; see tern eval --help");
    e.path = argv[1];
    return eval(&e, argv[0]);
}
