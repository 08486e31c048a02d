/* One row of names and one reader for each family of checkpoints. A new family is a row here, a row in
   models/families.def and a checkpoint in the tests. */
#include "quant/families.h"

#include "models/config_private.h"
#include "models/json.h"

#include <string.h>

/* ---- What readers share ------------------------------------------------------------------------------------------ */

/* The keys by which a family calls the same numbers. */
struct keys {
    const char *vocab, *hidden, *layers, *heads, *intermediate, *positions, *activation;
};

static tern_status read_activation(enum tern_activation *out, const json_t *root, const char *key, const char *path,
                                   tern_error *err)
{
    static const struct {
        const char *name;
        enum tern_activation activation;
    } known[] = {
        {"gelu", TERN_GELU},
        {"gelu_new", TERN_GELU_NEW},
        {"gelu_pytorch_tanh", TERN_GELU_NEW}, /* another name of the same formula */
        {"relu", TERN_RELU},
        {"gelu_ibert", TERN_GELU_IBERT}, /* ours: for checkpoints trained with I-BERT's polynomial */
    };
    const char *name = "gelu";
    const tern_status status = tern_json_get_string(root, key, 0, &name, path, err);
    for (size_t i = 0; !status && i < sizeof known / sizeof known[0]; i++)
        if (!strcmp(name, known[i].name)) {
            *out = known[i].activation;
            return TERN_OK;
        }
    return status
               ? status
               : tern_fail(err, TERN_FORMAT, "%s: %s %.60s is not supported; gelu, gelu_new, relu and gelu_ibert are",
                           path, key, name);
}

/* A BERT's sizes and layers, all alike. */
static tern_status read_sizes(struct tern_config *out, const json_t *root, const struct keys *keys, const char *path,
                              tern_error *err)
{
    int32_t layers = 0, heads = 0, intermediate = 0;
    enum tern_activation activation = TERN_GELU;
    const struct {
        const char *key;
        int32_t min, max, *to;
    } sizes[] = {
        {keys->vocab, 1, TERN_MAX_VOCAB, &out->vocab},
        {keys->hidden, 1, TERN_MAX_HIDDEN, &out->hidden},
        {keys->layers, 1, TERN_MAX_LAYERS, &layers},
        {keys->heads, 1, TERN_MAX_HIDDEN, &heads},
        {keys->intermediate, 1, TERN_MAX_INTERMEDIATE, &intermediate},
        {keys->positions, TERN_MIN_TOKENS, TERN_MAX_POSITIONS, &out->max_positions},
    };
    tern_status status = TERN_OK;
    for (size_t i = 0; !status && i < sizeof sizes / sizeof sizes[0]; i++)
        status = tern_json_get_int(root, sizes[i].key, 1, sizes[i].min, sizes[i].max, sizes[i].to, path, err);
    if (!status)
        status = read_activation(&activation, root, keys->activation, path, err);
    if (!status)
        status = tern_config_check_heads(out->hidden, heads, path, err);
    if (!status)
        tern_config_set_layers(out, layers, heads, intermediate, activation);
    return status;
}

/* ---- Readers ------------------------------------------------------------------------------------------------------
 */

static tern_status read_bert(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    static const struct keys keys = {"vocab_size",          "hidden_size",       "num_hidden_layers",
                                     "num_attention_heads", "intermediate_size", "max_position_embeddings",
                                     "hidden_act"};
    tern_status status = read_sizes(out, root, &keys, path, err);
    out->pooler = TERN_POOLER_TANH;
    out->token_types = 2;
    if (!status)
        status = tern_json_get_int(root, "type_vocab_size", 0, 1, TERN_MAX_TYPES, &out->token_types, path, err);
    if (!status)
        status = tern_json_get_real(root, "layer_norm_eps", 0, 1e-30, 0.1, &out->layer_norm_eps, path, err);
    return status;
}

static tern_status read_distilbert(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    static const struct keys keys = {
        "vocab_size", "dim", "n_layers", "n_heads", "hidden_dim", "max_position_embeddings", "activation"};
    out->pooler = TERN_POOLER_RELU; /* pre_classifier */
    return read_sizes(out, root, &keys, path, err);
}

/* ---- Rows ---------------------------------------------------------------------------------------------------------
 */

const struct tern_checkpoint_family tern_checkpoint_families[TERN_N_FAMILIES] = {
    [TERN_BERT] = {"Bert",
                   "encoder.layer.%d.",
                   0,
                   {
                       [TERN_PART_WORD] = "embeddings.word_embeddings",
                       [TERN_PART_POSITION] = "embeddings.position_embeddings",
                       [TERN_PART_TYPE] = "embeddings.token_type_embeddings",
                       [TERN_PART_EMBED_NORM] = "embeddings.LayerNorm",
                       [TERN_PART_QUERY] = "attention.self.query",
                       [TERN_PART_KEY] = "attention.self.key",
                       [TERN_PART_VALUE] = "attention.self.value",
                       [TERN_PART_ATTN_OUT] = "attention.output.dense",
                       [TERN_PART_ATTN_NORM] = "attention.output.LayerNorm",
                       [TERN_PART_FFN_UP] = "intermediate.dense",
                       [TERN_PART_FFN_DOWN] = "output.dense",
                       [TERN_PART_FFN_NORM] = "output.LayerNorm",
                       [TERN_PART_POOLER] = "pooler.dense",
                       [TERN_PART_CLASSIFIER] = "classifier",
                   },
                   read_bert},
    [TERN_DISTILBERT] = {"DistilBert",
                         "transformer.layer.%d.",
                         1,
                         {
                             [TERN_PART_WORD] = "embeddings.word_embeddings",
                             [TERN_PART_POSITION] = "embeddings.position_embeddings",
                             [TERN_PART_EMBED_NORM] = "embeddings.LayerNorm",
                             [TERN_PART_QUERY] = "attention.q_lin",
                             [TERN_PART_KEY] = "attention.k_lin",
                             [TERN_PART_VALUE] = "attention.v_lin",
                             [TERN_PART_ATTN_OUT] = "attention.out_lin",
                             [TERN_PART_ATTN_NORM] = "sa_layer_norm",
                             [TERN_PART_FFN_UP] = "ffn.lin1",
                             [TERN_PART_FFN_DOWN] = "ffn.lin2",
                             [TERN_PART_FFN_NORM] = "output_layer_norm",
                             [TERN_PART_POOLER] = "pre_classifier",
                             [TERN_PART_CLASSIFIER] = "classifier",
                         },
                         read_distilbert},
};
