/* Cases for the op pack_v: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/pack.h"

static size_t panels_bytes(int m, int n)
{
    return (size_t)tern_round_up(n, TERN_PANEL) * (size_t)tern_round_up(m, TERN_PANEL_K);
}

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct pack_args *a = args;
    ((tern_pack_v_fn *)fn)(p[PACK_X], a->ld, a->scale, p[PACK_B], a->m, a->n);
}

void check_pack_v(struct check *t)
{
    pack_check(t, call, panels_bytes);
}
