/* One row of names for each family of checkpoints. A new family is a row here, a reader in quant/family_readers.c, a
   row in models/families.def and a checkpoint in the tests. */
#include "quant/families.h"

#include "quant/attention_extras.h"
#include "quant/family_readers.h"
#include "quant/fill_head.h"
#include "quant/mixer_keys.h"

static const enum tern_global longformer_globals[TERN_N_HEADS] = {[TERN_HEAD_NONE] = TERN_GLOBAL_NONE,
                                                                  [TERN_HEAD_CLASSIFIER] = TERN_GLOBAL_FIRST,
                                                                  [TERN_HEAD_TAGGER] = TERN_GLOBAL_NONE,
                                                                  [TERN_HEAD_ANSWERER] = TERN_GLOBAL_QUESTION,
                                                                  [TERN_HEAD_FILLER] = TERN_GLOBAL_NONE};

/* What a reader of BERT's keys honours, and what a family adds. */
#define BERT_KEYS                                                                                                      \
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",                      \
        "max_position_embeddings", "hidden_act", "layer_norm_eps", "pruned_heads"
static const char *const bert_keys[] = {BERT_KEYS, "type_vocab_size", TERN_ATTENTION_EXTRAS, TERN_MIXER_KEYS, NULL};
static const char *const distilbert_keys[] = {
    "vocab_size", "dim",          "n_layers",      "n_heads", "hidden_dim", "max_position_embeddings",
    "activation", "pruned_heads", TERN_MIXER_KEYS, NULL};
static const char *const electra_keys[] = {BERT_KEYS, "type_vocab_size", "embedding_size", TERN_MIXER_KEYS, NULL};
static const char *const albert_keys[] = {
    BERT_KEYS, "type_vocab_size", "embedding_size", "num_hidden_groups", "inner_group_num", TERN_MIXER_KEYS, NULL};
static const char *const squeezebert_keys[] = {BERT_KEYS,
                                               "type_vocab_size",
                                               "q_groups",
                                               "k_groups",
                                               "v_groups",
                                               "post_attention_groups",
                                               "intermediate_groups",
                                               "output_groups",
                                               NULL};
static const char *const rembert_keys[] = {BERT_KEYS, "type_vocab_size", "input_embedding_size", TERN_MIXER_KEYS, NULL};
static const char *const roberta_keys[] = {BERT_KEYS, "type_vocab_size", "pad_token_id", TERN_MIXER_KEYS, NULL};
static const char *const xmod_keys[] = {BERT_KEYS,
                                        "type_vocab_size",
                                        "pad_token_id",
                                        "pre_norm",
                                        "adapter_layer_norm",
                                        "adapter_reuse_layer_norm",
                                        "ln_before_adapter",
                                        "adapter_reduction_factor",
                                        "languages",
                                        "default_language",
                                        NULL};
static const char *const mobilebert_keys[] = {BERT_KEYS,
                                              "type_vocab_size",
                                              "embedding_size",
                                              "trigram_input",
                                              "use_bottleneck",
                                              "intra_bottleneck_size",
                                              "use_bottleneck_attention",
                                              "key_query_shared_bottleneck",
                                              "num_feedforward_networks",
                                              "normalization_type",
                                              "classifier_activation",
                                              "true_hidden_size",
                                              NULL};
static const char *const convbert_keys[] = {
    BERT_KEYS, "type_vocab_size", "embedding_size", "head_ratio", "conv_kernel_size", "num_groups", NULL};
static const char *const fnet_keys[] = {BERT_KEYS, "type_vocab_size", "tpu_short_seq_length", NULL};
static const char *const nystromformer_keys[] = {
    BERT_KEYS, "type_vocab_size", "conv_kernel_size", "num_landmarks", "segment_means_seq_len", "inv_coeff_init_option",
    NULL};
static const char *const mpnet_keys[] = {BERT_KEYS, "relative_attention_num_buckets", NULL};
/* model2vec's. What was done to the table is done; seq_length is its transformer's. */
static const char *const static_keys[] = {
    "normalize",  "max_length", "apply_pca",       "apply_zipf",     "sif_coefficient",         "hidden_dim",
    "seq_length", "pooling",    "embedding_dtype", "tokenizer_name", "vocabulary_quantization", NULL};
/* Those of the code that jina-embeddings-v3 was published with too. */
static const char *const jina3_keys[] = {
    BERT_KEYS,  "type_vocab_size", "rope_parameters",  "rope_theta", "rope_scaling", "rotary_emb_base",
    "auto_map", "emb_pooler",      "lora_adaptations", "lora_rank",  "lora_alpha",   "position_embedding_type",
    NULL};

