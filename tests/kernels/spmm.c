/* Cases for the op spmm: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/blocks.h"

enum { A, PACKED, VALUE, INDEX, COUNT, FIRST, C };

struct args {
    enum tern_block_shape shape;
    ptrdiff_t ld_a, ld_c;
    int m, panels, k4, split, is_pack, bench;
};

/* `fn` is the product or its packing: either is called with the other one of its ISA. All panels at once, or in two
   calls. A product alone is timed without packing; what the rows hold does not matter. */
static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    const struct tern_sparse w = {p[VALUE], p[INDEX], p[COUNT], p[FIRST], a->shape};
    check_fn *const other = check_same_isa(fn, a->is_pack ? TERN_OP_spmm : TERN_OP_spmm_pack);
    tern_spmm_pack_fn *const pack = (tern_spmm_pack_fn *)(a->is_pack ? fn : other);
    tern_spmm_fn *const spmm = (tern_spmm_fn *)(a->is_pack ? other : fn);
    if (!a->bench || a->is_pack)
        pack(p[A], a->ld_a, p[PACKED], a->shape, a->m, a->k4);
    if (a->bench && a->is_pack)
        return;
    if (a->split) {
        const struct tern_sparse rest = tern_sparse_at(&w, a->split);
        spmm(p[PACKED], &rest, (int32_t *)p[C] + (ptrdiff_t)a->split * TERN_PANEL, a->ld_c, a->m, a->panels - a->split,
             a->k4);
    }
    spmm(p[PACKED], &w, p[C], a->ld_c, a->m, a->split ? a->split : a->panels, a->k4);
}

static void zero_padding(int8_t *value, const uint16_t *index, int blocks)
{
    for (int b = 0; b < blocks; b++)
        for (int i = 1; i < 4; i++)
            for (int o = 0; index[4 * b + i] == index[4 * b + i - 1] && o < 4; o++)
                value[16 * b + 4 * o + i] = 0;
}

static void one(struct check *t, enum tern_block_shape shape, enum density density, int m, int panels, int k4,
                enum check_fill a_fill, enum check_fill value_fill)
{
    static struct test_blocks b;
    test_blocks(t, &b, shape, density, panels, k4, 1);
    const uint16_t *const index = b.index, *const count = b.count;
    const int32_t *const first = b.first;
    const int strips = tern_block_strips(shape), per_line = tern_line_indices(shape), lines = b.lines;
    const int k = k4 * TERN_PANEL_K, n = panels * TERN_PANEL, gap = check_param(t, 0, 19);
    const struct args a = {.shape = shape,
                           .ld_a = k + gap,
                           .ld_c = n + gap,
                           .m = m,
                           .panels = panels,
                           .k4 = k4,
                           .split = panels > 1 && rng_between(&t->rng, 0, 1) ? panels / 2 : 0,
                           .is_pack = !strcmp(t->op, "spmm_pack"),
                           .bench = t->bench};
    check_buf(t, A, "a", CHECK_IN, 1, m, k, a.ld_a);
    check_fill(t, A, a_fill, -127, 127);
    check_buf(t, PACKED, "packed", CHECK_SCRATCH, 64, 1, (int)(tern_spmm_scratch(m, k4) + 63) / 64,
              (tern_spmm_scratch(m, k4) + 63) / 64);
    int8_t *value = check_buf(t, VALUE, "values", CHECK_IN, 1, 1, lines ? lines * 64 : 1, lines ? lines * 64 : 1);
    check_fill(t, VALUE, value_fill, -127, 127);
    for (int p = 0; shape == TERN_BLOCK_4X1 && p < panels; p++) {
        int blocks = 0;
        for (int s = 0; s < strips; s++)
            blocks += count[p * strips + s];
        zero_padding(value + first[p] * 64, index + first[p] * per_line, blocks);
    }
    test_blocks_bufs(t, &b, INDEX, COUNT, FIRST);
    check_buf(t, C, "c", CHECK_OUT, sizeof(int32_t), m, n, a.ld_c);
    t->work = a.is_pack ? m * k : 2.0 * m * n * k; /* of the dense product */
    t->work_gops = !a.is_pack;
    check_run(t, call, &a, "shape %d, density %d, m=%d panels=%d k4=%d split=%d a=%s values=%s", shape, density, m,
              panels, k4, a.split, check_fill_name(a_fill), check_fill_name(value_fill));
}

static void shape_cases(struct check *t, enum tern_block_shape shape)
{
    for (int k4 = 1; k4 <= 20; k4 += t->quick && k4 > 4 ? 5 : 1)
        for (int m = 1; m <= 18; m += t->quick && m > 5 ? 6 : 1)
            one(t, shape, (enum density)rng_between(&t->rng, FEW, MIXED), m, 1 + (m + k4) % 4, k4, FILL_RANDOM,
                FILL_RANDOM);
    for (int m = 19; m <= TERN_SPMM_ROWS; m += t->quick ? 9 : 1)
        one(t, shape, m & 1 ? FIFTH : MIXED, m, 1 + m % 3, 30 + m, FILL_RANDOM, FILL_RANDOM);
    for (int density = 0; density < N_DENSITIES; density++)
        for (int m = 1; m <= TERN_SPMM_ROWS; m = m * 2 + (m & 1))
            one(t, shape, (enum density)density, m, 5, 33, FILL_RANDOM, FILL_RANDOM);
    for (int a = 0; a < N_FILLS; a++)
        for (int v = 0; v < N_FILLS; v++)
            one(t, shape, HALF, 1 + (3 * a + 7 * v) % 40, 1 + (a & 1), 1 + (a + v) * 3, (enum check_fill)a,
                (enum check_fill)v);
    for (int m = 1; m <= 4; m++) /* more blocks of a panel than kernels for few rows keep running sums of */
        one(t, shape, HALF, m, 2, 300, FILL_RANDOM, FILL_RANDOM);
    one(t, shape, ALL, 3, 1, 2048, FILL_MAX, FILL_MAX);
    one(t, shape, ALL, 17, 1, 2048, FILL_MIN, FILL_MAX);
    one(t, shape, FIFTH, 64, 4, 768, FILL_RANDOM, FILL_EDGES);
}

void check_spmm(struct check *t)
{
    static const char *const names[] = {"16x4", "4x4", "1x4", "4x1"};
    static const int rows[] = {1, 4, 16, 64};
    for (int shape = 0; shape < TERN_N_BLOCK_SHAPES; shape++) {
        if (t->bench) {
            for (int i = 0; i < 4; i++)
                one(t, (enum tern_block_shape)shape, FIFTH, rows[i], 48, 192, FILL_RANDOM, FILL_RANDOM);
            continue;
        }
        check_group(t, names[shape]);
        shape_cases(t, (enum tern_block_shape)shape);
    }
}
