/* Small models, one of each format of weights, some with a vocabulary, one of which is changed as the input says. Its
   first byte chooses the model; the second how it is run and damaged (enum flags); then come four bytes for each
   change: the tensor, or the header, the place in it, the value. The checksum is mended. What the loader lets through
   must run without a fault, and on every ISA of this CPU with the same integers. */
/* COVERS: runtime/model.c models/load.c models/load_f32.c models/load_int8.c models/blocks.c models/checksum.c */
#include "models/blocks.h"
#include "models/checksum.h"
#include "models/tokenizer.h"
#include "quant/convert.h"
#include "simd/codebook.h"
#include "simd/cpu.h"
#include "tests/fuzz/files.h"
#include "tests/make_checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum flags {
    ROWS = 3,     /* which number of tokens */
    UNMENDED = 4, /* the checksum stays as it was */
    CUT = 8,      /* the last three bytes say how long the file is */
    BY_PATH = 16, /* from a file instead of memory */
    HEADER = 32,  /* the changes are the header's */
    EXPAND = 64,  /* blocks are expanded to dense panels before they are multiplied */
};
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

/* Every format of weights, then int8 in blocks of every shape and 4 bits in those that have them, half of them pruned;
   then with a vocabulary, in int8 and in f32. */
enum {
    CODED = TERN_N_FORMATS + TERN_N_BLOCK_SHAPES,
    INT8_TEXTS = CODED + TERN_BLOCK_4X1,
    F32_TEXTS,
    N_KINDS,
    VOCAB = 30
};