/* The published configs' too. */
static const char *const nomic_keys[] = {BERT_KEYS,
                                         "type_vocab_size",
                                         "rope_parameters",
                                         "rope_theta",
                                         "rope_scaling",
                                         "auto_map",
                                         "n_embd",
                                         "n_layer",
                                         "n_head",
                                         "n_inner",
                                         "n_positions",
                                         "layer_norm_epsilon",
                                         "rotary_emb_base",
                                         "activation_function",
                                         "rotary_emb_fraction",
                                         "scale_attn_weights",
                                         "rotary_scaling_factor",
                                         "max_trained_positions",
                                         NULL};
static const char *const gte_keys[] = {BERT_KEYS,    "type_vocab_size", "rope_parameters",
                                       "rope_theta", "rope_scaling",    "position_embedding_type",
                                       "auto_map",   "pack_qkv",        NULL};
static const char *const roformer_keys[] = {BERT_KEYS, "type_vocab_size", "embedding_size", NULL};
static const char *const esm_keys[] = {BERT_KEYS,       "rope_theta",    "position_embedding_type",
                                       "token_dropout", "mask_token_id", NULL};
static const char *const eurobert_keys[] = {
    BERT_KEYS,      "rms_norm_eps",       "num_key_value_heads", "head_dim",       "rope_parameters", "rope_theta",
    "rope_scaling", "classifier_pooling", "clf_pooling",         "attention_bias", "mlp_bias",        NULL};
static const char *const ultrabert_keys[] = {BERT_KEYS,
                                             "rms_norm_eps",
                                             "num_key_value_heads",
                                             "head_dim",
                                             "rope_parameters",
                                             "rope_theta",
                                             "sliding_window",
                                             "layer_types",
                                             "attention_windows",
                                             "attention_bias",
                                             "mlp_bias",
                                             "classifier_pooling",
                                             "prediction_head_size",
                                             NULL};
#define DEBERTA_KEYS                                                                                                   \
    BERT_KEYS, "type_vocab_size", "embedding_size", "position_biased_input", "relative_attention", "pos_att_type",     \
        "max_relative_positions", "pooler_hidden_act", "pooler_hidden_size", "z_steps"
static const char *const deberta_keys[] = {DEBERTA_KEYS, "talking_head", NULL};
static const char *const deberta_v2_keys[] = {DEBERTA_KEYS,    "position_buckets",    "norm_rel_ebd",
                                              "share_att_key", "conv_kernel_size",    "conv_act",
                                              "conv_groups",   "attention_head_size", NULL};
static const char *const modernbert_keys[] = {"vocab_size",
                                              "hidden_size",
                                              "num_hidden_layers",
                                              "num_attention_heads",
                                              "intermediate_size",
                                              "max_position_embeddings",
                                              "hidden_activation",
                                              "norm_eps",
                                              "rope_parameters",
                                              "global_rope_theta",
                                              "local_rope_theta",
                                              "layer_types",
                                              "global_attn_every_n_layers",
                                              "local_attention",
                                              "classifier_pooling",
                                              "classifier_activation",
                                              "attention_bias",
                                              "mlp_bias",
                                              "norm_bias",
                                              "classifier_bias",
                                              "position_embedding_type",
                                              NULL};

static const char *const longformer_keys[] = {BERT_KEYS,          "type_vocab_size", "pad_token_id",
                                              "attention_window", "sep_token_id",    NULL};
static const char *const big_bird_keys[] = {BERT_KEYS,    "type_vocab_size",   "attention_type",
                                            "block_size", "num_random_blocks", "rescale_embeddings",
                                            "use_bias",   "sep_token_id",      NULL};
static const char *const jina2_keys[] = {
    BERT_KEYS, "type_vocab_size", "position_embedding_type", "feed_forward_type", "emb_pooler", "auto_map", NULL};

/* Names that most families have from BERT. */
#define BERT_EMBEDDINGS                                                                                                \
    [TERN_PART_WORD] = "embeddings.word_embeddings", [TERN_PART_POSITION] = "embeddings.position_embeddings",          \
    [TERN_PART_TYPE] = "embeddings.token_type_embeddings", [TERN_PART_EMBED_NORM] = "embeddings.LayerNorm"
#define BERT_MATRICES                                                                                                  \
    [TERN_PART_QUERY] = "attention.self.query", [TERN_PART_KEY] = "attention.self.key",                                \
    [TERN_PART_VALUE] = "attention.self.value", [TERN_PART_ATTN_OUT] = "attention.output.dense",                       \
    [TERN_PART_FFN_UP] = "intermediate.dense", [TERN_PART_FFN_DOWN] = "output.dense"
#define BERT_NORMS [TERN_PART_ATTN_NORM] = "attention.output.LayerNorm", [TERN_PART_FFN_NORM] = "output.LayerNorm"
/* BitNet's, by tools/train: transformers' classes have none. */
#define BERT_SUB_NORMS                                                                                                 \
    [TERN_PART_ATTN_SUB_NORM] = "attention.output.sub_norm", [TERN_PART_FFN_SUB_NORM] = "output.sub_norm"
