/* A Hugging Face checkpoint as it lies on disk: every tensor that its config asks for is there, and of the right shape.
 */
#include "quant/checkpoint.h"

#include "models/config_private.h"
#include "quant/attention_extras.h"
#include "quant/bottleneck.h"
#include "quant/checkpoint_config.h"
#include "quant/checkpoint_names.h"
#include "quant/convert.h"
#include "quant/dense_files.h"
#include "quant/distances.h"
#include "quant/families.h"
#include "quant/fill_head.h"
#include "quant/folded_embeddings.h"
#include "quant/leftovers.h"
#include "quant/lora.h"
#include "quant/low_rank.h"
#include "quant/position_tables.h"
#include "quant/static_table.h"
#include "quant/tensor_numbers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "safetensors is little-endian, and is read as it lies");
_Static_assert(sizeof(float) == 4, "float is binary32");

enum { MAX_SHOWN = 256 };

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

/* [n][k / groups][1]: a convolution of one step, whose channels see only those of their group. */
static int is_grouped(const struct tern_config *config, struct tern_key key, const struct tern_tensor *t)
{
    const struct tern_shape shape = tern_part_shape(config, &tern_parts[key.part], key.layer);
    return tern_checkpoint_families[config->architecture].grouped && !key.is_bias &&
           tern_parts[key.part].kind == TERN_KIND_MATRIX && key.part != TERN_PART_DENSE && t->n_dims == 3 &&
           t->shape[0] == shape.n && t->shape[2] == 1 && t->shape[1] > 0 && shape.k % t->shape[1] == 0 &&
           shape.n % (shape.k / t->shape[1]) == 0;
}

/* [channels][1][taps]: the kernels of a depthwise convolution. */
static int is_depthwise(const struct tern_config *config, struct tern_key key, const struct tern_tensor *t)
{
    const struct tern_shape shape = tern_part_shape(config, &tern_parts[key.part], key.layer);
    return key.part == TERN_PART_CONV_DEPTH && t->n_dims == 3 && t->shape[0] == shape.k && t->shape[1] == 1 &&
           t->shape[2] == shape.n;
}

/* [heads][1][taps][1]: a kernel for each head's values. */
static int is_value_kernel(const struct tern_config *config, struct tern_key key, const struct tern_tensor *t)
{
    const struct tern_shape shape = tern_part_shape(config, &tern_parts[key.part], key.layer);
    return key.part == TERN_PART_CONV_VALUE && t->n_dims == 4 && t->shape[0] == shape.n && t->shape[1] == 1 &&
           t->shape[2] == shape.k && t->shape[3] == 1;
}

/* [n][1]: a convolution's bias. */
static int is_column(const struct tern_config *config, struct tern_key key, const struct tern_tensor *t)
{
    return key.part == TERN_PART_CONV_POINT && key.is_bias && t->n_dims == 2 && t->shape[1] == 1 &&
           t->shape[0] == tern_part_shape(config, &tern_parts[key.part], key.layer).n;
}

/* Heads that share the rows of one in the checkpoint. */
static int sharing(const struct tern_config *config, struct tern_key key)
{
    const int shared = config->key_heads && !key.inner && (key.part == TERN_PART_KEY || key.part == TERN_PART_VALUE);
    return shared ? config->layer[key.layer].heads / config->key_heads : 1;
}

