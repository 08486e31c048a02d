/* A whole checkpoint on its way through conversion. The first byte chooses one of a few small checkpoints, the second
   the options; then parts (tests/fuzz/files.h) replace its files, "- NAME" removes one, "~ NAME" changes bytes of one:
   three bytes of place, one of value, "< NAME" cuts one: three bytes of length, and "> SHARD" moves model.safetensors
   there. What is converted must be a whole
   file that opens and runs; what is not, leaves nothing behind and has one line that does not blame what is written. */
/* COVERS: quant/checkpoint.c quant/checkpoint_names.c quant/families.c quant/store_parts.c quant/weight_files.c */
/* COVERS: quant/purpose.c quant/dense_files.c quant/sentence_files.c quant/checkpoint_config.c */
/* COVERS: quant/grid_file.c */
/* COVERS: models/config.c models/blocks.c models/load.c models/load_f32.c models/load_int8.c runtime/model.c */

#include "quant/tern_convert.h"
#include "tests/fuzz/files.h"
#include "tests/make_checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SMALL .seed = 5, .layers = 1, .hidden = 8, .heads = 2, .intermediate = 12, .vocab = 90, .max_positions = 24
static const struct test_checkpoint_spec specs[] = {
    {SMALL, .pooler = 1, .n_labels = 2},
    {SMALL, .architecture = TERN_DISTILBERT, .prefix = "distilbert.", .pooler = 1, .n_labels = 3},
    {SMALL, .dtype = TERN_F16, .prefix = "bert.", .gamma_beta = 1, .with_ignored = 1, .pooling = "mean",
     .normalize = 1},
    {SMALL, .dtype = TERN_BF16, .pooling = "cls"},
};
static const tern_convert_options options[] = {
    {.weights = "int8"},
    {.weights = "f32"},
    {.weights = "int4", .group = 32},
    {.weights = "ternary", .embeddings = "ternary"},
    {.weights = "int8", .sparse = "4x4:0.5"},
    {.weights = "int8", .sparse = "auto"},
    {.weights = "ternary", .trained = "twn"},
    {.weights = "int8", .sparse = "4x1:0.5"},
    {.weights = "nf4", .sparse = "16x4:1"},
};
static const char *const names[] = {"config.json",
                                    "model-00001-of-00002.safetensors",
                                    "model.safetensors",
                                    "vocab.txt",
                                    "tokenizer.json",
                                    "tokenizer_config.json",
                                    "special_tokens_map.json",
                                    "added_tokens.json",
                                    "sentence_bert_config.json",
                                    "modules.json",
                                    "1_Pooling/config.json",
                                    "2_Dense/config.json",
                                    "2_Dense/model.safetensors",
                                    "config_sentence_transformers.json",
                                    "tern_grid.json",
                                    "model.safetensors.index.json",
                                    "pytorch_model.bin",
                                    "pytorch_model.bin.index.json"};
enum { N_SPECS = sizeof specs / sizeof *specs, N_NAMES = sizeof names / sizeof *names };
enum { N_OPTIONS = sizeof options / sizeof *options, TOKENS = 48 };

struct file {
    char *bytes; /* NULL: it is not there */
    size_t size;
};

/* The files of each of the checkpoints, as they were written. */
static const struct file *checkpoint(size_t which)
{
    static struct file files[N_SPECS][N_NAMES];
    char dir[256], path[400];
    struct stat st;
    if (files[which][0].bytes)
        return files[which];
    test_temp_dir(dir, sizeof dir);
    fuzz_check(!test_write_checkpoint(dir, &specs[which]));
    for (int i = 0; i < N_NAMES; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        if (!stat(path, &st))
            files[which][i].bytes = test_read_file(path, &files[which][i].size);
    }
    test_remove_dir(dir);
    return files[which];
}

/* Three bytes as a number below `limit`. */
static size_t place(const uint8_t *bytes, size_t limit)
{
    return (bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16) % limit;
}

