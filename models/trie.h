/* A dictionary of byte strings as a double array: where a string's bytes lead is found with one look per byte. It lies
   in a .tern file and is read where it is; no file can make a search leave the array. */
#ifndef TERN_TRIE_H
#define TERN_TRIE_H

#include "runtime/base/status.h"

#include <stdint.h>

/* A node's child by the byte c lies at base ^ c, if the label there is c. No two nodes have the same base, and nodes
   that are not in use have the base TERN_TRIE_UNUSED and a label that leads nowhere. */
struct tern_trie_unit {
    uint32_t link; /* base << 8 | label */
    int32_t value; /* of the string that ends here; -1: none */
};

struct tern_trie {
    const struct tern_trie_unit *units; /* [n]; the root is the first */
    uint32_t n;
};

enum { TERN_TRIE_MOST = (1 << 24) - 256, TERN_TRIE_UNUSED = (1 << 24) - 1 };

/* The child of `node` by the byte, or 0. */
static inline uint32_t tern_trie_step(const struct tern_trie *trie, uint32_t node, uint8_t byte)
{
    const uint32_t child = trie->units[node].link >> 8 ^ byte;
    return child < trie->n && (uint8_t)trie->units[child].link == byte &&
                   trie->units[child].link >> 8 != TERN_TRIE_UNUSED
               ? child
               : 0;
}

/* The value of a string; -1: it is not there. */
static inline int32_t tern_trie_find(const struct tern_trie *trie, const uint8_t *key, size_t n)
{
    uint32_t node = 0;

    for (size_t i = 0; i < n; i++)
        if ((node = tern_trie_step(trie, node, key[i])) == 0)
            return -1;
    return n ? trie->units[node].value : -1;
}

struct tern_trie_key {
    const uint8_t *bytes;
    uint32_t n;
    int32_t value;
};

/* Builds one of keys, which it sorts; of equal ones the last counts, and empty ones are left out. *units, [*n], is the
   caller's to free. TERN_FORMAT: more nodes than TERN_TRIE_MOST; TERN_NOMEM. */
tern_status tern_trie_build(struct tern_trie_unit **units, uint32_t *n, struct tern_trie_key *keys, size_t n_keys,
                            const char *label, tern_error *err);

#endif
