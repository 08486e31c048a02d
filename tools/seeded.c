/* Makes models of known shapes with random weights in memory: `tern bench --shape`. */
#include "tools/seeded.h"
#include "models/blocks.h"
#include "tools/cli.h"

#include "quant/convert.h"
#include "quant/families.h"
#include "quant/position_tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sizes of published models, as their config.json has them, with ' for "; the family's own reader makes a model of
   them. */
static const struct {
    const char *name, *config;
} shapes[] = {
#define BERT(layers, hidden, heads, intermediate)                                                                      \
    "{'model_type':'bert','vocab_size':30522,'max_position_embeddings':512,'type_vocab_size':2,"                       \
    "'num_hidden_layers':" #layers ",'hidden_size':" #hidden ",'num_attention_heads':" #heads                          \
    ",'intermediate_size':" #intermediate "}"
#define BASE "'num_hidden_layers':12,'hidden_size':768,'num_attention_heads':12,'intermediate_size':3072,"
#define MODERN(layers_that_see_all)                                                                                    \
    "{'model_type':'modernbert','vocab_size':50368,'max_position_embeddings':8192,'num_hidden_layers':22,"             \
    "'hidden_size':768,'num_attention_heads':12,'intermediate_size':1152,'local_attention':128,"                       \
    "'global_rope_theta':160000,'local_rope_theta':10000," layers_that_see_all "}"
#define MINI(mixer)                                                                                                    \
    "{'model_type':'bert','vocab_size':30522,'max_position_embeddings':8192,'type_vocab_size':2,"                      \
    "'num_hidden_layers':4,'hidden_size':256,'num_attention_heads':4,'intermediate_size':1024," mixer "}"
#define WINDOWS4 "'sliding_attention','sliding_attention','sliding_attention','sliding_attention',"
    {"distilbert", "{'model_type':'distilbert','vocab_size':30522,'max_position_embeddings':512,'n_layers':6,"
                   "'dim':768,'n_heads':12,'hidden_dim':3072}"},
    {"minilm-l6", BERT(6, 384, 12, 1536)},
    {"bert-base", BERT(12, 768, 12, 3072)},
    {"bge-small", BERT(12, 384, 12, 1536)},
    {"bert-mini", BERT(4, 256, 4, 1024)},
    /* The same for long texts, and what stands in place of softmax over all tokens. */
    {"bert-mini-long", MINI("'attention_kind':'softmax'")},
    {"bert-mini-windows", MINI("'attention_window':256")},
    {"bert-mini-elu", MINI("'attention_kind':'linear','feature_map':'elu'")},
    {"bert-mini-relu", MINI("'attention_kind':'linear','feature_map':'relu'")},
    {"bert-mini-cosformer", MINI("'attention_kind':'linear','feature_map':'cosformer'")},
    {"tinybert-4l", BERT(4, 312, 12, 1200)},
    {"mpnet-base", "{'model_type':'mpnet','vocab_size':30527,'max_position_embeddings':514,'layer_norm_eps':1e-5," BASE
                   "'relative_attention_num_buckets':32}"},
    {"roberta-base", "{'model_type':'roberta','vocab_size':50265,'max_position_embeddings':514,'type_vocab_size':1,"
                     "'layer_norm_eps':1e-5," BASE "'pad_token_id':1}"},
    {"xlmr-base", "{'model_type':'xlm-roberta','vocab_size':250002,'max_position_embeddings':514,"
                  "'type_vocab_size':1,'layer_norm_eps':1e-5," BASE "'pad_token_id':1}"},
    {"bge-m3", "{'model_type':'xlm-roberta','vocab_size':250002,'max_position_embeddings':8194,'type_vocab_size':1,"
               "'layer_norm_eps':1e-5,'num_hidden_layers':24,'hidden_size':1024,'num_attention_heads':16,"
               "'intermediate_size':4096,'pad_token_id':1}"},
    {"electra-small", "{'model_type':'electra','vocab_size':30522,'max_position_embeddings':512,'type_vocab_size':2,"
                      "'embedding_size':128,'num_hidden_layers':12,'hidden_size':256,'num_attention_heads':4,"
                      "'intermediate_size':1024}"},
    {"albert-base", "{'model_type':'albert','vocab_size':30000,'max_position_embeddings':512,'type_vocab_size':2,"
                    "'hidden_act':'gelu_new','embedding_size':128," BASE "'num_hidden_groups':1}"},
    {"nomic-embed", "{'model_type':'nomic_bert','vocab_size':30528,'max_position_embeddings':2048,"
                    "'type_vocab_size':2,'hidden_act':'silu'," BASE "'rope_theta':1000}"},
    {"gte-multilingual", "{'model_type':'gte','vocab_size':250048,'max_position_embeddings':8192,"
                         "'type_vocab_size':1," BASE "'rope_theta':20000}"},
    {"deberta-v3-small", "{'model_type':'deberta-v2','vocab_size':128100,'max_position_embeddings':512,"
                         "'type_vocab_size':0,'layer_norm_eps':1e-7,'num_hidden_layers':6,'hidden_size':768,"
                         "'num_attention_heads':12,'intermediate_size':3072,'relative_attention':true,"
                         "'position_buckets':256,'norm_rel_ebd':'layer_norm','share_att_key':true,"
                         "'pos_att_type':'p2c|c2p','max_relative_positions':-1,'position_biased_input':false}"},
    {"longformer-base", "{'model_type':'longformer','vocab_size':50265,'max_position_embeddings':4098,"
                        "'type_vocab_size':1,'layer_norm_eps':1e-5," BASE "'pad_token_id':1,"
                        "'attention_window':512}"},
    {"eurobert-210m", "{'model_type':'eurobert','vocab_size':128256,'max_position_embeddings':8192,"
                      "'hidden_act':'silu','rms_norm_eps':1e-5," BASE "'num_key_value_heads':12,"
                      "'rope_theta':250000}"},
    {"deberta-v3-base", "{'model_type':'deberta-v2','vocab_size':128100,'max_position_embeddings':512,"
                        "'type_vocab_size':0,'layer_norm_eps':1e-7," BASE "'relative_attention':true,"
                        "'position_buckets':256,'norm_rel_ebd':'layer_norm','share_att_key':true,"
                        "'pos_att_type':'p2c|c2p','max_relative_positions':-1,'position_biased_input':false}"},
    {"mobilebert", "{'model_type':'mobilebert','vocab_size':30522,'max_position_embeddings':512,"
                   "'type_vocab_size':2,'embedding_size':128,'num_hidden_layers':24,'hidden_size':512,"
                   "'num_attention_heads':4,'intermediate_size':512,'hidden_act':'relu',"
                   "'intra_bottleneck_size':128,'true_hidden_size':128,'trigram_input':true,'use_bottleneck':true,"
                   "'use_bottleneck_attention':false,'key_query_shared_bottleneck':true,"
                   "'num_feedforward_networks':4,'normalization_type':'no_norm'}"},
    {"squeezebert", "{'model_type':'squeezebert','vocab_size':30528,'max_position_embeddings':512,"
                    "'type_vocab_size':2,'embedding_size':768," BASE "'q_groups':4,'k_groups':4,'v_groups':4,"
                    "'post_attention_groups':1,'intermediate_groups':4,'output_groups':4}"},
    {"roformer", "{'model_type':'roformer','vocab_size':50000,'max_position_embeddings':1536,'type_vocab_size':2,"
                 "'embedding_size':768," BASE "'rotary_value':false}"},
    {"bigbird-base", "{'model_type':'big_bird','vocab_size':50358,'max_position_embeddings':4096,"
                     "'type_vocab_size':2,'hidden_act':'gelu_new'," BASE "'attention_type':'block_sparse',"
                     "'block_size':64,'num_random_blocks':3,'use_bias':true}"},
    {"esm2-8m", "{'model_type':'esm','vocab_size':33,'max_position_embeddings':1026,'num_hidden_layers':6,"
                "'hidden_size':320,'num_attention_heads':20,'intermediate_size':1280,'layer_norm_eps':1e-5,"
                "'pad_token_id':1,'position_embedding_type':'rotary','emb_layer_norm_before':false,"
                "'token_dropout':false}"},
    {"jina-v2-base",
     "{'model_type':'jina_bert','vocab_size':30528,'max_position_embeddings':8192,"
     "'type_vocab_size':2,'position_embedding_type':'alibi','feed_forward_type':'geglu'," BASE "'hidden_act':'gelu'}"},
    {"convbert-base", "{'model_type':'convbert','vocab_size':30522,'max_position_embeddings':512,"
                      "'type_vocab_size':2,'embedding_size':768," BASE "'conv_kernel_size':9,'head_ratio':2,"
                      "'num_groups':1}"},
    {"fnet-base", "{'model_type':'fnet','vocab_size':32000,'max_position_embeddings':512,'type_vocab_size':4,"
                  "'hidden_act':'gelu_new'," BASE "'use_tpu_fourier_optimizations':false}"},
    {"nystromformer-512", "{'model_type':'nystromformer','vocab_size':30000,'max_position_embeddings':510,"
                          "'type_vocab_size':2,'hidden_act':'gelu_new'," BASE "'conv_kernel_size':65,"
                          "'num_landmarks':512,'segment_means_seq_len':512}"},
    {"modernbert-base", MODERN("'global_attn_every_n_layers':3")},
    /* For comparison: what windows save. */
    {"modernbert-base-full", MODERN("'global_attn_every_n_layers':1")},
    {"modernbert-base-windows",
     MODERN("'layer_types':[" WINDOWS4 WINDOWS4 WINDOWS4 WINDOWS4 WINDOWS4 "'sliding_attention','sliding_attention']")},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

const char *seeded_name(int shape)
{
    return shape < N_SHAPES ? shapes[shape].name : NULL;
}

int seeded_find(const char *name)
{
    for (int i = 0; i < N_SHAPES; i++)
        if (!strcmp(shapes[i].name, name))
            return i;
    return -1;
}

/* Four 16-bit numbers' sum: close to a normal distribution (Irwin-Hall), of variance 4 * 2^32 / 12, no tail beyond 3.5
   sd, and the same floats everywhere, which libm's logarithm would not promise. */
static float normal(uint64_t *state)
{
    const uint64_t bits = cli_random(state);
    const int32_t sum = (int32_t)(bits & 0xffff) + (int32_t)(bits >> 16 & 0xffff) + (int32_t)(bits >> 32 & 0xffff) +
                        (int32_t)(bits >> 48);
    return (float)(sum - 2 * 65535) * 2.6429e-5f; /* sqrt(3) / 65536 */
}

static int ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && !strcmp(name + n - m, end);
}

