/* Tern: BERT-family encoders on CPUs, in integer arithmetic, the same bits on every CPU.
 *
 * This header runs models. Two are installed beside it: tern_search.h finds the nearest of many vectors, and
 * tern_convert.h makes models; the rules below are theirs too. Every function that can fail returns a
 * tern_status and, where it takes a `tern_error *`, fills it with one line of text; pass NULL if the line is not
 * wanted. The library prints nothing, never exits, and keeps no mutable global state. Strings are UTF-8. Sizes are in
 * elements unless "bytes" is said.
 *
 * Threads: a tern_tokenizer and a tern_model are immutable after open and may be shared by any number of threads. A
 * tern_session belongs to one thread at a time. Any number of sessions may share one model, and any number of
 * processes one file, which is mapped once. The default number of threads is right for all of them: a session leaves
 * CPUs to whoever else uses them, its threads sleep when there is nothing to do, and its caller never waits for a
 * thread that the kernel does not run. Where every CPU has a worker of its own anyway (a server's thread pool, a
 * process per core), `threads = 1` saves the memory of the idle ones. A session may be used in the child of a fork: it
 * then starts threads of its own.
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

/* The result of a call. The command line's exit codes follow from these: see `man tern`. */
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

/* ---- Tokenizer: WordPiece, byte-level BPE, BPE and Unigram, with Hugging Face's ids ------------------------------ */

typedef struct tern_tokenizer tern_tokenizer;

/* What a model reads at a time: a text, or a pair of texts such as a question and the text that answers it. Neither
   needs a terminating zero. */
typedef struct tern_text {
    const char *text;
    size_t text_bytes;
    const char *pair; /* NULL: there is no second text */
    size_t pair_bytes;
} tern_text;

/* Says what happens to a text of more tokens than there is room for. */
typedef enum tern_truncate {
    TERN_TRUNCATE_ERROR = 0, /* refuse with TERN_INPUT; the message names the count and the limit */
    TERN_TRUNCATE_HEAD = 1,  /* keep the head, drop the tail; special tokens stay */
    TERN_TRUNCATE_TAIL = 2   /* keep the tail, drop the head; special tokens stay */
} tern_truncate;

/* Opens the tokenizer of a Hugging Face checkpoint directory, a single tokenizer.json, or a bare vocab.txt (uncased
   settings). Of a directory the first of these counts that is there: tokenizer.json; vocab.txt with
   tokenizer_config.json, special_tokens_map.json and added_tokens.json; a SentencePiece model (sentencepiece.bpe.model,
   spiece.model, spm.model or sentencepiece.model) of XLM-R, CamemBERT, ALBERT, DeBERTa-v2 or RemBERT; vocab.json with
   merges.txt of RoBERTa. Ids are those of Hugging Face's tokenizers; what they would do and Tern cannot is refused by
   its name. The line numbers of a vocab.txt are its ids, from 0 on; of equal lines the last one counts. In a
   sentence-transformers folder they lie beside the transformer, and its do_lower_case counts.
   On success *out is owned by the caller. Errors: TERN_IO, TERN_FORMAT, TERN_NOMEM. */
TERN_API tern_status tern_tokenizer_open(tern_tokenizer **out, const char *path, tern_error *err);
/* Accepts NULL. Never call it on the tokenizer of a model. */
TERN_API void tern_tokenizer_close(tern_tokenizer *tokenizer);

/* The bytes [start, end) of a text as the caller gave it. */
typedef struct tern_span {
    size_t start, end;
    int32_t source; /* 0: of the text, 1: of its pair, -1: of neither, as for special tokens, whose range is 0, 0 */
    int32_t word;   /* which word of its text the token belongs to, from 0, as Hugging Face's word_ids: of its
                       pre-tokenizer's words; -1: of none, as for special tokens */
} tern_span;

/* The tokens of a text: arrays of the caller, which tern_tokenize fills, and what it found. */
typedef struct tern_tokens {
    size_t struct_bytes; /* sizeof(tern_tokens), so that fields can be added */
    size_t capacity;     /* elements of each array, at least 3 and as many as there are special tokens */
    int32_t *ids;        /* [capacity] */
    int32_t *types;      /* [capacity] token types, of BERT 0 for the first text with its [CLS] and [SEP], 1 for the
                            second; NULL: not wanted */
    tern_span *spans;    /* [capacity] the bytes that each token was made of; NULL: not wanted */
    size_t count;        /* result: tokens in the arrays; what lies behind them is undefined */
    size_t needed;       /* result: tokens of the whole text, special ones included; needed - count were cut */
} tern_tokens;

