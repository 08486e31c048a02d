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
    "Prints LABEL<TAB>SCORE<TAB>TEXT for each text. What the score is depends on the model (tern info tells): softmax\n"
    "over the labels; the logistic function of each label, of which any number may hold: all over --threshold are\n"
    "printed, the best first, with commas between labels and between scores; or the raw value of a "
    "regression.\n" HELP_TEXTS "\n"
    "  --json              one object a line: text label score scores logits n_tokens truncated, and labels, those "
    "over\n"
    "                      --threshold, of a model of which several may hold\n"
    "  --threshold X       the least score of such a label (0.5)\n" HELP_PAIR HELP_TEXT_OPTIONS HELP_RUN;

struct classify {
    const tern_model *model;
    int json, several; /* several: of the model's labels any number may hold */
    double threshold;  /* negative: not given */
    double *scores;    /* [n_labels] */
    int32_t *order;    /* [n_labels] the labels from best to worst */
};

/* Fills c->scores and c->order. Returns how many of its labels hold: 1, or those over the threshold. */
static int32_t judge(const struct classify *c, const tern_answer *a)
{
    int32_t held = 0;
    c->order[0] = tern_probabilities(c->model, a->values, c->scores);
    for (int32_t i = 0; c->several && i < a->count; i++) {
        int32_t at = i;
        for (; at > 0 && c->scores[c->order[at - 1]] < c->scores[i]; at--)
            c->order[at] = c->order[at - 1];
        c->order[at] = i;
        held += c->scores[i] >= c->threshold;
    }
    return c->several ? held : 1;
}

static void print_json(const struct classify *c, const struct text *t, const tern_answer *a, int32_t held)
{
    const int32_t best = c->order[0];
    fputs("{\"text\":", stdout);
    cli_json_string(stdout, t->text, t->bytes);
    if (t->pair) {
        fputs(",\"pair\":", stdout);
        cli_json_string(stdout, t->pair, t->pair_bytes);
    }
    fputs(",\"label\":", stdout);
    cli_json_text(stdout, tern_model_label(c->model, best));
    fputs(",\"score\":", stdout);
    cli_json_number(stdout, c->scores[best], 6);
    for (int32_t i = 0; c->several && i < held; i++) {
        fputs(i ? "," : ",\"labels\":[", stdout);
        cli_json_text(stdout, tern_model_label(c->model, c->order[i]));
    }
    fputs(!c->several ? "" : held ? "]" : ",\"labels\":[]", stdout);
    fputs(",\"scores\":{", stdout);
    for (int32_t i = 0; i < a->count; i++) {
        fputs(i ? "," : "", stdout);
        cli_json_text(stdout, tern_model_label(c->model, i));
        putchar(':');
        cli_json_number(stdout, c->scores[i], 6);
    }
    fputs("},\"logits\":[", stdout);
    cli_json_floats(stdout, a->values, (size_t)a->count);
    printf("],\"n_tokens\":%zu,\"truncated\":%s}\n", a->n_tokens, a->n_needed > a->n_tokens ? "true" : "false");
}

static void print_plain(const struct classify *c, const struct text *t, int32_t held)
{
    for (int32_t i = 0; i < held; i++) {
        const char *label = tern_model_label(c->model, c->order[i]);
        fputs(i ? "," : "", stdout);
        cli_plain(stdout, label, strlen(label));
    }
    for (int32_t i = 0; i < held; i++)
        printf("%s%.4f", i ? "," : "\t", c->scores[c->order[i]]);
    fputs(held ? "\t" : "\t\t", stdout);
    cli_text(stdout, t->text, t->bytes);
    if (t->pair) {
        putchar('\t');
        cli_text(stdout, t->pair, t->pair_bytes);
    }
    putchar('\n');
}

static int print(void *context, const struct text *t, const tern_answer *a)
{
    const struct classify *c = context;
    const int32_t held = judge(c, a);
    if (c->json)
        print_json(c, t, a, held);
    else
        print_plain(c, t, held);
    return cli_written();
}

/* What depends on the model. */
static int prepare(struct classify *c, const char *path)
{
    const tern_model_info *info = tern_model_get_info(c->model);
    const size_t n = (size_t)info->n_labels;
    c->several = n > 1 && !strcmp(info->output, "sigmoid");
    if (c->threshold >= 0 && !c->several)
        return cli_fail(CLI_USAGE, "classify: --threshold is for models of whose labels several may hold; %s has %s",
                        path, n > 1 ? "one label for each text" : "one label");
    if (c->threshold < 0)
        c->threshold = 0.5;
    c->scores = malloc(n * sizeof *c->scores);
    c->order = malloc(n * sizeof *c->order);
    return c->scores && c->order ? CLI_OK : cli_nomem(n * (sizeof *c->scores + sizeof *c->order));
}

static int classify(struct classify *c, const char *path, struct texts *texts, const struct run_options *run)
{
    tern_model *model = NULL;
    struct runner r = {.print = print, .context = c};
    int code = cli_open_model(&model, path);
    c->model = r.model = model;
    if (!code)
        code = runner_open_session(&r.session, model, path, TERN_CLASSIFY, run);
    if (!code)
        code = prepare(c, path);
    if (!code)
        code = texts_end(texts, runner_all(&r, texts, TERN_CLASSIFY, run->truncate));
    tern_session_close(r.session);
    free(c->scores);
    free(c->order);
    tern_model_close(model);
    return code;
}

int cmd_classify(int argc, char **argv)
{
    struct classify c = {.threshold = -1};
    struct run_options run = RUN_DEFAULTS;
    struct text_options from = {0};
    struct texts texts;
    const struct cli_option options[] = {{"json", 0, CLI_FLAG, &c.json, 0, 0},
                                         {"threshold", 0, CLI_REAL, &c.threshold, 0, 1},
                                         TEXT_PAIR_OPTION(from),
                                         TEXT_OPTIONS(from),
                                         RUN_OPTIONS(run),
                                         {0}};
    int n, code = cli_parse(options, "classify", argc, argv, &n);
    if (n < 0)
        return code;
    if (!n)
        return cli_fail(CLI_USAGE, "classify: no model file; see tern classify --help");
    code = texts_open_by(&texts, &from, argv, n, "classify");
    texts.form = c.json ? TEXTS_JSON : TEXTS_LINE;
    if (!code)
        code = classify(&c, argv[0], &texts, &run);
    texts_close(&texts);
    return code;
}
