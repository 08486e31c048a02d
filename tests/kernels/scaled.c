/* Cases for the op scaled: sizes, fills and shifts, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/check.h"

enum { ACC, SUM, MUL, GAMMA, BIAS };

struct args {
    struct tern_scaled_scale scale;
    int n, gamma;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_scaled_fn *)fn)(p[ACC], p[SUM], p[MUL], a->gamma ? p[GAMMA] : NULL, p[BIAS], &a->scale, a->n);
}

/* `bits` of the accumulators; then as models/scaled.c chooses shifts, down to those of terms that vanish. */
static void one(struct check *t, int n, enum check_fill fill, int bits, int kind)
{
    const struct args args = {.scale = {.factor = kind == 3 ? 0 : check_param(t, 1 << 30, INT32_MAX),
                                        .down = bits - 15,
                                        .product = check_param(t, 33, 62),
                                        .bias = check_param(t, 2, 31),
                                        .added = kind == 1   ? -1
                                                 : kind == 2 ? check_param(t, 2, 62)
                                                             : check_param(t, 17, 62)},
                              .n = n,
                              .gamma = kind != 2};
    const int32_t most = bits > 30 ? INT32_MAX / 2 : (int32_t)((1u << bits) - 1);
    check_buf(t, ACC, "acc", CHECK_IN, sizeof(int32_t), 1, n, n);
    check_fill(t, ACC, fill, -most, most);
    check_buf(t, SUM, "sum", CHECK_INOUT, sizeof(int32_t), 1, n, n);
    check_fill(t, SUM, fill, -((1 << 30) - 1), (1 << 30) - 1);
    check_buf(t, MUL, "mul", CHECK_IN, sizeof(int16_t), 1, n, n);
    check_fill(t, MUL, fill, 0, 32767);
    check_buf(t, GAMMA, "gamma", CHECK_IN, sizeof(int16_t), 1, n, n);
    check_fill(t, GAMMA, fill, -32767, 32767);
    check_buf(t, BIAS, "bias", CHECK_IN, sizeof(int32_t), 1, n, n);
    check_fill(t, BIAS, fill, -(1 << 29), 1 << 29);
    t->work = n;
    check_run(t, call, &args, "n=%d fill=%s bits=%d shifts=%d,%d,%d,%d gamma=%d", n, check_fill_name(fill), bits,
              args.scale.down, args.scale.product, args.scale.bias, args.scale.added, args.gamma);
}

void check_scaled(struct check *t)
{
    if (t->bench) {
        one(t, 128, FILL_RANDOM, 24, 0);
        one(t, 512, FILL_RANDOM, 24, 1);
        return;
    }
    check_group(t, "sizes");
    for (int k = 0, n; (n = check_size(t, k, CHECK_TAIL, 1)) > 0; k++)
        for (int fill = 0; fill < N_FILLS; fill++)
            one(t, n, (enum check_fill)fill, 24, (k + fill) % 4);
    check_group(t, "shifts");
    for (int bits = 0; bits <= 30; bits++)
        for (int fill = 0; fill < N_FILLS; fill++)
            for (int kind = 0; kind < 4; kind++)
                one(t, 21, (enum check_fill)fill, bits, kind);
}
