/* Growing lines of text with the places of their bytes, and rewriting one into another. */
#include "models/line.h"
#include "models/unicode.h"

#include <stdlib.h>
#include <string.h>

/* A place is 32 bits, and nothing that is added to a size here overflows it. */
enum { MOST = 1 << 29 };

void tern_line_begin(struct tern_line *line, int positions, int *failed)
{
    memset(line, 0, sizeof *line);
    line->positions = positions;
    line->failed = failed;
}

void tern_line_borrow(struct tern_line *line, uint8_t *bytes, struct tern_place *places, size_t room, int *failed)
{
    tern_line_begin(line, places != NULL, failed);
    line->bytes = bytes;
    line->places = places;
    line->room = room;
}

void tern_line_free(struct tern_line *line)
{
    free(line->owned);
    line->owned = NULL;
}

int tern_line_reserve(struct tern_line *line, size_t n)
{
    const size_t each = line->positions ? sizeof(struct tern_place) + 1 : 1;
    size_t room = line->room < 512 ? 512 : line->room;

    if (*line->failed)
        return 0;
    while (room < n && room < MOST)
        room *= 2;
    uint8_t *owned = n > MOST ? NULL : malloc(room * each);
    if (owned == NULL) {
        *line->failed = 1;
        return 0;
    }
    uint8_t *bytes = line->positions ? owned + room * sizeof(struct tern_place) : owned;
    if (line->n) {
        memcpy(bytes, line->bytes, line->n);
        if (line->positions)
            memcpy(owned, line->places, line->n * sizeof *line->places);
    }
    free(line->owned);
    line->owned = owned;
    line->bytes = bytes;
    line->places = line->positions ? (struct tern_place *)(void *)owned : NULL;
    line->room = room;
    return 1;
}

void tern_line_put(struct tern_line *line, const uint8_t *bytes, size_t n, struct tern_place place)
{
    if (!tern_line_room(line, n))
        return;
    memcpy(line->bytes + line->n, bytes, n);
    for (size_t i = 0; line->places && i < n; i++)
        line->places[line->n + i] = place;
    line->n += n;
}

void tern_line_copy(struct tern_line *line, const uint8_t *bytes, const struct tern_place *places, size_t n)
{
    if (n == 0 || !tern_line_room(line, n))
        return;
    memcpy(line->bytes + line->n, bytes, n);
    if (line->places)
        memcpy(line->places + line->n, places, n * sizeof *places);
    line->n += n;
}

/* The character at `at`; the line's end stays where it is. */
static void pass(struct tern_rewrite *r)
{
    if (r->at == r->in->n)
        return;
    const uint8_t *at = r->in->bytes + r->at;
    tern_utf8_next(&at);
    r->at = (size_t)(at - r->in->bytes);
}

void tern_rewrite_put(struct tern_rewrite *r, uint32_t c, int change)
{
    struct tern_place place = {r->base, r->base};
    uint8_t bytes[TERN_UTF8_MAX];

    if (r->in->places) {
        if (change > 0 && r->at > 0)
            place = r->in->places[r->at - 1];
        else if (change <= 0 && r->in->n > 0)
            place = r->in->places[r->at < r->in->n ? r->at : r->in->n - 1];
        for (; change <= 0; change++)
            pass(r);
    }
    tern_line_put(r->out, bytes, tern_utf8_put(c, bytes), place);
}

void tern_rewrite_skip(struct tern_rewrite *r, size_t chars)
{
    while (r->in->places && chars-- > 0 && r->at < r->in->n)
        pass(r);
}
