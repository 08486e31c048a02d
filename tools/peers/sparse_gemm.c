/* Tern's block-sparse int8 product beside its own dense one, libxsmm's sparse products in float, and oneDNN's dense
   int8, interleaved in one process: 768 x 768 weights, one thread.
     sparse_gemm [ROWS [ZEROS...]]      rows (tokens), a multiple of 16; per cent of the blocks that are zero
   TERN_ISA limits Tern to one ISA; otherwise each that the CPU has runs. Built and run by `make bench-sparse`. What the
   clock sees: Tern packs its rows, which libxsmm gets as it likes them, [input][row]; all weights are prepared before.
   libxsmm multiplies the nonzeros of the 16x4 row; its least time of three forms counts. Every result is compared with
   the reference's: integers, and floats as well, since all sums are below 2^24. */
#include "quant/make_blocks.h"
#include "simd/table.h"
#ifdef WITH_LIBXSMM
#include "tools/peers/libxsmm.h"
#endif
#ifdef WITH_ONEDNN
#include "tools/peers/onednn.h"
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    N = 768,
    K = 768,
    PANELS = N / TERN_PANEL,
    K4 = K / TERN_PANEL_K,
    STEP = TERN_PANEL * TERN_PANEL_K,
    ROUNDS = 40,
    BURST = 4,     /* timed calls of a round, after one that brings the weights near */
    LARGEST = 111, /* of weights: 222 different ones are few enough for libxsmm to keep in registers */
    MOST_RUNS = 64,
};

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void *take(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!p)
        exit(1);
    memset(p, 0, bytes);
    return p;
}

static uint32_t seed = 1;
static int rng(int least, int most)
{
    seed = seed * 1664525u + 1013904223u;
    return least + (int)((seed >> 8) % (unsigned)(most - least + 1));
}

/* A weight of one shape's blocks in all its forms, and the right result. */
struct problem {
    int m;
    int8_t *a;     /* [m][K] */
    int8_t *panel; /* dense */
    struct tern_sparse w;
    void *packed;
    int32_t *c, *right; /* [m][N] */
};

/* The place of w[n][k] in the panels. */
static int8_t *at(int8_t *panel, int n, int k)
{
    return panel + ((ptrdiff_t)(n / TERN_PANEL) * K4 + k / TERN_PANEL_K) * STEP + n % TERN_PANEL * TERN_PANEL_K +
           k % TERN_PANEL_K;
}

static void fill(struct problem *p, enum tern_block_shape shape, int m, int zeros)
{
    const int outputs = tern_block_outputs(shape), inputs = shape == TERN_BLOCK_4X1 ? 1 : TERN_PANEL_K;
    p->m = m;
    p->a = take((size_t)m * K);
    p->panel = take((size_t)N * K);
    p->packed = take((size_t)tern_spmm_scratch(TERN_SPMM_ROWS, K4));
    p->c = take((size_t)m * N * sizeof *p->c);
    p->right = take((size_t)m * N * sizeof *p->right);
    for (int i = 0; i < m * K; i++)
        p->a[i] = (int8_t)rng(-127, 127);
    for (int n = 0; n < N; n += outputs)
        for (int k = 0; k < K; k += inputs) {
            const int zero = rng(0, 99) < zeros;
            for (int i = 0; !zero && i < outputs * inputs; i++)
                *at(p->panel, n + i / inputs, k + i % inputs) =
                    (int8_t)(rng(0, 1) ? rng(1, LARGEST) : -rng(1, LARGEST));
        }
    uint16_t *count = take(sizeof *count * PANELS * TERN_PANEL);
    int32_t *first = take(sizeof *first * (PANELS + 1));
    tern_sparse_survey(p->panel, PANELS, K4, shape, count, first);
    int8_t *value = take((size_t)first[PANELS] * TERN_LINE + 1);
    uint16_t *index = take((size_t)first[PANELS] * (size_t)tern_line_indices(shape) * sizeof *index + 1);
    p->w = (struct tern_sparse){value, index, count, first, shape};
    tern_sparse_fill(p->panel, PANELS, K4, &p->w, value, index);
    const struct tern_ahead nothing = {NULL, 0};
    tern_gemm_s8_ref(p->a, K, p->panel, p->right, N, m, PANELS, K4, nothing);
}

static void discard(struct problem *p)
{
    free(p->a), free(p->panel), free(p->packed), free(p->c), free(p->right);
    free((void *)(uintptr_t)p->w.value), free((void *)(uintptr_t)p->w.index), free((void *)(uintptr_t)p->w.count);
    free((void *)(uintptr_t)p->w.first);
}

enum kind { DENSE, SPARSE, LIBXSMM, ONEDNN };

