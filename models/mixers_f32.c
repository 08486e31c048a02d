/* What mixes tokens beside softmax attention, in floats: dynamic convolutions, convolved values, Fourier transforms,
   and the embeddings of three words; and what some models' attention has beside softmax: turned heads, clipped
   probabilities, gates. */
#include "models/mixers_f32.h"

#include "models/seen.h"
#include "models/token_dropout.h"

#include <math.h>
#include <string.h>

/* The embeddings of the word behind token i of a text, of its own and of the one before, side by side, in b->wide. */
void tern_f32_embed_three(const struct tern_bert_f32 *b, const tern_batch *batch, int i, int first, int end)
{
    const ptrdiff_t e = b->config->trigram;
    for (int k = 0; k < 3; k++) {
        const int from = i + 1 - k;
        float *const to = b->wide + (3 * i + k) * e;
        if (from >= first && from < end)
            memcpy(to, b->weights->word + batch->ids[from] * e, (size_t)e * sizeof *to);
        else
            memset(to, 0, (size_t)e * sizeof *to);
    }
}

float tern_f32_dropout_factor(const struct tern_config *config, const tern_batch *batch, int text)
{
    const int32_t tokens = batch->offsets[text + 1] - batch->offsets[text];
    if (!config->token_dropout)
        return 1;
    return TERN_DROPOUT_KEPT * (float)tokens / (100 * (float)tern_kept_tokens(config, batch, text));
}

/* x = wide through the matrix, and each token's position and type. */
void tern_f32_mix(const struct tern_bert_f32 *b, const tern_batch *batch)
{
    const ptrdiff_t h = b->config->hidden;
    tern_bert_f32_linear(b, &b->weights->mix, b->wide, b->x, batch->offsets[batch->n_texts]);
    for (int text = 0; text < batch->n_texts; text++)
        for (int i = batch->offsets[text]; i < batch->offsets[text + 1]; i++) {
            const float *position = b->weights->position + (i - batch->offsets[text]) * h,
                        *type = b->weights->type ? b->weights->type + (batch->types ? batch->types[i] : 0) * h : NULL;
            for (int j = 0; j < h; j++)
                b->x[i * h + j] += position[j] + (type ? type[j] : 0);
        }
}

/* query = the real part of the Fourier transform of x over the tokens and columns of each text. */
void tern_f32_transform(struct tern_bert_f32 *b, const tern_batch *batch, const float *x)
{
    const int h = b->config->hidden, all = batch->offsets[batch->n_texts];
    tern_bert_f32_turned(b, &b->weights->fourier, x, b->context, b->column, all);
    for (int text = 0; text < batch->n_texts; text++) {
        const int start = batch->offsets[text], n = batch->offsets[text + 1] - start;
        for (int t = 0, rows; t < n; t += rows) {
            rows = n - t < TERN_F32_ROWS ? n - t : TERN_F32_ROWS;
            float *const cosine = b->wave, *const sine = b->wave + (ptrdiff_t)rows * n,
                         *const out = b->query + ((ptrdiff_t)start + t) * h;
            for (int r = 0; r < rows; r++)
                for (int s = 0; s < n; s++) {
                    const double angle = 6.283185307179586 * (double)((int64_t)(t + r) * s % n) / n;
                    cosine[(ptrdiff_t)r * n + s] = (float)cos(angle);
                    sine[(ptrdiff_t)r * n + s] = (float)-sin(angle);
                }
            tern_gemm_f32_for(b->ops, rows, h, n)(cosine, n, b->column + start, all, NULL, out, h, rows, h, n);
            tern_gemm_f32_for(b->ops, rows, h, n)(sine, n, b->column + (ptrdiff_t)h * all + start, all, NULL, b->key, h,
                                                  rows, h, n);
            for (ptrdiff_t i = 0; i < (ptrdiff_t)rows * h; i++)
                out[i] += b->key[i];
        }
    }
}

/* Dynamic convolution beside attention, as models/span_conv.c has it; conv[1] becomes its rows. 0: the layer ends. */
int tern_f32_convolve(struct tern_bert_f32 *b, const struct tern_f32_layer *layer, const tern_batch *batch, int i,
                      const float *x)
{
    const struct tern_layer_spec *spec = &b->config->layer[i];
    const int h = b->config->hidden, a = tern_attention_width(spec), taps = spec->conv, d = spec->head_dim,
              tokens = batch->offsets[batch->n_texts];
    float *const kernel = b->conv[0], *const out = b->conv[1], *const rows = b->conv[2];
    const float *seen;
    tern_bert_f32_linear(b, &layer->matrix[TERN_CONV_OUT], x, b->wide, tokens); /* wide: free until feed-forward */
    memset(rows, 0, (size_t)tokens * (size_t)h * sizeof *rows);
    for (int text = 0; text < batch->n_texts; text++)
        for (int t = batch->offsets[text]; t < batch->offsets[text + 1]; t++)
            for (int k = 0; k < taps; k++) {
                const int from = t + k - taps / 2;
                const float *w = layer->table[TERN_CONV_DEPTH] + (ptrdiff_t)k * h;
                for (int j = 0; from >= batch->offsets[text] && from < batch->offsets[text + 1] && j < h; j++)
                    rows[(ptrdiff_t)t * h + j] += w[j] * x[(ptrdiff_t)from * h + j];
            }
    if (!(seen = tern_f32_show(b, i, TERN_INPUT_CONV_POINT, rows, tokens)))
        return 0;
    tern_bert_f32_linear(b, &layer->matrix[TERN_CONV_POINT], seen, out, tokens);
    for (ptrdiff_t j = 0; j < (ptrdiff_t)tokens * a; j++)
        out[j] *= b->query[j];
    if (!(seen = tern_f32_show(b, i, TERN_INPUT_CONV_KERNEL, out, tokens)))
        return 0;
    tern_bert_f32_linear(b, &layer->matrix[TERN_CONV_KERNEL], seen, kernel, tokens);
    b->ops->softmax_f32(kernel, taps, 1, tokens * spec->heads, taps);
    memset(out, 0, (size_t)tokens * (size_t)a * sizeof *out);
    for (int text = 0; text < batch->n_texts; text++)
        for (int t = batch->offsets[text]; t < batch->offsets[text + 1]; t++)
            for (int k = 0; k < taps; k++) {
                const int from = t + k - taps / 2;
                for (int j = 0; from >= batch->offsets[text] && from < batch->offsets[text + 1] && j < a; j++)
                    out[(ptrdiff_t)t * a + j] +=
                        kernel[((ptrdiff_t)t * spec->heads + j / d) * taps + k] * b->wide[(ptrdiff_t)from * a + j];
            }
    return 1;
}

