/* Texts in passages of a length that a model reads. */
#ifndef TERN_SEARCH_SPLIT_H
#define TERN_SEARCH_SPLIT_H

#include "runtime/base/tern_search.h"

struct passages {
    tern_passage *at;
    size_t n, capacity;
};

/* Paragraphs, that is lines without an empty one between them, are joined while they have `usual` tokens together, and
   a heading (#) begins a passage and stays with what follows. What has more than `most` tokens is cut between words,
   and the parts share about `shared` tokens. */
struct splitter {
    const tern_tokenizer *tokenizer;
    int most, usual, shared;
    /* The rest is its own. */
    int32_t *ids;
    tern_span *spans;
    size_t capacity, count; /* of the tokens of the last text, without special ones */
};

/* The settings for a model's length, in which `taken` tokens are special ones or a prompt's. */
void split_settings(struct splitter *s, int max_tokens, int taken);
/* Adds the text's passages. TERN_INPUT: it is binary, or not UTF-8, and nothing was added. */
tern_status split_text(struct splitter *s, const char *text, size_t bytes, struct passages *out, tern_error *err);
/* Tokens of a text, special ones included. */
tern_status split_count(struct splitter *s, const char *text, size_t bytes, size_t *tokens, tern_error *err);
void split_free(struct splitter *s);

#endif
