/* Query, key and value of every mix of types: dense, block-sparse int8 of each shape, blocks of codes. Run together
   they give what each gives alone, stored densely: matrices that read packed rows share them only where they read them
   alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models/linear.h"
#include "quant/make_blocks.h"
#include "simd/cpu.h"
#include "tests/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A last panel that is half full, a k step that is odd, groups of which the last is short. */
enum { N = 40, K = 76, PANELS = 3, K4 = 19, WEIGHTS = PANELS * K4 * TERN_LINE, GROUP = 8, GROUPS = 3 };
enum { ROWS = 70, TILES = 2, LD = 128, THREADS = 2, MATRICES = 3, OUT = ROWS * N };

static const struct {
    int shape; /* -1: dense */
    enum tern_format format;
} kinds[] = {{-1, TERN_FORMAT_INT8},
             {TERN_BLOCK_16X4, TERN_FORMAT_INT8},
             {TERN_BLOCK_4X4, TERN_FORMAT_INT8},
             {TERN_BLOCK_1X4, TERN_FORMAT_INT8},
             {TERN_BLOCK_4X1, TERN_FORMAT_INT8},
             {TERN_BLOCK_16X4, TERN_FORMAT_INT4},
             {TERN_BLOCK_16X4, TERN_FORMAT_NF4},
             {TERN_BLOCK_4X4, TERN_FORMAT_INT4},
             {TERN_BLOCK_1X4, TERN_FORMAT_FP4}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static struct matrix {
    int8_t dense[WEIGHTS], value[4 * WEIGHTS];
    uint16_t index[WEIGHTS], count[PANELS * TERN_PANEL];
    int32_t first[PANELS + 1];
    uint8_t code[2 * WEIGHTS], mul[PANELS * GROUPS * TERN_PANEL];
    int16_t scale[PANELS * TERN_PANEL], bias[PANELS * TERN_PANEL];
    struct tern_linear stored, twin; /* twin: the same weights, dense */
    int16_t out[2][OUT];             /* of the twin alone, by row_counts */
} matrices[KINDS];
static const int row_counts[] = {2, ROWS};

static int8_t q[ROWS * LD] __attribute__((aligned(64)));
static struct tern_row rows[ROWS];
static struct tern_row_scale scales[MATRICES * ROWS];
static struct tern_pool *pools[THREADS + 1];
static struct tern_runner run;
static tern_error err;

/* Two fifths of the 16x4 blocks and as many of the other weights are zero, and all of panel 1. */
static void make_weights(struct matrix *m, int coded, struct rng *r)
{
    int whole = 0;
    for (int i = 0; i < WEIGHTS; i++) {
        whole = i % TERN_LINE ? whole : rng_between(r, 0, 4) < 2;
        const int zero = whole || rng_between(r, 0, 4) < 2 || i / (K4 * TERN_LINE) == 1;
        m->dense[i] = (int8_t)(zero ? 0 : coded ? rng_between(r, 0, 15) : rng_between(r, -127, 127));
    }
}

static void make(struct matrix *m, int kind, struct rng *r)
{
    const enum tern_format format = kinds[kind].format;
    const int coded = format != TERN_FORMAT_INT8;
    make_weights(m, coded, r);
    for (int i = 0; i < PANELS * TERN_PANEL; i++) {
        m->scale[i] = (int16_t)rng_between(r, 8000, 16384);
        m->bias[i] = (int16_t)rng_between(r, -100, 100);
    }
    m->stored = m->twin = (struct tern_linear){
        .mul = m->scale, .bias16 = m->bias, .kappa = {1 << 30, 51}, .wnorm2 = 127 * 127 * K, .n = N, .k = K};
    m->twin.weight = m->dense;
    if (kinds[kind].shape < 0) {
        m->stored.weight = m->dense;
        return;
    }
    struct tern_sparse w = {m->value, m->index, m->count, m->first, (enum tern_block_shape)kinds[kind].shape};
    tern_sparse_survey(m->dense, PANELS, K4, w.shape, m->count, m->first);
    if (coded)
        tern_sparse_pair(m->first, PANELS);
    tern_sparse_fill(m->dense, PANELS, K4, &w, m->value, m->index);
    m->stored.sparse = w;
    if (!coded)
        return;
    tern_sparse_codes(m->value, m->first[PANELS], tern_code_of_zero(format), m->code);
    m->stored.codes = (struct tern_codes){m->code, m->mul, tern_codebook(format), GROUP};
    for (int i = 0; i < PANELS * GROUPS * TERN_PANEL; i++)
        m->mul[i] = (uint8_t)rng_between(r, 1, m->stored.codes.book->most_mul);
    m->stored.sparse.value = NULL;
    tern_unpack_blocks_ref(&m->stored.sparse, &m->stored.codes, m->value, PANELS, K4);
    tern_sparse_expand(&w, m->dense, PANELS, K4);
}

static void check(const struct tern_ops *ops, const char *isa, const int *kind)
{
    static int16_t got[MATRICES][OUT];
    int16_t *const out[] = {got[0], got[1], got[2]};
    const struct tern_linear *w[MATRICES];
    for (int i = 0; i < MATRICES; i++)
        w[i] = &matrices[kind[i]].stored;
    run.ops = ops;
    for (int c = 0; c < 2; c++) {
        const struct tern_rows x = {q, rows, LD, row_counts[c], NULL};
        run.pool = pools[1 + (kind[0] + c) % THREADS];
        memset(got, 0x11, sizeof got);
        tern_linear_run(&run, TERN_STAGE_qkv, w, out, MATRICES, N, &x);
        for (int i = 0; i < MATRICES; i++)
            if (memcmp(got[i], matrices[kind[i]].out[c], (size_t)(row_counts[c] * N) * sizeof **got))
                fail_msg("%s, %d rows, kinds %d, %d, %d: matrix %d differs from its dense twin", isa, row_counts[c],
                         kind[0], kind[1], kind[2], i);
    }
}

static void test_every_mix(void **state)
{
    (void)state;
    for (int isa = 0; isa < TERN_N_ISAS; isa++) {
        unsigned features;
        struct tern_ops ops;
        const char *name = tern_isa_name((enum tern_isa)isa);
        if (tern_cpu_select(&features, name, NULL))
            continue;
        tern_table_build(&ops, features);
        for (int way = 0; way < 3; way++) { /* the ISA's own routes; all expanded or unpacked; all as stored */
            for (int s = 0; way && s < TERN_N_BLOCK_SHAPES; s++)
                for (int b = 0; b < TERN_ROW_BUCKETS; b++)
                    ops.routes.sparse.as_stored[s][b] = way == 2 ? 100 : 0;
            if (way)
                ops.routes.spmm_s4 = way == 2 ? TERN_ANY_ROWS : 0;
            for (int i = 0; i < KINDS * KINDS * KINDS; i++)
                check(&ops, name, (const int[]){i % KINDS, i / KINDS % KINDS, i / KINDS / KINDS});
        }
    }
}

static void *room(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!p)
        abort();
    return p;
}

