/* Finds the tensors of a checkpoint by the names of its family. */
#include "quant/checkpoint_names.h"

#include "models/config_private.h"
#include "quant/families.h"
#include "quant/fill_head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the encoder may be a member of the whole as: number i of all names, the family's own first; NULL: no more. Saved
   alone it has no prefix. */
static const char *member(enum tern_architecture architecture, int i)
{
    const char *const own = tern_checkpoint_families[architecture].inside;
    if (i == 0)
        return "";
    if (i == 1)
        return own ? own : tern_families[architecture].name;
    return i - 2 < TERN_N_FAMILIES ? tern_families[i - 2].name : i - 2 == TERN_N_FAMILIES ? "model" : NULL;
}

/* Settled by where the word embeddings are, and once, so that two encoders in one file do not mix. */
void tern_encoder_prefix(char out[TERN_ENCODER_PREFIX], const struct tern_weight_files *files,
                         enum tern_architecture architecture)
{
    const char *word = tern_checkpoint_families[architecture].stem[TERN_PART_WORD], *whole;
    char name[128];
    for (int i = 0; (whole = member(architecture, i)); i++) {
        snprintf(out, TERN_ENCODER_PREFIX, "%s%s", whole, *whole ? "." : "");
        snprintf(name, sizeof name, "%s%s.weight", out, word);
        if (tern_weight_find(files, name))
            return;
    }
    out[0] = 0;
}

/* "/attn.Wqkv[1/3]", as struct tern_checkpoint_family says. */
static void parse_stem(struct tern_place *out, const char *stem)
{
    const char *const bracket = strchr(stem, '[');
    *out = (struct tern_place){.at_root = *stem == '/', .pieces = 1};
    stem += out->at_root;
    const size_t n = bracket ? (size_t)(bracket - stem) : strlen(stem);
    snprintf(out->stem, sizeof out->stem, "%.*s", (int)n, stem);
    if (!bracket)
        return;
    const int first = atoi(bracket + 1);
    const char *const slash = strpbrk(bracket, "/%");
    out->by_head = slash && *slash == '%';
    out->piece = slash ? first : 0;
    out->pieces = slash ? atoi(slash + 1) : 1;
    out->skip = slash ? 0 : first;
}

int tern_place_of(struct tern_place *out, const struct tern_config *config, enum tern_part_id part, int is_bias)
{
    const struct tern_checkpoint_family *family = &tern_checkpoint_families[config->architecture];
    const int classify = config->head == TERN_HEAD_CLASSIFIER && family->classify.classifier;
    const char *stem = family->stem[part];
    if (classify && part == TERN_PART_POOLER)
        stem = family->classify.pooler;
    if (classify && part == TERN_PART_CLASSIFIER)
        stem = family->classify.classifier;
    if (config->head == TERN_HEAD_ANSWERER && part == TERN_PART_CLASSIFIER && !family->pools_tokens)
        stem = family->answer.classifier ? family->answer.classifier : "/qa_outputs";
    const char *whole = is_bias ? family->bias[part] : NULL;
    const struct tern_fill_names *const fill = tern_fill_names(config);
    if (fill && part == TERN_PART_POOLER)
        stem = fill->dense;
    if (fill && part == TERN_PART_POOLER_NORM)
        stem = fill->norm;
    if (fill && part == TERN_PART_CLASSIFIER) {
        stem = fill->decoder;
        whole = is_bias ? fill->bias : NULL;
    }
    if (stem)
        parse_stem(out, whole ? whole : stem);
    out->whole = whole != NULL;
    return stem != NULL;
}

/* Whether the layer is that of a head that finds answers. */
static int is_of_answers(const struct tern_config *config, int layer)
{
    return config->question_apart && layer == config->layers - 1;
}

