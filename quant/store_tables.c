/* Stores the embedding tables of an integer model. */
#include "models/format.h"
#include "quant/store_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One embedding table being stored: int8 rows now, their multipliers when the unit common to all tables is known. */
struct table {
    int rows, width;
    enum tern_format format;
    int8_t *q;     /* int8 */
    uint8_t *line; /* codes, as in models/weights.h */
    double *scale;
    double wrong, all; /* squared error and squares so far */
};

/* k steps that a row of codes takes. */
static int row_steps(const struct table *t)
{
    return (t->width + TERN_LINE - 1) / TERN_LINE;
}

static struct table open_table(struct tern_store *s, const char *name, int rows, int width, enum tern_format format)
{
    struct table t = {.rows = rows, .width = width, .format = format};
    if (format == TERN_FORMAT_INT8) {
        const int64_t shape[2] = {tern_round_up(rows, 64), width};
        t.q = tern_store_add(s, name, ".q", TERN_I8, 2, shape);
    } else {
        const int64_t shape[3] = {1, tern_table_lines(tern_codebook(format), row_steps(&t), tern_round_up(rows, 64)),
                                  TERN_LINE};
        t.line = tern_store_add(s, name, ".code", TERN_U8, 3, shape);
        struct tern_linear_param *param = tern_store_add_vector(s, name, ".param", TERN_I32, TERN_PARAM32);
        if (param)
            param->format = (int32_t)format;
    }
    t.scale = malloc((size_t)rows * sizeof *t.scale);
    if (!s->status && !t.scale)
        s->status = tern_fail_nomem(s->err, name, (size_t)rows * sizeof *t.scale);
    return t;
}

/* Row w to codes, and to the values that they stand for. */
static double code_row(struct tern_store *s, struct table *t, int row, const float *w, int8_t *q)
{
    const int hidden = t->width, bits = tern_format_bits(t->format);
    const struct tern_row_place place = tern_row_place(tern_codebook(t->format), row_steps(t), row);
    uint8_t *line = t->line + place.line * TERN_LINE, *codes = (uint8_t *)q;
    const double scale = tern_quantize_row_codes(t->format, s->source->plain, w, hidden, codes);
    for (int j = 0; j < hidden; j++) {
        const int within = j % TERN_LINE;
        tern_code_put(line, bits, place.before + j / TERN_LINE, within / TERN_PANEL_K, within % TERN_PANEL_K, codes[j]);
        q[j] = tern_codebook(t->format)->value[codes[j]];
    }
    return scale;
}

/* w[hidden] is used up: it is divided by the columns' scales, where they have any. */
static void table_row(struct tern_store *s, struct table *t, int row, float *w)
{
    const int hidden = t->width;
    int8_t *q = t->q ? t->q + (ptrdiff_t)row * hidden : s->row_q;
    for (int j = 0; s->column && j < hidden; j++)
        w[j] /= s->column[j];
    t->scale[row] = t->q ? tern_quantize_row(q, w, hidden) : code_row(s, t, row, w, q);
    for (int j = 0; j < hidden; j++) {
        const double column = s->column ? s->column[j] : 1, exact = (double)w[j] * column,
                     difference = exact - q[j] * t->scale[row] * column;
        t->wrong += difference * difference;
        t->all += exact * exact;
    }
}

/* The scale of every column of the word table in s->matrix: the root of its rms, over the largest, times 32767. */
static void store_columns(struct tern_store *s, int hidden)
{
    const int vocab = s->config->vocab;
    double largest = 0;
    s->column = tern_store_add_vector(s, "embed.column", "", TERN_I16, hidden);
    if (s->status)
        return;
    if (s->source->columns) {
        memcpy(s->column, s->source->columns, (size_t)hidden * sizeof *s->column);
        return;
    }
    for (int pass = 0; pass < 2; pass++) {
        for (int j = 0; j < hidden; j++) {
            double sum2 = 0;
            for (int i = 0; i < vocab; i++)
                sum2 += (double)s->matrix[(ptrdiff_t)i * hidden + j] * (double)s->matrix[(ptrdiff_t)i * hidden + j];
            const double root = sqrt(sqrt(sum2));
            largest = fmax(largest, root);
            if (pass)
                s->column[j] = (int16_t)(largest > 0 ? fmax(1, rint(root / largest * 32767)) : 1);
        }
    }
}

