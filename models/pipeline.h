/* The pipeline of a tokenizer as Hugging Face's tokenizers have it: normalizers, added tokens, pre-tokenizers, a model.
   BERT's own is tokenizer.c, which needs no memory; this one is for all others. */
#ifndef TERN_PIPELINE_H
#define TERN_PIPELINE_H

#include "models/added_tokens.h"
#include "models/normalizers.h"
#include "models/pretokenizers.h"
#include "models/subwords.h"
#include "models/truncate.h"

struct tern_pipeline {
    struct tern_normalizers normalizers;
    struct tern_pretokenizers pretokenizers;
    struct tern_subwords model;
    struct tern_token_table table;
    struct tern_charsmap charsmap;
    struct tern_added_set raw, normalized; /* the tokenizer's, see tern_pipeline_added */
    int cuts;                              /* 1: a text may be cut before a space between letters */
};

/* Reads "normalizer", "pre_tokenizer" and "model" of the settings, whose strings it keeps pointers to, for tables that
   stay where they are. TERN_FORMAT. */
tern_status tern_pipeline_open(struct tern_pipeline *out, const json_t *settings, const void *table, size_t bytes,
                               const char *label, tern_error *err);
/* The added tokens, sorted; to be told last. */
void tern_pipeline_added(struct tern_pipeline *p, const struct tern_added_set *raw,
                         const struct tern_added_set *normalized);
/* A string as it is after the normalizers, for added tokens that are looked for there; *out is the caller's to free. */
tern_status tern_pipeline_normalize(const struct tern_pipeline *p, const uint8_t *text, size_t n, uint8_t **out,
                                    size_t *out_n, tern_error *err);

/* A stretch of a line, on its way through the pre-tokenizers to the model. */
struct tern_stretch {
    const uint8_t *bytes;
    const struct tern_place *places; /* NULL: not wanted */
    size_t n;
};

enum {
    TERN_RUN_LINE = 1536,   /* bytes of a line with places before it takes memory */
    TERN_RUN_SCRATCH = 8192 /* bytes that a model may use before it takes memory */
};

/* A text on its way. Everything in it is on the stack, unless a word, or a stretch that cannot be cut, is too long. */
struct tern_run {
    const struct tern_pipeline *pipeline;
    struct tern_kept *kept;
    const uint8_t *raw; /* what places count from */
    int places;         /* 1: tokens have places */
    int started;        /* 1: the text has begun before the line that is read */
    int first;          /* 1: the line is the first one behind an added token */
    int failed;         /* memory ran out */
    struct tern_line line, other, stage[2];
    void *scratch; /* [scratch_bytes]; owned once it is not `small` */
    size_t scratch_bytes;
    uint64_t lines[3][(TERN_RUN_LINE * (sizeof(struct tern_place) + 1) + 7) / 8];
    uint64_t small[TERN_RUN_SCRATCH / 8];
};

/* Puts the tokens of all text that is given between begin and end into `kept`. A text may come in several parts: an
   added token begins and ends in one of them. */
void tern_run_begin(struct tern_run *run, const struct tern_pipeline *pipeline, struct tern_kept *kept);
void tern_run_text(struct tern_run *run, const uint8_t *text, size_t n);
/* 0: memory ran out. */
int tern_run_end(struct tern_run *run);

/* For pre-tokenizers and models: the stretch goes on to pre-tokenizer `next`, or behind the last one to the model. */
void tern_run_pass(struct tern_run *run, int next, struct tern_stretch stretch);
/* A token made of the stretch's bytes [from, to). */
void tern_run_put(struct tern_run *run, int32_t id, const struct tern_stretch *stretch, size_t from, size_t to);
/* Memory until the next call of it; NULL when there is none. */
void *tern_run_scratch(struct tern_run *run, size_t bytes);

#endif
