/* Cases for the op unpack_blocks: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "simd/codebook.h"
#include "tests/kernels/blocks.h"

enum { LINES, MULS, INDEX, COUNT, FIRST, VALUE };

struct args {
    enum tern_block_shape shape;
    const struct tern_codebook *book;
    int group, panels, k4, split;
};

/* All panels at once, or in two calls. */
static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    const struct tern_sparse w = {NULL, p[INDEX], p[COUNT], p[FIRST], a->shape};
    const struct tern_codes codes = {p[LINES], p[MULS], a->book, a->group};
    tern_unpack_blocks_fn *unpack = (tern_unpack_blocks_fn *)fn;
    if (!a->split) {
        unpack(&w, &codes, p[VALUE], a->panels, a->k4);
        return;
    }
    const struct tern_sparse rest = tern_sparse_at(&w, a->split);
    const struct tern_codes rest_codes = tern_sparse_codes_at(&w, &codes, a->split, a->k4);
    unpack(&rest, &rest_codes, (int8_t *)p[VALUE] + (ptrdiff_t)w.first[a->split] * TERN_LINE, a->panels - a->split,
           a->k4);
    unpack(&w, &codes, p[VALUE], a->split, a->k4);
}

static void one(struct check *t, enum tern_block_shape shape, enum tern_format format, enum density density, int group,
                int panels, int k4, enum check_fill lines, enum check_fill muls)
{
    static struct test_blocks b;
    test_blocks(t, &b, shape, density, panels, k4, 2);
    const struct args a = {
        shape, tern_codebook(format), group, panels, k4, panels > 1 && rng_between(&t->rng, 0, 1) ? panels / 2 : 0};
    const int bytes = b.lines ? b.lines / 2 * TERN_LINE : 1, groups = (k4 + group - 1) / group * panels;
    check_buf(t, LINES, "lines", CHECK_IN, 1, 1, bytes, bytes);
    check_fill(t, LINES, lines, -128, 127);
    check_buf(t, MULS, "multipliers", CHECK_IN, 1, 1, groups * TERN_PANEL, groups * TERN_PANEL);
    check_fill(t, MULS, muls, 1, a.book->most_mul);
    test_blocks_bufs(t, &b, INDEX, COUNT, FIRST);
    check_buf(t, VALUE, "values", CHECK_INOUT, 1, 1, 2 * bytes, 2 * bytes); /* what pads a panel's lines stays */
    t->work = 2.0 * bytes;
    check_run(t, call, &a, "shape %d, %s, density %d, group=%d panels=%d k4=%d split=%d lines=%s muls=%s", shape,
              tern_format_name(format), density, group, panels, k4, a.split, check_fill_name(lines),
              check_fill_name(muls));
}

static void shape_cases(struct check *t, enum tern_block_shape shape, enum tern_format format)
{
    for (int k4 = 1; k4 <= 70; k4 += t->quick && k4 > 4 ? 5 : 1)
        one(t, shape, format, (enum density)rng_between(&t->rng, FEW, MIXED), 8 << rng_between(&t->rng, 0, 2),
            1 + k4 % 4, k4, FILL_RANDOM, FILL_RANDOM);
    for (int density = 0; density < N_DENSITIES; density++)
        for (int group = 8; group <= 32; group *= 2)
            one(t, shape, format, (enum density)density, group, 5, 33 + density, FILL_RANDOM, FILL_RANDOM);
    one(t, shape, format, HALF, 8, 2, 300, FILL_RANDOM, FILL_RANDOM); /* more groups than a look-up holds */
    for (int lines = 0; lines < N_FILLS; lines++)
        for (int muls = 0; muls < N_FILLS; muls++)
            one(t, shape, format, HALF, 8 << lines % 3, 1 + (muls & 1), 1 + lines + muls, (enum check_fill)lines,
                (enum check_fill)muls);
    one(t, shape, format, ALL, 32, 1, 2048, FILL_MAX, FILL_MAX);
    one(t, shape, format, FIFTH, 16, 4, 768, FILL_RANDOM, FILL_EDGES);
}

void check_unpack_blocks(struct check *t)
{
    static const char *const names[] = {
#define SHAPE(id, name, ...) name,
#include "simd/shapes.def"
#undef SHAPE
    };
    for (int shape = 0; shape < TERN_BLOCK_4X1; shape++) {
        check_group(t, names[shape]);
        for (int format = 0; format < TERN_N_FORMATS; format++) {
            if (tern_format_bits((enum tern_format)format) != 4)
                continue;
            if (t->bench)
                one(t, (enum tern_block_shape)shape, (enum tern_format)format, FIFTH, 16, 48, 192, FILL_RANDOM,
                    FILL_RANDOM);
            else
                shape_cases(t, (enum tern_block_shape)shape, (enum tern_format)format);
        }
    }
}
