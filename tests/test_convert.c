/* Conversion: what it writes, what it says, and that a failure leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "quant/check_texts.h"
#include "quant/lapack.h"
#include "quant/tern_convert.h"
#include "tests/convert_case.h"
#include "tests/emulated.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- What it writes --------------------------------------------------------------------------------------------- */

static void test_writes_and_reopens(void **state)
{
    (void)state;
    static const char *const kinds[] = {NULL, "int8", "f32"};
    for (int i = 0; i < 3; i++) {
        tern_model *model;
        rewrite(&small);
        assert_ok(convert(kinds[i], path));
        assert_int_equal(entries(), 1);
        assert_ok(tern_model_open(&model, path, &err));
        assert_string_equal(tern_model_get_info(model)->weights, i < 2 ? "int8" : "f32");
        assert_int_equal(tern_vocab_size(tern_model_tokenizer(model)), 120);
        tern_model_close(model);
    }
    assert_ok(tern_convert(dir, path, NULL, &err)); /* over the old file; options and error may be NULL */
    assert_ok(tern_convert(dir, path, NULL, NULL));
    assert_int_equal(entries(), 1);
    /* The model's file is as readable as the umask says. */
    struct stat st;
    const mode_t mask = umask(0);
    umask(mask);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0666 & ~mask);
}

static void test_same_bytes(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        size_t a_size, b_size;
        rewrite(&small);
        assert_ok(convert(i ? "f32" : "int8", path));
        char *a = test_read_file(path, &a_size);
        assert_ok(convert(i ? "f32" : "int8", path));
        char *b = test_read_file(path, &b_size);
        assert_int_equal(a_size, b_size);
        assert_memory_equal(a, b, a_size);
        free(a);
        free(b);
        /* Names and dtypes of the checkpoint do not matter, only its numbers. */
        struct test_checkpoint_spec other = small;
        other.prefix = "bert.";
        other.gamma_beta = 1;
        other.with_ignored = 1;
        other.header_padding = 3;
        a = test_read_file(path, &a_size);
        rewrite(&other);
        assert_ok(convert(i ? "f32" : "int8", path));
        b = test_read_file(path, &b_size);
        assert_int_equal(a_size, b_size);
        assert_memory_equal(a, b, a_size);
        free(a);
        free(b);
    }
}

/* ---- What it says ----------------------------------------------------------------------------------------------- */

struct heard {
    int lines, layers, checks, calls, done_at_end;
    size_t done, total;
};

static void hear_line(void *context, const char *line)
{
    struct heard *h = context;
    assert_true(line[0] && !strchr(line, '\n'));
    h->lines++;
    h->layers += strstr(line, "ffn_down") != NULL;
    h->checks += strstr(line, "cosine") != NULL;
}

static void hear_progress(void *context, size_t done, size_t total)
{
    struct heard *h = context;
    assert_true(done > h->done && done <= total);
    assert_true(h->calls == 0 || total == h->total);
    h->done = done;
    h->total = total;
    h->calls++;
}

static void test_callbacks(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct heard h = {0};
        rewrite(&small);
        const tern_convert_options o = {.struct_bytes = sizeof o,
                                        .weights = i ? "f32" : "int8",
                                        .report = hear_line,
                                        .progress = hear_progress,
                                        .context = &h};
        assert_ok(tern_convert(dir, path, &o, &err));
        assert_int_equal(h.layers, 2);
        assert_int_equal(h.checks, 1);
        assert_true(h.lines >= 15 && h.calls >= 2);
        assert_int_equal(h.done, h.total);
        /* either alone */
        const tern_convert_options lines = {
            .struct_bytes = sizeof o, .weights = o.weights, .report = hear_line, .context = &h};
        const tern_convert_options progress = {
            .struct_bytes = sizeof o, .weights = o.weights, .progress = hear_progress, .context = &h};
        assert_ok(tern_convert(dir, path, &lines, &err));
        h.calls = 0;
        h.done = 0;
        assert_ok(tern_convert(dir, path, &progress, &err));
    }
}

