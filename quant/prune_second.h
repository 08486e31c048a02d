/* Second-order pruning: blocks go whose absence the rest can best make good, and the rest makes it good. Host side
   only. */
#ifndef TERN_PRUNE_SECOND_H
#define TERN_PRUNE_SECOND_H

#include "quant/compensate.h"
#include "quant/lapack.h"
#include "quant/prune.h"

/* What a matrix's inputs say about its weights; the arrays are the caller's. */
struct tern_hessian {
    float *moments; /* [k][k] their second moments, symmetric; tern_hessian_make damps them */
    float *inverse; /* [k][k] of the damped moments */
    int k;
};
/* From moments the rest. scratch holds k * k doubles. 0, or -1 when the moments are not finite or have no factor. */
int tern_hessian_make(struct tern_hessian *h, const struct tern_lapack *lapack, double *scratch);

struct tern_pruner {
    const struct tern_host *host;
    const struct tern_hessian *hessian;
    enum tern_block_shape shape;
    int n, k;
    float *w;                       /* [n][k] the weights as they are pruned */
    const float *target;            /* [n][k] those whose outputs are wanted */
    uint8_t *keep;                  /* [n][k] */
    float *loss;                    /* [k][inputs of a block]: see tern_pruner_start */
    float *scratch;                 /* tern_compensation_scratch */
    struct tern_block_score *score; /* [tern_count_blocks] */
};

/* Blocks of w that are zero already stay so, and count as pruned. -1: the inverse is not positive. */
int tern_pruner_start(struct tern_pruner *p);
/* Until that fraction of the blocks is zero, in `passes` equal steps: each takes the blocks of the least score
   w_B^T ((moments^-1)_BB)^-1 w_B, summed over a block's rows, which is the error that the best change of all other
   weights of its row leaves (Optimal Brain Surgeon: Hassibi & Stork 1993; in blocks: Kurtic et al. 2022, "The Optimal
   BERT Surgeon"); then what is left is compensated, always towards the target. Scores go by the inverse of all moments,
   not of those of the inputs left: that overrates what can be made good, but one inverse for each mask gave no better
   models. Returns tern_compensate's error. */
double tern_pruner_to(struct tern_pruner *p, double fraction, int passes);
/* The error of other weights. */
double tern_pruner_error(const struct tern_pruner *p, float *w);

#endif