/* [n][k] of the tensor that a part is made of, but for what else that tensor holds. */
static struct tern_shape made_of(const struct tern_config *config, struct tern_key key)
{
    const struct tern_shape shape = tern_part_shape(config, &tern_parts[key.part], key.layer);
    if (key.part == TERN_PART_POSITION_TABLE && config->table[key.layer].kind == TERN_POSITION_BIAS)
        return (struct tern_shape){config->table[key.layer].buckets, config->table[key.layer].heads};
    if (key.part == TERN_PART_POSITION_KEY || key.part == TERN_PART_POSITION_QUERY)
        return (struct tern_shape){shape.k, config->hidden};
    if (tern_is_folded(config, key.part))
        return (struct tern_shape){shape.n, config->folded};
    if (tern_fill_rest(config, key))
        return (struct tern_shape){shape.n, config->trigram};
    const int rank = tern_key_rank(config, key), inner = rank ? rank : tern_bottleneck_width(config, key);
    if (key.inner)
        return (struct tern_shape){rank, shape.k};
    return (struct tern_shape){shape.n / sharing(config, key), inner ? inner : shape.k};
}

tern_status tern_checkpoint_check_tensor(const struct tern_config *config, struct tern_key key,
                                         const struct tern_tensor *t, const char *path, tern_error *err)
{
    const struct tern_shape shape = tern_part_shape(config, &tern_parts[key.part], key.layer);
    struct tern_place place = {.pieces = 1};
    tern_place_of(&place, config, key.part, key.is_bias); /* a dense layer's is not known */
    const struct tern_shape tensor = made_of(config, key);
    const int64_t needed[2] = {(int64_t)tensor.n * place.pieces + place.skip, tensor.k};
    const int n_dims = key.is_bias || shape.k == 0 ? 1 : 2;
    const int grouped = is_grouped(config, key, t) || is_depthwise(config, key, t) || is_column(config, key, t) ||
                        is_value_kernel(config, key, t);

    if (!is_float(t->dtype))
        return tern_fail(err, TERN_FORMAT, "%s: tensor %.100s is %s; F32, F16 and BF16 are supported", path, t->name,
                         tern_dtype_name(t->dtype));
    if (!grouped && (t->n_dims != n_dims || t->shape[0] != needed[0] || (n_dims == 2 && t->shape[1] != needed[1]))) {
        char has[64], needs[64];
        shape_text(has, sizeof has, t->shape, t->n_dims);
        shape_text(needs, sizeof needs, needed, n_dims);
        return tern_fail(err, TERN_FORMAT, "%s: tensor %.100s has the shape %s, the config needs %s", path, t->name,
                         has, needs);
    }
    /* Of 16-bit floats a 32-bit process may map more than it can hold as floats, of which several copies are made. */
    const uint64_t bytes = (uint64_t)shape.n * (uint64_t)(n_dims == 2 ? shape.k : 1) * sizeof(float);
    if (bytes > SIZE_MAX / 4)
        return tern_fail(err, TERN_NOMEM, "%s: tensor %.100s has %llu bytes as floats; convert it on a 64-bit machine",
                         path, t->name, (unsigned long long)bytes);
    return TERN_OK;
}

static const struct tern_tensor *find(const struct tern_checkpoint *c, struct tern_key key)
{
    char shown[MAX_SHOWN];
    if (key.part == TERN_PART_DENSE)
        return tern_dense_find(c, key);
    if (tern_key_rank(&c->config, key))
        return tern_pair_find(&c->weights, &c->config, key, shown, sizeof shown);
    return tern_part_find(&c->weights, &c->config, key, shown, sizeof shown);
}

/* Whether a part may do without its bias (or beta): in families whose checkpoints say so by its absence, in all layers
   or in none. */
static int may_lack_bias(const struct tern_checkpoint *c, struct tern_key key)
{
    if (!key.is_bias || !tern_checkpoint_families[c->config.architecture].no_biases)
        return 0;
    int first = 0;
    while (first < key.layer && !tern_part_owned(&c->config, &tern_parts[key.part], first))
        first++;
    return key.layer <= first || !find(c, (struct tern_key){key.part, first, 1, 0});
}

