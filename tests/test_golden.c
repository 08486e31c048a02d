/* The shipped model's answers: the stored digests on every ISA row of this CPU, for any threads, grouping and order;
   and how far they are from PyTorch's and from the f32 path's. `--digests` prints tests/golden/digests.h anew.
   What needs the training data or checkpoints looks for them in $TERN_SHARED, else ../shared, and skips when they are
   not there. A slow row and an emulator run the first texts only, and say so; TERN_TEST_HEAVY=1 runs everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "quant/tern_convert.h"
#include "tests/e2e.h"
#include "tests/emulated.h"
#include "tests/golden/digests.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 64, FEW = 16, MEANS = 8, LABELS = 2 };

static tern_error err;
static char scratch[256]; /* for what is converted here */

/* What PyTorch said: see tests/golden/make_reference.py. */
struct reference {
    struct e2e_texts texts;
    float *logits; /* [n][LABELS] */
    float *means;  /* [n][MEANS]; NULL for odd-distil */
};
static struct reference sentiment, odd;
static tern_model *shipped, *exact, *odd_int8, *odd_exact; /* NULL: not there */

static void *need(void *block)
{
    if (!block)
        abort();
    return block;
}

static const char *shared(const char *name)
{
    static char path[4][1024];
    static int turn;
    const char *base = getenv("TERN_SHARED");
    char *out = path[turn++ & 3];
    snprintf(out, sizeof path[0], "%s/%s", base ? base : "../shared", name);
    return out;
}

static int heavy(void)
{
    const char *value = getenv("TERN_TEST_HEAVY");
    return value && *value && *value != '0';
}

/* ---- What the tests stand on ------------------------------------------------------------------------------------- */

static void read_all(FILE *f, void *out, size_t size)
{
    if (fread(out, 1, size, f) != size)
        abort();
}

static int read_sentiment(void)
{
    FILE *f = fopen("tests/golden/sentiment_reference.bin", "rb");
    char magic[4];
    int32_t counts[4];
    if (!f) {
        fprintf(stderr, "tests/golden/sentiment_reference.bin: run from the top of the tree\n");
        return -1;
    }
    read_all(f, magic, 4);
    read_all(f, counts, sizeof counts);
    if (memcmp(magic, "TRF1", 4) || counts[1] != LABELS || counts[2] != MEANS)
        abort();
    struct reference *r = &sentiment;
    const size_t n = (size_t)counts[0], tokens = (size_t)counts[3];
    uint16_t *small = need(malloc((n + tokens) * sizeof *small));
    r->texts.n = counts[0];
    r->texts.offsets = need(malloc((n + 1) * sizeof(int32_t)));
    r->texts.ids = need(malloc(tokens * sizeof(int32_t)));
    r->logits = need(malloc(n * LABELS * sizeof(float)));
    r->means = need(malloc(n * MEANS * sizeof(float)));
    read_all(f, small, (n + tokens) * sizeof *small);
    r->texts.offsets[0] = 0;
    for (size_t i = 0; i < n; i++)
        r->texts.offsets[i + 1] = r->texts.offsets[i] + small[i];
    for (size_t i = 0; i < tokens; i++)
        r->texts.ids[i] = small[n + i];
    read_all(f, r->logits, n * LABELS * sizeof(float));
    read_all(f, r->means, n * MEANS * sizeof(float));
    fclose(f);
    free(small);
    return 0;
}

/* odd-distil's reference.jsonl, which lies beside its checkpoint. */
static void read_odd(void)
{
    enum { MOST = 1000, TOKENS = 100000 };
    FILE *f = fopen(shared("models/odd-distil/reference.jsonl"), "r");
    char *line = NULL;
    size_t room = 0;
    if (!f)
        return;
    struct reference *r = &odd;
    r->texts.offsets = need(calloc(MOST + 1, sizeof(int32_t)));
    r->texts.ids = need(malloc(TOKENS * sizeof(int32_t)));
    r->logits = need(malloc(MOST * LABELS * sizeof(float)));
    while (r->texts.n < MOST && getline(&line, &room, f) > 0) {
        json_t *root = json_loads(line, 0, NULL), *ids = json_object_get(root, "ids"), *value;
        int32_t at = r->texts.offsets[r->texts.n];
        size_t i;
        json_array_foreach(ids, i, value) r->texts.ids[at++] = (int32_t)json_integer_value(value);
        json_array_foreach(json_object_get(root, "logits"), i, value) r->logits[(size_t)r->texts.n * LABELS + i] =
            (float)json_real_value(value);
        r->texts.offsets[++r->texts.n] = at;
        json_decref(root);
    }
    free(line);
    fclose(f);
}

