#include "models/parts.h"
#include "quant/store.h"

#include <stdio.h>
#include <stdlib.h>

int tern_is_encoder_matrix(const char *name)
{
    int32_t layer;
    int is_bias;
    const struct tern_part *part = tern_part_parse(name, &layer, &is_bias);
    return part && !is_bias && part->in_layer && part->columns;
}

tern_status tern_find_trained(uint8_t *trained, const struct tern_source *source, tern_error *err)
{
    const struct tern_config *c = source->config;
    const enum tern_format format = (enum tern_format)(c->weights - TERN_WEIGHTS_INT8);
    const size_t largest = (size_t)c->hidden * (size_t)(c->intermediate > c->hidden ? c->intermediate : c->hidden);
    float *w = malloc(largest * sizeof *w);
    tern_status status = w ? TERN_OK : tern_fail_nomem(err, "a matrix", largest * sizeof *w);
    for (int layer = 0; layer < c->layers; layer++)
        for (int i = 0; i < TERN_N_PARTS && !status; i++) {
            const struct tern_part *part = &tern_parts[i];
            if (!part->in_layer || !part->columns)
                continue;
            char name[64];
            const int n = tern_part_dimension(c, part->rows), k = tern_part_dimension(c, part->columns);
            snprintf(name, sizeof name, "layer.%d.%s.weight", layer, part->name);
            status = source->read(source->context, name, w, (size_t)n * (size_t)k, err);
            *trained++ = (uint8_t)(!status && tern_on_grid(format, w, n, k));
        }
    free(w);
    return status;
}

int tern_reads_affine(const struct tern_source *source, int layer, enum tern_layer_input which)
{
    if (!source->trained || layer >= source->config->layers)
        return 0;
    const uint8_t *t = source->trained + (ptrdiff_t)layer * TERN_N_MATRICES;
    return which == TERN_INPUT_QKV ? t[0] || t[1] || t[2] : which == TERN_INPUT_FFN_UP && t[4];
}

const char *tern_stored_otherwise(const struct tern_source *source)
{
    const struct tern_config *c = source->config;
    const int low_bit = c->weights > TERN_WEIGHTS_INT8 && c->weights < TERN_WEIGHTS_MIXED;
    if (source->rest_asked)
        return NULL;
    if (source->embeddings != TERN_FORMAT_INT8)
        return "embed.position";
    return low_bit && c->has_pooler ? "pooler" : low_bit && c->n_labels ? "classifier" : NULL;
}
