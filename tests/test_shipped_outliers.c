/* Real weights with outlier columns: the shipped model made float again, with constants in the biases before its norms,
   loses less than half as much in int8 where columns are repeated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "quant/builtin_texts.h"
#include "quant/convert.h"
#include "quant/outliers.h"
#include "tests/e2e.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Short texts alone, since floats take long under an emulator. */
enum { TEXTS = 24, LONGEST = 11, SEARCHED = 12, HIDDEN = 256 };

static tern_error err;
static tern_model *shipped;
static struct e2e_texts texts;

/* ---- The shipped model's tensors as floats: docs/format.md --------------------------------------------------------
 */

static double real(struct tern_real r)
{
    return ldexp(r.mul, -r.exp);
}

/* What values are in does not matter, as attn_out reads them: its weights are in the inverse. */
static const double value_unit = 1.0 / 1024;

/* Of the activations, from the polynomial's domain: it ends at 4. */
static double activation_unit(const struct tern_layer *layer)
{
    return 4.0 / layer->act.limit;
}

static const struct tern_norm *norm_before(int layer, enum tern_matrix matrix)
{
    const struct tern_int8_weights *w = &shipped->int8;
    if (matrix == TERN_FFN_UP || matrix == TERN_FFN_DOWN)
        return &w->layers[layer].norm[TERN_ATTN_NORM];
    return layer ? &w->layers[layer - 1].norm[TERN_FFN_NORM] : &w->embed_norm;
}

static double unit_of_inputs(const struct tern_layer *layer, enum tern_matrix matrix)
{
    if (matrix == TERN_ATTN_OUT)
        return value_unit;
    return matrix == TERN_FFN_DOWN ? activation_unit(layer) : sqrt(HIDDEN) / 32768;
}

/* A score tells the product of the units of queries and keys only, and only that matters. */
static double unit_of_outputs(int at, enum tern_matrix matrix)
{
    const struct tern_layer *layer = &shipped->int8.layers[at];
    if (matrix == TERN_QUERY || matrix == TERN_KEY)
        return sqrt(real(layer->score) * 127 * 127 * sqrt(shipped->config.layer[at].head_dim) * log(2) / 1024);
    if (matrix == TERN_VALUE)
        return value_unit;
    if (matrix == TERN_FFN_UP)
        return activation_unit(layer);
    return ldexp(real(norm_before(at, matrix)->unit), -layer->matrix[matrix].up);
}

static double gamma_of(const struct tern_norm *norm, int j)
{
    return norm->gamma[j] * real(norm->unit) / sqrt(HIDDEN);
}

/* Weights without the gamma of the norm before, or the bias without its beta. */
static void read_matrix(int at, enum tern_matrix matrix, int is_bias, float *out)
{
    const struct tern_linear *w = &shipped->int8.layers[at].matrix[matrix];
    const struct tern_norm *norm = tern_matrix_part(matrix)->ends == TERN_END_RESIDUAL ? NULL : norm_before(at, matrix);
    const double unit = unit_of_outputs(at, matrix),
                 largest = real(w->kappa) * 127 * unit / unit_of_inputs(&shipped->int8.layers[at], matrix);
    for (int o = 0; o < w->n; o++) {
        double bias = (w->bias16 ? w->bias16[o] : w->bias32[o]) * unit;
        for (int i = 0; i < w->k; i++) {
            const ptrdiff_t place = (ptrdiff_t)(o / 16 * tern_k4(w->k) + i / 4) * 64 + o % 16 * 4 + i % 4;
            const double gamma = norm ? gamma_of(norm, i) : 1, folded = w->weight[place] * largest * w->mul[o] / 32768,
                         weight = gamma == 0 ? 0 : folded / gamma;
            if (norm)
                bias -= weight * norm->beta[i] * real(norm->unit);
            if (!is_bias)
                out[(ptrdiff_t)o * w->k + i] = (float)weight;
        }
        if (is_bias)
            out[o] = (float)bias;
    }
}