static tern_model *converted(const char *checkpoint, const char *weights, const char *name)
{
    /* None of these has outlier columns, which takes an emulator minutes to find out. */
    const tern_convert_options options = {
        .struct_bytes = sizeof options, .weights = weights, .outliers = emulated() ? "off" : NULL};
    char path[300];
    tern_model *model = NULL;
    FILE *f = fopen(shared(checkpoint), "rb");
    if (!f)
        return NULL;
    fclose(f);
    snprintf(path, sizeof path, "%s/%s", scratch, name);
    char directory[1024];
    snprintf(directory, sizeof directory, "%s", shared(checkpoint));
    *strrchr(directory, '/') = 0;
    if (tern_convert(directory, path, &options, &err) || tern_model_open(&model, path, &err)) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    return model;
}

static void open_models(void)
{
    test_temp_dir(scratch, sizeof scratch);
    if (tern_model_open(&shipped, "models/sentiment-mini.tern", &err)) {
        fprintf(stderr, "%s\n", err.message);
        shipped = converted("models/sentiment-mini/model.safetensors", "int8", "sentiment.tern");
        fprintf(stderr, "%s\n", shipped ? "using one converted now" : "no checkpoint to convert either");
    }
    if (!emulated() || heavy()) /* floats are compared with odd-distil's there */
        exact = converted("models/sentiment-mini/model.safetensors", "f32", "sentiment-f32.tern");
    odd_int8 = converted("models/odd-distil/model.safetensors", "int8", "odd.tern");
    odd_exact = converted("models/odd-distil/model.safetensors", "f32", "odd-f32.tern");
    read_odd();
    test_remove_dir(scratch);
}

static void need_model(const tern_model *model, const char *what)
{
    if (!model) {
        printf("skipped: %s is not there, or would take an emulator too long\n", what);
        skip();
    }
}

/* ---- Digests ---------------------------------------------------------------------------------------------------- */

static struct e2e_texts first_texts(const struct e2e_texts *all, int32_t n)
{
    struct e2e_texts t = *all;
    t.n = n < all->n ? n : all->n;
    return t;
}

static void check_digest(uint64_t got, uint64_t expected, const char *what, const struct e2e_run *how)
{
    if (got != expected)
        fail_msg("%s, isa %s, %d threads, groups of %d, %s order: expected %016" PRIx64 " got %016" PRIx64, what,
                 how->isa ? how->isa : "best", how->threads, how->group, how->shuffle ? "shuffled" : "plain", expected,
                 got);
}

static const struct e2e_run ways[] = {
    {NULL, 2, 32, 11, E2E_CLASSIFY},
    {NULL, 1, 7, 0, E2E_CLASSIFY},
    {NULL, 2, 1, 0, E2E_CLASSIFY},
    {NULL, 1, 32, 0, E2E_CLASSIFY},
};

/* The rows to try: those of this CPU, or the one that TERN_ISA asks for. Under an emulator without plain C, the first
   of several: it is the same code as natively, and takes longest. */
static int rows(const char **names)
{
    names[0] = getenv("TERN_ISA");
    if (names[0] && *names[0])
        return 1;
    int n = e2e_isas(names);
    if (emulated() && !heavy() && n > 1)
        memmove(names, names + 1, (size_t)--n * sizeof *names);
    return n;
}

/* Whether a row gets only the first texts: plain C takes twenty times as long as the others, an emulator longer. */
static int is_slow(const char *isa)
{
    return !heavy() && (emulated() || !strcmp(isa, "scalar"));
}

/* The first texts in all ways, then all texts in one way, on the best row in all; a slow row does the first texts in
   one way. */