static const char vocabulary[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##a\n##b\nab\n.\n\xc3\xa9\n";
static const char settings[] =
    "{\"clean_text\":true,\"chinese_chars\":true,\"strip_accents\":true,\"lower_case\":true,\"max_word_chars\":100,"
    "\"model_pieces\":12,\"unk\":{\"content\":\"[UNK]\"},\"cls\":{\"content\":\"[CLS]\"},\"sep\":{\"content\":\"[SEP]"
    "\"},\"added\":[{\"content\":\"[SEP]\",\"special\":true},{\"content\":\"ab\",\"normalized\":true}]}";

static uint8_t *make_model(int kind, size_t *bytes)
{
    const int texts = kind >= INT8_TEXTS;
    const int sparse = !texts && kind >= TERN_N_FORMATS, coded = !texts && kind >= CODED;
    const enum tern_format format = (enum tern_format)(coded             ? TERN_FORMAT_INT4 + (kind - CODED)
                                                       : sparse || texts ? TERN_FORMAT_INT8
                                                                         : kind);
    static char *labels[LABELS] = {"a", "b", "c"};
    struct tern_config c = {.architecture = TERN_BERT,
                            .weights = kind == F32_TEXTS ? TERN_WEIGHTS_F32 : tern_weights_of(format),
                            .hidden = HIDDEN,
                            .vocab = VOCAB,
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
    tern_config_set_layers(&c, 1 + texts, 2, 37, TERN_GELU);
    c.layer[texts].weights = 0; /* a second layer has those of the first */
    const int shape = coded ? kind - CODED : sparse ? kind - TERN_N_FORMATS : 0;
    const struct tern_source source = {.config = &c,
                                       .sparse = sparse,
                                       .embeddings = !sparse && tern_format_embeds(format) ? format : TERN_FORMAT_INT8,
                                       .block = (enum tern_block_shape)shape,
                                       .prune = 0.5,
                                       .read = read_seeded,
                                       .context = &state};
    struct tern_builder *builder;
    tern_tokenizer *tokenizer = NULL;
    if (texts && tern_tokenizer_from_parts(&tokenizer, vocabulary, sizeof vocabulary - 1, settings, "fuzz", NULL))
        abort();
    if (tern_build(&builder, &source, tokenizer, NULL))
        abort();
    tern_tokenizer_close(tokenizer);
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
    uint64_t header;
    if (bytes < sizeof header)
        return;
    memcpy(&header, file, sizeof header);
    if (header > bytes - sizeof header)
        return; /* the reader refuses it before it looks for a checksum */
    uint8_t *place = memmem(file, bytes, key, sizeof key - 1);
    struct tern_checksum *checksum;
    if (!place || tern_checksum_begin(&checksum, file, bytes, NULL))
        return;
    while (tern_checksum_step(checksum))
        ;
    const tern_status status = tern_checksum_end(checksum, "", &computed, &stored, NULL);
    tern_checksum_free(checksum);
    if (status)
        return;
    snprintf(digits, sizeof digits, "%016" PRIx64, computed);
    memcpy(place + sizeof key - 1, digits, 16);
}

/* Whatever the vocabulary became, texts are tokenised and answered, or refused with one line. */
static void run_texts(tern_session *session, const tern_model *model)
{
    const tern_text texts[TEXTS] = {{"ab a. \xc3\xa9", 8, NULL, 0}, {"b", 1, "[SEP]abab", 9}};
    float out[TEXTS * HIDDEN];
    tern_answers answers = {.struct_bytes = sizeof answers, .values = out};
    tern_error err = {TERN_OK, ""};
    tern_status status = tern_embed_texts(session, texts, TEXTS, TERN_TRUNCATE_HEAD, &answers, &err);
    if (!status)
        status = tern_classify_texts(session, texts, TEXTS, TERN_TRUNCATE_HEAD, &answers, &err);
    if (status)
        fuzz_check_error(&err, status);
    const tern_tokenizer *tokenizer = tern_model_tokenizer(model);
    for (int32_t i = 0; tokenizer && i < tern_vocab_size(tokenizer); i++)
        fuzz_check(tern_token_text(tokenizer, i, NULL) != NULL);
}

/* A table by which blocks never run as they are stored, and never lose to dense storage. */
static const char *expanding(const char *isa)
{
    static char text[512];
    int n = snprintf(text, sizeof text, "version " TERN_VERSION "\ncpu any\nisa %s\n", isa);
    for (int i = 0; i < TERN_N_BLOCK_SHAPES; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s 0 0 0 0 100 100 100 100\n",
                      tern_block_shape_name((enum tern_block_shape)i));
    return text;
}

/* Two texts of `tokens` in all, or one text of one. */
static size_t run(const tern_model *model, const char *isa, int tokens, int expand, int32_t *integers)
{
    static const int32_t ids[TOKENS] = {2, 7, 29, 0, 11, 3, 2, 5, 5, 28, 3};
    static const int32_t types[TOKENS] = {0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0};
    const int32_t texts = tokens > 1 ? TEXTS : 1, offsets[TEXTS + 1] = {0, (tokens + 1) / 2, tokens};
    const tern_session_options o = {.struct_bytes = sizeof o,
                                    .threads = 1,
                                    .max_tokens = TOKENS,
                                    .max_texts = TEXTS,
                                    .isa = isa,
                                    .sparse_table = expand ? expanding(isa) : NULL};
    const tern_batch batch = {ids, types, offsets, texts};
    float out[TEXTS * HIDDEN];
    tern_session *session;
    const size_t count = (size_t)texts;
    size_t logits = 0, vector = 0;
    int32_t bits;
    if (tern_session_open(&session, model, &o, NULL))
        return 0; /* a row that this CPU lacks, or sizes that no session takes */
    run_texts(session, model);
    /* f32 models have no integers, and their floats are an ISA's own. */
    if (!tern_classify(session, &batch, out, NULL) && tern_session_integers(session, &logits, &bits))
        memcpy(integers, tern_session_integers(session, &logits, &bits), sizeof *integers * count * LABELS);
    if (!tern_embed(session, &batch, out, NULL) && tern_session_integers(session, &vector, &bits))
        memcpy(integers + logits, tern_session_integers(session, &vector, &bits), sizeof *integers * count * HIDDEN);
    tern_session_close(session);
    return logits + vector;
}

/* One of the models, as it was built. */
struct built {
    uint8_t *file;
    size_t bytes;
    struct tern_safetensors tensors;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tern_tensor *)a)->name, ((const struct tern_tensor *)b)->name);
}

