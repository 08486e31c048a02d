/* Block-sparse weights: named, checked, and turned back into int8 panels. quant/make_blocks.h makes them. */
#ifndef TERN_BLOCKS_H
#define TERN_BLOCKS_H

#include "simd/codebook.h"
#include "simd/sparse.h"

enum { TERN_SPARSE_WHY = 256, TERN_BLOCK_NAME = 8 };

/* The names of simd/shapes.def, outputs x inputs. find returns -1 for another name. */
const char *tern_block_shape_name(enum tern_block_shape shape);
int tern_block_shape_find(const char *name);
/* All of them for a message: "16x4, 4x4, 1x4 and 4x1". */
struct tern_words tern_block_shape_words(const char *conjunction);
/* "SHAPE" or "SHAPE:FRACTION", a fraction of 0 to 1 with a point, as "16x4:0.8". 0, or -1 when it is neither. */
int tern_sparse_parse(const char *text, enum tern_block_shape *shape, double *fraction);

/* Places of a strip: its k steps, or for 4x1 its inputs. */
static inline int tern_strip_places(enum tern_block_shape shape, int k4)
{
    return shape == TERN_BLOCK_4X1 ? k4 * TERN_PANEL_K : k4;
}

/* dense[panels][k4][16][4] of `panels` panels from w's first on. */
void tern_sparse_expand(const struct tern_sparse *w, int8_t *dense, int panels, int k4);

/* Whether blocks of that shape can have weights of that format; where not, `why` (may be NULL) says so. */
int tern_sparse_fits(enum tern_format format, enum tern_block_shape shape, char why[TERN_SPARSE_WHY]);
/* What is wrong with a matrix from a file whose index, and value or codes, have `lines` lines; NULL: nothing. Reads
   count and first before it follows them. */
const char *tern_sparse_fault(const struct tern_sparse *w, int panels, int k4, int64_t lines);

#endif