static void check_row(const char *isa, int is_best)
{
    const struct e2e_texts few = first_texts(&sentiment.texts, FIRST);
    int tried = 0, whole = 0;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct e2e_run how = ways[i];
        how.isa = isa;
        if (tried && is_slow(isa))
            break;
        check_digest(e2e_digest(shipped, &few, &how), DIGEST_SENTIMENT_64, "first 64 texts", &how);
        tried++;
        if (is_slow(isa) || (whole && !is_best && !heavy()))
            continue;
        check_digest(e2e_digest(shipped, &sentiment.texts, &how), DIGEST_SENTIMENT_872, "all texts", &how);
        whole++;
    }
    printf("isa %-12s %d of %zu ways, %d of them on all texts\n", isa, tried, sizeof ways / sizeof *ways, whole);
}

static void test_digest_of_logits(void **state)
{
    (void)state;
    need_model(shipped, "models/sentiment-mini.tern");
    const char *names[16];
    const int n = rows(names);
    for (int i = 0; i < n; i++)
        check_row(names[i], i == n - 1);
}

static void test_digest_of_embeddings(void **state)
{
    (void)state;
    need_model(shipped, "models/sentiment-mini.tern");
    const struct e2e_texts few = first_texts(&sentiment.texts, FEW);
    const char *names[16];
    const int n = rows(names);
    for (int i = 0; i < n; i++) {
        const struct e2e_run how = {names[i], 2, 5, 3, E2E_EMBED};
        check_digest(e2e_digest(shipped, &few, &how), DIGEST_SENTIMENT_EMBED, "embeddings", &how);
    }
}

static void test_digest_of_odd_sizes(void **state)
{
    (void)state;
    need_model(odd_int8, "models/odd-distil");
    const struct e2e_texts few = first_texts(&odd.texts, FEW);
    const char *names[16];
    const int n = rows(names);
    for (int i = 0; i < n; i++) {
        const struct e2e_run how = {names[i], 2, 5, 3, E2E_CLASSIFY};
        check_digest(e2e_digest(odd_int8, &few, &how), DIGEST_ODD_16, "odd-distil's first 16 texts", &how);
        if (!is_slow(names[i]))
            check_digest(e2e_digest(odd_int8, &odd.texts, &how), DIGEST_ODD_200, "odd-distil", &how);
    }
}

/* ---- Accuracy --------------------------------------------------------------------------------------------------- */

static int label_of(const float *logits)
{
    return logits[1] > logits[0];
}

/* Runs all texts, under an emulator the first few; returns how many. */
static int32_t run_most(const tern_model *model, const struct e2e_texts *texts, enum e2e_task task, float *out)
{
    const struct e2e_run how = {NULL, 2, 32, 0, task};
    const struct e2e_texts most = first_texts(texts, emulated() && !heavy() ? FEW : texts->n);
    e2e_run(model, &most, &how, out, NULL);
    if (most.n < texts->n)
        printf("only %d of %d texts; TERN_TEST_HEAVY=1 for all\n", most.n, texts->n);
    return most.n;
}

/* SST-2's own labels into labels[n]; 0 when they are not there. */
static int read_sst2(int *labels, int32_t n)
{
    FILE *f = fopen(shared("data/sst2/dev.tsv"), "r");
    char line[4096];
    int32_t i = 0;
    if (!f || !fgets(line, sizeof line, f))
        return 0;
    while (i < n && fgets(line, sizeof line, f))
        labels[i++] = atoi(strrchr(line, '\t') + 1);
    fclose(f);
    return i == n;
}

static double accuracy(const float *logits, const int *labels, int32_t n)
{
    int right = 0;
    for (int32_t i = 0; i < n; i++)
        right += label_of(logits + i * LABELS) == labels[i];
    return 100.0 * right / n;
}

static void test_int8_labels(void **state)
{
    (void)state;
    need_model(shipped, "models/sentiment-mini.tern");
    const int32_t n = sentiment.texts.n;
    float *logits = need(malloc((size_t)n * LABELS * sizeof *logits));
    int *labels = need(malloc((size_t)n * sizeof *labels)), same = 0;
    const int32_t done = run_most(shipped, &sentiment.texts, E2E_CLASSIFY, logits);
    for (int32_t i = 0; i < done; i++)
        same += label_of(logits + i * LABELS) == label_of(sentiment.logits + i * LABELS);
    printf("int8: %d of %d labels as PyTorch\n", same, done);
    assert_true(1000 * same >= 995 * done);
    if (done == n && read_sst2(labels, n)) {
        const double ours = accuracy(logits, labels, n), theirs = accuracy(sentiment.logits, labels, n);
        printf("int8: accuracy %.2f %%, PyTorch %.2f %%\n", ours, theirs);
        assert_true(fabs(ours - theirs) <= 0.2);
    } else {
        printf("accuracy not compared: no data/sst2, or not all texts were run\n");
    }
    free(labels);
    free(logits);
}