/* The tensors are in the order that the seeds count in; nobody looks one up by its name here. */
static const struct built *built(int kind)
{
    static struct built models[N_KINDS];
    struct built *m = &models[kind];
    if (m->file)
        return m;
    m->file = make_model(kind, &m->bytes);
    fuzz_check(!tern_safetensors_open(&m->tensors, m->file, m->bytes, "fuzz", NULL));
    qsort(m->tensors.tensors, m->tensors.n_tensors, sizeof m->tensors.tensors[0], by_name);
    return m;
}

/* Sets a byte of a tensor, or of the header but its length. */
static void change(uint8_t *file, const struct built *m, const uint8_t record[4], int of_header)
{
    const struct tern_tensor *t = &m->tensors.tensors[record[0] % m->tensors.n_tensors];
    const size_t place = record[1] | (size_t)record[2] << 8;
    const size_t header = (size_t)m->file[0] | (size_t)m->file[1] << 8 | (size_t)m->file[2] << 16;
    if (of_header)
        file[8 + place % header] = record[3];
    else
        file[(size_t)((const uint8_t *)t->data - m->file) + place % t->bytes] = record[3];
}

static tern_status open_model(tern_model **out, const uint8_t *file, size_t bytes, int by_path, tern_error *err)
{
    char path[300];
    if (!by_path)
        return tern_model_open_memory(out, file, bytes, err);
    strcpy(stpcpy(path, fuzz_dir()), "/model.tern");
    fuzz_check(!test_write_file(fuzz_dir(), "model.tern", file, bytes));
    return tern_model_open(out, path, err);
}

static void run_twice(const tern_model *model, const char *isa, int tokens, int expand)
{
    int32_t expected[TEXTS * (HIDDEN + LABELS)], got[TEXTS * (HIDDEN + LABELS)];
    const tern_model_info *info = tern_model_get_info(model);
    /* What the buffers are for. */
    if (info->dimensions != HIDDEN || info->n_labels != LABELS || info->of_tokens)
        return;
    for (int32_t i = -1; i <= LABELS; i++)
        fuzz_check((tern_model_label(model, i) != NULL) == (i >= 0 && i < LABELS));
    const size_t count = run(model, "scalar", tokens, 0, expected), n = run(model, isa, tokens, expand, got);
    fuzz_check(!n || (n == count && !memcmp(expected, got, n * sizeof *got)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int some[] = {1, 2, 4, TOKENS}; /* the kernels have forms of their own for few rows */
    if (size < 2)
        return 0;
    const int kind = data[0] % N_KINDS, isa = data[0] / N_KINDS % TERN_N_ISAS, flags = data[1],
              cut = flags & CUT && size >= 5;
    const struct built *m = built(kind);
    const uint8_t *end = data + size - 3 * cut;
    uint8_t *file = aligned_alloc(64, m->bytes);
    fuzz_check(file != NULL);
    memcpy(file, m->file, m->bytes);
    for (data += 2; end - data >= 4; data += 4)
        change(file, m, data, flags & HEADER);
    size_t bytes = m->bytes;
    if (cut)
        bytes = fuzz_length(end, bytes);
    if (!(flags & UNMENDED))
        mend_checksum(file, bytes);

    tern_model *model;
    tern_error err = {TERN_OK, ""};
    const tern_status status = open_model(&model, file, bytes, flags & BY_PATH, &err);
    if (status) {
        fuzz_check(status == TERN_FORMAT && !model);
        fuzz_check_error(&err, status);
    } else {
        run_twice(model, tern_isa_name((enum tern_isa)isa), some[flags & ROWS], flags & EXPAND);
        tern_model_close(model);
    }
    free(file);
    return 0;
}
