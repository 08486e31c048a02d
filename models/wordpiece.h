/* The vocabulary, used where it lies, and WordPiece: greedy longest match, "##" before a piece that continues a word.
 */
#ifndef TERN_WORDPIECE_H
#define TERN_WORDPIECE_H

#include "models/unicode.h"
#include "runtime/base/status.h"

enum {
    TERN_MAX_PIECES = 1 << 24, /* ids fit 24 bits, see struct tern_pieces */
    TERN_MAX_WORD = 256        /* the greatest max_input_chars_per_word that is supported; BERT's is 100 */
};

struct tern_pieces {
    const char *bytes; /* one piece per line, in id order */
    uint32_t *offsets; /* [count + 1]: piece i is bytes[offsets[i] .. offsets[i + 1] - 1), the last byte is '\n' */
    uint32_t *heads;   /* [2^(64 - shift)] of the chain of each place: 0, or id + 1 in the low 25 bits and 7 bits of the
                          hash above. Of equal pieces the later one comes first: it hides the others */
    uint32_t *next;    /* [count] what follows a piece in its chain, likewise */
    unsigned shift;
    uint32_t count;       /* all pieces */
    uint32_t model_count; /* those that WordPiece may use; added tokens lie above */
    uint32_t longest;     /* bytes of the longest piece */
};

/* Checks the bytes and builds the index, in one allocation that tern_pieces_free frees. The bytes must stay.
   TERN_FORMAT: empty, not UTF-8, last line without '\n', more than TERN_MAX_PIECES. TERN_NOMEM. */
tern_status tern_pieces_build(struct tern_pieces *pieces, const char *bytes, size_t n, const char *label,
                              tern_error *err);
void tern_pieces_free(struct tern_pieces *pieces);
/* Pieces that a later, equal one hides, as in Hugging Face's: no text gets their ids. */
uint32_t tern_pieces_doubled(const struct tern_pieces *pieces);
/* The id of a piece, or -1. */
int32_t tern_pieces_find(const struct tern_pieces *pieces, const uint8_t *piece, size_t n);

/* Raw bytes of the text. */
struct tern_raw {
    const uint8_t *start, *stop;
};

/* A word as it is collected. */
struct tern_word {
    uint32_t chars;      /* stops at TERN_MAX_WORD + 1: too long */
    uint32_t n;          /* bytes */
    uint32_t reordered;  /* 1: its characters are not in the order of the text, since NFD sorts marks */
    struct tern_raw all; /* from the first raw character to the last */
    uint8_t bytes[2 + TERN_MAX_WORD * TERN_UTF8_MAX]; /* the word begins at bytes[2]: room for "##" */
    /* The raw character of each normalised one: its start is in raw[first byte], its stop in raw[last byte]. */
    struct tern_raw raw[TERN_MAX_WORD * TERN_UTF8_MAX];
};

static inline void tern_word_add(struct tern_word *word, uint32_t c, struct tern_raw raw)
{
    if (word->chars == 0) {
        word->all = raw;
        word->reordered = 0;
    } else if (raw.start >= word->all.start && raw.stop >= word->all.stop) {
        word->all.stop = raw.stop;
    } else {
        word->reordered = 1;
        word->all.start = raw.start < word->all.start ? raw.start : word->all.start;
    }
    if (word->chars < TERN_MAX_WORD) {
        word->raw[word->n].start = raw.start;
        word->n += (uint32_t)tern_utf8_put(c, word->bytes + 2 + word->n);
        word->raw[word->n - 1].stop = raw.stop;
    }
    if (word->chars <= TERN_MAX_WORD)
        word->chars++;
}

struct tern_piece {
    int32_t id;
    struct tern_raw raw; /* all of the word, if it was reordered */
};

/* Splits the word, whose bytes are spoilt, into at most TERN_MAX_WORD pieces; returns their number, 0 when it has no
   such split or more than max_chars characters: the word is then unknown. */
size_t tern_wordpiece(const struct tern_pieces *pieces, struct tern_word *word, uint32_t max_chars,
                      struct tern_piece out[TERN_MAX_WORD]);

#endif
