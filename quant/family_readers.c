/* Reads config.json for each family. A reader fills struct tern_config from one JSON object. */
#include "quant/family_readers.h"

#include "models/config_private.h"
#include "models/json.h"
#include "quant/attention_extras.h"
#include "quant/families.h"
#include "quant/lora.h"
#include "quant/mixer_keys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- What readers share ------------------------------------------------------------------------------------------ */

static tern_status read_activation(enum tern_activation *out, const json_t *root, const char *key, const char *usual,
                                   const char *path, tern_error *err)
{
    static const struct {
        const char *name;
        enum tern_activation activation;
    } known[] = {
        {"gelu", TERN_GELU},
        {"gelu_new", TERN_GELU_NEW},
        /* Other names of the same formulas: transformers' functions differ by at most 1.2e-6 on [-12, 12]. */
        {"gelu_python", TERN_GELU},
        {"gelu_fast", TERN_GELU_NEW},
        {"gelu_accurate", TERN_GELU_NEW},
        {"gelu_pytorch_tanh", TERN_GELU_NEW},
        {"gelu_python_tanh", TERN_GELU_NEW},
        {"relu", TERN_RELU},
        {"silu", TERN_SILU},
        {"swish", TERN_SILU},
        {"quick_gelu", TERN_QUICK_GELU},
        {"gelu_ibert", TERN_GELU_IBERT}, /* ours: for checkpoints trained with I-BERT's polynomial */
    };
    const char *name = usual ? usual : "gelu";
    const tern_status status = tern_json_get_string(root, key, 0, &name, path, err);
    for (size_t i = 0; !status && i < sizeof known / sizeof known[0]; i++)
        if (!strcmp(name, known[i].name)) {
            *out = known[i].activation;
            return TERN_OK;
        }
    return status
               ? status
               : tern_fail(err, TERN_FORMAT,
                           "%s: %s %.60s is not supported; gelu, gelu_new, relu, silu, quick_gelu and gelu_ibert are",
                           path, key, name);
}

/* pruned_heads: {"2": [0, 5], ...}, layers and the heads that were cut out of their tensors (transformers'
   prune_heads). The heads that are left keep their dimension. */
static tern_status read_pruned_heads(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    const json_t *pruned = json_object_get(root, "pruned_heads");
    const char *key;
    json_t *list;

    if (!pruned || json_is_null(pruned))
        return TERN_OK;
    if (!json_is_object(pruned))
        return tern_fail(err, TERN_FORMAT, "%s: pruned_heads is no object of layers", path);
    json_object_foreach((json_t *)(uintptr_t)pruned, key, list)
    {
        char *end = NULL;
        const long layer = strtol(key, &end, 10);
        if (*key < '0' || *key > '9' || *end || layer >= out->layers || !json_is_array(list))
            return tern_fail(err, TERN_FORMAT, "%s: pruned_heads has \"%.20s\", which is no layer with a list of heads",
                             path, key);
        uint8_t gone[TERN_MAX_HIDDEN] = {0}; /* a head that is named twice is gone once */
        struct tern_layer_spec *l = &out->layer[layer];
        const int32_t all = l->heads;
        for (size_t i = 0; i < json_array_size(list); i++) {
            const json_t *head = json_array_get(list, i);
            if (!json_is_integer(head) || json_integer_value(head) < 0 || json_integer_value(head) >= all)
                return tern_fail(err, TERN_FORMAT, "%s: pruned_heads of layer %ld has no head's number, 0 to %d", path,
                                 layer, all - 1);
            l->heads -= !gone[json_integer_value(head)];
            gone[json_integer_value(head)] = 1;
        }
        if (l->heads == 0)
            return tern_fail(err, TERN_FORMAT,
                             "%s: pruned_heads leaves layer %ld no head; a layer without attention is not supported",
                             path, layer);
    }
    return TERN_OK;
}

/* A BERT's sizes and layers, all alike but for pruned heads. */
tern_status tern_read_sizes(struct tern_config *out, const json_t *root, const struct tern_reader_keys *keys,
                            const char *path, tern_error *err)
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
        status = read_activation(&activation, root, keys->activation,
                                 tern_checkpoint_families[out->architecture].activation, path, err);
    if (!status)
        status = tern_config_check_heads(out->hidden, heads, path, err);
    if (status)
        return status;
    tern_config_set_layers(out, layers, heads, intermediate, activation);
    return read_pruned_heads(out, root, path, err);
}

