/* Families of Hugging Face checkpoints: how each calls the parts of models/parts.def and the keys of config.json. */
#ifndef TERN_FAMILIES_H
#define TERN_FAMILIES_H

#include "models/parts.h"

#include <jansson.h>

/* Which tokens a class of Longformer's makes global by itself (struct tern_layer_spec), by its head. */
enum tern_global {
    TERN_GLOBAL_UNKNOWN, /* others than Tern can: the head is refused */
    TERN_GLOBAL_NONE,
    TERN_GLOBAL_FIRST,
    TERN_GLOBAL_QUESTION, /* all in front of the first sep_token_id */
};

/* What a masked-language head is called: a dense layer, its norm, and the decoder, whose weights may be the table of
   words, with the whole name of its bias, which may be the decoder's too. */
struct tern_fill_names {
    const char *dense, *norm; /* NULL: it has none, but the decoder alone */
    const char *decoder, *bias;
    int gelu;         /* 1: its activation is GELU, 0: that of the layers */
    const char *rest; /* whole name of a matrix [hidden - columns of the decoder][vocab], whose columns go on the
                         decoder's rows; NULL: these are complete */
};

struct tern_checkpoint_family {
    const char *class;  /* what its classes' names begin with, "Bert": BertModel, BertForSequenceClassification */
    const char *alias;  /* another name of its encoder alone, "XLMRobertaModel"; NULL: there is none */
    const char *type;   /* the model_type of its config.json, where that is another family's; NULL: its name */
    const char *inside; /* what the encoder is called as a member of a model with a head; NULL: as the model type */
    const char *layer;  /* printf format of a layer's prefix, with the number of its weights: "encoder.layer.%d." */
    /* Names of tensors without the encoder's prefix and ".weight"; NULL: the family has no such part.
         "/classifier"    it is not inside of the encoder
         "attn.Wqkv[1/3]" rows of the second third of that tensor
         "in_proj[0%3]"   of each head the first third of its rows
         "positions[2:]"  rows of that tensor from the third on */
    const char *stem[TERN_N_PARTS];
    /* Of a checkpoint's layer that becomes several, of which the first alone has attention: names of the parts of all
       but the first, or `but_last` of all but the last, where they are called otherwise. A * stands for the adapter's
       name, a # for the number among them. */
    const char *inner[TERN_N_PARTS];
    int but_last;
    const char *adapter_norm;       /* in front of adapters, of a checkpoint that has one for them alone */
    const char *adapters;           /* key of config.json that lists the names of adapters; NULL: the family has none */
    const char *bias[TERN_N_PARTS]; /* whole names of biases that are called otherwise; NULL: the part's with ".bias" */
    const char *distance_norm;      /* in front of what vectors of distances go through, if the config says so */
    /* Of a classifier of texts, where it is not the pooler and classifier above. */
    struct {
        const char *pooler, *classifier;
        enum tern_pooler activation; /* TERN_POOLER_NONE: that of the layers */
    } classify;
    /* Of a head that finds answers and has a feed-forward layer in front of its classifier: the prefix of that layer's
       tensors, and the classifier; NULL: there is none. Its logits and types set questions apart. */
    struct {
        const char *layer, *classifier;
    } answer;
    const struct tern_fill_names *const *fill; /* the first that is there counts; ends with NULL. NULL: none is known */
    const enum tern_global *globals;           /* [TERN_N_HEADS]; NULL: no class of the family knows global tokens */
    int pools_tokens;                          /* 1: a classifier of tokens has the pooler in front of it too */
    int no_biases;                             /* 1: a part may lack its bias, or beta, in all layers */
    int grouped;             /* 1: weights are convolutions [n][k / groups][1], block-diagonal matrices */
    const char *activation;  /* what transformers' class takes where config.json has none; NULL: gelu */
    double eps;              /* the same; 0: 1e-12 */
    const char *const *keys; /* of config.json that `read` honours; ends with NULL */
    /* Fills sizes, layers, pooler and activation of `out` from config.json's object. `path` is for messages. */
    tern_status (*read)(struct tern_config *out, const json_t *root, const char *path, tern_error *err);
};

extern const struct tern_checkpoint_family tern_checkpoint_families[TERN_N_FAMILIES];

#endif
