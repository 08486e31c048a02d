/* A folder of sentence-transformers: its modules, and where its transformer lies. Any other checkpoint is such a folder
   of one transformer. */
#ifndef TERN_SENTENCE_FOLDER_H
#define TERN_SENTENCE_FOLDER_H

#include "models/json.h"

/* The modules that are known, by the last part of their type's name. Those of no use for a single text's vector, and
   those of other libraries, are TERN_MODULE_OTHER. */
enum tern_module_kind {
    TERN_MODULE_TRANSFORMER,
    TERN_MODULE_POOLING,
    TERN_MODULE_DENSE,
    TERN_MODULE_NORMALIZE,
    TERN_MODULE_SPLADE,  /* sparse vectors of a masked-language head's words */
    TERN_MODULE_MASK,    /* which tokens have vectors */
    TERN_MODULE_STATIC,  /* a table of embeddings in place of a transformer and its pooling */
    TERN_MODULE_DROPOUT, /* does nothing but in training */
    TERN_MODULE_ROUTER,  /* sends queries and documents different ways; those of documents take its place */
    TERN_MODULE_WEIGHTS, /* a table of what each token weighs, in place of an encoder of queries */
    TERN_MODULE_OTHER
};
enum { TERN_MAX_MODULES = 32, TERN_MAX_FOLDER = 4096, TERN_MAX_MODULE_FILE = 1 << 20 };

struct tern_module {
    enum tern_module_kind kind;
    char type[128];             /* as it is written, for messages */
    char path[TERN_MAX_FOLDER]; /* its folder */
};

struct tern_sentence_folder {
    int has_modules_json; /* 0: the modules are what the names of folders say, "1_Pooling" */
    int n_modules;
    struct tern_module *modules;       /* [TERN_MAX_MODULES], and one more */
    const struct tern_module *query;   /* TERN_MODULE_WEIGHTS: what queries go through; NULL: what documents do */
    int is_sparse;                     /* a TERN_MODULE_SPLADE is among the modules */
    char transformer[TERN_MAX_FOLDER]; /* the folder of config.json, the weights and the tokenizer */
    json_t *config;                    /* the transformer's module file, sentence_bert_config.json; NULL: none */
    char config_path[TERN_MAX_FOLDER];
    int32_t lower_case; /* its do_lower_case */
    /* Whether there is a table of embeddings in place of the transformer; whether it is model2vec's, by its
       config.json; and of that one the tokens of a text that are read (max_length), 0: all. */
    int is_static, is_model2vec;
    int32_t most_tokens;
    int is_colbert; /* config.json's class is that of Stanford's ColBERT, whose dense layer lies among its weights */
};

/* Reads modules.json, the ways of a Router and the transformer's module file. TERN_FORMAT, TERN_IO, TERN_NOMEM. */
tern_status tern_sentence_folder_open(struct tern_sentence_folder *out, const char *directory, tern_error *err);
void tern_sentence_folder_close(struct tern_sentence_folder *folder);

#endif