static double largest_difference(const float *a, const float *b, size_t count)
{
    double worst = 0;
    for (size_t i = 0; i < count; i++) {
        const double difference = fabs((double)a[i] - (double)b[i]);
        if (!(difference <= worst)) /* not fmax(): gcc 12 for aarch64 fails to compile it here; and NaN shows */
            worst = difference;
    }
    return worst;
}

static void test_f32_against_pytorch(void **state)
{
    (void)state;
    need_model(exact, "models/sentiment-mini");
    const int32_t n = sentiment.texts.n, h = e2e_width(exact, E2E_EMBED);
    float *logits = need(malloc((size_t)n * LABELS * sizeof *logits));
    float *vectors = need(malloc((size_t)FIRST * (size_t)h * sizeof *vectors));
    const int32_t done = run_most(exact, &sentiment.texts, E2E_CLASSIFY, logits);
    const double worst = largest_difference(logits, sentiment.logits, (size_t)done * LABELS);
    printf("f32: logits within %.1e of PyTorch's on %d texts\n", worst, done);
    assert_true(worst <= 1e-3);
    for (int32_t i = 0; i < done; i++)
        assert_int_equal(label_of(logits + i * LABELS), label_of(sentiment.logits + i * LABELS));

    const struct e2e_texts few = first_texts(&sentiment.texts, FIRST);
    const int32_t means = run_most(exact, &few, E2E_EMBED, vectors);
    for (int32_t i = 0; i < means; i++)
        assert_true(largest_difference(vectors + (ptrdiff_t)i * h, sentiment.means + i * MEANS, MEANS) <= 1e-3);
    free(vectors);
    free(logits);
}

static void test_f32_of_odd_sizes(void **state)
{
    (void)state;
    need_model(odd_exact, "models/odd-distil");
    float *logits = need(malloc((size_t)odd.texts.n * LABELS * sizeof *logits));
    const int32_t done = run_most(odd_exact, &odd.texts, E2E_CLASSIFY, logits);
    const double worst = largest_difference(logits, odd.logits, (size_t)done * LABELS);
    printf("f32: odd-distil's logits within %.1e of PyTorch's on %d texts\n", worst, done);
    assert_true(worst <= 1e-3);
    free(logits);
}

/* Sentences 1 and 2 of STS-B's development set, tokenized; n is 0 when they are not there. */
static struct e2e_texts read_stsb(const tern_model *model)
{
    enum { MOST = 4000, ROOM = 128 };
    struct e2e_texts t = {0};
    FILE *f = fopen(shared("data/stsb/sts-dev.csv"), "r");
    char line[8192];
    if (!f)
        return t;
    t.offsets = need(calloc(MOST + 1, sizeof(int32_t)));
    t.ids = need(malloc((size_t)MOST * ROOM * sizeof(int32_t)));
    while (fgets(line, sizeof line, f) && t.n + 2 <= MOST) {
        char *field[8] = {line};
        line[strcspn(line, "\r\n")] = 0;
        for (int i = 1; i < 7 && field[i - 1]; i++)
            if ((field[i] = strchr(field[i - 1], '\t')))
                *field[i]++ = 0;
        for (int i = 5; i < 7 && field[5] && field[6]; i++) {
            if (i == 6)
                field[6][strcspn(field[6], "\t")] = 0;
            const tern_text text = {.text = field[i], .text_bytes = strlen(field[i])};
            tern_tokens out = {.struct_bytes = sizeof out, .capacity = ROOM, .ids = t.ids + t.offsets[t.n]};
            assert_ok(tern_tokenize(tern_model_tokenizer(model), &text, TERN_TRUNCATE_HEAD, &out, &err));
            t.offsets[t.n + 1] = t.offsets[t.n] + (int32_t)out.count;
            t.n++;
        }
    }
    fclose(f);
    return t;
}

