/* From a vocabulary that has been read somewhere to the tables and settings of a tokenizer with a pipeline. */
#ifndef TERN_TOKENIZER_TABLES_H
#define TERN_TOKENIZER_TABLES_H

#include "models/tokenizer_private.h"

/* What becomes a tokenizer. Whoever fills it frees it by tern_tables_free. */
struct tern_tables {
    const char *label;
    json_t *settings; /* "normalizer", "pre_tokenizer", "post_processor" and "model", as Hugging Face has them */
    json_t *holds;    /* what owns the strings below */
    struct tern_table_piece *pieces; /* [room]; a piece without text is a gap among the ids */
    uint32_t count, model_count, room;
    double *scores; /* [model_count] */
    struct tern_merge *merges;
    uint32_t n_merges;
    uint8_t *charsmap;
    size_t charsmap_bytes;
    uint8_t *keys;    /* bytes of byte-level pieces */
    uint32_t *sorted; /* the model's pieces by their text */
    uint32_t next;    /* the id of the next token that is no piece */
};

void tern_tables_free(struct tern_tables *t);
/* Makes room for so many ids; gaps until they are filled. TERN_FORMAT: more than TERN_MAX_PIECES; TERN_NOMEM. */
tern_status tern_tables_reserve(struct tern_tables *t, size_t ids, tern_error *err);
/* Reads the model's pieces, {"piece": id, ...}, perhaps with gaps. The object must stay, see `holds`. */
tern_status tern_tables_ids(struct tern_tables *t, json_t *vocab, tern_error *err);
/* The model's pieces are there: makes their keys and sorts them. To be called before the following ones. */
tern_status tern_tables_index(struct tern_tables *t, tern_error *err);
/* The id of a piece of the model, or of an added token; -1: there is none. */
int32_t tern_tables_find(const struct tern_tables *t, const char *content);
/* Merges two pieces; `n_left` bytes of `pair` are the left one, `right` the other. */
tern_status tern_tables_merge(struct tern_tables *t, const char *left, size_t n_left, const char *right, size_t n_right,
                              tern_error *err);
/* Lists an added token, whose id must be `id` unless that is -1, as Hugging Face numbers it. */
tern_status tern_tables_add(struct tern_tables *t, const char *content, uint32_t flags, int32_t id, tern_error *err);
/* Names the token of a role, if there is such a token. */
tern_status tern_tables_role(struct tern_tables *t, enum tern_role role, const char *content, tern_error *err);
/* Packs everything into the source: its vocabulary and settings. */
tern_status tern_tables_pack(struct tern_tables *t, struct tern_tokenizer_source *source, tern_error *err);

/* A tokenizer.json whose pipeline is not BERT's. */
tern_status tern_pipeline_from_json(struct tern_tokenizer_source *source, const json_t *root, const json_t *config,
                                    tern_error *err);
/* A SentencePiece model of bytes[n]. `file` is its name, which says what it is of where neither tokenizer_config.json
   nor config.json's model_type, which both may be NULL, do. */
tern_status tern_tokenizer_from_sentencepiece(struct tern_tokenizer_source *source, const char *file,
                                              const uint8_t *bytes, size_t n, const json_t *config,
                                              const char *model_type, tern_error *err);
/* Whether the tokenizer_config.json is ESM's; the lines of its vocab.txt, and that file. */
int tern_tokenizer_is_esm(const json_t *config);
tern_status tern_tokenizer_from_esm(struct tern_tokenizer_source *source, const char *lines, size_t bytes,
                                    const json_t *config, tern_error *err);
/* vocab.json and merges.txt, with tokenizer_config.json or NULL. */
tern_status tern_tokenizer_from_merges(struct tern_tokenizer_source *source, json_t *vocab, const char *merges,
                                       const json_t *config, tern_error *err);

#endif
