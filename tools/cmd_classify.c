#include "tools/commands.h"
#include "tools/texts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct classify {
    const tern_model *model;
    int json, pairs;
    double *scores; /* [n_labels] */
};

/* Probabilities: softmax over several labels, the logistic function for one. */
static void score(double *out, const float *logits, int32_t n)
{
    double most = logits[0], sum = 0;
    if (n == 1) {
        out[0] = 1 / (1 + exp(-(double)logits[0]));
        return;
    }
    for (int32_t i = 1; i < n; i++)
        most = logits[i] > most ? logits[i] : most;
    for (int32_t i = 0; i < n; i++)
        sum += out[i] = exp((double)logits[i] - most);
    for (int32_t i = 0; i < n; i++)
        out[i] /= sum;
}

static void print_json(const struct classify *c, const struct text_result *r, int32_t best)
{
    fputs("{\"text\":", stdout);
    cli_json_string(stdout, r->text.text, r->text.bytes);
    if (r->text.pair) {
        fputs(",\"pair\":", stdout);
        cli_json_string(stdout, r->text.pair, r->text.pair_bytes);
    }
    fputs(",\"label\":", stdout);
    cli_json_text(stdout, tern_model_label(c->model, best));
    printf(",\"score\":%.6g,\"scores\":{", c->scores[best]);
    for (int32_t i = 0; i < r->count; i++) {
        fputs(i ? "," : "", stdout);
        cli_json_text(stdout, tern_model_label(c->model, i));
        printf(":%.6g", c->scores[i]);
    }
    fputs("},\"logits\":[", stdout);
    for (int32_t i = 0; i < r->count; i++) {
        fputs(i ? "," : "", stdout);
        cli_json_float(stdout, (double)r->values[i]);
    }
    printf("],\"n_tokens\":%d,\"truncated\":%s}\n", r->n_tokens, r->truncated ? "true" : "false");
}

static int print(void *context, const struct text_result *r)
{
    const struct classify *c = context;
    int32_t best = 0;
    score(c->scores, r->values, r->count);
    for (int32_t i = 1; i < r->count; i++)
        best = r->values[i] > r->values[best] ? i : best;
    if (c->json) {
        print_json(c, r, best);
    } else {
        const char *label = tern_model_label(c->model, best);
        cli_plain(stdout, label, strlen(label));
        printf("\t%.4f\t", c->scores[best]);
        cli_plain(stdout, r->text.text, r->text.bytes);
        if (r->text.pair) {
            putchar('\t');
            cli_plain(stdout, r->text.pair, r->text.pair_bytes);
        }
        putchar('\n');
    }
    return cli_written();
}

static int classify(struct classify *c, const char *path, struct texts *texts, const struct run_options *run)
{
    tern_model *model = NULL;
    struct runner r = {.emit = print, .context = c};
    int code = cli_open_model(&model, path);
    if (!code) {
        c->model = model;
        c->scores = malloc(((size_t)tern_model_get_info(model)->n_labels + 1) * sizeof *c->scores);
        code = c->scores ? runner_open(&r, model, path, RUN_CLASSIFY, run) : cli_nomem();
    }
    if (!code)
        code = runner_all(&r, texts);
    runner_close(&r);
    free(c->scores);
    tern_model_close(model);
    return code;
}

int cmd_classify(int argc, char **argv)
{
    struct classify c = {0};
    struct run_options run = RUN_DEFAULTS;
    struct texts texts;
    const struct cli_option options[] = {
        {"json", 0, CLI_FLAG, &c.json, 0, 0}, {"pair", 0, CLI_FLAG, &c.pairs, 0, 0}, RUN_OPTIONS(run), {0}};
    int n, code = cli_parse(options, "classify", argc, argv, &n);
    if (n < 0)
        return code;
    if (!n)
        return cli_fail(CLI_USAGE, "classify: no model file; see tern classify --help");
    code = texts_open(&texts, argv + 1, n - 1, c.pairs, "classify");
    if (!code)
        code = classify(&c, argv[0], &texts, &run);
    texts_close(&texts);
    return code;
}
