/* Explains a conversion: probes every quantiser by itself, sums up what they cost, and says which options to try. */
#include "quant/explain.h"

#include "quant/check_texts.h"
#include "quant/convert.h"
#include "quant/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* TEXTS: so few that a model of 12 layers of 384 takes about a minute on one core. LISTED: of the costliest. */
enum { TEXTS = 12, LISTED = 5, RAISED = 3 };
/* What costs less, all together, is not worth a slower or larger model. */
static const double little = 1e-3;
/* Rows or weights with at least this share of the cost get a proposal. */
static const double much = 1.0 / 3;

/* One quantiser: the rows of an input or the weights of a matrix, of the layer whose weights they are. */
struct quantiser {
    double cost, weights; /* how many; 0: it is rows */
    int layer, index;     /* enum tern_matrix or enum tern_layer_input */
    int bits;
};

struct explanation {
    const struct tern_source *source;
    const tern_convert_options *options;
    struct tern_probe *probe;
    struct quantiser *quantisers; /* [n], with the copies that were chosen */
    int n;
    /* Sums over layers: the rows of each input without and with copies, the weights of the matrices that read it. */
    double plain[TERN_N_INPUTS], rows[TERN_N_INPUTS], weights[TERN_N_INPUTS];
    int most_copies; /* of an input */
};

static const struct tern_copies *copies_of(const struct explanation *e, int layer, int input)
{
    return e->source->copies ? &e->source->copies[layer * TERN_N_INPUTS + input] : NULL;
}

static int n_copies(const struct explanation *e, int layer, int input)
{
    const struct tern_copies *copies = copies_of(e, layer, input);
    return copies ? copies->count : 0;
}

static int owns_weights(const struct tern_config *c, int layer)
{
    return c->layer[layer].weights == layer;
}

static double sum_of(const double cost[TERN_N_INPUTS])
{
    double sum = 0;
    for (int i = 0; i < TERN_N_INPUTS; i++)
        sum += cost[i];
    return sum;
}

/* ---- Measuring --------------------------------------------------------------------------------------------------- */

/* Every fourth check text, cut to what a probe takes. */
static tern_status read_texts(struct tern_sample *s, const struct tern_config *c, const tern_tokenizer *tokenizer,
                              tern_error *err)
{
    const size_t most = (size_t)(c->max_tokens < TERN_PROBE_TOKENS ? c->max_tokens : TERN_PROBE_TOKENS);
    s->ids = malloc(TEXTS * most * sizeof *s->ids);
    s->offsets = calloc(TEXTS + 1, sizeof *s->offsets);
    if (!s->ids || !s->offsets)
        return tern_fail_nomem(err, "the check texts", TEXTS * most * sizeof *s->ids);
    for (; s->n < TEXTS; s->n++) {
        const char *const line = tern_check_texts[s->n * TERN_CHECK_TEXTS / TEXTS];
        const tern_text text = {.text = line, .text_bytes = strlen(line)};
        tern_tokens out = {.struct_bytes = sizeof out, .capacity = most, .ids = s->ids + s->offsets[s->n]};
        const tern_status status = tern_tokenize(tokenizer, &text, TERN_TRUNCATE_HEAD, &out, err);
        if (status)
            return status;
        s->offsets[s->n + 1] = s->offsets[s->n] + (int32_t)out.count;
    }
    return TERN_OK;
}

static tern_status probe_rows(struct explanation *e, int layer, int input, tern_error *err)
{
    const struct tern_copies *copies = copies_of(e, layer, input);
    double plain = 0, cost;
    tern_status status = tern_probe_rows(e->probe, layer, (enum tern_layer_input)input, NULL, &plain, err);
    cost = plain;
    if (!status && n_copies(e, layer, input))
        status = tern_probe_rows(e->probe, layer, (enum tern_layer_input)input, copies, &cost, err);
    e->plain[input] += plain;
    e->rows[input] += cost;
    e->quantisers[e->n++] = (struct quantiser){cost, 0, layer, input, 8};
    return status;
}

static tern_status probe_weights(struct explanation *e, int layer, int matrix, tern_error *err)
{
    const struct tern_shape shape = tern_matrix_shape(e->source->config, layer * TERN_N_MATRICES + matrix);
    struct tern_coding coding;
    double cost = 0;
    if (!shape.n)
        return TERN_OK;
    tern_status status = tern_source_coding(&coding, e->source, layer, (enum tern_matrix)matrix, err);
    if (!status)
        status = tern_probe_weights(e->probe, layer, (enum tern_matrix)matrix, &coding, &cost, err);
    e->weights[tern_matrix_part((enum tern_matrix)matrix)->reads] += cost;
    e->quantisers[e->n++] =
        (struct quantiser){cost, (double)shape.n * shape.k, layer, matrix, tern_format_bits(coding.format)};
    return status;
}