/* Trained BERTs have weights of sd 0.03 to 0.05, LayerNorm gains a little below 1 and small biases. A tensor depends on
   its name alone. */
static void make_numbers(const char *name, float *out, size_t count)
{
    uint64_t state = 0x7465726e; /* "tern" */
    for (const char *c = name; *c; c++)
        state = cli_random(&state) ^ (uint8_t)*c;
    const int gain = ends_with(name, "norm.weight");
    const float scale = gain ? 0.05f : ends_with(name, ".bias") ? 0.03f : 0.04f, mean = gain ? 0.9f : 0.0f;
    for (size_t i = 0; i < count; i++)
        out[i] = mean + scale * normal(&state);
}

/* A table of positions is made as a checkpoint's is, of seeded buckets where distances have biases. */
static tern_status read_table(const struct tern_config *config, const char *name, int table, float *out, size_t count,
                              tern_error *err)
{
    const struct tern_table_spec *const t = &config->table[table];
    const size_t numbers = t->kind == TERN_POSITION_BIAS ? (size_t)t->buckets * (size_t)t->heads : 1;
    float *const seeded = malloc(numbers * sizeof *seeded);
    if (!seeded)
        return tern_fail_nomem(err, name, numbers * sizeof *seeded);
    make_numbers(name, seeded, numbers);
    const struct tern_tensor buckets = {.name = name,
                                        .dtype = TERN_F32,
                                        .n_dims = 2,
                                        .shape = {t->buckets, t->heads},
                                        .data = seeded,
                                        .bytes = numbers * sizeof *seeded};
    const tern_status status = tern_position_table_make(config, table, &buckets, name, out, count, err);
    free(seeded);
    return status;
}

