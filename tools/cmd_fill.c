/* `tern fill`: the words that masks in a text may stand for, and how likely a text is. */
#include "tools/commands.h"
#include "tools/help.h"
#include "tools/runner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char help_fill[] =
    "Examples:\n"
    "  tern fill bert.tern \"The capital of France is [MASK].\"\n"
    "  tern fill bert.tern --targets good,bad \"The film was [MASK].\"\n"
    "  tern fill bert.tern --score < sentences.txt\n"
    "\n"
    "Usage: tern fill MODEL.tern [TEXT...]\n"
    "Prints WORD<TAB>SCORE for the best words of each mask, an empty line after each mask, and another one after the\n"
    "text. The mask is written as the model's tokenizer has it, [MASK] or <mask>; the score is the word's probability\n"
    "among all words of the vocabulary.\n" HELP_TEXTS "\n"
    "  --json              one object a line: text masks n_tokens truncated; masks has a list for each mask, of "
    "objects\n"
    "                      with id, token (its piece) and score\n"
    "  --logits            with --json: each word's logit\n"
    "  --top K             words of each mask (5)\n"
    "  --targets A,B,...   only these words, each of which is one token\n"
    "  --score             print SCORE<TAB>TEXT instead: the text's pseudo-log-likelihood, the sum over its tokens of\n"
    "                      the logarithm of each one's probability where it alone is masked; with --json: text score\n"
    "                      n_tokens perplexity\n" HELP_TEXT_OPTIONS HELP_RUN;

struct fill {
    tern_session *session;
    const tern_model *model;
    struct texts *texts;
    tern_truncate truncate;
    int json, logits, score;
    int32_t top;
    const char *words; /* --targets */
    int32_t *targets;  /* [n_targets] */
    size_t n_targets;
    tern_masks masks;
};

/* ---- Targets ---- */

/* The id of a word that is one token: as it stands behind a space, or else at a text's beginning. */
static int32_t id_of(const struct fill *f, const char *word, size_t bytes)
{
    const tern_tokenizer *const tokenizer = tern_model_tokenizer(f->model);
    char behind[256];
    snprintf(behind, sizeof behind, " %.*s", (int)bytes, word);
    for (int i = 0; i < 2; i++) {
        int32_t ids[8];
        tern_span spans[8];
        tern_tokens tokens = {.struct_bytes = sizeof tokens, .capacity = 8, .ids = ids, .spans = spans};
        const tern_text text = {.text = behind + i, .text_bytes = strlen(behind + i)};
        int32_t id = -1;
        int n = 0;
        if (tern_tokenize(tokenizer, &text, TERN_TRUNCATE_HEAD, &tokens, NULL) || tokens.needed > 8)
            continue;
        for (size_t k = 0; k < tokens.count; k++)
            if (spans[k].source == 0) {
                id = ids[k];
                n++;
            }
        if (n == 1)
            return id;
    }
    return -1;
}

static int has(const struct fill *f, int32_t id)
{
    for (size_t i = 0; i < f->n_targets; i++)
        if (f->targets[i] == id)
            return 1;
    return 0;
}

static int read_targets(struct fill *f)
{
    const size_t most = strlen(f->words) / 2 + 1;
    f->targets = malloc(most * sizeof *f->targets);
    if (!f->targets)
        return cli_nomem(most * sizeof *f->targets);
    for (const char *word = f->words; *word;) {
        const size_t bytes = strcspn(word, ",");
        const int32_t id = bytes && bytes < 200 ? id_of(f, word, bytes) : -1;
        if (id < 0)
            return cli_fail(CLI_USAGE, "fill: --targets: '%.*s' is not one token of the model's vocabulary",
                            bytes < 200 ? (int)bytes : 200, word);
        if (!has(f, id))
            f->targets[f->n_targets++] = id;
        word += bytes + (word[bytes] == ',');
    }
    return f->n_targets ? CLI_OK : cli_fail(CLI_USAGE, "fill: --targets has no word");
}

/* ---- Results ---- */

static void print_json(const struct fill *f, const struct text *text)
{
    const tern_masks *const m = &f->masks;
    fputs("{\"text\":", stdout);
    cli_json_string(stdout, text->text, text->bytes);
    fputs(",\"masks\":[", stdout);
    for (size_t i = 0; i < m->count; i++) {
        for (int32_t k = 0; k < m->n_candidates; k++) {
            const tern_candidate *const c = &m->candidates[i * (size_t)m->top + (size_t)k];
            size_t bytes;
            const char *const piece = tern_token_text(tern_model_tokenizer(f->model), c->id, &bytes);
            printf("%s{\"id\":%d,\"token\":", k ? "," : i ? ",[" : "[", c->id);
            cli_json_string(stdout, piece, bytes);
            fputs(",\"score\":", stdout);
            cli_json_number(stdout, c->probability, 6);
            if (f->logits) {
                fputs(",\"logit\":", stdout);
                cli_json_number(stdout, (double)c->logit, 9);
            }
            putchar('}');
        }
        putchar(']');
    }
    printf("],\"n_tokens\":%zu,\"truncated\":%s}\n", m->n_tokens, m->n_needed > m->n_tokens ? "true" : "false");
}

