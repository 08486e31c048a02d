/* Writes Hugging Face checkpoints with seeded random weights, for tests. The weights depend on the seed and a tensor's
   canonical name alone: two spellings of one spec hold the same model. */
#ifndef TESTS_MAKE_CHECKPOINT_H
#define TESTS_MAKE_CHECKPOINT_H

#include "models/config.h"
#include "models/safetensors.h"

/* A tensor on its way into the file. An `edit` hook may change any of it; `count` values are written, 0 leaves the
   tensor out. Integer dtypes are written from the rounded values. */
struct test_tensor {
    const char *canonical; /* as in quant/checkpoint.h; NULL for the tensors that Tern ignores */
    char name[160];        /* in the file */
    enum tern_dtype dtype;
    int n_dims;
    int64_t shape[4];
    float *values; /* room for count + 64 */
    size_t count;
};

/* Zero means the default of every field. */
struct test_checkpoint_spec {
    uint64_t seed;
    enum tern_architecture architecture;         /* TERN_BERT */
    enum tern_dtype dtype;                       /* TERN_F32, TERN_F16, TERN_BF16 */
    int32_t layers, hidden, heads, intermediate; /* 2, 64, 4, 128 */
    int32_t vocab, max_positions, token_types;   /* 300, 64, 2 (DistilBERT: always 0) */
    int32_t pooler;                              /* pooler, or pre_classifier */
    int32_t n_labels;                            /* classifier; needs the pooler */
    const char *prefix;                          /* NULL: none; else "bert.", "distilbert.", "model." */
    int32_t gamma_beta;                          /* TensorFlow's spelling of the norms */
    int32_t sub_norms;                           /* norms in front of attn_out and ffn_down, as tools/train adds */
    int32_t with_ignored;                        /* position_ids and parts of a language model's head */
    const char *activation;                      /* "gelu" */
    double layer_norm_eps;                       /* 1e-12 */
    int32_t cased;                               /* do_lower_case false */
    int32_t model_max_length;                    /* 0: 1e30, as transformers writes "none" */
    const char *pooling;      /* "mean" or "cls": writes 1_Pooling/config.json and, without labels, modules.json */
    int32_t normalize;        /* with `pooling`: a Normalize module, or the folder 2_Normalize */
    const char *class;        /* in `architectures`; NULL: by the labels, "": it is not there */
    const char *config;       /* more members of config.json */
    const char *const *extra; /* names of more tensors, [hidden] each; ends with NULL */
    size_t header_padding;    /* spaces after the header: odd numbers give unaligned data */
    void (*edit)(void *context, struct test_tensor *tensor);
    void *context;
};

/* Writes config.json, model.safetensors, vocab.txt, tokenizer_config.json and special_tokens_map.json into `dir`, which
   is made if it is not there. 0 on success, else -1 and a line on stderr. */
int test_write_checkpoint(const char *dir, const struct test_checkpoint_spec *spec);

/* A fresh directory under TMPDIR or /tmp, in out[capacity]; aborts if there is none to be had. */
void test_temp_dir(char *out, size_t capacity);
/* Removes a directory and all in it. */
void test_remove_dir(const char *dir);
/* Writes dir/name (its folder is made); bytes NULL removes the file. 0 on success. */
int test_write_file(const char *dir, const char *name, const void *bytes, size_t size);
/* The bytes of a file that is there; free() them. */
char *test_read_file(const char *path, size_t *size);

#endif