/* Turns a text into ids, with the special tokens of the model around it: [CLS] text [SEP], or [CLS] text [SEP] pair
   [SEP]. A pair that is too long loses tokens of its longer side first (Hugging Face's "longest_first"). Reads the text
   once, however long it is. BERT's tokenizer allocates nothing. Others use 60 KB of stack, and allocate for the call
   what more they need where a word is longer than 150 bytes, or a kilobyte of text has no space between two letters,
   as in Chinese. Spans are Hugging Face's offset_mapping, in bytes: a token's span is what it was before lower-casing
   and stripping of accents; a word that is not in the vocabulary is one token with the span of the word. Errors, after
   which count is 0: TERN_INPUT for invalid UTF-8 (the message names the byte offset; needed is 0) and for too many
   tokens under TERN_TRUNCATE_ERROR (needed says how many); TERN_USAGE when struct_bytes, capacity or truncate is out of
   range, a text is NULL and has bytes, or there is a pair and the tokenizer has no template for one; TERN_NOMEM. */
TERN_API tern_status tern_tokenize(const tern_tokenizer *tokenizer, const tern_text *text, tern_truncate truncate,
                                   tern_tokens *out, tern_error *err);

/* The piece of an id as the vocabulary has it, with its "##" if it has one; empty for an id without a piece; NULL when
 *the id is out of range. Owned by the tokenizer; bytes (may be NULL) receives its length. The string is not
 *zero-terminated. */
TERN_API const char *tern_token_text(const tern_tokenizer *tokenizer, int32_t id, size_t *bytes);
/* The number of ids, 1 .. 2^24. */
TERN_API int32_t tern_vocab_size(const tern_tokenizer *tokenizer);
/* The id of the token that stands for a missing word, as [MASK] or <mask>, which texts contain as it is written; -1:
   there is none. */
TERN_API int32_t tern_mask_id(const tern_tokenizer *tokenizer);

/* ---- Model: one .tern file, mapped read-only and used in place ----------------------------------------------- */

typedef struct tern_model tern_model;

/* How the states of a text's tokens become one vector, as sentence-transformers calls it. */
typedef enum tern_pooling {
    TERN_POOL_MEAN = 0,          /* their mean */
    TERN_POOL_CLS = 1,           /* the first token's */
    TERN_POOL_MAX = 2,           /* the largest of each dimension */
    TERN_POOL_MEAN_SQRT_LEN = 3, /* their sum over the root of their number */
    TERN_POOL_WEIGHTED_MEAN = 4, /* their mean, the first counting once, the second twice, and so on */
    TERN_POOL_LAST = 5           /* the last token's */
} tern_pooling;

/* The description of a model, which owns the strings. */
typedef struct tern_model_info {
    const char *architecture; /* the family of checkpoints that it was made from: "bert", "distilbert" ... */
    const char *weights;      /* as in tern_convert.h, or "mixed" */
    const char *activation;   /* "gelu", "gelu_new", "relu", "gelu_ibert", "silu", "quick_gelu" */
    int32_t layers, hidden, heads, intermediate;
    int32_t vocab, max_tokens, token_types;
    int32_t n_labels;     /* 0: the model has no classification head */
    tern_pooling pooling; /* the first of them, where a model joins several */
    int32_t normalize;    /* 1: embeddings are scaled to unit length, before they are cut off */
    uint64_t file_bytes;
    uint64_t parameters;
    uint64_t checksum; /* XXH3-64 over the whole file but the checksum itself */
    const char *head;  /* "classifier", "tagger"; "none" */
    int32_t of_tokens; /* 1: the head labels each token, 0: the text */
    /* What tern_probabilities makes of the logits: "softmax", of all labels together; "sigmoid", of each label by
       itself, so that any number of them may hold; "raw", nothing: the logits are the answer, as of a regression;
       "none". */
    const char *output;
    int32_t dimensions; /* numbers of an embedding, unless a session asks for others */
    /* All steps that make an embedding, in words: "mean, dense to 256 with tanh, length 1, first 64". */
    const char *embedding;
    int32_t n_prompts;          /* see tern_session_set_prompt */
    const char *default_prompt; /* the name of the prompt that is used unless another is set; NULL: none */
} tern_model_info;

