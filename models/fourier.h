/* FNet's mixing: the real part of a discrete Fourier transform over the tokens and columns of a text. */
#ifndef TERN_FOURIER_H
#define TERN_FOURIER_H

#include "models/bert.h"

/* Of a period of the stored wave, 127 cos(2 pi i / TERN_WAVE). */
enum { TERN_WAVE = 16384 };

/* Takes the buffers; tern_bert_plan calls it. */
void tern_fourier_plan(struct tern_bert *bert, struct tern_arena *arena);
/* Mixes bert->y and adds it to that; brings the sums through the layer's norm, to bert->y and bert->x, for layer's
   feed-forward. */
void tern_fourier_run(struct tern_bert *bert, const tern_batch *batch, int layer);

#endif
