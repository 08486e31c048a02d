/* How a checkpoint makes embeddings, by the files of sentence-transformers. */
#ifndef TERN_SENTENCE_FILES_H
#define TERN_SENTENCE_FILES_H

#include "models/config.h"
#include "models/sentence_folder.h"

/* Fills what makes an embedding (poolings, dense layers, normalize, dimensions, prompts) and max_tokens, from the
   modules of a folder and their files, config_sentence_transformers.json and tokenizer_config.json. What Tern cannot do
   is TERN_FORMAT, and the message names it. The rest of the config is there already. */
tern_status tern_sentence_files_read(struct tern_config *out, const struct tern_sentence_folder *folder,
                                     const char *directory, tern_error *err);

#endif
