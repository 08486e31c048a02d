/* The pre-tokenizers of a tokenizer.json: a table of kinds, each read from its JSON object, which split a stretch of
   text into those that the model sees. */
#ifndef TERN_PRETOKENIZERS_H
#define TERN_PRETOKENIZERS_H

#include "models/json.h"
#include "models/normalizers.h"

struct tern_run;
struct tern_stretch;

/* What becomes of the matches of a pattern. */
enum tern_behavior { TERN_REMOVED, TERN_ISOLATED, TERN_MERGED_WITH_PREVIOUS, TERN_MERGED_WITH_NEXT, TERN_CONTIGUOUS };
/* When Metaspace puts its character before a stretch. */
enum tern_prepend { TERN_PREPEND_ALWAYS, TERN_PREPEND_FIRST, TERN_PREPEND_NEVER };

struct tern_pretokenizer {
    void (*apply)(const struct tern_pretokenizer *step, struct tern_run *run, int next, struct tern_stretch stretch);
    struct tern_pattern pattern;
    enum tern_behavior behavior;
    int invert;
    enum tern_prepend prepend;
    int split;    /* Metaspace: at its character; ByteLevel: by GPT-2's expression */
    int rewrites; /* -1, or which line of the run it writes to */
    char text[8]; /* Metaspace's character */
    int local;    /* 1: a text may be cut before a space between letters */
    int breaks;   /* 1: such a space always begins a new stretch */
};

struct tern_pretokenizers {
    struct tern_pretokenizer steps[TERN_MAX_STEPS];
    int n, lines;
    int bytes;        /* 1: ByteLevel is the last one, so that the model sees bytes, not characters */
    int needs_places; /* 1: what a step does depends on where a stretch lies in the text */
};

/* TERN_FORMAT. */
tern_status tern_pretokenizers_read(struct tern_pretokenizers *out, const json_t *object, const char *label,
                                    tern_error *err);

#endif
