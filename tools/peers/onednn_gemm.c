/* Tern's int8 GEMM beside oneDNN's, interleaved in one process, on the matrices of the DistilBERT shape.
     onednn_gemm [ISA] [ROWS...]        ISA: a name of simd/isa.def; DNNL_MAX_CPU_ISA limits oneDNN (AVX2, AVX512_CORE
   ...) Built and run by `make bench-onednn`. oneDNN gets u8 activations and the weights in the layout that it picks
   itself, packed before the clock starts. Last column: outputs that oneDNN gets wrong when all operands are at their
   extremes; without VNNI it adds two products in 16 bits, which saturate. */
#include "simd/table.h"
#include "tools/peers/onednn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 15, SHAPES = 3 };

static const struct {
    int n, k, per_layer; /* how often a layer has it */
} shapes[SHAPES] = {{768, 768, 4}, {3072, 768, 1}, {768, 3072, 1}};

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
    return p;
}

struct operands {
    uint8_t *x; /* [m][k] */
    int8_t *a;  /* [m][k]: x - 128 */
    int8_t *w;  /* [k][n] */
    int8_t *b;  /* panels */
    int32_t *theirs, *ours;
};

/* Random within [-127, 127], or (extreme) at the ends of it, where x is 255 and w 127. */
static void fill(struct operands *o, int m, int n, int k, int extreme)
{
    uint32_t seed = 1;
    for (int i = 0; i < m * k; i++) {
        seed = seed * 1664525u + 1013904223u;
        o->a[i] = (int8_t)(extreme ? 127 : (int)(seed >> 16) % 255 - 127);
        o->x[i] = (uint8_t)(o->a[i] + 128);
    }
    for (int i = 0; i < k; i++)
        for (int j = 0; j < n; j++) {
            seed = seed * 1664525u + 1013904223u;
            const int8_t w = (int8_t)(extreme ? 127 : (int)(seed >> 16) % 255 - 127);
            o->w[(ptrdiff_t)i * n + j] = w;
            o->b[((ptrdiff_t)(j / 16) * (k / 4) + i / 4) * 64 + j % 16 * 4 + i % 4] = w;
        }
}

/* Their sums exceed ours by 128 times the column's. */
static int wrong(const struct operands *o, int m, int n, int k)
{
    int count = 0;
    for (int j = 0; j < n; j++) {
        int32_t column = 0;
        for (int i = 0; i < k; i++)
            column += o->w[(ptrdiff_t)i * n + j];
        for (int i = 0; i < m; i++)
            count += o->theirs[(ptrdiff_t)i * n + j] - 128 * column != o->ours[(ptrdiff_t)i * n + j];
    }
    return count;
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

struct times {
    double ours, theirs;
};

static struct times measure(const struct tern_ops *ops, int m, int which)
{
    const int n = shapes[which].n, k = shapes[which].k;
    const size_t mk = (size_t)m * (size_t)k, nk = (size_t)n * (size_t)k, mn = (size_t)m * (size_t)n * 4;
    struct operands o = {take(mk), take(mk), take(nk), take(nk), take(mn), take(mn)};
    int saturated = 0;
    struct times t = {1e9, 1e9};
    const struct tern_ahead nothing = {NULL, 0};
    struct onednn peer;
    for (int extreme = 1; extreme >= 0; extreme--) {
        fill(&o, m, n, k, extreme);
        onednn_open(&peer, m, n, k, o.x, o.w, o.theirs);
        for (int round = 0; round < (extreme ? 1 : ROUNDS); round++) {
            double start = now_ms();
            ops->gemm_s8(o.a, k, o.b, o.ours, n, m, n / 16, k / 4, nothing);
            double middle = now_ms();
            onednn_run(&peer);
            double end = now_ms();
            if (!extreme) {
                t.ours = least(t.ours, middle - start);
                t.theirs = least(t.theirs, end - middle);
            }
        }
        if (extreme)
            saturated = wrong(&o, m, n, k);
    }
    const double gop = 2e-6 * m * n * k;
    printf("| %d | %d x %d | %.4f | %.0f | %.4f | %.0f | %.2f | %s | %d of %d |\n", m, n, k, t.ours, gop / t.ours,
           t.theirs, gop / t.theirs, t.theirs / t.ours, peer.implementation, saturated, m * n);
    free(o.x), free(o.a), free(o.w), free(o.b), free(o.theirs), free(o.ours);
    return t;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    unsigned features;
    tern_error err;
    struct tern_ops ops;
    if (tern_cpu_select(&features, argc > 1 ? argv[1] : NULL, &err))
        return fprintf(stderr, "onednn_gemm: %s\n", err.message), 2;
    tern_table_build(&ops, features);
    printf("gemm_s8 %s against oneDNN %d.%d, one thread, least of %d, ms\n\n",
           tern_isa_name(tern_table_isa(TERN_OP_gemm_s8, features)), dnnl_version()->major, dnnl_version()->minor,
           ROUNDS);
    printf("| rows | n x k | tern | GOP/s | oneDNN | GOP/s | oneDNN / tern | implementation | oneDNN wrong |\n");
    printf("|---:|---|---:|---:|---:|---:|---:|---|---|\n");
    static const int usual[] = {16, 128, 384};
    for (int i = 0; i < (argc > 2 ? argc - 2 : 3); i++) {
        const int m = argc > 2 ? atoi(argv[i + 2]) : usual[i];
        if (m < 1 || m > 4096)
            return fprintf(stderr, "onednn_gemm: %s rows; 1 to 4096\n", argv[i + 2]), 2;
        struct times all = {0, 0};
        for (int s = 0; s < SHAPES; s++) {
            const struct times t = measure(&ops, m, s);
            all.ours += t.ours * shapes[s].per_layer;
            all.theirs += t.theirs * shapes[s].per_layer;
        }
        printf("| %d | all of 6 layers | %.3f | | %.3f | | %.2f | | |\n", m, 6 * all.ours, 6 * all.theirs,
               all.theirs / all.ours);
    }
    return 0;
}