static tern_status probe_all(struct explanation *e, tern_error *err)
{
    const struct tern_source *source = e->source;
    const int layers = source->config->layers;
    tern_status status = TERN_OK;
    for (int layer = 0; layer < layers && !status; layer++) {
        for (int i = 0; owns_weights(source->config, layer) && i < TERN_N_INPUTS && !status; i++)
            status = probe_rows(e, layer, i, err);
        for (int i = 0; owns_weights(source->config, layer) && i < TERN_N_MATRICES && !status; i++)
            status = probe_weights(e, layer, i, err);
        if (source->progress)
            source->progress(source->listener, (size_t)layer + 1, (size_t)layers);
    }
    return status;
}

/* ---- What is said ------------------------------------------------------------------------------------------------ */

/* Room for the copies of one input. */
struct stands {
    int column, times;
};

static int by_times(const void *a, const void *b)
{
    struct stands x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x.times != y.times ? y.times - x.times : x.column - y.column;
}

/* "layer.0.qkv: columns 99 x4, 223 x3": those that stand most often first, as many as a line holds. */
static void say_columns(const struct explanation *e, int layer, int input)
{
    struct stands stands[TERN_MAX_COPIES];
    const struct tern_copies *copies = copies_of(e, layer, input);
    int n = 0;
    for (int i = 0; i < n_copies(e, layer, input); i++) {
        if (!n || stands[n - 1].column != copies->column[i])
            stands[n++] = (struct stands){copies->column[i], 1};
        stands[n - 1].times++;
    }
    qsort(stands, (size_t)n, sizeof *stands, by_times);
    char line[112] = " none";
    size_t length = 0;
    int said = 0;
    for (; said < n && length + 16 < sizeof line; said++)
        length += (size_t)snprintf(line + length, sizeof line - length, "%s %d x%d", said ? "," : "",
                                   stands[said].column, stands[said].times);
    char more[32] = "";
    if (said < n)
        snprintf(more, sizeof more, ", and %d more", n - said);
    tern_say(e->options, "layer.%d.%s: columns%s%s", layer, tern_input_name((enum tern_layer_input)input), line, more);
}

static void say_all_columns(const struct explanation *e)
{
    if (!e->most_copies)
        tern_say(e->options, "outlier columns: none is repeated");
    for (int layer = 0; e->most_copies && layer < e->source->config->layers; layer++)
        for (int i = 0; owns_weights(e->source->config, layer) && i < TERN_N_INPUTS; i++)
            say_columns(e, layer, i);
}

static const char *weights_name(const struct explanation *e)
{
    return e->options->weights ? e->options->weights : "int8";
}

/* Whether any layer has such an input. */
static int any_has(const struct explanation *e, int input)
{
    int any = 0;
    for (int layer = 0; layer < e->source->config->layers; layer++)
        any |= tern_input_width(e->source->config, layer, (enum tern_layer_input)input) > 0;
    return any;
}

static void say_row(const struct explanation *e, const char *what, const double cost[TERN_N_INPUTS])
{
    char line[160];
    int length = snprintf(line, sizeof line, "  %-25.25s", what);
    for (int i = 0; i < TERN_N_INPUTS; i++)
        if (any_has(e, i))
            length += snprintf(line + length, sizeof line - (size_t)length, " %9.6f", cost[i]);
    tern_say(e->options, "%s %9.6f", line, sum_of(cost));
}

static void say_table(const struct explanation *e)
{
    char line[160], what[64];
    int length = snprintf(line, sizeof line, "  %-25s", "");
    tern_say(e->options, "cost of one quantiser at a time: 1 - mean cosine with f32 of %d texts, summed over layers",
             TEXTS);
    for (int i = 0; i < TERN_N_INPUTS; i++)
        if (any_has(e, i))
            length += snprintf(line + length, sizeof line - (size_t)length, " %9s",
                               tern_input_name((enum tern_layer_input)i));
    tern_say(e->options, "%s %9s", line, "all");
    say_row(e, e->most_copies ? "int8 rows, without copies" : "int8 rows", e->plain);
    if (e->most_copies)
        say_row(e, "int8 rows, with copies", e->rows);
    snprintf(what, sizeof what, "%s weights", weights_name(e));
    say_row(e, what, e->weights);
}

/* "rows of layer.0.qkv" */
struct name {
    char text[64];
};
static struct name name_of(const struct quantiser *q)
{
    struct name name;
    snprintf(name.text, sizeof name.text, "%s of layer.%d.%s", q->weights > 0 ? "weights" : "rows", q->layer,
             q->weights > 0 ? tern_matrix_part((enum tern_matrix)q->index)->name
                            : tern_input_name((enum tern_layer_input)q->index));
    return name;
}

/* The largest first; of equal ones the first in the model. */
static int by_number(double x, double y, const struct quantiser *a, const struct quantiser *b)
{
    if (x != y)
        return x < y ? 1 : -1;
    return a->layer != b->layer ? a->layer - b->layer : a->index - b->index;
}

static int by_cost(const void *a, const void *b)
{
    const struct quantiser *x = a, *y = b;
    return by_number(x->cost, y->cost, x, y);
}

/* What a weight of it costs; rows, and what has eight bits already, come last. */
static double cost_of_weight(const struct quantiser *q)
{
    return q->weights > 0 && q->bits < 8 ? q->cost / q->weights : -1;
}

