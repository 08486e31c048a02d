/* What the parts of pruning on texts share: sparsify.c prunes, sparsify_allocate.c chooses how much of each matrix. */
#ifndef TERN_SPARSIFY_PRIVATE_H
#define TERN_SPARSIFY_PRIVATE_H

#include "quant/pair.h"
#include "quant/prune_second.h"
#include "quant/sparsify.h"

struct tern_sparsified {
    struct tern_pair pair;
    struct tern_pruned_matrix *report; /* [layers][TERN_N_MATRICES] */
};

struct tern_sparsifier {
    struct tern_sparsified *models;
    struct tern_pair *pair; /* of models */
    const struct tern_source *source;
    struct tern_lapack lapack;
    double *fraction; /* [layers][TERN_N_MATRICES] of the blocks that go */
    /* In the pair's arena. */
    struct tern_hessian hessian; /* its moments are the pair's */
    double *factor;
    struct tern_pruner pruner;
    float *target, *spare;
};

/* Makes s->pruner ready for matrix i of a layer, whose moments are there. Returns its weights in the pruned model. */
tern_status tern_sparsify_start(struct tern_sparsifier *s, int layer, int i, float **w, tern_error *err);
/* Calls `visit` for the matrices of a layer in their order, each with the moments of what it reads and their inverse in
   s->hessian: tern_pair_layer. TERN_FORMAT: the moments have no inverse. */
typedef tern_status tern_sparsify_visit(void *context, int layer, int i, tern_error *err);
tern_status tern_sparsify_layer(struct tern_sparsifier *s, int layer, tern_sparsify_visit *visit, void *context,
                                tern_error *err);

/* s->fraction, with source->prune as the mean over all weights, from what pruning each matrix by itself does to the
   texts' vectors. TERN_NOMEM, TERN_FORMAT. */
tern_status tern_sparsify_allocate(struct tern_sparsifier *s, tern_error *err);

#endif
