/* `tern classify`: the labels of each text and their probabilities, of the model's own labels or of any others. */
#include "tools/commands.h"
#include "tools/help.h"
#include "tools/labels.h"
#include "tools/runner.h"

#include <stdlib.h>
#include <string.h>

const char help_classify[] =
    "Examples:\n"
    "  tern classify model.tern \"A warm, funny, engaging film.\"\n"
    "  tern classify model.tern --json < reviews.txt > labels.jsonl\n"
    "  printf 'premise\\thypothesis\\n' | tern classify nli.tern --pair\n"
    "  tern classify nli.tern --labels politics,sport,music \"Who won the match?\"\n"
    "\n"
    "Usage: tern classify MODEL.tern [TEXT...]\n"
    "Prints LABEL<TAB>SCORE<TAB>TEXT for each text. What the score is depends on the model (tern info tells): softmax\n"
    "over the labels; the logistic function of each label, of which any number may hold: all over --threshold are\n"
    "printed, the best first, with commas between labels and between scores; or the raw value of a "
    "regression.\n" HELP_TEXTS "\n"
    "  --json              one object a line: text label score scores logits n_tokens truncated, and labels, those "
    "that\n"
    "                      are printed without --json, where there may be another number of them than one\n"
    "  --top K             the best K labels, fewer if --threshold says so\n"
    "  --threshold X       the least score of a label that is printed (of labels of which several may hold 0.5)\n"
    "  --labels A,B,...    rank these labels instead, with a model that says whether a text entails another, trained "
    "on\n"
    "                      MNLI or the like (zero-shot); @FILE: those in its lines. With --json: text label score "
    "labels\n"
    "                      scores, all labels, the best first\n"
    "  --template TEXT     what a text must entail for a label, which goes where {} is (\"This example is {}.\")\n"
    "  --multi             any number of these labels may hold, each with a probability of its own\n" HELP_PAIR
        HELP_TEXT_OPTIONS HELP_RUN;

struct classify {
    const tern_model *model;
    int json, several; /* several: any number of labels may hold */
    int32_t top;       /* 0: not given */
    double threshold;  /* negative: not given */
    double *scores;    /* [n_labels] */
    int32_t *order;    /* [n_labels] the labels from best to worst */
    int32_t n_labels;
    /* --labels */
    const char *given;
    struct labels labels;
    tern_zero_shot_options options;
    tern_session *session;
    tern_label_score *ranked; /* [n_labels] */
    struct texts *texts;
};

static const char *label_of(const struct classify *c, int32_t label)
{
    return c->given ? c->labels.list[label] : tern_model_label(c->model, label);
}

/* Of the labels in c->order, how many are printed. */
static int32_t count_held(const struct classify *c)
{
    const double least = c->threshold >= 0 ? c->threshold : c->several ? 0.5 : -1;
    const int32_t most = c->top && c->top < c->n_labels ? c->top : c->top || c->several ? c->n_labels : 1;
    int32_t held = 0;
    while (held < most && (least < 0 || c->scores[c->order[held]] >= least))
        held++;
    return held;
}

/* Fills c->scores and c->order. */
static void judge(const struct classify *c, const tern_answer *a)
{
    tern_probabilities(c->model, a->values, c->scores);
    for (int32_t i = 0; i < a->count; i++) {
        int32_t at = i;
        for (; at > 0 && c->scores[c->order[at - 1]] < c->scores[i]; at--)
            c->order[at] = c->order[at - 1];
        c->order[at] = i;
    }
    /* of scores that rounding made equal the largest logit's */
    const int32_t best = tern_probabilities(c->model, a->values, NULL);
    for (int32_t at = 0; at < a->count && c->order[0] != best; at++)
        if (c->order[at] == best) {
            memmove(c->order + 1, c->order, (size_t)at * sizeof *c->order);
            c->order[0] = best;
        }
}

static void print_json_text(const struct text *t)
{
    fputs("{\"text\":", stdout);
    cli_json_string(stdout, t->text, t->bytes);
    if (t->pair) {
        fputs(",\"pair\":", stdout);
        cli_json_string(stdout, t->pair, t->pair_bytes);
    }
}

static void print_json_labels(const struct classify *c, int32_t held, int list)
{
    const int32_t best = c->order[0];
    fputs(",\"label\":", stdout);
    cli_json_text(stdout, label_of(c, best));
    fputs(",\"score\":", stdout);
    cli_json_number(stdout, c->scores[best], 6);
    for (int32_t i = 0; list && i < held; i++) {
        fputs(i ? "," : ",\"labels\":[", stdout);
        cli_json_text(stdout, label_of(c, c->order[i]));
    }
    fputs(!list ? "" : held ? "]" : ",\"labels\":[]", stdout);
}

