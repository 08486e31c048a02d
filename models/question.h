/* Where the question of a pair of question and text ends: at the first token with the id question_end. */
#ifndef TERN_QUESTION_H
#define TERN_QUESTION_H

#include "models/config.h"

/* How many tokens are in front of it; -1: it is not there. */
int32_t tern_question_tokens(const struct tern_config *config, const tern_batch *batch, int text);

/* types[tokens of the batch], of a model with question_apart: the batch's, and of texts whose types are all 0, or not
   given, those that BigBird's class makes: 0 up to the question's end, 1 behind; all but the first token's are 1 where
   there is no end. */
void tern_question_types(const struct tern_config *config, const tern_batch *batch, int32_t *types);

#endif