/* ---- Positions --------------------------------------------------------------------------------------------------- */

/* Rows of the position table in front of position 0, which padding would have: RoBERTa's positions begin at 2. */
static tern_status skip_positions(struct tern_config *out, const char *path, tern_error *err)
{
    enum { SKIPPED = 2 };
    if (out->max_positions < SKIPPED + TERN_MIN_TOKENS)
        return tern_fail(err, TERN_FORMAT, "%s: max_position_embeddings %d leaves no texts", path, out->max_positions);
    out->max_positions -= SKIPPED;
    return TERN_OK;
}

/* Angles of `rope`, the object that transformers 5 calls rope_parameters, or of the keys that older files have in
   `root`, as table number out->n_tables. `theta` is the usual base, `part` the part of a head's dimensions that turns.
 */
tern_status tern_read_rotary(struct tern_config *out, const json_t *root, const json_t *rope, double theta, double part,
                             const char *path, tern_error *err)
{
    struct tern_table_spec *t = &out->table[out->n_tables++];
    const json_t *scaling = rope ? rope : json_object_get(root, "rope_scaling");
    const char *type = "default";
    double factor = 1;
    tern_status status = tern_json_get_real(root, "rope_theta", 0, 1, 1e12, &theta, path, err);
    if (!status && rope)
        status = tern_json_get_real(rope, "rope_theta", 0, 1, 1e12, &theta, path, err);
    const json_t *const older = json_object_get(root, "rope_scaling");
    if (!status && rope && older && !json_is_null(older))
        status = tern_fail(err, TERN_FORMAT, "%s: rope_parameters and rope_scaling are both there", path);
    if (!status && json_is_object(scaling)) {
        status = tern_json_get_string(scaling, json_object_get(scaling, "rope_type") ? "rope_type" : "type", 0, &type,
                                      path, err);
        if (!status)
            status = tern_json_get_real(scaling, "factor", 0, 1, 1e6, &factor, path, err);
    }
    if (status)
        return status;
    *t = (struct tern_table_spec){.kind = TERN_POSITION_ROTARY,
                                  .half = (int32_t)(out->layer[0].head_dim * part / 2),
                                  .theta = theta,
                                  .scaling = 1};
    if (t->half < 1)
        return tern_fail(err, TERN_FORMAT, "%s: heads of %d dimensions cannot be turned", path, out->layer[0].head_dim);
    if (!strcmp(type, "linear"))
        t->scaling = 1 / factor;
    else if (!strcmp(type, "ntk")) { /* GTE's: the base grows, and all angles shrink by what the first would */
        t->theta = theta * factor;
        t->scaling = pow(factor, -1.0 / t->half);
    } else if (strcmp(type, "default") != 0)
        return tern_fail(err, TERN_FORMAT,
                         "%s: rotary positions of type %.40s are not supported; default, linear and "
                         "ntk are",
                         path, type);
    return TERN_OK;
}

void tern_set_layers(struct tern_config *out, enum tern_position_kind position, enum tern_gate gate,
                     enum tern_norm_place place)
{
    for (int32_t i = 0; i < out->layers; i++) {
        out->layer[i].position = position;
        out->layer[i].gate = gate;
        out->layer[i].place = place;
    }
}

/* ---- Readers ----------------------------------------------------------------------------------------------------- */

const struct tern_reader_keys tern_usual_keys = {"vocab_size",          "hidden_size",       "num_hidden_layers",
                                                 "num_attention_heads", "intermediate_size", "max_position_embeddings",
                                                 "hidden_act"};

tern_status tern_read_types(struct tern_config *out, const json_t *root, int32_t least, const char *path,
                            tern_error *err)
{
    return tern_json_get_int(root, "type_vocab_size", 0, least, TERN_MAX_TYPES, &out->token_types, path, err);
}

tern_status tern_read_eps(struct tern_config *out, const json_t *root, const char *key, const char *path,
                          tern_error *err)
{
    return tern_json_get_real(root, key, 0, 1e-30, 0.1, &out->layer_norm_eps, path, err);
}

tern_status tern_read_sizes_and_eps(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    const tern_status status = tern_read_sizes(out, root, &tern_usual_keys, path, err);
    return status ? status : tern_read_eps(out, root, "layer_norm_eps", path, err);
}

