/* How good an order is: nDCG, recall and reciprocal rank as trec_eval counts them, and mean precision, reciprocal rank
   and nDCG of scores as sentence-transformers' RerankingEvaluator does. */
#ifndef TERN_SCORE_RANKS_H
#define TERN_SCORE_RANKS_H

#include <stddef.h>

/* gains[n] are the relevances of what was found, from the first rank on; best[n_best] those of all that is judged, the
   greatest first. Below 1 they are no gain. 0 where nothing is relevant. */
double ranks_ndcg(const int *gains, size_t n, const int *best, size_t n_best, size_t k);
/* The part of the `relevant` that is among the first k; 0 where there is none. */
double ranks_recall(const int *gains, size_t n, size_t relevant, size_t k);
/* One over the rank of the first that is relevant, among the first k; 0 where there is none. */
double ranks_reciprocal(const int *gains, size_t n, size_t k);

/* A candidate of a list: its score, and whether it should be in front. */
struct ranked_score {
    double score;
    size_t index; /* of equal scores the one with the smaller index is in front */
    int relevant;
};
/* Sorts list[n], the greatest score first. */
void ranks_sort(struct ranked_score *list, size_t n);
/* Of a sorted list: precision at each score that a relevant one has, times the recall that it adds, as scikit-learn's
   average_precision_score. */
double ranks_precision(const struct ranked_score *list, size_t n);
/* nDCG of the first k; equal scores share their places' discounts, as in scikit-learn's ndcg_score. */
double ranks_shared_ndcg(const struct ranked_score *list, size_t n, size_t k);
/* Among the first k; equal scores stand as they are sorted. */
double ranks_list_reciprocal(const struct ranked_score *list, size_t n, size_t k);

#endif