static void write_changed(const char *dir, const char *name, const struct file *file, const uint8_t *data, size_t size)
{
    char part[70];
    size_t n, length = file->size;
    snprintf(part, sizeof part, "< %s", name);
    const uint8_t *change = fuzz_find_part(part, data, size, &n);
    if (n >= 3)
        length = fuzz_length(change, length);
    snprintf(part, sizeof part, "~ %s", name);
    change = fuzz_find_part(part, data, size, &n);
    char *bytes = malloc(file->size);
    fuzz_check(bytes != NULL);
    memcpy(bytes, file->bytes, file->size);
    for (; n >= 4; change += 4, n -= 4)
        bytes[place(change, file->size)] = (char)change[3];
    fuzz_check(!test_write_file(dir, name, bytes, length));
    free(bytes);
}

static const char weights[] = "model.safetensors", shard[] = "model-00001-of-00002.safetensors";

static void write_checkpoint(const char *dir, const struct file *files, const uint8_t *data, size_t size)
{
    fuzz_begin(dir);
    for (int i = 0; i < N_NAMES; i++) {
        char removed[70];
        size_t n;
        snprintf(removed, sizeof removed, "- %s", names[i]);
        const uint8_t *part = fuzz_find_part(names[i], data, size, &n);
        if (part) {
            fuzz_check(!test_write_file(dir, names[i], part, n));
        } else if (files[i].bytes && !fuzz_find_part(removed, data, size, &n)) {
            const int moved = !strcmp(names[i], weights) && fuzz_find_part("> SHARD", data, size, &n);
            write_changed(dir, moved ? shard : names[i], &files[i], data, size);
        }
    }
}

/* A line of the report is one line, whatever the checkpoint's names hold. */
static void check_line(void *context, const char *line)
{
    (void)context;
    fuzz_check(*line && !strpbrk(line, "\n\r\x1b"));
}

static void check_progress(void *context, size_t done, size_t total)
{
    (void)context;
    fuzz_check(done <= total);
}

/* Every answer is a number. */
static void run(const tern_model *model)
{
    const tern_model_info *info = tern_model_get_info(model);
    const tern_text texts[] = {{"a bo.", 5, NULL, 0}, {"", 0, "Ca ##d", 6}};
    const tern_session_options o = {.struct_bytes = sizeof o, .threads = 1, .max_tokens = TOKENS, .max_texts = 2};
    tern_session *session;
    tern_error err;
    const size_t labels = (size_t)info->n_labels, width = (size_t)info->hidden;
    if (tern_session_open(&session, model, &o, &err))
        return; /* a model that no session takes: fewer than 3 tokens, say */
    float *out = malloc(sizeof *out * (labels * TOKENS + 2 * width));
    fuzz_check(out != NULL);
    tern_answers answers = {.struct_bytes = sizeof answers, .values = out};
    if (!tern_embed_texts(session, texts, 2, TERN_TRUNCATE_HEAD, &answers, &err))
        for (size_t i = 0; i < 2 * width; i++)
            fuzz_check(!isnan(out[i]));
    if (labels && !tern_classify_texts(session, texts, 2, TERN_TRUNCATE_HEAD, &answers, &err))
        for (size_t i = 0; i < 2 * labels; i++)
            fuzz_check(!isnan(out[i]));
    free(out);
    tern_session_close(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char source[300], target[300], path[330];
    tern_error err = {TERN_OK, ""};
    tern_model *model;
    if (size < 2)
        return 0;
    snprintf(source, sizeof source, "%s/source", fuzz_dir());
    snprintf(target, sizeof target, "%s/target", fuzz_dir());
    snprintf(path, sizeof path, "%s/out.tern", target);
    mkdir(target, 0777);
    tern_convert_options o = options[(uint8_t)(data[1] - '0') % N_OPTIONS];
    o.struct_bytes = sizeof o;
    o.report = check_line;
    o.progress = check_progress;
    write_checkpoint(source, checkpoint((uint8_t)(data[0] - '0') % N_SPECS), data + 2, size - 2);
    const tern_status status = tern_convert(source, path, &o, &err);
    fuzz_check(fuzz_count(target) == (status == TERN_OK));
    if (status) {
        fuzz_check_error(&err, status);
        fuzz_check(status == TERN_FORMAT || status == TERN_IO || status == TERN_USAGE || status == TERN_DIFFERENT);
        fuzz_check(status == TERN_DIFFERENT || strncmp(err.message, target, strlen(target)) != 0);
        return 0;
    }
    fuzz_check(!tern_model_open(&model, path, &err));
    run(model);
    tern_model_close(model);
    remove(path);
    return 0;
}
