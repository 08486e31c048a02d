/* ESM's token dropout, which is on outside of training, too: masks are embedded as zeros, and the embeddings of all
   tokens are multiplied by what texts in training had left, 0.88, over what this text has. */
#ifndef TERN_TOKEN_DROPOUT_H
#define TERN_TOKEN_DROPOUT_H

#include "models/config.h"

#include <stddef.h>
#include <stdint.h>

/* Texts in training had 12 % masks. FACTOR_BITS: fraction bits of a factor, which is at most 2^MOST_FACTOR. */
enum { TERN_DROPOUT_KEPT = 88, TERN_DROPOUT_FACTOR_BITS = 16, TERN_DROPOUT_MOST_FACTOR = 10 };
/* Sums of embeddings have up to 30 bits. */
_Static_assert(30 + TERN_DROPOUT_FACTOR_BITS + TERN_DROPOUT_MOST_FACTOR < 63, "a product fits int64");

/* Whether the token is embedded as zeros. */
static inline int tern_is_dropped(const struct tern_config *config, int32_t id)
{
    return config->token_dropout != 0 && id == config->token_dropout - 1;
}

/* stream[last - first][hidden] = rshift(sum[last - first][hidden] * the factor of their text, down), of tokens first to
   last - 1 of the batch. 0 <= down. */
void tern_dropout_scale(const struct tern_config *config, const tern_batch *batch, const int32_t *sum, int32_t *stream,
                        int down, int first, int last);

/* How many tokens of a text are not dropped, but at least 1. */
int32_t tern_kept_tokens(const struct tern_config *config, const tern_batch *batch, int text);

#endif
