/* What a checkpoint's model is for: embeddings, or a head; what that head's logits become; and who is told of what the
   model leaves out. */
#ifndef TERN_PURPOSE_H
#define TERN_PURPOSE_H

#include "models/config.h"
#include "models/sentence_folder.h"
#include "quant/tern_convert.h"

#include <jansson.h>

struct tern_purpose {
    const tern_convert_options *options; /* the task asked for, and who is told; NULL: none */

    /* What tern_purpose_settle finds. */
    int settled;         /* 0: nothing but the tensors says it */
    enum tern_head head; /* if settled */
    int alone;           /* the user or modules.json said so: heads of other tasks are dropped aloud, not refused */
    int output;          /* enum tern_output; -1: it goes by the number of labels */
    char source[96];     /* who says it, for messages: "BertForMaskedLM" */
};

/* The first of the classes in `architectures` of config.json's object, which owns it; *out is NULL where there is none.
   TERN_FORMAT: it is no list of strings. */
tern_status tern_class_read(const char **out, const json_t *config, const char *path, tern_error *err);
/* Reads `config`, the object of config.json, which is called `path`, and what sentence-transformers put beside it in
   `directory`, whose modules `folder` has: modules.json outranks the class in `architectures`. TERN_USAGE: the task
   asked for is unknown. TERN_FORMAT: a class whose answers Tern cannot give, or an output function that it does not
   know. */
tern_status tern_purpose_settle(struct tern_purpose *purpose, const json_t *config, enum tern_architecture family,
                                const struct tern_sentence_folder *folder, const char *directory, const char *path,
                                tern_error *err);
/* "classify", "tag" ... and "embed". */
struct tern_words tern_task_words(const char *conjunction);

#endif
