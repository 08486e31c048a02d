/* The vocabulary of a tokenizer other than BERT's as it lies in a .tern file, docs/format.md: pieces, the trie that
   finds them, scores or merges, the map of characters. It is used where it lies. */
#ifndef TERN_TOKEN_TABLE_H
#define TERN_TOKEN_TABLE_H

#include "models/trie.h"

struct tern_merge {
    uint32_t left, right; /* left TERN_NO_MERGE: the slot is free */
    uint32_t rank;
    int32_t id;
};
#define TERN_NO_MERGE 0xFFFFFFFFu

struct tern_token_table {
    uint32_t count;          /* all pieces */
    uint32_t model_count;    /* those of the model; added tokens lie behind */
    const uint32_t *offsets; /* [count + 1] piece i is text[offsets[i] .. offsets[i + 1]); empty: the id has none */
    const char *text;
    struct tern_trie trie;           /* the model's pieces as the text has them: of a byte-level model, as bytes */
    const double *scores;            /* [model_count] of Unigram, else NULL */
    double unknown;                  /* the score of an unknown character */
    const struct tern_merge *merges; /* [mask + 1] a hash table of BPE's merges, or NULL */
    uint32_t mask;
    const uint8_t *whole; /* [model_count] 1: BPE leaves a word that is this piece whole; or NULL */
    const uint8_t *charsmap;
    size_t charsmap_bytes;
};

/* What the bytes begin with; a vocabulary of lines cannot. */
int tern_is_token_table(const void *bytes, size_t n);
/* Checks the bytes and points into them. They must be 8-byte aligned. TERN_FORMAT. */
tern_status tern_token_table_open(struct tern_token_table *out, const void *bytes, size_t n, const char *label,
                                  tern_error *err);

static inline int32_t tern_table_find(const struct tern_token_table *table, const uint8_t *piece, size_t n)
{
    const int32_t id = tern_trie_find(&table->trie, piece, n);
    return id < (int32_t)table->model_count ? id : -1;
}

static inline uint32_t tern_merge_hash(uint32_t left, uint32_t right)
{
    const uint64_t key = ((uint64_t)left << 32 | right) * 0x9E3779B97F4A7C15u;
    return (uint32_t)(key >> 32);
}

/* The merge of two pieces, or NULL. */
static inline const struct tern_merge *tern_table_merge(const struct tern_token_table *table, uint32_t left,
                                                        uint32_t right)
{
    if (table->merges == NULL)
        return NULL;
    /* No more looks than slots: a file may lie, and have none free. */
    for (uint32_t i = tern_merge_hash(left, right), looks = 0; looks <= table->mask; i++, looks++) {
        const struct tern_merge *merge = &table->merges[i & table->mask];
        if (merge->left == left && merge->right == right)
            return (uint32_t)merge->id < table->model_count ? merge : NULL;
        if (merge->left == TERN_NO_MERGE)
            return NULL;
    }
    return NULL;
}

/* ---- Making one ---- */

struct tern_table_piece {
    const char *text; /* what tern_token_text says */
    size_t n;
    const uint8_t *key; /* in the trie; NULL: none */
    size_t key_n;
};

struct tern_table_parts {
    struct tern_table_piece *pieces; /* [count] */
    uint32_t count, model_count;
    const double *scores; /* [model_count] or NULL */
    double unknown;
    struct tern_merge *merges; /* [n_merges], of equal pairs the last counts */
    uint32_t n_merges;
    int is_bpe;
    const uint8_t *charsmap;
    size_t charsmap_bytes;
};

/* *bytes, [*n], is the caller's to free; `whole` is all zeros in it. TERN_FORMAT, TERN_NOMEM. */
tern_status tern_token_table_make(uint8_t **bytes, size_t *n, const struct tern_table_parts *parts, const char *label,
                                  tern_error *err);

#endif
