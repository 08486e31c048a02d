/* How `tern tag` shows the entities of a text. */
#ifndef TERN_TAG_PRINT_H
#define TERN_TAG_PRINT_H

#include "tools/texts.h"

/* Entities of a text, in the order of their beginnings. */
struct tags {
    tern_entity *list;
    size_t n, capacity;
};

/* text, label, score and bytes, a line each; the three columns of tokens have no bytes. */
void tag_print_columns(const struct text *text, const struct tags *tags, int bytes);
/* The words of a sentence and their labels, a line each. */
void tag_print_conll(const struct text *text, const struct tags *tags);
/* The text with entities in colour and their labels behind them, for terminals. */
void tag_print_marked(const struct text *text, const struct tags *tags);
/* The text, byte for byte, with [LABEL] in the place of each entity; on a terminal without what it would obey. */
void tag_print_redacted(const struct text *text, const struct tags *tags);
/* Members of the text's object, each with a comma before it. */
void tag_json_tokens(const tern_model *model, const struct tags *tokens);
void tag_json_entities(const struct text *text, const struct tags *entities);
/* CLI_OK, or out of memory. */
int tag_json_redacted(const struct text *text, const struct tags *entities);
void tag_json_logits(const tern_answer *answer);

#endif
