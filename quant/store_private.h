/* What the parts of a conversion to an integer model share: store_int8.c walks the model, store_linear.c stores its
   matrices, store_tables.c its embeddings. */
#ifndef TERN_STORE_PRIVATE_H
#define TERN_STORE_PRIVATE_H

#include "models/weights.h"
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
    double stream_bound;             /* of a stream that is not normalised */
    float *bounds;                   /* [2][intermediate] of the factors of a gate */
    float *bound;                    /* [intermediate] where the next matrix's outputs are bounded; NULL: nowhere */
    int16_t *column;                 /* the embeddings' column scales, in the builder */
    struct tern_score_param *global; /* of the global token of the layer being stored, in the builder */
    float *scratch;                  /* of the quantisers */
    int8_t *row_q;                   /* [hidden] a row of values, in scratch */
    enum tern_block_shape block;     /* of the sparse matrix that is being stored */
    int8_t *dense;                   /* a sparse matrix, or its codes, before its blocks are counted; NULL: none is */
    size_t done, total;
    tern_status status;
    tern_error *err;
};

/* Reads the weight or bias of a part, of the present layer. */
void tern_store_read(struct tern_store *s, enum tern_part_id part, int is_bias, float *out, size_t count);
/* Ends the conversion: a number of that tensor cannot be held in integers. `what` is what it is, as printf makes it. */
void tern_store_refuse(struct tern_store *s, enum tern_part_id part, int is_bias, const char *what, ...)
    __attribute__((format(printf, 4, 5)));
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

/* Whether matrix `name` [n][k] of a layer, in s->matrix, is stored sparse, and then s->block; prunes it first if that
   is asked for. */
int tern_store_blocks(struct tern_store *s, const char *name, int n, int k);

/* Stores the embedding tables. Returns the unit of a row's multiplier, 1 / 256 of the sums'. */
double tern_store_tables(struct tern_store *s);
/* Stores the one table of static embeddings. */
void tern_store_static(struct tern_store *s);
/* Stores the tables that layers know positions by. */
void tern_store_position_tables(struct tern_store *s);
/* Stores a layer's vectors of distances, if it has them, in the units of its queries and keys. */
void tern_store_distances(struct tern_store *s, double q_unit, double k_unit);
/* Stores the real value of a step of accumulators of scores: of rows in these units, in Q10 octaves, per amax of both.
   Returns where it is, NULL after a failure. */
struct tern_score_param *tern_store_score(struct tern_store *s, const char *name, double q_unit, double k_unit);

#endif