/* Checks weight and bias of one part in one layer, and marks them as used. */
static tern_status check_part(const struct tern_checkpoint *c, enum tern_part_id part, int layer, uint8_t *used,
                              const char *path, tern_error *err)
{
    if (part == TERN_PART_FOURIER) /* no checkpoint has it */
        return TERN_OK;
    const int by_distance = part == TERN_PART_POSITION_KEY || part == TERN_PART_POSITION_QUERY;
    const int last = tern_parts[part].kind == TERN_KIND_TABLE && !by_distance ? 0 : 1;
    if (tern_config_is_static(&c->config))
        return tern_static_check(&c->weights, &c->config, used, err);
    if (part == TERN_PART_POSITION_TABLE && c->config.table[layer].kind == TERN_POSITION_DISENTANGLED)
        return tern_distances_check(c, layer, used, path, err);
    if (part == TERN_PART_POSITION_TABLE && !c->config.table[layer].buckets && !c->config.table[layer].given)
        return TERN_OK;
    if (part == TERN_PART_WORD && c->config.folded) {
        const tern_status status = tern_folded_check(c, used, path, err);
        if (status)
            return status;
    }
    if (tern_gate_is_list(c, (struct tern_key){part, layer, 0, 0}))
        return tern_gate_check(c, layer, used, path, err);
    if (tern_is_pair(c, part, layer))
        return tern_pair_check(c, part, layer, used, path, err);
    if (part == TERN_PART_MIX || part == TERN_PART_NARROW) {
        const struct tern_key key = {part, layer, 0, 0};
        const tern_status status = tern_bottleneck_check(c, key, used, path, err);
        if (status)
            return status;
    }
    const tern_status rest = tern_fill_check_rest(c, (struct tern_key){part, layer, 0, 0}, used, path, err);
    if (rest)
        return rest;
    if (by_distance && c->config.table[c->config.layer[layer].table].shared)
        return TERN_OK;
    for (int is_bias = 0; is_bias <= last; is_bias++) {
        char shown[MAX_SHOWN];
        const struct tern_key key = {part, layer, is_bias, 0};
        const struct tern_tensor *t = tern_part_find(&c->weights, &c->config, key, shown, sizeof shown);
        tern_status status;
        if (!t && may_lack_bias(c, key))
            continue;
        if (!t)
            return tern_fail(err, TERN_FORMAT, "%s: tensor %.100s is missing", path, shown);
        status = tern_checkpoint_check_tensor(&c->config, key, t, tern_weight_path(&c->weights, t), err);
        if (status != TERN_OK)
            return status;
        used[t - c->weights.tensors] = 1;
    }
    return TERN_OK;
}

/* The head that the tensors speak for, where nothing else does: a classifier behind a pooler, or of tokens. */
static enum tern_head head_of_tensors(struct tern_checkpoint *c, const struct tern_purpose *purpose)
{
    const int pooled = find(c, (struct tern_key){TERN_PART_POOLER, -1, 0, 0}) != NULL;
    enum tern_head head = TERN_HEAD_NONE;
    for (int i = TERN_HEAD_NONE + 1; head == TERN_HEAD_NONE && i < TERN_N_HEADS; i++) {
        c->config.head = (enum tern_head)i; /* which names the tensors have goes by it */
        if (tern_head_kinds[i].gives != TERN_GIVES_WORDS && tern_head_kinds[i].pooled == pooled &&
            find(c, (struct tern_key){TERN_PART_CLASSIFIER, -1, 0, 0}))
            head = (enum tern_head)i;
    }
    c->config.head = TERN_HEAD_NONE;
    tern_say(purpose->options, "task: %s (by the tensors; config.json names no class)", tern_head_kinds[head].run);
    return head;
}

/* Says why there is no classifier: another one may have its name, as RoBERTa's classifier.out_proj, whose last layer
   the sorted list ends with. */
