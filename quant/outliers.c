/* Chooses the columns that a model repeats: greedily, by how much they shorten the steps of the rows of sample texts.
   A row's step is its largest magnitude over 127, where a column that stands r times counts 1 / r of its own. */
#include "quant/outliers.h"

#include "quant/convert.h"
#include "runtime/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS = 8192,    /* that are kept of an input */
    FEW_TEXTS = 48, /* are looked at for a small model, whose conversion takes some hundredths of a second */
    LARGEST = 24,   /* magnitudes that are kept of a row; the others are as small as the last of these */
    MOST = 64,      /* copies of an input */
    QUAD = 4        /* copies are added by fours: the inputs of a step of a matrix */
};
/* What splitting a row's outliers costs, as the number of int8 products that take as long where products are fastest
   (AVX-512 VNNI, 340 a nanosecond): for the row, for each column, for each copy. */
enum { ROW_COST = 7000, COLUMN_COST = 1500, COPY_COST = 350 };
/* What all copies together may cost of the time of a pass, of which these products are about three fifths where they
   are fastest (MiniLM-L6 of 16 tokens on AVX-512 VNNI: tern bench --profile). */
static const double budget = 0.04, products_share = 0.6;
/* A pass of a model of fewer products than `small` takes below 2 us a token where they are fastest: BERT-tiny has more.
   It is given the budget of a model of `counts_as` products, 2 us a token, whatever share of its time that is: nobody
   waits for it, and narrow rows have the largest steps. */
static const double small = 3e5, counts_as = 1e7;
/* Copies are added while one per cent of cost takes this part of what is lost. */
static const double worth = 0.04;

/* The largest magnitudes of a row, falling. */
struct peaks {
    uint16_t magnitude[LARGEST], column[LARGEST];
};

/* One input of one layer. */
struct input {
    struct peaks *peaks; /* [ROWS] */
    int rows, k, n;      /* n: outputs of all matrices that read it */
    double weight;       /* what a squared step of this input costs the residual stream, over the stream's square */
    /* The best order of copies, and the sum of the rows' squared steps with the first i of them. */
    uint16_t column[MOST];
    double steps[MOST + 1];
    int columns[MOST + 1]; /* that the first i copies repeat */
    int copies;            /* how many are taken */
};

/* One matrix: sums of squares over all rows. */
struct output {
    double own, stream; /* of what it gives or adds; of the sum that it is added to, about its mean */
};

struct search {
    struct input *inputs;   /* [layers][TERN_N_INPUTS] */
    struct output *outputs; /* [layers][TERN_N_MATRICES] */
    const struct tern_config *config;
};

static int n_inputs(const struct search *s)
{
    return s->config->layers * TERN_N_INPUTS;
}

/* ---- What texts show --------------------------------------------------------------------------------------------- */

static void insert(struct peaks *p, uint16_t magnitude, int column)
{
    int at = LARGEST - 1;
    for (; at > 0 && p->magnitude[at - 1] < magnitude; at--) {
        p->magnitude[at] = p->magnitude[at - 1];
        p->column[at] = p->column[at - 1];
    }
    p->magnitude[at] = magnitude;
    p->column[at] = (uint16_t)column;
}

static void see_input(void *context, int layer, enum tern_layer_input which, const int16_t *x, int k)
{
    const struct search *s = context;
    struct input *in = &s->inputs[s->config->layer[layer].weights * TERN_N_INPUTS + (int)which];
    if (in->rows == ROWS || !in->peaks)
        return;
    struct peaks *p = &in->peaks[in->rows++];
    memset(p, 0, sizeof *p);
    for (int j = 0; j < k; j++) {
        const uint16_t magnitude = (uint16_t)(x[j] < 0 ? -x[j] : x[j]);
        if (magnitude > p->magnitude[LARGEST - 1])
            insert(p, magnitude, j);
    }
}

static struct output *output_of(const struct search *s, int layer, enum tern_matrix matrix)
{
    return &s->outputs[s->config->layer[layer].weights * TERN_N_MATRICES + (int)matrix];
}

