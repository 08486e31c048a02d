/* The models in models/ give the same integers in every row of kernels, in any grouping and with any number of threads:
   `test_shipped --digests` prints the table below anew, which only a model that was trained again may change. A damaged
   one is refused wherever the damage is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "models/safetensors.h"
#include "tests/e2e.h"
#include "tests/emulated.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS = 6, LONGEST = 40 };

static const struct shipped {
    const char *path;
    enum e2e_task task;
    uint64_t digest; /* XXH3-64 of the int32 behind the answers to TEXTS texts of seeded tokens */
} shipped[] = {
    {"models/sentiment-mini.tern", E2E_CLASSIFY, 0x06d938f7d06c91e0u},
    {"models/sentiment.tern", E2E_CLASSIFY, 0xb6b7ef43f5981bd1u},
    {"models/sentiment-binary.tern", E2E_CLASSIFY, 0x93c9e2625fa3dc17u},
    {"models/sentiment-sparse.tern", E2E_CLASSIFY, 0x8c000007f199b5bfu},
    {"models/embed-ternary.tern", E2E_EMBED, 0xceeb47bb683ecf9du},
    {"models/embed-int4.tern", E2E_EMBED, 0x3d6355f93c2ba24au},
};

/* The rows to try: the one that TERN_ISA asks for, else this CPU's, under an emulator the best alone. */
static int rows(const char **names)
{
    names[0] = getenv("TERN_ISA");
    if (names[0] && *names[0])
        return 1;
    const int n = e2e_isas(names);
    if (!emulated())
        return n;
    names[0] = names[n - 1];
    return 1;
}

static void check_model(const struct shipped *s)
{
    tern_model *model = NULL;
    tern_error err;
    const char *names[16];
    const int n = rows(names);
    assert_ok(tern_model_open(&model, s->path, &err));
    struct e2e_texts texts = e2e_random_texts(model, TEXTS, LONGEST, 26);
    for (int i = 0; i < n; i++)
        for (int way = 0; way < 2; way++) {
            const struct e2e_run how = {names[i], 1 + way, way ? 1 : TEXTS, (uint64_t)way, s->task};
            if (way && (emulated() || !strcmp(names[i], "scalar")))
                continue;
            const uint64_t got = e2e_digest(model, &texts, &how);
            if (got != s->digest)
                fail_msg("%s, isa %s, groups of %d: expected %016" PRIx64 " got %016" PRIx64, s->path, names[i],
                         how.group, s->digest, got);
        }
    e2e_free_texts(&texts);
    tern_model_close(model);
}

static void test_models_that_ship(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shipped / sizeof *shipped; i++)
        check_model(&shipped[i]);
}

/* ---- Damage ----------------------------------------------------------------------------------------------------- */

/* Bytes of a file, writable and aligned as a mapping is. */
static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = aligned_alloc(64, (*size + 63) / 64 * 64);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

/* One bit of the file is another: in its data that is found by the checksum alone, whatever a loader says of it. */
static void flip(uint8_t *bytes, size_t size, size_t at, int in_data)
{
    tern_model *model = NULL;
    tern_error err;
    bytes[at] ^= (uint8_t)(1 << at % 8);
    const tern_status status = tern_model_open_memory(&model, bytes, size, &err);
    bytes[at] ^= (uint8_t)(1 << at % 8);
    if (status != TERN_FORMAT || model || strchr(err.message, '\n'))
        fail_msg("byte %zu: status %d, '%s'", at, (int)status, status ? err.message : "");
    if (in_data && !strstr(err.message, "; it is damaged, copy it again"))
        fail_msg("byte %zu: '%s' says nothing of damage", at, err.message);
}

/* The checksum of so large a file is computed by a thread of its own, or where there is one CPU by the caller. */
static void test_damaged(void **state)
{
    (void)state;
    struct tern_safetensors st;
    tern_error err;
    cpu_set_t all, one;
    size_t size;
    uint8_t *const bytes = read_file("models/sentiment.tern", &size);
    assert_in_range(size, 2000000, 10000000);
    assert_ok(tern_safetensors_open(&st, bytes, size, "sentiment.tern", &err));
    const size_t header = (size_t)((const uint8_t *)st.tensors[0].data - bytes), stride = emulated() ? 16 : 1;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE && !CPU_COUNT(&one); cpu++)
        if (CPU_ISSET(cpu, &all))
            CPU_SET(cpu, &one);
    for (int round = 0; round < 2; round++) {
        tern_model *model = NULL;
        assert_ok(tern_model_open_memory(&model, bytes, size, &err));
        tern_model_close(model);
        for (size_t at = (size_t)round; at < header; at += 211 * stride)
            flip(bytes, size, at, 0);
        for (size_t i = (size_t)round; i < st.n_tensors; i += 2 * stride) {
            const size_t at = (size_t)((const uint8_t *)st.tensors[i].data - bytes);
            flip(bytes, size, at, 1);
            flip(bytes, size, at + st.tensors[i].bytes - 1, 1);
        }
        flip(bytes, size, size - 1, 1);
        assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    }
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
    tern_safetensors_close(&st);
    free(bytes);
}

static void print_digests(void)
{
    for (size_t i = 0; i < sizeof shipped / sizeof *shipped; i++) {
        tern_model *model = NULL;
        tern_error err;
        if (tern_model_open(&model, shipped[i].path, &err)) {
            fprintf(stderr, "%s\n", err.message);
            exit(1);
        }
        struct e2e_texts texts = e2e_random_texts(model, TEXTS, LONGEST, 26);
        const struct e2e_run how = {NULL, 1, TEXTS, 0, shipped[i].task};
        printf("    {\"%s\", %s, 0x%016" PRIx64 "u},\n", shipped[i].path,
               shipped[i].task == E2E_EMBED ? "E2E_EMBED" : "E2E_CLASSIFY", e2e_digest(model, &texts, &how));
        e2e_free_texts(&texts);
        tern_model_close(model);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--digests")) {
        print_digests();
        return 0;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_models_that_ship), cmocka_unit_test(test_damaged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
