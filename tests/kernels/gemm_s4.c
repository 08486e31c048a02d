/* Cases for the op gemm_s4: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/codes.h"

enum { A = 2, C };

struct args {
    struct tern_codes w;
    ptrdiff_t ld_a, ld_c;
    int m, panels, k4;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    const struct tern_codes w = codes_at(&a->w, p);
    ((tern_gemm_s4_fn *)fn)(p[A], a->ld_a, &w, p[C], a->ld_c, a->m, a->panels, a->k4);
}

static void one(struct check *t, enum tern_format format, int group, int m, int panels, int k4, int gap,
                enum check_fill a_fill, enum check_fill lines, enum check_fill muls)
{
    const int k = k4 * TERN_PANEL_K, n = panels * TERN_PANEL;
    const struct args a = {test_codes(t, format, group, panels, k4, lines, muls), k + gap, n + gap, m, panels, k4};
    check_buf(t, A, "a", CHECK_IN, 1, m, k, a.ld_a);
    check_fill(t, A, a_fill, -127, 127);
    check_buf(t, C, "c", CHECK_OUT, sizeof(int32_t), m, n, a.ld_c);
    t->work = 2.0 * m * n * k;
    t->work_gops = 1;
    check_run(t, call, &a, "%s group=%d m=%d panels=%d k4=%d gap=%d a=%s lines=%s muls=%s", tern_format_name(format),
              group, m, panels, k4, gap, check_fill_name(a_fill), check_fill_name(lines), check_fill_name(muls));
}

void check_gemm_s4(struct check *t)
{
    for (int format = 0; format < TERN_N_FORMATS; format++) {
        if (tern_format_bits((enum tern_format)format) != 4)
            continue;
        const enum tern_format f = (enum tern_format)format;
        if (t->bench) {
            for (int m = 1; m <= 16; m *= 2)
                one(t, f, 16, m, 48, 192, 0, FILL_RANDOM, FILL_RANDOM, FILL_RANDOM);
            continue;
        }
        check_group(t, tern_format_name(f));
        for (int i = 0, k4; (k4 = test_depth(t, i)) > 0; i++)
            for (int m = 1; m <= 10; m++)
                one(t, f, test_group(t, f), m, 1 + (i + m) % 4, k4, check_param(t, 0, 19), FILL_RANDOM, FILL_RANDOM,
                    FILL_RANDOM);
        for (int fill = 0; fill < N_FILLS; fill++)
            for (int lines = 0; lines < N_FILLS; lines++)
                one(t, f, test_group(t, f), 1 + fill % 5, 1 + lines % 3, (int)rng_between(&t->rng, 1, 40), 0,
                    (enum check_fill)fill, (enum check_fill)lines, lines & 1 ? FILL_MAX : FILL_RANDOM);
        one(t, f, 32, 2, 1, 2048, 0, FILL_MAX, FILL_ZERO, FILL_MAX);
        one(t, f, 0, 1, 1, 8192, 0, FILL_MIN, FILL_MAX, FILL_MAX);
    }
}