static void see_output(void *context, int layer, enum tern_matrix matrix, const int16_t *out, int n)
{
    int64_t squares = 0;
    for (int j = 0; j < n; j++)
        squares += out[j] * out[j];
    output_of(context, layer, matrix)->own += (double)squares;
}

static void see_sum(void *context, int layer, enum tern_matrix matrix, const int32_t *sum, const int16_t *y, int up,
                    int n)
{
    struct output *o = output_of(context, layer, matrix);
    double mean = 0;
    for (int j = 0; j < n; j++)
        mean += (double)sum[j] / n;
    for (int j = 0; j < n; j++) {
        const double added = (double)sum[j] - (double)y[j] * (1 << up), distance = (double)sum[j] - mean;
        o->own += added * added;
        o->stream += distance * distance;
    }
}

static void see_added(void *context, int layer, enum tern_matrix matrix, const int32_t *added, const int32_t *stream,
                      int down, int n)
{
    struct output *o = output_of(context, layer, matrix);
    double mean = 0;
    for (int j = 0; j < n; j++)
        mean += (ldexp((double)stream[j], -down) + (double)added[j]) / n;
    for (int j = 0; j < n; j++) {
        const double distance = ldexp((double)stream[j], -down) + (double)added[j] - mean;
        o->own += (double)added[j] * (double)added[j];
        o->stream += distance * distance;
    }
}

static tern_status allocate(struct search *s, tern_error *err)
{
    const size_t inputs = (size_t)n_inputs(s);
    s->inputs = calloc(inputs, sizeof *s->inputs);
    s->outputs = calloc((size_t)s->config->layers * TERN_N_MATRICES, sizeof *s->outputs);
    int missing = !s->inputs || !s->outputs;
    for (size_t i = 0; s->inputs && i < inputs; i++) {
        const int layer = (int)i / TERN_N_INPUTS;
        struct input *in = &s->inputs[i];
        in->k = tern_input_width(s->config, layer, (enum tern_layer_input)(i % TERN_N_INPUTS));
        for (int m = 0; m < TERN_N_MATRICES; m++)
            if (tern_matrix_part((enum tern_matrix)m)->reads == i % TERN_N_INPUTS) {
                const int rank = tern_matrix_rank(s->config, (enum tern_matrix)m, layer);
                in->n += rank ? rank : tern_matrix_shape(s->config, layer * TERN_N_MATRICES + m).n;
            }
        if (s->config->layer[layer].weights != layer || !in->n)
            continue;
        in->peaks = malloc(ROWS * sizeof *in->peaks);
        missing |= !in->peaks;
    }
    return missing ? tern_fail_nomem(err, "the search for outliers", inputs * ROWS * sizeof(struct peaks)) : TERN_OK;
}

/* The squares of what a step of 1 / 127 of a row's unit in each of its elements makes of a matrix's outputs. */
static double gain_of(const struct tern_linear *w)
{
    const double kappa = ldexp((double)w->kappa.mul, -w->kappa.exp);
    const ptrdiff_t k4 = tern_k4(w->k);
    double sum = 0;
    for (int channel = 0; channel < w->n; channel++) {
        const int8_t *at = w->weight + (channel / TERN_PANEL * k4 * TERN_PANEL + channel % TERN_PANEL) * TERN_PANEL_K;
        int32_t norm2 = 0;
        for (int l = 0; l < w->k; l++)
            norm2 += at[l / TERN_PANEL_K * TERN_LINE + l % TERN_PANEL_K] *
                     at[l / TERN_PANEL_K * TERN_LINE + l % TERN_PANEL_K];
        const double scale = kappa * w->mul[channel] / 32767; /* over 2^left: see docs/decisions.md */
        sum += scale * scale * norm2;
    }
    return sum;
}

/* The share of a layer's added squares that noise in what a matrix gives becomes: what reads it, in the end, is added
   to the stream. */
