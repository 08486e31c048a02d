/* Every allocation of opening, running, closing and converting fails once: TERN_NOMEM and one line, nothing leaked,
   nothing half-written; and the next try succeeds. */
/* LDFLAGS: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=free -Wl,--wrap=aligned_alloc -Wl,--wrap=posix_memalign */
/* LDFLAGS: -Wl,--wrap=pthread_create */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "quant/lapack.h"
#include "quant/tern_convert.h"
#include "tests/e2e.h"
#include "tests/emulated.h"
#include "tests/malloc_count.h"

#include <dirent.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST = 200000, LABELS = 3, OUTPUTS = 5 };

static tern_error err;
static char dir[256], model_path[300], f32_path[300], low_path[300], texts_path[300], target[300];
static void *model_bytes;
static size_t model_size;

// clang-format off
static const struct test_checkpoint_spec spec = {.seed = 31, .layers = 2, .hidden = 12, .heads = 2, .intermediate = 20,
                                                 .vocab = 120, .max_positions = 32, .pooler = 1, .n_labels = LABELS,
                                                 .pooling = "mean", .normalize = 1};
// clang-format on

static int stride = 1;
/* With a sanitizer a walk takes six times as long, and neighbouring allocations mostly fail along one path. */
#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED_STRIDE = 3 };
#else
enum { SANITIZED_STRIDE = 1 };
#endif

/* One walk: `step` for k = 0, 1, 2, ... (every stride-th of them, under an emulator every 23rd of these) until no
   allocation is left to fail. Each must give TERN_NOMEM with a line, or TERN_OK where Tern can do without, and leave as
   many blocks as before. Returns how many failures gave TERN_NOMEM. */
static int walk(tern_status (*step)(void), const char *what)
{
    int refused = 0;
    long calls = 0;
    assert_int_equal(step(), TERN_OK);
    for (long k = 0;; k += stride * SANITIZED_STRIDE * stride_emulated(23)) {
        const long live = malloc_live, failed = malloc_failed;
        assert_true(k < MOST);
        err = (tern_error){TERN_OK, ""};
        malloc_fail_at = k;
        const tern_status status = step();
        malloc_fail_at = -1;
        if (malloc_live != live)
            fail_msg("%s: allocation %ld failed: %ld blocks leaked (%s: %s)", what, k, (long)malloc_live - live,
                     tern_status_name(status), err.message);
        if (malloc_failed == failed) {
            assert_int_equal(status, TERN_OK);
            break;
        }
        calls++;
        if (status != TERN_OK && status != TERN_NOMEM)
            fail_msg("%s: allocation %ld failed: %s: %s", what, k, tern_status_name(status), err.message);
        if (status == TERN_NOMEM && (err.code != TERN_NOMEM || !err.message[0] || strchr(err.message, '\n')))
            fail_msg("%s: allocation %ld failed: not one line: '%s'", what, k, err.message);
        refused += status == TERN_NOMEM;
    }
    printf("%-28s %ld allocations, %d of their failures reported, %ld done without\n", what, calls, refused,
           calls - refused);
    assert_true(refused > 0);
    return refused;
}

/* ---- Steps ------------------------------------------------------------------------------------------------------ */

static tern_status open_file(const char *path)
{
    tern_model *model = NULL;
    const tern_status status = tern_model_open(&model, path, &err);
    assert_true((status == TERN_OK) == (model != NULL));
    tern_model_close(model);
    return status;
}

static tern_status open_int8(void)
{
    return open_file(model_path);
}

static tern_status open_f32(void)
{
    return open_file(f32_path);
}

static tern_status open_low_bit(void)
{
    return open_file(low_path);
}

static tern_status open_memory(void)
{
    tern_model *model = NULL;
    const tern_status status = tern_model_open_memory(&model, model_bytes, model_size, &err);
    assert_true((status == TERN_OK) == (model != NULL));
    tern_model_close(model);
    return status;
}

static tern_model *opened;
static int threads;

/* Opens a session, runs all that there is, closes it. */
static tern_status run_session(void)
{
    static const int32_t ids[7] = {2, 60, 61, 3, 2, 7, 3}, offsets[3] = {0, 4, 7};
    const tern_session_options o = {.struct_bytes = sizeof o, .threads = threads, .max_tokens = 32, .max_texts = 2};
    const tern_batch batch = {ids, NULL, offsets, 2};
    float out[2 * 12];
    tern_session *s = NULL;
    tern_status status = tern_session_open(&s, opened, &o, &err);
    assert_true((status == TERN_OK) == (s != NULL));
    if (status == TERN_OK) {
        const long calls = malloc_calls;
        status = tern_classify(s, &batch, out, &err);
        assert_int_equal(status, TERN_OK);
        status = tern_embed(s, &batch, out, &err);
        assert_int_equal(status, TERN_OK);
        const tern_text text = {.text = "bab ebo", .text_bytes = 7};
        tern_answers answers = {.struct_bytes = sizeof answers, .values = out};
        status = tern_classify_texts(s, &text, 1, TERN_TRUNCATE_HEAD, &answers, &err);
        assert_int_equal(status, TERN_OK);
        status = tern_embed_texts(s, &text, 1, TERN_TRUNCATE_HEAD, &answers, &err);
        assert_int_equal(status, TERN_OK);
        assert_int_equal(malloc_calls, calls);
        status = tern_session_set_prompt(s, NULL, "ab: ", &err); /* keeps a copy */
    }
    tern_session_close(s);
    return status;
}