static void test_refused_options(void **state)
{
    (void)state;
    rewrite(&small);
    fails(convert("int5", path), TERN_USAGE, "int5");
    fails(convert("mixed", path), TERN_USAGE, "mixed");
    fails(convert("", path), TERN_USAGE, "weights");
    fails(convert("INT8", path), TERN_USAGE, "int8");
    const tern_convert_options none = {.struct_bytes = 0}, large = {.struct_bytes = sizeof large + 1};
    fails(tern_convert(dir, path, &none, &err), TERN_USAGE, "struct_bytes");
    fails(tern_convert(dir, path, &large, &err), TERN_USAGE, "struct_bytes");
    const tern_convert_options shorter = {.struct_bytes = offsetof(tern_convert_options, report),
                                          .weights = "f32",
                                          .report = (void (*)(void *, const char *))1};
    assert_ok(tern_convert(dir, path, &shorter, &err));
    remove(path);
}

/* ---- Low-bit weights -------------------------------------------------------------------------------------------- */

static const char *const low_bit[] = {"int4", "nf4", "fp4", "int3", "int2", "ternary", "binary"};
enum { LOW_BIT = sizeof low_bit / sizeof *low_bit, GROUPED = 5 /* the first of them */ };
static char texts_path[400];

static tern_status convert_low(const char *weights, int group, const char *calibrate)
{
    const tern_convert_options o = {
        .struct_bytes = sizeof o, .weights = weights, .group = group, .calibrate = calibrate, .outliers = "off"};
    err = (tern_error){TERN_OK, ""};
    return tern_convert(dir, path, &o, &err);
}

/* The file opens, says what it is, and runs. Returns its size. */
static size_t check_low(const char *weights)
{
    static const int32_t ids[5] = {2, 60, 61, 62, 3}, offsets[2] = {0, 5};
    tern_model *model;
    tern_session *session;
    float logits[3];
    assert_int_equal(entries(), 1);
    assert_ok(tern_model_open(&model, path, &err));
    assert_string_equal(tern_model_get_info(model)->weights, weights);
    assert_ok(tern_session_open(&session, model, NULL, &err));
    assert_ok(tern_classify(session, &(tern_batch){ids, NULL, offsets, 1}, logits, &err));
    for (int i = 0; i < 3; i++)
        assert_true(isfinite(logits[i]));
    tern_session_close(session);
    const size_t size = (size_t)tern_model_get_info(model)->file_bytes;
    tern_model_close(model);
    return size;
}

/* Two groups of 128, and a rest: groups of three sizes make three files. */
static const struct test_checkpoint_spec grouped = {.seed = 52,
                                                    .hidden = 264,
                                                    .heads = 2,
                                                    .intermediate = 150,
                                                    .vocab = 120,
                                                    .pooler = 1,
                                                    .n_labels = 3,
                                                    .pooling = "mean",
                                                    .layers = 1};

static void test_low_bit_weights(void **state)
{
    (void)state;
    not_emulated();
    rewrite(&grouped);
    for (int f = 0; f < LOW_BIT; f++) {
        size_t size[4], again_size;
        const int in_groups = f < GROUPED;
        for (int g = 0; g < 4; g++) { /* 0 is 64 */
            assert_ok(convert_low(low_bit[f], g == 3 || !in_groups ? 0 : 32 << g, NULL));
            size[g] = check_low(low_bit[f]);
        }
        if (in_groups)
            assert_true(size[0] > size[1] && size[1] > size[2]);
        assert_int_equal(size[3], size[1]);
        char *a = test_read_file(path, &size[3]);
        assert_ok(convert_low(low_bit[f], in_groups ? 64 : 0, NULL)); /* the same bytes */
        char *b = test_read_file(path, &again_size);
        assert_int_equal(again_size, size[3]);
        assert_memory_equal(a, b, again_size);
        free(a);
        free(b);
    }
}

