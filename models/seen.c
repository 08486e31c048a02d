/* Windows, global tokens and blocks: which keys queries see. Both paths, of integers and of floats, go by it. */
#include "models/seen.h"

#include "models/question.h"

static int length(struct tern_stretch span)
{
    return span.last - span.first;
}

/* Whether the text is long enough for blocks; a shorter one is seen whole, as transformers has it. Keys that are
   gathered are then fewer than the text's tokens: 5 + repeats blocks at most. */
static int in_blocks(const struct tern_layer_spec *layer, int tokens)
{
    return layer->block > 0 && tokens > (5 + 2 * layer->repeats) * layer->block;
}

int tern_seen_rows(const struct tern_layer_spec *layer, int tokens, int first, int most)
{
    int rows = tokens - first < most ? tokens - first : most;
    if (in_blocks(layer, tokens)) {
        const int left = layer->block - first % layer->block;
        rows = left < rows ? left : rows;
    }
    return rows;
}

int tern_seen_globals(const struct tern_config *config, const struct tern_layer_spec *layer, const tern_batch *batch,
                      int text)
{
    const int32_t tokens = layer->global && config->question_end ? tern_question_tokens(config, batch, text) : -1;
    return tokens < 0 ? layer->global : tokens;
}

/* The window of `rows` queries that counts tokens, but for those at the beginning that all see. */
static struct tern_stretch window_of(const struct tern_layer_spec *layer, int tokens, int globals, int first, int rows)
{
    const int from = first - layer->before, to = first + rows + layer->after;
    return (struct tern_stretch){from > globals ? from : globals, to < tokens ? to : tokens};
}

struct tern_seen tern_seen_by(const struct tern_layer_spec *layer, int tokens, int globals, int first, int rows)
{
    struct tern_seen seen = {.window = {0, tokens}, .times = 1};
    if (!in_blocks(layer, tokens)) {
        seen.front.last = globals;
        seen.window = window_of(layer, tokens, globals, first, rows);
        return seen;
    }
    const int size = layer->block, at = first / size, last = (tokens - 1) / size;
    if (at == 0 || at == last)
        return seen;
    seen.front.last = size;
    seen.times = 1 + layer->repeats;
    seen.window.first = (at > 1 ? at - 1 : 1) * size;
    seen.window.last = (at + 2 < last ? at + 2 : last) * size;
    seen.back = (struct tern_stretch){last * size, tokens};
    return seen;
}

struct tern_stretch tern_seen_window(const struct tern_layer_spec *layer, int tokens, int globals, int row)
{
    return tern_seen_by(layer, tokens, globals, row, 1).window;
}

int tern_seen_front(const struct tern_seen *seen)
{
    return length(seen->front) * seen->times;
}

int tern_seen_keys(const struct tern_seen *seen)
{
    return tern_seen_front(seen) + length(seen->window) + length(seen->back);
}

int tern_seen_together(const struct tern_seen *seen)
{
    const int front = length(seen->front), back = length(seen->back);
    return (!front || (seen->times == 1 && seen->front.last == seen->window.first)) &&
           (!back || seen->window.last == seen->back.first);
}

int tern_seen_start(const struct tern_seen *seen)
{
    return length(seen->front) ? seen->front.first : seen->window.first;
}

int tern_seen_same(const struct tern_seen *a, const struct tern_seen *b)
{
    return a->times == b->times && a->front.first == b->front.first && a->front.last == b->front.last &&
           a->window.first == b->window.first && a->window.last == b->window.last && a->back.first == b->back.first &&
           a->back.last == b->back.last;
}

int tern_seen_token(const struct tern_seen *seen, int i)
{
    const int front = tern_seen_front(seen), window = length(seen->window);
    if (i < front)
        return seen->front.first + i % length(seen->front);
    return i < front + window ? seen->window.first + i - front : seen->back.first + i - front - window;
}
