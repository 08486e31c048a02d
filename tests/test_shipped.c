/* The models in models/ give the same integers in every row of kernels, in any grouping and with any number of threads:
   `test_shipped --digests` prints the table below anew, which only a model that was trained again may change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/e2e.h"
#include "tests/emulated.h"

#include <inttypes.h>
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_models_that_ship)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
