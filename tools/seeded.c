/* Makes models of known shapes with random weights in memory: `tern bench --shape`. */
#include "tools/seeded.h"
#include "models/blocks.h"
#include "tools/cli.h"

#include "quant/convert.h"

#include <string.h>

static const struct {
    const char *name;
    enum tern_architecture architecture;
    int32_t layers, hidden, heads, intermediate, token_types;
} shapes[] = {
    {"distilbert", TERN_DISTILBERT, 6, 768, 12, 3072, 0}, {"minilm-l6", TERN_BERT, 6, 384, 12, 1536, 2},
    {"bert-base", TERN_BERT, 12, 768, 12, 3072, 2},       {"bge-small", TERN_BERT, 12, 384, 12, 1536, 2},
    {"bert-mini", TERN_BERT, 4, 256, 4, 1024, 2},         {"tinybert-4l", TERN_BERT, 4, 312, 12, 1200, 2},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes, VOCAB = 30522, POSITIONS = 512 };

const char *seeded_name(int shape)
{
    return shape < N_SHAPES ? shapes[shape].name : NULL;
}

int seeded_find(const char *name)
{
    for (int i = 0; i < N_SHAPES; i++)
        if (!strcmp(shapes[i].name, name))
            return i;
    return -1;
}

/* Four 16-bit numbers' sum: close to a normal distribution (Irwin-Hall), of variance 4 * 2^32 / 12, no tail beyond 3.5
   sd, and the same floats everywhere, which libm's logarithm would not promise. */
static float normal(uint64_t *state)
{
    const uint64_t bits = cli_random(state);
    const int32_t sum = (int32_t)(bits & 0xffff) + (int32_t)(bits >> 16 & 0xffff) + (int32_t)(bits >> 32 & 0xffff) +
                        (int32_t)(bits >> 48);
    return (float)(sum - 2 * 65535) * 2.6429e-5f; /* sqrt(3) / 65536 */
}

static int ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && !strcmp(name + n - m, end);
}

/* Trained BERTs have weights of sd 0.03 to 0.05, LayerNorm gains a little below 1 and small biases. A tensor depends on
   its name alone. */
static tern_status read_seeded(void *context, struct tern_key key, float *out, size_t count, tern_error *err)
{
    char name[TERN_KEY_NAME];
    (void)context;
    (void)err;
    tern_key_name(name, key);
    uint64_t state = 0x7465726e; /* "tern" */
    for (const char *c = name; *c; c++)
        state = cli_random(&state) ^ (uint8_t)*c;
    const int gain = ends_with(name, "norm.weight");
    const float scale = gain ? 0.05f : ends_with(name, ".bias") ? 0.03f : 0.04f, mean = gain ? 0.9f : 0.0f;
    for (size_t i = 0; i < count; i++)
        out[i] = mean + scale * normal(&state);
    return TERN_OK;
}

tern_status seeded_build(tern_model **out, void **bytes, int shape, enum tern_weights weights,
                         enum tern_format embeddings, const char *sparse,
                         void (*progress)(void *context, size_t done, size_t total), tern_error *err)
{
    struct tern_config config = {
        .architecture = shapes[shape].architecture,
        .weights = weights,
        .hidden = shapes[shape].hidden,
        .vocab = VOCAB,
        .max_positions = POSITIONS,
        .token_types = shapes[shape].token_types,
        .layer_norm_eps = 1e-12,
        .pooling = TERN_POOL_MEAN,
        .max_tokens = POSITIONS,
    };
    tern_config_set_layers(&config, shapes[shape].layers, shapes[shape].heads, shapes[shape].intermediate, TERN_GELU);
    struct tern_source source = {
        .config = &config, .plain = 1, .embeddings = embeddings, .read = read_seeded, .progress = progress};
    source.sparse = sparse && !tern_sparse_parse(sparse, &source.block, &source.prune);
    return tern_build_model(out, bytes, &source, NULL, err);
}