static void print_plain(const struct fill *f)
{
    const tern_masks *const m = &f->masks;
    for (size_t i = 0; i < m->count; i++) {
        for (int32_t k = 0; k < m->n_candidates; k++) {
            const tern_candidate *const c = &m->candidates[i * (size_t)m->top + (size_t)k];
            size_t bytes;
            const char *const piece = tern_token_text(tern_model_tokenizer(f->model), c->id, &bytes);
            cli_text(stdout, piece, bytes);
            printf("\t%.4f\n", c->probability);
        }
        putchar('\n');
    }
    putchar('\n');
}

static void print_score(const struct fill *f, const struct text *text, double score, size_t n)
{
    if (!f->json) {
        printf("%.4f\t", score);
        cli_text(stdout, text->text, text->bytes);
        putchar('\n');
        return;
    }
    fputs("{\"text\":", stdout);
    cli_json_string(stdout, text->text, text->bytes);
    fputs(",\"score\":", stdout);
    cli_json_number(stdout, score, 9);
    printf(",\"n_tokens\":%zu,\"perplexity\":", n);
    cli_json_number(stdout, n ? exp(-score / (double)n) : 1, 6);
    fputs("}\n", stdout);
}

/* ---- The command ---- */

/* Room for as many masks as the longest text may have. */
static int reserve(struct fill *f)
{
    const tern_model_info *const info = tern_model_get_info(f->model);
    const size_t most = (size_t)info->max_tokens;
    f->top = f->top > info->vocab ? info->vocab : f->top;
    f->masks = (tern_masks){.struct_bytes = sizeof f->masks,
                            .capacity = most,
                            .top = f->top,
                            .targets = f->targets,
                            .n_targets = f->n_targets,
                            .candidates = malloc(most * (size_t)f->top * sizeof *f->masks.candidates)};
    return f->masks.candidates ? CLI_OK : cli_nomem(most * (size_t)f->top * sizeof *f->masks.candidates);
}

static int one(void *context, const struct text *text)
{
    struct fill *f = context;
    const tern_text t = {.text = text->text, .text_bytes = text->bytes};
    tern_error err;
    double score = 0;
    size_t n = 0;
    const tern_status status = f->score ? tern_pseudo_likelihood(f->session, &t, f->truncate, &score, &n, &err)
                                        : tern_fill(f->session, &t, f->truncate, &f->masks, &err);
    if (status == TERN_INPUT) {
        const int code = texts_refuse(f->texts, err.message);
        if (!code && !f->json && !f->score)
            putchar('\n');
        return code;
    }
    if (status)
        return cli_status(&err);
    if (f->score)
        print_score(f, text, score, n);
    else if (f->json)
        print_json(f, text);
    else
        print_plain(f);
    return cli_written();
}

static int fill(struct fill *f, const char *path, struct texts *texts, const struct run_options *run)
{
    tern_model *model = NULL;
    int code = cli_open_model(&model, path);
    f->model = model;
    f->texts = texts;
    f->truncate = run->truncate;
    if (!code)
        code = runner_open_head(&f->session, model, path, "fill", run);
    if (!code && f->words)
        code = read_targets(f);
    if (!code)
        code = reserve(f);
    if (!code)
        code = texts_end(texts, runner_each(texts, one, f));
    tern_session_close(f->session);
    free(f->targets);
    free(f->masks.candidates);
    tern_model_close(model);
    return code;
}

int cmd_fill(int argc, char **argv)
{
    struct fill f = {.top = 5};
    struct run_options run = RUN_DEFAULTS;
    struct text_options from = {.no_pairs = 1};
    struct texts texts;
    const struct cli_option options[] = {{"json", 0, CLI_FLAG, &f.json, 0, 0},
                                         {"logits", 0, CLI_FLAG, &f.logits, 0, 0},
                                         {"top", 0, CLI_INT, &f.top, 1, 1000},
                                         {"targets", 0, CLI_STRING, &f.words, 0, 0},
                                         {"score", 0, CLI_FLAG, &f.score, 0, 0},
                                         TEXT_OPTIONS(from),
                                         RUN_OPTIONS(run),
                                         {0}};
    int n, code = cli_parse(options, "fill", argc, argv, &n);
    if (n < 0)
        return code;
    if (!n)
        return cli_fail(CLI_USAGE, "fill: no model file; see tern fill --help");
    if (f.logits && !f.json)
        return cli_fail(CLI_USAGE, "fill: --logits goes with --json");
    if (f.score && (f.words || f.logits))
        return cli_fail(CLI_USAGE, "fill: --score goes without --targets and --logits");
    code = texts_open_by(&texts, &from, argv, n, "fill");
    texts.form = f.json ? TEXTS_JSON : f.score ? TEXTS_LINE : TEXTS_FREE;
    if (!code)
        code = fill(&f, argv[0], &texts, &run);
    texts_close(&texts);
    return code;
}
