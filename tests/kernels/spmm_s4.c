/* Cases for the op spmm_s4: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "simd/codebook.h"
#include "tests/kernels/blocks.h"

enum { LINES, MULS, INDEX, COUNT, FIRST, A, PACKED, C };

struct args {
    const struct tern_codebook *book;
    ptrdiff_t ld_a, ld_c;
    int group, m, panels, k4, split, is_pack, bench;
};

/* As in spmm.c. */
static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    const struct tern_sparse w = {NULL, p[INDEX], p[COUNT], p[FIRST], TERN_BLOCK_16X4};
    const struct tern_codes codes = {p[LINES], p[MULS], a->book, a->group};
    check_fn *const other = check_same_isa(fn, a->is_pack ? TERN_OP_spmm_s4 : TERN_OP_spmm_s4_pack);
    tern_spmm_s4_pack_fn *const pack = (tern_spmm_s4_pack_fn *)(a->is_pack ? fn : other);
    tern_spmm_s4_fn *const spmm = (tern_spmm_s4_fn *)(a->is_pack ? other : fn);
    if (!a->bench || a->is_pack)
        pack(p[A], a->ld_a, p[PACKED], a->book, a->m, a->k4);
    if (a->bench && a->is_pack)
        return;
    if (a->split) {
        const struct tern_sparse rest = tern_sparse_at(&w, a->split);
        const struct tern_codes rest_codes = tern_sparse_codes_at(&w, &codes, a->split, a->k4);
        spmm(p[PACKED], &rest, &rest_codes, (int32_t *)p[C] + (ptrdiff_t)a->split * TERN_PANEL, a->ld_c, a->m,
             a->panels - a->split, a->k4);
    }
    spmm(p[PACKED], &w, &codes, p[C], a->ld_c, a->m, a->split ? a->split : a->panels, a->k4);
}

static void one(struct check *t, enum tern_format format, enum density density, int group, int m, int panels, int k4,
                enum check_fill a_fill, enum check_fill lines, enum check_fill muls)
{
    static struct test_blocks b;
    test_blocks(t, &b, TERN_BLOCK_16X4, density, panels, k4, 2);
    const int k = k4 * TERN_PANEL_K, n = panels * TERN_PANEL, gap = check_param(t, 0, 19);
    const struct args a = {.book = tern_codebook(format),
                           .ld_a = k + gap,
                           .ld_c = n + gap,
                           .group = group,
                           .m = m,
                           .panels = panels,
                           .k4 = k4,
                           .split = panels > 1 && rng_between(&t->rng, 0, 1) ? panels / 2 : 0,
                           .is_pack = !strcmp(t->op, "spmm_s4_pack"),
                           .bench = t->bench};
    const int bytes = b.lines ? b.lines / 2 * TERN_LINE : 1, groups = (k4 + group - 1) / group * panels;
    const int scratch = (int)(tern_spmm_scratch(m, k4) + 63) / 64;
    check_buf(t, LINES, "lines", CHECK_IN, 1, 1, bytes, bytes);
    check_fill(t, LINES, lines, -128, 127);
    check_buf(t, MULS, "multipliers", CHECK_IN, 1, 1, groups * TERN_PANEL, groups * TERN_PANEL);
    check_fill(t, MULS, muls, 1, a.book->most_mul);
    test_blocks_bufs(t, &b, INDEX, COUNT, FIRST);
    check_buf(t, A, "a", CHECK_IN, 1, m, k, a.ld_a);
    check_fill(t, A, a_fill, -127, 127);
    check_buf(t, PACKED, "packed", CHECK_SCRATCH, 64, 1, scratch, scratch);
    check_buf(t, C, "c", CHECK_OUT, sizeof(int32_t), m, n, a.ld_c);
    t->work = a.is_pack ? m * k : 2.0 * m * n * k; /* of the dense product */
    t->work_gops = !a.is_pack;
    check_run(t, call, &a, "%s, density %d, group=%d m=%d panels=%d k4=%d split=%d a=%s lines=%s muls=%s",
              tern_format_name(format), density, group, m, panels, k4, a.split, check_fill_name(a_fill),
              check_fill_name(lines), check_fill_name(muls));
}

static void format_cases(struct check *t, enum tern_format format)
{
    for (int k4 = 1; k4 <= 34; k4 += t->quick && k4 > 4 ? 5 : 1)
        for (int m = 1; m <= 10; m += t->quick && m > 5 ? 3 : 1)
            one(t, format, (enum density)rng_between(&t->rng, FEW, MIXED), 8 << rng_between(&t->rng, 0, 2), m,
                1 + (m + k4) % 4, k4, FILL_RANDOM, FILL_RANDOM, FILL_RANDOM);
    for (int density = 0; density < N_DENSITIES; density++)
        for (int m = 1; m <= TERN_SPMM_ROWS; m = m * 2 + (m & 1))
            one(t, format, (enum density)density, 8 << density % 3, m, 5, 67, FILL_RANDOM, FILL_RANDOM, FILL_RANDOM);
    for (int a = 0; a < N_FILLS; a++)
        for (int lines = 0; lines < N_FILLS; lines++)
            one(t, format, HALF, 8 << a % 3, 1 + (3 * a + 7 * lines) % 6, 1 + (a & 1), 1 + (a + lines) * 3,
                (enum check_fill)a, (enum check_fill)lines, lines & 1 ? FILL_MAX : FILL_RANDOM);
    one(t, format, ALL, 32, 2, 1, 2048, FILL_MAX, FILL_ZERO, FILL_MAX);
    one(t, format, ALL, 8, 3, 1, 8192, FILL_MIN, FILL_MAX, FILL_MAX);
}

void check_spmm_s4(struct check *t)
{
    for (int format = 0; format < TERN_N_FORMATS; format++) {
        if (tern_format_bits((enum tern_format)format) != 4)
            continue;
        if (!t->bench) {
            check_group(t, tern_format_name((enum tern_format)format));
            format_cases(t, (enum tern_format)format);
            continue;
        }
        for (int m = 1; m <= 16; m *= 2)
            one(t, (enum tern_format)format, FIFTH, 16, m, 48, 192, FILL_RANDOM, FILL_RANDOM, FILL_RANDOM);
    }
}