tern_status tern_read_bert(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    tern_status status = tern_read_sizes_and_eps(out, root, path, err);
    out->pooler = TERN_POOLER_TANH;
    out->token_types = 2;
    if (!status)
        status = tern_read_attention_extras(out, root, path, err);
    if (!status)
        status = tern_read_mixers(out, root, path, err);
    return status ? status : tern_read_types(out, root, 1, path, err);
}

tern_status tern_read_distilbert(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    static const struct tern_reader_keys keys = {
        "vocab_size", "dim", "n_layers", "n_heads", "hidden_dim", "max_position_embeddings", "activation"};
    out->pooler = TERN_POOLER_RELU; /* pre_classifier */
    const tern_status status = tern_read_sizes(out, root, &keys, path, err);
    return status ? status : tern_read_mixers(out, root, path, err);
}

/* Embeddings of another width come with a matrix. */
tern_status tern_read_electra(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    tern_status status = tern_read_bert(out, root, path, err);
    int32_t width = 128;
    if (!status)
        status = tern_json_get_int(root, "embedding_size", 0, 1, TERN_MAX_HIDDEN, &width, path, err);
    out->embedding = width == out->hidden ? 0 : width;
    return status;
}

/* Groups of layers share their weights, and a matrix comes in front of them whatever the embeddings' width. */
tern_status tern_read_albert(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    int32_t groups = 1, inner = 1;
    tern_status status = tern_read_bert(out, root, path, err);
    out->embedding = 128;
    if (!status)
        status = tern_json_get_int(root, "embedding_size", 0, 1, TERN_MAX_HIDDEN, &out->embedding, path, err);
    if (!status)
        status = tern_json_get_int(root, "num_hidden_groups", 0, 1, out->layers, &groups, path, err);
    if (!status)
        status = tern_json_get_int(root, "inner_group_num", 0, 1, 1, &inner, path, err);
    for (int32_t i = 0, first = 0; i < out->layers && !status; i++) {
        const int32_t group = (int32_t)((int64_t)i * groups / out->layers);
        first = i && group == (int32_t)((int64_t)(i - 1) * groups / out->layers) ? first : i;
        out->layer[i].weights = first;
    }
    return status;
}

tern_status tern_read_rembert(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    tern_status status = tern_read_bert(out, root, path, err);
    out->embedding = 256;
    return status ? status
                  : tern_json_get_int(root, "input_embedding_size", 0, 1, TERN_MAX_HIDDEN, &out->embedding, path, err);
}

/* Positions begin behind the number of the padding token. */
tern_status tern_read_roberta(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    int32_t pad = 1;
    tern_status status = tern_read_bert(out, root, path, err);
    if (!status)
        status = tern_json_get_int(root, "pad_token_id", 0, 0, TERN_MAX_VOCAB, &pad, path, err);
    if (!status && pad != 1)
        status = tern_fail(err, TERN_FORMAT, "%s: pad_token_id is %d; positions are supported that begin behind 1",
                           path, pad);
    return status ? status : skip_positions(out, path, err);
}

tern_status tern_read_roberta_prelayernorm(struct tern_config *out, const json_t *root, const char *path,
                                           tern_error *err)
{
    const tern_status status = tern_read_roberta(out, root, path, err);
    tern_set_layers(out, TERN_POSITION_ABSOLUTE, TERN_GATE_NONE, TERN_NORM_PRE);
    return status;
}

tern_status tern_read_megatron(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    const tern_status status = tern_read_bert(out, root, path, err);
    out->no_embed_norm = 1;
    tern_set_layers(out, TERN_POSITION_ABSOLUTE, TERN_GATE_NONE, TERN_NORM_PRE);
    return status;
}