#define BERT_HEADS [TERN_PART_POOLER] = "pooler.dense", [TERN_PART_CLASSIFIER] = "/classifier"
#define SKIPPED_POSITIONS [TERN_PART_POSITION] = "embeddings.position_embeddings[2:]"
#define ROBERTA_EMBEDDINGS                                                                                             \
    [TERN_PART_WORD] = "embeddings.word_embeddings",                                                                   \
    SKIPPED_POSITIONS, [TERN_PART_TYPE] = "embeddings.token_type_embeddings"
/* What both DeBERTas call alike. Their pooler is their classifier's. */
#define DEBERTA_PARTS                                                                                                  \
    BERT_NORMS, [TERN_PART_POSITION_TABLE] = "encoder.rel_embeddings",                                                 \
                [TERN_PART_ATTN_OUT] = "attention.output.dense", [TERN_PART_FFN_UP] = "intermediate.dense",            \
                [TERN_PART_FFN_DOWN] = "output.dense", [TERN_PART_POOLER] = "/pooler.dense",                           \
                [TERN_PART_CLASSIFIER] = "/classifier"
/* RoBERTa's, ELECTRA's and MPNet's classifier of texts. */
#define TWO_LAYERS(act)                                                                                                \
    {                                                                                                                  \
        "/classifier.dense", "/classifier.out_proj", act                                                               \
    }
#define ROBERTA(name, within)                                                                                          \
    {                                                                                                                  \
        .class = name, .inside = within, .layer = "encoder.layer.%d.",                                                 \
        .stem = {ROBERTA_EMBEDDINGS, [TERN_PART_EMBED_NORM] = "embeddings.LayerNorm",                                  \
                 BERT_MATRICES,      BERT_NORMS,                                                                       \
                 BERT_SUB_NORMS,     BERT_HEADS},                                                                      \
        .classify = TWO_LAYERS(TERN_POOLER_TANH), .fill = tern_fill_lm_head, .keys = roberta_keys,                     \
        .read = tern_read_roberta                                                                                      \
    }
/* GTE's, under transformers' name and that of the code which its checkpoints were published with. */
#define GTE(name)                                                                                                      \
    {                                                                                                                  \
        .class = name, .layer = "encoder.layer.%d.",                                                                   \
        .stem = {[TERN_PART_WORD] = "embeddings.word_embeddings",                                                      \
                 [TERN_PART_TYPE] = "embeddings.token_type_embeddings",                                                \
                 [TERN_PART_EMBED_NORM] = "embeddings.LayerNorm",                                                      \
                 [TERN_PART_QUERY] = "attention.qkv_proj[0/3]",                                                        \
                 [TERN_PART_KEY] = "attention.qkv_proj[1/3]",                                                          \
                 [TERN_PART_VALUE] = "attention.qkv_proj[2/3]",                                                        \
                 [TERN_PART_ATTN_OUT] = "attention.o_proj",                                                            \
                 [TERN_PART_ATTN_NORM] = "attn_ln",                                                                    \
                 [TERN_PART_FFN_UP] = "mlp.up_gate_proj[0/2]",                                                         \
                 [TERN_PART_FFN_GATE] = "mlp.up_gate_proj[1/2]",                                                       \
                 [TERN_PART_FFN_DOWN] = "mlp.down_proj",                                                               \
                 [TERN_PART_FFN_NORM] = "mlp_ln",                                                                      \
                 BERT_HEADS},                                                                                          \
        .no_biases = 1, .fill = tern_fill_gte, .keys = gte_keys, .read = tern_read_gte                                 \
    }

/* EuroBERT's and UltraBERT's, as decoders have them. */
#define GATED_PARTS                                                                                                    \
    [TERN_PART_WORD] = "embed_tokens", [TERN_PART_ATTN_NORM] = "input_layernorm",                                      \
    [TERN_PART_QUERY] = "self_attn.q_proj", [TERN_PART_KEY] = "self_attn.k_proj",                                      \
    [TERN_PART_VALUE] = "self_attn.v_proj", [TERN_PART_ATTN_OUT] = "self_attn.o_proj",                                 \
    [TERN_PART_FFN_NORM] = "post_attention_layernorm", [TERN_PART_FFN_GATE] = "mlp.gate_proj",                         \
    [TERN_PART_FFN_UP] = "mlp.up_proj", [TERN_PART_FFN_DOWN] = "mlp.down_proj", [TERN_PART_FINAL_NORM] = "norm"

