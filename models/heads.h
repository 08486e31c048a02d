/* From the encoder's states to answers, in integers: logits, embeddings. */
#ifndef TERN_HEADS_H
#define TERN_HEADS_H

#include "models/bert.h"

struct tern_heads {
    struct tern_bert *bert;
    int max_texts;
    int8_t *q;            /* [texts][x.ld]: the [CLS] rows, then the pooled ones */
    struct tern_row *row; /* [texts] */
    int16_t *pooled;      /* [texts][hidden] */
    int32_t *acc;         /* the classifier's accumulators of one text */
};

void tern_heads_plan(struct tern_heads *heads, struct tern_arena *arena);
typedef void tern_heads_fn(struct tern_heads *heads, const tern_batch *batch, int32_t *result);
/* Of each kind in models/heads.def: result[tern_label_rows][n_labels] in Q16. The config has labels. */
#define HEAD_KIND(id, name, of_tokens, pooled, run, summary) tern_heads_fn tern_heads_##run;
#include "models/heads.def"
#undef HEAD_KIND
/* result[texts][hidden], in tern_heads_embed_bits. */
tern_heads_fn tern_heads_embed;
/* The fraction bits of an embedding: Q30 of unit vectors, or Q16. */
int tern_heads_embed_bits(const struct tern_config *config);

#endif
