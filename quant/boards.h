/* The machines that a file can be converted for, and what is best there. Host side. */
#ifndef TERN_BOARDS_H
#define TERN_BOARDS_H

#include "quant/tern_convert.h"
#include "runtime/base/words.h"
#include "simd/table.h"

struct tern_board {
    const char *name, *isas, *what;
};

/* "pi2, pi3 ... and pc-vnni" */
struct tern_words tern_board_words(const char *conjunction);
/* The fastest of its instruction sets. */
const char *tern_board_isa(const struct tern_board *board);
/* The rows of simd/routes.def and simd/sparse.def that hold there, whatever architecture this is. */
void tern_board_routes(struct tern_routes *routes, const struct tern_board *board);

/* What a board chose. */
struct tern_board_choice {
    const struct tern_board *board; /* NULL: none was named */
    struct tern_routes routes;
    int weights, sparse; /* 1: these options are the board's */
};
/* Fills in the options that were left out, by `board`; does nothing without one. TERN_USAGE: an unknown name, or
   another instruction set beside it. */
tern_status tern_board_settle(struct tern_board_choice *choice, tern_convert_options *options, tern_error *err);
/* Reports what was chosen, and why. */
void tern_board_say(const struct tern_board_choice *choice, const tern_convert_options *options);

#endif
