/* Heads of answers and of words, masked-language heads: what checkpoints call them, and which of them a checkpoint has.
 */
#ifndef TERN_FILL_HEAD_H
#define TERN_FILL_HEAD_H

#include "quant/checkpoint.h"
#include "quant/families.h"
#include "quant/purpose.h"

/* For the rows of quant/families.c; each ends with NULL. */
extern const struct tern_fill_names *const tern_fill_predictions[],
    *const tern_fill_lm_head[], *const tern_fill_mobilebert[],
                                    *const tern_fill_vocab[], *const tern_fill_generator[],
                                                                  *const tern_fill_nomic[],
                                                                      *const tern_fill_modernbert[],
                                                                          *const tern_fill_decoder[],
                                                                              *const tern_fill_albert[],
                                                                                  *const tern_fill_deberta[],
                                                                                      *const tern_fill_gte[],
                                                                                          *const tern_fill_rembert[];

/* The names of the head that tern_fill_settle found; NULL: none. */
const struct tern_fill_names *tern_fill_names(const struct tern_config *config);

/* The name of the tensor that has the other columns of the part's rows; NULL: they are complete. */
const char *tern_fill_rest(const struct tern_config *config, struct tern_key key);
/* Checks it, where there is one, and marks it. */
tern_status tern_fill_check_rest(const struct tern_checkpoint *checkpoint, struct tern_key key, uint8_t *used,
                                 const char *path, tern_error *err);
/* out[vocab][hidden] of the decoder and that tensor, both of which have been checked. */
tern_status tern_fill_read_rows(const struct tern_checkpoint *checkpoint, struct tern_key key,
                                const struct tern_tensor *decoder, float *out, size_t count, tern_error *err);

/* Whether the checkpoint has the family's head: then the config says which names, how wide it is, its activation and
   norm. Without one *head becomes TERN_HEAD_NONE, and the report says so, unless the user asked for it: TERN_FORMAT. */
tern_status tern_fill_settle(struct tern_checkpoint *checkpoint, const struct tern_purpose *purpose, const char *path,
                             tern_error *err);
/* The two logits of a token are of an answer that begins, and that ends there, whatever config.json calls them.
   TERN_FORMAT: there are not two. */
tern_status tern_answer_settle(struct tern_config *config, int32_t n, const char *path, tern_error *err);
/* Marks what transformers ties to the decoder's bias, and leaves unread. */
void tern_fill_mark_tied(const struct tern_checkpoint *checkpoint, uint8_t *used);

#endif
