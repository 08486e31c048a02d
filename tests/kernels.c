/* Every kernel against its reference: bit for bit, between guard pages, on tails, realistic sizes and extreme values;
   and with --bench how fast it is. Rows come from isa.def and kernels.def, the cases of an op from
   tests/kernels/<op>.c. */
#include "simd/libraries.h"
#include "tests/kernels/amx_emulator.h"
#include "tests/kernels/check.h"
#include "tests/kernels/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: kernels [--isa NAME] [--op NAME] [--seed N] [--quick] [--bench] [--list] [--emulate]\n";

static const struct op {
    const char *name;
    void (*check)(struct check *t);
    check_fn *ref;
} ops[] = {
#define OP(name, class) {#name, check_##name, (check_fn *)tern_##name##_ref},
#include "simd/ops.def"
#undef OP
};

/* Each row of kernels.def, after one for each reference. */
static const struct row {
    enum tern_op op;
    enum tern_isa isa;
    check_fn *fn;
    const char *provider; /* a library's name; NULL: our own */
} rows[] = {
#define OP(name, class) {TERN_OP_##name, TERN_ISA_scalar, (check_fn *)tern_##name##_ref, NULL},
#include "simd/ops.def"
#undef OP
#define KERNEL(op, isa) {TERN_OP_##op, TERN_ISA_##isa, (check_fn *)tern_##op##_##isa, NULL},
#include "simd/kernels.def"
#undef KERNEL
/* Rows that the table does not hold by themselves. A library that another row has let use more than this one's ISA is
   tested with that. */
#define LIBRARY(name, isa, rows, from, to) {TERN_OP_gemm_f32, TERN_ISA_##isa, (check_fn *)tern_gemm_f32_##name, #name},
#include "simd/libraries.def"
#undef LIBRARY
};
enum { N_ROWS = sizeof rows / sizeof *rows };

check_fn *check_same_isa(check_fn *fn, enum tern_op op)
{
    int at = 0;
    while (at < N_ROWS && rows[at].fn != fn)
        at++;
    for (int i = 0; i < N_ROWS; i++)
        if (at < N_ROWS && rows[i].op == op && rows[i].isa == rows[at].isa)
            return rows[i].fn;
    fprintf(stderr, "kernels: %s lacks a row in kernels.def\n", ops[op].name);
    abort();
}

struct options {
    const char *isa, *op;
    uint64_t seed;
    int quick, bench, list, emulate;
};

static int usable(enum tern_isa isa, unsigned features)
{
    return (tern_isa_needs(isa) & features) == tern_isa_needs(isa);
}

static check_fn *slot(const struct tern_ops *table, enum tern_op op)
{
    switch (op) {
#define OP(name, class)                                                                                                \
    case TERN_OP_##name:                                                                                               \
        return (check_fn *)table->name;
#include "simd/ops.def"
#undef OP
    default: return NULL;
    }
}

/* A row is run for `isa` when the table of that ISA holds it, or when it is of that very ISA: a row shadowed by a later
   one of the same features is tested too. */
static int belongs(const struct row *row, enum tern_isa isa, const struct tern_ops *table)
{
    return row->isa == isa || (slot(table, row->op) == row->fn && row->fn != ops[row->op].ref);
}

static void run_row(struct check *t, const struct row *row)
{
    const struct op *op = &ops[row->op];
    long failed = t->failed;
    t->op = op->name;
    t->isa = row->provider ? row->provider : tern_isa_name(row->isa);
    t->fn = row->fn;
    t->ref = op->ref;
    t->near = NULL;
    t->work_gops = 0;
    t->cases = 0;
    t->group = NULL;
    if (t->bench)
        t->rng = rng_seeded(t->seed, op->name);
    op->check(t);
    check_group(t, NULL);
    if (!t->bench)
        printf("%-12s %-11s %s (%ld cases)\n", t->op, t->isa, t->failed > failed ? "FAILED" : "ok", t->cases);
    fflush(stdout);
}

