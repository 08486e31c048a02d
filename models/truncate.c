/* Truncation in one reading. The tokens of a pair meet in one array, which has room for what stays of both, but not for
   both before it is known how long the second text is. So the second text takes places that the first one is bound to
   lose: to keep heads, the first grows from the array's start and the second from its end downward; to keep tails, the
   first's last tokens lie at the array's end, and the second's at its start. Every token of the second text costs the
   first one token at most, so neither overwrites what stays. */
#include "models/truncate.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Hugging Face's "longest_first": the longer side gives first, then both share, the second side the odd one more (the
   first, when it is the longer). */
static void share_room(size_t room, size_t *first, size_t *second)
{
    size_t low = *first < *second ? *first : *second, high;
    int swapped = *first > *second;

    high = low > room ? low : low > room - low ? low : room - low;
    if (low + high > room) {
        low = room / 2;
        high = low + room % 2;
    }
    *first = swapped ? high : low;
    *second = swapped ? low : high;
}

/* ---- Moves, of ids and spans alike ---- */

static void move(const tern_tokens *out, size_t to, size_t from, size_t n)
{
    memmove(out->ids + to, out->ids + from, n * sizeof *out->ids);
    if (out->spans)
        memmove(out->spans + to, out->spans + from, n * sizeof *out->spans);
}

static void reverse(const tern_tokens *out, size_t from, size_t to)
{
    for (; from + 1 < to; from++) {
        to--;
        const int32_t id = out->ids[from];
        out->ids[from] = out->ids[to];
        out->ids[to] = id;
        if (out->spans) {
            const tern_span span = out->spans[from];
            out->spans[from] = out->spans[to];
            out->spans[to] = span;
        }
    }
}

/* [0 .. n) becomes [by .. n) [0 .. by). */
static void rotate(const tern_tokens *out, size_t by, size_t n)
{
    reverse(out, 0, by);
    reverse(out, by, n);
    reverse(out, 0, n);
}

/* A ring at the array's start becomes a row, oldest token first; returns its length. */
static size_t straighten(const tern_tokens *out, const struct tern_kept *kept)
{
    if (kept->count <= kept->room)
        return kept->count;
    if (kept->room && kept->count % kept->room)
        rotate(out, kept->count % kept->room, kept->room);
    return kept->room;
}

/* ---- Steps ---- */

struct tern_kept tern_keep_begin(const tern_tokens *out, size_t room, const uint8_t *text, int tail)
{
    return (struct tern_kept){
        .ids = out->ids, .spans = out->spans, .room = room, .ring = tail, .text = text, .source = 0};
}

/* The pair can keep half of the room, rounded up, or what the first text leaves. */
struct tern_kept tern_keep_between(const tern_tokens *out, const uint8_t *pair, const struct tern_kept *first)
{
    const size_t room = first->room;
    struct tern_kept second = {.ids = out->ids,
                               .spans = out->spans,
                               .room = room - least(first->count, room / 2),
                               .ring = first->ring,
                               .downward = !first->ring,
                               .text = pair,
                               .source = 1};
    if (first->ring) {
        const size_t n = straighten(out, first);
        move(out, room + 1 - n, 0, n);
    } else {
        second.ids += room;
        second.spans = out->spans ? out->spans + room : NULL;
    }
    return second;
}

/* The second text goes first: its place lies behind all of the first one's, old and new. */
static void spread(const tern_tokens *out, const size_t specials[2], const size_t keep[2], size_t from)
{
    move(out, specials[0] + keep[0] + specials[1], from, keep[1]);
    move(out, specials[0], 0, keep[0]);
}

static void end_heads(const tern_tokens *out, size_t room, const size_t specials[2], const size_t keep[2])
{
    const size_t from = room + 1 - keep[1];
    reverse(out, from, room + 1);
    spread(out, specials, keep, from);
}

static void end_tails(const tern_tokens *out, size_t room, const struct tern_kept *second, const size_t specials[2],
                      const size_t keep[2])
{
    const size_t n = straighten(out, second);
    rotate(out, room + 1 - keep[0], room + 1);
    spread(out, specials, keep, keep[0] + n - keep[1]);
}

void tern_keep_end(const tern_tokens *out, const struct tern_kept *first, const struct tern_kept *second,
                   const size_t specials[2], size_t keep[2])
{
    keep[0] = first->count;
    keep[1] = second ? second->count : 0;
    if (!second) {
        keep[0] = first->ring ? straighten(out, first) : least(first->count, first->room);
        move(out, specials[0], 0, keep[0]);
        return;
    }
    if (keep[0] + keep[1] > first->room)
        share_room(first->room, &keep[0], &keep[1]);
    if (first->ring)
        end_tails(out, first->room, second, specials, keep);
    else
        end_heads(out, first->room, specials, keep);
}