static void test_embeddings_against_f32(void **state)
{
    (void)state;
    need_model(shipped, "models/sentiment-mini.tern");
    need_model(exact, "models/sentiment-mini");
    struct e2e_texts t = read_stsb(shipped);
    if (!t.n) {
        printf("skipped: data/stsb is not there\n");
        skip();
    }
    const int32_t h = e2e_width(shipped, E2E_EMBED);
    const size_t count = (size_t)t.n * (size_t)h;
    float *a = need(malloc(count * sizeof *a)), *b = need(malloc(count * sizeof *b));
    const int32_t done = run_most(exact, &t, E2E_EMBED, b);
    t.n = done;
    assert_int_equal(run_most(shipped, &t, E2E_EMBED, a), done);
    double sum = 0, least = 1;
    for (int32_t i = 0; i < done; i++) {
        const double cosine = e2e_cosine(a + (ptrdiff_t)i * h, b + (ptrdiff_t)i * h, h);
        sum += cosine;
        least = fmin(least, cosine);
    }
    printf("int8 against f32: cosine %.6f on average, %.6f at least, on %d sentences\n", sum / done, least, done);
    assert_true(sum / done >= 0.9995);
    free(b);
    free(a);
    e2e_free_texts(&t);
}

/* ---- tests/golden/digests.h ------------------------------------------------------------------------------------- */

/* The file with new numbers; the best row of this CPU computes them, the tests hold the others against them. */
static int print_digests(void)
{
    if (!shipped || !odd_int8) {
        fprintf(stderr, "needs models/sentiment-mini.tern and ../shared/models/odd-distil\n");
        return 1;
    }
    const struct e2e_texts few = first_texts(&sentiment.texts, FIRST);
    const struct e2e_texts fewer = first_texts(&sentiment.texts, FEW), odd_few = first_texts(&odd.texts, FEW);
    struct e2e_run how = {NULL, 2, 32, 0, E2E_CLASSIFY};
    const struct {
        const char *name, *what;
        uint64_t value;
    } digests[] = {
        {"DIGEST_SENTIMENT_64", "logits of the first 64 texts of sentiment_reference.bin",
         e2e_digest(shipped, &few, &how)},
        {"DIGEST_SENTIMENT_872", "of all of them", e2e_digest(shipped, &sentiment.texts, &how)},
        {"DIGEST_ODD_16", "odd-distil: logits of the first 16 texts beside its checkpoint",
         e2e_digest(odd_int8, &odd_few, &how)},
        {"DIGEST_ODD_200", "of all of them", e2e_digest(odd_int8, &odd.texts, &how)},
        {"DIGEST_SENTIMENT_EMBED", "embeddings of the first 16 texts of sentiment_reference.bin",
         (how.task = E2E_EMBED, e2e_digest(shipped, &fewer, &how))},
    };
    static const char head[] =
        "/* Digests (XXH3-64 over int32, little-endian, text after text) of the integers behind the answers: the bits\n"
        "   that every CPU must give. Printed by `build/<triple>/tests/test_golden --digests`; a change here is a\n"
        "   change of the numbers and needs its reason in the commit. */\n"
        "#ifndef TESTS_GOLDEN_DIGESTS_H\n#define TESTS_GOLDEN_DIGESTS_H\n\n";
    printf("%s", head);
    for (size_t i = 0; i < sizeof digests / sizeof *digests; i++)
        printf("/* %s */\n#define %s 0x%016" PRIx64 "u\n", digests[i].what, digests[i].name, digests[i].value);
    printf("\n#endif\n");
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest_of_logits),       cmocka_unit_test(test_digest_of_embeddings),
        cmocka_unit_test(test_digest_of_odd_sizes),    cmocka_unit_test(test_int8_labels),
        cmocka_unit_test(test_f32_against_pytorch),    cmocka_unit_test(test_f32_of_odd_sizes),
        cmocka_unit_test(test_embeddings_against_f32),
    };
    if (read_sentiment())
        return 1;
    open_models();
    const int failed =
        argc > 1 && !strcmp(argv[1], "--digests") ? print_digests() : cmocka_run_group_tests(tests, NULL, NULL);
    tern_model_close(shipped);
    tern_model_close(exact);
    tern_model_close(odd_int8);
    tern_model_close(odd_exact);
    e2e_free_texts(&sentiment.texts);
    e2e_free_texts(&odd.texts);
    free(sentiment.logits);
    free(sentiment.means);
    free(odd.logits);
    return failed;
}
