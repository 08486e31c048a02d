/* Tern: BERT-family encoders on CPUs, in integer arithmetic, the same bits on every CPU.
 *
 * This header runs models; tern_convert.h, installed beside it, makes them. Every function that can fail returns a
 * tern_status and, where it takes a `tern_error *`, fills it with one line of text; pass NULL if the line is not wanted.
 * The library prints nothing, never exits, and keeps no mutable global state. Strings are UTF-8. Sizes are in elements
 * unless "bytes" is said.
 *
 * Threads: a tern_tokenizer and a tern_model are immutable after open and may be shared by any number of threads.
 * A tern_session belongs to one thread at a time. Any number of sessions may share one model, and any number of
 * processes one file, which is mapped once. The default number of threads is right for all of them: a session leaves
 * CPUs to whoever else uses them, its threads sleep when there is nothing to do, and its caller never waits for a thread
 * that the kernel does not run. Where every CPU has a worker of its own anyway (a server's thread pool, a process per
 * core), `threads = 1` saves the memory of the idle ones. A session may be used in the child of a fork: it then starts
 * threads of its own.
 */
#ifndef TERN_H
#define TERN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TERN_VERSION_MAJOR 0
#define TERN_VERSION_MINOR 1
#define TERN_VERSION_PATCH 0
#define TERN_VERSION "0.1.0"

#if defined(__GNUC__)
#define TERN_API __attribute__((visibility("default")))
#else
#define TERN_API
#endif

/* What a call came to. The command line's exit codes follow from these: see `man tern`. */
typedef enum tern_status {
    TERN_OK = 0,
    TERN_FAILED = 1,    /* failed at run time */
    TERN_USAGE = 2,     /* an argument is out of its documented range, or an ISA name is unknown */
    TERN_DIFFERENT = 3, /* a comparison failed */
    TERN_INPUT = 4,     /* the text was refused: too long, not UTF-8 */
    TERN_FORMAT = 5,    /* a model, configuration or vocabulary file is bad or not supported */
    TERN_NOMEM = 6,     /* an allocation failed; nothing was leaked */
    TERN_IO = 7         /* a file could not be opened, read, mapped or written */
} tern_status;

typedef struct tern_error {
    tern_status code;
    char message[320]; /* one line, no newline at its end */
} tern_error;

/* "0.1.0"; compare with TERN_VERSION to find a header and a library that do not belong together. */
TERN_API const char *tern_version(void);
/* A short name for a status; never NULL. */
TERN_API const char *tern_status_name(tern_status status);

/* ---- Tokenizer: WordPiece as Hugging Face's BertTokenizer and BertTokenizerFast ------------------------------ */

typedef struct tern_tokenizer tern_tokenizer;

/* What to do with a text of more tokens than there is room for. */
typedef enum tern_truncate {
    TERN_TRUNCATE_ERROR = 0, /* refuse with TERN_INPUT; the message names the count and the limit */
    TERN_TRUNCATE_HEAD = 1,  /* keep the head, drop the tail; special tokens stay */
    TERN_TRUNCATE_TAIL = 2   /* keep the tail, drop the head; special tokens stay */
} tern_truncate;

/* Opens the tokenizer of a Hugging Face checkpoint directory (tokenizer.json, or vocab.txt with
   tokenizer_config.json and special_tokens_map.json), a single tokenizer.json, or a bare vocab.txt (uncased settings).
   On success *out is owned by the caller. Errors: TERN_IO, TERN_FORMAT, TERN_NOMEM. */
TERN_API tern_status tern_tokenizer_open(tern_tokenizer **out, const char *path, tern_error *err);
/* Accepts NULL. Never call it on the tokenizer of a model. */
TERN_API void tern_tokenizer_close(tern_tokenizer *tokenizer);

/* Turns one text, or a pair when `pair` is not NULL, into ids: [CLS] text [SEP] or [CLS] text [SEP] pair [SEP].
   `text` and `pair` need no terminating zero. ids[capacity] receives the ids; types[capacity], which may be NULL,
   the token types (0 for the first segment with its [CLS] and [SEP], 1 for the second). *n_ids is set to the number
   of tokens written. Allocates nothing. A pair that is too long loses tokens of its longer side first
   (Hugging Face's "longest_first"). Errors: TERN_INPUT for invalid UTF-8 (the message names the byte offset) and for
   too many tokens under TERN_TRUNCATE_ERROR (*n_ids is then the number needed); TERN_USAGE when capacity is below 3. */
TERN_API tern_status tern_tokenize(const tern_tokenizer *tokenizer, const char *text, size_t text_bytes,
                                   const char *pair, size_t pair_bytes, tern_truncate truncate, int32_t *ids,
                                   int32_t *types, size_t capacity, size_t *n_ids, tern_error *err);

/* The piece of an id, with its "##" if it has one; NULL when the id is out of range. Owned by the tokenizer;
 *bytes (may be NULL) receives its length. The string is not zero-terminated. */
TERN_API const char *tern_token_text(const tern_tokenizer *tokenizer, int32_t id, size_t *bytes);
/* The number of ids, 1 .. 2^24. */
TERN_API int32_t tern_vocab_size(const tern_tokenizer *tokenizer);