/* Returns the table's largest scale. */
static double report_table(struct tern_store *s, const char *name, const struct table *t)
{
    char became[96];
    const double hidden = t->width;
    const double bits = t->q ? 8 : (double)tern_format_bits(t->format) * row_steps(t) * TERN_LINE / hidden;
    char how[48];
    snprintf(how, sizeof how, "%s", s->column ? "per row and column" : "per row");
    if (s->source->columns && t->format == s->source->embeddings && !strcmp(name, "embed.word")) {
        snprintf(how + strlen(how), sizeof how - strlen(how), ", kept as trained");
        if (!(t->wrong <= 0x1p-28 * t->all))
            tern_store_off_grid(s, TERN_PART_WORD, t->format);
    }
    if (t->format != s->source->embeddings)
        tern_store_say_instead(s, how, sizeof how, s->source->embeddings);
    snprintf(became, sizeof became, "%s [%d, %d] %s", tern_format_name(t->format), t->rows, t->width, how);
    tern_store_report(s, name, became, bits + 16 / hidden, t->all > 0 ? t->wrong / t->all : 0);
    double largest = 0;
    for (int i = 0; !s->status && i < t->rows; i++)
        largest = fmax(largest, t->scale[i]);
    return largest;
}

static void close_table(struct tern_store *s, const char *name, struct table *t, double unit)
{
    int16_t *mul = tern_store_add_vector(s, name, ".mul", TERN_I16, t->rows);
    for (int i = 0; mul && i < t->rows; i++)
        mul[i] = (int16_t)lrint(t->scale[i] / unit);
    free(t->scale);
}

/* Position and token type in one table, a row for each pair: a type's row is added to every token of a text, and its
   own rounding would shift them all alike (a fifth of the error of the shipped model's embeddings). */
static struct table store_positions(struct tern_store *s)
{
    const struct tern_config *c = s->config;
    const int hidden = tern_embedding_size(c), positions = c->no_positions ? 1 : c->max_positions,
              types = c->token_types ? c->token_types : 1;
    struct table t = open_table(s, "embed.position", types * positions, hidden, TERN_FORMAT_INT8);
    const float *type = s->matrix + (ptrdiff_t)positions * hidden;
    if (c->no_positions)
        memset(s->matrix, 0, (size_t)hidden * sizeof *s->matrix);
    else
        tern_store_read(s, TERN_PART_POSITION, 0, s->matrix, (size_t)positions * (size_t)hidden);
    if (c->token_types)
        tern_store_read(s, TERN_PART_TYPE, 0, s->matrix + (ptrdiff_t)positions * hidden,
                        (size_t)types * (size_t)hidden);
    for (int i = 0; !s->status && i < types * positions; i++) {
        const float *position = s->matrix + (ptrdiff_t)(i % positions) * hidden;
        for (int j = 0; j < hidden; j++)
            s->row[j] = position[j] + (c->token_types ? type[(ptrdiff_t)(i / positions) * hidden + j] : 0);
        table_row(s, &t, i, s->row);
    }
    tern_store_advance(s, (size_t)(positions + c->token_types) * (size_t)hidden);
    return t;
}

static struct table store_words(struct tern_store *s)
{
    const int hidden = tern_part_shape(s->config, &tern_parts[TERN_PART_WORD], -1).k, vocab = s->config->vocab;
    struct table t = open_table(s, "embed.word", vocab, hidden, s->source->embeddings);
    tern_store_read(s, TERN_PART_WORD, 0, s->matrix, (size_t)vocab * (size_t)hidden);
    store_columns(s, hidden);
    for (int i = 0; !s->status && i < vocab; i++)
        table_row(s, &t, i, s->matrix + (ptrdiff_t)i * hidden);
    tern_store_advance(s, (size_t)vocab * (size_t)hidden);
    return t;
}

void tern_store_static(struct tern_store *s)
{
    struct table word = store_words(s);
    const double largest = report_table(s, "embed.word", &word), unit = largest > 0 ? largest / 32767 : 0x1p-60;
    struct tern_static_param *param = tern_store_add_vector(s, "static", "", TERN_I32, TERN_PARAM32);
    if (param) {
        param->unit = tern_real_of(unit);
        param->bits = tern_static_bits(param->unit);
        if (param->bits < 0 || !tern_real_fits(param->unit))
            tern_store_refuse(s, TERN_PART_WORD, 0, "a row's scale is %g", largest);
    }
    close_table(s, "embed.word", &word, unit);
}

