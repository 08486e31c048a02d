/* Rows cut into tiles of as equal heights as can be, none above a limit: a last tile of a row or two would leave most
   of its registers idle. */
#ifndef TERN_TILING_H
#define TERN_TILING_H

struct tern_tiling {
    int tiles, low, higher; /* the first `higher` tiles have low + 1 rows, the others low */
};

static inline struct tern_tiling tern_tiling_of(int rows, int most)
{
    const int tiles = (rows + most - 1) / most;
    const struct tern_tiling t = {tiles, rows / tiles, rows % tiles};
    return t;
}

static inline int tern_tile_rows(struct tern_tiling t, int tile)
{
    return t.low + (tile < t.higher);
}

static inline int tern_tile_start(struct tern_tiling t, int tile)
{
    return tile * t.low + (tile < t.higher ? tile : t.higher);
}

#endif