/* One row of the table. */
struct run {
    enum kind kind;
    char what[32];
    const char *isa;
    struct tern_ops ops;
    struct problem *p;
    double time[ROUNDS * BURST]; /* ascending in the end */
    int dense;                   /* the run of Tern's dense product on the same ISA */
#ifdef WITH_LIBXSMM
    struct xsmm xsmm;
    enum xsmm_form form;
    float *xt, *wt, *ct; /* [K][m], [N][K], [N][m] */
#endif
#ifdef WITH_ONEDNN
    struct onednn onednn;
    uint8_t *u; /* [m][K]: a + 128 */
    int8_t *wk; /* [K][N] */
    int32_t *c; /* [m][N] */
#endif
};

static void call(struct run *r)
{
    const struct problem *p = r->p;
    const struct tern_ahead nothing = {NULL, 0};
    if (r->kind == DENSE)
        r->ops.gemm_s8(p->a, K, p->panel, p->c, N, p->m, PANELS, K4, nothing);
    for (int i = 0; r->kind == SPARSE && i < p->m; i += TERN_SPMM_ROWS) {
        const int rows = p->m - i < TERN_SPMM_ROWS ? p->m - i : TERN_SPMM_ROWS;
        r->ops.spmm_pack(p->a + (ptrdiff_t)i * K, K, p->packed, p->w.shape, rows, K4);
        r->ops.spmm(p->packed, &p->w, p->c + (ptrdiff_t)i * N, N, rows, PANELS, K4);
    }
#ifdef WITH_LIBXSMM
    if (r->kind == LIBXSMM)
        xsmm_run(&r->xsmm, r->form);
#endif
#ifdef WITH_ONEDNN
    if (r->kind == ONEDNN)
        onednn_run(&r->onednn);
#endif
}

/* The result of the last call in row i, output j. */
static int64_t result(const struct run *r, int i, int j)
{
#ifdef WITH_LIBXSMM
    if (r->kind == LIBXSMM)
        return (int64_t)r->ct[(ptrdiff_t)j * r->p->m + i];
#endif
#ifdef WITH_ONEDNN
    if (r->kind == ONEDNN) {
        int32_t sum = 0;
        for (int k = 0; k < K; k++)
            sum += r->wk[(ptrdiff_t)k * N + j];
        return r->c[(ptrdiff_t)i * N + j] - 128 * sum;
    }
#endif
    return r->p->c[(ptrdiff_t)i * N + j];
}

static void check(struct run *r)
{
    if (r->kind == DENSE || r->kind == SPARSE)
        memset(r->p->c, 0x55, (size_t)r->p->m * N * sizeof *r->p->c);
    call(r);
    for (int i = 0; i < r->p->m; i++)
        for (int j = 0; j < N; j++)
            if (result(r, i, j) != r->p->right[(ptrdiff_t)i * N + j]) {
                fprintf(stderr, "sparse_gemm: %s %s: row %d, output %d is %lld instead of %d\n", r->what, r->isa, i, j,
                        (long long)result(r, i, j), r->p->right[(ptrdiff_t)i * N + j]);
                exit(1);
            }
}

#ifdef WITH_LIBXSMM
static int open_libxsmm(struct run *r, struct problem *p, enum xsmm_form form)
{
    static const char *const names[XSMM_FORMS] = {"slices", "registers", "packed"};
    r->kind = LIBXSMM, r->p = p, r->form = form, r->isa = libxsmm_get_target_arch();
    snprintf(r->what, sizeof r->what, "libxsmm f32, %s", names[form]);
    r->xt = take((size_t)K * (size_t)p->m * sizeof(float));
    r->wt = take((size_t)N * K * sizeof(float));
    r->ct = take((size_t)N * (size_t)p->m * sizeof(float));
    for (int i = 0; i < p->m; i++)
        for (int k = 0; k < K; k++)
            r->xt[(ptrdiff_t)k * p->m + i] = p->a[(ptrdiff_t)i * K + k];
    for (int n = 0; n < N; n++)
        for (int k = 0; k < K; k++)
            r->wt[(ptrdiff_t)n * K + k] = *at(p->panel, n, k);
    return xsmm_open(&r->xsmm, form, N, K, p->m, r->wt, r->xt, r->ct);
}
#endif

#ifdef WITH_ONEDNN
static void open_onednn(struct run *r, struct problem *p)
{
    r->kind = ONEDNN, r->p = p;
    snprintf(r->what, sizeof r->what, "oneDNN int8 dense");
    r->u = take((size_t)p->m * K);
    r->wk = take((size_t)N * K);
    r->c = take((size_t)p->m * N * sizeof *r->c);
    for (int i = 0; i < p->m * K; i++)
        r->u[i] = (uint8_t)(p->a[i] + 128);
    for (int n = 0; n < N; n++)
        for (int k = 0; k < K; k++)
            r->wk[(ptrdiff_t)k * N + n] = *at(p->panel, n, k);
    onednn_open(&r->onednn, p->m, N, K, r->u, r->wk, r->c);
    r->isa = r->onednn.implementation;
}
#endif