/* context[tokens][a] and the convolution's rows, side by side in context[tokens][2 a]. */
void tern_f32_join_conv(struct tern_bert_f32 *b, const struct tern_layer_spec *spec, int tokens)
{
    const ptrdiff_t a = tern_attention_width(spec);
    for (ptrdiff_t t = tokens - 1; t >= 0; t--) { /* from the last on, since rows only move up */
        memmove(b->context + 2 * t * a, b->context + t * a, (size_t)a * sizeof *b->context);
        memcpy(b->context + (2 * t + 1) * a, b->conv[1] + t * a, (size_t)a * sizeof *b->context);
    }
}

/* context += each head's kernel over the tokens' values. */
void tern_f32_convolve_values(struct tern_bert_f32 *b, const struct tern_f32_layer *layer,
                              const struct tern_layer_spec *spec, const tern_batch *batch)
{
    const ptrdiff_t a = tern_attention_width(spec), all = batch->offsets[batch->n_texts];
    const int taps = spec->value_conv;
    for (int text = 0; text < batch->n_texts; text++)
        for (int t = batch->offsets[text]; t < batch->offsets[text + 1]; t++)
            for (int k = 0; k < taps; k++) {
                const int from = t + k - taps / 2;
                for (int j = 0; from >= batch->offsets[text] && from < batch->offsets[text + 1] && j < a; j++)
                    b->context[t * a + j] +=
                        layer->table[TERN_CONV_VALUE][j / spec->head_dim * taps + k] * b->value[j * all + from];
            }
}

/* Queries of the texts' global tokens, keys and values of all, by the matrices that layer i has for these. */
void tern_f32_run_global(const struct tern_bert_f32 *b, int i, const float *x, const tern_batch *batch)
{
    const struct tern_f32_layer *const layer = &b->weights->layers[i];
    const struct tern_f32_linear *const query = &layer->matrix[TERN_QUERY_GLOBAL];
    const int tokens = batch->offsets[batch->n_texts];
    for (int text = 0; text < batch->n_texts; text++) {
        const ptrdiff_t first = batch->offsets[text];
        const int globals = tern_seen_globals(b->config, &b->config->layer[i], batch, text);
        if (globals)
            tern_bert_f32_linear(b, query, x + first * query->k, b->global[0] + first * query->n, globals);
    }
    tern_bert_f32_linear(b, &layer->matrix[TERN_KEY_GLOBAL], x, b->global[1], tokens);
    tern_bert_f32_turned(b, &layer->matrix[TERN_VALUE_GLOBAL], x, b->context, b->global[2], tokens);
}

/* Turns the queries and keys of each token by the angles of its position. */
void tern_f32_turn_heads(const struct tern_bert_f32 *b, const struct tern_layer_spec *layer, const tern_batch *batch)
{
    const int half = b->config->table[layer->table].half, d = layer->head_dim, a = tern_attention_width(layer);
    for (int text = 0; text < batch->n_texts; text++)
        for (int i = batch->offsets[text]; i < batch->offsets[text + 1]; i++) {
            const float *c = b->weights->table[layer->table] + (ptrdiff_t)(i - batch->offsets[text]) * 2 * half;
            for (int at = 0; at < 2 * layer->heads; at++) {
                float *x = (at % 2 ? b->key : b->query) + (ptrdiff_t)i * a + (ptrdiff_t)(at / 2) * d;
                for (int j = 0; j < half; j++) {
                    const float u = x[j], v = x[j + half];
                    x[j] = u * c[j] - v * c[half + j];
                    x[j + half] = v * c[j] + u * c[half + j];
                }
            }
        }
}

/* p[n] = clip((eta - gamma) p + gamma, 0, 1) */
void tern_f32_clip(const struct tern_layer_spec *layer, float *p, ptrdiff_t n)
{
    const float gamma = -ldexpf((float)layer->clip_low, -TERN_CLIP_BITS),
                eta = 1 + ldexpf((float)layer->clip_high, -TERN_CLIP_BITS);
    for (ptrdiff_t i = 0; i < n; i++)
        p[i] = fminf(fmaxf(p[i] * (eta - gamma) + gamma, 0), 1);
}

/* context[tokens][heads][head_dim] times the logistic function of gates[tokens][heads] */
void tern_f32_gate_heads(const struct tern_bert_f32 *b, const struct tern_layer_spec *layer, int tokens)
{
    for (ptrdiff_t i = 0; i < (ptrdiff_t)tokens * layer->heads; i++)
        for (int j = 0; j < layer->head_dim; j++)
            b->context[i * layer->head_dim + j] /= 1 + expf(-b->gates[i]);
}