static tern_status fail_classifier(const struct tern_checkpoint *c, const struct tern_purpose *purpose,
                                   const char *path, tern_error *err)
{
    struct tern_place place;
    const int own = tern_place_of(&place, &c->config, TERN_PART_CLASSIFIER, 0);
    const char *const stem = own ? place.stem : "classifier", *found = NULL; /* a family may have no head */
    const size_t n = strlen(stem);
    for (size_t i = 0; i < c->weights.n_tensors; i++)
        if (!strncmp(c->weights.tensors[i].name, stem, n) && c->weights.tensors[i].name[n] == '.')
            found = c->weights.tensors[i].name;
    if (found)
        return tern_fail(err, TERN_FORMAT,
                         "%s: tensor %s.weight is missing; %.80s is of another head, which Tern does not compute; to "
                         "convert the encoder alone, ask for the task 'embed' (--task embed)",
                         path, stem, found);
    return tern_fail(err, TERN_FORMAT, "%s: tensor %s.weight is missing; the task is %s (%s)", path, stem,
                     tern_head_kinds[c->config.head].run, purpose->source);
}

/* Which tokens are global is no part of a checkpoint: its class says so. */
static tern_status settle_global(struct tern_config *config, const struct tern_checkpoint_family *family,
                                 const char *path, tern_error *err)
{
    const enum tern_global global = family->globals ? family->globals[config->head] : TERN_GLOBAL_NONE;
    for (int32_t i = 0; i < config->layers; i++)
        config->layer[i].global = global == TERN_GLOBAL_FIRST || global == TERN_GLOBAL_QUESTION;
    if (config->head != TERN_HEAD_ANSWERER)
        config->question_end = 0;
    if (global == TERN_GLOBAL_UNKNOWN)
        return tern_fail(err, TERN_FORMAT,
                         "%s: the class for the task %s gives tokens global attention that Tern does not", path,
                         tern_head_kinds[config->head].run);
    return TERN_OK;
}

static enum tern_pooler classify_activation(const struct tern_config *config,
                                            const struct tern_checkpoint_family *family)
{
    const enum tern_activation own = config->layer[0].activation;
    if (family->classify.activation != TERN_POOLER_NONE)
        return family->classify.activation;
    return own == TERN_RELU ? TERN_POOLER_RELU : own == TERN_GELU_NEW ? TERN_POOLER_GELU_NEW : TERN_POOLER_GELU;
}

/* Which heads there are, and from the classifier's rows how many labels. An encoder alone has a pooler if one is there
   and is the encoder's own. */
static tern_status settle_heads(struct tern_checkpoint *c, const struct tern_purpose *purpose, const char *path,
                                tern_error *err)
{
    struct tern_config *config = &c->config;
    const struct tern_checkpoint_family *family = &tern_checkpoint_families[config->architecture];
    struct tern_place pooler = {.at_root = 0};

    config->head = purpose->settled ? purpose->head : head_of_tensors(c, purpose);
    if (tern_gives_words(config)) {
        const tern_status status = tern_fill_settle(c, purpose, path, err);
        if (status || config->head != TERN_HEAD_NONE)
            return status ? status : settle_global(config, family, path, err);
    }
    if (config->head != TERN_HEAD_CLASSIFIER)
        config->head_reads = TERN_READS_FIRST;
    const struct tern_tensor *classifier = find(c, (struct tern_key){TERN_PART_CLASSIFIER, -1, 0, 0});
    tern_place_of(&pooler, config, TERN_PART_POOLER, 0);
    if (config->head == TERN_HEAD_NONE ? !find(c, (struct tern_key){TERN_PART_POOLER, -1, 0, 0}) ||
                                             (pooler.at_root && (purpose->alone || family->pools_tokens))
                                       : !tern_head_kinds[config->head].pooled && !family->pools_tokens)
        config->pooler = TERN_POOLER_NONE;
    else if (config->head == TERN_HEAD_CLASSIFIER && family->classify.classifier)
        config->pooler = classify_activation(config, family);
    const tern_status status = settle_global(config, family, path, err);
    if (status)
        return status;
    if (config->head == TERN_HEAD_NONE)
        return tern_config_new_labels(config, 0, path, err);
    if (!classifier)
        return fail_classifier(c, purpose, path, err);
    if (classifier->n_dims != 2 || classifier->shape[0] < 1 || classifier->shape[0] > TERN_MAX_LABELS)
        return tern_fail(err, TERN_FORMAT, "%s: tensor classifier.weight must be [labels, hidden], at most %d labels",
                         path, TERN_MAX_LABELS);
    const int32_t n = (int32_t)classifier->shape[0];
    /* Such logits are as large as the states; behind a pooler tanh makes them small. */
    if (tern_config_is_scaled(config) && config->pooler == TERN_POOLER_NONE)
        config->logit_bits = TERN_SCALED_BITS;
    if (config->head == TERN_HEAD_ANSWERER)
        return tern_answer_settle(config, n, path, err);
    if (config->head == TERN_HEAD_TAGGER) /* whatever the number, as transformers' pipeline has it */
        config->output = TERN_OUTPUT_SOFTMAX;
    else
        config->output = purpose->output >= 0 ? (enum tern_output)purpose->output : tern_usual_output(n);
    if (config->n_labels == 0)
        return tern_config_default_labels(config, n, err);
    if (config->n_labels != n)
        return tern_fail(err, TERN_FORMAT, "%s: tensor classifier.weight has %d rows, config.json's id2label %d labels",
                         path, n, config->n_labels);
    return TERN_OK;
}

