/* A Hugging Face checkpoint as it lies on disk: every tensor that its config asks for is there, and of the right shape.
 */
#include "quant/checkpoint.h"

#include "models/config_private.h"
#include "quant/checkpoint_config.h"
#include "quant/checkpoint_names.h"
#include "quant/families.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "safetensors is little-endian, and is read as it lies");
_Static_assert(sizeof(float) == 4, "float is binary32");

enum { MAX_PATH = 4096, MAX_SHOWN = 256 };

static int is_float(enum tern_dtype dtype)
{
    return dtype == TERN_F32 || dtype == TERN_F16 || dtype == TERN_BF16;
}

/* "[12000, 256]" for messages. */
static void shape_text(char *out, size_t capacity, const int64_t *shape, int n_dims)
{
    size_t used = (size_t)snprintf(out, capacity, "[");
    for (int i = 0; i < n_dims && used < capacity; i++)
        used += (size_t)snprintf(out + used, capacity - used, "%s%lld", i ? ", " : "", (long long)shape[i]);
    if (used < capacity)
        snprintf(out + used, capacity - used, "]");
}

/* Checks the dtype and shape of one tensor against the config. */
static tern_status check_tensor(const struct tern_config *config, struct tern_key key, const struct tern_tensor *t,
                                const char *path, tern_error *err)
{
    const struct tern_shape shape = tern_part_shape(config, &tern_parts[key.part], key.layer);
    const int64_t needed[2] = {shape.n, shape.k};
    const int n_dims = key.is_bias || shape.k == 0 ? 1 : 2;

    if (!is_float(t->dtype))
        return tern_fail(err, TERN_FORMAT, "%s: tensor %.100s is %s; F32, F16 and BF16 are supported", path, t->name,
                         tern_dtype_name(t->dtype));
    if (t->n_dims != n_dims || t->shape[0] != needed[0] || (n_dims == 2 && t->shape[1] != needed[1])) {
        char has[64], needs[64];
        shape_text(has, sizeof has, t->shape, t->n_dims);
        shape_text(needs, sizeof needs, needed, n_dims);
        return tern_fail(err, TERN_FORMAT, "%s: tensor %.100s has the shape %s, the config needs %s", path, t->name,
                         has, needs);
    }
    return TERN_OK;
}

/* Checks weight and bias of one part in one layer. */
static tern_status check_part(const struct tern_checkpoint *c, enum tern_part_id part, int layer, const char *path,
                              tern_error *err)
{
    const int last = tern_parts[part].kind == TERN_KIND_TABLE ? 0 : 1;
    for (int is_bias = 0; is_bias <= last; is_bias++) {
        char shown[MAX_SHOWN];
        const struct tern_key key = {part, layer, is_bias};
        const struct tern_tensor *t = tern_part_find(&c->tensors, c->config.architecture, key, shown, sizeof shown);
        tern_status status;
        if (!t)
            return tern_fail(err, TERN_FORMAT, "%s: tensor %.100s is missing", path, shown);
        status = check_tensor(&c->config, key, t, path, err);
        if (status != TERN_OK)
            return status;
    }
    return TERN_OK;
}

static const struct tern_tensor *find(const struct tern_checkpoint *c, struct tern_key key)
{
    char shown[MAX_SHOWN];
    return tern_part_find(&c->tensors, c->config.architecture, key, shown, sizeof shown);
}

/* Which heads there are: the pooler if its weight is there, the labels from the classifier's rows. */
static tern_status settle_heads(struct tern_checkpoint *c, const char *path, tern_error *err)
{
    const struct tern_tensor *classifier = find(c, (struct tern_key){TERN_PART_CLASSIFIER, -1, 0});
    struct tern_config *config = &c->config;

    config->head = TERN_HEAD_NONE;
    if (!find(c, (struct tern_key){TERN_PART_POOLER, -1, 0}))
        config->pooler = TERN_POOLER_NONE;
    if (!classifier)
        return tern_config_new_labels(config, 0, path, err);
    for (int i = 0; i < TERN_N_HEADS; i++)
        if (i != TERN_HEAD_NONE && tern_head_kinds[i].pooled == (config->pooler != TERN_POOLER_NONE))
            config->head = (enum tern_head)i;
    if (config->head == TERN_HEAD_NONE)
        return tern_fail(err, TERN_FORMAT,
                         "%s: a classifier without %s labels tokens, which is not supported; remove its tensors to "
                         "embed",
                         path, tern_checkpoint_families[config->architecture].stem[TERN_PART_POOLER]);
    if (classifier->n_dims != 2 || classifier->shape[0] > TERN_MAX_LABELS)
        return tern_fail(err, TERN_FORMAT, "%s: tensor classifier.weight must be [labels, hidden], at most %d labels",
                         path, TERN_MAX_LABELS);
    if (config->n_labels == 0)
        return tern_config_default_labels(config, (int32_t)classifier->shape[0], err);
    if (config->n_labels != classifier->shape[0])
        return tern_fail(err, TERN_FORMAT,
                         "%s: tensor classifier.weight has %lld rows, config.json's id2label %d labels", path,
                         (long long)classifier->shape[0], config->n_labels);
    return TERN_OK;
}

