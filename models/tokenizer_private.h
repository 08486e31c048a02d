/* The inside of a tokenizer. Only for models/tokenizer*.c. */
#ifndef TERN_TOKENIZER_PRIVATE_H
#define TERN_TOKENIZER_PRIVATE_H

#include "models/added_tokens.h"
#include "models/json.h"
#include "models/tokenizer.h"
#include "models/wordpiece.h"

enum tern_role { TERN_UNK, TERN_CLS, TERN_SEP, TERN_PAD, TERN_MASK, TERN_ROLES };
extern const char *const tern_role_names[TERN_ROLES];    /* "unk", "cls", ... */
extern const char *const tern_role_defaults[TERN_ROLES]; /* "[UNK]", ... */
enum { TERN_ROLES_NEEDED = TERN_PAD };                   /* the roles before this one must have a token */

struct tern_tokenizer {
    struct tern_pieces pieces;
    char *owned; /* the vocabulary's bytes, when they are not somebody else's */
    size_t vocabulary_bytes;
    struct tern_rules rules;
    uint32_t max_chars;        /* a word of more characters is unknown */
    int32_t roles[TERN_ROLES]; /* ids; -1: none */
    /* Added tokens in the order of the settings, with their text as it is written; the sets below point into copies. */
    struct tern_added *added;
    uint32_t n_added;
    struct tern_added_set raw, normalized;
    uint8_t *normalized_text;
};

/* Takes `vocabulary` over, also on failure, if `owned`. Borrows `settings`. */
tern_status tern_tokenizer_build(tern_tokenizer **out, char *vocabulary, size_t bytes, int owned,
                                 const json_t *settings, const char *label, tern_error *err);

/* Vocabulary and settings on their way from files to tern_tokenizer_build. */
struct tern_tokenizer_source {
    char *vocabulary; /* malloc'd */
    size_t bytes;
    json_t *settings;
    struct tern_pieces pieces; /* of the model's own pieces; model_count .. count are appended */
    uint32_t count;
    const char *label;
};

/* BertNormalizer's settings, where strip_accents may be left to lower case. */
struct tern_case_rules {
    int32_t clean, chinese, lower, strip; /* strip -1: as lower */
};

/* tokenizer.json. `config` is the tokenizer_config.json beside it, or NULL. */
tern_status tern_tokenizer_from_json(struct tern_tokenizer_source *source, const json_t *root, const json_t *config,
                                     tern_error *err);
/* vocab.txt, already in source->vocabulary with room for one more byte. `config` and `special` may be NULL. */
tern_status tern_tokenizer_from_vocab(struct tern_tokenizer_source *source, const json_t *config, const json_t *special,
                                      tern_error *err);

/* Steps of both: index the vocabulary and begin the settings; take what tokenizer_config.json overrides; name the token
   of a role; list an added token, whose text is appended to the vocabulary when it has no id yet (id -1: any). */
tern_status tern_source_begin(struct tern_tokenizer_source *source, const struct tern_case_rules *rules,
                              int32_t max_chars, tern_error *err);
tern_status tern_case_rules_override(struct tern_case_rules *rules, const json_t *config, const char *label,
                                     tern_error *err);
tern_status tern_source_role(struct tern_tokenizer_source *source, enum tern_role role, const char *content, int32_t id,
                             tern_error *err);
tern_status tern_source_add(struct tern_tokenizer_source *source, const char *content, uint32_t flags, int32_t id,
                            tern_error *err);
int tern_source_has(const struct tern_tokenizer_source *source, const char *content);
/* The flags of an AddedToken in any of Hugging Face's files. */
tern_status tern_added_flags(const json_t *object, int required, uint32_t *flags, const char *label, tern_error *err);

#endif
