/* Selects the best of ranked rows, in linear time, and sorts them. */
#include "runtime/best.h"

void tern_best_start(struct tern_best *b)
{
    b->n = 0;
    b->worst = (struct tern_ranked){INT64_MAX, UINT32_MAX};
}

static void swap(struct tern_ranked *a, struct tern_ranked *b)
{
    const struct tern_ranked t = *a;
    *a = *b;
    *b = t;
}

/* Puts at[k] where sorting would put it, what ranks before it before it (Hoare's selection, with the median of three:
   rows that come in order are no bad case). */
static void select_at(struct tern_ranked *at, int n, int k)
{
    int from = 0, to = n - 1;
    while (from < to) {
        struct tern_ranked *middle = &at[from + (to - from) / 2];
        if (tern_ranks_before(at[to], at[from]))
            swap(&at[to], &at[from]);
        if (tern_ranks_before(*middle, at[from]))
            swap(middle, &at[from]);
        if (tern_ranks_before(at[to], *middle))
            swap(&at[to], middle);
        const struct tern_ranked pivot = *middle;
        int i = from, j = to;
        while (i <= j) {
            while (tern_ranks_before(at[i], pivot))
                i++;
            while (tern_ranks_before(pivot, at[j]))
                j--;
            if (i <= j)
                swap(&at[i++], &at[j--]);
        }
        if (k <= j)
            to = j;
        else if (k >= i)
            from = i;
        else
            return;
    }
}

void tern_best_cut(struct tern_best *b)
{
    if (b->n <= b->most)
        return;
    select_at(b->at, b->n, b->most - 1);
    b->n = b->most;
    b->worst = b->at[b->most - 1];
}

/* Moves at[i] down a heap of n whose root ranks last. */
static void sink(struct tern_ranked *at, int n, int i)
{
    for (int child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && tern_ranks_before(at[child], at[child + 1]))
            child++;
        if (!tern_ranks_before(at[i], at[child]))
            return;
        swap(&at[i], &at[child]);
    }
}

/* By a heap: the C library's sort may allocate. */
void tern_best_sort(struct tern_ranked *at, int n)
{
    for (int i = n / 2; i-- > 0;)
        sink(at, n, i);
    for (int i = n; i-- > 1;) {
        swap(&at[0], &at[i]);
        sink(at, i, 0);
    }
}
