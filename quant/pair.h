/* Two float models side by side, text after text through a layer's parts: the whole one, and one whose matrices are
   changed on the way. Host side. */
#ifndef TERN_PAIR_H
#define TERN_PAIR_H

#include "models/bert_f32.h"
#include "quant/sample_texts.h"
#include "quant/store.h"
#include "quant/threaded_gemm.h"
#include "runtime/model.h"

enum { TERN_WHOLE, TERN_CHANGED, TERN_MODELS };
enum { TERN_PAIR_TOKENS = 128 }; /* the longest text */
enum { TERN_PAIR_BATCH = 512 };  /* tokens that run together; at least a text's */

struct tern_pair {
    const struct tern_source *source;
    const struct tern_sample *sample;
    tern_model *model[TERN_MODELS]; /* floats; their bytes are ours */
    void *bytes[TERN_MODELS];
    struct tern_ops ops;
    struct tern_host host;
    struct tern_arena arena;
    struct tern_bert_f32 bert;
    int same;     /* both models are the same so far: one is run */
    int unfolded; /* what matrices read of a LayerNorm that will be folded into them is what it was before gamma and
                     beta */
    /* What is being observed; TERN_N_INPUTS: nothing. */
    enum tern_layer_input which;
    int side, k; /* k: the inputs there */
    int kept;
    /* In the arena. */
    float *state[TERN_MODELS];   /* [tokens of the sample][hidden] x of the encoder where the models have come to */
    float *inner[TERN_MODELS];   /* the same of a bottleneck's stream, in rows of its widest */
    float *context[TERN_MODELS]; /* the same of the attention, in rows of the layer's attention width */
    float *seen[TERN_MODELS];    /* [inputs][TERN_PAIR_BATCH] a batch of what the matrices read, transposed */
    float *moments;              /* [inputs][inputs] sum of x x^T, x: what the changed model's matrices read */
    float *cross;                /* [inputs][inputs] sum of x x_whole^T, then what it differs by from the moments */
    float *product;              /* [widest][inputs] */
    /* With `unfolded`: of what is added to a residual stream, whose state is r, [its width][inputs] the sum of
       (r_whole - r) x^T; and [its width][TERN_PAIR_BATCH] a batch of r_whole - r. */
    float *behind, *lag;
};

/* Two float models of the source, on all threads. Then `plan` is called, twice as an arena wants it, to take more from
   the arena. On failure, too, tern_pair_close must be called. TERN_NOMEM. */
typedef void tern_pair_plan(void *context);
tern_status tern_pair_open(struct tern_pair *pair, const struct tern_source *source, const tern_tokenizer *tokenizer,
                           const struct tern_sample *sample, tern_pair_plan *plan, void *context, tern_error *err);
/* Frees all but one model, which tern_pair_source goes on reading. */
void tern_pair_end(struct tern_pair *pair, int kept);
void tern_pair_close(struct tern_pair *pair);

/* The texts from `first` on that run together, n_texts of them; offset[TERN_PAIR_BATCH + 1] are its offsets. */
tern_batch tern_pair_batch(const struct tern_pair *pair, int first, int32_t *offset);
/* Runs both models over all texts from the last input that was asked for to `which` of `layer`, for the moments of what
   is read there; or, TERN_N_INPUTS, to the layer's end. Layer -1 are the embeddings. */
void tern_pair_run(struct tern_pair *pair, int layer, enum tern_layer_input which);

/* Brings both models through a layer: `ready` is called where the moments of an input are there, then `visit` for the
   matrices that read it, in their order. The first status but TERN_OK ends it. Tells the source's progress. */
struct tern_pair_visitor {
    tern_status (*ready)(void *context, int layer, enum tern_layer_input which, tern_error *err);
    tern_status (*visit)(void *context, int layer, int i, tern_error *err);
    void *context;
};
tern_status tern_pair_layer(struct tern_pair *pair, int layer, const struct tern_pair_visitor *visitor,
                            tern_error *err);

/* Matrix i of a layer of one of the models, which may be changed: w[n][k] and its bias. */
struct tern_pair_matrix {
    float *w, *b;
    int n, k;
};
struct tern_pair_matrix tern_pair_matrix(const struct tern_pair *pair, int side, int layer, int i);
/* The source, but read from the model that was kept; valid until closing. */
struct tern_source tern_pair_source(const struct tern_pair *pair, const struct tern_source *source);

#endif