/* Norms in front of attn_out and ffn_down are there where the first is; then all must be. */
static void settle_sub_norms(struct tern_checkpoint *c)
{
    const int any = c->config.layers && find(c, (struct tern_key){TERN_PART_ATTN_SUB_NORM, 0, 0, 0}) != NULL;
    for (int i = 0; any && i < c->config.layers; i++)
        c->config.layer[i].sub_norm = 1;
}

/* Every tensor: those that parts are made of, and then the others. */
static tern_status check_all(struct tern_checkpoint *c, const struct tern_purpose *purpose, const char *path,
                             tern_error *err)
{
    const struct tern_config *config = &c->config;
    char prefix[TERN_ENCODER_PREFIX];
    uint8_t *used = calloc(c->weights.n_tensors + 1, 1);
    tern_status status = used ? settle_heads(c, purpose, path, err) : tern_fail_nomem(err, path, c->weights.n_tensors);

    if (status == TERN_OK) /* once more, with what the head says */
        status = tern_config_check(config, path, err);
    if (status == TERN_OK)
        status = tern_vectors_check(config, path, err);
    for (int i = 0; status == TERN_OK && i < TERN_N_PARTS; i++) {
        const struct tern_part *part = &tern_parts[i];
        const int n_parts = i == TERN_PART_DENSE ? 0 : tern_part_count(config, part); /* that: tern_dense_files_open */
        for (int n = 0; status == TERN_OK && n < n_parts; n++)
            if (tern_part_owned(config, part, n))
                status = check_part(c, (enum tern_part_id)i, n, used, path, err);
    }
    tern_encoder_prefix(prefix, &c->weights, config->architecture);
    if (status == TERN_OK) {
        tern_fill_mark_tied(c, used);
        tern_dense_mark_beside(c, used);
    }
    if (status == TERN_OK)
        status = tern_fixed_gates_check(c, used, path, err);
    if (status == TERN_OK)
        status = tern_lora_check(c, used, path, err);
    if (status == TERN_OK)
        status = tern_account(c->weights.tensors, used, c->weights.n_tensors, prefix,
                              &tern_checkpoint_families[config->architecture], purpose, path, err);
    free(used);
    return status;
}

