/* `tern classify`: a label and its probability for each text. */
#include "tools/commands.h"
#include "tools/help.h"
#include "tools/runner.h"

#include <stdlib.h>
#include <string.h>

const char help_classify[] =
    "Examples:\n"
    "  tern classify model.tern \"A warm, funny, engaging film.\"\n"
    "  tern classify model.tern --json < reviews.txt > labels.jsonl\n"
    "  printf 'premise\\thypothesis\\n' | tern classify nli.tern --pair\n"
    "\n"
    "Usage: tern classify MODEL.tern [TEXT...]\n"
    "Prints LABEL<TAB>SCORE<TAB>TEXT for each text. The score is the label's probability: softmax over the\n"
    "labels, or the logistic function if there is only one.\n" HELP_TEXTS "\n"
    "  --json              one object a line: text label score scores logits n_tokens truncated\n"
    "  --pair              each text is TEXT<TAB>PAIR\n" HELP_RUN;

struct classify {
    const tern_model *model;
    int json, pairs;
    double *scores; /* [n_labels] */
};

static void print_json(const struct classify *c, const struct text *t, const tern_answer *a, int32_t best)
{
    fputs("{\"text\":", stdout);
    cli_json_string(stdout, t->text, t->bytes);
    if (t->pair) {
        fputs(",\"pair\":", stdout);
        cli_json_string(stdout, t->pair, t->pair_bytes);
    }
    fputs(",\"label\":", stdout);
    cli_json_text(stdout, tern_model_label(c->model, best));
    printf(",\"score\":%.6g,\"scores\":{", c->scores[best]);
    for (int32_t i = 0; i < a->count; i++) {
        fputs(i ? "," : "", stdout);
        cli_json_text(stdout, tern_model_label(c->model, i));
        printf(":%.6g", c->scores[i]);
    }
    fputs("},\"logits\":[", stdout);
    for (int32_t i = 0; i < a->count; i++) {
        fputs(i ? "," : "", stdout);
        cli_json_float(stdout, (double)a->values[i]);
    }
    printf("],\"n_tokens\":%zu,\"truncated\":%s}\n", a->n_tokens, a->n_needed > a->n_tokens ? "true" : "false");
}

static int print(void *context, const struct text *t, const tern_answer *a)
{
    const struct classify *c = context;
    const int32_t best = tern_probabilities(c->model, a->values, c->scores);
    if (c->json) {
        print_json(c, t, a, best);
    } else {
        const char *label = tern_model_label(c->model, best);
        cli_plain(stdout, label, strlen(label));
        printf("\t%.4f\t", c->scores[best]);
        cli_plain(stdout, t->text, t->bytes);
        if (t->pair) {
            putchar('\t');
            cli_plain(stdout, t->pair, t->pair_bytes);
        }
        putchar('\n');
    }
    return cli_written();
}

static int classify(struct classify *c, const char *path, struct texts *texts, const struct run_options *run)
{
    tern_model *model = NULL;
    struct runner r = {.print = print, .context = c};
    int code = cli_open_model(&model, path);
    c->model = r.model = model;
    if (!code)
        code = runner_open_session(&r.session, model, path, TERN_CLASSIFY, run);
    if (!code) {
        c->scores = malloc((size_t)tern_model_get_info(model)->n_labels * sizeof *c->scores);
        code = c->scores ? runner_all(&r, texts, TERN_CLASSIFY, run->truncate) : cli_nomem();
    }
    tern_session_close(r.session);
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