/* Maps the file and checks every number in it, its checksum included. Of a large file a second thread may compute that,
   which has done so when this returns. The file must not shrink or change while the
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
/* The name of a prompt, 0 <= prompt < n_prompts, and through `text` (may be NULL) the text that it puts before others.
   NULL when out of range. */
TERN_API const char *tern_model_prompt(const tern_model *model, int32_t prompt, const char **text);
/* The model's own tokenizer, owned by the model; NULL when the file has no vocabulary. */
TERN_API const tern_tokenizer *tern_model_tokenizer(const tern_model *model);

/* ---- Session: runs a model ----------------------------------------------------------------------------------- */

typedef struct tern_session tern_session;

typedef struct tern_session_options {
    size_t struct_bytes; /* sizeof(tern_session_options), so that fields can be added */
    /* The most threads that work on a run, 1 .. 256; 0: as many as the affinity mask and the cgroup's CPU quota allow
       (`tern info` says how many and why). Fewer work if a text is too short to share, or others use the CPUs. */
    int32_t threads;
    /* Most tokens of all texts of one run together. 0: the model's own limit for one text or, unless max_texts is 1,
       512 for each thread and at most 4,096, if that is more: as many as run well together. */
    int32_t max_tokens;
    int32_t max_texts; /* most texts of one run; 0: 32 */
    const char *isa;   /* the best instruction set to use, as in `tern info --isas`; NULL: TERN_ISA, else the best */
    /* The text that `tern bench --calibrate-sparse` writes for the ISA in use: it says how few blocks must be left on
       this machine for a sparse product to be faster. Results do not depend on it. NULL: the table built in. */
    const char *sparse_table;
    /* Embeddings of so many dimensions: the first ones, for models that were trained to have most of their meaning
       there
       ("Matryoshka"). 0: the model's own number. A model that cuts its vectors off itself (truncate_dim) may be asked
       for more than that; more than it computes are all that it computes. The vector is cut off last, after the model
       has brought it to length 1 if it does; set `normalize` to bring what is left to length 1 again. */
    int32_t dimensions;
    int32_t normalize; /* 1: embeddings are brought to length 1, whatever the model says */
    /* The first so many neurons of every feed-forward layer are run, for models that were trained so that these are a
       model of their own (MatFormer); `tern convert --ffn-width` makes a file of them alone, which is smaller, and
       whose answers differ in their rounding. 0: all. TERN_USAGE: a layer has fewer, or norms behind them. */
    int32_t ffn_width;
} tern_session_options;

/* Plans and allocates everything that runs will need: the run functions allocate nothing.
   `options` may be NULL. Errors: TERN_USAGE (a field out of range; an ISA that is unknown or that this CPU lacks),
   TERN_NOMEM. The model must outlive the session. */
TERN_API tern_status tern_session_open(tern_session **out, const tern_model *model, const tern_session_options *options,
                                       tern_error *err);
/* Accepts NULL. */
TERN_API void tern_session_close(tern_session *session);
/* The ISA of the best kernels in use ("avx512vnni"), the most threads that a run uses, the bytes of the session's
 * arena. */
TERN_API const char *tern_session_isa(const tern_session *session);
TERN_API int32_t tern_session_threads(const tern_session *session);
TERN_API size_t tern_session_arena_bytes(const tern_session *session);

/* Sets the prompt: what is put before each text that tern_embed_texts and tern_answer_stream embed from now on, as some
   models want it ("query: "). Of a pair it is put before the first text. `name` is the name of one of the model's
   prompts; `text`, if name is NULL, is a prompt of the caller's, of which the session keeps a copy ("": no prompt). If
   both are NULL it is the model's default prompt, with which a session begins. Errors: TERN_USAGE (name and text are
   given, or the model has no such prompt: the message lists the names; the prompt is longer than 16,384 bytes),
   TERN_INPUT (not UTF-8), TERN_NOMEM; the prompt then stays what it was. */
