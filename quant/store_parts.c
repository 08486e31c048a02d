/* What all steps of storing a model share: reading float tensors, adding tensors, the report. */
#include "models/format.h"
#include "quant/checkpoint_names.h"
#include "quant/store_private.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

/* Products and sums of the numbers below, units and the real numbers of a file follow from this limit: a matrix times a
   LayerNorm's gamma stays below 2^64, which floats hold, and what a file may say of it (models/load_int8.c) is wider.
 */
static const float most = 0x1p32f;

void tern_store_refuse(struct tern_store *s, enum tern_part_id part, int is_bias, const char *what, ...)
{
    const struct tern_key key = {part, s->layer, is_bias, s->pair == TERN_PAIR_FIRST};
    char name[160], text[128];
    va_list args;
    va_start(args, what);
    vsnprintf(text, sizeof text, what, args);
    va_end(args);
    tern_part_name(name, sizeof name, s->config, key);
    if (!s->status)
        s->status =
            tern_fail(s->err, TERN_FORMAT, "tensor %s: %s; integers cannot hold that, --weights f32 can", name, text);
}

void tern_store_off_grid(struct tern_store *s, enum tern_part_id part, enum tern_format format)
{
    const struct tern_key key = {part, s->layer, 0, s->pair == TERN_PAIR_FIRST};
    char name[160];
    tern_part_name(name, sizeof name, s->config, key);
    if (!s->status)
        s->status =
            tern_fail(s->err, TERN_DIFFERENT,
                      "tensor %s: it is not on the %s grid that tern_grid.json says; remove that file to convert "
                      "it all the same, without what was trained",
                      name, tern_format_name(format));
}

void tern_store_read(struct tern_store *s, enum tern_part_id part, int is_bias, float *out, size_t count)
{
    const struct tern_key key = {part, s->layer, is_bias, s->pair == TERN_PAIR_FIRST};
    if (!s->status)
        s->status = s->source->read(s->source->context, key, out, count, s->err);
    for (size_t i = 0; i < count && !s->status; i++)
        if (!(fabsf(out[i]) <= most))
            tern_store_refuse(s, part, is_bias, "element %zu is %g", i, (double)out[i]);
}

void *tern_store_add(struct tern_store *s, const char *name, const char *suffix, enum tern_dtype dtype, int n_dims,
                     const int64_t *shape)
{
    char full[128];
    snprintf(full, sizeof full, "%s%s%s", s->prefix, name, suffix);
    void *data = s->status ? NULL : tern_builder_add(s->builder, full, dtype, n_dims, shape);
    if (!s->status && !data)
        s->status = tern_fail_nomem(s->err, full, tern_builder_tensor_bytes(dtype, n_dims, shape));
    return data;
}

void *tern_store_add_vector(struct tern_store *s, const char *name, const char *suffix, enum tern_dtype dtype,
                            int count)
{
    const int64_t padded = tern_round_up(count, dtype == TERN_I16 ? TERN_PARAM16 : TERN_PARAM32);
    return tern_store_add(s, name, suffix, dtype, 1, &padded);
}

void tern_store_report(struct tern_store *s, const char *name, const char *became, double bits, double error)
{
    if (s->status || !s->source->report)
        return;
    char line[256], full[64];
    snprintf(full, sizeof full, "%s%s", s->prefix, name);
    snprintf(line, sizeof line, "%-20s %-38s %7.3f bits/weight  relative squared error %.2e", full, became, bits,
             error);
    s->source->report(s->source->listener, line);
}

void tern_store_say(const struct tern_store *s, const char *name, const char *what)
{
    if (s->status || !s->source->report)
        return;
    char line[240], full[64];
    snprintf(full, sizeof full, "%s%s", s->prefix, name);
    snprintf(line, sizeof line, "%-20s %s", full, what);
    s->source->report(s->source->listener, line);
}

void tern_store_advance(struct tern_store *s, size_t count)
{
    s->done += count;
    if (!s->status && s->source->progress)
        s->source->progress(s->source->listener, s->done, s->total);
}

/* A tensor that stays int8 when another type was asked for. */
void tern_store_say_instead(const struct tern_store *s, char *how, size_t capacity, enum tern_format asked)
{
    if (asked != TERN_FORMAT_INT8 && !s->source->rest_asked)
        snprintf(how, capacity, "instead of %s", tern_format_name(asked));
}
