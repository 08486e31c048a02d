/* How a checkpoint makes vectors of tokens, as ColBERT does: what Stanford's, PyLate's and sentence-transformers' files
   say of queries and documents. */
#ifndef TERN_LATE_FILES_H
#define TERN_LATE_FILES_H

#include "models/config.h"
#include "models/sentence_folder.h"
#include "quant/sentence_files.h"

/* Whether the folder's vectors are of tokens; `settings` is config_sentence_transformers.json's object, or NULL. */
int tern_late_is(const struct tern_sentence_folder *folder, const json_t *settings);
/* The keys of those settings, for tern_file_keys_check. */
extern const struct tern_file_key tern_late_keys[];
/* Fills `late`, and what the chain of modules does not say. The modules' chain and the prompts were read before. */
tern_status tern_late_read(struct tern_config *out, const struct tern_sentence_folder *folder, const json_t *settings,
                           const char *path, tern_error *err);

#endif