/* One table of biases for all layers. Distances from 128 on are alike: transformers' class says so, no key does. */
tern_status tern_read_mpnet(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    tern_status status = tern_read_sizes(out, root, &tern_usual_keys, path, err);
    struct tern_table_spec *t = &out->table[out->n_tables++];
    *t = (struct tern_table_spec){.kind = TERN_POSITION_BIAS, .heads = out->layer[0].heads, .buckets = 32, .far = 128};
    out->pooler = TERN_POOLER_TANH;
    tern_set_layers(out, TERN_POSITION_BIAS, TERN_GATE_NONE, TERN_NORM_POST);
    if (!status)
        status = tern_read_eps(out, root, "layer_norm_eps", path, err);
    if (!status)
        status = tern_json_get_int(root, "relative_attention_num_buckets", 0, 4, 1024, &t->buckets, path, err);
    if (!status && (t->buckets % 4 || t->buckets / 4 >= t->far))
        status = tern_fail(err, TERN_FORMAT,
                           "%s: relative_attention_num_buckets is %d; multiples of 4 below %d are supported", path,
                           t->buckets, 4 * t->far);
    return status ? status : skip_positions(out, path, err);
}

/* Rotary positions instead of a table. */
static tern_status read_turned(struct tern_config *out, const json_t *root, double theta, enum tern_gate gate,
                               enum tern_norm_place place, const char *path, tern_error *err)
{
    const json_t *rope = json_object_get(root, "rope_parameters");
    const char *kind = "rotary";
    tern_status status = tern_read_sizes(out, root, &tern_usual_keys, path, err);
    out->no_positions = 1;
    out->pooler = TERN_POOLER_TANH;
    tern_set_layers(out, TERN_POSITION_ROTARY, gate, place);
    if (!status)
        status = tern_read_rotary(out, root, json_is_object(rope) ? rope : NULL, theta, 1, path, err);
    if (!status)
        status = tern_json_get_string(root, "position_embedding_type", 0, &kind, path, err);
    if (!status && strcmp(kind, "rotary") != 0 && strcmp(kind, "rope") != 0)
        status =
            tern_fail(err, TERN_FORMAT, "%s: position_embedding_type %.40s is not supported; rotary is", path, kind);
    return status ? status : tern_read_eps(out, root, "layer_norm_eps", path, err);
}

/* Keys of the config that Nomic's checkpoints were published with, and what transformers' class calls them. */
static const struct {
    const char *published, *usual;
} nomic_spellings[] = {
    {"n_embd", "hidden_size"},
    {"n_layer", "num_hidden_layers"},
    {"n_head", "num_attention_heads"},
    {"n_inner", "intermediate_size"},
    {"n_positions", "max_position_embeddings"},
    {"layer_norm_epsilon", "layer_norm_eps"},
    {"rotary_emb_base", "rope_theta"},
};

/* A published config under the usual names; *out is the caller's to json_decref. The code that the checkpoints came
   with turns positions beyond max_trained_positions by other angles where rotary_scaling_factor is set: the model ends
   there. */
static tern_status respell_nomic(json_t **out, const json_t *root, const char *path, tern_error *err)
{
    const json_t *const whole = json_object_get(root, "rotary_emb_fraction");
    const char *activation = "swiglu";
    int32_t scaled = 1, trained = 0;
    double factor = 0;
    tern_status status = tern_json_get_string(root, "activation_function", 0, &activation, path, err);
    if (!status && strcmp(activation, "swiglu") != 0)
        status =
            tern_fail(err, TERN_FORMAT, "%s: activation_function %.40s is not supported; swiglu is", path, activation);
    if (!status && whole && json_number_value(whole) != 1)
        status = tern_fail(err, TERN_FORMAT, "%s: rotary_emb_fraction is not 1, which is not supported", path);
    if (!status)
        status = tern_json_get_bool(root, "scale_attn_weights", 0, &scaled, path, err);
    if (!status && !scaled)
        status = tern_fail(err, TERN_FORMAT, "%s: scale_attn_weights is false, which is not supported", path);
    if (!status)
        status = tern_json_get_real(root, "rotary_scaling_factor", 0, 0, 1e6, &factor, path, err);
    if (!status)
        status = tern_json_get_int(root, "max_trained_positions", factor > 0, TERN_MIN_TOKENS, TERN_MAX_POSITIONS,
                                   &trained, path, err);
    if (status)
        return status;
    *out = json_copy((json_t *)(uintptr_t)root);
    int failed = !*out;
    for (size_t i = 0; i < sizeof nomic_spellings / sizeof *nomic_spellings && !failed; i++) {
        json_t *const value = json_object_get(root, nomic_spellings[i].published);
        failed = value && json_object_set(*out, nomic_spellings[i].usual, value);
    }
    if (!failed && factor > 0)
        failed = json_object_set_new(*out, "max_position_embeddings", json_integer(trained));
    return failed ? tern_fail(err, TERN_NOMEM, "%s: no memory for its keys", path) : TERN_OK;
}

