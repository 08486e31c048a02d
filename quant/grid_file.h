/* What tools/train/qat.py writes beside a checkpoint that it trained in low bits: tern_grid.json. Host side.
 *
 * An object with these members; any other is refused:
 *   version      1
 *   weights      the format that the encoder's matrices are on, each W diag(gamma) where a norm is folded into it:
 * "int8", "int4", "ternary", "binary" and every other one of the list group        inputs that share a multiplier, 32,
 * 64 or 128; only with formats that have multipliers embeddings   the format of the word table: "int8", "int4" or
 * "ternary" columns      [width of the word table] the table's column scales, 1 to 32767; absent: conversion finds them
 *   copies       an object: the columns that an input repeats, in rising order, by the input's name: "layer.0.qkv"
 */
#ifndef TERN_GRID_FILE_H
#define TERN_GRID_FILE_H

#include "models/config.h"
#include "models/copies.h"
#include "models/json.h"
#include "models/sentence_folder.h"
#include "quant/tern_convert.h"

struct tern_grid {
    json_t *root; /* NULL: the checkpoint has no such file, or it is set aside */
    char path[TERN_MAX_FOLDER];
    const char *weights, *embeddings;
    int32_t group;
    /* From tern_grid_fit. */
    struct tern_copies *copies; /* [layers][TERN_N_INPUTS] */
    uint16_t *repeated;         /* what they point to */
    int16_t *columns;           /* [width of the word table], or NULL */
};

/* Reads the file of a folder, if there is one. TERN_FORMAT (the message names the file and the member), TERN_IO,
   TERN_NOMEM. */
tern_status tern_grid_open(struct tern_grid *grid, const char *directory, tern_error *err);
/* Fills in what the options leave open. Options that say otherwise set the file aside, which the report then says. */
void tern_grid_settle(struct tern_grid *grid, tern_convert_options *options);
/* Reads columns and copies, which must fit the model. TERN_FORMAT, TERN_NOMEM. */
tern_status tern_grid_fit(struct tern_grid *grid, const struct tern_config *config, tern_error *err);
/* Reports what the file says. */
void tern_grid_say(const struct tern_grid *grid, const struct tern_config *config, const tern_convert_options *options);
void tern_grid_close(struct tern_grid *grid);

#endif