static double reach(const struct search *s, int layer, enum tern_matrix matrix)
{
    const struct output *o = output_of(s, layer, matrix);
    const int feeds = tern_matrix_part(matrix)->reads == TERN_INPUT_FFN_UP;
    const struct output *last = output_of(s, layer, feeds ? TERN_FFN_DOWN : TERN_ATTN_OUT);
    if (tern_matrix_part(matrix)->ends == TERN_END_RESIDUAL)
        return o->stream > 0 ? 1 / o->stream : 0;
    return o->own > 0 && last->stream > 0 ? last->own / last->stream / o->own : 0;
}

static void weigh(struct search *s, const tern_model *model)
{
    for (int i = 0; i < s->config->layers * TERN_N_MATRICES; i++) {
        const int layer = i / TERN_N_MATRICES;
        const enum tern_matrix matrix = (enum tern_matrix)(i % TERN_N_MATRICES);
        struct input *in = &s->inputs[layer * TERN_N_INPUTS + (int)tern_matrix_part(matrix)->reads];
        const struct tern_linear *const w = &model->int8.layers[layer].matrix[matrix];
        /* Where rows have exponents, no stream is there to compare with, and a row's steps are parts of its own. */
        if (tern_config_is_scaled(s->config)) {
            in->weight += tern_matrix_shape(s->config, i).n;
            continue;
        }
        /* Noise of the middle's unit is 127 of its rows' steps, and spread over its columns. */
        const double gain = w->inner ? gain_of(w->inner) * gain_of(w) * 127 * 127 / w->k : gain_of(w);
        in->weight += gain * reach(s, layer, matrix);
    }
}

/* Runs the source with int8 matrices over the texts. */
static tern_status observe_texts(struct search *s, const struct tern_source *source, const tern_tokenizer *tokenizer,
                                 const struct tern_sample *sample, tern_error *err)
{
    struct tern_config *const config = malloc(sizeof *config); /* too large for small stacks */
    if (!config)
        return tern_fail_nomem(err, "a configuration", sizeof *config);
    *config = *source->config;
    config->weights = TERN_WEIGHTS_INT8;
    const struct tern_source int8 = {
        .config = config, .trained = source->trained, .read = source->read, .context = source->context};
    const tern_session_options options = {
        .struct_bytes = sizeof options, .threads = 1, .max_tokens = TERN_OUTLIER_TOKENS, .max_texts = 1};
    const struct tern_row_observer observer = {see_input, see_output, see_sum, see_added, s};
    tern_model *model = NULL;
    tern_session *session = NULL;
    void *bytes = NULL;
    const size_t vector_bytes = (size_t)tern_vector_width(config) * sizeof(float);
    float *vector = malloc(vector_bytes);
    tern_status status = vector ? TERN_OK : tern_fail_nomem(err, "a vector", vector_bytes);
    if (!status)
        status = tern_build_model(&model, &bytes, &int8, tokenizer, err);
    if (!status)
        status = tern_session_open(&session, model, &options, err);
    if (!status)
        tern_session_observe_rows(session, &observer);
    for (int i = 0; i < sample->n && !status; i++) {
        int32_t offset[2];
        const tern_batch batch = tern_sample_text(sample, i, offset);
        status = tern_session_embed(session, &batch, 0, vector, err);
    }
    if (!status)
        weigh(s, model);
    tern_session_close(session);
    tern_model_close(model);
    free(bytes);
    free(vector);
    free(config);
    return status;
}

/* ---- The best copies of one input -------------------------------------------------------------------------------- */

static uint32_t share(uint32_t magnitude, int times)
{
    return (magnitude + (uint32_t)times - 1) / (uint32_t)times;
}

/* The two largest values of a row and where they stand, and how much its squared step falls with one more copy of the
 * first. */
struct top {
    uint32_t first, second;
    int column, next; /* -1: the value is 0 */
    int64_t gain;
};

