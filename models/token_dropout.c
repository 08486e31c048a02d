/* Multiplies embeddings by what token dropout has them make up for. */
#include "models/token_dropout.h"

#include "simd/fixed.h"

int32_t tern_kept_tokens(const struct tern_config *config, const tern_batch *batch, int text)
{
    int32_t kept = 0;
    for (int32_t i = batch->offsets[text]; i < batch->offsets[text + 1]; i++)
        kept += !tern_is_dropped(config, batch->ids[i]);
    return kept ? kept : 1;
}

/* 0.88 tokens / kept */
static int64_t factor_of(int32_t tokens, int32_t kept)
{
    const int64_t one = (int64_t)1 << TERN_DROPOUT_FACTOR_BITS, most = one << TERN_DROPOUT_MOST_FACTOR,
                  all = 100 * (int64_t)kept, factor = (TERN_DROPOUT_KEPT * one * tokens + all / 2) / all;
    return factor < most ? factor : most;
}

void tern_dropout_scale(const struct tern_config *config, const tern_batch *batch, const int32_t *sum, int32_t *stream,
                        int down, int first, int last)
{
    const ptrdiff_t h = config->hidden;
    for (int text = 0; text < batch->n_texts; text++) {
        const int start = batch->offsets[text], end = batch->offsets[text + 1], from = start > first ? start : first,
                  to = end < last ? end : last;
        if (from >= to)
            continue;
        const int64_t factor = factor_of(end - start, tern_kept_tokens(config, batch, text));
        for (ptrdiff_t i = (from - first) * h; i < (to - first) * h; i++)
            stream[i] = (int32_t)tern_rshift64(sum[i] * factor, TERN_DROPOUT_FACTOR_BITS + down);
    }
}
