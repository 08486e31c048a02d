/* What the rest of Tern needs of the tokenizer beyond tern.h: its settings as one JSON string and its vocabulary as
   bytes, so that both travel in a .tern file and come back without a copy. */
#ifndef TERN_TOKENIZER_H
#define TERN_TOKENIZER_H

#include "runtime/base/status.h"

/* The settings (lower-casing, accents, CJK, special tokens with their ids, ...) as a JSON object; free() it. */
char *tern_tokenizer_settings(const tern_tokenizer *tokenizer);
/* The vocabulary: one piece per line in id order, each ended by '\n'. Owned by the tokenizer. */
const char *tern_tokenizer_vocabulary(const tern_tokenizer *tokenizer, size_t *bytes);
/* Builds a tokenizer on a vocabulary that stays where it is (the mapped file); `settings` is parsed and not kept.
   `label` names the file in messages. */
tern_status tern_tokenizer_from_parts(tern_tokenizer **out, const char *vocabulary, size_t bytes, const char *settings,
                                      const char *label, tern_error *err);

#endif
