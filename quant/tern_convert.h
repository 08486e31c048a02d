/* Tern: converting a Hugging Face checkpoint into a .tern file. The rules of tern.h hold here too. A library that was
 * built with CONVERT=0 only runs models: it comes without this header and without what it declares. */
#ifndef TERN_TERN_CONVERT_H
#define TERN_TERN_CONVERT_H

#include "runtime/base/tern.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tern_convert_options {
    size_t struct_bytes; /* sizeof(tern_convert_options) */
    /* Of the encoder's matrices: "int8" (the default when NULL), "int4", "nf4", "fp4", "int3", "int2", "ternary",
       "binary" or "f32"; or "auto:BITS", a choice per matrix of int2, int3, int4 and int8 with BITS bits on average,
       which needs `calibrate`. Pooler, classifier and position embeddings stay int8, which the report then says.
       With "ternary" and "binary", matrices that lie on such a grid already keep all their weights. */
    const char *weights;
    /* Called with lines of the report ("what each tensor became") and with progress; either may be NULL. */
    void (*report)(void *context, const char *line);
    void (*progress)(void *context, size_t done, size_t total);
    void *context;
    const char *embeddings; /* of the word table: "int8" (the default when NULL), "int4" or "ternary" */
    int32_t group; /* inputs that share a multiplier, of formats with groups: 32, 64 (the default when 0) or 128 */
    /* A file with a text in each line, blank ones aside: low-bit weights are then quantised with second-order error
       compensation, and blocks (`sparse` with a FRACTION) pruned with it. Needs LAPACK at run time. NULL: every weight
       to its nearest value, blocks by magnitude. */
    const char *calibrate;
    /* The encoder's matrices were trained with a quantiser in the loop, and the checkpoint has their latent floats:
       what that quantiser makes of each is kept. "twn" (TernaryBERT, Teacher Intervention) and "b1.58" (BitNet b1.58)
       are for weights "ternary", "bitnet" (BitNet) for "binary", each also for "f32". NULL: they are the weights. */
    const char *trained;
    /* Not 0: TERN_USAGE, before anything is written, if a tensor would have another type than was asked for: a pooler
       and a classifier that of `weights`, the position table that of `embeddings`, unless `rest` says otherwise. */
    int32_t strict;
    const char *rest; /* "int8": asks for it where low bits cannot be had (see strict); NULL: is not asked for */
    /* "SHAPE" or "SHAPE:FRACTION": the layers' matrices are stored block-sparse, in blocks of SHAPE ("16x4", "4x4",
       "1x4" or "4x1", outputs x inputs) that are not all zero. With a FRACTION so many of each matrix's blocks become
       zero first: those of the least magnitude or, with `calibrate`, those whose absence the other weights can best
       make good. Needs weights "int8", or "int4", "nf4" or "fp4" (not in blocks of 4x1). NULL: dense.
       "auto" or "auto:TOKENS": nothing becomes zero; a matrix whose zeros lie in blocks is stored in the shape that
       runs fastest, where that is not slower than dense for runs of any number of tokens, or of about TOKENS. Needs
       "int8". */
    const char *sparse;
    /* For "auto", and for what the report says: the ISA that the file is for, any of this library's, whatever this CPU
       is. NULL: the variable TERN_ISA, else the best that this CPU has. */
    const char *sparse_isa;
    const char *sparse_table; /* as in tern_session_options, for that ISA; NULL: the one built in */
    /* Not 0: FRACTION of `sparse` is that of all these matrices together, and each loses as much as costs the texts'
       vectors least. Needs `calibrate`. */
    int32_t allocate;
} tern_convert_options;

/* Reads the checkpoint directory, quantises, writes `path` under a temporary name, checks the result against the
   f32 path on sample texts, and renames it into place; on any error nothing is left behind. `options` may be NULL.
   Errors: TERN_IO (reading), TERN_FORMAT (names the file and the tensor), TERN_FAILED (writing, or the calibration's
   texts cannot be read), TERN_INPUT (they are none, or not UTF-8), TERN_USAGE (options), TERN_NOMEM, TERN_DIFFERENT
   (the check failed). */
TERN_API tern_status tern_convert(const char *directory, const char *path, const tern_convert_options *options,
                                  tern_error *err);

#ifdef __cplusplus
}
#endif
#endif