TERN_API tern_status tern_session_set_prompt(tern_session *session, const char *name, const char *text,
                                             tern_error *err);
/* Dimensions of this session's embeddings. */
TERN_API int32_t tern_session_dimensions(const tern_session *session);

/* Texts of any lengths, one after the other, without padding. */
typedef struct tern_batch {
    const int32_t *ids;     /* [offsets[n_texts]] token ids, 0 <= id < vocab */
    const int32_t *types;   /* the same number of token types, or NULL: all 0 */
    const int32_t *offsets; /* [n_texts + 1], offsets[0] = 0, rising by 1 .. the model's max_tokens */
    int32_t n_texts;
} tern_batch;

/* logits[n_texts][n_labels]; of a model whose head labels tokens, logits[offsets[n_texts]][n_labels]. Errors:
   TERN_USAGE (an id, type or length out of range, more than the session was opened for, or a model without a head that
   labels). The result of a text does not depend on its neighbours. */
TERN_API tern_status tern_classify(tern_session *session, const tern_batch *batch, float *logits, tern_error *err);
/* vectors[n_texts][dimensions], made as the model says; dimensions are tern_session_dimensions, the model's own unless
   the session's options say otherwise. Ids are taken as they are: no prompt is put before them. */
TERN_API tern_status tern_embed(tern_session *session, const tern_batch *batch, float *vectors, tern_error *err);
/* The integers behind the floats of the last run, [n_texts][n_labels or dimensions], each float being integer * 2^-bits
   exactly rounded; NULL before the first run and for f32 models. Owned by the session, valid until its next call. */
TERN_API const int32_t *tern_session_integers(const tern_session *session, size_t *count, int32_t *bits);

/* ---- Texts: text in, answer out ------------------------------------------------------------------------------ */

/* These functions tokenise texts with the model's own tokenizer and run as many together as the session was opened for.
   The answers come in the order of the texts, and how texts were put together never shows in them. All memory was
   allocated when the session was opened. The thread rules are those of the session. */

/* The answers to a number of texts: arrays of the caller. */
typedef struct tern_answers {
    size_t struct_bytes; /* sizeof(tern_answers), so that fields can be added */
    float *values;       /* [n_texts][n_labels] logits, or [n_texts][dimensions] vectors */
    int32_t *integers;   /* the same number of integers behind them, see tern_session_integers; an f32 model leaves them
                            alone; NULL: not wanted */
    size_t *n_tokens;    /* [n_texts] tokens of each text that were run, special ones included; NULL: not wanted */
    size_t *n_needed;    /* [n_texts] tokens of each whole text; more than n_tokens: truncated; NULL: not wanted */
    size_t n_answered;   /* result: texts that have an answer, n_texts unless the call failed */
} tern_answers;

/* The logits of each text; tern_probabilities says what they mean. A session of any size takes any number of texts.
   Errors: TERN_INPUT for a text that is not UTF-8 or, under TERN_TRUNCATE_ERROR, too long (the message names the text,
   the first being 1; the texts before it are answered, and it is number n_answered of the array); TERN_USAGE (a model
   without a classification head; truncate or struct_bytes out of range; a session of fewer than 3 tokens); TERN_FORMAT
   for a model without a vocabulary. */
TERN_API tern_status tern_classify_texts(tern_session *session, const tern_text *texts, size_t n_texts,
                                         tern_truncate truncate, tern_answers *answers, tern_error *err);
/* The vector of each text behind its prompt, made as the model says. Errors are those of tern_classify_texts. */
TERN_API tern_status tern_embed_texts(tern_session *session, const tern_text *texts, size_t n_texts,
                                      tern_truncate truncate, tern_answers *answers, tern_error *err);

/* What the logits[n_labels] of a text or a token mean: probabilities[n_labels], by the function that the model's info
   calls `output`: softmax over the labels, the logistic function of each, or the logits as they are. `probabilities`
   may be NULL. Returns the label of the largest logit, the first of equals; -1 when the model has no head that labels.
 */
TERN_API int32_t tern_probabilities(const tern_model *model, const float *logits, double *probabilities);

/* ---- Missing words: a masked-language head ------------------------------------------------------------------- */

