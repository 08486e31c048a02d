/* Writes synthetic Hugging Face checkpoints in every spelling that the reader knows, for the tests. */
#define _XOPEN_SOURCE 700
#define _FILE_OFFSET_BITS 64 /* directories have 64-bit offsets, also under an emulator of 32 bits */

#include "tests/make_checkpoint.h"

#include "tests/rng.h"

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Files ---- */

void test_temp_dir(char *out, size_t capacity)
{
    const char *base = getenv("TMPDIR");
    snprintf(out, capacity, "%s/tern-test-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(out)) {
        perror(out);
        abort();
    }
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

void test_remove_dir(const char *dir)
{
    nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

int test_write_file(const char *dir, const char *name, const void *bytes, size_t size)
{
    char path[4096];
    FILE *f;
    int failed;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (!bytes)
        return remove(path);
    mkdir(dir, 0777);
    if (strchr(name, '/')) {
        *strrchr(path, '/') = '\0';
        mkdir(path, 0777);
        snprintf(path, sizeof path, "%s/%s", dir, name);
    }
    f = fopen(path, "wb");
    if (!f) {
        perror(path);
        return -1;
    }
    failed = fwrite(bytes, 1, size, f) != size;
    failed |= fclose(f) != 0;
    return failed ? -1 : 0;
}

/* ---- Values ---- */

/* Nearly gaussian, mean 0 and deviation 1: twelve uniform numbers, summed as integers so that it is exact. */
static double gaussian(struct rng *rng)
{
    uint64_t sum = 0;
    for (int i = 0; i < 12; i++)
        sum += rng_next(rng) >> 32;
    return (double)sum / 4294967296.0 - 6.0;
}

/* What a trained model's tensors look like: small weights with a few that stand out, gammas around 0.9. */
static void fill(struct test_tensor *t, uint64_t seed)
{
    struct rng rng = rng_seeded(seed, t->canonical ? t->canonical : t->name);
    const int is_norm = t->canonical && strstr(t->canonical, "norm") != NULL, is_bias = t->n_dims == 1;
    const int is_gamma = is_norm && strstr(t->canonical, ".weight") != NULL;

    for (size_t i = 0; i < t->count; i++) {
        double value = gaussian(&rng);
        int stands_out = rng_between(&rng, 0, 1999) == 0;
        value *= is_gamma ? 0.08 : is_bias ? 0.03 : 0.04;
        if (is_gamma)
            value += 0.9;
        t->values[i] = (float)(stands_out ? value * (is_gamma ? 2.5 : 8.0) : value);
    }
}

/* Round to nearest even, subnormals too; NaN and infinity keep their meaning. */
static uint16_t to_f16(float value)
{
    double magnitude = fabs((double)value);
    unsigned sign = signbit(value) ? 0x8000 : 0, bits;
    int exponent;

    if (isnan(value))
        return 0x7e00;
    if (magnitude >= 65520.0)
        return (uint16_t)(sign | 0x7c00);
    if (magnitude < 0x1p-14)
        return (uint16_t)(sign | (unsigned)nearbyint(magnitude * 0x1p24)); /* 1024 is the smallest normal number */
    frexp(magnitude, &exponent); /* magnitude = m * 2^exponent, 0.5 <= m < 1 */
    bits = (unsigned)nearbyint(ldexp(magnitude, 11 - exponent));
    return (uint16_t)(sign | (((unsigned)(exponent + 13) << 10) + bits));
}

static uint16_t to_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (isnan(value))
        return 0x7fc0;
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static void put_value(uint8_t *out, enum tern_dtype dtype, float value)
{
    const int64_t integer = dtype == TERN_F32 || isnan(value) || isinf(value) ? 0 : (int64_t)value;
    const double wide = value;
    uint16_t half = 0;

    switch (dtype) {
    case TERN_F32: memcpy(out, &value, 4); return;
    case TERN_F64: memcpy(out, &wide, 8); return;
    case TERN_F16: half = to_f16(value); break;
    case TERN_BF16: half = to_bf16(value); break;
    default: memcpy(out, &integer, tern_dtype_bytes(dtype)); return; /* little-endian: the low bytes come first */
    }
    memcpy(out, &half, 2);
}

/* ---- The container ---- */

struct output {
    char *header;
    size_t header_bytes, header_capacity;
    uint8_t *data;
    size_t data_bytes, data_capacity;
};

static void *grow(void *block, size_t *capacity, size_t need)
{
    if (need <= *capacity)
        return block;
    *capacity = need * 2;
    block = realloc(block, *capacity);
    if (!block)
        abort();
    return block;
}

static void append_tensor(struct output *o, const struct test_tensor *t)
{
    const size_t element = tern_dtype_bytes(t->dtype), bytes = t->count * element;

    o->header = grow(o->header, &o->header_capacity, o->header_bytes + 512);
    o->header_bytes += (size_t)sprintf(o->header + o->header_bytes, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[",
                                       o->header_bytes > 1 ? "," : "", t->name, tern_dtype_name(t->dtype));
    for (int i = 0; i < t->n_dims; i++)
        o->header_bytes += (size_t)sprintf(o->header + o->header_bytes, "%s%lld", i ? "," : "", (long long)t->shape[i]);
    o->header_bytes += (size_t)sprintf(o->header + o->header_bytes, "],\"data_offsets\":[%zu,%zu]}", o->data_bytes,
                                       o->data_bytes + bytes);
    o->data = grow(o->data, &o->data_capacity, o->data_bytes + bytes);
    for (size_t i = 0; i < t->count; i++)
        put_value(o->data + o->data_bytes + i * element, t->dtype, t->values[i]);
    o->data_bytes += bytes;
}

/* One tensor of rows x columns (columns 0: a vector) under both its names. */
static void add(struct output *o, const struct test_checkpoint_spec *s, const char *canonical, const char *prefix,
                const char *name, int32_t rows, int32_t columns)
{
    struct test_tensor t = {.canonical = canonical, .dtype = s->dtype, .n_dims = columns ? 2 : 1};
    float *values;

    t.shape[0] = rows;
    t.shape[1] = columns;
    t.count = (size_t)rows * (size_t)(columns ? columns : 1);
    snprintf(t.name, sizeof t.name, "%s%s", prefix, name);
    values = malloc((t.count + 64) * sizeof values[0]);
    if (!values)
        abort();
    t.values = values;
    if (!canonical && strstr(name, "position_ids"))
        t.dtype = TERN_I64;
    fill(&t, s->seed);
    for (size_t i = 0; t.dtype == TERN_I64 && i < t.count; i++)
        values[i] = (float)i;
    if (s->edit)
        s->edit(s->context, &t);
    if (t.count)
        append_tensor(o, &t);
    free(values);
}

/* Weight and bias. `stem` may hold a %d for the layer. */
static void add_pair(struct output *o, const struct test_checkpoint_spec *s, int32_t layer, const char *part,
                     const char *prefix, const char *stem, int32_t rows, int32_t columns)
{
    const int tensorflow = s->gamma_beta && columns == 0;
    char canonical[64], name[128];
    for (int is_bias = 0; is_bias < 2; is_bias++) {
        const char *kind = is_bias ? "bias" : "weight", *spelled = is_bias ? "beta" : "gamma";
        if (layer < 0) {
            snprintf(canonical, sizeof canonical, "%s.%s", part, kind);
            snprintf(name, sizeof name, "%s.%s", stem, tensorflow ? spelled : kind);
        } else {
            snprintf(canonical, sizeof canonical, "layer.%d.%s.%s", layer, part, kind);
            snprintf(name, sizeof name, "%s.layer.%d.%s.%s", s->architecture == TERN_BERT ? "encoder" : "transformer",
                     layer, stem, tensorflow ? spelled : kind);
        }
        add(o, s, canonical, prefix, name, rows, is_bias ? 0 : columns);
    }
}

static void add_layer(struct output *o, const struct test_checkpoint_spec *s, int32_t n, const char *prefix)
{
    const int32_t h = s->hidden, i = s->intermediate;
    const int b = s->architecture == TERN_BERT;
    add_pair(o, s, n, "query", prefix, b ? "attention.self.query" : "attention.q_lin", h, h);
    add_pair(o, s, n, "key", prefix, b ? "attention.self.key" : "attention.k_lin", h, h);
    add_pair(o, s, n, "value", prefix, b ? "attention.self.value" : "attention.v_lin", h, h);
    if (s->sub_norms) {
        add_pair(o, s, n, "attn_sub_norm", prefix, b ? "attention.output.sub_norm" : "attention.sub_norm", h, 0);
        add_pair(o, s, n, "ffn_sub_norm", prefix, b ? "output.sub_norm" : "ffn.sub_norm", i, 0);
    }
    add_pair(o, s, n, "attn_out", prefix, b ? "attention.output.dense" : "attention.out_lin", h, h);
    add_pair(o, s, n, "attn_norm", prefix, b ? "attention.output.LayerNorm" : "sa_layer_norm", h, 0);
    add_pair(o, s, n, "ffn_up", prefix, b ? "intermediate.dense" : "ffn.lin1", i, h);
    add_pair(o, s, n, "ffn_down", prefix, b ? "output.dense" : "ffn.lin2", h, i);
    add_pair(o, s, n, "ffn_norm", prefix, b ? "output.LayerNorm" : "output_layer_norm", h, 0);
}

static int write_weights(const char *dir, const struct test_checkpoint_spec *s)
{
    const char *prefix = s->prefix ? s->prefix : "";
    struct output o = {0};
    uint8_t *file;
    size_t header;
    int failed;

    o.header = grow(NULL, &o.header_capacity, 64);
    o.header_bytes = (size_t)sprintf(o.header, "{\"__metadata__\":{\"format\":\"pt\"}");
    if (s->with_ignored) {
        add(&o, s, NULL, prefix, "embeddings.position_ids", 1, s->max_positions);
        add(&o, s, NULL, "", "cls.predictions.bias", s->vocab, 0);
        add(&o, s, NULL, "", "vocab_transform.weight", s->hidden, s->hidden);
    }
    add(&o, s, "embed.word.weight", prefix, "embeddings.word_embeddings.weight", s->vocab, s->hidden);
    add(&o, s, "embed.position.weight", prefix, "embeddings.position_embeddings.weight", s->max_positions, s->hidden);
    if (s->architecture == TERN_BERT)
        add(&o, s, "embed.type.weight", prefix, "embeddings.token_type_embeddings.weight", s->token_types, s->hidden);
    add_pair(&o, s, -1, "embed.norm", prefix, "embeddings.LayerNorm", s->hidden, 0);
    for (int32_t n = 0; n < s->layers; n++)
        add_layer(&o, s, n, prefix);
    if (s->pooler && s->architecture == TERN_BERT)
        add_pair(&o, s, -1, "pooler", prefix, "pooler.dense", s->hidden, s->hidden);
    else if (s->pooler)
        add_pair(&o, s, -1, "pooler", "", "pre_classifier", s->hidden, s->hidden);
    if (s->n_labels)
        add_pair(&o, s, -1, "classifier", "", "classifier", s->n_labels, s->hidden);

    for (const char *const *name = s->extra; name && *name; name++)
        add(&o, s, NULL, "", *name, s->hidden, 0);

    header = o.header_bytes + 1 + s->header_padding;
    file = malloc(8 + header + o.data_bytes);
    if (!file)
        abort();
    for (int i = 0; i < 8; i++)
        file[i] = (uint8_t)((uint64_t)header >> 8 * i);
    memcpy(file + 8, o.header, o.header_bytes);
    file[8 + o.header_bytes] = '}';
    memset(file + 8 + o.header_bytes + 1, ' ', s->header_padding);
    if (o.data_bytes)
        memcpy(file + 8 + header, o.data, o.data_bytes);
    failed = test_write_file(dir, "model.safetensors", file, 8 + header + o.data_bytes);
    free(file);
    free(o.header);
    free(o.data);
    return failed;
}

/* ---- The other files ---- */

static int write_config(const char *dir, const struct test_checkpoint_spec *s)
{
    const int b = s->architecture == TERN_BERT;
    char *text = malloc(4096 + 64 * (size_t)s->n_labels), *at = text;
    int failed;

    if (!text)
        abort();
    at += sprintf(at, "{\n");
    if (s->class && *s->class)
        at += sprintf(at, "  \"architectures\": [\"%s\"],\n", s->class);
    else if (!s->class)
        at += sprintf(at, "  \"architectures\": [\"%s%s\"],\n", b ? "Bert" : "DistilBert",
                      s->n_labels ? "ForSequenceClassification" : "Model");
    if (s->config)
        at += sprintf(at, "  %s,\n", s->config);
    at += sprintf(at, "  \"model_type\": \"%s\",\n  \"vocab_size\": %d,\n", b ? "bert" : "distilbert", s->vocab);
    at += sprintf(at, "  \"%s\": %d,\n  \"%s\": %d,\n  \"%s\": %d,\n  \"%s\": %d,\n",
                  b ? "num_hidden_layers" : "n_layers", s->layers, b ? "hidden_size" : "dim", s->hidden,
                  b ? "num_attention_heads" : "n_heads", s->heads, b ? "intermediate_size" : "hidden_dim",
                  s->intermediate);
    if (b)
        at += sprintf(at, "  \"type_vocab_size\": %d,\n  \"layer_norm_eps\": %.17g,\n", s->token_types,
                      s->layer_norm_eps);
    for (int32_t i = 0; i < s->n_labels; i++)
        at += sprintf(at, "%s\"%d\": \"label %d\"%s", i ? ", " : "  \"id2label\": {", i, i,
                      i + 1 == s->n_labels ? "},\n" : "");
    at += sprintf(at, "  \"%s\": \"%s\",\n  \"max_position_embeddings\": %d\n}\n", b ? "hidden_act" : "activation",
                  s->activation, s->max_positions);
    failed = test_write_file(dir, "config.json", text, (size_t)(at - text));
    free(text);
    return failed;
}

/* Special tokens, ASCII characters alone and inside words, then words of syllables, every second one inside a word. */
static int write_vocab(const char *dir, int32_t size)
{
    static const char *const special[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    static const char alone[] = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'-\"():;";
    static const char consonants[] = "bcdfghjklmnprstvwxyz", vowels[] = "aeiou";
    char *text = malloc((size_t)size * 24 + 1), *at = text;
    int32_t n = 0;
    int failed;

    if (!text)
        abort();
    for (int i = 0; i < 5 && n < size; i++, n++)
        at += sprintf(at, "%s\n", special[i]);
    for (int i = 0; alone[i] && n < size; i++, n++)
        at += sprintf(at, "%c\n", alone[i]);
    for (int i = 0; i < 36 && n < size; i++, n++)
        at += sprintf(at, "##%c\n", alone[i]);
    for (int32_t word = 0; n < size; word++, n++) {
        at += sprintf(at, "%s", word & 1 ? "##" : "");
        /* bijective base 100: every number is another word */
        for (int32_t rest = word / 2 + 1; rest > 0; rest = (rest - 1) / 100)
            at += sprintf(at, "%c%c", consonants[(rest - 1) % 100 / 5], vowels[(rest - 1) % 5]);
        *at++ = '\n';
    }
    failed = test_write_file(dir, "vocab.txt", text, (size_t)(at - text));
    free(text);
    return failed;
}

static int write_tokenizer(const char *dir, const struct test_checkpoint_spec *s)
{
    static const char specials[] = "{\"unk_token\": \"[UNK]\", \"sep_token\": \"[SEP]\", \"pad_token\": \"[PAD]\", "
                                   "\"cls_token\": \"[CLS]\", \"mask_token\": \"[MASK]\"}\n";
    char text[512], limit[40] = "1000000000000000019884624838656";
    int n, failed;

    if (s->model_max_length)
        snprintf(limit, sizeof limit, "%d", s->model_max_length);
    n = snprintf(text, sizeof text,
                 "{\"do_lower_case\": %s, \"strip_accents\": null, \"tokenize_chinese_chars\": true, "
                 "\"model_max_length\": %s, \"tokenizer_class\": \"BertTokenizer\"}\n",
                 s->cased ? "false" : "true", limit);
    failed = test_write_file(dir, "tokenizer_config.json", text, (size_t)n);
    failed |= test_write_file(dir, "special_tokens_map.json", specials, sizeof specials - 1);
    return failed;
}

static int write_pooling(const char *dir, const struct test_checkpoint_spec *s)
{
    const int is_cls = strcmp(s->pooling, "cls") == 0;
    char text[768];
    int failed, n = snprintf(text, sizeof text,
                             "{\"word_embedding_dimension\": %d, \"pooling_mode_cls_token\": %s, "
                             "\"pooling_mode_mean_tokens\": %s, \"pooling_mode_max_tokens\": false}\n",
                             s->hidden, is_cls ? "true" : "false", is_cls ? "false" : "true");
    failed = test_write_file(dir, "1_Pooling/config.json", text, (size_t)n);
    if (s->n_labels) /* modules.json would make it an embedder */
        return failed | (s->normalize ? test_write_file(dir, "2_Normalize/config.json", "{}", 2) : 0);
    n = snprintf(
        text, sizeof text,
        "[{\"idx\": 0, \"name\": \"0\", \"path\": \"\", \"type\": \"sentence_transformers.models.Transformer\"},"
        " {\"idx\": 1, \"name\": \"1\", \"path\": \"1_Pooling\", \"type\": "
        "\"sentence_transformers.models.Pooling\"}%s]\n",
        s->normalize ? ", {\"idx\": 2, \"name\": \"2\", \"path\": \"2_Normalize\", \"type\": "
                       "\"sentence_transformers.models.Normalize\"}"
                     : "");
    return failed | test_write_file(dir, "modules.json", text, (size_t)n);
}

static void set_default(int32_t *field, int32_t value)
{
    if (*field == 0)
        *field = value;
}

int test_write_checkpoint(const char *dir, const struct test_checkpoint_spec *spec)
{
    struct test_checkpoint_spec s = *spec;
    int failed;

    set_default(&s.layers, 2);
    set_default(&s.hidden, 64);
    set_default(&s.heads, 4);
    set_default(&s.intermediate, 128);
    set_default(&s.vocab, 300);
    set_default(&s.max_positions, 64);
    set_default(&s.token_types, 2);
    if (s.architecture == TERN_DISTILBERT)
        s.token_types = 0;
    if (!s.activation)
        s.activation = "gelu";
    if (s.layer_norm_eps == 0)
        s.layer_norm_eps = 1e-12;
    failed = write_config(dir, &s);
    failed |= write_vocab(dir, s.vocab);
    failed |= write_tokenizer(dir, &s);
    failed |= write_weights(dir, &s);
    if (s.pooling)
        failed |= write_pooling(dir, &s);
    if (failed)
        fprintf(stderr, "%s: the test checkpoint could not be written\n", dir);
    return failed ? -1 : 0;
}

char *test_read_file(const char *path, size_t *size)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (!f || stat(path, &st))
        abort();
    *size = (size_t)st.st_size;
    char *bytes = malloc(*size + 1);
    if (!bytes || fread(bytes, 1, *size, f) != *size)
        abort();
    bytes[*size] = 0; /* so that a text is a string */
    fclose(f);
    return bytes;
}
