/* A model's configuration: names, limits, labels, and layers that are all alike. */
#include "models/config_private.h"
#include "models/parts.h"
#include "runtime/base/decimal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const tern_activation_names[TERN_N_ACTIVATIONS] = {"gelu",       "gelu_new", "relu",
                                                               "gelu_ibert", "silu",     "quick_gelu"};
const char *const tern_mixer_names[TERN_N_MIXERS] = {"softmax", "fourier", "elu", "relu", "cosformer"};
const char *const tern_output_names[TERN_N_OUTPUTS] = {"softmax", "sigmoid", "raw"};
const char *const tern_pooler_names[TERN_N_POOLERS] = {"none", "tanh", "relu", "gelu", "gelu_new", "silu"};
const struct tern_family tern_families[TERN_N_FAMILIES] = {
#define FAMILY(id, name, pooler, known, refused) {name, pooler, known, refused},
#include "models/families.def"
#undef FAMILY
};
const struct tern_head_kind tern_head_kinds[TERN_N_HEADS] = {
    {"none", "embed", TERN_GIVES_TEXT, 0},
#define HEAD_KIND(id, name, class, gives, pooled, run, command, summary) {name, #command, TERN_GIVES_##gives, pooled},
#include "models/heads.def"
#undef HEAD_KIND
};
const char *const tern_weights_names[TERN_N_WEIGHTS] = {
    "f32",
#define FORMAT(id, name, ...) name,
#include "simd/formats.def"
#undef FORMAT
    "mixed",
};

// clang-format off
_Static_assert(TERN_GELU == 0 && TERN_GELU_NEW == 1 && TERN_RELU == 2 && TERN_GELU_IBERT == 3, "names by index");
_Static_assert(TERN_SILU == 4 && TERN_QUICK_GELU == 5, "names by index");
_Static_assert(TERN_OUTPUT_SIGMOID == 1 && TERN_OUTPUT_RAW == 2, "names by index");
_Static_assert(TERN_POOLER_TANH == 1 && TERN_POOLER_RELU == 2 && TERN_POOLER_GELU == 3, "names by index");
_Static_assert(TERN_POOLER_GELU_NEW == 4 && TERN_POOLER_SILU == 5, "names by index");
_Static_assert(TERN_WEIGHTS_F32 == 0 && TERN_WEIGHTS_INT8 == TERN_FORMAT_INT8 + 1, "names by index");
_Static_assert(TERN_WEIGHTS_MIXED == TERN_N_FORMATS + 1, "the formats lie between f32 and mixed");
/* hidden and intermediate times the vocabulary or each other stay below 2^38: int64_t holds every tensor's size */
_Static_assert((int64_t)TERN_MAX_VOCAB * TERN_MAX_HIDDEN < (int64_t)1 << 38, "vocabulary");
// clang-format on

const char *tern_output_name(enum tern_output output)
{
    return tern_output_names[output];
}

const char *tern_activation_name(enum tern_activation activation)
{
    return tern_activation_names[activation];
}

const char *tern_mixer_name(enum tern_mixer mixer)
{
    return tern_mixer_names[mixer];
}

const char *tern_architecture_name(enum tern_architecture architecture)
{
    return tern_families[architecture].name;
}

const char *tern_architecture_known(enum tern_architecture architecture)
{
    return tern_families[architecture].known;
}

const char *tern_architecture_refused(enum tern_architecture architecture)
{
    return tern_families[architecture].refused;
}

const char *tern_weights_name(enum tern_weights weights)
{
    return tern_weights_names[weights];
}

int tern_weights_find(const char *name)
{
    return tern_weights_bits(name) > 0 ? TERN_WEIGHTS_MIXED
                                       : tern_name_index(tern_weights_names, TERN_WEIGHTS_MIXED, name);
}

struct tern_words tern_weights_words(const char *conjunction)
{
    return tern_format_words("f32", NULL, "auto:BITS", conjunction);
}

double tern_weights_bits(const char *name)
{
    static const char prefix[] = "auto:";
    double bits;
    if (strncmp(name, prefix, sizeof prefix - 1) || tern_decimal(name + sizeof prefix - 1, &bits))
        return 0;
    return bits >= 2 && bits <= 8 ? bits : 0;
}