/* A word that a mask may stand for. */
typedef struct tern_candidate {
    int32_t id;
    float logit;
    double probability; /* by softmax over the whole vocabulary */
} tern_candidate;

/* The masks of a text: arrays of the caller, which tern_fill fills. */
typedef struct tern_masks {
    size_t struct_bytes;    /* sizeof(tern_masks), so that fields can be added */
    size_t capacity;        /* masks that the arrays have room for, 1 or more */
    int32_t top;            /* candidates of each mask, 1 or more */
    const int32_t *targets; /* [n_targets] ids, none twice: these alone are candidates; NULL: all ids are */
    size_t n_targets;
    tern_candidate *candidates; /* [capacity][top], the best first, of equals the one with the smaller id */
    tern_span *spans;           /* [capacity] the bytes of each mask in the text; NULL: not wanted */
    int32_t n_candidates;       /* result: of each mask: top, or as many as there are ids or targets */
    size_t count;               /* result: masks in the tokens that were run; those behind `capacity` have no place */
    size_t n_tokens, n_needed;  /* result: as those of tern_answers */
} tern_masks;

/* The words that the masks of a text may stand for, each mask by itself. The text contains the tokenizer's mask token
   (tern_mask_id) as it is written. Errors, after which count is 0: TERN_INPUT (the text is refused, or has no mask);
   TERN_USAGE (the model has no masked-language head or no mask token, or a field is out of range); TERN_FORMAT for a
   model without a vocabulary. */
TERN_API tern_status tern_fill(tern_session *session, const tern_text *text, tern_truncate truncate, tern_masks *masks,
                               tern_error *err);

/* The pseudo-log-likelihood of a text (Salazar et al. 2020): the sum over its tokens, special ones left out, of the
   natural logarithm of each one's probability where it alone is masked. *n_tokens (may be NULL) receives how many they
   are. Runs the text once for each token, as many together as the session was opened for. Errors are those of
   tern_fill, and TERN_NOMEM. */
TERN_API tern_status tern_pseudo_likelihood(tern_session *session, const tern_text *text, tern_truncate truncate,
                                            double *sum, size_t *n_tokens, tern_error *err);

/* ---- Sparse vectors: the weights of words ------------------------------------------------------------------------ */

/* A word of the vocabulary that a text is about. */
typedef struct tern_weight {
    int32_t id;
    float weight; /* above 0; of a query's own weights (tern_embed_sparse) not 0 */
} tern_weight;

/* The sparse vector of a text: an array of the caller, which tern_embed_sparse fills. */
typedef struct tern_sparse_vector {
    size_t struct_bytes;       /* sizeof(tern_sparse_vector), so that fields can be added */
    size_t capacity;           /* words that there is room for, 1 or more; those of the largest weights are kept */
    tern_weight *words;        /* [capacity] the largest weight first, of equals the one with the smaller id */
    size_t count;              /* result: words in the array */
    size_t n_words;            /* result: words of the text's whole vector */
    size_t n_tokens, n_needed; /* result: as those of tern_answers */
} tern_sparse_vector;

/* The sparse vector of a text, as SPLADE makes it of a masked-language head: of each word the largest (or the sum,
   where the model says so) of log(1 + max(0, logit)) over all tokens, special ones included. The text is a query
   (`query` 1) or a document; it stands behind the session's prompt or, where that has none, the model's prompt "query"
   or "document". Where the model has weights for queries (tern_model_info.embedding says so) a query is not run: its
   vector is the weight of each of its tokens, special ones and those that weigh 0 left out, and n_tokens counts these
   tokens. Errors, after which count is 0: TERN_INPUT (the text is refused); TERN_USAGE (the model has no
   masked-language head, or a field is out of range); TERN_FORMAT for a model without a vocabulary. */
TERN_API tern_status tern_embed_sparse(tern_session *session, const tern_text *text, int32_t query,
                                       tern_truncate truncate, tern_sparse_vector *sparse, tern_error *err);

/* ---- Vectors of tokens: late interaction ------------------------------------------------------------------------- */

