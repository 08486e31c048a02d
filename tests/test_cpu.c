/* Choosing a row of isa.def: by name, by the variable TERN_ISA, by what this CPU has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "simd/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The run may itself be under a TERN_ISA: each test starts without one, and the last gives it back. */
static char *outer;

static int without_variable(void **state)
{
    (void)state;
    return unsetenv("TERN_ISA");
}

static int save(void **state)
{
    (void)state;
    const char *value = getenv("TERN_ISA");
    outer = value ? strdup(value) : NULL;
    return 0;
}

static int restore(void **state)
{
    (void)state;
    if (outer)
        setenv("TERN_ISA", outer, 1);
    free(outer);
    return 0;
}

static int supported(int isa)
{
    unsigned needs = tern_isa_needs((enum tern_isa)isa);
    return (needs & tern_cpu_features()) == needs;
}

/* One line, and it names what is wrong, where it came from, and every row that there is. */
static void assert_message(const tern_error *err, const char *from, const char *name, const char *what)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "%s '%s'", from, name);
    assert_int_equal(err->code, TERN_USAGE);
    assert_ptr_equal(strstr(err->message, quoted), err->message);
    assert_non_null(strstr(err->message, what));
    assert_null(strchr(err->message, '\n'));
    const char *list = strrchr(err->message, ':');
    assert_non_null(list);
    for (int i = 0; i < TERN_N_ISAS; i++) {
        char word[32];
        snprintf(word, sizeof word, " %s ", tern_isa_name((enum tern_isa)i));
        char padded[200];
        snprintf(padded, sizeof padded, "%s ", list);
        assert_int_equal(strstr(padded, word) != NULL, supported(i));
    }
}

static void everything_by_default(void **state)
{
    (void)state;
    tern_error err;
    unsigned features = 1;
    assert_int_equal(tern_cpu_select(&features, NULL, &err), TERN_OK);
    assert_int_equal(features, tern_cpu_features());
    assert_int_equal(tern_cpu_features(), tern_cpu_features());
}

static void each_row(void **state)
{
    (void)state;
    for (int i = 0; i < TERN_N_ISAS; i++) {
        const char *name = tern_isa_name((enum tern_isa)i);
        for (int variable = 0; variable < 2; variable++) {
            tern_error err;
            unsigned features = ~0u;
            setenv("TERN_ISA", variable ? name : "scalar", 1);
            tern_status status = tern_cpu_select(&features, variable ? NULL : name, &err);
            if (supported(i)) {
                assert_int_equal(status, TERN_OK);
                assert_int_equal(features, tern_isa_needs((enum tern_isa)i));
            } else {
                assert_int_equal(status, TERN_USAGE);
                assert_message(&err, variable ? "TERN_ISA" : "ISA", name, "not supported");
            }
        }
    }
}

static void unknown(void **state)
{
    (void)state;
    /* Rows of other architectures are unknown here, a prefix or another case is no name, and neither is nothing. */
    const char *other = tern_isa_needs(TERN_N_ISAS - 1) & TERN_F_NEON ? "avx2" : "neon";
    const char *names[] = {"sse9", "AVX2", "Scalar", "scal", "scalar ", "", other};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        tern_error err;
        unsigned features;
        unsetenv("TERN_ISA");
        assert_int_equal(tern_cpu_select(&features, names[i], &err), TERN_USAGE);
        assert_message(&err, "ISA", names[i], "unknown");
        setenv("TERN_ISA", names[i], 1);
        if (!*names[i]) { /* an empty variable is no variable */
            assert_int_equal(tern_cpu_select(&features, NULL, &err), TERN_OK);
            continue;
        }
        assert_int_equal(tern_cpu_select(&features, NULL, &err), TERN_USAGE);
        assert_message(&err, "TERN_ISA", names[i], "unknown");
        assert_int_equal(tern_cpu_select(&features, NULL, NULL), TERN_USAGE);
    }
}

static void name_wins(void **state)
{
    (void)state;
    unsigned features = ~0u;
    setenv("TERN_ISA", "sse9", 1);
    assert_int_equal(tern_cpu_select(&features, "scalar", NULL), TERN_OK);
    assert_int_equal(features, 0);
}

/* Every row needs features of this architecture alone. */
static void own_features(void **state)
{
    (void)state;
    for (int isa = 0; isa < TERN_N_ISAS; isa++)
        for (int i = 0; i < TERN_N_FEATURES; i++)
            assert_true(!(tern_isa_needs((enum tern_isa)isa) >> i & 1) || tern_feature_name((enum tern_feature)i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(everything_by_default, without_variable),
        cmocka_unit_test_setup(each_row, without_variable),
        cmocka_unit_test_setup(unknown, without_variable),
        cmocka_unit_test_setup(name_wins, without_variable),
        cmocka_unit_test(own_features),
    };
    return cmocka_run_group_tests_name("cpu", tests, save, restore);
}