int tern_name_index(const char *const *names, int n_names, const char *name)
{
    for (int i = 0; i < n_names; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static struct tern_layer_spec plain_layer(int32_t weights, int32_t heads, int32_t head_dim, int32_t intermediate,
                                          enum tern_activation activation)
{
    return (struct tern_layer_spec){.weights = weights,
                                    .heads = heads,
                                    .head_dim = head_dim,
                                    .intermediate = intermediate,
                                    .before = TERN_ALL_TOKENS,
                                    .after = TERN_ALL_TOKENS,
                                    .activation = activation};
}

void tern_config_set_layers(struct tern_config *config, int32_t layers, int32_t heads, int32_t intermediate,
                            enum tern_activation activation)
{
    config->layers = layers;
    for (int32_t i = 0; i < layers; i++)
        config->layer[i] = plain_layer(i, heads, config->hidden / heads, intermediate, activation);
}

int tern_config_layers_alike(const struct tern_config *config)
{
    const struct tern_layer_spec *first = &config->layer[0];
    int alike = tern_attention_width(first) == config->hidden;
    for (int32_t i = 0; i < config->layers; i++) {
        const struct tern_layer_spec plain =
            plain_layer(i, first->heads, first->head_dim, first->intermediate, first->activation);
        alike &= !memcmp(&plain, &config->layer[i], sizeof plain);
    }
    return alike;
}

int tern_config_has_position(const struct tern_config *config, enum tern_position_kind position)
{
    int any = 0;
    for (int32_t i = 0; i < config->layers; i++)
        any |= config->layer[i].position == position;
    return any;
}

int tern_config_gathers(const struct tern_config *config)
{
    return tern_config_has_global(config) || tern_largest_number(config, offsetof(struct tern_layer_spec, block)) > 0;
}

int tern_config_has_global(const struct tern_config *config)
{
    return tern_largest_number(config, offsetof(struct tern_layer_spec, global)) > 0;
}

int tern_config_has_gate(const struct tern_config *config)
{
    int any = 0;
    for (int32_t i = 0; i < config->layers; i++)
        any |= config->layer[i].gate != TERN_GATE_NONE;
    return any;
}

int tern_config_has_linear(const struct tern_config *config)
{
    int any = 0;
    for (int32_t i = 0; i < config->layers; i++)
        any |= tern_is_linear(&config->layer[i]);
    return any;
}

int tern_config_shares_layers(const struct tern_config *config)
{
    int shares = 0;
    for (int32_t i = 0; i < config->layers; i++)
        shares |= config->layer[i].weights != i;
    return shares;
}

static void free_labels(struct tern_config *config)
{
    for (int32_t i = 0; config->labels && i < config->n_labels; i++)
        free(config->labels[i]);
    free(config->labels);
    config->labels = NULL;
    config->n_labels = 0;
}

void tern_config_free(struct tern_config *config)
{
    if (!config)
        return;
    free_labels(config);
    for (int32_t i = 0; i < config->n_prompts; i++) {
        free(config->prompts[i].name);
        free(config->prompts[i].text);
    }
    free(config->prompts);
    free(config->query_weights);
    memset(config, 0, sizeof *config);
}

tern_status tern_config_new_labels(struct tern_config *config, int32_t n, const char *label, tern_error *err)
{
    free_labels(config);
    if (n == 0)
        return TERN_OK;
    config->labels = calloc((size_t)n, sizeof config->labels[0]);
    if (!config->labels)
        return tern_fail_nomem(err, label, (size_t)n * sizeof config->labels[0]);
    config->n_labels = n;
    return TERN_OK;
}

tern_status tern_config_set_label(struct tern_config *config, int32_t i, const char *text, const char *label,
                                  tern_error *err)
{
    size_t bytes = strlen(text);

    if (bytes > TERN_MAX_LABEL_BYTES)
        return tern_fail(err, TERN_FORMAT, "%s: label %d has %zu bytes, the limit is %d", label, i, bytes,
                         TERN_MAX_LABEL_BYTES);
    /* labels are printed one per line */
    for (size_t k = 0; k < bytes; k++)
        if ((unsigned char)text[k] < 0x20 || text[k] == 0x7f)
            return tern_fail(err, TERN_FORMAT, "%s: label %d has a control character", label, i);
    config->labels[i] = malloc(bytes + 1);
    if (!config->labels[i])
        return tern_fail_nomem(err, label, bytes + 1);
    memcpy(config->labels[i], text, bytes + 1);
    return TERN_OK;
}

tern_status tern_config_default_labels(struct tern_config *config, int32_t n, tern_error *err)
{
    tern_status status = tern_config_new_labels(config, n, "labels", err);

    for (int32_t i = 0; status == TERN_OK && i < n; i++) {
        char text[24];
        snprintf(text, sizeof text, "LABEL_%d", i);
        status = tern_config_set_label(config, i, text, "labels", err);
    }
    return status;
}

/* Whether the layer's table of positions is there, of its kind and for its heads. */
static int table_fits(const struct tern_config *config, const struct tern_layer_spec *l)
{
    const struct tern_table_spec *t = &config->table[l->table];
    return l->table < config->n_tables && t->kind == l->position &&
           (t->kind == TERN_POSITION_ROTARY         ? 2 * t->half <= l->head_dim
            : t->kind == TERN_POSITION_DISENTANGLED ? t->c2p || t->p2c
                                                    : t->heads == l->heads);
}

/* What mixes the layer's tokens beside plain attention, and what it does not stand beside. */
static tern_status check_mixing(const struct tern_config *config, int32_t i, const char *label, tern_error *err)
{
    const struct tern_layer_spec *l = &config->layer[i];
    if ((l->global || l->block) &&
        (l->position != TERN_POSITION_ABSOLUTE || (l->global && l->block) || !l->heads || l->conv || l->value_conv ||
         l->norm == TERN_NORM_SCALE || (l->block && (l->before != TERN_ALL_TOKENS || l->after != TERN_ALL_TOKENS))))
        return tern_fail(err, TERN_FORMAT,
                         "%s: layer %d has a global token, or sees blocks, together with something that Tern does not "
                         "compute beside it: other positions than absolute ones, convolutions, no attention, or a "
                         "window beside blocks",
                         label, i);
    if (l->repeats && !l->block)
        return tern_fail(err, TERN_FORMAT, "%s: layer %d repeats a block, but has none", label, i);
    if ((l->mixer == TERN_MIXER_FOURIER) != tern_config_is_fourier(config) ||
        (l->mixer == TERN_MIXER_FOURIER &&
         (l->heads || l->place != TERN_NORM_POST || l->norm != TERN_NORM_LAYER || config->no_embed_norm)))
        return tern_fail(err, TERN_FORMAT,
                         "%s: layer %d mixes tokens as none is supported: all layers alike, and transforms in place of "
                         "attention, with a LayerNorm behind the sums",
                         label, i);
    if (tern_is_linear(l) && (!l->heads || l->position != TERN_POSITION_ABSOLUTE || l->before != TERN_ALL_TOKENS ||
                              l->after != TERN_ALL_TOKENS || l->global || l->block || l->conv || l->value_conv ||
                              l->clip_low || l->clip_high || l->norm == TERN_NORM_SCALE))
        return tern_fail(err, TERN_FORMAT,
                         "%s: layer %d has linear attention together with something that Tern does not compute beside "
                         "it: other positions than absolute ones, a window, a global token, blocks, kernels of tokens, "
                         "a clipped softmax, no heads, or no normalisation",
                         label, i);
    if (l->mixer == TERN_MIXER_COSFORMER && l->head_dim > TERN_MAX_COSFORMER_DIM)
        return tern_fail(err, TERN_FORMAT, "%s: layer %d has cosFormer's heads of %d dimensions, the limit is %d",
                         label, i, l->head_dim, TERN_MAX_COSFORMER_DIM);
    if (l->value_conv && (l->value_conv % 2 == 0 || !l->heads || l->conv || l->norm == TERN_NORM_SCALE ||
                          tern_config_shares_layers(config)))
        return tern_fail(
            err, TERN_FORMAT,
            "%s: layer %d has kernels of %d tokens for its values; odd numbers are supported, of layers that "
            "have attention, share nothing and have no other kernels",
            label, i, l->value_conv);
    if (l->conv && (l->conv % 2 == 0 || !l->heads || l->place != TERN_NORM_POST || l->norm == TERN_NORM_SCALE ||
                    l->position != TERN_POSITION_ABSOLUTE || tern_config_shares_layers(config)))
        return tern_fail(
            err, TERN_FORMAT,
            "%s: layer %d has kernels of %d tokens; odd numbers are supported, beside attention that knows "
            "no positions, in layers that share nothing and have norms behind their sums",
            label, i, l->conv);
    return TERN_OK;
}

/* What pruning, search and training left of a layer, and what it does not stand beside. */
static tern_status check_shape(const struct tern_config *config, int32_t i, const char *label, tern_error *err)
{
    const struct tern_layer_spec *l = &config->layer[i];
    const int clipped = l->clip_low || l->clip_high;
    int pairs = 0, of_attention = 0;
    for (int k = 0; k < TERN_N_RANKS; k++)
        pairs |= l->rank[k] != 0;
    for (int k = 0; k < 4; k++)
        of_attention |= l->rank[k] != 0;
    if (clipped && (l->global || l->block))
        return tern_fail(err, TERN_FORMAT, "%s: layer %d has a clipped softmax, and keys that do not lie together",
                         label, i);
    if (l->sub_norm && l->intermediate > TERN_MAX_HIDDEN)
        return tern_fail(err, TERN_FORMAT, "%s: layer %d has a norm over %d numbers, the limit is %d", label, i,
                         l->intermediate, TERN_MAX_HIDDEN);
    if (l->gate == TERN_GATE_NONE && l->rank[5])
        return tern_fail(err, TERN_FORMAT, "%s: layer %d has two matrices for a gate that is not there", label, i);
    if (tern_config_is_scaled(config) && (pairs || l->sub_norm || l->attn_gate || clipped))
        return tern_fail(err, TERN_FORMAT,
                         "%s: layer %d has matrices in pairs, norms in front of attn_out and ffn_down, gates of "
                         "attention or a clipped softmax, which are not supported without normalisation",
                         label, i);
    if (!l->heads && (of_attention || l->sub_norm || l->attn_gate || clipped))
        return tern_fail(err, TERN_FORMAT,
                         "%s: layer %d has pairs, gates or a clipped softmax of attention, or norms in front of "
                         "attn_out and ffn_down, but no attention",
                         label, i);
    if ((l->conv || l->value_conv) && (l->sub_norm || l->attn_gate || clipped || (l->conv && l->rank[3])))
        return tern_fail(err, TERN_FORMAT,
                         "%s: layer %d has kernels of tokens together with something that Tern does not compute beside "
                         "them: a norm in front of attn_out, gates of attention, a clipped softmax, or two matrices "
                         "for attn_out",
                         label, i);
    return TERN_OK;
}

static tern_status check_layer(const struct tern_config *config, int32_t i, const char *label, tern_error *err)
{
    const struct tern_layer_spec *l = &config->layer[i], *own = &config->layer[l->weights];
    if (l->head_dim > TERN_MAX_HEAD_DIM)
        return tern_fail(err, TERN_FORMAT, "%s: heads of %d dimensions, the limit is %d", label, l->head_dim,
                         TERN_MAX_HEAD_DIM);
    if ((l->heads == 0) != (l->head_dim == 0) ||
        (l->heads == 0 && (l->position != TERN_POSITION_ABSOLUTE || l->skip_norm || tern_config_shares_layers(config))))
        return tern_fail(err, TERN_FORMAT,
                         "%s: layer %d has %d heads of %d dimensions; a layer without attention has neither, knows no "
                         "positions, and is of a model whose layers share no weights",
                         label, i, l->heads, l->head_dim);
    if ((int64_t)l->heads * l->head_dim > TERN_MAX_HIDDEN)
        return tern_fail(err, TERN_FORMAT, "%s: layer %d has %d heads of %d dimensions, together at most %d", label, i,
                         l->heads, l->head_dim, TERN_MAX_HIDDEN);
    if (l->weights > i || own->weights != l->weights || own->heads != l->heads || own->head_dim != l->head_dim ||
        own->intermediate != l->intermediate || own->activation != l->activation || own->norm != l->norm ||
        own->place != l->place || own->mixer != l->mixer || own->position != l->position || own->gate != l->gate ||
        own->table != l->table || own->skip_norm != l->skip_norm || own->global != l->global ||
        memcmp(own->rank, l->rank, sizeof l->rank) != 0 || own->sub_norm != l->sub_norm ||
        own->attn_gate != l->attn_gate || own->clip_low != l->clip_low || own->clip_high != l->clip_high)
        return tern_fail(
            err, TERN_FORMAT,
            "%s: layer %d has the weights of layer %d, which must be an earlier one of the same shape with "
            "weights of its own",
            label, i, l->weights);
    if (l->place != config->layer[0].place)
        return tern_fail(err, TERN_FORMAT, "%s: layer %d is normalised at another place than layer 0", label, i);
    if (l->norm != config->layer[0].norm)
        return tern_fail(err, TERN_FORMAT, "%s: layer %d has norms of another kind than layer 0", label, i);
    if (l->skip_norm && (i || l->place != TERN_NORM_PRE || config->no_embed_norm))
        return tern_fail(
            err, TERN_FORMAT,
            "%s: layer %d has no norm before attention; only a first layer behind the embeddings' norm may "
            "do without",
            label, i);
    if (l->position != TERN_POSITION_ABSOLUTE && !table_fits(config, l))
        return tern_fail(err, TERN_FORMAT, "%s: layer %d and its table of positions, %d of %d, do not fit", label, i,
                         l->table, config->n_tables);
    const tern_status status = check_shape(config, i, label, err);
    return status ? status : check_mixing(config, i, label, err);
}

static tern_status check_static(const struct tern_config *c, const char *label, tern_error *err)
{
    if (!c->no_positions || !c->no_embed_norm || c->token_types || c->embedding || c->n_tables || c->n_labels ||
        c->head != TERN_HEAD_NONE || c->vectors != TERN_VECTORS_TEXT || c->pooler != TERN_POOLER_NONE ||
        c->pooling != TERN_POOL_MEAN || c->n_joined)
        return tern_fail(
            err, TERN_FORMAT,
            "%s: a model without layers is a table of words, whose mean is a text's vector; it has nothing "
            "else but dense layers behind",
            label);
    return tern_config_check_embedding(c, label, err);
}

/* Whether layer i may stand behind the one before it, and before the one behind. */
static int bottleneck_fits(const struct tern_config *config, int32_t i)
{
    const struct tern_layer_spec *l = &config->layer[i];
    const int inside = i > 0 && config->layer[i - 1].width && !config->layer[i - 1].widen,
              last = i == config->layers - 1;
    if (!l->width)
        return !inside && !l->narrow && !l->widen;
    return (l->heads != 0) == (l->narrow != 0) && inside == !l->narrow &&
           (!inside || l->width == config->layer[i - 1].width) && (!last || l->widen);
}

/* What may be in front of such a model's classifier. */
static int scaled_pooler_fits(const struct tern_config *config)
{
    if (tern_gives_words(config))
        return config->pooler == TERN_POOLER_RELU && config->pooler_norm;
    return !config->pooler_norm && (config->pooler == TERN_POOLER_NONE || config->pooler == TERN_POOLER_TANH);
}

/* What a model that normalises nothing must be like: its integers have exponents (models/scaled.h), which nothing else
   knows of. */
static tern_status check_scaled(const struct tern_config *config, const char *label, tern_error *err)
{
    for (int32_t i = 0; i < config->layers; i++) {
        const struct tern_layer_spec *l = &config->layer[i];
        if (!bottleneck_fits(config, i))
            return tern_fail(
                err, TERN_FORMAT,
                "%s: layer %d is of width %d, narrow %d and widen %d, which do not fit the layers around it", label, i,
                l->width, l->narrow, l->widen);
        if (tern_config_is_scaled(config) && (l->activation != TERN_RELU || l->gate != TERN_GATE_NONE ||
                                              l->place != TERN_NORM_POST || l->position != TERN_POSITION_ABSOLUTE))
            return tern_fail(
                err, TERN_FORMAT,
                "%s: layer %d: without normalisation only relu, no gate, absolute positions and norms behind "
                "the sums are supported",
                label, i);
        if (!tern_config_is_scaled(config) && l->width)
            return tern_fail(err, TERN_FORMAT,
                             "%s: layer %d has a bottleneck and normalises; only norms that scale are supported there",
                             label, i);
    }
    if (!tern_config_is_scaled(config))
        return config->trigram
                   ? tern_fail(err, TERN_FORMAT,
                               "%s: embeddings of three words are supported only without normalisation", label)
                   : TERN_OK;
    if (!config->trigram || config->embedding || config->no_positions || !config->no_embed_norm ||
        tern_config_shares_layers(config) || config->n_tables || config->head_reads != TERN_READS_FIRST ||
        config->head_width || !scaled_pooler_fits(config))
        return tern_fail(err, TERN_FORMAT,
                         "%s: without normalisation only MobileBERT's embeddings of three words, layers that share "
                         "nothing, a pooler with tanh, and in front of words one with relu and a norm are supported",
                         label);
    return TERN_OK;
}

tern_status tern_config_check(const struct tern_config *config, const char *label, tern_error *err)
{
    tern_status status = TERN_OK;
    for (int32_t i = 0; i < config->layers && !status; i++)
        status = check_layer(config, i, label, err);
    if (!status)
        status = check_scaled(config, label, err);
    if (status)
        return status;
    if (tern_config_is_static(config))
        return check_static(config, label, err);
    if (config->no_embed_norm && !tern_config_is_scaled(config) &&
        (!tern_config_is_pre_norm(config) || config->embedding))
        return tern_fail(
            err, TERN_FORMAT,
            "%s: embeddings without a norm are supported only before layers that normalise what they read, "
            "and at their width",
            label);
    if (config->question_apart &&
        (config->head != TERN_HEAD_ANSWERER || !config->question_end || config->token_types != 2))
        return tern_fail(err, TERN_FORMAT,
                         "%s: question_apart is of a head that finds answers, with question_end and two types", label);
    if (config->token_dropout &&
        (!config->no_embed_norm || !config->no_positions || config->token_types || tern_config_is_scaled(config)))
        return tern_fail(
            err, TERN_FORMAT,
            "%s: token_dropout is supported only where words' embeddings alone begin the stream: without a "
            "norm, a table of positions or types",
            label);
    if (config->head_reads == TERN_READS_LATE && (config->pooler == TERN_POOLER_NONE || config->pooler_norm))
        return tern_fail(err, TERN_FORMAT, "%s: a head that reads late needs a pooler without a norm", label);
    if (config->head_width && !tern_gives_words(config))
        return tern_fail(err, TERN_FORMAT, "%s: head_width %d is of a head of words only", label, config->head_width);
    if (config->head_width && config->pooler == TERN_POOLER_NONE)
        return tern_fail(err, TERN_FORMAT, "%s: head_width %d needs a pooler", label, config->head_width);
    if (config->embedding && tern_config_is_pre_norm(config))
        return tern_fail(err, TERN_FORMAT,
                         "%s: embeddings of another width are supported only before layers with norms behind the sums",
                         label);
    if (config->max_tokens > config->max_positions)
        return tern_fail(err, TERN_FORMAT, "%s: max_tokens %d is above the %d positions", label, config->max_tokens,
                         config->max_positions);
    return tern_config_check_embedding(config, label, err);
}

tern_status tern_config_check_heads(int32_t hidden, int32_t heads, const char *label, tern_error *err)
{
    if (hidden % heads != 0)
        return tern_fail(err, TERN_FORMAT, "%s: hidden size %d is not divisible by %d heads", label, hidden, heads);
    return TERN_OK;
}