static int set_up(void **state)
{
    (void)state;
    struct rng r = rng_seeded(1, "mixes");
    struct tern_ops scalar;
    tern_table_build(&scalar, 0);
    for (int i = 0; i < ROWS; i++) {
        rows[i].amax = (int32_t)rng_between(&r, 10000, 32767);
        for (int k = 0; k < K; k++) {
            const int v = (int)rng_between(&r, -127, 127);
            q[i * LD + k] = (int8_t)v;
            rows[i].norm2 += v * v;
        }
    }
    run.scale = scales;
    run.tile = room(THREADS * TERN_TILE * sizeof *run.tile);
    run.panels_bytes = TERN_UNPACKED_BYTES;
    run.panels = room(THREADS * TERN_UNPACKED_BYTES);
    run.packed_bytes = tern_spmm_scratch(TERN_TILE_ROWS, K4);
    run.packed = room(TILES * (size_t)run.packed_bytes);
    for (int threads = 1; threads <= THREADS; threads++)
        if (tern_pool_open(&pools[threads], threads, &err))
            return -1;
    run.ops = &scalar;
    run.pool = pools[1];
    for (int i = 0; i < KINDS; i++) {
        make(&matrices[i], i, &r);
        const struct tern_linear *const w = &matrices[i].twin;
        for (int c = 0; c < 2; c++) {
            int16_t *const out = matrices[i].out[c];
            const struct tern_rows x = {q, rows, LD, row_counts[c], NULL};
            tern_linear_run(&run, TERN_STAGE_qkv, &w, &out, 1, N, &x);
            if (out[0] == out[1] || abs(out[0]) > 30000) /* a check of nothing, or of saturation */
                return -1;
        }
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int threads = 1; threads <= THREADS; threads++)
        tern_pool_close(pools[threads]);
    free(run.tile);
    free(run.panels);
    free(run.packed);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_mix)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
