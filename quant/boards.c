/* `tern convert --for`: the options that are best on a machine, from what its instruction sets are measured to do. */
#include "quant/boards.h"

#include "models/config.h"
#include "quant/convert.h"
#include "quant/sparse_costs.h"
#include "simd/codebook.h"

#include <string.h>

static const struct tern_board boards[] = {
#define BOARD(name, isas, what) {name, isas, what},
#include "quant/boards.def"
#undef BOARD
};
enum { N_BOARDS = sizeof boards / sizeof *boards };

struct tern_words tern_board_words(const char *conjunction)
{
    const char *names[N_BOARDS];
    for (int i = 0; i < N_BOARDS; i++)
        names[i] = boards[i].name;
    return tern_words(names, N_BOARDS, conjunction);
}

const char *tern_board_isa(const struct tern_board *board)
{
    const char *const last = strrchr(board->isas, ' ');
    return last ? last + 1 : board->isas;
}

static int has(const struct tern_board *board, const char *isa)
{
    const size_t n = strlen(isa);
    const char *at = board->isas;
    while (*at && (strncmp(at, isa, n) || (at[n] && at[n] != ' '))) {
        at += strcspn(at, " ");
        at += *at == ' ';
    }
    return *at != 0;
}

/* By their names: the ISAs of other architectures are in no enumeration. */
void tern_board_routes(struct tern_routes *routes, const struct tern_board *board){
#define TERN_EVERY_ISA
#define TAKES(isa) has(board, #isa)
#include "simd/routes_template.h"
#undef TAKES
#undef TERN_EVERY_ISA
}

tern_status tern_board_settle(struct tern_board_choice *c, tern_convert_options *o, tern_error *err)
{
    *c = (struct tern_board_choice){0};
    for (int i = 0; o->board && i < N_BOARDS; i++)
        if (!strcmp(o->board, boards[i].name))
            c->board = &boards[i];
    if (!o->board)
        return TERN_OK;
    if (!c->board)
        return tern_fail(err, TERN_USAGE, "board '%.32s' is unknown; %s are known", o->board,
                         tern_board_words("and").text);
    if (o->sparse_isa)
        return tern_fail(err, TERN_USAGE,
                         "board %s says the instruction set, which is %s; leave out sparse ISA '%.32s'", c->board->name,
                         tern_board_isa(c->board), o->sparse_isa);
    tern_board_routes(&c->routes, c->board);
    c->weights = !o->weights && !o->trained;
    if (c->weights)
        o->weights = c->routes.s7 < TERN_ANY_ROWS ? "int7" : "int8";
    const int weights = o->weights ? tern_weights_find(o->weights) : TERN_WEIGHTS_INT8;
    tern_sparse_beside(&c->routes, (enum tern_weights)weights);
    c->sparse = !o->sparse && weights > TERN_WEIGHTS_F32 && tern_weights_are_one_format((enum tern_weights)weights) &&
                tern_format_is_bytes(tern_weights_format((enum tern_weights)weights));
    if (c->sparse)
        o->sparse = "auto";
    return TERN_OK;
}

void tern_board_say(const struct tern_board_choice *c, const tern_convert_options *o)
{
    const struct tern_board *const b = c->board;
    const int bounded = b && c->routes.s7 < TERN_ANY_ROWS;
    if (!b)
        return;
    tern_say(o, "for %s (%s), kernels of %s:", b->name, b->what, tern_board_isa(b));
    if (c->weights && bounded)
        tern_say(o, "  weights int7: without products of bytes they take about 4/5 of int8's time%s",
                 o->calibrate ? "" : "; --calibrate builtin makes good what their coarser steps cost");
    else if (c->weights)
        tern_say(o, "  weights int8: its kernels multiply int7 and int6 no faster, and int8 is nearer to f32");
    if (c->sparse)
        tern_say(
            o,
            "  sparse auto: zeros in blocks are left out where that is faster for any text, as of 16x4 with at most "
            "%d %% of the blocks left",
            tern_sparse_limit(&c->routes.sparse, TERN_BLOCK_16X4, TERN_ANY_BUCKET));
    if (!o->outliers)
        tern_say(o, "  repeated columns: as many as pay within 4 %% of the time, of a small model 2 us a token, on any "
                    "machine");
}
