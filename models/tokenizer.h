/* What the rest of Tern needs of the tokenizer beyond tern.h: its settings as one JSON string and its vocabulary as
   bytes, so that both travel in a .tern file and come back without a copy. */
#ifndef TERN_TOKENIZER_H
#define TERN_TOKENIZER_H

#include "runtime/base/status.h"

/* The settings (lower-casing, accents, CJK, special tokens with their ids, ...) as a JSON object; free() it. */
char *tern_tokenizer_settings(const tern_tokenizer *tokenizer);
/* The vocabulary: one piece per line in id order, each ended by '\n'; of a tokenizer other than BERT's the tables of
   models/token_table.h. Owned by the tokenizer. */
const char *tern_tokenizer_vocabulary(const tern_tokenizer *tokenizer, size_t *bytes);
/* The rows of word embeddings that the ids need: all pieces but blank lines at the vocabulary's end, which no text has.
 */
int32_t tern_tokenizer_rows(const tern_tokenizer *tokenizer);
/* Special tokens behind a single text: [SEP]. */
int32_t tern_tokenizer_specials_behind(const tern_tokenizer *tokenizer);
/* 1: pieces inside a word are marked as such, as by WordPiece's "##". */
int tern_tokenizer_marks_inside(const tern_tokenizer *tokenizer);
/* The id of what is in no vocabulary; -1: there is none. */
int32_t tern_tokenizer_unknown(const tern_tokenizer *tokenizer);
/* Builds a tokenizer on a vocabulary that stays where it is (the mapped file); `settings` is parsed and not kept.
   `label` names the file in messages. */
tern_status tern_tokenizer_from_parts(tern_tokenizer **out, const char *vocabulary, size_t bytes, const char *settings,
                                      const char *label, tern_error *err);

/* tern_tokenize of a text behind a prompt, which is UTF-8 ("": none): the same tokens as of one text of both, but that
   an added token begins and ends in one of them. There are no spans where there is a prompt. Allocates nothing. */
tern_status tern_tokenize_behind(const tern_tokenizer *tokenizer, const char *prompt, const tern_text *text,
                                 tern_truncate truncate, tern_tokens *out, tern_error *err);

#endif
