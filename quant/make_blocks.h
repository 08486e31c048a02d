/* Makes block-sparse weights out of int8 panels. */
#ifndef TERN_MAKE_BLOCKS_H
#define TERN_MAKE_BLOCKS_H

#include "models/blocks.h"

/* The blocks of dense[panels][k4][16][4] that are not all zero: count[panels][strips] and first[panels + 1] of struct
   tern_sparse. Returns the blocks (4x1: single columns of four outputs). */
int64_t tern_sparse_survey(const int8_t *dense, int panels, int k4, enum tern_block_shape shape, uint16_t *count,
                           int32_t *first);
/* For codes, whose lines come in pairs: first[panels + 1] with a line more for each panel that has an odd number. */
void tern_sparse_pair(int32_t *first, int panels);
/* value and index, zeroed, of the blocks that the survey has counted. */
void tern_sparse_fill(const int8_t *dense, int panels, int k4, const struct tern_sparse *w, int8_t *value,
                      uint16_t *index);

/* code[lines / 2][64] of struct tern_sparse from value[lines][64], of which each holds a code XOR `zero`. */
void tern_sparse_codes(const int8_t *value, int lines, int zero, uint8_t *code);

#endif