/* The vectors of a text's tokens: arrays of the caller, which tern_embed_tokens fills. */
typedef struct tern_token_vectors {
    size_t struct_bytes; /* sizeof(tern_token_vectors), so that fields can be added */
    size_t capacity;     /* vectors that there is room for; as many as the model takes tokens are always enough */
    float *vectors;      /* [capacity][dimensions], those of tern_session_dimensions */
    int32_t *ids;        /* [capacity] the token of each; NULL: not wanted */
    tern_span *spans;    /* [capacity] the bytes that it was made of; NULL: not wanted. There are none where a prompt
                            is text */
    size_t count;        /* result: vectors in the arrays */
    size_t n_tokens, n_needed; /* result: as those of tern_answers; a query's n_tokens count those that fill it up */
} tern_token_vectors;

/* A vector for each token of a text, as ColBERT makes them for "late interaction": of a query (`query` 1), which the
   model fills up with masks to the length it was trained for, or of a document, without the tokens that the model
   leaves out, as punctuation. The model's tokens that mark queries and documents are put before the text. Compare them
   by tern_maxsim. Errors, after which count is 0: TERN_INPUT (the text is refused, or is longer than the model takes
   for its kind); TERN_USAGE (the model has no vectors of tokens, a field is out of range, or there are more vectors
   than room); TERN_FORMAT for a model without a vocabulary. */
TERN_API tern_status tern_embed_tokens(tern_session *session, const tern_text *text, int32_t query,
                                       tern_truncate truncate, tern_token_vectors *out, tern_error *err);
/* How well a document answers a query: the sum over the query's vectors of their largest product with one of the
   document's. 0 if either has none. */
TERN_API double tern_maxsim(const float *query, size_t n_query, const float *document, size_t n_document,
                            int32_t dimensions);

/* ---- Answers in a text: extractive question answering ------------------------------------------------------------ */

/* How answers are looked for. All zero, and NULL for all of it: as transformers' pipeline does. */
typedef struct tern_find_options {
    size_t struct_bytes; /* sizeof(tern_find_options), so that fields can be added */
    int32_t max_length;  /* tokens of an answer, at most; 0: 15 */
    /* A context that is too long is read in windows of so many tokens, the question and special tokens included, each
       of which repeats so many tokens of the context before it. 0: 384, or as many as model and session take if that is
       fewer; 128, or half a window if that is less. */
    int32_t window, stride;
    int32_t may_be_empty; /* 1: that the context does not say is an answer, too, of no bytes */
    int32_t by_tokens;    /* 1: answers are of whole tokens; 0: of whole words, those that these tokens lie in */
} tern_find_options;

/* A part of the context. */
typedef struct tern_found {
    double score; /* the probability of its start times that of its end, among the tokens of its window; answers of
                     the same words, but for their case, are one with the sum of their scores */
    size_t start,
        end; /* its bytes in the context: the first of those of the same words; 0, 0: the context does not say */
} tern_found;

/* The best answers to a question in its context, which is the text's pair: found[top], the best first; *n_found says
   how many there are. Allocates for the call what the windows of the context need. Errors, after which *n_found is 0:
   TERN_INPUT (not UTF-8, or the question leaves a window no room: its message names the count); TERN_USAGE (the model
   has no head that finds answers, there is no pair, or a number is out of range); TERN_FORMAT for a model without a
   vocabulary; TERN_NOMEM. */
TERN_API tern_status tern_find_answers(tern_session *session, const tern_text *text, const tern_find_options *options,
                                       tern_found *found, size_t top, size_t *n_found, tern_error *err);

/* ---- Documents for a query: cross-encoders ----------------------------------------------------------------------- */

/* A document and how well it fits. */
typedef struct tern_reranked {
    size_t index;      /* in the array of documents */
    double score;      /* what tern_probabilities makes of the model's one logit */
    int32_t truncated; /* 1: the pair was cut to fit */
} tern_reranked;

/* Brings documents[n_documents] into the order in which they fit the query, by a model with one label that reads the
   query and a document as a pair: ranked[n_documents], the best first, of equals the one that came first. Neither the
   query nor a document has a pair of its own. Allocates nothing. Errors are those of tern_classify_texts, which name
   the document, the first being 1, and TERN_USAGE where the model has another number of labels; ranked is then
   undefined. */
TERN_API tern_status tern_rerank(tern_session *session, const tern_text *query, const tern_text *documents,
                                 size_t n_documents, tern_truncate truncate, tern_reranked *ranked, tern_error *err);

