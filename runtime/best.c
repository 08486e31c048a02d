/* Selects the best of ranked rows, in linear time, and sorts rows of any kind in place. */
#include "runtime/best.h"

#include <math.h>
#include <string.h>

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

/* Rows of a heap whose root comes last. */
struct heap {
    char *rows;
    size_t bytes; /* of a row */
    int (*before)(const void *a, const void *b);
};

static void swap_rows(const struct heap *h, size_t a, size_t b)
{
    char held[64], *const x = h->rows + a * h->bytes, *const y = h->rows + b * h->bytes;
    for (size_t done = 0, n; done < h->bytes; done += n) {
        n = h->bytes - done < sizeof held ? h->bytes - done : sizeof held;
        memcpy(held, x + done, n);
        memcpy(x + done, y + done, n);
        memcpy(y + done, held, n);
    }
}

/* Moves row i of n down to its place. */
static void sink(const struct heap *h, size_t n, size_t i)
{
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        const char *const rows = h->rows;
        if (child + 1 < n && h->before(rows + child * h->bytes, rows + (child + 1) * h->bytes))
            child++;
        if (!h->before(rows + i * h->bytes, rows + child * h->bytes))
            return;
        swap_rows(h, i, child);
    }
}

void tern_sort(void *rows, size_t n, size_t bytes, int (*before)(const void *a, const void *b))
{
    const struct heap h = {rows, bytes, before};
    for (size_t i = n / 2; i-- > 0;)
        sink(&h, n, i);
    for (size_t i = n; i-- > 1;) {
        swap_rows(&h, 0, i);
        sink(&h, i, 0);
    }
}

static int row_before(const void *a, const void *b)
{
    const struct tern_ranked *const x = a, *const y = b;
    return tern_ranks_before(*x, *y);
}

void tern_best_sort(struct tern_ranked *at, int n)
{
    tern_sort(at, (size_t)n, sizeof *at, row_before);
}

int tern_best_pick(struct tern_ranked *at, int n, int most)
{
    if (n > most)
        select_at(at, n, most - 1);
    else
        most = n;
    tern_best_sort(at, most);
    return most;
}

/* The bits of a float grow with its magnitude, as an integer's would. */
int64_t tern_score_key(double score)
{
    int64_t bits;
    if (isnan(score))
        return INT64_MAX;
    score += 0.0; /* -0 is 0 */
    memcpy(&bits, &score, sizeof bits);
    return bits < 0 ? bits & INT64_MAX : ~bits;
}
