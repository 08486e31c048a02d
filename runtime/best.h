/* The best of many: rows with a key each, of which the smallest are kept, of equal keys the smaller row. Which order
   they were offered in never shows. Nothing here allocates. */
#ifndef TERN_RUNTIME_BEST_H
#define TERN_RUNTIME_BEST_H

#include <stddef.h>
#include <stdint.h>

struct tern_ranked {
    int64_t key;
    uint32_t row;
};

/* `most` are kept; room for twice as many lets the others be thrown away seldom. */
struct tern_best {
    struct tern_ranked *at; /* [2 * most] */
    int n, most;
    struct tern_ranked worst; /* nothing behind it can be among the best */
};

void tern_best_start(struct tern_best *b);
/* Throws all but the best `most` away. */
void tern_best_cut(struct tern_best *b);
void tern_best_sort(struct tern_ranked *at, int n);
/* Brings the best `most` of at[n] to its beginning, sorted; returns how many they are. */
int tern_best_pick(struct tern_ranked *at, int n, int most);
/* Sorts rows[n] of so many bytes each in place, where the C library's qsort may allocate. Rows of which neither comes
   before the other end in any order. */
void tern_sort(void *rows, size_t n, size_t bytes, int (*before)(const void *a, const void *b));
/* The key of a score, of which the largest is the best; what is no number goes last. */
int64_t tern_score_key(double score);

static inline int tern_ranks_before(struct tern_ranked a, struct tern_ranked b)
{
    return a.key < b.key || (a.key == b.key && a.row < b.row);
}

static inline void tern_best_offer(struct tern_best *b, int64_t key, uint32_t row)
{
    const struct tern_ranked r = {key, row};
    if (!tern_ranks_before(r, b->worst))
        return;
    if (b->n == 2 * b->most)
        tern_best_cut(b);
    b->at[b->n++] = r;
}

#endif