static int by_cost_of_weight(const void *a, const void *b)
{
    const struct quantiser *x = a, *y = b;
    return by_number(cost_of_weight(x), cost_of_weight(y), x, y);
}

static void say_costliest(struct explanation *e)
{
    qsort(e->quantisers, (size_t)e->n, sizeof *e->quantisers, by_cost);
    tern_say(e->options, "costliest:");
    for (int i = 0; i < LISTED && i < e->n; i++)
        tern_say(e->options, "  %9.6f %s", e->quantisers[i].cost, name_of(&e->quantisers[i]).text);
}

/* ---- What is proposed -------------------------------------------------------------------------------------------- */

/* Rows: more copies than any input has, up to the most there are. */
static void propose_for_rows(const struct explanation *e, double share)
{
    const int copies = e->most_copies < 16 ? 16 : e->most_copies < 32 ? 32 : 64;
    if (e->most_copies < copies)
        tern_say(e->options, "int8 rows are %.0f %% of that: try --outliers %d", 100 * share, copies);
    else
        tern_say(e->options,
                 "int8 rows are %.0f %% of that, and no input can have more copies than --outliers 64 gives it",
                 100 * share);
}

/* Low bits: half a bit more, which goes where a weight costs most. */
static void propose_bits(struct explanation *e)
{
    const enum tern_weights weights = e->source->config->weights;
    const double bits = weights == TERN_WEIGHTS_MIXED ? tern_weights_bits(e->options->weights)
                                                      : tern_format_bits(tern_weights_format(weights));
    char names[RAISED * sizeof(struct name)] = "";
    size_t length = 0;
    qsort(e->quantisers, (size_t)e->n, sizeof *e->quantisers, by_cost_of_weight);
    for (int i = 0; i < RAISED && i < e->n && cost_of_weight(&e->quantisers[i]) > 0; i++)
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", i ? ", " : "",
                                   name_of(&e->quantisers[i]).text + strlen("weights of "));
    if (length && bits + 0.5 < 8)
        tern_say(e->options, "  or --weights auto:%g%s, which raises first what costs most for its size: %s",
                 bits + 0.5, e->options->calibrate ? "" : " --calibrate builtin", names);
}

/* Weights: calibration costs nothing at run time, smaller groups little, bits what they weigh. */
static void propose_for_weights(struct explanation *e, double share)
{
    const enum tern_weights weights = e->source->config->weights;
    const int grouped = weights == TERN_WEIGHTS_MIXED || tern_format_grouped(tern_weights_format(weights)),
              group = e->source->group ? e->source->group : 64;
    char what[96];
    if (weights == TERN_WEIGHTS_TERNARY || weights == TERN_WEIGHTS_BINARY)
        snprintf(what, sizeof what, "without training for them try --weights int4");
    else if (!e->options->calibrate)
        snprintf(what, sizeof what, "try --calibrate builtin, or FILE with texts of the task");
    else if (grouped && group > 32)
        snprintf(what, sizeof what, "try --group %d", group / 2);
    else if (grouped)
        snprintf(what, sizeof what, "take more bits");
    else
        snprintf(what, sizeof what, "only --weights %s nearer",
                 weights == TERN_WEIGHTS_INT8 ? "f32 comes" : "int8 and f32 come");
    tern_say(e->options, "%s weights are %.0f %% of that: %s", weights_name(e), 100 * share, what);
    if (grouped && !e->source->sparse)
        propose_bits(e);
}

/* For both where both matter, first for what costs more. */
static void propose(struct explanation *e)
{
    const double rows = sum_of(e->rows), weights = sum_of(e->weights), all = rows + weights;
    tern_say(e->options, "all together: %.6f%s", all, all < little ? ", nothing is worth changing" : "");
    if (all < little)
        return;
    if (rows >= weights)
        propose_for_rows(e, rows / all);
    if (weights >= much * all)
        propose_for_weights(e, weights / all);
    if (rows < weights && rows >= much * all)
        propose_for_rows(e, rows / all);
}

tern_status tern_explain(const struct tern_source *source, const tern_tokenizer *tokenizer,
                         const tern_convert_options *options, tern_error *err)
{
    const size_t n = (size_t)source->config->layers * (TERN_N_INPUTS + TERN_N_MATRICES);
    struct explanation e = {.source = source, .options = options};
    struct tern_sample sample = {0};
    if (!options->report || source->config->weights == TERN_WEIGHTS_F32)
        return TERN_OK;
    e.most_copies = tern_most_copies(source);
    e.quantisers = malloc(n * sizeof *e.quantisers);
    tern_status status = e.quantisers ? TERN_OK : tern_fail_nomem(err, "the explanation", n * sizeof *e.quantisers);
    if (!status)
        status = read_texts(&sample, source->config, tokenizer, err);
    if (!status)
        status = tern_probe_open(&e.probe, source, tokenizer, &sample, err);
    if (!status)
        status = probe_all(&e, err);
    if (!status) {
        say_all_columns(&e);
        say_table(&e);
        say_costliest(&e);
        propose(&e);
    }
    tern_probe_close(e.probe);
    tern_sample_free(&sample);
    free(e.quantisers);
    return status;
}
