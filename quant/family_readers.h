/* What reads config.json of each family: `read` of its row in quant/families.c. */
#ifndef TERN_FAMILY_READERS_H
#define TERN_FAMILY_READERS_H

#include "models/config.h"

#include <jansson.h>

typedef tern_status tern_family_reader(struct tern_config *out, const json_t *root, const char *path, tern_error *err);
tern_family_reader tern_read_bert, tern_read_distilbert, tern_read_electra, tern_read_albert, tern_read_rembert,
    tern_read_roberta, tern_read_roberta_prelayernorm, tern_read_megatron, tern_read_mpnet, tern_read_nomic,
    tern_read_gte, tern_read_modernbert, tern_read_eurobert, tern_read_xlm_roberta_xl, tern_read_jina3,
    tern_read_roformer, tern_read_esm, tern_read_deberta, tern_read_deberta_v2, tern_read_longformer,
    tern_read_big_bird, tern_read_jina2, tern_read_xmod, tern_read_mobilebert, tern_read_convbert, tern_read_fnet,
    tern_read_nystromformer, tern_read_ultrabert;

/* What readers in other files share. */

/* The keys by which a family calls the same numbers; BERT's. */
struct tern_reader_keys {
    const char *vocab, *hidden, *layers, *heads, *intermediate, *positions, *activation;
};
extern const struct tern_reader_keys tern_usual_keys;
/* A BERT's sizes and layers, all alike but for pruned heads. */
tern_status tern_read_sizes(struct tern_config *out, const json_t *root, const struct tern_reader_keys *keys,
                            const char *path, tern_error *err);
/* The same of every layer. */
void tern_set_layers(struct tern_config *out, enum tern_position_kind position, enum tern_gate gate,
                     enum tern_norm_place place);
/* Appends a table of angles, of `part` of each head's dimensions, by `rope`, an object of the family's, NULL: by
   rope_scaling. */
tern_status tern_read_rotary(struct tern_config *out, const json_t *root, const json_t *rope, double theta, double part,
                             const char *path, tern_error *err);
tern_status tern_read_eps(struct tern_config *out, const json_t *root, const char *key, const char *path,
                          tern_error *err);
/* Both read BERT's keys: sizes, layers that are all alike, and layer_norm_eps; and
   type_vocab_size, which is at least `least`. */
tern_family_reader tern_read_sizes_and_eps;
/* Whether config.json is of jina-embeddings-v3 as it was published. */
int tern_is_published_jina3(const json_t *root);
tern_status tern_read_types(struct tern_config *out, const json_t *root, int32_t least, const char *path,
                            tern_error *err);

#endif
