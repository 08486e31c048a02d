/* What tokens weigh in queries that no encoder runs for, as of SPLADE models for documents alone. */
#ifndef TERN_QUERY_WEIGHTS_H
#define TERN_QUERY_WEIGHTS_H

#include "models/sentence_folder.h"
#include "quant/purpose.h"

/* Fills query_weights and what goes with it: from the SparseStaticEmbedding that a Router sends queries to, or, where
   there is no modules.json and the model has a masked-language head, from idf.json beside the weights, whose models
   then have sparse vectors. Neither there: does nothing. The rest of the config was read. TERN_FORMAT, TERN_IO,
   TERN_NOMEM.
 */
tern_status tern_query_weights_read(struct tern_config *out, const struct tern_purpose *purpose,
                                    const struct tern_sentence_folder *folder, tern_error *err);

#endif