static struct top top_of(const struct peaks *p, const uint8_t *times)
{
    struct top t = {0, 0, -1, -1, 0};
    uint32_t magnitude = 0; /* of the first */
    for (int i = 0; i < LARGEST && p->magnitude[i] > t.second; i++) {
        const uint32_t value = share(p->magnitude[i], times[p->column[i]]);
        if (value > t.first) {
            t.second = t.first;
            t.next = t.column;
            t.first = value;
            t.column = p->column[i];
            magnitude = p->magnitude[i];
        } else if (value > t.second) {
            t.second = value;
            t.next = p->column[i];
        }
    }
    if (t.column >= 0 && times[t.column] < TERN_MAX_TIMES) {
        const uint32_t value = share(magnitude, times[t.column] + 1);
        const int64_t after = value > t.second ? value : t.second;
        t.gain = (int64_t)t.first * t.first - after * after;
    }
    return t;
}

/* What order_copies() keeps between two copies. */
struct scratch {
    struct top *tops; /* [ROWS] */
    int64_t *gain;    /* [k]: of one more copy of each column, over all rows */
    uint8_t *times;   /* [k] */
};

/* Adds copies one by one, each of the column that lowers the sum of squared steps most. Only rows in which that column
 * had one of the two largest values change. */
static void order_copies(struct input *in, const struct scratch *s)
{
    int64_t steps = 0;
    memset(s->times, 1, (size_t)in->k);
    memset(s->gain, 0, (size_t)in->k * sizeof *s->gain);
    for (int i = 0; i < in->rows; i++) {
        const struct top t = s->tops[i] = top_of(&in->peaks[i], s->times);
        steps += (int64_t)t.first * t.first;
        if (t.column >= 0)
            s->gain[t.column] += t.gain;
    }
    in->steps[0] = (double)steps;
    for (int step = 0; step < MOST; step++) {
        int best = 0;
        /* Where none gains anything, the first that may stand once more. */
        while (best + 1 < in->k && s->times[best] == TERN_MAX_TIMES)
            best++;
        for (int j = best + 1; j < in->k; j++)
            best = s->gain[j] > s->gain[best] ? j : best;
        in->column[step] = (uint16_t)best;
        in->columns[step + 1] = in->columns[step] + (s->times[best] == 1);
        s->times[best]++;
        for (int i = 0; i < in->rows; i++) {
            struct top *const t = &s->tops[i];
            if (t->column != best && t->next != best)
                continue;
            steps -= (int64_t)t->first * t->first;
            s->gain[t->column] -= t->gain;
            *t = top_of(&in->peaks[i], s->times);
            steps += (int64_t)t->first * t->first;
            s->gain[t->column] += t->gain;
        }
        in->steps[step + 1] = (double)steps;
    }
}

static tern_status order_all(struct search *s, tern_error *err)
{
    const size_t k = (size_t)tern_widest_input(s->config);
    const struct scratch scratch = {malloc(ROWS * sizeof *scratch.tops), malloc(k * sizeof *scratch.gain), malloc(k)};
    const int missing = !scratch.tops || !scratch.gain || !scratch.times;
    for (int i = 0; i < n_inputs(s) && !missing; i++)
        if (s->inputs[i].peaks)
            order_copies(&s->inputs[i], &scratch);
    free(scratch.tops);
    free(scratch.gain);
    free(scratch.times);
    return missing ? tern_fail_nomem(err, "the search for outliers",
                                     ROWS * sizeof *scratch.tops + k * (sizeof *scratch.gain + 1))
                   : TERN_OK;
}

/* ---- How many copies each input gets ----------------------------------------------------------------------------- */

/* What the steps of an input's rows cost, but for a factor that all inputs have. */
static double loss(const struct input *in, int copies)
{
    return in->steps[copies] * in->weight;
}

static double loss_of_all(const struct search *s)
{
    double sum = 0;
    for (int i = 0; i < n_inputs(s); i++)
        sum += loss(&s->inputs[i], s->inputs[i].copies);
    return sum;
}

static double products(const struct search *s)
{
    double sum = 0;
    for (int i = 0; i < n_inputs(s); i++)
        sum += s->inputs[i].peaks ? (double)s->inputs[i].n * s->inputs[i].k : 0;
    return sum;
}