/* ---- Model: one .tern file, mapped read-only and used in place ----------------------------------------------- */

typedef struct tern_model tern_model;

typedef enum tern_pooling { TERN_POOL_MEAN = 0, TERN_POOL_CLS = 1 } tern_pooling;

/* What a model is. Strings are owned by the model. */
typedef struct tern_model_info {
    const char *architecture; /* "bert" or "distilbert" */
    const char *weights;      /* as in tern_convert.h, or "mixed" */
    const char *activation;   /* "gelu", "gelu_new", "relu", "gelu_ibert" */
    int32_t layers, hidden, heads, intermediate;
    int32_t vocab, max_tokens, token_types;
    int32_t n_labels; /* 0: the model has no classification head */
    tern_pooling pooling;
    int32_t normalize; /* 1: embeddings are scaled to unit length */
    uint64_t file_bytes;
    uint64_t parameters;
    uint64_t checksum; /* XXH3-64 over the whole file but the checksum itself */
} tern_model_info;

/* Maps the file and checks every number in it, its checksum included. The file must not shrink or change while the
   model is open (replace it by renaming another one into place). On success *out is owned by the caller.
   Errors: TERN_IO, TERN_FORMAT, TERN_NOMEM. */
TERN_API tern_status tern_model_open(tern_model **out, const char *path, tern_error *err);
/* The same on bytes in memory (64-byte aligned), which must outlive the model and stay unchanged. */
TERN_API tern_status tern_model_open_memory(tern_model **out, const void *bytes, size_t size, tern_error *err);
/* Accepts NULL. Every session on the model must be closed before. */
TERN_API void tern_model_close(tern_model *model);
TERN_API const tern_model_info *tern_model_get_info(const tern_model *model);
/* The name of a label, 0 <= label < n_labels; NULL when out of range. */
TERN_API const char *tern_model_label(const tern_model *model, int32_t label);
/* The model's own tokenizer, owned by the model; NULL when the file has no vocabulary. */
TERN_API const tern_tokenizer *tern_model_tokenizer(const tern_model *model);

/* ---- Session: runs a model ----------------------------------------------------------------------------------- */

typedef struct tern_session tern_session;

typedef struct tern_session_options {
    size_t struct_bytes; /* sizeof(tern_session_options), so that fields can be added */
    /* At most so many work on a run, 1 .. 256; 0: as many as the affinity mask and the cgroup's CPU quota allow (`tern
       info` says how many and why). Fewer do where a text is too short to share, or other programs use the CPUs. */
    int32_t threads;
    int32_t max_tokens;  /* most tokens of all texts of one run together; 0: the model's own limit for one text */
    int32_t max_texts;   /* most texts of one run; 0: 1 */
    const char *isa;     /* name from isa.def that restricts the kernels; NULL: the variable TERN_ISA, else the best */
    /* Where block-sparse products and dense ones cross on this machine: the text that `tern bench --calibrate-sparse`
       writes for the ISA in use. Results do not depend on it. NULL: what is built in. */
    const char *sparse_table;
} tern_session_options;

/* Plans and allocates everything that runs will need: the run functions allocate nothing.
   `options` may be NULL. Errors: TERN_USAGE (a field out of range; an ISA that is unknown or that this CPU lacks),
   TERN_NOMEM. The model must outlive the session. */
TERN_API tern_status tern_session_open(tern_session **out, const tern_model *model, const tern_session_options *options,
                                       tern_error *err);
/* Accepts NULL. */
TERN_API void tern_session_close(tern_session *session);
/* The ISA of the best kernels in use ("avx512vnni"), the most threads that a run uses, the bytes of the session's arena. */
TERN_API const char *tern_session_isa(const tern_session *session);
TERN_API int32_t tern_session_threads(const tern_session *session);
TERN_API size_t tern_session_arena_bytes(const tern_session *session);

/* Texts of any lengths, one after the other, without padding. */
typedef struct tern_batch {
    const int32_t *ids;     /* [offsets[n_texts]] token ids, 0 <= id < vocab */
    const int32_t *types;   /* the same number of token types, or NULL: all 0 */
    const int32_t *offsets; /* [n_texts + 1], offsets[0] = 0, rising by 1 .. the model's max_tokens */
    int32_t n_texts;
} tern_batch;

/* logits[n_texts][n_labels]. Errors: TERN_USAGE (an id, type or length out of range, more than the session was
   opened for, or a model without a classification head). The result of a text does not depend on its neighbours. */
TERN_API tern_status tern_classify(tern_session *session, const tern_batch *batch, float *logits, tern_error *err);
/* vectors[n_texts][hidden], pooled and normalised as the model says. */
TERN_API tern_status tern_embed(tern_session *session, const tern_batch *batch, float *vectors, tern_error *err);
/* The integers behind the floats of the last run, [n_texts][n_labels or hidden], each float being integer * 2^-bits
   exactly rounded; NULL before the first run and for f32 models. Owned by the session, valid until its next call. */
TERN_API const int32_t *tern_session_integers(const tern_session *session, size_t *count, int32_t *bits);

#ifdef __cplusplus
}
#endif
#endif
