/* What the parts of pruning on texts share: sparsify.c prunes, sparsify_allocate.c chooses how much of each matrix. */
#ifndef TERN_SPARSIFY_PRIVATE_H
#define TERN_SPARSIFY_PRIVATE_H

#include "models/bert_f32.h"
#include "quant/prune_second.h"
#include "quant/sparsify.h"
#include "runtime/model.h"

enum { TERN_DENSE, TERN_PRUNED, TERN_MODELS };
enum { TERN_SPARSIFY_BATCH = 512 }; /* tokens that run together; at least a text's */

struct tern_sparsified {
    tern_model *model[TERN_MODELS]; /* floats; their bytes are ours */
    void *bytes[TERN_MODELS];
    struct tern_pruned_matrix *report; /* [layers][TERN_N_MATRICES] */
};

struct tern_sparsifier {
    struct tern_sparsified *models;
    const struct tern_source *source;
    const struct tern_sample *sample;
    struct tern_lapack lapack;
    struct tern_ops ops;
    struct tern_host host;
    struct tern_arena arena;
    struct tern_bert_f32 bert;
    double *fraction; /* [layers][TERN_N_MATRICES] of the blocks that go */
    int same;         /* both models are the same so far: one is run */
    /* What is being observed; TERN_N_INPUTS: nothing. */
    enum tern_layer_input which;
    int side;
    /* In the arena. */
    float *state[TERN_MODELS];   /* [tokens of the sample][hidden] x of the encoder where the models have come to */
    float *context[TERN_MODELS]; /* the same of the attention, in rows of the layer's attention width */
    float *seen[TERN_MODELS];    /* [inputs][TERN_SPARSIFY_BATCH] a batch of what the matrices read, transposed */
    float *cross;   /* [inputs][inputs] sum of x_pruned x_dense^T, then what it differs by from x_pruned x_pruned^T */
    float *product; /* [inputs][inputs] */
    struct tern_hessian hessian;
    double *factor;
    struct tern_pruner pruner;
    float *target, *spare;
};

/* The texts from `first` on that run together, n_texts of them; offset[TERN_SPARSIFY_BATCH + 1] are its offsets. */
tern_batch tern_sparsify_batch(const struct tern_sparsifier *s, int first, int32_t *offset);
/* Runs both models over all texts from the last input that was asked for to `which` of `layer`, for the moments of what
   is read there; or, TERN_N_INPUTS, to the layer's end. Layer -1 are the embeddings. */
void tern_sparsify_run(struct tern_sparsifier *s, int layer, enum tern_layer_input which);
/* Makes s->pruner ready for matrix i of a layer, whose moments are there. Returns its weights in the pruned model. */
tern_status tern_sparsify_start(struct tern_sparsifier *s, int layer, int i, float **w, tern_error *err);
/* Calls `visit` for the matrices of a layer in their order, each with the moments of what it reads and their inverse in
   s->hessian, and tells the progress. The first status but TERN_OK ends it. TERN_FORMAT: the moments have no inverse.
 */
typedef tern_status tern_sparsify_visit(void *context, int layer, int i, tern_error *err);
tern_status tern_sparsify_layer(struct tern_sparsifier *s, int layer, tern_sparsify_visit *visit, void *context,
                                tern_error *err);

/* s->fraction, with source->prune as the mean over all weights, from what pruning each matrix by itself does to the
   texts' vectors. TERN_NOMEM, TERN_FORMAT. */
tern_status tern_sparsify_allocate(struct tern_sparsifier *s, tern_error *err);

#endif