/* What a stream's answers are. */
typedef enum tern_task {
    TERN_CLASSIFY = 0, /* the logits of each text */
    TERN_EMBED = 1,    /* its vector */
    TERN_TAG = 2,      /* the logits of each of its tokens, special ones included */
    TERN_SPARSE = 3,   /* its sparse vector, as tern_embed_sparse makes it */
    TERN_TOKENS = 4    /* vectors of its tokens, as tern_embed_tokens makes them */
} tern_task;

/* The answer to one text of a stream. It belongs to the session and is valid until the callback returns. */
typedef struct tern_answer {
    size_t index;            /* which text of the stream, from 0 */
    const tern_error *error; /* why tern_tokenize refused the text; NULL: it did not */
    size_t n_tokens;         /* tokens that were run, special ones included; 0 for a refused text */
    size_t n_needed;         /* tokens of the whole text; 0 when it is not UTF-8 */
    /* [count] logits or a vector, TERN_TAG: [n_tokens][count], TERN_TOKENS: [n_vectors][count]; NULL for a refused text
       and of TERN_SPARSE. */
    const float *values;
    /* As values, see tern_session_integers; NULL for a refused text, for f32 models and of the last two tasks. */
    const int32_t *integers;
    int32_t count;      /* the model's n_labels, or dimensions; 0 of TERN_SPARSE */
    const int32_t *ids; /* [n_tokens] of the tokens that were run, TERN_TOKENS: [n_vectors]; NULL for a refused text */
    const tern_span *spans;   /* TERN_TAG and TERN_TOKENS: as many, the bytes that each token was made of, else NULL */
    size_t n_vectors;         /* TERN_TOKENS: of a text; else 0 */
    const tern_weight *words; /* TERN_SPARSE: [n_words] in the order of tern_embed_sparse, else NULL */
    size_t n_words;
} tern_answer;

typedef enum tern_next {
    TERN_NEXT_END = 0,  /* there are no more texts */
    TERN_NEXT_TEXT = 1, /* *text is the next one */
    TERN_NEXT_WAIT = 2  /* the next text is not there yet: answer those before it, then ask again */
} tern_next;

/* Texts from wherever they come and answers to wherever they go, for input that does not fit an array or is not there
   all at once. The callbacks run on the calling thread and must not use the session. */
typedef struct tern_stream {
    size_t struct_bytes; /* sizeof(tern_stream), so that fields can be added */
    void *context;       /* handed to the callbacks */
    /* Sets *text, whose bytes are read before the next call of either function and not kept. */
    tern_next (*next)(void *context, tern_text *text);
    /* Takes an answer, or the refusal of a text, in the order of the texts. TERN_OK goes on; any other status ends the
       call, which returns it. */
    tern_status (*answer)(void *context, const tern_answer *answer);
    int32_t query; /* TERN_SPARSE and TERN_TOKENS: 1: the texts are queries, 0: documents */
} tern_stream;

/* Answers all texts of a stream. A refused text is no error of this call: `answer` decides. Other errors are those of
   tern_classify_texts and, of the last two tasks, of tern_embed_sparse and tern_embed_tokens, with nothing read from
   the stream. */
TERN_API tern_status tern_answer_stream(tern_session *session, tern_task task, tern_truncate truncate,
                                        const tern_stream *stream, tern_error *err);

/* ---- Entities: the labelled parts of a text, by a head that labels tokens ---------------------------------------- */

/* What tokens become, as transformers' pipeline does it. A word's tokens are those that the tokenizer marks as the
   inside of a word ("##ing") and, where it marks none, those without a space before them. */
typedef enum tern_aggregation {
    TERN_AGGREGATE_NONE = 0,    /* each token by itself, with its whole label: "B-PER" */
    TERN_AGGREGATE_SIMPLE = 1,  /* neighbouring tokens of a label are one entity, "PER", where only "B-" begins another;
                                   its score is the mean of theirs */
    TERN_AGGREGATE_FIRST = 2,   /* the same of words: a word has the label of its first token, */
    TERN_AGGREGATE_AVERAGE = 3, /* the best label by the mean of its tokens' probabilities, */
    TERN_AGGREGATE_MAX = 4      /* or that of its token with the largest probability */
} tern_aggregation;

