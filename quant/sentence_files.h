/* How a checkpoint makes embeddings, by the files of sentence-transformers. */
#ifndef TERN_SENTENCE_FILES_H
#define TERN_SENTENCE_FILES_H

#include "models/config.h"
#include "models/sentence_folder.h"

/* What a key of such a file may say. tern_key_read: its reader checks it. tern_key_any: it does not change a vector.
   tern_key_off: nothing, null, false or an empty list. Otherwise the only word that is supported. */
struct tern_file_key {
    const char *name, *may_be;
};
extern const char tern_key_read[], tern_key_any[], tern_key_off[];
/* Each key of the object is known and says what it may, or the file is refused; `keys` ends with a NULL. */
tern_status tern_file_keys_check(const json_t *root, const struct tern_file_key *keys, const char *path,
                                 tern_error *err);

/* Fills what makes an embedding (poolings, dense layers, normalize, dimensions, prompts) and max_tokens, from the
   modules of a folder and their files, config_sentence_transformers.json and tokenizer_config.json. What Tern cannot do
   is TERN_FORMAT, and the message names it. The rest of the config is there already. */
tern_status tern_sentence_files_read(struct tern_config *out, const struct tern_sentence_folder *folder,
                                     const char *directory, tern_error *err);

#endif
