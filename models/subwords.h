/* The models of a tokenizer.json, which split a word into pieces: a table of kinds. */
#ifndef TERN_SUBWORDS_H
#define TERN_SUBWORDS_H

#include "models/json.h"
#include "models/token_table.h"

struct tern_run;
struct tern_stretch;

struct tern_subwords {
    /* Puts the tokens of a word, which is not empty. */
    void (*split)(const struct tern_subwords *model, struct tern_run *run, const struct tern_stretch *word);
    const struct tern_token_table *table;
    int bytes;            /* 1: the word is bytes, each of which counts as a character */
    int32_t unknown;      /* the id of the unknown token; -1: none */
    int fuse_unknown;     /* BPE: neighbours become one unknown token */
    int byte_fallback;    /* an unknown character becomes its bytes' tokens */
    int ignore_merges;    /* BPE: a word that is a piece is that piece */
    int32_t byte_of[256]; /* the tokens of bytes, <0x00> .. <0xFF>; -1: none */
    int32_t max_chars;    /* WordPiece: a longer word is unknown */
    uint32_t inside;      /* WordPiece: where the trie leads with the prefix of pieces inside a word */
    int has_inside;
};

/* Kinds, by name; "" ends them. */
struct tern_subword_kind {
    const char *type;
    void (*split)(const struct tern_subwords *model, struct tern_run *run, const struct tern_stretch *word);
    int scores, merges; /* what its tables must have */
};
extern const struct tern_subword_kind tern_subword_kinds[];
const struct tern_subword_kind *tern_subword_kind(const char *type);

/* Reads the settings' "model", without its vocabulary and merges. TERN_FORMAT. */
tern_status tern_subwords_read(struct tern_subwords *out, const json_t *object, const struct tern_token_table *table,
                               int bytes, const char *label, tern_error *err);

void tern_split_bpe(const struct tern_subwords *model, struct tern_run *run, const struct tern_stretch *word);
void tern_split_unigram(const struct tern_subwords *model, struct tern_run *run, const struct tern_stretch *word);
void tern_split_wordpiece(const struct tern_subwords *model, struct tern_run *run, const struct tern_stretch *word);
/* Marks in whole[model_count] the pieces, by their keys, that BPE leaves whole. */
tern_status tern_bpe_mark_whole(const struct tern_subwords *model, const struct tern_table_piece *pieces,
                                uint8_t *whole, tern_error *err);

#endif