/* All of it in one go. */
static tern_status open_run_close(void)
{
    tern_status status = tern_model_open(&opened, model_path, &err);
    if (status == TERN_OK)
        status = run_session();
    tern_model_close(opened);
    opened = NULL;
    return status;
}

static tern_status open_tokenizer(void)
{
    tern_tokenizer *tokenizer = NULL;
    const tern_status status = tern_tokenizer_open(&tokenizer, dir, &err);
    assert_true((status == TERN_OK) == (tokenizer != NULL));
    tern_tokenizer_close(tokenizer);
    return status;
}

static int entries(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;
    if (!d)
        return -1;
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static const char *convert_weights, *calibrate, *sparse, *outliers = "off"; /* off: the search is a walk of its own */
static int allocate, explain;

static void ignore(void *context, const char *line)
{
    (void)context, (void)line;
}

/* Converts into a folder of its own, which must hold the whole file or nothing. */
static tern_status convert(void)
{
    const tern_convert_options o = {.struct_bytes = sizeof o,
                                    .weights = convert_weights,
                                    .calibrate = calibrate,
                                    .sparse = sparse,
                                    .outliers = outliers,
                                    .task = "classify",
                                    .report = ignore,
                                    .explain = explain,
                                    .allocate = allocate};
    char path[400];
    snprintf(path, sizeof path, "%s/out.tern", target);
    const tern_status status = tern_convert(dir, path, &o, &err);
    const int n = entries(target);
    if (n != (status == TERN_OK))
        fail_msg("%d files after %s: %s", n, tern_status_name(status), err.message);
    if (status == TERN_OK)
        remove(path);
    return status;
}

/* ---- Tests ------------------------------------------------------------------------------------------------------ */

static void test_open(void **state)
{
    (void)state;
    walk(open_int8, "open int8");
    walk(open_f32, "open f32");
    walk(open_low_bit, "open int4");
    walk(open_memory, "open int8 in memory");
    walk(open_tokenizer, "open a tokenizer");
}

static void test_session(void **state)
{
    (void)state;
    assert_ok(tern_model_open(&opened, model_path, &err));
    threads = 1;
    walk(run_session, "session, 1 thread");
    threads = 2;
    walk(run_session, "session, 2 threads");
    tern_model_close(opened);
    assert_ok(tern_model_open(&opened, f32_path, &err));
    walk(run_session, "f32 session, 2 threads");
    tern_model_close(opened);
    assert_ok(tern_model_open(&opened, low_path, &err));
    walk(run_session, "int4 session, 2 threads");
    tern_model_close(opened);
    opened = NULL;
}

static int threads_forbidden;
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context)
{
    return threads_forbidden ? EPERM : __real_pthread_create(thread, attributes, run, context);
}

/* A sandbox without clone: models once did not run in it, unless one thread was asked for. */
static void test_no_threads(void **state)
{
    (void)state;
    assert_ok(tern_model_open(&opened, model_path, &err));
    threads_forbidden = 1;
    threads = 0;
    assert_ok(run_session());
    tern_session *session;
    assert_ok(tern_session_open(&session, opened, NULL, &err));
    assert_int_equal(tern_session_threads(session), 1);
    tern_session_close(session);
    threads = 2;
    assert_int_equal(run_session(), TERN_FAILED);
    assert_string_equal(err.message, "cannot start 2 threads; ask for fewer");
    threads_forbidden = 0;
    tern_model_close(opened);
    opened = NULL;
}

static void test_open_run_close(void **state)
{
    (void)state;
    threads = 2;
    walk(open_run_close, "open, run, close");
}

static void test_convert(void **state)
{
    (void)state;
    convert_weights = "int8";
    stride = 29 * stride_emulated(5);
    walk(convert, "convert to int8");
    stride = 47 * stride_emulated(5); /* most of the steps are those of any conversion */
    convert_weights = "f32";
    walk(convert, "convert to f32");
    convert_weights = "int3";
    walk(convert, "convert to int3");
    convert_weights = NULL;
    outliers = "4";
    walk(convert, "convert with outlier columns");
    outliers = "off";
    explain = 1;
    walk(convert, "convert and explain");
    explain = 0;
    stride = 1;
}