tern_status tern_read_nomic(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    json_t *respelt = NULL;
    tern_status status = respell_nomic(&respelt, root, path, err);
    root = respelt ? respelt : root;
    if (!status)
        status = read_turned(out, root, 1000, TERN_GATE_PRODUCT, TERN_NORM_POST, path, err);
    out->token_types = 2;
    if (!status)
        status = tern_read_types(out, root, 0, path, err);
    json_decref(respelt);
    return status;
}

tern_status tern_read_gte(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    /* The defaults of transformers' class and of the published one. */
    const double theta = out->architecture == TERN_GTE ? 160000 : 10000;
    const tern_status status = read_turned(out, root, theta, TERN_GATE_PRODUCT, TERN_NORM_POST, path, err);
    return status ? status : tern_read_types(out, root, 0, path, err);
}

/* Published, its model_type is XLM-R's, and the code that auto_map names computes it. */
int tern_is_published_jina3(const json_t *root)
{
    const char *const code = json_string_value(json_object_get(json_object_get(root, "auto_map"), "AutoModel"));
    return code && strstr(code, "xlm-roberta-flash-implementation");
}

tern_status tern_read_jina3(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    const char *position = "rotary", *pooler = "mean";
    double theta = 20000;
    tern_status status = tern_json_get_string(root, "position_embedding_type", 0, &position, path, err);
    if (!status && !json_is_null(json_object_get(root, "emb_pooler")))
        status = tern_json_get_string(root, "emb_pooler", 0, &pooler, path, err);
    if (!status && (strcmp(position, "rotary") || strcmp(pooler, "mean")))
        status =
            tern_fail(err, TERN_FORMAT,
                      "%s: position_embedding_type %.40s and emb_pooler %.40s are not supported; rotary and mean are",
                      path, position, pooler);
    if (!status && json_object_size(json_object_get(root, "auto_map")) && !tern_is_published_jina3(root))
        status =
            tern_fail(err, TERN_FORMAT, "%s: auto_map names other code than xlm-roberta-flash-implementation", path);
    if (!status)
        status = tern_json_get_real(root, "rotary_emb_base", 0, 1, 1e12, &theta, path, err);
    if (!status)
        status = tern_lora_read_config(out, root, path, err);
    if (!status)
        status = read_turned(out, root, theta, TERN_GATE_NONE, TERN_NORM_POST, path, err);
    out->token_types = 1;
    return status ? status : tern_read_types(out, root, 0, path, err);
}

/* Neighbouring dimensions are turned, and embeddings may have another width. */
tern_status tern_read_roformer(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    tern_status status = read_turned(out, root, 10000, TERN_GATE_NONE, TERN_NORM_POST, path, err);
    int32_t width = out->hidden;
    out->table[0].interleaved = out->table[0].given = 1;
    if (!status && out->layer[0].activation != TERN_GELU) /* the head has it too */
        status = tern_fail(err, TERN_FORMAT, "%s: hidden_act of a RoFormer that is not gelu is not supported", path);
    out->token_types = 2;
    if (!status)
        status = tern_read_types(out, root, 0, path, err);
    if (!status && !json_is_null(json_object_get(root, "embedding_size")))
        status = tern_json_get_int(root, "embedding_size", 0, 1, TERN_MAX_HIDDEN, &width, path, err);
    out->embedding = width == out->hidden ? 0 : width;
    return status;
}

tern_status tern_read_esm(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    int32_t dropout = 0, mask = 0;
    tern_status status = read_turned(out, root, 10000, TERN_GATE_NONE, TERN_NORM_PRE, path, err);
    out->no_embed_norm = 1;
    if (!status)
        status = tern_json_get_bool(root, "token_dropout", 0, &dropout, path, err);
    if (!status && dropout)
        status = tern_json_get_int(root, "mask_token_id", 1, 0, out->vocab - 1, &mask, path, err);
    out->token_dropout = dropout ? mask + 1 : 0;
    return status;
}

tern_status tern_read_xlm_roberta_xl(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    const tern_status status = tern_read_roberta_prelayernorm(out, root, path, err);
    out->no_embed_norm = 1;
    return status;
}
