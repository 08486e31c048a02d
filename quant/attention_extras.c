/* Reads gates and clipping of attention. A gate that is a number of the head alone, and what all gates are divided by,
   become a part of attn_out's weights; the others are a matrix of the layer, attn_gate. */
#include "quant/attention_extras.h"

#include "models/config_private.h"
#include "models/json.h"
#include "quant/checkpoint_names.h"
#include "quant/low_rank.h"
#include "quant/tensor_numbers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- config.json -------------------------------------------------------------------------------------------------
 */

static tern_status read_gate(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    static const char *const types[] = {"none", "unconditional_per_head", "conditional_per_token"};
    const char *type = types[0];
    int32_t tuned = 0;
    double init = 1;
    tern_status status = tern_json_get_string(root, "attn_gate_type", 0, &type, path, err);
    const int found = tern_name_index(types, 3, type);
    if (!status && found < 0)
        status = tern_fail(err, TERN_FORMAT, "%s: attn_gate_type %.60s is not supported; %s, %s and %s are", path, type,
                           types[0], types[1], types[2]);
    if (!status)
        status = tern_json_get_bool(root, "fine_tuning", 0, &tuned, path, err);
    if (!status)
        status = tern_json_get_real(root, "attn_gate_init", 0, 1e-3, 1, &init, path, err);
    if (status || found <= 0)
        return status;
    out->gate_init = found == 2 && tuned ? init : 1; /* a gate of the head alone is not divided */
    out->fixed_gates = found == 1;
    for (int i = 0; i < out->layers; i++)
        out->layer[i].attn_gate = found == 2;
    return TERN_OK;
}

static tern_status read_clipping(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    const char *softmax = "vanilla";
    double alpha = 0, tokens = 0, gamma = 0, eta = 1;
    char end;
    tern_status status = tern_json_get_string(root, "attn_softmax", 0, &softmax, path, err);
    if (!status)
        status = tern_json_get_real(root, "alpha", 0, 1e-9, 1e6, &alpha, path, err);
    if (!status)
        status = tern_json_get_real(root, "max_seq_length", 0, 1, 1e9, &tokens, path, err);
    if (!status && strcmp(softmax, "vanilla") != 0 && sscanf(softmax, "clipped(%lf:%lf%c", &gamma, &eta, &end) != 3)
        status =
            tern_fail(err, TERN_FORMAT, "%s: attn_softmax %.60s is not supported; vanilla and clipped(GAMMA:ETA) are",
                      path, softmax);
    if (!status && alpha > 0 && !(tokens > 0))
        status = tern_fail(err, TERN_FORMAT, "%s: alpha is %g, but max_seq_length, which divides it, is not there",
                           path, alpha);
    if (alpha > 0 && tokens > 0) {
        gamma = -alpha / tokens;
        eta = 1;
    }
    if (!status && !(gamma <= 0 && gamma >= -0.5 && eta >= 1 && eta <= 1.5))
        status = tern_fail(err, TERN_FORMAT,
                           "%s: softmax is clipped from %g to %g; from -0.5 to 0, and from 1 to 1.5, are supported",
                           path, gamma, eta);
    for (int i = 0; i < out->layers && !status; i++) {
        out->layer[i].clip_low = (int32_t)lrint(ldexp(-gamma, TERN_CLIP_BITS));
        out->layer[i].clip_high = (int32_t)lrint(ldexp(eta - 1, TERN_CLIP_BITS));
    }
    return status;
}

tern_status tern_read_attention_extras(struct tern_config *out, const json_t *root, const char *path, tern_error *err)
{
    const tern_status status = read_gate(out, root, path, err);
    return status ? status : read_clipping(out, root, path, err);
}

/* ---- Gates of each token -----------------------------------------------------------------------------------------
 */

/* "alpha.H.weight" of a head. */
static const struct tern_tensor *of_head(const struct tern_checkpoint *c, int layer, int head, int is_bias)
{
    char prefix[TERN_ENCODER_PREFIX], name[160];
    snprintf(prefix, sizeof prefix, "alpha.%d", head);
    return tern_layer_tensor(&c->weights, &c->config, layer, "attention.self", prefix, is_bias ? "bias" : "weight",
                             name, sizeof name);
}

int tern_gate_is_list(const struct tern_checkpoint *c, struct tern_key key)
{
    return key.part == TERN_PART_ATTN_GATE && of_head(c, key.layer, 0, 0) != NULL;
}

