/* From the encoder's states to answers, in integers: logits, embeddings. */
#ifndef TERN_HEADS_H
#define TERN_HEADS_H

#include "models/bert.h"

/* Rows of words that are made at a time: a vocabulary of 250,000 takes a megabyte for each. */
enum { TERN_WORD_ROWS = 8 };

struct tern_heads {
    struct tern_bert *bert;
    int max_texts;
    /* Of a head that gives words: the tokens of the batch that the next call is for, at most TERN_WORD_ROWS. */
    const int32_t *asked; /* [n_asked] */
    int n_asked;
    /* Rows of a head that has any between the states and its classifier, for each text or token. */
    int8_t *q; /* [rows][ld] */
    ptrdiff_t ld;
    struct tern_row *row;     /* [rows] */
    int32_t *exp;             /* [rows] of models that normalise nothing */
    int16_t *pooled, *normed; /* [rows][widest of what they read]; normed: of one row */
    int32_t *sum;             /* as wide, of one row; of such models [rows][hidden] */
    int32_t *acc;             /* accumulators of one text: of the classifier, of a dense layer */
    /* What is wanted of embeddings: pooled without so many tokens at a text's beginning, of which one stays at least;
       of so many dimensions; these brought to length 1. */
    int skip, dimensions, normalize;
    int64_t *collected; /* [hidden] of static embeddings: sums of rows */
    int32_t *vector[2]; /* [widest vector] of one text, between its steps */
    int16_t *narrow;    /* a dense layer's inputs */
    int8_t *dense_q;
};

void tern_heads_plan(struct tern_heads *heads, struct tern_arena *arena);
typedef void tern_heads_fn(struct tern_heads *heads, const tern_batch *batch, int32_t *result);
/* Of each kind in models/heads.def: result[tern_label_rows][n_labels] in Q16, or of words
   result[n_asked][vocab]. */
#define HEAD_KIND(id, name, class, gives, pooled, run, command, summary) tern_heads_fn tern_heads_##run;
#include "models/heads.def"
#undef HEAD_KIND
/* result[texts][dimensions], in tern_heads_embed_bits. */
tern_heads_fn tern_heads_embed;
/* The same of each token by itself: result[tokens][dimensions]. */
tern_heads_fn tern_heads_embed_tokens;
/* The fraction bits of an embedding: Q30 where no number is above 1, else Q16, of models that normalise nothing Q6. */
int tern_heads_embed_bits(const struct tern_heads *heads);

#endif
