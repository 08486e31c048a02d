/* Which keys of a text the queries of a layer see. */
#ifndef TERN_SEEN_H
#define TERN_SEEN_H

#include "models/config.h"

/* Tokens first to last - 1 of a text. */
struct tern_stretch {
    int first, last;
};
/* What queries that follow each other see, taken together: keys at the text's beginning, each `times` times, then those
   of a window, then keys at its end. Of a window that counts tokens a single query sees a part. */
struct tern_seen {
    struct tern_stretch front, window, back;
    int times;
};

/* How many queries from `first` on, at most `most`, have the same front and back. */
int tern_seen_rows(const struct tern_layer_spec *layer, int tokens, int first, int most);
/* How many tokens at the beginning of a text are global in the layer. */
int tern_seen_globals(const struct tern_config *config, const struct tern_layer_spec *layer, const tern_batch *batch,
                      int text);
/* What `rows` of them see. `first` is behind the text's global tokens. */
struct tern_seen tern_seen_by(const struct tern_layer_spec *layer, int tokens, int globals, int first, int rows);
/* What one query sees of the window. */
struct tern_stretch tern_seen_window(const struct tern_layer_spec *layer, int tokens, int globals, int row);

/* How many keys these are, and how many of them lie in front of the window. No more than the text has tokens. */
int tern_seen_keys(const struct tern_seen *seen);
int tern_seen_front(const struct tern_seen *seen);
/* Whether they lie one behind the other in the text, from tern_seen_start on. */
int tern_seen_together(const struct tern_seen *seen);
int tern_seen_start(const struct tern_seen *seen);
int tern_seen_same(const struct tern_seen *a, const struct tern_seen *b);
/* The text's token that key number i of them is. */
int tern_seen_token(const struct tern_seen *seen, int i);

#endif
