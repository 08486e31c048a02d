/* Python's pickles as far as they hold tensors: a machine that builds values and can do nothing else. It knows no
   imports and runs no code; what is not in its lists is refused by name. */
#ifndef TERN_PICKLE_H
#define TERN_PICKLE_H

#include "models/safetensors.h"

enum tern_pickle_type {
    TERN_PICKLE_NONE,
    TERN_PICKLE_BOOL,
    TERN_PICKLE_INT,
    TERN_PICKLE_LONG, /* an integer of more than 64 bits: its bytes, the lowest first */
    TERN_PICKLE_REAL, /* whose value nobody needs */
    TERN_PICKLE_STRING,
    TERN_PICKLE_TUPLE,
    TERN_PICKLE_LIST,
    TERN_PICKLE_DICT,
    TERN_PICKLE_GLOBAL,
    TERN_PICKLE_STORAGE, /* of a tensor: a persistent id, a tuple */
    TERN_PICKLE_TENSOR,  /* the arguments it is rebuilt from, a tuple */
};

/* Values are numbered in the order in which they were made, and refer to each other by number: a value may be in many
   places, also inside itself. Whoever walks them goes a fixed number of levels deep. */
struct tern_pickle_value {
    enum tern_pickle_type type;
    uint32_t n; /* bytes of a string or LONG; members of a tuple, list or dictionary; which GLOBAL */
    union {
        int64_t integer;      /* INT, BOOL */
        const uint8_t *bytes; /* STRING, LONG: in the pickle's own bytes */
        struct {
            uint32_t first, last; /* members: indices into cells, valid if n > 0 */
        } chain;
        uint32_t of; /* STORAGE, TENSOR: the value of the tuple */
    } is;
};

/* A member of a tuple or list (key is 0) or of a dictionary. */
struct tern_pickle_cell {
    uint32_t key, value, next;
};

struct tern_pickle {
    struct tern_pickle_value *values;
    struct tern_pickle_cell *cells;
    uint32_t n_values, n_cells;
    uint32_t root;
    size_t bytes; /* of the pickle, up to its end */
};

enum { TERN_MAX_PICKLE = 1 << 24 }; /* bytes; 1000 tensors take some 150 KB */

/* Runs the pickle at bytes[size], which may go on behind it, and must outlive *out. Memory stays below 64 bytes for
   each byte that was read. TERN_FORMAT: the message names what is not supported. TERN_NOMEM. */
tern_status tern_pickle_open(struct tern_pickle *out, const uint8_t *bytes, size_t size, const char *label,
                             tern_error *err);
void tern_pickle_close(struct tern_pickle *pickle);

/* The member `at` of a tuple or list, NULL when there is none. */
const struct tern_pickle_value *tern_pickle_item(const struct tern_pickle *pickle,
                                                 const struct tern_pickle_value *sequence, uint32_t at);
/* The value of a dictionary's key, a string; NULL when it is not there. Of equal keys the last one counts. */
const struct tern_pickle_value *tern_pickle_get(const struct tern_pickle *pickle, const struct tern_pickle_value *dict,
                                                const char *key);
/* Whether the value is that string. */
int tern_pickle_is(const struct tern_pickle_value *value, const char *text);
/* 1 when the value is the class of a storage, such as torch.FloatStorage. */
int tern_pickle_storage_class(const struct tern_pickle_value *value, enum tern_dtype *dtype);

#endif