static void test_refused_groups(void **state)
{
    static const int sizes[] = {48, 1, -1, 16, 31, 33, 256, INT32_MAX, INT32_MIN};
    (void)state;
    rewrite(&small);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        fails(convert_low("int4", sizes[i], NULL), TERN_USAGE, "groups");
        fails(convert_low("int8", sizes[i], NULL), TERN_USAGE, "groups");
    }
    fails(convert_low("int8", 64, NULL), TERN_USAGE, "int8");
    fails(convert_low("f32", 32, NULL), TERN_USAGE, "f32");
    /* One scale for a channel: the size of groups was accepted, and meant nothing. */
    fails(convert_low("ternary", 64, NULL), TERN_USAGE, "ternary");
    fails(convert_low("binary", 64, NULL), TERN_USAGE, "binary");
}

/* Nothing is refused by a rule of thumb; what the user asks for is held, and a report says how near it is. */
static int explained, advised;
static void count_lines(void *context, const char *line)
{
    (void)context;
    explained += !strncmp(line, "cosine with f32 ", 16);
    advised += !strncmp(line, "to come nearer: ", 16);
}

static void test_least_cosine(void **state)
{
    (void)state;
    tern_convert_options o = {
        .struct_bytes = sizeof o, .weights = "binary", .embeddings = "ternary", .report = count_lines};
    static const double none[] = {-0.1, 1.1, NAN, INFINITY};
    rewrite(&small);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        o.least_cosine = none[i];
        fails(tern_convert(dir, path, &o, &err), TERN_USAGE, "least cosine");
    }
    o.least_cosine = 0;
    assert_ok(tern_convert(dir, path, &o, &err));
    assert_int_equal(explained, 0);
    assert_int_equal(advised, 1);
    assert_int_equal(remove(path), 0);
    o.least_cosine = 0.9999;
    o.explain = 1;
    fails(tern_convert(dir, path, &o, &err), TERN_DIFFERENT, "at least 0.9999 was asked for");
    assert_int_equal(explained, TERN_CHECK_TEXTS);
    o.weights = "f32";
    o.embeddings = NULL;
    assert_ok(tern_convert(dir, path, &o, &err));
    assert_int_equal(advised, 2);
    assert_int_equal(remove(path), 0);
}

static void write_texts(const char *bytes, size_t size)
{
    if (test_write_file(dir, "texts.txt", bytes, size))
        abort();
    snprintf(texts_path, sizeof texts_path, "%s/texts.txt", dir);
}

static void test_refused_calibration(void **state)
{
    (void)state;
    rewrite(&small);
    write_texts("a text\n", 7);
    fails(convert_low("f32", 0, texts_path), TERN_USAGE, "calibration");
    fails(convert_low("int4", 48, texts_path), TERN_USAGE, "48");
    /* These were the checkpoint's fault once (TERN_IO, exit code 5), or the caller's usage. */
    fails(convert_low("int4", 0, "/nonexistent/texts"), TERN_FAILED, "/nonexistent/texts");
    fails(convert_low("int4", 0, ""), TERN_FAILED, "");
    fails(convert_low("int4", 0, dir), TERN_FAILED, dir);
    /* Blank lines counted as texts: a file of them alone was calibrated on. */
    static const char *const blank[] = {"", "\n", "\n\n \t\r\n", "  "};
    for (size_t i = 0; i < sizeof blank / sizeof *blank; i++) {
        write_texts(blank[i], strlen(blank[i]));
        fails(convert_low("int4", 0, texts_path), TERN_INPUT, "no text");
    }
    /* Only lines that were taken were looked at. */
    write_texts("good\n\nabc\377\n", 11);
    fails(convert_low("int4", 0, texts_path), TERN_INPUT, "texts.txt:3: not UTF-8: invalid byte 0xFF at byte offset 3");
}

/* Skipped, with the reason, where there is no LAPACK. */
static int no_lapack(void)
{
    struct tern_lapack lapack;
    if (!tern_lapack_open(&lapack))
        return 0;
    printf("no LAPACK here: nothing is calibrated\n");
    fails(convert_low("int4", 0, texts_path), TERN_USAGE, "LAPACK");
    return 1;
}

static char *numbers(size_t *size) /* 1500 lines, more than are taken */
{
    char *text = malloc(1500 * 40), *at = text;
    if (!text)
        abort();
    for (int i = 0; i < 1500; i++)
        at += sprintf(at, "text %d is of %d, not %d words\n", i, i * 7 % 31, i * i % 101);
    *size = (size_t)(at - text);
    return text;
}

