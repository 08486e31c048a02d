/* Block-sparse weights: made from int8 panels, checked, and turned back. */
#ifndef TERN_BLOCKS_H
#define TERN_BLOCKS_H

#include "simd/codebook.h"
#include "simd/sparse.h"

/* "16x4", "4x4", "1x4", "4x1": outputs x inputs. find returns -1 for another name. */
const char *tern_block_shape_name(enum tern_block_shape shape);
int tern_block_shape_find(const char *name);
/* "SHAPE" or "SHAPE:FRACTION", a fraction of 0 to 1 with a point, as "16x4:0.8". 0, or -1 when it is neither. */
int tern_sparse_parse(const char *text, enum tern_block_shape *shape, double *fraction);

/* The blocks of dense[panels][k4][16][4] that are not all zero: count[panels][strips] and first[panels + 1] of struct
   tern_sparse. Returns the blocks (4x1: single columns of four outputs). */
int64_t tern_sparse_survey(const int8_t *dense, int panels, int k4, enum tern_block_shape shape, uint16_t *count,
                           int32_t *first);
/* For codes, whose lines come in pairs: first[panels + 1] with a line more for each panel that has an odd number. */
void tern_sparse_pair(int32_t *first, int panels);
/* value and index, zeroed, of the blocks that the survey has counted. */
void tern_sparse_fill(const int8_t *dense, int panels, int k4, const struct tern_sparse *w, int8_t *value,
                      uint16_t *index);
/* dense[panels][k4][16][4] of `panels` panels from w's first on. */
void tern_sparse_expand(const struct tern_sparse *w, int8_t *dense, int panels, int k4);

/* code[lines / 2][64] of struct tern_sparse from value[lines][64], of which each holds a code XOR `zero`. */
void tern_sparse_codes(const int8_t *value, int lines, int zero, uint8_t *code);

/* Why blocks of that shape cannot have weights of that format; NULL: they can. */
const char *tern_sparse_unfit(enum tern_format format, enum tern_block_shape shape);
/* What is wrong with a matrix from a file whose index, and value or codes, have `lines` lines; NULL: nothing. Reads
   count and first before it follows them. */
const char *tern_sparse_fault(const struct tern_sparse *w, int panels, int k4, int64_t lines);

#endif