static tern_status check_all(struct tern_checkpoint *c, const char *path, tern_error *err)
{
    const struct tern_config *config = &c->config;
    tern_status status = settle_heads(c, path, err);

    for (int i = 0; status == TERN_OK && i < TERN_N_PARTS; i++) {
        const struct tern_part *part = &tern_parts[i];
        const int in_layer = part->place == TERN_PLACE_LAYER;
        if (!tern_part_present(config, part))
            continue;
        for (int n = 0; status == TERN_OK && n < (in_layer ? config->layers : 1); n++)
            if (!in_layer || config->layer[n].weights == n)
                status = check_part(c, (enum tern_part_id)i, n, path, err);
    }
    return status;
}

static int is_there(const char *directory, const char *name)
{
    char path[MAX_PATH];
    struct tern_mapping mapping;
    if (tern_join_path(path, sizeof path, directory, name, NULL) != TERN_OK ||
        tern_map_open(&mapping, path, NULL) != TERN_OK)
        return 0;
    tern_map_close(&mapping);
    return 1;
}

/* When model.safetensors cannot be opened, another format's file may be there: then say what to do. */
static tern_status explain_absence(const char *directory, tern_status status, tern_error *err)
{
    if (is_there(directory, "model.safetensors"))
        return status;
    if (is_there(directory, "model.safetensors.index.json"))
        return tern_fail(err, TERN_FORMAT,
                         "%s: weights in several files (model.safetensors.index.json) are not supported; in Python, "
                         "save with model.save_pretrained(dir, max_shard_size=\"100GB\")",
                         directory);
    if (is_there(directory, "pytorch_model.bin"))
        return tern_fail(err, TERN_FORMAT,
                         "%s: pytorch_model.bin is not supported, model.safetensors is; in Python, load it with "
                         "transformers and save with model.save_pretrained(dir, safe_serialization=True)",
                         directory);
    return status;
}

tern_status tern_checkpoint_open(struct tern_checkpoint *out, const char *directory, tern_error *err)
{
    char path[MAX_PATH];
    tern_status status;

    memset(out, 0, sizeof *out);
    status = tern_config_read_checkpoint(&out->config, directory, err);
    if (status == TERN_OK)
        status = tern_join_path(path, sizeof path, directory, "model.safetensors", err);
    if (status == TERN_OK) {
        status = tern_map_open(&out->mapping, path, err);
        if (status != TERN_OK)
            status = explain_absence(directory, status, err);
    }
    if (status == TERN_OK)
        status = tern_safetensors_open(&out->tensors, out->mapping.bytes, out->mapping.size, path, err);
    if (status == TERN_OK)
        status = check_all(out, path, err);
    if (status != TERN_OK)
        tern_checkpoint_close(out);
    return status;
}

void tern_checkpoint_close(struct tern_checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    tern_safetensors_close(&checkpoint->tensors);
    tern_map_close(&checkpoint->mapping);
    tern_config_free(&checkpoint->config);
}

/* Exact: every binary16 number is a binary32 number. */
static float from_f16(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 1023;
    uint32_t bits;
    float value;

    if (exponent == 0) { /* zero and subnormals: fraction * 2^-24, no rounding in 24 bits */
        value = (float)fraction * 0x1p-24f;
        return sign ? -value : value;
    }
    bits = sign | (exponent == 31 ? 255 : exponent + 112) << 23 | fraction << 13;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The file gives no alignment: every element is copied out before it is looked at. */
static void to_float(float *out, const struct tern_tensor *t, size_t count)
{
    const uint8_t *data = t->data;

    if (t->dtype == TERN_F32) {
        memcpy(out, data, count * sizeof out[0]);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint16_t half;
        memcpy(&half, data + 2 * i, sizeof half);
        if (t->dtype == TERN_F16) {
            out[i] = from_f16(half);
        } else {
            uint32_t bits = (uint32_t)half << 16; /* bfloat16 is binary32's upper half */
            memcpy(&out[i], &bits, sizeof bits);
        }
    }
}

tern_status tern_checkpoint_read(const struct tern_checkpoint *checkpoint, struct tern_key key, float *out,
                                 size_t count, tern_error *err)
{
    const struct tern_tensor *t = find(checkpoint, key);

    if (!t) {
        char name[TERN_KEY_NAME];
        tern_key_name(name, key);
        return tern_fail(err, TERN_FORMAT, "model.safetensors: there is no tensor for %.100s", name);
    }
    if (!is_float(t->dtype) || count != t->bytes / tern_dtype_bytes(t->dtype))
        return tern_fail(err, TERN_FORMAT, "model.safetensors: tensor %.100s has not the %zu floats asked for", t->name,
                         count);
    to_float(out, t, count);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(out[i]))
            return tern_fail(err, TERN_FORMAT, "model.safetensors: tensor %.100s: element %zu is %s", t->name, i,
                             isnan(out[i]) ? "NaN" : "infinite");
    return TERN_OK;
}