static void test_calibrated(void **state)
{
    (void)state;
    /* no end of line, empty lines, a long line, other bytes */
    static const char few[] =
        "one\n\n\nbut this text is a longer one, by far longer than all the others are. and on it goes and on and on "
        "and on it goes, and on it goes again, and on and on and on it goes, until at last no token more can be had "
        "from it: it has to be cut here or there\nend";
    size_t size, plain_size, bytes;
    rewrite(&small);
    char *text = numbers(&size);
    write_texts(text, size);
    if (no_lapack()) {
        free(text);
        return;
    }
    for (int f = 0; f < LOW_BIT; f++) {
        const int group = f < GROUPED ? 32 : 0;
        assert_ok(convert_low(low_bit[f], group, NULL));
        char *plain = test_read_file(path, &plain_size);
        assert_ok(convert_low(low_bit[f], group, texts_path));
        const size_t size_now = check_low(low_bit[f]);
        /* The same, but for shifts of channels, which only matrices have whose channels differ in shape. */
        assert_in_range(size_now, plain_size - plain_size / 50, plain_size + plain_size / 50);
        char *calibrated = test_read_file(path, &bytes);
        assert_true(bytes != plain_size || memcmp(plain, calibrated, bytes)); /* other codes */
        free(plain);
        free(calibrated);
    }
    free(text);
    write_texts(few, sizeof few - 1);
    assert_ok(convert_low("int4", 32, texts_path));
    char *with_blanks = test_read_file(path, &plain_size);
    char *without = strdup(few);
    assert_non_null(without);
    memmove(strchr(without, '\n'), strchr(without, '\n') + 2, strlen(strchr(without, '\n') + 2) + 1);
    write_texts(without, strlen(without));
    free(without);
    assert_ok(convert_low("int4", 32, texts_path));
    char *same = test_read_file(path, &bytes);
    assert_memory_equal(same, with_blanks, bytes);
    free(with_blanks);
    free(same);
    write_texts("x", 1); /* far fewer tokens than inputs: the damping carries it */
    assert_ok(convert_low("int4", 32, texts_path));
    remove(path);
    write_texts("fine\nnot \xff UTF-8\n", 17);
    fails(convert_low("int4", 32, texts_path), TERN_INPUT, "UTF-8");
}

/* ---- What it refuses -------------------------------------------------------------------------------------------- */

static const char *victim;
static float poison;

static void poison_tensor(void *context, struct test_tensor *t)
{
    (void)context;
    if (t->canonical && !strcmp(t->canonical, victim))
        t->values[t->count / 2] = poison;
}

static void test_numbers_that_are_none(void **state)
{
    (void)state;
    static const char *const tensors[] = {"embed.word.weight",    "embed.position.weight", "embed.norm.bias",
                                          "layer.1.query.weight", "layer.0.ffn_down.bias", "classifier.weight"};
    static const float values[] = {NAN, INFINITY, -INFINITY};
    struct test_checkpoint_spec spec = small;
    spec.edit = poison_tensor;
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
        for (int v = 0; v < 3; v++) {
            victim = tensors[i];
            poison = values[v];
            rewrite(&spec);
            fails(convert(i % 2 ? "f32" : "int8", path), TERN_FORMAT, v ? "infinite" : "NaN");
            assert_non_null(strstr(err.message, "model.safetensors"));
        }
}

