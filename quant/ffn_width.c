/* Reads the first neurons of feed-forward layers: first rows of what gives them, first columns of what reads them. */
#include "quant/ffn_width.h"

#include "quant/low_rank.h"

#include <stdlib.h>
#include <string.h>

tern_status tern_ffn_narrow(struct tern_config *out, const struct tern_config *config, int32_t width, tern_error *err)
{
    *out = *config;
    for (int i = 0; i < out->layers; i++) {
        if (!tern_ffn_may_narrow(config, i))
            return tern_fail(err, TERN_USAGE,
                             "a feed-forward width of %d; layer %d has no attention, or nothing in it is normalised, "
                             "and such layers are supported at their own width only",
                             width, i);
        if (width > out->layer[i].intermediate)
            return tern_fail(err, TERN_USAGE, "a feed-forward width of %d; layer %d has %d, and fewer can be asked for",
                             width, i, out->layer[i].intermediate);
        out->layer[i].intermediate = width;
    }
    return TERN_OK;
}

/* Of the tensor of a key. */
static struct tern_shape shape_of(const struct tern_config *config, struct tern_key key)
{
    const struct tern_shape shape = tern_part_shape(config, &tern_parts[key.part], key.layer);
    const int32_t rank = tern_key_rank(config, key), k = key.is_bias || !shape.k ? 1 : shape.k;
    if (!rank)
        return (struct tern_shape){shape.n, k};
    if (key.inner)
        return (struct tern_shape){rank, k};
    return (struct tern_shape){shape.n, key.is_bias ? 1 : rank};
}

tern_status tern_ffn_read(const struct tern_checkpoint *c, const struct tern_config *narrow, struct tern_key key,
                          float *out, size_t count, tern_error *err)
{
    if (tern_parts[key.part].place != TERN_PLACE_LAYER)
        return tern_checkpoint_read(c, key, out, count, err);
    const struct tern_shape whole = shape_of(&c->config, key), part = shape_of(narrow, key);
    const size_t all = (size_t)whole.n * (size_t)whole.k, k = (size_t)part.k;
    if (whole.n == part.n && whole.k == part.k)
        return tern_checkpoint_read(c, key, out, count, err);
    if (count != (size_t)part.n * k)
        return tern_fail(err, TERN_FORMAT, "%s: the first neurons have not the %zu floats asked for", c->weights.path,
                         count);
    float *const floats = malloc(all * sizeof *floats);
    tern_status status = floats ? tern_checkpoint_read(c, key, floats, all, err)
                                : tern_fail_nomem(err, c->weights.path, all * sizeof *floats);
    for (size_t i = 0; i < (size_t)part.n && !status; i++)
        memcpy(out + i * k, floats + i * (size_t)whole.k, k * sizeof *out);
    free(floats);
    return status;
}
