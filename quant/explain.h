/* `tern convert --explain`: where the accuracy goes, and what would bring some of it back. Host side. */
#ifndef TERN_EXPLAIN_H
#define TERN_EXPLAIN_H

#include "quant/store.h"
#include "quant/tern_convert.h"

/* Reports the repeated columns of each layer's inputs, what the int8 rows of each input and the weights of each matrix
   cost alone (quant/probe.h, on some of tern_check_texts), the costliest of them, and which options to try. `source` is
   what will be stored, with its copies, its calibration and its formats; nothing is said of float models, nor without
   options->report. Takes two or three runs over the texts for each matrix and as much memory as the float model.
   TERN_NOMEM, and what tern_probe_open and tern_source_coding fail with. */
tern_status tern_explain(const struct tern_source *source, const tern_tokenizer *tokenizer,
                         const tern_convert_options *options, tern_error *err);

#endif