static void read_norm(const struct tern_norm *norm, int is_bias, float *out)
{
    for (int j = 0; j < HIDDEN; j++)
        out[j] = (float)(is_bias ? norm->beta[j] * real(norm->unit) : gamma_of(norm, j));
}

/* The position table has token type 0 in it. */
static void read_table(const struct tern_embedding *table, float *out, size_t count)
{
    const struct tern_int8_weights *w = &shipped->int8;
    const double unit = sqrt(shipped->config.layer_norm_eps * HIDDEN / (double)w->embed_norm.eps);
    for (size_t i = 0; i < count; i++)
        out[i] = (float)(table->q[i] * unit / 256 * table->mul[i / HIDDEN] * w->column[i % HIDDEN]);
}

/* ---- Outliers -----------------------------------------------------------------------------------------------------
 */

enum { PLANTED = 3 };
static int planted_columns[PLANTED] = {5, 91, 200};

/* As in the checkpoints that people use: three columns of every norm's row stand out, and gains are small there. */
static void plant(const int *columns, const struct tern_part *part, int is_bias, float *out)
{
    for (int i = 0; i < PLANTED; i++)
        if (part->kind == TERN_KIND_NORM && !is_bias)
            out[columns[i]] *= 0.05f;
        else if (part->kind == TERN_KIND_MATRIX && part->ends == TERN_END_RESIDUAL && is_bias)
            out[columns[i]] += i % 2 ? -25.0f : 40.0f;
}

/* The columns to plant outliers in are the context; NULL: none. */
static tern_status read_tensor(void *planted, struct tern_key key, float *out, size_t count, tern_error *unused)
{
    const struct tern_part *part = &tern_parts[key.part];
    const struct tern_int8_weights *w = &shipped->int8;
    (void)unused;
    if (key.part == TERN_PART_TYPE)
        memset(out, 0, count * sizeof *out);
    else if (part->kind == TERN_KIND_TABLE)
        read_table(key.part == TERN_PART_WORD ? &w->word : &w->position, out, count);
    else if (part->kind == TERN_KIND_NORM)
        read_norm(key.layer < 0 ? &w->embed_norm : &w->layers[key.layer].norm[part->index], key.is_bias, out);
    else
        read_matrix(key.layer, (enum tern_matrix)part->index, key.is_bias, out);
    if (planted && key.layer >= 0)
        plant(planted, part, key.is_bias, out);
    return TERN_OK;
}

/* ---- The comparison -----------------------------------------------------------------------------------------------
 */

/* Without heads. */
static struct tern_config config_of(enum tern_weights weights)
{
    struct tern_config c = shipped->config;
    c.weights = weights;
    c.head = TERN_HEAD_NONE;
    c.pooler = TERN_POOLER_NONE;
    c.n_labels = 0;
    return c;
}

static void run(float *vectors, enum tern_weights weights, int planted, const struct tern_copies *copies)
{
    const struct e2e_run how = {NULL, 1, TEXTS, 0, E2E_EMBED};
    const struct tern_config config = config_of(weights);
    const struct tern_source source = {
        .config = &config, .copies = copies, .read = read_tensor, .context = planted ? planted_columns : NULL};
    tern_model *model;
    void *bytes;
    assert_ok(tern_build_model(&model, &bytes, &source, NULL, &err));
    e2e_run(model, &texts, &how, vectors, NULL);
    tern_model_close(model);
    free(bytes);
}

static double loss(const float *vectors, const float *exact)
{
    double sum = 0;
    for (int i = 0; i < TEXTS; i++)
        sum += 1 - e2e_cosine(vectors + (ptrdiff_t)i * HIDDEN, exact + (ptrdiff_t)i * HIDDEN, HIDDEN);
    return sum / TEXTS;
}