/* Tern's rows: dense and four shapes on each ISA that this CPU has, or on TERN_ISA alone. Returns how many. */
static int open_tern(struct run *runs, struct problem *problems)
{
    const char *only = getenv("TERN_ISA");
    int count = 0;
    for (int isa = only ? 0 : 1; isa < TERN_N_ISAS; isa++) {
        const char *name = tern_isa_name((enum tern_isa)isa);
        unsigned features;
        tern_error err;
        if ((only && strcmp(only, name)) || tern_cpu_select(&features, name, &err))
            continue;
        const int dense = count;
        for (int i = -1; i < TERN_N_BLOCK_SHAPES; i++) {
            struct run *r = &runs[count++];
            r->kind = i < 0 ? DENSE : SPARSE;
            r->p = &problems[i < 0 ? 0 : i];
            r->isa = name;
            r->dense = dense;
            snprintf(r->what, sizeof r->what, "%s", i < 0 ? "dense" : tern_block_shape_name((enum tern_block_shape)i));
            tern_table_build(&r->ops, features);
        }
    }
    return count;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(struct run *runs, int count)
{
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < count; i++) {
            call(&runs[i]);
            for (int j = 0; j < BURST; j++) {
                const double start = now_ms();
                call(&runs[i]);
                runs[i].time[round * BURST + j] = now_ms() - start;
            }
        }
    for (int i = 0; i < count; i++)
        qsort(runs[i].time, ROUNDS * BURST, sizeof(double), ascending);
}

/* How many times as long the fastest run of a kind takes; nothing if there is none. */
static void print_ratio(const struct run *runs, int count, enum kind kind, const struct run *r)
{
    double least = 0;
    for (int i = 0; i < count; i++)
        if (runs[i].kind == kind && (least == 0 || runs[i].time[0] < least))
            least = runs[i].time[0];
    if (least > 0)
        printf(" %.2f |", least / r->time[0]);
    else
        printf(" |");
}

static void table(int m, int zeros)
{
    struct problem problems[TERN_N_BLOCK_SHAPES];
    struct run *runs = take(MOST_RUNS * sizeof *runs);
    for (int i = 0; i < TERN_N_BLOCK_SHAPES; i++)
        fill(&problems[i], (enum tern_block_shape)i, m, zeros);
    int count = open_tern(runs, problems);
    const int tern = count;
#ifdef WITH_LIBXSMM
    for (int form = 0; form < XSMM_FORMS; form++)
        if (open_libxsmm(&runs[count], &problems[TERN_BLOCK_16X4], (enum xsmm_form)form))
            fprintf(stderr, "sparse_gemm: no %s\n", runs[count].what);
        else
            count++;
#endif
#ifdef WITH_ONEDNN
    open_onednn(&runs[count], &problems[TERN_BLOCK_16X4]);
    count++;
#endif
    for (int i = tern; i < count; i++)
        runs[i].dense = tern > 0 ? runs[tern - 1].dense : i;
    for (int i = 0; i < count; i++)
        check(&runs[i]);
    measure(runs, count);
    for (int i = 0; i < count; i++) {
        const struct run *r = &runs[i];
        printf("| %d %% | %s | %s | %.4f | %.4f | %.2f |", zeros, r->what, r->isa, r->time[0],
               r->time[ROUNDS * BURST / 2], runs[r->dense].time[0] / r->time[0]);
        print_ratio(runs, count, LIBXSMM, r);
        print_ratio(runs, count, ONEDNN, r);
        printf("\n");
    }
    for (int i = 0; i < count; i++) {
#ifdef WITH_LIBXSMM
        if (runs[i].kind == LIBXSMM)
            xsmm_close(&runs[i].xsmm, runs[i].form), free(runs[i].xt), free(runs[i].wt), free(runs[i].ct);
#endif
    }
    for (int i = 0; i < TERN_N_BLOCK_SHAPES; i++)
        discard(&problems[i]);
    free(runs);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const int m = argc > 1 ? atoi(argv[1]) : 64;
    if (m < 16 || m > 1024 || m % 16)
        return fprintf(stderr, "sparse_gemm: %s rows; a multiple of 16, up to 1024\n", argv[1]), 2;
    printf("%d x %d weights, %d rows, one thread, least and median of %d, ms\n\n", N, K, m, ROUNDS * BURST);
    printf("| zeros | product | ISA | least | median | Tern's dense / it | libxsmm / it | oneDNN / it |\n");
    printf("|---:|---|---|---:|---:|---:|---:|---:|\n");
    for (int i = 2; i < (argc > 2 ? argc : 3); i++) {
        const int zeros = argc > 2 ? atoi(argv[i]) : 80;
        if (zeros < 0 || zeros > 99)
            return fprintf(stderr, "sparse_gemm: %s per cent of zeros; 0 to 99\n", argv[i]), 2;
        table(m, zeros);
    }
    return 0;
}
