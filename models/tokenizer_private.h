/* The inside of a tokenizer. Only for models/tokenizer*.c. */
#ifndef TERN_TOKENIZER_PRIVATE_H
#define TERN_TOKENIZER_PRIVATE_H

#include "models/added_tokens.h"
#include "models/json.h"
#include "models/pipeline.h"
#include "models/template.h"
#include "models/tokenizer.h"
#include "models/wordpiece.h"

enum tern_role { TERN_UNK, TERN_CLS, TERN_SEP, TERN_PAD, TERN_MASK, TERN_ROLES };
extern const char *const tern_role_names[TERN_ROLES];    /* "unk", "cls", ... */
extern const char *const tern_role_defaults[TERN_ROLES]; /* "[UNK]", ... */
enum { TERN_ROLES_NEEDED = TERN_PAD };                   /* the roles before this one must have a token */

struct tern_tokenizer {
    struct tern_pieces pieces;
    char *owned; /* the vocabulary's bytes, when they are not somebody else's */
    const char *vocabulary;
    size_t vocabulary_bytes;
    struct tern_rules rules;
    uint32_t max_chars;        /* a word of more characters is unknown */
    int32_t roles[TERN_ROLES]; /* ids; -1: none */
    /* Added tokens in the order of the settings, with their text as it is written; the sets below point into copies. */
    struct tern_added *added;
    uint32_t n_added;
    struct tern_added_set raw, normalized;
    uint8_t *normalized_text;
    struct tern_templates templates;
    /* For static embeddings (models/tokenizer_bare.h): no special tokens; the id that is left out, -1: none; the
       characters of a text that are read, 0: all. */
    int bare;
    int32_t dropped, most_characters;
    json_t *settings; /* of a pipeline, which points into it, or of BERT's with templates of its own; else NULL */
    /* NULL: BERT's normalizer, pre-tokenizer and WordPiece. Else `pieces`, `rules` and `max_chars` are not used, and
       the roles may all be missing. */
    struct tern_pipeline *pipeline;
};

/* tokenizer_pipeline.c. Of settings with a "model": opens the pipeline, its added tokens, roles and templates. */
tern_status tern_tokenizer_open_pipeline(tern_tokenizer *tokenizer, const char *vocabulary, json_t *settings,
                                         const char *label, tern_error *err);
tern_status tern_pipeline_put(const tern_tokenizer *tokenizer, const char *prompt, const uint8_t *text, size_t n,
                              struct tern_kept *kept, tern_error *err);
/* Takes the white space at their ends out of the spans, as Hugging Face's trim_offsets does. */
void tern_trim_spans(const tern_tokenizer *tokenizer, const tern_text *text, const tern_tokens *out);

/* Takes `vocabulary` over, also on failure, if `owned`. Shares `settings`. */
tern_status tern_tokenizer_build(tern_tokenizer **out, char *vocabulary, size_t bytes, int owned, json_t *settings,
                                 const char *label, tern_error *err);

/* Vocabulary and settings on their way from files to tern_tokenizer_build. */
struct tern_tokenizer_source {
    char *vocabulary; /* malloc'd */
    size_t bytes;
    json_t *settings;
    struct tern_pieces pieces; /* of the model's own pieces; model_count .. count are appended */
    uint32_t count;
    const char *label;
    int32_t lower_case; /* 1: sentence-transformers lower-cases the text, whatever the tokenizer does besides */
};

/* BertNormalizer's settings, where strip_accents may be left to lower case. */
struct tern_case_rules {
    int32_t clean, chinese, lower, strip; /* strip -1: as lower */
};

/* tokenizer.json. `config` is the tokenizer_config.json beside it, or NULL. */
tern_status tern_tokenizer_from_json(struct tern_tokenizer_source *source, const json_t *root, const json_t *config,
                                     tern_error *err);
/* vocab.txt, already in source->vocabulary with room for one more byte. tokenizer_config.json, special_tokens_map.json
   and added_tokens.json (which only counts without added_tokens_decoder in the first) may be NULL. */
tern_status tern_tokenizer_from_vocab(struct tern_tokenizer_source *source, const json_t *config, const json_t *special,
                                      const json_t *old, tern_error *err);

/* Steps of both: index the vocabulary and begin the settings; take what tokenizer_config.json overrides; name the token
   of a role; list an added token, whose text is appended to the vocabulary when it has no id yet (id -1: any). */
tern_status tern_source_begin(struct tern_tokenizer_source *source, const struct tern_case_rules *rules,
                              int32_t max_chars, tern_error *err);
/* Those of tokenizer.json's "normalizer", NULL or null for none, and of the tokenizer_config.json beside it, or NULL.
 */
tern_status tern_case_rules_from_json(struct tern_case_rules *rules, const json_t *normalizer, const json_t *config,
                                      const char *label, tern_error *err);
/* Whether a normalizer amounts to such rules. */
int tern_normalizer_is_bert(const json_t *normalizer);
tern_status tern_case_rules_override(struct tern_case_rules *rules, const json_t *config, const char *label,
                                     tern_error *err);
tern_status tern_source_role(struct tern_tokenizer_source *source, enum tern_role role, const char *content, int32_t id,
                             tern_error *err);
tern_status tern_source_add(struct tern_tokenizer_source *source, const char *content, uint32_t flags, int32_t id,
                            tern_error *err);
int tern_source_has(const struct tern_tokenizer_source *source, const char *content);
/* The flags of an AddedToken in any of Hugging Face's files. */
tern_status tern_added_flags(const json_t *object, int required, uint32_t *flags, const char *label, tern_error *err);
/* Appends an added token with the id `own` to the list "added" of settings; TERN_FORMAT where the files say another id
   (`id`; -1: none). */
tern_status tern_added_put(json_t *list, const char *content, uint32_t flags, int32_t id, int32_t own,
                           const char *label, tern_error *err);

#endif
