/* What the parts of a conversion to an integer model share: store_int8.c walks the model, store_linear.c stores its
   matrices, store_tables.c its embeddings. */
#ifndef TERN_STORE_PRIVATE_H
#define TERN_STORE_PRIVATE_H

#include "models/weights.h"
#include "quant/activation.h"
#include "quant/quantize_weights.h"
#include "quant/store.h"

/* State of one conversion. The first failure sticks; everything after it does nothing. */
enum tern_pair_step { TERN_PAIR_NONE, TERN_PAIR_FIRST, TERN_PAIR_SECOND };
struct tern_store {
    struct tern_builder *builder;
    const struct tern_source *source;
    const struct tern_config *config;
    char prefix[TERN_PREFIX];
    int layer;                 /* also of dense layers; -1: outside of both */
    float *matrix, *bias;      /* the float tensors being read */
    float *gamma, *beta, *row; /* of the LayerNorm before, [its width]; one row of scratch */
    int width;                 /* of that LayerNorm */
    enum tern_pair_step pair;  /* which of two matrices that stand for one is being stored */
    char inner_name[TERN_INNER_NAME];
    struct tern_input normed; /* what the matrices behind that LayerNorm read */
    /* Where layers share weights, the least unit and the bound of what any first matrix of a layer reads; else 0. */
    double shared_unit, shared_norm;
    double turn[TERN_MAX_TABLES];    /* of ROTARY tables: what 1 in the file stands for */
    int position_exp;                /* of models that normalise nothing: positions are in units of 2^this */
    struct tern_linear_param *param; /* of the matrix that was stored last */
    double fourier_unit;             /* of a transform's sums, times that of its rows */
    int tail_from; /* columns of the next matrix from here on are multiplied by tail_scale; 0: none are */
    double tail_scale;
    const float *row_gamma, *row_beta; /* what comes behind the next matrix, row by row; NULL: nothing */
    double stream_bound;               /* of a stream that is not normalised */
    float *bounds;                     /* [2][intermediate] of the factors of a gate */
    float *bound;                      /* [intermediate] where the next matrix's outputs are bounded; NULL: nowhere */
    int16_t *column;                   /* the embeddings' column scales, in the builder */
    struct tern_score_param *global;   /* of the global token of the layer being stored, in the builder */
    float *scratch;                    /* of the quantisers */
    int8_t *row_q;                     /* [hidden] a row of values, in scratch */
    enum tern_block_shape block;       /* of the sparse matrix that is being stored */
    int8_t *dense;                     /* a sparse matrix, or its codes, before its blocks are counted; NULL: none is */
    size_t done, total;
    tern_status status;
    tern_error *err;
};

/* Reads the weight or bias of a part, of the present layer. */
void tern_store_read(struct tern_store *s, enum tern_part_id part, int is_bias, float *out, size_t count);
/* Ends the conversion: a number of that tensor cannot be held in integers. `what` is what it is, as printf makes it. */
void tern_store_refuse(struct tern_store *s, enum tern_part_id part, int is_bias, const char *what, ...)
    __attribute__((format(printf, 4, 5)));
/* Ends the conversion: the weights of that tensor are not on the grid that the checkpoint says. */
void tern_store_off_grid(struct tern_store *s, enum tern_part_id part, enum tern_format format);
/* Adds a zeroed tensor to the builder; NULL after a failure. A vector is padded as models/format.h says. */
void *tern_store_add(struct tern_store *s, const char *name, const char *suffix, enum tern_dtype dtype, int n_dims,
                     const int64_t *shape);
void *tern_store_add_vector(struct tern_store *s, const char *name, const char *suffix, enum tern_dtype dtype,
                            int count);
/* Lines of the report; `how` of a tensor that stays int8 when another type was asked for. */
void tern_store_report(struct tern_store *s, const char *name, const char *became, double bits, double error);
void tern_store_say(const struct tern_store *s, const char *name, const char *what);
void tern_store_say_instead(const struct tern_store *s, char *how, size_t capacity, enum tern_format asked);
/* So many weights more are done. */
void tern_store_advance(struct tern_store *s, size_t count);

/* The columns that the present layer's matrices with that input repeat. */
struct tern_copies tern_store_copies(const struct tern_store *s, enum tern_layer_input input);
/* Quantises a matrix; `unit` is the least output unit (REQUANT) or the residual's (RESIDUAL). Returns the output's
   unit. */
double tern_store_linear(struct tern_store *s, enum tern_part_id part, const struct tern_input *in, double unit);

/* A bound of y of the LayerNorm just read. */
double tern_store_output_norm(const struct tern_store *s);

/* Stores the norm behind the pooler, whose rows are in that unit. Returns what the classifier reads. */
struct tern_input tern_store_pooler_norm(struct tern_store *s, double unit);

/* Whether matrix `name` [n][k] of a layer, in s->matrix, is stored sparse, and then s->block; prunes it first if that
   is asked for. */
int tern_store_blocks(struct tern_store *s, const char *name, int n, int k);

/* Stores a model that normalises nothing; scratch of its gammas and betas is that of norms. */
void tern_store_scaled(struct tern_store *s);
/* Stores the activation that `bump` names, as tensor `name`. */
void tern_store_poly(struct tern_store *s, const char *name, enum tern_bump bump, double unit);
/* Stores the dense layers behind the pooling. */
void tern_store_dense(struct tern_store *s);
/* Int16 rows of k numbers in `unit`, of at most `range` units each, that no LayerNorm made. */
struct tern_input tern_plain_input(double unit, double range, int k);
/* Stores which columns are repeated, of the present layer. */
void tern_store_all_copies(struct tern_store *s);

/* Stores the kernels over a layer's values; *context becomes what attention and they give together. */
void tern_store_value_conv(struct tern_store *s, struct tern_input *context);
/* Stores a layer's dynamic convolution, of rows y in that unit and of at most that norm, and of queries whose bounds
   are given. Returns the unit of what it gives. */
double tern_store_conv(struct tern_store *s, double y_unit, double y_norm, const float *query, double q_unit);

/* Stores the embedding tables. Returns the unit of a row's multiplier, 1 / 256 of the sums'. */
double tern_store_tables(struct tern_store *s);
/* Stores the one table of static embeddings. */
void tern_store_static(struct tern_store *s);
/* The same where positions are added behind a matrix: they have no columns' scales, and the unit 2^s->position_exp.
   Returns the unit of a word's multiplier. */
double tern_store_tables_apart(struct tern_store *s);
/* Stores the tables that layers know positions by. */
void tern_store_position_tables(struct tern_store *s);
/* Stores a layer's vectors of distances, if it has them, in the units of its queries and keys. */
void tern_store_distances(struct tern_store *s, double q_unit, double k_unit);
/* Stores the real value of a step of accumulators of scores: of rows in these units, in Q10 octaves, per amax of both.
   Returns where it is, NULL after a failure. */
struct tern_score_param *tern_store_score(struct tern_store *s, const char *name, double q_unit, double k_unit);

#endif