static int is_small(const struct search *s)
{
    return products(s) < small;
}

static double cost(const struct input *in, int copies)
{
    return copies ? ROW_COST + (double)COLUMN_COST * in->columns[copies] + ((double)COPY_COST + in->n) * copies : 0;
}

static double cost_of_all(const struct search *s)
{
    double sum = 0;
    for (int i = 0; i < n_inputs(s); i++)
        sum += cost(&s->inputs[i], s->inputs[i].copies);
    return sum;
}

/* Four more copies at a time for the input where they gain most for what they cost. */
static void share_out(struct search *s)
{
    const double all = is_small(s) ? counts_as : products(s);
    for (;;) {
        struct input *best = NULL;
        double most = 0;
        const double left = budget / products_share * all - cost_of_all(s);
        for (int i = 0; i < n_inputs(s); i++) {
            struct input *in = &s->inputs[i];
            const int more = in->copies + QUAD;
            if (more > MOST)
                continue;
            const double gain = loss(in, in->copies) - loss(in, more), price = cost(in, more) - cost(in, in->copies);
            if (price <= left && gain / price > most) {
                most = gain / price;
                best = in;
            }
        }
        if (!best || most * all / 100 < worth * loss_of_all(s))
            return;
        best->copies += QUAD;
    }
}

static int rising(const void *a, const void *b)
{
    uint16_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

static tern_status take(struct tern_outlier_choice *out, const struct search *s, tern_error *err)
{
    size_t all = 0;
    for (int i = 0; i < n_inputs(s); i++)
        all += (size_t)s->inputs[i].copies;
    out->copies = calloc((size_t)n_inputs(s), sizeof *out->copies);
    out->columns = malloc((all + 1) * sizeof *out->columns);
    if (!out->copies || !out->columns)
        return tern_fail_nomem(err, "the copies", all * sizeof *out->columns);
    uint16_t *at = out->columns;
    for (int i = 0; i < n_inputs(s); i++) {
        const struct input *in = &s->inputs[i];
        memcpy(at, in->column, (size_t)in->copies * sizeof *at);
        qsort(at, (size_t)in->copies, sizeof *at, rising);
        out->copies[i] = (struct tern_copies){at, in->copies};
        at += in->copies;
    }
    return TERN_OK;
}

tern_status tern_outliers_find(struct tern_outlier_choice *out, const struct tern_source *source,
                               const tern_tokenizer *tokenizer, const char *texts, int copies, tern_error *err)
{
    const int longest = source->config->max_tokens;
    struct search s = {.config = source->config};
    struct tern_sample sample = {0};
    *out = (struct tern_outlier_choice){0};
    tern_status status = allocate(&s, err);
    const int few = !copies && is_small(&s);
    if (!status)
        status = tern_sample_read(&sample, texts && strcmp(texts, "builtin") ? texts : NULL, tokenizer,
                                  few ? FEW_TEXTS : TERN_OUTLIER_TEXTS,
                                  longest < TERN_OUTLIER_TOKENS ? longest : TERN_OUTLIER_TOKENS, err);
    if (!status)
        status = observe_texts(&s, source, tokenizer, &sample, err);
    tern_sample_free(&sample);
    if (!status)
        status = order_all(&s, err);
    if (!status) {
        out->before = loss_of_all(&s);
        for (int i = 0; copies && i < n_inputs(&s); i++)
            s.inputs[i].copies = s.inputs[i].peaks ? copies : 0;
        if (!copies)
            share_out(&s);
        out->after = loss_of_all(&s);
        out->cost = cost_of_all(&s) / products(&s) * products_share;
        status = take(out, &s, err);
    }
    for (int i = 0; s.inputs && i < n_inputs(&s); i++)
        free(s.inputs[i].peaks);
    free(s.inputs);
    free(s.outputs);
    if (status)
        tern_outliers_free(out);
    return status;
}

void tern_outliers_free(struct tern_outlier_choice *o)
{
    free(o->copies);
    free(o->columns);
    *o = (struct tern_outlier_choice){0};
}
