/* The table of kernels: a feature set in, a row of kernels.def out. Every set of features is tried, also those that no
   CPU has: features are a set, not a level. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "simd/table.h"

#include <string.h>

typedef void any_fn(void);

static const struct {
    enum tern_op op;
    enum tern_isa isa;
    any_fn *fn;
} kernels[] = {
/* First the references, as rows that need nothing. */
#define OP(name, class) {TERN_OP_##name, TERN_ISA_scalar, (any_fn *)tern_##name##_ref},
#include "simd/ops.def"
#undef OP
#define KERNEL(op, isa) {TERN_OP_##op, TERN_ISA_##isa, (any_fn *)tern_##op##_##isa},
#include "simd/kernels.def"
#undef KERNEL
};
enum { N_KERNELS = sizeof kernels / sizeof *kernels };

static any_fn *slot(const struct tern_ops *ops, int op)
{
    any_fn *const slots[] = {
#define OP(name, class) (any_fn *)ops->name,
#include "simd/ops.def"
#undef OP
    };
    return slots[op];
}

/* The last kernel of an op whose ISA's bits are all there, each asked for by itself. */
static int expected(int op, unsigned features)
{
    int found = -1;
    for (int i = 0; i < N_KERNELS; i++) {
        unsigned missing = tern_isa_needs(kernels[i].isa) & ~features;
        if ((int)kernels[i].op == op && !missing)
            found = i;
    }
    return found;
}

static void assert_table(unsigned features)
{
    struct tern_ops ops;
    memset(&ops, 0, sizeof ops);
    tern_table_build(&ops, features);
    for (int op = 0; op < TERN_N_OPS; op++) {
        int row = expected(op, features);
        assert_true(row >= 0);
        assert_true(slot(&ops, op) == kernels[row].fn);
        assert_int_equal(tern_table_isa((enum tern_op)op, features), kernels[row].isa);
    }
}

static void every_row(void **state)
{
    (void)state;
    for (int i = 0; i < TERN_N_ISAS; i++)
        assert_table(tern_isa_needs((enum tern_isa)i));
    assert_table(tern_cpu_features());
}

/* All subsets of the bits that any row names, gaps included. */
static void every_set(void **state)
{
    (void)state;
    unsigned all = 0, features = 0;
    for (int i = 0; i < TERN_N_ISAS; i++)
        all |= tern_isa_needs((enum tern_isa)i);
    do {
        assert_table(features);
        features = (features - all) & all;
    } while (features);
    assert_table(~0u);
}

static void references(void **state)
{
    (void)state;
    struct tern_ops ops;
    tern_table_build(&ops, 0);
#define OP(name, class) assert_true(ops.name == tern_##name##_ref);
#include "simd/ops.def"
#undef OP
}

/* Two tables in one process do not know of each other. */
static void side_by_side(void **state)
{
    (void)state;
    struct tern_ops one, two, again;
    memset(&one, 0, sizeof one); /* what pads them is compared too */
    memset(&again, 0, sizeof again);
    tern_table_build(&one, tern_cpu_features());
    tern_table_build(&two, 0);
    tern_table_build(&again, tern_cpu_features());
    assert_memory_equal(&one, &again, sizeof one);
    assert_true(two.gemm_s8 == tern_gemm_s8_ref);
}

/* Per op, an ISA occurs once, and none that needs more comes before one that needs less. */
static void order(void **state)
{
    (void)state;
    for (int i = 0; i < N_KERNELS; i++) {
        for (int j = i + 1; j < N_KERNELS; j++) {
            if (kernels[i].op != kernels[j].op)
                continue;
            unsigned first = tern_isa_needs(kernels[i].isa), second = tern_isa_needs(kernels[j].isa);
            assert_int_not_equal(kernels[i].isa, kernels[j].isa);
            assert_false((second & first) == second && second != first);
        }
    }
}

/* A layout is read by a kernel of the ISA that wrote it, whatever the features. */
static void layouts(void **state)
{
    (void)state;
    unsigned all = 0, features = 0;
    for (int i = 0; i < TERN_N_ISAS; i++)
        all |= tern_isa_needs((enum tern_isa)i);
    do {
        assert_int_equal(tern_table_isa(TERN_OP_spmm_pack, features), tern_table_isa(TERN_OP_spmm, features));
        assert_int_equal(tern_table_isa(TERN_OP_spmm_s4_pack, features), tern_table_isa(TERN_OP_spmm_s4, features));
        features = (features - all) & all;
    } while (features);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(tern_op_name(TERN_OP_gemm_s8), "gemm_s8");
    for (int i = 0; i < TERN_N_OPS; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(tern_op_name((enum tern_op)i), tern_op_name((enum tern_op)j));
}

/* Features are a set: bits that do not make up a row take nothing from the others. */
static void best_row(void **state)
{
    (void)state;
    assert_int_equal(tern_table_best(0), TERN_ISA_scalar);
#if defined(__x86_64__)
    assert_int_equal(tern_table_best(TERN_F_AMX | TERN_F_AVX512VNNI), TERN_ISA_scalar);
    assert_int_equal(tern_table_best(TERN_F_SSE41 | TERN_F_AVX512), TERN_ISA_sse41);
    assert_int_equal(tern_table_best(TERN_F_AVX2 | TERN_F_AVX512VNNI), TERN_ISA_avx2);
    assert_int_equal(tern_table_best(TERN_F_AVX2 | TERN_F_AMX | TERN_F_AVX512), TERN_ISA_avx512bw);
#elif defined(__aarch64__) || defined(__arm__)
    assert_int_equal(tern_table_best(TERN_F_NEON | TERN_F_I8MM), TERN_ISA_neon);
    assert_int_equal(tern_table_best(TERN_F_DOTPROD), TERN_ISA_scalar);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row),    cmocka_unit_test(every_set), cmocka_unit_test(references),
        cmocka_unit_test(side_by_side), cmocka_unit_test(order),     cmocka_unit_test(names),
        cmocka_unit_test(best_row),     cmocka_unit_test(layouts),
    };
    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
