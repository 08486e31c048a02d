/* Chooses the columns that a model repeats (models/copies.h). Host side. */
#ifndef TERN_OUTLIERS_H
#define TERN_OUTLIERS_H

#include "quant/sample_texts.h"
#include "quant/store.h"

/* The texts that are looked at, and the tokens of each. */
enum { TERN_OUTLIER_TEXTS = 512, TERN_OUTLIER_TOKENS = 64 };

/* What was chosen. */
struct tern_outlier_choice {
    struct tern_copies *copies; /* [layers][TERN_N_INPUTS] */
    uint16_t *columns;          /* what they point to */
    double before, after;       /* what the rows' steps cost in accuracy, in a unit of its own */
    double cost;                /* what the copies cost of the time of a pass */
};

/* Runs the source as an int8 model over the texts of a file (NULL: the built-in ones) and chooses columns by what its
   16-bit rows are, so that every machine chooses the same. `copies` for each input, a multiple of 4; 0: as many as pay,
   within 4 % of the time, or of a small model within 2 us a token where products are fastest. TERN_NOMEM, and what
   reading texts and building a model can fail with. */
tern_status tern_outliers_find(struct tern_outlier_choice *out, const struct tern_source *source,
                               const tern_tokenizer *tokenizer, const char *texts, int copies, tern_error *err);
void tern_outliers_free(struct tern_outlier_choice *outliers);

#endif