/* Numbers at the end of float's range convert or are refused; nothing crashes, nothing is left. */
static void test_huge_numbers(void **state)
{
    (void)state;
    static const char *const tensors[] = {
        "embed.word.weight",   "embed.norm.weight",       "layer.0.attn_norm.weight", "layer.1.query.weight",
        "layer.0.ffn_up.bias", "layer.1.ffn_norm.weight", "layer.0.ffn_down.weight",  "layer.1.ffn_norm.bias",
        "classifier.weight",   "classifier.bias",         "layer.0.attn_out.weight"};
    static const float values[] = {3.4e38f, -3.4e38f, 1e20f, 1e-45f, 1e5f};
    struct test_checkpoint_spec spec = small;
    spec.edit = poison_tensor;
    const size_t n_values = sizeof values / sizeof *values, n = n_values * (sizeof tensors / sizeof *tensors);
    for (size_t i = 0; i < n; i += (size_t)stride_emulated(7)) {
        victim = tensors[i / n_values];
        poison = values[i % n_values];
        rewrite(&spec);
        const tern_status status = convert("int8", path);
        if (status == TERN_OK)
            assert_int_equal(remove(path), 0);
        else if (status != TERN_DIFFERENT)
            fails(status, TERN_FORMAT, "");
        assert_int_equal(entries(), 0);
    }
}

static void all_zero(void *context, struct test_tensor *t)
{
    (void)context;
    if (t->canonical && (!victim || !strcmp(t->canonical, victim)))
        memset(t->values, 0, t->count * sizeof *t->values);
}

/* Whole tensors of zeros are unusual, not wrong. */
static void test_tensors_of_zeros(void **state)
{
    (void)state;
    static const char *const tensors[] = {"embed.type.weight",       "layer.0.query.weight",  "layer.0.query.bias",
                                          "layer.1.value.weight",    "layer.1.ffn_up.weight", "layer.0.attn_out.weight",
                                          "layer.0.ffn_down.weight", "classifier.weight",     "pooler.weight"};
    struct test_checkpoint_spec spec = small;
    spec.edit = all_zero;
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        victim = tensors[i];
        rewrite(&spec);
        assert_ok(convert("int8", path));
    }
    victim = NULL; /* all of them: no vector has a direction, so the check may object, but in order */
    rewrite(&spec);
    const tern_status status = convert("int8", path);
    if (status != TERN_OK)
        fails(status, TERN_DIFFERENT, "cosine");
    /* No copy gains anything, and one column had them all: more than a file may have. */
    const tern_convert_options most = {.struct_bytes = sizeof most, .outliers = "64"};
    assert_ok(tern_convert(dir, path, &most, &err));
}

static void test_bad_checkpoints(void **state)
{
    (void)state;
    static const char *const files[] = {"config.json", "model.safetensors", "vocab.txt"};
    for (int i = 0; i < 3; i++) {
        rewrite(&small);
        test_write_file(dir, files[i], NULL, 0);
        const tern_status absent = convert("int8", path);
        assert_true(absent == TERN_IO || absent == TERN_FORMAT);
        fails(absent, absent, "");
        test_write_file(dir, files[i], "", 0);
        fails(convert("int8", path), TERN_FORMAT, i < 2 ? files[i] : "vocab");
        test_write_file(dir, files[i], "\x01\x02\xff", 3);
        fails(convert("int8", path), TERN_FORMAT, i < 2 ? files[i] : "vocab");
    }
    rewrite(&small);
    err = (tern_error){TERN_OK, ""};
    fails(tern_convert("/nonexistent/checkpoint", path, NULL, &err), TERN_IO, "/nonexistent/checkpoint");

    /* more pieces than the table has rows */
    char *vocab, more[8192];
    size_t size;
    rewrite(&small);
    snprintf(more, sizeof more, "%s/vocab.txt", dir);
    vocab = test_read_file(more, &size);
    assert_true(size + 6 < sizeof more);
    memcpy(more, vocab, size);
    memcpy(more + size, "extra\n", 6);
    free(vocab);
    test_write_file(dir, "vocab.txt", more, size + 6);
    fails(convert("int8", path), TERN_FORMAT, "has 121 tokens, the word embeddings 120 rows");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_and_reopens), cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_callbacks),          cmocka_unit_test(test_refused_options),
        cmocka_unit_test(test_low_bit_weights),    cmocka_unit_test(test_refused_groups),
        cmocka_unit_test(test_least_cosine),       cmocka_unit_test(test_refused_calibration),
        cmocka_unit_test(test_calibrated),         cmocka_unit_test(test_numbers_that_are_none),
        cmocka_unit_test(test_huge_numbers),       cmocka_unit_test(test_tensors_of_zeros),
        cmocka_unit_test(test_bad_checkpoints),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