/* tern_place_of of a key's layer, which may be but a piece of a checkpoint's. */
static int place_of_key(struct tern_place *out, const struct tern_config *config, struct tern_key key)
{
    const struct tern_checkpoint_family *family = &tern_checkpoint_families[config->architecture];
    const int found = tern_place_of(out, config, key.part, key.is_bias);
    if (!found || key.layer < 0 || tern_parts[key.part].place != TERN_PLACE_LAYER)
        return found;
    const struct tern_layer_spec *l = &config->layer[key.layer];
    if (is_of_answers(config, key.layer)) {
        out->at_root = 1;
        return found;
    }
    const int adapter = l->heads == 0, own_norm = config->adapter_norm && key.part == TERN_PART_FFN_NORM &&
                                                  adapter == (l->place == TERN_NORM_PRE);
    const int last = key.layer + 1 == config->layers || config->layer[key.layer + 1].heads != 0;
    const char *const stem = own_norm                               ? family->adapter_norm
                             : (family->but_last ? !last : adapter) ? family->inner[key.part]
                                                                    : NULL;
    if (!stem)
        return found;
    char number[12];
    int first = key.layer;
    while (first > 0 && !config->layer[first].heads)
        first--;
    snprintf(number, sizeof number, "%d", key.layer - first);
    const size_t before = strcspn(stem, "*#");
    snprintf(out->stem, sizeof out->stem, "%.*s%s%s", (int)before, stem,
             stem[before] == '*'   ? config->adapter
             : stem[before] == '#' ? number
                                   : "",
             stem[before] ? stem + before + 1 : "");
    return 1;
}

/* The prefix of a layer's tensors, by how many layers before it have weights of their own. A layer without attention
   belongs to the one before. */
static int begins_layer(const struct tern_config *config, int layer)
{
    return config->layer[layer].heads || config->layer[layer].mixer == TERN_MIXER_FOURIER;
}

void tern_layer_prefix(char *out, size_t capacity, const struct tern_config *config, int layer)
{
    int number = 0;
    out[0] = 0;
    if (layer < 0)
        return;
    if (is_of_answers(config, layer)) {
        snprintf(out, capacity, "%s", tern_checkpoint_families[config->architecture].answer.layer);
        return;
    }
    for (int i = 0; i < layer; i++)
        number += config->layer[i].weights == i && begins_layer(config, i + 1);
    snprintf(out, capacity, tern_checkpoint_families[config->architecture].layer, number);
}

static void in_layer(char *out, size_t capacity, const struct tern_config *config, struct tern_key key)
{
    tern_layer_prefix(out, capacity, config, tern_parts[key.part].place == TERN_PLACE_LAYER ? key.layer : -1);
}

void tern_part_name(char *out, size_t capacity, const struct tern_config *config, struct tern_key key)
{
    char layer[64];
    struct tern_place place = {.stem = ""};
    in_layer(layer, sizeof layer, config, key);
    if (place_of_key(&place, config, key))
        snprintf(out, capacity, "%s%s%s", layer, place.stem, place.whole ? "" : key.is_bias ? ".bias" : ".weight");
    else
        tern_key_name(out, key);
}

/* A decoder's bias may be called as its weights are, which may be the table of words. */
static const struct tern_tensor *find_tied(const struct tern_weight_files *files, const struct tern_config *config,
                                           struct tern_key key)
{
    const struct tern_fill_names *const fill = tern_fill_names(config);
    char name[128];
    if (!fill || key.part != TERN_PART_CLASSIFIER)
        return NULL;
    if (!key.is_bias)
        return config->untied
                   ? NULL
                   : tern_part_find(files, config, (struct tern_key){TERN_PART_WORD, -1, 0, 0}, name, sizeof name);
    snprintf(name, sizeof name, "%s.bias", fill->decoder + 1);
    return tern_weight_find(files, name);
}

const struct tern_tensor *tern_part_find(const struct tern_weight_files *files, const struct tern_config *config,
                                         struct tern_key key, char *shown, size_t capacity)
{
    const char *kinds[2] = {key.is_bias ? ".bias" : ".weight", key.is_bias ? ".beta" : ".gamma"};
    const struct tern_tensor *tensor = NULL;
    struct tern_place place;
    char layer[64], prefix[TERN_ENCODER_PREFIX];

