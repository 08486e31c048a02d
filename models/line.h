/* A stretch of text on its way through a tokenizer's pipeline: its bytes and, where spans are wanted, for each byte the
   bytes of the raw text that it was made of. Hugging Face's NormalizedString. */
#ifndef TERN_LINE_H
#define TERN_LINE_H

#include <stddef.h>
#include <stdint.h>

/* Raw bytes [start, stop), counted from where the run's raw text begins. */
struct tern_place {
    uint32_t start, stop;
};

struct tern_line {
    uint8_t *bytes;
    struct tern_place *places; /* NULL: not wanted */
    size_t n, room;
    void *owned; /* both arrays, once they have outgrown what the caller gave */
    int *failed; /* set when memory runs out; the line then stays as it is */
    int positions;
};

/* A line without memory of its own; it takes some when something is put into it. */
void tern_line_begin(struct tern_line *line, int positions, int *failed);
/* A line that begins in `room` bytes, and places if `places` is not NULL. */
void tern_line_borrow(struct tern_line *line, uint8_t *bytes, struct tern_place *places, size_t room, int *failed);
void tern_line_free(struct tern_line *line);
/* Room for n bytes in all; 0 if there is none. */
int tern_line_reserve(struct tern_line *line, size_t n);

static inline int tern_line_room(struct tern_line *line, size_t more)
{
    return line->room - line->n >= more || tern_line_reserve(line, line->n + more);
}

/* Appends bytes that are all made of `place`. */
void tern_line_put(struct tern_line *line, const uint8_t *bytes, size_t n, struct tern_place place);
/* Appends bytes with their places, which may be NULL if the line has none. */
void tern_line_copy(struct tern_line *line, const uint8_t *bytes, const struct tern_place *places, size_t n);

/* One line becomes another, character by character, with the places that Hugging Face's NormalizedString::transform
   gives them. */
struct tern_rewrite {
    struct tern_line *out;
    const struct tern_line *in;
    size_t at;     /* in `in` */
    uint32_t base; /* where the stretch begins */
};
/* Appends a character that replaces the next one of `in` and removes -change more (change <= 0), or is added
   (change > 0). */
void tern_rewrite_put(struct tern_rewrite *r, uint32_t c, int change);
/* Removes characters before the first one that is put. */
void tern_rewrite_skip(struct tern_rewrite *r, size_t chars);

#endif