tern_status tern_checkpoint_open(struct tern_checkpoint *out, const char *directory, struct tern_purpose *purpose,
                                 tern_error *err)
{
    struct tern_purpose nothing = {.options = NULL};
    struct tern_sentence_folder folder = {0};
    tern_status status;

    memset(out, 0, sizeof *out);
    purpose = purpose ? purpose : &nothing;
    status = tern_config_read_checkpoint(&out->config, purpose, directory, err);
    if (status == TERN_OK)
        status = tern_sentence_folder_open(&folder, directory, err);
    if (status == TERN_OK)
        status = tern_weight_files_open(&out->weights, folder.transformer, err);
    if (status == TERN_OK)
        status = tern_unwrap_names(out->weights.tensors, out->weights.n_tensors, &out->names, purpose,
                                   out->weights.path, err);
    if (status == TERN_OK) {
        tern_lora_rename(out);
        settle_sub_norms(out);
    }
    if (status == TERN_OK)
        status = tern_pairs_settle(out, purpose->options, err);
    if (status == TERN_OK) /* again, with what the tensors say */
        status = tern_config_check(&out->config, out->weights.path, err);
    if (status == TERN_OK)
        status = check_all(out, purpose, out->weights.path, err);
    if (status == TERN_OK)
        status = tern_dense_files_open(out, &folder, err);
    tern_sentence_folder_close(&folder);
    if (status != TERN_OK)
        tern_checkpoint_close(out);
    return status;
}

void tern_checkpoint_close(struct tern_checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    tern_dense_files_close(checkpoint);
    tern_weight_files_close(&checkpoint->weights);
    free(checkpoint->names);
    checkpoint->names = NULL;
    tern_config_free(&checkpoint->config);
}

/* The rows of a tensor that are the part's, `count` numbers; no data: it has not so many. */
static struct tern_tensor piece_of(const struct tern_checkpoint *c, struct tern_key key, const struct tern_tensor *t,
                                   size_t count)
{
    struct tern_tensor rows = *t;
    struct tern_place place = {.pieces = 1};
    const struct tern_shape shape = made_of(&c->config, key);
    const size_t width = key.is_bias || shape.k == 0 ? 1 : (size_t)shape.k, one = tern_dtype_bytes(t->dtype);
    tern_place_of(&place, &c->config, key.part, key.is_bias);
    const size_t skipped = (size_t)place.skip * width + (size_t)place.piece * count;
    const size_t due = ((size_t)place.skip * width + (size_t)place.pieces * count) * one;
    rows.data = is_grouped(&c->config, key, t) || due == t->bytes ? (const char *)t->data + skipped * one : NULL;
    return rows;
}

/* Whether the part's rows stand head by head between those of others; then out[n][k] of such a tensor,
   [heads][pieces][head_dim][k]. */
static int gather_heads(const struct tern_checkpoint *c, struct tern_key key, const struct tern_tensor *t, float *out,
                        size_t count)
{
    struct tern_place place = {.by_head = 0};
    tern_place_of(&place, &c->config, key.part, key.is_bias);
    if (!place.by_head)
        return 0;
    const size_t heads = (size_t)c->config.layer[key.layer].heads, each = count / heads;
    for (size_t head = 0; head < heads; head++) {
        struct tern_tensor rows = *t;
        const size_t first = (head * (size_t)place.pieces + (size_t)place.piece) * each;
        rows.data = (const char *)t->data + first * tern_dtype_bytes(t->dtype);
        tern_tensor_floats(out + head * each, &rows, each);
    }
    return 1;
}

/* out[n][k] of a tensor [n][k / groups][1]: zero outside of the groups. */
static void spread_groups(float *out, const struct tern_tensor *t, size_t count)
{
    const size_t n = (size_t)t->shape[0], each = (size_t)t->shape[1], k = count / n, rows = n * each / k;
    tern_tensor_floats(out, t, n * each);
    for (size_t i = n; i-- > 0;) { /* from the last row on, since rows only move up */
        float *const row = out + i * k, *const to = row + i / rows * each;
        memmove(to, out + i * each, each * sizeof *out);
        memset(row, 0, (size_t)(to - row) * sizeof *out);
        memset(to + each, 0, (k - each - (size_t)(to - row)) * sizeof *out);
    }
}