    if (!place_of_key(&place, config, key)) {
        snprintf(shown, capacity, "(none of this family)");
        return NULL;
    }
    tern_encoder_prefix(prefix, files, config->architecture);
    in_layer(layer, sizeof layer, config, key);
    /* TensorFlow's spelling survives in old norms; last comes the name that a message should show */
    for (int i = tern_parts[key.part].kind == TERN_KIND_NORM ? 1 : 0; i >= 0 && !tensor; i--) {
        snprintf(shown, capacity, "%s%s%s%s", place.at_root ? "" : prefix, layer, place.stem,
                 place.whole ? "" : kinds[i]);
        tensor = tern_weight_find(files, shown);
        if (!tensor && place.at_root && *prefix) {
            char inside[256];
            snprintf(inside, sizeof inside, "%s%s", prefix, shown);
            tensor = tern_weight_find(files, inside);
        }
    }
    return tensor ? tensor : find_tied(files, config, key);
}

/* How pairs of matrices are called that a matrix X was replaced by, out = second(first(x)), each with or without a
   bias. `without`: what is taken off X's end before. */
static const struct {
    const char *without, *first, *second;
} pair_names[] = {
    {"", ".0", ".1"},                   /* nn.Sequential(nn.Linear(k, r), nn.Linear(r, n)) */
    {"", ".led_unit.0", ".led_unit.1"}, /* Greenformers' LED (github.com/SamuelCahyawijaya/greenformer) */
    {"", ".BLinear", ".ALinear"},       /* ASVD's SVDLinear (github.com/hahnyuan/ASVD4LLM) */
    {"_proj", "_v_proj", "_u_proj"},    /* SVD-LLM (github.com/AIoT-MLSys-Lab/SVD-LLM) */
};

const struct tern_tensor *tern_pair_find(const struct tern_weight_files *files, const struct tern_config *config,
                                         struct tern_key key, char *shown, size_t capacity)
{
    struct tern_place place;
    char layer[64], prefix[TERN_ENCODER_PREFIX], stem[96];
    const struct tern_key weight = {key.part, key.layer, 0, 0};
    if (!place_of_key(&place, config, weight) || place.pieces != 1 || place.skip || place.at_root)
        return NULL;
    tern_encoder_prefix(prefix, files, config->architecture);
    in_layer(layer, sizeof layer, config, key);
    for (size_t i = 0; i < sizeof pair_names / sizeof pair_names[0]; i++) {
        const size_t n = strlen(place.stem), off = strlen(pair_names[i].without);
        if (n < off || strcmp(place.stem + n - off, pair_names[i].without) != 0)
            continue;
        snprintf(stem, sizeof stem, "%.*s", (int)(n - off), place.stem);
        snprintf(shown, capacity, "%s%s%s%s.weight", prefix, layer, stem, pair_names[i].first);
        if (!tern_weight_find(files, shown))
            continue;
        snprintf(shown, capacity, "%s%s%s%s%s", prefix, layer, stem,
                 key.inner ? pair_names[i].first : pair_names[i].second, key.is_bias ? ".bias" : ".weight");
        return tern_weight_find(files, shown);
    }
    return NULL;
}

const struct tern_tensor *tern_encoder_tensor(const struct tern_weight_files *files, const struct tern_config *config,
                                              const char *stem, const char *kind)
{
    char prefix[TERN_ENCODER_PREFIX], name[256];
    tern_encoder_prefix(prefix, files, config->architecture);
    snprintf(name, sizeof name, "%s%s.%s", prefix, stem, kind);
    return tern_weight_find(files, name);
}

const struct tern_tensor *tern_layer_tensor(const struct tern_weight_files *files, const struct tern_config *config,
                                            int layer, const char *a, const char *b, const char *kind, char *shown,
                                            size_t capacity)
{
    char prefix[TERN_ENCODER_PREFIX], inside[64];
    const struct tern_key any = {TERN_PART_QUERY, layer, 0, 0};
    tern_encoder_prefix(prefix, files, config->architecture);
    in_layer(inside, sizeof inside, config, any);
    snprintf(shown, capacity, "%s%s%s.%s.%s", prefix, inside, a, b, kind);
    return tern_weight_find(files, shown);
}
