#include "tests/kernels/check.h"

enum { Q0, Q1, Q2, TABLE, MUL, OUT };

struct args {
    int rows, n;
};

/* The table of row pointers is guarded as well: a kernel that loads a third pointer of two faults. */
static void call(check_fn *fn, void *const *p, const void *args)
{
    const struct args *a = args;
    const int8_t **table = p[TABLE];
    for (int r = 0; r < a->rows; r++)
        table[r] = p[Q0 + r];
    ((tern_embed_fn *)fn)(table, p[MUL], a->rows, p[OUT], a->n);
}

static void one(struct check *t, int rows, int n, enum check_fill fill, enum check_fill mul_fill)
{
    static const char *const names[] = {"q[0]", "q[1]", "q[2]"};
    struct args a = {rows, n};
    for (int r = 0; r < 3; r++) {
        check_buf(t, Q0 + r, names[r], CHECK_IN, 1, 1, n, n);
        check_fill(t, Q0 + r, fill, -127, 127);
    }
    check_buf(t, TABLE, "q", CHECK_SCRATCH, sizeof(void *), 1, rows, rows);
    check_buf(t, MUL, "mul", CHECK_IN, sizeof(int16_t), 1, rows, rows);
    check_fill(t, MUL, mul_fill, 0, 32767);
    check_buf(t, OUT, "out", CHECK_OUT, sizeof(int32_t), 1, n, n);
    t->work = n;
    check_run(t, call, &a, "rows=%d n=%d fill=%s mul=%s", rows, n, check_fill_name(fill), check_fill_name(mul_fill));
}

void check_embed(struct check *t)
{
    if (t->bench) {
        one(t, 3, 256, FILL_RANDOM, FILL_RANDOM);
        one(t, 3, 768, FILL_RANDOM, FILL_RANDOM);
        return;
    }
    static const char *const groups[] = {"one row", "two rows", "three rows"};
    static const enum check_fill muls[] = {FILL_RANDOM, FILL_MAX, FILL_ZERO, FILL_EDGES};
    for (int rows = 1; rows <= 3; rows++) {
        check_group(t, groups[rows - 1]);
        for (int k = 0, n; (n = check_size(t, k, CHECK_TAIL, 1)) > 0; k++)
            for (int fill = 0; fill < N_FILLS; fill++)
                for (int mul = 0; mul < (fill == FILL_RANDOM ? 4 : 2); mul++)
                    one(t, rows, n, (enum check_fill)fill, muls[mul]);
    }
}
