/* Cases for the op unpack: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/codes.h"

enum { OUT = 2 };

struct args {
    struct tern_codes w;
    int panels, k4;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    const struct tern_codes w = codes_at(&a->w, p);
    ((tern_unpack_fn *)fn)(&w, p[OUT], a->panels, a->k4);
}

static void one(struct check *t, enum tern_format format, int group, int panels, int k4, enum check_fill lines,
                enum check_fill muls)
{
    const struct args a = {test_codes(t, format, group, panels, k4, lines, muls), panels, k4};
    const int bytes = panels * k4 * TERN_LINE;
    check_buf(t, OUT, "out", CHECK_OUT, 1, 1, bytes, bytes);
    t->work = bytes;
    check_run(t, call, &a, "%s group=%d panels=%d k4=%d lines=%s muls=%s", tern_format_name(format), group, panels, k4,
              check_fill_name(lines), check_fill_name(muls));
}

void check_unpack(struct check *t)
{
    for (int format = TERN_FORMAT_INT4; format < TERN_N_FORMATS; format++) {
        const enum tern_format f = (enum tern_format)format;
        if (tern_format_is_bytes(f))
            continue;
        if (t->bench) {
            one(t, f, tern_format_grouped(f) ? 16 : 0, 2, 192, FILL_RANDOM, FILL_RANDOM);
            continue;
        }
        check_group(t, tern_format_name(f));
        for (int i = 0, k4; (k4 = test_depth(t, i)) > 0; i++)
            for (int panels = 1; panels <= 3; panels++)
                one(t, f, test_group(t, f), panels, k4, FILL_RANDOM, FILL_RANDOM);
        for (int fill = 0; fill < N_FILLS; fill++)
            for (int muls = 0; muls < N_FILLS; muls++)
                one(t, f, test_group(t, f), 1, (int)rng_between(&t->rng, 1, 40), (enum check_fill)fill,
                    (enum check_fill)muls);
    }
}
