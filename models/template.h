/* The post-processor of a tokenizer.json: the special tokens around a text and its pair, and the token types. */
#ifndef TERN_TEMPLATE_H
#define TERN_TEMPLATE_H

#include "models/json.h"

enum { TERN_MOST_SPECIALS = 8 };

/* Special tokens that stand together. */
struct tern_specials {
    int32_t n;
    int32_t ids[TERN_MOST_SPECIALS], types[TERN_MOST_SPECIALS];
};

/* before TEXT between PAIR after; of a single text `between` is what follows it. */
struct tern_template {
    struct tern_specials before, between, after;
    int32_t types[2]; /* of the text and of its pair */
};

struct tern_templates {
    struct tern_template single, pair;
    int has_pair;
    int trims;            /* spans leave out the white space at a token's ends */
    int add_prefix_space; /* ... but not one space before the first token, which the tokenizer added */
};

static inline size_t tern_template_specials(const struct tern_template *t)
{
    return (size_t)(t->before.n + t->between.n + t->after.n);
}

/* [CLS] A [SEP], [CLS] A [SEP] B [SEP] with types 0 and 1. */
void tern_templates_bert(struct tern_templates *out, int32_t cls, int32_t sep);
/* Whether they are these. */
int tern_templates_are_bert(const struct tern_templates *t, int32_t cls, int32_t sep);
/* Reads "post_processor", NULL or null for none. Ids are below `count`. TERN_FORMAT. */
tern_status tern_templates_read(struct tern_templates *out, const json_t *processor, int32_t count, const char *label,
                                tern_error *err);

#endif