double tern_store_tables(struct tern_store *s)
{
    struct table word = store_words(s);
    double largest = report_table(s, "embed.word", &word);
    struct table position = store_positions(s);
    largest = fmax(largest, report_table(s, "embed.position", &position));
    double unit = largest > 0 ? largest / 32767 : 1; /* of a row's multiplier; the op shifts it by 8 */
    close_table(s, "embed.word", &word, unit);
    close_table(s, "embed.position", &position, unit);
    return unit;
}

/* What a step of distance costs each head, in octaves. */
static void store_slopes(struct tern_store *s, const char *name, int heads)
{
    struct tern_real *const slope = tern_store_add_vector(s, name, ".q", TERN_I32, 2 * heads);
    tern_store_read(s, TERN_PART_POSITION_TABLE, 0, s->matrix, (size_t)heads);
    for (int i = 0; i < heads && !s->status; i++) {
        slope[i] = tern_real_of((double)s->matrix[i] / log(2));
        if (!tern_slope_fits(slope[i]))
            tern_store_refuse(s, TERN_PART_POSITION_TABLE, 0, "a step of distance costs head %d %g", i,
                              (double)s->matrix[i]);
    }
}

double tern_store_tables_apart(struct tern_store *s)
{
    struct table word = store_words(s);
    double largest = report_table(s, "embed.word", &word);
    const double unit = largest > 0 ? largest / 32767 : 1;
    close_table(s, "embed.word", &word, unit);
    s->column = NULL;
    struct table position = store_positions(s);
    largest = report_table(s, "embed.position", &position);
    s->position_exp = largest > 0 ? (int)ceil(log2(largest / 32767)) : 0;
    close_table(s, "embed.position", &position, ldexp(1, s->position_exp));
    return unit;
}

/* Angles in Q14; rows of distances as they are; biases in octaves, with as many fraction bits as scores have, or fewer
 * where they are large. */
void tern_store_position_tables(struct tern_store *s)
{
    const struct tern_part *part = &tern_parts[TERN_PART_POSITION_TABLE];
    for (s->layer = 0; s->layer < s->config->n_tables && !s->status; s->layer++) {
        const struct tern_shape shape = tern_part_shape(s->config, part, s->layer);
        const int rotary = s->config->table[s->layer].kind == TERN_POSITION_ROTARY, count = shape.n * shape.k;
        const int bias = s->config->table[s->layer].kind == TERN_POSITION_BIAS;
        tern_part_prefix(s->prefix, part, s->layer);
        if (s->config->table[s->layer].kind == TERN_POSITION_ALIBI) {
            store_slopes(s, part->name, shape.n);
            continue;
        }
        int16_t *q = tern_store_add_vector(s, part->name, ".q", TERN_I16, count);
        struct tern_table_param *param = tern_store_add_vector(s, part->name, ".param", TERN_I32, TERN_PARAM32);
        tern_store_read(s, TERN_PART_POSITION_TABLE, 0, s->matrix, (size_t)count);
        if (s->status)
            break;
        double most = 0, unit = rotary ? 1.0 / 16384 : bias ? log(2) / (1 << TERN_BIASED_BITS) : 1;
        for (int i = 0; i < count; i++)
            most = fmax(most, fabs((double)s->matrix[i]));
        if (rotary) { /* numbers of a checkpoint's own may be above 1: the scores' unit makes up for it */
            s->turn[s->layer] = fmax(1, most);
            unit *= s->turn[s->layer];
        }
        while (bias && most / unit > 32767 && param->up < TERN_BIASED_BITS) {
            param->up++;
            unit *= 2;
        }
        if (most / unit > 32767.5)
            tern_store_refuse(s, TERN_PART_POSITION_TABLE, 0, "a bias of distances is %g", most);
        for (int i = 0; i < count; i++)
            q[i] = (int16_t)lrint(fmax(-32767, fmin(32767, (double)s->matrix[i] / unit)));
    }
    s->prefix[0] = 0;
    s->layer = -1;
}