/* out[taps][channels] of a tensor [channels][1][taps]. */
static void turn_kernels(float *out, const struct tern_tensor *t, size_t count, size_t channels)
{
    const size_t taps = count / channels;
    struct tern_tensor one = *t;
    for (size_t j = 0; j < channels; j++)
        for (size_t k = 0; k < taps; k++) {
            one.data = (const char *)t->data + (j * taps + k) * tern_dtype_bytes(t->dtype);
            tern_tensor_floats(out + k * channels + j, &one, 1);
        }
}

/* out[heads][size / heads], of which the first heads / each are there: each stands for `each` heads in a row. */
static void repeat_heads(float *out, int heads, int each, size_t size)
{
    const size_t one = size / (size_t)heads;
    for (int h = heads - 1; h > 0; h--) /* from the last on, since rows only move up */
        memmove(out + (size_t)h * one, out + (size_t)(h / each) * one, one * sizeof *out);
}

/* Whether the rows of a part stand in pairs of neighbours that are turned together. */
static int is_interleaved(const struct tern_config *config, struct tern_key key)
{
    const struct tern_layer_spec *l = key.layer >= 0 ? &config->layer[key.layer] : NULL;
    return (key.part == TERN_PART_QUERY || key.part == TERN_PART_KEY) && !key.inner &&
           l->position == TERN_POSITION_ROTARY && config->table[l->table].interleaved;
}

/* Of each head rows 2 i and 2 i + 1 become rows i and i + half, as a run turns them: their products are the same. */
static tern_status part_pairs(const struct tern_checkpoint *c, struct tern_key key, float *out, size_t count,
                              tern_error *err)
{
    const struct tern_layer_spec *l = &c->config.layer[key.layer];
    const size_t d = (size_t)l->head_dim, half = (size_t)c->config.table[l->table].half,
                 width = count / ((size_t)l->heads * d);
    float *head = malloc(d * width * sizeof *head);
    if (!head)
        return tern_fail_nomem(err, c->weights.path, d * width * sizeof *head);
    for (int h = 0; h < l->heads; h++, out += d * width) {
        memcpy(head, out, d * width * sizeof *head);
        for (size_t i = 0; i < 2 * half; i++)
            memcpy(out + (i % 2 * half + i / 2) * width, head + i * width, width * sizeof *head);
    }
    free(head);
    return TERN_OK;
}

/* Whether the columns of a matrix, which are heads', have factors: of attn_out, or of the first matrix of two. */
static int has_scaled_heads(const struct tern_config *config, struct tern_key key)
{
    return key.part == TERN_PART_ATTN_OUT && !key.is_bias && (config->fixed_gates || config->gate_init > 0) &&
           key.inner == (tern_key_rank(config, key) > 0);
}

static tern_status multiply(const struct tern_checkpoint *c, struct tern_key key, float *out, size_t count,
                            tern_error *err)
{
    tern_status status = tern_pair_multiply(c, key, out, count, err);
    if (!status && has_scaled_heads(&c->config, key))
        status = tern_scale_heads(c, key, out, count, err);
    return status || !is_interleaved(&c->config, key) ? status : part_pairs(c, key, out, count, err);
}

/* out[2 h][h]: cosines of 2 pi j k / h, then sines; h 0: a bias, which is 0. */
static tern_status make_fourier(float *out, size_t h, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const double angle = h ? 6.283185307179586 * (double)(i / h % h * (i % h) % h) / (double)h : 0;
        out[i] = (float)(!h ? 0 : i / h < h ? cos(angle) : sin(angle));
    }
    return TERN_OK;
}

