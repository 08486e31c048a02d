/* Builds a double array out of sorted keys, node by node, each at the first place where all its children fit. */
#include "models/trie.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256, TRIES = 4 };

struct builder {
    struct tern_trie_unit *units;
    uint8_t *taken; /* a base that a node has */
    uint32_t *next; /* the next free unit behind a free one, and the one before: a ring through unit 0 */
    uint32_t *prior;
    uint32_t n, room;
    const struct tern_trie_key *keys;
    const char *label;
    tern_error *err;
};

static int is_free(const struct builder *b, uint32_t i)
{
    return i > 0 && b->units[i].link >> 8 == TERN_TRIE_UNUSED && b->next[i] != i;
}

static tern_status grow(struct builder *b)
{
    const uint32_t n = b->n + BLOCK;

    if (n > TERN_TRIE_MOST)
        return tern_fail(b->err, TERN_FORMAT, "%s: the vocabulary's pieces are too long: more than %d nodes", b->label,
                         TERN_TRIE_MOST);
    if (n > b->room) {
        const size_t room = b->room ? 2 * (size_t)b->room : 16 * BLOCK;
        void *units = realloc(b->units, room * sizeof *b->units);
        b->units = units ? units : b->units;
        void *taken = realloc(b->taken, room);
        b->taken = taken ? taken : b->taken;
        void *next = realloc(b->next, room * sizeof *b->next);
        b->next = next ? next : b->next;
        void *prior = realloc(b->prior, room * sizeof *b->prior);
        b->prior = prior ? prior : b->prior;
        if (!units || !taken || !next || !prior)
            return tern_fail_nomem(b->err, "the vocabulary's index", room * (sizeof *b->units + 9));
        b->room = (uint32_t)room;
    }
    for (uint32_t i = b->n; i < n; i++) {
        /* The label of what is not in use is never asked for: its base says so. */
        b->units[i] = (struct tern_trie_unit){(uint32_t)TERN_TRIE_UNUSED << 8, -1};
        b->taken[i] = 0;
        if (i == 0) {
            b->next[0] = b->prior[0] = 0;
            continue;
        }
        b->prior[i] = b->prior[0];
        b->next[i] = 0;
        b->next[b->prior[0]] = i;
        b->prior[0] = i;
    }
    b->n = n;
    return TERN_OK;
}

static void take(struct builder *b, uint32_t i)
{
    b->next[b->prior[i]] = b->next[i];
    b->prior[b->next[i]] = b->prior[i];
    b->next[i] = b->prior[i] = i;
}

static int fits(const struct builder *b, uint32_t base, const uint8_t *labels, size_t n)
{
    if (b->taken[base])
        return 0;
    for (size_t i = 0; i < n; i++)
        if (!is_free(b, base ^ labels[i]))
            return 0;
    return 1;
}

/* A base under which all labels are free; the units end at a multiple of BLOCK, so that base ^ label is inside. Places
   near the end are tried, where there is room, and only some of the gaps before: what they save is little. */
static tern_status find_base(struct builder *b, const uint8_t *labels, size_t n, uint32_t *base)
{
    for (;;) {
        uint32_t tries = 0;
        for (uint32_t i = b->next[0]; i && tries < TRIES * BLOCK; i = b->next[i], tries++) {
            *base = i ^ labels[0];
            if (fits(b, *base, labels, n))
                return TERN_OK;
            /* A place that has been tried this often is full: it is given up. */
            if (tries >= TRIES * BLOCK - 1) {
                const uint32_t full = b->next[0];
                take(b, full);
            }
        }
        const tern_status status = grow(b);
        if (status)
            return status;
        for (*base = b->n - BLOCK; *base < b->n; ++*base)
            if (fits(b, *base, labels, n))
                return TERN_OK;
    }
}

/* The keys [from, to) lead through `node`, `depth` bytes deep. Recursion would be as deep as the longest key: the nodes
   that wait are kept in a list. */
struct wait {
    uint32_t node, depth;
    size_t from, to;
};

static tern_status place(struct builder *b, struct wait w, struct wait *children, size_t *n_children)
{
    uint8_t labels[256];
    size_t n = 0, at = w.from;
    uint32_t base;

    while (at < w.to && b->keys[at].n == w.depth)
        b->units[w.node].value = b->keys[at++].value;
    for (size_t from = at; at < w.to;) {
        const uint8_t label = b->keys[at].bytes[w.depth];
        while (at < w.to && b->keys[at].bytes[w.depth] == label)
            at++;
        labels[n] = label;
        children[n++] = (struct wait){0, w.depth + 1, from, at};
        from = at;
    }
    *n_children = n;
    if (n == 0) {
        /* A leaf: its children would lie where no unit is. */
        b->units[w.node].link = (uint32_t)TERN_TRIE_MOST << 8 | (b->units[w.node].link & 0xFF);
        return TERN_OK;
    }
    const tern_status status = find_base(b, labels, n, &base);
    if (status)
        return status;
    b->taken[base] = 1;
    b->units[w.node].link = base << 8 | (b->units[w.node].link & 0xFF);
    for (size_t i = 0; i < n; i++) {
        children[i].node = base ^ labels[i];
        take(b, children[i].node);
        /* Its own base comes later; until then it is marked by one that nobody has. */
        b->units[children[i].node].link = (uint32_t)TERN_TRIE_MOST << 8 | labels[i];
    }
    return TERN_OK;
}

static tern_status place_all(struct builder *b, size_t n_keys)
{
    size_t n = 1, room = 1024, n_children = 0;
    struct wait children[256], *waiting = malloc(room * sizeof *waiting);
    tern_status status = waiting ? TERN_OK : tern_fail_nomem(b->err, "the vocabulary's index", room * sizeof *waiting);

    if (waiting)
        waiting[0] = (struct wait){0, 0, 0, n_keys};
    while (!status && n > 0) {
        status = place(b, waiting[--n], children, &n_children);
        if (!status && n + n_children > room) {
            struct wait *grown = realloc(waiting, 2 * room * sizeof *waiting);
            if (grown == NULL) {
                status = tern_fail_nomem(b->err, "the vocabulary's index", 2 * room * sizeof *waiting);
                break;
            }
            waiting = grown;
            room *= 2;
        }
        for (size_t i = n_children; !status && i-- > 0;)
            waiting[n++] = children[i];
    }
    free(waiting);
    return status;
}

static int compare(const void *a, const void *b)
{
    const struct tern_trie_key *x = a, *y = b;
    const uint32_t n = x->n < y->n ? x->n : y->n;
    const int order = n ? memcmp(x->bytes, y->bytes, n) : 0;

    if (order)
        return order;
    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    return x->value < y->value ? -1 : x->value > y->value;
}

tern_status tern_trie_build(struct tern_trie_unit **units, uint32_t *n, struct tern_trie_key *keys, size_t n_keys,
                            const char *label, tern_error *err)
{
    struct builder b = {.keys = keys, .label = label, .err = err};
    tern_status status = grow(&b);
    size_t empty = 0;

    *units = NULL;
    *n = 0;
    if (!status) {
        qsort(keys, n_keys, sizeof *keys, compare);
        while (empty < n_keys && keys[empty].n == 0)
            empty++;
        b.keys = keys + empty;
        status = place_all(&b, n_keys - empty);
    }
    if (!status) {
        *units = b.units;
        *n = b.n;
        b.units = NULL;
    }
    free(b.units);
    free(b.taken);
    free(b.next);
    free(b.prior);
    return status;
}
