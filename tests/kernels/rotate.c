/* Cases for the op rotate: sizes, fills and extremes, for every kernel of it (tests/kernels/check.h). */
#include "tests/kernels/check.h"

#include <math.h>

enum { X, TURN };

/* What the angles are: any factors within the contract, one angle for all pairs, or one of its own for each pair. */
enum angles { ANY, NONE, QUARTER, TRUE, N_ANGLES };
static const char *const angle_names[] = {"any", "none", "quarter", "true"};

struct args {
    int heads, dim, half;
};

static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    ((tern_rotate_fn *)fn)(p[X], p[TURN], a->heads, a->dim, a->half);
}

static void fill_turn(struct check *t, int16_t *turn, int half, enum angles angles, enum check_fill fill)
{
    check_fill(t, TURN, fill, -16384, 16384);
    for (int i = 0; angles != ANY && i < half; i++) {
        const double angle = angles == NONE ? 0 : angles == QUARTER ? acos(0) : 4 * rng_uniform(&t->rng);
        turn[i] = (int16_t)lrint(16384 * cos(angle));
        turn[half + i] = (int16_t)lrint(16384 * sin(angle));
    }
}

/* A turn keeps a pair's length: but for the roundings of cos and sin, by sqrt(1/2) * 2^-14 of the length, and of the
   values, by sqrt(1/2). */
static void check_pair(struct check *t, const int16_t *x, const int16_t *out, int half, enum angles angles)
{
    const int u = x[0], v = x[half], got_u = out[0], got_v = out[half];
    if (angles == NONE)
        check_that(t, got_u == u && got_v == v, "angle 0 turns (%d, %d) to (%d, %d)", u, v, got_u, got_v);
    if (angles == QUARTER)
        check_that(t, got_u == -v && got_v == u, "a quarter turns (%d, %d) to (%d, %d)", u, v, got_u, got_v);
    const double length = hypot(u, v), got = hypot(got_u, got_v);
    if (angles == TRUE && length <= 32760)
        check_that(t, fabs(got - length) <= sqrt(0.5) * (1 + length / 16384) + 1e-6,
                   "(%d, %d), of length %.3f, becomes (%d, %d), of length %.3f", u, v, length, got_u, got_v, got);
    check_that(t, got_u >= -32767 && got_v >= -32767, "(%d, %d) becomes (%d, %d)", u, v, got_u, got_v);
}

/* x has no more than its heads' turned elements: what lies behind those of the last head is a guard page. */
static void one(struct check *t, const struct args *a, enum check_fill fill, enum angles angles,
                enum check_fill turn_fill)
{
    int16_t *x = check_buf(t, X, "x", CHECK_INOUT, sizeof(int16_t), a->heads, 2 * a->half, a->dim);
    check_fill(t, X, fill, -32767, 32767);
    int16_t *turn = check_buf(t, TURN, "turn", CHECK_IN, sizeof(int16_t), 1, 2 * a->half, 2 * a->half);
    fill_turn(t, turn, a->half, angles, turn_fill);
    t->work = (double)a->heads * 2 * a->half;
    if (!check_run(t, call, a, "heads=%d dim=%d half=%d fill=%s angles=%s,%s", a->heads, a->dim, a->half,
                   check_fill_name(fill), angle_names[angles], check_fill_name(turn_fill)) ||
        t->bench)
        return;
    const int16_t *out = check_expected(t, X);
    for (int head = 0; head < a->heads; head++)
        for (int i = 0; i < a->half; i++)
            check_pair(t, x + head * a->dim + i, out + head * a->dim + i, a->half, angles);
}

/* All pairs of extremes with all factors' extremes: sums of 2^30 and saturation both ways. */
static void extremes(struct check *t)
{
    static const int16_t values[] = {-32767, -32766, -1, 0, 1, 16384, 32767}, factors[] = {-16384, -16383, 0, 16384};
    const struct args a = {7, 98, 49}; /* a head's u is one value, its v's are all of them */
    for (int f = 0; f < 16; f++) {
        int16_t *x = check_buf(t, X, "x", CHECK_INOUT, sizeof(int16_t), a.heads, 2 * a.half, a.dim);
        int16_t *turn = check_buf(t, TURN, "turn", CHECK_IN, sizeof(int16_t), 1, 2 * a.half, 2 * a.half);
        for (int i = 0; i < a.heads * a.half; i++) {
            int head = i / a.half, at = head * a.dim + i % a.half;
            x[at] = values[head], x[at + a.half] = values[i % a.half % 7];
        }
        for (int i = 0; i < a.half; i++)
            turn[i] = factors[(f + i / 7) & 3], turn[a.half + i] = factors[((f >> 2) + i / 14) & 3];
        check_run(t, call, &a, "extremes %d", f);
    }
}

void check_rotate(struct check *t)
{
    static const struct args usual[] = {{12, 64, 32}, {12, 32, 16},  {8, 128, 64}, {12, 64, 16}, {16, 512, 256},
                                        {1, 512, 1},  {256, 32, 16}, {6, 80, 10},  {128, 64, 31}};
    if (t->bench) {
        for (int i = 0; i < 3; i++)
            one(t, &usual[i], FILL_RANDOM, TRUE, FILL_RANDOM);
        return;
    }
    check_group(t, "sizes");
    for (int k = 0, half; (half = check_size(t, k, 70, 0)) > 0; k++) {
        for (int fill = 0; fill < N_FILLS && half <= 256; fill++) {
            for (int i = 0; i < N_ANGLES; i++) {
                struct args a = {check_param(t, 1, 5), 2 * half, half};
                a.dim += check_param(t, 0, 512 - a.dim < 40 ? 512 - a.dim : 40);
                one(t, &a, (enum check_fill)fill, (enum angles)i, (enum check_fill)((fill + k) % N_FILLS));
            }
        }
    }
    check_group(t, "usual heads");
    for (int i = 0; i < (int)(sizeof usual / sizeof *usual); i++)
        for (int fill = 0; fill < N_FILLS; fill += t->quick ? 3 : 1)
            for (int angles = 0; angles < N_ANGLES; angles++)
                one(t, &usual[i], (enum check_fill)fill, (enum angles)angles, FILL_EDGES);
    check_group(t, "extremes");
    extremes(t);
}