static void test_calibrate(void **state)
{
    (void)state;
    struct tern_lapack lapack;
    if (tern_lapack_open(&lapack)) {
        printf("no LAPACK here: nothing is calibrated\n");
        return;
    }
    convert_weights = "ternary";
    calibrate = texts_path;
    stride = 97; /* LAPACK is slow to start, and most of the steps are those of any conversion */
    walk(convert, "calibrate and convert");
    convert_weights = NULL;
    sparse = "4x4:0.5";
    walk(convert, "prune on texts and convert");
    allocate = 1;
    walk(convert, "allocate, prune and convert");
    allocate = 0;
    calibrate = sparse = NULL;
    stride = 1;
}

/* A sentence-transformers folder: a dense layer with weights, prompts. */
static int write_modules(void)
{
    static const char type[] = "sentence_transformers.models.";
    char modules[512], bytes[8 + 80 + 4 * OUTPUTS * 12] = "";
    const int length =
        snprintf(bytes + 8, 80, "{\"linear.weight\":{\"dtype\":\"F32\",\"shape\":[%d,12],\"data_offsets\":[0,%d]}}",
                 OUTPUTS, 4 * OUTPUTS * 12);
    for (int i = 0; i < OUTPUTS * 12; i++) {
        const float w = (float)(i * 37 % 23 - 11) / 16;
        memcpy(bytes + 8 + length + 4 * i, &w, 4);
    }
    bytes[0] = (char)length;
    snprintf(modules, sizeof modules,
             "[{\"path\":\"\",\"type\":\"%sTransformer\"},{\"path\":\"1_Pooling\",\"type\":\"%sPooling\"},"
             "{\"path\":\"2_Dense\",\"type\":\"%sDense\"}]",
             type, type, type);
    static const char dense[] = "{\"in_features\": 12, \"out_features\": 5, \"bias\": false}";
    static const char prompts[] = "{\"prompts\": {\"query\": \"ab \"}, \"default_prompt_name\": \"query\"}";
    return test_write_file(dir, "modules.json", modules, strlen(modules)) ||
           test_write_file(dir, "2_Dense/config.json", dense, sizeof dense - 1) ||
           test_write_file(dir, "2_Dense/model.safetensors", bytes, (size_t)(8 + length + 4 * OUTPUTS * 12)) ||
           test_write_file(dir, "config_sentence_transformers.json", prompts, sizeof prompts - 1);
}

static int setup(void **state)
{
    (void)state;
    test_temp_dir(dir, sizeof dir);
    snprintf(model_path, sizeof model_path, "%s/int8.tern", dir);
    snprintf(f32_path, sizeof f32_path, "%s/f32.tern", dir);
    snprintf(low_path, sizeof low_path, "%s/int4.tern", dir);
    snprintf(texts_path, sizeof texts_path, "%s/texts.txt", dir);
    snprintf(target, sizeof target, "%s/target", dir);
    /* Of a folder with modules.json the classifier is kept only where it is asked for. */
    const tern_convert_options plain = {.struct_bytes = sizeof plain, .task = "classify"};
    const tern_convert_options low = {.struct_bytes = sizeof low, .weights = "int4", .task = "classify"};
    const tern_convert_options floats = {.struct_bytes = sizeof floats, .weights = "f32", .task = "classify"};
    if (mkdir(target, 0777) || test_write_checkpoint(dir, &spec) || write_modules() ||
        tern_convert(dir, model_path, &plain, &err) || tern_convert(dir, f32_path, &floats, &err) ||
        tern_convert(dir, low_path, &low, &err) || test_write_file(dir, "texts.txt", "one text\nand another\n", 21)) {
        fprintf(stderr, "%s\n", err.message);
        return -1;
    }
    FILE *f = fopen(model_path, "rb");
    struct stat st;
    if (!f || stat(model_path, &st))
        return -1;
    model_size = (size_t)st.st_size;
    model_bytes = aligned_alloc(64, model_size); /* files are multiples of 64 */
    if (!model_bytes || fread(model_bytes, 1, model_size, f) != model_size)
        return -1;
    fclose(f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(model_bytes);
    test_remove_dir(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_open),       cmocka_unit_test(test_session),
                                       cmocka_unit_test(test_no_threads), cmocka_unit_test(test_open_run_close),
                                       cmocka_unit_test(test_convert),    cmocka_unit_test(test_calibrate)};
    json_set_alloc_funcs(malloc_count_malloc, malloc_count_free);
    return cmocka_run_group_tests(tests, setup, teardown);
}