const struct tern_checkpoint_family tern_checkpoint_families[TERN_N_FAMILIES] = {
    [TERN_BERT] = {.class = "Bert",
                   .layer = "encoder.layer.%d.",
                   .stem = {BERT_EMBEDDINGS, BERT_MATRICES, BERT_NORMS, BERT_SUB_NORMS,
                            BERT_HEADS, [TERN_PART_ATTN_GATE] = "attention.self.alpha"},
                   .fill = tern_fill_predictions,
                   .keys = bert_keys,
                   .read = tern_read_bert},
    [TERN_DISTILBERT] = {.class = "DistilBert",
                         .layer = "transformer.layer.%d.",
                         .stem = {[TERN_PART_WORD] = "embeddings.word_embeddings",
                                  [TERN_PART_POSITION] = "embeddings.position_embeddings",
                                  [TERN_PART_EMBED_NORM] = "embeddings.LayerNorm",
                                  [TERN_PART_QUERY] = "attention.q_lin",
                                  [TERN_PART_KEY] = "attention.k_lin",
                                  [TERN_PART_VALUE] = "attention.v_lin",
                                  [TERN_PART_ATTN_SUB_NORM] = "attention.sub_norm",
                                  [TERN_PART_ATTN_OUT] = "attention.out_lin",
                                  [TERN_PART_ATTN_NORM] = "sa_layer_norm",
                                  [TERN_PART_FFN_UP] = "ffn.lin1",
                                  [TERN_PART_FFN_SUB_NORM] = "ffn.sub_norm",
                                  [TERN_PART_FFN_DOWN] = "ffn.lin2",
                                  [TERN_PART_FFN_NORM] = "output_layer_norm",
                                  [TERN_PART_POOLER] = "/pre_classifier",
                                  [TERN_PART_CLASSIFIER] = "/classifier"},
                         .fill = tern_fill_vocab,
                         .keys = distilbert_keys,
                         .read = tern_read_distilbert},
    [TERN_ELECTRA] = {.class = "Electra",
                      .layer = "encoder.layer.%d.",
                      .stem = {BERT_EMBEDDINGS, [TERN_PART_PROJECT] = "embeddings_project", BERT_MATRICES, BERT_NORMS,
                               BERT_SUB_NORMS, [TERN_PART_CLASSIFIER] = "/classifier"},
                      .classify = TWO_LAYERS(TERN_POOLER_GELU),
                      .fill = tern_fill_generator,
                      .keys = electra_keys,
                      .read = tern_read_electra},
    [TERN_MPNET] = {.class = "MPNet",
                    .layer = "encoder.layer.%d.",
                    .stem = {[TERN_PART_WORD] = "embeddings.word_embeddings",
                             SKIPPED_POSITIONS,
                             [TERN_PART_EMBED_NORM] = "embeddings.LayerNorm",
                             [TERN_PART_POSITION_TABLE] = "encoder.relative_attention_bias",
                             [TERN_PART_QUERY] = "attention.attn.q",
                             [TERN_PART_KEY] = "attention.attn.k",
                             [TERN_PART_VALUE] = "attention.attn.v",
                             [TERN_PART_ATTN_OUT] = "attention.attn.o",
                             [TERN_PART_ATTN_NORM] = "attention.LayerNorm",
                             [TERN_PART_FFN_UP] = "intermediate.dense",
                             [TERN_PART_FFN_DOWN] = "output.dense",
                             [TERN_PART_FFN_NORM] = "output.LayerNorm",
                             BERT_HEADS},
                    .classify = TWO_LAYERS(TERN_POOLER_TANH),
                    .fill = tern_fill_lm_head,
                    .keys = mpnet_keys,
                    .read = tern_read_mpnet},
    [TERN_NOMIC] = {.class = "NomicBert",
                    .layer = "encoder.layers.%d.",
                    .stem = {[TERN_PART_WORD] = "embeddings.word_embeddings",
                             [TERN_PART_TYPE] = "embeddings.token_type_embeddings",
                             [TERN_PART_EMBED_NORM] = "emb_ln",
                             [TERN_PART_QUERY] = "attn.Wqkv[0/3]",
                             [TERN_PART_KEY] = "attn.Wqkv[1/3]",
                             [TERN_PART_VALUE] = "attn.Wqkv[2/3]",
                             [TERN_PART_ATTN_OUT] = "attn.out_proj",
                             [TERN_PART_ATTN_NORM] = "norm1",
                             [TERN_PART_FFN_UP] = "mlp.fc11",
                             [TERN_PART_FFN_GATE] = "mlp.fc12",
                             [TERN_PART_FFN_DOWN] = "mlp.fc2",
                             [TERN_PART_FFN_NORM] = "norm2",
                             BERT_HEADS},
                    .no_biases = 1,
                    .activation = "silu",
                    .fill = tern_fill_nomic,
                    .keys = nomic_keys,
                    .read = tern_read_nomic},
    [TERN_GTE] = GTE("Gte"),
    [TERN_GTE_NEW] = GTE("New"),
    [TERN_SQUEEZEBERT] =
        {.class = "SqueezeBert",
         .inside = "transformer",
         .layer = "encoder.layers.%d.",
         .stem = {BERT_EMBEDDINGS, [TERN_PART_QUERY] = "attention.query", [TERN_PART_KEY] = "attention.key",
                  [TERN_PART_VALUE] = "attention.value", [TERN_PART_ATTN_OUT] = "post_attention.conv1d",
                  [TERN_PART_ATTN_NORM] = "post_attention.layernorm", [TERN_PART_FFN_UP] = "intermediate.conv1d",
                  [TERN_PART_FFN_DOWN] = "output.conv1d", [TERN_PART_FFN_NORM] = "output.layernorm", BERT_HEADS},
         .grouped = 1,
         .fill = tern_fill_predictions,
         .keys = squeezebert_keys,
         .read = tern_read_bert},
    [TERN_ERNIE] = {.class = "Ernie",
                    .layer = "encoder.layer.%d.",
                    .stem = {BERT_EMBEDDINGS, BERT_MATRICES, BERT_NORMS, BERT_HEADS},
                    .fill = tern_fill_predictions,
                    .keys = bert_keys,
                    .read = tern_read_bert},
    [TERN_MEGATRON] = {.class = "MegatronBert",
                       .inside = "bert",
                       .layer = "encoder.layer.%d.",
                       .stem = {BERT_EMBEDDINGS, BERT_MATRICES, [TERN_PART_ATTN_NORM] = "attention.ln",
                                [TERN_PART_FFN_NORM] = "ln", [TERN_PART_FINAL_NORM] = "encoder.ln", BERT_HEADS},
                       .fill = tern_fill_predictions,
                       .keys = bert_keys,
                       .read = tern_read_megatron},
    [TERN_MODERNBERT] = {.class = "ModernBert",
                         .inside = "model",
                         .layer = "layers.%d.",
                         .stem = {[TERN_PART_WORD] = "embeddings.tok_embeddings",
                                  [TERN_PART_EMBED_NORM] = "embeddings.norm",
                                  [TERN_PART_ATTN_NORM] = "attn_norm",
                                  [TERN_PART_QUERY] = "attn.Wqkv[0/3]",
                                  [TERN_PART_KEY] = "attn.Wqkv[1/3]",
                                  [TERN_PART_VALUE] = "attn.Wqkv[2/3]",
                                  [TERN_PART_ATTN_OUT] = "attn.Wo",
                                  [TERN_PART_FFN_NORM] = "mlp_norm",
                                  [TERN_PART_FFN_GATE] = "mlp.Wi[0/2]",
                                  [TERN_PART_FFN_UP] = "mlp.Wi[1/2]",
                                  [TERN_PART_FFN_DOWN] = "mlp.Wo",
                                  [TERN_PART_FINAL_NORM] = "final_norm",
                                  [TERN_PART_POOLER] = "/head.dense",
                                  [TERN_PART_POOLER_NORM] = "/head.norm",
                                  [TERN_PART_CLASSIFIER] = "/classifier"},
                         .pools_tokens = 1,
                         .no_biases = 1,
                         .fill = tern_fill_modernbert,
                         .keys = modernbert_keys,
                         .read = tern_read_modernbert},
    [TERN_EUROBERT] =
        {.class = "EuroBert",
         .inside = "model",
         .layer = "layers.%d.",
         .stem = {GATED_PARTS, [TERN_PART_ATTN_SUB_NORM] = "self_attn.attn_sub_norm", /* as of transformers' BitNet */
                  [TERN_PART_FFN_SUB_NORM] = "mlp.ffn_sub_norm", [TERN_PART_POOLER] = "/dense",
                  [TERN_PART_CLASSIFIER] = "/classifier"},
         .no_biases = 1,
         .activation = "silu",
         .fill = tern_fill_decoder,
         .keys = eurobert_keys,
         .read = tern_read_eurobert},
    [TERN_ULTRABERT] = {.class = "Ultrabert",
                        .inside = "model",
                        .layer = "layers.%d.",
                        .stem = {GATED_PARTS, [TERN_PART_CLASSIFIER] = "/classifier"},
                        .no_biases = 1,
                        .activation = "silu",
                        .keys = ultrabert_keys,
                        .read = tern_read_ultrabert},
    [TERN_ROBERTA] = ROBERTA("Roberta", "roberta"),
    [TERN_XLM_ROBERTA] = ROBERTA("XLMRoberta", "roberta"),
    [TERN_CAMEMBERT] = ROBERTA("Camembert", "roberta"),
    [TERN_ROBERTA_PRELAYERNORM] =
        {.class = "RobertaPreLayerNorm",
         .inside = "roberta_prelayernorm",
         .layer = "encoder.layer.%d.",
         .stem = {ROBERTA_EMBEDDINGS, [TERN_PART_EMBED_NORM] = "embeddings.LayerNorm",
                  BERT_MATRICES, [TERN_PART_ATTN_NORM] = "attention.LayerNorm",
                  [TERN_PART_FFN_NORM] = "intermediate.LayerNorm", [TERN_PART_FINAL_NORM] = "LayerNorm", BERT_HEADS},
         .classify = TWO_LAYERS(TERN_POOLER_TANH),
         .fill = tern_fill_lm_head,
         .keys = roberta_keys,
         .read = tern_read_roberta_prelayernorm},
    [TERN_XLM_ROBERTA_XL] = {.class = "XLMRobertaXL",
                             .inside = "roberta",
                             .layer = "encoder.layer.%d.",
                             .stem = {ROBERTA_EMBEDDINGS,
                                      BERT_MATRICES, [TERN_PART_ATTN_NORM] = "attention.self_attn_layer_norm",
                                      [TERN_PART_FFN_NORM] = "LayerNorm", [TERN_PART_FINAL_NORM] = "encoder.LayerNorm",
                                      BERT_HEADS},
                             .classify = TWO_LAYERS(TERN_POOLER_TANH),
                             .eps = 1e-5,
                             .fill = tern_fill_lm_head,
                             .keys = roberta_keys,
                             .read = tern_read_xlm_roberta_xl},
    [TERN_LUKE] = ROBERTA("Luke", "luke"),
    [TERN_IBERT] = ROBERTA("IBert", "ibert"),
    [TERN_JINA3] = {.class = "JinaEmbeddingsV3",
                    .alias = "XLMRobertaModel",
                    .layer = "encoder.layers.%d.",
                    .stem = {[TERN_PART_WORD] = "embeddings.word_embeddings",
                             [TERN_PART_TYPE] = "embeddings.token_type_embeddings",
                             [TERN_PART_EMBED_NORM] = "emb_ln",
                             [TERN_PART_QUERY] = "mixer.Wqkv[0/3]",
                             [TERN_PART_KEY] = "mixer.Wqkv[1/3]",
                             [TERN_PART_VALUE] = "mixer.Wqkv[2/3]",
                             [TERN_PART_ATTN_OUT] = "mixer.out_proj",
                             [TERN_PART_ATTN_NORM] = "norm1",
                             [TERN_PART_FFN_UP] = "mlp.fc1",
                             [TERN_PART_FFN_DOWN] = "mlp.fc2",
                             [TERN_PART_FFN_NORM] = "norm2",
                             BERT_HEADS},
                    .inside = "roberta",
                    .classify = TWO_LAYERS(TERN_POOLER_TANH),
                    .adapters = "lora_adaptations",
                    .eps = 1e-5,
                    .fill = tern_fill_lm_head,
                    .keys = jina3_keys,
                    .read = tern_read_jina3},
    [TERN_ROFORMER] = {.class = "RoFormer",
                       .layer = "encoder.layer.%d.",
                       .stem = {[TERN_PART_WORD] = "embeddings.word_embeddings",
                                [TERN_PART_TYPE] = "embeddings.token_type_embeddings",
                                [TERN_PART_EMBED_NORM] = "embeddings.LayerNorm",
                                [TERN_PART_POSITION_TABLE] = "encoder.embed_positions",
                                [TERN_PART_PROJECT] = "embeddings_project",
                                BERT_MATRICES,
                                BERT_NORMS,
                                [TERN_PART_CLASSIFIER] = "/classifier"},
                       .classify = TWO_LAYERS(TERN_POOLER_GELU),
                       .fill = tern_fill_predictions,
                       .keys = roformer_keys,
                       .read = tern_read_roformer},
    [TERN_ESM] = {.class = "Esm",
                  .layer = "encoder.layer.%d.",
                  .stem = {[TERN_PART_WORD] = "embeddings.word_embeddings",
                           BERT_MATRICES,
                           [TERN_PART_ATTN_NORM] = "attention.LayerNorm",
                           [TERN_PART_FFN_NORM] = "LayerNorm",
                           [TERN_PART_FINAL_NORM] = "encoder.emb_layer_norm_after",
                           BERT_HEADS},
                  .classify = TWO_LAYERS(TERN_POOLER_TANH),
                  .fill = tern_fill_lm_head,
                  .keys = esm_keys,
                  .read = tern_read_esm},
    [TERN_ALBERT] = {.class = "Albert",
                     .layer = "encoder.albert_layer_groups.%d.albert_layers.0.",
                     .stem = {BERT_EMBEDDINGS, [TERN_PART_PROJECT] = "encoder.embedding_hidden_mapping_in",
                              [TERN_PART_QUERY] = "attention.query", [TERN_PART_KEY] = "attention.key",
                              [TERN_PART_VALUE] = "attention.value", [TERN_PART_ATTN_OUT] = "attention.dense",
                              [TERN_PART_ATTN_NORM] = "attention.LayerNorm", [TERN_PART_FFN_UP] = "ffn",
                              [TERN_PART_FFN_DOWN] = "ffn_output", [TERN_PART_FFN_NORM] = "full_layer_layer_norm",
                              [TERN_PART_POOLER] = "pooler", [TERN_PART_CLASSIFIER] = "/classifier"},
                     .activation = "gelu_new",
                     .fill = tern_fill_albert,
                     .keys = albert_keys,
                     .read = tern_read_albert},
    [TERN_REMBERT] = {.class = "RemBert",
                      .layer = "encoder.layer.%d.",
                      .stem = {BERT_EMBEDDINGS, [TERN_PART_PROJECT] = "encoder.embedding_hidden_mapping_in",
                               BERT_MATRICES, BERT_NORMS, BERT_HEADS},
                      .fill = tern_fill_rembert,
                      .keys = rembert_keys,
                      .read = tern_read_rembert},
    [TERN_DEBERTA] =
        {.class = "Deberta",
         .layer = "encoder.layer.%d.",
         .stem = {BERT_EMBEDDINGS, DEBERTA_PARTS, [TERN_PART_QUERY] = "attention.self.in_proj[0%3]",
                  [TERN_PART_KEY] = "attention.self.in_proj[1%3]", [TERN_PART_VALUE] = "attention.self.in_proj[2%3]",
                  [TERN_PART_POSITION_KEY] = "attention.self.pos_proj",
                  [TERN_PART_POSITION_QUERY] = "attention.self.pos_q_proj"},
         .bias = {[TERN_PART_QUERY] = "attention.self.q_bias", [TERN_PART_VALUE] = "attention.self.v_bias"},
         .no_biases = 1,
         .fill = tern_fill_deberta,
         .keys = deberta_keys,
         .read = tern_read_deberta},
    [TERN_DEBERTA_V2] =
        {.class = "DebertaV2",
         .inside = "deberta",
         .layer = "encoder.layer.%d.",
         .stem = {BERT_EMBEDDINGS, DEBERTA_PARTS, [TERN_PART_QUERY] = "attention.self.query_proj",
                  [TERN_PART_KEY] = "attention.self.key_proj", [TERN_PART_VALUE] = "attention.self.value_proj",
                  [TERN_PART_POSITION_KEY] = "attention.self.pos_key_proj",
                  [TERN_PART_POSITION_QUERY] = "attention.self.pos_query_proj"},
         .distance_norm = "encoder.LayerNorm",
         .fill = tern_fill_deberta,
         .keys = deberta_v2_keys,
         .read = tern_read_deberta_v2},
    [TERN_LONGFORMER] = {.class = "Longformer",
                         .layer = "encoder.layer.%d.",
                         .stem = {ROBERTA_EMBEDDINGS, [TERN_PART_EMBED_NORM] = "embeddings.LayerNorm",
                                  BERT_MATRICES, [TERN_PART_QUERY_GLOBAL] = "attention.self.query_global",
                                  [TERN_PART_KEY_GLOBAL] = "attention.self.key_global",
                                  [TERN_PART_VALUE_GLOBAL] = "attention.self.value_global", BERT_NORMS, BERT_HEADS},
                         .classify = TWO_LAYERS(TERN_POOLER_TANH),
                         .globals = longformer_globals,
                         .fill = tern_fill_lm_head,
                         .keys = longformer_keys,
                         .read = tern_read_longformer},
    [TERN_BIG_BIRD] = {.class = "BigBird",
                       .inside = "bert",
                       .layer = "encoder.layer.%d.",
                       .stem = {BERT_EMBEDDINGS, BERT_MATRICES,
                                BERT_NORMS, [TERN_PART_POOLER] = "pooler", [TERN_PART_CLASSIFIER] = "/classifier"},
                       .classify = TWO_LAYERS(TERN_POOLER_NONE),
                       .answer = {"qa_classifier.", "/qa_classifier.qa_outputs"},
                       .no_biases = 1,
                       .activation = "gelu_new",
                       .fill = tern_fill_predictions,
                       .keys = big_bird_keys,
                       .read = tern_read_big_bird},
    [TERN_JINA2] =
        {.class = "JinaBert",
         .type = "bert",
         .inside = "bert",
         .layer = "encoder.layer.%d.",
         .stem = {BERT_EMBEDDINGS, [TERN_PART_QUERY] = "attention.self.query", [TERN_PART_KEY] = "attention.self.key",
                  [TERN_PART_VALUE] = "attention.self.value", [TERN_PART_ATTN_OUT] = "attention.output.dense",
                  [TERN_PART_ATTN_NORM] = "attention.output.LayerNorm", [TERN_PART_FFN_GATE] = "mlp.gated_layers[0/2]",
                  [TERN_PART_FFN_UP] = "mlp.gated_layers[1/2]", [TERN_PART_FFN_DOWN] = "mlp.wo",
                  [TERN_PART_FFN_NORM] = "mlp.layernorm", BERT_HEADS},
         .no_biases = 1,
         .fill = tern_fill_predictions,
         .keys = jina2_keys,
         .read = tern_read_jina2},
    /* Its tensors are found, and its sizes read, by quant/static_table.c. */
    [TERN_STATIC_TABLE] = {.class = "Static",
                           .layer = "layer.%d.",
                           .stem = {[TERN_PART_WORD] = "embedding"},
                           .keys = static_keys},
    [TERN_XMOD] = {.class = "Xmod",
                   .inside = "roberta",
                   .layer = "encoder.layer.%d.",
                   .stem = {ROBERTA_EMBEDDINGS, [TERN_PART_EMBED_NORM] = "embeddings.LayerNorm", BERT_MATRICES,
                            BERT_NORMS, [TERN_PART_FINAL_NORM] = "encoder.LayerNorm", BERT_HEADS},
                   .inner = {[TERN_PART_FFN_UP] = "output.adapter_modules.*.dense1",
                             [TERN_PART_FFN_DOWN] = "output.adapter_modules.*.dense2"},
                   .adapter_norm = "output.adapter_layer_norm",
                   .adapters = "languages",
                   .classify = TWO_LAYERS(TERN_POOLER_TANH),
                   .fill = tern_fill_lm_head,
                   .keys = xmod_keys,
                   .read = tern_read_xmod},
    [TERN_MOBILEBERT] = {.class = "MobileBert",
                         .layer = "encoder.layer.%d.",
                         .stem = {[TERN_PART_WORD] = "embeddings.word_embeddings",
                                  [TERN_PART_POSITION] = "embeddings.position_embeddings",
                                  [TERN_PART_TYPE] = "embeddings.token_type_embeddings",
                                  [TERN_PART_MIX] = "embeddings.embedding_transformation",
                                  [TERN_PART_NARROW] = "bottleneck.input.dense",
                                  BERT_MATRICES,
                                  BERT_NORMS,
                                  [TERN_PART_WIDEN] = "output.bottleneck.dense",
                                  [TERN_PART_WIDEN_NORM] = "output.bottleneck.LayerNorm",
                                  BERT_HEADS},
                         .inner = {[TERN_PART_FFN_UP] = "ffn.#.intermediate.dense",
                                   [TERN_PART_FFN_DOWN] = "ffn.#.output.dense",
                                   [TERN_PART_FFN_NORM] = "ffn.#.output.LayerNorm"},
                         .but_last = 1,
                         .activation = "relu",
                         .fill = tern_fill_mobilebert,
                         .keys = mobilebert_keys,
                         .read = tern_read_mobilebert},
    [TERN_CONVBERT] =
        {.class = "ConvBert",
         .layer = "encoder.layer.%d.",
         .stem = {BERT_EMBEDDINGS, [TERN_PART_PROJECT] = "embeddings_project", BERT_MATRICES,
                  BERT_NORMS, [TERN_PART_CONV_OUT] = "attention.self.conv_out_layer",
                  [TERN_PART_CONV_DEPTH] = "attention.self.key_conv_attn_layer.depthwise",
                  [TERN_PART_CONV_POINT] = "attention.self.key_conv_attn_layer.pointwise",
                  [TERN_PART_CONV_KERNEL] = "attention.self.conv_kernel_layer", [TERN_PART_CLASSIFIER] = "/classifier"},
         .bias = {[TERN_PART_CONV_POINT] = "attention.self.key_conv_attn_layer.bias"},
         .classify = TWO_LAYERS(TERN_POOLER_NONE),
         .grouped = 1,
         .fill = tern_fill_generator,
         .keys = convbert_keys,
         .read = tern_read_convbert},
    [TERN_FNET] =
        {.class = "FNet",
         .layer = "encoder.layer.%d.",
         .stem = {BERT_EMBEDDINGS, [TERN_PART_PROJECT] = "embeddings.projection",
                  [TERN_PART_ATTN_NORM] = "fourier.output.LayerNorm", [TERN_PART_FFN_UP] = "intermediate.dense",
                  [TERN_PART_FFN_DOWN] = "output.dense", [TERN_PART_FFN_NORM] = "output.LayerNorm", BERT_HEADS},
         .activation = "gelu_new",
         .fill = tern_fill_predictions,
         .keys = fnet_keys,
         .read = tern_read_fnet},
    [TERN_NYSTROMFORMER] = {.class = "Nystromformer",
                            .layer = "encoder.layer.%d.",
                            .stem = {ROBERTA_EMBEDDINGS, [TERN_PART_EMBED_NORM] = "embeddings.LayerNorm",
                                     BERT_MATRICES, [TERN_PART_CONV_VALUE] = "attention.self.conv",
                                     BERT_NORMS, [TERN_PART_CLASSIFIER] = "/classifier"},
                            .classify = TWO_LAYERS(TERN_POOLER_NONE),
                            .activation = "gelu_new",
                            .eps = 1e-5,
                            .fill = tern_fill_predictions,
                            .keys = nystromformer_keys,
                            .read = tern_read_nystromformer},
};