static float exact[TEXTS * HIDDEN], rounded[TEXTS * HIDDEN];

/* The floats stand for the integers that they were made of. */
static void test_floats(void **state)
{
    (void)state;
    const struct e2e_run how = {NULL, 1, TEXTS, 0, E2E_EMBED};
    run(exact, TERN_WEIGHTS_F32, 0, NULL);
    e2e_run(shipped, &texts, &how, rounded, NULL);
    if (!(loss(rounded, exact) < 1e-3))
        fail_msg("1 - cosine %g with the model that they were made of", loss(rounded, exact));
}

static void test_copies(void **state)
{
    (void)state;
    const struct tern_config config = config_of(TERN_WEIGHTS_INT8);
    const struct tern_source source = {.config = &config, .read = read_tensor, .context = planted_columns};
    struct tern_outlier_choice choice;
    char folder[256], file[300];
    test_temp_dir(folder, sizeof folder);
    snprintf(file, sizeof file, "%s/texts", folder);
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    for (int i = 0; i < SEARCHED; i++)
        fprintf(f, "%.60s\n", tern_builtin_texts[i]);
    fclose(f);
    assert_ok(tern_outliers_find(&choice, &source, shipped->tokenizer, file, 16, &err));
    test_remove_dir(folder);

    run(exact, TERN_WEIGHTS_F32, 1, NULL);
    run(rounded, TERN_WEIGHTS_INT8, 1, NULL);
    const double off = loss(rounded, exact);
    run(rounded, TERN_WEIGHTS_INT8, 1, choice.copies);
    const double with = loss(rounded, exact);
    tern_outliers_free(&choice);
    print_message("1 - cosine %.6f without copies, %.6f with 16\n", off, with);
    if (!(with < off / 2))
        fail_msg("copies leave %.6f of %.6f", with, off);
}

/* ---- The texts ----------------------------------------------------------------------------------------------------
 */

static void read_numbers(FILE *f, void *out, size_t size, size_t count)
{
    if (fread(out, size, count, f) != count)
        abort();
}

/* The first short ones whose token ids are in the golden file: tests/golden/make_reference.py. */
static int read_texts(void)
{
    FILE *f = fopen("tests/golden/sentiment_reference.bin", "rb");
    char magic[4];
    int32_t counts[4]; /* texts, labels, means, tokens */
    if (!f)
        return -1;
    read_numbers(f, magic, 1, 4);
    read_numbers(f, counts, 4, 4);
    const size_t n = (size_t)counts[0], tokens = (size_t)counts[3];
    uint16_t *lengths = malloc((n + tokens) * sizeof *lengths), *ids = lengths + n;
    texts.ids = calloc(TEXTS * LONGEST, sizeof *texts.ids);
    texts.types = calloc(TEXTS * LONGEST, sizeof *texts.types);
    texts.offsets = calloc(TEXTS + 1, sizeof *texts.offsets);
    if (!lengths || !texts.ids || !texts.types || !texts.offsets)
        abort();
    read_numbers(f, lengths, 2, n + tokens);
    fclose(f);
    for (size_t i = 0; i < n && texts.n < TEXTS; ids += lengths[i++]) {
        int32_t *const end = &texts.offsets[texts.n];
        if (lengths[i] > LONGEST)
            continue;
        for (int j = 0; j < lengths[i]; j++)
            texts.ids[*end + j] = ids[j];
        end[1] = *end + lengths[i];
        texts.n++;
    }
    free(lengths);
    return texts.n == TEXTS ? 0 : -1;
}

static int begin(void **state)
{
    (void)state;
    return read_texts() || tern_model_open(&shipped, "models/sentiment-mini.tern", &err);
}

static int end(void **state)
{
    (void)state;
    tern_model_close(shipped);
    e2e_free_texts(&texts);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_floats), cmocka_unit_test(test_copies)};
    return cmocka_run_group_tests(tests, begin, end);
}
