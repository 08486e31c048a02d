/* Any bytes as one of the JSON files of a checkpoint (the first byte says which) or as a .tern file's configuration.
   What is accepted must be inside the limits and come back the same through Tern's JSON. */
#define _XOPEN_SOURCE 700
#define _FILE_OFFSET_BITS 64

#include "quant/checkpoint_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"config.json", "tokenizer_config.json", "sentence_bert_config.json",
                                    "1_Pooling/config.json", "modules.json"};
enum { N_NAMES = 5 };
static const char good[] = "{\"model_type\":\"bert\",\"vocab_size\":30,\"hidden_size\":12,\"num_hidden_layers\":1,"
                           "\"num_attention_heads\":2,\"intermediate_size\":20,\"max_position_embeddings\":10}";

static void put(const char *dir, const char *name, const void *bytes, size_t size)
{
    char path[300];
    FILE *f;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, size, f) != size || fclose(f))
        abort();
}

static const char *make_dir(void)
{
    static char dir[64];
    char pooling[80];
    if (dir[0])
        return dir;
    strcpy(dir, "/tmp/fuzz_config-XXXXXX");
    if (!mkdtemp(dir))
        abort();
    snprintf(pooling, sizeof pooling, "%s/1_Pooling", dir);
    if (mkdir(pooling, 0777))
        abort();
    put(dir, "config.json", good, sizeof good - 1);
    return dir;
}

static void check(const struct tern_config *c)
{
    struct tern_config copy;
    char *json = tern_config_to_json(c), *again;

    if (c->layers < 1 || c->layers > TERN_MAX_LAYERS || c->hidden < 1 || c->hidden > TERN_MAX_HIDDEN || c->vocab < 1 ||
        c->vocab > TERN_MAX_VOCAB || c->max_tokens < 3 || c->max_tokens > c->max_positions ||
        c->max_positions > TERN_MAX_POSITIONS || c->token_types < 0 || c->token_types > TERN_MAX_TYPES ||
        c->n_labels < 0 || c->n_labels > TERN_MAX_LABELS || !(c->layer_norm_eps > 0))
        abort();
    for (int i = 0; i < c->layers; i++) {
        const struct tern_layer_spec *l = &c->layer[i];
        if (l->heads < 1 || l->head_dim < 1 || l->head_dim > TERN_MAX_HEAD_DIM ||
            tern_attention_width(l) > TERN_MAX_HIDDEN || l->intermediate < 1 ||
            l->intermediate > TERN_MAX_INTERMEDIATE || l->before < 0 || l->after < 0 || l->weights < 0 ||
            l->weights > i)
            abort();
    }
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
    const char *dir = make_dir();
    struct tern_config config;
    tern_error err = {TERN_OK, ""};
    tern_status status;
    const int which = size ? data[0] % (N_NAMES + 1) : 0;

    if (size == 0)
        return 0;
    data++;
    size--;
    if (which == N_NAMES) {
        char *text = malloc(size + 1);
        if (!text)
            abort();
        memcpy(text, data, size);
        text[size] = '\0';
        status = tern_config_from_json(&config, text, "fuzz", &err);
        free(text);
    } else {
        put(dir, names[which], data, size);
        status = tern_config_read_checkpoint(&config, dir, &err);
        if (which == 0) {
            put(dir, names[0], good, sizeof good - 1);
        } else {
            char path[300];
            snprintf(path, sizeof path, "%s/%s", dir, names[which]);
            remove(path);
        }
    }
    if (status == TERN_OK)
        check(&config);
    else if (status != TERN_FORMAT || err.code != status || !err.message[0] || config.labels)
        abort();
    tern_config_free(&config);
    return 0;
}
