#include "tools/commands.h"
#include "tools/eval_data.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct eval {
    const char *task, *path;
    int json, is_stsb;
    int32_t seed; /* -1: the file's order */
    struct eval_data data;
    size_t n_texts, *order;
    int32_t count;     /* results of one text */
    float *values;     /* [n_texts][count], in the file's order */
    int32_t *integers; /* the same; not for f32 models */
    double seconds;
};

static int keep(void *context, const struct text_result *r)
{
    struct eval *e = context;
    const size_t at = r->index * (size_t)r->count, bytes = (size_t)r->count * 4;
    memcpy(e->values + at, r->values, bytes);
    if (r->integers)
        memcpy(e->integers + at, r->integers, bytes);
    return CLI_OK;
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

static int run_all(struct eval *e, struct runner *r)
{
    char where[160];
    const size_t values = e->n_texts * (size_t)e->count;
    int code = make_order(e);
    e->values = malloc(values * sizeof *e->values);
    e->integers = malloc(values * sizeof *e->integers);
    if (!code && (!e->values || !e->integers))
        code = cli_nomem();
    const double start = cli_now_ms();
    for (size_t i = 0; i < e->n_texts && !code; i++) {
        const size_t per_row = (size_t)e->data.per_row, index = e->order[i];
        const struct eval_row *row = &e->data.rows[index / per_row];
        const struct text text = {.text = e->data.pool + row->text[index % per_row],
                                  .bytes = row->bytes[index % per_row]};
        snprintf(where, sizeof where, "%.90s: text %zu", e->path, index + 1);
        code = runner_add(r, &text, index, where);
    }
    if (!code)
        code = runner_flush(r);
    e->seconds = (cli_now_ms() - start) / 1000;
    return code;
}

static double accuracy(const struct eval *e)
{
    size_t right = 0;
    for (size_t i = 0; i < e->data.n; i++) {
        const float *logits = e->values + i * (size_t)e->count;
        int32_t best = 0;
        for (int32_t k = 1; k < e->count; k++)
            best = logits[k] > logits[best] ? k : best;
        right += best == (int32_t)e->data.rows[i].gold;
    }
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

static int correlations(const struct eval *e, double *pearson, double *spearman)
{
    const size_t n = e->data.n;
    double *x = malloc(2 * n * sizeof *x), *y = x + n;
    if (!x)
        return cli_nomem();
    for (size_t i = 0; i < n; i++) {
        const float *first = e->values + 2 * i * (size_t)e->count;
        x[i] = cosine(first, first + e->count, e->count);
        y[i] = e->data.rows[i].gold;
    }
    *pearson = eval_pearson(x, y, n);
    *spearman = eval_spearman(x, y, n);
    free(x);
    return CLI_OK;
}

static int print(const struct eval *e, int is_f32)
{
    const void *results = is_f32 ? (const void *)e->values : e->integers;
    const uint64_t digest = cli_digest(results, e->n_texts * (size_t)e->count * 4);
    const char *names[2] = {e->is_stsb ? "pearson" : "accuracy", e->is_stsb ? "spearman" : NULL};
    double figures[2] = {0, 0};
    if (!e->is_stsb)
        figures[0] = accuracy(e);
    else if (correlations(e, &figures[0], &figures[1]))
        return CLI_FAILED;
    printf(e->json ? "{\"task\":\"%s\",\"n\":%zu" : "task      %s\nn         %zu\n", e->task, e->data.n);
    for (int i = 0; i < 2 && names[i]; i++) {
        if (e->json) {
            printf(",\"%s\":", names[i]);
            cli_json_float(stdout, figures[i]);
        } else {
            printf("%-9s %.4f\n", names[i], figures[i]);
        }
    }
    printf(e->json ? ",\"seconds\":%.3f,\"digest\":\"%016" PRIx64 "\"}\n"
                   : "seconds   %.3f\ndigest    %016" PRIx64 "\n",
           e->seconds, digest);
    return CLI_OK;
}

static int eval(struct eval *e, const char *path, const struct run_options *run)
{
    tern_model *model = NULL;
    struct runner r = {.emit = keep, .context = e};
    int code = cli_open_model(&model, path);
    if (!code)
        code = runner_open(&r, model, path, e->is_stsb ? RUN_EMBED : RUN_CLASSIFY, run);
    if (!code && e->is_stsb)
        code = eval_read_stsb(&e->data, e->path);
    else if (!code)
        code = eval_read_sst2(&e->data, e->path, r.count);
    if (!code) {
        e->n_texts = e->data.n * (size_t)e->data.per_row;
        e->count = r.count;
        code = run_all(e, &r);
    }
    if (!code)
        code = print(e, !strcmp(tern_model_get_info(model)->weights, "f32"));
    runner_close(&r);
    eval_data_free(&e->data);
    free(e->order);
    free(e->values);
    free(e->integers);
    tern_model_close(model);
    return code;
}

int cmd_eval(int argc, char **argv)
{
    struct eval e = {.seed = -1};
    struct run_options run = RUN_DEFAULTS;
    const struct cli_option options[] = {{"json", 0, CLI_FLAG, &e.json, 0, 0},
                                         {"task", 0, CLI_STRING, &e.task, 0, 0},
                                         {"shuffle", 0, CLI_INT, &e.seed, 0, INT32_MAX},
                                         RUN_OPTIONS(run),
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
    return eval(&e, argv[0], &run);
}
