/* What a tokenizer does for static embeddings: no special tokens, and perhaps neither unknown ones nor what lies behind
   so many characters. Only for models/tokenizer*.c. */
#ifndef TERN_TOKENIZER_BARE_H
#define TERN_TOKENIZER_BARE_H

#include "models/sentence_folder.h"
#include "models/tokenizer_private.h"

/* Of the settings, "bare": {"drop": an id, "most_characters": a number}, each of which may be missing. Without "bare"
   nothing changes. */
tern_status tern_bare_read(tern_tokenizer *tokenizer, const json_t *settings, const char *label, tern_error *err);
/* The same of a tokenizer that has it, as an object of its own; NULL: out of memory. */
json_t *tern_bare_object(const tern_tokenizer *tokenizer);
/* Puts "bare" into the settings of a checkpoint with static embeddings, by the folder's files and its tokenizer.json,
   `root`. */
tern_status tern_bare_put(json_t *settings, const struct tern_sentence_folder *folder, const json_t *root,
                          const char *label, tern_error *err);

/* Cuts off the text what is behind so many characters, or before the last so many (tail). TERN_INPUT: that was not
   allowed. */
tern_status tern_bare_cut(const tern_tokenizer *tokenizer, tern_text *text, tern_truncate truncate, tern_error *err);
/* Takes the dropped ids out of what was tokenised. */
void tern_bare_drop(const tern_tokenizer *tokenizer, tern_tokens *out);

#endif