typedef struct tern_tag_options {
    size_t struct_bytes; /* sizeof(tern_tag_options), so that fields can be added */
    tern_aggregation aggregation;
    /* A text that is too long is read in windows of so many tokens, special ones included, which share so many tokens
       with the window before. 0: as many as model and session take; 128, or a quarter of the window if that is less. */
    int32_t window, stride;
    int32_t apart;   /* 1: words are not put together to entities; each has its whole label */
    int32_t outside; /* 1: what is labelled "O" is an entity like others; 0: it is none */
    /* Where entities of two windows overlap the longer one counts, of equals the one with the better score. An entity
       that is longer than what windows share loses an end that way. 1: its parts are joined if their labels are the
       same. */
    int32_t join;
} tern_tag_options;

typedef struct tern_entity {
    double score;      /* by softmax over the labels */
    const char *label; /* owned by the model */
    size_t start, end; /* its bytes in the text */
    int32_t id;        /* of TERN_AGGREGATE_NONE: the token's; else -1 */
} tern_entity;

/* The entities of a text of any length, by where they begin. What precedes the first "-" of a label is no part of an
   entity's ("PER" of "I-PER"). Where labels also begin with "E-" and "S-", or "L-" and "U-", and go on as one with "B-"
   or "I-" does, such tokens end an entity (BIOES, BILOU), which transformers does not know. `options` may be NULL: all
   zero. Fills entities[capacity] (NULL if that is 0); *n_entities is how many the text has, which may be more: call
   again with room for them. Allocates for the call what the text's windows need. Errors, after which *n_entities is 0:
   TERN_INPUT (not UTF-8); TERN_USAGE (the model has no head that labels tokens, there is a pair, or a number is out of
   range); TERN_FORMAT for a model without a vocabulary; TERN_NOMEM. */
TERN_API tern_status tern_tag(tern_session *session, const tern_text *text, const tern_tag_options *options,
                              tern_entity *entities, size_t capacity, size_t *n_entities, tern_error *err);
/* The same of a text that was run: of a stream's answer to TERN_TAG. Window and stride have no meaning. It may be
   called while the stream runs. */
TERN_API tern_status tern_answer_entities(const tern_model *model, const tern_text *text, const tern_answer *answer,
                                          const tern_tag_options *options, tern_entity *entities, size_t capacity,
                                          size_t *n_entities, tern_error *err);

/* ---- Labels that the model was not trained for: a model that says whether a text entails another ----------------- */

/* The label of a model that says so: the first whose name begins with "entail", in any case; -1: there is none, and
   tern_zero_shot takes the last. */
TERN_API int32_t tern_entailment(const tern_model *model);

typedef struct tern_zero_shot_options {
    size_t struct_bytes;    /* sizeof(tern_zero_shot_options), so that fields can be added */
    const char *hypothesis; /* with {} where the label goes; NULL: "This example is {}." */
    int32_t several;        /* 1: any number of labels may hold, each with a probability of its own */
    tern_truncate truncate; /* of a text that is too long; the hypothesis stays whole */
} tern_zero_shot_options;

/* A label's place in a ranked list. */
typedef struct tern_label_score {
    double score;
    int32_t label; /* its index among the labels that were given */
} tern_label_score;

/* Ranks labels[n_labels] (UTF-8, zero-terminated) for a text, as transformers' pipeline for zero-shot classification
   does: each by the logit that the text entails the hypothesis with the label in it, and then by softmax over all
   labels; with `several`, or for a single label, by softmax over that logit and the model's first one (its last, if
   entailment is the first). ranked[n_labels], the best first, of equals the one given first. `options` may be NULL: all
   zero. Runs as many labels together as the session was opened for. Allocates for the call. Errors: TERN_INPUT (not
   UTF-8, or too long for `truncate`: the message names the count); TERN_USAGE (the model has no classifier of texts
   with two labels at least; no label, or no {} in the hypothesis); TERN_FORMAT for a model without a vocabulary;
   TERN_NOMEM. */
TERN_API tern_status tern_zero_shot(tern_session *session, const char *text, size_t text_bytes,
                                    const char *const *labels, size_t n_labels, const tern_zero_shot_options *options,
                                    tern_label_score *ranked, tern_error *err);

#ifdef __cplusplus
}
#endif
#endif
