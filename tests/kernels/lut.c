/* Cases for the op lut: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/check.h"

enum { A, TABLE, SUM };

static void call(check_fn *fn, void *const *p, const void *args)
{
    ((tern_lut_fn *)fn)(p[A], p[TABLE], p[SUM], *(const int *)args);
}

static void one(struct check *t, int k4, enum check_fill fill)
{
    const int blocks = tern_blocks(k4), bytes = blocks * TERN_LUT_BLOCK;
    check_buf(t, A, "a", CHECK_IN, 1, 1, k4 * TERN_PANEL_K, k4 * TERN_PANEL_K);
    check_fill(t, A, fill, -127, 127);
    check_buf(t, TABLE, "table", CHECK_OUT, 1, 1, bytes, bytes);
    check_buf(t, SUM, "sum", CHECK_OUT, sizeof(int32_t), 1, blocks, blocks);
    t->work = k4 * TERN_PANEL_K;
    check_run(t, call, &k4, "k4=%d fill=%s", k4, check_fill_name(fill));
}

void check_lut(struct check *t)
{
    if (t->bench) {
        one(t, 192, FILL_RANDOM);
        return;
    }
    check_group(t, "sizes and fills");
    for (int k4 = 1; k4 <= 70; k4 += t->quick && k4 > 9 ? 7 : 1)
        for (int fill = 0; fill < N_FILLS; fill++)
            one(t, k4, (enum check_fill)fill);
}
