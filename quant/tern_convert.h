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
    /* The type of the encoder's matrices: "int8" (the default when NULL), "int4", "nf4", "fp4", "int3", "int2",
       "ternary", "binary", "int7", "int6" (stored as int8, with smaller magnitudes) or "f32"; or "auto:BITS", which
       chooses a format of whole numbers for each matrix so that the average is BITS bits, and needs `calibrate`.
       Pooler, classifier and position embeddings stay int8; the report says so. With "ternary" and "binary", a matrix
       that has only such weights already keeps them exactly. */
    const char *weights;
    /* Called with lines of the report ("what each tensor became") and with progress; either may be NULL. */
    void (*report)(void *context, const char *line);
    void (*progress)(void *context, size_t done, size_t total);
    void *context;
    /* The type of the word table: "int8" (the default when NULL), "int4" or "ternary". Static embeddings are nothing
       but that table: `weights` says its type too, and "f32" is possible. */
    const char *embeddings;
    int32_t group; /* inputs that share a multiplier (int4, nf4, fp4, int3, int2): 32, 64 (the default when 0), 128 */
    /* A file with a text in each line (blank lines do not count). Weights and pruned blocks (`sparse` with a FRACTION)
       are then chosen so that the layers' outputs on these texts change least: second-order error
       compensation, which needs LAPACK at run time; once loaded, it stays. NULL: every weight becomes its nearest
       value, and the blocks of least magnitude are pruned. */
    const char *calibrate;
    /* For a checkpoint that was trained with a quantiser in the loop and holds the floats from before it: names the
       quantiser, which is then applied. "twn" (TernaryBERT, Teacher Intervention) and "b1.58" (BitNet b1.58) are for
       weights "ternary", "bitnet" (BitNet) for "binary", each also for "f32". NULL: the floats are the weights. */
    const char *trained;
    /* If set, the conversion fails with TERN_USAGE before anything is written if a tensor would have another type than
       was asked for. `weights` also asks for the pooler's and the classifier's type, and `embeddings` for the position
       table's, unless `rest` says otherwise. */
    int32_t strict;
    const char *rest; /* "int8": with `strict`, tensors that cannot have low bits may be int8; NULL: they may not */
    /* "SHAPE" or "SHAPE:FRACTION": the layers' matrices are stored as those blocks of SHAPE ("16x4", "4x4", "1x4" or
       "4x1", outputs x inputs) that are not all zero. With a FRACTION, that fraction of each matrix's blocks is set to
       zero first: the blocks of least magnitude or, with `calibrate`, those that the other weights can best make up
       for. Needs weights "int8", "int4", "nf4" or "fp4", for 4x1 "int8". NULL: matrices are stored dense.
       "auto" or "auto:TOKENS": nothing is set to zero. A matrix whose zeros lie in blocks is stored in the shape that
       runs fastest, unless dense is faster for some number of tokens in a run, or for about TOKENS. Needs "int8". */
    const char *sparse;
    /* The instruction set that the file is for: "auto" and the report go by its speed. This CPU need not have it, and
       the file runs on every CPU. NULL: the variable TERN_ISA, else the best that this CPU has. */
    const char *sparse_isa;
    const char *sparse_table; /* as in tern_session_options, for that instruction set; NULL: the one built in */
    /* If set, FRACTION counts over all matrices together: matrices that matter less for the texts' vectors lose more
       blocks. Needs `calibrate`. */
    int32_t allocate;
    /* What the model is for: "classify" (a label for each text), "tag" (for each token) or "embed" (vectors: heads are
       left out, and the report says so). NULL: what the checkpoint says, in config.json's `architectures` or by its
       modules.json, which makes it an embedder. */
    const char *task;
    /* Columns that stand out in what the matrices read are stored several times, so that they do not set the step of a
       whole int8 row (outlier channel splitting). How many more columns each input gets: "4", "8" ... up to "64", or
       "off". NULL: as many as pay, within 4 % of the time, or of a small model within 2 us a token. Texts show which:
       those of `calibrate`, else built-in ones. f32 models have none. */
    const char *outliers;
    /* If over 0: the least cosine, up to 1, between the converted model's vector and the f32 model's that every sample
       text must have, else TERN_DIFFERENT. 0: the report says how near they are, and nothing is refused that is not
       broken. */
    double least_cosine;
    /* If set, the report says where accuracy goes: the repeated columns of each input; what the int8 rows of each
       input and the weights of each matrix cost alone, as 1 - the mean cosine of the vectors of some sample texts with
       the f32 model's (what "auto:BITS" goes by); which options to try; and the cosine of each sample text. Needs
       `report`; takes a minute for 12 layers of 384. f32 models have only the latter. */
    int32_t explain;
    /* The first so many neurons of every feed-forward layer are kept, for models that were trained so that these are a
       model of their own (MatFormer). TERN_USAGE where a layer has fewer. 0: all. */
    int32_t ffn_width;
    /* Of a checkpoint with an adapter for each of several languages (X-MOD), the one that the model is to have, as
       config.json's `languages` calls it: "en_XX". The others are left out, and the report says so. NULL: the one that
       `default_language` names. Of one with low-rank adapters for several tasks (jina-embeddings-v3) the one of
       `lora_adaptations` that is merged into the weights: "retrieval.query". NULL: none, as without a task. */
    const char *adapter;
    /* The machine that the file is for, one of quant/boards.def: "pi2", "pi3", "pizero2", "pi4", "pi5", "arm-i8mm",
       "pc-sse4", "pc-avx2", "pc-avxvnni", "pc-avx512" or "pc-vnni". Of the options that are left out, `weights` becomes
       "int7" where that is faster than "int8", and `sparse` "auto", by the speed of that machine, which may be of
       another architecture; the report says why. The file runs on every CPU. Not with `sparse_isa`; `sparse_table` is
       not read then. NULL: none. */
    const char *board;
} tern_convert_options;

/* A checkpoint that was trained with Tern's arithmetic in the loop (tools/train) has a file tern_grid.json, which says
   its formats, its groups and its repeated columns (docs/training.md). Options that are left out are taken from there,
   and all weights are kept as they were trained, in blocks too; an option that asks for something else (to prune, say)
   sets the file aside, which the report says. TERN_FORMAT: the file does not fit the model. TERN_DIFFERENT: a tensor is
   not on the grid that it says.

   Reads the checkpoint directory, quantises, writes `path` under a temporary name, checks the result against the
   f32 path on sample texts, and renames it into place; on any error nothing is left behind. A symbolic link stays, and
   so does the mode of a file that is replaced; a FIFO, a device or the name of an open descriptor (/dev/stdout) gets
   the file when it has been checked. `options` may be NULL.
   Weights are read from the first file that is there: model.safetensors, model.safetensors.index.json (which names
   several files of the directory), pytorch_model.bin, pytorch_model.bin.index.json. The latter two are PyTorch's, in
   the formats since 1.6 and before; they are pickles, of which nothing is run and only tensors are rebuilt. Errors:
   TERN_IO (a file cannot be read), TERN_FORMAT (the message names the file and the tensor), TERN_FAILED (the file
   cannot be written, or the file of texts not be read), TERN_INPUT (it has no text, or is not UTF-8), TERN_USAGE (an
   option), TERN_NOMEM, TERN_DIFFERENT (logits that integers cannot hold, trained weights that are not what they were
   taken for, or less than `least_cosine`). */
TERN_API tern_status tern_convert(const char *directory, const char *path, const tern_convert_options *options,
                                  tern_error *err);

#ifdef __cplusplus
}
#endif
#endif