static void list(unsigned have)
{
    for (int i = 0; i < N_ROWS; i++)
        printf("%-12s %-11s%s%s\n", ops[rows[i].op].name, tern_isa_name(rows[i].isa),
               rows[i].provider ? rows[i].provider : "",
               usable(rows[i].isa, have) ? "" : " (not supported by this CPU)");
}

static int bad(const char *what, const char *value)
{
    fprintf(stderr, "kernels: %s '%s'\n%s", what, value, usage);
    return 2;
}

/* 0, or the exit code. */
static int parse(struct options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(arg, "--quick")) {
            o->quick = 1;
        } else if (!strcmp(arg, "--bench")) {
            o->bench = 1;
        } else if (!strcmp(arg, "--list")) {
            o->list = 1;
        } else if (!strcmp(arg, "--emulate")) {
            o->emulate = 1;
        } else if (value && !strcmp(arg, "--isa")) {
            o->isa = value;
            i++;
        } else if (value && !strcmp(arg, "--op")) {
            o->op = value;
            i++;
        } else if (value && !strcmp(arg, "--seed")) {
            char *end;
            o->seed = strtoull(value, &end, 0);
            if (*end || !*value)
                return bad("not a number:", value);
            i++;
        } else {
            return bad("unknown option or no value:", arg);
        }
    }
    int known = !o->op;
    for (int i = 0; i < TERN_N_OPS; i++)
        known |= o->op && !strcmp(o->op, ops[i].name);
    return known ? 0 : bad("unknown op", o->op);
}

static void nothing(void *arg)
{
    (void)arg;
}

/* The rows of AMX alone, on a CPU without it. */
static int emulate_amx(const struct options *o, unsigned have)
{
    static struct check t;
    t.seed = o->seed;
    t.quick = o->quick;
    guard_call(nothing, NULL);
    for (int r = 0; r < N_ROWS; r++) {
        if (strcmp(tern_isa_name(rows[r].isa), "amx"))
            continue;
        if (usable(rows[r].isa, have) || !amx_emulator_start()) {
            fprintf(stderr, "kernels: nothing to emulate: this CPU has AMX\n");
            return 2;
        }
        run_row(&t, &rows[r]);
        const struct amx_counts n = amx_emulator_counts();
        printf("emulated: %ld configurations, %ld products, %ld loads, %ld stores\n", n.configurations, n.products,
               n.loads, n.stores);
    }
    printf("%ld passed, %ld failed\n", t.passed, t.failed);
    return t.failed || !t.passed ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct options o = {.seed = 1};
    int code = parse(&o, argc, argv);
    if (code)
        return code;
    unsigned have = tern_cpu_features();
    if (o.emulate)
        return emulate_amx(&o, have);
    if (o.list) {
        list(have);
        return 0;
    }
    if (o.isa) {
        tern_error err;
        unsigned features;
        if (tern_cpu_select(&features, o.isa, &err)) {
            fprintf(stderr, "kernels: %s\n", err.message);
            return 2;
        }
    }
    printf("seed %llu\n", (unsigned long long)o.seed);
    static struct check t;
    t.seed = o.seed;
    t.quick = o.quick;
    t.bench = o.bench;
    char done[N_ROWS] = {0};
    for (int i = 0; i < TERN_N_ISAS; i++) {
        enum tern_isa isa = (enum tern_isa)i;
        if (o.isa ? strcmp(o.isa, tern_isa_name(isa)) : !usable(isa, have))
            continue;
        struct tern_ops table;
        tern_table_build(&table, tern_isa_needs(isa));
        tern_libraries_add(&table, tern_isa_needs(isa));
        for (int r = 0; r < N_ROWS; r++) {
            if (done[r] || (o.op && strcmp(o.op, ops[rows[r].op].name)) || !belongs(&rows[r], isa, &table))
                continue;
            run_row(&t, &rows[r]);
            done[r] = 1;
        }
    }
    if (!o.bench)
        printf("%ld passed, %ld failed\n", t.passed, t.failed);
    return t.failed ? 1 : 0;
}
