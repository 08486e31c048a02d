/* Weights that were trained in low bits: knowing them when they lie on their grid, and the rules by which a training
   made the grid of latent float weights. Host side only: floats. */
#ifndef TERN_TRAINED_H
#define TERN_TRAINED_H

#include "simd/codebook.h"

/* Whether w[n][k], all finite, lies on the grid of `format`: for ternary the weights of each output channel are 0 or
   +-its one magnitude, for binary they are +-it (or all 0); other formats have no such grid. A matrix of zeros is on
   none. Magnitudes count as one within 2^-20: bf16, f16 and f32 keep equal numbers equal, but the forward pass of a
   straight-through estimator, w + (q - w), which some checkpoints are saved from, is q only to a few roundings.
   tern_quantize_panel keeps such weights: 0.7 of a channel's mean magnitude is below its only one, so that the codes
   are the signs and the scale is the mean of equal numbers. */
int tern_on_grid(enum tern_format format, const float *w, int n, int k);

/* How a training quantised its weights in each step; all of them per matrix. */
enum tern_rule {
    TERN_RULE_NONE,
    /* "twn": beyond 0.7 mean|W| a weight is +-a, a the mean magnitude of those; else 0. Ternary weight networks (Li et
       al. 2016), as TernaryBERT (Zhang et al. 2020) and Teacher Intervention (Kim et al. 2023) train their matrices. */
    TERN_RULE_TWN,
    /* "b1.58": RoundClip(W / g, -1, 1) g with g = mean|W|, at least 1e-5, where the paper has W / (g + eps): BitNet
       b1.58 (Ma et al. 2024) as its authors' notes on training give the code. */
    TERN_RULE_B158,
    /* "bitnet": +-mean|W|, + where a weight is above mean(W): BitNet (Wang et al. 2023). */
    TERN_RULE_BITNET,
    TERN_N_RULES
};

/* The rule of that name; NULL is TERN_RULE_NONE; -1 if there is none. */
int tern_rule_find(const char *name);
const char *tern_rule_name(enum tern_rule rule);
/* The format that a rule's weights have; int8 for TERN_RULE_NONE. */
enum tern_format tern_rule_format(enum tern_rule rule);
/* Latent weights to what the rule makes of them. */
void tern_rule_apply(enum tern_rule rule, float *w, size_t count);

#endif
