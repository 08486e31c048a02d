/* Which matrices of a checkpoint were trained on the grid of their format, and what follows for what they read. */
#include "quant/store.h"

#include <stdlib.h>

int tern_is_encoder_matrix(struct tern_key key)
{
    const struct tern_part *part = &tern_parts[key.part];
    return !key.is_bias && part->place == TERN_PLACE_LAYER && part->kind == TERN_KIND_MATRIX;
}

tern_status tern_find_trained(uint8_t *trained, const struct tern_source *source, tern_error *err)
{
    const struct tern_config *c = source->config;
    const enum tern_format format = tern_weights_format(c->weights);
    const size_t largest = tern_largest_matrix(c);
    float *w = malloc(largest * sizeof *w);
    tern_status status = w ? TERN_OK : tern_fail_nomem(err, "a matrix", largest * sizeof *w);
    for (int i = 0; i < c->layers * TERN_N_MATRICES && !status; i++) {
        const int layer = c->layer[i / TERN_N_MATRICES].weights;
        const struct tern_part *part = tern_matrix_part((enum tern_matrix)(i % TERN_N_MATRICES));
        const struct tern_shape shape = tern_part_shape(c, part, layer);
        const struct tern_key key = {(enum tern_part_id)(part - tern_parts), layer, 0, 0};
        if (tern_matrix_rank(c, (enum tern_matrix)(i % TERN_N_MATRICES), layer)) { /* a pair's are never that */
            trained[i] = 0;
            continue;
        }
        if (!shape.n) { /* a gate that is not there says no more than the matrix beside it */
            trained[i] = i ? trained[i - 1] : 1;
            continue;
        }
        status = source->read(source->context, key, w, (size_t)shape.n * (size_t)shape.k, err);
        trained[i] = (uint8_t)(!status && tern_on_grid(format, w, shape.n, shape.k));
    }
    free(w);
    return status;
}

int tern_reads_affine(const struct tern_source *source, int layer, enum tern_layer_input which)
{
    int affine = 0;
    /* Shared matrices read several norms, and cannot have the gamma of each folded in. */
    if (which == TERN_INPUT_QKV && tern_config_shares_layers(source->config))
        return 1;
    if (!source->trained || layer >= source->config->layers)
        return 0;
    for (int i = 0; i < TERN_N_MATRICES; i++)
        affine |= tern_matrix_part((enum tern_matrix)i)->reads == which && source->trained[layer * TERN_N_MATRICES + i];
    return affine && (which == TERN_INPUT_QKV || which == TERN_INPUT_FFN_UP || source->config->layer[layer].sub_norm);
}

const char *tern_stored_otherwise(const struct tern_source *source)
{
    const struct tern_config *c = source->config;
    const int low_bit = c->weights != TERN_WEIGHTS_MIXED && tern_weights_are_low_bit(c->weights);
    if (source->rest_asked)
        return NULL;
    if (source->embeddings != TERN_FORMAT_INT8)
        return "embed.position";
    if (low_bit && c->pooler != TERN_POOLER_NONE)
        return "pooler";
    if (low_bit && c->head != TERN_HEAD_NONE)
        return "classifier";
    if (low_bit && c->layer[0].conv)
        return "layer.0.conv_kernel";
    return low_bit && c->n_dense ? "module.0.dense" : NULL;
}