tern_status tern_checkpoint_read(const struct tern_checkpoint *checkpoint, struct tern_key key, float *out,
                                 size_t count, tern_error *err)
{
    if (key.part == TERN_PART_FOURIER)
        return make_fourier(out, key.is_bias ? 0 : (size_t)checkpoint->config.hidden, count);
    if (tern_bottleneck_is_in(&checkpoint->config, key))
        return tern_bottleneck_read(checkpoint, key, out, count, err);
    return tern_checkpoint_read_own(checkpoint, key, out, count, err);
}

tern_status tern_checkpoint_read_own(const struct tern_checkpoint *checkpoint, struct tern_key key, float *out,
                                     size_t count, tern_error *err)
{
    const struct tern_tensor *t = find(checkpoint, key);
    const struct tern_weight_files *files =
        key.part == TERN_PART_DENSE ? &checkpoint->dense[key.layer] : &checkpoint->weights;

    if (tern_gate_is_list(checkpoint, key))
        return tern_gate_read(checkpoint, key, out, count, err);
    if (key.part == TERN_PART_WORD && tern_config_is_static(&checkpoint->config))
        return tern_static_read(&checkpoint->weights, &checkpoint->config, out, count, err);
    if (key.part == TERN_PART_POSITION_KEY || key.part == TERN_PART_POSITION_QUERY)
        return tern_distances_make(checkpoint, key, out, count, err);
    if (key.part == TERN_PART_POSITION_TABLE)
        return tern_position_table_make(&checkpoint->config, key.layer, t, checkpoint->weights.path, out, count, err);
    if (!t && !key.inner && tern_is_pair(checkpoint, key.part, key.layer) && !tern_key_rank(&checkpoint->config, key))
        return multiply(checkpoint, key, out, count, err);
    if (!t && (key.part == TERN_PART_DENSE ? key.is_bias : key.inner || may_lack_bias(checkpoint, key))) {
        memset(out, 0, count * sizeof *out);
        return TERN_OK;
    }
    if (!t) {
        char name[TERN_KEY_NAME];
        tern_key_name(name, key);
        return tern_fail(err, TERN_FORMAT, "%s: there is no tensor for %.100s", files->path, name);
    }
    if (tern_is_folded(&checkpoint->config, key.part))
        return tern_fold_embeddings(checkpoint, t, out, count, err);
    if (tern_fill_rest(&checkpoint->config, key))
        return tern_fill_read_rows(checkpoint, key, t, out, count, err);
    const int each = sharing(&checkpoint->config, key);
    const size_t stored = count / (size_t)each;
    const struct tern_tensor rows = piece_of(checkpoint, key, t, stored);
    if (!is_float(t->dtype) || !rows.data)
        return tern_fail(err, TERN_FORMAT, "%s: tensor %.100s has not the %zu floats asked for",
                         tern_weight_path(files, t), t->name, count);
    if (key.part == TERN_PART_CONV_DEPTH)
        turn_kernels(out, &rows, count, (size_t)checkpoint->config.hidden);
    else if (is_grouped(&checkpoint->config, key, t))
        spread_groups(out, &rows, count);
    else if (!gather_heads(checkpoint, key, t, out, stored))
        tern_tensor_floats(out, &rows, stored);
    tern_status status = tern_lora_add(checkpoint, t, &rows, out, count, err);
    if (each > 1)
        repeat_heads(out, checkpoint->config.layer[key.layer].heads, each, count);
    if (!status && is_interleaved(&checkpoint->config, key))
        status = part_pairs(checkpoint, key, out, count, err);
    if (!status && has_scaled_heads(&checkpoint->config, key))
        status = tern_scale_heads(checkpoint, key, out, count, err);
    if (status)
        return status;
    for (size_t i = 0; i < count; i++)
        if (!isfinite(out[i]))
            return tern_fail(err, TERN_FORMAT, "%s: tensor %.100s: element %zu is %s", tern_weight_path(files, t),
                             t->name, i, isnan(out[i]) ? "NaN" : "infinite");
    return TERN_OK;
}