static int is_float(const struct tern_tensor *t)
{
    return t->dtype == TERN_F32 || t->dtype == TERN_F16 || t->dtype == TERN_BF16;
}

tern_status tern_gate_check(const struct tern_checkpoint *c, int layer, uint8_t *used, const char *path,
                            tern_error *err)
{
    const struct tern_layer_spec *l = &c->config.layer[layer];
    if (tern_attention_width(l) != c->config.hidden)
        return tern_fail(
            err, TERN_FORMAT,
            "%s: layer %d has gates that read %d numbers for each head, which are no parts of its input of %d", path,
            layer, l->head_dim, c->config.hidden);
    for (int i = 0; i < 2 * l->heads; i++) {
        const struct tern_tensor *t = of_head(c, layer, i / 2, i % 2);
        const int64_t numbers = i % 2 ? 1 : l->head_dim;
        if (!t || !is_float(t) || t->bytes != (size_t)numbers * tern_dtype_bytes(t->dtype))
            return tern_fail(err, TERN_FORMAT, "%s: layer %d has no %lld floats for the %s of head %d's gate, alpha.%d",
                             path, layer, (long long)numbers, i % 2 ? "bias" : "weight", i / 2, i / 2);
        used[t - c->weights.tensors] = 1;
    }
    return TERN_OK;
}

tern_status tern_gate_read(const struct tern_checkpoint *c, struct tern_key key, float *out, size_t count,
                           tern_error *err)
{
    const struct tern_layer_spec *l = &c->config.layer[key.layer];
    const size_t h = (size_t)c->config.hidden, d = (size_t)l->head_dim, each = key.is_bias ? 1 : d;
    if (count != (size_t)l->heads * (key.is_bias ? 1 : h))
        return tern_fail(err, TERN_FORMAT, "%s: the gates have not the %zu floats asked for", c->weights.path, count);
    memset(out, 0, count * sizeof *out);
    for (size_t i = 0; i < (size_t)l->heads; i++)
        tern_tensor_floats(out + (key.is_bias ? i : i * h + i * d), of_head(c, key.layer, (int)i, key.is_bias), each);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(out[i]))
            return tern_fail(err, TERN_FORMAT, "%s: a gate of layer %d is not finite", c->weights.path, key.layer);
    return TERN_OK;
}

/* ---- Gates of each head ------------------------------------------------------------------------------------------
 */

static const struct tern_tensor *fixed_gates(const struct tern_checkpoint *c, int layer, char *shown, size_t capacity)
{
    return tern_layer_tensor(&c->weights, &c->config, layer, "attention", "self", "alpha", shown, capacity);
}

tern_status tern_fixed_gates_check(const struct tern_checkpoint *c, uint8_t *used, const char *path, tern_error *err)
{
    char shown[160];
    for (int i = 0; c->config.fixed_gates && i < c->config.layers; i++) {
        const struct tern_tensor *t = fixed_gates(c, i, shown, sizeof shown);
        if (!t || !is_float(t) || t->n_dims != 1 || t->shape[0] != c->config.layer[i].heads)
            return tern_fail(err, TERN_FORMAT, "%s: tensor %.100s, a float for each of %d heads, is not there", path,
                             shown, c->config.layer[i].heads);
        used[t - c->weights.tensors] = 1;
    }
    return TERN_OK;
}

tern_status tern_scale_heads(const struct tern_checkpoint *c, struct tern_key key, float *w, size_t count,
                             tern_error *err)
{
    const struct tern_layer_spec *l = &c->config.layer[key.layer];
    const size_t a = (size_t)tern_attention_width(l), d = (size_t)l->head_dim;
    const double divided = l->attn_gate && c->config.gate_init > 0 ? c->config.gate_init : 1;
    char shown[160];
    float *gate = calloc((size_t)l->heads, sizeof *gate);
    if (!gate)
        return tern_fail_nomem(err, c->weights.path, (size_t)l->heads * sizeof *gate);
    if (c->config.fixed_gates)
        tern_tensor_floats(gate, fixed_gates(c, key.layer, shown, sizeof shown), (size_t)l->heads);
    for (size_t i = 0; i < count; i++) {
        const double open = c->config.fixed_gates ? 1 / (1 + exp(-(double)gate[i % a / d])) : 1;
        w[i] = (float)((double)w[i] * open / divided);
    }
    free(gate);
    return TERN_OK;
}
