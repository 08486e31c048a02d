/* Cases for the op gemm_lut: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/codes.h"

#include <stdlib.h>

enum { TABLE = 2, SUM, C };

struct args {
    struct tern_codes w;
    ptrdiff_t ld_table, ld_sum, ld_c;
    int m, panels, k4;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    const struct tern_codes w = codes_at(&a->w, p);
    ((tern_gemm_lut_fn *)fn)(p[TABLE], a->ld_table, p[SUM], a->ld_sum, &w, p[C], a->ld_c, a->m, a->panels, a->k4);
}

/* The tables of one row of activations: extremes, or random. */
static void make_tables(struct check *t, uint8_t *table, int32_t *sum, int k4, enum check_fill fill)
{
    int8_t *a = malloc((size_t)k4 * TERN_PANEL_K);
    if (!a)
        abort();
    for (int i = 0; i < k4 * TERN_PANEL_K; i++)
        a[i] = (int8_t)(fill == FILL_MIN         ? -127
                        : fill == FILL_MAX       ? 127
                        : fill == FILL_ALTERNATE ? (i & 1 ? 127 : -127)
                        : fill == FILL_ZERO      ? 0
                                                 : rng_between(&t->rng, -127, 127));
    tern_lut_ref(a, table, sum, k4);
    free(a);
}

static void one(struct check *t, enum tern_format format, int group, int m, int panels, int k4, int gap,
                enum check_fill a_fill, enum check_fill lines, enum check_fill muls)
{
    const int blocks = tern_blocks(k4), n = panels * TERN_PANEL, bytes = blocks * TERN_LUT_BLOCK;
    const struct args a = {
        test_codes(t, format, group, panels, k4, lines, muls), bytes + gap, blocks + gap, n + gap, m, panels, k4};
    uint8_t *table = check_buf(t, TABLE, "table", CHECK_IN, 1, m, bytes, a.ld_table);
    int32_t *sum = check_buf(t, SUM, "sum", CHECK_IN, sizeof(int32_t), m, blocks, a.ld_sum);
    for (int i = 0; i < m; i++)
        make_tables(t, table + i * a.ld_table, sum + i * a.ld_sum, k4, a_fill);
    check_buf(t, C, "c", CHECK_OUT, sizeof(int32_t), m, n, a.ld_c);
    t->work = 2.0 * m * n * k4 * TERN_PANEL_K;
    t->work_gops = 1;
    check_run(t, call, &a, "%s group=%d m=%d panels=%d k4=%d gap=%d a=%s lines=%s muls=%s", tern_format_name(format),
              group, m, panels, k4, gap, check_fill_name(a_fill), check_fill_name(lines), check_fill_name(muls));
}

void check_gemm_lut(struct check *t)
{
    static const enum check_fill fills[] = {FILL_MIN, FILL_MAX, FILL_ALTERNATE, FILL_ZERO, FILL_RANDOM};
    for (int format = 0; format < TERN_N_FORMATS; format++) {
        if (tern_format_bits((enum tern_format)format) > 3)
            continue;
        const enum tern_format f = (enum tern_format)format;
        const int grouped = tern_format_grouped(f);
        if (t->bench) {
            for (int m = 1; m <= 16; m *= 2)
                one(t, f, grouped ? 16 : 0, m, 48, 192, 0, FILL_RANDOM, FILL_RANDOM, FILL_RANDOM);
            continue;
        }
        check_group(t, tern_format_name(f));
        for (int i = 0, k4; (k4 = test_depth(t, i)) > 0; i++)
            for (int m = 1; m <= 6; m++)
                one(t, f, test_group(t, f), m, 1 + (i + m) % 4, k4, check_param(t, 0, 19), FILL_RANDOM, FILL_RANDOM,
                    FILL_RANDOM);
        for (int fill = 0; fill < 5; fill++)
            for (int lines = 0; lines < N_FILLS; lines++)
                one(t, f, test_group(t, f), 1 + fill % 5, 1 + lines % 3, (int)rng_between(&t->rng, 1, 90), 0,
                    fills[fill], (enum check_fill)lines, lines & 1 ? FILL_MAX : FILL_RANDOM);
        one(t, f, 0, 2, 1, 8192, 0, FILL_MAX, FILL_MIN, FILL_MAX);
        one(t, f, grouped ? 32 : 0, 1, 1, 2050, 0, FILL_MIN, FILL_MAX, FILL_MAX);
    }
}
