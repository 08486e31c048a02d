/* Scores of orders: those of trec_eval for retrieval, those of scikit-learn for lists with scores. */
#include "tools/score_ranks.h"

#include <math.h>
#include <stdlib.h>

/* ---- Of ranks -------------------------------------------------------------------------------------------------------
 */

static double discounted(const int *gains, size_t n, size_t k)
{
    double sum = 0;
    for (size_t i = 0; i < n && i < k; i++)
        sum += gains[i] > 0 ? gains[i] / log2((double)i + 2) : 0;
    return sum;
}

double ranks_ndcg(const int *gains, size_t n, const int *best, size_t n_best, size_t k)
{
    const double ideal = discounted(best, n_best, k);
    return ideal > 0 ? discounted(gains, n, k) / ideal : 0;
}

double ranks_recall(const int *gains, size_t n, size_t relevant, size_t k)
{
    size_t found = 0;
    for (size_t i = 0; i < n && i < k; i++)
        found += gains[i] > 0;
    return relevant ? (double)found / (double)relevant : 0;
}

double ranks_reciprocal(const int *gains, size_t n, size_t k)
{
    for (size_t i = 0; i < n && i < k; i++)
        if (gains[i] > 0)
            return 1 / ((double)i + 1);
    return 0;
}

/* ---- Of scores ------------------------------------------------------------------------------------------------------
 */

/* What is no number goes last. */
static int by_score(const void *a, const void *b)
{
    const struct ranked_score *x = a, *y = b;
    if (isnan(x->score) != isnan(y->score))
        return isnan(x->score) ? 1 : -1;
    if (x->score != y->score && !isnan(x->score))
        return x->score < y->score ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

void ranks_sort(struct ranked_score *list, size_t n)
{
    qsort(list, n, sizeof *list, by_score);
}

/* The end of the equal scores that begin at `at`, and how many of them are relevant. */
static size_t equals(const struct ranked_score *list, size_t n, size_t at, size_t *relevant)
{
    size_t end = at;
    *relevant = 0;
    for (; end < n && (end == at || list[end].score == list[at].score); end++)
        *relevant += list[end].relevant != 0;
    return end;
}

double ranks_precision(const struct ranked_score *list, size_t n)
{
    size_t all = 0, found = 0, here;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        all += list[i].relevant != 0;
    for (size_t at = 0; at < n;) {
        at = equals(list, n, at, &here);
        found += here;
        sum += (double)here / (double)all * ((double)found / (double)at);
    }
    return all ? sum : 0;
}

double ranks_shared_ndcg(const struct ranked_score *list, size_t n, size_t k)
{
    double sum = 0, ideal = 0;
    size_t all = 0, here;
    for (size_t at = 0, end; at < n; at = end) {
        double discounts = 0;
        end = equals(list, n, at, &here);
        for (size_t i = at; i < end && i < k; i++)
            discounts += 1 / log2((double)i + 2);
        sum += discounts * (double)here / (double)(end - at);
        all += here;
    }
    for (size_t i = 0; i < all && i < k; i++)
        ideal += 1 / log2((double)i + 2);
    return ideal > 0 ? sum / ideal : 0;
}

double ranks_list_reciprocal(const struct ranked_score *list, size_t n, size_t k)
{
    for (size_t i = 0; i < n && i < k; i++)
        if (list[i].relevant)
            return 1 / ((double)i + 1);
    return 0;
}
