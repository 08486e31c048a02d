/* Small models, one of each format of weights, one of which is changed as the input says (which one and how many tokens
   it runs on, then pairs of a place and a value), its checksum mended: what the loader lets through must run without a
   fault, and on every ISA of this CPU with the same integers. */
#include "models/checksum.h"
#include "quant/convert.h"
#include "simd/codebook.h"
#include "simd/cpu.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HIDDEN = 22, LABELS = 3, TOKENS = 11, TEXTS = 2 };

static tern_status read_seeded(void *context, struct tern_key key, float *out, size_t count, tern_error *err)
{
    char name[TERN_KEY_NAME];
    (void)err;
    tern_key_name(name, key);
    uint32_t *state = context;
    for (size_t i = 0; i < count; i++) {
        *state = *state * 1664525u + 1013904223u;
        out[i] = (strstr(name, "norm.weight") ? 0.9f : 0) + (float)((int32_t)*state >> 16) * 3e-6f;
    }
    return TERN_OK;
}

/* Every format of weights, then int8 in blocks of every shape and 4 bits in those that have them, half of them
   pruned. */
enum { CODED = TERN_N_FORMATS + TERN_N_BLOCK_SHAPES, N_KINDS = CODED + TERN_BLOCK_4X1 };

static uint8_t *make_model(int kind, size_t *bytes)
{
    const int sparse = kind >= TERN_N_FORMATS, coded = kind >= CODED;
    const enum tern_format format = (enum tern_format)(coded    ? TERN_FORMAT_INT4 + (kind - CODED)
                                                       : sparse ? TERN_FORMAT_INT8
                                                                : kind);
    static char *labels[LABELS] = {"a", "b", "c"};
    struct tern_config c = {.architecture = TERN_BERT,
                            .weights = tern_weights_of(format),
                            .hidden = HIDDEN,
                            .vocab = 30,
                            .max_positions = 20,
                            .max_tokens = 20,
                            .token_types = 2,
                            .layer_norm_eps = 1e-12,
                            .pooler = TERN_POOLER_TANH,
                            .head = TERN_HEAD_CLASSIFIER,
                            .n_labels = LABELS,
                            .labels = labels,
                            .normalize = 1};
    uint32_t state = 1;
    tern_config_set_layers(&c, 1, 2, 37, TERN_GELU);
    const int shape = coded ? kind - CODED : sparse ? kind - TERN_N_FORMATS : 0;
    const struct tern_source source = {.config = &c,
                                       .sparse = sparse,
                                       .block = (enum tern_block_shape)shape,
                                       .prune = 0.5,
                                       .read = read_seeded,
                                       .context = &state};
    struct tern_builder *builder;
    if (tern_build(&builder, &source, NULL, NULL))
        abort();
    *bytes = tern_builder_bytes(builder);
    uint8_t *file = aligned_alloc(64, *bytes);
    if (!file)
        abort();
    tern_builder_copy(builder, file);
    tern_builder_close(builder);
    return file;
}

static void mend_checksum(uint8_t *file, size_t bytes)
{
    static const char key[] = "\"tern.checksum\":\"";
    uint64_t computed, stored;
    char digits[17];
    uint8_t *place = memmem(file, bytes, key, sizeof key - 1);
    if (!place || tern_checksum(file, bytes, "", &computed, &stored, NULL))
        return;
    snprintf(digits, sizeof digits, "%016" PRIx64, computed);
    memcpy(place + sizeof key - 1, digits, 16);
}

/* Two texts of `tokens` in all, or one text of one. */
static size_t run(const tern_model *model, const char *isa, int tokens, int32_t *integers)
{
    static const int32_t ids[TOKENS] = {2, 7, 29, 0, 11, 3, 2, 5, 5, 28, 3};
    static const int32_t types[TOKENS] = {0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0};
    const int32_t texts = tokens > 1 ? TEXTS : 1, offsets[TEXTS + 1] = {0, (tokens + 1) / 2, tokens};
    const tern_session_options o = {
        .struct_bytes = sizeof o, .threads = 1, .max_tokens = TOKENS, .max_texts = TEXTS, .isa = isa};
    const tern_batch batch = {ids, types, offsets, texts};
    float out[TEXTS * HIDDEN];
    tern_session *session;
    const size_t count = (size_t)texts;
    size_t logits = 0, vector = 0;
    int32_t bits;
    if (tern_session_open(&session, model, &o, NULL))
        return 0; /* a row that this CPU lacks, or sizes that no session takes */
    if (!tern_classify(session, &batch, out, NULL))
        memcpy(integers, tern_session_integers(session, &logits, &bits), sizeof *integers * count * LABELS);
    if (!tern_embed(session, &batch, out, NULL))
        memcpy(integers + logits, tern_session_integers(session, &vector, &bits), sizeof *integers * count * HIDDEN);
    tern_session_close(session);
    return logits + vector;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t *good[N_KINDS];
    static size_t sizes_of[N_KINDS];
    static const int some[] = {1, 2, 4, TOKENS}; /* the kernels have forms of their own for few rows */
    const int kind = size ? data[0] % N_KINDS : 0, tokens = some[size ? data[0] / N_KINDS % 4 : 3];
    if (!good[kind])
        good[kind] = make_model(kind, &sizes_of[kind]);
    const size_t bytes = sizes_of[kind];
    uint8_t *file = aligned_alloc(64, bytes);
    if (!file)
        abort();
    memcpy(file, good[kind], bytes);
    data += size > 0;
    size -= size > 0;
    for (; size >= 4; data += 4, size -= 4) /* three bytes of place, one of value; the header's length stays */
        file[8 + (data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16) % (bytes - 8)] = data[3];
    mend_checksum(file, bytes);

    tern_model *model;
    const tern_model_info *info;
    if (!tern_model_open_memory(&model, file, bytes, NULL)) {
        int32_t expected[TEXTS * (HIDDEN + LABELS)], got[TEXTS * (HIDDEN + LABELS)];
        info = tern_model_get_info(model);
        const int sizes = info->hidden == HIDDEN && info->n_labels == LABELS; /* what the buffers above are for */
        const size_t count = sizes ? run(model, "scalar", tokens, expected) : 0;
        for (int i = 1; count && i < TERN_N_ISAS; i++) {
            const size_t n = run(model, tern_isa_name((enum tern_isa)i), tokens, got);
            if (n && (n != count || memcmp(expected, got, n * sizeof *got)))
                abort();
        }
        tern_model_close(model);
    }
    free(file);
    return 0;
}