static tern_status read_seeded(void *context, struct tern_key key, float *out, size_t count, tern_error *err)
{
    char name[TERN_KEY_NAME];
    tern_key_name(name, key);
    if (key.part == TERN_PART_POSITION_TABLE)
        return read_table(context, name, key.layer, out, count, err);
    make_numbers(name, out, count);
    return TERN_OK;
}

/* The encoder of a shape, pooled by the mean, without a head. */
static tern_status read_shape(struct tern_config *out, int shape, tern_error *err)
{
    char text[1024];
    snprintf(text, sizeof text, "%s", shapes[shape].config);
    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    json_t *const root = json_loads(text, 0, NULL);
    const char *const type = json_string_value(json_object_get(root, "model_type"));
    *out = (struct tern_config){.layer_norm_eps = 1e-12};
    if (!type)
        return tern_fail(err, TERN_NOMEM, "%s: no memory for its sizes", shapes[shape].name);
    while (out->architecture + 1 < TERN_N_FAMILIES && strcmp(tern_architecture_name(out->architecture), type) != 0)
        out->architecture++;
    const tern_status status = tern_checkpoint_families[out->architecture].read(out, root, shapes[shape].name, err);
    json_decref(root);
    out->pooler = TERN_POOLER_NONE;
    out->pooler_norm = 0;
    out->head_reads = TERN_READS_FIRST;
    out->pooling = TERN_POOL_MEAN;
    out->max_tokens = out->max_positions;
    for (int i = 0; i < out->n_tables; i++)
        out->table[i].given = 0;
    return status;
}

tern_status seeded_build(tern_model **out, void **bytes, int shape, enum tern_weights weights,
                         enum tern_format embeddings, const char *sparse,
                         void (*progress)(void *context, size_t done, size_t total), tern_error *err)
{
    struct tern_config config;
    struct tern_source source = {.config = &config,
                                 .plain = 1,
                                 .embeddings = embeddings,
                                 .read = read_seeded,
                                 .context = &config,
                                 .progress = progress};
    tern_status status = read_shape(&config, shape, err);
    config.weights = weights;
    source.sparse = sparse && !tern_sparse_parse(sparse, &source.block, &source.prune);
    if (!status)
        status = tern_build_model(out, bytes, &source, NULL, err);
    tern_config_free(&config);
    return status;
}
