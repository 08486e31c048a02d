/* The JSON files of a checkpoint, as parts (tests/fuzz/files.h), or what begins with '{': a .tern file's configuration.
   What is accepted must be inside the limits and come back the same through Tern's JSON. */
/* COVERS: models/config.c models/config_json.c models/json.c models/json_get.c quant/checkpoint_config.c */
/* COVERS: quant/sentence_files.c quant/purpose.c models/embedding.c models/sentence_folder.c */

#include "quant/checkpoint_config.h"
#include "tests/fuzz/files.h"
#include "tests/make_checkpoint.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"config.json",
                                    "tokenizer_config.json",
                                    "sentence_bert_config.json",
                                    "1_Pooling/config.json",
                                    "modules.json",
                                    "2_Dense/config.json",
                                    "config_sentence_transformers.json",
                                    "sentence_distilbert_config.json",
                                    NULL};
static const char good[] = "{\"model_type\":\"bert\",\"vocab_size\":30,\"hidden_size\":12,\"num_hidden_layers\":1,"
                           "\"num_attention_heads\":2,\"intermediate_size\":20,\"max_position_embeddings\":10}";

static void check(const struct tern_config *c)
{
    struct tern_config copy;
    char *json = tern_config_to_json(c), *again;

    if (c->layers < 0 || c->layers > TERN_MAX_LAYERS || c->hidden < 1 || c->hidden > TERN_MAX_HIDDEN || c->vocab < 1 ||
        c->vocab > TERN_MAX_VOCAB || c->max_tokens < 3 || c->max_tokens > c->max_positions ||
        c->max_positions > TERN_MAX_POSITIONS || c->token_types < 0 || c->token_types > TERN_MAX_TYPES ||
        tern_widest_vector(c) > TERN_MAX_WIDTH || tern_vector_width(c) < 1 || c->n_joined >= TERN_MAX_POOLINGS ||
        c->n_dense > TERN_MAX_DENSE || c->n_prompts > TERN_MAX_PROMPTS || c->default_prompt > c->n_prompts ||
        c->question_end < 0 || c->question_end > c->vocab || c->token_dropout < 0 || c->token_dropout > c->vocab ||
        c->n_labels < 0 || c->n_labels > TERN_MAX_LABELS || (int)c->output < 0 || c->output >= TERN_N_OUTPUTS ||
        !(c->layer_norm_eps > 0))
        abort();
    for (int i = 0; i < c->layers; i++) {
        const struct tern_layer_spec *l = &c->layer[i];
        if (l->heads < 0 || (l->heads == 0) != (l->head_dim == 0) || l->head_dim > TERN_MAX_HEAD_DIM ||
            tern_attention_width(l) > TERN_MAX_HIDDEN || l->intermediate < 1 ||
            l->intermediate > TERN_MAX_INTERMEDIATE || l->before < 0 || l->after < 0 || l->weights < 0 ||
            l->weights > i)
            abort();
    }
    char words[256];
    tern_embedding_words(words, sizeof words, c);
    fuzz_check(words[0] && !strpbrk(words, "\n\r\x1b"));
    if (!json || tern_config_from_json(&copy, json, "copy", NULL) != TERN_OK)
        abort();
    again = tern_config_to_json(&copy);
    if (!again || strcmp(json, again) != 0)
        abort();
    free(again);
    free(json);
    tern_config_free(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *dir = fuzz_dir();
    struct tern_config config;
    tern_error err = {TERN_OK, ""};
    tern_status status;
    size_t bytes;

    if (size && data[0] == '{') {
        char *text = malloc(size + 1);
        fuzz_check(text != NULL);
        memcpy(text, data, size);
        text[size] = '\0';
        status = tern_config_from_json(&config, text, "fuzz", &err);
        free(text);
    } else {
        fuzz_write_parts(dir, names, data, size);
        if (!fuzz_find_part(names[0], data, size, &bytes))
            fuzz_check(!test_write_file(dir, names[0], good, sizeof good - 1));
        status = tern_config_read_checkpoint(&config, &(struct tern_purpose){0}, dir, &err);
    }
    if (status) {
        fuzz_check((status == TERN_FORMAT || status == TERN_IO) && !config.labels);
        fuzz_check_error(&err, status);
    } else {
        check(&config);
    }
    tern_config_free(&config);
    return 0;
}