static void print_json(const struct classify *c, const struct text *t, const tern_answer *a)
{
    print_json_text(t);
    print_json_labels(c, count_held(c), c->several || c->top || c->threshold >= 0);
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

static void print_plain(const struct classify *c, const struct text *t)
{
    const int32_t held = count_held(c);
    for (int32_t i = 0; i < held; i++) {
        const char *label = label_of(c, c->order[i]);
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
    judge(c, a);
    if (c->json)
        print_json(c, t, a);
    else
        print_plain(c, t);
    return cli_written();
}

/* ---- Labels of the user's ---- */

/* All of them, the best first, as the pipeline has them; or those that were asked for. */
static void print_ranked(const struct classify *c, const struct text *t)
{
    const int32_t held = c->top || c->threshold >= 0 ? count_held(c) : c->n_labels;
    print_json_text(t);
    print_json_labels(c, held, 1);
    fputs(",\"scores\":[", stdout);
    for (int32_t i = 0; i < held; i++) {
        fputs(i ? "," : "", stdout);
        cli_json_number(stdout, c->scores[c->order[i]], 6);
    }
    fputs("]}\n", stdout);
}

static int rank(void *context, const struct text *t)
{
    struct classify *c = context;
    tern_error err;
    const tern_status status = tern_zero_shot(c->session, t->text, t->bytes, (const char *const *)c->labels.list,
                                              (size_t)c->n_labels, &c->options, c->ranked, &err);
    if (status)
        return status == TERN_INPUT ? texts_refuse(c->texts, err.message) : cli_status(&err);
    for (int32_t i = 0; i < c->n_labels; i++) {
        c->order[i] = c->ranked[i].label;
        c->scores[c->ranked[i].label] = c->ranked[i].score;
    }
    if (c->json)
        print_ranked(c, t);
    else
        print_plain(c, t);
    return cli_written();
}

/* ---- The command ---- */

/* What depends on the model. */
static int prepare(struct classify *c, const char *path, tern_truncate truncate)
{
    const tern_model_info *info = tern_model_get_info(c->model);
    const size_t n = c->given ? c->labels.n : (size_t)info->n_labels;
    c->n_labels = (int32_t)n;
    c->several = c->given ? c->options.several : n > 1 && !strcmp(info->output, "sigmoid");
    c->options.truncate = truncate;
    if (c->threshold >= 0 && !c->given && !strcmp(info->output, "raw"))
        return cli_fail(CLI_USAGE,
                        "classify: --threshold is for models whose scores are probabilities; those of %s are "
                        "values of a regression",
                        path);
    if (c->given && tern_entailment(c->model) < 0)
        cli_warn("%s: no label's name begins with entail; the last, %s, is taken for that", path,
                 tern_model_label(c->model, info->n_labels - 1));
    c->scores = malloc(n * sizeof *c->scores);
    c->order = malloc(n * sizeof *c->order);
    c->ranked = malloc(n * sizeof *c->ranked);
    return c->scores && c->order && c->ranked ? CLI_OK : cli_nomem(n * (sizeof *c->scores + sizeof *c->ranked));
}

static int classify(struct classify *c, const char *path, struct texts *texts, const struct run_options *run)
{
    tern_model *model = NULL;
    struct runner r = {.print = print, .context = c};
    int code = c->given ? labels_read(&c->labels, c->given) : CLI_OK;
    if (!code)
        code = cli_open_model(&model, path);
    c->model = r.model = model;
    c->texts = texts;
    if (!code)
        code = runner_open_session(&r.session, model, path, TERN_CLASSIFY, run);
    c->session = r.session;
    if (!code)
        code = prepare(c, path, run->truncate);
    if (!code)
        code = texts_end(texts,
                         c->given ? runner_each(texts, rank, c) : runner_all(&r, texts, TERN_CLASSIFY, run->truncate));
    tern_session_close(r.session);
    labels_free(&c->labels);
    free(c->scores);
    free(c->order);
    free(c->ranked);
    tern_model_close(model);
    return code;
}

int cmd_classify(int argc, char **argv)
{
    struct classify c = {.threshold = -1, .options = {.struct_bytes = sizeof c.options}};
    struct run_options run = RUN_DEFAULTS;
    struct text_options from = {0};
    struct texts texts;
    const struct cli_option options[] = {{"json", 0, CLI_FLAG, &c.json, 0, 0},
                                         {"top", 0, CLI_INT, &c.top, 1, 1000000},
                                         {"threshold", 0, CLI_REAL, &c.threshold, 0, 1},
                                         {"labels", 0, CLI_STRING, &c.given, 0, 0},
                                         {"template", 0, CLI_STRING, &c.options.hypothesis, 0, 0},
                                         {"multi", 0, CLI_FLAG, &c.options.several, 0, 0},
                                         TEXT_PAIR_OPTION(from),
                                         TEXT_OPTIONS(from),
                                         RUN_OPTIONS(run),
                                         {0}};
    int n, code = cli_parse(options, "classify", argc, argv, &n);
    if (n < 0)
        return code;
    if (!n)
        return cli_fail(CLI_USAGE, "classify: no model file; see tern classify --help");
    if (!c.given && (c.options.hypothesis || c.options.several))
        return cli_fail(CLI_USAGE, "classify: --%s goes with --labels", c.options.several ? "multi" : "template");
    if (c.given && from.pairs)
        return cli_fail(CLI_USAGE, "classify: --labels is for texts without a pair; leave out --pair");
    from.no_pairs = c.given != NULL;
    code = texts_open_by(&texts, &from, argv, n, "classify");
    texts.form = c.json ? TEXTS_JSON : TEXTS_LINE;
    if (!code)
        code = classify(&c, argv[0], &texts, &run);
    texts_close(&texts);
    return code;
}
