/* What a test of one op is made of. tests/kernels/<op>.c defines check_<op>(): it declares the buffers of one call,
   fills them, and check_run() does the rest: reference, kernel at three places between guard pages, comparison, or
   timing. There is one such file per op and nothing per kernel: kernels come from kernels.def. */
#ifndef TESTS_KERNELS_CHECK_H
#define TESTS_KERNELS_CHECK_H

#include "simd/table.h"
#include "tests/kernels/guard.h"
#include "tests/rng.h"

/* Any op's function; cast back to its type by the one that calls it. */
typedef void check_fn(void);

enum check_kind {
    CHECK_IN,     /* must not change */
    CHECK_OUT,    /* every named element is written, nothing else */
    CHECK_INOUT,  /* likewise, and what it holds before matters */
    CHECK_SCRATCH /* filled by the call itself: guarded, not compared */
};

enum check_fill {
    FILL_MIN,
    FILL_MAX,
    FILL_ALTERNATE, /* min, max, min, ...: the other way round in the next row */
    FILL_ONE_HOT,   /* zeros and one extreme per row */
    FILL_LAST,      /* the same, in the last column: a tail that is forgotten shows */
    FILL_ZERO,
    FILL_ROWS,   /* one value per row */
    FILL_EDGES,  /* extremes, powers of two, and their neighbours */
    FILL_SMALL,  /* -3 .. 3 */
    FILL_PEAKED, /* mostly within a fifth of the range, as a text's rows are, and few up to its ends */
    FILL_RANDOM,
    N_FILLS
};

enum { CHECK_BUFS = 10 };

struct check_buf {
    const char *name;
    enum check_kind kind;
    size_t element, rows, n, ld;
    size_t bytes; /* ((rows - 1) * ld + n) * element: the last row has no gap behind it */
    uint8_t *master, *expect, *at;
    struct guard guard;
};

struct check {
    check_fn *fn, *ref;
    const char *op, *isa;
    struct rng rng;
    uint64_t seed;
    int quick, bench;
    /* FLOAT ops: whether `got` is good enough for element (i, j) of an output. NULL: the reference's bits. */
    int (*near)(const void *args, size_t i, size_t j, const void *got);
    double work;   /* bench: elements per call, or operations */
    int work_gops; /* bench: work counts operations; GOP/s is shown */

    const char *group;
    int group_cases, group_failures;
    long cases, passed, failed;
    struct check_buf buf[CHECK_BUFS];
    int bufs;
};

/* Calls fn with the buffers at p[0], p[1], ...: buffer i at p[i]. A returned value goes to an output buffer. */
typedef void check_call(check_fn *fn, void *const *p, const void *args);

/* The kernel of `op` for the ISA that the kernel `fn` is for: what else a call of `fn` needs. */
check_fn *check_same_isa(check_fn *fn, enum tern_op op);

/* A new set of related cases; counted as one test. */
void check_group(struct check *t, const char *name);

/* Declares buffer `i` of the next run and returns the memory to fill in; gaps and outputs already hold noise. */
void *check_buf(struct check *t, int i, const char *name, enum check_kind kind, size_t element, int rows, int n,
                ptrdiff_t ld);

/* Fills buffer i (signed integers of 1, 2 or 4 bytes) with values in [lo, hi]. */
void check_fill(struct check *t, int i, enum check_fill fill, int64_t lo, int64_t hi);
const char *check_fill_name(enum check_fill fill);

/* Runs one case. Returns 1 when the kernel's results are right (then `expect` of each output holds them). The format
   describes the case in a failure. */
int check_run(struct check *t, check_call *call, const void *args, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* What the reference wrote to output i in the last run. */
const void *check_expected(const struct check *t, int i);

/* An invariant of the reference's result. */
void check_that(struct check *t, int condition, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Sizes to try: 1 .. `tail`, then realistic widths (`wide`) or token counts; 0 ends the list. Fewer with --quick. */
enum { CHECK_TAIL = 130 }; /* twice the widest vector in its smallest element, plus two */
int check_size(const struct check *t, int k, int tail, int wide);

/* One of the values that a parameter in [lo, hi] gets: both ends often, else anything between; lo when timing. */
int check_param(struct check *t, int lo, int hi);

#define OP(name, class) void check_##name(struct check *t);
#include "simd/ops.def"
#undef OP

#endif
